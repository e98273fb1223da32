# SPDX-License-Identifier: Apache-2.0
"""klpctl report --html: one page out of one or many reports."""
import html.parser
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from running import BUILD

VOID = {"meta", "br"}
AS_OF = "2026-03-16T12:00:00Z"
HOSTILE = "<script>alert(1)</script>\"' onload=x &amp; \u202e \u0007"


class Page(html.parser.HTMLParser):
    """Fails on what is not well formed; keeps what the tests ask for."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.texts, self.tags, self.rows = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert len(attributes) == len(attrs) and not any(name.startswith("on") for name in attributes)
        self.tags.append(tag)
        if "id" in attributes:
            assert attributes["id"] not in self.ids
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        assert "src" not in attributes and (tag == "a" or "href" not in attributes)
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            assert "@import" not in data and "url(" not in data
            return
        self.texts.append(data)
        if self.rows and self.rows[-1] and ("td" in self.open or "th" in self.open):
            self.rows[-1][-1] += data

    def fleet(self):
        """Rows of the first table: node, kernel, verdicts, missing, until, reboot, time."""
        return [row for row in self.rows if len(row) == 9][1:]


def klpctl(*arguments, status=0):
    done = subprocess.run([BUILD / "klpctl", f"--as-of={AS_OF}", *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "Sanitizer" not in done.stderr
    return done


def write(folder, name, report):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(report))
    return str(path)


def page_of(*paths):
    return Page(klpctl("report", "--html", *paths).stdout)


def changed(report, overall="COMPLIANT", until="2026-05-04T00:00:00Z", **node):
    copy = json.loads(json.dumps(report))
    copy["compliance"] = {"overall": overall, "livepatch": overall, "kernel": "NOT_APPLICABLE"}
    copy["live_patching"]["supported_until"] = until
    copy["node"].update(node)
    return copy


def test_a_fleet(report, tmp_path):
    paths = [write(tmp_path, "web-1", changed(report)),
             write(tmp_path, "web-2", changed(report, "NON_COMPLIANT", "2026-03-20T00:00:00Z")),
             write(tmp_path, "db", changed(report, "UNKNOWN", "2026-03-01T00:00:00Z", instance_id="i-0123")),
             write(tmp_path, "old", changed(report, "NOT_APPLICABLE", None))]
    page = page_of(*paths)
    rows = page.fleet()
    assert [row[0] for row in rows] == ["web-1", "web-2", "i-0123", "old"]
    assert [row[2] for row in rows] == ["COMPLIANT", "NON_COMPLIANT", "UNKNOWN", "NOT_APPLICABLE"]
    assert [row[6] for row in rows] == ["2026-05-0449 days left", "2026-03-204 days left", "2026-03-01ended 15 days ago",
                                        "-"]
    assert page.links == [f"#node{i}" for i in range(1, 5)] and set(link[1:] for link in page.links) <= set(page.ids)
    text = " ".join(" ".join(page.texts).split())
    for tile in ("1 COMPLIANT", "1 NON_COMPLIANT", "1 UNKNOWN", "1 kernels with livepatches for two weeks at most",
                 "1 kernels that get none any more", "4 nodes, days as of 2026-03-16T12:00:00Z"):
        assert tile in text, text[:800]
    missing = sum(p["state"] == "Missing" for p in report["patches"])
    assert f"{4 * missing} missing, important" in text or missing == 0
    for patch in report["patches"]:
        assert patch["reason"] in text


def test_this_node(scenario, tmp_path):
    done = klpctl(f"--root={scenario.node.folder}", "--cached", "report", "--html")
    assert [row[0] for row in Page(done.stdout).fleet()] == ["this node"]
    target = tmp_path / "page.html"
    assert klpctl(f"--root={scenario.node.folder}", "--cached", "report", "--html", "-o", str(target)).stdout == ""
    assert target.stat().st_mode & 0o777 == 0o600 and Page(target.read_text()).fleet()


def test_what_is_not_markup(report, tmp_path):
    def spoil(value):
        if isinstance(value, dict):
            return {key: spoil(v) for key, v in value.items()}
        if isinstance(value, list):
            return [spoil(v) for v in value]
        return HOSTILE if isinstance(value, str) else value

    spoiled = dict(spoil(report), schema="klpd.report/1")
    name = "<b>node & \"'"
    page = page_of(write(tmp_path, name, spoiled), write(tmp_path, "none", {"schema": "klpd.report/1"}))
    assert "script" not in page.tags and "b" not in [t for t in page.tags if t == "b"][10:]
    assert any("<script>alert(1)</script>" in text for text in page.texts)
    assert len(page.fleet()) == 2


def test_a_thousand(report, tmp_path):
    paths = [write(tmp_path, f"node-{i:04}", report) for i in range(1000)]
    started = time.monotonic()
    done = klpctl("report", "--html", *paths)
    taken = time.monotonic() - started
    assert len(Page(done.stdout).fleet()) == 1000
    print(f"1000 reports in {taken:.2f} s, {len(done.stdout)} bytes")
    assert taken < (20 if "asan" in BUILD.name else 3)


@pytest.mark.parametrize("content, status, said", [
    ("", 65, ":1: "), ("[]", 65, "is no report of schema"), ('{"schema": "klpd.report/2"}', 65, "is no report of schema"),
    ('{"schema": "klpd.report/1", "schema": 1}', 65, "duplicate"), (None, 74, "No such file"),
])
def test_bad_files(report, tmp_path, content, status, said):
    good, bad, target = write(tmp_path, "good", report), tmp_path / "bad.json", tmp_path / "page.html"
    if content is not None:
        bad.write_text(content)
    done = klpctl("report", "--html", "-o", str(target), good, str(bad), status=status)
    assert "bad.json" in done.stderr and said in done.stderr and not target.exists()


def test_wrong_words(report, tmp_path):
    assert "needs --html" in klpctl("report", write(tmp_path, "a", report), status=64).stderr
    assert "--html belongs to klpctl report" in klpctl("--html", "scan", status=64).stderr


# ---- in a browser ------------------------------------------------------------------------------

def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("not installed: chromium")
    return program


def shoot(page, target, width, folder):
    """A picture of the page; nothing is loaded from anywhere."""
    command = [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
               "--disable-component-update", "--no-first-run", "--disable-sync", "--hide-scrollbars",
               "--proxy-server=127.0.0.1:9", f"--user-data-dir={folder}", f"--window-size={width},1400",
               f"--screenshot={target}", page.as_uri()]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          env=dict(os.environ, HOME=str(folder)), check=False)
    if not pathlib.Path(target).exists():
        pytest.skip(f"chromium does not run here: {done.stdout.decode(errors='replace')[-300:]}")
    return pathlib.Path(target).read_bytes()


@pytest.mark.parametrize("width", [1280, 500])
def test_it_is_drawn(report, tmp_path, width):
    paths = [write(tmp_path, f"web-{i}", changed(report, verdict)) for i, verdict in
             enumerate(("COMPLIANT", "NON_COMPLIANT", "UNKNOWN"))]
    page = tmp_path / "page.html"
    page.write_text(klpctl("report", "--html", *paths).stdout)
    drawn = shoot(page, tmp_path / "page.png", width, tmp_path / "profile")
    blank = tmp_path / "blank.html"
    blank.write_text("<!DOCTYPE html><title>-</title>")
    empty = shoot(blank, tmp_path / "blank.png", width, tmp_path / "profile")
    assert len(drawn) > 10 * len(empty)  # a picture of nothing compresses to nothing
