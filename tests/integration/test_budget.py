# SPDX-License-Identifier: Apache-2.0
"""What a scan of 10,000 packages may cost, in figures that do not depend on the machine: bytes, memory, files, processes.

tests/bench measures time. The budgets are what was measured and some room; who exceeds one says why, or mends it."""
import re
import subprocess
import sys

import pytest

from conftest import need
from klpdtest import al2, server
from running import BUILD, TOP

sys.path.insert(0, str(TOP / "tests/bench"))
import corpus  # noqa: E402 pylint: disable=wrong-import-position
import tools  # noqa: E402 pylint: disable=wrong-import-position

LAYOUTS = {
    # sections of a layout, and what a scan from nothing may fetch: bytes beyond what it must
    "merged": ({al2.LIVEPATCH: (corpus.merged, 10000, 3000)}, ("primary", "updateinfo")),
    "apart": ({al2.CORE: (corpus.core, 10000, 3000), al2.KERNEL: (corpus.core, 200, 200),
               al2.LIVEPATCH: (corpus.livepatches, 600, 150)}, ("updateinfo",)),
}
PEAK_KIB = 20 * 1024
WARM_PEAK_KIB = 12 * 1024
BEYOND = 4096  # repomd.xml


@pytest.fixture(scope="module", name="large")
def large_fixture(tmp_path_factory):
    need("rpmbuild")
    scenario = al2.Scenario(tmp_path_factory.mktemp("budget") / "scenario").make()
    corpus.fill_rpmdb(scenario.node, 450)
    for layout, (sections, _) in LAYOUTS.items():
        for section, (names, packages, notices) in sections.items():
            corpus.write_repository(scenario.www / layout / section, names, packages, notices)
    return scenario


def sanitized():
    return b"__asan_init" in (BUILD / "klpd-worker").read_bytes()


def least(scenario, layout):
    """The bytes that must be fetched: nothing else is needed to judge."""
    sections, kinds = LAYOUTS[layout]
    return sum(path.stat().st_size for section in sections for kind in ("primary", "updateinfo")
               for path in (scenario.www / layout / section / "repodata").glob(f"{kind}.xml.gz")
               if kind in kinds or section == al2.LIVEPATCH)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_scan_stays_within_its_budget(large, tmp_path, layout):
    with server.Server(large.www) as served:
        corpus.use_repositories(large.node, served.url, {section: f"{layout}/{section}" for section in LAYOUTS[layout][0]})
        klpd = tools.Klpd(large.node, served, tmp_path)
        cold, warm = klpd.run("cold"), klpd.run("warm")
    print(f"{layout}: cold {cold.peak_kib} KiB, {cold.fetched} bytes of {least(large, layout)}; warm {warm.peak_kib} KiB")
    assert cold.fetched <= least(large, layout) + BEYOND
    assert warm.fetched == 0
    if sanitized():
        pytest.skip("built with AddressSanitizer, which needs memory of its own")
    assert cold.peak_kib <= PEAK_KIB and warm.peak_kib <= WARM_PEAK_KIB


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_warm_scan_touches_little(large, tmp_path, layout):
    """Three programs; of the caches what was read before; no curl, glib or TLS is even mapped."""
    need("strace")
    if sanitized():
        pytest.skip("built with AddressSanitizer, which does not work below strace")
    with server.Server(large.www) as served:
        corpus.use_repositories(large.node, served.url, {section: f"{layout}/{section}" for section in LAYOUTS[layout][0]})
        klpd = tools.Klpd(large.node, served, tmp_path)
        klpd.run("cold")
        subprocess.run(["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=execve,openat", *klpd.argv("warm")],
                       stdout=subprocess.DEVNULL, check=True, env=klpd.env)
    trace = (tmp_path / "trace").read_text()
    programs = re.findall(r'execve\("[^"]*/([^"/]+)".* = 0', trace)
    opened = re.findall(r'openat\([^"]*"([^"]+)".* = \d', trace)
    print(f"{layout}: {programs}, {len(opened)} files")
    assert programs == ["klpctl", "klpd", "klpd-worker"]
    assert not [name for name in opened if re.search(r"lib(curl|glib|ssl|gnutls|repo)[.-]", name)]
    assert len(opened) < 160
