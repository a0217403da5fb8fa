# SPDX-License-Identifier: MIT
"""harness.py - a Backplane of one's own, and clients that wait for what they expect.

    def test_says_hello(bp):
        assert bp.run("echo hello") == ["hello"]

    main("hello", globals())

Each function test_* gets a fresh program in a fresh folder; the last line says how many passed. BUILD is the build
folder. Nothing waits for time to pass: every wait is for bytes, or for an answer to be so, with an end that only failing tests
reach. That something does not come is shown by what was sent later and comes first.
"""
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from census import Census, all_keep, close_sockets, keeps  # noqa: F401 (two are for scenarios)

BUILD = os.environ.get("BUILD", "build")
PATIENCE = float(os.environ.get("PATIENCE", "30"))


class Skipped(Exception):
    """Raised by a test that cannot run here, with the reason: it is printed, and counted neither as passed nor failed."""


class Backplane:
    def __init__(self, *arguments, before=(), folder=None):
        """`before`: a program that runs it, as ("ip", "netns", "exec", NAME). `folder`: that of one before, with its state."""
        self.folder = folder or tempfile.mkdtemp(prefix="backplane-scenario-")
        environment = dict(os.environ, HOME=self.folder, XDG_STATE_HOME=self.folder + "/state",
                           XDG_CONFIG_HOME=self.folder + "/config", XDG_RUNTIME_DIR=self.folder)
        os.chmod(self.folder, 0o700)
        self.process = subprocess.Popen(
            [*before, BUILD + "/backplane", "-P", BUILD + "/plugins", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=open(self.folder + "/stderr", "wb"), env=environment, cwd=self.folder)
        self.pending = b""
        self.kept = []  # said while the harness itself asked
        self.count = 0
        self.census = Census(self)

    def type(self, lines):
        """Sends them; what they print is among the lines of the next run."""
        self.process.stdin.write(f"{lines}\n".encode())
        self.process.stdin.flush()

    def run(self, command):
        """The lines that a command prints to the session that typed it."""
        kept, self.kept = self.kept, []
        lines = kept + self.ask(command)
        self.census.look(command)
        return lines

    def ask(self, command):
        self.count += 1
        mark = "end-of-%d" % self.count
        self.type(f"{command}\n.echo {mark}")
        lines, end = [], time.monotonic() + PATIENCE
        while True:
            line = self._line(end)
            # (a stamp stands before what is said on the channel console)
            text = re.sub(r"\x1b\[[0-9;]*m|^\[[0-9:]{8}\] ", "", line).strip()
            if text == mark:
                return lines
            if text and text != command:
                lines.append(text)

    def owned(self):
        """What each owner has, {(owner, kind): count}; of the owner "process": channels, descriptors, memory and so on."""
        rows, other = {}, []
        for line in self.ask("owned"):
            row = re.fullmatch(r"(\S+) ([a-z-]+) (\d+)", line)
            if row:
                rows[row[1], row[2]] = int(row[3])
            else:
                other.append(line)
        self.kept += other if rows else []  # the plugin `owned` is not there
        return rows

    def expect_nothing_left(self, test):
        """Unless it has ended. The sockets of the test are closed."""
        if self.process.poll() is None and not self.process.stdin.closed:
            left = self.census.end(test, PATIENCE)
            assert not left, "left behind:\n  " + "\n  ".join(left)

    def finish(self, failed, test=None):
        """For a program beside the first one: others may be linked to it still, so that only what stays when it has closed all
        counts; `test` may have `keeps`."""
        self.census.first.clear()
        try:
            if not failed:
                self.expect_nothing_left(test)
            self.stop()
            assert "Sanitizer" not in found(self.stderr()), self.stderr()
        finally:
            self.stop()
            self.remove()

    def _line(self, end):
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise AssertionError("the program %s; so far %r; stderr: %s" % (
                    "ended" if ready else "says nothing", self.pending, self.stderr()))
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode("utf-8", "replace").rstrip("\r")

    def stderr(self):
        with open(self.folder + "/stderr", errors="replace") as file:
            return file.read()

    def stop(self):
        """Ends it in order; its exit status."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # it has ended, and not taken all
            pass
        if self.process.poll() is None:
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
        return self.process.returncode

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Client:
    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.seen = b""  # not yet taken by expect

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def expect(self, what, seconds=PATIENCE):
        """Waits for the bytes; gives all up to their end and forgets them."""
        what = what if isinstance(what, bytes) else what.encode()
        end = time.monotonic() + seconds
        while what not in self.seen:
            self._more(end, what)
        place = self.seen.index(what) + len(what)
        taken, self.seen = self.seen[:place], self.seen[place:]
        return taken

    def _more(self, end, what):
        self.socket.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise AssertionError(f"{what!r} did not come; there was {self.seen!r}") from None
        if not data:
            raise AssertionError(f"the end came instead of {what!r}; there was {self.seen!r}")
        self.seen += data

    def was_read(self):
        """The program has read all that was sent so far (over IPv4)."""
        ends = [b":%04X" % one[1] for one in (self.socket.getpeername(), self.socket.getsockname())]
        with open("/proc/net/tcp", "rb") as file:
            queues = {(line.split()[1][-5:], line.split()[2][-5:]): line.split()[4] for line in file}
        return queues[tuple(ends)].endswith(b":00000000") and queues[tuple(reversed(ends))].startswith(b"00000000:")

    def end_input(self):
        self.socket.shutdown(socket.SHUT_WR)

    def rest(self, seconds=PATIENCE):
        """All until the other side ends."""
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                raise AssertionError(f"no end came; there was {self.seen!r}") from None
            if not data:
                return self.seen
            self.seen += data

    def close(self):
        self.socket.close()


def is_listened(port):
    """Some program waits for TCP connections there, on IPv4."""
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in file][1:]
    return any(row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port for row in rows)


def free_port():
    """Not one of those that the system gives to whoever connects: it would be taken again before the program has it."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, 32768)))
                return probe.getsockname()[1]
            except OSError:
                pass


def eventually(ask, seconds=PATIENCE):
    """Asks again until the answer is true, and gives it; for what sends nothing when it happens, such as a file."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, "it did not happen"
        select.select([], [], [], 0.01)
    return answer


def is_sanitized():
    """The program is built with sanitizers, which have memory and a loading order of their own."""
    with open(BUILD + "/config.status") as file:
        return "--enable-developer" in file.read()


def found(stderr):
    """What sanitizers have found: not that the tracer of LeakSanitizer itself fell over a thread that was just ending."""
    return re.sub(r"Tracer caught signal .*\n(==\d+==(LeakSanitizer has encountered|HINT).*\n?)*", "", stderr)


def main(name, names):
    wanted = sys.argv[1:]
    passed = failed = 0
    for key, test in list(names.items()):
        if not key.startswith("test_") or (wanted and key[5:] not in wanted):
            continue
        bp = Backplane()
        try:
            bp.census.begin()
            test(bp)
            close_sockets()
            bp.expect_nothing_left(test)
            status = bp.stop()
            assert status in (0, 1), f"exit status {status}: {bp.stderr()}"
            assert "Sanitizer" not in found(bp.stderr()), bp.stderr()
            passed += 1
        except Skipped as reason:
            print(f"    ({key[5:]}: skipped, {reason})")
            bp.stop()
        except Exception:
            failed += 1
            print(f"--- {name}: {key[5:]}")
            traceback.print_exc(file=sys.stdout)
            bp.stop()
            print(bp.stderr())
        finally:
            close_sockets()
            bp.remove()
    print(f"{name}: {passed} passed, {failed} failed")
    sys.exit(failed > 0)
