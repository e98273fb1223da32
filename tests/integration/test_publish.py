# SPDX-License-Identifier: Apache-2.0
"""Reports to plugins: what each of ours makes of one, and what klpd does when one is in trouble."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import jsonschema
import pytest

from conftest import need
from klpdtest import al2
from running import BUILD, SCHEMAS, TOP, codes, publish

CONFIG = "etc/klpd/klpd.yaml"
SPOOL = "var/lib/klpd/spool"


@pytest.fixture(name="node")
def node_fixture(inside_node):
    inside_node.node.path("var/out").mkdir(parents=True)
    return inside_node


def configure(node, text):
    node.node.write(CONFIG, text)


def waiting(node, plugin):
    folder = node.node.path(f"{SPOOL}/{plugin}")
    return sorted(path.stem for path in folder.glob("*.json"))


def due(node):
    """As if the time to try again had come."""
    path = node.node.path("var/lib/klpd/publish.json")
    failures = json.loads(path.read_text())
    for failure in failures.values():
        failure["next"] = 0
    path.write_text(json.dumps(failures))


def program(node, script):
    path = node.node.write("usr/local/bin/sink", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# ---- what klpd does ----------------------------------------------------------------------------

def test_every_report_in_its_file(node):
    configure(node, "plugins:\n  file: {path: /var/out/report.json, history: /var/out/history, keep: 2}\n")
    node.node.path("var/out/history").mkdir()
    reports = [node.json("scan"), node.json("install"), node.json("scan")]
    assert json.loads(node.node.path("var/out/report.json").read_text()) == reports[-1]
    assert sorted(p.stem for p in node.node.path("var/out/history").glob("*.json")) == [r["id"] for r in reports[1:]]
    jsonschema.validate(json.loads(node.node.path("var/out/report.json").read_text()), SCHEMAS["report"])
    assert waiting(node, "file") == [] and not node.node.path("var/lib/klpd/publish.json").exists()
    assert not [p for p in node.node.path("var/out").rglob(".*")]


def test_nothing_is_lost_while_a_sink_is_down(node):
    """Twenty reports, then the sink is back: all of them, once each, in order."""
    program(node, 'echo "the sink is down" >&2; exit 1')
    configure(node, "plugins:\n  exec: {program: /usr/local/bin/sink}\n  file: {path: /var/out/report.json}\n")
    ids = []
    for i in range(20):
        report = node.json(*(["--cached"] if i else []), "scan")
        ids.append(report["id"])
        assert json.loads(node.node.path("var/out/report.json").read_text())["id"] == report["id"]  # the other is well
    assert waiting(node, "exec") == ids
    [finding] = [f for f in report["findings"] if f["code"] == "publish-failed"]
    assert finding["subject"] == "exec" and "the sink is down" in finding["message"] and "19 wait" in finding["message"]
    assert report["compliance"]["overall"] == "NON_COMPLIANT"  # what was judged is untouched
    program(node, 'python3 -c "import json,sys; print(json.load(sys.stdin)[\'id\'])" >>/var/out/ids')
    due(node)
    ids.append(node.json("--cached", "scan")["id"])
    until(lambda: waiting(node, "exec") == [], node)
    assert node.node.path("var/out/ids").read_text().split() == ids
    assert "publish-failed" not in codes(node.json("--cached", "scan"))


def until(condition, node, tries=20):
    """A private agent hands over while its caller lets it; the next one goes on."""
    for _ in range(tries):
        if condition():
            return
        node.run("status")
    assert condition()


def test_a_pause_that_grows(node):
    program(node, "exit 1")
    configure(node, "plugins: {exec: {program: /usr/local/bin/sink}}\n")
    pauses = []
    for _ in range(8):
        node.json("--cached", "scan")
        failure = json.loads(node.node.path("var/lib/klpd/publish.json").read_text())["exec"]
        pauses.append(failure["next"] - time.time())
        due(node)
    for pause, expected in zip(pauses, (60, 120, 240, 480, 960, 1920, 3600, 3600)):
        assert abs(pause - expected) < 10, pauses
    node.json("--cached", "scan")
    before = node.node.path("var/lib/klpd/publish.json").read_text()
    node.json("--cached", "scan")  # its time has not come
    assert node.node.path("var/lib/klpd/publish.json").read_text() == before
    assert len(waiting(node, "exec")) == 10


@pytest.mark.parametrize("script, result, said", [
    ("exit 65", "drop", "exit status 65"),
    ("exit 2", "retry", "exit status 2"),
    ("kill -9 $$", "retry", "ended by signal 9"),
    ("cat >/dev/null; echo no >&2; echo really no >&2; exit 1", "retry", "exit status 1: really no"),
    ("sleep 60", "retry", ""),
    ("yes 1>&2", "retry", ""),
])
def test_a_sink_in_trouble_does_not_touch_the_scan(node, script, result, said):
    program(node, script)
    configure(node, "publish_timeout: 1s\nplugins: {exec: {program: /usr/local/bin/sink}}\n")
    report = node.json("--cached", "scan")
    until(lambda: node.node.path("var/lib/klpd/publish.json").exists(), node, tries=8)
    failure = json.loads(node.node.path("var/lib/klpd/publish.json").read_text())["exec"]
    assert failure["result"] == result and said in failure["message"], failure
    assert waiting(node, "exec") == ([] if result == "drop" else [report["id"]])
    assert not [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if b"/usr/local/bin/sink" in read(p)]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


BAD = """#include "klpd-plugin.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int begin(const struct klpd_host *h, const struct klpd_setting *s, size_t n, void **ret)
{
	(void)h;
	*ret = n ? (void *)s[0].value : "";
	return KLPD_OK;
}
static int publish(void *state, const struct klpd_report *r)
{
	(void)r;
	if (strcmp(state, "crash") == 0)
		raise(SIGSEGV);
	while (strcmp(state, "hang") == 0)
		pause();
	for (char *p = malloc(1 << 20); p; p = malloc(1 << 20))
		memset(p, 1, 1 << 20);
	abort();
}
const struct klpd_plugin klpd_plugin = { .abi = KLPD_PLUGIN_ABI, .size = sizeof(klpd_plugin), .open = begin,
					 .publish = publish };
"""


@pytest.mark.parametrize("trouble, said", [("crash", "ended by signal 11"), ("hang", "took too long"),
                                           ("leak", "ended by signal 6")])
def test_a_plugin_in_trouble_does_not_touch_the_scan(node, tmp_path, trouble, said):
    need("gcc")
    own = tmp_path / "programs"
    shutil.copytree(node.inside.build, own, ignore=shutil.ignore_patterns("*.o", "*.a", "unit", "tests", "agent", "demo"))
    if "asan" in node.inside.build.name:
        pytest.skip("the sanitizer answers crashes and leaks itself")
    node.inside.build = own
    (tmp_path / "bad.c").write_text(BAD)
    subprocess.run(["gcc", "-O0", "-shared", "-fPIC", f"-I{TOP}/plugins", "-o", own / "plugins/bad.so",
                    tmp_path / "bad.c"], check=True)
    configure(node, f"publish_timeout: 2s\nplugins:\n  bad: {{trouble: {trouble}}}\n  file: {{path: /var/out/report.json}}\n")
    report = node.json("--cached", "scan")
    until(lambda: node.node.path("var/lib/klpd/publish.json").exists(), node, tries=8)
    assert waiting(node, "bad") == [report["id"]]
    failures = json.loads(node.node.path("var/lib/klpd/publish.json").read_text())
    assert list(failures) == ["bad"] and said in failures["bad"]["message"], failures
    until(lambda: node.node.path("var/out/report.json").exists(), node)
    assert json.loads(node.node.path("var/out/report.json").read_text()) == report


@pytest.mark.parametrize("text, status, said", [
    ("plugins: {nowhere: {}}", 0, "plugin nowhere is not installed"),
    ("plugins: {file: {}}", 0, "path: an absolute path is needed"),
    ("plugins: {file: {path: report.json}}", 0, "path: an absolute path is needed"),
    ("plugins: {file: {path: /var/out/r.json, keeep: 3}}", 0, "keeep: no such setting"),
    ("plugins: {openmetrics: {path: /var/out/klpd.txt}}", 0, "ends in .prom"),
    ("plugins: {exec: {program: /nowhere}}", 0, "cannot be run"),
    ("plugins: {journal: {json: perhaps}}", 0, "true or false"),
])
def test_wrong_settings(node, text, status, said):
    configure(node, text + "\n")
    node.json("--cached", "scan", status=status)
    until(lambda: node.node.path("var/lib/klpd/publish.json").exists(), node, tries=4)
    [finding] = [f for f in node.json("--cached", "scan")["findings"] if f["code"] == "plugin-wrong"]
    assert finding["severity"] == "error" and said in finding["message"]
    checked = node.run("check-config")
    assert checked.returncode == 78 and said in checked.stderr, checked.stderr


def test_settings_that_are_right(node):
    configure(node, 'plugins:\n  file: {path: "/var/out/a \\"b\\".json"}\n  journal:\n')
    checked = node.run("check-config")
    assert checked.returncode == 0 and "valid, 1 of" in checked.stdout, checked.stderr
    assert not node.node.path('var/out/a "b".json').exists()  # nothing is published
    shown = node.run("cat-config").stdout
    [line] = [line for line in shown.splitlines() if line.startswith("plugins:")]
    node.node.write(CONFIG, line + "\n")  # as a file that can be read again
    assert node.run("check-config").returncode == 0
    node.json("scan")
    assert node.node.path('var/out/a "b".json').exists()


@pytest.mark.parametrize("text", ["plugins: [file]", "plugins: {../x: {}}", "plugins: {file: path}",
                                  "plugins: {file: {path: [a]}}", "publish_timeout: 0"])
def test_settings_that_are_none(node, text):
    configure(node, text + "\n")
    assert node.run("check-config", f"/{CONFIG}").returncode == 78


def test_a_plugin_that_others_may_write_is_not_loaded(node, tmp_path):
    own = tmp_path / "programs"
    shutil.copytree(node.inside.build, own, ignore=shutil.ignore_patterns("*.o", "*.a", "unit", "tests", "agent", "demo"))
    node.inside.build = own
    configure(node, "plugins: {file: {path: /var/out/report.json}}\n")
    (own / "plugins/file.so").chmod(0o666)
    node.json("--cached", "scan")
    report = node.json("--cached", "scan")
    assert "chmod go-w" in next(f["message"] for f in report["findings"] if f["code"] == "plugin-wrong")
    assert not node.node.path("var/out/report.json").exists()


def test_a_directory_that_stands_for_a_node_publishes_nothing(scenario, build, tmp_path):
    scenario.node.write(CONFIG, f"plugins: {{file: {{path: {tmp_path}/report.json}}}}\n")
    subprocess.run([build / "klpctl", f"--root={scenario.node.folder}", "--cached", "scan"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, check=True)
    assert not (tmp_path / "report.json").exists()


# ---- what the plugins do -----------------------------------------------------------------------

def metrics(report, tmp_path):
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "klpd.prom"
    answer = publish("openmetrics", {"path": str(path)}, tmp_path / "own", report=report)
    assert answer["published"] == {"result": "ok", "message": ""} and not answer["log"]
    return path.read_text()


def samples(text):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}


def test_metrics_are_the_report(report, tmp_path):
    found = samples(metrics(report, tmp_path))
    for scope in ("overall", "livepatch", "kernel"):
        for verdict in ("COMPLIANT", "NON_COMPLIANT", "UNKNOWN", "NOT_APPLICABLE"):
            key = f'klpd_compliance{{scope="{scope}",verdict="{verdict}"}}'
            assert found[key] == (report["compliance"][scope] == verdict)
    for patch in report["patches"]:
        key = f'klpd_patches{{kind="{patch["kind"]}",state="{patch["state"]}",severity="{patch["severity"] or "none"}"}}'
        assert found[key] == 1
    total = sum(value for key, value in found.items() if key.startswith("klpd_patches{"))
    assert total == len(report["patches"])


def test_metrics_of_what_is_not_known(report, tmp_path):
    unknown = dict(report, compliance={"overall": "UNKNOWN", "livepatch": "UNKNOWN", "kernel": "UNKNOWN"})
    unknown["live_patching"] = dict(report["live_patching"], supported_until=None)
    first = samples(metrics(unknown, tmp_path))
    assert "klpd_last_success_timestamp_seconds" not in first and "klpd_support_end_timestamp_seconds" not in first
    known = dict(report, compliance={"overall": "COMPLIANT", "livepatch": "COMPLIANT", "kernel": "COMPLIANT"},
                 finished="2026-01-02T03:04:05Z")
    assert samples(metrics(known, tmp_path))["klpd_last_success_timestamp_seconds"] == 1767323045
    later = samples(metrics(dict(unknown, finished="2026-02-02T00:00:00Z"), tmp_path))
    assert later["klpd_last_success_timestamp_seconds"] == 1767323045  # of the one before
    assert later["klpd_last_report_timestamp_seconds"] == 1769990400


def test_how_long_the_kernel_took(node, tmp_path):
    installed = node.json("install")
    taken = installed["outcome"]["activation_msec"]
    assert 0 <= taken < 60000
    jsonschema.validate(installed, SCHEMAS["report"])
    assert samples(metrics(installed, tmp_path))["klpd_transition_seconds"] == taken / 1000
    again = node.json("install")
    assert "activation_msec" not in again["outcome"]  # nothing was loaded
    assert samples(metrics(again, tmp_path))["klpd_transition_seconds"] == taken / 1000  # the last one that was
    assert "klpd_transition_seconds" not in samples(metrics(again, tmp_path / "new"))


def test_metrics_please_promtool(report, tmp_path):
    need("promtool")
    hostile = json.loads(json.dumps(report))
    hostile["node"]["kernel"] = 'a"} 1\nevil{x="\\'
    hostile["baseline"]["name"] = "ä\t\x7f"
    for given in (report, hostile):
        text = metrics(given, tmp_path)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0 and not done.stdout.strip(), done.stdout


def exported(report, tmp_path):
    return set(re.findall(r"^# TYPE (\S+) gauge$", metrics(report, tmp_path), re.M))


def dashboard_queries():
    board = json.loads((TOP / "conf/grafana/klpd.json").read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_alerts_and_dashboard_speak_of_metrics_that_exist(report, tmp_path):
    report = dict(report, finished="2026-01-02T03:04:05Z",
                  live_patching=dict(report["live_patching"], supported_until="2026-02-02T00:00:00Z"),
                  compliance=dict(report["compliance"], overall="COMPLIANT"))
    names = exported(report, tmp_path)
    rules = (TOP / "conf/prometheus/klpd-alerts.yml").read_text()
    for where, texts in (("alerts", re.findall(r"expr: (.*)", rules)), ("dashboard", dashboard_queries())):
        assert texts
        for text in texts:
            used = set(re.findall(r"klpd_\w+", text))
            assert used and used <= names, (where, text)


def test_alerts_fire_when_they_should(tmp_path):
    need("promtool")
    for path in ("conf/prometheus/klpd-alerts.yml", "tests/integration/alerts_test.yml"):
        shutil.copy(TOP / path, tmp_path)
    done = subprocess.run(["promtool", "test", "rules", "alerts_test.yml"], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    tested = set(re.findall(r"alertname: (\w+)", (tmp_path / "alerts_test.yml").read_text()))
    assert tested == set(re.findall(r"alert: (\w+)", (tmp_path / "klpd-alerts.yml").read_text()))


def test_the_dashboards_queries_are_promql(tmp_path):
    need("promtool")
    rules = [{"record": f"dashboard:panel{i}", "expr": query.replace("$instance", ".*")}
             for i, query in enumerate(dashboard_queries())]
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


def test_the_journal_gets_an_entry(report, tmp_path):
    """On a socket that stands for journald's, in a mount namespace of its own."""
    need("unshare")
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        journal.settimeout(10)
        for more, size in (({}, 0), ({"json": "true"}, len(json.dumps(report)) // 2)):
            request = {"plugin": "journal", "settings": more, "directory": str(tmp_path / "own"), "timeout": 60,
                       "report": report}
            script = (f"mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && touch /run/systemd/journal/socket "
                      f"&& mount --bind {path} /run/systemd/journal/socket && exec {BUILD / 'klpd-publish'}")
            options = [] if os.geteuid() == 0 else ["--map-root-user"]
            done = subprocess.run(["unshare", "--mount", *options, "sh", "-c", script], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, input=json.dumps(request).encode(), check=False)
            if done.returncode and b"mount" in done.stderr + b"unshare" in done.stderr:
                pytest.skip(f"no mount namespace here: {done.stderr.decode()}")
            assert json.loads(done.stdout)["published"]["result"] == "ok", done.stdout + done.stderr
            data, ancillary, _, _ = journal.recvmsg(1 << 20, 64)
            if ancillary:
                number = int.from_bytes(ancillary[0][2][:4], "little")
                with open(number, "rb") as file:
                    file.seek(0)
                    data = file.read()
            fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            assert fields["KLPD_STATE"] == report["compliance"]["overall"] and fields["KLPD_JOB"] == report.get("id", "")
            assert re.fullmatch("[0-9a-f]{32}", fields["MESSAGE_ID"]) and len(data) > size
            assert ("KLPD_REPORT" in fields) == bool(more)


def test_a_plugin_from_elsewhere(report, tmp_path, build):
    """With the header alone: as plugins/README.md shows it."""
    need("gcc")
    text = (TOP / "plugins/README.md").read_text()
    source = re.search(r"```c\n(.*?)```", text, re.S).group(1)
    (tmp_path / "count.c").write_text(source)
    shutil.copy(TOP / "plugins/klpd-plugin.h", tmp_path)
    programs = tmp_path / "programs"
    (programs / "plugins").mkdir(parents=True)
    shutil.copy(build / "klpd-publish", programs)
    flags = ["-fsanitize=address,undefined"] if "asan" in build.name else []
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}", *flags, "-o",
                    programs / "plugins/count.so", tmp_path / "count.c"], check=True)
    request = {"plugin": "count", "settings": {"path": str(tmp_path / "missing")}, "directory": str(tmp_path / "own"),
               "timeout": 60, "report": report}
    done = subprocess.run([programs / "klpd-publish"], input=json.dumps(request).encode(), stdout=subprocess.PIPE,
                          check=True)
    assert json.loads(done.stdout)["published"]["result"] == "ok"
    expected = sum(patch["state"] == "Missing" for patch in report["patches"])
    assert (tmp_path / "missing").read_text() == f"{expected}\n"


def test_what_is_no_report(tmp_path):
    answer = publish("file", {"path": str(tmp_path / "x")}, tmp_path / "own", report={"schema": "other"})
    assert answer["error"]["status"] == 65 and not (tmp_path / "x").exists()
    assert al2.ARCH  # the scenario's data is what the other tests use
