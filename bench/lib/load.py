"""What asks the servers: wrk, and small clients for what wrk cannot do."""

import os
import re
import select
import socket
import subprocess
import sys
import time

from lib import machine


def wrk(url, connections, seconds, script=None):
    """Runs wrk and returns its figures: requests, per_second, p50_us, p99_us …"""
    command = wrk_command(url, connections, seconds, script)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    text = done.stdout
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", text)
    if done.returncode != 0 or not found:
        sys.exit(f"wrk failed: {' '.join(command)}\n{text}{done.stderr}")
    wrong = re.search(r"Non-2xx or 3xx responses: \d+", text)
    if wrong:
        sys.exit(f"wrk: {wrong.group()}: {url}")
    figures = {"requests": int(found.group(1))}
    figures["per_second"] = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    for percent in (50, 90, 99):
        latency = re.search(rf"(?m)^\s+{percent}%\s+([\d.]+)(us|ms|s)", text)
        if latency:
            unit = {"us": 1, "ms": 1000, "s": 1_000_000}[latency.group(2)]
            figures[f"p{percent}_us"] = float(latency.group(1)) * unit
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    figures["errors"] = sum(map(int, errors.groups())) if errors else 0
    return figures


def wrk_command(url, connections, seconds, script=None):
    """wrk with one thread, on the load's core."""
    more = ["-s", script] if script else []
    return machine.pinned(
        machine.LOAD_CORE,
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency",
         *more, url])


def head(path, port, more=""):
    """A request's head, as wrk writes it."""
    return f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{more}\r\n".encode()


def use_load_core():
    """Binds this process to the load's core."""
    os.sched_setaffinity(0, {machine.LOAD_CORE})


class KeepAlive:
    """Connections that stay open, each with one request at a time under way."""

    def __init__(self, port, count):
        self.sockets = {}
        self.poll = select.epoll()
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=60)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets[sock.fileno()] = sock
            self.poll.register(sock, select.EPOLLIN)

    def ask(self, request, total):
        """Sends `total` requests, each connection its next one when it has its answer."""
        left, under_way = total, 0
        for sock in list(self.sockets.values())[:total]:
            sock.sendall(request)
            left, under_way = left - 1, under_way + 1
        want = {}
        while under_way:
            events = self.poll.poll(60)
            if not events:
                sys.exit("no answer within 60 s")
            for number, _ in events:
                sock = self.sockets[number]
                missing = want.pop(number, 0)
                part = sock.recv(65536)
                if not part:
                    sys.exit("the server closed a connection that should stay open")
                missing = missing - len(part) if missing else rest_of(part)
                if missing:
                    want[number] = missing
                    continue
                under_way -= 1
                if left:
                    sock.sendall(request)
                    left, under_way = left - 1, under_way + 1

    def ask_each(self, request):
        """Sends one request on each connection, a few at a time, and takes the answers."""
        sockets = list(self.sockets.values())
        for start in range(0, len(sockets), 64):
            part = sockets[start:start + 64]
            for sock in part:
                sock.sendall(request)
            for sock in part:
                missing = rest_of(sock.recv(65536))
                while missing:
                    missing -= len(sock.recv(65536))

    def open(self):
        """How many of the connections the server has not closed."""
        return len(self.sockets) - len(self.poll.poll(0, len(self.sockets)))

    def close(self):
        """Closes every connection."""
        self.poll.close()
        for sock in self.sockets.values():
            sock.close()


def rest_of(part):
    """How many bytes of an answer are missing, when its head is here."""
    head_end = part.find(b"\r\n\r\n")
    if head_end < 0 or not part.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"not the answer that was expected: {part[:200]!r}")
    length = re.search(rb"(?i)\r\ncontent-length:[ ]*(\d+)", part[:head_end + 2])
    return head_end + 4 + int(length.group(1)) - len(part)


def measure(server, path, connections, seconds, script=None):
    """wrk's figures of one run, with what the server's CPU did for it."""
    meter = Meter(server)
    figures = wrk(server.url(path), connections, seconds, script)
    used = meter.read()
    requests = figures.pop("requests")
    errors = figures.pop("errors")
    if errors:
        sys.exit(f"{server.name}: {errors} connections failed: {server.url(path)}")
    del used["wall_s"]
    return {"cpu_us": 1e6 * used.pop("cpu_s") / requests, **used, **figures}


class Meter:
    """What the server used since the meter was made, and whether it had its core for itself."""

    def __init__(self, server):
        self.server = server
        self.cpu, self.core, self.wall = self._now()

    def _now(self):
        return self.server.cpu_seconds(), machine.core_seconds(machine.SERVER_CORE), time.monotonic()

    def read(self):
        """CPU seconds of the server; its and everybody else's share of the core, in percent."""
        cpu, core, wall = self._now()
        cpu, core, wall = cpu - self.cpu, core - self.core, wall - self.wall
        others = max(0.0, core - cpu)
        return {"cpu_s": cpu, "wall_s": wall,
                "busy_%": 100 * cpu / wall, "others_%": 100 * others / wall}
