# SPDX-License-Identifier: Apache-2.0
"""klpd-fetch downloads packages: from good and bad mirrors, once more, and after it was killed."""
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

from fetching import ID, NOW, Fetcher
from klpdtest import server as servers

LABEL = "kernel-livepatch-5.10.233-223.887-1.0-1.amzn2.x86_64"
NAME = f"{LABEL}.rpm"
BODY = random.Random(1).randbytes(400_000)
OTHER = random.Random(2).randbytes(50_000)
DAY = 86400


def package(body=BODY, location=NAME, **changes):
    """What the request says of a package."""
    return dict({"repository": ID, "location": location, "checksum_type": "sha256",
                 "checksum": hashlib.sha256(body).hexdigest(), "size": len(body),
                 "name": LABEL}, **changes)


def file_name(body=BODY, checksum="sha256"):
    return f"{checksum}-{hashlib.new(checksum, body).hexdigest()}.rpm"


class Downloader(Fetcher):
    """klpd-fetch that is asked for packages."""

    def __init__(self, program, folder):
        super().__init__(program, folder)
        self.store = self.cache / "packages"
        self.request.update(roles={}, packages=[package()])

    def get(self, *packages, **changes):
        if packages:
            changes["packages"] = list(packages)
        return self.run(**changes)

    def here(self):
        return {p.name: p.read_bytes() for p in self.store.iterdir()}

    def error(self, status, *packages, **changes):
        """The sentence about what went wrong."""
        error = self.get(*packages, status=status, **changes).error
        assert error["status"] == status
        return error["message"]


@pytest.fixture
def www(tmp_path):
    folder = tmp_path / "www"
    (folder / "repo").mkdir(parents=True)
    (folder / "repo" / NAME).write_bytes(BODY)
    (folder / "repo" / "other.rpm").write_bytes(OTHER)
    return folder


@pytest.fixture
def server(www):
    with servers.Server(www) as running:
        yield running


@pytest.fixture
def fetch(build, tmp_path, server):
    made = Downloader(build / "klpd-fetch", tmp_path)
    made.section(baseurl=f"{server.url}/repo/", timeout=5)
    return made


def mirrored(fetch, server, www, first="one"):
    """Two mirrors, whose first may be told to misbehave."""
    shutil.copytree(www / "repo", www / first)
    fetch.section(baseurl=f"{server.url}/{first}/ {server.url}/repo/", timeout=5)
    return f"/{first}/{NAME}"


def can_resume(folder):
    """librepo marks what it may go on with by an extended attribute."""
    probe = pathlib.Path(folder) / "probe"
    probe.touch()
    try:
        os.setxattr(probe, "user.klpd", b"1")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


# ---- what is there afterwards ------------------------------------------------------------------

def test_good(fetch, server):
    result = fetch.get()
    assert fetch.here() == {file_name(): BODY}
    assert (fetch.store / file_name()).stat().st_mode & 0o7777 == 0o644
    assert fetch.store.stat().st_mode & 0o7777 == 0o755
    assert result.lines[-1] == {"downloaded": {"bytes": len(BODY), "files": 1}}
    assert server.requests == [f"/repo/{NAME}"]
    assert result.errors == ""
    assert {(p["repository"], p["file"], p["total"]) for p in result.progress} == {
        (ID, LABEL, len(BODY))}
    done = [p["done"] for p in result.progress]
    assert done == sorted(done) and done[-1] == len(BODY)
    # The metadata is none of its business.
    assert not (fetch.cache / "state.json").exists()


def test_several(fetch, server):
    twice = package(OTHER, "other.rpm", name="other")
    result = fetch.get(package(), twice, twice)
    assert fetch.here() == {file_name(): BODY, file_name(OTHER): OTHER}
    assert result.lines[-1] == {"downloaded": {"bytes": len(BODY) + len(OTHER), "files": 2}}
    assert server.asked_for("other.rpm") == 1


def test_none(fetch, server):
    assert fetch.run(packages=[]).lines == [{"downloaded": {"bytes": 0, "files": 0}}]
    assert server.requests == []


@pytest.mark.parametrize("checksum", ["sha384", "sha512"])
def test_other_checksums(fetch, checksum):
    fetch.get(package(checksum_type=checksum, checksum=hashlib.new(checksum, BODY).hexdigest()))
    assert fetch.here() == {file_name(checksum=checksum): BODY}


def test_two_repositories(fetch, server, www):
    fetch.section("amzn2-core", baseurl=f"{server.url}/core/")
    (www / "core").mkdir()
    (www / "core" / "kernel.rpm").write_bytes(OTHER)
    result = fetch.get(package(), package(OTHER, "kernel.rpm", repository="amzn2-core"))
    assert fetch.here() == {file_name(): BODY, file_name(OTHER): OTHER}
    assert {p["repository"] for p in result.progress} == {ID, "amzn2-core"}


def test_already_there(fetch, server):
    fetch.get()
    server.forget()
    before = (fetch.store / file_name()).stat()
    assert fetch.get().lines == [{"downloaded": {"bytes": 0, "files": 0}}]
    assert server.requests == []
    assert (fetch.store / file_name()).stat().st_ino == before.st_ino


@pytest.mark.parametrize("damaged", [BODY[:-1] + b"?", BODY[:100], b"", BODY + b"more"],
                         ids=["changed", "cut", "empty", "longer"])
def test_a_damaged_copy_is_replaced(fetch, damaged):
    fetch.store.mkdir()
    (fetch.store / file_name()).write_bytes(damaged)
    fetch.get()
    assert fetch.here() == {file_name(): BODY}


def test_a_link_of_that_name_is_replaced(fetch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(BODY)
    fetch.store.mkdir()
    (fetch.store / file_name()).symlink_to(elsewhere)
    (fetch.store / f"{file_name()}.part").symlink_to(elsewhere)
    elsewhere.write_bytes(b"kept")
    fetch.get()
    assert fetch.here() == {file_name(): BODY}
    assert not (fetch.store / file_name()).is_symlink() and elsewhere.read_bytes() == b"kept"


def test_the_metadata_stays(fetch):
    (fetch.cache / "primary-0.xml.gz").write_bytes(b"metadata")
    (fetch.cache / "state.json").write_text('{"damaged"')
    process = fetch.start()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert (fetch.cache / "primary-0.xml.gz").read_bytes() == b"metadata"
    assert (fetch.cache / "state.json").read_text() == '{"damaged"'
    assert not list(fetch.cache.glob("tmp-*"))


def test_old_packages_are_removed(fetch):
    fetch.get(package(OTHER, "other.rpm"))
    digest = "0" * 64
    old = ["sha256-" + digest + ".rpm", "sha256-" + digest + ".rpm.part"]
    others = ["notes.txt", "sha256-" + digest + ".rpm.mine", "sha1-00.rpm", "sha256-12.rpm"]
    now = int(time.time())
    for name in old + others:
        (fetch.store / name).write_bytes(b"x")
        os.utime(fetch.store / name, (now - 7 * DAY - 60,) * 2)
    os.utime(fetch.store / file_name(OTHER), (now - 6 * DAY,) * 2)
    fetch.get(now=now)
    assert set(fetch.here()) == {file_name(), file_name(OTHER), *others}
    # What is asked for stays, however old.
    os.utime(fetch.store / file_name(), (now - 8 * DAY,) * 2)
    fetch.get(now=now + 2 * DAY)
    assert set(fetch.here()) == {file_name(), *others}


# ---- where it comes from -----------------------------------------------------------------------

def test_a_location_above_the_repository(fetch, server, www):
    digest = hashlib.sha256(BODY).hexdigest()
    (www / "blobstore" / digest).mkdir(parents=True)
    shutil.move(www / "repo" / NAME, www / "blobstore" / digest / NAME)
    (www / "2/core/latest").mkdir(parents=True)
    fetch.section(baseurl=f"{server.url}/2/core/latest")
    fetch.get(package(location=f"../../../blobstore/{digest}/{NAME}"))
    assert fetch.here() == {file_name(): BODY}
    assert server.requests == [f"/blobstore/{digest}/{NAME}"]


def test_a_location_far_above_the_repository_is_no_path_of_ours(fetch, server, tmp_path):
    message = fetch.error(69, package(location="../../../../../../etc/x.rpm"))
    assert f"{server.url}/etc/x.rpm: " in message
    assert server.requests == ["/etc/x.rpm"] and fetch.here() == {}
    assert not (tmp_path / "etc").exists()


def test_a_folder_of_the_node(fetch):
    fetch.node.path("srv/repo").mkdir(parents=True)
    fetch.node.path("srv/pool").mkdir()
    fetch.node.path(f"srv/pool/{NAME}").write_bytes(BODY)
    fetch.section(baseurl="file:///srv/repo")
    fetch.get(package(location=f"../pool/{NAME}"))
    assert fetch.here() == {file_name(): BODY}


def test_a_folder_of_the_node_does_not_lead_out_of_it(fetch, tmp_path):
    (tmp_path / "secret").write_bytes(BODY)
    fetch.node.path("srv/repo").mkdir(parents=True)
    fetch.section(baseurl="file:///srv/repo")
    message = fetch.error(69, package(location="../../../secret"))
    assert "/secret cannot be read: No such file or directory" in message


def test_a_mirror_list(fetch, server, www):
    (www / "mirrors").write_text(f"{server.url}/gone/\n{server.url}/repo/\n")
    fetch.section(mirrorlist=f"{server.url}/mirrors")
    fetch.get()
    assert fetch.here() == {file_name(): BODY}
    assert server.requests == ["/mirrors", f"/gone/{NAME}", f"/repo/{NAME}"]


def test_a_metalink(fetch, server, www):
    (www / "metalink.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<metalink version="3.0" '
        'xmlns="http://www.metalinker.org/"><files><file name="repomd.xml"><size>1</size>'
        f'<verification><hash type="sha256">{"0" * 64}</hash></verification><resources>'
        f'<url protocol="http" type="http">{server.url}/repo/repodata/repomd.xml</url>'
        "</resources></file></files></metalink>\n")
    fetch.section(metalink=f"{server.url}/metalink.xml")
    fetch.get()
    assert fetch.here() == {file_name(): BODY}
    assert server.requests == ["/metalink.xml", f"/repo/{NAME}"]


def test_a_mirror_list_names_no_files_of_the_machine(fetch, server, www):
    (www / "mirrors").write_text(f"file://{www}/repo/\n")
    fetch.section(mirrorlist=f"{server.url}/mirrors")
    assert f"{server.url}/mirrors: it names no mirror" in fetch.error(69)


def test_a_mirror_list_that_is_not_there(fetch, server):
    fetch.section(mirrorlist=f"{server.url}/mirrors?token=hidden")
    message = fetch.error(69)
    assert f"{server.url}/mirrors: " in message and "404" in message and "hidden" not in message


def test_missing_on_one_mirror_and_good_on_the_second(fetch, server, www):
    fetch.section(baseurl=f"{server.url}/gone/ {server.url}/repo/")
    result = fetch.get()
    assert fetch.here() == {file_name(): BODY}
    assert server.requests == [f"/gone/{NAME}", f"/repo/{NAME}"]
    assert result.lines[-1]["downloaded"]["files"] == 1


@pytest.mark.parametrize("behaviour", [
    servers.corrupt(), servers.cut(), servers.status(500), servers.html(), servers.content(b""),
    servers.content(BODY + b"more"), servers.content(BODY[:1000]), servers.endless(4 << 20),
], ids=["corrupt", "cut", "error", "html", "empty", "longer", "shorter", "endless"])
def test_a_bad_mirror_costs_only_time(fetch, server, www, behaviour):
    server.on(mirrored(fetch, server, www), behaviour)
    fetch.get()
    assert fetch.here() == {file_name(): BODY}


def test_the_second_mirror_goes_on_where_the_first_broke_off(fetch, server, www):
    if not can_resume(fetch.cache):
        pytest.skip("no extended attributes on the file system of the test")
    server.on(mirrored(fetch, server, www), servers.cut())
    result = fetch.get()
    assert fetch.here() == {file_name(): BODY}
    assert server.total_bytes() == len(BODY) == result.lines[-1]["downloaded"]["bytes"]
    done = [p["done"] for p in result.progress]
    assert done == sorted(done) and done[-1] == len(BODY)


def test_a_query_lets_us_in(fetch, server):
    fetch.section(baseurl=f"http://me:secret@{server.address}/repo/?token=hidden")
    fetch.get()
    message = fetch.error(69, package(OTHER, "gone.rpm"))
    assert "secret" not in message and "hidden" not in message
    assert f"{server.url}/repo/gone.rpm: " in message


def test_redirected(fetch, server):
    server.on("/old.rpm", servers.redirect(f"/repo/{NAME}"))
    fetch.get(package(location="old.rpm"))
    assert fetch.here() == {file_name(): BODY}


# ---- what is not what it should be -------------------------------------------------------------

ASK_OWNER = "; tell who runs it, or use another mirror"
CHECK = ("; check its URL, the network and the proxy, or scan again if the repository has changed")
TROUBLES = [
    ("wrong-checksum", servers.corrupt(), 65,
     f"its checksum is not the one that its metadata states{ASK_OWNER}"),
    ("truncated-file", servers.content(BODY[:1000]), 65,
     f"its size is not the {len(BODY)} bytes that its metadata states{ASK_OWNER}"),
    ("larger-than-stated", servers.content(BODY + b"more"), 65,
     f"its size is not the {len(BODY)} bytes that its metadata states{ASK_OWNER}"),
    ("endless", servers.endless(64 << 20), 65,
     f"it is larger than the {len(BODY)} bytes that its metadata states{ASK_OWNER}"),
    ("html", servers.html(), 65, "its size is not the"),
    ("missing", servers.status(404), 69, CHECK),
    ("server-error", servers.status(500), 69, CHECK),
    ("forbidden", servers.status(403), 69, "403"),
]


@pytest.mark.parametrize("name, behaviour, status, part", TROUBLES, ids=[t[0] for t in TROUBLES])
def test_trouble(fetch, server, name, behaviour, status, part):
    server.on(NAME, behaviour)
    message = fetch.error(status)
    assert message.startswith(f"{LABEL} cannot be had from repository {ID}: "
                              f"{server.url}/repo/{NAME}: "), message
    assert part in message, message
    assert fetch.here() == {}
    # What was there before is still there, and the next run tries again.
    server.on(NAME, None)
    fetch.get()
    assert fetch.here() == {file_name(): BODY}


def test_a_connection_that_breaks_off(fetch, server):
    server.on(NAME, servers.cut())
    message = fetch.error(65)
    assert f": it ended after {len(BODY) // 2} of {len(BODY)} bytes; " in message
    assert fetch.here() == {f"{file_name()}.part": BODY[:len(BODY) // 2]}


def test_never_more_than_the_size(fetch, server):
    """Without a length in the answer it is only the bytes themselves that tell."""
    server.on(NAME, servers.endless(64 << 20))
    fetch.error(65)
    assert server.total_bytes() < 8 << 20


def test_a_closed_port(fetch):
    fetch.section(baseurl="http://127.0.0.1:1/repo/")
    message = fetch.error(69)
    assert f"http://127.0.0.1:1/repo/{NAME}: " in message and message.endswith(CHECK)
    assert fetch.here() == {}


def test_the_others_are_brought_all_the_same(fetch, server):
    missing = [package(OTHER + b"%d" % i, f"gone{i}.rpm", name=f"gone{i}") for i in range(3)]
    message = fetch.error(69, *missing, package())
    assert message.startswith(f"gone0 cannot be had from repository {ID}: ")
    assert message.endswith("; 2 other packages could not be had either")
    assert fetch.here() == {file_name(): BODY}


def test_a_package_that_is_too_large(fetch, server):
    message = fetch.error(65, max_package_bytes=len(BODY) - 1)
    assert message == (f"{LABEL} of repository {ID} has {len(BODY)} bytes, more than the "
                       f"{len(BODY) - 1} that are allowed for a package")
    assert server.requests == []
    fetch.get(max_package_bytes=len(BODY))


def test_a_repository_that_is_not_there(fetch, server):
    assert fetch.error(78, package(repository="none")) == (
        f"repository none, which has {LABEL}, is not configured on this node; scan again")
    assert server.requests == []


def test_a_repository_that_is_disabled(fetch, server):
    fetch.section(baseurl=f"{server.url}/repo/", enabled=0)
    assert fetch.error(78) == (f"repository {ID}, which has {LABEL}, is disabled in "
                               f"/etc/yum.repos.d/{ID}.repo; enable it")
    assert server.requests == []


def test_a_repository_without_a_url(fetch):
    fetch.section()
    assert "it has no baseurl, mirrorlist or metalink" in fetch.error(78)


@pytest.mark.parametrize("changes, sentence", [
    ({"checksum": "../../../../etc/cron.d/x"},
     f"{LABEL} has a checksum that is none: it has not 64 hexadecimal digits"),
    ({"checksum": "g" * 64},
     f"{LABEL} has a checksum that is none: it has not 64 hexadecimal digits"),
    ({"checksum": "0" * 63},
     f"{LABEL} has a checksum that is none: it has not 64 hexadecimal digits"),
    ({"checksum_type": "sha1", "checksum": "0" * 40},
     f"{LABEL} has only a checksum of type sha1, which proves nothing; sha256 is needed"),
    ({"checksum_type": "../x"},
     f"{LABEL} has only a checksum of type ../x, which proves nothing; sha256 is needed"),
    ({"location": "/etc/passwd"},
     f"{LABEL} is placed at '/etc/passwd', which is no path below its repository"),
    ({"location": "http://h.example/x"},
     f"{LABEL} is placed at 'http://h.example/x', which is no path below its repository"),
    ({"location": "//h.example/x"},
     f"{LABEL} is placed at '//h.example/x', which is no path below its repository"),
    ({"size": 0}, f"{LABEL} has no size"),
    ({"size": "1"}, "a package in the request is not as it should be: Expected integer, got "
     "string"),
    ({"extra": 1}, "a package in the request is not as it should be: 1 object item(s) left "
     "unpacked: extra"),
])
def test_a_request_that_is_wrong(fetch, server, changes, sentence):
    assert fetch.error(64, package(**changes)) == sentence
    assert server.requests == [] and not fetch.store.exists()


@pytest.mark.parametrize("changes, sentence", [
    ({"packages": {}}, "the request's packages are no list"),
    ({"max_package_bytes": 0}, "the request's max_package_bytes is below 1"),
])
def test_another_request_that_is_wrong(fetch, changes, sentence):
    assert fetch.error(64, **changes) == sentence


# ---- being stopped, and going on ---------------------------------------------------------------

def wait_for_part(fetch, size):
    part = fetch.store / f"{file_name()}.part"
    deadline = time.monotonic() + 20
    while not part.exists() or part.stat().st_size < size:
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)


def test_a_stall_ends_with_the_time_for_everything(fetch, server):
    fetch.section(baseurl=f"{server.url}/repo/", timeout=60)
    server.on(NAME, servers.stall(60))
    result = fetch.get(timeout=2, status=75)
    assert result.seconds < 6
    assert result.error["message"] == (
        f"{LABEL} cannot be had from repository {ID}: {server.url}/repo/{NAME}: it took too long; "
        "check the network and try again: what came is kept")
    assert set(fetch.here()) == {f"{file_name()}.part"}


def test_a_stall_ends_with_the_time_of_the_section(fetch, server, www):
    stalled = mirrored(fetch, server, www)
    fetch.section(baseurl=f"{server.url}/one/ {server.url}/repo/", timeout=1)
    server.on(stalled, servers.stall(60))
    assert fetch.get().seconds < 15
    assert fetch.here() == {file_name(): BODY}


def test_a_mirror_list_that_stalls(fetch, server, www):
    (www / "mirrors").write_text(f"{server.url}/repo/\n")
    server.on("mirrors", servers.stall(60))
    fetch.section(mirrorlist=f"{server.url}/mirrors", timeout=60)
    assert f"{server.url}/mirrors: it took too long; " in fetch.error(75, timeout=2)


@pytest.fixture
def killed(fetch, server):
    """Half of the package came, then the process was killed."""
    server.on(NAME, servers.stall(60))
    process = fetch.start()
    wait_for_part(fetch, len(BODY) // 4)
    process.kill()
    process.communicate(timeout=20)
    server.on(NAME, None)
    server.forget()
    part = fetch.store / f"{file_name()}.part"
    assert 0 < part.stat().st_size <= len(BODY) // 2
    assert not (fetch.store / file_name()).exists()
    return fetch


def test_sigkill_and_the_second_run_finishes(killed, server):
    result = killed.get()
    assert killed.here() == {file_name(): BODY}
    assert result.lines[-1]["downloaded"] == {"bytes": server.total_bytes(), "files": 1}
    if can_resume(killed.cache):
        assert server.total_bytes() <= len(BODY) * 3 // 4
        assert result.progress[0]["done"] >= len(BODY) // 4


def test_a_server_that_gives_no_parts(killed, server):
    server.ranges = False
    killed.get()
    assert killed.here() == {file_name(): BODY}


def test_a_partial_file_that_is_none(killed, server):
    part = killed.store / f"{file_name()}.part"
    with part.open("r+b") as file:
        file.write(b"something else")
    result = killed.get()
    assert killed.here() == {file_name(): BODY}
    assert result.lines[-1]["downloaded"]["files"] == 1


def test_a_partial_file_that_is_complete(killed, server):
    (killed.store / f"{file_name()}.part").write_bytes(BODY)
    assert killed.get().lines[-1] == {"downloaded": {"bytes": 0, "files": 1}}
    assert killed.here() == {file_name(): BODY} and server.requests == []


@pytest.mark.parametrize("content", [BODY[:-1] + b"?", BODY + b"more"], ids=["changed", "longer"])
def test_a_partial_file_that_is_too_much(killed, content):
    (killed.store / f"{file_name()}.part").write_bytes(content)
    killed.get()
    assert killed.here() == {file_name(): BODY}


def test_a_package_that_became_shorter(killed, server, www):
    (www / "repo" / NAME).write_bytes(BODY[:1000])
    assert "its size is not the" in killed.error(65)
    assert killed.here() == {}


def test_an_error_page_is_no_part_of_a_package(killed, server):
    server.on(NAME, servers.status(404))
    assert "Status code: 404" in killed.error(69)
    assert killed.here() == {}
    server.on(NAME, None)
    killed.get()
    assert killed.here() == {file_name(): BODY}


def test_a_server_that_is_away_costs_nothing_of_what_came(killed, server):
    before = killed.here()
    killed.section(baseurl="http://127.0.0.1:1/repo/")
    killed.error(69)
    assert killed.here() == before


def test_sigterm(fetch, server):
    server.on(NAME, servers.stall(60))
    process = fetch.start()
    wait_for_part(fetch, 1)
    start = time.monotonic()
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert time.monotonic() - start < 3
    assert process.returncode == 75
    assert output.splitlines()[-1] == (
        '{"error":{"status":75,"message":"the download was stopped; what came is kept for the '
        'next try"}}')
    assert set(fetch.here()) == {f"{file_name()}.part"}
    fetch.check_cache()


def test_two_at_once_do_not_mix(fetch, server):
    server.on(NAME, servers.slow(1.0), times=1)
    first = fetch.start()
    while not server.requests:
        time.sleep(0.01)
    second = fetch.start()
    for process in (first, second):
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert server.asked_for(NAME) == 1 and fetch.here() == {file_name(): BODY}


# ---- the disk ----------------------------------------------------------------------------------

def test_a_package_that_no_disk_has_room_for(fetch, server):
    message = fetch.error(74, package(size=1 << 60), max_package_bytes=1 << 61)
    assert message.startswith(f"{fetch.store}: the packages need {1 << 60} bytes and 16777216 "
                              "shall stay free, but only ")
    assert message.endswith(" are; make room there") and server.requests == []


def test_sizes_that_cannot_be_added(fetch, server):
    huge = [package(OTHER, size=(1 << 63) - 1), package(size=(1 << 63) - 1)]
    assert "make room there" in fetch.error(74, *huge, max_package_bytes=(1 << 63) - 1)
    assert server.requests == []


@pytest.fixture
def small_disk(fetch):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    fetch.store.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", fetch.store],
                             check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    yield fetch
    subprocess.run(["umount", fetch.store], check=True)


@pytest.mark.root
def test_a_full_disk(small_disk, server):
    ballast = small_disk.store / "ballast"
    ballast.write_bytes(b"\0" * (4 << 20))
    message = small_disk.error(74)
    assert f"the packages need {len(BODY)} bytes and 16777216 shall stay free" in message
    assert server.requests == []
    ballast.unlink()
    small_disk.get()


@pytest.mark.root
def test_a_disk_that_becomes_full(small_disk, server):
    server.on(NAME, servers.slow(3.0))
    process = small_disk.start()
    wait_for_part(small_disk, 1)
    with (small_disk.store / "ballast").open("wb") as file:
        try:
            while file.write(b"\0" * 65536):
                file.flush()
        except OSError:
            pass
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 74, output
    assert f"{small_disk.store} cannot be written; make room" in output
    assert [p.name for p in small_disk.store.iterdir()] == ["ballast"]


def test_a_folder_that_is_a_link(fetch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    fetch.store.symlink_to(tmp_path / "elsewhere")
    assert fetch.error(74).startswith("the cache's folder packages cannot be opened: ")


def test_the_time_of_the_request_decides_what_is_old(fetch):
    fetch.get(now=NOW)
    assert fetch.here() == {file_name(): BODY}
