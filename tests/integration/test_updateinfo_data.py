# SPDX-License-Identifier: Apache-2.0
"""Real Amazon advisories, read by us and by Python's XML parser: the same, field by field."""
import datetime
import gzip
import os
import pathlib
import subprocess
import xml.etree.ElementTree

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()
DATA = pathlib.Path(os.environ.get("KLPD_TEST_DATA", TOP / "../shared/data")) / "al2-2024-10-03"
DUMP = BUILD / "unit/metadata/dump_updateinfo"

REPOSITORIES = {
    # repository: notices, prefix of wanted packages
    "amzn2extra-livepatch": (190, "kernel-livepatch-"),
    "amzn2extra-kernel-5.10": (68, "kernel"),
    "amzn2-core": (112, "kernel"),
}


def updateinfo(repository):
    path = DATA / repository / "repodata/updateinfo.xml.gz"
    if not path.exists():
        pytest.skip(f"no real advisories here: {path} does not exist")
    return gzip.decompress(path.read_bytes())


def dump(data, *arguments):
    done = subprocess.run([DUMP, *arguments], input=data, stdout=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 0, done.stdout.decode()
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def date_line(which, update):
    element = update.find(which)
    text = element.get("date", "").strip() if element is not None else ""
    if not text:
        return [which, "absent", ""]
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return [which, "valid", datetime.datetime.strptime(text, form).isoformat() + "Z"]
        except ValueError:
            continue
    return [which, "invalid", ""]


def text_of(update, name):
    return (update.findtext(name) or "").strip() or "-"


def lines_of(update, prefix=""):
    """What dump_updateinfo should say of one <update>; nothing if it lists no wanted package."""
    packages = [["package", p.get("name"), p.get("epoch") or "0", p.get("version"), p.get("release"), p.get("arch")]
                for p in update.iterfind("pkglist/collection/package") if p.get("name").startswith(prefix)]
    if prefix and not packages:
        return
    yield ["notice", text_of(update, "id"), update.get("type"), text_of(update, "severity"), update.get("status"),
           text_of(update, "title")]
    yield date_line("issued", update)
    yield date_line("updated", update)
    for reference in update.iterfind("references/reference"):
        yield ["ref", reference.get("type"), reference.get("id") or reference.get("title")]
    yield from packages


def expected(data, prefix=""):
    root = xml.etree.ElementTree.fromstring(data)
    return [line for update in root.iterfind("update") for line in lines_of(update, prefix)]


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_everything_is_read(repository):
    data = updateinfo(repository)
    got = dump(data)
    assert sum(line[0] == "notice" for line in got) == REPOSITORIES[repository][0]
    assert got == expected(data)


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_only_the_wanted_is_kept(repository):
    data = updateinfo(repository)
    prefix = REPOSITORIES[repository][1]
    got = dump(data, prefix)
    assert got == expected(data, prefix)
    assert 0 < sum(line[0] == "package" for line in got)


def test_every_notice_has_two_dates_a_severity_and_packages():
    """Also those without a CVE, of which there are some."""
    without_cve = 0
    for repository in REPOSITORIES:
        for update in xml.etree.ElementTree.fromstring(updateinfo(repository)).iterfind("update"):
            lines = list(lines_of(update))
            assert [line[1] for line in lines[1:3]] == ["valid", "valid"]
            assert lines[0][3].lower() in {"critical", "important", "medium", "low"}
            assert any(line[0] == "package" for line in lines)
            without_cve += not any(line[0] == "ref" and line[1] == "cve" for line in lines)
    assert without_cve > 0
