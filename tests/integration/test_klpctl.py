# SPDX-License-Identifier: Apache-2.0
"""klpctl against an agent that answers what the test wants: what it asks, what it shows, how it ends."""
import copy
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()
KLPCTL = BUILD / "klpctl"
AGENT = "io.klpd.Agent."
NOW = "2025-11-20T12:00:00Z"

REPORT = {
    "schema": "klpd.report/1", "id": "01234567-89ab-cdef-0123-456789abcdef", "operation": "Scan",
    "reboot_option": "NoReboot", "trigger": "manual", "started": "2025-11-20T11:59:58Z",
    "finished": "2025-11-20T12:00:00Z", "as_of": NOW,
    "node": {"os": "amzn", "release": "2", "arch": "x86_64", "kernel": "5.10.245-243.979.amzn2.x86_64",
             "kernel_build_date": "2025-10-20T10:00:00Z", "boot_id": None,
             "boot_time": "2025-11-01T12:00:00Z"},
    "baseline": {"id": "pb-1", "name": "Default", "source": "built-in:Default", "sha256": "00"},
    "live_patching": {"enabled": True, "marker": True, "runtime": True, "service": True,
                      "repository": True, "supported_until": "2026-01-20T10:00:00Z",
                      "days_left": 61, "in_window": True},
    "compliance": {"overall": "NON_COMPLIANT", "livepatch": "NON_COMPLIANT", "kernel": "COMPLIANT"},
    "reboot": {"verdict": "no-kernel-covered", "reasons": ["kernel 5.10.246 waits."]},
    "summary": {"installed": 1, "installed_other": 0, "installed_pending_reboot": 0,
                "installed_rejected": 0, "missing": 1, "failed": 0, "not_applicable": 1},
    "patches": [
        {"id": "kernel-livepatch-5.10.245-243.979.x86_64",
         "title": "kernel-livepatch-5.10.245-243.979.x86_64:0:1.0-3.amzn2", "kind": "livepatch",
         "state": "Missing", "active": True, "modules": [], "classification": "Security",
         "severity": "Important", "compliance_level": "HIGH", "advisories": ["ALAS2LIVEPATCH-1"],
         "cves": ["CVE-2025-1", "CVE-2025-2"], "installed": "0:1.0-2.amzn2",
         "candidate": "0:1.0-3.amzn2", "installed_time": None, "released": "2025-11-01T00:00:00Z",
         "approve_at": "2025-11-08T00:00:00Z", "rule": "rule 1", "reason": "1.0-3 is approved."},
        {"id": "kernel.x86_64", "title": "kernel.x86_64:0:5.10.245-243.979.amzn2", "kind": "kernel",
         "state": "Installed", "classification": "", "severity": "", "compliance_level": "UNSPECIFIED",
         "advisories": [], "cves": [], "installed": "0:5.10.245-243.979.amzn2", "candidate": None,
         "installed_time": None, "released": None, "approve_at": None, "rule": None,
         "reason": "It runs."},
        {"id": "other.x86_64", "title": "other.x86_64:0:1-1", "kind": "livepatch",
         "state": "NotApplicable", "classification": "", "severity": "",
         "compliance_level": "UNSPECIFIED", "advisories": [], "cves": [], "installed": None,
         "candidate": "0:1-1", "installed_time": None, "released": None, "approve_at": None,
         "rule": None, "reason": "Not for this node."}],
    "held": [
        {"id": "kernel-livepatch-5.10.245-243.979.x86_64",
         "title": "kernel-livepatch-5.10.245-243.979.x86_64:0:1.0-4.amzn2", "kind": "livepatch",
         "classification": "Security", "severity": "Medium", "compliance_level": "UNSPECIFIED",
         "advisories": [], "cves": [], "installed": None, "candidate": None, "installed_time": None,
         "released": "2025-11-18T00:00:00Z", "approve_at": "2025-11-25T00:00:00Z", "rule": None,
         "reason": "not-yet-approved", "message": "Its clock runs until 2025-11-25."}],
    "coverage": {"kernel_candidate": "kernel-5.10.246-1.amzn2.x86_64", "needed": ["CVE-2025-1"],
                 "missing": [], "policy": "strict", "covered": True, "reason": "All are fixed."},
    "repositories": [
        {"id": "amzn2extra-livepatch", "role": "livepatch", "revision": "1",
         "fetched": "2025-11-20T10:00:00Z", "age_seconds": 7200, "checksum": None, "status": "ok"},
        {"id": "amzn2-core", "role": "kernel", "revision": None, "fetched": None, "age_seconds": None,
         "checksum": None, "status": "unreachable"}],
    "findings": [{"code": "repository-unreachable", "severity": "error", "subject": "amzn2-core",
                  "message": "No mirror answered."}],
    "resources": {"cpu_ms": 1, "peak_rss_kib": 2, "bytes_fetched": 3},
}

EXPLANATION = {
    "kind": "package", "package": "lp.x86_64", "as_of": NOW, "matched": True, "state": "Missing",
    "builds": [
        {"nevra": "lp-1.0-2.x86_64", "installed": False, "active": None, "available": True,
         "repository": "livepatch", "excluded": False, "approved": False, "by": None,
         "hold": "severity", "released": "2025-11-10T00:00:00Z", "approve_at": None,
         "compliance_level": "UNSPECIFIED", "reason": "No rule selects medium.",
         "notices": [{"id": "ALAS-1", "repository": "livepatch", "type": "security",
                      "severity": "medium", "issued": "2025-11-09T00:00:00Z",
                      "updated": "2025-11-10T00:00:00Z", "release_date": "2025-11-10T00:00:00Z",
                      "release_date_from": "updated", "cves": ["CVE-2025-7"], "approved": False,
                      "reason": "No rule selects it.",
                      "rules": [{"rule": 1, "line": 12, "matched": False,
                                 "failed": {"filter": "SEVERITY", "value": "medium",
                                            "allowed": ["Critical", "Important"]}, "clock": None},
                                {"rule": 2, "line": 20, "matched": True, "failed": None,
                                 "clock": "7 days after release"}]}]},
        {"nevra": "lp-1.0-1.x86_64", "installed": True, "active": False, "available": False,
         "repository": None, "excluded": True, "approved": True, "by": "rule 1 (b.yaml:12)",
         "hold": None, "released": None, "approve_at": "2025-11-08T00:00:00Z",
         "compliance_level": "HIGH", "reason": "Rule 1.", "notices": []}],
    "conclusion": "1.0-1 is installed.", "would_change": ["lp-1.0-2: a rule that selects it"],
}

CVE = {
    "kind": "cve", "cve": "CVE-2025-7", "answer": "installed-not-active", "reason": "It is not loaded.",
    "as_of": NOW,
    "evidence": [{"advisory": "ALAS-1", "repository": "livepatch", "package": "lp-1.0-1.x86_64",
                  "installed": True, "active": False, "fixes": "livepatch",
                  "released": "2025-11-10T00:00:00Z", "metadata_fetched": "2025-11-20T10:00:00Z",
                  "metadata_checksum": "sha256:00"}],
}

SETTINGS = [
    {"key": "coverage", "value": "strict", "default": True, "origin": "default", "text": "How strict"},
    {"key": "scope", "value": "livepatch", "default": False, "origin": "klpd.yaml", "text": "What counts"},
]

BASELINE = {
    "id": None, "name": "Ours", "operating_system": "AMAZON_LINUX_2", "source": "built-in:Ours",
    "sha256": "ab", "global_filters": [],
    "rules": [{"filters": [{"key": "SEVERITY", "values": ["Critical", "Important"]}],
               "approve_after_days": 7, "approve_until": None, "compliance_level": "HIGH",
               "enable_non_security": False, "line": 4},
              {"filters": [], "approve_after_days": None, "approve_until": "2025-06-30",
               "compliance_level": "LOW", "enable_non_security": True, "line": 9}],
    "approved": ["CVE-2025-9"], "approved_compliance_level": "UNSPECIFIED",
    "approved_enable_non_security": False, "rejected": [], "rejected_action": "BLOCK", "sources": 0,
}


def evaluated(parameters):
    if parameters.get("explain"):
        return {"explanation": EXPLANATION}
    if parameters.get("cve"):
        return {"explanation": CVE}
    if parameters.get("capture"):
        return {"snapshot": {"schema": "klpd.snapshot/1"}}
    return {"report": REPORT}


class FakeAgent:
    """Answers each method with what `answers` has: parameters, a function of them, or raw bytes."""

    def __init__(self, path):
        self.path = path
        self.calls = []
        self.answers = {
            "GetStatus": {"version": "9.9", "report": REPORT}, "GetReport": {"report": REPORT},
            "GetHistory": {"entries": []}, "Scan": {"report": REPORT}, "Evaluate": evaluated,
            "GetConfig": {"settings": SETTINGS}, "GetBaseline": {"baseline": BASELINE},
        }
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def set_report(self, report):
        self.answers.update(GetReport={"report": report}, Scan={"report": report},
                            GetStatus={"version": "9.9", "report": report})

    def fail(self, error, **parameters):
        for method in self.answers:
            self.answers[method] = json.dumps(
                {"error": error, "parameters": parameters}).encode() + b"\0"

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                self.talk(sock)

    def talk(self, sock):
        buffer = b""
        while True:
            while b"\0" not in buffer:
                data = sock.recv(65536)
                if not data:
                    return
                buffer += data
            text, buffer = buffer.split(b"\0", 1)
            call = json.loads(text)
            self.calls.append(call)
            answer = self.answers[call["method"].removeprefix(AGENT)]
            if callable(answer):
                answer = answer(call.get("parameters", {}))
            if isinstance(answer, bytes):
                sock.sendall(answer)
            elif answer is None:
                return
            else:
                sock.sendall(json.dumps({"parameters": answer}).encode() + b"\0")


@pytest.fixture(name="agent")
def agent_fixture(tmp_path):
    agent = FakeAgent(tmp_path / "socket")
    yield agent
    agent.listener.close()


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "KLPD_COLORS")}
    return {**env, "LC_ALL": "C", "TERM": "xterm", **more}


def klpctl(*arguments, agent=None, env=None, **options):
    argv = [KLPCTL] + ([f"--socket={agent.path}"] if agent else []) + list(arguments)
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env or environment(), text=True, check=False,
                          timeout=60, **options)


def output(agent, *arguments, status=0, **options):
    done = klpctl(*arguments, agent=agent, **options)
    assert (done.returncode, done.stderr) == (status, "")
    return done.stdout


def error(*arguments, agent=None, status):
    """What is said on stderr: exactly one line, and nothing on stdout."""
    done = klpctl(*arguments, agent=agent)
    assert done.returncode == status, done.stderr
    assert done.stdout == "" and done.stderr.startswith("klpctl: ") and done.stderr.count("\n") == 1
    return done.stderr.removeprefix("klpctl: ").rstrip("\n")


def changed(**paths):
    """The report with members changed: compliance__overall="UNKNOWN"."""
    report = copy.deepcopy(REPORT)
    for path, value in paths.items():
        *way, last = path.split("__")
        at = report
        for step in way:
            at = at[step]
        at[last] = value
    return report


# ---- the command line --------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, sentence", [
    ([], "a command is missing; see klpctl --help"),
    ([""], "no command is called ; see klpctl --help"),
    (["frobnicate"], "no command is called frobnicate; see klpctl --help"),
    (["install"], "no command is called install; see klpctl --help"),
    (["baseline"], "klpctl baseline needs show or check after it; see klpctl --help"),
    (["explain"], "klpctl explain needs a PACKAGE"),
    (["evaluate"], "klpctl evaluate needs a SNAPSHOT"),
    (["scan", "now"], "klpctl scan: 'now' is one word too many"),
    (["cve", "a", "b"], "klpctl cve: 'b' is one word too many"),
    (["scan", "--frob"], "no option is called --frob; see klpctl --help"),
    (["scan", "--js"], "no option is called --js; see klpctl --help"),
    (["scan", "--=x"], "no option is called --; see klpctl --help"),
    (["scan", "-Z"], "no option is called -Z; see klpctl --help"),
    (["scan", "--cached=yes"], "--cached takes no value"),
    (["scan", "--root"], "--root needs a value: --root=DIR"),
    (["scan", "--root="], "--root: the value is empty"),
    (["capture", "-o"], "-o needs a value: -o FILE"),
    (["scan", "--json=xml"], "--json=xml: one of short, pretty, off is expected"),
    (["scan", "--trigger=cron"], "--trigger=cron: one of manual, timer, remote is expected"),
    (["scan", "--as-of=2025-02-30"],
     "--as-of=2025-02-30: a UTC time such as 2025-11-16T18:00:00Z is expected"),
    (["scan", "--timeout=0"], "--timeout=0: a number of seconds from 1 to 86400 is expected"),
    (["scan", "--timeout=1x"], "--timeout=1x: a number of seconds from 1 to 86400 is expected"),
    (["scan", "--cached", "--refresh"], "--cached and --refresh contradict each other"),
    (["scan", "--socket=/x", "--direct"],
     "--socket names an agent that runs; --direct, --root, --config, --kernel, --cache-dir and "
     "--state-dir start another one"),
    (["scan", "--all"], "--all belongs to klpctl list only"),
    (["scan", "-o", "x"], "--output belongs to klpctl capture only"),
    (["explain", b"\xff"], "an argument is not UTF-8 text; rename the file"),
])
def test_wrong_words_are_refused(arguments, sentence):
    assert error(*arguments, status=64) == sentence


def test_options_stand_anywhere(agent):
    for arguments in (["--json", "short", "list"], ["list", "--json=short"], ["-jq", "list"],
                      ["list", "-j", "--"]):
        assert json.loads(output(agent, *arguments))[0]["state"] == "Missing"
    assert error("--", "--help", agent=agent, status=64).startswith("no command is called --help")


def test_scan_passes_its_options_on(agent):
    output(agent, "scan", "-q", "--as-of=2025-11-20", "--baseline=Ours", "--cached", "--trigger=timer")
    assert agent.calls == [{"method": AGENT + "Scan", "parameters": {"options": {
        "as_of": "2025-11-20T00:00:00Z", "baseline": "Ours", "cached": True, "trigger": "timer"}}}]
    output(agent, "scan", "-q", "--refresh", "--baseline=b.yaml", cwd="/usr")
    assert agent.calls[1]["parameters"]["options"] == {"refresh": True, "baseline": "/usr/b.yaml"}


def test_help_fits_a_terminal_and_names_the_manual():
    for word in ("--help", "-h"):
        done = klpctl(word)
        assert done.returncode == 0 and done.stderr == ""
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert done.stdout.endswith("See klpctl(8).\n")


def test_version():
    assert klpctl("--version").stdout == f"klpctl {(TOP / 'VERSION').read_text().strip()}\n"


# ---- the manual ----------------------------------------------------------------------------------

def manual():
    return (TOP / "docs/klpctl.8").read_text()


def test_the_manual_has_every_option():
    listed = re.findall(r"^  (?:-(\w)|  )(?:,)?  ?(?:--([\w-]+))?(?:=(\S+))?", klpctl("-h").stdout, re.M)
    items = []
    for letter, name, value in listed:
        flags = [f for f in (letter, name and "-" + name) if f]
        items.append((flags, value))
    assert len(items) == 22
    found = [line for line in manual().splitlines() if line.startswith(".It Fl ")]
    expected = [".It Fl " + " , ".join(flags) + (f" Ns = Ns Ar {value.replace('|', ' | ')}" if value else "")
                for flags, value in items]
    assert found == expected


def test_the_manual_has_every_command():
    text = klpctl("-h").stdout.split("\nWhere to ask:")[0]
    commands = re.findall(r"^  ([a-z-]+(?: [a-z]+)?)((?: \[?[A-Z|]+\]?)?) {2,}\S", text, re.M)
    assert len(commands) == 14
    expected = []
    for name, argument in commands:
        argument = argument.strip().replace("|", " | ")
        if argument.startswith("["):
            argument = " Op Ar " + argument[1:-1]
        elif argument:
            argument = " Ar " + argument
        expected.append(f".It Cm {name}{argument}")
    section = manual().split(".Sh COMMANDS")[1].split(".Sh OPTIONS")[0]
    assert [line for line in section.splitlines() if line.startswith(".It ")] == expected


def test_the_manual_has_every_exit_status():
    table = re.findall(r"^ +(\d+)  ", klpctl("-h").stdout.split("Exit status:")[1], re.M)
    section = manual().split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
    assert re.findall(r"^\.It (\d+)$", section, re.M) == table
    assert table == "0 1 64 65 69 70 74 75 77 78 100 102".split()


# ---- exit statuses -------------------------------------------------------------------------------

@pytest.mark.parametrize("overall, livepatch, kernel, status", [
    ("COMPLIANT", "COMPLIANT", "COMPLIANT", 0),
    ("COMPLIANT", "COMPLIANT", "NOT_APPLICABLE", 0),
    ("NON_COMPLIANT", "NON_COMPLIANT", "COMPLIANT", 100),
    ("NON_COMPLIANT", "NON_COMPLIANT", "NON_COMPLIANT", 100),
    ("NON_COMPLIANT", "COMPLIANT", "NON_COMPLIANT", 102),
    ("NON_COMPLIANT", "UNKNOWN", "NON_COMPLIANT", 102),
    ("UNKNOWN", "UNKNOWN", "COMPLIANT", 69),
    ("NOT_APPLICABLE", "NOT_APPLICABLE", "NOT_APPLICABLE", 1),
    ("SPLENDID", "COMPLIANT", "COMPLIANT", 69),
])
def test_check_ends_with_the_verdict(agent, overall, livepatch, kernel, status):
    agent.set_report(changed(compliance={"overall": overall, "livepatch": livepatch, "kernel": kernel}))
    assert output(agent, "check", status=status).splitlines()[0] == overall
    assert output(agent, "check", "-q", status=status) == ""
    assert json.loads(output(agent, "check", "-q", "--json=short", status=status))["as_of"] == NOW
    assert output(agent, "scan", "-q") == ""


def test_check_says_what_is_to_blame(agent):
    assert output(agent, "check", status=100).splitlines() == [
        "NON_COMPLIANT", "kernel-livepatch-5.10.245-243.979.x86_64: 1.0-3 is approved.",
        "No mirror answered."]


def test_check_says_why_it_does_not_apply(agent):
    report = changed(compliance={"overall": "NOT_APPLICABLE", "livepatch": "NOT_APPLICABLE",
                                 "kernel": "NOT_APPLICABLE"}, patches=[],
                     findings=[{"code": "live-patching-not-enabled", "severity": "info",
                                "subject": "node", "message": "Live patching is not enabled."}])
    agent.set_report(report)
    assert output(agent, "check", status=1) == "NOT_APPLICABLE\nLive patching is not enabled.\n"


@pytest.mark.parametrize("name, parameters, status, sentence", [
    (AGENT + "Failed", {"status": 78, "message": "klpd.yaml:3: no such key"}, 78, "klpd.yaml:3: no such key"),
    (AGENT + "Failed", {"status": 0, "message": "odd"}, 1, "odd"),
    (AGENT + "Failed", {"status": 65, "message": "bad\x1b[2J\nname"}, 65, "bad\\x1b[2J\\x0aname"),
    (AGENT + "NoReport", {"message": "nothing has been scanned yet"}, 69, "nothing has been scanned yet"),
    (AGENT + "PermissionDenied", {"message": "not for you"}, 77, "not for you"),
    ("org.varlink.service.MethodNotFound", {"method": "X"}, 70, "the agent has no method X"),
])
def test_errors_of_the_agent(agent, name, parameters, status, sentence):
    agent.fail(name, **parameters)
    assert error("list", agent=agent, status=status) == sentence


def test_nobody_listens(tmp_path):
    path = tmp_path / "none"
    assert error("status", f"--socket={path}", status=69) == (
        f"nobody listens on {path}: start klpd.socket, or use --direct")


def test_the_agent_goes_away(agent):
    agent.answers["Scan"] = None
    assert error("scan", agent=agent, status=69) == (
        "the agent closed the connection before it answered")


def test_the_agent_is_too_slow(agent):
    agent.answers["Scan"] = b""
    assert "did not answer in time" in error("scan", "--timeout=1", agent=agent, status=75)


def test_an_answer_without_what_was_asked_for(agent):
    agent.answers["Scan"] = {"report": None}
    assert error("scan", agent=agent, status=65) == (
        "the agent's answer to Scan has no 'report'; do klpctl and klpd have the same version?")


def test_a_full_disk():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([KLPCTL, "--help"], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=60)
    assert done.returncode == 74
    assert done.stderr == "klpctl: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_closed_pipe_is_quiet_and_keeps_the_status(agent, handler):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([KLPCTL, f"--socket={agent.path}", "check"], stdout=write_end,
                          stderr=subprocess.PIPE, check=False, timeout=60,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, handler))
    os.close(write_end)
    assert (done.returncode, done.stderr) == (100, b"")


# ---- what is shown -------------------------------------------------------------------------------

def test_status(agent):
    assert output(agent, "status", "--as-of=" + NOW).splitlines()[:-3] == """\
Agent          klpd 9.9
Node           amzn 2 x86_64
Kernel         5.10.245-243.979.amzn2.x86_64
               built 2025-10-20T10:00:00Z (31 days ago)
               booted 2025-11-01T12:00:00Z (19 days ago)
Verdict        NON_COMPLIANT
               livepatch NON_COMPLIANT, kernel COMPLIANT
Live patching  enabled; runtime installed, service enabled, repository enabled
Window         livepatches for this kernel until 2026-01-20, 61 days left
Patches        1 missing, 1 installed, 1 not applicable, 1 held
Reboot         not needed: livepatches carry every fix of the newer kernel
               kernel 5.10.246 waits.
Metadata       amzn2extra-livepatch ok, fetched 2025-11-20T10:00:00Z (2 hours ago)
               amzn2-core unreachable, never fetched
Baseline       Default (built-in:Default)
Report         2025-11-20T12:00:00Z (now), manual""".splitlines()


def test_status_tells_ages_by_the_clock(agent):
    text = output(agent, "status")
    assert "(now)" not in text and re.search(r"Report .* \(\d+ days ago\), manual", text)


def test_status_without_a_report(agent):
    agent.answers["GetStatus"] = {"version": "9.9", "busy": "a scan", "since": "2025-11-20T11:59:00Z"}
    text = output(agent, "status")
    assert text.startswith("Agent          klpd 9.9, busy with a scan since 2025-11-20T11:59:00Z (")
    assert text.endswith("Report         none yet; look at the node with: klpctl scan\n")
    assert "report" not in json.loads(output(agent, "status", "-j"))


def test_an_ended_window_says_what_to_do(agent):
    agent.set_report(changed(live_patching__supported_until="2025-11-10T00:00:00Z"))
    assert ("livepatches for this kernel ended on 2025-11-10, 10 days ago; install a newer kernel and "
            "reboot") in output(agent, "scan")


def test_scan_shows_card_and_tables(agent):
    text = output(agent, "scan")
    assert "Verdict        NON_COMPLIANT" in text
    tables = text.split("\n\n")[1:]
    assert tables[0].splitlines() == [
        "STATE      PACKAGE                                   INSTALLED                 "
        "CANDIDATE      CLASS     SEVERITY   CVES  REASON",
        "Missing    kernel-livepatch-5.10.245-243.979.x86_64  0:1.0-2.amzn2             "
        "0:1.0-3.amzn2  Security  Important  2     1.0-3 is approved.",
        "Installed  kernel.x86_64                             0:5.10.245-243.979.amzn2  "
        "-              -         -          0     It runs."]
    assert tables[1].splitlines()[1] == (
        "not-yet-approved  kernel-livepatch-5.10.245-243.979.x86_64:0:1.0-4.amzn2  2025-11-18  2025-11-25"
        "      Security  Medium    0     Its clock runs until 2025-11-25.")
    assert tables[2].splitlines() == [
        "FINDING  CODE                    ABOUT       MESSAGE",
        "error    repository-unreachable  amzn2-core  No mirror answered."]


def test_an_inactive_livepatch_shows(agent):
    report = changed()
    report["patches"][0].update(state="Installed", active=False)
    agent.set_report(report)
    assert "\nInstalled, not active  kernel-livepatch" in output(agent, "list")


def test_list(agent):
    assert "other.x86_64" not in output(agent, "list")
    text = output(agent, "list", "--all", "--as-of=" + NOW)
    assert "NotApplicable  other.x86_64" in text
    assert text.endswith("\n1 missing, 1 installed, 1 not applicable, 1 held; looked at "
                         "2025-11-20T12:00:00Z (now).\n")
    bare = output(agent, "list", "--no-legend")
    assert "STATE" not in bare and "looked at" not in bare and bare.startswith("Missing")


def test_list_as_json(agent):
    found = json.loads(output(agent, "list", "--json=short"))
    assert [p.get("state") for p in found] == ["Missing", "Installed", None]
    assert len(json.loads(output(agent, "list", "--all", "--json=short"))) == 4
    agent.set_report(changed(patches=[], held=[]))
    assert output(agent, "list", "--json=short") == "[]\n"
    assert output(agent, "list").startswith("No patches.\n")
    assert output(agent, "history", "-j") == "[]\n"


def test_json_is_the_document_as_it_came(agent):
    assert json.loads(output(agent, "scan", "--json=short")) == REPORT
    assert output(agent, "scan", "--json=short").count("\n") == 1
    assert output(agent, "scan", "-j").count("\n") == 1
    assert output(agent, "scan", "--json=pretty") == json.dumps(REPORT, indent=2) + "\n"
    assert "STATE" in output(agent, "scan", "--json=off")
    assert json.loads(output(agent, "cve", "CVE-2025-7", "-j")) == CVE
    assert json.loads(output(agent, "explain", "lp", "-j")) == EXPLANATION
    assert json.loads(output(agent, "baseline", "show", "-j")) == BASELINE
    assert json.loads(output(agent, "cat-config", "-j")) == SETTINGS
    assert json.loads(output(agent, "status", "-j")) == {"version": "9.9", "report": REPORT}
    kernel = json.loads(output(agent, "kernel", "-j"))
    assert kernel["coverage"] == REPORT["coverage"] and "patches" not in kernel


def test_kernel(agent):
    text = output(agent, "kernel", "--as-of=" + NOW)
    for line in ("Window         livepatches for this kernel until 2026-01-20, 61 days left",
                 "Newer kernel   kernel-5.10.246-1.amzn2.x86_64",
                 "Coverage       covered by livepatches",
                 "               CVEs: 1 needed, 0 missing",
                 "               All are fixed.",
                 "Reboot         not needed: livepatches carry every fix of the newer kernel"):
        assert line in text.splitlines()
    assert "kernel-livepatch-5" not in text


@pytest.mark.parametrize("command", ["list", "status", "kernel"])
def test_the_latest_report_is_judged_anew_if_asked_for(agent, command):
    output(agent, command)
    assert agent.calls[-1]["method"] in (AGENT + "GetReport", AGENT + "GetStatus")
    output(agent, command, "--baseline=Ours")
    assert agent.calls[-1] == {"method": AGENT + "Evaluate",
                               "parameters": {"options": {"baseline": "Ours"}}}
    output(agent, command, "--refresh")
    assert agent.calls[-1]["method"] == AGENT + "Scan"


def test_history(agent):
    agent.answers["GetHistory"] = {"entries": [
        {"id": "aa", "operation": "Scan", "started": "2025-11-20T11:00:00Z", "finished": None,
         "overall": "COMPLIANT"}]}
    assert output(agent, "history", "--as-of=" + NOW).splitlines() == [
        "STARTED               AGE             OPERATION  VERDICT    ID",
        "2025-11-20T11:00:00Z  60 minutes ago  Scan       COMPLIANT  aa", "", "1 report."]
    assert "Verdict        NON_COMPLIANT" in output(agent, "history", "aa")
    assert agent.calls[-1] == {"method": AGENT + "GetReport", "parameters": {"id": "aa"}}


def test_explain(agent):
    assert output(agent, "explain", "lp").splitlines() == """\
Package        lp.x86_64
State          Missing
Judged as of   2025-11-20T12:00:00Z (now)
Conclusion     1.0-1 is installed.

lp-1.0-2.x86_64
  not installed; offered by livepatch
  held, severity: No rule selects medium.
  released 2025-11-10T00:00:00Z (10 days ago)
    ALAS-1: security, medium, in livepatch
      issued 2025-11-09T00:00:00Z (11 days ago)
      updated 2025-11-10T00:00:00Z (10 days ago)
      the clock counts from the date of the update
      CVE-2025-7
      rule 1 (line 12): no, SEVERITY is 'medium' and must be one of: Critical, Important
      rule 2 (line 20): yes, 7 days after release
      not approved: No rule selects it.

lp-1.0-1.x86_64
  installed, not active; in no enabled repository, excluded by the package manager's settings
  approved by rule 1 (b.yaml:12): Rule 1.
  released unknown
  approved after 2025-11-08T00:00:00Z (12 days ago)
    no notice names it

What would change the answer
  lp-1.0-2: a rule that selects it""".splitlines()
    assert agent.calls == [{"method": AGENT + "Evaluate", "parameters": {"options": {}, "explain": "lp"}}]


def test_cve(agent):
    assert output(agent, "cve", "CVE-2025-7", "--as-of=" + NOW).splitlines() == [
        "CVE-2025-7: installed-not-active", "It is not loaded.", "",
        "ADVISORY  FIXES      PACKAGE          INSTALLED  ACTIVE  RELEASED    REPOSITORY  METADATA",
        "ALAS-1    livepatch  lp-1.0-1.x86_64  yes        no      2025-11-10  livepatch   "
        "2025-11-20T10:00:00Z (2 hours ago)"]


def test_baseline(agent):
    text = output(agent, "baseline", "show", "Ours")
    assert agent.calls[-1] == {"method": AGENT + "GetBaseline", "parameters": {"baseline": "Ours"}}
    assert text.splitlines() == [
        "Baseline       Ours", "Id             none", "Read from      built-in:Ours",
        "SHA-256        ab", "System         AMAZON_LINUX_2", "Global filters none",
        "Approved       CVE-2025-9", "Rejected       none", "               BLOCK", "",
        "RULE  LINE  APPROVES                     LEVEL  NON-SECURITY  FILTERS",
        "1     4     after 7 days                 HIGH   no            SEVERITY: Critical, Important",
        "2     9     released through 2025-06-30  LOW    yes           -"]
    assert output(agent, "baseline", "check") == (
        "built-in:Ours: valid, with 2 rules, 1 approved and 0 rejected\n")
    assert output(agent, "baseline", "check", "-q") == ""


def test_config(agent):
    assert output(agent, "cat-config") == (
        "# How strict (default)\n#coverage: strict\n# What counts (klpd.yaml)\nscope: livepatch\n")
    assert output(agent, "cat-config", "--no-legend") == "#coverage: strict\nscope: livepatch\n"
    assert output(agent, "check-config") == "klpd.yaml: valid, 1 of 2 settings are not the default\n"


def test_capture(agent, tmp_path):
    target = tmp_path / "node.json"
    assert output(agent, "capture") == '{"schema":"klpd.snapshot/1"}\n'
    assert str(target) in output(agent, "capture", "-o", str(target))
    assert json.loads(target.read_text()) == {"schema": "klpd.snapshot/1"}
    assert target.stat().st_mode & 0o777 == 0o600
    assert error("capture", "-o", "/dev/null", agent=agent, status=74) == (
        "cannot write /dev/null: it exists and is no regular file")
    assert error("capture", "-o", f"{tmp_path}/none/x", agent=agent, status=74) == (
        f"cannot write {tmp_path}/none/x: No such file or directory")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["node.json", "socket"]


# ---- terminals -----------------------------------------------------------------------------------

def on_terminal(agent, *arguments, columns=80, **env):
    """What a terminal of that width gets."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([KLPCTL, f"--socket={agent.path}", *arguments], stdin=slave, stdout=slave,
                          stderr=slave, env=environment(**env)) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            text += data
        process.wait(60)
    os.close(master)
    return text.decode().replace("\r\n", "\n")


def test_colour_is_for_terminals(agent):
    assert "\x1b" not in output(agent, "scan")
    assert "\x1b[1;31mNON_COMPLIANT\x1b[0m" in on_terminal(agent, "check")
    assert "\x1b" not in on_terminal(agent, "status", NO_COLOR="1")
    assert "\x1b" not in on_terminal(agent, "status", KLPD_COLORS="no")
    assert "\x1b" not in on_terminal(agent, "status", TERM="dumb")
    assert "\x1b[1;31m" in output(agent, "status", env=environment(KLPD_COLORS="yes", NO_COLOR="1"))


def test_the_last_column_is_wrapped_where_it_ends(agent):
    long = "This is a long sentence that says in many words why it is so. " * 4
    agent.set_report(changed(findings=[{"code": "c", "severity": "info", "subject": "s",
                                        "message": long.strip()}]))
    text = on_terminal(agent, "status", columns=60, NO_COLOR="1").split("FINDING")[1].splitlines()
    assert max(map(len, text)) <= 60 and len(text) > 4
    assert all(line.startswith(" " * 22 + "") for line in text[2:] if line)
    assert long.strip() in output(agent, "status")


def test_a_last_column_without_room_goes_below(agent):
    lines = on_terminal(agent, "list", "--no-legend", columns=60, NO_COLOR="1").splitlines()
    assert lines[0].startswith("Missing") and lines[1] == "    1.0-3 is approved."


def test_json_is_pretty_on_a_terminal(agent):
    assert on_terminal(agent, "list", "-j").startswith("[\n  {\n")


def test_progress_shows_on_a_terminal_only(agent):
    progress = json.dumps({"continues": True, "parameters": {"progress": {
        "phase": "fetch", "subject": "amzn2-\x1b[2Jcore", "done": 50, "total": 200}}}).encode() + b"\0"
    agent.answers["Scan"] = progress + json.dumps({"parameters": {"report": REPORT}}).encode() + b"\0"
    text = on_terminal(agent, "check")
    assert text.startswith("\r\x1b[KFetching amzn2-\\x1b[2Jcore 25 %\r\x1b[K")
    assert agent.calls[-1]["more"] is True
    assert "Fetching" not in on_terminal(agent, "check", "-q")
    agent.answers["Scan"] = {"report": REPORT}
    output(agent, "check", status=100)
    assert "more" not in agent.calls[-1]


@pytest.mark.parametrize("hostile, shown", [
    ("a\x1b[31mb", "a\\x1b[31mb"), ("a\nb", "a\\x0ab"), ("a\rb", "a\\x0db"), ("a\x7fb", "a\\x7fb"),
    ("a\u009bb", "a\\u{9b}b"), ("a\u202eb", "a\\u{202e}b"), ("a\u200bb", "a\\u{200b}b"),
    ("größer", "größer"),
])
def test_texts_from_servers_cannot_act_on_a_terminal(agent, hostile, shown):
    def spoil(value):
        if isinstance(value, dict):
            return {k: v if k == "kind" else spoil(v) for k, v in value.items()}
        if isinstance(value, list):
            return [spoil(v) for v in value]
        return hostile if isinstance(value, str) else value

    report = changed()
    for patch in report["patches"] + report["held"]:
        patch.update(id=hostile, title=hostile, reason=hostile, state="Missing", classification=hostile)
        patch.update({"message": hostile} if "message" in patch else {})
    report["findings"] = [dict.fromkeys(("code", "severity", "subject", "message"), hostile)]
    report["node"]["kernel"] = report["baseline"]["name"] = report["repositories"][0]["id"] = hostile
    report["reboot"]["reasons"] = report["coverage"]["missing"] = [hostile]
    report["compliance"]["overall"] = report["compliance"]["livepatch"] = hostile
    agent.set_report(report)
    agent.answers["Evaluate"] = lambda p: {"explanation": spoil(CVE if "cve" in p else EXPLANATION)}
    agent.answers["GetBaseline"] = {"baseline": spoil(BASELINE)}
    agent.answers["GetConfig"] = {"settings": spoil(SETTINGS)}
    agent.answers["GetHistory"] = {"entries": [{"id": hostile, "operation": hostile, "overall": hostile}]}

    for command in (["scan"], ["status"], ["list"], ["kernel"], ["explain", "x"], ["cve", "x"],
                    ["baseline", "show"], ["cat-config"], ["baseline", "check"], ["history"]):
        text = output(agent, *command)
        assert shown in text, command
        assert not set(text) & set("\x1b\r\x7f\u009b\u202e\u200b"), command
    assert shown in output(agent, "check", status=69)


@pytest.mark.parametrize("command", ["scan", "status", "list", "kernel", "check"])
@pytest.mark.parametrize("report", [
    {}, {"patches": [[], 1, None, {}], "held": {}, "findings": [3], "repositories": [None]},
    {"patches": 7, "node": [], "compliance": "x", "summary": {"missing": "many"}, "reboot": {"reasons": [1]}},
])
def test_a_report_of_another_shape_does_no_harm(agent, command, report):
    agent.set_report(report)
    done = klpctl(command, agent=agent)
    assert done.returncode in (0, 69) and done.stderr == ""
