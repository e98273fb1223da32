# SPDX-License-Identifier: Apache-2.0
"""klpctl --host and klpctl bridge: through a real ssh and a real sshd, on loopback."""
import getpass
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

import varlink
from conftest import need
from klpdtest import server as servers
from running import AGENT, BUILD, SERVICE, Daemon

SSHD = "/usr/sbin/sshd"
BRIDGE = "klpctl bridge --allow=Scan,GetStatus,GetReport,Install"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


class Host:
    """An sshd whose users find a klpctl that asks the agent at `socket`; `inside`: a network namespace."""

    def __init__(self, folder, agent_socket, inside=()):
        self.folder, self.inside = folder, list(inside)
        folder.mkdir()
        self.port = 22 if inside else free_port()
        for name in ("host", "user", "limited", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        key = {name: (folder / f"{name}.pub").read_text() for name in ("host", "user", "limited")}
        (folder / "authorized").write_text(f'{key["user"]}restrict,command="{BRIDGE}" {key["limited"]}')
        (folder / "known").write_text(f"{folder.name} {key['host']}")
        script(folder / "klpctl", f'exec "{BUILD}/klpctl" "$@" --socket="{agent_socket}"')
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            f"StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n"
            f"SetEnv PATH={folder}:/usr/bin:/bin\nLogLevel ERROR\n")
        self.process = subprocess.Popen([*self.inside, SSHD, "-D", "-e", "-f", folder / "sshd_config"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.wait()

    def wait(self):
        probe = [*self.inside, "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{self.port}"]
        deadline = time.monotonic() + 20
        while subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode:
            assert self.process.poll() is None, self.process.stderr.read().decode()
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.05)

    def client_lines(self, key="user"):
        return (f"Host {self.folder.name}\n\tHostName 127.0.0.1\n\tHostKeyAlias {self.folder.name}\n\tPort {self.port}\n"
                f"\tUserKnownHostsFile {self.folder}/known\n\tIdentityFile {self.folder}/{key}\n\tIdentitiesOnly yes\n"
                f"\tStrictHostKeyChecking yes\n\tUser {getpass.getuser()}\n")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stderr.close()


class Remote:
    """klpctl, with hosts that its ssh knows."""

    def __init__(self, folder):
        self.folder = folder
        self.hosts = []
        self.inside = {}

    def add(self, name, agent_socket, inside=()):
        host = Host(self.folder / name, agent_socket, inside)
        self.hosts.append(host)
        return host

    def configure(self, key="user"):
        (self.folder / "ssh_config").write_text("".join(host.client_lines(key) for host in self.hosts))
        chosen = "".join(f'case " $* " in *" {host.folder.name} "*) set -- {" ".join(map(str, host.inside))} '
                         f'ssh -F "{self.folder}/ssh_config" "$@";; esac\n'
                         for host in self.hosts if host.inside)
        return script(self.folder / "ssh", f'{chosen}[ "$1" = -T ] || exec "$@"\nexec ssh -F "{self.folder}/ssh_config" "$@"')

    def run(self, *arguments, key="user", **options):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C", "KLPCTL_SSH": str(self.configure(key))}
        return subprocess.run([BUILD / "klpctl", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=env, check=False, timeout=120, **options)

    def json(self, *arguments, status=0, **options):
        done = self.run(*arguments, "--json=short", **options)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(name="privsep", scope="module")
def privsep_fixture():
    """sshd started by root wants this folder; a package's boot scripts make it elsewhere."""
    need("ssh", "ssh-keygen", "bash")
    if not os.access(SSHD, os.X_OK):
        pytest.skip(f"not installed: {SSHD}")
    folder = pathlib.Path("/run/sshd")
    made = os.geteuid() == 0 and not folder.exists()
    if made:
        folder.mkdir(mode=0o755)
    yield
    if made:
        folder.rmdir()


@pytest.fixture(name="remote")
def remote_fixture(privsep, tmp_path):
    made = Remote(tmp_path / "ssh")
    made.folder.mkdir()
    yield made
    for host in made.hosts:
        host.stop()


@pytest.fixture(name="daemon")
def daemon_fixture(scenario, tmp_path):
    running = Daemon(tmp_path / "socket", f"--root={scenario.node.folder}")
    yield running
    running.stop()


# ---- one host -------------------------------------------------------------------------------------


def test_the_same_as_on_the_host(remote, daemon, served):
    remote.add("there", daemon.path)
    report = remote.json("-H", "there", "scan")
    assert report == daemon.call("GetReport")["report"] and report["trigger"] == "remote"
    assert remote.json(f"--host={getpass.getuser()}@there", "status")["report"] == report
    done = remote.run("-H", "there", "check")
    assert (done.returncode, done.stderr) == (100, "") and done.stdout.startswith("NON_COMPLIANT\n")


def test_files_are_read_here_and_sent(remote, daemon):
    remote.add("there", daemon.path)
    (remote.folder / "own.yaml").write_text("Name: Own\nOperatingSystem: AMAZON_LINUX_2\n")
    report = remote.json("-H", "there", "scan", "--cached", "--baseline=own.yaml", cwd=remote.folder)
    assert report["baseline"]["name"] == "Own"


def test_the_forced_command(remote, daemon):
    """A key that can look and install, and has no shell."""
    host = remote.add("there", daemon.path)
    report = remote.json("-H", "there", "scan", "--cached", key="limited")
    assert report["compliance"]["overall"] == "UNKNOWN"
    remote.json("-H", "there", "status", key="limited")
    done = remote.run("-H", "there", "install", "--cached", key="limited")
    assert done.returncode == (69 if os.geteuid() == 0 else 77) or "UNKNOWN" in done.stdout, done.stderr
    for command, method in (("cat-config", "GetConfig"), ("pause", "Pause"), ("cancel", "Cancel"),
                            ("history", "GetHistory")):
        done = remote.run("-H", "there", command, key="limited")
        assert (done.returncode, done.stdout) == (77, "")
        assert done.stderr == (f"klpctl: {method} may not be called from here, only what the bridge was started for\n")
    shell = subprocess.run(["ssh", "-F", remote.folder / "ssh_config", "there", "id; cat /etc/passwd"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert shell.stdout == b"" and b"root" not in shell.stderr
    forward = subprocess.run(["ssh", "-F", remote.folder / "ssh_config", "-W", f"127.0.0.1:{host.port}", "there"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert b"SSH-" not in forward.stdout


def test_who_may_not_log_in(remote, daemon):
    remote.add("there", daemon.path)
    done = remote.run("-H", "there", "status", key="stranger")
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.splitlines()[-1].startswith("klpctl: there cannot be reached: ") and "Permission denied" in done.stderr


def test_a_host_that_is_not_there(remote, daemon):
    host = remote.add("there", daemon.path)
    host.port = free_port()
    done = remote.run("-H", "there", "status")
    assert done.returncode == 69 and "there cannot be reached: " in done.stderr and "refused" in done.stderr


def test_a_host_without_an_agent(remote, tmp_path):
    remote.add("there", tmp_path / "nobody")
    done = remote.run("-H", "there", "status")
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == f"klpctl: there: nobody listens on {tmp_path}/nobody: start klpd.socket, or use --direct\n"


def test_a_host_without_klpctl(remote, daemon):
    host = remote.add("there", daemon.path)
    (host.folder / "klpctl").unlink()
    done = remote.run("-H", "there", "status")
    assert done.returncode == 69 and done.stderr.startswith("klpctl: there has no klpctl: ")


def test_what_a_host_says_does_not_reach_the_terminal_raw(remote, daemon):
    host = remote.add("there", daemon.path)
    script(host.folder / "klpctl", "printf '\\033[2J\\033]0;owned\\007gone\\n' >&2; exit 1")
    done = remote.run("-H", "there", "status")
    assert done.returncode == 1 and "\033" not in done.stderr and "\007" not in done.stderr
    assert "gone" in done.stderr


@pytest.mark.parametrize("host", ["-oProxyCommand=touch owned", "a b", "a;b", "a,", ",", "@a", "a@", "user@-a", "$(id)",
                                  "a" * 256, "ä"])
def test_names_that_are_no_hosts(remote, host):
    done = remote.run(f"--host={host}", "status", cwd=remote.folder)
    assert done.returncode in (64, 65) and done.stdout == "" and not (remote.folder / "owned").exists()


@pytest.mark.parametrize("arguments", [["--direct"], ["--root=/"], ["--socket=/x"], ["--config=/x"], ["-H", "b"]])
def test_what_a_host_contradicts(remote, arguments):
    assert remote.run("-H", "a", "status", *arguments).returncode == 64


# ---- several hosts --------------------------------------------------------------------------------


@pytest.fixture(name="two")
def two_fixture(remote, al2_original, tmp_path):
    """Two nodes, one of them compliant."""
    need("rpmbuild")
    daemons = []
    for name in ("good", "bad"):
        scenario = al2_original.copy(tmp_path / name)
        if name == "good":
            scenario.install_patch(1)
        daemons.append(Daemon(tmp_path / f"{name}.socket", f"--root={scenario.node.folder}"))
    yield daemons
    for daemon in daemons:
        daemon.stop()


def check_two(remote):
    done = remote.run("-H", "good,bad", "check", "--cached", "--no-legend")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["good", "bad"] and done.returncode == 69, done.stdout + done.stderr
    answers = remote.json("-H", "good,bad", "scan", "--cached")
    assert [(answer["host"], answer["status"]) for answer in answers] == [("good", 0), ("bad", 0)]
    kernels = {answer["answer"]["node"]["kernel"] for answer in answers}
    assert len(kernels) == 1
    installed = [answer["answer"]["summary"] for answer in answers]
    assert installed[0] != installed[1]


def test_two_hosts(remote, two):
    remote.add("good", two[0].path)
    remote.add("bad", two[1].path)
    check_two(remote)


def test_one_that_is_down_does_not_keep_the_others(remote, two):
    remote.add("good", two[0].path)
    remote.add("down", two[1].path).port = free_port()
    done = remote.run("-qH", "good,down", "scan", "--cached")
    assert (done.returncode, done.stdout) == (69, "")
    done = remote.run("-H", "good,down", "scan", "--cached")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["HOST", "VERDICT", "LIVEPATCH", "KERNEL", "STATUS", "RESULT"]
    assert lines[1].split()[:2] == ["good", "UNKNOWN"]
    assert lines[2].startswith("down") and "cannot be reached" in done.stdout
    answers = remote.json("--host", "good,down", "scan", "--cached", status=69)
    assert "answer" in answers[0] and answers[1]["status"] == 69 and answers[1]["error"].startswith("down cannot be")


def test_a_whole_fleet_is_paused(remote, two):
    for name, daemon in zip(("good", "bad"), two):
        remote.add(name, daemon.path)
    done = remote.run("-H", "good,bad", "pause", "--for=1h", "a bad patch is about")
    if os.geteuid() != 0 and done.returncode == 77:
        pytest.fail("the user that the agents run as may change them")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(daemon.call("GetStatus")["paused"]["reason"] == "a bad patch is about" for daemon in two)
    assert remote.run("-H", "good,bad", "resume").returncode == 0
    assert not any("paused" in daemon.call("GetStatus") for daemon in two)


def test_what_says_too_much_for_a_table(remote):
    done = remote.run("-H", "a,b", "cat-config")
    assert done.returncode == 64 and "klpctl cat-config asks one host at a time" in done.stderr


def test_they_are_asked_at_the_same_time(remote, tmp_path):
    """Eight that take a second each."""
    fake = script(tmp_path / "slow-ssh", "sleep 1; echo 'klpctl: too late' >&2; exit 75")
    env = {"PATH": "/usr/bin:/bin", "KLPCTL_SSH": str(fake)}
    begin = time.monotonic()
    done = subprocess.run([BUILD / "klpctl", "-H", ",".join(f"h{n}" for n in range(8)), "status"], env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert time.monotonic() - begin < 5
    assert done.returncode == 75 and done.stdout.count("too late") == 8


@pytest.mark.root
def test_two_hosts_in_network_namespaces(remote, two):
    """Each with its own loopback, and an sshd on its port 22."""
    need("unshare", "nsenter", "ip")
    holders = []
    try:
        for name, daemon in zip(("good", "bad"), two):
            holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep 600"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            holders.append(holder)
            holder.stdout.readline()
            remote.add(name, daemon.path, ["nsenter", "--net", "--target", str(holder.pid)])
        check_two(remote)
    finally:
        for host in remote.hosts:
            host.stop()
        remote.hosts.clear()
        for holder in holders:
            holder.kill()
            holder.wait(20)
            holder.stdout.close()


# ---- the bridge by itself -------------------------------------------------------------------------


class Bridge(varlink.Client):
    def __init__(self, path, *arguments):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen([BUILD / "klpctl", "bridge", f"--socket={path}", *arguments],
                                        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
        theirs.close()
        super().__init__(ours)

    def __exit__(self, *unused):
        super().__exit__(*unused)
        self.end()

    def end(self):
        """Its exit status, and what it said."""
        text = self.process.communicate(timeout=20)[1].decode()
        return self.process.returncode, text


def test_a_bridge_carries_everything(daemon):
    with Bridge(daemon.path) as bridge:
        progress = []
        report = bridge.call(f"{AGENT}.Scan", {"options": {"cached": True}}, progress=progress)["report"]
        assert progress and report["compliance"]["overall"] == "UNKNOWN"
        assert bridge.call(f"{SERVICE}.GetInfo")["product"] == "klpd"
        for _ in range(3):  # in turn, however fast they come
            bridge.send(f"{AGENT}.GetStatus")
            bridge.send(f"{AGENT}.NoSuchMethod")
        for _ in range(3):
            assert "version" in bridge.receive()["parameters"]
            assert bridge.receive()["error"] == f"{SERVICE}.MethodNotFound"
        bridge.sock.close()
        assert bridge.end() == (0, "")


def test_a_bridge_ends_after_the_last_answer(daemon):
    """printf ... | ssh HOST klpctl bridge"""
    request = json.dumps({"method": f"{AGENT}.GetStatus"}).encode() + b"\0"
    done = subprocess.run([BUILD / "klpctl", "bridge", f"--socket={daemon.path}"], input=request, stdout=subprocess.PIPE,
                          check=True, timeout=20)
    assert json.loads(done.stdout.rstrip(b"\0"))["parameters"]["version"]


@pytest.mark.parametrize("name, allowed", [("Scan", True), ("GetStatus", True), ("Sca", False), ("scan", False),
                                           ("Install", False), ("Scan,GetStatus", False), ("", False)])
def test_a_bridge_lets_through_what_it_was_told(daemon, name, allowed):
    with Bridge(daemon.path, "--allow=Scan,GetStatus") as bridge:
        bridge.send(f"{AGENT}.{name}", {"options": {"cached": True}} if name == "Scan" else {})
        try:
            reply = bridge.receive()
        except varlink.Closed:
            reply = {"error": "closed"}
        assert (reply.get("error") is None) == allowed
        if allowed or name:
            assert bridge.call(f"{SERVICE}.GetInfo")["product"] == "klpd"  # it goes on


@pytest.mark.parametrize("bytes_sent, status", [
    (b"{}\0", 65), (b"garbage\0", 65), (b'{"method": 1}\0', 65), (b"x" * (64 * 1024 + 2), 65), (b'{"method": "a', 0),
    (b"", 0),
], ids=["empty", "garbage", "type", "long", "half", "nothing"])
def test_a_bridge_and_bad_input(daemon, bytes_sent, status):
    with Bridge(daemon.path) as bridge:
        bridge.send_raw(bytes_sent)
        bridge.sock.shutdown(socket.SHUT_WR)
        ended, text = bridge.end()
        assert ended == status and (text.startswith("klpctl: ") if status else text == "")
    daemon.call("GetStatus")


def test_a_bridge_whose_agent_dies(daemon, served):
    served.on("repomd.xml", servers.stall(60))
    with Bridge(daemon.path) as bridge:
        bridge.send(f"{AGENT}.Scan")
        deadline = time.monotonic() + 20
        while not served.asked_for("repomd.xml"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        daemon.process.kill()
        with pytest.raises(varlink.Closed):
            bridge.receive()
        assert bridge.end() == (69, "klpctl: the agent closed the connection before it answered\n")
    daemon.process.wait(20)


def test_the_recipe_in_the_manual_is_the_one_tested():
    manual = (pathlib.Path(__file__).parent.parent.parent / "docs/klpctl.8").read_text()
    assert f'restrict,command="{BRIDGE}" ssh-ed25519' in manual
