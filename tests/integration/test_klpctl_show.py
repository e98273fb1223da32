# SPDX-License-Identifier: Apache-2.0
"""What klpctl shows: cards, tables, JSON, terminals, and texts that mean harm."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import jsonschema
import pytest

from fake_agent import (AGENT, BASELINE, CVE, EXPLANATION, KLPCTL, NOW, REPORT, SETTINGS, TOP, agent_fixture,
                        changed, environment, error, klpctl, output)

__all__ = ["agent_fixture"]  # used by its name, "agent"


def test_the_canned_report_is_one():
    schema = json.loads((TOP / "docs/klpd.report-1.schema.json").read_text())
    jsonschema.validate(REPORT, {"$ref": "#/definitions/stored", "definitions": schema["definitions"]})


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
Effective      kernel-5.10.246-1.amzn2.x86_64, as by livepatch 1.0-2.amzn2
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
    assert ("livepatches for this kernel ended on 2025-11-10, 10 days ago; reboot into "
            "kernel-5.10.246-1.amzn2.x86_64\n") in output(agent, "scan")
    agent.set_report(changed(live_patching__supported_until="2025-11-19T23:59:59Z", next_boot__kernel=None))
    assert "livepatches for this kernel ended on 2025-11-19, 1 day ago\n" in output(agent, "scan")


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
    assert kernel["kernels"] == REPORT["kernels"] and kernel["next_boot"] == REPORT["next_boot"]


def test_kernel(agent):
    assert output(agent, "kernel", "--as-of=" + NOW) == """\
Node           amzn 2 x86_64
Kernel         5.10.245-243.979.amzn2.x86_64
               built 2025-10-20T10:00:00Z (31 days ago)
               booted 2025-11-01T12:00:00Z (19 days ago)
Effective      kernel-5.10.246-1.amzn2.x86_64, as by livepatch 1.0-2.amzn2
               No kernel fixes more.
Verdict        COMPLIANT
Window         livepatches for this kernel until 2026-01-20, 61 days left
               by its build date
Line           5.10, livepatches until 2026-06-30, 222 days left
Newer kernel   kernel-5.10.246-1.amzn2.x86_64
Coverage       covered by livepatches
               CVEs: 1 needed, 0 missing
               All are fixed.
Reboot         not needed: livepatches carry every fix of the newer kernel
               kernel 5.10.246 waits.

STATE      PACKAGE        INSTALLED                 CVES  REASON
Installed  kernel.x86_64  0:5.10.245-243.979.amzn2  0     It runs.

KERNEL                                STATE      BUILT       RELEASED    WINDOW UNTIL        ADVICE
kernel-5.10.246-1.amzn2.x86_64        available  -           2025-11-01  2026-02-01 at most  recommended: It is the newest.
kernel-5.10.245-243.979.amzn2.x86_64  running    2025-10-20  2025-10-25  2026-01-20          It runs.
kernel-5.10.230-1.amzn2.x86_64        installed  2025-07-20  -           2025-10-20          It is older.

Next reboot    kernel-5.10.246-1.amzn2.x86_64: It is the newest.
"""
    assert "Next reboot" not in output(agent, "kernel", "--no-legend")


def test_kernel_of_a_line_that_has_ended(agent):
    ended = changed(live_patching__supported_until="2025-11-18T00:00:00Z",
                    live_patching__line_ends="2025-11-18T00:00:00Z",
                    live_patching__effective={"kernel": None, "livepatch": None, "reason": "Nobody knows."},
                    next_boot={"kernel": None, "reason": "All lines have ended."})
    agent.set_report(ended)
    agent.answers["Evaluate"] = {"report": ended}
    text = output(agent, "kernel", "--as-of=" + NOW)
    assert "\nEffective      unknown\n               Nobody knows.\n" in text
    assert ("\nWindow         livepatches for this kernel ended on 2025-11-18, 2 days ago\n"
            "               by the end of the 5.10 line\n"
            "Line           5.10, livepatches ended on 2025-11-18, 2 days ago\n") in text
    assert text.endswith("\nNext reboot    none to recommend: All lines have ended.\n")
    assert "Effective" not in output(agent, "status")


def test_kernel_without_livepatches(agent):
    agent.answers["Evaluate"] = {"report": changed(live_patching__supported_until=None,
                                                   live_patching__in_window=False, live_patching__line_ends=None)}
    text = output(agent, "kernel", "--as-of=" + NOW)
    assert "\nWindow         this kernel gets no livepatches\nNewer kernel" in text


def test_kernel_of_an_older_agent(agent):
    report = changed()
    for member in ("kernels", "next_boot"):
        del report[member]
    for member in ("series", "line_ends", "effective"):
        del report["live_patching"][member]
    agent.answers["Evaluate"] = {"report": report}
    text = output(agent, "kernel", "--as-of=" + NOW)
    assert "Effective" not in text and "Next reboot" not in text and "WINDOW UNTIL" not in text


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
  approved: Rule 1.
  released unknown
  approved after 2025-11-08T00:00:00Z (12 days ago)
    no notice names it

What would change the answer
  lp-1.0-2: a rule that selects it""".splitlines()
    assert agent.calls == [{"method": AGENT + "Evaluate", "parameters": {"options": {}, "explain": "lp"}}]


def test_cve(agent):
    assert output(agent, "cve", "CVE-2025-7").splitlines() == [
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
    lines = on_terminal(agent, "list", columns=60, NO_COLOR="1").splitlines()
    assert lines[0].startswith("STATE") and "REASON" not in lines[0] and lines[1].startswith("Missing")
    assert [line for line in lines if line != line.rstrip()] == []


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
    report["kernels"] = [dict(k, package=hostile, reason=hostile) for k in report["kernels"]]
    report["next_boot"] = report["live_patching"]["effective"] = dict.fromkeys(("kernel", "livepatch", "reason"), hostile)
    report["live_patching"]["series"] = hostile
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
    {"kernels": [None, 3, {}, {"package": ":"}, {"package": ":::"}, {"package": ".:0:"}, {"package": "a:0:b"}],
     "next_boot": {"kernel": "", "reason": 1}, "live_patching": {"effective": [], "line_ends": "soon"}},
    {"next_boot": {"kernel": "::", "reason": "x"}, "kernels": {"package": "x"}},
])
def test_a_report_of_another_shape_does_no_harm(agent, command, report):
    agent.set_report(report)
    done = klpctl(command, agent=agent)
    assert done.returncode in (0, 69) and done.stderr == ""
