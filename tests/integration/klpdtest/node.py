# SPDX-License-Identifier: Apache-2.0
"""A directory that stands for a machine."""
import pathlib
import shutil
import tempfile
import time
import uuid

from .rpms import run

OS_RELEASE = {
    "amzn2": 'NAME="Amazon Linux"\nVERSION="2"\nID="amzn"\nID_LIKE="centos rhel fedora"\n'
             'VERSION_ID="2"\nPRETTY_NAME="Amazon Linux 2"\n',
    "amzn2023": 'NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nID_LIKE="fedora"\n'
                'VERSION_ID="2023"\nPRETTY_NAME="Amazon Linux 2023"\n',
}


def kernel_version(build_time):
    """What uname -v says of a kernel built then."""
    return "#1 SMP " + time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(build_time))


def section(repo_id, **keys):
    """A section of a .repo file, in the shape of Amazon Linux 2's own."""
    lines = [f"[{repo_id}]"] + [f"{key}={value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n\n"


def al2_section(repo_id, path, enabled=1, key="RPM-GPG-KEY-amazon-linux-2", **more):
    """As /etc/yum.repos.d/amzn2-core.repo has them: a mirror list of many variables."""
    keys = {
        "name": f"Amazon Linux 2 {repo_id}",
        "mirrorlist": f"$awsproto://$amazonlinux.$awsregion.$awsdomain/{path}/mirror.list",
        "priority": 10, "gpgcheck": 1, "gpgkey": f"file:///etc/pki/rpm-gpg/{key}",
        "enabled": enabled, "metadata_expire": 300, "mirrorlist_expire": 300,
        "report_instanceid": "yes",
    }
    keys.update(more)
    return section(repo_id, **keys)


class Node:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def path(self, name):
        return self.folder / name.lstrip("/")

    def write(self, name, text):
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def set_os(self, name="amzn2"):
        self.write("usr/lib/os-release", OS_RELEASE[name])
        link = self.path("etc/os-release")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to("../usr/lib/os-release")

    def set_kernel(self, release, build_time, boot_time):
        self.write("proc/sys/kernel/osrelease", f"{release}\n")
        self.write("proc/sys/kernel/version", f"{kernel_version(build_time)}\n")
        self.write("proc/stat", f"cpu  1 2 3 4 5 6 7 8 9 0\nbtime {int(boot_time)}\nprocesses 1\n")
        self.write("proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")
        self.path("sys/kernel/livepatch").mkdir(parents=True, exist_ok=True)

    def load_livepatch(self, module, enabled=1, transition=0, replace=None):
        """What sysfs shows of a loaded livepatch module."""
        self.write(f"sys/kernel/livepatch/{module}/enabled", f"{enabled}\n")
        self.write(f"sys/kernel/livepatch/{module}/transition", f"{transition}\n")
        if replace is not None:
            self.write(f"sys/kernel/livepatch/{module}/replace", f"{replace}\n")

    def unload_livepatch(self, module):
        shutil.rmtree(self.path(f"sys/kernel/livepatch/{module}"), ignore_errors=True)

    def enable_service(self, unit="kpatch.service", enabled=True):
        self.write(f"usr/lib/systemd/system/{unit}", "[Service]\nExecStart=/usr/sbin/kpatch load --all\n"
                   "[Install]\nWantedBy=multi-user.target\n")
        link = self.path(f"etc/systemd/system/multi-user.target.wants/{unit}")
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        if enabled:
            link.symlink_to(f"/usr/lib/systemd/system/{unit}")

    def set_variables(self, **variables):
        """yum variables, each value with the newline that Amazon Linux 2's files have."""
        for name, value in variables.items():
            self.write(f"etc/yum/vars/{name}", f"{value}\n")

    def serve_from(self, address):
        """Makes $awsproto://$amazonlinux.$awsregion.$awsdomain/ mean http://127.0.0.1:PORT/."""
        parts = address.split(".")
        self.set_variables(awsproto="http", amazonlinux=parts[0], awsregion=".".join(parts[1:3]),
                           awsdomain=parts[3], product="core", target="latest")

    def add_repo_file(self, name, *sections):
        self.write(f"etc/yum.repos.d/{name}", "".join(sections))

    def _rpm(self, program, *arguments):
        database = self.path("var/lib/rpm").resolve()
        database.mkdir(parents=True, exist_ok=True)
        # The home directory holds no macros of whoever runs this.
        with tempfile.TemporaryDirectory(prefix="klpd-home-") as home:
            return run([program, f"--dbpath={database}", "--define=_keyring rpmdb", *arguments],
                       env={"HOME": home, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})

    def install(self, *packages):
        """Puts packages into the node's rpm database. Their files stay away: that needs no root."""
        self._rpm("rpm", "--justdb", "--nodeps", "--noscripts", "--notriggers", "--ignorearch",
                  "--ignoreos", "--nosignature", "--oldpackage", "-i", *packages)

    def erase(self, *names):
        self._rpm("rpm", "--justdb", "--nodeps", "--noscripts", "--notriggers", "-e", *names)

    def list_installed(self):
        return self._rpm("rpm", "-qa", "--qf", "%{nevra}\\n").split()

    def trust(self, key, name="RPM-GPG-KEY-amazon-linux-2"):
        """Installs a public key as a file and into the rpm database."""
        path = self.write(f"etc/pki/rpm-gpg/{name}", key.public)
        self._rpm("rpmkeys", "--import", path.resolve())
