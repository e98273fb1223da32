# SPDX-License-Identifier: Apache-2.0
"""The RPMs and repositories that the machine of the tests sees: real modules, signed packages, notices.

    packages.py MACHINE KPATCH OUT

OUT/base/           packages that are installed before a scenario begins
OUT/kernels/ABI/    the kernel's, for the one that is booted first
OUT/key.asc         what they are signed by
OUT/www/NAME/       repositories: `kernel`, and one for each time at which a livepatch was published
"""
import dataclasses
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from klpdtest import repos, rpms  # noqa: E402 pylint: disable=wrong-import-position

DAY = 86400
UNSIGNED = 7  # the number of the repository whose livepatch nobody signed
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
    """machine, kpatch: folders; abi: the kernel that the livepatches are for."""
    machine: pathlib.Path
    kpatch: pathlib.Path
    abi: str
    now: int

    def name(self):
        return f"kernel-livepatch-{self.abi}"

    def marker(self):
        return rpms.Package(self.name(), "1.0", "0", arch=ARCH, build_time=self.now - 40 * DAY,
                            summary="Marks that livepatches are wanted", requires=("kpatch-runtime",))

    def module(self, name):
        return (self.machine / self.abi / "modules" / f"{name}.ko").read_bytes()

    def livepatch(self, release, module, scripted=True, content=None, requires=()):
        """Of both kinds that there are: its scriptlets load it; or it lies where kpatch looks, and nobody does."""
        names = {"abi": self.abi, "module": module}
        place = "/usr/lib/kpatch" if scripted else "/var/lib/kpatch"
        scripts = {"post": POST.format(**names), "preun": PREUN.format(**names)} if scripted else {}
        return rpms.Package(
            self.name(), "1.0", str(release), arch=ARCH, build_time=self.now - 30 * DAY,
            summary=f"Livepatch {release}", requires=("kpatch-runtime", *requires), scripts=scripts,
            files={f"{place}/{self.abi}/{module}.ko": content or self.module(module)})

    def kernel(self, days):
        version, release = self.abi.split("-")[:2]
        return rpms.Package("kernel", version, release, arch=ARCH, build_time=self.now - days * DAY, summary="The kernel",
                            files={f"/boot/vmlinuz-{self.abi}": (self.machine / self.abi / "vmlinuz").read_bytes()})

    def base(self):
        """What else the packages need to be there, of which this machine's rpm knows nothing."""
        return rpms.Package("e2e-base", "1", "1", arch="noarch", build_time=self.now - 400 * DAY,
                            provides=("/bin/sh", "/bin/bash", "bash", "kmod"))

    def runtime(self, version="0.9.10"):
        files = {"/usr/sbin/kpatch": "usr/sbin/kpatch", "/usr/lib/systemd/system/kpatch.service":
                 "usr/lib/systemd/system/kpatch.service"}
        return rpms.Package("kpatch-runtime", version, "1", arch="noarch", build_time=self.now - 300 * DAY,
                            summary="Dynamic kernel patching", requires=("bash", "kmod"),
                            files={path: (self.kpatch / source).read_bytes() for path, source in files.items()})

    def notice(self, number, packages, days, cves, severity="important"):
        stamp = repos.stamp(self.now - days * DAY)
        return repos.Notice(number, packages, issued=stamp, updated=stamp, cves=cves, severity=severity)


def publish(folder, packages, notices, key, now):
    repository = repos.Repository(folder, notices)
    rpms.build_all(packages, repository.folder, key)
    repository.publish(now)


def livepatches(make, before):
    """What each repository of livepatches has, by its number."""
    greedy = make.livepatch(5, "klp_e2e_1", requires=("kernel = 6.99.0",))
    stranger = make.livepatch(6, "klp_e2e_1")
    stranger.name = "kernel-livepatch-9.9.9-99-cloud-amd64"
    newer = rpms.Package("kernel", "6.99.0", "1", arch=ARCH, build_time=make.now, summary="A kernel nobody asked for")
    backwards = make.livepatch(11, "klp_e2e_1", requires=("kpatch-runtime < 0.9.10",))
    return {
        0: [],
        1: [make.livepatch(1, "klp_e2e_1")],
        2: [make.livepatch(1, "klp_e2e_1"), make.livepatch(2, "klp_e2e_2")],
        3: [make.livepatch(3, "klp_e2e_stall", scripted=False)],
        4: [make.livepatch(4, "klp_e2e_badsym", scripted=False)],
        5: [greedy, newer],
        6: [stranger],
        UNSIGNED: [make.livepatch(UNSIGNED, "klp_e2e_1")],
        8: [make.livepatch(8, "klp_e2e_1", scripted=False)],
        9: [make.livepatch(9, "klp_e2e_1", scripted=False), before.livepatch(9, "klp_e2e_1", scripted=False)],
        10: [make.livepatch(10, "klp_e2e_1", scripted=False, content=before.module("klp_e2e_plain"))],
        11: [backwards, make.runtime("0.9.9")],
    }


def main():
    machine, kpatch, out = (pathlib.Path(a) for a in sys.argv[1:])
    abis = (machine / "abis").read_text().split()
    before, make = [Maker(machine, kpatch, abi, int(time.time())) for abi in abis]
    tools = rpms.Package("binutils", "2.40", "1", arch=ARCH, build_time=make.now - 300 * DAY, summary="readelf and others")
    kernels = [before.kernel(60), make.kernel(40)]
    markers = [before.marker(), make.marker()]
    notices = [make.notice(f"E2E-KERNEL-{n + 1}", [kernels[n], markers[n]], 58 - 20 * n, (f"CVE-2026-000{n}",))
               for n in range(2)]
    with rpms.Key() as key:
        out.mkdir(parents=True)
        (out / "key.asc").write_text(key.public, encoding="utf-8")
        rpms.build_all([make.base()], out / "base", key)
        for abi, kernel in zip(abis, kernels):
            rpms.build_all([kernel], out / "kernels" / abi, key)
        publish(out / "www/kernel", [*kernels, *markers], notices, key, make.now)
        for number, packages in livepatches(make, before).items():
            folder = out / f"www/livepatch-{number}"
            told = [p for p in packages if p.name.startswith("kernel-livepatch-")]
            notices = [make.notice(f"E2E-LIVEPATCH-{p.release}", [q for q in told if q.release == p.release],
                                   28 - int(p.release), (f"CVE-2026-1{int(p.release):03}",))
                       for p in {p.release: p for p in told}.values()]
            if number == UNSIGNED:
                rpms.build_all(packages, folder)
                packages = []
            publish(folder, [make.runtime(), tools, *packages], notices, key, make.now)


if __name__ == "__main__":
    main()
