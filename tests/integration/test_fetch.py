# SPDX-License-Identifier: Apache-2.0
"""klpd-fetch with real repositories: where they are, what is fetched, what is kept."""
import hashlib
import json
import os
import shutil
import time

import pytest

import fetching
from conftest import need
from fetching import ID, NOW, Fetcher, copy_repository, make_repository
from fetching import original, repo, server  # noqa: F401 fixtures
from klpdtest import server as servers


@pytest.fixture
def fetch(build, tmp_path):
    return Fetcher(build / "klpd-fetch", tmp_path)


def check_fetched(fetch, repo):
    entry = fetch.entry()
    assert entry["status"] == "ok" and entry["findings"] == []
    assert entry["role"] == "livepatch"
    assert entry["checksum"] == "sha256:" + hashlib.sha256(repo.repomd.read_bytes()).hexdigest()
    files = fetch.files()
    assert set(files) == {"updateinfo", "primary"}
    for record, path in files.items():
        assert path.read_bytes() == repo.file_of(record).read_bytes()
    for file in entry["files"]:
        data = (fetch.cache / file["file"]).read_bytes()
        assert file["size"] == len(data)
        assert file["checksum"] == "sha256:" + hashlib.sha256(data).hexdigest()


# ---- where a repository is ---------------------------------------------------------------------

def test_a_base_url(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    result = fetch.run()
    check_fetched(fetch, repo)
    entry = fetch.entry()
    assert entry["revision"] == str(NOW - 86400) and entry["timestamp"] == NOW - 86400
    assert entry["fetched"] == NOW and entry["expires"] == NOW + 172800
    assert result.lines[-1]["fetched"]["bytes"] == server.total_bytes()
    assert result.lines[-1]["fetched"]["files"] == 3
    assert {p["file"] for p in result.progress} == {"updateinfo", "primary"}
    assert result.progress[-1]["done"] == result.progress[-1]["total"]
    assert result.errors == ""
    # Only what a scan needs.
    assert server.asked_for("filelists") == server.asked_for("other.xml") == 0
    assert server.asked_for("repomd.xml.asc") == 0


def test_a_mirror_list_of_amazons_variables(fetch, repo, server):
    mirrors = repo.folder.parent / "2/extras/livepatch/latest/x86_64/mirror.list"
    mirrors.parent.mkdir(parents=True)
    mirrors.write_text(f"{server.url}/repo/\n")
    fetch.section(mirrorlist="$awsproto://$amazonlinux.$awsregion.$awsdomain/$releasever/extras/"
                             "livepatch/$target/$basearch/mirror.list")
    fetch.node.serve_from(server.address)
    fetch.run()
    check_fetched(fetch, repo)


def metalink(repo, *urls, digest=None):
    digest = digest or hashlib.sha256(repo.repomd.read_bytes()).hexdigest()
    (repo.folder.parent / "metalink.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<metalink version="3.0" xmlns="http://www.metalinker.org/" '
        'xmlns:mm0="http://fedorahosted.org/mirrormanager"><files><file name="repomd.xml">'
        f"<mm0:timestamp>{NOW}</mm0:timestamp><size>{repo.repomd.stat().st_size}</size>"
        f'<verification><hash type="sha256">{digest}</hash></verification>'
        '<resources maxconnections="1">'
        + "".join(f'<url protocol="http" type="http" preference="{100 - i}">{url}</url>'
                  for i, url in enumerate(urls))
        + "</resources></file></files></metalink>\n")


def test_a_metalink(fetch, repo, server):
    metalink(repo, f"{server.url}/repo/repodata/repomd.xml")
    fetch.section(metalink=f"{server.url}/metalink.xml")
    fetch.run()
    check_fetched(fetch, repo)


def test_a_metalink_with_another_checksum(fetch, repo, server):
    metalink(repo, f"{server.url}/repo/repodata/repomd.xml", digest="0" * 64)
    fetch.section(metalink=f"{server.url}/metalink.xml")
    fetch.run()
    assert fetch.entry()["status"] in ("invalid", "unreachable")
    assert fetch.entry()["files"] == []


def test_a_folder_of_the_node(fetch, original):
    repo = copy_repository(original, fetch.node.path("srv/repo"))
    fetch.section(baseurl="file:///srv/repo")
    fetch.run()
    check_fetched(fetch, repo)


def test_a_folder_that_is_not_there(fetch):
    fetch.section(baseurl="file:///srv/repo")
    fetch.run()
    assert fetch.entry()["status"] == "unreachable"
    assert fetch.finding("repository-unreachable") == (
        f"repository {ID}: /srv/repo, which /etc/yum.repos.d/{ID}.repo names, cannot be read: "
        "No such file or directory; nothing is known of what it offers")


def test_through_a_proxy(fetch, repo, server):
    with servers.Server(repo.folder) as proxy:
        proxy.proxy_for["repo.example"] = server.address
        fetch.section(baseurl="http://repo.example/repo/", proxy=proxy.url)
        fetch.run()
        check_fetched(fetch, repo)
        assert proxy.proxied[0] == "http://repo.example/repo/repodata/repomd.xml"


def test_redirected(fetch, repo, server):
    server.on("/old/repodata/repomd.xml", servers.redirect("/repo/repodata/repomd.xml"))
    for record in ("updateinfo", "primary"):
        name = repo.file_of(record).name
        server.on(f"/old/repodata/{name}", servers.redirect(f"/repo/repodata/{name}"))
    fetch.section(baseurl=f"{server.url}/old/")
    fetch.run()
    check_fetched(fetch, repo)


def test_a_redirect_to_a_file_is_not_followed(fetch, repo, server):
    server.on("repomd.xml", servers.redirect(repo.repomd.as_uri()))
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run()
    assert fetch.entry()["status"] == "unreachable"


def test_the_second_mirror_when_the_first_is_dead(fetch, repo, server):
    (repo.folder.parent / "mirrors").write_text(f"{server.url}/gone/\n{server.url}/repo/\n")
    fetch.section(mirrorlist=f"{server.url}/mirrors")
    fetch.run()
    check_fetched(fetch, repo)
    assert server.asked_for("/gone/repodata/repomd.xml") == 1


def test_the_second_mirror_when_the_first_corrupts(fetch, repo, server):
    shutil.copytree(repo.folder, repo.folder.parent / "bad")
    bad = repo.file_of("updateinfo").name
    server.on(f"/bad/repodata/{bad}", servers.corrupt())
    fetch.section(baseurl=f"{server.url}/bad/ {server.url}/repo/")
    fetch.run()
    check_fetched(fetch, repo)
    assert server.asked_for(f"/bad/repodata/{bad}") >= 1


@pytest.mark.parametrize("compression", ["xz", "bz2", "zstd"])
def test_other_compressions(fetch, key, tmp_path, compression):
    if compression == "zstd":
        need("zstd")
    repo = make_repository(tmp_path / "www/repo", key, compression=compression)
    with servers.Server(repo.folder.parent) as server:
        fetch.section(baseurl=f"{server.url}/repo/")
        fetch.run()
        check_fetched(fetch, repo)
    suffix = {"xz": ".xz", "bz2": ".bz2", "zstd": ".zst"}[compression]
    assert fetch.files()["primary"].name.endswith(".xml" + suffix)


def test_the_real_metadata_of_amazon_linux(fetch, request):
    data = os.environ.get("KLPD_TEST_DATA") or request.config.rootpath / "../shared/data"
    data = fetching.pathlib.Path(data) / "al2-2024-10-03"
    if not data.is_dir():
        pytest.skip("the real advisories are not here (KLPD_TEST_DATA, ../shared/data)")
    ids = ["amzn2-core", "amzn2extra-kernel-5.10"]
    with servers.Server(data) as server:
        for repo_id in ids:
            fetch.section(repo_id, baseurl=f"{server.url}/{repo_id}/")
        fetch.run(roles={"livepatch": [], "kernel": ids}, max_file_bytes=1 << 28)
    for repo_id in ids:
        assert fetch.entry(repo_id)["status"] == "ok"
        assert [f["type"] for f in fetch.entry(repo_id)["files"]] == ["updateinfo"]


# ---- what is fetched and what is kept ----------------------------------------------------------

def test_nothing_is_fetched_before_it_expires(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/", metadata_expire=300)
    fetch.run()
    before = fetch.entry()
    server.forget()
    result = fetch.run(now=NOW + 299)
    assert server.requests == []
    assert result.lines == [{"fetched": {"bytes": 0, "files": 0}}]
    assert fetch.entry() == before
    fetch.run(now=NOW + 299, refresh=True)
    assert server.asked_for("repomd.xml") == 1


def test_what_did_not_change_is_not_fetched_again(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/", metadata_expire=300)
    fetch.run()
    server.forget()
    fetch.run(now=NOW + 300)
    assert server.requests == ["/repo/repodata/repomd.xml"]
    assert server.total_bytes() == repo.repomd.stat().st_size
    check_fetched(fetch, repo)
    assert fetch.entry()["fetched"] == NOW + 300


def test_only_what_changed_is_fetched(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run()
    old = fetch.files()["updateinfo"]
    server.forget()
    repo.notices[0].severity = "medium"
    try:
        repo.publish(NOW - 3600)
    finally:
        repo.notices[0].severity = "important"
    fetch.run(refresh=True)
    assert server.asked_for("updateinfo") == 1 and server.asked_for("primary") == 0
    check_fetched(fetch, repo)
    assert not old.exists()


def test_a_damaged_file_in_the_cache_is_fetched_again(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run()
    path = fetch.files()["primary"]
    data = bytearray(path.read_bytes())
    data[20] ^= 0xff
    path.write_bytes(data)
    fetch.run(refresh=True)
    check_fetched(fetch, repo)


def test_a_damaged_state_is_made_anew(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run()
    server.forget()
    (fetch.cache / "state.json").write_text('{"format": 1, "repos')
    fetch.run()
    check_fetched(fetch, repo)
    assert server.requests == ["/repo/repodata/repomd.xml"]


def test_a_changed_configuration_is_noticed(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run()
    server.forget()
    fetch.section(baseurl=f"{server.url}/repo/", exclude="kernel-livepatch-*", enabled=1,
                  gpgkey="file:///etc/pki/rpm-gpg/KEY-$basearch")
    for _ in range(2):  # what is fresh is kept
        fetch.run()
        assert server.asked_for("repomd.xml") == 1
        assert fetch.entry()["excludes"] == ["kernel-livepatch-*"]
        assert fetch.entry()["gpgkeys"] == ["file:///etc/pki/rpm-gpg/KEY-x86_64"]


def test_never_expires(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/", metadata_expire="never")
    fetch.run()
    server.forget()
    fetch.run(now=NOW + 10 * 365 * 86400)
    assert server.requests == []


def test_a_kernel_repository_has_no_use_for_primary(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run(roles={"livepatch": [], "kernel": [ID]})
    assert set(fetch.files()) == {"updateinfo"} and server.asked_for("primary") == 0
    assert fetch.entry()["role"] == "kernel"
    # With the other role it is needed.
    fetch.run()
    assert set(fetch.files()) == {"updateinfo", "primary"}


def test_primary_for_kernel_repositories_on_demand(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    roles = {"livepatch": [], "kernel": [ID]}
    fetch.run(roles=roles)
    server.forget()
    fetch.run(roles=roles, primary=["livepatch", "kernel"])
    assert set(fetch.files()) == {"updateinfo", "primary"}
    assert fetch.files()["primary"].read_bytes() == repo.file_of("primary").read_bytes()
    assert server.asked_for("primary") == 1 and server.asked_for("updateinfo") == 0
    # It is there now, and an ordinary refresh has no reason to look again.
    server.forget()
    fetch.run(roles=roles, primary=["kernel"])
    fetch.run(roles=roles)
    assert server.requests == [] and set(fetch.files()) == {"updateinfo", "primary"}
    fetch.run(roles=roles, refresh=True)
    assert set(fetch.files()) == {"updateinfo"}


def test_a_kernel_repository_without_primary_is_told_when_it_is_needed(fetch, repo, server):
    repo.remove("primary")
    fetch.section(baseurl=f"{server.url}/repo/")
    roles = {"livepatch": [], "kernel": [ID]}
    fetch.run(roles=roles)
    assert fetch.entry()["status"] == "ok"
    fetch.run(roles=roles, primary=["kernel"])
    assert fetch.entry()["status"] == "stale"
    assert "its repomd.xml lists no primary" in fetch.finding("metadata-invalid")


def test_a_repository_without_notices_is_normal(fetch, repo, server):
    repo.notices = []
    repo.publish(NOW)
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run()
    assert fetch.entry()["status"] == "ok" and fetch.entry()["findings"] == []
    assert set(fetch.files()) == {"primary"}


# ---- which sections ----------------------------------------------------------------------------

def test_sections_by_role(fetch, repo, server):
    url = f"{server.url}/repo/"
    fetch.section(baseurl=url)
    fetch.section("amzn2-core", baseurl=url)
    fetch.section("amzn2-core-debuginfo", baseurl=url)
    fetch.section("amzn2extra-kernel-5.10", baseurl=url)
    fetch.section("amzn2extra-kernel-5.10-source", baseurl=url)
    fetch.section("amzn2extra-kernel-5.15", baseurl=url, enabled=0)
    fetch.section("epel", baseurl=url)
    fetch.section("old-kernels", baseurl=url, enabled=0)
    fetch.run(roles={"livepatch": [ID], "kernel": ["amzn2-core*", "amzn2extra-kernel-*",
                                                   "old-*", "none-*"]})
    assert {(e["id"], e["role"], e["status"]) for e in fetch.state()["repositories"]} == {
        (ID, "livepatch", "ok"), ("amzn2-core", "kernel", "ok"),
        ("amzn2extra-kernel-5.10", "kernel", "ok"), ("old-kernels", "kernel", "disabled"),
        ("none-*", "kernel", "absent")}


def test_a_section_has_one_role(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.run(roles={"kernel": ["*"], "livepatch": [ID]})
    assert [(e["id"], e["role"]) for e in fetch.state()["repositories"]] == [(ID, "livepatch")]


def test_disabled(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/", enabled=0)
    fetch.run()
    assert fetch.entry()["status"] == "disabled" and server.requests == []


def test_no_repositories_at_all(fetch):
    fetch.run()
    assert fetch.entry()["status"] == "absent" and fetch.entry()["findings"] == []


def test_a_broken_repo_file_costs_only_itself(fetch, repo, server):
    fetch.section(baseurl=f"{server.url}/repo/")
    fetch.node.write("etc/yum.repos.d/broken.repo", "[x]\nenabled=1\nwhat is this\n")
    fetch.run()
    check_fetched(fetch, repo)
    (finding,) = fetch.state()["findings"]
    assert finding["code"] == "repository-file-malformed"
    assert finding["message"].startswith("/etc/yum.repos.d/broken.repo:3: ")


# ---- the program -------------------------------------------------------------------------------

@pytest.mark.parametrize("text, sentence", [
    ("", "the request is no JSON: line 1: '[' or '{' expected near end of file"),
    ('{"root": "/"}', "the request is not as it should be: Object item not found: cache"),
    ('{"root": "/", "cache": "/x", "roles": {}, "extra": 1}',
     "the request is not as it should be: 1 object item(s) left unpacked: extra"),
    ('{"root": "/", "cache": "x", "roles": {}}', "the request's cache 'x' is no whole path"),
    ('{"root": "/", "cache": "/x", "roles": {"cook": []}}',
     "the request's role 'cook' is not known or no list"),
    ('{"root": "/", "cache": "/x", "roles": {}, "primary": "kernel"}',
     "the request's primary is no list"),
    ('{"root": "/", "cache": "/x", "roles": {}, "primary": ["cook"]}',
     "the request's primary holds something that is no role"),
    ('{"root": "/", "cache": "/x", "roles": {}, "timeout": 0}',
     "the request's timeout is not 1 to 86400"),
    ("x" * 70000, "the request is larger than 65536 bytes"),
])
def test_a_request_that_is_wrong(build, text, sentence):
    done = fetching.subprocess.run([build / "klpd-fetch"], input=text, text=True, check=False,
                                   stdout=fetching.subprocess.PIPE)
    assert done.returncode == 64
    assert json.loads(done.stdout) == {"error": {"status": 64, "message": sentence}}


def test_a_cache_that_is_not_there(fetch):
    fetch.cache.rmdir()
    process = fetch.start()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 74
    assert json.loads(output)["error"]["message"] == (
        f"{fetch.cache}: the metadata cache cannot be opened: No such file or directory")


def test_two_at_once_do_not_mix(fetch, repo, server):
    server.on("repomd.xml", servers.slow(1.0), times=1)
    fetch.section(baseurl=f"{server.url}/repo/")
    first = fetch.start()
    while not server.requests:
        time.sleep(0.01)
    second = fetch.start()
    assert first.wait(timeout=30) == 0 and second.wait(timeout=30) == 0
    for process in (first, second):
        process.communicate()
    check_fetched(fetch, repo)
    # The second waited, and found that there was nothing left to do.
    assert server.asked_for("repomd.xml") == 1
    fetch.check_cache()


def test_whoever_waits_too_long_is_told_for_whom(fetch, repo, server):
    server.on("repomd.xml", servers.stall(10))
    fetch.section(baseurl=f"{server.url}/repo/")
    first = fetch.start()
    while not server.requests:
        time.sleep(0.01)
    second = fetch.start(timeout=1)
    output, _ = second.communicate(timeout=20)
    assert second.returncode == 75
    assert json.loads(output)["error"]["message"] == (
        f"the metadata cache is being written by process {first.pid}; try again when it is done")
    first.terminate()
    first.communicate(timeout=20)
