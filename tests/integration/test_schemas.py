# SPDX-License-Identifier: Apache-2.0
"""The schemas in docs/ and the code that writes and reads the documents say the same."""
import copy
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()
DUMP = BUILD / "unit/codec/dump_codec"
SNAPSHOTS = sorted((TOP / "tests/scenarios").glob("*/snapshot.json"))


def schema(name):
    return json.loads((TOP / f"docs/klpd.{name}-1.schema.json").read_text())


REPORT = schema("report")
VALIDATORS = {
    "report": jsonschema.Draft7Validator(REPORT),
    "stored": jsonschema.Draft7Validator(
        {"$ref": "#/definitions/stored", "definitions": REPORT["definitions"]}),
    "snapshot": jsonschema.Draft7Validator(schema("snapshot")),
}


def problems(name, document):
    return [f"{'/'.join(map(str, e.path))}: {e.message}" for e in VALIDATORS[name].iter_errors(document)]


def dump(*arguments):
    return subprocess.run([DUMP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=60)


@pytest.fixture(scope="module", name="written")
def written_fixture():
    report, snapshot = dump().stdout.splitlines()
    return {"report": json.loads(report), "snapshot": json.loads(snapshot)}


@pytest.mark.parametrize("name", ["report", "snapshot"])
def test_what_is_written_fits(written, name):
    assert problems(name, written[name]) == []


def test_a_stored_report_has_what_the_job_adds(written):
    report = dict(written["report"])
    assert problems("stored", report) != []
    report.update(id="01234567-89ab-cdef-0123-456789abcdef", started="2026-01-01T00:00:00Z",
                  finished="2026-01-01T00:00:01Z",
                  resources={"cpu_ms": 1, "peak_rss_kib": 2, "bytes_fetched": 0})
    assert problems("stored", report) == []
    assert problems("report", report) == []


def spoil(path, value):
    """A function that puts @value at @path ("patches.0.state") of a document."""
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(document):
        for step in way:
            document = document[step]
        if value is None:
            del document[last]
        else:
            document[last] = value
    return pytest.param(change, id=f"{path}={value}")


@pytest.mark.parametrize("change", [
    spoil("schema", "klpd.report/2"), spoil("colour", "red"), spoil("operation", "scan"),
    spoil("as_of", "2026-01-01"), spoil("trigger", "cron"), spoil("node.colour", "red"),
    spoil("node.boot_id", None), spoil("compliance.overall", "GOOD"), spoil("reboot.verdict", "maybe"),
    spoil("summary.missing", -1), spoil("summary.missing", None), spoil("patches.0.state", "INSTALLED"),
    spoil("patches.0.active", None), spoil("patches.0.active", "yes"), spoil("patches.0.installed", "1.0-3"),
    spoil("patches.0.title", "lp.x86_64:1.0-3"), spoil("patches.3.active", True),
    spoil("patches.0.compliance_level", "High"), spoil("patches.2.modules", []), spoil("held.0.reason", "later"),
    spoil("held.0.message", None), spoil("held.0.state", "Missing"), spoil("coverage.policy", "all"),
    spoil("coverage.missing", "CVE-1"), spoil("repositories.0.role", "core"),
    spoil("findings.0.severity", "fatal"), spoil("findings.0.code", "Some Code"), spoil("findings.0.subject", None),
    spoil("kernels.0.reason", None), spoil("kernels.0.package", "kernel-5.10.1-1"), spoil("kernels.0.open", "yes"),
    spoil("next_boot", None), spoil("live_patching.effective", None), spoil("live_patching.line_ends", "2026-06-30"),
    spoil("held", None), spoil("plan", {}), spoil("outcome", {"steps": [], "activation": []}),
])
def test_the_report_schema_refuses(written, change):
    report = copy.deepcopy(written["report"])
    change(report)
    assert problems("report", report) != []


# Documents that the reader and the schema must agree about: (what, accepted, document)
REPOSITORY = {"id": "r", "role": "kernel"}
NOTICE = {"id": "A", "repository": "r"}
SNAPSHOT = [
    ("nothing but the schema", True, {}),
    ("another schema", False, {"schema": "klpd.snapshot/2"}),
    ("an unknown key", False, {"nodes": {}}),
    ("a short node", True, {"node": {"kernel": None, "modules": [{"name": "m"}]}}),
    ("an unknown key of the node", False, {"node": {"kernels": 1}}),
    ("a flag that is a boolean", False, {"node": {"modules": [{"name": "m", "enabled": True}]}}),
    ("an unknown flag", True, {"node": {"modules": [{"name": "m", "enabled": None}]}}),
    ("a module without name", False, {"node": {"modules": [{}]}}),
    ("a null where a boolean belongs", False, {"node": {"rpmdb_read": None}}),
    ("a package", True, {"node": {"installed": [{"package": "a.b-c.noarch:12:1.0~rc1-2.el7"}]}}),
    ("a package without epoch", False, {"node": {"installed": [{"package": "kernel.x86_64:1-1"}]}}),
    ("a package with a blank", False, {"node": {"installed": [{"package": "ker nel.x86_64:0:1-1"}]}}),
    ("a package with two dashes in its version", False,
     {"node": {"installed": [{"package": "kernel.x86_64:0:1-2-3"}]}}),
    ("an empty module name", False,
     {"node": {"installed": [{"package": "a.b:0:1-1", "modules": [""]}]}}),
    ("a short notice", True, {"repositories": [REPOSITORY], "advisories": [NOTICE]}),
    ("an unparsable date", True, {"repositories": [REPOSITORY], "advisories": [dict(NOTICE, issued="invalid")]}),
    ("a day alone", False, {"repositories": [REPOSITORY], "advisories": [dict(NOTICE, issued="2026-01-01")]}),
    ("references", True, {"repositories": [REPOSITORY], "advisories": [
        dict(NOTICE, refs=["CVE-1", {"type": "bugzilla", "id": "1"}])]}),
    ("a reference without type", False,
     {"repositories": [REPOSITORY], "advisories": [dict(NOTICE, refs=[{"id": "1"}])]}),
    ("a notice without repository", False, {"advisories": [{"id": "A"}]}),
    ("a role that does not exist", False, {"repositories": [dict(REPOSITORY, role="core")]}),
    ("a status that does not exist", False, {"repositories": [dict(REPOSITORY, status="on")]}),
    ("an empty id", False, {"repositories": [dict(REPOSITORY, id="")]}),
    ("a short finding", True, {"findings": [{"code": "c"}]}),
    ("a finding without subject", False, {"findings": [{"code": "c", "subject": None}]}),
    ("a list that is an object", False, {"packages": {}}),
]


@pytest.mark.parametrize("accepted, document", [pytest.param(a, d, id=w) for w, a, d in SNAPSHOT])
def test_reader_and_schema_agree(tmp_path, accepted, document):
    document = {"schema": "klpd.snapshot/1", **document}
    path = tmp_path / "snapshot.json"
    path.write_text(json.dumps(document))
    done = dump(path)
    assert (problems("snapshot", document) == []) == accepted
    assert (done.returncode == 0) == accepted, done.stderr


@pytest.mark.parametrize("path", SNAPSHOTS, ids=[p.parent.name for p in SNAPSHOTS])
def test_a_scenario_survives_being_captured(path):
    first = dump(path)
    assert first.returncode == 0, first.stderr
    again = json.loads(first.stdout)
    assert problems("snapshot", json.loads(path.read_text())) == []
    assert problems("snapshot", again) == []
