# SPDX-License-Identifier: Apache-2.0
"""Package lists by createrepo_c: filtered or loaded whole, they say the same; memory stays small."""
import gzip
import random
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import need
from klpdtest import repos, rpms

COMMON = "{http://linux.duke.edu/metadata/common}"
WANTED = "kernel-livepatch-"
RSS_LIMIT_KIB = 24 * 1024
HEAD = ('<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
        'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">\n')

PACKAGES = [
    rpms.Package("kernel-livepatch-5.10.109-104.500", "1.0", "1.amzn2", build_time=1700000001),
    rpms.Package("kernel-livepatch-5.10.109-104.500", "1.0", "3.amzn2", epoch=2,
                 summary="<package><name>kernel-livepatch-x</name></package> & ]]> \"quoted\" 'too'"),
    rpms.Package("kernel-livepatch-6.1.1-1", "1.0", "0.amzn2", arch="noarch"),
    rpms.Package("kernel", "5.10.109", "104.500.amzn2",
                 provides=("kernel-livepatch-5.10.109-104.500 = 1.0", "kernel(a) = 0x1")),
    rpms.Package("xkernel-livepatch-5.10.109-104.500", "1.0", "1.amzn2"),
]


@pytest.fixture(scope="module", name="dump")
def dump_fixture(build):
    def dump(*arguments):
        """Returns (exit status, rows, sentences, peak memory in KiB)."""
        done = subprocess.run([build / "unit/solv/dump_available", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=120)
        *rows, peak = [line.split("\t") for line in done.stdout.splitlines()]
        assert peak[0] == "peak"
        return done.returncode, rows, done.stderr, int(peak[1])
    return dump


@pytest.fixture(scope="module", name="primary")
def primary_fixture(tmp_path_factory):
    """The bytes of a real primary.xml."""
    need("rpmbuild", "createrepo_c")
    folder = tmp_path_factory.mktemp("available")
    rpms.build_all(PACKAGES, folder)
    repository = repos.Repository(folder, compression="gz").publish(revision=1)
    return gzip.decompress(repository.file_of("primary").read_bytes())


def expected(plain, prefix):
    rows = []
    for package in xml.etree.ElementTree.fromstring(plain).iterfind(COMMON + "package"):
        name = package.findtext(COMMON + "name")
        version = package.find(COMMON + "version")
        if name.startswith(prefix):
            rows.append([name, version.get("epoch"), version.get("ver"), version.get("rel"),
                         package.findtext(COMMON + "arch"), package.find(COMMON + "time").get("build")])
    return rows


@pytest.mark.parametrize("tool, suffix", [("gzip", ".gz"), ("xz", ".xz"), ("bzip2", ".bz2"), ("zstd", ".zst"),
                                          ("cat", "")])
def test_filtered_is_whole(primary, dump, tmp_path, tool, suffix):
    need(tool)
    path = tmp_path / f"primary.xml{suffix}"
    with open(path, "wb") as out:
        subprocess.run([tool], input=primary, stdout=out, check=True)
    status, whole, sentences, _ = dump(path)
    assert (status, sentences) == (0, "")
    assert sorted(whole) == sorted(expected(primary, ""))
    assert len(whole) == len(PACKAGES)
    status, filtered, sentences, _ = dump(path, WANTED)
    assert (status, sentences) == (0, "")
    assert filtered == [row for row in whole if row[0].startswith(WANTED)]
    assert len(filtered) == 3


class Odd:
    """A package list as nobody writes it but anybody may: the same document for the same number."""

    NAMES = ("kernel-livepatch-5.10.1-1", "kernel-livepatch-6.1.1-1.amzn2023", "&#107;ernel-livepatch-2", "kernel-livepatch-a&amp;b",
             "kernel&#x2d;livepatch-3", "kernel-livepatch", "xkernel-livepatch-4", "Kernel-livepatch-5", "kernel", "bash")
    UNUSUAL = ("kernel-live<!-- -->patch-6", "kernel-livepatch-7<![CDATA[x]]>", "kernel-livepatch-8<?a?>")
    TRAPS = ("<!-- <package><name>kernel-livepatch-9</name></package> -->", "<?a </package><package> ?>", "<!-- -> </package> -->", "\n\t",
             "<url a='/package>'/>")
    TEXTS = ("plain", "<![CDATA[</package><package><name>kernel-livepatch-8</name>]]>", "]] &gt; &lt;/package&gt; &#60;name&#62;",
             "<![CDATA[]]]]><![CDATA[>]]>", "\u00e9\u4e16 /package> name", "")

    def __init__(self, number):
        self.pick = random.Random(number)

    def attributes(self, **values):
        pairs = [(name.replace("_", ":"), value) for name, value in values.items()]
        self.pick.shuffle(pairs)
        quote = self.pick.choice("\"'")
        blank = self.pick.choice((" ", "\n  ", "\t "))
        return "".join(f"{blank}{name}{self.pick.choice(('', ' '))}={quote}{value}{quote}" for name, value in pairs)

    def trap(self):
        return self.pick.choice(self.TRAPS) if self.pick.random() < 0.3 else ""

    def text(self):
        filling = "x " * self.pick.randrange(self.pick.choice((1, 40, 4000)))
        return self.pick.choice(self.TEXTS) + filling + self.pick.choice(self.TEXTS)

    def package(self, number):
        children = [
            f"<arch>{self.pick.choice(('x86_64', 'noarch'))}</arch>",
            f"<version{self.attributes(epoch=self.pick.randrange(3), ver='1.0', rel=f'{number}.amzn2')}/>",
            f"<summary>{self.text()}</summary>", f"<description>{self.text()}</description>", "<packager/>",
            f"<time{self.attributes(file='1', build=1700000000 + number)} />",
            f"<format><rpm:provides><rpm:entry{self.attributes(name='kernel-livepatch-1', flags='EQ', ver='a > b')}/>"
            f"</rpm:provides><file>/name</file>{self.trap()}</format>"]
        self.pick.shuffle(children)
        end = self.pick.choice(("", " ", "\n"))
        name = f"<name{end}>{self.pick.choice(self.UNUSUAL if self.pick.random() < 0.02 else self.NAMES)}</name{end}>"
        children.insert(0 if self.pick.random() < 0.7 else self.pick.randrange(len(children)), name)
        if self.pick.random() < 0.01:
            children.append("<name>kernel-livepatch-again</name>")
        inside = "".join(child + self.trap() for child in children)
        return f"<package{self.attributes(type='rpm')}{end}>{inside}</package{end}>{self.trap()}"

    def document(self):
        head = self.pick.choice(("", "\ufeff", '<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8' ?>\n",
                                 '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><!-- <metadata> -->'))
        root = self.attributes(xmlns="http://linux.duke.edu/metadata/common", xmlns_rpm="http://linux.duke.edu/metadata/rpm",
                               packages="1")
        packages = "".join(self.package(number) for number in range(self.pick.randrange(30)))
        return f"{head}<metadata{root}>{self.trap()}{packages}</metadata>{self.pick.choice(('', chr(10), '<!-- end -->'))}"


def test_filtered_is_whole_however_it_is_written(dump, tmp_path):
    """Where a document cannot be filtered with certainty it is read as a whole, which is said."""
    path, wanted, by_filter = tmp_path / "primary.xml", 0, 0
    for number in range(200):
        path.write_text(Odd(number).document(), encoding="utf-8")
        status, whole, sentences, _ = dump(path)
        assert (status, sentences) == (0, ""), number
        status, filtered, sentences, _ = dump(path, WANTED)
        assert status == 0, (number, sentences)
        assert filtered == [row for row in whole if row[0].startswith(WANTED)], number
        wanted += len(filtered)
        by_filter += sentences == ""
    print(f"{wanted} wanted, {by_filter} of 200 by the filter")
    assert wanted > 300 and 100 < by_filter < 180, (wanted, by_filter)


def package_xml(name, number):
    entries = "".join(f'<rpm:entry name="kernel(symbol_{number}_{i})" flags="EQ" ver="0x{i:08x}"/>' for i in range(60))
    return (f'<package type="rpm"><name>{name}</name><arch>x86_64</arch><version epoch="0" ver="1.0" '
            f'rel="{number}.amzn2"/><time file="1" build="1700000000"/><format><rpm:provides>{entries}'
            f'</rpm:provides></format></package>\n')


@pytest.fixture(scope="module", name="large")
def large_fixture(tmp_path_factory):
    """10,000 packages, of which 10 are wanted."""
    path = tmp_path_factory.mktemp("large") / "primary.xml.gz"
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write(HEAD)
        for number in range(10000):
            out.write(package_xml("kernel-livepatch-1-1" if number % 1000 == 0 else "kernel", number))
        out.write("</metadata>\n")
    return path


def sanitized(build):
    """Built with AddressSanitizer: memory then says nothing about the program."""
    return b"__asan_init" in (build / "unit/solv/dump_available").read_bytes()


def test_memory_does_not_grow_with_the_repository(large, dump, build):
    if sanitized(build):
        pytest.skip("built with AddressSanitizer, which needs memory of its own")
    status, rows, sentences, rss = dump(large, WANTED)
    assert (status, sentences, len(rows)) == (0, "", 10)
    assert rss < RSS_LIMIT_KIB
    assert dump(large)[3] > 2 * rss  # without the filter


def test_gzip_bomb(dump, tmp_path, build):
    bomb = tmp_path / "primary.xml.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as out:
        out.write(HEAD.encode())
        for _ in range(520):
            out.write(b" " * (1 << 20))
    assert bomb.stat().st_size < 4 << 20
    status, rows, sentences, rss = dump(bomb, WANTED)
    assert (status, rows) == (1, [])
    assert "primary.xml.gz: larger than the limit of 536870912 bytes when decompressed" in sentences
    assert sanitized(build) or rss < RSS_LIMIT_KIB
