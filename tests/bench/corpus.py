# SPDX-License-Identifier: Apache-2.0
"""What scans are measured on: repositories and nodes of any size, the same bytes each time."""
import gzip
import hashlib
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from klpdtest import al2, rpms  # noqa: E402 pylint: disable=wrong-import-position

PATCHED = "kernel-livepatch-5.10.233-223.887"  # for the kernel that al2.Scenario's node runs
COMMON = 'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'


def package(number, name, release, pick):
    """About 7 kB, as Amazon's packages have on average; livepatches have few relations."""
    few = name.startswith("kernel-livepatch-")
    relations = "".join(
        f'    <rpm:entry name="lib{name}-{pick.randrange(10**6)}.so.{i}()(64bit)" flags="EQ" '
        f'epoch="0" ver="{i}.0" rel="{release}"/>\n' for i in range(5 if few else 55))
    files = "".join(f"    <file>/usr/bin/{name}-{i}</file>\n" for i in range(2 if few else 8))
    digest = hashlib.sha256(f"{name}{release}".encode()).hexdigest()
    return f"""<package type="rpm">
  <name>{name}</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="1.0" rel="{release}"/>
  <checksum type="sha256" pkgid="YES">{digest}</checksum>
  <summary>Package number {number}</summary>
  <description>{"A package of the benchmark. " * 12}</description>
  <packager>Amazon Linux</packager>
  <url>http://example.com/{name}</url>
  <time file="1700000000" build="{1700000000 + number}"/>
  <size package="{pick.randrange(10**6)}" installed="{pick.randrange(10**7)}" archive="0"/>
  <location href="Packages/{name}-1.0-{release}.x86_64.rpm"/>
  <format>
    <rpm:license>GPLv2</rpm:license>
    <rpm:provides>
      <rpm:entry name="{name}" flags="EQ" epoch="0" ver="1.0" rel="{release}"/>
{relations}    </rpm:provides>
{files}  </format>
</package>
"""


def notice(number, name, release):
    return f"""<update status="final" version="1.4" type="security" from="bench"><id>ALAS2-{number}</id>
<title>Update for {name}</title><issued date="2024-01-11 21:05"/><updated date="2024-01-16 01:28"/>
<severity>important</severity><description>{"Something was wrong in it. " * 20}</description>
<references><reference href="http://example.com" id="CVE-2024-{number}" type="cve" title=""/></references>
<pkglist><collection short="amazon-linux-2"><name>Amazon Linux 2</name><package name="{name}"
version="1.0" release="{release}" epoch="0" arch="x86_64"><filename>x.rpm</filename></package>
</collection></pkglist></update>
"""


def merged(number, pick):
    """Livepatches among all else: for the running kernel, and up to 600 for others, as many as Amazon has."""
    if number < 3:
        return PATCHED, f"{number + 1}.amzn2"
    if number % 20 == 0 and number < 12000:
        return f"kernel-livepatch-5.10.{number}-{pick.randrange(999)}.{number}", "1.amzn2"
    return f"package{number}", f"{number}.amzn2"


def core(number, pick):
    """As Amazon Linux 2's core: no livepatches."""
    return f"package{number}", f"{number}.{pick.randrange(10)}.amzn2"


def livepatches(number, pick):
    """As Amazon Linux 2's livepatch repository: nothing else."""
    if number < 3:
        return PATCHED, f"{number + 1}.amzn2"
    return f"kernel-livepatch-5.10.{number}-{pick.randrange(999)}.{number}", "1.amzn2"


def lines_of(kind, names, count):
    pick = random.Random(1)
    if kind == "primary":
        yield f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata {COMMON} packages="{count}">\n'
        for number in range(count):
            yield package(number, *names(number, pick), pick)
        yield "</metadata>\n"
    else:
        yield '<?xml version="1.0" encoding="UTF-8"?>\n<updates>\n'
        for number in range(count):
            yield notice(number, *names(number, pick))
        yield "</updates>\n"


def write_part(folder, kind, names, count, compression):
    """Returns what repomd.xml says of it."""
    path = folder / f"repodata/{kind}.xml"
    opened, size = hashlib.sha256(), 0
    with open(path, "wb") as out:
        for line in lines_of(kind, names, count):
            data = line.encode()
            opened.update(data)
            size += len(data)
            out.write(data)
    packed = path.with_name(path.name + (".gz" if compression == "gz" else ".zst"))
    if compression == "gz":
        with open(path, "rb") as plain, gzip.GzipFile(packed, "wb", 6, mtime=0) as out:
            shutil.copyfileobj(plain, out, 1 << 20)
    else:
        subprocess.run(["zstd", "-q", "-9", "-T0", path, "-o", packed], check=True)
    path.unlink()
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    return (f'<data type="{kind}"><checksum type="sha256">{digest}</checksum><open-checksum type="sha256">'
            f'{opened.hexdigest()}</open-checksum><location href="repodata/{packed.name}"/><timestamp>1700000000'
            f'</timestamp><size>{packed.stat().st_size}</size><open-size>{size}</open-size></data>\n')


def write_repository(folder, names, packages, notices, compression="gz"):
    """names: one of the functions above. Notices are for the first packages."""
    (folder / "repodata").mkdir(parents=True)
    records = (write_part(folder, "primary", names, packages, compression)
               + write_part(folder, "updateinfo", names, notices, compression))
    (folder / "repodata/repomd.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">'
        f"<revision>1</revision>\n{records}</repomd>\n")


def fill_rpmdb(node, count):
    """Packages until there are so many: one build, a subpackage each, with the relations and files of a usual one."""
    with tempfile.TemporaryDirectory(prefix="klpd-bench-rpm-") as scratch:
        spec = ["Name: bench", "Version: 1.0", "Release: 1", "Summary: A package", "License: Apache-2.0", "AutoReqProv: no",
                "BuildArch: noarch", "%description", "None.", "%install", "mkdir -p %{buildroot}/usr/share/bench",
                f"for i in $(seq {count * 20}); do : >%{{buildroot}}/usr/share/bench/$i; done"]
        for number in range(len(node.list_installed()), count):
            spec += [f"%package n{number}", "Summary: A package"]
            spec += [f"Provides: lib{number}-{i}.so.1()(64bit)" for i in range(20)]
            spec += [f"%description n{number}", "A package of the benchmark. " * 10, f"%files n{number}"]
            spec += [f"/usr/share/bench/{number * 20 + i + 1}" for i in range(20)]
        path = pathlib.Path(scratch) / "bench.spec"
        path.write_text("\n".join(spec) + "\n")
        defines = dict(rpms.DEFINES, _topdir=scratch, _unpackaged_files_terminate_build="0")
        argv = ["rpmbuild", "-bb", "--quiet", path]
        for name, value in defines.items():
            argv += ["--define", f"{name} {value}"]
        rpms.run(argv)
        node.install(*pathlib.Path(scratch).glob("RPMS/noarch/*.rpm"))


def use_repositories(node, url, folders):
    """folders: section -> folder below the served one."""
    for old in node.path("etc/yum.repos.d").iterdir():
        old.unlink()
    node.add_repo_file("bench.repo", *(
        f"[{section}]\nname={section}\nbaseurl={url}/{folder}\nenabled=1\ngpgcheck=0\nmetadata_expire=1h\n\n"
        for section, folder in folders.items()))


MERGED = {al2.LIVEPATCH: merged}
AL2 = {al2.CORE: core, al2.KERNEL: core, al2.LIVEPATCH: livepatches}
