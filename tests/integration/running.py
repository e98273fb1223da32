# SPDX-License-Identifier: Apache-2.0
"""The real programs, started for a test."""
import json
import os
import pathlib
import socket
import subprocess
import time

import jsonschema

import varlink
from klpdtest import al2, inside

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = (TOP / os.environ.get("KLPD_BUILD", "build")).resolve()
AGENT = "io.klpd.Agent"
SERVICE = "org.varlink.service"


class Daemon:
    def __init__(self, path, *options, env=None):
        self.path = path
        self.process = subprocess.Popen(
            [BUILD / "klpd", f"--listen={path}", *options], stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, env=env)
        deadline = time.monotonic() + 20
        while not self.listens():
            assert self.process.poll() is None, self.process.stderr.read().decode()
            assert time.monotonic() < deadline, "klpd does not listen"
            time.sleep(0.01)

    def listens(self):
        """A socket exists for a moment before it is listened on."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.path)) == 0

    def client(self, **options):
        return varlink.Client(self.path, **options)

    def call(self, method, parameters=None, **options):
        """One call of io.klpd.Agent on a connection of its own."""
        with self.client(timeout=60) as client:
            return client.call(f"{AGENT}.{method}", parameters, **options)

    def stop(self):
        """Ends it; its exit status, and what it said."""
        self.process.terminate()
        _, text = self.process.communicate(timeout=20)
        return self.process.returncode, text.decode()


def private(root, *options):
    """A private daemon: its process, and our end of its socket."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([BUILD / "klpd", f"--fd={theirs.fileno()}", f"--root={root}",
                                *options], pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
    theirs.close()
    return process, varlink.Client(ours)


class Node:
    """An Amazon Linux 2 node whose repositories are served, and klpctl run against it."""

    def __init__(self, scenario, server):
        self.scenario, self.server = scenario, server
        self.root = scenario.node.folder

    def run(self, *arguments):
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "KLPD_COLORS")}
        env.update(LC_ALL="C", TERM="xterm", XDG_CACHE_HOME=str(self.scenario.folder / "home"))
        return subprocess.run([BUILD / "klpctl", f"--root={self.root}", *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True, check=False,
                              timeout=300)

    def klpctl(self, *arguments, status=0):
        """What it prints."""
        done = self.run(*arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments, status=0):
        return json.loads(self.klpctl(*arguments, "--json=short", status=status))


SCHEMAS = {name: json.loads((TOP / f"docs/klpd.{name}-1.schema.json").read_text()) for name in ("report", "plan")}


class InsideNode:
    """The scenario as a machine of its own (klpdtest/inside.py), and klpctl as its root."""

    def __init__(self, scenario, served, build):
        self.scenario, self.server, self.inside = scenario, served, inside.Inside(scenario, build)
        self.node = scenario.node

    def run(self, *arguments):
        return self.inside.run("/opt/klpd/klpctl", "--direct", *arguments, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)

    def json(self, *arguments, status=0):
        done = self.run("--json=short", *arguments)
        assert done.returncode == status, done.stderr + done.stdout
        report = json.loads(done.stdout)
        if arguments[-1] in ("install", "scan", "enable", "disable", "clean"):
            jsonschema.validate(report, SCHEMAS["report"])
        if "plan" in report:
            jsonschema.validate(report["plan"], SCHEMAS["plan"])
        return report

    def installed(self, name=al2.livepatch_name()):
        return sorted(line.removeprefix(name + "-") for line in self.node.list_installed() if line.startswith(name))

    def loaded(self):
        folder = self.node.path("sys/kernel/livepatch")
        return sorted(p.parent.name for p in folder.glob("*/enabled") if p.read_text() == "1\n")


def codes(report):
    return {finding["code"] for finding in report["findings"]}


def publish(plugin, settings, directory, env=None, timeout=60, **call):
    """klpd-publish as klpd asks it: its answer, and what it logged."""
    request = {"plugin": plugin, "settings": settings, "directory": str(directory), "timeout": timeout, **call}
    done = subprocess.run([BUILD / "klpd-publish"], input=json.dumps(request).encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env, check=False, timeout=timeout + 10)
    assert b"Sanitizer" not in done.stderr, done.stderr
    return {**json.loads(done.stdout), "log": done.stderr.decode()}
