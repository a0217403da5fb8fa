#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""program.py - the program itself: options, exit status, signals, the control socket, what lasts, what it survives."""
import atexit
import glob
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import threading
import time

import network
from harness import BUILD, PATIENCE, Backplane, Client, Skipped, eventually, free_port, main
from samples import build_keeper, build_sample

PROGRAM = BUILD + "/backplane"


def environment(folder):
    return dict(os.environ, HOME=folder, XDG_STATE_HOME=folder + "/state", XDG_RUNTIME_DIR=folder, TERM="xterm")


def start(bp, *arguments, stdin=""):
    """A second program in the folder of the first; the result of its run."""
    folder = bp.folder + "/second"
    os.makedirs(folder, exist_ok=True)
    return subprocess.run([PROGRAM, "-P", BUILD + "/plugins", *arguments], input=stdin, text=True, capture_output=True,
                          env=environment(folder), cwd=folder, timeout=PATIENCE * 3)


def daemon(bp, *arguments):
    """Runs until it is told to end; ready when its control socket answers."""
    folder = bp.folder + "/daemon"
    os.makedirs(folder, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(folder + "/notify")
    listener.settimeout(PATIENCE)
    process = subprocess.Popen([PROGRAM, "-P", BUILD + "/plugins", "-d", *arguments], stdin=subprocess.DEVNULL,
                               stdout=open(folder + "/stdout", "ab"), stderr=open(folder + "/stderr", "ab"),
                               env=dict(environment(folder), NOTIFY_SOCKET=folder + "/notify"), cwd=folder)
    try:
        assert listener.recv(100) == b"READY=1"
    finally:
        listener.close()
        os.unlink(folder + "/notify")
    return process, folder


def test_started_without_descriptors(bp):
    """What is closed of 0 to 2 is /dev/null; no socket and no epoll descriptor stands there."""
    folder = bp.folder + "/bare"
    os.makedirs(folder)
    process = subprocess.Popen(["sh", "-c", f"exec {PROGRAM} -P {BUILD}/plugins -d <&- >&- 2>&-"], env=environment(folder), cwd=folder)
    try:
        eventually(lambda: ask(folder, "version").returncode == 0)
        assert [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)] == 3 * ["/dev/null"]
    finally:
        assert end(process) == 0


def ask(folder, *command):
    return subprocess.run([PROGRAM, "-x", *command], text=True, capture_output=True, env=environment(folder),
                          timeout=PATIENCE)


def end(process, number=signal.SIGTERM):
    """Its status: 128 and the number if it was not done 5 s later by its own clock."""
    process.send_signal(number)
    return process.wait(PATIENCE)


# --- options and exit status ---

def test_options(bp):
    assert start(bp, "--version").stdout == "backplane 0.1.0\n"
    assert "--check-config" in start(bp, "--help").stdout
    assert max(map(len, start(bp, "--help").stdout.splitlines())) <= 120
    result = start(bp, "--nonsense")
    assert result.returncode == 2 and "--help" in result.stderr, result
    assert start(bp, "stray").returncode == 2
    assert start(bp, "-s", "nonsense").returncode == 2
    assert start(bp, "-c", "/no/such/file").returncode == 78


def test_batch_status(bp):
    assert start(bp, stdin="version\n").returncode == 0
    assert start(bp, stdin="nosuch\nversion\n").returncode == 1
    assert start(bp, stdin="").returncode == 0
    assert start(bp, stdin="quit\necho never\n").returncode == 0
    result = start(bp, stdin="echo unfinished")
    assert result.stdout == "unfinished\n", result
    result = start(bp, stdin="wait 0.05|echo late\n")
    assert result.stdout == "late\n" and result.returncode == 0, result


def test_start_commands(bp):
    file = bp.folder + "/script"
    with open(file, "w") as script:
        script.write("# first\n.echo from the file\n")
    result = start(bp, "-e", "echo one", "-e", "echo two", "-b", file, stdin="echo three\n")
    assert [line for line in result.stdout.splitlines() if line] == ["one", "two", "from the file", "three"], result
    assert start(bp, "-e", "nosuch").returncode == 1
    assert start(bp, "-e", "quit").returncode == 0


def test_secrets_are_not_shown(bp):
    """Of commands that are kept to run later, nor when they run."""
    opens = "module open WebServer w port=0 token=hunter2"
    script = f"batch add {opens}\nbatch\ntimer 1 3600 {opens}\ntimer\ntimer* off\nloop 1 1 {opens}\nmodule list\n"
    result = start(bp, "-v", "-e", f"alias a {opens}", stdin=script)
    assert result.stdout.count("module open ***") == 3 and " w " in result.stdout, result
    result = start(bp, "-v", stdin="wait 0\nmodule list\n")  # the batch runs
    assert "module open ***" in result.stdout and "hunter2" not in result.stdout + result.stderr, result


def test_settings_option(bp):
    result = start(bp, "-s", "default_telnet_port=4242", stdin="set default_telnet_port\n")
    assert ":= 4242" in result.stdout, result
    assert ":= 23\n" in start(bp, stdin="set default_telnet_port\n").stdout  # for that run only
    assert "whole number" in start(bp, "-s", "default_telnet_port=x", stdin="").stderr


def test_file_on_stdin(bp):
    path = bp.folder + "/commands"
    with open(path, "w") as file:
        file.write("echo a\n" * 5000)
    with open(path) as file:
        result = subprocess.run([PROGRAM, "-P", BUILD + "/plugins"], stdin=file, text=True, capture_output=True,
                                env=environment(bp.folder + "/own"), timeout=PATIENCE)
    assert result.stdout == "a\n" * 5000 and result.returncode == 0


# --- what lasts ---

def test_settings_last(bp):
    assert start(bp, stdin="set default_telnet_port 4000\nalias greet echo hello\n").returncode == 0
    result = start(bp, stdin="set default_telnet_port\ngreet\n")
    assert ":= 4000" in result.stdout and "hello" in result.stdout, result
    process, folder = daemon(bp)
    assert ask(folder, "set", "default_telnet_port", "4001").returncode == 0
    assert end(process) == 0
    process, folder = daemon(bp)
    assert ":= 4001" in ask(folder, "set default_telnet_port").stdout
    end(process)


def test_cut_settings_file(bp):
    start(bp, stdin="set default_telnet_port 4000\n")
    start(bp, stdin="set default_telnet_port 4001\n")
    path = bp.folder + "/second/state/backplane/settings.ini"
    whole = open(path, "rb").read()
    open(path, "wb").write(whole[:len(whole) // 2])
    result = start(bp, stdin="set default_telnet_port\n")
    assert result.returncode == 0 and "settings.ini.broken-" in result.stderr, result
    broken = glob.glob(path + ".broken-*")
    assert len(broken) == 1 and open(broken[0], "rb").read() == whole[:len(whole) // 2]


def test_disk_full(bp):
    """A file system that takes no byte more: the old settings stay whole, and it is said."""
    mount = bp.folder + "/full"
    status = network.begin_again("disk_full")
    if status is not None:
        assert status == 0
        return
    os.makedirs(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", mount], capture_output=True).returncode:
        raise Skipped("not permitted to mount a small file system")
    try:
        folder = mount + "/state"
        run = lambda text: subprocess.run([PROGRAM, "-P", BUILD + "/plugins"], input=text, text=True, capture_output=True,
                                          env=dict(environment(bp.folder), XDG_STATE_HOME=folder), timeout=PATIENCE)
        assert run("set default_telnet_port 4000\n").returncode == 0
        with open(mount + "/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        result = run("set default_telnet_port 4001\nflush\n")
        assert "No space left" in result.stdout + result.stderr, result
        os.unlink(mount + "/filler")
        assert ":= 4000" in run("set default_telnet_port\n").stdout
    finally:
        subprocess.run(["umount", mount])


def test_many_links(bp):
    """Each costs the same: were it to cost what there is already, this would take minutes."""
    file = bp.folder + "/links"
    with open(file, "w") as script:
        script.writelines(f".channel link -f a{number} a{number + 1}\n" for number in range(20000))
    result = start(bp, "-b", file)
    assert result.stdout.endswith("What is said on a19999 goes to a20000 too.\n"), result.stdout[-200:]


# --- signals ---

def test_signals_end_in_order(bp):
    for number in (signal.SIGTERM, signal.SIGINT):
        process, folder = daemon(bp)
        assert end(process, number) == 0
        assert not os.path.exists(folder + "/backplane/control")


def test_terminated_with_a_thousand_clients(bp):
    port = free_port()
    process, folder = daemon(bp, "-e", f"module open TelnetServer t port={port} max_connections=2000")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    clients = [Client(port) for _ in range(1000)]
    for client in clients[:500]:
        client.send("echo hello\n")
    for client in clients[:500]:
        client.expect("hello")
    assert end(process) == 0
    assert all(b"Goodbye" in client.rest() for client in clients[:500])
    for client in clients:
        client.close()


def test_thousand_connects_dropped(bp):
    port = free_port()
    bp.run(f"module open TelnetServer t port={port} max_connections=2000")
    for _ in range(1000):
        sockets = socket.create_connection(("127.0.0.1", port))
        sockets.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sockets.close()
    client = Client(port)
    client.send("echo alive\n")
    client.expect("alive")
    end_of = time.monotonic() + PATIENCE
    while sum(" telnet " in line for line in bp.run("session list")) > 1:
        assert time.monotonic() < end_of


def test_hangup_reloads(bp):
    port, other = free_port(), free_port()
    path = bp.folder + "/daemon.yaml"
    text = "servers:\n  kept: {transport: telnet, handler: console, port: %d}\n" % port
    open(path, "w").write(text)
    process, folder = daemon(bp, "-c", path)
    client = Client(port)
    client.send("echo before\n")
    client.expect("before")
    open(path, "w").write(text + "  more: {transport: tcp, handler: echo, port: %d}\n" % other)
    process.send_signal(signal.SIGHUP)
    end_of = time.monotonic() + PATIENCE
    while "more" not in ask(folder, "module list").stdout:
        assert time.monotonic() < end_of, open(folder + "/stderr").read()
    client.send("echo after\n")
    client.expect("after")
    Client(other).expect("> ")
    open(path, "w").write(text + "nonsense: 1\n")
    assert ask(folder, "config reload").returncode == 1
    client.send("echo still\n")
    client.expect("still")
    assert end(process) == 0


def test_hangups_in_a_row(bp):
    """Each is remembered: what the file says at the last one holds. The service manager is told before and after."""
    folder = bp.folder + "/hangups"
    os.makedirs(folder)
    path = folder + "/daemon.yaml"

    def write(number):
        with open(path + ".new", "w") as file:
            file.write("settings:\n  default_telnet_port: %d\n" % (4000 + number))
        os.rename(path + ".new", path)

    write(0)
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(folder + "/notify")
    manager.settimeout(PATIENCE)
    process = subprocess.Popen([PROGRAM, "-P", BUILD + "/plugins", "-d", "-c", path], stdin=subprocess.DEVNULL,
                               stderr=open(folder + "/stderr", "wb"), env=dict(environment(folder), NOTIFY_SOCKET=folder + "/notify"),
                               cwd=folder)
    atexit.register(process.kill)
    assert manager.recv(200) == b"READY=1"
    for number in range(1, 21):
        write(number)
        process.send_signal(signal.SIGHUP)
    state, began = b"", 0
    eventually(lambda: ":= 4020" in ask(folder, "set default_telnet_port").stdout)
    process.send_signal(signal.SIGHUP)
    while select.select([manager], [], [], 0)[0] or state != b"READY=1" or not began:
        state = manager.recv(200)
        began += state.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert began >= 2, began
    assert "being read again already" not in open(folder + "/stderr").read()
    assert end(process) == 0


# --- the control socket ---

def test_control(bp):
    process, folder = daemon(bp)
    assert os.stat(folder + "/backplane/control").st_mode & 0o777 == 0o600
    result = ask(folder, "echo", "hello", "there")
    assert result.stdout == "hello there\n" and result.returncode == 0, result
    assert ask(folder, "nosuch").returncode == 1
    assert ask(folder, "channel", "list", "--help").stdout.startswith("channel list")
    assert ":= 4000" in ask(folder, "set default_telnet_port 4000|set -p / default_telnet_port").stdout
    assert ask(folder, "set", "-p", "/", "default_telnet_port", "4001").returncode == 0
    assert "hello world" in ask(folder, "channel", "info", "hello world").stdout
    assert ask(folder, "wait 0.05|echo waited").stdout == "waited\n"
    assert ask(folder, "loop 1 3000 .echo x").stdout.count("x\n") >= 3000
    assert end(process) == 0
    result = ask(folder, "version")
    assert result.returncode == 1 and "no running instance" in result.stderr


def test_attach(bp):
    process, folder = daemon(bp)
    child, terminal = pty.fork()
    if not child:
        os.execve(PROGRAM, [PROGRAM, "-x"], environment(folder))
    seen = b""

    def expect(what):
        nonlocal seen
        end_of = time.monotonic() + PATIENCE
        while what not in seen:
            ready, _, _ = select.select([terminal], [], [], max(0, end_of - time.monotonic()))
            assert ready, seen
            seen += os.read(terminal, 65536)
        seen = seen[seen.index(what) + len(what):]

    expect(b"backplane>")
    os.write(terminal, b"echo atx\x08\x7fttached\r")
    expect(b"attached")
    os.write(terminal, b"vers\t\r")
    expect(b"ABI 1")
    os.write(terminal, b"exit\r")
    expect(b"Goodbye!")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)
    assert end(process) == 0


def test_restart(bp):
    port = free_port()
    process, folder = daemon(bp, "-e", f"consoleserver -p {port}")
    client = Client(port)
    client.send("restart\n")
    client.rest()
    end_of = time.monotonic() + PATIENCE
    while True:
        try:
            again = Client(port)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < end_of
    again.send("echo again\n")
    again.expect("again")
    assert end(process) == 0


# --- what it survives ---

def test_endless_line(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    client, sent, block = Client(port), 0, b"x" * 1048576
    try:
        while sent < 1 << 30:
            client.socket.send(block)
            sent += len(block)
    except OSError:
        pass
    assert sent < 1 << 28, "it was never closed"
    memory = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{bp.process.pid}/status").read()).group(1))
    assert memory < 200 * 1024, memory
    again = Client(port)
    again.send("echo alive\n")
    again.expect("alive")


def test_client_that_never_reads(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    deaf, well = Client(port), Client(port)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.send("loop 1 1000000 .help\n")
    well.send("echo first\n")
    well.expect("first")
    for number in range(200):
        well.send(f"echo {number}\n")
        well.expect(f"{number}\r\n")
    bp.run("status")


def test_sample_plugin(bp):
    """Built, loaded, used, unloaded."""
    build_sample(bp, "sample-plugin/hello")
    assert bp.run("hello you") == ["hello, you"]
    bp.run("channel watch hall")
    assert bp.run("channel send door Ann") == ["hall: hello, Ann"]
    assert bp.run("plugin reload hello") == ["Reloaded hello 1.0, with its instances."]
    assert bp.run("plugin unload hello") == ["Unloaded hello."]
    assert "hello is not a registered command" in bp.run("hello you")[0]
    os.chmod(bp.folder + "/hello.so", 0o666)
    assert "can be written by everybody" in bp.run("plugin load ./hello.so")[0]


def test_sample_gcode(bp):
    """A machine of three lines of shell answers; the file is sent line by line."""
    build_sample(bp, "samples/gcode")
    with open(bp.folder + "/part.gcode", "w") as file:
        file.write("G21\nG0 X10 Y10\nM5\n")
    bp.run("module open Exec laser command=\"sh -c 'while read line; do echo $line >>heard; echo ok; done'\"")
    assert bp.run("gcode send part.gcode laser") == []
    with open(bp.folder + "/heard") as file:
        assert file.read().split("\n")[:3] == ["G21", "G0 X10 Y10", "M5"]
    bp.run("module open Exec broken command=\"sh -c 'read a; echo ok; read b; echo error:22'\" restart=never")
    assert bp.run("gcode send part.gcode broken") == ["line 2: error:22"]
    assert "No such file" in bp.run("gcode send none.gcode laser")[0]


def test_sample_chat(bp):
    build_sample(bp, "samples/chat")
    port = int(re.search(r":(\d+)", " ".join(bp.run("serve chat --transport tcp --port 0"))).group(1))
    ann, bob = Client(port), Client(port)
    ann.expect("Who are you?")
    bob.expect("Who are you?")
    ann.send("Ann\n")
    ann.expect("Hello, Ann.")
    bob.send("Ann\n")
    bob.expect("That name cannot be had")
    bob.send("Bob\n")
    ann.expect("Bob has come.")
    bob.send("good morning\n")
    ann.expect("Bob: good morning")
    ann.send("/quit\n")
    bob.expect("Ann has left.")
    ann.rest()
    ann.close()
    bob.close()


def test_store_of_a_plugin(bp):
    """What was kept is there after the plugin has been loaded again."""
    build_keeper(bp)
    bp.run("keep")
    assert "21.5 to 22.5, celsius" in bp.run("kept")
    bp.run("plugin reload keeper")
    assert "21.5 to 22.5, celsius" in bp.run("kept")
    assert os.path.exists(bp.folder + "/state/backplane/store/keeper.db")


def test_sample_thermo(bp):
    build_sample(bp, "samples/thermo", "backplane-json")
    bp.run("module open Thermometer kitchen source=numbers high=30")
    bp.run("channel send numbers 21.5")
    assert any("21.5 degrees" in line for line in bp.run("module info kitchen"))
    bp.run("channel send numbers 35")
    assert any("kitchen failed: 35.0 degrees: too hot" in line for line in bp.run("status"))
    assert any("temperature_celsius" in line and " 35 " in line for line in bp.run("module info kitchen"))
    port = free_port()
    bp.run(f"webserver -p {port} -s")
    web = Client(port)
    web.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    metrics = web.rest().decode()
    web.close()
    assert 'backplane_thermo_temperature_celsius{instance="kitchen"} 35' in metrics, metrics[-500:]
    assert 'backplane_instance_state{instance="kitchen"} 2' in metrics


main("program", globals())
