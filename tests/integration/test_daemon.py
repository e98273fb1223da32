# SPDX-License-Identifier: Apache-2.0
"""The real klpd, spoken to over its socket: well, badly, slowly, and by many at once."""
import concurrent.futures
import pathlib
import re
import signal
import subprocess
import time

import pytest

import varlink
from running import AGENT, BUILD, SERVICE, TOP, Daemon, private

REQUEST_MAX = 64 * 1024
CONNECTIONS_MAX = 16


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def daemon(tmp_path, root):
    running = Daemon(tmp_path / "socket", f"--root={root}")
    yield running
    status, text = running.stop()
    assert status == 0, text
    assert not running.path.exists()
    assert "Sanitizer" not in text and "runtime error" not in text, text


def still_answers(daemon):
    with daemon.client() as client:
        return client.call(f"{SERVICE}.GetInfo")["product"] == "klpd"


# ---- what it says of itself -----------------------------------------------------------------------


def test_info_names_version_and_interfaces(daemon):
    with daemon.client() as client:
        info = client.call(f"{SERVICE}.GetInfo")
    assert info["version"] == (TOP / "VERSION").read_text().strip()
    assert info["interfaces"] == [SERVICE, AGENT]


@pytest.mark.parametrize("interface", [AGENT, SERVICE])
def test_description_is_the_file_of_the_project(daemon, interface):
    with daemon.client() as client:
        told = client.call(f"{SERVICE}.GetInterfaceDescription", {"interface": interface})
    assert told["description"] == (TOP / f"agent/ipc/{interface}.varlink").read_text()


# ---- what it refuses ------------------------------------------------------------------------------

REFUSALS = [
    ("io.other.Method", {}, f"{SERVICE}.InterfaceNotFound", {"interface": "io.other"}),
    (f"{AGENT}.Reboot", {}, f"{SERVICE}.MethodNotFound", {"method": f"{AGENT}.Reboot"}),
    (f"{AGENT}.GetStatus", {"verbose": True}, f"{SERVICE}.InvalidParameter",
     {"parameter": "verbose"}),
    (f"{AGENT}.GetReport", {"id": 1}, f"{SERVICE}.InvalidParameter", {"parameter": "id"}),
    (f"{AGENT}.GetHistory", {"limit": 0}, f"{SERVICE}.InvalidParameter", {"parameter": "limit"}),
    (f"{AGENT}.GetHistory", {"limit": 10**9}, f"{SERVICE}.InvalidParameter",
     {"parameter": "limit"}),
    (f"{AGENT}.Scan", {"options": []}, f"{SERVICE}.InvalidParameter", {"parameter": "options"}),
    (f"{AGENT}.Scan", {"options": {"force": True}}, f"{SERVICE}.InvalidParameter",
     {"parameter": "options.force"}),
    (f"{AGENT}.Scan", {"options": {"as_of": "yesterday"}}, f"{SERVICE}.InvalidParameter",
     {"parameter": "options.as_of"}),
    (f"{AGENT}.Scan", {"options": {"trigger": "cron"}}, f"{SERVICE}.InvalidParameter",
     {"parameter": "options.trigger"}),
    (f"{AGENT}.Scan", {"options": {"cached": True, "refresh": True}},
     f"{SERVICE}.InvalidParameter", {"parameter": "options.refresh"}),
    (f"{AGENT}.Evaluate", {"explain": "x", "cve": "CVE-2024-1"}, f"{SERVICE}.InvalidParameter",
     {"parameter": "cve"}),
    (f"{AGENT}.Evaluate", {"snapshot": "/etc/passwd"}, f"{AGENT}.PermissionDenied",
     {"message": "only a private agent reads a snapshot file; use --direct"}),
    (f"{AGENT}.Install", {"reboot_option": "Now"}, f"{SERVICE}.InvalidParameter",
     {"parameter": "reboot_option"}),
    (f"{AGENT}.Install", {"overrides": "list.yaml"}, f"{SERVICE}.InvalidParameter",
     {"parameter": "overrides"}),
    (f"{AGENT}.Install", {"force": True}, f"{SERVICE}.InvalidParameter", {"parameter": "force"}),
    (f"{AGENT}.GetReport", {}, f"{AGENT}.NoReport",
     {"message": "nothing has been scanned yet; make a report with: klpctl scan"}),
    (f"{AGENT}.GetReport", {"id": "00000000-0000-4000-8000-000000000000"}, f"{AGENT}.NoReport",
     {"message": "no report of that id is kept; see: klpctl history"}),
]


@pytest.mark.parametrize("method, parameters, error, told", REFUSALS)
def test_refusal(daemon, method, parameters, error, told):
    with daemon.client() as client:
        with pytest.raises(varlink.Error) as refused:
            client.call(method, parameters)
        assert (refused.value.name, refused.value.parameters) == (error, told)
        assert client.call(f"{AGENT}.GetStatus")["version"]  # the connection is still good


# ---- before the first scan ------------------------------------------------------------------------


def test_status_and_history_without_a_report(daemon):
    with daemon.client() as client:
        assert "report" not in client.call(f"{AGENT}.GetStatus")
        assert client.call(f"{AGENT}.GetHistory") == {"entries": []}


def test_damaged_report_is_said_and_does_not_stick(daemon, root):
    state = root / "var/lib/klpd"
    (state / "report.json").write_text('{"schema": ')
    with daemon.client() as client:
        with pytest.raises(varlink.Error) as failed:
            client.call(f"{AGENT}.GetStatus")
    assert failed.value.parameters == {
        "status": 65,
        "message": "the stored report report.json is damaged; make a new one with: klpctl scan"}
    assert still_answers(daemon)


# ---- bad and slow clients -------------------------------------------------------------------------


@pytest.mark.parametrize("data", [
    b"\0",
    b"hello\0",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0",
    b"[]\0",
    b"{\0",
    b'{"method":"Scan"}\0',
    b'{"method":1}\0',
    b'{"method":"io.klpd.Agent.GetStatus","parameters":[]}\0',
    b'{"method":"io.klpd.Agent.\xff"}\0',
    b"[" * 60000 + b"\0",
    b"x" * (REQUEST_MAX + 1),
    b"x" * (10 * REQUEST_MAX),
], ids=lambda data: repr(data[:24]))
def test_garbage_is_cut_off(daemon, data):
    with daemon.client() as client:
        try:
            client.send_raw(data)
        except ConnectionError:
            pass  # cut off before all was sent
        assert client.is_closed()
    assert still_answers(daemon)


def test_request_in_pieces(daemon):
    with daemon.client() as client:
        for byte in b'{"method":"org.varlink.service.GetInfo"}\0':
            client.send_raw(bytes([byte]))
        assert client.receive()["parameters"]["product"] == "klpd"


def test_requests_at_once_are_answered_in_order(daemon):
    with daemon.client() as client:
        for _ in range(50):
            client.send(f"{AGENT}.GetStatus")
            client.send(f"{AGENT}.GetHistory")
        for _ in range(50):
            assert "version" in client.receive()["parameters"]
            assert "entries" in client.receive()["parameters"]


def test_half_requests_do_not_hold_up_others(daemon):
    halves = [daemon.client() for _ in range(CONNECTIONS_MAX - 1)]
    for half in halves:
        half.send_raw(b'{"method":"org.varlink')
    assert still_answers(daemon)
    for half in halves:
        half.sock.close()


def test_twenty_clients_at_once(daemon):
    def ask(_):
        with daemon.client() as client:
            return [client.call(f"{AGENT}.GetStatus")["version"] for _ in range(20)]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert len(answers) == 20 and all(len(set(answer)) == 1 for answer in answers)


def test_more_connections_than_are_served_wait_their_turn(daemon):
    clients = [daemon.client() for _ in range(CONNECTIONS_MAX + 4)]
    for client in clients:
        client.send(f"{AGENT}.GetStatus")
    last = clients[-1]
    last.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        last.receive()
    last.sock.settimeout(20)
    for client in clients[:4]:
        assert client.receive()["parameters"]
        client.sock.close()
    assert last.receive()["parameters"]
    for client in clients:
        client.sock.close()


@pytest.mark.parametrize("data", [b"", b"\xff\x00\x00garbage" * 50, b'{"method":"io.klpd.Agent.Ge', b"x" * 70000],
                         ids=["nothing", "garbage", "half", "long"])
def test_sixty_four_clients_that_never_ask(daemon, data):
    """More than there is room for, and others are still served, in time: who is silent makes room."""
    clients = []
    for _ in range(64):
        client = daemon.client()
        clients.append(client)
        try:
            client.send_raw(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
    begin = time.monotonic()
    for _ in range(3):
        assert "version" in daemon.call("GetStatus")
    assert time.monotonic() - begin < 8
    for client in clients:
        client.sock.close()


def test_clients_that_vanish_during_a_job(daemon):
    for _ in range(5):
        client = daemon.client()
        client.send(f"{AGENT}.GetConfig", more=True)
        client.sock.close()
    assert still_answers(daemon)


def test_what_it_costs_to_stay(daemon, build):
    """An agent that stays by choice: at most 2.5 MB, one thread, and it does not wake up."""
    if "asan" in build.name:
        pytest.skip("AddressSanitizer's memory is not ours")
    daemon.call("GetStatus")
    proc = pathlib.Path(f"/proc/{daemon.process.pid}")

    def status():
        return dict(line.split(":\t") for line in (proc / "status").read_text().splitlines() if ":\t" in line)

    time.sleep(0.2)
    before = int(status()["voluntary_ctxt_switches"])
    time.sleep(3)
    wakeups = int(status()["voluntary_ctxt_switches"]) - before
    memory = {key: int(value.split()[0]) for key, value in re.findall(r"^(Rss|Pss): +(.*)", (
        proc / "smaps_rollup").read_text(), re.M)}
    print(f"idle: RSS {memory['Rss']} kB (target 2500), PSS {memory['Pss']} kB, {status()['Threads']} thread, "
          f"{wakeups} wake-ups in 3 s (target 0)")
    assert memory["Rss"] <= 2500 and status()["Threads"] == "1" and wakeups == 0


# ---- starting and ending --------------------------------------------------------------------------


def run_klpd(*options, **kwargs):
    return subprocess.run([BUILD / "klpd", *options], stdin=subprocess.DEVNULL, timeout=20,
                          capture_output=True, text=True, **kwargs)


def test_ends_when_idle(tmp_path, root):
    begun = time.monotonic()
    done = run_klpd(f"--listen={tmp_path}/socket", f"--root={root}", "--exit-idle=1")
    assert done.returncode == 0 and time.monotonic() - begun >= 0.9
    assert not (tmp_path / "socket").exists()


def test_does_not_end_while_somebody_is_connected(tmp_path, root):
    daemon = Daemon(tmp_path / "socket", f"--root={root}", "--exit-idle=1")
    with daemon.client() as client:
        time.sleep(1.5)
        assert client.call(f"{SERVICE}.GetInfo")
    assert daemon.process.wait(20) == 0
    daemon.process.stderr.close()


def test_private_daemon_ends_with_its_connection(root):
    process, client = private(root)
    with client:
        assert client.call(f"{SERVICE}.GetInfo")
        assert process.poll() is None
    assert process.wait(20) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


START_FAILURES = [
    (["--listen={tmp}/socket", "--root=/nonexistent"], 64,
     "root directory /nonexistent: No such file or directory"),
    (["--listen={tmp}/socket", "--root=/etc/passwd"], 64,
     "root directory /etc/passwd: Not a directory"),
    (["--root={tmp}"], 64, "nobody to serve: --listen=PATH or --fd=N is expected, or sockets of systemd's"),
    (["--fd=77", "--root={tmp}"], 64, "file descriptor 77 is not a connected stream socket"),
    (["--listen={tmp}/no/socket", "--root={tmp}"], 74,
     "cannot listen on {tmp}/no/socket: No such file or directory"),
    (["--listen=" + "x" * 200, "--root={tmp}"], 64,
     "cannot listen on " + "x" * 200 + ": a socket's path has at most 107 bytes"),
]


@pytest.mark.parametrize("options, status, sentence", START_FAILURES)
def test_start_failure(tmp_path, options, status, sentence):
    done = run_klpd(*[option.format(tmp=tmp_path) for option in options])
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == "<3>klpd: " + sentence.format(tmp=tmp_path) + "\n"


def test_second_daemon_on_the_same_path(daemon, root):
    done = run_klpd(f"--listen={daemon.path}", f"--root={root}")
    assert done.returncode == 75
    assert done.stderr == f"<3>klpd: cannot listen on {daemon.path}: another klpd does already\n"
    assert still_answers(daemon)


def test_socket_of_a_killed_daemon_is_taken_over(tmp_path, root):
    first = Daemon(tmp_path / "socket", f"--root={root}")
    first.process.send_signal(signal.SIGKILL)
    first.process.communicate()
    assert first.path.exists()
    second = subprocess.Popen([BUILD / "klpd", f"--listen={first.path}", f"--root={root}"])
    deadline = time.monotonic() + 20
    while True:
        try:
            with varlink.Client(first.path) as client:
                assert client.call(f"{SERVICE}.GetInfo")
            break
        except ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    second.terminate()
    assert second.wait(20) == 0


def test_help_and_version(tmp_path):
    told = run_klpd("--help")
    assert told.returncode == 0 and told.stderr == ""
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "--root=DIR" in told.stdout
    version = run_klpd("--version")
    assert version.stdout == f"klpd {(TOP / 'VERSION').read_text().strip()}\n"


def test_the_manual_has_every_option():
    listed = re.findall(r"^  --([\w-]+)(?:=(\S+))?", run_klpd("--help").stdout, re.M)
    manual = (TOP / "docs/klpd.8").read_text().split(".Sh OPTIONS")[1].split(".Sh FILES")[0]
    assert [line for line in manual.splitlines() if line.startswith(".It ")] == [
        f".It Fl -{name}" + (f" Ns = Ns Ar {value}" if value else "") for name, value in listed]


def test_help_to_a_full_disk():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([BUILD / "klpd", "--help"], stdout=full, stderr=subprocess.PIPE,
                              timeout=20, check=False)
    assert done.returncode == 74
