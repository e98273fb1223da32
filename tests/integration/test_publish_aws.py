# SPDX-License-Identifier: Apache-2.0
"""The plugin ssm: what AWS gets to see of a report, whatever AWS, the keys or the clock do meanwhile."""
import configparser
import gzip
import hashlib
import itertools
import json
import os
import re
import socketserver
import subprocess
import threading
import time

import botocore.session
import pytest

from klpdtest import aws as clouds
from klpdtest.aws import BUSY, CUT, DOWN, NODE, REGION, Refused
from running import publish

CUSTOM = "Custom:KernelLivePatch"
CVES = [f"CVE-2024-{i:05}" for i in range(1, 400)]


class Sender:
    """The plugin with its settings and directory; AWS at its other end."""

    def __init__(self, aws, folder):
        self.aws, self.folder = aws, folder
        self.settings = {"endpoint": aws.url, "s3_endpoint": aws.url, "metadata": aws.url,
                         "agent": str(folder / "identity_config.json")}
        self.env = {}

    def __call__(self, timeout=30, **call):
        """What the plugin said of the call. Nobody's secret is anywhere."""
        env = {"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}, **self.env}
        answer = publish("ssm", self.settings, self.folder / "own", env=env, timeout=timeout, **call)
        left = json.dumps(answer) + "".join(path.read_text() for path in (self.folder / "own").glob("*"))
        for keys in self.aws.keys.values():
            assert keys.secret not in left and keys.token not in left
        assert self.aws.complaints == []
        return {**answer["published"], "log": answer["log"]}

    def send(self, report, result="ok", **options):
        answer = self(report=report, **options)
        assert answer["result"] == result, answer
        return answer


@pytest.fixture(name="aws")
def aws_fixture():
    with clouds.Aws() as aws:
        yield aws


@pytest.fixture(name="ssm")
def ssm_fixture(aws, tmp_path):
    """An EC2 instance with a role."""
    aws.be_ec2(aws.accept("role"))
    return Sender(aws, tmp_path)


def patch(state, name="kernel-livepatch-5.10.0-1.1", version="1.0-1.amzn2", **more):
    """A patch of a report."""
    installed = state.startswith("Installed")
    return {"id": f"{name}.x86_64", "title": f"{name}.x86_64:0:{version}", "kind": "livepatch", "state": state,
            "classification": "Security", "severity": "Important", "compliance_level": "UNSPECIFIED", "advisories": [],
            "cves": ["CVE-2024-0001", "CVE-2024-0002"], "installed": None, "candidate": None,
            "installed_time": "2026-01-02T03:04:05Z" if installed else None, "released": None, "approve_at": None,
            "rule": None, "reason": f"because it is {state}", **({"active": True} if installed else {}), **more}


def with_patches(report, *patches, overall="NON_COMPLIANT", **more):
    return {**report, "patches": list(patches), "compliance": {**report["compliance"], "overall": overall}, **more}


STATES = ["Missing", "InstalledRejected", "NotApplicable", "InstalledPendingReboot", "Installed", "Failed", "InstalledOther"]
IN_ORDER = ["Installed", "InstalledOther", "InstalledRejected", "InstalledPendingReboot", "Missing", "Failed"]


@pytest.fixture(name="of_every_state", scope="module")
def of_every_state_fixture(report):
    """One patch of each state, two of one whose names differ where their ids sort the other way."""
    patches = [patch(state, name=f"kernel-livepatch-{i}") for i, state in enumerate(STATES)]
    patches[STATES.index("InstalledOther")].update(classification="", severity="", installed_time=None)
    del patches[STATES.index("Failed")]["cves"][:]
    return with_patches(report, *patches, patch("Missing", "kernel", compliance_level="CRITICAL", severity="Critical"))


# ---- PutComplianceItems ------------------------------------------------------------------------

def test_items_of_every_state(ssm, of_every_state):
    ssm.send(of_every_state)
    assert ssm.aws.calls.count("PutComplianceItems") == 1 and list(ssm.aws.compliance) == [CUSTOM]
    [(_, request)] = ssm.aws.requests
    assert request["ResourceId"] == NODE and request["ResourceType"] == "ManagedInstance"
    assert request["ExecutionSummary"]["ExecutionId"] == of_every_state["id"]
    assert seconds(of_every_state["started"]) == request["ExecutionSummary"]["ExecutionTime"]
    items = ssm.aws.compliance[CUSTOM]
    assert [item["Details"]["PatchState"] for item in items] == IN_ORDER[:5] + ["Missing", "Failed"]
    assert [item["Id"] for item in items if item["Details"]["PatchState"] == "Missing"] == [
        "kernel.x86_64", "kernel-livepatch-0.x86_64"]  # by name
    for item in items:
        given = next(p for p in of_every_state["patches"] if p["id"] == item["Id"])
        state, details = given["state"], item["Details"]
        assert item["Title"] == given["title"] and item["Severity"] == given["compliance_level"]
        assert item["Status"] == ("COMPLIANT" if state in ("Installed", "InstalledOther") else "NON_COMPLIANT")
        assert details["PatchSeverity"] == given["severity"] and details["Classification"] == given["classification"]
        assert details["DetailedText"] == given["reason"]
        assert details.get("InstalledTime") == (
            (given["installed_time"] or "") if state.startswith("Installed") else None)
        assert details.get("CVEIds") == ("CVE-2024-0001,CVE-2024-0002" if state == "Missing" else None)
    assert request["ItemContentHash"] and len(request["ItemContentHash"]) == 64


def seconds(text):
    return int(subprocess.run(["date", "-ud", text, "+%s"], stdout=subprocess.PIPE, check=True).stdout)


def test_what_is_installed_and_not_active_is_not_compliant(ssm, report):
    ssm.send(with_patches(report, patch("Installed", active=False), patch("Installed", "b", active=None)))
    quiet, sleeping = sorted(ssm.aws.compliance[CUSTOM], key=lambda item: item["Id"])
    assert sleeping["Status"] == "NON_COMPLIANT" and sleeping["Details"]["Active"] == "false"
    assert quiet["Status"] == "COMPLIANT" and "Active" not in quiet["Details"]


def test_what_is_not_known_is_not_compliant(ssm, report):
    finding = {"code": "unreachable", "severity": "error", "subject": "r", "message": "the repository cannot be reached"}
    ssm.send(with_patches(report, patch("Installed"), overall="UNKNOWN", findings=[finding]))
    installed, unknown = ssm.aws.compliance[CUSTOM]
    assert installed["Status"] == "COMPLIANT" and unknown["Status"] == "NON_COMPLIANT"
    assert unknown["Id"] == "klpd" and unknown["Details"]["DetailedText"] == finding["message"]


def test_nothing_at_all_replaces_what_was_there(ssm, report):
    ssm.send(with_patches(report, patch("Missing")))
    ssm.send(with_patches(report, overall="COMPLIANT"))
    assert ssm.aws.compliance == {CUSTOM: []}


def test_another_type(ssm, report):
    ssm.settings["compliance_type"] = "Custom:Ours"
    ssm.send(with_patches(report, patch("Missing")))
    assert list(ssm.aws.compliance) == ["Custom:Ours"]


# ---- PutInventory ------------------------------------------------------------------------------

@pytest.fixture(name="whole")
def whole_fixture(ssm):
    ssm.settings["publish"] = "patch"
    return ssm


def test_inventory_of_every_state(whole, of_every_state):
    whole.send(of_every_state)
    kept = whole.aws.inventory
    assert set(kept) == {"AWS:PatchSummary", "AWS:ComplianceItem"} and whole.aws.compliance == {}
    for item in kept.values():
        assert item["SchemaVersion"] == "1.0" and item["CaptureTime"] == of_every_state["finished"]
    assert kept["AWS:ComplianceItem"]["Context"] == {
        "ComplianceType": "Patch", "ExecutionId": of_every_state["id"], "ExecutionType": "Command",
        "ExecutionTime": of_every_state["started"]}
    [summary] = kept["AWS:PatchSummary"]["Content"]
    counts = {f"{state}Count": "1" for state in STATES} | {"MissingCount": "2"}
    assert summary == {
        **counts, "BaselineId": of_every_state["baseline"]["id"], "PatchGroup": "", "SnapshotId": of_every_state["id"],
        "ExecutionId": of_every_state["id"], "CriticalNonCompliantCount": "1", "SecurityNonCompliantCount": "5",
        "OtherNonCompliantCount": "0", "OperationType": "Scan", "OperationStartTime": of_every_state["started"],
        "OperationEndTime": of_every_state["finished"], "RebootOption": "NoReboot", "NonCompliantSeverity": "CRITICAL"}
    items = kept["AWS:ComplianceItem"]["Content"]
    assert [item["PatchState"] for item in items] == IN_ORDER[:5] + ["Missing", "Failed"]
    for item in items:
        given = next(p for p in of_every_state["patches"] if p["id"] == item["Id"])
        installed = given["state"].startswith("Installed")
        expected = {
            "Id": given["id"], "Title": given["title"], "Severity": given["compliance_level"],
            "Status": "COMPLIANT" if given["state"] in ("Installed", "InstalledOther") else "NON_COMPLIANT",
            "PatchSeverity": given["severity"], "Classification": given["classification"],
            "PatchState": given["state"], "PatchBaselineId": of_every_state["baseline"]["id"], "PatchGroup": "",
            "DocumentName": "", "DocumentVersion": ""}
        if installed:
            expected["InstalledTime"] = given["installed_time"] or ""
        elif given["cves"]:
            expected["CVEIds"] = ",".join(given["cves"])
        assert item == expected


def test_what_was_asked_for_is_told(whole, report):
    origin = {"command_id": "0a1b2c3d-0000-4000-8000-000000000001", "snapshot_id": "0a1b2c3d-0000-4000-8000-000000000002",
              "overrides": "s3://lists/" + "x" * 300}
    whole.send(with_patches(report, patch("Missing"), origin=origin))
    [summary], item = whole.aws.inventory["AWS:PatchSummary"]["Content"], whole.aws.inventory["AWS:ComplianceItem"]
    assert summary["ExecutionId"] == origin["command_id"] and summary["SnapshotId"] == origin["snapshot_id"]
    assert item["Context"]["ExecutionId"] == origin["snapshot_id"]
    assert summary["InstallOverrideList"] == item["Content"][0]["InstallOverrideList"] == origin["overrides"][:256]


@pytest.mark.parametrize("patches, counts, severity", [
    ([patch("Installed")], "000", None),
    ([patch("Missing", classification="Bugfix")], "001", "INFORMATIONAL"),
    ([patch("InstalledPendingReboot")], "010", "INFORMATIONAL"),
    ([patch("Missing", compliance_level="CRITICAL")], "110", "CRITICAL"),
    ([patch("Missing", compliance_level="LOW"), patch("Failed", "b", compliance_level="HIGH")], "020", "HIGH"),
    ([patch("Installed", active=False, classification="")], "001", "INFORMATIONAL"),
])
def test_counts_of_what_is_not_compliant(whole, report, patches, counts, severity):
    whole.send(with_patches(report, *patches))
    [summary] = whole.aws.inventory["AWS:PatchSummary"]["Content"]
    assert "".join(summary[f"{kind}NonCompliantCount"] for kind in ("Critical", "Security", "Other")) == counts
    assert summary.get("NonCompliantSeverity") == severity


def test_what_aws_has_is_not_sent_again(whole, report):
    """Content once; then its hash, until AWS says that it does not know it; then whole again."""
    first, second = with_patches(report, patch("Missing")), with_patches(report, patch("Installed"))

    def sent():
        requests, whole.aws.requests = whole.aws.requests, []
        return ["Content" in item for _, request in requests for item in request["Items"]
                if item["TypeName"] == "AWS:ComplianceItem"]

    whole.send(first)
    assert sent() == [True]
    whole.send(first)
    assert sent() == [False]
    whole.send(second)
    assert sent() == [True]
    for name in ("ItemContentMismatchException", "InvalidItemContentException"):
        whole.aws.fail("PutInventory", Refused(name))
        whole.send(second)
        assert sent() == [True]
    whole.aws.inventory.clear()  # AWS keeps nothing for longer than 30 days
    whole.send(second)
    assert sent() == [False, True] and whole.aws.inventory["AWS:ComplianceItem"]["Content"]
    content = whole.aws.inventory["AWS:ComplianceItem"]
    text = json.dumps(content["Content"], separators=(",", ":"), sort_keys=True)
    assert content["ContentHash"] == hashlib.sha256(text.encode()).hexdigest()


def test_what_is_not_known_is_no_patch_compliance(whole, report):
    answer = whole.send(with_patches(report, patch("Missing"), overall="UNKNOWN"))
    assert whole.aws.requests == [] and "not uploaded" in answer["log"]


# ---- too large ---------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", ["custom", "patch"])
def test_more_cves_than_a_value_holds(ssm, report, mode):
    ssm.settings["publish"] = mode
    ssm.send(with_patches(report, patch("Missing", cves=CVES)))
    item = (ssm.aws.compliance[CUSTOM][0]["Details"] if mode == "custom"
            else ssm.aws.inventory["AWS:ComplianceItem"]["Content"][0])
    listed = item["CVEIds"].split(",")
    assert listed == CVES[:len(listed)] and 4096 - 15 < len(item["CVEIds"]) <= 4096
    assert item["DetailedText"].startswith(f"{len(listed)} of {len(CVES)} CVEs are listed")


@pytest.mark.parametrize("mode", ["custom", "patch"])
def test_a_report_beyond_what_a_call_holds(ssm, report, mode):
    ssm.settings["publish"] = mode
    many = [patch("Missing", f"livepatch-{i}", cves=CVES) for i in range(400)]
    answer = ssm.send(with_patches(report, *many))
    [(_, request)] = ssm.aws.requests
    assert len(json.dumps(request)) < 1024 * 1024
    items = request["Items"] if mode == "custom" else request["Items"][1]["Content"]
    assert len(items) == 400
    for item in items:
        item = item.get("Details", item)
        assert "CVEIds" not in item and item["DetailedText"].startswith(f"0 of {len(CVES)} CVEs")
    assert "without CVEs" in answer["log"]


@pytest.mark.parametrize("mode, error", [("custom", "TotalSizeLimitExceededException"),
                                         ("patch", "ItemSizeLimitExceededException")])
def test_what_aws_finds_too_large(ssm, report, mode, error):
    ssm.settings["publish"] = mode
    action = "PutInventory" if mode == "patch" else "PutComplianceItems"
    ssm.aws.fail(action, Refused(error))
    ssm.send(with_patches(report, patch("Missing")))
    assert "CVEIds" not in json.dumps(ssm.aws.requests[-1])
    ssm.aws.fail(action, Refused(error), Refused(error))
    assert "too large even without CVEs" in ssm.send(with_patches(report, patch("Failed")), "drop")["message"]


def test_long_and_odd_texts(ssm, report):
    """Cut between characters, never within one."""
    ssm.send(with_patches(report, patch("Missing", "n" * 600), patch("Missing", "b", reason="ä€" * 3000)))
    odd, long = ssm.aws.compliance[CUSTOM]
    assert len(long["Title"]) == 500 and set(odd["Details"]["DetailedText"]) == {"ä", "€"}


# ---- who we are, by which keys -----------------------------------------------------------------

def write_agent(ssm, keys, profile="default", **more):
    """As the SSM Agent does outside of EC2."""
    shared = ssm.folder / "credentials"
    config = configparser.ConfigParser()
    config["other"] = {"aws_access_key_id": "AKIAOTHER", "aws_secret_access_key": "other"}
    config[profile] = {"aws_access_key_id": keys.name, "aws_secret_access_key": keys.secret,
                       "aws_session_token": keys.token}
    with open(shared, "w", encoding="utf-8") as file:
        config.write(file)
    identity = {"SchemaVersion": "1.1", "InstanceId": NODE, "IdentityType": "OnPrem", "ShareFile": str(shared),
                "ShareProfile": profile if profile != "default" else "", "CredentialSource": "SSM",
                "CredentialsExpiresAt": "2099-01-01T00:00:00.123456789Z", **more}
    (ssm.folder / "identity_config.json").write_text(json.dumps(identity))


def test_keys_are_looked_for_in_order(ssm, report):
    """The environment, the SSM Agent's file, the role of the instance."""
    role, = ssm.aws.keys.values()
    used = []

    def sent():
        ssm.aws.calls.clear()
        ssm.send(with_patches(report, patch("Missing")))
        used.append([call for call in ssm.aws.calls if "credentials" in call])

    sent()
    assert used[-1]
    ssm.aws.keys.pop(role.name)
    write_agent(ssm, ssm.aws.accept("agent"), "klpd")
    ssm.env = {"AWS_REGION": REGION}
    sent()
    assert used[-1] == []
    ssm.aws.keys.clear()
    ssm.env = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_SSM_REGION_NAME": REGION, "AWS_SSM_INSTANCE_ID": NODE,
               **ssm.aws.accept("environment").as_environment()}
    sent()
    assert used[-1] == []


def test_keys_of_the_agent_that_have_expired_are_passed_over(ssm, report):
    write_agent(ssm, clouds.Keys("old"), CredentialsExpiresAt="2020-01-01T00:00:00Z")
    ssm.send(with_patches(report, patch("Missing")))
    assert ssm.aws.compliance


@pytest.mark.parametrize("text, said", [
    ("{", "identity_config.json"),
    (json.dumps({"InstanceId": NODE, "ShareFile": "/nowhere/credentials"}), "/nowhere/credentials: No such file"),
    (json.dumps({"InstanceId": NODE, "ShareFile": "/root/.aws/nowhere"}), "klpd(8) says how"),
    (json.dumps({"InstanceId": NODE, "ShareFile": "/x", "CredentialsExpiresAt": "2020-01-01T00:00:00Z"}), "have expired"),
])
def test_an_agent_whose_keys_cannot_be_had(ssm, report, text, said):
    ssm.aws.metadata = None
    (ssm.folder / "identity_config.json").write_text(text)
    answer = ssm.send(with_patches(report, patch("Missing")), "retry")
    assert said in answer["message"] and ssm.aws.requests == []


def test_a_node_of_nobody_keeps_its_reports(ssm, report):
    """No service answers: no keys, no error, nothing sent."""
    ssm.settings["metadata"] = "http://127.0.0.1:1"
    answer = ssm.send(with_patches(report, patch("Missing")))
    assert ssm.aws.calls == [] and "stays on the node" in answer["log"]
    assert answer["message"] == ""


def test_a_node_without_keys_has_no_baseline(ssm):
    ssm.settings["metadata"] = "http://127.0.0.1:1"
    assert fetch(ssm)["result"] == "retry"


@pytest.mark.parametrize("missing, said", [
    ("/latest/meta-data/iam/security-credentials/", "has no role"),
    (f"/latest/meta-data/iam/security-credentials/{clouds.ROLE}", "no keys of the role"),
    (None, "switched off"),
])
def test_an_instance_that_cannot_say_who_it_is(ssm, report, missing, said):
    if missing:
        del ssm.aws.metadata[missing]
    else:
        ssm.aws.metadata = None
    assert said in ssm.send(with_patches(report, patch("Missing")), "retry")["message"]


def test_the_session_of_the_metadata_service_ends_in_between(ssm, report):
    where = "/latest/meta-data/placement/region"

    def forget():
        ssm.aws.metadata[where] = REGION
        ssm.aws.session = None
        raise Refused("expired", 401)
    ssm.aws.metadata[where] = forget
    ssm.send(with_patches(report, patch("Missing")))
    assert ssm.aws.compliance


@pytest.mark.parametrize("setting, path", [("instance_id", "/latest/meta-data/instance-id"),
                                           ("region", "/latest/meta-data/placement/region")])
def test_what_only_a_person_can_say(ssm, report, setting, path):
    value = ssm.aws.metadata.pop(path)
    assert setting in ssm.send(with_patches(report, patch("Missing")), "wrong")["message"]
    ssm.settings[setting] = value
    ssm.send(with_patches(report, patch("Missing")))


def test_the_agents_vault_is_never_opened(ssm, report):
    """Not even when it lies open."""
    vault = ssm.folder / "Vault/Store"
    vault.mkdir(parents=True)
    (vault / "RegistrationKey").write_text('{"privateKey": "s3cr3t"}')
    before = os.stat(vault / "RegistrationKey").st_atime_ns
    ssm.aws.metadata = None
    write_agent(ssm, ssm.aws.accept("agent"))
    ssm.settings["region"] = REGION
    ssm.send(with_patches(report, patch("Missing")))
    assert os.stat(vault / "RegistrationKey").st_atime_ns == before
    assert "s3cr3t" not in json.dumps(ssm.aws.requests)


# ---- what goes wrong ---------------------------------------------------------------------------

@pytest.mark.parametrize("troubles", [[BUSY], [DOWN], [CUT], [BUSY, CUT, DOWN, BUSY], [Refused("", 503)], [Refused("", 429)]],
                         ids=str)
def test_what_passes_is_waited_out(ssm, report, troubles):
    ssm.aws.fail("PutComplianceItems", *troubles)
    begin = time.monotonic()
    ssm.send(with_patches(report, patch("Missing")))
    assert ssm.aws.calls.count("PutComplianceItems") == len(troubles) + 1
    assert time.monotonic() - begin > 0.1 * len(troubles)


def test_what_does_not_pass_comes_again_later(ssm, report):
    """Within the time that there is."""
    ssm.aws.fail("PutComplianceItems", *[BUSY] * 20)
    begin = time.monotonic()
    answer = ssm.send(with_patches(report, patch("Missing")), "retry", timeout=5)
    assert time.monotonic() - begin < 5 and "Rate exceeded" in answer["message"]
    assert 2 <= ssm.aws.calls.count("PutComplianceItems") < 9


@pytest.mark.parametrize("error, result, said", [
    (Refused("AccessDeniedException", message="User x is not authorized"), "retry", "AmazonSSMManagedInstanceCore"),
    (Refused("InvalidResourceId"), "retry", "is it registered"),
    (Refused("ValidationException", message="1 validation error"), "drop", "1 validation error"),
    (Refused("ComplianceTypeCountLimitExceededException"), "drop", "ComplianceTypeCountLimitExceeded"),
    (Refused("ExpiredTokenException"), "ok", ""),
    (Refused("UnrecognizedClientException"), "ok", ""),
])
def test_what_errors_mean(ssm, report, error, result, said):
    ssm.aws.fail("PutComplianceItems", error)
    assert said in ssm.send(with_patches(report, patch("Missing")), result)["message"]


@pytest.mark.parametrize("ahead", [7200, -7200, 200])
def test_a_clock_that_is_wrong(ssm, report, ahead):
    ssm.aws.ahead = ahead
    answer = ssm.send(with_patches(report, patch("Missing")))
    assert ssm.aws.compliance
    assert ("clock" in answer["log"]) == (abs(ahead) > clouds.SKEW_MAX)


@pytest.mark.parametrize("mode", ["custom", "patch"])
def test_keys_that_are_rotated_in_the_middle_of_an_upload(ssm, report, mode):
    """The first try is taken by the old ones and answered by a mismatch; then they have expired."""
    ssm.settings["publish"] = mode
    first = with_patches(report, patch("Missing"))
    ssm.send(first)
    current = [ssm.aws.accept("morning")]
    ssm.aws.be_ec2(lambda: current[0])
    action = "PutInventory" if mode == "patch" else "PutComplianceItems"

    class Rotate(Refused):
        """Told when it is raised: from now on the old keys are no longer good."""
        @property
        def status(self):
            current[0].until = 0
            current[0] = ssm.aws.accept("evening")
            return 400

        @status.setter
        def status(self, value):
            pass

    ssm.aws.fail(action, Rotate("ItemContentMismatchException" if mode == "patch" else "TotalSizeLimitExceededException"))
    ssm.send(first)
    assert ssm.aws.calls[-1] == action and ssm.aws.calls.count(action) == 4


def test_keys_that_stay_expired(ssm, report):
    for keys in ssm.aws.keys.values():
        keys.until = 0
    assert "no longer good" in ssm.send(with_patches(report, patch("Missing")), "retry")["message"]


def test_a_wrong_secret(ssm, report):
    """AWS answers with what it would have signed; none of it is told."""
    ssm.aws.be_ec2(ssm.aws.accept("role"))
    mistaken = clouds.Keys("role")
    mistaken.secret = "mistaken"
    ssm.aws.be_ec2(mistaken)
    answer = ssm.send(with_patches(report, patch("Missing")), "retry")
    assert "signature is not accepted" in answer["message"] and "canonical" not in json.dumps(answer)


@pytest.mark.parametrize("settings, said", [
    ({"publish": "all"}, "publish: custom, patch or no is meant"),
    ({"compliance_type": "Patch"}, "compliance_type: Custom:NAME is meant"),
    ({"compliance_type": "Custom:x y"}, "compliance_type"),
    ({"region": "eu central"}, "region"),
    ({"region": "x/../y"}, "region"),
    ({"instance_id": "i-1\n"}, "instance_id"),
    ({"fips": "perhaps"}, "fips: yes or no"),
    ({"endpoint": "http://ssm.example"}, "endpoint: https://HOST is meant"),
    ({"endpoint": "https://ssm.example/x"}, "endpoint: https://HOST is meant"),
    ({"endpoint": "http://127.0.0.1.example"}, "endpoint: https://HOST is meant"),
    ({"agent": "identity.json"}, "agent: an absolute path"),
    ({"regoin": "x"}, "regoin: no such setting"),
])
def test_wrong_settings(ssm, settings, said):
    ssm.settings.update(settings)
    answer = ssm()
    assert answer["result"] == "wrong" and said in answer["message"] and ssm.aws.calls == []


def test_told_to_be_quiet(ssm, report):
    ssm.settings["publish"] = "no"
    ssm.send(with_patches(report, patch("Missing")))
    assert ssm.aws.calls == []


# ---- where to ----------------------------------------------------------------------------------

class Proxy(socketserver.BaseRequestHandler):
    def handle(self):
        asked = self.request.recv(4096).decode(errors="replace").split()
        if asked[:1] == ["CONNECT"]:
            self.server.asked.append(asked[1])
        self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n")


@pytest.fixture(name="proxy")
def proxy_fixture():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        server.asked = []
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def official(service, region, fips, dual):
    """What AWS's own SDK connects to, or None."""
    session = botocore.session.get_session()
    session.set_config_variable("use_fips_endpoint", fips)
    session.set_config_variable("use_dualstack_endpoint", dual)
    resolver = session.get_component("endpoint_resolver")
    try:
        found = resolver.construct_endpoint(service, region, use_fips_endpoint=fips, use_dualstack_endpoint=dual)
    except botocore.exceptions.EndpointVariantError:
        return None
    return found["hostname"]


@pytest.mark.filterwarnings("ignore:Fetching the endpoint_resolver:DeprecationWarning")
@pytest.mark.parametrize("region, fips, dual", [
    *itertools.product(["eu-central-1", "us-east-1", "us-gov-west-1"], ["no", "yes"], ["no", "yes"]),
    ("cn-north-1", "no", "no"), ("cn-north-1", "no", "yes")])
def test_endpoints_are_those_of_the_sdk(ssm, report, proxy, region, fips, dual):
    known = official("ssm", region, fips == "yes", dual == "yes")
    if fips == "yes" and (dual == "yes" or region not in ("us-east-1", "us-gov-west-1")):
        known = re.sub(r"^ssm(-fips)?\.", "ssm-fips.", known) if known else known  # by rule: AWS lists only some
    del ssm.settings["endpoint"], ssm.settings["s3_endpoint"]
    ssm.settings.update(region=region, fips=fips, dual_stack=dual)
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    ssm.env = {"https_proxy": address, "http_proxy": address}  # which the metadata service is never asked by
    answer = ssm.send(with_patches(report, patch("Missing")), "retry", timeout=2)
    assert set(proxy.asked) == {f"{known}:443"}, answer
    proxy.asked.clear()
    answer = ssm(document={"url": "s3://bucket/key", "max": 1000}, timeout=2)
    assert answer["result"] == "retry"
    bucket = official("s3", region, fips == "yes", dual == "yes")
    assert set(proxy.asked) == {f"bucket.{bucket}:443"}, answer


# ---- baselines and documents -------------------------------------------------------------------

def fetch(ssm, **options):
    snapshot = "01234567-89ab-7def-8123-456789abcdef"
    return ssm(baseline_for={"schema": "klpd.report/1", "id": snapshot, "node": {}}, **options)


BASELINE = {"baselineId": "pb-0123456789abcdef0", "name": "ours", "operatingSystem": "AMAZON_LINUX_2",
            "approvalRules": {"rules": []}}


def offer(aws, snapshot, pack=lambda data: data):
    aws.objects["/snapshots/one.json"] = pack(json.dumps(snapshot).encode())
    aws.snapshot_url = f"{aws.url}/snapshots/one.json?X-Amz-Signature=abc"


@pytest.mark.parametrize("packed", [False, True])
def test_the_baseline_of_the_patch_group(whole, report, packed):
    offer(whole.aws, {"patchBaseline": BASELINE, "patchGroup": "Production", "patches": []},
          gzip.compress if packed else lambda data: data)
    answer = fetch(whole)
    assert answer["result"] == "ok" and json.loads(answer["text"]) == BASELINE
    assert whole.aws.requests[-1][1]["SnapshotId"] == "01234567-89ab-7def-8123-456789abcdef"
    whole.send(with_patches(report, patch("Missing")))  # the group is known from now on
    assert whole.aws.inventory["AWS:PatchSummary"]["Content"][0]["PatchGroup"] == "Production"
    assert whole.aws.inventory["AWS:ComplianceItem"]["Content"][0]["PatchGroup"] == "Production"


@pytest.mark.parametrize("snapshot", [b"", b"[]", b"{}", b'{"patchBaseline": 1}', b"<html>", b"\x1f\x8b\x00broken",
                                      b"\x1f\x8b"], ids=str)
def test_a_snapshot_that_is_none(ssm, snapshot):
    offer(ssm.aws, {}, lambda _: snapshot)
    answer = fetch(ssm)
    assert answer["result"] == "retry" and "the snapshot is no baseline" in answer["message"] and "text" not in answer


def test_a_snapshot_that_would_fill_the_memory(ssm):
    offer(ssm.aws, {"patchBaseline": BASELINE}, lambda data: gzip.compress(data + b" " * (80 << 20)))
    assert fetch(ssm)["result"] == "retry"


def test_a_snapshot_that_cannot_be_had(ssm):
    assert "AWS names no snapshot" in fetch(ssm)["message"]
    offer(ssm.aws, {})
    ssm.aws.objects.clear()
    answer = fetch(ssm)
    assert answer["result"] == "retry" and "X-Amz-Signature" not in json.dumps(answer)


def get(ssm, url, limit=100000):
    return ssm(document={"url": url, "max": limit})


@pytest.mark.parametrize("key", ["list.yaml", "a/b c/ä+&=~.yaml", "x%20y", "a//b"])
def test_an_object_of_s3(ssm, key):
    ssm.aws.objects[f"/bucket/{key}"] = "patches: [{id: ä}]".encode()
    assert get(ssm, f"s3://bucket/{key}")["text"] == "patches: [{id: ä}]"


def test_a_bucket_elsewhere(ssm):
    """The first answer says where."""
    ssm.aws.objects["/bucket/key"] = b"{}"
    ssm.settings["region"] = "eu-west-3"
    assert get(ssm, "s3://bucket/key")["text"] == "{}"
    assert ssm.aws.calls.count("GET /bucket/key") == 2


@pytest.mark.parametrize("url, data, result", [
    ("s3://bucket/missing", None, "drop"),
    ("s3://bucket", None, "drop"),
    ("s3://bucket/", None, "drop"),
    ("s3:///key", None, "drop"),
    ("s3://bucket/large", b"x" * 100001, "drop"),
    ("s3://bucket/binary", b"\xff\xfe", "drop"),
    ("s3://bucket/nul", b"a\0b", "drop"),
], ids=["missing", "no-key", "empty-key", "no-bucket", "large", "binary", "nul"])
def test_an_object_that_cannot_be_had(ssm, url, data, result):
    if data is not None:
        ssm.aws.objects[url.removeprefix("s3:/")] = data
    answer = get(ssm, url)
    assert answer["result"] == result and answer["message"] and "text" not in answer, answer
    assert len([call for call in ssm.aws.calls if call.startswith("GET ")]) <= 1


def test_throttled_twice_and_then_given(ssm):
    ssm.aws.objects["/bucket/key"] = b"{}"
    ssm.aws.fail("GET", Refused("SlowDown", 503), CUT)
    assert get(ssm, "s3://bucket/key")["text"] == "{}"
