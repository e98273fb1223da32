# SPDX-License-Identifier: Apache-2.0
"""klpd-fetch brings documents: over https only, whole or not at all, and without telling secrets."""
import hashlib
import os
import subprocess
import time

import pytest

from conftest import need
from fetching import NOW, Fetcher
from klpdtest import server as servers

BODY = b'[{"OperatingSystem": "AMAZON_LINUX_2"}]\n'
NAME = "the baseline override"
LIMIT = 2 << 20
CHECK = "; check the URL (a presigned one ends with its time), the network and the proxy"
DAY = 86400
# What a presigned URL looks like, and what else may stand in one.
QUERY = "X-Amz-Credential=AKIASECRET%2F20250601&X-Amz-Signature=5ec4e7'5ec4e7)5ec4e7"


class Documents(Fetcher):
    def __init__(self, program, folder, url):
        super().__init__(program, folder)
        self.url = url
        self.store = self.cache / "documents"
        self.request.update(roles={})

    def get(self, *urls, **changes):
        documents = [{"url": url, "name": NAME} for url in urls or [f"{self.url}/b.json"]]
        return self.run(documents=documents, **changes)

    def here(self):
        return {p.name: p.read_bytes() for p in self.store.iterdir()} if self.store.exists() else {}

    def error(self, status, *urls, **changes):
        result = self.get(*urls, status=status, **changes)
        assert result.error["status"] == status
        for secret in ("5ec4e7", "AKIASECRET", "pa55"):
            assert secret not in result.output + result.errors, result.output
        assert "nowhere" not in result.output
        return result.error["message"]


@pytest.fixture(name="certificate", scope="module")
def certificate_fixture(tmp_path_factory):
    need("openssl")
    return servers.make_certificate(str(tmp_path_factory.mktemp("tls") / "server.pem"))


@pytest.fixture(name="server")
def server_fixture(tmp_path, certificate):
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "b.json").write_bytes(BODY)
    (folder / "list.yaml").write_bytes(b"patches: []\n")
    with servers.Server(folder, certificate) as running:
        yield running


@pytest.fixture(name="plain")
def plain_fixture(server):
    """The same without encryption."""
    with servers.Server(server.folder) as running:
        yield running


@pytest.fixture(name="fetch")
def fetch_fixture(build, tmp_path, server, certificate):
    made = Documents(build / "klpd-fetch", tmp_path, server.url)
    with open(certificate + ".crt", encoding="ascii") as public:
        made.node.write("etc/pki/own.pem", public.read())
    made.node.write("etc/yum.conf", "[main]\nsslcacert=/etc/pki/own.pem\ntimeout=5\n")
    return made


def file_name(body=BODY):
    return "sha256-" + hashlib.sha256(body).hexdigest()


# ---- what is there afterwards ------------------------------------------------------------------

def test_good(fetch, server):
    result = fetch.get()
    path = fetch.store / file_name()
    assert result.lines == [{"downloaded": {"bytes": len(BODY), "files": 1},
                             "documents": [{"name": NAME, "path": str(path)}]}]
    assert fetch.here() == {file_name(): BODY} and result.errors == ""
    assert path.stat().st_mode & 0o7777 == 0o600
    assert server.requests == ["/b.json"]


def test_it_is_fetched_each_time(fetch, server):
    """It may have changed; the copy of before stays what it was."""
    fetch.get()
    (server.folder / "b.json").write_bytes(BODY * 2)
    [document] = fetch.get().lines[-1]["documents"]
    assert document["path"] == str(fetch.store / file_name(BODY * 2))
    assert fetch.here() == {file_name(): BODY, file_name(BODY * 2): BODY * 2}


def test_an_older_copy_does_not_stand_in(fetch, server):
    fetch.get()
    server.on("b.json", servers.status(500))
    assert "500" in fetch.error(69)


def test_two(fetch, server):
    documents = fetch.get(f"{server.url}/b.json", f"{server.url}/list.yaml").lines[-1]["documents"]
    assert [d["path"] for d in documents] == [str(fetch.store / file_name(body))
                                              for body in (BODY, b"patches: []\n")]


def test_the_first_that_cannot_be_had_ends_it(fetch, server):
    fetch.error(69, f"{server.url}/gone", f"{server.url}/b.json")
    assert server.requests == ["/gone"]


def test_old_documents_are_removed(fetch):
    now = int(time.time())
    fetch.store.mkdir()
    for name, days in (("sha256-" + "0" * 64, 8), ("sha256-" + "1" * 64, 6), ("notes", 8)):
        (fetch.store / name).write_bytes(b"x")
        os.utime(fetch.store / name, (now - days * DAY,) * 2)
    fetch.get(now=now)
    assert set(fetch.here()) == {file_name(), "sha256-" + "1" * 64, "notes"}


def test_a_folder_that_is_a_link(fetch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    fetch.store.symlink_to(tmp_path / "elsewhere")
    assert "the cache's folder documents cannot be opened" in fetch.error(74)
    assert not list((tmp_path / "elsewhere").iterdir())


# ---- secrets -----------------------------------------------------------------------------------

def signed(server):
    """Answers only whom the query lets in."""
    def act(handler, body):
        allowed = handler.path.split("?")[1:] == [QUERY]
        handler.reply(200 if allowed else 403, body if allowed else b"<html>no</html>")
    server.on("b.json", servers.Behaviour(act))


def test_a_presigned_url(fetch, server):
    signed(server)
    result = fetch.get(f"{server.url}/b.json?{QUERY}")
    assert fetch.here() == {file_name(): BODY} and "5ec4e7" not in result.output + result.errors
    assert fetch.error(69).startswith(f"{NAME} cannot be had: {server.url}/b.json: ")


@pytest.mark.parametrize("behaviour", [
    servers.status(403), servers.status(404), servers.cut(), servers.endless(64 << 20), servers.redirect(f"/x?{QUERY}"),
    servers.redirect(f"http://me:pa55@127.0.0.1:1/x?{QUERY}"), servers.redirect(f"https://127.0.0.1:1/x?{QUERY}"),
], ids=["forbidden", "missing", "cut", "endless", "elsewhere", "to-http", "to-nobody"])
def test_secrets_are_not_told(fetch, server, behaviour):
    server.on("b.json", behaviour)
    url = server.url.replace("https://", "https://me:pa55@")
    status = 65 if behaviour.act.__qualname__.startswith("endless") else 69
    assert fetch.error(status, f"{url}/b.json?{QUERY}").startswith(f"{NAME} cannot be had: https://127.0.0.1:")
    assert fetch.here() == {}


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/b.json?5ec4e7", "ftp://127.0.0.1/b?5ec4e7", "file:///etc/passwd", "s3://5ec4e7/key", "/etc/passwd",
    "https:///b.json", "https://", "https:b.json", "https://127.0.0.1/a b", "https://127.0.0.1/a\nb", "",
    "httpss://127.0.0.1/b",
])
def test_only_https(fetch, server, url):
    assert fetch.error(64, url) == f"{NAME} is not at an https URL; only such ones are fetched"
    assert server.requests == []


@pytest.mark.parametrize("documents, sentence", [
    ([], "the request's documents are no list, or an empty one"),
    ({}, "the request's documents are no list, or an empty one"),
    ([{"url": "https://h.example/5ec4e7"}],
     "a document in the request is not as it should be: Object item not found: name"),
    ([{"url": "https://h.example/5ec4e7", "name": 1}],
     "a document in the request is not as it should be: Expected string, got integer"),
])
def test_a_request_that_is_wrong(fetch, documents, sentence):
    result = fetch.run(documents=documents, status=64)
    assert result.error["message"] == sentence


def test_packages_and_documents_at_once(fetch):
    request = {"documents": [{"url": "https://h.example/", "name": NAME}], "packages": []}
    assert fetch.run(status=64, **request).error["message"] == "the request has both packages and documents"


# ---- who is believed ---------------------------------------------------------------------------

def test_a_certificate_of_nobody_we_know(fetch, server):
    fetch.node.path("etc/yum.conf").unlink()
    message = fetch.error(69)
    assert message.startswith(f"{NAME} cannot be had: {server.url}/b.json: ") and "certificate" in message
    assert message.endswith(CHECK) and fetch.here() == {}


def test_the_certificate_is_always_checked(fetch):
    """For packages sslverify=0 leaves their signatures; a document has none."""
    fetch.node.write("etc/yum.conf", "[main]\nsslverify=0\n")
    assert "certificate" in fetch.error(69)


def test_a_certificate_for_somebody_else(fetch, server):
    url = server.url.replace("127.0.0.1", "localhost")
    assert f"{url}/b.json: " in fetch.error(69, f"{url}/b.json")
    assert fetch.here() == {}


def test_an_authority_that_is_not_there(fetch):
    fetch.node.path("etc/pki/own.pem").unlink()
    message = fetch.error(78)
    assert "/etc/pki/own.pem, which /etc/yum.conf names, cannot be read" in message


def test_redirected_over_https(fetch, server):
    server.on("/old", servers.redirect(f"{server.url}/b.json"))
    fetch.get(f"{server.url}/old")
    assert fetch.here() == {file_name(): BODY}


ENVIRONMENTS = [{}, {"no_proxy": "*"}, {"NO_PROXY": "127.0.0.1"}, {"no_proxy": "*", "all_proxy": "http://127.0.0.1:1"},
                {"http_proxy": "", "HTTPS_PROXY": "http://127.0.0.1:1", "no_proxy": "a.example,127.0.0.1"}]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
def test_redirected_to_http(fetch, server, plain, environment):
    fetch.environment = environment
    server.on("/old", servers.redirect(f"{plain.url}/b.json"))
    message = fetch.error(69, f"{server.url}/old")
    assert message == (f"{NAME} cannot be had: {server.url}/old: it is redirected to where the connection is not "
                       f"https, which is not followed{CHECK}")
    assert plain.requests == [] and fetch.here() == {}


@pytest.mark.parametrize("proxy", [
    {"https_proxy": "http://127.0.0.1:1"}, {"HTTPS_PROXY": "http://127.0.0.1:1"}, {"all_proxy": "http://127.0.0.1:1"},
    {"https_proxy": "http://127.0.0.1:1", "no_proxy": "27.0.0.1,example.com"}, None,
], ids=str)
def test_a_proxy_is_used(fetch, server, proxy):
    if proxy is None:
        fetch.node.write("etc/yum.conf", "[main]\nproxy=http://127.0.0.1:1\nsslcacert=/etc/pki/own.pem\n")
    fetch.environment = proxy or {}
    assert f"{server.url}/b.json: " in fetch.error(69) and server.requests == []
    fetch.environment = dict(fetch.environment, no_proxy="h.example, 127.0.0.1")
    fetch.get()


def test_what_lets_into_repositories_is_not_sent(fetch, server):
    fetch.node.write("etc/yum.conf", "[main]\nsslcacert=/etc/pki/own.pem\nusername=me\npassword=pa55\n")
    seen = []
    server.on("b.json", servers.Behaviour(lambda handler, body: (seen.append(handler.headers["Authorization"]),
                                                                 handler.reply(200, body))))
    fetch.get()
    assert seen == [None]


# ---- what goes wrong on the way ----------------------------------------------------------------

@pytest.mark.parametrize("behaviour, part", [
    (servers.status(404), "404"), (servers.status(403), "403"), (servers.status(500), "500"), (servers.cut(), "Curl error"),
], ids=["missing", "forbidden", "server-error", "cut"])
def test_trouble(fetch, server, behaviour, part):
    server.on("b.json", behaviour)
    message = fetch.error(69)
    assert message.startswith(f"{NAME} cannot be had: {server.url}/b.json: ") and message.endswith(CHECK)
    assert part in message and fetch.here() == {}
    server.on("b.json", None)
    fetch.get()


def test_nobody_there(fetch):
    message = fetch.error(69, "https://127.0.0.1:1/b.json")
    assert message.startswith(f"{NAME} cannot be had: https://127.0.0.1:1/b.json: ") and message.endswith(CHECK)


@pytest.mark.parametrize("behaviour", [servers.endless(64 << 20), servers.content(b"x" * (LIMIT + 1))],
                         ids=["endless", "stated"])
def test_too_large(fetch, server, behaviour):
    server.on("b.json", behaviour)
    message = fetch.error(65)
    assert message == f"{NAME} cannot be had: {server.url}/b.json: it is larger than the {LIMIT} bytes that are allowed"
    assert fetch.here() == {} and server.total_bytes() < 8 << 20


@pytest.mark.parametrize("body", [b"", b"x" * LIMIT], ids=["empty", "largest"])
def test_any_size_up_to_the_limit(fetch, server, body):
    server.on("b.json", servers.content(body))
    fetch.get()
    assert fetch.here() == {file_name(body): body}


def test_a_stall(fetch, server):
    server.on("b.json", servers.stall(60))
    result = fetch.get(timeout=2, status=75)
    assert result.seconds < 6 and fetch.here() == {}
    assert result.error["message"] == (f"{NAME} cannot be had: {server.url}/b.json: it took too long; check the network "
                                       "and try again")


def test_sigterm(fetch, server):
    server.on("b.json", servers.stall(60))
    process = fetch.start(documents=[{"url": f"{server.url}/b.json?{QUERY}", "name": NAME}])
    deadline = time.monotonic() + 20
    while not server.requests:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 75 and output == '{"error":{"status":75,"message":"fetching was stopped"}}\n'
    fetch.check_cache()


@pytest.mark.root
def test_a_full_disk(fetch, server):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", fetch.cache], check=False,
                             capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        server.on("b.json", servers.content(b"x" * LIMIT))
        message = fetch.get(status=74).error["message"]
        assert message.startswith(f"{NAME} cannot be had: ") and message.endswith("; make room in the cache")
    finally:
        subprocess.run(["umount", fetch.cache], check=True)


def test_the_time_of_the_request_decides_what_is_old(fetch):
    fetch.get(now=NOW)
    assert fetch.here() == {file_name(): BODY}


# ---- through the agent ----------------------------------------------------------------------------

OWN = b"Name: From-afar\nOperatingSystem: AMAZON_LINUX_2\n"


@pytest.fixture(name="trusting")
def trusting_fixture(node, server, certificate):
    """A node that trusts the server; the server's address."""
    (server.folder / "own.yaml").write_bytes(OWN)
    with open(certificate + ".crt", encoding="ascii") as public:
        node.scenario.node.write("etc/pki/own.pem", public.read())
    configuration = node.scenario.node.path("etc/yum.conf")
    before = configuration.read_text() if configuration.exists() else "[main]\n"
    node.scenario.node.write("etc/yum.conf", before.replace("[main]\n", "[main]\nsslcacert=/etc/pki/own.pem\n"))
    return server.url


def test_a_baseline_from_afar(node, trusting):
    url = trusting.replace("https://", "https://me:pa55@") + f"/own.yaml?{QUERY}"
    report = node.json("scan", f"--baseline={url}")
    assert report["baseline"]["name"] == "From-afar"
    assert report["baseline"]["source"] == f"{trusting}/own.yaml"
    assert report["baseline"]["sha256"] == hashlib.sha256(OWN).hexdigest()
    assert node.json("explain", "kernel", f"--baseline={url}")["kind"] == "package"
    kept = [path.read_text() for path in node.scenario.node.path("var/lib/klpd").rglob("*.json")]
    assert kept and not any(secret in text for text in kept for secret in ("5ec4e7", "AKIASECRET", "pa55"))


def test_a_list_of_overrides_from_afar(node, trusting, server):
    (server.folder / "list.yaml").write_text("patches: [{id: nothing.x86_64, title: nothing.x86_64:0:1-1}]\n")
    report = node.json("install", "--dry-run", f"--override-list={trusting}/list.yaml")
    assert report["plan"]["steps"] == []


def test_a_document_that_is_not_there_ends_it(node, trusting):
    done = node.run("scan", f"--baseline={trusting}/other.yaml?{QUERY}")
    assert done.returncode == 69 and done.stdout == ""
    assert done.stderr.startswith(f"klpctl: the baseline cannot be had: {trusting}/other.yaml") and "404" in done.stderr
    assert "5ec4e7" not in done.stderr
    assert node.json("history") == []


@pytest.mark.parametrize("body, sentence", [(b"nmae: x\n", "own.yaml:1: nmae: "), (b"\xff\xfe", "is not text in UTF-8"),
                                            (b"a: b\0", "is not text in UTF-8")])
def test_a_document_that_cannot_be_used(node, trusting, server, body, sentence):
    (server.folder / "own.yaml").write_bytes(body)
    done = node.run("scan", f"--baseline={trusting}/own.yaml?{QUERY}")
    assert done.returncode in (65, 78) and sentence in done.stderr and "5ec4e7" not in done.stderr
