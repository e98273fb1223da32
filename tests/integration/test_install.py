# SPDX-License-Identifier: Apache-2.0
"""From NON_COMPLIANT to COMPLIANT: the whole installation, inside a node (klpdtest/inside.py)."""
import json
import pathlib
import shutil
import subprocess
import time

import pytest

from conftest import need
from klpdtest import al2, rpms, server
from running import TOP, codes

NAME = al2.livepatch_name()
LIVEPATCH = f"{NAME}.{al2.ARCH}"
STATE = "var/lib/klpd"


def title(number):
    return f"{LIVEPATCH}:0:1.0-{number}.amzn2"


@pytest.fixture(name="node")
def node_fixture(inside_node):
    return inside_node


def refusals(report):
    return {refusal["code"] for refusal in report["plan"]["refusals"]}


def test_from_missing_to_active(node):
    before = node.json("scan")
    assert before["compliance"]["overall"] == "NON_COMPLIANT" and "plan" not in before
    report = node.json("install")
    assert report["operation"] == "Install"
    assert report["compliance"] == {"overall": "COMPLIANT", "livepatch": "COMPLIANT", "kernel": "COMPLIANT"}
    assert [step["package"] for step in report["plan"]["steps"]] == [title(1)]
    outcome = report["outcome"]
    assert outcome["result"] == "done" and outcome["status"] == 0 and outcome["message"] is None
    assert outcome["steps"] == ["stage", "verify", "lock", "guard", "test", "install", "load"]
    assert outcome["installed"] == [title(1)]
    assert outcome["modules"] == [{"name": "livepatch_CVE_2024_0001", "loaded": True, "message": ""}]
    assert [(a["package"], a["state"]) for a in outcome["activation"]] == [(title(1), "active")]
    assert node.installed() == ["1.0-1.amzn2.x86_64"] and node.loaded() == ["livepatch_CVE_2024_0001"]
    assert not node.node.path(f"{STATE}/intent.json").exists()
    assert [entry["operation"] for entry in node.json("history")] == ["Install", "Scan"]
    assert node.run("verify").returncode == 0 and node.run("check").returncode == 0


TRACED = ("vfs_read (1) R   \ttramp: 0xffffffffc0a0f000 (kprobe_ftrace_handler+0x0/0x1d0)->ftrace_regs_call+0x0/0x77\n"
          "vfs_open (1)           \ttramp: 0xffffffffc0a10000 (function_trace_call+0x0/0x150)\n")


@pytest.mark.parametrize("word, status", [("warn", 0), ("defer", 75), ("ignore", 0)])
@pytest.mark.parametrize("command", ["install", "load"])
def test_while_functions_are_traced(node, word, status, command):
    if command == "load":
        node.scenario.install_patch(1, active=False)
    node.node.write("etc/klpd/klpd.yaml", f"tracing: {word}\n")
    node.node.write("sys/kernel/tracing/enabled_functions", TRACED)
    before = node.installed()
    report = node.json("install", status=status)
    assert ("tracing-users" in codes(report)) == (word != "ignore")
    if word == "defer":
        assert "2 functions of the kernel are traced (vfs_read by kprobe" in report["outcome"]["message"]
        assert node.installed() == before and node.loaded() == []
        node.node.write("sys/kernel/tracing/enabled_functions", "")
        report = node.json("install")
    assert report["outcome"]["result"] == "done" and node.loaded() == ["livepatch_CVE_2024_0001"]


def test_whether_functions_are_traced_cannot_be_told(node):
    node.node.write("etc/klpd/klpd.yaml", "tracing: defer\n")
    report = node.json("install")
    assert report["outcome"]["result"] == "done" and "tracing-unknown" in codes(report)


def test_twice_is_once(node):
    node.json("install")
    report = node.json("install")
    assert report["outcome"]["result"] == "nothing-to-do" and report["outcome"]["steps"] == []
    assert report["compliance"]["overall"] == "COMPLIANT"


def test_a_dry_run_changes_nothing(node):
    report = node.json("--dry-run", "install")
    assert [(s["action"], s["package"], s["replaces"]) for s in report["plan"]["steps"]] == [
        ("upgrade", title(1), title(0))]
    assert node.installed() == ["1.0-0.amzn2.x86_64"] and node.loaded() == []
    assert node.json("history") == []
    assert not node.node.path("var/cache/klpd/packages").exists()
    again = node.json("--dry-run", "install")
    assert again["plan"]["id"] == report["plan"]["id"]
    text = node.run("--dry-run", "install").stdout
    assert title(1) in text and title(0) in text and "amzn2extra-livepatch" in text


def test_what_is_approved_later_replaces_it(node):
    node.json("install")
    later = al2.stamp(node.scenario.now + 6 * al2.DAY).replace(" ", "T") + "Z"
    report = node.json(f"--as-of={later}", "install")
    assert report["outcome"]["installed"] == [title(3)]
    assert node.installed() == ["1.0-3.amzn2.x86_64"] and len(node.loaded()) == 3
    assert [(a["package"], a["state"]) for a in report["outcome"]["activation"]] == [(title(3), "active")]
    already = next(m for m in report["outcome"]["modules"] if m["name"] == "livepatch_CVE_2024_0001")
    assert already["loaded"] and "already" in already["message"]


def test_the_kernel_refuses_the_module(node):
    """rpm has installed it, which proves nothing: what the kernel runs counts, and the next run tries again."""
    node.node.write("etc/kpatch-test", "REFUSE=1\n")
    report = node.json("install", status=1)
    outcome = report["outcome"]
    assert outcome["result"] == "failed" and outcome["installed"] == [title(1)]
    [module] = outcome["modules"]
    assert not module["loaded"] and "signature" in module["message"], module
    assert any("Required key not available" in line for line in outcome["output"])
    assert report["compliance"]["livepatch"] == "NON_COMPLIANT" and "livepatch-not-active" in codes(report)
    assert node.installed() == ["1.0-1.amzn2.x86_64"] and node.loaded() == []
    again = node.json("install", status=1)
    assert again["plan"]["steps"] == [] and [row["package"] for row in again["plan"]["loads"]] == [title(1)]
    node.node.path("etc/kpatch-test").unlink()
    last = node.json("install")
    assert last["outcome"]["result"] == "done" and last["outcome"]["installed"] == []
    assert last["compliance"]["overall"] == "COMPLIANT" and node.loaded()


def test_odd_bytes_in_what_kpatch_says(node):
    node.node.write("etc/kpatch-test", "printf 'kpatch: \\377\\033[31m\\302 stalled\\n' >&2; exit 1\n")
    report = node.json("install", status=1)
    [module] = report["outcome"]["modules"]
    assert not module["loaded"] and module["message"].isprintable() and module["message"].isascii()
    assert any(line.startswith("kpatch: ?") and "stalled" in line for line in report["outcome"]["output"])


def test_a_transition_that_does_not_end(node):
    """It is waited for, and then it is said: not active, and for whom the kernel waits."""
    node.node.write("etc/kpatch-test", 'mkdir -p "/sys/kernel/livepatch/$name"; echo 1 >"/sys/kernel/livepatch/$name/'
                                       'enabled"; echo 1 >"/sys/kernel/livepatch/$name/transition"; exit 1\n')
    node.node.write("etc/klpd/klpd.yaml", "activation_timeout: 1s\n")
    report = node.json("install", status=100)
    [livepatch] = report["outcome"]["activation"]
    assert livepatch["state"] == "transitioning"
    assert report["compliance"]["livepatch"] == "NON_COMPLIANT"


def test_the_runtime_comes_along(node):
    node.node.erase("kpatch-runtime")
    report = node.json("install")
    assert [(s["kind"], s["repository"]) for s in report["plan"]["steps"]] == [
        ("runtime", "amzn2-core"), ("livepatch", "amzn2extra-livepatch")]
    assert len(node.installed("kpatch-runtime")) == 1 and node.loaded()


def test_what_livepatches_need_is_nowhere(node):
    node.node.erase("kpatch-runtime")
    for path in node.scenario.repos[al2.CORE].folder.glob("kpatch-runtime*"):
        path.unlink()
    node.scenario.repos[al2.CORE].publish()
    report = node.json("install", status=1)
    assert report["outcome"]["result"] == "refused" and refusals(report) <= {"dependency", "not-offered"}
    assert any("kpatch" in r["message"] for r in report["plan"]["refusals"])
    assert node.installed() == ["1.0-0.amzn2.x86_64"]


def test_the_package_cannot_be_had(node):
    node.server.on(".rpm", server.status(404))
    report = node.json("install", status=69)
    assert report["outcome"]["result"] == "failed" and "404" in report["outcome"]["message"]
    assert report["outcome"]["steps"] == [] and node.installed() == ["1.0-0.amzn2.x86_64"]
    assert report["compliance"]["livepatch"] == "NON_COMPLIANT"


def test_other_bytes_than_the_repository_states(node):
    node.server.on(".rpm", server.corrupt())
    report = node.json("install", status=65)
    assert "checksum" in report["outcome"]["message"] and node.installed() == ["1.0-0.amzn2.x86_64"]


def test_an_unsigned_package(node):
    repo = node.scenario.repos[al2.LIVEPATCH]
    node.inside.obstacle()
    subprocess.run(["rpmsign", "--delsign", *repo.folder.glob("*.rpm")], check=True, stdout=subprocess.DEVNULL)
    repo.publish()
    report = node.json("install", status=65)
    assert "is not signed" in report["outcome"]["message"]
    assert report["outcome"]["steps"] == ["stage", "verify"] and node.installed() == ["1.0-0.amzn2.x86_64"]


def test_the_newer_kernel_on_request(node):
    plain = node.json("--dry-run", "install")
    assert all(step["kind"] != "kernel" for step in plain["plan"]["steps"])
    report = node.json("--with-kernel", "--reboot-option=RebootIfNeeded", "install")
    assert {step["kind"] for step in report["plan"]["steps"]} == {"kernel", "livepatch"}
    assert len(node.installed("kernel-5")) == 2
    assert report["reboot_option"] == "RebootIfNeeded"


@pytest.mark.parametrize("how", ["file", "command line"])
def test_switched_off(node, how):
    if how == "file":
        node.node.write("etc/klpd/disabled", "")
    else:
        node.node.write("proc/cmdline", "quiet klpd.disable\n")
        if node.node.path("fakeproc").exists():
            node.node.write("fakeproc/cmdline", "quiet klpd.disable\n")
    report = node.json("install", status=77)
    assert refusals(report) == {"disabled"} and report["outcome"]["result"] == "refused"
    assert node.installed() == ["1.0-0.amzn2.x86_64"]


def test_a_recalled_build(node):
    node.node.write("etc/klpd/recall.yaml", f"- {{package: {NAME}-1.0-1*, reason: it panics}}\n")
    report = node.json("install", status=1)
    assert refusals(report) == {"recalled"}
    assert "it panics" in report["outcome"]["message"]
    digest = next(s["checksum"] for s in plan_without_recall(node)["steps"])
    node.node.write("etc/klpd/recall.yaml", f"- {{sha256: {digest}}}\n")
    assert refusals(node.json("install", status=1)) == {"recalled"}
    node.node.write("etc/klpd/recall.yaml", "- {reason: nothing}\n")
    assert "etc/klpd/recall.yaml:1: " in node.run("install").stderr
    assert node.installed() == ["1.0-0.amzn2.x86_64"]


def plan_without_recall(node):
    node.node.path("etc/klpd/recall.yaml").unlink()
    return node.json("--dry-run", "install")["plan"]


def test_an_override_list(node, tmp_path):
    node.node.write("tmp/list.yaml", f"patches:\n- {{id: '{NAME}.x86_64', title: '*1.0-2.amzn2'}}\n")
    report = node.json("--override-list=/tmp/list.yaml", "install")
    assert report["outcome"]["installed"] == [title(2)] and node.installed() == ["1.0-2.amzn2.x86_64"]


def test_an_override_list_that_names_nothing_here(node):
    """What is not in the list was not tried: Missing, not Failed (semantics 2.7)."""
    node.node.write("tmp/list.yaml", "patches:\n- {id: 'openssl.x86_64'}\n")
    report = node.json("--override-list=/tmp/list.yaml", "install", status=100)
    assert report["outcome"]["result"] == "nothing-to-do"
    assert {p["kind"]: p["state"] for p in report["patches"]}["livepatch"] == "Missing"
    node.node.write("tmp/list.yaml", "patches:\n- {title: x}\n")
    assert "/tmp/list.yaml:2: " in node.run("--override-list=/tmp/list.yaml", "install").stderr


@pytest.mark.parametrize("action", ["BLOCK", "ALLOW_AS_DEPENDENCY"])
def test_a_rejected_livepatch_is_not_installed(node, action):
    text = (TOP / "conf/baselines/AWS-AmazonLinux2DefaultPatchBaseline.yaml").read_text()
    text = "".join(line for line in text.splitlines(True) if not line.startswith("RejectedPatches"))
    node.node.write("tmp/b.yaml", f"{text}RejectedPatches: ['kernel-livepatch-*']\nRejectedPatchesAction: {action}\n")
    report = node.json("--baseline=/tmp/b.yaml", "install", status=0)
    assert report["plan"]["steps"] == [] and node.installed() == ["1.0-0.amzn2.x86_64"]
    assert {h["reason"] for h in report["held"] if h["kind"] == "livepatch"} == {"rejected"}


def intent(node, boot_id):
    plan = node.json("--dry-run", "install")["plan"]
    node.node.write(f"{STATE}/intent.json", json.dumps({"started": "2026-01-01T00:00:00Z", "boot_id": boot_id,
                                                         "plan": plan}))


def test_interrupted_and_taken_up_again(node):
    node.node.write("etc/kpatch-test", "sleep 30\n")
    process = subprocess.Popen(node.inside.command("/opt/klpd/klpctl", "--direct", "install"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while node.installed() != ["1.0-1.amzn2.x86_64"]:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.kill()  # and with it, by its namespace, everything it started
    process.wait()
    assert node.node.path(f"{STATE}/intent.json").exists()
    node.node.path("etc/kpatch-test").unlink()
    scan = node.json("scan")
    assert "interrupted" in codes(scan) and scan["compliance"]["livepatch"] == "NON_COMPLIANT"
    report = node.json("install")
    assert report["compliance"]["overall"] == "COMPLIANT"
    assert "interrupted" not in codes(node.json("scan"))


def test_an_interruption_is_told_where_it_stays(node):
    """Who only asks what would be does not take the news away."""
    boot_id = (node.node.path("fakeproc" if node.node.path("fakeproc").exists() else "proc")
               / "sys/kernel/random/boot_id").read_text().strip()
    intent(node, boot_id)
    node.json("--dry-run", "install")
    assert "interrupted" in codes(node.json("scan"))
    assert "interrupted" not in codes(node.json("scan"))


def test_two_at_once(node):
    """The second is told, and waits for nothing."""
    node.node.write("etc/kpatch-test", "sleep 3\n")
    first = subprocess.Popen(node.inside.command("/opt/klpd/klpctl", "--direct", "-q", "install"),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while node.installed() != ["1.0-1.amzn2.x86_64"]:
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.1)
    # in the namespace of the first the node is mounted; here its directory is enough to ask
    second = subprocess.run([node.inside.build / "klpctl", f"--root={node.node.folder}", "install"],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    assert second.returncode == 75 and "another agent is installing" in second.stderr, second.stderr
    assert first.wait(timeout=60) == 0


def test_a_boot_that_nobody_asked_for(node):
    intent(node, "00000000-0000-0000-0000-000000000000")
    for _ in range(2):
        assert refusals(node.json("--dry-run", "install", status=1)) == {"quarantined"}
    assert len(json.loads(node.node.path(f"{STATE}/quarantine.json").read_text())) == 1
    report = node.json("install", status=1)
    assert "quarantined" in codes(report) and refusals(report) == {"quarantined"}
    assert "--retry-quarantined" in report["outcome"]["message"]
    assert refusals(node.json("install", status=1)) == {"quarantined"}
    report = node.json("--retry-quarantined", "install")
    assert report["compliance"]["overall"] == "COMPLIANT"
    assert not node.node.path(f"{STATE}/quarantine.json").exists()


@pytest.mark.root
def test_a_directory_has_no_kernel_to_load_into(scenario, served, build):
    assert served
    done = subprocess.run([build / "klpctl", f"--root={scenario.node.folder}", "--json=short", "install"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["outcome"]["running_system"] is False
    assert report["outcome"]["installed"] == [title(1)] and report["outcome"]["modules"] == []


def boot(node, kernel=None):
    """As if the node had been rebooted: nothing is loaded but what kpatch.service loads."""
    folder = node.node.path("fakeproc" if node.node.path("fakeproc").exists() else "proc")
    (folder / "sys/kernel/random/boot_id").write_text("11111111-2222-3333-4444-555555555555\n")
    (folder / "stat").write_text(f"cpu  1 2 3\nbtime {int(time.time()) + 5}\n")
    if kernel:
        (folder / "sys/kernel/osrelease").write_text(f"{kernel}\n")
        for module in list(node.loaded()):
            node.node.unload_livepatch(module)


def test_a_covered_kernel_is_installed_and_waits_again_without_livepatches(node):
    """Acceptance scenarios 5 and 6: NoReboot; then live patching is switched off without a reboot."""
    report = node.json("--with-kernel", "install")
    states = {p["kind"]: p["state"] for p in report["patches"]}
    assert states == {"livepatch": "Installed", "kernel": "Installed"}
    assert report["compliance"]["overall"] == "COMPLIANT" and report["outcome"]["reboot_required"] is False
    node.node.enable_service(enabled=False)
    node.node.erase(NAME)
    states = {p["kind"]: p["state"] for p in node.json("scan")["patches"]}
    assert states["kernel"] == "InstalledPendingReboot"


def test_a_reboot_is_asked_for_until_it_comes(node):
    """Acceptance scenario 7: 194, and after the boot 0 without a second transaction; five times without one: 3."""
    arguments = ("--ssm", "--reboot-option=RebootIfNeeded", "--with-kernel", "install")
    node.node.enable_service(enabled=False)  # no livepatch covers the kernel
    first = node.run(*arguments)
    assert first.returncode == 194, first.stdout + first.stderr
    assert first.stdout.startswith("klpd Install: ") and "reboot required" in first.stdout.splitlines()[0]
    assert len(first.stdout) < 20000
    for _ in range(4):
        assert node.run(*arguments).returncode == 194
    assert node.run(*arguments).returncode == 3
    assert len(node.installed("kernel-5")) == 2
    boot(node, al2.uname("5.10.234", "225.895.amzn2"))
    after = node.run(*arguments)
    assert after.returncode in (0, 100), after.stdout + after.stderr
    assert "reboot required" not in after.stdout
    assert node.json("--json=short", "history")[0]["operation"] == "Install"


def test_a_reboot_that_did_not_help_is_not_asked_for_again(node):
    """The boot loader starts the old kernel once more: the node would be rebooted for ever."""
    arguments = ("--ssm", "--reboot-option=RebootIfNeeded", "--with-kernel", "install")
    node.node.enable_service(enabled=False)
    assert node.run(*arguments).returncode == 194
    boot(node, al2.uname("5.10.233", "223.887.amzn2"))  # the old one
    node.node.write("etc/kpatch-test", "REFUSE=1\n")  # nor does a livepatch cover the new one
    after = node.run(*arguments)
    assert after.returncode == 1, after.stdout + after.stderr  # the livepatch was refused
    assert "reboot required" not in after.stdout
    assert "was booted although the newer kernel" in after.stdout


def test_a_livepatch_alone_needs_no_reboot(node):
    """Ruling 9, and AWS's rule on request."""
    assert node.run("--ssm", "--reboot-option=RebootIfNeeded", "install").returncode == 0
    node.node.erase(NAME)
    node.node.install(node.scenario.rpm_of(node.scenario.marker))
    node.node.write("etc/klpd/klpd.yaml", "reboot_after_livepatch: true\n")
    assert node.run("--ssm", "--reboot-option=RebootIfNeeded", "install").returncode == 194
    assert node.run("--ssm", "install").returncode == 0


# ---- what may die on the way ----------------------------------------------------------------------

PROGRAMS = ("klpctl", "klpd", "klpd-fetch", "klpd-worker", "klpd-apply")


@pytest.fixture(name="wrapped")
def wrapped_fixture(node, build, tmp_path):
    """Puts a shell script in front of one of our programs; `wrapped(None)` takes it away again."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for program in PROGRAMS:
        shutil.copy(build / program, folder)
    node.inside.build = folder

    def wrap(program, script=None):
        (folder / program).unlink()
        shutil.copy(build / program, folder)
        if script:
            shutil.move(folder / program, folder / f"{program}.real")
            (folder / program).write_text(f"#!/bin/sh\n{script}\nexec /opt/klpd/{program}.real \"$@\"\n")
            (folder / program).chmod(0o755)
    return wrap


@pytest.mark.parametrize("verb, outcome", [("probe", None), ("plan", None), ("activation", "failed"), ("scan", None)])
def test_the_worker_is_killed(node, wrapped, verb, outcome):
    wrapped("klpd-worker", f'[ "$1" != {verb} ] || kill -9 $$')
    done = node.run("--json=short", "install")
    if outcome:
        report = json.loads(done.stdout)
        assert report["outcome"]["result"] == outcome and "signal 9" in report["outcome"]["message"]
    assert done.returncode == 70 and "signal 9" in done.stdout + done.stderr
    wrapped("klpd-worker")
    report = node.json("install")
    assert report["compliance"]["overall"] == "COMPLIANT" and report["outcome"]["status"] == 0


def test_the_fetcher_is_killed(node, wrapped):
    node.json("scan")
    wrapped("klpd-fetch", "kill -9 $$")
    report = node.json("install", status=70)
    assert report["outcome"]["result"] == "failed" and node.installed() == ["1.0-0.amzn2.x86_64"]
    wrapped("klpd-fetch")
    assert node.json("install")["compliance"]["overall"] == "COMPLIANT"


@pytest.mark.parametrize("at", [1, 20, 60, 100, 130])
def test_the_applier_is_killed(node, wrapped, build, tmp_path, at):
    """At its at'th change of a file (killer.c); what it left is finished by the next run."""
    need("gcc")
    if "asan" in build.name:
        pytest.skip("AddressSanitizer must be loaded before any other library")
    rpms.run(["gcc", "-shared", "-fPIC", "-O1", "-o", node.inside.build / "killer.so",
              pathlib.Path(__file__).parent / "killer.c", "-ldl"])
    wrapped("klpd-apply", f"export LD_PRELOAD=/opt/klpd/killer.so KILL_AT={at}")
    report = node.json("install", status=70)
    assert report["outcome"]["result"] == "failed" and "signal 9" in report["outcome"]["message"]
    wrapped("klpd-apply")
    time.sleep(1.1)  # rpm names half-written files by the second
    report = node.json("install")
    assert report["compliance"]["overall"] == "COMPLIANT" and "1.0-1.amzn2.x86_64" in node.installed()
    assert node.loaded() == ["livepatch_CVE_2024_0001"]


@pytest.mark.root
def test_the_disk_is_full(scenario, served, build, tmp_path):
    """Whoever notices first, plan or download, says so, and nothing has changed."""
    assert served
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], check=True)
    try:
        root = disk / "node"
        shutil.copytree(scenario.node.folder, root, symlinks=True)
        done = subprocess.run([build / "klpctl", f"--root={root}", "--json=short", "install"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=False)
        report = json.loads(done.stdout)
        assert done.returncode == 74 and report["outcome"]["steps"] == []
        assert "free" in report["outcome"]["message"], report["outcome"]["message"]
    finally:
        subprocess.run(["umount", disk], check=True)
