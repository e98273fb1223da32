# SPDX-License-Identifier: Apache-2.0
"""A node with a real systemd as its first process, in a container (systemd-nspawn), with klpd installed.

The tree is that of klpdtest.inside: the node's own files, the machine's /usr below them. Into the running
container are mounted, as there: what says which kernel runs, and a folder that stands for /sys/kernel, in which
the simulated kpatch "loads". The network is the machine's, so that the node reaches the repositories on
loopback. Needs root, overlayfs and a cgroup2 mount; everything lies in a mount namespace and a cgroup of its own.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = 1000  # somebody who may log in, and no more

START = r"""
set -e
node=$1 machine=$2
shift 2
mount -t overlay -o "lowerdir=/usr,upperdir=$node/usr,workdir=$node/../work" overlay "$node/usr"
mount -t tmpfs -o mode=755 tmpfs /run
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec systemd-nspawn -q -D "$node" --machine="$machine" --register=no --keep-unit --console=pipe \
	--resolv-conf=off --timezone=off --link-journal=no "$@"
"""

# A unit with a sandbox gets a /proc of its own: what is mounted there must be said in the unit.
KERNEL = "[Service]\n" + "".join(
    f"BindReadOnlyPaths=/fakeproc/{name}:/proc/{name}\n"
    for name in ("sys/kernel/osrelease", "sys/kernel/version", "sys/kernel/random/boot_id", "stat"))

TARGET = """[Unit]
Description=What a test needs
Requires=basic.target
After=basic.target
AllowIsolate=yes
"""


def obstacle():
    """Why it does not work here, or None."""
    if os.geteuid() != 0:
        return "a container with systemd needs root"
    for program in ("systemd-nspawn", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not cgroup_mount():
        return "there is no cgroup2 mount"
    return None


def cgroup_mount():
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        if line.split()[2] == "cgroup2":
            return pathlib.Path(line.split()[1])
    return None


class Booted:
    def __init__(self, scenario, build):
        self.scenario, self.build = scenario, build
        self.node = scenario.node
        self.root = scenario.node.folder.resolve()
        self.process = self.leader = None
        self.group = cgroup_mount() / f"klpd-test.{os.getpid()}"

    # ---- before it boots ----

    def write(self, path, text):
        self.node.write(path, text)

    def prepare(self):
        """klpd installed, users, what systemd wants to find."""
        for name in ("boot", "dev", "usr", "tmp", "run", "root", "var/log/journal", "var/tmp", "home/somebody"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in ("tmp", "var/tmp"):
            (self.root / name).chmod(0o1777)
        for name in ("proc", "sys"):
            (self.root / name).rename(self.root / f"fake{name}")
            (self.root / name).mkdir()
        (self.root / "fakesys/kernel/livepatch").mkdir(parents=True, exist_ok=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            if not (self.root / link).exists():
                (self.root / link).symlink_to(f"usr/{link}")
        (self.root / "../work").resolve().mkdir(exist_ok=True)
        self.write("etc/passwd", f"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
                                 f"somebody:x:{USER}:{USER}::/home/somebody:/bin/sh\n")
        self.write("etc/group", f"root:x:0:\nnogroup:x:65534:\nsomebody:x:{USER}:\npatchers:x:2000:somebody\n"
                                "systemd-journal:x:101:\ntty:x:5:\nadm:x:4:\n")
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("etc/machine-id", "b8a2c6f0d5e94b7fa1c3e5d7f9b1a3c5\n")
        self.write("etc/systemd/system/klpd-test.target", TARGET)
        self.write("etc/systemd/journald.conf", "[Journal]\nStorage=volatile\nRateLimitBurst=0\n")
        subprocess.run(["make", "-s", "-C", TOP, "install", f"O={self.build}", f"DESTDIR={self.root}", "DEPS=0"],
                       check=True, stdout=subprocess.DEVNULL)
        local = self.root / "usr/local/lib"
        subprocess.run(["systemd-sysusers", f"--root={self.root}", local / "sysusers.d/klpd.conf"], check=True,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["systemd-tmpfiles", f"--root={self.root}", "--create", local / "tmpfiles.d/klpd.conf"],
                       check=True)

        for unit in ("klpd.service", "klpd-apply@.service"):
            self.drop_in(unit, KERNEL, "kernel")

    def drop_in(self, unit, text, name="test"):
        self.write(f"etc/systemd/system/{unit}.d/{name}.conf", text)

    # ---- running ----

    def spawn(self, *arguments):
        self.group.mkdir()
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh", self.root,
             f"klpd-test-{os.getpid()}", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: (self.group / "cgroup.procs").write_text(str(os.getpid())))

    def obstacle(self):
        """Why no container can be made here, by making one that runs /bin/true and no systemd; or None."""
        try:
            probe = self.spawn("/bin/true")
            said = probe.communicate(timeout=30)[1].decode(errors="replace").strip()
            return f"a container cannot be made here: {said}" if probe.returncode else None
        except OSError as error:
            return f"a container cannot be made here: {error}"
        finally:
            self.remove_group()

    def start(self, *units):
        self.process = self.spawn("--boot", "systemd.unit=klpd-test.target")
        self.leader = self.wait(self.find_leader, "systemd")
        self.wait(lambda: self.run("systemctl", "is-active", "basic.target").returncode == 0, "basic.target")
        self.sh("mount --bind /fakesys/kernel /sys/kernel")
        if units:
            self.run("systemctl", "start", *units, check=True)

    def wait(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            result = condition()
            if result:
                return result
            assert self.process.poll() is None, f"the container ended: {self.process.stderr.read().decode()}"
            assert time.monotonic() < deadline, f"{what} did not come"
            time.sleep(0.05)

    def find_leader(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return next((int(child) for child in children if self.is_systemd(child)), None)

    @staticmethod
    def is_systemd(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text() == "systemd\n"
        except OSError:
            return False

    def command(self, *argv, user=None):
        enter = ["nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--pid", "--root"]
        if user is not None:
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return enter + ["env", "-C", "/", "-i", f"PATH={PATH}", "LC_ALL=C", "HOME=/root", *map(str, argv)]

    def run(self, *argv, user=None, **options):
        return subprocess.run(self.command(*argv, user=user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=300, **options)

    def popen(self, *argv, user=None):
        return subprocess.Popen(self.command(*argv, user=user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def sh(self, script):
        done = self.run("sh", "-c", script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def property(self, unit, name):
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def stop(self):
        if self.process and self.process.poll() is None:
            if self.leader:
                os.kill(self.leader, signal.SIGRTMIN + 14)  # systemd(1): power off at once
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        if self.process:
            self.process.stderr.close()
        self.remove_group()

    def remove_group(self):
        deadline = time.monotonic() + 10
        while self.group.exists() and time.monotonic() < deadline:
            for folder, _, _ in os.walk(self.group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    time.sleep(0.1)
