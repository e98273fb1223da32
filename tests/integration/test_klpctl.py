# SPDX-License-Identifier: Apache-2.0
"""klpctl's command line: what it accepts, what it asks the agent, how it ends."""
import json
import os
import re
import signal
import subprocess

import pytest

from fake_agent import AGENT, KLPCTL, NOW, TOP, agent_fixture, changed, error, klpctl, output

__all__ = ["agent_fixture"]  # used by its name, "agent"


# ---- the command line --------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, sentence", [
    ([], "a command is missing; see klpctl --help"),
    ([""], "no command is called ; see klpctl --help"),
    (["frobnicate"], "no command is called frobnicate; see klpctl --help"),
    (["remove"], "no command is called remove; see klpctl --help"),
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
    (["scan", "-o", "x"], "--output belongs to klpctl capture, klpctl export and klpctl report only"),
    (["scan", "--ssm"], "--ssm belongs to klpctl install, klpctl enable, klpctl disable and klpctl run only"),
    (["run", "--dry-run"], "--dry-run belongs to klpctl install, klpctl enable, klpctl disable and klpctl clean only"),
    (["install", "--operation=Scan"], "--operation belongs to klpctl run only"),
    (["install", "--install-override-list="], "--install-override-list belongs to klpctl run only"),
    (["install", b"--override-list=\xff"], "an argument is not UTF-8 text; rename the file"),
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
    output(agent, "scan", "-q", "--refresh", "--baseline=VERSION", cwd=TOP)
    assert agent.calls[1]["parameters"]["options"] == {"refresh": True, "baseline": "VERSION"}
    output(agent, "scan", "-q", "--refresh", "--baseline=./VERSION", cwd=TOP)
    assert agent.calls[2]["parameters"]["options"] == {
        "refresh": True, "baseline": f"{TOP}/./VERSION", "baseline_text": (TOP / "VERSION").read_text()}


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
        if flags:  # else it is the second line of a long one
            items.append((flags, value))
    assert len(items) >= 33
    found = [line for line in manual().splitlines() if line.startswith(".It Fl ")]
    expected = [".It Fl " + " , ".join(flags) + (f" Ns = Ns Ar {value.replace('|', ' | ')}" if value else "")
                for flags, value in items]
    assert found == expected


def test_the_manual_has_every_command():
    text = klpctl("-h").stdout.split("\nWhere to ask:")[0]
    commands = re.findall(r"^  ([a-z-]+(?: [a-z]+)?)((?: \[?[A-Z|]+(?:\.\.\.)?\]?)?) {2,}\S", text, re.M)
    assert len(commands) >= 20
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
    assert table == "0 1 3 64 65 69 70 74 75 77 78 100 102 194".split()


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
        "NON_COMPLIANT", "kernel-livepatch-5.10.245-243.979.x86_64: Missing, 1.0-3 is approved.",
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


def test_a_closed_output():
    done = subprocess.run(["sh", "-c", 'exec "$0" --help >&-', KLPCTL], stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)
    assert done.returncode == 74
    assert done.stderr == "klpctl: cannot write the output: Bad file descriptor\n"


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_closed_pipe_is_quiet_and_keeps_the_status(agent, handler):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([KLPCTL, f"--socket={agent.path}", "check"], stdout=write_end,
                          stderr=subprocess.PIPE, check=False, timeout=60,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, handler))
    os.close(write_end)
    assert (done.returncode, done.stderr) == (100, b"")
