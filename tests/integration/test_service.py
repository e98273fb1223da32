# SPDX-License-Identifier: Apache-2.0
"""klpd as a service of a real systemd, which is the first process of a container (klpdtest/booted.py)."""
import json
import re
import time

import pytest

from klpdtest import al2, booted, server as servers
from running import TOP

pytestmark = pytest.mark.root

NAME = al2.livepatch_name()
LIVEPATCH = f"{NAME}.{al2.ARCH}"
APPROVED = f"{LIVEPATCH}:0:1.0-1.amzn2"
IDLE = 2  # seconds, instead of a minute
# The units as shipped, but for times that a test can wait for.
QUICK = f"""[Service]
ExecStart=
ExecStart=/usr/local/libexec/klpd/klpd --apply=/run/klpd/apply --wishes=/run/klpd/wishes \\
	--state-dir=/var/lib/klpd --cache-dir=/var/cache/klpd --exit-idle={IDLE}
"""
NO_SPREAD = """[Service]
ExecStart=
ExecStart=/usr/local/bin/klpctl {command} --trigger=timer --quiet
"""
SOON = """[Timer]
OnCalendar=
OnActiveSec=1
AccuracySec=10ms
"""


class Node:
    """A node that runs, and klpctl on it."""

    def __init__(self, machine):
        self.machine = machine
        self.node = machine.node

    def klpctl(self, *arguments, user=None, status=0):
        done = self.machine.run("klpctl", *arguments, user=user)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def json(self, *arguments, **options):
        return json.loads(self.klpctl(*arguments, "--json=short", **options).stdout)

    def pid(self):
        return int(self.machine.property("klpd.service", "MainPID"))

    def journal(self, *matches):
        """Entries that match, oldest first."""
        done = self.machine.run("journalctl", "--output=json", "--all", "--no-pager", *matches)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait(self, condition, what, seconds=30):
        return self.machine.wait(condition, what, seconds)

    def installed(self):
        return [line for line in self.node.list_installed() if line.startswith(NAME)]

    def loaded(self):
        folder = self.machine.root / "fakesys/kernel/livepatch"
        return sorted(path.name for path in folder.iterdir())

    def history(self):
        return [entry["operation"] for entry in self.json("history")]


@pytest.fixture(name="container", scope="module")
def container_fixture(al2_original, tmp_path_factory, build):
    """Skips where no container can be made; what goes wrong inside one is a failure."""
    obstacle = booted.obstacle()
    if not obstacle and "asan" in build.name:
        obstacle = "the sandbox of the units leaves no room for AddressSanitizer's memory"
    if not obstacle:
        probe = booted.Booted(al2_original.copy(tmp_path_factory.mktemp("probe") / "al2"), build)
        probe.prepare()
        obstacle = probe.obstacle()
    if obstacle:
        pytest.skip(obstacle)


@pytest.fixture(name="machine")
def machine_fixture(container, scenario, served, build):
    made = booted.Booted(scenario, build)
    made.prepare()
    made.drop_in("klpd.service", QUICK)
    yield made
    made.stop()
    assert not made.group.exists(), "the container left processes behind"


@pytest.fixture(name="node")
def node_fixture(machine):
    machine.start("klpd.socket", "klpd-apply.socket")
    return Node(machine)


# ---- the life of the service ----------------------------------------------------------------------


def test_a_socket_starts_it_and_idleness_ends_it(node):
    assert node.machine.property("klpd.service", "ActiveState") == "inactive"
    assert node.klpctl("status").stdout.startswith("Agent          klpd ")
    assert node.machine.property("klpd.service", "ActiveState") == "active"
    assert node.machine.property("klpd.service", "StatusText") == "idle"
    node.wait(lambda: node.machine.property("klpd.service", "ActiveState") == "inactive", "the end of idleness")
    assert node.machine.property("klpd.service", "Result") == "success"
    assert not [line for line in node.machine.run("ps", "-eo", "comm").stdout.splitlines() if line.startswith("klp")]
    node.klpctl("status")  # and again
    assert node.pid() > 0


def test_from_missing_to_active(node):
    """What make demo shows, but nobody has a right to more than his part."""
    assert node.json("scan")["compliance"]["overall"] == "NON_COMPLIANT"
    report = node.json("install")
    assert report["compliance"]["overall"] == "COMPLIANT" and report["outcome"]["result"] == "done"
    assert report["outcome"]["steps"] == ["stage", "verify", "lock", "guard", "test", "install", "load"]
    assert report["resources"]["cpu_ms"] > 0
    assert node.installed() == [f"{NAME}-1.0-1.amzn2.x86_64"] and node.loaded() == ["livepatch_CVE_2024_0001"]
    node.klpctl("verify")
    node.klpctl("check")
    assert node.machine.run("systemctl", "--failed", "--no-legend").stdout == ""
    owners = node.machine.sh("stat -c %U /var/lib/klpd/report.json /var/lib/klpd/history/* /var/cache/klpd/*")
    assert set(owners.split()) == {"klpd"}


def test_root_without_the_service(node):
    """klpctl --direct: what parses is not root even then, and what it leaves is the service's."""
    node.machine.run("systemctl", "stop", "klpd.socket", "klpd.service", "klpd-apply.socket", check=True)
    node.machine.sh("for f in sys/kernel/osrelease sys/kernel/version sys/kernel/random/boot_id stat; do "
                    "mount --bind /fakeproc/$f /proc/$f; done")
    watch = node.machine.popen("sh", "-c", "for i in $(seq 200); do ps -eo user,comm --no-headers | grep klpd; "
                               "sleep 0.01; done")
    assert node.json("install", "--direct")["outcome"]["result"] == "done"
    seen = {tuple(line.split()) for line in watch.communicate()[0].splitlines()}
    assert {("klpd", "klpd-worker"), ("root", "klpd")} <= seen
    assert not {("root", "klpd-worker"), ("root", "klpd-fetch")} & seen
    node.machine.run("systemctl", "start", "klpd.socket", "klpd-apply.socket", check=True)
    assert node.json("install")["outcome"]["result"] == "nothing-to-do"
    assert node.json("scan", "--refresh")["compliance"]["overall"] == "COMPLIANT"
    assert node.history() == ["Scan", "Install", "Install"]


def test_what_runs_is_locked_down(node, served):
    served.on("repomd.xml", servers.slow(3), times=3)
    scan = node.machine.popen("klpctl", "scan")
    node.wait(lambda: served.asked_for("repomd.xml"), "the request")
    tree = node.machine.sh("ps -eo pid,user,comm --no-headers | grep klpd").split("\n")
    seen = {}
    for line in filter(None, tree):
        pid, user, program = line.split(None, 2)
        status = node.machine.sh(f"cat /proc/{pid}/status")
        seen[program.strip()] = (user, *(re.search(rf"^{key}:\s*(\S+)", status, re.M).group(1)
                                         for key in ("CapEff", "NoNewPrivs", "Seccomp")))
    assert scan.wait(60) == 0
    assert seen == {name: ("klpd", "0" * 16, "1", "2") for name in ("klpd", "klpd-fetch")}


def test_reload_and_settings(node):
    node.klpctl("status")
    pid = node.pid()
    node.machine.write("etc/klpd/klpd.yaml", "windows: 22:00-23:30\n")
    node.machine.run("systemctl", "reload", "klpd.service", check=True)
    assert node.json("status")["window"] and node.pid() == pid


def test_the_watchdog(machine):
    machine.drop_in("klpd.service", QUICK.replace(f"--exit-idle={IDLE}", "") + "WatchdogSec=1\n")
    machine.start("klpd.socket", "klpd-apply.socket")
    node = Node(machine)
    node.klpctl("status")
    pid = node.pid()
    time.sleep(2.5)
    assert node.pid() == pid, "it does not feed its watchdog"
    machine.sh(f"kill -STOP {pid}")
    node.wait(lambda: node.pid() not in (0, pid), "the watchdog")
    assert machine.property("klpd.service", "NRestarts") == "1"
    assert "Watchdog timeout" in machine.run("journalctl", "-u", "klpd.service", "--no-pager").stdout
    node.klpctl("scan")


def test_it_is_started_again_after_a_crash(node):
    node.klpctl("status")
    pid = node.pid()
    node.machine.sh(f"kill -SEGV {pid}")
    node.wait(lambda: node.pid() not in (0, pid), "another klpd")
    node.klpctl("scan")


# ---- who may what ---------------------------------------------------------------------------------


def test_looking_is_for_everybody_and_changing_is_not(node):
    somebody = booted.USER
    assert node.json("scan", user=somebody)["compliance"]["overall"] == "NON_COMPLIANT"
    node.klpctl("list", user=somebody)
    for command in (["install"], ["install", "--dry-run"], ["cancel"], ["pause"], ["resume"]):
        done = node.klpctl(*command, user=somebody, status=77)
        assert done.stderr == ("klpctl: only root and the configured group change the node; looking is for "
                               "everybody\n")
    done = node.klpctl("run", "--operation=Scan", "--baseline-override=s3://b/k", user=somebody, status=77)
    assert "by the node's own keys" in done.stderr
    assert node.installed() == [f"{NAME}-1.0-0.amzn2.x86_64"] and node.history() == ["Scan"]
    [refused] = node.journal("KLPD_ACTION=install")
    assert refused["KLPD_CALLER_UID"] == str(somebody) and refused["KLPD_CALLER"].startswith(
        f"somebody (uid {somebody}), klpctl, pid ")
    assert refused["PRIORITY"] == "4" and "refused" in refused["MESSAGE"]
    # nor does the socket of what is root let anybody in but klpd
    assert node.machine.sh("stat -c '%U %a' /run/klpd/apply") == "klpd 600\n"


FLOOD = """
import json, os, socket, time
socks = []
for n in range(40):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect("/run/klpd/io.klpd.Agent")
    try:
        if n % 2:
            sock.sendall(json.dumps({"method": "io.klpd.Agent.Scan", "more": True}).encode() + b"\\0")
    except OSError:  # it was closed
        pass
    socks.append(sock)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_one_user_does_not_lock_the_others_out(node, served):
    """Forty connections, half of them with a scan that hangs, and half silent."""
    served.on("repomd.xml", servers.stall(60))
    node.machine.write("home/somebody/flood.py", FLOOD)
    flood = node.machine.popen("python3", "/home/somebody/flood.py", user=booted.USER)
    pid = int(flood.stdout.readline())
    begin = time.monotonic()
    assert node.json("status")["busy"] == "scan"
    node.klpctl("cancel")
    assert time.monotonic() - begin < 10
    node.machine.sh(f"kill {pid}")
    flood.communicate(timeout=20)


def test_the_configured_group(node):
    node.machine.write("etc/klpd/klpd.yaml", "group: patchers\n")  # somebody is in it
    assert node.json("install", user=booted.USER)["outcome"]["result"] == "done"
    node.machine.write("etc/klpd/klpd.yaml", "group: nogroup\n")
    node.klpctl("install", user=booted.USER, status=77)
    node.machine.write("etc/klpd/klpd.yaml", "group: no-such-group\n")
    node.klpctl("install", user=booted.USER, status=77)
    assert "there is no group 'no-such-group'" in node.machine.run("journalctl", "-t", "klpd", "--no-pager").stdout


def test_a_baseline_of_somebodys_own_is_answered_and_not_kept(node):
    node.klpctl("scan")
    node.machine.write("home/somebody/own.yaml", "Name: Own\nOperatingSystem: AMAZON_LINUX_2\n")
    report = node.json("scan", "--baseline=/home/somebody/own.yaml", user=booted.USER)
    assert report["baseline"]["name"] == "Own"
    assert node.history() == ["Scan"]
    assert node.json("scan", "--baseline=/home/somebody/own.yaml")["baseline"]["name"] == "Own"  # root's is
    assert node.history() == ["Scan", "Scan"]
    assert node.json("status")["report"]["baseline"]["name"] != "Own"


# ---- the journal ----------------------------------------------------------------------------------


def test_the_journal(node):
    node.klpctl("install")
    catalog = "/usr/local/lib/systemd/catalog/klpd.catalog"
    node.machine.run("journalctl", "--update-catalog", check=True)
    [missing] = node.journal(f"KLPD_PACKAGE={APPROVED}", "KLPD_STATE=active")
    assert missing["MESSAGE"] == f"{APPROVED}: active, the kernel runs it"
    assert missing["_SYSTEMD_UNIT"] == "klpd.service" and missing["SYSLOG_IDENTIFIER"] == "klpd"
    assert missing["MESSAGE_ID"] in node.machine.sh(f"cat {catalog}")
    ended = [entry["KLPD_STATE"] for entry in node.journal("KLPD_ACTION=install") if "KLPD_STATE" in entry]
    assert ended == ["done"]
    reports = [(entry["KLPD_STATE"], entry["KLPD_JOB"]) for entry in node.journal("KLPD_TRIGGER=manual")]
    assert reports == [("COMPLIANT", node.json("history")[0]["id"])]
    text = node.machine.run("journalctl", "--catalog", "--no-pager", f"KLPD_PACKAGE={APPROVED}").stdout
    assert "Only \"active\" means" in text and "The state of a livepatch after a change" in text


def test_patches_are_found_by_cve(node):
    node.klpctl("scan")
    found = {entry["KLPD_PACKAGE"] for entry in node.journal("KLPD_CVE=CVE-2024-0001")}
    assert APPROVED in found and all("Missing" == entry["KLPD_STATE"] for entry in
                                     node.journal("KLPD_CVE=CVE-2024-0001"))


# ---- timers ---------------------------------------------------------------------------------------


def test_the_timer_scans(machine):
    machine.drop_in("klpd-scan.timer", SOON)
    machine.drop_in("klpd-scan.service", NO_SPREAD.format(command="scan"))
    machine.start("klpd.socket", "klpd-apply.socket", "klpd-scan.timer")
    node = Node(machine)
    node.wait(lambda: machine.property("klpd-scan.service", "ExecMainExitTimestampMonotonic") not in ("", "0"),
              "the timer")
    report = node.json("status")["report"]
    assert report["trigger"] == "timer" and report["operation"] == "Scan"
    assert machine.property("klpd-scan.service", "Result") == "success"


def test_the_timer_installs_once_in_a_window(machine):
    """As klpd's own user, through klpd-apply; what comes outside the windows is put off."""
    machine.drop_in("klpd-install.service", NO_SPREAD.format(command="install"))
    now = time.time()
    closed = [time.strftime("%H:%M", time.gmtime(now + hours * 3600)) for hours in (2, 4)]
    machine.write("etc/klpd/klpd.yaml", f"windows: {closed[0]}-{closed[1]} UTC\n")
    machine.start("klpd.socket", "klpd-apply.socket")
    node = Node(machine)
    machine.run("systemctl", "start", "klpd-install.service", check=True)
    assert node.installed() == [f"{NAME}-1.0-0.amzn2.x86_64"]
    [held] = node.journal("KLPD_ACTION=install")
    assert "put off, outside the maintenance windows; the next one opens" in held["MESSAGE"]
    assert held["KLPD_CALLER_UNIT"] == "klpd-install.service" and held["KLPD_CALLER"].startswith("klpd (uid ")
    machine.write("etc/klpd/klpd.yaml", "")
    for _ in range(2):
        machine.run("systemctl", "start", "klpd-install.service", check=True)
    assert node.installed() == [f"{NAME}-1.0-1.amzn2.x86_64"] and node.history() == ["Install"]
    report = node.json("history", node.json("history")[0]["id"])
    assert report["trigger"] == "timer" and report["outcome"]["asked_by"].endswith(", klpd-install.service")


def test_after_a_boot_it_is_verified(node):
    machine = node.machine
    machine.run("systemctl", "start", "klpd-verify.service", check=True)  # nothing installed, nothing wrong
    machine.run("systemctl", "stop", "klpd-verify.service", check=True)
    node.klpctl("install")
    machine.run("systemctl", "start", "klpd-verify.service", check=True)
    machine.run("systemctl", "stop", "klpd-verify.service", check=True)
    machine.sh("rm -r /sys/kernel/livepatch/*")  # kpatch.service did not load it
    assert machine.run("systemctl", "start", "klpd-verify.service").returncode != 0
    assert "klpd-verify.service" in machine.run("systemctl", "--failed", "--no-legend").stdout
    said = machine.run("journalctl", "-u", "klpd-verify.service", "--no-pager").stdout
    assert "livepatch_CVE_2024_0001 is not loaded" in said


def test_a_reboot_only_where_an_operator_allows_it(machine):
    machine.drop_in("klpd-reboot.service", "[Service]\nExecStart=\nExecStart=/bin/sh -c 'echo once >>/run/rebooted'\n")
    machine.drop_in("klpd-apply@.service", "[Service]\nExecStart=\nExecStart=/usr/local/libexec/klpd/klpd-apply "
                    "--allow=kernel-livepatch-{version}-{release} --strip=.amzn2 --allow=kpatch-runtime "
                    "--allow-kernel=kernel\nReadWritePaths=-/boot\n")
    machine.start("klpd.socket", "klpd-apply.socket")
    node = Node(machine)
    machine.node.enable_service(enabled=False)  # no livepatch covers the kernel
    arguments = ("install", "--with-kernel", "--reboot-option=RebootIfNeeded")
    report = node.json(*arguments, status=0)
    outcome = report["outcome"]
    assert outcome["reboot_required"] is True and outcome["reboot_reason"].startswith("kernel")
    assert outcome["reboot_reason"].endswith(": not by klpd, for klpd-reboot.path is not enabled")
    wish = ("cat", "/run/klpd/wishes/reboot")
    assert machine.run(*wish).returncode != 0
    machine.run("systemctl", "enable", "--now", "klpd-reboot.path", check=True)
    time.sleep(1)
    assert machine.run("cat", "/run/rebooted").returncode != 0  # that one was before
    machine.run("systemctl", "stop", "klpd-reboot.path", check=True)
    report = node.json(*arguments, status=0)
    assert machine.run(*wish).stdout.startswith("kernel") and "in five minutes" in report["outcome"]["reboot_reason"]
    node.json("install", status=0)
    assert machine.run(*wish).returncode != 0  # nobody asks for it any more
    machine.run("systemctl", "start", "klpd-reboot.path", check=True)
    node.json(*arguments, status=0)
    node.wait(lambda: machine.run("cat", "/run/rebooted").stdout == "once\n", "the reboot")
    node.json(*arguments, status=0)
    time.sleep(1)
    assert machine.sh("cat /run/rebooted") == "once\n"


def test_the_shipped_unit_installs_no_kernel(node):
    node.node.enable_service(enabled=False)
    before = node.node.list_installed()
    report = node.json("install", "--with-kernel", status=65)
    assert report["outcome"]["result"] == "failed" and "kernel" in report["outcome"]["message"]
    assert node.node.list_installed() == before


def test_on_and_off(machine):
    """By the shipped units: systemd's own word on kpatch.service, and the section that they name."""
    machine.node.erase(NAME, "kpatch-runtime")
    machine.node.path("usr/sbin/kpatch").unlink()
    machine.node.enable_service(enabled=False)
    path = machine.node.path("etc/yum.repos.d/amzn2extra-livepatch.repo")
    path.write_text(path.read_text().replace("enabled=1", "enabled=0"))
    before = path.read_text()
    machine.start("klpd.socket", "klpd-apply.socket")
    node = Node(machine)
    report = node.json("enable")
    assert report["outcome"]["result"] == "done" and report["compliance"]["overall"] == "COMPLIANT", report["outcome"]
    assert machine.run("systemctl", "is-enabled", "kpatch.service").stdout.strip() == "enabled"
    assert machine.property("kpatch.service", "Result") == "success"
    assert machine.property("kpatch.service", "ExecMainExitTimestampMonotonic") not in ("", "0")
    assert path.read_text() == before.replace("enabled=0", "enabled=1") and path.stat().st_uid == 0
    assert node.loaded() == ["livepatch_CVE_2024_0001"]
    assert node.json("enable")["outcome"]["result"] == "nothing-to-do"

    done = node.json("disable", "--unload")
    assert done["outcome"]["result"] == "done" and done["live_patching"]["enabled"] is False, done["outcome"]
    assert machine.run("systemctl", "is-enabled", "kpatch.service").stdout.strip() == "disabled"
    assert path.read_text() == before and node.installed() == [] and node.loaded() == []
    assert node.json("disable")["outcome"]["result"] == "nothing-to-do"


def test_reports_leave_the_node(node):
    """By plugins in the unit's sandbox: a file where klpd may write, and the real journal."""
    node.machine.write("etc/klpd/klpd.yaml", "plugins:\n  file: {path: /var/lib/klpd/for-others.json}\n"
                       "  journal: {json: true}\n  openmetrics: {path: /nowhere/klpd.prom}\n")
    node.machine.sh("chown -R root:root /etc/klpd /usr/local/libexec/klpd")
    report = node.json("install")
    path = node.node.path("var/lib/klpd/for-others.json")
    node.wait(lambda: path.exists() and json.loads(path.read_text())["id"] == report["id"], "the file")
    node.wait(lambda: node.journal("MESSAGE_ID=0f1ab4a9d9d84c0e8f7b5a6c3d2e1f00"), "the entry")
    [entry] = node.journal("MESSAGE_ID=0f1ab4a9d9d84c0e8f7b5a6c3d2e1f00")
    assert entry["KLPD_STATE"] == "COMPLIANT" and entry["KLPD_JOB"] == report["id"]
    assert json.loads(entry["KLPD_REPORT"]) == report
    text = node.machine.run("journalctl", "-x", "--no-pager", "MESSAGE_ID=0f1ab4a9d9d84c0e8f7b5a6c3d2e1f00").stdout
    assert "klpctl history " + report["id"] in text or "KLPD_JOB" not in text
    failed = node.json("scan")
    [finding] = [f for f in failed["findings"] if f["code"] == "publish-failed"]
    assert finding["subject"] == "openmetrics" and "/nowhere/klpd.prom cannot be written" in finding["message"]
    node.wait(lambda: node.machine.property("klpd.service", "ActiveState") == "inactive", "the end of idleness", 60)


def test_an_operators_program_vetoes(node):
    """As user klpd, in the unit's sandbox."""
    node.machine.write("etc/klpd/hooks.d/pre-install/10-drain",
                       "#!/bin/sh\ncat >/dev/null\necho \"$(id -un) says not now\" >&2\nexit 1\n")
    node.machine.sh("chmod 755 /etc/klpd/hooks.d/pre-install/10-drain; chown -R root:root /etc/klpd")
    report = node.json("install", status=75)
    assert report["outcome"]["result"] == "refused"
    assert report["outcome"]["message"].endswith("refused with exit status 1: klpd says not now")
    assert node.installed() == [f"{NAME}-1.0-0.amzn2.x86_64"] and node.loaded() == []
    node.machine.sh("rm /etc/klpd/hooks.d/pre-install/10-drain")
    assert node.json("install")["outcome"]["result"] == "done"


def test_the_command_document(node):
    """As amazon-ssm-agent runs it: sh -c, parameters as environment; through the agent, as root."""
    document = json.loads((TOP / "conf/ssm/Klpd-RunPatchBaseline.json").read_text())
    [step] = document["mainSteps"]
    node.machine.write("var/lib/ssm/_script.sh", "\n".join(step["inputs"]["runCommand"]) + "\n")
    parameters = {name: str(value.get("default", "")) for name, value in document["parameters"].items()}
    for operation, overall in (("Scan", "NON_COMPLIANT"), ("Install", "COMPLIANT")):
        parameters["Operation"] = operation
        done = node.machine.run("env", *(f"SSM_{name}={value}" for name, value in parameters.items()), "sh", "-c",
                                "/bin/sh /var/lib/ssm/_script.sh")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(f"klpd {operation}: {overall}, ") and len(done.stdout) < 20000
    report = node.json("history", node.json("history")[0]["id"])
    assert report["trigger"] == "remote" and report["reboot_option"] == "RebootIfNeeded"
    assert node.installed() == [f"{NAME}-1.0-1.amzn2.x86_64"]


# ---- two at once, and the end in every phase --------------------------------------------------------


def test_two_installations_at_once(node):
    node.machine.write("etc/kpatch-test", "sleep 2\n")
    first = node.machine.popen("klpctl", "install")
    node.wait(lambda: "load" in node.machine.property("klpd.service", "StatusText")
              or "apply" in node.machine.property("klpd.service", "StatusText"), "the installation")
    second = node.klpctl("install", status=75)
    assert re.fullmatch(r"klpctl: the agent is busy with a change by install \((apply|load)\), asked for by root "
                        r"\(uid 0\), klpctl, pid \d+.*\n", second.stderr), second.stderr
    status = node.json("status")
    assert status["busy"] == "install" and status["phase"] in ("apply", "load") and "root (uid 0)" in status["who"]
    done = node.klpctl("cancel", status=75)
    assert "past the point of no return" in done.stderr
    assert node.klpctl("scan").stdout  # waits its turn
    assert first.wait(60) == 0


def stop_in(node, phase, *arguments):
    """systemctl stop while an installation is in that phase; what klpctl said, and its status."""
    running = node.machine.popen("klpctl", *(arguments or ("install",)))
    node.wait(lambda: phase in node.machine.property("klpd.service", "StatusText"), phase)
    time.sleep(0.2)
    node.machine.run("systemctl", "stop", "klpd.service", check=True)
    output, errors = running.communicate(timeout=60)
    assert node.machine.property("klpd.service", "Result") == "success"
    assert node.machine.property("klpd.service", "MainPID") == "0"
    return running.returncode, output, errors


@pytest.mark.parametrize("phase, file", [("fetch", "repomd.xml"), ("download", "1.0-1.amzn2.x86_64.rpm")])
def test_stopped_before_anything_was_changed(node, served, phase, file):
    served.on(file, servers.slow(20))
    status, output, errors = stop_in(node, phase)
    assert (status, output, errors) == (75, "", "klpctl: klpd is being stopped; try again\n")
    served.on(file, None)
    assert node.installed() == [f"{NAME}-1.0-0.amzn2.x86_64"] and node.history() == []
    assert node.json("install")["outcome"]["result"] == "done"


def test_stopped_while_it_changes_the_node(node):
    """It is carried through, and everybody is told."""
    node.machine.write("etc/kpatch-test", "sleep 3\n")
    status, output, _ = stop_in(node, "apply")
    assert status == 0 and "Installation   done" in output
    assert node.installed() == [f"{NAME}-1.0-1.amzn2.x86_64"] and node.loaded() == ["livepatch_CVE_2024_0001"]
    assert node.history() == ["Install"]


def test_stopped_while_it_waits_for_the_kernel(node):
    """Only the waiting ends: the report says what is."""
    node.machine.write("etc/kpatch-test", 'mkdir -p "/sys/kernel/livepatch/$name"; echo 1 >"/sys/kernel/livepatch/$name/'
                       'enabled"; echo 1 >"/sys/kernel/livepatch/$name/transition"; exit 0\n')
    status, output, _ = stop_in(node, "activation")
    assert status == 100 and "NON_COMPLIANT" in output
    assert node.history() == ["Install"]


def test_killed_while_it_changes_the_node(node):
    """klpd-apply is another unit and goes on; the next klpd says what happened."""
    node.machine.write("etc/kpatch-test", "sleep 3\n")
    running = node.machine.popen("klpctl", "install")
    node.wait(lambda: "apply" in node.machine.property("klpd.service", "StatusText"), "apply")
    time.sleep(0.5)
    node.machine.sh(f"kill -KILL {node.pid()}")
    assert running.wait(60) == 69
    node.wait(lambda: node.loaded() == ["livepatch_CVE_2024_0001"], "the load")
    node.machine.write("home/somebody/own.yaml", "Name: Own\nOperatingSystem: AMAZON_LINUX_2\n")
    node.json("scan", "--baseline=/home/somebody/own.yaml", user=booted.USER)  # is not kept, and takes no news away
    report = node.json("scan")
    assert "interrupted" in {finding["code"] for finding in report["findings"]}
    assert report["compliance"]["overall"] == "COMPLIANT"
