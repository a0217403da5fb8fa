# SPDX-License-Identifier: MIT
"""host.py - the program under test: its start and end, its control socket, what it counts, and the signs of a fault.

Nothing here chooses anything: what happens is decided by the actions, so that one seed always gives the same ones.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import nullcontext

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
BOUND = 10        # seconds in which a control command is answered
STARVED = 90      # the same on a machine that gives the program no processor time
END_BOUND = 25    # seconds in which SIGTERM ends it, with sanitizers
POOLED = 8       # threads of jobs and of GLib, which stay once they were needed
# Descriptors that are made when they are needed first, and then stay: of GLib's threads, and udev's monitor of the plugin uart.
STAYING = [("anon_inode:[eventfd]", 2), ("netlink 15 00000002", 1)]
SANITIZERS = "detect_stack_use_after_return=1:strict_string_checks=1:handle_abort=1:detect_leaks=%d"
BAD = re.compile(r"ERROR: \w+Sanitizer|runtime error:|-CRITICAL \*\*|-ERROR \*\*|Assertion .* failed|is still busy and is left")

GIVEN = re.compile(r"(?<=[0-9A-F]{8}):[89A-F][0-9A-F]{3}\b")  # 32768 and more, in /proc/net
TRACER = "LeakSanitizer has encountered a fatal error"  # that of gcc 12 falls over a thread that is just ending


class Fault(Exception):
    """What the program did wrong."""


def too_much(before, now):
    """What of `now` was not there before, in words."""
    said = []
    for kind, there in now.items():
        left = list(before[kind])
        if kind == "threads":
            more = there if int(there[0]) > int(left[0]) + POOLED else []
        else:
            more = [one for one in there if not (one in left and not left.remove(one))]
        for one, most in STAYING:
            if more.count(one) <= most:
                more = [other for other in more if other != one]
        if more:
            said.append(f"{len(more)} {kind} too many: {', '.join(more[:12])}")
    return "; ".join(said)


class Host:
    latest = None  # to be removed, even when it did not get as far as to answer

    def __init__(self, config, launch=None):
        """`launch` of terminals.py: starts it otherwise than as a daemon."""
        self.terminal, Host.latest = None, self
        self.folder = tempfile.mkdtemp(prefix="backplane-chaos-")
        self.process, self.config = None, self.folder + "/config.yaml"
        self.path = self.folder + "/backplane/control"
        self.slowest = 0
        self.write_config(config)
        environment = dict(os.environ, HOME=self.folder, XDG_STATE_HOME=self.folder + "/state", XDG_CONFIG_HOME=self.folder,
                           XDG_RUNTIME_DIR=self.folder, TERM="xterm", G_SLICE="always-malloc", LC_ALL="C.UTF-8",
                           ASAN_OPTIONS=SANITIZERS % (os.environ.get("LEAKS") != "no") +
                           (":fast_unwind_on_malloc=0" if "fast_unwind_on_malloc=0" in os.environ.get("ASAN_OPTIONS", "") else ""),
                           UBSAN_OPTIONS="print_stacktrace=1")
        environment.pop("NOTIFY_SOCKET", None)
        arguments = [BUILD + "/backplane", "-P", BUILD + "/plugins", "-c", self.config]
        with open(self.folder + "/stderr", "wb") as stderr, open(self.folder + "/stdout", "wb") as stdout:
            if launch:
                self.process, self.terminal = launch(arguments, environment, self.folder, stderr)
            else:
                self.process = subprocess.Popen(arguments + ["-d"], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                                                env=environment, cwd=self.folder)
        self.told = []
        self.wait_until(self.listens, "it does not start")

    def listens(self):
        try:
            self.dial().close()
            return True
        except OSError:
            return False

    def write_config(self, text):
        with open(self.config + ".new", "w") as file:
            file.write(text)
        os.rename(self.config + ".new", self.config)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- signs of a fault ---

    def stderr(self):
        """What it has said there, or what the sanitizers have written."""
        said = ""
        for name in ["stderr"] + sorted(name for name in os.listdir(self.folder) if name.startswith("report.")):
            with open(f"{self.folder}/{name}", errors="replace") as file:
                said += file.read()
        return said

    def check(self, ending=False):
        """`ending`: it has broken off, so it may be about to end."""
        if ending:
            time.sleep(0.5)
        said = self.stderr()
        if BAD.search(said):
            try:
                self.process.wait(60)  # a report takes its time
            except subprocess.TimeoutExpired:
                pass
            raise Fault("said on stderr:\n" + self.stderr())
        if self.process.poll() is not None:
            raise Fault(f"ended with status {self.process.returncode}:\n{said[-8000:]}")

    def usage(self):
        """Its state letter and its processor seconds."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def hangs(self, what):
        """Ends it so that it tells where it was."""
        self.process.send_signal(signal.SIGABRT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        raise Fault(f"{what}; its stacks:\n{self.stderr()[-20000:]}")

    def patience(self):
        """A function that is true while waiting is still right: it has not had BOUND seconds, of its own if it is busy."""
        begun = time.monotonic()
        had = self.usage()[1]

        def goes_on():
            self.check()
            passed = time.monotonic() - begun
            self.slowest = max(self.slowest, passed)
            if passed < BOUND:
                return True
            state, used = self.usage()
            return passed < STARVED and used - had < BOUND / 2 and state == "R"
        return goes_on

    def wait_until(self, true, what):
        goes_on = self.patience()
        while not true():
            if not goes_on():
                self.hangs(what)
            time.sleep(0.01)

    nothing = staticmethod(nullcontext)

    # --- the control socket ---

    def dial(self):
        """A connection that has said that commands come."""
        dialled = socket.socket(socket.AF_UNIX)
        dialled.settimeout(BOUND)
        dialled.connect(self.path)
        dialled.sendall(b"backplane-control 1 run 0\n")
        return dialled

    def make_room(self):
        """The control socket takes twenty clients: those whose commands go on are ended."""
        if len(self.told) < 8:
            return
        self.forget()
        left = re.findall(r"^ *(\d+) .* control ", self.control("session list"), re.M)
        if left:
            self.control("\n".join(f"session kill {number}" for number in left))

    def forget(self):
        """Whoever would read what the commands say leaves; while he stays, the program has ten seconds for what it has not sent."""
        for one in self.told:
            one.close()
        self.told = []

    def tell(self, command):
        """Runs it, and does not wait for its end: that may take long. A held connection for `send_held`, if it is None."""
        try:
            dialled = self.dial()
            if command is not None:
                dialled.sendall(command.encode() + b"\n")
                dialled.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.check(True)
            raise Fault(f"the control socket takes nothing: {error}") from None
        self.told.append(dialled)
        self.control("echo alive")
        return dialled

    def control(self, command):
        """Its output, without the status. What fails ends its line, not those after it."""
        goes_on, answer = self.patience(), b""
        try:
            dialled = self.dial()
            dialled.sendall(command.encode() + b"\n")
            dialled.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.check(True)
            raise Fault(f"the control socket takes nothing: {error}") from None
        dialled.settimeout(0.2)
        while True:
            try:
                data = dialled.recv(65536)
            except socket.timeout:
                if not goes_on():
                    self.hangs(f"no answer to `{command}` in {BOUND} s")
                continue
            except OSError as error:
                self.check(True)
                raise Fault(f"the control socket broke off `{command}`: {error}") from None
            if not data:
                break
            answer += data
        dialled.close()
        self.check()
        return answer.rsplit(b"\0", 1)[0].decode(errors="replace")

    # --- what it counts ---

    def sockets(self):
        """What each socket is, by its link in /proc: kind, addresses, state. A port that the system has given is one as any
        other: who is cut and connects again has another."""
        known = {}
        for kind, inode, said in (("tcp", 9, (1, 2, 3)), ("tcp6", 9, (1, 2, 3)), ("udp", 9, (1, 2)), ("udp6", 9, (1, 2)), ("unix", 6, (4, 5, 7)),
                                  ("netlink", 9, (1, 3))):
            with open(f"/proc/{self.process.pid}/net/{kind}") as file:
                for line in file.read().splitlines()[1:]:
                    words = line.split() + [""]
                    known[f"socket:[{words[inode]}]"] = GIVEN.sub(":*", " ".join([kind] + [words[at] for at in said]))
        return known

    def sessions(self):
        return re.findall(r"^ *(\d+)\*? ", self.control("session list"), re.M)

    def counts(self, forced=()):
        """What must be the same before and after: names of channels, timers, descriptors, threads."""
        channels = re.findall(r"^[ *]+\d+: (\S+)", self.control("channel list"), re.M)
        alive = set(self.sessions())
        kept = [name for name in channels if name not in forced]
        numbered = [re.match(r"session/(\d+)/", name) for name in kept]
        # Those of this command have their own number, and it is over by now.
        last = max([int(found.group(1)) for found in numbered if found], default=0)
        kept = [re.sub(r"^session/\d+/", "session/N/", name) for name, found in zip(kept, numbered)
                if not found or (int(found.group(1)) != last and found.group(1) not in alive)]
        timers = re.findall(r"^\d+: (.*?) (?:\d+ times|forever), each .*?\((\S+)\)", self.control("schedule"), re.M)
        descriptors, sockets = [], self.sockets()
        for number in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{self.process.pid}/fd/{number}")
            except OSError:
                continue
            descriptors.append(sockets.get(target) or re.sub(r"\[\d+\]", "", target))
        return {"channels": sorted(kept), "timers": sorted(" ".join(timer) for timer in timers),
                "descriptors": sorted(descriptors), "threads": [str(len(os.listdir(f"/proc/{self.process.pid}/task")))]}

    def at_rest(self):
        """The counts, when what begins by itself has begun."""
        for _ in range(20):
            before = self.counts()
            time.sleep(0.2)
            now = self.counts()
            if not too_much(before, now) and not too_much(now, before):
                return now
        raise Fault(f"while nothing is done there is {too_much(before, now)}")

    def settle(self, before, what, forced=(), between=nothing):
        """Waits until the counts are back; what is there too much is a fault."""
        goes_on = self.patience()
        while True:
            more = too_much(before, self.counts(forced))
            if not more:
                return
            if not goes_on():
                raise Fault(f"{what} {more}")
            between()
            time.sleep(0.1)

    def rests(self):
        """With nothing to do it wants no processor, however much of it others take."""
        for _ in range(5):
            wanted = 0
            for _ in range(20):
                time.sleep(0.015)
                wanted += self.usage()[0] == "R"
            if wanted < 10:
                return
        raise Fault("it is not at rest: it wants the processor all the time, with nothing to do")

    # --- the end ---

    def end(self):
        """SIGTERM, and an orderly status."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        begun, had = time.monotonic(), self.usage()[1]
        while self.process.poll() is None:
            time.sleep(0.02)
            try:
                state, used = self.usage()
            except OSError:
                continue
            passed = time.monotonic() - begun
            if passed > END_BOUND and (used - had > END_BOUND / 2 or state != "R" or passed > STARVED):
                self.hangs(f"SIGTERM did not end it in {END_BOUND} s")
        said = self.stderr()
        if BAD.search(said) or (self.process.returncode and TRACER not in said):
            raise Fault(f"ended with status {self.process.returncode}:\n{said[-20000:]}")
