"""What asks the servers: wrk, and small clients for what wrk cannot do."""

import os
import re
import select
import socket
import subprocess
import sys
import time

from lib import machine

# Percentiles of the latency, as wrk has them.
LATENCIES = ("p50_us", "p90_us", "p99_us")


def wrk(url, connections, seconds, script=None):
    """Runs wrk and returns its figures: requests, per_second, p50_us, p99_us …"""
    command = wrk_command(url, connections, seconds, script)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        sys.exit(f"wrk failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    figures = wrk_figures(done.stdout)
    if figures.pop("other_statuses"):
        sys.exit(f"wrk: not every answer was a success: {url}")
    return figures


def wrk_figures(text):
    """What wrk printed."""
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", text)
    if not found:
        sys.exit(f"wrk failed:\n{text}")
    figures = {"requests": int(found.group(1))}
    figures["per_second"] = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    for percent in (50, 90, 99):
        latency = re.search(rf"(?m)^\s+{percent}%\s+([\d.]+)(us|ms|s)", text)
        if latency:
            figures[f"p{percent}_us"] = microseconds(*latency.groups())
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    figures["errors"] = sum(map(int, errors.groups())) if errors else 0
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    figures["other_statuses"] = int(others.group(1)) if others else 0
    return figures


def microseconds(number, unit):
    """A time as wrk writes it."""
    return float(number) * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]


def wrk_command(url, connections, seconds, script=None, timeout="30s"):
    """wrk with one thread, on the load's core."""
    more = ["-s", script] if script else []
    return machine.pinned(
        machine.LOAD_CORE,
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", timeout, "--latency",
         *more, url])


def h2load(url, count, connections, streams):
    """Requests per second over HTTP/2; each of them must succeed."""
    args = h2load_command(url, count, connections, streams)
    done = subprocess.run(args, capture_output=True, text=True, timeout=300, check=False)
    if f" {count} succeeded, 0 failed" not in done.stdout:
        sys.exit(f"{' '.join(args)}\n{done.stdout[-2000:]}{done.stderr[-500:]}")
    return float(re.search(r"([\d.]+) req/s", done.stdout).group(1))


def h2load_command(url, count, connections, streams):
    return machine.pinned(machine.LOAD_CORE, [
        "h2load", "-n", str(count), "-c", str(connections), "-m", str(streams), url])


def head(path, port, more=""):
    """A request's head, as wrk writes it."""
    return f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{more}\r\n".encode()


def use_load_core():
    """Binds this process to the load's core."""
    os.sched_setaffinity(0, {machine.LOAD_CORE})


class KeepAlive:
    """Connections that stay open, each with one request at a time under way."""

    def __init__(self, port, count):
        self.port = port
        self.sockets = {}
        self.poll = select.epoll()
        for _ in range(count):
            self._connect()

    def _connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets[sock.fileno()] = sock
        self.poll.register(sock, select.EPOLLIN)
        return sock

    def ask(self, request, total):
        """Sends `total` requests, each connection its next one when it has its answer."""
        sent = min(total, len(self.sockets))
        for sock in list(self.sockets.values())[:sent]:
            sock.sendall(request)
        answered, answers = 0, {}
        while answered < total:
            events = self.poll.poll(60)
            if not events:
                sys.exit("no answer within 60 s")
            for number, _ in events:
                sock = self.sockets[number]
                answer = answers.setdefault(number, Answer())
                answer.take(sock.recv(65536))
                if answer.missing:
                    continue
                del answers[number]
                answered += 1
                if answer.is_last:
                    # Servers bound the requests of a connection, and say so.
                    self.sockets.pop(number).close()
                    sock = self._connect()
                if sent < total:
                    sock.sendall(request)
                    sent += 1

    def ask_each(self, request):
        """Sends one request on each connection, a few at a time, and takes the answers."""
        sockets = list(self.sockets.values())
        for start in range(0, len(sockets), 64):
            part = sockets[start:start + 64]
            for sock in part:
                sock.sendall(request)
            for sock in part:
                answer = Answer()
                while answer.missing != 0:
                    answer.take(sock.recv(65536))

    def open(self):
        """How many of the connections the server has not closed."""
        return len(self.sockets) - len(self.poll.poll(0, len(self.sockets)))

    def close(self):
        """Closes every connection."""
        self.poll.close()
        for sock in self.sockets.values():
            sock.close()


class Answer:
    """How much of an answer is still missing; its head must come in one piece, as small ones do."""

    def __init__(self):
        self.missing = None
        self.is_last = False

    def take(self, part):
        """Counts what came."""
        if not part:
            sys.exit("the server closed a connection that should stay open")
        if self.missing is None:
            self._take_head(part)
        else:
            self.missing -= len(part)

    def _take_head(self, part):
        end = part.find(b"\r\n\r\n")
        head = part[:end + 2].lower()
        length = re.search(rb"\r\ncontent-length:[ ]*(\d+)", head)
        if end < 0 or not head.startswith(b"http/1.1 200 ") or not length:
            sys.exit(f"not the answer that was expected: {part[:200]!r}")
        self.missing = end + 4 + int(length.group(1)) - len(part)
        self.is_last = b"\r\nconnection: close" in head


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
        # The two clocks tick apart; a tick less than nothing is nothing.
        others = max(0.0, round(core - cpu, 2))
        return {"cpu_s": cpu, "wall_s": wall,
                "busy_%": 100 * cpu / wall, "others_%": 100 * others / wall}
