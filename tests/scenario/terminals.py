# SPDX-License-Identifier: MIT
"""terminals.py - a program at a terminal of its own, typed in and read."""
import os
import pty
import select
import time

from harness import BUILD, PATIENCE


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, folder, *arguments):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execve(BUILD + "/backplane", [BUILD + "/backplane", "-P", BUILD + "/plugins", *arguments],
                      dict(os.environ, HOME=folder, XDG_STATE_HOME=folder + "/state", XDG_RUNTIME_DIR=folder, TERM="xterm"))
        self.seen = b""

    def type(self, line):
        self.write(line.encode() + b"\r")

    def write(self, keys):
        os.write(self.fd, keys)

    def expect(self, what):
        end = time.monotonic() + PATIENCE
        while what not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"{what!r} did not come; the end was {self.seen[-2000:]!r}"
            self.seen += os.read(self.fd, 65536)
        place = self.seen.index(what) + len(what)
        taken, self.seen = self.seen[:place], self.seen[place:]
        return taken

    def end(self, command="quit"):
        """Its exit status."""
        self.type(command)
        limit = time.monotonic() + PATIENCE
        while True:
            ready, _, _ = select.select([self.fd], [], [], max(0, limit - time.monotonic()))
            assert ready, f"{command} does not end it; the end was {self.seen[-2000:]!r}"
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
