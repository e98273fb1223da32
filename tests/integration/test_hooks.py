# SPDX-License-Identifier: Apache-2.0
"""The operator's programs at points of a job's life, inside a node (klpdtest/inside.py)."""
import json
import os
import subprocess
import time

import jsonschema
import pytest

from klpdtest import al2
from running import SCHEMAS

FOLDER = "etc/klpd/hooks.d"
LIVEPATCH = f"{al2.livepatch_name()}.{al2.ARCH}:0:1.0-1.amzn2"


@pytest.fixture(name="node")
def node_fixture(inside_node):
    inside_node.node.path("var/hooks").mkdir(parents=True)
    inside_node.node.path("var/hooks").chmod(0o777)
    return inside_node


def hook(node, stage, name, script, mode=0o755):
    path = node.node.write(f"{FOLDER}/{stage}/{name}", f"#!/bin/sh\n{script}\n")
    for folder in (path.parent, path.parent.parent):
        folder.chmod(0o755)
    path.chmod(mode)
    return path


def heard(node, name="heard"):
    path = node.node.path(f"var/hooks/{name}")
    return path.read_text().split() if path.exists() else []


def keeps(name="heard"):
    """A hook that says it was there."""
    return f'echo "$(basename "$0")" >>/var/hooks/{name}'


def vetoed(node, report, *said):
    outcome = report["outcome"]
    assert outcome["result"] == "refused" and outcome["steps"] == [] and report["plan"]["steps"]
    for part in said:
        assert part in outcome["message"], outcome["message"]
    assert node.installed() == ["1.0-0.amzn2.x86_64"] and node.loaded() == []
    assert report["compliance"]["livepatch"] == "NON_COMPLIANT"  # the look that followed
    assert node.json("scan")["compliance"]["livepatch"] == "NON_COMPLIANT"


def test_every_stage_in_order_with_its_report(node):
    for stage in ("pre-install", "post-install", "on-exit"):
        for name in ("20-b", "10-a", "Z"):
            hook(node, stage, name, f"{keeps()}; cat >/var/hooks/{stage}-{name}; env >/var/hooks/{stage}.env")
    report = node.json("install")
    assert report["outcome"]["result"] == "done"
    assert heard(node) == ["10-a", "20-b", "Z"] * 3
    read = {stage: json.loads(node.node.path(f"var/hooks/{stage}-Z").read_text())
            for stage in ("pre-install", "post-install", "on-exit")}
    for given in read.values():
        jsonschema.validate(given, SCHEMAS["report"])
    before = read["pre-install"]
    assert before["compliance"]["livepatch"] == "NON_COMPLIANT" and "outcome" not in before
    assert [step["package"] for step in before["plan"]["steps"]] == [LIVEPATCH]
    assert read["post-install"] == read["on-exit"] == report
    env = dict(line.split("=", 1) for line in node.node.path("var/hooks/on-exit.env").read_text().splitlines())
    assert env["KLPD_HOOK"] == "on-exit" and env["KLPD_COMMAND"] == "install" and env["KLPD_REPORT_ID"] == report["id"]
    assert set(env) <= {"KLPD_HOOK", "KLPD_COMMAND", "KLPD_REPORT_ID", "PATH", "LANG", "PWD", "SHLVL", "_", "TMPDIR",
                        "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "OLDPWD"}


def test_what_each_job_runs(node):
    for stage in ("pre-install", "post-install", "on-exit"):
        hook(node, stage, stage, keeps())
    node.json("scan")
    assert heard(node) == ["on-exit"]
    node.json("--dry-run", "install")
    node.run("explain", al2.livepatch_name())
    assert heard(node) == ["on-exit"]  # neither of them left a report
    node.json("install")
    assert heard(node)[1:] == ["pre-install", "post-install", "on-exit"]
    kept = heard(node)
    assert node.json("install")["outcome"]["result"] == "nothing-to-do"
    assert heard(node)[len(kept):] == ["on-exit"]
    kept = heard(node)
    node.json("disable")
    assert heard(node)[len(kept):] == ["pre-install", "post-install", "on-exit"]


@pytest.mark.parametrize("command", ["install", "disable"])
def test_a_veto(node, command):
    if command == "disable":
        node.json("install")
    hook(node, "pre-install", "10-drain", "echo one >&2; echo the database is busy >&2; exit 3")
    hook(node, "pre-install", "20-after", keeps())
    hook(node, "post-install", "post", keeps())
    hook(node, "on-exit", "exit", keeps())
    before = node.installed()
    report = node.json(command, status=75)
    message = "hook pre-install/10-drain refused with exit status 3: the database is busy"
    assert report["outcome"]["message"] == message and report["outcome"]["result"] == "refused"
    assert heard(node) == ["exit"] and node.installed() == before
    if command == "install":
        vetoed(node, report)
        stored = json.loads(node.run("--json=short", "history", report["id"]).stdout)
        assert stored["outcome"]["message"] == message
        assert message in node.run("install").stdout


@pytest.mark.parametrize("script, said", [
    ("kill -9 $$", "hook pre-install/h was ended by signal 9"),
    ("sleep 60", "hook pre-install/h"),
    ("exec /nonexistent/program", "refused with exit status 127"),
    ("sleep 60 & exit 1", "refused with exit status 1"),
    ("exec /usr/bin/python3 -c 'import os, time; os.setpgid(0, os.getpgid(os.getppid())); time.sleep(60)'",
     "took too long"),
])
def test_each_kind_of_failure_is_one(node, script, said):
    node.node.write("etc/klpd/klpd.yaml", "hook_timeout: 1s\n")
    hook(node, "pre-install", "h", script)
    started = time.monotonic()
    report = node.json("install", status=json.loads(node.run("--json=short", "install").stdout)["outcome"]["status"])
    vetoed(node, report, said)
    assert time.monotonic() - started < 30
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and "sleep 60" in command_of(pid)]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ").strip()
    except OSError:
        return ""


@pytest.mark.parametrize("script", [
    "exit 0",                       # reads nothing of what it is given
    "yes | head -c 3000000",        # says much
    "yes | head -c 3000000 >&2",
    "exec <&-; sleep 0.1",
    "(sleep 5; echo late >>/var/hooks/heard) & true",  # leaves somebody behind
])
def test_odd_hooks_that_agree(node, script):
    for stage in ("pre-install", "post-install", "on-exit"):
        hook(node, stage, "odd", script)
    report = node.json("install")
    assert report["outcome"]["result"] == "done" and report["compliance"]["overall"] == "COMPLIANT"
    assert heard(node) == []


def test_a_failure_afterwards_changes_nothing(node):
    hook(node, "post-install", "10-fails", "exit 1")
    hook(node, "post-install", "20-goes-on", keeps())
    hook(node, "on-exit", "10-fails", "exit 1")
    hook(node, "on-exit", "20-goes-on", keeps())
    report = node.json("install")
    assert report["outcome"]["result"] == "done" and heard(node) == ["20-goes-on"] * 2


def test_what_is_no_hook(node):
    for name in ("a~", "a.rpmsave", "a.rpmnew", "a.swp", ".hidden", "two words", "a.dpkg-old"):
        hook(node, "pre-install", name, "exit 1")
    hook(node, "pre-install", "README", "exit 1", mode=0o644)
    node.node.path(f"{FOLDER}/pre-install/folder").mkdir()
    assert node.json("install")["outcome"]["result"] == "done"


def test_afterwards_too(node):
    """What others may write is not run at any stage, and the other stages are."""
    hook(node, "post-install", "10-theirs", keeps())
    hook(node, "on-exit", "10-ours", keeps("exit"))
    node.node.path(f"{FOLDER}/post-install").chmod(0o777)
    assert node.json("install")["outcome"]["result"] == "done"
    assert heard(node) == [] and heard(node, "exit") == ["10-ours"]


@pytest.mark.parametrize("what", ["hook", "folder", "the folder above"])
def test_what_others_may_write_is_not_run(node, what):
    """Before a change that is a veto: whoever meant to be asked was not."""
    path = hook(node, "pre-install", "10-mine", keeps())
    hook(node, "on-exit", "10-mine", keeps("exit"))
    changed = {"hook": path, "folder": path.parent, "the folder above": path.parent.parent}[what]
    changed.chmod(0o777)
    vetoed(node, node.json("install", status=77), f"{FOLDER}/pre-install", "is not run", "chmod go-w")
    assert heard(node) == [] and bool(heard(node, "exit")) == (what != "the folder above")
    changed.chmod(0o755)
    assert node.json("install")["outcome"]["result"] == "done"


@pytest.mark.parametrize("what", ["a loop", "a file", "a hook that leads nowhere"])
def test_what_cannot_be_looked_at_is_not_taken_for_agreement(node, what):
    hook(node, "on-exit", "10-mine", keeps("exit"))
    path = node.node.path(f"{FOLDER}/pre-install")
    if what == "a loop":
        path.symlink_to("pre-install")
    elif what == "a file":
        path.write_text("#!/bin/sh\n")
    else:
        path.mkdir()
        (path / "10-drain").symlink_to("/nowhere")
    vetoed(node, node.json("install", status=77), f"{FOLDER}/pre-install", "cannot be looked at")
    assert set(heard(node, "exit")) == {"10-mine"}
    if what == "a hook that leads nowhere":
        (path / "10-drain").unlink()
    else:
        path.unlink()
    assert node.json("install")["outcome"]["result"] == "done"


def test_many(node):
    for i in range(64):
        hook(node, "pre-install", f"{i:02}", keeps())
    assert node.json("install")["outcome"]["result"] == "done"
    assert heard(node) == [f"{i:02}" for i in range(64)]


def test_a_directory_that_stands_for_a_node_has_none(node, build):
    hook(node, "on-exit", "exit", "touch /tmp/klpd-hook-ran-where-it-must-not; exit 1")
    done = subprocess.run([build / "klpctl", f"--root={node.node.folder}", "scan"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    assert not os.path.exists("/tmp/klpd-hook-ran-where-it-must-not")


def test_who_goes_away_ends_a_hook_and_nothing_was_changed(node):
    hook(node, "pre-install", "slow", "echo >/var/hooks/began; sleep 30")
    process = node.inside.start("/opt/klpd/klpctl", "--direct", "-q", "--timeout=2", "install")
    assert process.wait(30) != 0
    node.inside.tidy()
    assert node.node.path("var/hooks/began").exists() and node.installed() == ["1.0-0.amzn2.x86_64"]
    assert "interrupted" not in {f["code"] for f in node.json("scan")["findings"]}
