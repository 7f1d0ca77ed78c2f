"""The machine a benchmark runs on: what it is, what it must have, and which core does what."""

import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "bench", "out")

SERVER_CORE = 0
LOAD_CORE = 1

# Set for a benchmark that has gone into a network namespace.
INSIDE = "HEPTA_BENCH_INSIDE"
CONGESTION_CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"

# The program, and the Debian package that has it.
PACKAGES = {
    "curl": "curl",
    "h2load": "nghttp2-client",
    "ip": "iproute2",
    "h2o": "h2o",
    "htpasswd": "apache2-utils",
    "nghttp": "nghttp2-client",
    "nghttpd": "nghttp2-server",
    "nginx": "nginx",
    "nm": "binutils",
    "node": "nodejs",
    "objdump": "binutils",
    "openssl": "openssl",
    "nsenter": "util-linux",
    "taskset": "util-linux",
    "unshare": "util-linux",
    "valgrind": "valgrind",
    "wrk": "wrk",
}


def need(*programs):
    """Ends the benchmark, saying what to install, unless all of these are here."""
    missing = sorted({PACKAGES[name] for name in programs if not find(name)})
    if missing:
        sys.exit(f"missing: {' '.join(missing)}\n  sudo apt-get install {' '.join(missing)}")
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the server, one for the load")


def find(program):
    """Where a program is, or None. Servers stand in sbin, which is not in everybody's path."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def pinned(core, command):
    """The command, bound to a core."""
    return ["taskset", "-c", str(core), *command]


def raise_descriptors(count):
    """Lets this process, and each that it starts, have `count` descriptors open, or says how."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
        except (ValueError, PermissionError):
            sys.exit(f"{count} open files are needed, {hard} allowed: ulimit -n {count}, as root")


def enter_namespace():
    """Begins anew in a network namespace, as root, unless that is so already."""
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, "-B", *sys.argv])


class Namespace:
    """Another network namespace, until it is closed."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.pid = self.holder.pid
        outside = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.pid}/ns/net") == outside:
            time.sleep(0.01)
        # What leads a command into it.
        self.into = [find("nsenter"), "-t", str(self.pid), "-n"]

    def close(self):
        self.holder.kill()
        self.holder.wait()


def set_congestion_control(name, where=()):
    """Gives this to the TCP of the namespace that a command `where` leads into, whoever uses it."""
    command = [*where, "sh", "-c", f'echo "$0" > {CONGESTION_CONTROL}', name]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"{name}: namespaces may have those of net.ipv4.tcp_allowed_congestion_control")


def free_port():
    """A port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def core_seconds(core):
    """How long a core was busy so far, whoever used it."""
    with open("/proc/stat", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def environment():
    """Names and values of what the figures depend on."""
    with open("/proc/loadavg", encoding="ascii") as file:
        load = file.read().split()[0]
    with open(CONGESTION_CONTROL, encoding="ascii") as file:
        congestion_control = file.read().strip()
    return [
        ("cpu", f"{cpu_model()}, {os.cpu_count()} cores"),
        ("kernel", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("commit", commit()),
        ("load before", load),
        ("congestion", congestion_control),
    ]


def cpu_model():
    """The processor's name for itself; family and model tell apart what a cloud calls the same."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    values = {key: value for key, value in re.findall(r"(?m)^([\w ]+?)\s*:[ ]*(.*)$", text)}
    name = values.get("model name", platform.machine())
    return f"{name} (family {values.get('cpu family', '?')}, model {values.get('model', '?')})"


def commit():
    """The commit that is checked out, marked when files differ from it."""
    git = ["git", "-C", ROOT, "describe", "--always", "--dirty"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def version(command, pattern):
    """The first match of `pattern` in what a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "unknown"
