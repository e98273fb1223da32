# SPDX-License-Identifier: Apache-2.0
"""klpctl run: what Patch Manager's parameters become, what is refused, and how much is printed."""
import copy
import json

import pytest

from fake_agent import AGENT, REPORT, agent_fixture, changed, error, output

__all__ = ["agent_fixture"]  # used by its name, "agent"

GUID = "11111111-2222-3333-aaaa-BBBBBBBBBBBB"
URL = "https://bucket.s3.amazonaws.com/baseline.json?X-Amz-Signature=5ec4e7"
OUTCOME = {"result": "done", "status": 0, "message": None, "running_system": True, "reboot_required": False,
           "installed": [], "modules": [], "activation": []}


def asked(agent, *arguments, status=0):
    """The one call that is made."""
    agent.calls.clear()
    output(agent, "run", "-q", *arguments, status=status)
    [call] = agent.calls
    return call["method"].removeprefix(AGENT), call["parameters"]


@pytest.fixture(autouse=True)
def compliant(agent):
    agent.set_report(changed(compliance__overall="COMPLIANT", patches=[]))


def test_a_scan(agent):
    options = {"trigger": "remote"}
    assert asked(agent, "--operation=Scan") == ("Scan", {"options": options})
    # what a scan ignores
    assert asked(agent, "--operation=Scan", "--reboot-option=RebootIfNeeded",
                 "--install-override-list=s3://b/k") == ("Scan", {"options": options})
    assert asked(agent, "--operation=Scan", f"--baseline-override={URL}", "--cached", f"--snapshot-id={GUID}") == (
        "Scan", {"options": {"trigger": "remote", "baseline": URL, "cached": True, "snapshot_id": GUID}})


def test_an_installation(agent, tmp_path):
    baseline = tmp_path / "b.json"
    baseline.write_text("[]\n")
    assert asked(agent, "--operation", "Install") == (
        "Install", {"options": {"trigger": "remote"}, "reboot_option": "RebootIfNeeded"})
    assert asked(agent, "--operation=Install", "--reboot-option=NoReboot", "--trigger=timer",
                 f"--install-override-list={URL}") == (
        "Install", {"options": {"trigger": "timer"}, "reboot_option": "NoReboot", "overrides": URL})
    assert asked(agent, "--operation=Install", f"--baseline-override={baseline}")[1]["options"] == {
        "trigger": "remote", "baseline": str(baseline), "baseline_text": "[]\n"}


def test_files_are_read_here(agent, tmp_path):
    """The agent need not be allowed to; nor does it know our working directory."""
    (tmp_path / "list.yaml").write_text("patches: [] # ä\n")
    (tmp_path / "b").write_text("{}")
    output(agent, "run", "-q", "--operation=Install", "--install-override-list=list.yaml", cwd=tmp_path)
    parameters = agent.calls[-1]["parameters"]
    assert parameters["overrides"] == f"{tmp_path}/list.yaml"
    assert parameters["overrides_text"] == "patches: [] # ä\n"
    output(agent, "run", "-q", "--operation=Scan", "--baseline-override=b", cwd=tmp_path)
    options = agent.calls[-1]["parameters"]["options"]
    assert options["baseline"] == f"{tmp_path}/b" and options["baseline_text"] == "{}"


@pytest.mark.parametrize("content, status, sentence", [
    (None, 78, "{}: No such file or directory"),
    (b"\xff\xfe", 65, "{} is not text in UTF-8"),
    (b"a\0b", 65, "{} is not text in UTF-8"),
    (b"#" * (32 * 1024 + 1), 65, "{} has more than the 32 KiB that can be sent; have it installed on the node, below "
                                 "/etc/klpd/baselines, and give its name; or use --direct"),
], ids=["absent", "bytes", "zero", "large"])
def test_files_that_cannot_be_sent(agent, tmp_path, content, status, sentence):
    file = tmp_path / "b.yaml"
    if content is not None:
        file.write_bytes(content)
    for arguments in (["run", "--operation=Scan", f"--baseline-override={file}"], ["scan", f"--baseline={file}"],
                      ["install", f"--override-list={file}"]):
        assert error(*arguments, agent=agent, status=status) == sentence.format(file)
    assert agent.calls == []


def test_empty_is_not_given(agent):
    empty = ["--reboot-option=", "--snapshot-id=", "--install-override-list=", "--baseline-override="]
    assert asked(agent, "--operation=Install", *empty) == (
        "Install", {"options": {"trigger": "remote"}, "reboot_option": "RebootIfNeeded"})
    assert asked(agent, "--operation=Scan", *empty) == ("Scan", {"options": {"trigger": "remote"}})


@pytest.mark.parametrize("arguments, status, sentence", [
    ([], 64, "klpctl run needs --operation=Scan or Install, or --configure=Enable or Disable"),
    (["--operation="], 64, "--operation=: one of Scan, Install is expected"),
    (["--operation=scan"], 64, "--operation=scan: one of Scan, Install is expected"),
    (["--operation=Scan", "--reboot-option=Always"], 64,
     "--reboot-option=Always: one of NoReboot, RebootIfNeeded is expected"),
    (["--operation=Scan", "--snapshot-id=1"], 64,
     "--snapshot-id=1: a GUID such as 01234567-89ab-cdef-0123-456789abcdef is expected"),
    (["--operation=Scan", f"--snapshot-id={GUID}0"], 64,
     f"--snapshot-id={GUID}0: a GUID such as 01234567-89ab-cdef-0123-456789abcdef is expected"),
    (["--operation=Scan", "--snapshot-id=" + GUID.replace("-", "a")], 64,
     f"--snapshot-id={GUID.replace('-', 'a')}: a GUID such as 01234567-89ab-cdef-0123-456789abcdef is expected"),
    (["--operation=Install", "--baseline-override=/b", "--install-override-list=/l"], 64,
     "--baseline-override and --install-override-list exclude each other (Patch Manager's error 167)"),
    (["--operation=Scan", "--baseline-override=/b", "--install-override-list=/l"], 64,
     "--baseline-override and --install-override-list exclude each other (Patch Manager's error 167)"),
    (["--operation=Scan", "--baseline-override=/b", "--baseline=Ours"], 64,
     "--baseline-override and --baseline contradict each other"),
    (["--operation=Install", "--install-override-list=http://h.example/?5ec4e7"], 78,
     "--install-override-list: only an https or s3 URL or a file of the node can be read"),
    (["--operation=Scan", b"--baseline-override=/\xff"], 64, "an argument is not UTF-8 text; rename the file"),
    (["--operation=Install", b"--install-override-list=/\xff"], 64, "an argument is not UTF-8 text; rename the file"),
], ids=str)
def test_refused_before_anything_is_done(agent, arguments, status, sentence):
    assert error("run", *arguments, agent=agent, status=status) == sentence
    assert agent.calls == []


# ---- what is printed ---------------------------------------------------------------------------

def large(n, **more):
    """A report of n patches, each of them missing."""
    report = copy.deepcopy(changed(compliance={"overall": "NON_COMPLIANT", "livepatch": "NON_COMPLIANT",
                                               "kernel": "COMPLIANT"}, summary__missing=n, **more))
    report["patches"] = [dict(REPORT["patches"][0], id=f"kernel-livepatch-{i:05}.x86_64") for i in range(n)]
    return report


def test_without_ssm_all_is_shown(agent):
    agent.set_report(large(2000))
    assert output(agent, "run", "--operation=Scan", "--no-legend") == output(agent, "scan", "--no-legend")
    assert len(output(agent, "run", "--operation=Scan")) > 200000


def test_a_brief_scan(agent):
    agent.set_report(REPORT)
    assert output(agent, "run", "--operation=Scan", "--ssm").splitlines() == [
        "klpd Scan: NON_COMPLIANT, livepatch NON_COMPLIANT, kernel COMPLIANT; patches: 1 missing, 1 installed, "
        "1 not applicable, 1 held",
        "kernel-livepatch-5.10.245-243.979.x86_64: Missing, 1.0-3 is approved.",
        "No mirror answered.",
        f"Report         all of it, on the node: klpctl history {REPORT['id']}"]
    assert output(agent, "run", "--operation=Scan", "--ssm", "-q") == ""
    assert json.loads(output(agent, "run", "--operation=Scan", "--ssm", "-j"))["id"] == REPORT["id"]


@pytest.mark.parametrize("operation", ["Scan", "Install"])
def test_a_very_long_report(agent, operation):
    n = 5000
    agent.set_report(large(n, operation=operation, outcome=OUTCOME))
    text = output(agent, "run", f"--operation={operation}", "--ssm", status=100 if operation == "Install" else 0)
    lines = text.splitlines()
    assert len(text.encode()) < 20000 and text.endswith("\n")
    assert lines[0].startswith(f"klpd {operation}: NON_COMPLIANT") and f"{n} missing" in lines[0]
    shown = [line for line in lines if line.startswith("kernel-livepatch-")]
    assert shown[0].startswith("kernel-livepatch-00000.x86_64: Missing") and len(shown) > 200
    assert all(line.endswith("1.0-3 is approved.") for line in shown)
    # all of them, and the finding after them
    assert lines[-2] == f"{n - len(shown) + 1} more lines are left out."
    assert lines[-1].endswith(f"klpctl history {REPORT['id']}")


def test_one_line_that_is_too_long(agent):
    agent.set_report(changed(findings=[{"code": "x", "severity": "error", "subject": "y", "message": "é" * 30000}]))
    lines = output(agent, "run", "--operation=Scan", "--ssm").splitlines()
    assert lines[0].startswith("klpd Scan: ") and lines[2] == "1 more line is left out." and len(lines) == 4


@pytest.mark.parametrize("limit, cut", [(19700, False), (19850, False), (19950, True)])
def test_what_just_fits_is_not_cut(agent, limit, cut):
    report = changed(findings=[{"code": "x", "severity": "error", "subject": "y", "message": "?"}])
    agent.set_report(report)
    length = len(output(agent, "run", "--operation=Scan", "--ssm"))
    report["findings"][0]["message"] = "?" * (1 + limit - length)
    text = output(agent, "run", "--operation=Scan", "--ssm")
    assert ("left out" in text) == cut and len(text) < 20000


@pytest.mark.parametrize("asked_before, status", [(0, 0), (1, 194), (5, 194), (6, 3)])
def test_the_exit_status(agent, asked_before, status):
    agent.set_report(changed(operation="Install", patches=[], outcome=dict(OUTCOME, reboot_asked=asked_before,
                                                                           reboot_required=asked_before > 0)))
    text = output(agent, "run", "--operation=Install", "--ssm", status=status)
    assert ("reboot required" in text.splitlines()[0]) == (asked_before > 0)
    assert output(agent, "run", "--operation=Install", "-q") == ""
