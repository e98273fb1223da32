# SPDX-License-Identifier: Apache-2.0
"""klpd-fetch when the other side misbehaves, lies or is not there, and when it is killed."""
import pathlib
import re
import shutil
import time

import pytest

from fetching import ID, NOW, Fetcher, listing
from fetching import original, repo, server  # noqa: F401 fixtures
from klpdtest import rpms
from klpdtest import server as servers


@pytest.fixture
def fetch(build, tmp_path, server):
    """Set up to use the repository."""
    made = Fetcher(build / "klpd-fetch", tmp_path)
    made.section(baseurl=f"{server.url}/repo/", timeout=5)
    return made


LOST = "nothing is known of what it offers"
ASK_OWNER = "tell who runs it, or use another mirror"
CHECK = "check its URL, the network and the proxy"


def check_failed(fetch, status, code, *parts):
    """First without and then with a good copy from before."""
    message = fetch.finding(code)
    entry = fetch.entry()
    assert entry["status"] == status and entry["files"] == [] and entry["fetched"] is None
    assert entry["expires"] <= NOW
    assert message.startswith(f"repository {ID}: "), message
    for part in parts + (LOST,):
        assert part in message, message
    assert entry["findings"][0]["severity"] == "error"


# ---- the network -------------------------------------------------------------------------------

# What it is, for which file, what the server does, status, code, what the sentence says.
TROUBLES = [
    ("no-repomd", "repomd.xml", servers.status(404), "unreachable", "repository-unreachable",
     ["/repo/repodata/repomd.xml: ", "404", CHECK]),
    ("server-error", "repomd.xml", servers.status(500), "unreachable", "repository-unreachable",
     ["500", CHECK]),
    ("forbidden", "repomd.xml", servers.status(403), "unreachable", "repository-unreachable",
     ["403"]),
    ("half-a-repomd", "repomd.xml", servers.cut(), "unreachable", "repository-unreachable", []),
    ("html-for-repomd", "repomd.xml", servers.html(), "invalid", "metadata-invalid", [ASK_OWNER]),
    ("broken-html-for-repomd", "repomd.xml", servers.html(b"<html><br><p>Hi</html>"), "invalid",
     "metadata-invalid", [ASK_OWNER]),
    ("empty-repomd", "repomd.xml", servers.content(b""), "invalid", "metadata-invalid", []),
    ("endless-repomd", "repomd.xml", servers.endless(64 << 20), "invalid", "metadata-invalid",
     ["larger than the 8388608 bytes that are allowed"]),
    ("no-updateinfo", "updateinfo.xml.gz", servers.status(404), "unreachable",
     "repository-unreachable", ["updateinfo.xml.gz: ", "404"]),
    ("half-an-updateinfo", "updateinfo.xml.gz", servers.cut(), "unreachable",
     "repository-unreachable", ["updateinfo.xml.gz: "]),
    ("corrupt-updateinfo", "updateinfo.xml.gz", servers.corrupt(), "invalid", "metadata-invalid",
     ["updateinfo.xml.gz: its checksum is not the one that repomd.xml names", ASK_OWNER]),
    ("corrupt-primary", "primary.xml.gz", servers.corrupt(), "invalid", "metadata-invalid",
     ["primary.xml.gz: ", "checksum"]),
    ("html-for-primary", "primary.xml.gz", servers.html(), None, None, ["primary.xml.gz: "]),
    ("endless-updateinfo", "updateinfo.xml.gz", servers.endless(64 << 20), "invalid",
     "metadata-invalid", ["larger than the "]),
    ("gzip-bomb", "updateinfo.xml.gz", servers.gzip_bomb(1 << 26), None, None, []),
]


@pytest.mark.parametrize("name, path, behaviour, status, code, parts", TROUBLES,
                         ids=[t[0] for t in TROUBLES])
def test_trouble(fetch, repo, server, name, path, behaviour, status, code, parts):
    server.on(path, behaviour)
    fetch.run()
    entry = fetch.entry()
    status = status or entry["status"]
    code = code or entry["findings"][0]["code"]
    assert (status, code) in (("unreachable", "repository-unreachable"),
                              ("invalid", "metadata-invalid"))
    check_failed(fetch, status, code, *parts)
    # The next run tries again, though nothing has expired.
    server.on(path, None)
    fetch.run()
    assert fetch.entry()["status"] == "ok"
    good = fetch.files()
    # With a good copy at hand, that stays.
    server.on(path, behaviour)
    if "repomd" not in path:
        for file in good.values():
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    fetch.run(now=NOW + 3600, refresh=True)
    entry = fetch.entry()
    assert entry["status"] == "stale" and fetch.files() == good
    assert entry["fetched"] == NOW and entry["findings"][0]["severity"] == "warning"
    assert "; the copy of 2025-06-15T15:06:40Z is used; " in fetch.finding(code)


def test_a_closed_port(fetch):
    fetch.section(baseurl="http://127.0.0.1:1/repo/")
    fetch.run()
    check_failed(fetch, "unreachable", "repository-unreachable",
                 "http://127.0.0.1:1/repo/repodata/repomd.xml: ", CHECK)


def test_an_empty_mirror_list(fetch, server, repo):
    (repo.folder.parent / "mirrors").write_text("# nothing yet\n")
    fetch.section(mirrorlist=f"{server.url}/mirrors")
    fetch.run()
    assert fetch.entry()["status"] in ("unreachable", "invalid")
    assert f"{server.url}/mirrors" in fetch.entry()["findings"][0]["message"]


def test_credentials_are_not_shown(fetch, server):
    fetch.section(baseurl=f"http://me:secret@{server.address}/none/?token=hidden", password="secret",
                  username="me")
    fetch.run()
    text = (fetch.cache / "state.json").read_text()
    assert "secret" not in text and "hidden" not in text and f"{server.address}/none/" in text


def test_a_stall_ends_with_the_time_of_the_section(fetch, server):
    fetch.section(baseurl=f"{server.url}/repo/", timeout=1)
    server.on("updateinfo.xml.gz", servers.stall(60))
    result = fetch.run()
    assert result.seconds < 15
    check_failed(fetch, "unreachable", "repository-unreachable", "updateinfo.xml.gz")


@pytest.mark.parametrize("path", ["repomd.xml", "updateinfo.xml.gz"])
def test_a_stall_ends_with_the_time_for_everything(fetch, server, path):
    fetch.section(baseurl=f"{server.url}/repo/", timeout=60)
    server.on(path, servers.stall(60))
    result = fetch.run(timeout=2)
    assert result.seconds < 6
    check_failed(fetch, "unreachable", "repository-unreachable",
                 "it took too long", "check the network, or raise fetch_timeout")


def test_a_slow_repository_leaves_time_for_the_others(fetch, repo, server):
    shutil.copytree(repo.folder, repo.folder.parent / "slow")
    fetch.section(baseurl=f"{server.url}/slow/", timeout=60)
    server.on("/slow/repodata/repomd.xml", servers.stall(60))
    fetch.section("amzn2-core", baseurl=f"{server.url}/repo/")
    fetch.run(timeout=4, roles={"livepatch": [ID], "kernel": ["amzn2-core"]})
    assert fetch.entry()["status"] == "unreachable"
    assert fetch.entry("amzn2-core")["status"] == "ok"


def test_skip_if_unavailable_makes_it_a_warning(fetch, server):
    fetch.section(baseurl=f"{server.url}/none/", skip_if_unavailable=1)
    fetch.run()
    entry = fetch.entry()
    assert entry["status"] == "unreachable"
    assert entry["findings"][0]["severity"] == "warning"


# ---- the configuration -------------------------------------------------------------------------

@pytest.mark.parametrize("keys, sentence", [
    ({}, f"it has no baseurl, mirrorlist or metalink; add one in /etc/yum.repos.d/{ID}.repo"),
    ({"mirrorlist": "https://$amazonlinux.$awsregion.example/x"},
     f"the variable $amazonlinux in its URL (/etc/yum.repos.d/{ID}.repo) has no value; write one "
     "into /etc/yum/vars/amazonlinux"),
    ({"baseurl": "https://h.example/", "sslcacert": "/etc/pki/none.pem"},
     f"/etc/pki/none.pem, which /etc/yum.repos.d/{ID}.repo names, cannot be read: "
     "No such file or directory"),
    ({"baseurl": "https://h.example/", "repo_gpgcheck": 1},
     "its metadata is to be checked (repo_gpgcheck) but it names no gpgkey; add one in "
     f"/etc/yum.repos.d/{ID}.repo"),
    ({"baseurl": "https://h.example/", "repo_gpgcheck": 1, "gpgkey": "https://h.example/KEY?t=1"},
     "its metadata is to be checked (repo_gpgcheck) by the key https://h.example/KEY, but only keys "
     "that are files of the node are trusted; install it and name it by file:// in "
     f"/etc/yum.repos.d/{ID}.repo"),
    ({"baseurl": "https://h.example/", "repo_gpgcheck": 1, "gpgkey": "file:///etc/pki/KEY"},
     "the key /etc/pki/KEY, which checks its metadata, cannot be read: No such file or directory"),
])
def test_a_configuration_that_cannot_work(fetch, keys, sentence):
    fetch.section(**keys)
    fetch.run()
    assert fetch.entry()["status"] == "unreachable"
    assert fetch.finding("repository-unreachable") == f"repository {ID}: {sentence}; {LOST}"


# ---- signed metadata ---------------------------------------------------------------------------

@pytest.fixture
def signed(fetch, repo, server, key):
    """The node has the key, and wants repomd.xml signed by it."""
    repo.key = key
    repo.sign()
    fetch.node.write("etc/pki/rpm-gpg/KEY", key.public)
    fetch.section(baseurl=f"{server.url}/repo/", repo_gpgcheck=1, gpgkey="file:///etc/pki/rpm-gpg/KEY")
    return fetch


def test_a_good_signature(signed, server):
    signed.run()
    assert signed.entry()["status"] == "ok" and signed.entry()["findings"] == []
    assert server.asked_for("repomd.xml.asc") == 1


def test_a_changed_repomd(signed, repo):
    repo.repomd.write_text(repo.repomd.read_text().replace("</repomd>", " </repomd>"))
    signed.run()
    check_failed(signed, "invalid", "metadata-invalid", "repomd.xml", "signature", ASK_OWNER)


def test_the_signature_of_somebody_else(signed, repo):
    with rpms.Key("somebody else <else@example.com>") as other:
        other.sign_file(repo.repomd)
    signed.run()
    check_failed(signed, "invalid", "metadata-invalid", "signature")


def test_no_signature(signed, repo):
    (repo.repodata / "repomd.xml.asc").unlink()
    signed.run()
    assert signed.entry()["status"] in ("invalid", "unreachable")
    assert signed.entry()["files"] == []


def test_a_key_that_is_none(signed):
    signed.node.write("etc/pki/rpm-gpg/KEY", "not a key\n")
    signed.run()
    check_failed(signed, "invalid", "metadata-invalid", "signature")


def test_the_keys_leave_nothing_running(signed):
    signed.run()
    running = [path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
               if path.exists()]
    assert not [line for line in running if str(signed.cache).encode() in line]


# ---- what repomd.xml says ----------------------------------------------------------------------

def replace_in(pattern, text):
    return lambda record: re.sub(pattern, text, record, flags=re.S)


LOCATION = r'<location href="[^"]*"/>'
LIES = [
    ("absolute-path", LOCATION, '<location href="/etc/passwd"/>', "'/etc/passwd', which is no path"),
    ("another-host", LOCATION, '<location href="http://h.example/x"/>', "which is no path below"),
    ("a-local-file", LOCATION, '<location href="file:///etc/passwd"/>', "which is no path below"),
    ("a-line-break", LOCATION, '<location href="a&#10;b"/>', "which is no path below"),
    ("no-location", LOCATION, "", None),
    ("no-checksum", r'<checksum type="sha256">[^<]*</checksum>', "",
     "repomd.xml has no checksum for updateinfo"),
    ("an-empty-checksum", r'<checksum type="sha256">[^<]*</checksum>',
     '<checksum type="sha256"></checksum>', None),
    ("a-checksum-that-is-a-path", r'<checksum type="sha256">[^<]*</checksum>',
     '<checksum type="sha256">../../../../tmp/x</checksum>',
     "repomd.xml has a checksum for updateinfo that is none"),
    ("a-weak-checksum", r'<checksum type="sha256">[^<]*</checksum>',
     '<checksum type="md5">d41d8cd98f00b204e9800998ecf8427e</checksum>',
     "repomd.xml has only a checksum of type md5 for updateinfo, which proves nothing; sha256 is "
     "needed"),
    ("too-large", r"<size>\d+</size>", "<size>99999999</size>",
     "its updateinfo has 99999999 bytes, more than the 1048576 that max_file_size allows"),
    ("another-size", r"<size>\d+</size>", "<size>17</size>", None),
]


@pytest.mark.parametrize("name, pattern, text, sentence", LIES, ids=[lie[0] for lie in LIES])
def test_a_record_that_lies(fetch, repo, tmp_path, name, pattern, text, sentence):
    repo.edit_record("updateinfo", replace_in(pattern, text))
    outside = listing(tmp_path / "node")
    fetch.run()
    entry = fetch.entry()
    assert entry["status"] in ("invalid", "unreachable") and entry["files"] == []
    if sentence:
        assert sentence in fetch.finding("metadata-invalid")
    assert listing(tmp_path / "node") == outside


def test_a_record_above_the_repository_is_no_path_of_ours(fetch, repo, server, tmp_path):
    repo.edit_record("updateinfo", replace_in(LOCATION, '<location href="../../../etc/x"/>'))
    fetch.run()
    check_failed(fetch, "unreachable", "repository-unreachable", f"{server.url}/etc/x: ", "404")
    assert server.asked_for("/etc/x") >= 1
    assert not (tmp_path / "etc").exists()


def test_packages_in_sqlite_form_only(fetch, repo, server):
    repo.edit_repomd(lambda text: text.replace('<data type="primary">', '<data type="primary_db">'))
    fetch.run()
    check_failed(fetch, "invalid", "metadata-invalid",
                 "its repomd.xml lists the packages in sqlite form only (primary_db), which klpd "
                 "does not read; create it with primary.xml too")


def test_zchunk_is_not_used(fetch, repo, server):
    repo.edit_repomd(lambda text: text.replace(
        '<data type="primary">', '<data type="primary_zck"><checksum type="sha256">'
        f'{"0" * 64}</checksum><location href="repodata/p.zck"/></data><data type="primary">'))
    fetch.run()
    assert fetch.entry()["status"] == "ok" and server.asked_for("zck") == 0


def test_older_metadata_is_taken_and_told(fetch, repo):
    fetch.run()
    repo.publish(NOW - 2 * 86400)
    fetch.run(refresh=True)
    entry = fetch.entry()
    assert entry["status"] == "ok" and entry["revision"] == str(NOW - 2 * 86400)
    assert fetch.finding("metadata-older") == (
        f"repository {ID}: its metadata of 2025-06-13T15:06:40Z is older than what it had before, of "
        "2025-06-14T15:06:40Z; a mirror may lag behind: scan again later")
    assert entry["findings"][0]["severity"] == "warning"


# ---- being stopped -----------------------------------------------------------------------------

def wait_for_request(server, part):
    deadline = time.monotonic() + 20
    while not server.asked_for(part):
        assert time.monotonic() < deadline, f"{part} was never asked for"
        time.sleep(0.01)


@pytest.fixture
def filled(fetch, repo, server):
    """A good cache, and a repository that has changed since and stalls."""
    fetch.run()
    repo.notices[0].severity = "low"
    repo.publish(NOW)
    repo.notices[0].severity = "important"
    server.forget()
    server.on("updateinfo.xml.gz", servers.stall(60))
    return fetch


def test_sigterm_leaves_the_cache_as_it_was(filled, server):
    before = filled.snapshot()
    process = filled.start(refresh=True)
    wait_for_request(server, "updateinfo")
    start = time.monotonic()
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert time.monotonic() - start < 3
    assert process.returncode == 75
    assert output.splitlines()[-1] == (
        '{"error":{"status":75,"message":"fetching was stopped; the metadata cache is as it was"}}')
    filled.check_cache()
    assert filled.snapshot() == before


def test_sigkill_leaves_nothing_that_the_next_run_does_not_mend(filled, repo, server):
    before = filled.snapshot()
    process = filled.start(refresh=True)
    wait_for_request(server, "updateinfo")
    process.kill()
    process.communicate(timeout=20)
    assert list(filled.cache.glob("tmp-*"))
    for name, data in before.items():
        assert (filled.cache / name).read_bytes() == data
    server.on("updateinfo.xml.gz", None)
    filled.run(refresh=True)
    assert filled.entry()["status"] == "ok"
    assert filled.files()["updateinfo"].read_bytes() == repo.file_of("updateinfo").read_bytes()
