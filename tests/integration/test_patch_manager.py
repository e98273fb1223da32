# SPDX-License-Identifier: Apache-2.0
"""A node that Patch Manager drives: its baseline, its documents, and what its compliance shows."""
import json
import re
import shutil
import subprocess
import time

import jsonschema
import pytest

from klpdtest import al2, aws as clouds
from klpdtest.aws import DOWN, Refused
from running import SCHEMAS, InsideNode, codes

CUSTOM = "Custom:KernelLivePatch"
ALL_AT_ONCE = {"baselineId": "pb-0123456789abcdef0", "name": "Ours", "operatingSystem": "AMAZON_LINUX_2",
               "approvalRules": {"rules": [{"approveAfterDays": 0, "complianceLevel": "HIGH", "filterGroup": {"filters": [
                   {"key": "CLASSIFICATION", "values": ["Security"]}]}}]}}


class Node(InsideNode):
    """An EC2 instance whose baseline is what the console says."""

    def configure(self, aws, baseline="plugin:ssm", **more):
        settings = {"endpoint": aws.url, "s3_endpoint": aws.url, "metadata": aws.url, **more}
        self.node.write("etc/klpd/klpd.yaml", json.dumps({"plugins": {"ssm": settings},
                                                          **({"baseline": baseline} if baseline else {})}))


def offer(aws, baseline, group="Production"):
    """What the console has for the node's patch group."""
    aws.objects["/snapshots/one.json"] = json.dumps({"patchBaseline": baseline, "patchGroup": group}).encode()
    aws.snapshot_url = f"{aws.url}/snapshots/one.json?X-Amz-Signature=abc"


@pytest.fixture(name="aws")
def aws_fixture():
    with clouds.Aws() as aws:
        aws.be_ec2(aws.accept("role"))
        offer(aws, ALL_AT_ONCE)
        yield aws
        assert aws.complaints == []


@pytest.fixture(name="node")
def node_fixture(scenario, served, build, aws):
    made = Node(scenario, served, build)
    obstacle = made.inside.obstacle()
    if obstacle:
        pytest.skip(obstacle)
    made.configure(aws)
    return made


def shown(aws):
    """What the compliance view has of livepatches: title without the name, and state."""
    return {item["Title"].split(":", 2)[2]: item["Details"]["PatchState"] for item in aws.compliance[CUSTOM]
            if item["Id"].startswith(al2.livepatch_name())}


# ---- the mission -------------------------------------------------------------------------------

def test_from_missing_to_installed(node, aws):
    """Enable; scan; see in Compliance what is missing; install it by the same baseline; see it installed."""
    scenario = node.scenario
    scenario.turn_live_patching_off()
    offer(aws, {**ALL_AT_ONCE, "approvalRules": {"rules": [{**ALL_AT_ONCE["approvalRules"]["rules"][0],
                                                            "approveAfterDays": 20}]}})
    enabled = node.json("enable")  # 1. with what is approved by now
    assert enabled["baseline"]["id"] == ALL_AT_ONCE["baselineId"] and shown(aws) == {"1.0-1.amzn2": "Installed"}
    offer(aws, ALL_AT_ONCE)
    scanned = node.json("scan")  # 2.
    assert scanned["compliance"]["livepatch"] == "NON_COMPLIANT"
    [missing] = [item for item in aws.compliance[CUSTOM] if item["Id"].startswith(al2.livepatch_name())]  # 3.
    assert missing["Title"].endswith(":0:1.0-3.amzn2") and missing["Status"] == "NON_COMPLIANT"
    assert missing["Details"]["PatchState"] == "Missing" and "CVE-2024-0003" in missing["Details"]["CVEIds"]
    assert missing["Severity"] == "HIGH"
    installed = node.json("install")  # 4.
    assert installed["reboot_option"] == "NoReboot" and installed["outcome"]["reboot_required"] is False
    assert installed["baseline"]["sha256"] == scanned["baseline"]["sha256"] and "livepatch_CVE_2024_0003" in node.loaded()
    [now] = [item for item in aws.compliance[CUSTOM] if item["Id"].startswith(al2.livepatch_name())]  # 5.
    assert (now["Title"], now["Status"]) == (missing["Title"], "COMPLIANT")
    assert now["Details"]["PatchState"] == "Installed" and now["Details"]["Active"] == "true"
    assert now["Details"]["InstalledTime"] >= time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    assert [request["ExecutionSummary"]["ExecutionId"] for action, request in aws.requests
            if action == "PutComplianceItems"] == [enabled["id"], scanned["id"], installed["id"]]


# ---- the baseline ------------------------------------------------------------------------------

def test_the_consoles_baseline_judges(node, aws):
    report = node.json("scan")
    assert (report["baseline"]["name"], report["baseline"]["source"]) == ("Ours", "plugin:ssm")
    assert shown(aws) == {"1.0-3.amzn2": "Missing"}
    assert aws.calls.count("GetDeployablePatchSnapshotForInstance") == 1
    offer(aws, {**ALL_AT_ONCE, "approvalRules": {"rules": []}})  # somebody changes it
    node.json("--cached", "scan")
    assert shown(aws) == {"1.0-3.amzn2": "Missing"}  # which --cached does not look at
    node.json("scan")
    assert shown(aws) == {}
    assert aws.calls.count("GetDeployablePatchSnapshotForInstance") == 2


def test_questions_are_answered_by_what_is_kept(node, aws):
    node.json("scan")
    aws.calls.clear()
    assert node.json("baseline", "show")["id"] == ALL_AT_ONCE["baselineId"]
    assert "1.0-3" in node.run("explain", al2.livepatch_name()).stdout
    assert node.run("verify").returncode == 0 and node.run("kernel").returncode == 0
    assert aws.calls == []


def test_a_baseline_that_cannot_be_asked_for(node, aws):
    """The last one is used, and that is said; without one there is no judgement."""
    aws.fail("GetDeployablePatchSnapshotForInstance", *[Refused("AccessDeniedException")] * 2)
    failed = node.run("scan")
    assert failed.returncode == 69 and "plugin ssm gives no baseline (" in failed.stderr
    assert "AmazonSSMManagedInstanceCore" in failed.stderr and "none is kept" in failed.stderr
    cached = node.run("--cached", "scan")
    assert cached.returncode == 69 and "--cached" in cached.stderr
    assert aws.compliance == {}
    asked = node.run("baseline", "show")
    assert asked.returncode == 69, asked.stdout
    good = node.json("scan")
    assert "baseline-kept" not in codes(good)
    aws.fail("GetDeployablePatchSnapshotForInstance", Refused("AccessDeniedException"))
    report = node.json("scan")
    [finding] = [f for f in report["findings"] if f["code"] == "baseline-kept"]
    assert finding["severity"] == "warning" and "AmazonSSMManagedInstanceCore" in finding["message"]
    assert report["baseline"]["id"] == good["baseline"]["id"] and shown(aws) == {"1.0-3.amzn2": "Missing"}
    aws.http.shutdown()  # nobody is there at all
    aws.http.server_close()
    assert "baseline-kept" in codes(node.json("install", status=0))
    assert "livepatch_CVE_2024_0003" in node.loaded()


def test_a_plugin_that_hangs_or_is_gone(node, aws, tmp_path):
    own = tmp_path / "programs"
    shutil.copytree(node.inside.build, own, ignore=shutil.ignore_patterns("*.o", "*.a", "unit", "tests", "agent", "demo"))
    node.inside.build = own
    node.json("scan")
    config = json.loads(node.node.path("etc/klpd/klpd.yaml").read_text())
    node.node.write("etc/klpd/klpd.yaml", json.dumps({**config, "publish_timeout": "2s"}))
    aws.fail("GetDeployablePatchSnapshotForInstance", *[DOWN] * 20)
    begin = time.monotonic()
    report = node.json("scan")
    assert "baseline-kept" in codes(report) and time.monotonic() - begin < 20
    (own / "plugins/ssm.so").unlink()
    [finding] = [f for f in node.json("scan")["findings"] if f["code"] == "baseline-kept"]
    assert "is not installed" in finding["message"]


@pytest.mark.parametrize("text, said", [
    ("baseline: plugin:ssm", "'plugins' has no 'ssm'"),
    ("{baseline: 'plugin:file', plugins: {ssm: {publish: no}}}", "'plugins' has no 'file'"),
])
def test_a_baseline_of_no_plugin(node, text, said):
    node.node.write("etc/klpd/klpd.yaml", text + "\n")
    done = node.run("scan")
    assert done.returncode == 78 and said in done.stderr, done.stderr
    assert node.run("check-config").returncode == 78


def test_a_plugin_that_has_none(node):
    node.node.write("etc/klpd/klpd.yaml", "{baseline: 'plugin:file', plugins: {file: {path: /var/report.json}}}\n")
    done = node.run("scan")
    assert done.returncode == 69 and "nothing of that kind" in done.stderr


def test_a_directory_asks_nobody(scenario, served, build, aws):
    assert served
    Node.configure(type("Folder", (), {"node": scenario.node})(), aws)
    done = subprocess.run([build / "klpctl", f"--root={scenario.node.folder}", "scan"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 69 and "a directory that stands for a node" in done.stderr
    assert aws.calls == []


def test_keys_of_the_services_environment(node, aws):
    """As Environment= of the unit sets them; of the other programs none gets them."""
    aws.metadata = None
    keys = aws.accept("unit")
    variables = {**keys.as_environment(), "AWS_SSM_INSTANCE_ID": clouds.NODE, "AWS_REGION": clouds.REGION}
    done = node.inside.run("/usr/bin/env", *[f"{k}={v}" for k, v in variables.items()], "/opt/klpd/klpctl", "--direct",
                           "--json=short", "scan", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    assert shown(aws) == {"1.0-3.amzn2": "Missing"}
    for path in node.node.path("var/lib/klpd").rglob("*"):
        assert not path.is_file() or keys.secret not in path.read_text(errors="replace")


def test_a_command_and_its_snapshot(node, aws):
    """As the document klpd's Run Command passes them."""
    command, snapshot = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
    done = node.inside.run("/usr/bin/env", f"SSM_COMMAND_ID={command}", "/opt/klpd/klpctl", "--direct", "run", "--ssm",
                           "--operation=Scan", f"--snapshot-id={snapshot}", stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    assert [r["SnapshotId"] for action, r in aws.requests if action.startswith("Get")] == [snapshot]
    [upload] = [r for action, r in aws.requests if action == "PutComplianceItems"]
    assert upload["ExecutionSummary"]["ExecutionId"] == command
    report = node.json("history", re.search(r"klpctl history (\S+)", done.stdout).group(1))
    assert report["origin"] == {"command_id": command, "snapshot_id": snapshot}
    jsonschema.validate(report, SCHEMAS["report"])
    assert "origin" not in node.json("scan")


# ---- documents ---------------------------------------------------------------------------------

LIST = f"patches: [{{id: '{al2.livepatch_name()}.x86_64', title: '*1.0-2.amzn2'}}]"


def test_a_list_of_overrides_in_s3(node, aws):
    aws.objects["/lists/our list.yaml"] = LIST.encode()
    done = node.run("--json=short", "run", "--operation=Install", "--reboot-option=NoReboot",
                    "--install-override-list=s3://lists/our list.yaml")
    assert done.returncode == 100, done.stderr  # something is missing still
    assert node.installed() == ["1.0-2.amzn2.x86_64"]
    assert json.loads(done.stdout)["origin"] == {"overrides": "s3://lists/our list.yaml"}
    assert shown(aws) == {"1.0-3.amzn2": "Missing"}  # judged by the baseline all the same


def test_a_baseline_override_in_s3(node, aws):
    """It judges, and is nobody's compliance."""
    override = [{"OperatingSystem": "AMAZON_LINUX_2", "Name": "today", "ApprovalRules": {"PatchRules": []}}]
    aws.objects["/b/today.json"] = json.dumps(override).encode()
    done = node.run("--json=short", "run", "--operation=Scan", "--baseline-override=s3://b/today.json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["baseline"]["name"], report["baseline"]["source"]) == ("today", "s3://b/today.json")
    assert aws.compliance == {} and aws.calls.count("GetDeployablePatchSnapshotForInstance") == 0


@pytest.mark.parametrize("objects, said", [
    ({}, "NoSuchKey"),
    ({"/b/k": b"\xff"}, "not text in UTF-8"),
    ({"/b/k": b"x" * (2 << 20) + b"x"}, "more than 2097152 bytes"),
    ({"/b/k": b"{"}, "s3://b/k"),
], ids=["missing", "binary", "large", "broken"])
def test_an_object_that_cannot_be_used(node, aws, objects, said):
    aws.objects.update(objects)
    done = node.run("run", "--operation=Scan", "--baseline-override=s3://b/k")
    assert done.returncode in (65, 69, 78) and said in done.stderr, done.stderr
    assert aws.compliance == {}
