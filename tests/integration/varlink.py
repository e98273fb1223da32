# SPDX-License-Identifier: Apache-2.0
"""A small Varlink client for the tests: NUL-terminated JSON over a Unix stream socket."""
import json
import socket


class Error(Exception):
    """An error reply: its name and its parameters."""

    def __init__(self, name, parameters):
        super().__init__(f"{name} {parameters}")
        self.name = name
        self.parameters = parameters


class Closed(Exception):
    """The peer closed the connection before it answered."""


class Client:
    def __init__(self, where, timeout=20):
        """`where` is the path of a socket, or a connected socket."""
        if isinstance(where, socket.socket):
            self.sock = where
        else:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(str(where))
        self.sock.settimeout(timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, method, parameters=None, **flags):
        self.send_raw(json.dumps({"method": method, "parameters": parameters or {}, **flags})
                      .encode() + b"\0")

    def receive(self):
        """The next message, as it came."""
        while b"\0" not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise Closed()
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def is_closed(self):
        """Whether the peer closes the connection without another message."""
        try:
            self.receive()
        except Closed:
            return True
        return False

    def call(self, method, parameters=None, progress=None):
        """The final reply's parameters; continued ones are appended to the list `progress`."""
        self.send(method, parameters, **({"more": True} if progress is not None else {}))
        while True:
            message = self.receive()
            if "error" in message:
                raise Error(message["error"], message.get("parameters", {}))
            if not message.get("continues"):
                return message.get("parameters", {})
            progress.append(message["parameters"])
