# SPDX-License-Identifier: Apache-2.0
"""What the kernel does with an installed livepatch: klpd-worker activation, over sysfs and /proc of a node."""
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

from klpdtest import al2, rpms

MODULE = "livepatch_CVE_2024_0001"
OTHER = "livepatch_CVE_2024_0002"


class Activation:
    """The worker's answer about one node."""

    def __init__(self, program, scenario):
        self.program, self.scenario = program, scenario
        self.node = scenario.node
        self.progress = []

    def ask(self, status=0, **members):
        request = {"root": str(self.node.folder), "running_system": False, **members}
        done = subprocess.run([self.program, "activation"], input=json.dumps(request), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        assert done.stderr == ""
        *lines, answer = [json.loads(line) for line in done.stdout.splitlines()]
        self.progress = [line["progress"] for line in lines]
        assert all(list(line) == ["progress"] and line["progress"]["phase"] == "activation" for line in lines)
        return answer

    def look(self, **members):
        return self.ask(**members)["activation"]

    def only(self, **members):
        """The only livepatch, and whether all is done."""
        answer = self.look(**members)
        assert len(answer["livepatches"]) == 1
        return answer["livepatches"][0], answer["complete"]

    def task(self, pid, tid, comm, state):
        self.node.write(f"proc/{pid}/comm", f"{comm}\n")
        self.node.write(f"proc/{pid}/task/{tid}/patch_state", f"{state}\n")

    def set(self, module, attribute, value):
        """At once, as the kernel does."""
        path = self.node.path(f"sys/kernel/livepatch/{module}/{attribute}")
        new = self.node.write(f"sys/new-{attribute}", f"{value}\n")
        os.replace(new, path)


@pytest.fixture(name="activation")
def activation_fixture(build, scenario):
    program = build / "klpd-worker"
    if not program.exists():
        pytest.skip("klpd-worker is not built")
    return Activation(program, scenario)


class Later:
    """Does something after a while."""

    def __init__(self, seconds, change):
        self.thread = threading.Timer(seconds, change)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.thread.join()


def title(number):
    return f"{al2.livepatch_name()}.{al2.ARCH}:0:1.0-{number}.amzn2"


def test_without_a_livepatch_nothing_is_left_to_do(activation):
    assert activation.look() == {"livepatches": [], "complete": True}  # the marker is no patch


def test_active(activation):
    activation.scenario.install_patch(1)
    found, complete = activation.only(wait=60)
    assert found == {
        "package": title(1), "state": "active",
        "modules": [{"name": MODULE, "state": "active", "enabled": True, "transition": False}],
        "blocking": [], "blocking_total": 0, "message": "the kernel runs it"}
    assert complete and activation.progress == []


def test_not_loaded(activation):
    activation.scenario.install_patch(1, active=False)
    found, complete = activation.only(wait=60)
    assert found["state"] == "installed" and not complete
    assert found["modules"] == [{"name": MODULE, "state": "installed", "enabled": None, "transition": None}]
    assert found["message"].startswith(f"{MODULE} is not loaded; load it with kpatch load")


def test_disabled(activation):
    activation.scenario.install_patch(2)
    activation.node.load_livepatch(OTHER, enabled=0)
    found, complete = activation.only()
    assert [m["state"] for m in found["modules"]] == ["active", "disabled"]
    assert found["state"] == "disabled" and not complete
    assert found["message"] == f"{OTHER} is loaded but disabled; enable it with kpatch load"


def test_being_disabled_is_held_up_by_the_patched(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, enabled=0, transition=1)
    activation.task(7, 7, "left", 0)
    activation.task(8, 8, "stays", 1)
    found, _ = activation.only()
    assert found["state"] == "disabled"
    assert found["blocking"] == [{"pid": 8, "tid": 8, "comm": "stays"}]


def test_in_transition_with_two_tasks_in_the_way(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, transition=1)
    activation.task(1, 1, "systemd", 1)
    activation.task(312, 312, "sshd", 0)
    activation.task(1200, 1207, "bad\x1b[2J", 0)
    found, complete = activation.only()
    assert found["state"] == "transitioning" and not complete and activation.progress == []
    assert found["blocking"] == [{"pid": 312, "tid": 312, "comm": "sshd"},
                                 {"pid": 1200, "tid": 1207, "comm": "bad?[2J"}]
    assert found["blocking_total"] == 2
    assert found["message"].endswith("; 2 tasks are in the way: sshd (312), bad?[2J (1207)")


def test_many_tasks_are_counted_and_some_are_named(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, transition=1)
    for pid in range(100, 150):
        activation.task(pid, pid, "busy", 0)
    found, _ = activation.only()
    assert [task["pid"] for task in found["blocking"]] == list(range(100, 120))
    assert found["blocking_total"] == 50 and found["message"].endswith("busy (102), ...")


def test_who_may_not_look_does_not_say_that_nobody_is_in_the_way(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, transition=1)
    activation.task(5, 5, "secret", 0)
    activation.node.path("proc/5/task/5/patch_state").chmod(0)
    found, _ = activation.only()
    assert found["blocking"] == [] and found["blocking_total"] is None
    assert found["message"].endswith("cannot be seen from here: as root, look at /proc/*/task/*/patch_state")


def test_a_transition_ends_while_we_wait(activation):
    activation.scenario.install_patch(2)
    activation.node.load_livepatch(OTHER, transition=1)
    activation.task(312, 312, "sshd", 0)
    start = time.monotonic()
    with Later(0.7, lambda: activation.set(OTHER, "transition", 0)):
        found, complete = activation.only(wait=30)
    assert found["state"] == "active" and complete
    assert found["blocking"] == [] and found["blocking_total"] == 0
    assert 0.6 < time.monotonic() - start < 15
    assert activation.progress == [
        {"phase": "activation", "subject": OTHER, "done": done, "total": 2} for done in (1, 2)]


def test_a_transition_that_is_taken_back_has_failed(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, transition=1)
    # at once, as the kernel does it
    with Later(0.5, lambda: activation.node.path(f"sys/kernel/livepatch/{MODULE}").rename(
            activation.node.path("sys/kernel/gone"))):
        found, complete = activation.only(wait=30)
    assert found["state"] == "failed" and not complete
    assert "did not become active" in found["message"]
    assert [(p["done"], p["total"]) for p in activation.progress][-1] == (0, 1)


def test_the_deadline_passes(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, transition=1)
    activation.task(312, 312, "sshd", 0)
    start = time.monotonic()
    found, complete = activation.only(wait=1)
    assert 0.9 < time.monotonic() - start < 10
    assert found["state"] == "transitioning" and not complete
    assert found["blocking_total"] == 1 and len(activation.progress) == 1


def test_a_newer_livepatch_takes_the_place_of_an_older_one(activation, tmp_path):
    newer = al2.livepatch(9, activation.scenario.now, [OTHER])
    rpms.build_all([newer], tmp_path)
    activation.scenario.install_patch(1, active=False)
    activation.node.install(tmp_path / newer.file_name)
    for replace, states, done in ((0, ["installed", "active"], False), (1, ["superseded", "active"], True)):
        activation.node.load_livepatch(OTHER, replace=replace)
        answer = activation.look()
        found = sorted(answer["livepatches"], key=lambda livepatch: livepatch["package"])
        assert [livepatch["package"] for livepatch in found] == [title(1), title(9)]
        assert [livepatch["state"] for livepatch in found] == states
        assert answer["complete"] == done
    assert found[0]["message"] == f"{newer.name}-1.0-9.amzn2.{al2.ARCH} is active and takes its place"


def test_an_image_has_no_sysfs(activation):
    activation.scenario.install_patch(1, active=False)
    shutil.rmtree(activation.node.path("sys"))
    found, complete = activation.only(wait=60)
    assert found["state"] == "installed" and not complete
    assert "no /sys/kernel" in found["message"]


def test_nothing_is_written(activation):
    activation.scenario.install_patch(1)
    activation.node.load_livepatch(MODULE, transition=1)
    activation.node.write(f"sys/kernel/livepatch/{MODULE}/force", "0\n")
    activation.task(312, 312, "sshd", 0)

    def tree():
        return {str(path): (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
                for top in ("sys", "proc") for path in activation.node.path(top).rglob("*")}
    before = tree()
    activation.only(wait=1)
    assert tree() == before


@pytest.mark.parametrize("wait", [-1, 601, "60", 1.5, True])
def test_a_wait_that_makes_no_sense(activation, wait):
    error = activation.ask(status=64, wait=wait)["error"]
    assert error["message"].startswith("request: wait: ")


def test_what_is_installed_is_not_known(activation):
    activation.node.path("proc/sys/kernel/osrelease").unlink()
    assert "--kernel=RELEASE" in activation.ask(status=65)["error"]["message"]
    assert activation.look(kernel=al2.uname()) == {"livepatches": [], "complete": True}
    shutil.rmtree(activation.node.path("var/lib/rpm"))
    error = activation.ask(status=65, kernel=al2.uname())["error"]
    assert "package database" in error["message"]
