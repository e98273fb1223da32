# SPDX-License-Identifier: Apache-2.0
"""An agent that answers klpctl with what a test wants, and klpctl run against it."""
import copy
import json
import os
import pathlib
import socket
import subprocess
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
                      "days_left": 61, "in_window": True, "series": "5.10",
                      "line_ends": "2026-06-30T00:00:00Z",
                      "effective": {"kernel": "kernel-5.10.246-1.amzn2.x86_64", "livepatch": "1.0-2.amzn2",
                                    "reason": "No kernel fixes more."}},
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
    "kernels": [
        {"package": "kernel.x86_64:0:5.10.246-1.amzn2", "series": "5.10", "installed": False,
         "running": False, "built": None, "released": "2025-11-01T00:00:00Z",
         "window_ends": "2026-02-01T00:00:00Z", "window_estimated": True, "livepatches": True,
         "open": True, "recommended": True, "reason": "It is the newest."},
        {"package": "kernel.x86_64:0:5.10.245-243.979.amzn2", "series": "5.10", "installed": True,
         "running": True, "built": "2025-10-20T10:00:00Z", "released": "2025-10-25T00:00:00Z",
         "window_ends": "2026-01-20T10:00:00Z", "window_estimated": False, "livepatches": True,
         "open": True, "recommended": False, "reason": "It runs."},
        {"package": "kernel.x86_64:0:5.10.230-1.amzn2", "series": "5.10", "installed": True,
         "running": False, "built": "2025-07-20T10:00:00Z", "released": None,
         "window_ends": "2025-10-20T10:00:00Z", "window_estimated": False, "livepatches": True,
         "open": False, "recommended": False, "reason": "It is older."}],
    "next_boot": {"kernel": "kernel.x86_64:0:5.10.246-1.amzn2", "reason": "It is the newest."},
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
            "GetHistory": {"entries": []}, "Scan": {"report": REPORT}, "Install": {"report": REPORT}, "Evaluate": evaluated,
            "CheckPlugins": {"plugins": []}, "GetConfig": {"settings": SETTINGS}, "GetBaseline": {"baseline": BASELINE},
        }
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def set_report(self, report):
        self.answers.update(GetReport={"report": report}, Scan={"report": report}, Install={"report": report},
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
