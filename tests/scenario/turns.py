#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""turns.py - a plugin that keeps the loop, or crashes: it is named, and the program ends when it is told to."""
import atexit
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import time
import urllib.request

from harness import BUILD, PATIENCE, Skipped, free_port, is_sanitized, main

HOSTILE = BUILD + "/tests/plugins/hostile.so"
victims = []  # ended with the scenario, whatever became of them


class Victim:
    """A program with the plugin loaded, whose stderr is read as it comes."""

    def __init__(self, bp, name, *arguments, **more):
        self.folder = f"{bp.folder}/{name}"
        os.makedirs(self.folder, exist_ok=True)
        self.until = self.folder + "/until"
        self.environment = dict(os.environ, HOME=self.folder, XDG_STATE_HOME=self.folder + "/state", XDG_RUNTIME_DIR=self.folder,
                                TERM="xterm", **more)
        self.command = [BUILD + "/backplane", "-P", self.folder, "-e", "plugin load " + HOSTILE, *arguments]
        self.output, self.fd = b"", -1

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=self.environment, cwd=self.folder)
        victims.append(self.process)
        self.fd = self.process.stdout.fileno()
        self.expect("Loaded hostile")
        return self

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def more(self, end):
        ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
        try:
            data = os.read(self.fd, 65536) if ready else b""
        except OSError:  # of a terminal whose program has ended
            data = b""
        self.output += data
        return data

    def expect(self, what, seconds=PATIENCE):
        """Waits for the text; gives its line."""
        end = time.monotonic() + seconds
        while what not in self.text():
            assert self.more(end), f"{what!r} did not come; there was {self.text()!r}"
        place = self.text().index(what)
        while "\n" not in self.text()[place:]:
            assert self.more(end), self.text()
        return next(line for line in self.text().splitlines() if what in line)

    def text(self):
        return self.output.decode(errors="replace")

    def let_go(self):
        open(self.until, "w").close()

    def ended(self, seconds=PATIENCE):
        """Its exit status; all that it wrote is in `output`."""
        end = time.monotonic() + seconds
        while self.more(end):
            pass
        return self.process.wait(max(0, end - time.monotonic()))


def victim(bp, name, *arguments, **more):
    return Victim(bp, name, *arguments, **more).start()


# --- late ---

def test_late_turn_is_named(bp):
    """In each kind of call, also one that waits and uses no processor time; then its length, on stderr and channel log."""
    wanted = {"command": 'command "hostile"', "watch": 'channel "victim"', "timer": "timer"}
    for where, what in wanted.items():
        for how in ("spin", "doze"):
            one = victim(bp, f"late-{how}-{where}")
            one.type(f"hostile {how} {where} {one.until}")
            line = one.expect("has been busy")
            assert re.search(r"the loop has been busy for 1\.\d s in plugin hostile, " + re.escape(what), line), line
            one.let_go()
            line = one.expect("was busy")
            assert re.search(r"the loop was busy for \d+\.\d s in plugin hostile, " + re.escape(what), line), line
            one.type("channel watch log")
            one.expect("log: warning: kernel: the loop was busy")
            one.type("quit")
            assert one.ended() == 0, one.text()


def test_other_loops_and_jobs(bp):
    one = victim(bp, "side")
    one.type("hostile spin loop " + one.until)
    line = one.expect("has been busy")
    assert "the loop side has been busy for 1." in line and "in plugin hostile, call" in line, line
    one.type("echo alive")
    one.expect("alive")
    one.let_go()
    one.expect("the loop side was busy for")
    one.type("quit")
    assert one.ended() == 0


def test_backtrace(bp):
    one = victim(bp, "backtrace")
    one.type(f"hostile spin command {one.until}")
    one.expect("has been busy for 1.")
    one.expect("the thread is at", PATIENCE + 10)
    one.expect("hostile.so(+0x")
    one.expect("(bp_program")
    one.let_go()
    one.expect("the loop was busy for")
    one.type("quit")
    assert one.ended() == 0


# --- the end ---

def test_ends_when_told(bp):
    """Within 5 s, whatever it does; one line says what ran."""
    cases = {"spin": "hostile spin command", "doze": "hostile doze watch", "deaf": "hostile deaf|hostile spin timer",
             "unload": "hostile spin unload|plugin unload hostile", "side": "hostile spin loop", "well": "echo well"}
    all_of = {name: victim(bp, "end-" + name) for name in cases}
    for name, one in all_of.items():
        one.type(cases[name])
        one.expect("well" if name == "well" else "has been busy")
    for one in all_of.values():
        one.process.send_signal(signal.SIGTERM)
    assert all_of["well"].ended() == 0, all_of["well"].text()
    wanted = {"spin": 'in plugin hostile, command "hostile"', "doze": 'in plugin hostile, channel "victim"',
              "deaf": "in plugin hostile, timer", "unload": "in plugin hostile, unload function"}
    for name, what in wanted.items():
        one = all_of[name]
        assert one.ended(2 * PATIENCE) == 128 + signal.SIGTERM, one.text()
        line = one.expect(" s after SIGTERM")
        assert what in line and in_time(line), line
    assert all_of["side"].ended(2 * PATIENCE) == 1  # in order: the main loop turns
    assert 'held by loop "side"' in all_of["side"].expect("left behind")


def in_time(line):
    """By its own clock, as others may have the processor. With sanitizers it gives itself more."""
    return float(re.search(r"the program is ended: (\d+\.\d) s after", line)[1]) < (31 if is_sanitized() else 6)


def test_quit_with_a_plugin_that_stays(bp):
    """It is not waited for. A slow reader of a batch is, for as long as it takes."""
    read_late = victim(bp, "slow")
    read_late.type("loop 1 900 .echo " + 100 * "x" + "|.echo last|quit")
    one = victim(bp, "quit")  # it starts later, so it ends later
    one.type("hostile doze unload|quit")
    assert one.ended(2 * PATIENCE) == 1
    assert read_late.process.poll() is None
    assert read_late.ended() == 0 and read_late.text().count(100 * "x") == 900
    read_late.expect("last")
    line = one.expect(" s after it was told to end")
    assert "in plugin hostile, unload function" in line and in_time(line), line


def test_second_signal_ends_at_once(bp):
    one = victim(bp, "twice")
    one.type("hostile spin command")
    one.expect("has been busy")
    while one.process.poll() is None:
        one.process.send_signal(signal.SIGINT)
        select.select([one.fd], [], [], 0.05)
        one.more(0)
    assert one.ended() == 128 + signal.SIGINT
    assert 'in plugin hostile, command "hostile"' in one.expect("second signal")


def test_terminal(bp):
    """While the loop does not turn, Ctrl-C is a signal; the terminal is as it was afterwards, and in a crash too."""
    for how, status in ("spin", 128 + signal.SIGINT), ("crash", -signal.SIGSEGV):
        if how == "crash" and is_sanitized():
            continue
        one = Victim(bp, "terminal-" + how)
        child, one.fd = pty.fork()
        if not child:
            os.chdir(one.folder)
            os.execve(one.command[0], one.command, one.environment)
        end = time.monotonic() + PATIENCE
        while "backplane>" not in one.text():
            assert one.more(end), one.text()
        os.write(one.fd, f"hostile {how} command\r".encode())
        if how == "spin":
            one.expect("Ctrl-C asks the program to end")
            assert 'in plugin hostile, command "hostile"' in one.expect("has been busy")
            os.write(one.fd, b"\x03")
            while "second signal" not in one.text():
                select.select([one.fd], [], [], 0.05)
                try:
                    os.write(one.fd, b"\x03")
                except OSError:
                    break
                one.more(0)
        else:
            one.expect("crash: SIGSEGV")
        flags = termios.tcgetattr(one.fd)[3]
        assert flags & termios.ECHO and flags & termios.ICANON and flags & termios.ISIG, flags
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
        os.close(one.fd)


# --- the service manager ---

def test_watchdog(bp):
    """It is fed while the loop turns, and only then."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(bp.folder + "/notify")
    listener.settimeout(PATIENCE)
    one = victim(bp, "watchdog", NOTIFY_SOCKET=bp.folder + "/notify", WATCHDOG_USEC="100000")
    assert listener.recv(100) == b"READY=1"
    for _ in range(3):
        assert listener.recv(100) == b"WATCHDOG=1"
    one.type("echo before|hostile spin command " + one.until)
    one.expect("before")
    while select.select([listener], [], [], 0)[0]:
        listener.recv(100)
    one.expect("has been busy")
    fed = 0
    while select.select([listener], [], [], 0)[0]:
        fed += listener.recv(100) == b"WATCHDOG=1"
    assert fed <= 2, fed  # 20 would have been due
    one.let_go()
    assert listener.recv(100) == b"WATCHDOG=1"
    one.type("quit")
    assert one.ended() == 0


# --- processor time ---

def cpu_of(lines):
    return float(re.search(r"hostile +\S+ +loaded +(\d+\.\d+) s", lines).group(1))


def test_cpu_of_plugins(bp):
    bp.run("plugin load " + HOSTILE)
    assert cpu_of("\n".join(bp.run("plugin list"))) < 0.1
    for count, where in enumerate(("command", "watch"), 1):
        bp.run("hostile burn " + where)
        assert 0.3 * count - 0.1 < cpu_of("\n".join(bp.run("plugin list"))) < 0.3 * count + 0.2
    line = next(line for line in bp.run("status") if "longest turn of loop main" in line)
    assert float(re.search(r"([\d.]+) ms", line).group(1)) >= 300 and "in plugin hostile" in line, line
    bp.run("hostile burn job")
    end = time.monotonic() + PATIENCE
    while cpu_of("\n".join(bp.run("plugin list"))) < 0.8:
        assert time.monotonic() < end
    port = free_port()
    bp.run(f"webserver -p {port}")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert float(re.search(r'backplane_plugin_cpu_seconds_total\{plugin="hostile"\} (\S+)', text).group(1)) >= 0.8, text
    assert float(re.search(r'backplane_loop_longest_turn_seconds\{loop="main"\} (\S+)', text).group(1)) >= 0.3, text
    bp.run("plugin unload hostile")


# --- crashes ---

def build_id(file):
    notes = subprocess.run(["readelf", "-n", file], text=True, capture_output=True, check=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def test_crash_is_named(bp):
    """One line, then what the signal usually does."""
    if is_sanitized():
        raise Skipped("a sanitizer has its own handlers")
    ids = build_id(BUILD + "/libbackplane.so.0"), build_id(HOSTILE)
    places = {"command": 'plugin hostile, command "hostile"', "watch": 'plugin hostile, channel "victim"',
              "timer": "plugin hostile, timer", "loop": "plugin hostile, call", "job": 'plugin hostile, job "work"',
              "unload": "plugin hostile, unload function"}
    kinds = {"crash": signal.SIGSEGV, "divide": signal.SIGFPE, "overflow": signal.SIGSEGV, "abort": signal.SIGABRT,
             "strlen": signal.SIGSEGV}
    for how, where in [("crash", where) for where in places] + [(how, "command") for how in kinds]:
        one = victim(bp, f"{how}-{where}")
        one.type(f"hostile {how} {where}")
        if where == "unload":
            one.type("plugin unload hostile")
        assert one.ended() == -kinds[how], one.text()
        line = one.expect("crash: ")
        assert kinds[how].name in line and f"running {places[where]}" in line, line
        assert all(name in line for name in ids), line
        if kinds[how] != signal.SIGABRT and how != "strlen":
            assert re.search(r", in plugin hostile\+0x[0-9a-f]+;", line), line
        assert one.text().count("crash: ") == 1, one.text()


def test_signal_from_outside(bp):
    if is_sanitized():
        raise Skipped("a sanitizer has its own handlers")
    one = victim(bp, "outside")
    one.process.send_signal(signal.SIGABRT)
    status = one.ended()
    assert status == -signal.SIGABRT, (status, one.text())
    assert f"SIGABRT from process {os.getpid()}" in one.expect("crash: ")


def end_victims():
    for process in victims:
        if process.poll() is None:
            process.kill()


atexit.register(end_victims)
main("turns", globals())
