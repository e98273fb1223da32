# SPDX-License-Identifier: Apache-2.0
"""Builds small real RPMs, and signs them with a key made on the spot."""
import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile


class ToolFailed(Exception):
    """A program that the fixtures need failed; the text is what it said."""


def run(argv, **options):
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()
        raise ToolFailed(f"{argv[0]} ended with status {done.returncode}: {said}")
    return done.stdout.decode(errors="replace")


@dataclasses.dataclass
class Package:
    name: str
    version: str
    release: str
    arch: str = "x86_64"
    epoch: int = 0
    requires: tuple = ()
    provides: tuple = ()
    obsoletes: tuple = ()
    conflicts: tuple = ()
    files: dict = dataclasses.field(default_factory=dict)     # absolute path -> content
    scripts: dict = dataclasses.field(default_factory=dict)   # "post" -> shell text
    build_time: int = 1700000000
    summary: str = "A package made for a test"

    @property
    def file_name(self):
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"

    def spec(self, payload):
        lines = [
            f"Name: {self.name}", f"Version: {self.version}", f"Release: {self.release}",
            f"Epoch: {self.epoch}" if self.epoch else "", f"Summary: {self.summary}",
            "License: Apache-2.0", "Group: System Environment/Kernel", "Vendor: Amazon Linux",
            "AutoReqProv: no",
            "BuildArch: noarch" if self.arch == "noarch" else "",
        ]
        for tag in ("requires", "provides", "obsoletes", "conflicts"):
            lines += [f"{tag.capitalize()}: {value}" for value in getattr(self, tag)]
        lines += ["%description", self.summary, "%install", f"cp -a {payload}/. %{{buildroot}}/"]
        for name, text in self.scripts.items():
            lines += [f"%{name}", text]
        lines += ["%files"] + list(self.files)
        return "\n".join(line for line in lines if line) + "\n"


class Key:
    """A throw-away RSA signing key in a GnuPG home of its own. Close it, or use `with`."""

    def __init__(self, name="klpd test <klpd@example.com>"):
        # Directly below the system's temporary folder: the agent's socket has a short path there.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="klpd-gpg-", dir="/tmp"))
        self.name = name
        parameters = self.home / "parameters"
        parameters.write_text("%no-protection\nKey-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\n"
                              f"Name-Real: {name.split(' <')[0]}\n"
                              f"Name-Email: {name.split('<')[1].rstrip('>')}\n"
                              "Expire-Date: 0\n%commit\n", encoding="utf-8")
        self.gpg("--full-generate-key", parameters)
        self.public = self.gpg("--armor", "--export", name)

    def gpg(self, *arguments):
        return run(["gpg", "--homedir", self.home, "--batch", "--quiet", "--no-permission-warning",
                    "--yes", *arguments])

    def sign_file(self, path):
        """Writes PATH.asc, a detached signature."""
        self.gpg("--armor", "--detach-sign", "--output", f"{path}.asc", path)

    def sign_rpms(self, paths):
        # rpm runs gpg by execve(): it wants the whole path.
        run(["rpmsign", "--define", f"__gpg {shutil.which('gpg')}", "--define",
             f"_gpg_path {self.home}", "--define", f"_gpg_name {self.name}", "--addsign", *paths])

    def close(self):
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


DEFINES = {
    "debug_package": "%{nil}",
    "__os_install_post": "%{nil}",
    "_build_id_links": "none",
    "_buildhost": "build.example.com",
    "use_source_date_epoch_as_buildtime": "1",
    "source_date_epoch_from_changelog": "0",
    "clamp_mtime_to_source_date_epoch": "1",
    "_binary_payload": "w2.gzdio",
}


def build(package, folder):
    """Builds one package into `folder` and returns its path."""
    with tempfile.TemporaryDirectory(prefix="klpd-rpm-") as scratch:
        top = pathlib.Path(scratch)
        payload = top / "payload"
        payload.mkdir()
        for path, content in package.files.items():
            target = payload / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
            if "/sbin/" in path or "/bin/" in path:
                target.chmod(0o755)
        spec = top / "package.spec"
        spec.write_text(package.spec(payload), encoding="utf-8")
        defines = dict(DEFINES, _topdir=str(top), _rpmdir=str(top / "out"),
                       _rpmfilename=package.file_name)
        argv = ["rpmbuild", "-bb", "--quiet", "--target", package.arch]
        for name, value in defines.items():
            argv += ["--define", f"{name} {value}"]
        run(argv + [spec], env=dict(os.environ, SOURCE_DATE_EPOCH=str(package.build_time),
                                    HOME=scratch, LC_ALL="C"))
        target = pathlib.Path(folder) / package.file_name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(top / "out" / package.file_name, target)
        return target


def build_all(packages, folder, key=None):
    """Builds packages into `folder`, signed if there is a key. Returns their paths in order."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        paths = list(pool.map(lambda package: build(package, folder), packages))
    if key and paths:
        key.sign_rpms(paths)
    return paths
