#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""blocking.py - nothing blocks the loop: slow and full disks, FIFOs, readers that do not read, a tty that sends nothing."""
import contextlib
import fcntl
import glob
import os
import pty
import re
import resource
import signal
import sqlite3
import subprocess
import termios
import threading
import time

from harness import BUILD, PATIENCE, Backplane, Client, Skipped, eventually, is_sanitized, main
from samples import build_keeper
from uarts import Device, with_shim

SHIM = os.path.abspath(BUILD + "/tests/plugins/slow-shim.so")
# The folder is known to the program's environment alone.
UNDER_SHIM = ("sh", "-c", f'SLOW_FOLDER=$XDG_RUNTIME_DIR SLOW_LOG=$XDG_RUNTIME_DIR.log LD_PRELOAD={SHIM} exec "$@"', "sh")
PROMPT = 2.5  # seconds that an answer may take beside other tests; what blocks takes 3 or for ever


class Slow(Backplane):
    """With a disk that may be slow, and tells who uses it."""

    def __init__(self, *arguments):
        if is_sanitized():
            raise Skipped("the sanitizers must come first, not the shim")
        super().__init__(*arguments, before=UNDER_SHIM)
        self.port = echo_server(self)
        open(self.folder + ".log", "w").close()

    def slow(self, on=True):
        if on:
            open(self.folder + "/slow", "w").close()
        else:
            os.unlink(self.folder + "/slow")

    def calls(self):
        with open(self.folder + ".log") as file:
            return file.read().splitlines()

    def remove(self):
        super().remove()
        os.unlink(self.folder + ".log")


def echo_server(bp):
    bp.run("module open TCPServer e port=0 handler=echo")
    return int(re.search(r"127\.0\.0\.1:(\d+)", "\n".join(bp.run("module info e"))).group(1))


def longest_answer(port, while_true):
    """Asks an echo server as long as `while_true` says; the longest time it took."""
    client, longest, number = Client(port), 0, 0
    while while_true() or not number:
        number += 1
        begun = time.monotonic()
        client.send(f"line {number}\n")
        client.expect(f"line {number}")
        longest = max(longest, time.monotonic() - begun)
    client.close()
    return longest


def beside(function, *arguments):
    """Runs it on a thread; gives what says whether it still runs, and a function that gives its result."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*arguments)))
    thread.start()
    return thread.is_alive, lambda: (thread.join(), result[0])[1]


def contents(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def started(bp, *arguments, **pipes):
    """A second program, and the environment for those who ask it; it does not outlive the test."""
    folder = bp.folder + "/stuck"
    os.makedirs(folder, exist_ok=True)
    # (LeakSanitizer of gcc 12 crashes over a thread that is stuck in write)
    environment = dict(os.environ, HOME=folder, XDG_STATE_HOME=folder + "/state", XDG_RUNTIME_DIR=folder,
                       ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    process = subprocess.Popen([BUILD + "/backplane", "-P", BUILD + "/plugins", *arguments], env=environment, cwd=folder, **pipes)
    try:
        yield process, environment
    finally:
        process.kill()
        process.wait()


# --- a slow disk ---

def test_settings_on_a_slow_card(_):
    bp = Slow()
    try:
        bp.slow()
        bp.run("set default_telnet_port 4000")
        begun = time.monotonic()
        alive, said = beside(bp.run, "flush")
        assert longest_answer(bp.port, alive) < PROMPT
        assert "force saved" in " ".join(said()) and time.monotonic() - begun > 2.9
        assert any(re.search(r"^job fsync .*/settings\.ini\.new$", call) for call in bp.calls()), bp.calls()
        assert "default_telnet_port=4000" in contents(bp.folder + "/state/backplane/settings.ini")
        # The end waits for the last change, and no longer than it must.
        bp.run("set default_telnet_port 4001")
        ends(bp.process)
        assert "default_telnet_port=4001" in contents(bp.folder + "/state/backplane/settings.ini")
    finally:
        bp.stop()
        bp.remove()


def test_store_on_a_slow_card(_):
    """A plugin's store that wants each transaction on the disk, and ends while it is written."""
    bp = Slow()
    try:
        build_keeper(bp, "BP_STORE_FULL")
        bp.slow()
        bp.run("keep")
        alive, said = beside(bp.run, "kept")  # asked behind the values, answered when they are written
        assert longest_answer(bp.port, alive) < PROMPT
        assert "21.5 to 22.5, celsius" in said()
        assert any(re.search(r"^job fdatasync .*/store/keeper\.db", call) for call in bp.calls()), bp.calls()
        bp.run("keep")
        alive, said = beside(bp.run, "plugin unload keeper")
        assert longest_answer(bp.port, alive) < PROMPT
        said()
        assert not [call for call in bp.calls() if call.startswith("main") and "keeper.db" in call], bp.calls()
        ends(bp.process)
        with sqlite3.connect(bp.folder + "/state/backplane/store/keeper.db") as database:
            assert database.execute("SELECT count(*) FROM value").fetchall() == [(4,)]
    finally:
        bp.stop()
        bp.remove()


def test_the_loop_waits_for_no_file(_):
    """Everything that uses files, and whose thread it was."""
    bp = Slow()
    try:
        path = bp.folder
        with open(path + "/script", "w") as file:
            file.write(".echo from the script\n")
        with open(path + "/recording", "w") as file:
            file.write("0.0 < 61\n")
        with open(path + "/config.yaml", "w") as file:
            file.write("servers: {}\n")
        device = Device(bp)
        said = []
        for command in (
                "set default_telnet_port 4000", "flush", f"settings export {path}/exported", f"settings import {path}/exported",
                f"execute {path}/script", "channel watch -f x", "channel save x -f saved", "channel send x hello", "channel save", "channel save x --stop",
                f"config check {path}/config.yaml", f"uart replay {path}/recording y", f"uart open {device.link} root",
                "uart record root rec", "channel send root/send out", "uart record root", "uart close root",
                "mesh open lab -p 0 -w -1 recv=a send=b listener=optional database=base.db log_folder=lines",
                r"channel send a --hex 0005440100c8"):
            said += bp.run(command)
        said = "\n".join(said)
        for sentence in ("force saved", "exported to", "imported from", "from the script", "Recording Channel", "No longer recording",
                         "is good", "1 bytes were played", "rec is whole"):
            assert sentence in said, said
        eventually(lambda: "1 values written" in "\n".join(bp.run("module info lab")))
        bp.run("mesh close lab")
        eventually(lambda: "not found" in " ".join(bp.run("module info lab")))
        calls = bp.calls()
        for name in ("settings.ini.new", "exported", "script", "saved", "config.yaml", "recording", "rec", "base.db", "Sequence_hist.txt"):
            assert any(call.startswith("job open") and call.endswith(name) for call in calls), (name, calls)
        waited = [call for call in calls if call.startswith("main") and call != f"main open {device.link}"]  # a tty does not wait
        assert not waited, waited
        device.unplug()
    finally:
        bp.stop()
        bp.remove()


def test_typed_history_on_a_slow_card(_):
    bp = Slow()
    try:
        child, terminal = pty.fork()
        if not child:
            os.execve(BUILD + "/backplane", [BUILD + "/backplane", "-x"],
                      dict(os.environ, XDG_RUNTIME_DIR=bp.folder, TERM="xterm"))
        for number in range(30):
            os.write(terminal, b"echo line %d\r" % number)
        eventually(lambda: "echo line 29\n" in contents(bp.folder + "/state/backplane/history"))
        os.write(terminal, b"exit\r")
        os.waitpid(child, 0)
        os.close(terminal)
        assert not [call for call in bp.calls() if call.startswith("main")], bp.calls()
    finally:
        bp.stop()
        bp.remove()


# --- what is no file ---

def test_fifos(bp):
    """Each would hang whoever opens it."""
    port, fifo = echo_server(bp), bp.folder + "/fifo"
    os.mkfifo(fifo)
    bp.run("channel watch -f x")
    device = Device(bp)
    bp.run(f"uart open {device.link} root")
    bp.run("uart record root fifo")
    for command in (f"channel save x -f {fifo}", f"execute {fifo}", f"settings import {fifo}", f"settings export {fifo}",
                    f"config check {fifo}", f"uart record root {fifo}", f"uart replay {fifo} root",
                    f"mesh open lab -p 0 -w -1 recv=a send=b data_info={fifo}",
                    f"module open TCPServer t port=0 handler=echo tls=yes tls_cert={fifo}"):
        said = " ".join(bp.run(command))
        assert "not a file but a FIFO" in said, (command, said)
        client = Client(port)
        client.send("still\n")
        client.expect("still", PROMPT)
        client.close()
    # A database is opened by a job, so it is told of later.
    bp.run(f"mesh open lab -p 0 -w -1 recv=a send=b database={fifo}")
    eventually(lambda: "not a file but a FIFO" in "\n".join(bp.run("module info lab")))


def test_fifos_at_the_start(bp):
    fifo = bp.folder + "/fifo"
    os.mkfifo(fifo)
    for option, status in ("-c", 78), ("--check-config", 78), ("-b", 1):
        with started(bp, option, fifo, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as (process, _):
            said = process.communicate(timeout=PATIENCE)[0]
            assert process.returncode == status and b"not a file but a FIFO" in said, (option, process.returncode, said)


# --- disks that are full, files that are gone ---

def limit_files(bp, size):
    """As good as a full disk, and needs no rights."""
    resource.prlimit(bp.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_full_disk(bp):
    bp.run("channel watch -f log")
    bp.run("channel watch -f x")
    bp.run("channel save x -f saved")
    bp.run("channel send x before")
    eventually(lambda: contents(bp.folder + "/saved") == "before\n")
    limit_files(bp, 10)
    said = bp.run("channel send x meanwhile")
    eventually(lambda: said.extend(bp.run("echo")) or "channel x is not saved for now" in " ".join(said))
    assert "File too large" in " ".join(said), said
    bp.run("loop 1 100 .channel send x 0" + "y" * 50000)  # eighty of them fit into what may wait
    assert re.search(r"^x\s+\d+\s+\d+\s+1\d\s+saved", "\n".join(bp.run("channel save")), re.M), bp.run("channel save")
    limit_files(bp, resource.RLIM_INFINITY)
    eventually(lambda: said.extend(bp.run("echo")) or "is saved again" in " ".join(said))
    eventually(lambda: contents(bp.folder + "/saved").startswith("before\r\nmeanwhile\r\n0y".replace("\r\n", "\n")))
    bp.run("channel send x after")
    bp.run("channel save x --stop")
    assert contents(bp.folder + "/saved").endswith("y\nafter\n")
    # One that is full at its end says what it lost.
    bp.run("channel save x -f second")
    limit_files(bp, 10)
    bp.run("channel send x more than fits into it")
    said = " ".join(bp.run("channel save x --stop"))
    assert "File too large; 1 messages of channel x are lost" in said, said


def test_logrotate(bp):
    """Moved away and SIGHUP; removed; emptied."""
    saved = bp.folder + "/saved"
    bp.run("channel watch -f x")
    bp.run("channel save x -f saved")
    bp.run("channel send x one")
    eventually(lambda: contents(saved) == "one\n")
    os.rename(saved, saved + ".old")
    bp.process.send_signal(signal.SIGHUP)
    eventually(lambda: os.path.exists(saved))
    bp.run("channel send x two")
    eventually(lambda: contents(saved) == "two\n")
    os.unlink(saved)
    bp.run("channel send x three")
    eventually(lambda: contents(saved) == "three\n")
    os.truncate(saved, 0)
    bp.run("channel send x four")
    eventually(lambda: contents(saved) == "four\n")
    assert contents(saved + ".old") == "one\n"


# --- output that nobody reads ---

def ask(environment, command):
    return subprocess.run([BUILD + "/backplane", "-x", command], env=environment, text=True, capture_output=True, timeout=PATIENCE).stdout


def is_full(pipe):
    """A pipe takes 64 KiB, less what of its last page is not used."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, "little") > 50000


def resident(process):
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ends(process):
    """By itself: after 5 s of its own clock it would be ended with another status."""
    process.send_signal(signal.SIGTERM)
    status = process.wait(PATIENCE)
    assert status != 128 + signal.SIGTERM
    return status


def test_stdout_that_nobody_reads(bp):
    with started(bp, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as (process, environment):
        eventually(lambda: ask(environment, "echo up") == "up\n")
        before = resident(process)
        process.stdin.write(b"loop 1 10000 .echo " + b"y" * 10000 + b"\n")
        process.stdin.flush()
        eventually(lambda: resident(process) - before > 7 << 20)  # half of 16 MiB waits, so the batch pauses
        for number in range(100):
            assert ask(environment, f"echo {number}") == f"{number}\n"
        assert is_full(process.stdout) and "lost" not in ask(environment, "status")  # the batch pauses instead
        ends(process)
        assert b"nobody reads stdout" in process.stderr.read()


def test_start_commands_that_nobody_reads(bp):
    """They have nobody who could pause, so what is too much is counted."""
    commands = ("-e", "loop 1 50 .echo " + "x" * 60000) * 7
    with started(bp, "-d", *commands, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as (process, environment):
        eventually(lambda: "pieces of output on stdout" in ask(environment, "status"))
        status = ends(process)
        assert status == 0, process.stderr.read()


def test_stderr_that_nobody_reads(bp):
    with started(bp, "-d", "-vv", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as (process, environment):
        eventually(lambda: ask(environment, "echo up") == "up\n")
        eventually(lambda: ask(environment, "loop 1 200 .plugin reload echo|status").count("lines of the log on stderr"), 60)
        assert ends(process) == 0


def test_slow_reader_gets_everything(bp):
    """More than waits at most, read slowly, after the end of stdin too."""
    with started(bp, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as (process, _):
        process.stdin.write(b"loop 1 3000 .echo {loop} " + b"y" * 10000 + b"\n")
        process.stdin.close()
        eventually(lambda: is_full(process.stdout))
        lines = process.stdout.read().splitlines()
        assert [int(line.split()[0]) for line in lines if line] == list(range(1, 3001))
        assert process.wait(PATIENCE) == 0


def test_reader_that_goes(bp):
    """As head does."""
    with started(bp, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as (process, environment):
        process.stdout.close()
        process.stdin.write(b"loop 1 1000 .help\n")
        process.stdin.flush()
        eventually(lambda: ask(environment, "echo up") == "up\n")
        process.stdin.close()
        assert process.wait(PATIENCE) == 0 and not process.stderr.read()


def test_terminal_that_nobody_reads(bp):
    """A terminal that was stopped with Ctrl-S, or whose window hangs."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with started(bp, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as (process, environment):
        eventually(lambda: termios.tcgetattr(slave)[3] != before[3] and ask(environment, "echo up") == "up\n")
        os.write(master, b"loop 1 100000 .help\r")
        for number in range(20):
            assert ask(environment, f"echo {number}") == f"{number}\n"
        ends(process)
        assert termios.tcgetattr(slave)[3] == before[3]
    os.close(master)
    os.close(slave)


# --- a tty whose other side takes nothing ---

def test_tty_that_sends_nothing(_):
    def test(bp):
        port, device = echo_server(bp), Device(bp)
        for close in "uart close root", "module close root":
            bp.run(f"uart open {device.link} root")
            bp.run("channel send root/send on its way")
            bp.run(close)
            client = Client(port)
            client.send("still\n")
            client.expect("still", PROMPT)
            client.close()
            eventually(lambda: not any(line.startswith("root") for line in bp.run("module list")))
        heard = []
        eventually(lambda: heard.append(bp.shim_log.read()) or "flushed" in "".join(heard))
        assert "stuck" not in "".join(heard), heard

    with_shim(test, SERIAL_SHIM_STUCK="yes")


# --- the mesh's database ---

def gateway(bp, base):
    bp.run(f"mesh open lab -p 0 -w -1 recv=a send=b listener=optional database={base}")
    bp.run("channel watch -f lab/log")


def say_value(bp, number):
    bp.run(f"channel send a --hex 00054401{number:04x}")


def written(bp, count, said=None):
    said = [] if said is None else said
    eventually(lambda: said.extend(bp.run("module info lab")) or f"{count} values written, 0 lost" in "\n".join(said))


def test_locked_database(bp):
    port, base = echo_server(bp), bp.folder + "/base.db"
    gateway(bp, base)
    say_value(bp, 1)
    written(bp, 1)
    other = sqlite3.connect(base, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    say_value(bp, 2)
    said = []
    alive, result = beside(lambda: eventually(lambda: said.extend(bp.run("echo")) or "not written for now" in " ".join(said)))
    assert longest_answer(port, alive) < PROMPT
    result()
    assert "locked" in " ".join(said), said
    other.execute("ROLLBACK")
    written(bp, 2, said)
    eventually(lambda: said.extend(bp.run("echo")) or "written again" in " ".join(said))
    # Closing does not wait on the loop either.
    other.execute("BEGIN EXCLUSIVE")
    say_value(bp, 3)
    alive, result = beside(lambda: (bp.run("mesh close lab"),
                                    eventually(lambda: "not found" in " ".join(bp.run("module info lab")))))
    assert longest_answer(port, alive) < PROMPT
    result()
    other.close()


def close_gateway(bp, base):
    """What it has is written by a job behind its end."""
    bp.run("mesh close lab")
    eventually(lambda: "not found" in " ".join(bp.run("module info lab")) and not os.path.exists(base + "-wal"))


def test_damaged_database(bp):
    """One that never was one; one whose header is whole."""
    base = bp.folder + "/base.db"
    with open(base, "wb") as file:
        file.write(b"this is no database, and never was one\n" * 1000)
    gateway(bp, base)
    said = []
    eventually(lambda: said.extend(bp.run("echo")) or "is damaged: it is kept as" in " ".join(said))
    say_value(bp, 1)
    written(bp, 1)
    broken = glob.glob(base + ".broken-*")
    assert len(broken) == 1 and open(broken[0], "rb").read(7) == b"this is"
    close_gateway(bp, base)
    os.rename(broken[0], base + ".first")
    with open(base, "r+b") as file:
        file.seek(100)
        file.write(b"x" * 16384)
    gateway(bp, base)
    say_value(bp, 2)
    written(bp, 1)
    assert len(glob.glob(base + ".broken-*")) == 1
    close_gateway(bp, base)
    with sqlite3.connect(base) as database:
        assert eventually(lambda: database.execute("SELECT value FROM samples").fetchall()) == [(b"\2",)]


def test_database_in_a_missing_folder(bp):
    gateway(bp, bp.folder + "/missing/base.db")
    eventually(lambda: "base.db: No such file or directory" in "\n".join(bp.run("module info lab")))
    say_value(bp, 1)
    os.mkdir(bp.folder + "/missing")
    written(bp, 1)


main("blocking", globals())
