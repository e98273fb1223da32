# SPDX-License-Identifier: Apache-2.0
"""The whole way: klpctl, klpd, klpd-fetch and klpd-worker over a node and its repositories."""
import copy
import json
import os

import jsonschema
import pytest

from klpdtest import al2
from running import BUILD, TOP

NEEDED = [BUILD / name for name in ("klpctl", "klpd", "klpd-fetch", "klpd-worker")]
pytestmark = pytest.mark.skipif(not all(p.exists() for p in NEEDED), reason="not all programs are built")
LIVEPATCH = f"{al2.livepatch_name()}.{al2.ARCH}"
SCHEMAS = {name: json.loads((TOP / f"docs/klpd.{name}-1.schema.json").read_text())
           for name in ("report", "snapshot")}


def states(report):
    return {p["id"]: p["state"] for p in report["patches"]}


def held(report):
    return {h["title"].split("-")[-1].split(".")[0]: h["reason"]
            for h in report["held"] if h["kind"] == "livepatch"}


def test_the_first_scan_and_what_is_asked_after_it(node):
    report = node.json("scan")
    jsonschema.validate(report, {"$ref": "#/definitions/stored", "definitions": SCHEMAS["report"]["definitions"]})
    assert states(report) == {LIVEPATCH: "Missing", "kernel.x86_64": "Missing"}
    assert held(report) == {"2": "severity", "3": "not-yet-approved"}
    assert report["compliance"]["overall"] == "NON_COMPLIANT"
    assert [r["status"] for r in report["repositories"]] == ["ok"] * 3
    assert report["resources"]["bytes_fetched"] > 0

    assert node.json("status")["report"] == report
    assert node.json("list") == report["patches"] + report["held"]
    entries = node.json("history")
    assert [e["id"] for e in entries] == [report["id"]] and node.json("history", report["id"]) == report
    assert f"Missing  {LIVEPATCH}" in node.klpctl("list")
    assert "no such" not in node.klpctl("kernel")

    node.server.forget()
    again = node.json("scan")
    assert states(again) == states(report) and node.server.total_bytes() == 0
    assert len(node.json("history")) == 2


def test_check_ends_with_what_the_node_needs(node):
    assert node.klpctl("check", status=100).startswith("NON_COMPLIANT\n")
    node.scenario.install_patch(1, active=False)
    report = node.json("check", status=100)
    assert [f["code"] for f in report["findings"] if "active" in f["code"]] == ["livepatch-not-active"]
    for module in node.scenario.patches[1].files:
        node.scenario.node.load_livepatch(os.path.basename(module).removesuffix(".ko"))
    report = node.json("check")
    assert report["compliance"]["overall"] == "COMPLIANT"
    assert report["reboot"]["verdict"] == "no-kernel-covered"
    node.scenario.node.enable_service(enabled=False)
    assert node.json("check", status=102)["compliance"]["livepatch"] == "COMPLIANT"


def test_why(node):
    node.klpctl("scan", "-q")
    name = al2.livepatch_name()
    text = node.klpctl("explain", name)
    assert f"Package        {LIVEPATCH}\nState          Missing\n" in text
    builds = [line for line in text.splitlines() if line.startswith(name)]
    assert [b.removeprefix(name + "-").split(".amzn2")[0] for b in builds] == ["1.0-3", "1.0-2", "1.0-1"]
    assert "SEVERITY is 'medium' and must be one of: Critical, Important" in text
    assert "What would change the answer" in text
    for cve, answer in (("CVE-2024-0800", "fixed-by-kernel"), ("CVE-2024-0001", "not-fixed"),
                        ("CVE-2024-0900", "unknown"),  # fixed in the old series
                        ("CVE-1999-0001", "unknown")):
        assert node.klpctl("cve", cve).startswith(f"{cve}: {answer}\n")
    node.scenario.install_patch(1)
    assert node.klpctl("cve", "cve-2024-0001").startswith("CVE-2024-0001: fixed-by-livepatch\n")
    assert node.klpctl("explain", "nothing-of-that-name").startswith("Package        nothing-of-that-name\n")


def test_what_was_never_looked_at_is_not_explained_away(node):
    for name in (al2.livepatch_name(), "nothing-of-that-name"):
        text = node.klpctl("explain", name)
        assert "could not be looked at" in text and "asks for no build" not in text


def test_a_later_time_approves_more(node):
    report = node.json("scan")
    assert report["as_of"][:4].isdigit()
    later = al2.stamp(node.scenario.now + 10 * al2.DAY).replace(" ", "T") + "Z"
    found = node.json("list", "--cached", f"--as-of={later}")
    candidate = next(p["candidate"] for p in found if p["id"] == LIVEPATCH)
    assert candidate == "0:1.0-3.amzn2"
    assert len(node.json("history")) == 1


def test_what_is_captured_is_judged_the_same(node, tmp_path):
    report = node.json("scan")
    node.klpctl("capture", "-o", str(tmp_path / "node.json"))
    snapshot = json.loads((tmp_path / "node.json").read_text())
    jsonschema.validate(snapshot, SCHEMAS["snapshot"])
    judged = node.json("evaluate", str(tmp_path / "node.json"))
    expected = copy.deepcopy(report)
    for key in ("id", "started", "finished", "resources", "as_of"):
        expected.pop(key), judged.pop(key, None)
    for repository in expected["repositories"] + judged["repositories"]:
        repository.pop("age_seconds")
    assert judged == expected


def test_without_the_network_the_copy_at_hand_counts(node):
    node.klpctl("scan", "-q")
    node.server.stop()
    assert states(node.json("scan", "--cached"))[LIVEPATCH] == "Missing"
    report = node.json("scan", "--refresh")
    assert any(f["code"] == "repository-unreachable" for f in report["findings"])
    assert states(report)[LIVEPATCH] == "Missing"


def test_no_repository_was_ever_reached(node):
    node.server.stop()
    report = node.json("check", status=69)
    assert report["compliance"]["overall"] == "UNKNOWN"
