# SPDX-License-Identifier: Apache-2.0
"""klpctl export: what is known of the kernel's CVEs, as OpenVEX."""
import json
import re
import urllib.parse

import jsonschema
import pytest

from klpdtest import al2, server

# OPENVEX-SPEC.md 0.2.0: what a document and its statements have and must have.
IRI = {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:[^ ]+$"}
TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "type": "object", "additionalProperties": False,
    "required": ["@context", "@id", "author", "timestamp", "version", "statements"],
    "properties": {
        "@context": {"const": "https://openvex.dev/ns/v0.2.0"}, "@id": IRI, "author": TEXT, "role": TEXT,
        "timestamp": {"type": "string", "format": "date-time"}, "last_updated": {"type": "string"},
        "version": {"type": "integer", "minimum": 1}, "tooling": TEXT,
        "statements": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {
            "type": "object", "additionalProperties": False, "required": ["vulnerability", "products", "status"],
            "properties": {
                "vulnerability": {"type": "object", "required": ["name"], "additionalProperties": False,
                                  "properties": {"name": TEXT}},
                "products": {"type": "array", "minItems": 1, "items": {
                    "type": "object", "additionalProperties": False, "required": ["@id"],
                    "properties": {"@id": IRI, "identifiers": {"type": "object", "additionalProperties": False,
                                                               "properties": {"purl": IRI}}}}},
                # of the four that there are, the one that says more than klpd can know is left out
                "status": {"enum": ["fixed", "affected", "under_investigation"]},
                "status_notes": TEXT, "action_statement": TEXT},
            "if": {"properties": {"status": {"const": "affected"}}}, "then": {"required": ["action_statement"]},
        }},
    },
}


def export(node, *options, status=0):
    document = json.loads(node.klpctl(*options, "export", status=status))
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
    return document


def statements(document):
    return {s["vulnerability"]["name"]: s for s in document["statements"]}


def statuses(document):
    return {name: s["status"] for name, s in statements(document).items()}


@pytest.fixture(name="scanned")
def scanned_fixture(node):
    node.klpctl("scan", "-q")
    return node


def test_every_cve_and_its_evidence(scanned):
    found = statements(export(scanned))
    assert list(found) == sorted(found)
    assert {name: s["status"] for name, s in found.items()} == {
        "CVE-2024-0001": "affected",  # a livepatch has the fix, and is not installed
        "CVE-2024-0002": "affected",
        "CVE-2024-0003": "affected",
        "CVE-2024-0800": "fixed",  # by a notice of the running kernel
        "CVE-2024-0900": "under_investigation",  # fixed in another series only
    }
    name = al2.livepatch_name()
    assert found["CVE-2024-0001"]["action_statement"].startswith(f"Install {name}-1.0-1.amzn2.x86_64 or newer, without")
    assert f"ALAS2LIVEPATCH-2024-201 ({name}-1.0-1.amzn2.x86_64, not installed)" in found["CVE-2024-0001"]["status_notes"]
    assert "ALAS2KERNEL-5.10-2024-081 (kernel-5.10.233-223.887.amzn2.x86_64, what runs" in found["CVE-2024-0800"]["status_notes"]
    assert "of another series" in found["CVE-2024-0900"]["status_notes"]
    for cve, statement in found.items():
        said = json.loads(scanned.klpctl("--json=short", "cve", cve))
        assert {e["advisory"] for e in said["evidence"]} == set(re.findall(r"(ALAS\S+) \(", statement["status_notes"]))


def test_a_livepatch_fixes_only_what_runs(scanned):
    scanned.scenario.install_patch(2)
    found = statements(export(scanned))
    assert [found[f"CVE-2024-000{i}"]["status"] for i in (1, 2, 3)] == ["fixed", "fixed", "affected"]
    assert "installed and active" in found["CVE-2024-0002"]["status_notes"]
    scanned.scenario.install_patch(2, active=False)
    for module in ("livepatch_CVE_2024_0001", "livepatch_CVE_2024_0002"):
        scanned.scenario.node.unload_livepatch(module)
    found = statements(export(scanned))
    assert [found[f"CVE-2024-000{i}"]["status"] for i in (1, 2, 3)] == ["affected", "affected", "affected"]
    assert found["CVE-2024-0002"]["action_statement"].startswith("Make the kernel run ")


def test_the_product_is_the_running_kernel(scanned):
    [product] = {json.dumps(s["products"]) for s in export(scanned)["statements"]}
    [product] = json.loads(product)
    assert product["@id"] == product["identifiers"]["purl"] == (
        "pkg:rpm/amzn/kernel@5.10.233-223.887.amzn2?arch=x86_64&distro=amzn-2")
    assert urllib.parse.unquote(product["@id"]) == product["@id"]


def test_the_same_facts_are_the_same_document(scanned):
    when = "--as-of=2026-01-02T03:04:05Z"
    first, second = export(scanned, when), export(scanned, when)
    assert first == second and first["timestamp"] == "2026-01-02T03:04:05Z"
    assert re.fullmatch("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", first["@id"])
    scanned.scenario.install_patch(1)
    assert export(scanned, when)["@id"] != first["@id"]


def test_what_could_not_be_looked_at_is_said(node):
    done = node.run("export")  # nothing was ever fetched
    assert done.returncode == 69 and "klpctl scan" in done.stderr and not done.stdout
    node.server.on("livepatch/latest/x86_64/mirror.list", server.status(404))
    node.run("scan", "-q")
    done = node.run("export")
    assert done.returncode == 69 and "may not be all" in done.stderr
    found = statuses(json.loads(done.stdout))
    assert found["CVE-2024-0800"] == "fixed" and found["CVE-2024-0001"] == "under_investigation"


def test_a_file(scanned, tmp_path):
    path = tmp_path / "vex.json"
    assert scanned.klpctl("export", "-o", str(path)) == "Written.\n"
    assert statuses(json.loads(path.read_text())) and path.stat().st_mode & 0o777 == 0o600


def test_a_kernel_that_is_not_known(scanned):
    scanned.scenario.node.path("proc/sys/kernel/osrelease").unlink()
    done = scanned.run("export")
    assert done.returncode == 69 and "does not know the package" in done.stderr, done.stdout
