"""Clients that forgive nothing: every answer must come, in time, whole, and with the right bytes."""

import hashlib
import socket
import ssl
import threading
import time

# How long an answer may take until it has failed.
PATIENCE_S = 5

# How many failures are told in words; the rest is counted.
TOLD_MAX = 5


class Failed(Exception):
    """A request that failed, and how."""


class Client(threading.Thread):
    """Asks for a small file again and again, until it is told to stop."""

    def __init__(self, port, path, content, keeps, certificate=None):
        super().__init__(daemon=True)
        self.port = port
        self.content = content
        # Whether it uses a connection until the server says that it closes it, or for one request.
        self.keeps = keeps
        self.context = certificate.context() if certificate else None
        if self.context:
            # Each handshake is a full one, and of a kind that every server here speaks.
            self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        last = "" if keeps else "Connection: close\r\n"
        self.request = f"GET /{path} HTTP/1.1\r\nHost: localhost:{port}\r\n{last}\r\n".encode()
        self.requests = self.connections = self.failures = 0
        self.told = []
        self.longest_s = 0.0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            try:
                self._use_connection()
            except (Failed, OSError) as error:
                self.failures += 1
                if len(self.told) < TOLD_MAX:
                    self.told.append(f"{type(error).__name__}: {error}")
                # Who refuses everybody shall not be asked a million times.
                time.sleep(0.01)

    def finish(self):
        """Ends it behind the answer that it waits for."""
        self.is_over.set()
        self.join(2 * PATIENCE_S)
        if self.is_alive():
            self.failures += 1
            self.told.append("it waits still")

    def _use_connection(self):
        started = time.monotonic()
        with connect(self.port, self.context) as sock:
            self.connections += 1
            is_last = False
            while not is_last and not self.is_over.is_set():
                sock.sendall(self.request)
                is_last = self._take_answer(sock)
                self.requests += 1
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                started = time.monotonic()
            if is_last and sock.recv(1):
                raise Failed("something came behind the last answer")

    def _take_answer(self, sock):
        """Reads an answer; whether the server says that it is the connection's last."""
        head, rest = read_head(sock)
        fields = head.lower().split(b"\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Failed(f"answered with {head.splitlines()[0]!r}")
        if b"content-length: %d" % len(self.content) not in fields:
            raise Failed(f"another length: {head!r}")
        while len(rest) < len(self.content):
            rest += receive(sock)
        if rest != self.content:
            raise Failed(f"another body: {len(rest)} bytes that begin with {rest[:40]!r}")
        return b"connection: close" in fields


class Download(threading.Thread):
    """Takes a large file so slowly that it is under way for at least `seconds`."""

    def __init__(self, port, path, seconds, certificate=None):
        super().__init__(daemon=True)
        self.port, self.path, self.seconds = port, path, seconds
        self.context = certificate.context() if certificate else None
        self.size = self.got = 0
        self.took_s = 0.0
        self.hash = hashlib.sha256()
        self.error = None
        self.has_begun = threading.Event()

    def run(self):
        started = time.monotonic()
        try:
            with connect(self.port, self.context) as sock:
                self._take(sock, started)
        except (Failed, OSError) as error:
            self.error = f"{type(error).__name__}: {error}"
        self.took_s = time.monotonic() - started
        self.has_begun.set()

    def _take(self, sock, started):
        sock.sendall(f"GET /{self.path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n".encode())
        head, rest = read_head(sock)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Failed(f"answered with {head.splitlines()[0]!r}")
        self.size = int(fields[b"content-length"])
        self._add(rest)
        self.has_begun.set()
        while self.got < self.size:
            self._add(receive(sock, 256 << 10))
            early = self.got / self.size * self.seconds - (time.monotonic() - started)
            if early > 0:
                time.sleep(early)

    def _add(self, part):
        self.got += len(part)
        self.hash.update(part)


def connect(port, context=None):
    """A connection, over TLS if there is a context."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Less is under way in the kernel, and more of a slow download is still the server's to send.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
    return context.wrap_socket(sock, server_hostname="localhost") if context else sock


def read_head(sock):
    """The head of an answer, without its empty line, and what came behind it."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += receive(sock)
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def receive(sock, at_most=65536):
    """What comes next; something must."""
    part = sock.recv(at_most)
    if not part:
        raise Failed("the connection ended before the answer did")
    return part
