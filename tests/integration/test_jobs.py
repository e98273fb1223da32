# SPDX-License-Identifier: Apache-2.0
"""Jobs of the real klpd, done by the real klpd-worker and klpd-fetch for a simulated node."""
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import time

import jsonschema
import pytest

import varlink
from klpdtest import server as servers
from running import AGENT, BUILD, SERVICE, TOP, Daemon, private

SCHEMA = json.loads((TOP / "docs/klpd.report-1.schema.json").read_text())
STORED = jsonschema.Draft7Validator(
    {"$ref": "#/definitions/stored", "definitions": SCHEMA["definitions"]})


def needs(*programs):
    absent = [name for name in programs if not (BUILD / name).exists()]
    return pytest.mark.skipif(bool(absent), reason=f"not built: {', '.join(absent)}")


pytestmark = needs("klpd-worker")
needs_fetch = needs("klpd-fetch")


def children_of(pid):
    """The running children of a process: {pid: name}."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name, rest = text[text.index("(") + 1:].rsplit(")", 1)
        state, parent = rest.split()[:2]
        if int(parent) == pid and state != "Z":
            found[int(stat.parent.name)] = name
    return found


def wait_for(condition, what):
    deadline = time.monotonic() + 20
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)


@pytest.fixture(name="daemon")
def daemon_fixture(scenario, tmp_path):
    running = Daemon(tmp_path / "socket", f"--root={scenario.node.folder}")
    running.state = scenario.node.path("var/lib/klpd")
    yield running
    status, text = running.stop()
    assert status == 0, text
    assert "Sanitizer" not in text and "runtime error" not in text, text


def failure(daemon, method, parameters=None):
    with pytest.raises(varlink.Error) as failed:
        daemon.call(method, parameters)
    assert failed.value.name == f"{AGENT}.Failed"
    return failed.value.parameters["status"], failed.value.parameters["message"]


def check_stored(daemon, report):
    """The report fits the schema, and is what is found again by every way."""
    assert [e.message for e in STORED.iter_errors(report)] == []
    assert json.loads((daemon.state / "report.json").read_text()) == report
    assert daemon.call("GetStatus")["report"] == report
    assert daemon.call("GetReport")["report"] == report
    assert daemon.call("GetReport", {"id": report["id"]})["report"] == report
    newest = daemon.call("GetHistory")["entries"][0]
    assert newest == {"id": report["id"], "operation": "Scan", "started": report["started"],
                      "finished": report["finished"], "overall": report["compliance"]["overall"]}


# ---- with what is at hand -------------------------------------------------------------------------


def test_cached_scan_without_metadata_says_unknown(daemon):
    report = daemon.call("Scan", {"options": {"cached": True, "trigger": "remote"}})["report"]
    assert report["compliance"]["overall"] == "UNKNOWN"
    assert report["trigger"] == "remote"
    assert report["resources"]["bytes_fetched"] == 0
    assert report["resources"]["peak_rss_kib"] > 1000
    check_stored(daemon, report)


def test_evaluation_stores_nothing(daemon):
    report = daemon.call("Evaluate", {"options": {"as_of": "2026-01-02T03:04:05Z"}})["report"]
    assert report["as_of"] == "2026-01-02T03:04:05Z"
    assert "id" not in report
    assert not (daemon.state / "report.json").exists()
    assert daemon.call("GetHistory")["entries"] == []


def test_questions_without_a_scan(daemon):
    assert daemon.call("Evaluate", {"explain": "kernel"})["explanation"]["kind"] == "package"
    assert daemon.call("Evaluate", {"cve": "CVE-2024-0001"})["explanation"]["kind"] == "cve"
    assert daemon.call("Evaluate", {"capture": True})["snapshot"]["schema"] == "klpd.snapshot/1"
    keys = [setting["key"] for setting in daemon.call("GetConfig")["settings"]]
    assert "history_keep" in keys
    baseline = daemon.call("GetBaseline", {"baseline": None})["baseline"]
    assert baseline["name"] == "AWS-AmazonLinux2DefaultPatchBaseline"


def test_the_programs_own_errors_come_through(daemon, scenario):
    status, message = failure(daemon, "Scan",
                              {"options": {"cached": True, "baseline": "/x/own.yaml", "baseline_text": "nmae: x"}})
    assert status == 78 and message.startswith("/x/own.yaml:1: nmae: ")
    scenario.node.write("etc/klpd/klpd.yaml", "scope: all\nno_such_key: 1\n")
    status, message = failure(daemon, "GetConfig")
    assert status in (65, 78) and "klpd.yaml:2" in message and "no_such_key" in message
    assert not (daemon.state / "report.json").exists()


@pytest.mark.parametrize("method, parameters, wrong", [
    ("Scan", {"options": {"baseline": "/etc/passwd"}}, "options.baseline"),
    ("Evaluate", {"options": {"baseline": "etc/passwd"}}, "options.baseline"),
    ("Scan", {"options": {"baseline": "http://127.0.0.1/b.json"}}, "options.baseline"),
    ("Scan", {"options": {"baseline_text": "{}"}}, "options.baseline_text"),
    ("GetBaseline", {"baseline": "/etc/passwd"}, "baseline"),
    ("Install", {"overrides": "/etc/passwd"}, "overrides"),
    ("Install", {"overrides_text": "{}"}, "overrides"),
])
def test_nobody_makes_the_agent_read_a_file(daemon, method, parameters, wrong):
    with pytest.raises(varlink.Error) as failed:
        daemon.call(method, parameters)
    assert failed.value.name == f"{SERVICE}.InvalidParameter"
    assert failed.value.parameters == {"parameter": wrong}


def test_a_baseline_of_ones_own_does_not_replace_the_nodes(daemon):
    nodes = daemon.call("Scan", {"options": {"cached": True}})["report"]
    own = {"cached": True, "baseline": "/x/own.yaml", "baseline_text": "Name: Own\nOperatingSystem: AMAZON_LINUX_2\n"}
    report = daemon.call("Scan", {"options": own})["report"]
    assert report["baseline"]["name"] == "Own" and report["baseline"]["source"] == "/x/own.yaml"
    assert daemon.call("GetReport")["report"] == nodes
    assert daemon.call("GetReport", {"baseline": "Own"})["report"] == report
    assert len(daemon.call("GetHistory")["entries"]) == 2


def test_snapshot_of_a_private_agent_is_judged(scenario, tmp_path):
    process, client = private(scenario.node.folder)
    with client:
        snapshot = client.call(f"{AGENT}.Evaluate", {"capture": True})["snapshot"]
        path = tmp_path / "snapshot.json"
        path.write_text(json.dumps(snapshot))
        report = client.call(f"{AGENT}.Evaluate", {"snapshot": str(path)})["report"]
        assert report["node"]["kernel"] == snapshot["node"]["kernel"]
    assert process.wait(20) == 0
    process.stderr.close()


def test_history_is_found_newest_first(daemon):
    ids = []
    for _ in range(3):
        ids.insert(0, daemon.call("Scan", {"options": {"cached": True}})["report"]["id"])
    assert [entry["id"] for entry in daemon.call("GetHistory")["entries"]] == ids
    assert len(daemon.call("GetHistory", {"limit": 2})["entries"]) == 2
    assert daemon.call("GetReport", {"id": ids[2]})["report"]["id"] == ids[2]


def test_a_report_that_cannot_be_stored_is_a_failure(daemon):
    if os.geteuid() == 0:
        history = daemon.state / "history"
        history.write_text("in the way")
    else:
        daemon.state.chmod(0o500)
    status, message = failure(daemon, "Scan", {"options": {"cached": True}})
    assert status in (74, 77)
    assert message.startswith("cannot store the report in the state directory: ")
    daemon.state.chmod(0o755)


# ---- with fetching --------------------------------------------------------------------------------


@needs_fetch
def test_scan_fetches_judges_and_stores(daemon, served):
    progress = []
    report = daemon.call("Scan", {}, progress=progress)["report"]
    phases = [reply["progress"]["phase"] for reply in progress]
    assert list(dict.fromkeys(phases)) == ["probe", "fetch", "evaluate"]
    assert any("amzn2extra-livepatch" in reply["progress"].get("subject", "") for reply in progress)
    assert report["compliance"]["livepatch"] == "NON_COMPLIANT"
    assert [patch["state"] for patch in report["patches"] if patch["kind"] == "livepatch"] == [
        "Missing"]
    assert 0 < report["resources"]["bytes_fetched"] <= served.total_bytes()
    check_stored(daemon, report)


@needs_fetch
def test_a_fresh_cache_is_not_fetched_again(daemon, served):
    daemon.call("Scan")
    served.forget()
    progress = []
    report = daemon.call("Scan", {}, progress=progress)["report"]
    assert served.requests == []
    assert [reply["progress"]["phase"] for reply in progress] == ["evaluate"]
    assert report["resources"]["bytes_fetched"] == 0
    report = daemon.call("Scan", {"options": {"refresh": True}})["report"]
    assert served.requests != []


@needs_fetch
def test_an_unreachable_repository_is_a_finding(daemon, scenario):
    scenario.serve_from("127.0.0.1:9")  # discard: nobody listens
    report = daemon.call("Scan")["report"]
    assert report["compliance"]["livepatch"] == "UNKNOWN"
    assert any(finding["code"] == "repository-unreachable" for finding in report["findings"])
    check_stored(daemon, report)


@pytest.fixture(name="stalled")
def stalled_fixture(daemon, served):
    """A scan that hangs in klpd-fetch, until its server is told to go on."""
    served.on("repomd.xml", servers.stall(60))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        scan = pool.submit(daemon.call, "Scan")
        wait_for(lambda: served.asked_for("repomd.xml"), "the request")
        yield pool, scan
        served.stopping.set()


@needs_fetch
def test_status_of_a_busy_agent(daemon, stalled):
    _, scan = stalled
    status = daemon.call("GetStatus")
    assert status["busy"] == "scan" and status["since"].endswith("Z")
    fetch = wait_for(lambda: children_of(daemon.process.pid), "klpd-fetch")
    assert list(fetch.values()) == ["klpd-fetch"]
    os.kill(next(iter(fetch)), signal.SIGKILL)
    with pytest.raises(varlink.Error) as failed:
        scan.result(30)
    assert failed.value.parameters["status"] == 70
    assert failed.value.parameters["message"].startswith(
        "klpd-fetch was ended by signal 9 (Killed)")
    assert "busy" not in daemon.call("GetStatus")


@needs_fetch
def test_the_last_good_report_stays_when_a_scan_fails(daemon, served):
    good = daemon.call("Scan")["report"]
    served.on("repomd.xml", servers.stall(60))
    served.forget()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        scan = pool.submit(daemon.call, "Scan", {"options": {"refresh": True}})
        wait_for(lambda: served.asked_for("repomd.xml"), "the request")
        for pid in children_of(daemon.process.pid):
            os.kill(pid, signal.SIGABRT)
        with pytest.raises(varlink.Error) as failed:
            scan.result(30)
    assert "klpd-fetch was ended by signal 6 (Aborted)" in failed.value.parameters["message"]
    assert daemon.call("GetReport")["report"] == good


@needs_fetch
def test_an_equal_scan_joins_and_another_waits(daemon, served):
    served.on("repomd.xml", servers.slow(2), times=3)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        first = pool.submit(daemon.call, "Scan")
        wait_for(lambda: served.asked_for("repomd.xml"), "the request")
        same = pool.submit(daemon.call, "Scan", {"options": {}})
        other = pool.submit(daemon.call, "Scan", {"options": {"trigger": "remote"}})
        reports = [future.result(60)["report"] for future in (first, same, other)]
    assert reports[0] == reports[1]
    assert reports[2]["id"] != reports[0]["id"]
    assert reports[2]["trigger"] == "remote"
    assert len(daemon.call("GetHistory")["entries"]) == 2


@needs_fetch
def test_questions_wait_for_the_scan(daemon, served):
    served.on("repomd.xml", servers.slow(1), times=3)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        scan = pool.submit(daemon.call, "Scan")
        wait_for(lambda: served.asked_for("repomd.xml"), "the request")
        report = daemon.call("Evaluate")["report"]
        assert scan.done() or scan.result(5)
    assert report["compliance"]["livepatch"] == "NON_COMPLIANT"  # with the scan's metadata


@needs_fetch
def test_a_private_agent_takes_its_children_along(scenario, served):
    served.on("repomd.xml", servers.stall(60))
    process, client = private(scenario.node.folder)
    client.send(f"{AGENT}.Scan")
    wait_for(lambda: served.asked_for("repomd.xml"), "the request")
    children = children_of(process.pid)
    assert "klpd-fetch" in children.values()
    client.sock.close()
    assert process.wait(20) == 0
    process.stderr.close()
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children)


@needs_fetch
def test_an_agent_that_is_told_to_end_does(daemon, stalled):
    children = children_of(daemon.process.pid)
    daemon.process.terminate()
    assert daemon.process.wait(20) == 0
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children)
    with pytest.raises(varlink.Error) as failed:
        stalled[1].result(20)
    assert failed.value.parameters == {"status": 75, "message": "klpd is being stopped; try again"}


@needs_fetch
def test_who_waits_behind_it_is_told_too(daemon, stalled):
    """Two more callers wait; all are answered before klpd ends."""
    pool, scan = stalled
    waiting = [pool.submit(daemon.call, "Evaluate"), pool.submit(daemon.call, "GetConfig")]
    wait_for(lambda: len(children_of(daemon.process.pid)) == 1, "klpd-fetch")
    time.sleep(0.3)
    daemon.process.terminate()
    assert daemon.process.wait(20) == 0
    for future in [scan, *waiting]:
        with pytest.raises(varlink.Error) as failed:
            future.result(20)
        assert failed.value.parameters["message"] == "klpd is being stopped; try again"


@needs_fetch
def test_a_scan_is_cancelled(daemon, stalled):
    _, scan = stalled
    assert daemon.call("Cancel") == {"cancelled": "scan"}
    with pytest.raises(varlink.Error) as failed:
        scan.result(20)
    assert failed.value.parameters["status"] == 75
    assert re.fullmatch(rf"cancelled by \S+ \(uid {os.geteuid()}\), .*, pid \d+.*; nothing was changed",
                        failed.value.parameters["message"])
    assert children_of(daemon.process.pid) == {}
    assert "busy" not in daemon.call("GetStatus")
    with pytest.raises(varlink.Error) as failed:
        daemon.call("Cancel")
    assert failed.value.parameters["message"] == "nothing runs that could be cancelled"


@needs_fetch
def test_a_killed_agent_leaves_no_fetcher(daemon, stalled):
    children = children_of(daemon.process.pid)
    daemon.process.kill()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children),
             "the end of klpd-fetch")
    with pytest.raises(varlink.Closed):
        stalled[1].result(20)
    daemon.process.wait(20)
    daemon.process.returncode = 0  # what this test did to it is no failure


@needs_fetch
def test_the_history_keeps_as_many_as_configured(daemon, scenario, served):
    scenario.node.write("etc/klpd/klpd.yaml", "history_keep: 2\n")
    ids = []
    for _ in range(4):
        ids.insert(0, daemon.call("Scan", {"options": {"refresh": True}})["report"]["id"])
    assert [entry["id"] for entry in daemon.call("GetHistory")["entries"]] == ids[:2]
    assert len(list((daemon.state / "history").iterdir())) == 2
