# SPDX-License-Identifier: Apache-2.0
"""What is measured side by side: how each program is asked which livepatches a node lacks."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()
WANTED = "ALAS2-0"  # the notice that each has to find


@dataclasses.dataclass
class Cost:
    wall_ms: float
    cpu_ms: float
    peak_kib: int  # of the largest process
    fetched: int   # bytes of bodies
    output: str


def parse(stdout, stderr, fetched=0, status=(0,)):
    """What `measure` said of a run."""
    said = re.search(r"^measure (\d+) (\d+) (\d+) (\d+)$", stderr, re.M)
    if not said or int(said[4]) not in status:
        raise Failed(f"{stdout[-500:]}{stderr[-500:]}")
    return Cost(int(said[1]) / 1000, int(said[2]) / 1000, int(said[3]), fetched, stdout)


class Failed(Exception):
    """A program did not do its work, so that its time says nothing."""


def measure(argv, server=None, limit=None, status=(0,), **options):
    """One run, its descendants included."""
    before = server.total_bytes() if server else 0
    limited = [f"--limit={limit}"] if limit else []
    done = subprocess.run([BUILD / "bench/measure", *limited, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=600, **options)
    return parse(done.stdout, done.stderr, server.total_bytes() - before if server else 0, status)


class Tool:
    """One program on one node. `cold` knows nothing, `warm` may use what it has, `again` must ask whether it is current."""

    limit = None  # bytes of memory for each of its processes

    def __init__(self, node, server, scratch):
        self.node, self.server, self.scratch = node, server, pathlib.Path(scratch)
        self.root = node.folder.resolve()
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": str(self.scratch)}
        (self.scratch / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")

    def run(self, kind):
        if kind == "cold":
            for folder in self.caches():
                shutil.rmtree(folder, ignore_errors=True)
        cost = measure(self.argv(kind), self.server, self.limit, env=self.env)
        if self.answer not in cost.output:
            raise Failed(f"{self.name} did not find {self.answer}: {cost.output[-500:]}")
        return cost


class Klpd(Tool):
    name, answer = "klpd", WANTED

    def caches(self):
        return [self.root / "var/cache/klpd"]

    def argv(self, kind):
        refresh = ["--refresh"] if kind == "again" else []
        return [BUILD / "klpctl", f"--root={self.root}", "--json=short", *refresh, "scan"]


DNF = ("--releasever=2", "--forcearch=x86_64", "--nogpgcheck", "--disableplugin=*", "--setopt=pluginpath=/nonexistent")


class Dnf(Tool):
    name, answer = "dnf", WANTED

    def caches(self):
        return [self.scratch / "dnf"]

    def argv(self, kind):
        refresh = {"again": ["--refresh"], "warm": ["--cacheonly"], "cold": []}[kind]
        return ["dnf", "-q", *DNF, f"--installroot={self.root}", f"--setopt=cachedir={self.scratch}/dnf",
                f"--setopt=reposdir={self.root}/etc/yum.repos.d", *refresh, "updateinfo", "list", "--all",
                "kernel-livepatch-*"]


class Zypper(Tool):
    name, answer = "zypper", WANTED

    def caches(self):
        # which patches apply, it must be told
        where = self.root / "etc/zypp/repos.d"
        where.mkdir(parents=True, exist_ok=True)
        text = (self.root / "etc/yum.repos.d/bench.repo").read_text()
        (where / "bench.repo").write_text(text.replace("enabled=1", "enabled=1\nautorefresh=1\ntype=rpm-md"))
        return [self.root / "var/cache/zypp"]

    def argv(self, kind):
        zypper = f"zypper --root {self.root} --non-interactive --no-gpg-checks --quiet"
        refresh = {"again": f"{zypper} refresh && ", "warm": "", "cold": ""}[kind]
        return ["sh", "-c", f"{refresh}{zypper} {'--no-refresh ' if kind != 'cold' else ''}list-patches --all"]


class Floor(Tool):
    """Not a peer: reads, hashes, inflates and searches what is served, and understands nothing."""
    name, answer = "floor", ""

    def __init__(self, node, server, scratch, folders):
        super().__init__(node, server, scratch)
        self.files = [path for folder in folders for path in sorted((server.folder / folder / "repodata").glob("*.xml.*"))]

    def caches(self):
        return []

    def argv(self, kind):
        return [BUILD / "bench/floor", *self.files]


def peers(node, server, scratch):
    """Those that this machine has."""
    found = []
    for tool in (Dnf, Zypper):
        if shutil.which(tool.name):
            found.append(tool(node, server, scratch))
        else:
            print(f"  skipped: {tool.name} is not installed (sh tests/bootstrap --for=bench)")
    return found
