# SPDX-License-Identifier: Apache-2.0
"""The Command documents: accepted by Systems Manager, and run as SSM Agent runs them."""
import copy
import json
import re
import shutil
import subprocess

import jsonschema
import pytest

from conftest import need
from klpdtest import al2, inside
from running import TOP

SCHEMA = json.loads((TOP / "tests/integration/ssm_document.schema.json").read_text())
DOCUMENTS = {path.stem: path for path in (TOP / "conf/ssm").iterdir()}
PATCH, CONFIGURE = "Klpd-RunPatchBaseline", "Klpd-ConfigureKernelLivePatching"
BYTES_MAX = 64 * 1024
STDOUT_MAX = 24000
# Names that are kept for AWS, in any case.
RESERVED = ("aws", "amazon", "amzn", "awsec2", "awsconfigremediation", "awssupport")
# What Java's and Go's regular expressions both have, and mean the same by: no groups with "?", no
# backreferences or classes by letter, nothing possessive or lazy.
NOT_COMMON = re.compile(r"\(\?|\\[^.\-/\[\](){}?*+|^$\\]|[*+?}][+?]|\[:|&&")
GUID = "01234567-89ab-cdef-0123-456789ABCDEF"
URL = ("https://bucket.s3.us-east-1.amazonaws.com/dir/a%20list.yaml?X-Amz-Algorithm=AWS4-HMAC-SHA256"
       "&X-Amz-Credential=AKIA%2F20250601%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0123abcdef")


def load(name):
    return json.loads(DOCUMENTS[name].read_text())


def accepts(parameter, value):
    """As the service and the agent check a value."""
    if "allowedValues" in parameter and value not in parameter["allowedValues"]:
        return False
    if len(value) > parameter.get("maxChars", len(value)) or len(value) < parameter.get("minChars", 0):
        return False
    return not parameter.get("allowedPattern") or re.search(parameter["allowedPattern"], value) is not None


def check(name, document, size):
    """What makes a document one that can be registered and is safe to run."""
    jsonschema.validate(document, SCHEMA)
    assert size <= BYTES_MAX, "too large"
    assert re.fullmatch(r"[a-zA-Z0-9_.-]{3,128}", name) and not name.lower().startswith(RESERVED), "name"
    script = "\n".join(document["mainSteps"][0]["inputs"]["runCommand"])
    assert "{{" not in script, "a value becomes text of the script"
    for parameter in document["parameters"].values():
        pattern = parameter.get("allowedPattern", "")
        re.compile(pattern)
        assert not NOT_COMMON.search(pattern), "not in the common subset"
        if pattern:
            for part in split_alternatives(pattern):
                assert part.startswith("^") and part.endswith("$"), "not anchored"
        assert "default" not in parameter or accepts(parameter, parameter["default"]), "default"
    for used in re.findall(r"\$\{?SSM_(\w+)", script):
        assert document["parameters"][used]["interpolationType"] == "ENV_VAR", used


def split_alternatives(pattern):
    """Its alternatives outside of groups and classes."""
    parts, depth = [""], 0
    for char in pattern:
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


# ---- the documents -----------------------------------------------------------------------------

def test_which_there_are():
    assert sorted(DOCUMENTS) == [CONFIGURE, PATCH]
    assert {path.suffix for path in DOCUMENTS.values()} == {".json"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_valid(name):
    check(name, load(name), DOCUMENTS[name].stat().st_size)


def test_parameters_are_patch_managers():
    parameters = load(PATCH)["parameters"]
    assert {name: p.get("default") for name, p in parameters.items()} == {
        "Operation": None, "RebootOption": "RebootIfNeeded", "SnapshotId": "", "InstallOverrideList": "",
        "BaselineOverride": "", "AssociationId": "", "StepTimeoutSeconds": "7200"}
    parameters = load(CONFIGURE)["parameters"]
    assert {name: p.get("default") for name, p in parameters.items()} == {
        "EnableOrDisable": None, "RebootOption": "RebootIfNeeded"}


def broken(change):
    document = copy.deepcopy(load(PATCH))
    change(document)
    return document


@pytest.mark.parametrize("change", [
    lambda d: d.update(schemaVersion="0.3"),
    lambda d: d.update(outputs=[]),
    lambda d: d["mainSteps"].append(d["mainSteps"][0]),
    lambda d: d["mainSteps"][0].pop("precondition"),
    lambda d: d["mainSteps"][0].update(action="aws:runPowerShellScript"),
    lambda d: d["mainSteps"][0]["inputs"]["runCommand"].append("echo {{ Operation }}"),
    lambda d: d["mainSteps"][0]["inputs"]["runCommand"].append("echo $SSM_StepTimeoutSeconds"),
    lambda d: d["parameters"]["Operation"].update(type="Number"),
    lambda d: d["parameters"]["Operation"].update(interpolationType="TEXT"),
    lambda d: d["parameters"]["Operation"].pop("allowedValues"),
    lambda d: d["parameters"]["Operation"].update(default="Look"),
    lambda d: d["parameters"]["SnapshotId"].update(default="x"),
    lambda d: d["parameters"]["SnapshotId"].update(allowedPattern="^$|[0-9a-f-]+$"),
    lambda d: d["parameters"]["SnapshotId"].update(allowedPattern="^(?!x)$"),
    lambda d: d["parameters"]["SnapshotId"].update(allowedPattern=r"^$|^(a)\1$"),
    lambda d: d["parameters"]["SnapshotId"].update(allowedPattern="^a*+$|^$"),
    lambda d: d["parameters"]["BaselineOverride"].update(maxChars=0),
])
def test_the_check_sees(change):
    with pytest.raises((AssertionError, KeyError, re.error, jsonschema.ValidationError)):
        check(PATCH, broken(change), 1)


@pytest.mark.parametrize("name", ["AWS-RunPatchBaseline", "amazon-x", "AmznX", "a", "Klpd Run"])
def test_the_check_sees_names(name):
    with pytest.raises(AssertionError):
        check(name, load(PATCH), 1)


@pytest.mark.parametrize("parameter, good, bad", [
    ("Operation", ["Scan", "Install"], ["scan", "", "Scan ", "Scan;id"]),
    ("RebootOption", ["RebootIfNeeded", "NoReboot"], ["", "reboot"]),
    ("SnapshotId", ["", GUID], [GUID + "0", GUID[:-1], GUID.replace("-", "")]),
    ("AssociationId", ["", GUID], ["x"]),
    ("StepTimeoutSeconds", ["1", "7200", "9999", "10000", "29999", "35999", "36000"],
     ["", "0", "36001", "40000", "100000", "-1", "1.5", "07200"]),
    ("InstallOverrideList", ["", URL, "https://h.example/list.yaml", "https://h.example:8443/",
                             "s3://bucket-1.x/dir/list.yaml"],
     ["http://h.example/x", "https://h.example", "https:///x", "https://me:pw@h.example/x", "s3://bucket", "s3://b/",
      "file:///etc/passwd", "/etc/passwd", "--root=/", "ftp://h/x", "https://h.example/x?a?b", "https://h/" + "x" * 2048,
      "x https://h.example/x", "https://h.example/x y", "https://h.example/x#y", "https://h.example/a&b"]),
])
def test_patterns(parameter, good, bad):
    row = load(PATCH)["parameters"][parameter]
    assert [value for value in good if not accepts(row, value)] == []
    assert [value for value in bad if accepts(row, value)] == []
    if parameter == "InstallOverrideList":
        other = load(PATCH)["parameters"]["BaselineOverride"]
        assert other["allowedPattern"] == row["allowedPattern"] and other["maxChars"] == row["maxChars"]


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("char", list("`$();|<>'\"\\{}[]*!#^ \t\r\n\0") + ["é"])
def test_what_means_something_to_a_shell_does_not_come_in(name, char):
    """Wherever it stands. "&" is let in by the query of a URL only, which no shell ever reads."""
    values = ["Scan", "Install", "Enable", "NoReboot", GUID, "7200", URL, "https://h.example/x", "s3://bucket/key", ""]
    for parameter in load(name)["parameters"].values():
        for value in values:
            for at in range(len(value) + 1):
                hostile = value[:at] + char + value[at:]
                # Python's "$" stands before a last newline too, Java's and Go's does not here.
                assert not accepts(parameter, hostile + ("" if char != "\n" else "x")), hostile


# ---- the script --------------------------------------------------------------------------------

def write_script(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "_script.sh"
    path.write_text("\n".join(load(name)["mainSteps"][0]["inputs"]["runCommand"]))
    path.chmod(0o700)
    return path


def environment_of(name, given):
    parameters = load(name)["parameters"]
    values = {key: given.get(key, p.get("default", "")) for key, p in parameters.items()
              if p.get("interpolationType") == "ENV_VAR"}
    return {f"SSM_{key}": value for key, value in values.items()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_shellcheck(name, tmp_path):
    need("shellcheck")
    done = subprocess.run(["shellcheck", write_script(name, tmp_path)], check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


def run_here(name, folder, given, klpctl=None):
    """On this machine, with `klpctl`, a shell script, as the only one; None: there is none."""
    if shutil.which("klpctl", path="/usr/bin:/usr/local/bin"):
        pytest.skip("klpctl is installed on this machine")
    programs = folder / "programs"
    programs.mkdir()
    if klpctl:
        (programs / "klpctl").write_text(f"#!/bin/sh\n{klpctl}\n")
        (programs / "klpctl").chmod(0o755)
    script = write_script(name, folder)
    env = {"PATH": str(programs) + ":/bin", "HOME": "/root", **given}
    return subprocess.run(["/bin/sh", "-c", str(script)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, cwd=folder, timeout=60)


SHOW = r'for word; do printf "%s\n" "<$word>"; done; exit 194'


def test_every_parameter_is_one_word(tmp_path):
    given = {"Operation": "Install", "InstallOverrideList": URL, "SnapshotId": GUID}
    done = run_here(PATCH, tmp_path, environment_of(PATCH, given), SHOW)
    assert (done.returncode, done.stderr) == (194, "")
    assert done.stdout.splitlines() == ["<run>", "<--ssm>", "<--operation=Install>", "<--reboot-option=RebootIfNeeded>",
                                        f"<--snapshot-id={GUID}>", "<--baseline-override=>",
                                        f"<--install-override-list={URL}>"]


@pytest.mark.parametrize("word", ["Enable", "Disable"])
def test_enable_and_disable(tmp_path, word):
    done = run_here(CONFIGURE, tmp_path, environment_of(CONFIGURE, {"EnableOrDisable": word}), SHOW)
    assert done.stdout.splitlines() == ["<run>", "<--ssm>", f"<--configure={word}>", "<--reboot-option=RebootIfNeeded>"]


@pytest.mark.parametrize("name, given", [(PATCH, {"Operation": "Scan"}), (CONFIGURE, {"EnableOrDisable": "Enable"})])
def test_klpd_is_not_installed(tmp_path, name, given):
    done = run_here(name, tmp_path, environment_of(name, given))
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == "klpd: klpctl is not installed on this node; install the package klpd\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_agent_that_passes_no_variables(tmp_path, name):
    done = run_here(name, tmp_path, {}, "echo called")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("klpd: ") and "3.3.2746.0" in done.stderr and done.stderr.count("\n") == 1


# ---- on a node ---------------------------------------------------------------------------------

class Node:
    """What SSM Agent does on a node with a document. klpctl is found where an administrator may put it."""

    def __init__(self, scenario, build):
        self.scenario, self.node = scenario, scenario.node
        self.inside = inside.Inside(scenario, build)
        self.node.write("usr/local/bin/klpctl", '#!/bin/sh\nexec /opt/klpd/klpctl --direct "$@"\n').chmod(0o755)

    def send(self, name=PATCH, **given):
        script = write_script(name, self.node.path("var/lib/amazon/ssm/0"))
        words = [f"{key}={value}" for key, value in environment_of(name, given).items()]
        done = self.inside.run("/usr/bin/env", *words, "sh", "-c", f"/{script.relative_to(self.node.folder)}",
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert len(done.stdout.encode()) < 20000
        done.stdout = done.stdout[:STDOUT_MAX]
        return done

    def klpctl(self, *arguments):
        return self.inside.run("/usr/local/bin/klpctl", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)

    def report(self):
        done = self.klpctl("history", "--json=short")
        newest = json.loads(done.stdout)[0]["id"]
        return json.loads(self.klpctl("history", newest, "--json=short").stdout)

    def installed(self, name):
        return [line for line in self.node.list_installed() if line.startswith(name)]


@pytest.fixture(name="node")
def node_fixture(scenario, served, build):
    assert served
    made = Node(scenario, build)
    obstacle = made.inside.obstacle()
    if obstacle:
        pytest.skip(obstacle)
    return made


def test_scan_and_install(node):
    scan = node.send(Operation="Scan")
    assert (scan.returncode, scan.stderr) == (0, "")
    assert scan.stdout.startswith("klpd Scan: NON_COMPLIANT, ")
    report = node.report()
    assert report["operation"] == "Scan" and report["trigger"] == "remote" and report["reboot_option"] == "NoReboot"
    assert f"klpctl history {report['id']}" in scan.stdout
    assert node.installed(al2.livepatch_name()) == [f"{al2.livepatch_name()}-1.0-0.amzn2.x86_64"]
    done = node.send(Operation="Install", SnapshotId=GUID)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("klpd Install: COMPLIANT, livepatch COMPLIANT, kernel COMPLIANT; done; ")
    report = node.report()
    assert report["operation"] == "Install" and report["reboot_option"] == "RebootIfNeeded"
    assert node.installed(al2.livepatch_name()) == [f"{al2.livepatch_name()}-1.0-1.amzn2.x86_64"]


def test_a_kernel_that_waits_for_a_reboot(node):
    """It was installed without one; 194 is for RebootIfNeeded only, and never for a scan."""
    node.node.enable_service(enabled=False)  # no livepatch covers the kernel
    assert node.klpctl("--with-kernel", "install").returncode in (0, 100)
    assert len(node.installed("kernel-5")) == 2
    assert node.send(Operation="Install", RebootOption="NoReboot").returncode in (0, 100)
    assert node.send(Operation="Scan", RebootOption="RebootIfNeeded").returncode == 0
    done = node.send(Operation="Install")
    assert done.returncode == 194, done.stdout + done.stderr
    assert "reboot required" in done.stdout.splitlines()[0]


HOSTILE = ["$(touch /pwned)", "`touch /pwned`", "; touch /pwned;", "Scan\ntouch /pwned", "'; touch /pwned; '",
           '"; touch /pwned; "', "&& touch /pwned", "| touch /pwned", "--root=/tmp", "*", "${IFS}", ""]


@pytest.mark.parametrize("parameter, good", [("Operation", "Scan"), ("RebootOption", "NoReboot"), ("SnapshotId", GUID),
                                             ("BaselineOverride", "/tmp/b"), ("InstallOverrideList", "/tmp/l")])
def test_hostile_values_do_nothing(node, parameter, good):
    """Even if neither the service nor the agent had looked at them."""
    for value in [*HOSTILE, f"{good} --version"]:
        if not value and parameter != "Operation":
            continue  # which means that it is not given
        given = dict({"Operation": "Install"}, **{parameter: value})
        done = node.send(**given)
        assert done.returncode not in (0, 194), (value, done.stdout)
        assert done.stderr.startswith("klpctl: ") and done.stderr.count("\n") == 1, done.stderr
        assert not list(node.node.folder.glob("**/pwned")), value
    assert node.installed(al2.livepatch_name()) == [f"{al2.livepatch_name()}-1.0-0.amzn2.x86_64"]


def test_a_very_long_report(node):
    """Every broken file is a finding; what Run Command shows begins with the verdict."""
    for i in range(600):
        node.node.write(f"etc/yum.repos.d/broken{i:03}.repo", "this is no repository file\n")
    done = node.send(Operation="Scan")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("klpd Scan: NON_COMPLIANT") and lines[1].startswith("kernel-livepatch-")
    assert re.fullmatch(r"\d+ more lines are left out\.", lines[-2])
    report = node.report()
    assert lines[-1].endswith(f"klpctl history {report['id']}") and len(report["findings"]) > 400


@pytest.mark.parametrize("baseline, sentence", [
    ('[{"OperatingSystem": "WINDOWS"}]', "none of the baselines is for AMAZON_LINUX_2 (Patch Manager's error 163)"),
    ('[{"OperatingSystem": "AMAZON_LINUX_2"}, {"OperatingSystem": "AMAZON_LINUX_2"}]',
     "a second baseline for AMAZON_LINUX_2; only one is allowed (Patch Manager's error 165)"),
    ('{"OperatingSystem": "WINDOWS"}', "the baseline is for WINDOWS, this node is AMAZON_LINUX_2"),
    ("[]", "none of the baselines is for AMAZON_LINUX_2"),
    ('"text"', "tmp/b.json:1: "),
])
@pytest.mark.parametrize("operation", ["Scan", "Install"])
def test_a_baseline_override_that_cannot_be_used(node, operation, baseline, sentence):
    node.node.write("tmp/b.json", baseline + "\n")
    done = node.send(Operation=operation, BaselineOverride="/tmp/b.json")
    assert done.returncode == 78 and done.stdout == "" and sentence in done.stderr, done.stderr
    assert node.installed(al2.livepatch_name()) == [f"{al2.livepatch_name()}-1.0-0.amzn2.x86_64"]


def test_a_baseline_override(node):
    """Of two baselines the one for this system; it wants nothing."""
    node.node.write("tmp/b.json", '[{"OperatingSystem": "WINDOWS"}, {"OperatingSystem": "AMAZON_LINUX_2"}]\n')
    done = node.send(Operation="Install", BaselineOverride="/tmp/b.json")
    assert done.returncode == 0, done.stderr
    assert node.report()["baseline"]["source"] == "/tmp/b.json"
    assert node.installed(al2.livepatch_name()) == [f"{al2.livepatch_name()}-1.0-0.amzn2.x86_64"]


def test_an_install_override_list(node):
    node.node.write("tmp/list.yaml", f"patches:\n- {{id: '{al2.livepatch_name()}.x86_64', title: '*1.0-2.amzn2'}}\n")
    assert node.send(Operation="Scan", InstallOverrideList="/tmp/list.yaml").returncode == 0
    done = node.send(Operation="Install", InstallOverrideList="/tmp/list.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert node.installed(al2.livepatch_name()) == [f"{al2.livepatch_name()}-1.0-2.amzn2.x86_64"]
    done = node.send(Operation="Scan", InstallOverrideList="/tmp/list.yaml", BaselineOverride="/tmp/b.json")
    assert done.returncode == 64 and "error 167" in done.stderr


def test_s3_without_the_plugin_is_refused_in_words(node):
    done = node.send(Operation="Install", BaselineOverride="s3://bucket/key")
    assert done.returncode == 78 and "needs the plugin ssm" in done.stderr


def test_on_and_off_again(node):
    on = node.send(CONFIGURE, EnableOrDisable="Enable")
    assert on.returncode == 0 and on.stdout.startswith("klpd Configure: COMPLIANT"), on.stdout + on.stderr
    off = node.send(CONFIGURE, EnableOrDisable="Disable")  # the kernel still runs the livepatch
    assert off.returncode == 194 and "reboot required" in off.stdout, off.stdout + off.stderr
    quiet = node.send(CONFIGURE, EnableOrDisable="Disable", RebootOption="NoReboot")
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
