# SPDX-License-Identifier: Apache-2.0
"""An HTTP server on loopback that serves a folder and can misbehave; also an HTTP proxy.

    python3 -m klpdtest.server DIR      serves DIR until it is stopped; prints its URL
"""
import gzip
import http.client
import http.server
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse


class Behaviour:
    """What the server does for a path instead of serving the file. Made by the functions below."""

    def __init__(self, act):
        self.act = act


def status(code):
    return Behaviour(lambda handler, body: handler.reply(code, b"<html>no</html>", "text/html"))


def html(text=b"<html><body>Please log in to the network</body></html>"):
    return Behaviour(lambda handler, body: handler.reply(200, text, "text/html"))


def content(data):
    return Behaviour(lambda handler, body: handler.reply(200, data))


def redirect(where):
    return Behaviour(lambda handler, body: handler.reply(302, b"", headers={"Location": where}))


def cut():
    """Half of the body, then the connection is closed."""
    def act(handler, body):
        handler.start(200, len(body))
        handler.send(body[:len(body) // 2])
    return Behaviour(act)


def stall(seconds):
    """Half of the body, then nothing for a while."""
    def act(handler, body):
        handler.start(200, len(body))
        handler.send(body[:len(body) // 2])
        handler.server.owner.stopping.wait(seconds)
    return Behaviour(act)


def corrupt():
    """As long as the file, but not the same bytes."""
    def act(handler, body):
        middle = len(body) // 2
        handler.reply(200, body[:middle] + bytes(b ^ 0xff for b in body[middle:middle + 16])
                      + body[middle + 16:])
    return Behaviour(act)


def slow(seconds, pieces=10):
    """The whole body, in pieces."""
    def act(handler, body):
        handler.start(200, len(body))
        step = max(1, (len(body) + pieces - 1) // pieces)
        for at in range(0, len(body), step):
            handler.send(body[at:at + step])
            handler.server.owner.stopping.wait(seconds / pieces)
    return Behaviour(act)


def endless(total):
    """More bytes than anyone asked for, without saying how many."""
    def act(handler, body):
        handler.start(200, None)
        sent = 0
        while sent < total and not handler.server.owner.stopping.is_set():
            handler.send(b"x" * 65536)
            sent += 65536
    return Behaviour(act)


def gzip_bomb(size=1 << 30):
    """A small file that becomes `size` zero bytes when decompressed."""
    return content(gzip.compress(b"\0" * min(size, 1 << 26), 9) * max(1, size >> 26))


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def start(self, code, length, kind="application/octet-stream", headers=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()
        self.server.owner.count(self.asked, len(data))

    def reply(self, code, body, kind="application/octet-stream", headers=None):
        self.start(code, len(body), kind, headers)
        self.send(body)

    def do_GET(self):  # pylint: disable=invalid-name
        owner = self.server.owner
        url = urllib.parse.urlsplit(self.path)
        self.asked = urllib.parse.unquote(url.path)
        owner.requests.append(self.asked)
        try:
            if url.netloc and url.netloc != owner.address:
                self.forward(url)
            else:
                self.serve()
        except (ConnectionError, TimeoutError):
            pass

    def do_HEAD(self):  # pylint: disable=invalid-name
        path = self.server.owner.path_of(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        self.start(200 if path else 404, path.stat().st_size if path else 0)

    def serve(self):
        owner = self.server.owner
        behaviour = owner.behaviour_for(self.asked)
        path = owner.path_of(self.asked)
        body = path.read_bytes() if path else b""
        if behaviour:
            behaviour.act(self, body)
        elif path:
            self.reply_file(body)
        else:
            self.reply(404, b"<html>not found</html>", "text/html")

    def reply_file(self, body):
        """All of it, or what is left of it from an offset on."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked.group(1)) if asked and self.server.owner.ranges else 0
        if not start:
            self.reply(200, body)
        elif start >= len(body):
            self.reply(416, b"", headers={"Content-Range": f"bytes */{len(body)}"})
        else:
            self.reply(206, body[start:], headers={
                "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})

    def forward(self, url):
        """As a proxy: fetch it from whom it belongs to, on loopback only."""
        owner = self.server.owner
        owner.proxied.append(self.path)
        if url.hostname not in owner.proxy_for:
            self.reply(403, b"not for you")
            return
        target = owner.proxy_for[url.hostname]
        connection = http.client.HTTPConnection(target, timeout=20)
        connection.request("GET", url.path, headers={"Host": url.netloc})
        answer = connection.getresponse()
        self.reply(answer.status, answer.read())
        connection.close()


def make_certificate(path):
    """A certificate for 127.0.0.1 that is its own authority, and its key, in one file."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", path,
                    "-out", path + ".crt", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(path, "a", encoding="ascii") as both, open(path + ".crt", encoding="ascii") as public:
        both.write(public.read())
    return path


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Who does not trust our certificate goes away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Server:
    """Serves `folder` on 127.0.0.1. Use `with`, or start() and stop().

    certificate: a PEM file with certificate and key (make_certificate()); then it is https.
    """

    def __init__(self, folder, certificate=None):
        self.folder = pathlib.Path(folder).resolve()
        self.rules = []          # (suffix of the path, behaviour, times left or None)
        self.requests = []       # paths, in order
        self.bytes = {}          # path -> bytes of bodies sent
        self.proxied = []        # absolute URLs asked of us as a proxy
        self.proxy_for = {}      # host name -> "127.0.0.1:PORT" that stands for it
        self.ranges = True       # gives parts of a file to whom asks for them
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.http = QuietServer(("127.0.0.1", 0), Handler)
        self.http.owner = self
        self.address = f"127.0.0.1:{self.http.server_port}"
        self.url = f"http://{self.address}"
        if certificate:
            self.encrypt(certificate)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def encrypt(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake is for the thread of the connection: it must not hold up the others.
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://{self.address}"

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def on(self, suffix, behaviour, times=None):
        """From now on, paths that end in `suffix` get this behaviour; None ends it."""
        with self.lock:
            self.rules = [rule for rule in self.rules if rule[0] != suffix]
            if behaviour:
                self.rules.append([suffix, behaviour, times])

    def behaviour_for(self, path):
        with self.lock:
            for rule in self.rules:
                if path.endswith(rule[0]) and rule[2] != 0:
                    if rule[2] is not None:
                        rule[2] -= 1
                    return rule[1]
        return None

    def path_of(self, asked):
        path = (self.folder / asked.lstrip("/")).resolve()
        inside = path == self.folder or self.folder in path.parents
        return path if inside and path.is_file() else None

    def count(self, path, amount):
        with self.lock:
            self.bytes[path] = self.bytes.get(path, 0) + amount

    def total_bytes(self):
        with self.lock:
            return sum(self.bytes.values())

    def asked_for(self, part):
        """How many requests had `part` in their path."""
        return sum(part in path for path in list(self.requests))

    def forget(self):
        """Counts start anew."""
        with self.lock:
            self.requests.clear()
            self.bytes.clear()
            self.proxied.clear()


def main():
    with Server(sys.argv[1] if len(sys.argv) > 1 else ".") as server:
        print(server.url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
