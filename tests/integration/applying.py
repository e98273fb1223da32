# SPDX-License-Identifier: Apache-2.0
"""Speaks to klpd-apply as klpd does: one request with open files, events back (agent/ipc/applymsg.h)."""
import array
import hashlib
import pathlib
import socket
import struct
import subprocess

from klpdtest import al2
from running import TOP  # noqa: F401 pylint: disable=unused-import

MAGIC, VERSION = 0x6b6c7061, 2
INSTALL, LOAD, UNLOAD, ERASE, SERVICE, REPOSITORY = range(1, 7)
KINDS = dict(enumerate(["step", "progress", "output", "waiting", "module", "installed", "erased", "switched", "traced",
                        "done"],
                       start=1))
PACKAGES_MAX = 8
PACKAGE = struct.Struct("=256s32sQ")
HEAD = struct.Struct("=IIIIII128s256s1024s")
EVENT = struct.Struct("=IIIiQQ256s1024s")
REQUEST_SIZE = HEAD.size + PACKAGES_MAX * PACKAGE.size


def text(data):
    return data.split(b"\0", 1)[0].decode()


def title(package):
    return f"{package.name}.{package.arch}:{package.epoch}:{package.version}-{package.release}"


class Event:
    def __init__(self, data):
        magic, version, kind, self.status, self.done, self.total, subject, said = EVENT.unpack(data)
        assert (magic, version) == (MAGIC, VERSION)
        self.kind, self.subject, self.text = KINDS[kind], text(subject), text(said)


class Result:
    def __init__(self, status, events, errors):
        self.status, self.events, self.errors = status, events, errors
        assert "Sanitizer" not in errors and "runtime error" not in errors, errors

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]

    @property
    def steps(self):
        return [event.subject for event in self.of("step")]

    @property
    def done(self):
        assert self.events and self.events[-1].kind == "done", self.errors
        return self.events[-1]


def request(packages, verb=INSTALL, kernel=None, magic=MAGIC, version=VERSION, count=None, on=0, subject="", file=""):
    """`packages`: (title, file content or None)."""
    rows = b"".join(PACKAGE.pack(name.encode(), hashlib.sha256(data).digest() if data else b"", len(data or b""))
                    for name, data in packages)
    head = HEAD.pack(magic, version, verb, len(packages) if count is None else count, on, 0,
                     (kernel or al2.uname()).encode(), subject.encode(), file.encode())
    return (head + rows).ljust(REQUEST_SIZE, b"\0")


def options(root):
    return [f"--root={root}", "--allow=kernel-livepatch-{version}-{release}", "--strip=.amzn2",
            "--allow=kpatch-runtime", "--allow-erase=kernel-livepatch-[0-9]*", "--service=kpatch.service",
            f"--repository={al2.LIVEPATCH}", "--lock-wait=1"]


class Applier:
    """klpd-apply for one node."""

    def __init__(self, program, root, wrap=()):
        self.program, self.root, self.wrap = pathlib.Path(program), root, list(wrap)
        self.options = options(root)

    def start(self, data, files, env=None, buffer=None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if buffer:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        process = subprocess.Popen([*self.wrap, self.program, *self.options], stdin=theirs, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, env=env)
        theirs.close()
        numbers = array.array("i", [f.fileno() for f in files])
        ours.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if files else [])
        return process, ours

    def send(self, data, files=(), env=None):
        process, ours = self.start(data, files, env)
        events = []
        with ours:
            ours.settimeout(60)
            while True:
                message = ours.recv(EVENT.size + 1)
                if not message:
                    break
                events.append(Event(message))
        _, errors = process.communicate(timeout=60)
        return Result(process.returncode, events, errors)

    def install(self, *packages, env=None, **changes):
        """`packages`: (Package, path of its file)."""
        files = [open(path, "rb") for _, path in packages]  # pylint: disable=consider-using-with
        try:
            data = request([(title(package), pathlib.Path(path).read_bytes()) for package, path in packages],
                           **changes)
            return self.send(data, files, env)
        finally:
            for file in files:
                file.close()

    def load(self, *packages):
        return self.send(request([(title(package), None) for package in packages], verb=LOAD))
