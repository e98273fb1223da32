# SPDX-License-Identifier: Apache-2.0
"""klpd-fetch and klpd-worker lock themselves down before they read their request, or do not work."""
import ctypes
import json
import os
import platform
import ssl
import struct
import subprocess
import time

import pytest

from conftest import need
from fetching import ID, NOW, Fetcher
from fetching import original, repo, server  # noqa: F401 fixtures
from klpdtest import server as servers
from running import BUILD

MIB = 1 << 20
PROGRAMS = {"klpd-fetch": [], "klpd-worker": ["probe"]}
REQUESTS = {
    "klpd-fetch": {"root": "/", "cache": "/", "releasever": "2", "arch": "x86_64",
                   "roles": {"livepatch": [], "kernel": []}, "refresh": False, "max_file_bytes": 1,
                   "timeout": 1, "now": NOW},
    "klpd-worker": {"root": "/"},
}
LIMITS = {
    "klpd-fetch": {"Max core file size": 0, "Max open files": 256, "Max file size": 5120 * MIB,
                   "Max data size": 128 * MIB},
    "klpd-worker": {"Max core file size": 0, "Max open files": 64, "Max file size": 1024 * MIB,
                    "Max data size": 96 * MIB, "Max processes": 0},
}
RELAXED = ("Max data size", "Max processes")  # with AddressSanitizer
COVER = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 99; shift 2; done; shift; exec "$@"'


def is_sanitized(program):
    return b"__asan_init" in (BUILD / program).read_bytes()


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def limits_of(pid):
    """Hard limits, by name."""
    with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
        return {line[:26].strip(): line[47:68].strip() for line in list(file)[1:]}


def wait_for(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture(name="waiting", params=PROGRAMS)
def waiting_fixture(request):
    """Each program, started, and its request not sent yet."""
    process = subprocess.Popen([BUILD / request.param, *PROGRAMS[request.param]], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: status_of(process.pid)["Seccomp"] == "2", f"{request.param} does not lock itself down")
        yield request.param, process.pid
    finally:
        process.kill()
        process.communicate(timeout=20)


def test_before_the_request_is_read(waiting):
    status = status_of(waiting[1])
    assert status["NoNewPrivs"] == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    if int(status_of("self")["CapEff"], 16) & 1 << 8:  # CAP_SETPCAP: we could take them away
        assert int(status["CapBnd"], 16) == 0


def test_limits(waiting):
    program, pid = waiting
    ours, theirs = limits_of("self"), limits_of(pid)
    for name, most in LIMITS[program].items():
        if name in RELAXED and is_sanitized(program):
            continue
        before = ours[name]
        assert int(theirs[name]) == (most if before == "unlimited" else min(most, int(before))), name


def test_last_in_every_queue(waiting):
    _, pid = waiting
    with open(f"/proc/{pid}/oom_score_adj", encoding="utf-8") as file:
        assert file.read() == "1000\n"
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
    done = subprocess.run(["ionice", "-p", str(pid)], stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout == "best-effort: prio 7\n"


def test_nobody_else_links_libseccomp():
    def links(program):
        done = subprocess.run(["ldd", BUILD / program], stdout=subprocess.PIPE, check=True, text=True)
        return "libseccomp" in done.stdout
    programs = ("klpctl", "klpd", "klpd-fetch", "klpd-worker", "klpd-apply")
    assert [program for program in programs if links(program)] == sorted(PROGRAMS)


# ---- refusing ------------------------------------------------------------------------------------

def ask(program, command=(), **options):
    """Its exit status and what it says of its error, in the form that klpd reads."""
    done = subprocess.run([*command, BUILD / program, *PROGRAMS[program]], input=json.dumps(REQUESTS[program]),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
                          **options)
    answer = json.loads(done.stdout)
    assert list(answer) == ["error"] and answer["error"]["status"] == done.returncode, done
    return done.returncode, answer["error"]["message"]


def refuse_no_new_privs():
    """From now on the kernel refuses prctl(PR_SET_NO_NEW_PRIVS): a filter, as a service may have."""
    number = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    program = struct.pack("HBBI" * 6, *(
        0x20, 0, 0, 0,            # load the number of the call
        0x15, 0, 3, number,       # prctl?
        0x20, 0, 0, 16,           # load the first argument
        0x15, 0, 1, 38,           # PR_SET_NO_NEW_PRIVS?
        0x06, 0, 0, 0x00050001,   # fail with EPERM
        0x06, 0, 0, 0x7fff0000))  # allow
    code = ctypes.create_string_buffer(program)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, struct.pack("HxxxxxxP", 6, ctypes.addressof(code))) == 0


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="numbers of other machines are not known")
@pytest.mark.parametrize("program", PROGRAMS)
def test_unprotected_it_does_not_work(program):
    status, message = ask(program, preexec_fn=refuse_no_new_privs)
    assert status == 70
    assert message.startswith(f"{program} does not work unprotected, and the kernel refuses no_new_privs: "
                              "Operation not permitted; ")


def cover(files):
    """The words that start a program where other files lie over these: {path: text}, in `folder`."""
    command = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    command += ["sh", "-c", COVER, "sh"]
    for path, source in files.items():
        command += [str(source), path]
    command.append("--")
    done = subprocess.run([*command, "true"], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a mount namespace cannot be used here: {done.stderr.strip()}")
    return command


@pytest.fixture(name="little_memory")
def little_memory_fixture(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:         483328 kB\nMemFree:           10240 kB\nMemAvailable:      30720 kB\n")
    return cover({"/proc/meminfo": meminfo})


@pytest.mark.parametrize("program", PROGRAMS)
def test_with_little_memory_it_does_not_start(program, little_memory):
    status, message = ask(program, little_memory)
    assert status == 75
    assert message == (f"{program} starts only where 48 MiB of memory are available, so that it takes none from the "
                       "node's own work, and 30 MiB are; try again when less is running")


def test_klpctl_says_so(little_memory, node):
    done = subprocess.run([*little_memory, BUILD / "klpctl", f"--root={node.root}", "scan"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 75
    assert done.stderr.startswith("klpctl: klpd-worker starts only where 48 MiB of memory are available")


# ---- what klpd-fetch needs of the system ---------------------------------------------------------

@pytest.fixture(name="fetch")
def fetch_fixture(tmp_path):
    return Fetcher(BUILD / "klpd-fetch", tmp_path)


def filters_while_it_fetches(fetch, server, file="repomd.xml", **changes):
    """How many filters klpd-fetch has when it has asked for the file and waits for it."""
    if "Seccomp_filters" not in status_of("self"):
        pytest.skip("this kernel does not count filters (Linux 5.9)")
    server.on(file, servers.stall(60))
    process = fetch.start(timeout=60, **changes)
    try:
        wait_for(lambda: server.asked_for(file), "it does not fetch")
        return int(status_of(process.pid)["Seccomp_filters"]) - int(status_of("self")["Seccomp_filters"])
    finally:
        process.kill()
        process.communicate(timeout=20)


def test_no_programs_without_signatures(fetch, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    assert filters_while_it_fetches(fetch, server) == 2


def test_no_programs_for_packages(fetch, server, repo):
    fetch.section(baseurl=f"{server.url}/repo/")
    path = next(repo.folder.rglob("*.rpm"))
    package = {"repository": ID, "location": str(path.relative_to(repo.folder)), "checksum_type": "sha256",
               "checksum": "0" * 64, "size": path.stat().st_size, "name": "a package"}
    assert filters_while_it_fetches(fetch, server, ".rpm", packages=[package]) == 2


def test_signatures_are_checked_by_a_program(fetch, server, repo, key):
    repo.key = key
    repo.sign()
    fetch.node.write("etc/pki/rpm-gpg/KEY", key.public)
    fetch.section(baseurl=f"{server.url}/repo/", repo_gpgcheck=1, gpgkey="file:///etc/pki/rpm-gpg/KEY")
    assert filters_while_it_fetches(fetch, server) == 1


@pytest.fixture(name="named")
def named_fixture(tmp_path):
    """The words that start a program for which mirror.example is this machine."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 mirror.example\n")
    nsswitch = tmp_path / "nsswitch.conf"
    nsswitch.write_text("hosts: files\n")
    return cover({"/etc/hosts": hosts, "/etc/nsswitch.conf": nsswitch})


def fetch_by(command, fetch):
    """Its request, by a program that `command` starts; the entry of the repository."""
    done = subprocess.run([*command, fetch.program], input=json.dumps(fetch.request), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return fetch.entry()


def test_a_host_name(fetch, server, named):
    """Looked up by a thread, as curl does."""
    fetch.section(baseurl=f"http://mirror.example:{server.http.server_port}/repo/")
    entry = fetch_by(named, fetch)
    assert entry["status"] == "ok" and entry["findings"] == []


def test_a_host_name_that_nobody_has(fetch, server, named):
    fetch.section(baseurl=f"http://nowhere.example:{server.http.server_port}/repo/")
    assert fetch_by(named, fetch)["status"] == "unreachable"
    assert "resolve" in fetch.finding("repository-unreachable")


def test_tls(fetch, repo, tmp_path, named):
    need("openssl")
    files = {name: str(tmp_path / f"{name}.pem") for name in ("key", "cert")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mirror.example",
                    "-addext", "subjectAltName=DNS:mirror.example", "-keyout", files["key"], "-out", files["cert"]],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files["cert"], files["key"])
    secure = servers.Server(repo.folder.parent)
    secure.http.socket = tls.wrap_socket(secure.http.socket, server_side=True)
    with open(files["cert"], encoding="utf-8") as file:
        fetch.node.write("etc/pki/mirror.pem", file.read())
    with secure:
        url = f"https://mirror.example:{secure.http.server_port}/repo/"
        fetch.section(baseurl=url)
        assert fetch_by(named, fetch)["status"] == "unreachable"  # by the certificates of this machine
        fetch.section(baseurl=url, sslcacert="/etc/pki/mirror.pem")
        assert fetch_by(named, fetch)["status"] == "ok"
    assert fetch.entry(ID)["findings"] == []
