# SPDX-License-Identifier: Apache-2.0
"""Runs programs inside a node: its directory is "/", in a mount namespace of their own.

What a directory cannot be (a kernel, processes, a C library) comes from the machine: its /usr lies below
the node's, its /proc is there with the node's own files mounted over it. The node's /sys is a plain folder,
in which the simulated kpatch (al2.SIMULATED_KPATCH) "loads". Needs root, or user namespaces.
"""
import os
import subprocess

SCRIPT = r"""
set -e
node=$1 programs=$2
shift 2
cd "$node"
[ -d fakeproc ] || mv proc fakeproc
mkdir -p proc dev usr work tmp opt/klpd
for link in bin sbin lib lib64; do
	[ -L "$link" ] || ln -s "usr/$link" "$link"
done
mount -t overlay -o "lowerdir=/usr,upperdir=$node/usr,workdir=$node/work" overlay usr
mount -t proc proc proc
for file in sys/kernel/osrelease sys/kernel/version sys/kernel/random/boot_id stat; do
	mount --bind "fakeproc/$file" "proc/$file"
done
for file in cmdline modules; do
	[ ! -e "fakeproc/$file" ] || mount --bind "fakeproc/$file" "proc/$file"
done
mount --rbind /dev dev
mount --bind "$programs" opt/klpd
set +e
chroot . "$@"
status=$?
umount -l usr
chmod -R u+rwx work
rm -rf work
exit $status
"""


ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}


class Inside:
    def __init__(self, scenario, build):
        self.node = scenario.node.folder.resolve()
        self.build = build

    def command(self, *argv):
        namespaces = ["--mount", "--pid", "--fork", "--kill-child"]
        if os.geteuid() != 0:
            namespaces.append("--map-root-user")
        return ["unshare", *namespaces, "sh", "-c", SCRIPT, "sh", str(self.node), str(self.build), *argv]

    def run(self, *argv, timeout=300, **options):
        """A program of the node or of ours (/opt/klpd)."""
        return subprocess.run(self.command(*argv), stdin=subprocess.DEVNULL, env=ENVIRONMENT, check=False,
                              timeout=timeout, **options)

    def start(self, *argv):
        """The same, in the background; when it is killed every process in the node is."""
        return subprocess.Popen(self.command(*argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=ENVIRONMENT)

    def tidy(self):
        """What a run that was killed leaves of its mounts' folders."""
        subprocess.run(["sh", "-c", "[ ! -d work ] || { chmod -R u+rwx work; rm -rf work; }"], cwd=self.node, check=True)

    def obstacle(self):
        """Why it does not work here, or None."""
        try:
            done = self.run("/bin/true", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as missing:
            return str(missing)
        return None if done.returncode == 0 else f"namespaces or overlayfs cannot be used here: {done.stdout.strip()}"
