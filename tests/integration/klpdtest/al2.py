# SPDX-License-Identifier: Apache-2.0
"""An Amazon Linux 2 node with live patching on, and the repositories that it uses.

The node runs 5.10.233-223.887, built 40 days ago, and has the livepatch marker. By AWS's default
baseline (7 days, important and critical) of what the repositories offer
    livepatch 1.0-1   important, 25 days old    is approved, and missing
    livepatch 1.0-2   medium, 15 days old       is held for its severity
    livepatch 1.0-3   important, 2 days old     is held until it is 7 days old
    kernel 5.10.234   important, 20 days old    is approved; livepatch 1.0-1 fixes all it fixes
    kernel 5.10.236   important, 3 days old     is held
All dates are relative to `now`.
"""
import pathlib
import shutil
import time

from . import node as nodes
from .repos import Notice, Repository, stamp
from .rpms import Key, Package, build_all

DAY = 86400
ARCH = "x86_64"
RUNNING = ("5.10.233", "223.887.amzn2")
KPATCH = "/var/lib/kpatch"
CORE, KERNEL, LIVEPATCH = "amzn2-core", "amzn2extra-kernel-5.10", "amzn2extra-livepatch"
# repository id -> (where the mirror list is, with yum's variables and without; where packages are)
PLACES = {
    CORE: ("$releasever/$product/$target/$basearch", f"2/core/latest/{ARCH}", f"2/core/2.0/{ARCH}"),
    KERNEL: ("$releasever/extras/kernel-5.10/latest/$basearch", f"2/extras/kernel-5.10/latest/{ARCH}",
             f"2/extras/kernel-5.10/stable/{ARCH}"),
    LIVEPATCH: ("$releasever/extras/livepatch/latest/$basearch", f"2/extras/livepatch/latest/{ARCH}",
                f"2/extras/livepatch/stable/{ARCH}"),
}


# What kpatch does, on a directory that stands for /sys. /etc/kpatch-test makes it slow, or refuse.
SIMULATED_KPATCH = """#!/bin/sh
name=$(basename "$2" .ko | tr - _)
[ ! -e /etc/kpatch-test ] || . /etc/kpatch-test
if [ "$1" = unload ]; then
	echo "disabling patch module: $name"
	[ "$name" != "$BUSY" ] || { echo "kpatch: failed to disable module $name: is in use" >&2; exit 1; }
	echo "$name" >>/var/unloaded
	exec rm -r "/sys/kernel/livepatch/$name"
fi
[ "$1" = load ] || exit 1
if [ "$2" = --all ]; then
	for file in /var/lib/kpatch/$(cat /proc/sys/kernel/osrelease)/*.ko; do
		[ ! -e "$file" ] || "$0" load "$file"
	done
	exit
fi
echo "loading patch module: $2"
if [ -n "$REFUSE" ]; then
	echo "insmod: ERROR: could not insert module $2: Required key not available" >&2
	echo "kpatch: failed to load module $2" >&2
	exit 1
fi
mkdir -p "/sys/kernel/livepatch/$name"
echo 1 >"/sys/kernel/livepatch/$name/enabled"
echo 0 >"/sys/kernel/livepatch/$name/transition"
"""


def uname(version=RUNNING[0], release=RUNNING[1], arch=ARCH):
    return f"{version}-{release}.{arch}"


def livepatch_name(version=RUNNING[0], release=RUNNING[1]):
    return f"kernel-livepatch-{version}-{release.replace('.amzn2', '')}"


def kernel(version, release, build_time):
    full = uname(version, release)
    return Package("kernel", version, release, arch=ARCH, build_time=build_time,
                   summary="The Linux kernel",
                   provides=(f"kernel-uname-r = {full}", f"kernel-{ARCH} = {version}-{release}"),
                   files={f"/boot/vmlinuz-{full}": "not really a kernel\n"})


def livepatch(number, build_time, modules=(), of=RUNNING):
    """Build `number` of the livepatch for a kernel; 0 is the marker, which has no files."""
    files = {f"{KPATCH}/{uname(*of)}/{module}.ko": b"\x7fELF" + module.encode() * 40
             for module in modules}
    return Package(livepatch_name(*of), "1.0", f"{number}.amzn2", arch=ARCH, build_time=build_time,
                   summary=f"Live patches for kernel {'-'.join(of)}", requires=("kpatch",),
                   files=files)


EXTRAS = "etc/yum.repos.d/amzn2-extras.repo"
# As amazon-linux-extras writes it; the other sections are nobody's business.
BEFORE_SECTION = """### This file is managed by amazon-linux-extras. Do not edit.

[amzn2extra-docker]
enabled = 0
name = Amazon Extras repo for docker
mirrorlist = $awsproto://$amazonlinux.$awsregion.$awsdomain/$releasever/extras/docker/latest/$basearch/mirror.list

"""
AFTER_SECTION = "\n# the end; enabled = 1\n"


def notice(number, packages, issued, updated=None, **more):
    return Notice(number, packages, issued=stamp(issued), updated=stamp(updated or issued), **more)


class Scenario:
    """Everything below one folder: node/, www/ (served), rpms/."""

    def __init__(self, folder, now=None, key=None, sign_metadata=False):
        self.folder = pathlib.Path(folder)
        self.now = int(time.time() if now is None else now)
        self.node = nodes.Node(self.folder / "node")
        self.www = self.folder / "www"
        self.key = key
        self.sign_metadata = sign_metadata
        self.repos = {}

    def ago(self, days):
        return self.now - int(days * DAY)

    def make(self):
        own_key = None if self.key else Key()
        self.key = self.key or own_key
        try:
            self._make_packages()
            self._make_repositories()
            self._make_node()
        finally:
            if own_key:
                own_key.close()
        return self

    def copy(self, folder):
        """The same in another folder, to be changed."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = Scenario(folder, self.now, self.key, self.sign_metadata)
        other.kernels, other.marker, other.patches = self.kernels, self.marker, self.patches
        other.base = self.base
        for repo_id, repo in self.repos.items():
            other.repos[repo_id] = Repository(other.www / PLACES[repo_id][2], repo.notices,
                                              key=repo.key)
        return other

    def _make_packages(self):
        ago = self.ago
        self.kernels = {
            "old": Package("kernel", "4.14.355", "276.639.amzn2", build_time=ago(60),
                           summary="The Linux kernel"),
            "running": kernel(*RUNNING, ago(40)),
            "next": kernel("5.10.234", "225.895.amzn2", ago(22)),
            "newest": kernel("5.10.236", "227.928.amzn2", ago(4)),
        }
        self.marker = livepatch(0, ago(40))
        self.patches = {
            1: livepatch(1, ago(26), ["livepatch_CVE_2024_0001"]),
            2: livepatch(2, ago(16), ["livepatch_CVE_2024_0001", "livepatch_CVE_2024_0002"]),
            3: livepatch(3, ago(3), ["livepatch_CVE_2024_0001", "livepatch_CVE_2024_0002",
                                     "livepatch_CVE_2024_0003"]),
        }
        self.base = [
            Package("system-release", "2", "17.amzn2", arch="noarch", build_time=ago(400),
                    summary="Amazon Linux release files", epoch=1,
                    provides=("system-release(releasever) = 2", "system-release = 2")),
            Package("kpatch-runtime", "0.9.4", "5.amzn2", arch="noarch", build_time=ago(300),
                    summary="Dynamic kernel patching", provides=("kpatch = 0.9.4",),
                    files={"/usr/sbin/kpatch": SIMULATED_KPATCH}),
            Package("bash", "4.2.46", "34.amzn2", build_time=ago(300), summary="The shell"),
            Package("binutils", "2.29.1", "31.amzn2", build_time=ago(300), summary="readelf and others"),
        ]

    def rpm_of(self, package):
        """The file of a package, wherever it was published."""
        return next(self.folder.glob(f"**/{package.file_name}"))

    def _notices(self):
        k, p, ago = self.kernels, self.patches, self.ago
        return {
            CORE: [notice("ALAS2-2024-2700", [k["old"]], ago(55), cves=("CVE-2024-0900",))],
            KERNEL: [
                notice("ALAS2KERNEL-5.10-2024-081", [k["running"], self.marker], ago(38),
                       cves=("CVE-2024-0800",)),
                notice("ALAS2KERNEL-5.10-2024-082", [k["next"]], ago(21), ago(20),
                       cves=("CVE-2024-0001",)),
                notice("ALAS2KERNEL-5.10-2024-083", [k["newest"]], ago(3),
                       cves=("CVE-2024-0003",)),
            ],
            LIVEPATCH: [
                notice("ALAS2LIVEPATCH-2024-201", [p[1]], ago(26), ago(25),
                       cves=("CVE-2024-0001",)),
                notice("ALAS2LIVEPATCH-2024-202", [p[2]], ago(15), cves=("CVE-2024-0002",),
                       severity="medium"),
                notice("ALAS2LIVEPATCH-2024-203", [p[3]], ago(2), cves=("CVE-2024-0003",)),
            ],
        }

    def _make_repositories(self):
        packages = {
            CORE: [self.kernels["old"]] + self.base,
            KERNEL: [self.kernels["running"], self.kernels["next"], self.kernels["newest"], self.marker],
            LIVEPATCH: list(self.patches.values()),
        }
        notices = self._notices()
        for repo_id, content in packages.items():
            repo = Repository(self.www / PLACES[repo_id][2], notices[repo_id],
                              key=self.key if self.sign_metadata else None)
            build_all(content, repo.folder, self.key)
            self.repos[repo_id] = repo.publish(self.ago(1))

    def _make_node(self):
        node = self.node
        node.set_os("amzn2")
        node.set_kernel(uname(), self.ago(40), self.ago(9))
        node.enable_service()
        node.write("usr/sbin/kpatch", SIMULATED_KPATCH).chmod(0o755)
        for repo_id, place in PLACES.items():
            node.add_repo_file(f"{repo_id}.repo", nodes.al2_section(
                repo_id, place[0], repo_gpgcheck=int(self.sign_metadata)))
        installed = self.base + [self.kernels["running"], self.marker]
        node.install(*[self.rpm_of(package) for package in installed])
        node.trust(self.key)

    def serve_from(self, address):
        """Tells the node and the mirror lists at which address www/ is served."""
        self.node.serve_from(address)
        for _, list_folder, packages in PLACES.values():
            path = self.www / list_folder / "mirror.list"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"http://{address}/{packages}/\n", encoding="utf-8")

    def publish_livepatch(self, package, number, issued, cves):
        """One more in the livepatch repository, with its notice."""
        repo = self.repos[LIVEPATCH]
        build_all([package], repo.folder, self.key)
        repo.notices.append(notice(number, [package], issued, cves=cves))
        repo.publish(self.now)

    # ---- what may happen next ----------------------------------------------------------------

    def turn_live_patching_off(self):
        """As delivered: nothing of it installed, its repository a disabled section among others."""
        node = self.node
        node.erase(livepatch_name(), "kpatch-runtime", "binutils")
        node.path("usr/sbin/kpatch").unlink()
        node.enable_service(enabled=False)
        node.path(f"etc/yum.repos.d/{LIVEPATCH}.repo").unlink()
        section = nodes.al2_section(LIVEPATCH, PLACES[LIVEPATCH][0], enabled=0)
        node.write(EXTRAS, BEFORE_SECTION + section + AFTER_SECTION)

    def install_patch(self, number, active=True):
        """As if livepatch `number` had been installed, and loaded if `active`."""
        patch = self.patches[number]
        self.node.erase(patch.name)
        self.node.install(self.rpm_of(patch))
        for path in patch.files:
            module = pathlib.Path(path).stem
            if active:
                self.node.load_livepatch(module)
