# SPDX-License-Identifier: Apache-2.0
"""What was read of the metadata is kept: the next scan answers the same without reading it again."""
import json
import os

import pytest

from klpdtest import al2
from running import TOP


def extracts(node):
    return sorted((node.root / "var/cache/klpd/extracts").iterdir())


def answer(report):
    """What must not depend on where it was read from."""
    return {key: report[key] for key in ("compliance", "patches", "held", "coverage", "reboot", "findings", "summary")}


def spoil(node, kind):
    """Other bytes of the same length: whoever reads the file notices, who does not read it does not."""
    paths = list((node.root / "var/cache/klpd").glob(f"{kind}-*"))
    assert paths
    for path in paths:
        path.write_bytes(b"x" * path.stat().st_size)


def test_the_second_scan_reads_no_metadata(node):
    first = node.json("scan")
    kept = [(path.name, path.stat().st_mtime_ns) for path in extracts(node)]
    assert len(kept) == len(node.scenario.repos)
    spoil(node, "updateinfo")
    spoil(node, "primary")
    assert answer(node.json("scan")) == answer(first)
    assert [(path.name, path.stat().st_mtime_ns) for path in extracts(node)] == kept


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "klpd.snapshot/1"}', "\0" * 4096, None])
def test_an_extract_that_cannot_be_read_is_made_anew(node, text):
    first = node.json("scan")
    good = {path: path.read_bytes() for path in extracts(node)}
    for path, data in good.items():
        path.write_bytes(data[:len(data) // 2] if text is None else text.encode())
    assert answer(node.json("scan")) == answer(first)
    assert {path: path.read_bytes() for path in extracts(node)} == good


def test_other_metadata_other_extract(node):
    node.json("scan")
    before = {path.name for path in extracts(node)}
    repo = node.scenario.repos[al2.LIVEPATCH]
    repo.edit("updateinfo", lambda text: text.replace("CVE-2024-0001", "CVE-2024-9999"))
    (node.root / "var/cache/klpd/extracts/.left-behind").write_text("by a writer that was killed")
    report = node.json("scan", "--refresh")
    assert any("CVE-2024-9999" in patch["cves"] for patch in report["patches"])
    after = {path.name for path in extracts(node)}
    assert len(after) == len(before) and len(after - before) == 1


def test_another_profile_keeps_other_packages(node):
    node.json("scan")
    before = {path.name for path in extracts(node)}
    profile = (TOP / "conf/platforms/amzn2.yaml").read_text()
    (node.root / "etc/klpd/platforms").mkdir(parents=True)
    (node.root / "etc/klpd/platforms/amzn2.yaml").write_text(
        profile.replace("runtime: [kpatch-runtime]", "runtime: [kpatch-runtime, another]"))
    node.json("scan")
    assert not before & {path.name for path in extracts(node)}


def test_findings_of_reading_are_told_again(node):
    node.scenario.repos[al2.LIVEPATCH].edit("updateinfo", lambda text: text.replace("2024-", "0000-", 1))
    first = node.json("scan")
    assert first["findings"]
    assert node.json("scan")["findings"] == first["findings"]


def test_broken_metadata_leaves_no_extract(node):
    node.json("scan")
    for path in extracts(node):
        path.unlink()
    spoil(node, "updateinfo")
    report = node.json("scan")
    assert report["compliance"]["overall"] == "UNKNOWN"
    assert extracts(node) == []


@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_no_place_for_extracts(node, tmp_path, obstacle):
    first = node.json("scan")
    folder = node.root / "var/cache/klpd/extracts"
    for path in extracts(node):
        path.unlink()
    folder.rmdir()
    if obstacle == "file":
        folder.write_text("in the way")
    else:
        os.symlink(tmp_path, folder)
    assert answer(node.json("scan")) == answer(first)
    assert not list(tmp_path.glob("*.json"))
    assert json.loads((node.root / "var/lib/klpd/report.json").read_text())["compliance"] == first["compliance"]
