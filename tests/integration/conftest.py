# SPDX-License-Identifier: Apache-2.0
"""Fixtures that all integration tests share."""
import json
import os
import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE))

import running  # noqa: E402 pylint: disable=wrong-import-position
from klpdtest import al2, rpms, server  # noqa: E402 pylint: disable=wrong-import-position


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root; run by make check-root")


def need(*programs):
    """Skips with a reason when a program that makes the fixtures is missing."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def build():
    """The folder of our programs."""
    return (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()


@pytest.fixture(scope="session")
def key():
    """A signing key."""
    need("gpg")
    with rpms.Key() as made:
        yield made


@pytest.fixture(scope="session")
def al2_original(tmp_path_factory, key):
    """An Amazon Linux 2 node and its repositories. Made once: take `scenario` to change it."""
    need("rpmbuild", "rpmsign", "createrepo_c", "modifyrepo_c")
    return al2.Scenario(tmp_path_factory.mktemp("al2"), key=key).make()


@pytest.fixture(scope="session")
def report(al2_original, tmp_path_factory, build):
    """A real report, of a directory that stands for a node. Not to be changed."""
    made = al2_original.copy(tmp_path_factory.mktemp("report") / "al2")
    return json.loads(rpms.run([build / "klpctl", f"--root={made.node.folder}", "--cached", "--json=short", "scan"]))


@pytest.fixture
def scenario(al2_original, tmp_path):
    """A copy of the node and its repositories that the test may change."""
    return al2_original.copy(tmp_path / "al2")


@pytest.fixture
def served(scenario):
    """The scenario's repositories, served on loopback; the node knows where."""
    with server.Server(scenario.www) as running:
        scenario.serve_from(running.address)
        yield running


@pytest.fixture
def inside_node(scenario, served, build):
    """The scenario, served, as a machine of its own: what changes it runs as its root."""
    made = running.InsideNode(scenario, served, build)
    obstacle = made.inside.obstacle()
    if obstacle:
        pytest.skip(obstacle)
    return made


@pytest.fixture
def node(scenario, served):
    """The scenario, served, with the real programs to look at it."""
    return running.Node(scenario, served)
