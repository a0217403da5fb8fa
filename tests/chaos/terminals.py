# SPDX-License-Identifier: MIT
"""terminals.py - the program as somebody starts it by hand: on a terminal, or between pipes that are not read."""
import fcntl
import os
import re
import subprocess

F_SETPIPE_SZ = 1031
# What ends the program when it is typed, or when Tab makes it whole.
ENDS = re.compile(rb"\x04|exit|quit|logout|shutdown|restart|kill|control|kernel|(q|ex|lo|sh|re|co|ke)\w*\t")


class Terminal:
    """The other end of its stdin and stdout."""

    def __init__(self, name, writing, reading):
        self.name, self.kind, self.writing, self.socket = name, "telnet", writing, os.fdopen(reading, "rb", buffering=0)
        self.reading, self.unsent, self.shown, self.line = True, b"", b"", 0
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)

    def alive(self):
        return self.socket is not None

    def say(self, data):
        data = data[:300]
        while ENDS.search(data):
            data = ENDS.sub(b"", data)
        self.line = 0 if b"\n" in data else self.line + len(data)
        if self.line > 20000:  # a line that is too long ends its session, and this one ends the program
            data, self.line = b"\x03\r", 0
        self.unsent += data if len(self.unsent) < 65536 else b""
        self.write()

    def write(self):
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.writing, self.unsent[:4096]):]
        except OSError:
            pass

    def read(self):
        try:
            self.shown = (self.shown + os.read(self.socket.fileno(), 65536))[-2000:]
        except OSError:
            pass

    def small(self):
        self.reading = not self.reading

    def fileno(self):
        return self.socket.fileno()

    def drop(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def on_terminal(arguments, environment, folder, stderr):
    master, slave = os.openpty()
    process = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=stderr, env=environment, cwd=folder)
    os.close(slave)
    return process, Terminal("terminal", master, os.dup(master))


def on_pipes(arguments, environment, folder, stderr):
    """Sanitizers write to files: stderr is a pipe too."""
    ends = [os.pipe() for _ in range(3)]
    for reading, _ in ends:
        fcntl.fcntl(reading, F_SETPIPE_SZ, 4096)
    environment = dict(environment)
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        environment[name] += f":log_path={folder}/report"
    process = subprocess.Popen(arguments + ["-v"], stdin=ends[0][0], stdout=ends[1][1], stderr=ends[2][1], env=environment, cwd=folder)
    for used in (ends[0][0], ends[1][1], ends[2][1]):
        os.close(used)
    process.unread = ends[2][0]  # nobody reads it
    return process, Terminal("pipes", ends[0][1], ends[1][0])
