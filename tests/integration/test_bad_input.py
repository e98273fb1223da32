# SPDX-License-Identifier: Apache-2.0
"""Broken metadata and broken nodes, the whole way: a clear sentence, the right exit status, an honest
verdict, nothing lost and nothing left behind."""
import json
import re
import sqlite3
import zlib

import pytest

from klpdtest import al2, server

LIVEPATCH = f"{al2.livepatch_name()}.{al2.ARCH}"
GOOD = """<update status="final" type="security" from="x" version="1"><id>{id}</id><title>t</title>
<issued date="2024-01-03 22:25"/><updated date="{updated}"/><severity>important</severity>
<references><reference id="CVE-2024-0001" type="cve" href=""/></references><pkglist><collection short="x">
<package name="{name}" version="1.0" release="{release}.amzn2" epoch="0" arch="x86_64"/></collection>
</pkglist></update>"""


def notice(identity="ALAS2LIVEPATCH-2024-201", updated="2024-01-03 22:25", name=al2.livepatch_name(), release=1):
    return GOOD.format(id=identity, updated=updated, name=name, release=release)


def updates(*notices):
    return '<?xml version="1.0"?>\n<updates>' + "".join(notices) + "</updates>"


LAUGHS = '<?xml version="1.0"?>\n<!DOCTYPE updates [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi")) + \
    "]>\n<updates><update><id>&i;</id></update></updates>"

# What is broken in the file costs the repository: its finding, and the verdict UNKNOWN.
BROKEN_FILES = {
    "HTML instead of XML": "<html><body>Please log in to the network</body></html>",
    "half a file": updates(notice())[:-40],
    "billion laughs": LAUGHS,
    "an attribute of 10 MB": updates(notice(identity="x")).replace('type="cve"', f'type="{"a" * (10 << 20)}"'),
    "nested far too deep": updates("<a>" * 100000 + "</a>" * 100000),
    "not UTF-8": updates(notice(identity="\udcff")),
    "nothing at all": "",
}


def livepatches(node):
    return node.scenario.repos[al2.LIVEPATCH]


def codes(report):
    return {finding["code"] for finding in report["findings"]}


def message(report, code):
    return next(f["message"] for f in report["findings"] if f["code"] == code)


def leftovers(node):
    """What is in the cache besides the state, the lock and what the state names."""
    cache = node.root / "var/cache/klpd"
    state = json.loads((cache / "state.json").read_text())
    named = {f["file"] for r in state["repositories"] for f in r["files"]}
    return {p.name for p in cache.iterdir()} - named - {"state.json", "lock", "extracts"}


@pytest.mark.parametrize("what", BROKEN_FILES)
def test_a_broken_file_costs_the_repository(node, what):
    livepatches(node).write("updateinfo", BROKEN_FILES[what])
    report = node.json("scan")
    assert "metadata-invalid" in codes(report), report["findings"]
    assert al2.LIVEPATCH in message(report, "metadata-invalid")
    assert report["compliance"]["livepatch"] == "UNKNOWN"
    status = {r["id"]: r["status"] for r in report["repositories"]}
    assert status[al2.LIVEPATCH] == "invalid" and status[al2.KERNEL] == "ok"
    assert not [p for p in report["patches"] if p["kind"] == "livepatch"]
    assert leftovers(node) == set()


@pytest.mark.parametrize("stated", [600 << 20, 1000, None])
def test_a_gzip_bomb_is_not_unpacked(node, stated):
    """Refused by the size that repomd.xml states, or by how far the data goes beyond it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = packer.compress(b"<updates>")
    for _ in range(600):
        bomb += packer.compress(b" " * (1 << 20))
    livepatches(node).replace("updateinfo", bomb + packer.flush(), stated)
    report = node.json("scan")
    assert "metadata-invalid" in codes(report)
    assert report["compliance"]["livepatch"] == "UNKNOWN"
    assert report["resources"]["peak_rss_kib"] < 256 * 1024  # sanitizers need some of it


def test_a_broken_notice_costs_that_notice(node):
    livepatches(node).write("updateinfo", updates(
        notice(identity=""), notice("ALAS-NAME", name="kernel-livepatch-5.10&#10;.233"),
        notice("ALAS-DATE", updated="0000-00-00", release=2), notice()))
    report = node.json("scan")
    assert "notice-broken" in codes(report) and "notice-date-invalid" in codes(report)
    states = {p["id"]: p["state"] for p in report["patches"]}
    assert states[LIVEPATCH] == "Missing"  # the good one counts
    reasons = {h["title"]: h["reason"] for h in report["held"]}
    assert reasons[f"{LIVEPATCH}:0:1.0-2.amzn2"] == "no-date"


def test_what_was_read_before_is_kept_when_the_repository_breaks(node, served):
    first = node.json("scan")
    served.on("repomd.xml", server.status(500))
    report = node.json("scan", "--refresh")
    assert [p["id"] for p in report["patches"]] == [p["id"] for p in first["patches"]]
    assert {r["status"] for r in report["repositories"]} == {"stale"}


def test_the_last_report_survives_a_failing_scan(node):
    first = node.json("scan")
    (node.root / "etc/klpd").mkdir()
    (node.root / "etc/klpd/klpd.yaml").write_text("coverage: [strict\n")
    failed = node.run("scan")
    assert failed.returncode == 78 and "klpd.yaml:" in failed.stderr
    kept = json.loads((node.root / "var/lib/klpd/report.json").read_text())
    assert kept["id"] == first["id"]
    (node.root / "etc/klpd/klpd.yaml").write_text("covrage: strict\n")
    assert "klpd.yaml:1: covrage: no such setting" in node.run("scan").stderr


def test_a_damaged_package_database(node):
    database = next((node.root / "var/lib/rpm").glob("rpmdb.sqlite"))
    for name in database.parent.glob("rpmdb.sqlite-*"):
        name.unlink()
    database.write_bytes(database.read_bytes()[:20000])
    report = node.json("scan")
    assert "rpmdb-unreadable" in codes(report)
    assert "rebuilddb" in message(report, "rpmdb-unreadable")
    assert report["compliance"] == {"overall": "UNKNOWN", "livepatch": "UNKNOWN", "kernel": "UNKNOWN"}
    node.klpctl("check", status=69)


def test_an_rpm_database_without_its_index_of_names(node):
    """Then each header is read."""
    before = node.json("scan")
    with sqlite3.connect(node.root / "var/lib/rpm/rpmdb.sqlite") as database:
        assert database.execute("DELETE FROM Name").rowcount > 3
    after = node.json("scan")
    assert after["patches"] == before["patches"] and after["compliance"] == before["compliance"]


def test_an_index_of_names_that_leads_nowhere(node):
    before = node.json("scan")
    with sqlite3.connect(node.root / "var/lib/rpm/rpmdb.sqlite") as database:
        assert database.execute("UPDATE Name SET hnum = hnum + 1000 WHERE key LIKE 'kernel%'").rowcount
    assert node.json("scan")["patches"] == before["patches"]


def test_no_package_database(node):
    for path in (node.root / "var/lib/rpm").iterdir():
        path.unlink()
    report = node.json("scan")
    assert "holds no rpm database" in message(report, "rpmdb-unreadable")
    assert report["compliance"]["overall"] == "UNKNOWN"


def test_a_broken_repository_file_costs_itself(node):
    (node.root / "etc/yum.repos.d/broken.repo").write_text("[x\nname\n")
    report = node.json("scan")
    assert any("broken.repo" in f["message"] for f in report["findings"])
    assert {r["status"] for r in report["repositories"]} == {"ok"}


@pytest.mark.parametrize("text, said", [
    ("Name: [", "baseline.yaml:"),
    ("{\"Name\": \"abc\"", "baseline.yaml:"),
    ("ApprovalRules: {PatchRules: [{ApproveAfterDays: 7}]}", "a rule needs a PatchFilterGroup"),
    ("Nmae: abc", "baseline.yaml:1: Nmae: no such key here"),
    ("RejectedPatchesAction: ALLOW", "baseline.yaml:1: RejectedPatchesAction: 'ALLOW' is not one of"),
    ("OperatingSystem: AMAZON_LINUX_2023", "the baseline is for AMAZON_LINUX_2023"),
    ("a: &x [1]\nb: *x", "anchors, aliases and tags are not accepted"),
])
def test_an_invalid_baseline_is_refused_with_file_line_and_field(node, tmp_path, text, said):
    path = tmp_path / "baseline.yaml"
    path.write_text(text)
    done = node.run(f"--baseline={path}", "scan")
    assert done.returncode == 78 and said in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1
    assert not (node.root / "var/lib/klpd/report.json").exists()
