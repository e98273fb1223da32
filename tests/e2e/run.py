# SPDX-License-Identifier: Apache-2.0
"""Boots the machine for each scenario, with a server of repositories beside it, and tells what it said.

    run.py MACHINE PACKAGES OUT SCENARIO...

MACHINE  what tests/e2e/build made      PACKAGES  what tests/e2e/packages.py made
OUT      for each scenario: console, log, tap, reports
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from klpdtest.server import Server, slow  # noqa: E402 pylint: disable=wrong-import-position

LIMIT = 900  # seconds for a scenario
APPEND = ("console=ttyS0 panic=-1 quiet systemd.unit=e2e.target systemd.show_status=0 mitigations=off nokaslr "
          "apparmor=0 audit=0 selinux=0")
EXT4 = ["-q", "-t", "ext4", "-F", "-O", "^has_journal,^orphan_file,^metadata_csum_seed", "-E", "root_owner=0:0"]


def stages(name):
    """The runs of a scenario: one, or one for each stage that its file names."""
    words = said(name, "stages").split()
    return [f"{name}@{word}" for word in words] if words and "@" not in name else [name]


def said(name, key):
    """What a line "# KEY: ..." of a scenario says."""
    text = (HERE / "guest/scenarios" / name.split("@")[0]).read_text()
    return "".join(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(f"# {key}:"))


def kernels(name):
    """Which kernel is booted, by its place among those of the machine; more than one: the next at the next boot."""
    return [int(place) for place in said(name, "kernels").split() or ["1"]]


class Machine:
    """One run of one scenario: emulated, for stock kernels do not boot under every kind of virtualisation."""

    def __init__(self, machine, packages, out, name):
        self.machine, self.packages, self.name = machine, packages, name
        there = (machine / "abis").read_text().split()
        self.abis = [there[place] for place in kernels(name)]
        self.out = out / name
        self.console = self.out / "console"
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)

    def make_disks(self, port):
        with tempfile.TemporaryDirectory(prefix="klpd-e2e-") as scratch:
            folder = pathlib.Path(scratch)
            shutil.copytree(HERE / "guest", folder / "guest")
            shutil.copytree(self.packages / "base", folder / "base")
            shutil.copy(self.packages / "key.asc", folder)
            shutil.copytree(self.packages / "kernels" / self.abis[0], folder / "kernel")
            if self.name == "package":
                for release in ("1", "2"):
                    shutil.copytree(self.machine.parent / "rpm" / release, folder / "rpm" / release)
            (folder / "modules").mkdir()
            for module in (self.machine / self.abis[0] / "modules").glob("*.ko"):
                shutil.copy(module, folder / "modules")
            for key, value in (("now", int(time.time())), ("port", port), ("scenario", self.name),
                               ("abis", "\n".join(self.abis))):
                (folder / key).write_text(f"{value}\n")
            disk = self.out / "e2e.img"
            subprocess.run(["truncate", "-s", "128M", disk], check=True)
            subprocess.run(["mke2fs", *EXT4, "-L", "E2E", "-d", folder, disk], check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.machine / "root.ext4",
                        self.out / "root.qcow2"], check=True)

    def command(self, abi, last):
        """The kernel is the emulator's choice: the same after a reboot, unless the reboot ends it."""
        return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,-cx16", "-machine", "pc", "-smp", "1", "-m", "1024",
                "-nodefaults", "-no-user-config", "-nographic", "-monitor", "none",
                "-action", f"reboot={'reset' if last else 'shutdown'},panic=shutdown",
                "-kernel", self.machine / abi / "vmlinuz", "-initrd", self.machine / abi / "initrd",
                "-append", f"{APPEND} {said(self.name, 'append')}",
                "-device", "virtio-rng-pci", "-nic", "user,model=virtio-net-pci",
                "-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console",
                "-drive", f"file={self.out}/root.qcow2,if=virtio,format=qcow2,cache=unsafe",
                "-drive", f"file={self.out}/e2e.img,if=virtio,format=raw,cache=unsafe"]

    def run(self):
        """Results, as TAP lines without numbers."""
        with Server(self.packages / "www") as server:
            self.make_disks(server.http.server_port)
            for suffix in said(self.name, "slow").split():
                server.on(suffix, slow(5))
            try:
                for abi in self.abis:
                    subprocess.run(self.command(abi, abi == self.abis[-1]), check=True, timeout=LIMIT)
                ended = None
            except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as trouble:
                ended = f"the machine did not end well: {trouble}"
        subprocess.run(["debugfs", "-R", f"rdump /out {self.out}", self.out / "e2e.img"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (self.out / "root.qcow2").unlink()
        tap = self.out / "out/tap"
        lines = tap.read_text(errors="replace").splitlines() if tap.exists() else []
        if not (self.out / "out/done").exists():
            lines.append(f"not ok - {self.name} came to its end")
            lines += [f"#   {line}" for line in [ended or "nothing is known of it", *tail(self.console)]]
        return lines


def tail(path, count=40):
    return path.read_text(errors="replace").splitlines()[-count:] if path.exists() else []


def main():
    machine, packages, out = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    passed = failed = 0
    for name in [run for name in sys.argv[4:] for run in stages(name)]:
        begin = time.monotonic()
        lines = Machine(machine, packages, out, name).run()
        good = sum(line.startswith("ok ") for line in lines)
        bad = sum(line.startswith("not ok ") for line in lines)
        print(f"  {name:<36} {good} passed{f', {bad} failed' if bad else '':<16} {time.monotonic() - begin:10.1f} s", flush=True)
        for line in lines:
            if not line.startswith("ok "):
                print(f"    {line}")
        passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
