"""Profiles of valgrind's callgrind: read, subtracted from one another, and shown for each request."""

import collections
import re

CALL = re.compile(r"calls=(\d+)")
NAMED = re.compile(r"(ob|fl|fi|fe|fn|cob|cfi|cfl|cfn)=(?:\((\d+)\) ?(.*)|(.*))")


class Profile:
    """Instructions by function (`own`, `with_callees`, `calls`), crate, file, line and address."""

    def __init__(self):
        self.total = 0
        self.own = collections.Counter()
        self.with_callees = collections.Counter()
        self.calls = collections.Counter()
        self.crates = collections.Counter()
        self.parts = collections.Counter()
        self.lines = collections.Counter()
        self.addresses = collections.Counter()

    def minus(self, other):
        """What this profile has and the other has not: what both need to start cancels."""
        rest = Profile()
        rest.total = self.total - other.total
        for part in [name for name in vars(self) if name != "total"]:
            mine, theirs, counter = getattr(self, part), getattr(other, part), getattr(rest, part)
            for key, value in mine.items():
                counter[key] = value - theirs.get(key, 0)
        return rest

    def tables(self, requests, top=40):
        """The profile as text, each count divided by the number of requests."""
        parts = [
            ("exclusive: instructions per request in the function itself (and what is inlined)",
             self.own, function_row),
            ("inclusive: instructions per request in the function and what it calls",
             self.with_callees, function_row),
            ("by crate, inlined functions counted where they are written", self.crates, plain_row),
            ("by function and the file its inlined instructions are written in",
             self.parts, plain_row),
            ("by source line", self.lines, plain_row),
        ]
        for title, counter, row in parts:
            yield f"\n{title}"
            for key, count in counter.most_common(top):
                if count / requests >= 0.05:
                    yield row(self, key, count / requests, requests)


def function_row(profile, name, each, requests):
    """A line of a table of functions."""
    calls = profile.calls[name] / requests
    share = 100 * each * requests / profile.total
    return f"  {each:10.1f} {share:5.1f} %  {calls:8.2f} calls  {name}"


def plain_row(profile, name, each, requests):
    """A line of another table."""
    return f"  {each:10.1f} {100 * each * requests / profile.total:5.1f} %  {name}"


class Reader:
    """Reads the format of callgrind's output files (valgrind's manual, "Callgrind Format")."""

    def __init__(self):
        self.profile = Profile()
        # Names are given once, with a number that stands for them from then on.
        self.names = {"ob": {}, "fl": {}, "fn": {}}
        self.at = {"ob": "", "fn": "", "file": "", "cfn": ""}
        self.positions = 1
        self.has_address = False
        self.last = [0, 0]
        self.calls = None

    def read(self, path):
        """The profile in a file."""
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                self._line(line.rstrip("\n"))
        return self.profile

    def _line(self, line):
        if not line or line[0] == "#":
            return
        if line[0] in "0123456789+-*":
            self._cost(line.split())
        elif line.startswith("calls="):
            self.calls = int(CALL.match(line).group(1))
        elif line.startswith("positions:"):
            self.positions = len(line.split()) - 1
            self.has_address = "instr" in line
        elif match := NAMED.fullmatch(line):
            self._name(*match.groups())

    def _name(self, key, number, name, bare):
        kind = {"fi": "fl", "fe": "fl", "cfi": "fl", "cfl": "fl", "cfn": "fn", "cob": "ob"}
        names = self.names[kind.get(key, key)]
        if number is None:
            name = bare
        elif name:
            names[number] = name
        else:
            name = names.get(number, "?")
        if key == "fn":
            self.at["fn"] = shorten(name)
        elif key == "cfn":
            self.at["cfn"] = shorten(name)
        elif key == "ob":
            self.at["ob"] = name
        elif key in ("fl", "fi", "fe"):
            self.at["file"] = shorten_path(name)

    def _cost(self, words):
        for index in range(self.positions):
            word = words[index]
            if word == "*":
                continue
            base = 16 if word.lstrip("+-").startswith("0x") or (self.has_address and index == 0) else 10
            value = int(word, base)
            self.last[index] = self.last[index] + value if word[0] in "+-" else value
        # The first column of costs is instructions; a line without any costs nothing.
        cost = int(words[self.positions]) if len(words) > self.positions else 0
        function = self.at["fn"]
        profile = self.profile
        profile.with_callees[function] += cost
        if self.calls is not None:
            profile.calls[self.at["cfn"]] += self.calls
            self.calls = None
            return
        profile.total += cost
        profile.own[function] += cost
        file = self.at["file"]
        profile.crates[crate_of(file)] += cost
        profile.parts[f"{function}  ← {file}"] += cost
        profile.lines[f"{file}:{self.last[self.positions - 1]}"] += cost
        if self.has_address:
            profile.addresses[(self.at["ob"], self.last[0])] += cost


def read(path):
    """The profile in a file of callgrind's."""
    return Reader().read(path)


def shorten(name):
    """A function's name without the hash that the compiler puts behind it."""
    return re.sub(r"::h[0-9a-f]{16}(?=$|')", "", name)


def shorten_path(path):
    """A source file's path from its crate on."""
    path = re.sub(r"^.*/registry/src/[^/]+/", "", path)
    path = re.sub(r"^/rustc/[0-9a-f]+/library/", "", path)
    path = re.sub(r"^.*/library/(core|alloc|std)/", r"\1/", path)
    return re.sub(r"^.*/(?=(layers|stack|io|programs)/[^/]+/)", "", path)


def crate_of(path):
    """The crate, or the part of the C library, that a source file belongs to."""
    found = re.match(r"(?:layers/[^/]+|stack|io|programs)/[^/]+|[\w-]+-\d+\.\d+[^/]*|core|alloc|std", path)
    if found:
        return found.group()
    return re.sub(r"^(?:\./)?([^/]*).*$", r"\1", path) or "unknown"
