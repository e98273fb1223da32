# SPDX-License-Identifier: Apache-2.0
"""klpctl doctor: what is in the way, on nodes that are well and nodes that are not."""
import fcntl
import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import need
from fake_agent import agent_fixture, output
from klpdtest import al2, rpms
from running import BUILD, Daemon

__all__ = ["agent_fixture"]  # used by its name, "agent"

NEEDED = [BUILD / name for name in ("klpctl", "klpd", "klpd-fetch", "klpd-worker")]
pytestmark = pytest.mark.skipif(not all(p.exists() for p in NEEDED), reason="not all programs are built")

CHECKS = ["repositories", "metadata-age", "signature-key", "clock", "disk", "memory", "locks", "kpatch-service",
          "leftovers", "modules", "tracing", "timers", "ssm-agent"]
KEY = "/etc/pki/rpm-gpg/RPM-GPG-KEY-amazon-linux-2"
MODULES = f"{al2.KPATCH}/{al2.uname()}"
LATER = """#include <sys/time.h>
#include <time.h>
time_t time(time_t *ret)
{
	struct timeval now;

	gettimeofday(&now, 0);
	if (ret)
		*ret = now.tv_sec + 2 * 86400;
	return now.tv_sec + 2 * 86400;
}
"""


def fingerprint(key):
    """As gpg says it."""
    listed = key.gpg("--with-colons", "--fingerprint", key.name)  # in its own home: ours may not be writable
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")).lower()


class Patient:
    """A node that is asked again and again; all is well with it."""

    def __init__(self, node):
        self.node = node
        self.files = node.scenario.node
        self.files.write("proc/meminfo", "MemTotal: 2048000 kB\nMemAvailable: 1024000 kB\n")
        self.files.write("proc/sys/kernel/modules_disabled", "0\n")
        self.files.write("proc/sys/kernel/ftrace_enabled", "1\n")
        self.files.write("sys/module/module/parameters/sig_enforce", "N\n")
        self.files.write("sys/kernel/tracing/enabled_functions", "")
        self.files.write("sys/kernel/debug/kprobes/list", "")
        link = self.files.path("etc/systemd/system/timers.target.wants/klpd-scan.timer")
        link.parent.mkdir(parents=True)
        link.symlink_to("/usr/lib/systemd/system/klpd-scan.timer")

    def ask(self, *options, status=0):
        checks = self.node.json("doctor", *options, status=status)
        assert all(list(c) == ["name", "state", "text", "remedy"] for c in checks)
        assert all((c["remedy"] is None) == (c["state"] == "ok") for c in checks), checks
        return checks

    def only(self, name, *options, status=0):
        """The check of that name, which is the only one that is not ok."""
        checks = self.ask(*options, status=status)
        assert [c["name"] for c in checks if c["state"] != "ok"] == [name], checks
        return next(c for c in checks if c["name"] == name)

    def one(self, name, *options, status=0):
        return next(c for c in self.ask(*options, status=status) if c["name"] == name)


@pytest.fixture
def patient(node):
    return Patient(node)


# ---- a node that is well -------------------------------------------------------------------------


def test_all_is_well(patient, key):
    checks = patient.ask()
    assert [c["name"] for c in checks] == ["scan", *CHECKS]
    assert {c["state"] for c in checks} == {"ok"}
    texts = {c["name"]: c["text"] for c in checks}
    assert texts["repositories"] == "3 of 3 answered"
    assert texts["signature-key"] == f"the key in {KEY} ({fingerprint(key)}) is trusted"
    assert texts["memory"] == "1000 MiB are available"
    lines = patient.node.klpctl("doctor").splitlines()
    assert len(lines) == len(checks)
    assert lines[2].startswith("ok       metadata-age     the oldest, that of amzn2")
    assert patient.node.klpctl("doctor", "-q") == ""


def test_a_remedy_stands_below(patient):
    patient.files.enable_service(enabled=False)
    lines = patient.node.klpctl("doctor", "--cached", status=1).splitlines()
    at = next(i for i, line in enumerate(lines) if "kpatch-service" in line)
    assert lines[at].startswith("bad      kpatch-service   kpatch.service is not enabled, so no livepatch")
    assert lines[at + 1] == " " * 26 + "systemctl enable kpatch.service"


def test_nothing_of_the_node_is_changed(patient):
    patient.node.klpctl("scan", "-q")

    def listing():
        done = subprocess.run(["find", ".", "-path", "./var/lib/klpd", "-prune", "-o", "-path", "./var/cache/klpd",
                               "-prune", "-o", "-printf", "%p %y %m %s %T@\\n"], cwd=patient.node.root,
                              stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        # whoever reads a database of sqlite maps its -shm file
        return sorted(line for line in done.stdout.splitlines() if "rpmdb.sqlite-shm" not in line)

    before, history = listing(), patient.node.json("history")
    patient.ask("--cached")
    assert listing() == before and patient.node.json("history") == history


def test_cached_asks_nobody(patient):
    assert patient.one("repositories", "--cached")["state"] == "unknown"
    assert patient.one("metadata-age", "--cached")["state"] == "unknown"
    assert patient.node.server.requests == []
    patient.ask()
    patient.node.server.forget()
    assert [c["name"] for c in patient.ask("--cached")] == CHECKS
    assert patient.node.server.requests == []
    patient.ask()  # even though nothing has expired
    assert patient.node.server.requests


# ---- repositories --------------------------------------------------------------------------------


def test_unreachable(patient):
    patient.node.server.stop()
    check = patient.one("repositories", status=1)
    assert check["state"] == "bad" and check["text"].startswith(f"{al2.LIVEPATCH}: ")
    assert "check the network" in check["remedy"]


def test_unreachable_with_a_copy_at_hand(patient):
    patient.ask()
    patient.node.server.stop()
    check = patient.only("repositories")
    assert check["state"] == "warning" and al2.LIVEPATCH in check["text"]


def test_stale(patient):
    patient.ask()
    state = patient.files.path("var/cache/klpd/state.json")
    cache = json.loads(state.read_text())
    cache["repositories"][0]["fetched"] -= 100 * al2.DAY
    state.write_text(json.dumps(cache))
    check = patient.only("metadata-age", "--cached", status=1)
    assert check["state"] == "bad" and "100 days old" in check["text"]
    assert {c["state"] for c in patient.ask()} == {"ok"}  # it was asked anew


def test_no_section(patient):
    patient.files.path(f"etc/yum.repos.d/{al2.LIVEPATCH}.repo").unlink()
    check = patient.only("repositories", status=1)
    assert check["text"] == f"{al2.LIVEPATCH}: no section of that name is configured"


# ---- keys ----------------------------------------------------------------------------------------


def test_no_key_is_trusted(patient, key):
    patient.files.erase("gpg-pubkey")
    check = patient.only("signature-key", status=1)
    assert check["state"] == "bad"
    assert check["text"].startswith(f"the key in {KEY} ({fingerprint(key)}) is not trusted")
    assert check["remedy"].endswith(f"rpm --import {KEY}")
    patient.files.path(KEY).unlink()
    assert patient.only("signature-key", status=1)["text"].startswith("no key is trusted")


def test_the_key_of_somebody_else(patient):
    patient.files.erase("gpg-pubkey")
    with rpms.Key() as other:
        patient.files.trust(other, "OTHER")
        check = patient.only("signature-key", status=1)
        assert "is not trusted" in check["text"] and fingerprint(other) not in check["text"]
        patient.files.write(KEY, other.public)
        check = patient.one("signature-key", "--cached")
        assert check["text"] == f"the key in {KEY} ({fingerprint(other)}) is trusted"


def test_a_key_of_klpds_own(patient, key):
    patient.files.erase("gpg-pubkey")
    patient.files.write("etc/klpd/keys.d/amazon", key.public)
    assert patient.one("signature-key")["state"] == "ok"


def test_the_file_of_the_key_is_gone(patient):
    patient.files.path(KEY).unlink()
    check = patient.only("signature-key")
    assert check["state"] == "warning" and check["text"].startswith(f"{KEY}, which a repository names, is not there")


def test_no_package_database(patient):
    shutil.rmtree(patient.files.path("var/lib/rpm"))
    states = {c["name"]: c for c in patient.ask()}
    assert states["signature-key"]["state"] == states["leftovers"]["state"] == "unknown"
    assert "holds no rpm database" in states["signature-key"]["text"]


# ---- the machine ---------------------------------------------------------------------------------


def test_the_clock_is_behind_the_kernel(patient):
    patient.files.set_kernel(al2.uname(), time.time() + al2.DAY, time.time())
    check = patient.only("clock", status=1)
    assert "and the running kernel was built at" in check["text"] and "chronyc" in check["remedy"]


def test_the_clock_is_behind_the_packages(patient, tmp_path):
    """rpm installs one two days from now."""
    need("gcc")
    shim = tmp_path / "later.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, "-x", "c", "-"], input=LATER, text=True, check=True,
                   timeout=60)
    database = patient.files.path("var/lib/rpm").resolve()
    package = patient.node.scenario.rpm_of(patient.node.scenario.base[2])
    subprocess.run(["rpm", f"--dbpath={database}", "--define=_keyring rpmdb", "--justdb", "--nodeps", "-U",
                    "--replacepkgs", "--ignorearch", "--ignoreos", "--nosignature", package],
                   env={"LD_PRELOAD": str(shim), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}, check=True,
                   timeout=60)
    assert "and the last package was installed at" in patient.only("clock", status=1)["text"]


@pytest.mark.parametrize("mib, state", [(95, "warning"), (47, "bad")])
def test_memory(patient, mib, state):
    patient.files.write("proc/meminfo", f"MemAvailable: {mib * 1024} kB\n")
    check = patient.only("memory", status=int(state == "bad"))
    assert check["state"] == state and check["text"].startswith(f"{mib} MiB are available")


@pytest.mark.root
@pytest.mark.parametrize("mib, state", [(100, "warning"), (8, "bad")])
def test_disk(patient, mib, state):
    """A file system of that size lies where /usr is; in a mount namespace of its own, which ends with the call."""
    usr = patient.files.path("usr")
    moved = patient.files.path("usr-as-it-is")
    usr.rename(moved)
    usr.mkdir()
    script = f'mount -t tmpfs -o size={mib}m none "$1" && cp -a "$2"/. "$1" && exec "$3" "--root=$4" doctor --json=short'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", usr, moved, BUILD / "klpctl",
                           patient.node.root], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=120)
    assert done.returncode == int(state == "bad"), done.stderr
    check = next(c for c in json.loads(done.stdout) if c["name"] == "disk")
    assert check["state"] == state and "free below /var and /usr" in check["text"]


@pytest.mark.parametrize("path, who", [
    ("var/run/yum.pid", "yum (pid {pid})"),
    ("var/lib/dnf/rpmdb_lock.pid", "dnf (pid {pid})"),
    ("var/lib/rpm/.rpm.lock", "an rpm transaction (pid {pid})"),
])
def test_someone_is_at_work(patient, path, who):
    file = patient.files.write(path, f"{os.getpid()}\n")
    file.chmod(0o644)
    with open(file, "r+", encoding="ascii") as lock:
        if "rpm.lock" in path:
            fcntl.lockf(lock, fcntl.LOCK_EX)
        check = patient.only("locks")
        assert check["state"] == "warning" and check["text"].startswith(who.format(pid=os.getpid()))
    file.write_text("999999999\n")  # nobody
    assert patient.one("locks")["state"] == "ok"


# ---- loading livepatches -------------------------------------------------------------------------


def test_the_service_is_off(patient):
    patient.files.enable_service(enabled=False)
    assert patient.only("kpatch-service", status=1)["remedy"] == "systemctl enable kpatch.service"
    patient.files.erase(al2.livepatch_name())  # nothing that it could load
    assert patient.only("kpatch-service")["state"] == "warning"


def test_a_module_that_no_package_has(patient):
    patient.node.scenario.install_patch(1)
    for path in patient.node.scenario.patches[1].files:
        patient.files.write(path, "module")
    assert patient.one("leftovers")["state"] == "ok"
    patient.files.write(f"{MODULES}/livepatch_CVE_2024_0002.ko", "left by a failed installation")
    check = patient.only("leftovers")
    assert check["state"] == "warning"
    assert check["remedy"].endswith(f"rm {MODULES}/livepatch_CVE_2024_0002.ko")


def test_no_modules_until_the_next_boot(patient):
    patient.files.write("proc/sys/kernel/modules_disabled", "1\n")
    assert "kernel.modules_disabled" in patient.only("modules", status=1)["text"]


def test_ftrace_is_off(patient):
    patient.files.write("proc/sys/kernel/ftrace_enabled", "0\n")
    assert patient.only("tracing", status=1)["text"].startswith("kernel.ftrace_enabled is 0")


def test_who_else_redirects_functions(patient):
    patient.node.scenario.install_patch(1)
    own = patient.files.path("sys/kernel/livepatch/livepatch_CVE_2024_0001/vmlinux/vfs_open,1")
    own.mkdir(parents=True)
    functions = "vfs_open (1) R I     \t->ftrace_ops_assist_func+0x0/0xf0\n"
    patient.files.write("sys/kernel/tracing/enabled_functions", functions)
    assert patient.one("tracing")["state"] == "ok"
    patient.files.write("sys/kernel/tracing/enabled_functions",
                        functions + "vfs_read (1) R I D   M \n\tdirect-->bpf_trampoline_1+0x0/0x1000\n")
    check = patient.only("tracing")
    assert check["state"] == "warning" and check["text"] == "1 function is redirected by something else: vfs_read"


def test_what_nobody_shows_is_unknown(patient):
    shutil.rmtree(patient.files.path("sys/kernel/tracing"))
    check = patient.only("tracing")
    assert check["state"] == "unknown" and "tracefs is not mounted" in check["text"]


# ---- who starts it -------------------------------------------------------------------------------


def test_the_timer_is_off(patient):
    patient.files.path("etc/systemd/system/timers.target.wants/klpd-scan.timer").unlink()
    assert patient.only("timers")["remedy"] == "systemctl enable --now klpd-scan.timer"


def test_the_ssm_agent(patient):
    patient.files.enable_service("amazon-ssm-agent.service", enabled=False)
    assert patient.only("ssm-agent")["state"] == "warning"
    patient.files.enable_service("amazon-ssm-agent.service")
    assert patient.one("ssm-agent")["text"] == "amazon-ssm-agent.service is enabled"


def test_an_unknown_system(patient):
    patient.files.write("usr/lib/os-release", 'ID=other\nVERSION_ID="1"\n')
    states = {c["name"]: c["state"] for c in patient.ask()}
    assert states["repositories"] == states["kpatch-service"] == "unknown" and states["clock"] == "ok"


# ---- when even looking fails ---------------------------------------------------------------------


def test_a_scan_that_fails_is_a_check(patient):
    patient.files.write("etc/klpd/recall.yaml", "")
    patient.files.write("etc/klpd/baselines/Ours.yaml", "nonsense: 1\n")
    patient.files.write("etc/klpd/klpd.yaml", "baseline: Ours\n")
    check = patient.only("scan", status=1)
    assert check["state"] == "bad" and "Ours.yaml:1" in check["text"]


def test_everybody_may_ask_the_systems_agent(patient, tmp_path):
    daemon = Daemon(tmp_path / "socket", f"--root={patient.node.root}")
    try:
        checks = daemon.call("Diagnose")["checks"]
        assert [c["name"] for c in checks] == CHECKS
    finally:
        assert daemon.stop()[0] == 0


def test_hostile_texts_are_shown_harmless(agent):
    agent.answers["Diagnose"] = {"checks": [
        {"name": "x\x1b[2J", "state": "bad\n", "text": "t\x1b[31m", "remedy": "r\rm"}, {}, 7,
        {"name": "clock", "state": "ok", "text": 3, "remedy": None}]}
    text = output(agent, "doctor", "--cached")
    assert "\x1b" not in text and "\r" not in text and "t\\x1b[31m" in text
    agent.answers["Diagnose"] = {"checks": [{"name": "a", "state": "bad", "text": "b", "remedy": "c"}]}
    assert output(agent, "doctor", "--cached", status=1) == "bad      a                b\n" + " " * 26 + "c\n"
    assert [call["method"] for call in agent.calls] == ["io.klpd.Agent.Diagnose"] * 2
