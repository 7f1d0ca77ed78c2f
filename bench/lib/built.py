"""What cargo builds for the benchmarks."""

import os
import shlex
import subprocess
import sys

from lib import machine

RELEASE = os.path.join(
    machine.ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "release")


def hepta():
    """Builds hepta as its users do, and returns where it is."""
    build("-p", "hepta", hint="; --hepta FILE takes a program that is there already")
    return os.path.join(RELEASE, "hepta")


def example(package, name):
    """Builds an example, and returns where it is."""
    build("-p", package, "--example", name)
    return place(name)


def place(example_name):
    """Where an example is once it is built."""
    return os.path.join(RELEASE, "examples", example_name)


def build(*what, hint=""):
    """Has cargo build something with optimisations."""
    cargo = ["cargo", "build", "--release", "--quiet", *what]
    if subprocess.run(cargo, cwd=machine.ROOT, check=False).returncode != 0:
        sys.exit(f"{shlex.join(cargo)} failed{hint}")
