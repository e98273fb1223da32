# SPDX-License-Identifier: Apache-2.0
"""Live patching as a whole, on and off and on again, inside a node (klpdtest/inside.py)."""
import difflib
import itertools
import json
import os
import pathlib
import shutil
import sys
import time

import pytest

from klpdtest import al2
from running import TOP, InsideNode, codes

NAME = al2.livepatch_name()
SERVICE = "kpatch.service"
EXTRAS = al2.EXTRAS


def title(number, of=al2.RUNNING):
    return f"{al2.livepatch_name(*of)}.{al2.ARCH}:0:1.0-{number}.amzn2"


class Node(InsideNode):
    """Which parts of live patching it has."""

    def livepatches(self):
        return sorted(line for line in self.node.list_installed() if line.startswith("kernel-livepatch"))

    def service(self):
        return self.node.path(f"etc/systemd/system/multi-user.target.wants/{SERVICE}").is_symlink()

    def files(self):
        """Everything that configures the node, byte by byte."""
        return {path: path.read_bytes() for path in sorted(self.node.path("etc").rglob("*"))
                if path.is_file() and "klpd" not in path.parts}

    def other_kernels_livepatches(self):
        listed = json.loads(self.run("--json=short", "list", "--all").stdout)
        return [patch["title"] for patch in listed if patch.get("state") == "NotApplicable"]

    def boot(self, version, release, booted=None):
        """Another kernel runs, with nothing loaded."""
        self.node.set_kernel(al2.uname(version, release), self.scenario.ago(30), booted or self.scenario.now - 3600)
        if self.node.path("fakeproc").exists():  # what the namespace has for it
            for path in self.node.path("proc").rglob("*"):
                if path.is_file():
                    shutil.copyfile(path, self.node.path("fakeproc") / path.relative_to(self.node.path("proc")))
        for module in self.loaded():
            self.node.unload_livepatch(module)


@pytest.fixture(name="node")
def node_fixture(scenario, served, build):
    """As delivered: live patching is off, its repository a disabled section among others."""
    scenario.turn_live_patching_off()
    made = Node(scenario, served, build)
    obstacle = made.inside.obstacle()
    if obstacle:
        pytest.skip(obstacle)
    return made


def switches(report):
    return [(s["kind"], s["name"], s["on"]) for s in report["plan"]["switches"]]


def nothing_to_do(node, command):
    """Once more: nothing changes, and it is said."""
    before, packages, loaded = node.files(), node.node.list_installed(), node.loaded()
    report = node.json(command)
    assert report["outcome"]["result"] == "nothing-to-do" and report["outcome"]["steps"] == []
    assert (node.files(), node.node.list_installed(), node.loaded()) == (before, packages, loaded)
    return report


def test_the_life_of_a_node(node):
    scenario = node.scenario
    off = node.json("scan")
    assert off["compliance"]["livepatch"] == "NOT_APPLICABLE" and "live-patching-not-enabled" in codes(off)
    assert off["live_patching"]["repository"] is False and node.loaded() == []
    before = node.node.path(EXTRAS).read_text()

    # on: everything, with the newest approved livepatch
    on = node.json("enable")
    assert on["operation"] == "Configure" and on["outcome"]["result"] == "done"
    assert switches(on) == [("repository", al2.LIVEPATCH, True), ("service", SERVICE, True)]
    assert on["outcome"]["steps"] == ["repository", "stage", "verify", "lock", "guard", "test", "install", "load",
                                      "service"]
    assert on["outcome"]["installed"] and title(1) in on["outcome"]["installed"]
    assert on["outcome"]["switched"] == [f"{al2.LIVEPATCH}: enabled in /{EXTRAS}", f"{SERVICE}: enabled"]
    facts = on["live_patching"]
    assert all(facts[fact] is True for fact in ("enabled", "marker", "runtime", "service", "repository")), facts
    assert on["compliance"]["overall"] == "COMPLIANT"
    assert [r["status"] for r in on["repositories"] if r["id"] == al2.LIVEPATCH] == ["ok"]
    assert node.service() and node.loaded() == ["livepatch_CVE_2024_0001"]
    changed = [line for line in difflib.ndiff(before.splitlines(True), node.node.path(EXTRAS).read_text().splitlines(True))
               if line[0] in "+-"]
    assert changed == ["- enabled=0\n", "+ enabled=1\n"]
    nothing_to_do(node, "enable")

    assert node.json("scan")["compliance"]["overall"] == "COMPLIANT"
    nothing_to_do(node, "install")

    # a newer kernel is booted: its livepatch is missing until the next installation
    newer = scenario.kernels["next"]
    of = (newer.version, newer.release)
    patch = al2.livepatch(1, scenario.ago(18), ["livepatch_CVE_2024_0004"], of=of)
    scenario.publish_livepatch(patch, "ALAS2LIVEPATCH-2024-204", scenario.ago(15), ("CVE-2024-0004",))
    node.node.install(scenario.rpm_of(newer))
    node.boot(*of)
    absent = node.json("--refresh", "scan")
    assert absent["compliance"]["livepatch"] == "NON_COMPLIANT" and "base-livepatch-absent" in codes(absent)
    assert [p["state"] for p in absent["patches"] if p["kind"] == "livepatch"] == ["Missing"]
    there = node.json("install")
    assert there["outcome"]["installed"] == [title(1, of)] and node.loaded() == ["livepatch_CVE_2024_0004"]
    nothing_to_do(node, "install")

    # the first kernel goes, and then its livepatch
    assert node.other_kernels_livepatches() == []
    node.node.erase("kernel-5.10.233")
    node.json("scan")
    assert node.other_kernels_livepatches() == [title(1)]
    assert "klpctl clean removes it" in node.run("list", "--all").stdout
    assert "klpctl clean" not in node.run("list").stdout
    cleaned = node.json("clean")
    assert cleaned["outcome"]["erased"] == [title(1)]
    assert cleaned["live_patching"]["enabled"] is True and node.loaded() == ["livepatch_CVE_2024_0004"]
    nothing_to_do(node, "clean")

    # off: the kernel goes on with what it runs, and that is said
    disabled = node.json("disable")
    assert switches(disabled) == [("repository", al2.LIVEPATCH, False), ("service", SERVICE, False)]
    assert disabled["outcome"]["steps"] == ["service", "lock", "guard", "test", "erase", "repository"]
    assert disabled["outcome"]["erased"] == [title(1, of)] and node.livepatches() == []
    assert disabled["live_patching"]["enabled"] is False and not node.service()
    assert "livepatch-without-package" in codes(disabled) and node.loaded() == ["livepatch_CVE_2024_0004"]
    assert node.node.path(EXTRAS).read_text() == before
    assert disabled["outcome"]["reboot_required"] is False  # NoReboot
    nothing_to_do(node, "disable")


def test_a_plan_is_shown_and_nothing_done(node):
    before = node.files()
    text = node.run("--dry-run", "enable").stdout
    for line in ("enable  repository amzn2extra-livepatch", "enable  service kpatch.service", "install  kpatch-runtime",
                 "install  binutils", f"install  {NAME}"):
        assert line.replace("  ", " ") in " ".join(text.split()), text
    report = node.json("--dry-run", "enable")
    assert [r["status"] for r in report["repositories"] if r["id"] == al2.LIVEPATCH] == ["disabled"]
    assert report["live_patching"]["repository"] is False
    assert node.files() == before and node.livepatches() == [] and not node.service()
    # what was fetched for the plan counts for nothing else
    assert node.json("scan")["compliance"]["livepatch"] == "NOT_APPLICABLE"
    assert [r["status"] for r in node.json("--cached", "scan")["repositories"] if r["id"] == al2.LIVEPATCH] == ["disabled"]


def test_what_was_fetched_for_a_plan_counts_for_nothing_else(node):
    """Live patching is on, and its repository off: what that offers is not known, whoever looked."""
    node.node.install(node.scenario.rpm_of(node.scenario.marker))
    before = node.json("scan")
    assert before["compliance"]["livepatch"] == "UNKNOWN" and "livepatch-repository-disabled" in codes(before)
    assert node.json("--dry-run", "enable")["plan"]["steps"]
    for arguments in (["--cached", "scan"], ["scan"]):
        after = node.json(*arguments)
        assert after["compliance"] == before["compliance"] and codes(after) == codes(before)
        assert [p["state"] for p in after["patches"]] == [p["state"] for p in before["patches"]]


def test_without_an_approved_livepatch_the_marker_is_installed(node):
    report = node.json("--as-of=2020-01-01T00:00:00Z", "enable", status=node.run("--help").returncode)
    assert [(s["kind"], s["package"]) for s in report["plan"]["steps"] if NAME in s["package"]] == [("marker", title(0))]
    assert node.livepatches() == [f"{NAME}-1.0-0.amzn2.x86_64"]
    assert report["live_patching"]["marker"] is True


def test_a_repository_that_is_nowhere_is_made(node):
    node.node.path(EXTRAS).write_text(al2.BEFORE_SECTION)
    report = node.json("enable")
    made = node.node.path(f"etc/yum.repos.d/{al2.LIVEPATCH}.repo")
    assert report["plan"]["switches"][0]["file"] is None
    assert made.read_text() == (TOP / f"conf/repositories/{al2.LIVEPATCH}.repo").read_text()
    assert node.node.path(EXTRAS).read_text() == al2.BEFORE_SECTION
    assert report["outcome"]["switched"][0] == f"{al2.LIVEPATCH}: enabled in /etc/yum.repos.d/{al2.LIVEPATCH}.repo"
    assert report["compliance"]["overall"] == "COMPLIANT"
    nothing_to_do(node, "enable")
    node.json("disable")
    assert "\nenabled = 0\n" in made.read_text()


def test_unloading_where_the_kernel_lets(node):
    node.json("enable")
    report = node.json("--unload", "disable")
    assert [m["loaded"] for m in report["outcome"]["modules"]] == [False]
    assert node.loaded() == [] and "livepatch-without-package" not in codes(report)
    assert report["outcome"]["reboot_required"] is False


def test_unloading_is_refused_by_the_kernel(node):
    node.json("enable")
    node.node.write("etc/kpatch-test", "BUSY=livepatch_CVE_2024_0001\n")
    report = node.json("--unload", "--reboot-option=RebootIfNeeded", "disable", status=102)
    [module] = report["outcome"]["modules"]
    assert module["loaded"] is True and "in use" in module["message"]
    assert report["outcome"]["erased"] == [title(1)] and not node.service()
    assert node.loaded() == ["livepatch_CVE_2024_0001"] and "livepatch-without-package" in codes(report)
    assert report["outcome"]["reboot_required"] is True and "unload-failed" in codes(report)
    assert "stay until a reboot" in node.run("disable").stdout.split("Node ")[0]


@pytest.mark.parametrize("modules", [None, (1, 0, 2), (0, 2, 1)])
def test_unloading_goes_backwards(node, modules):
    """The last one loaded first, as /proc/modules has it; what is not in it, by the list of files."""
    node.json("enable")
    node.scenario.install_patch(3)
    for module in ("livepatch_CVE_2024_0002", "livepatch_CVE_2024_0003"):
        node.node.load_livepatch(module)
    if modules and not os.path.exists("/proc/modules"):
        pytest.skip("this machine's kernel has no modules, and so no /proc/modules to stand one in for")
    names = [f"livepatch_CVE_2024_000{i}" for i in (1, 2, 3)]
    expected = list(reversed(names))
    if modules:
        expected = [names[i] for i in modules]
        node.node.write("fakeproc/modules", "".join(f"{name} 16384 1 - Live 0x0000000000000000 (OEK)\n" for name in [
            "ext4", *expected, "livepatch_CVE_2024_00011"]))
    node.json("--unload", "disable")
    assert node.node.path("var/unloaded").read_text().split() == expected


def test_the_newer_kernel_is_due_again_without_livepatches(node):
    """Semantics 5.5: what the livepatch stood in for waits for its reboot again."""
    node.node.install(node.scenario.rpm_of(node.scenario.kernels["next"]))
    covered = node.json("enable")
    assert [p["state"] for p in covered["patches"] if p["kind"] == "kernel"] == ["Installed"]
    report = node.json("disable")
    assert [p["state"] for p in report["patches"] if p["kind"] == "kernel"] == ["InstalledPendingReboot"]
    assert report["reboot"]["verdict"] == "yes"


@pytest.mark.parametrize("release", ["4.14.100-1.1.amzn2", "5.15.100-1.1.amzn2"])
def test_a_kernel_that_gets_none(node, release):
    node.boot(*release.split("-", 1))
    before = node.files()
    report = node.json("enable", status=1)
    [refusal] = report["plan"]["refusals"]
    assert refusal["code"] == "kernel-not-patchable" and release in refusal["message"]
    assert "5.10.234-225.895.amzn2" in refusal["message"] and "--with-kernel" in refusal["message"]
    assert report["outcome"]["result"] == "refused" and node.files() == before

    there = node.json("--with-kernel", "--reboot-option=RebootIfNeeded", "enable", status=102)
    assert any(p.startswith("kernel.x86_64:0:5.10.234") for p in there["outcome"]["installed"]), there["outcome"]
    assert there["outcome"]["reboot_required"] is True
    node.boot("5.10.234", "225.895.amzn2")
    again = node.json("enable", status=1)  # neither marker nor livepatch is offered for it
    assert "offered by no repository" in again["outcome"]["message"]


def test_a_kernel_that_is_there_and_waits_for_its_boot(node):
    """Whatever became of the first answer, the second says what is left to be done."""
    node.boot("5.15.100", "1.1.amzn2")
    node.json("--with-kernel", "enable", status=102)
    again = node.json("--with-kernel", "--reboot-option=RebootIfNeeded", "enable", status=102)
    assert again["outcome"]["result"] == "nothing-to-do" and again["plan"]["steps"] == []
    assert again["plan"]["boot"].startswith("kernel.x86_64:0:5.10.234") and again["outcome"]["reboot_required"] is True
    assert "boot kernel.x86_64:0:5.10.234" in " ".join(node.run("--with-kernel", "enable").stdout.split())
    time.sleep(1.1)  # times of installation are whole seconds
    node.boot("5.15.100", "1.1.amzn2", booted=int(time.time()))
    still = node.json("--with-kernel", "--reboot-option=RebootIfNeeded", "enable", status=1)  # no reboot after reboot
    assert "is installed: boot it" in still["outcome"]["message"] and still["outcome"]["reboot_required"] is False


def test_what_is_switched_by_something_else_too(node):
    """A unit that its vendor enabled cannot be disabled by the node's own link."""
    node.json("enable")
    folder = node.node.path("usr/lib/systemd/system/multi-user.target.wants")
    folder.mkdir(parents=True)
    (folder / SERVICE).symlink_to(f"../{SERVICE}")
    for _ in range(2):
        report = node.json("disable", status=1)
        assert report["outcome"]["result"] == "failed" and report["live_patching"]["service"] is True
        assert f"{SERVICE} was disabled and is still on" in report["outcome"]["message"]
    (folder / SERVICE).unlink()
    nothing_to_do(node, "disable")


@pytest.mark.parametrize("how", ["malformed", "private"])
def test_a_file_of_repositories_that_cannot_be_read(node, how):
    """It may hold the very section; a second one is not made."""
    path = node.node.path(EXTRAS)
    if how == "malformed":
        path.write_text(path.read_text() + "this means nothing\n")
    else:
        path.unlink()
        path.symlink_to(path.name)
    before = node.files()
    for _ in range(2):
        report = node.json("enable", status=69)
        assert [r["code"] for r in report["plan"]["refusals"]] == ["unreachable"] and node.files() == before
        assert [r["status"] for r in report["repositories"] if r["id"] == al2.LIVEPATCH] == ["unread"]
        assert report["live_patching"]["repository"] is None
    assert "could not be read" in " ".join(node.run("doctor").stdout.split())
    node.node.install(node.scenario.rpm_of(node.scenario.marker))
    assert node.json("scan")["compliance"]["livepatch"] == "UNKNOWN"
    report = node.json("disable", status=1)
    assert [r["code"] for r in report["plan"]["refusals"]] == ["repository-unread"]


def test_a_word_that_means_nothing_is_switched_off(node):
    node.json("enable")
    path = node.node.path(EXTRAS)
    on = path.read_text()
    path.write_text(on.replace("enabled=1", "enabled=maybe"))
    assert node.json("disable")["live_patching"]["repository"] is False
    assert path.read_text() == on.replace("enabled=1", "enabled=0")


def test_the_kernel_takes_it_at_the_next_boot_perhaps(node):
    """Loading failed: the unit that loads at boot is enabled all the same."""
    node.node.write("etc/kpatch-test", "REFUSE=symbol\n")
    report = node.json("enable", status=1)
    assert report["outcome"]["result"] == "failed" and "could not be loaded" in report["outcome"]["message"]
    assert node.loaded() == [] and node.livepatches() and node.service()
    assert report["outcome"]["steps"][-2:] == ["load", "service"]


def test_unloading_comes_too_late(node):
    """The package is gone, and with it who could say which module was its."""
    node.json("enable")
    node.json("disable")
    report = node.json("--unload", "disable", status=102)
    assert report["outcome"]["result"] == "nothing-to-do" and node.loaded() == ["livepatch_CVE_2024_0001"]
    assert "stay until a reboot" in node.run("--unload", "disable").stdout.split("Node ")[0]


def own_profile(node, old, new):
    text = (TOP / "conf/platforms/amzn2.yaml").read_text()
    assert text.count(old) == 1
    node.node.write("etc/klpd/platforms/amzn2.yaml", text.replace(old, new))


def test_a_repository_that_only_a_pattern_names(node):
    """As on RHEL: klpd cannot know which section to switch."""
    own_profile(node, "livepatch: [amzn2extra-livepatch]", 'livepatch: ["amzn2extra-livepatc?"]')
    before = node.files()
    report = node.json("enable", status=1)
    assert [r["code"] for r in report["plan"]["refusals"]] == ["repository-off"]
    assert "enable it as the vendor says" in report["outcome"]["message"] and node.files() == before
    path = node.node.path(EXTRAS)
    path.write_text(path.read_text().replace("enabled=0", "enabled=1"))
    report = node.json("enable")
    assert report["compliance"]["overall"] == "COMPLIANT" and switches(report) == [("service", SERVICE, True)]
    nothing_to_do(node, "enable")
    off = node.json("disable")
    assert off["live_patching"]["repository"] is True and switches(off) == [("service", SERVICE, False)]


def test_a_profile_without_repositories(node):
    own_profile(node, "livepatch: [amzn2extra-livepatch]", "livepatch: []")
    assert node.run("scan").returncode in (0, 69, 100)
    assert node.run("enable").returncode in (1, 69)


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_switched_off_by_the_operator(node, command):
    if command == "disable":
        node.json("enable")
    node.node.write("etc/klpd/disabled", "")
    before, loaded = node.files(), node.loaded()
    report = node.json(command, status=77)
    assert [r["code"] for r in report["plan"]["refusals"]] == ["disabled"]
    assert node.files() == before and node.loaded() == loaded


def test_what_another_package_needs_is_not_removed(node, tmp_path, key):
    from klpdtest import rpms  # pylint: disable=import-outside-toplevel
    node.json("enable")
    [needs] = rpms.build_all([rpms.Package("needs", "1", "1", requires=(NAME,))], tmp_path, key)
    node.node.install(needs)
    report = node.json("disable", status=65)
    assert f"{NAME} is needed by (installed) needs" in report["outcome"]["message"]
    assert node.livepatches() and report["outcome"]["erased"] == []
    assert "interrupted" not in codes(node.json("scan"))


def test_the_repository_is_out_of_reach(node):
    node.server.stop()
    before = node.files()
    report = node.json("enable", status=69)
    assert [r["code"] for r in report["plan"]["refusals"]] == ["unreachable"]
    assert al2.LIVEPATCH in report["outcome"]["message"] and node.files() == before


def test_bad_words(node):
    assert node.run("--cached", "enable").returncode == 64
    assert node.run("--unload", "enable").returncode == 64
    assert node.run("run").returncode == 64
    assert node.run("run", "--configure=on").returncode == 64
    assert node.run("run", "--configure=Enable", "--operation=Scan").returncode == 64


def test_by_its_remote_form(node):
    done = node.run("run", "--configure=Enable", "--ssm")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("klpd Configure: COMPLIANT"), done.stdout
    done = node.run("run", "--configure=Disable", "--ssm")
    assert done.returncode == 194, done.stdout + done.stderr  # RebootIfNeeded, as AWS's
    assert node.run("run", "--configure=Disable", "--reboot-option=NoReboot", "--ssm").returncode == 0


def test_the_journal_of_reports(node):
    node.json("enable")
    entries = json.loads(node.run("--json=short", "history").stdout)
    assert [entry["operation"] for entry in entries][:1] == ["Configure"]
    assert pathlib.Path(node.node.path("var/lib/klpd")).is_dir()


def state_of(node):
    """What a cut may leave: each part of the whole, done or not."""
    return ("enabled=1" in node.node.path(EXTRAS).read_text(), tuple(node.livepatches()), tuple(node.loaded()),
            node.service())


ON = (True, (f"{NAME}-1.0-1.amzn2.x86_64",), ("livepatch_CVE_2024_0001",), True)
OFF = (False, (), ("livepatch_CVE_2024_0001",), False)
MODULE = f"var/lib/kpatch/{al2.uname()}/livepatch_CVE_2024_0001.ko"
# In the order in which it happens.
MOMENTS = {
    "intent": lambda node: node.node.path("var/lib/klpd/intent.json").exists(),
    "repository on": lambda node: "enabled=1" in node.node.path(EXTRAS).read_text(),
    "module there": lambda node: node.node.path(MODULE).exists(),
    "module loaded": lambda node: node.loaded(),
    "service on": lambda node: node.service(),
    "service off": lambda node: not node.service(),
    "module gone": lambda node: not node.node.path(MODULE).exists(),
    "repository off": lambda node: "enabled=1" not in node.node.path(EXTRAS).read_text(),
}


@pytest.mark.parametrize("command, moments, end", [
    ("enable", ["intent", "repository on", "module there", "module loaded", "service on"], ON),
    ("disable", ["intent", "service off", "module gone", "repository off"], OFF),
])
def test_cut_off_anywhere_and_run_again(node, capsys, command, moments, end):
    """All processes of the node end at once, at many moments; the next run ends right all the same."""
    if command == "disable":
        node.json("enable")
    seen, told = set(), 0
    for cut, (moment, delay) in enumerate(itertools.product(moments, (0, 0.004, 0.02))):
        folder = node.scenario.folder.with_name(f"cut{cut}")
        copy = node.scenario.copy(folder)
        copy.serve_from(node.server.address)
        other = Node(copy, node.server, node.inside.build)
        process = other.inside.start("/opt/klpd/klpctl", "--direct", "-q", command)
        deadline = time.monotonic() + 60
        while not MOMENTS[moment](other) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(delay)
        process.kill()
        process.wait(30)
        other.inside.tidy()
        seen.add(state_of(other))
        report = other.json(command)
        told += "interrupted" in codes(report)
        assert state_of(other) == end, (moment, delay, report["outcome"])
        assert other.json(command)["outcome"]["result"] == "nothing-to-do"
        assert not other.node.path("var/lib/klpd/intent.json").exists()
        shutil.rmtree(folder)
    with capsys.disabled():
        print(f"\n{command}: {cut + 1} cuts, {len(seen)} different states, {told} told as interrupted",
              file=sys.stderr)
    assert len(seen) >= 3 and told >= 3
