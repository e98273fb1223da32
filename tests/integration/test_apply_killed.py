# SPDX-License-Identifier: Apache-2.0
"""klpd-apply is killed before every step that changes a file: the node stays whole, the next run finishes."""
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import applying
from conftest import need
from klpdtest import al2, rpms

pytestmark = pytest.mark.root
HERE = pathlib.Path(__file__).resolve().parent
NAME = al2.livepatch_name()
POINTS = 500  # at most, spread over all of them: every one


@pytest.fixture(scope="module", name="killer")
def killer_fixture(tmp_path_factory):
    need("gcc")
    library = tmp_path_factory.mktemp("killer") / "killer.so"
    rpms.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "killer.c", "-ldl"])
    return library


def environment(killer, **more):
    return dict(os.environ, LD_PRELOAD=str(killer), **more)


def applier_for(scenario, build, folder):
    """On a copy of the node that the test may ruin."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scenario.node.folder, folder, symlinks=True)
    return applying.Applier(build / "klpd-apply", folder)


def builds(folder):
    """What the rpm database says, read by rpm itself."""
    done = subprocess.run(["rpm", f"--dbpath={folder}/var/lib/rpm", "-qa", "--qf", "%{name}-%{version}-%{release}\\n"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return sorted(line for line in done.stdout.split() if line.startswith(NAME))


def test_killed_before_every_change(scenario, build, killer, tmp_path):
    if "asan" in build.name:
        pytest.skip("AddressSanitizer must be loaded before any other library")
    patch = scenario.patches[1], scenario.rpm_of(scenario.patches[1])
    folder = tmp_path / "node"
    counter = tmp_path / "count"
    others = {"bash", "kernel", "kpatch-runtime", "system-release"}
    result = applier_for(scenario, build, folder).install(patch, env=environment(killer, KILL_COUNT=str(counter)))
    assert result.status == 0
    total = int(counter.read_text())
    assert total > 20
    step = max(1, total // POINTS)
    seen = set()
    for at in range(1, total + 1, step):
        applier = applier_for(scenario, build, folder)
        killed = applier.install(patch, env=environment(killer, KILL_AT=str(at)))
        assert killed.status == -9
        there = builds(folder)
        assert set(there) <= {f"{NAME}-1.0-0.amzn2", f"{NAME}-1.0-1.amzn2"} and there, (at, there)
        seen.add(tuple(there))
        module = list(folder.glob("var/lib/kpatch/*/livepatch_CVE_2024_0001.ko"))
        if f"{NAME}-1.0-1.amzn2" in there:
            assert module and module[0].stat().st_size > 100, at
        if list(folder.glob("var/lib/kpatch/*/*;*")):
            time.sleep(1.1)  # rpm names half-written files by the second
        again = applier.install(patch)
        assert again.status == 0, (at, again.done.text)
        assert f"{NAME}-1.0-1.amzn2" in builds(folder), at
        assert list(folder.glob("var/lib/kpatch/*/livepatch_CVE_2024_0001.ko")), at
        names = subprocess.run(["rpm", f"--dbpath={folder}/var/lib/rpm", "-qa", "--qf", "%{name}\\n"], text=True,
                               stdout=subprocess.PIPE, check=True).stdout.split()
        assert others <= set(names)
    print(f"killed at {len(range(1, total + 1, step))} of {total} changes; left behind: {sorted(seen)}")
    assert len(seen) > 1
