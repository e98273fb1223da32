# SPDX-License-Identifier: Apache-2.0
"""An ordinary user looks at a node that belongs to root: what may be read is judged, what may not is said."""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from klpdtest import al2

pytestmark = pytest.mark.root
NOBODY = 65534
PROGRAMS = ("klpctl", "klpd", "klpd-fetch", "klpd-worker", "klpd-apply")


class Visitor:
    """Runs klpctl as nobody, who has a home of his own."""

    def __init__(self, folder, root):
        self.folder, self.root = folder, root
        self.home = folder / "home"
        self.home.mkdir()
        os.chown(self.home, NOBODY, NOBODY)

    def run(self, *arguments, user=NOBODY):
        return subprocess.run([self.folder / "bin/klpctl", f"--root={self.root}", *arguments], user=user, group=user,
                              extra_groups=[], cwd="/", env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=120)

    def scan(self, **options):
        done = self.run("--json=short", "scan", **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(name="visitor")
def visitor_fixture(scenario, served, build):
    """The test folders of pytest are root's alone; the node and the programs move to where all may look."""
    assert served
    folder = pathlib.Path(tempfile.mkdtemp(prefix="klpd-visitor-"))
    folder.chmod(0o755)
    (folder / "bin").mkdir()
    for program in PROGRAMS:
        shutil.copy(build / program, folder / "bin")
    shutil.copytree(scenario.node.folder, folder / "node", symlinks=True)
    yield Visitor(folder, folder / "node")
    shutil.rmtree(folder)


def listing(folder):
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_the_same_answer_as_root_and_nothing_changed(visitor):
    before = listing(visitor.root)
    report = visitor.scan()
    assert listing(visitor.root) == before
    theirs = visitor.scan(user=0)
    assert report["compliance"] == theirs["compliance"] == {
        "overall": "NON_COMPLIANT", "livepatch": "NON_COMPLIANT", "kernel": "NON_COMPLIANT"}
    assert report["patches"] == theirs["patches"] and report["findings"] == theirs["findings"]


def test_reports_are_kept_in_the_home(visitor):
    visitor.scan()
    done = visitor.run("--json=short", "history")
    assert len(json.loads(done.stdout)) == 1
    assert {path.parent.name for path in visitor.home.rglob("state.json")} == {"cache"}


def test_an_unreadable_repository_file(visitor):
    (visitor.root / "etc/yum.repos.d/amzn2-core.repo").chmod(0)
    report = visitor.scan()
    assert any("amzn2-core.repo" in f["message"] and "ermission" in f["message"] for f in report["findings"])
    assert report["compliance"]["kernel"] != "COMPLIANT"


def test_an_unreadable_package_database(visitor):
    (visitor.root / "var/lib/rpm").chmod(0)
    report = visitor.scan()
    assert report["compliance"]["overall"] == "UNKNOWN"
    assert any(f["severity"] == "error" and "rpm" in f["message"] for f in report["findings"]), report["findings"]


def test_a_cache_that_belongs_to_someone_else(visitor):
    (visitor.folder / "cache").mkdir()
    done = visitor.run(f"--cache-dir={visitor.folder}/cache", "scan")
    assert done.returncode == 77
    assert f"cannot write to directory {visitor.folder}/cache: Permission denied" in done.stderr


def test_no_home_and_a_node_that_cannot_be_written_to(visitor):
    shutil.rmtree(visitor.home)
    done = visitor.run("scan")
    assert done.returncode == 77
    assert "name --cache-dir and --state-dir" in done.stderr


def test_the_livepatch_is_explained(visitor):
    visitor.scan()
    done = visitor.run("explain", al2.livepatch_name())
    assert done.returncode == 0 and "approved" in done.stdout, done.stderr


def test_looking_is_for_everybody_changing_for_root(visitor):
    """Over the socket of an agent that root runs."""
    path = visitor.folder / "socket"
    daemon = subprocess.Popen([visitor.folder / "bin/klpd", f"--listen={path}", f"--root={visitor.root}"],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < deadline and daemon.poll() is None
            time.sleep(0.02)

        def ask(*arguments, user):
            return subprocess.run([visitor.folder / "bin/klpctl", f"--socket={path}", *arguments], user=user, group=user,
                                  extra_groups=[], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        assert ask("scan", user=NOBODY).returncode == 0
        denied = ask("install", user=NOBODY)
        assert denied.returncode == 77 and "only root and the configured group change the node" in denied.stderr
        assert ask("install", "--dry-run", user=NOBODY).returncode == 77
        assert ask("install", "--dry-run", user=0).returncode == 0
    finally:
        daemon.terminate()
        said = daemon.communicate(timeout=20)[1]
    assert f"install asked for by nobody (uid {NOBODY}), klpctl, pid " in said and "refused" in said and "allowed" in said


def test_a_doctor_who_may_not_see_all_says_so(visitor):
    """tracefs is root's, its folder too; root without capabilities is still its owner."""
    folder = visitor.root / "sys/kernel/tracing"
    folder.mkdir()
    (folder / "enabled_functions").write_text("")
    folder.chmod(0o700)
    for user, state in ((NOBODY, "unknown"), (0, "ok")):
        done = visitor.run("--json=short", "doctor", user=user)
        assert done.returncode == 0, done.stdout + done.stderr
        checks = {check["name"]: check for check in json.loads(done.stdout)}
        assert checks["tracing"]["state"] == state
        assert checks["signature-key"]["state"] == "ok"  # for everybody
    done = visitor.run("doctor", "--cached")
    assert "only root may read that" in done.stdout
    assert "\n" + " " * 26 + "as root: cat /sys/kernel/tracing/enabled_functions\n" in done.stdout


def test_who_holds_the_lock_of_rpm_is_seen_by_everybody(visitor):
    path = visitor.root / "var/lib/rpm/.rpm.lock"
    path.touch()
    path.chmod(0o644)
    with open(path, "r+", encoding="ascii") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert f"an rpm transaction (pid {os.getpid()}) works" in visitor.run("doctor", "--cached").stdout
    assert "no package manager is at work" in visitor.run("doctor", "--cached").stdout
