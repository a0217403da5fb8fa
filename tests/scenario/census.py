# SPDX-License-Identifier: MIT
"""census.py - what a program has left behind at the end of a scenario; harness.py asks it for every one.

Three looks at `owned`, which counts what each plugin and instance owns, kind by kind:
  before the test                             start
  behind each command that opens something    first[owner]: what a new instance or plugin has without a client
  behind the test, when its sockets are closed: nobody has more than in `first`, though everything is still open; and when
  what the test opened is closed too, nobody has more than at the start, and there are no channels and descriptors beside those

What stays for a reason is declared by the test:

    @keeps("out", timer=1)  # it connects again
    def test_comes_back(bp): ...
"""
import fnmatch
import os
import re
import socket
import time
import weakref

# What varies by itself, and what is a sum of the others.
UNCOUNTED = {("process", "allocated-byte")}
OPENS = re.compile(r"open|listen|serve|connect|load|config")

made = weakref.WeakSet()


class Socket(socket.socket):
    """Every socket that the test makes is known, so that all are closed at its end."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        made.add(self)


socket.socket = Socket


def close_sockets():
    for one in list(made):
        try:
            one.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for it
        except OSError:
            pass
        one.close()
    made.clear()


def keeps(owner, **kinds):
    """Declares that the owners that match have so many more of these kinds at the end: _ in a kind stands for -."""

    def declare(test):
        test.keeps = [*getattr(test, "keeps", []), (owner, {kind.replace("_", "-"): count for kind, count in kinds.items()})]
        return test

    return declare


def all_keep(names, owner, **kinds):
    """The same for every test of a scenario."""
    for key, test in names.items():
        if key.startswith("test_"):
            keeps(owner, **kinds)(test)


class Census:
    """Of one program. `ask` gives {(owner, kind): count}, `run` the lines of a command."""

    def __init__(self, bp):
        self.bp = bp
        self.start = None
        self.first = {}

    def begin(self):
        self.start = self.bp.owned()
        self.channels = self.names()
        self.descriptors = self.links()
        self.threads = self.thread_names()

    def names(self):
        return set(re.findall(r"^\S? *\d+: (\S+)", "\n".join(self.bp.ask("channel list")), re.M))

    def links(self):
        folder = f"/proc/{self.bp.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            try:
                links.append(re.sub(r"\[\d+\]", "", os.readlink(f"{folder}/{name}")))
            except OSError:
                pass
        return links

    def thread_names(self):
        folder = f"/proc/{self.bp.process.pid}/task"
        names = []
        for number in os.listdir(folder):
            try:
                with open(f"{folder}/{number}/comm", encoding="utf-8") as file:
                    names.append(file.read().strip())
            except OSError:  # it has ended
                pass
        return names

    def look(self, command):
        """Behind each command of the test."""
        if not self.start or not OPENS.search(command):
            return
        rows = self.bp.owned()
        if not rows:
            return
        owners = {owner for owner, _ in rows}
        for owner in [*self.first]:
            if owner not in owners:
                del self.first[owner]
        for owner in owners - {owner for owner, _ in self.start}:
            if owner not in self.first:
                self.first[owner] = {kind: count for (own, kind), count in rows.items() if own == owner}

    def wait(self, excess, seconds):
        """Until there is no excess; gives what there is at the end."""
        end = time.monotonic() + seconds
        while True:
            rows = self.bp.owned()
            found = excess(rows)
            if not found or time.monotonic() > end:
                return found

    @staticmethod
    def allowed(test, owner, kind):
        return sum(kinds.get(kind, 0) for glob, kinds in getattr(test, "keeps", []) if fnmatch.fnmatchcase(owner, glob))

    def end(self, test, seconds):
        """The clients have gone. Says what is left."""
        if not self.start:
            return []

        def with_all_open(rows):
            return [f"{owner}: {count} of kind {kind}, without clients it had {self.first[owner].get(kind, 0)}"
                    for (owner, kind), count in rows.items() if owner in self.first
                    and count > self.first[owner].get(kind, 0) + self.allowed(test, owner, kind)]

        def with_all_closed(rows):
            # GLib's own thread, which it starts once, has a descriptor; its name is the last that it gets.
            if "gmain" not in self.threads and "gmain" in (now := self.thread_names()):
                self.start["process", "descriptor"] += 1
                self.threads = now
            return [f"{owner}: {count} of kind {kind}, at the start it had {self.start.get((owner, kind), 0)}"
                    for (owner, kind), count in rows.items() if (owner, kind) not in UNCOUNTED
                    and count > self.start.get((owner, kind), 0) + self.allowed(test, owner, kind)]

        if not self.bp.owned():
            self.bp.ask("plugin load owned")
        left = self.wait(with_all_open, seconds)
        self.close_all()
        more = self.wait(with_all_closed, seconds)
        if more:
            here = self.links()
            more += [f"channel {name}" for name in self.names() - self.channels]
            more += [f"descriptor {link}" for link in {*here} if here.count(link) > self.descriptors.count(link)]
        return left + more

    def close_all(self):
        """What the test has opened, in the session of the harness or otherwise."""
        self.bp.ask("channel unwatch")
        for line in self.bp.ask("channel save")[1:]:
            self.bp.ask(f"channel save {line.split()[0]} --stop")
        there = {owner for owner, _ in self.start}
        listed = "\n".join(self.bp.ask("module list")).split("Loaded Modules:", 1)[-1]
        for line in reversed(listed.split("\n")[1:]):
            name = line.split()[0] if line.split() else ""
            if name not in there:
                self.bp.ask(f"module close {name}")
        for owner in self.first:
            if owner.startswith("plugin/"):
                self.bp.ask("plugin unload " + owner.removeprefix("plugin/"))
