# SPDX-License-Identifier: Apache-2.0
"""klpd-apply, the only part that changes a node: what it does, and above all what it refuses."""
import dataclasses
import fcntl
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import pytest

import applying
from conftest import need
from klpdtest import al2, rpms

pytestmark = pytest.mark.root
NAME = al2.livepatch_name()
BEFORE = ["stage", "verify", "lock", "guard", "test"]


@pytest.fixture(name="applier")
def applier_fixture(scenario, build):
    return applying.Applier(build / "klpd-apply", scenario.node.folder)


@pytest.fixture(name="patch")
def patch_fixture(scenario):
    """The first livepatch, and its file."""
    return scenario.patches[1], scenario.rpm_of(scenario.patches[1])


@pytest.fixture(name="make")
def make_fixture(scenario, tmp_path, key):
    """Makes another package, signed unless told otherwise."""
    def make(name=NAME, version="1.0", release="1.amzn2", signed=key, **more):
        package = rpms.Package(name, version, release, **more)
        [path] = rpms.build_all([package], tmp_path / "made", signed)
        return package, path
    return make


def installed(scenario, name=NAME):
    return sorted(line for line in scenario.node.list_installed() if line.startswith(name))


def untouched(scenario, result, status, *said):
    """It was refused, in a sentence, and nothing changed."""
    assert result.status == result.done.status == status, result.errors
    for part in said:
        assert part in result.done.text, result.done.text
    assert "\n" not in result.done.text
    assert installed(scenario) == [f"{NAME}-1.0-0.amzn2.x86_64"]
    assert "install" not in result.steps
    assert not list(scenario.node.folder.glob("var/lib/kpatch/**/*.ko"))


def test_a_livepatch_is_installed(scenario, applier, patch):
    result = applier.install(patch)
    assert result.status == 0, result.done.text
    assert installed(scenario) == [f"{NAME}-1.0-1.amzn2.x86_64"]
    assert [event.subject for event in result.of("installed")] == [applying.title(patch[0])]
    assert list(scenario.node.folder.glob("var/lib/kpatch/*/livepatch_CVE_2024_0001.ko"))
    assert result.of("progress")


def test_signature_before_guard_before_transaction(applier, patch):
    result = applier.install(patch)
    print("order of checks:", " -> ".join(result.steps))
    assert result.steps == BEFORE + ["install"]  # a directory has no kernel to load into


def test_what_is_installed_already_is_left_alone(applier, patch):
    applier.install(patch)
    result = applier.install(patch)
    assert result.status == 0 and "install" not in result.steps and not result.of("installed")


def test_livepatch_and_runtime_together(scenario, applier, patch):
    scenario.node.erase("kpatch-runtime")
    alone = applier.install(patch)
    untouched(scenario, alone, 65, "kpatch is needed by")
    runtime = next(package for package in scenario.base if package.name == "kpatch-runtime")
    result = applier.install((runtime, scenario.rpm_of(runtime)), patch)
    assert result.status == 0, result.done.text
    assert len(installed(scenario, "kpatch-runtime")) == 1


def test_unsigned(scenario, applier, make):
    package = make(signed=None)
    untouched(scenario, applier.install(package), 65, "signed")
    applier.options.append("--allow-unsigned")
    assert applier.install(package).status == 0


def test_signed_by_a_stranger(scenario, applier, make):
    with rpms.Key("a stranger <stranger@example.com>") as stranger:
        untouched(scenario, applier.install(make(signed=stranger)), 65, "signature is not accepted", "NOKEY")
        keys = scenario.node.path("etc/klpd/keys.d")
        keys.mkdir(parents=True)
        (keys / "stranger.asc").write_text(stranger.public)
        (keys / "stranger.asc").chmod(0o666)
        untouched(scenario, applier.install(make(signed=stranger)), 78, "nobody else may write")
        (keys / "stranger.asc").chmod(0o644)
        assert applier.install(make(signed=stranger)).status == 0


def test_a_key_that_is_none(scenario, applier, patch):
    keys = scenario.node.path("etc/klpd/keys.d")
    keys.mkdir(parents=True)
    (keys / "readme").write_text("put keys here\n")
    untouched(scenario, applier.install(patch), 78, "keys.d/readme: is no OpenPGP public key")


@pytest.mark.parametrize("where", ["signature", "header", "payload"])
def test_tampered_with(scenario, applier, patch, tmp_path, where):
    package, path = patch
    data = bytearray(path.read_bytes())
    position = {"signature": 200, "header": data.rindex(b"\x8e\xad\xe8") + 600,
                "payload": len(data) - 40}[where]
    data[position] ^= 0x55
    changed = tmp_path / "changed.rpm"
    changed.write_bytes(data)
    untouched(scenario, applier.install((package, changed)), 65)


def test_truncated(scenario, applier, patch, tmp_path):
    package, path = patch
    cut = tmp_path / "cut.rpm"
    cut.write_bytes(path.read_bytes()[:-100])
    untouched(scenario, applier.install((package, cut)), 65, "not accepted")


def test_other_bytes_than_announced(scenario, applier, patch):
    package, path = patch
    good = path.read_bytes()
    for data, said in ((good[:-1], "does not have"), (good + b"x", "does not have"),
                       (good[:-1] + b"x", "does not have the checksum"), (b"", "does not have")):
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            result = applier.send(applying.request([(applying.title(package), good)]), [file])
        untouched(scenario, result, 65, said)
        assert result.steps == ["stage"]


def test_no_file_at_all(scenario, applier, patch):
    package, path = patch
    data = applying.request([(applying.title(package), path.read_bytes())])
    with open("/dev/zero", "rb") as zero:
        untouched(scenario, applier.send(data, [zero]), 65, "is not a file")
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as pipe:
        untouched(scenario, applier.send(data, [pipe]), 65, "is not a file")
    os.close(theirs)


def test_changed_while_it_is_looked_at(scenario, applier, patch, tmp_path):
    """The asker keeps the file open and rewrites it: what was staged counts."""
    package, path = patch
    mine = tmp_path / "mine.rpm"
    shutil.copy(path, mine)
    with open(mine, "r+b") as file:
        process, ours = applier.start(applying.request([(applying.title(package), path.read_bytes())]), [file])
        with ours:
            event = applying.Event(ours.recv(applying.EVENT.size))
            while event.kind != "step" or event.subject != "verify":
                event = applying.Event(ours.recv(applying.EVENT.size))
            file.write(b"x" * 100000)
            file.flush()
            while event.kind != "done":
                event = applying.Event(ours.recv(applying.EVENT.size))
        process.communicate(timeout=60)
    assert event.status == 0, event.text
    assert installed(scenario) == [f"{NAME}-1.0-1.amzn2.x86_64"]


def test_an_asker_that_does_not_read(scenario, applier, patch):
    """It may be stopped, or hostile: what was begun is finished all the same."""
    package, path = patch
    with open(path, "rb") as file:
        process, ours = applier.start(applying.request([(applying.title(package), path.read_bytes())]), [file],
                                      buffer=2048)
        with ours:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert installed(scenario) == [f"{NAME}-1.0-1.amzn2.x86_64"]


def test_an_asker_that_goes_away(scenario, applier, patch):
    package, path = patch
    with open(path, "rb") as file:
        process, ours = applier.start(applying.request([(applying.title(package), path.read_bytes())]), [file])
        ours.close()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert installed(scenario) == [f"{NAME}-1.0-1.amzn2.x86_64"]


REFUSED = {
    "another name": ({"name": "bash", "release": "99"}, "may not be installed by klpd"),
    "a livepatch for another kernel": ({"name": "kernel-livepatch-5.10.234-225.895"}, "may not be installed by klpd"),
    "no livepatch": ({"name": f"{NAME}-debuginfo"}, "may not be installed by klpd"),
    "another architecture": ({"arch": "aarch64"}, "it is for aarch64, this node is x86_64"),
    "a kernel in disguise": ({"provides": ("kernel-uname-r = 9",)}, "it is a kernel (it provides kernel-uname-r)"),
    "a file below /boot": ({"files": {"/boot/grub.cfg": "x"}}, "it has /boot/grub.cfg"),
    "a kernel module": ({"files": {"/lib/modules/x/y.ko": "x"}}, "it has /lib/modules/x/y.ko"),
    "one that removes another": ({"obsoletes": ("bash",)}, "bash-4.2.46-34.amzn2.x86_64 would be removed"),
    "one that conflicts": ({"conflicts": ("bash",)}, "bash conflicts with"),
    "one with a dependency that is missing": ({"requires": ("a-thing",)}, "a-thing is needed by"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_genuine_but_refused(scenario, applier, make, what):
    changes, said = REFUSED[what]
    untouched(scenario, applier.install(make(**changes)), 65, said)


def test_another_package_than_asked_for(scenario, applier, patch):
    for change in ({"release": "2.amzn2"}, {"version": "2.0"}, {"epoch": 1}, {"name": "bash"}):
        other = dataclasses.replace(patch[0], **change)
        untouched(scenario, applier.install((other, patch[1])), 65, "the file is another package")


def test_older_than_installed(scenario, applier):
    newer, older = scenario.patches[2], scenario.patches[1]
    assert applier.install((newer, scenario.rpm_of(newer))).status == 0
    result = applier.install((older, scenario.rpm_of(older)))
    assert result.status == 65 and "a newer build is installed" in result.done.text
    assert installed(scenario) == [f"{NAME}-1.0-2.amzn2.x86_64"]


def test_a_kernel_needs_permission(scenario, applier):
    kernel = scenario.kernels["next"]
    package = kernel, scenario.rpm_of(kernel)
    untouched(scenario, applier.install(package), 65, "may not be installed by klpd on kernel 5.10.233-223.887.amzn2.x86_64; "
              "klpd(8) says how klpd-apply@.service is told otherwise")
    applier.options.append("--allow-kernel=kernel")
    assert applier.install(package).status == 0
    assert len([n for n in installed(scenario, "kernel-5")]) == 2  # beside the running one


@pytest.mark.parametrize("how", ["file", "command line"])
def test_switched_off(scenario, applier, patch, how):
    if how == "file":
        scenario.node.write("etc/klpd/disabled", "")
    else:
        scenario.node.write("proc/cmdline", "root=/dev/xvda1 klpd.disable quiet\n")
    untouched(scenario, applier.install(patch), 77, "changes are switched off")


def test_the_kernel_has_changed_since(scenario, applier, patch):
    untouched(scenario, applier.install(patch, kernel="5.10.1-1.amzn2.x86_64"), 65, "the plan was made for kernel")


def test_a_scriptlet_that_fails(scenario, applier, make):
    before = make(scripts={"pre -p <lua>": "error('no room at the inn')"})
    result = applier.install(before)
    assert result.status == 65 and installed(scenario) == [f"{NAME}-1.0-0.amzn2.x86_64"]
    after = make(scripts={"post -p <lua>": "print('something odd') error('it did not work')"})
    result = applier.install(after)
    assert installed(scenario) == [f"{NAME}-1.0-1.amzn2.x86_64"]  # as rpm does: success is read from the kernel
    assert result.status == 0


@pytest.mark.parametrize("path, who", [
    ("var/run/yum.pid", "yum (pid {pid})"),
    ("var/lib/dnf/rpmdb_lock.pid", "dnf (pid {pid})"),
    ("var/lib/rpm/.rpm.lock", "an rpm transaction (pid {pid})"),
])
def test_someone_else_is_at_work(scenario, applier, patch, path, who):
    file = scenario.node.write(path, f"{os.getpid()}\n")
    with open(file, "r+", encoding="ascii") as lock:
        if "rpm.lock" in path:
            fcntl.lockf(lock, fcntl.LOCK_EX)
        result = applier.install(patch)
        said = who.format(pid=os.getpid())
        untouched(scenario, result, 75, said, "try again")
        assert [event.text for event in result.of("waiting")] == [said]
    file.write_text("999999999\n")  # nobody
    assert applier.install(patch).status == 0


def with_bytes(data, at, new):
    return data[:at] + new + data[at + len(new):]


WRONG = {
    "too short": lambda good: good[:-1],
    "too long": lambda good: good + b"\0",
    "nothing": lambda good: b"",
    "of another program": lambda good: b"GET / HTTP/1.1\r\n\r\n",
    "another magic": lambda good: b"\0\0\0\0" + good[4:],
    "another version": lambda good: with_bytes(good, 4, struct.pack("=I", 3)),
    "a verb that is none": lambda good: with_bytes(good, 8, struct.pack("=I", 9)),
    "no packages": lambda good: with_bytes(good, 12, struct.pack("=I", 0)),
    "too many packages": lambda good: with_bytes(good, 12, struct.pack("=I", 9)),
    "on": lambda good: with_bytes(good, 16, struct.pack("=I", 1)),
    "an unknown way with tracing": lambda good: with_bytes(good, 20, struct.pack("=I", 3)),
    "an endless kernel": lambda good: with_bytes(good, 24, b"x" * 128),
    "a subject": lambda good: with_bytes(good, 152, b"kpatch.service"),
    "a file": lambda good: with_bytes(good, 408, b"etc/passwd"),
    "an endless title": lambda good: with_bytes(good, applying.HEAD.size, b"x" * 256),
    "more than it says": lambda good: good[:-1] + b"x",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_request_that_is_none(scenario, applier, patch, what):
    package, path = patch
    good = applying.request([(applying.title(package), path.read_bytes())])
    with open(path, "rb") as file:
        result = applier.send(WRONG[what](good), [file] if what != "nothing" else [])
    untouched(scenario, result, 64, "the request is refused")
    assert result.steps == []


@pytest.mark.parametrize("files", [0, 2, 8, 20])
def test_extra_and_missing_files(scenario, applier, patch, files):
    package, path = patch
    data = applying.request([(applying.title(package), path.read_bytes())])
    with open(path, "rb") as file:
        untouched(scenario, applier.send(data, [file] * files), 64, "the request is refused")


def test_loading_needs_no_file(scenario, applier, patch):
    package, path = patch
    with open(path, "rb") as file:
        data = applying.request([(applying.title(package), None)], verb=applying.LOAD)
        untouched(scenario, applier.send(data, [file]), 64, "number of open files")
    untouched(scenario, applier.load(package), 65, "it is not installed")


@pytest.mark.parametrize("option", ["--root=relative", "--force", "--lock-wait=x", "--lock-wait=", "--allow=",
                                    "x"])
def test_an_option_that_is_none(applier, patch, option):
    applier.options.append(option)
    assert applier.install(patch).status == 64


def test_what_it_links(build):
    program = subprocess.run(["ldd", build / "klpd-apply"], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = {line.split()[0].split(".so")[0] for line in program.splitlines()}
    assert not names & {"libjansson", "libyaml-0", "libexpat", "librepo", "libcurl", "libcurl-gnutls", "libsolv",
                        "libsolvext", "libxml2", "libglib-2.0"}, names
    assert "librpm" in names


# ---- what is no installation -------------------------------------------------------------------

REPO = f"etc/yum.repos.d/{al2.LIVEPATCH}.repo"


def switch(applier, verb, subject, on, file="", **more):
    return applier.send(applying.request([], verb=verb, subject=subject, file=file, on=int(on), **more))


def test_a_section_off_and_on(scenario, applier):
    path = scenario.node.path(REPO)
    path.chmod(0o640)
    before = path.read_bytes()
    result = switch(applier, applying.REPOSITORY, al2.LIVEPATCH, False, REPO)
    assert result.status == 0, result.done.text
    assert path.read_bytes() == before.replace(b"enabled=1", b"enabled=0") and path.stat().st_mode & 0o777 == 0o640
    assert [(e.subject, e.text) for e in result.of("switched")] == [(al2.LIVEPATCH, f"disabled in /{REPO}")]
    assert not switch(applier, applying.REPOSITORY, al2.LIVEPATCH, False, REPO).of("switched")
    assert switch(applier, applying.REPOSITORY, al2.LIVEPATCH, True, REPO).status == 0
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == sorted(f"{repo}.repo" for repo in al2.PLACES)


@pytest.mark.parametrize("subject, file, status, said", [
    (al2.CORE, f"etc/yum.repos.d/{al2.CORE}.repo", 77, "may not switch this repository"),
    (al2.LIVEPATCH, f"etc/yum.repos.d/{al2.CORE}.repo", 65, f"has no section [{al2.LIVEPATCH}]"),
    (al2.LIVEPATCH, "etc/passwd", 65, "is no file of repositories"),
    (al2.LIVEPATCH, "etc/nowhere.repo", 74, "cannot be read"),
    (al2.LIVEPATCH, "etc/link.repo", 65, "is a link"),
    (al2.LIVEPATCH, "etc/folder.repo", 65, "is no file of root's"),
    (al2.LIVEPATCH, "etc/pipe.repo", 65, "is no file of root's"),
    (al2.LIVEPATCH, "etc/strangers.repo", 65, "is no file of root's"),
    (al2.LIVEPATCH, "etc/shared/own.repo", 65, "in a folder that somebody else than root may write"),
    (al2.LIVEPATCH, "etc/theirs/own.repo", 65, "in a folder that somebody else than root may write"),
    (al2.LIVEPATCH, "../outside.repo", 74, "cannot be read"),
])
def test_a_section_that_is_not_ours(scenario, applier, subject, file, status, said):
    (scenario.node.folder.parent / "outside.repo").write_text(f"[{al2.LIVEPATCH}]\nenabled=1\n")
    scenario.node.path("etc/link.repo").symlink_to(f"/{REPO}")
    scenario.node.path("etc/folder.repo").mkdir()
    os.mkfifo(scenario.node.path("etc/pipe.repo"))
    os.chown(scenario.node.write("etc/strangers.repo", f"[{al2.LIVEPATCH}]\nenabled=1\n"), 1000, 1000)
    for folder in ("shared", "theirs"):
        scenario.node.write(f"etc/{folder}/own.repo", f"[{al2.LIVEPATCH}]\nenabled=1\n")
    scenario.node.path("etc/shared").chmod(0o775)
    os.chown(scenario.node.path("etc/theirs"), 1000, 1000)
    before = {p: p.read_bytes() for p in scenario.node.path("etc").rglob("*") if p.is_file()}
    result = switch(applier, applying.REPOSITORY, subject, False, file)
    assert result.status == status and said in result.done.text, result.done.text
    assert {p: p.read_bytes() for p in scenario.node.path("etc").rglob("*") if p.is_file()} == before
    assert (scenario.node.folder.parent / "outside.repo").read_text().endswith("enabled=1\n")


def test_what_says_who_may_read_it_is_kept(scenario, applier):
    path = scenario.node.path(REPO)
    os.chown(path, 0, 10)
    path.chmod(0o4664)
    assert switch(applier, applying.REPOSITORY, al2.LIVEPATCH, False, REPO).status == 0
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o7777) == (0, 10, 0o664)


EXCHANGE = """
import ctypes, sys
libc, here, there = ctypes.CDLL(None), sys.argv[1].encode(), sys.argv[2].encode()
for _ in range(2000000):
    libc.renameat2(-100, here, -100, there, 2)
"""


def test_a_path_that_changes_under_way(scenario, applier):
    """Whoever owns a folder on the way could lead one look to its own file and the next to root's folder."""
    mine = scenario.node.path("var/cache/klpd")
    path = scenario.node.path(REPO)
    path.unlink()
    scenario.node.write("var/cache/klpd/own/" + path.name, f"[{al2.LIVEPATCH}]\nenabled=0\n[evil]\ngpgcheck=0\n" +
                        900000 * "#" + "\n")
    (mine / "here").symlink_to("own")
    (mine / "there").symlink_to("/etc/yum.repos.d")
    for made in (mine, mine / "own", mine / "own" / path.name):
        os.chown(made, 1000, 1000)
    with subprocess.Popen([sys.executable, "-c", EXCHANGE, mine / "here", mine / "there"]) as attacker:
        try:
            for _ in range(100):
                result = switch(applier, applying.REPOSITORY, al2.LIVEPATCH, True, f"var/cache/klpd/here/{path.name}")
                assert result.status != 0 and not path.exists(), result.done.text
        finally:
            attacker.kill()


def test_a_section_that_only_root_can_read(scenario, applier):
    path = scenario.node.path(REPO)
    path.rename(path.with_name("private.repo"))
    result = switch(applier, applying.REPOSITORY, al2.LIVEPATCH, True)
    assert result.status == 65 and f"has the section [{al2.LIVEPATCH}]" in result.done.text
    assert not path.exists()


def test_a_section_that_is_made(scenario, applier):
    path = scenario.node.path(REPO)
    assert switch(applier, applying.REPOSITORY, al2.LIVEPATCH, True).status == 65  # there is a file of that name
    path.unlink()
    assert switch(applier, applying.REPOSITORY, al2.LIVEPATCH, False).status == 0 and not path.exists()
    result = switch(applier, applying.REPOSITORY, al2.LIVEPATCH, True)
    assert result.status == 0 and path.stat().st_mode & 0o777 == 0o644
    assert path.read_text() == (applying.TOP / f"conf/repositories/{al2.LIVEPATCH}.repo").read_text()
    applier.options.append("--repository=mine")
    result = switch(applier, applying.REPOSITORY, "mine", True)
    assert result.status == 65 and "klpd has no text for it" in result.done.text


def test_a_unit_off_and_on(scenario, applier):
    need("systemctl")
    link = scenario.node.path("etc/systemd/system/multi-user.target.wants/kpatch.service")
    for on in (False, True, True):
        result = switch(applier, applying.SERVICE, "kpatch.service", on)
        assert result.status == 0, result.done.text
        assert link.is_symlink() == on
    result = switch(applier, applying.SERVICE, "sshd.service", False)
    assert result.status == 77 and "may not switch this unit" in result.done.text
    scenario.node.path("usr/lib/systemd/system/kpatch.service").unlink()
    result = switch(applier, applying.SERVICE, "kpatch.service", True)
    assert result.status == 1 and "systemctl enable kpatch.service failed: " in result.done.text


def test_livepatches_are_removed(scenario, applier, patch):
    applier.install(patch)
    data = applying.request([(applying.title(patch[0]), None)], verb=applying.ERASE)
    result = applier.send(data)
    assert result.status == 0 and result.steps == ["lock", "guard", "test", "erase"], result.done.text
    assert [event.subject for event in result.of("erased")] == [applying.title(patch[0])]
    assert installed(scenario) == [] and not list(scenario.node.folder.glob("var/lib/kpatch/**/*.ko"))
    again = applier.send(data)
    assert again.status == 0 and again.steps == ["lock", "guard"]


@pytest.mark.parametrize("name", ["bash", "kernel", "kpatch-runtime"])
def test_nothing_else_is_removed(scenario, applier, name):
    package = next(p for p in [*scenario.base, scenario.kernels["running"]] if p.name == name)
    result = applier.send(applying.request([(applying.title(package), None)], verb=applying.ERASE))
    assert result.status == 65 and "may not remove packages of this name" in result.done.text
    assert installed(scenario, name)


def test_a_kernel_by_another_name_is_not_removed(scenario, applier, make):
    package, path = make(name="kernel-livepatch-5.10.1-1", provides=("kernel-uname-r = 5.10.1-1.x86_64",))
    scenario.node.install(path)
    result = applier.send(applying.request([(applying.title(package), None)], verb=applying.ERASE))
    assert result.status == 65 and "it is a kernel" in result.done.text
    assert installed(scenario, "kernel-livepatch-5.10.1")


def test_what_is_needed_is_not_removed(scenario, applier, make, patch):
    applier.install(patch)
    scenario.node.install(make(name="needs", requires=(NAME,))[1])
    result = applier.send(applying.request([(applying.title(patch[0]), None)], verb=applying.ERASE))
    assert result.status == 65 and "is needed by" in result.done.text and "erase" not in result.steps
    assert installed(scenario)


def test_a_removal_that_its_package_refuses(scenario, applier, make):
    package = make(scripts={"preun -p <lua>": "error('not now')"})
    assert applier.install(package).status == 0
    result = applier.send(applying.request([(applying.title(package[0]), None)], verb=applying.ERASE))
    assert result.status == 65 and not result.of("erased"), result.done.text
    assert installed(scenario) == [f"{NAME}-1.0-1.amzn2.x86_64"]


@pytest.mark.parametrize("verb", [applying.ERASE, applying.SERVICE, applying.REPOSITORY, applying.UNLOAD])
def test_switched_off_for_every_verb(scenario, applier, verb):
    scenario.node.write("etc/klpd/disabled", "")
    if verb in (applying.SERVICE, applying.REPOSITORY):
        result = switch(applier, verb, "kpatch.service", False)
    else:
        result = applier.send(applying.request([(applying.title(scenario.marker), None)], verb=verb))
    assert result.status == 77 and "changes are switched off" in result.done.text


def test_a_directory_has_nothing_to_unload(scenario, applier, patch):
    applier.install(patch)
    result = applier.send(applying.request([(applying.title(patch[0]), None)], verb=applying.UNLOAD))
    assert result.status == 0 and result.steps == ["guard"]
    bash = next(package for package in scenario.base if package.name == "bash")
    result = applier.send(applying.request([(applying.title(bash), None)], verb=applying.UNLOAD))
    assert result.status == 65 and "it is no livepatch for the running kernel" in result.done.text


def lines_of_code(folder):
    return sum(1 for path in folder.glob("*.c") for line in path.read_text().splitlines()
               if line.strip() and not re.match(r"\s*(/?\*|//|#include)", line))


def test_it_can_be_audited_in_an_hour(capsys):
    """Its own code, and what stands between it and librpm; neither grows unseen."""
    agent = pathlib.Path(__file__).resolve().parents[2] / "agent"
    own, adapter = lines_of_code(agent / "apply"), lines_of_code(agent / "rpm")
    with capsys.disabled():
        print(f"\nklpd-apply: {own} lines of code of its own, {adapter} around librpm", file=sys.stderr)
    assert own < 1200 and adapter < 400
