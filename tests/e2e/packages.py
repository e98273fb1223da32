# SPDX-License-Identifier: Apache-2.0
"""The RPMs and repositories that the machine of the tests sees: real modules, signed packages, notices.

    packages.py MODULES KPATCH ABI OUT

OUT/base/       packages that are installed before a scenario begins
OUT/key.asc     what they are signed by
OUT/www/NAME/   repositories: `kernel`, and one for each time at which a livepatch was published
"""
import dataclasses
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from klpdtest import repos, rpms  # noqa: E402 pylint: disable=wrong-import-position

DAY = 86400
ARCH = "x86_64"

POST = """/usr/sbin/kpatch install -k {abi} /usr/lib/kpatch/{abi}/{module}.ko || exit 1
if [ "$(uname -r)" = "{abi}" ]; then
	/usr/sbin/kpatch load /var/lib/kpatch/{abi}/{module}.ko || exit 1
fi
"""
PREUN = """/usr/sbin/kpatch uninstall -k {abi} {module}.ko || :
if [ "$(uname -r)" = "{abi}" ]; then
	if [ -e /sys/kernel/livepatch/{module} ]; then
		/usr/sbin/kpatch unload {module} || exit 1
	elif [ -d /sys/module/{module} ]; then
		rmmod {module} || :
	fi
fi
"""


@dataclasses.dataclass
class Maker:
    """modules, kpatch: folders; abi: the kernel that the livepatches are for."""
    modules: pathlib.Path
    kpatch: pathlib.Path
    abi: str
    now: int

    def name(self):
        return f"kernel-livepatch-{self.abi}"

    def marker(self):
        return rpms.Package(self.name(), "1.0", "0", arch=ARCH, build_time=self.now - 40 * DAY,
                            summary="Marks that livepatches are wanted", requires=("kpatch-runtime",))

    def livepatch(self, release, module, days, scripted=True, content=None, requires=()):
        """Of both kinds that there are: its scriptlets load it; or it lies where kpatch looks, and nobody does."""
        names = {"abi": self.abi, "module": module}
        place = "/usr/lib/kpatch" if scripted else "/var/lib/kpatch"
        scripts = {"post": POST.format(**names), "preun": PREUN.format(**names)} if scripted else {}
        return rpms.Package(
            self.name(), "1.0", str(release), arch=ARCH, build_time=self.now - days * DAY,
            summary=f"Livepatch {release}", requires=("kpatch-runtime", *requires), scripts=scripts,
            files={f"{place}/{self.abi}/{module}.ko": content or (self.modules / f"{module}.ko").read_bytes()})

    def kernel(self):
        version, release = self.abi.split("-")[:2]
        return rpms.Package("kernel", version, release, arch=ARCH, build_time=self.now - 40 * DAY,
                            summary="The kernel that runs")

    def base(self):
        """What else the packages need to be there, of which this machine's rpm knows nothing."""
        return rpms.Package("e2e-base", "1", "1", arch="noarch", build_time=self.now - 400 * DAY,
                            provides=("/bin/sh", "/bin/bash", "bash", "kmod"))

    def runtime(self):
        files = {"/usr/sbin/kpatch": "usr/sbin/kpatch", "/usr/lib/systemd/system/kpatch.service":
                 "usr/lib/systemd/system/kpatch.service"}
        return rpms.Package("kpatch-runtime", "0.9.10", "1", arch="noarch", build_time=self.now - 300 * DAY,
                            summary="Dynamic kernel patching", requires=("bash", "kmod"),
                            files={path: (self.kpatch / source).read_bytes() for path, source in files.items()})

    def notice(self, number, packages, days, cves, severity="important"):
        stamp = repos.stamp(self.now - days * DAY)
        return repos.Notice(number, packages, issued=stamp, updated=stamp, cves=cves, severity=severity)


def publish(folder, packages, notices, key, now):
    repository = repos.Repository(folder, notices)
    rpms.build_all(packages, repository.folder, key)
    repository.publish(now)


def main():
    modules, kpatch, abi, out = sys.argv[1:]
    out = pathlib.Path(out)
    make = Maker(pathlib.Path(modules), pathlib.Path(kpatch), abi, int(time.time()))
    marker, runtime, kernel = make.marker(), make.runtime(), make.kernel()
    tools = rpms.Package("binutils", "2.40", "1", arch=ARCH, build_time=make.now - 300 * DAY, summary="readelf and others")
    first, second = make.livepatch(1, "klp_e2e_1", 26), make.livepatch(2, "klp_e2e_2", 16)
    stalling = make.livepatch(3, "klp_e2e_stall", 12, scripted=False)
    refused = make.livepatch(4, "klp_e2e_badsym", 10, scripted=False)
    greedy = make.livepatch(5, "klp_e2e_1", 12, requires=("kernel = 6.99.0",))
    stranger = make.livepatch(6, "klp_e2e_1", 12)
    stranger.name = "kernel-livepatch-9.9.9-99-cloud-amd64"
    unsigned = make.livepatch(7, "klp_e2e_1", 12)
    silent = make.livepatch(8, "klp_e2e_1", 12, scripted=False)
    newer = rpms.Package("kernel", "6.99.0", "1", arch=ARCH, build_time=make.now, summary="A kernel nobody asked for")
    kernels = [make.notice("E2E-KERNEL-1", [kernel, marker], 38, ("CVE-2026-0001",))]
    of = {
        1: make.notice("E2E-LIVEPATCH-1", [first], 26, ("CVE-2026-0002",)),
        2: make.notice("E2E-LIVEPATCH-2", [second], 16, ("CVE-2026-0003",)),
        3: make.notice("E2E-LIVEPATCH-3", [stalling], 12, ("CVE-2026-0004",)),
        4: make.notice("E2E-LIVEPATCH-4", [refused], 10, ("CVE-2026-0005",)),
        5: make.notice("E2E-LIVEPATCH-5", [greedy], 12, ("CVE-2026-0006",)),
        6: make.notice("E2E-LIVEPATCH-6", [stranger], 12, ("CVE-2026-0007",)),
        7: make.notice("E2E-LIVEPATCH-7", [unsigned], 12, ("CVE-2026-0008",)),
        8: make.notice("E2E-LIVEPATCH-8", [silent], 12, ("CVE-2026-0009",)),
    }
    with rpms.Key() as key:
        (out / "key.asc").parent.mkdir(parents=True, exist_ok=True)
        (out / "key.asc").write_text(key.public, encoding="utf-8")
        rpms.build_all([make.base(), kernel], out / "base", key)
        publish(out / "www/kernel", [kernel, marker], kernels, key, make.now)
        for name, packages in (("livepatch-0", []), ("livepatch-1", [first]), ("livepatch-2", [first, second]),
                               ("livepatch-3", [stalling]), ("livepatch-4", [refused]),
                               ("livepatch-5", [greedy]), ("livepatch-6", [stranger]), ("livepatch-7", [unsigned]),
                               ("livepatch-8", [silent])):
            notices = [of[int(p.release)] for p in packages]
            more = [newer] if packages == [greedy] else []
            if packages == [unsigned]:
                rpms.build_all(packages, out / "www" / name)
                packages = []
            publish(out / "www" / name, [runtime, tools, *packages, *more], notices, key, make.now)


if __name__ == "__main__":
    main()
