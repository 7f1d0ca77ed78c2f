"""One run of a benchmark: its options, its site, its servers, and what it prints."""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from lib import built, machine
from lib.servers import H2o, Hepta, Nginx

# Bytes of the small and of the large file.
SMALL = 1024
LARGE = 100 << 20


class Bench:
    """What all benchmarks share. Use it in a `with`; nothing it starts or writes outlives that."""

    def __init__(self, name, subject, needs=(), options=None, runs=7, uses_hepta=True,
                 example=None):
        self.name = name
        self.uses_hepta = uses_hepta
        parser = argparse.ArgumentParser(prog=f"bench/{name}", description=subject)
        parser.add_argument("--quick", action="store_true", help="a smoke run; its figures are rough")
        parser.add_argument("--runs", type=int, help="how often each server is measured")
        parser.add_argument("--hepta", metavar="FILE", help="this program instead of building one")
        parser.add_argument("--configured", action="store_true",
                            help="Hepta serves by a file with sites and routes, and has metrics")
        parser.add_argument("--congestion-control", metavar="NAME",
                            help="in a network namespace where all have this one, as root")
        if options:
            options(parser)
        self.options = parser.parse_args()
        self.quick = self.options.quick
        Hepta.is_configured = self.options.configured
        machine.need("taskset", *needs)
        self.runs = self.options.runs or (2 if self.quick else runs)
        # What is measured in another way stands beside the rest.
        self.file_name = f"{name}.configured" if self.options.configured else name
        self.results = {"bench": name, "quick": self.quick, "figures": {}, "bars": []}
        self.stack = contextlib.ExitStack()
        os.makedirs(machine.OUT, exist_ok=True)
        if uses_hepta:
            given = self.options.hepta
            Hepta.program = os.path.abspath(given) if given else built.hepta()
        # The load, where it is no program of somebody else's: a package and its example.
        self.example = built.example(*example) if example else None
        if self.options.congestion_control:
            self.go_where_all_have(self.options.congestion_control)
        self.text = open(os.path.join(machine.OUT, f"{self.file_name}.txt"), "w", encoding="utf-8")
        # Whoever ends the benchmark ends what it has started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
        self.work = tempfile.mkdtemp(prefix=f"hepta-bench-{name}-")
        self.stack.callback(shutil.rmtree, self.work, ignore_errors=True)
        self.site = os.path.join(self.work, "site")
        os.mkdir(self.site)
        # The peers' workers may run as somebody else.
        os.chmod(self.work, 0o755)
        self.start = time.monotonic()
        self.say(f"{name}: {subject}")
        if self.quick:
            self.say("quick: a smoke run; the figures are rough")
        self._say_environment(needs)

    def go_where_all_have(self, congestion_control):
        """Into a network namespace of its own, with the same congestion control for everybody."""
        machine.need("ip", "unshare")
        if os.geteuid() != 0:
            sys.exit("--congestion-control makes a network namespace, and so takes root")
        machine.enter_namespace()
        machine.set_congestion_control(congestion_control)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.file_name += f".{congestion_control}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stack.close()
        if kind is None:
            self.say(f"\ntook {time.monotonic() - self.start:.0f} s")
            path = os.path.join(machine.OUT, f"{self.file_name}.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.results, file, indent=2)
        self.text.close()

    def say(self, line=""):
        """Prints a line, and keeps it in bench/out/."""
        print(line, flush=True)
        print(line, file=self.text, flush=True)

    def heading(self, title):
        """Starts a part of the report."""
        self.say(f"\n{title}")

    def file(self, name, size):
        """Puts a file of that size into the site and returns its bytes.

        It is text that repeats, so that no server may call it by another type than its name says.
        """
        line = b"<p>What a server does with this page is the same for every server here.</p>\n"
        content = (line * (size // len(line) + 1))[:size]
        with open(os.path.join(self.site, name), "wb") as file:
            file.write(content)
        os.utime(os.path.join(self.site, name), (1_700_000_000, 1_700_000_000))
        return content

    def serve(self, *kinds, certificate=None):
        """Starts servers, side by side on the server's core, and says with which commands."""
        servers = [kind(self.site, self.work, certificate) for kind in kinds]
        for server in servers:
            self.stack.callback(server.stop)
            server.start()
        self.say_commands((server.name, server.args) for server in servers)
        return servers

    def say_commands(self, commands):
        """Says how things were started; `$WORK` stands for the directory of this run."""
        self.heading("commands")
        for name, args in commands:
            self.say_command(name, args)

    def say_command(self, name, args):
        """Says one more command."""
        line = " ".join(args if "$PORT" in args[-1] else [shlex.join(args)])
        self.say(f"  {name:<16}{line.replace(self.work, '$WORK').replace(machine.ROOT, '.')}")

    def interleave(self, servers, measure):
        """Measures A B C A B C …, so that what disturbs the machine disturbs all; name → runs."""
        runs = {server.name: [] for server in servers}
        for number in range(self.runs):
            for server in servers:
                figures = measure(server)
                runs[server.name].append(figures)
                shown = "  ".join(f"{key} {show(value)}" for key, value in figures.items())
                self.say(f"  run {number + 1}  {server.name:<16}{shown}")
        return runs

    def medians(self, title, runs, figure):
        """Prints each server's median of a figure, with its smallest and largest; name → median."""
        self.heading(f"{title}: median (smallest … largest) of {self.runs}")
        medians = {}
        for name, rows in runs.items():
            values = [row[figure] for row in rows if figure in row]
            if not values:
                continue
            medians[name] = statistics.median(values)
            self.say(f"  {name:<16}{show(medians[name]):>12}"
                     f"   ({show(min(values))} … {show(max(values))})")
        self.results["figures"][title] = medians
        return medians

    def keep(self, title, figures):
        """Keeps figures that are printed in another way."""
        self.results["figures"][title] = figures

    def bar(self, what, value, bar, at_most=True, unit=""):
        """Says whether a bar is met. A bar that is missed is said to be missed."""
        is_met = value <= bar if at_most else value >= bar
        sign = "≤" if at_most else "≥"
        verdict = "met" if is_met else "MISSED"
        self.say(f"  {what:<64}{show(value)}{unit}  bar {sign} {show(bar)}{unit}  {verdict}")
        self.results["bars"].append(
            {"what": what, "value": value, "bar": f"{sign} {show(bar)}{unit}", "met": is_met})

    def ratio(self, what, value):
        """Says a ratio that no bar goes with."""
        self.say(f"  {what:<64}{show(value)}")
        self.results["bars"].append({"what": what, "value": value})

    def _say_environment(self, needs):
        self.heading("environment")
        rows = machine.environment()
        if self.uses_hepta:
            rows.append(("hepta", Hepta.version(Hepta)))
        if "nginx" in needs:
            rows.append(("nginx", Nginx.version(Nginx)))
        if "h2o" in needs:
            rows.append(("h2o", H2o.version(H2o)))
        if "wrk" in needs:
            rows.append(("wrk", machine.version(["wrk", "-v"], r"wrk (\S+)")))
        if "valgrind" in needs:
            rows.append(("valgrind", machine.version(["valgrind", "--version"], r"-([\d.]+)")))
        if "openssl" in needs:
            rows.append(("openssl", machine.version(["openssl", "version"], r"OpenSSL (\S+)")))
        for name, value in rows:
            self.say(f"  {name:<16}{value}")
        self.results["environment"] = dict(rows)


def show(value):
    """A figure with as many digits as mean something."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def log_lines(path):
    """How many lines a file has: one for each request, in an access log."""
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
