# SPDX-License-Identifier: Apache-2.0
"""The units as they are installed: valid, locked down, off where they should be, and fit for old systemd."""
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import TOP, need

SYSTEM = "usr/local/lib/systemd/system"
# What systemd 219 does not know yet, of what one is tempted to write (NEWS of systemd, 220 to 247).
TOO_NEW = {
    "AmbientCapabilities", "BindPaths", "BindReadOnlyPaths", "CacheDirectory", "CollectMode", "ConfigurationDirectory",
    "DynamicUser", "ExecCondition", "FixedRandomDelay", "IPAddressAllow", "IPAddressDeny", "InaccessiblePaths",
    "LockPersonality", "LogsDirectory", "MemoryDenyWriteExecute", "MemoryHigh", "MemoryMax", "PrivateMounts",
    "PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
    "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "RandomizedDelaySec", "ReadOnlyPaths",
    "ReadWritePaths", "RemoveIPC", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "StateDirectory",
    "SystemCallLog", "TasksMax", "TriggerLimitIntervalSec", "FileDescriptorName",
}


def install(folder, *arguments):
    """As `make install` does it, but for what needs a compiler."""
    subprocess.run(["make", "-s", "-C", TOP, "install", f"DESTDIR={folder}", "DEPS=0", *arguments], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(name="installed", scope="module")
def installed_fixture(tmp_path_factory, build):
    if "asan" in build.name:
        pytest.skip("the units are the same with sanitizers")
    return install(tmp_path_factory.mktemp("installed"), f"O={build}")


def analyze(installed, *arguments):
    need("systemd-analyze")
    version = int(re.search(r"\d+", subprocess.run(["systemd-analyze", "--version"], stdout=subprocess.PIPE, text=True,
                                                   check=True).stdout).group())
    if version < 250:
        pytest.skip(f"systemd-analyze {version} does not look at a directory; 250 does")
    return subprocess.run(["systemd-analyze", *arguments, f"--root={installed}"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


@pytest.fixture(name="tree", scope="module")
def tree_fixture(installed):
    """What systemd-analyze wants to find beside the units."""
    (installed / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nklpd:x:990:990::/:/bin/false\n")
    (installed / "etc/group").write_text("root:x:0:\nklpd:x:990:\n")
    for program in ("bin/kill", "sbin/shutdown"):
        (installed / program).parent.mkdir(exist_ok=True)
        (installed / program).write_text("#!/bin/sh\n")
        (installed / program).chmod(0o755)
    machine = next(path for path in map(pathlib.Path, ("/usr/lib/systemd/system", "/lib/systemd/system")) if path.exists())
    shutil.copytree(machine, installed / "usr/lib/systemd/system", symlinks=True)
    return installed


def units(installed):
    return sorted(path for path in (installed / SYSTEM).iterdir() if path.is_file())


def test_they_are_valid(tree):
    names = [path.name for path in units(tree)]
    done = analyze(tree, "verify", "--man=no", *names)
    assert [line for line in done.stdout.splitlines() if "klpd" in line] == [] and len(names) == 11, done.stdout


@pytest.mark.parametrize("unit, most", [("klpd.service", 1.5), ("klpd-apply@.service", 3.5)])
def test_exposure(tree, unit, most):
    done = analyze(tree, "security", "--offline=yes", "--no-pager", unit)
    score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout).group(1))
    print(f"{unit}: {score}, at most {most}")
    assert score <= most, done.stdout


def test_base_units_are_for_systemd_219(installed):
    for path in units(installed):
        directives = re.findall(r"^(\w+)=", path.read_text(), re.M)
        assert not TOO_NEW & set(directives), path.name
        assert not re.search(r"^SystemCallFilter=.*@|^ExecStart=[+!]|%[EST]", path.read_text(), re.M), path.name


def test_drop_ins_only_where_systemd_is_new_enough(tmp_path, build, installed):
    old = install(tmp_path, f"O={build}", "SYSTEMD=219")
    assert not list((old / SYSTEM).glob("*.d"))
    new = install(tmp_path / "new", f"O={build}", "SYSTEMD=247")
    assert sorted(path.name for path in (new / SYSTEM).glob("*.d")) == ["klpd-apply@.service.d", "klpd.service.d"]


def test_nothing_reboots_but_one_unit(installed):
    for path in units(installed):
        commands = re.findall(r"^Exec\w+=(.*)", path.read_text(), re.M)
        assert any(re.search("shutdown|reboot", command) for command in commands) == (path.name == "klpd-reboot.service")


def test_what_is_on_and_what_is_off(installed, tmp_path):
    need("systemctl")
    tree = tmp_path / "tree"
    subprocess.run(["cp", "-a", str(installed), str(tree)], check=True)
    names = [path.name for path in units(tree) if re.search(r"^\[Install\]", path.read_text(), re.M)]
    subprocess.run(["systemctl", f"--root={tree}", "preset", *names], check=True, stderr=subprocess.DEVNULL)
    enabled = {name: subprocess.run(["systemctl", f"--root={tree}", "is-enabled", name], stdout=subprocess.PIPE,
                                    text=True, check=False).stdout.strip() for name in names}
    assert enabled == {"klpd.socket": "enabled", "klpd-apply.socket": "enabled", "klpd-scan.timer": "enabled",
                       "klpd-verify.service": "enabled", "klpd-install.timer": "disabled",
                       "klpd-reboot.path": "disabled"}


def test_what_may_be_installed(installed):
    """The unit allows what Amazon's profiles call livepatch, runtime, tools, service and repository, and no kernel."""
    text = (installed / SYSTEM / "klpd-apply@.service").read_text().replace("\\\n", " ")
    [command] = re.findall(r"^ExecStart=(.*)", text, re.M)
    assert command.split()[1:] == ["--allow=kernel-livepatch-{version}-{release}", "--strip=.amzn2",
                                   "--strip=.amzn2023", "--allow=kpatch-runtime", "--allow=binutils",
                                   "--allow-erase=kernel-livepatch-[0-9]*", "--service=kpatch.service",
                                   "--repository=amzn2extra-livepatch", "--repository=kernel-livepatch"]


def test_the_catalog_knows_every_event(installed):
    plugin = (TOP / "plugins/journal.c").read_text()
    source = (TOP / "agent/klpd/journal.c").read_text() + plugin
    ids = re.findall(r'"([0-9a-f]{32})"', source)
    catalog = (installed / "usr/local/lib/systemd/catalog/klpd.catalog").read_text()
    assert len(set(ids)) == 11 and re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.M) == ids
    fields = set(re.findall(r"@KLPD_(\w+)@", catalog))
    known = set(re.findall(r'\{ "([A-Z_]+)",', (TOP / "agent/klpd/announce.c").read_text()))
    known |= set(re.findall(r'"KLPD_([A-Z]+)"', plugin))
    assert fields <= known


def test_settings_survive_an_installation(tmp_path, build):
    (tmp_path / "etc/klpd").mkdir(parents=True)
    (tmp_path / "etc/klpd/klpd.yaml").write_text("scope: livepatch\n")
    install(tmp_path, f"O={build}")
    assert (tmp_path / "etc/klpd/klpd.yaml").read_text() == "scope: livepatch\n"


def test_uninstall_takes_everything_away(tmp_path, build):
    install(tmp_path, f"O={build}")
    subprocess.run(["make", "-s", "-C", TOP, "uninstall", f"DESTDIR={tmp_path}", f"O={build}"], check=True,
                   stdout=subprocess.DEVNULL)
    left = [str(path.relative_to(tmp_path)) for path in pathlib.Path(tmp_path).rglob("*") if path.is_file()]
    assert left == ["etc/klpd/klpd.yaml"]
