"""Hepta and its peers: started on a core and a free port, measured from /proc, ended by pid."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from lib import machine

TICKS = os.sysconf("SC_CLK_TCK")

# Time for a server to start; under valgrind it takes seconds.
START_S = 60
STOP_S = 10


class Server:
    """One server program with one worker, serving one directory."""

    name = "server"
    # Its address, and whether this machine's own list of sockets shows that it listens there.
    host = "127.0.0.1"
    is_listed = True
    keeps_output = True

    def __init__(self, site, work, certificate=None):
        self.site = site
        self.work = os.path.join(work, re.sub(r"\W+", "-", self.name))
        os.makedirs(self.work, exist_ok=True)
        self.access_log = os.path.join(self.work, "access.log")
        self.certificate = certificate
        self.port = machine.free_port()
        self.process = None
        self.args = []

    def command(self):
        """The command line, without what binds it to a core."""
        raise NotImplementedError

    def version(self):
        """What the program says it is."""
        raise NotImplementedError

    def start(self, under=()):
        """Starts it, under another program if need be, and waits until it answers."""
        self.args = machine.pinned(machine.SERVER_CORE, [*under, *self.command()])
        self.log_path = os.path.join(self.work, "output")
        with open(self.log_path if self.keeps_output else os.devnull, "wb") as log:
            self.process = subprocess.Popen(
                self.args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.work)
        self._wait()
        return self

    def _wait(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if is_listening(self.port) if self.is_listed else answers(self.host, self.port):
                return
            time.sleep(0.02)
        output = ""
        if self.keeps_output:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                output = log.read()[-2000:]
        sys.exit(f"{self.name} did not start: {' '.join(self.args)}\n{output}")

    def url(self, path):
        """Where a file of the site is."""
        return f"{'https' if self.certificate else 'http'}://{self.host}:{self.port}/{path}"

    def pids(self):
        """The server's processes, the ones it started included."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                todo += [int(child) for child in file.read().split()]
        return found

    def cpu_seconds(self):
        """User and system time so far, of all threads and processes."""
        ticks = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def memory(self):
        """(resident, private dirty) bytes of all its processes."""
        resident = dirty = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
                lines = dict(line.split(":", 1) for line in file if ":" in line and "kB" in line)
            resident += int(lines["Rss"].split()[0]) * 1024
            dirty += int(lines["Private_Dirty"].split()[0]) * 1024
        return resident, dirty

    def stop(self):
        """Ends it, politely first."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                # Its own children would outlive a process that is killed.
                for pid in reversed(self.pids()):
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Hepta(Server):
    """`hepta serve`."""

    name = "hepta"
    program = None
    more = ()
    # Whether a file says what is served, instead of the command line.
    is_configured = False

    def command(self):
        if self.is_configured:
            return [self.program, "serve", "--config", self.write_configuration(), *self.more]
        command = [self.program, "serve", self.site, "--listen", f"{self.host}:{self.port}",
                   "--workers", "1", "--access-log", self.access_log]
        if self.certificate:
            command += ["--tls", "--cert", self.certificate.chain, "--key", self.certificate.key]
        return [*command, *self.more]

    def write_configuration(self):
        """A file with some sites, some routes, and metrics that can be asked for; its path."""
        path = os.path.join(self.work, "hepta.kdl")
        tls = ""
        if self.certificate:
            tls = f'{{ certificate "{self.certificate.chain}" key="{self.certificate.key}" }}'
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
listen "{self.host}:{self.port}" {tls}
workers 1
access-log "{self.access_log}"
admin "unix:{self.work}/admin.sock"
site "example.org" "*.example.org" {{ respond 200 "another site\\n" }}
site "127.0.0.1" "localhost" {{
    files "{self.site}"
    route "/old/*" {{ redirect "/new{{rest}}" }}
    route "/private/*" {{ deny "192.0.2.0/24"; files "{self.site}" }}
    route "/health" {{ respond 200 "well\\n" }}
}}
default {{ respond 404 }}
""")
        return path

    def version(self):
        return machine.version([self.program, "--version"], r"hepta (\S+)")


class HeptaConfigured(Hepta):
    """`hepta serve --config`: some sites, some routes, and metrics that can be asked for."""

    name = "hepta configured"
    is_configured = True


class HeptaFilmed(Hepta):
    """`hepta serve --film`: somebody watches every layer."""

    name = "hepta filmed"
    more = ("--film",)
    keeps_output = False


class Nginx(Server):
    """nginx as an operator who cares sets it up."""

    name = "nginx tuned"
    more_of_listen = ""
    http = """
    sendfile on;
    tcp_nopush on;
    open_file_cache max=10000 inactive=60s;
    open_file_cache_valid 60s;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    ssl_protocols TLSv1.2 TLSv1.3;
    access_log {log} combined buffer=64k flush=1s;
"""

    def command(self):
        path = os.path.join(self.work, "nginx.conf")
        tls = ""
        if self.certificate:
            tls = (f"ssl_certificate {self.certificate.chain}; "
                   f"ssl_certificate_key {self.certificate.key};")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
{'user root;' if os.geteuid() == 0 else ''}
worker_processes 1;
pid {self.work}/pid;
error_log {self.work}/error.log;
events {{ worker_connections 12000; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path {self.work}/body;
    proxy_temp_path {self.work}/proxy;
    fastcgi_temp_path {self.work}/fastcgi;
    uwsgi_temp_path {self.work}/uwsgi;
    scgi_temp_path {self.work}/scgi;
    {self.http.format(log=self.access_log).strip()}
    server {{
        listen {self.host}:{self.port} backlog=4096{' ssl' if tls else ''}{self.more_of_listen};
        root {self.site};
        {tls}
    }}
}}
""")
        return [machine.find("nginx"), "-p", self.work, "-c", path, "-g", self.globals()]

    def globals(self):
        """Directives of the command line."""
        return "daemon off;"

    def version(self):
        return machine.version([machine.find("nginx"), "-v"], r"nginx/(\S+)")


class NginxHttp2(Nginx):
    """The same, speaking HTTP/2, and on a port in clear text nothing else."""

    more_of_listen = " http2"
    http = Nginx.http + "    http2_max_concurrent_streams 1000;\n"


class NginxDefault(Nginx):
    """nginx with the directives of Debian's own nginx.conf."""

    name = "nginx default"
    http = """
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    gzip on;
    access_log {log};
"""


class Nghttpd(Server):
    """nghttpd with one thread; it speaks HTTP/2 only, and keeps no log."""

    name = "nghttpd"

    def command(self):
        where = ["--no-tls", str(self.port)]
        if self.certificate:
            where = [str(self.port), self.certificate.key, self.certificate.chain]
        return [machine.find("nghttpd"), "-a", "127.0.0.1", "-m", "1000", "-d", self.site, *where]

    def version(self):
        return machine.version([machine.find("nghttpd"), "--version"], r"nghttp2/(\S+)")


class H2o(Server):
    """h2o with one thread."""

    name = "h2o"

    def command(self):
        path = os.path.join(self.work, "h2o.conf")
        listen = f"host: 127.0.0.1\n  port: {self.port}"
        if self.certificate:
            listen += (f"\n  ssl:\n    certificate-file: {self.certificate.chain}"
                       f"\n    key-file: {self.certificate.key}\n    ocsp-update-interval: 0")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
{'user: root' if os.geteuid() == 0 else ''}
num-threads: 1
max-connections: 12000
http1-request-timeout: 3600
pid-file: {self.work}/pid
error-log: {self.work}/error.log
access-log: {self.access_log}
listen:
  {listen}
hosts:
  default:
    paths:
      /:
        file.dir: {self.site}
""")
        return [machine.find("h2o"), "-c", path]

    def version(self):
        return machine.version([machine.find("h2o"), "-v"], r"h2o version (\S+)")


def is_listening(port):
    """Whether a server listens at a port of this machine; asking costs the server nothing."""
    wanted = f"0100007F:{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = (line.split() for line in file)
        return any(row[1] == wanted and row[3] == "0A" for row in rows)


def answers(host, port):
    """Whether a server at another address accepts a connection."""
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


def check(servers, path, expected):
    """Ends the benchmark unless each server gives exactly these bytes: a fast wrong answer is none."""
    for server in servers:
        try:
            context = server.certificate.context() if server.certificate else None
            with urllib.request.urlopen(server.url(path), timeout=30, context=context) as answer:
                got = answer.read()
        except (OSError, urllib.error.URLError) as error:
            sys.exit(f"{server.name} does not answer: {error}")
        if got != expected:
            sys.exit(f"{server.name} gave {len(got)} bytes, not the {len(expected)} of the file")
