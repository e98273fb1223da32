# SPDX-License-Identifier: Apache-2.0
"""What keeps klpd from changing a node now: a pause, and the maintenance windows of a timer."""
import datetime
import json
import re

import pytest


def at(minutes):
    """HH:MM of a moment that many minutes from now, UTC."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return moment.strftime("%H:%M")


def windows(node, *texts):
    node.scenario.node.write("etc/klpd/klpd.yaml", "windows:\n" + "".join(f"- {text}\n" for text in texts))


def state(node):
    return node.scenario.node.path("var/lib/klpd")


def installations(node):
    return [entry for entry in node.json("history") if entry["operation"] == "Install"]


def test_a_pause_stops_every_change_and_no_look(node):
    assert node.klpctl("pause", "kernel team asks") == (
        "Changes are paused; looking goes on. End it with: klpctl resume\n")
    for arguments in ([], ["--trigger=remote"]):
        done = node.run("install", *arguments)
        assert done.returncode == 75 and done.stdout == ""
        assert re.fullmatch(r"klpctl: changes are paused since \S+Z by .*: kernel team asks; end it with: "
                            r"klpctl resume\n", done.stderr)
    node.klpctl("install", "--dry-run")
    assert node.klpctl("install", "--trigger=timer").startswith("changes are paused since ")
    node.klpctl("scan")
    assert "kernel team asks" in node.klpctl("status")
    assert node.json("status")["paused"]["until"] is None
    assert installations(node) == []
    assert node.klpctl("resume") == "Changes are allowed again.\n"
    assert node.klpctl("resume") == "Changes are allowed again.\n"
    assert "paused" not in node.json("status")
    node.klpctl("install")
    assert len(installations(node)) == 1


def test_a_pause_ends_by_itself(node):
    node.klpctl("pause", "--for=2h")
    paused = json.loads((state(node) / "pause.json").read_text())
    since, until = (datetime.datetime.strptime(paused[key], "%Y-%m-%dT%H:%M:%SZ") for key in ("since", "until"))
    assert until - since == datetime.timedelta(hours=2)
    assert f"until {paused['until']}" in node.run("install").stderr
    paused["until"] = "2020-01-01T00:00:00Z"
    (state(node) / "pause.json").write_text(json.dumps(paused))
    node.klpctl("install")


@pytest.mark.parametrize("value", ["0m", "-1h", "5", "h", "400d", "1w", "1h30m"])
def test_a_duration_that_is_none(node, value):
    done = node.run("pause", f"--for={value}")
    assert done.returncode == 64 and f"--for={value}: a duration such as" in done.stderr


def test_a_timer_waits_for_a_window(node):
    windows(node, f"{at(120)}-{at(240)} UTC")
    text = node.klpctl("install", "--trigger=timer")
    assert re.fullmatch(r"outside the maintenance windows; the next one opens \S+Z\n", text.replace("\n  ", " "))
    assert installations(node) == []
    status = node.json("status")
    assert status["window"]["open"] is False and status["window"]["next"][11:16] == at(120)
    assert "closed for what a timer asks; opens" in node.klpctl("status")
    node.klpctl("install")  # somebody who is there knows what time it is
    assert len(installations(node)) == 1


def test_a_timer_works_once_in_a_window(node):
    windows(node, f"{at(-30)}-{at(60)} UTC", f"{at(120)}-{at(240)} UTC")
    node.klpctl("install", "--trigger=timer")
    assert len(installations(node)) == 1
    text = node.klpctl("install", "--trigger=timer")
    assert text.startswith("the timer has done its work of this maintenance window at ")
    assert len(installations(node)) == 1
    (state(node) / "timer.json").write_text(json.dumps({"started": "2026-01-01T00:00:00Z"}))
    node.klpctl("install", "--trigger=timer")
    assert len(installations(node)) == 2


def test_without_windows_a_timer_works_once_a_day(node):
    node.klpctl("install", "--trigger=timer")
    assert node.klpctl("install", "--trigger=timer").startswith("the timer has done its work of this day at ")


def test_a_timer_that_failed_tries_again(node):
    node.scenario.serve_from("127.0.0.1:9")  # discard: nobody listens
    for _ in range(2):  # nothing is known to be approved: that is no success
        assert node.run("install", "--trigger=timer").returncode == 69
        assert not (state(node) / "timer.json").exists()


def test_a_wrong_window_is_said_and_nothing_changes(node):
    windows(node, "22:00-22:30")
    done = node.run("install", "--trigger=timer")
    assert done.returncode == 78
    assert "klpd.yaml:2: windows: '22:00-22:30': it is shorter than an hour" in done.stderr
    assert installations_on_disk(node) == 0


def installations_on_disk(node):
    folder = state(node) / "history"
    return len(list(folder.glob("*-Install.json"))) if folder.exists() else 0
