# SPDX-License-Identifier: Apache-2.0
"""klpctl with the real programs: a private agent for a directory that stands for a node."""
import json
import re
import subprocess

import pytest

from fake_agent import BUILD, KLPCTL, TOP, environment

SCENARIO = TOP / "tests/scenarios/activation-disabled"
WORKER = BUILD / "klpd-worker"
pytestmark = pytest.mark.skipif(not WORKER.exists(), reason=f"{WORKER} is not built")


@pytest.fixture(name="root")
def root_fixture(tmp_path):
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text('ID="amzn"\nVERSION_ID="2"\nPRETTY_NAME="Amazon Linux 2"\n')
    return root


@pytest.fixture(name="ask")
def ask_fixture(root, tmp_path):
    def ask(*arguments, status=0, root=root, cwd=tmp_path):
        done = subprocess.run([KLPCTL, f"--root={root}", *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=120, cwd=cwd,
                              env=environment(XDG_CACHE_HOME=str(tmp_path / "cache-home")))
        assert done.returncode == status, done.stderr
        if status in (0, 100, 102):
            assert done.stderr == ""
            return done.stdout
        assert done.stdout == "" and done.stderr.count("\n") == 1
        return done.stderr.rstrip("\n")
    return ask


def test_a_root_that_is_not_there(ask, tmp_path):
    sentence = ask("status", root=tmp_path / "none", status=64)
    assert sentence.startswith("klpctl: ") and f"{tmp_path}/none: No such file" in sentence


def test_nothing_was_scanned_yet(ask):
    assert ask("list", status=69) == (
        "klpctl: nothing has been scanned yet; make a report with: klpctl scan")
    assert "none yet" in ask("status")
    assert json.loads(ask("history", "-j")) == []


def test_a_snapshot_is_judged(ask):
    text = ask("evaluate", f"--baseline={SCENARIO}/baseline.yaml", str(SCENARIO / "snapshot.json"))
    assert "Verdict        NON_COMPLIANT" in text
    assert "\nInstalled, not active  kernel-livepatch-5.10.233-223.887.x86_64" in text
    assert "livepatch-not-active" in text


def test_a_relative_path_is_the_callers(ask):
    text = ask("evaluate", "-j", "--baseline=baseline.yaml", "snapshot.json", cwd=SCENARIO)
    assert json.loads(text)["baseline"]["source"] == str(SCENARIO / "baseline.yaml")


def test_a_judgement_is_not_stored(ask):
    ask("evaluate", "-q", str(SCENARIO / "snapshot.json"))
    assert json.loads(ask("history", "-j")) == []


def test_a_file_that_is_no_snapshot(ask, tmp_path):
    (tmp_path / "x.json").write_text("<html>")
    assert ask("evaluate", "x.json", status=65).startswith(f"klpctl: {tmp_path}/x.json:1: ")


def test_settings(ask, root, tmp_path):
    assert "#coverage: strict\n" in ask("cat-config")
    (root / "etc/klpd").mkdir()
    (root / "etc/klpd/klpd.yaml").write_text("coverage: aws\n")
    assert "\ncoverage: aws\n" in ask("cat-config")
    assert ask("check-config").startswith("etc/klpd/klpd.yaml: valid, 1 of ")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("scope: all\ncolour: red\n")
    assert ask("check-config", "wrong.yaml", status=78).startswith(f"klpctl: {wrong}:2: ")
    assert ask("--config=wrong.yaml", "cat-config", status=78).startswith("klpctl: ")


def test_the_manual_has_every_setting(ask):
    manual = (TOP / "docs/klpd.yaml.5").read_text()
    settings = json.loads(ask("cat-config", "--json=short"))
    told = re.split(r"^\.It Cm ", manual, flags=re.M)[1:]
    assert sorted(text.split("\n")[0] for text in told) == sorted(setting["key"] for setting in settings)
    for text in told:
        value = next(s["value"] for s in settings if s["key"] == text.split("\n")[0])
        assert not value or f".Cm {value}" in text, text


def test_what_cat_config_prints_can_be_read_again(ask, tmp_path):
    printed = ask("cat-config").splitlines()
    lines = [line[1:] for line in printed if re.match(r"#\w+: ", line)] + ['windows: ["Sat,Sun 22:00-04:00"]']
    everything = sum(bool(re.match(r"#\w+:", line)) for line in printed)
    assert len(lines) > 8
    (tmp_path / "printed.yaml").write_text("\n".join(lines))
    assert ask("check-config", "printed.yaml") == (
        f"{tmp_path}/printed.yaml: valid, {len(lines)} of {everything} settings are not the default\n")


def test_baselines(ask, tmp_path):
    name = "AWS-AmazonLinux2DefaultPatchBaseline"
    assert f"Baseline       {name}" in ask("baseline", "show")
    assert ask("baseline", "check").startswith(f"built-in:{name}: valid, with 2 rules")
    assert "is called nothing" in ask("baseline", "check", "nothing", status=78)
    (tmp_path / "b.yaml").write_text("Name: ours\nApprovalRules: 7\n")
    assert f"{tmp_path}/b.yaml:2: " in ask("baseline", "check", "b.yaml", status=78)


def test_with_other_directories_nothing_is_left_in_the_root(ask, root, tmp_path):
    before = sorted(p.relative_to(root) for p in root.rglob("*"))
    ask("cat-config", f"--cache-dir={tmp_path}/c", f"--state-dir={tmp_path}/s")
    assert sorted(p.relative_to(root) for p in root.rglob("*")) == before
