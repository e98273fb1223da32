# SPDX-License-Identifier: Apache-2.0
"""What the tests of klpd-fetch share: one repository, a node that uses it, the program."""
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from conftest import need
from klpdtest import node as nodes
from klpdtest import server as servers
from klpdtest.repos import Notice, Repository
from klpdtest.rpms import Package, build_all

NOW = 1_750_000_000
ID = "amzn2extra-livepatch"
PATCH = Package("kernel-livepatch-5.10.233-223.887", "1.0", "1.amzn2",
                files={"/var/lib/kpatch/5.10.233-223.887.amzn2.x86_64/livepatch.ko": "ELF"})
NOTICE = Notice("ALAS2LIVEPATCH-2024-201", [PATCH], issued="2024-01-03 22:25",
                cves=("CVE-2024-0001",))


def make_repository(folder, key, **options):
    """A repository with a livepatch and a notice about it."""
    repo = Repository(folder, [NOTICE], **options)
    build_all([PATCH], repo.folder, key)
    return repo.publish(NOW - 86400)


class Result:
    def __init__(self, status, output, errors, seconds):
        self.status, self.output, self.errors, self.seconds = status, output, errors, seconds
        self.lines = [json.loads(line) for line in output.splitlines()]

    @property
    def progress(self):
        return [line["progress"] for line in self.lines if "progress" in line]

    @property
    def error(self):
        return self.lines[-1]["error"]


class Fetcher:
    """klpd-fetch with a node and a cache of their own."""

    def __init__(self, program, folder):
        self.program = program
        self.node = nodes.Node(folder / "node")
        self.node.set_os()
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.environment = {}
        self.request = {
            "root": str(self.node.folder), "cache": str(self.cache), "releasever": "2",
            "arch": "x86_64", "roles": {"livepatch": [ID], "kernel": []}, "refresh": False,
            "max_file_bytes": 1 << 20, "timeout": 60, "now": NOW,
        }

    def section(self, repo_id=ID, **keys):
        """Writes a .repo file with one section."""
        self.node.add_repo_file(f"{repo_id}.repo", nodes.section(repo_id, name=repo_id, **keys))

    def start(self, **changes):
        request = json.dumps(dict(self.request, **changes))
        process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=dict(os.environ, **self.environment))
        process.stdin.write(request)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, status=0, **changes):
        start = time.monotonic()
        process = self.start(**changes)
        output, errors = process.communicate(timeout=120)
        result = Result(process.returncode, output, errors, time.monotonic() - start)
        assert "Sanitizer" not in errors and "runtime error" not in errors, errors
        assert result.status == status, output + errors
        self.check_cache()
        return result

    def state(self):
        return json.loads((self.cache / "state.json").read_text())

    def entry(self, repo_id=ID):
        return next(e for e in self.state()["repositories"] if e["id"] == repo_id)

    def finding(self, code, repo_id=ID):
        """The message of the one finding about a repository, which has this code."""
        findings = self.entry(repo_id)["findings"]
        assert [f["code"] for f in findings] == [code], findings
        return findings[0]["message"]

    def files(self):
        return {file["type"]: self.cache / file["file"] for file in self.entry()["files"]}

    def check_cache(self):
        """Nothing is left behind: only what state.json names, packages and the lock."""
        here = sorted(p.name for p in self.cache.iterdir())
        named = set()
        if "state.json" in here:
            named = {f["file"] for e in self.state()["repositories"] for f in e["files"]}
        assert set(here) - named <= {"documents", "lock", "packages", "state.json"}, here
        for name in named:
            assert (self.cache / name).is_file()

    def snapshot(self):
        """Everything in the cache, to see that it did not change."""
        return {p.name: p.read_bytes() for p in self.cache.iterdir() if p.is_file() and p.name != "lock"}


def copy_repository(original, folder):
    shutil.copytree(original.folder, folder)
    return Repository(folder, original.notices, key=original.key,
                      compression=original.compression)


def listing(folder):
    return sorted(str(p) for p in pathlib.Path(folder).rglob("*"))


@pytest.fixture(scope="module")
def original(tmp_path_factory, key):
    need("rpmbuild", "createrepo_c", "modifyrepo_c")
    return make_repository(tmp_path_factory.mktemp("repo") / "repo", key)


@pytest.fixture
def repo(original, tmp_path):
    return copy_repository(original, tmp_path / "www" / "repo")


@pytest.fixture
def server(repo):
    with servers.Server(repo.folder.parent) as running:
        yield running
