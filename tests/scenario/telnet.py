#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""telnet.py - consoleserver and TelnetServer with the clients that people have: telnet, nc, sockets."""
import re
import shutil
import subprocess
import time

from harness import PATIENCE, Client, Skipped, free_port, main

OFFER = bytes.fromhex("fffb01 fffb03 fffd03 fffd18 fffd1f fffd27 fffb2a")
AGREE = bytes.fromhex("fffd01 fffd03 fffb03 fffb18 fffb1f fffa1f00640020fff0")
TYPE = b"\xff\xfa\x18\x00XTERM-256COLOR\xff\xf0"


def serve(bp, *words):
    port = free_port()
    said = bp.run(" ".join(["consoleserver", "-p", str(port), *words]))
    assert any(line.endswith(f"console server on port: {port}") for line in said), said
    return port


def terminal(port):
    """A telnet client that has agreed to all."""
    client = Client(port)
    client.expect(OFFER)
    client.send(AGREE)
    client.expect(b"\xff\xfa\x18\x01\xff\xf0")
    client.send(TYPE)
    client.expect("backplane>")
    return client


def plain(data):
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", data)


# --- consoleserver ---

def test_says_port_when_bound(bp):
    port = serve(bp)
    assert any("already running" in line for line in bp.run(f"consoleserver -p {port}"))
    assert any(f"Console server on port {port} closed." in line for line in bp.run("consoleserver -q"))
    assert any("No console server is running" in line for line in bp.run("consoleserver -q"))


def test_taken_port_is_named(bp):
    port = serve(bp)
    bp.run("consoleserver -q")
    bp.run(f"module open TCPServer other port={port}")
    said = " ".join(bp.run(f"consoleserver -p {port}"))
    assert str(port) in said and "console server on port:" not in said, said


def test_restart_on_the_same_port(bp):
    port = serve(bp)
    for _ in range(3):
        client = Client(port)
        client.send("echo again\n")
        client.expect("again")
        bp.run("consoleserver -q")
        assert b"shutting down" in client.rest()
        said = bp.run(f"consoleserver -p {port}")
        assert any("console server on port" in line for line in said), said


# --- plain text ---

def test_nc_prints_clean_text_and_ends(bp):
    port = serve(bp)
    nc = subprocess.run(["nc", "-N", "localhost", str(port)], input=b"help\n", stdout=subprocess.PIPE, timeout=PATIENCE)
    assert b"consoleserver" in nc.stdout
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", nc.stdout), nc.stdout


def test_speaks_first_is_served_at_once(bp):
    client = Client(serve(bp))
    client.send("echo at once\n")
    seen = client.expect("at once\r\n")
    assert b"\xff" not in seen and b"\x1b" not in seen and b"echo at" not in seen, seen


def test_first_bytes_are_kept(bp):
    port = serve(bp)
    for pieces in (["e", "cho kept one\n"], ["echo kept", " one\n"], list("echo kept one\n")):
        client = Client(port)
        for piece in pieces:
            client.send(piece)
        client.expect("kept one")
        client.close()


def test_line_without_end_before_eof(bp):
    client = Client(serve(bp))
    client.send("echo unfinished")
    client.end_input()
    assert b"unfinished\r\n" in client.rest()


def test_silent_then_plain(bp):
    client = Client(serve(bp))
    client.expect(OFFER, 1)
    client.send("echo by hand\n")
    seen = client.expect("by hand\r\n")
    assert b"\xff" not in seen and b"\x1b" not in seen and b"echo by" not in seen, seen


def test_half_closed_in_silence(bp):
    client = Client(serve(bp))
    client.end_input()
    assert b"\xff" not in client.rest()


def test_late_telnet(bp):
    """A telnet client fed by a script speaks plain text first, telnet later."""
    client = Client(serve(bp))
    client.send("echo one\n")
    client.expect("one\r\n")
    client.send(b"echo t\xff\xf1wo\r\0")
    client.expect("two\r\n")
    client.send(b"\xff\xfd\x18")
    client.expect(b"\xff\xfc\x18")


def test_typed_before_telnet_answers(bp):
    """What stands on an unfinished line when the terminal gets its editor is on the editor's line."""
    port = serve(bp)
    client = Client(port)
    client.expect(OFFER)
    client.send("echo ke")
    client.expect("Console.\r\n")
    client.send(AGREE)
    client.expect(b"\xff\xfa\x18\x01\xff\xf0")
    client.send(TYPE)
    assert b"echo ke" in plain(client.expect("echo ke"))
    client.send("pt one\r\0")
    client.expect("\r\nkept one\r\n")
    client = Client(port)
    client.send(b"echo a" + AGREE + b"gain\r\n")
    client.expect("again\r\n")


# --- telnet ---

def test_terminal_session(bp):
    client = terminal(serve(bp))
    client.send("echo hello\r\0")
    assert b"echo hello" in plain(client.expect("\r\nhello\r\n"))
    client.send("ech\x7f\x7f\x7fecho two\r\n")
    client.expect("\r\ntwo\r\n")
    client.send(b"\xff\xf6")
    client.expect("[Yes]")
    client.send("throw this away")
    client.expect("away")
    client.send(b"\xff\xf4")
    client.expect("backplane>")
    client.send("echo three\n")
    client.expect("\r\nthree\r\n")


def test_negotiation_cut_anywhere(bp):
    port = serve(bp)
    said = AGREE + TYPE + b"echo c\xff\xf1ut\r\0"
    for cut in range(1, len(said)):
        client = Client(port)
        client.expect(OFFER)
        client.send(said[:cut])
        client.send(said[cut:])
        seen = client.expect("\r\ncut\r\n")
        assert b"XTERM" not in seen, (cut, seen)
        client.close()


def test_iac_first(bp):
    client = Client(serve(bp))
    client.send(AGREE[:3] + b"echo early\r\n")
    client.expect(OFFER)
    client.expect("\r\nearly\r\n")


def test_refused_echo(bp):
    client = Client(serve(bp))
    client.expect(OFFER)
    client.send(b"\xff\xfe\x01\xff\xfe\x03")
    client.expect("Console")
    client.send("echo own\r\n")
    assert b"echo own" not in client.expect("own\r\n")


def test_dumb_terminal_gets_lines(bp):
    client = Client(serve(bp))
    client.expect(OFFER)
    client.send(b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x18")
    client.expect(b"\xff\xfa\x18\x01\xff\xf0")
    client.send(b"\xff\xfa\x18\x00DUMB\xff\xf0")
    client.expect(b"\xff\xfc\x01\xff\xfc\x03")
    client.send(b"\xff\xfe\x01\xff\xfe\x03echo plain\r\n")
    seen = client.expect("plain\r\n")
    assert b"\x1b" not in seen and b"echo" not in seen, seen


def test_sessions_are_apart(bp):
    port = serve(bp)
    one, two = Client(port), Client(port)
    one.send("echo from-")
    two.send("echo two\n")
    two.expect("two\r\n")
    one.send("one\n")
    seen = one.expect("from-one\r\n")
    assert b"two" not in seen
    assert b"one" not in two.seen


def test_nonsense_ends_the_session(bp):
    port = serve(bp)
    client = Client(port)
    client.expect(OFFER)
    client.send(b"\xff\xfd\x01\xff\xfa\x56\xff\xf0" + b"\x78\x9c" * 100)
    client.rest()
    other = Client(port)
    other.send("echo alive\n")
    other.expect("alive")


# --- channels ---

def test_send_to_all(bp):
    port = serve(bp)
    clients = [Client(port) for _ in range(3)]
    for client in clients:
        client.send("echo ready\n")
        client.expect("ready")
    bp.run("channel send console-server/send lunch is ready")
    for client in clients:
        client.expect("lunch is ready\r\n")


def test_recv_is_watched(bp):
    client = Client(serve(bp))
    bp.run("channel watch console-server/recv")
    client.send("echo spied\n")
    client.expect("spied")
    assert any("echo spied" in line for line in bp.run("echo"))


def test_watching_its_own_bytes(bp):
    port = serve(bp)
    client = terminal(port)
    client.send(f"channel watch data-tcp-{port}\r\0")
    client.expect("Watching")
    client.send("echo once\r\0")
    client.expect("-->")
    client.send(f"channel unwatch data-tcp-{port}\r\0echo done\r\0")
    seen = client.expect("\r\ndone\r\n")
    assert b"<-- b'once" in seen
    assert seen.count(b"<--") < 40 and b"data-tcp-%d: <-- b\"data-tcp" % port not in seen, seen


# --- limits and ends ---

def test_capacity(bp):
    port = free_port()
    bp.run(f"module open TelnetServer small port={port} max_connections=1")
    first = Client(port)
    first.send("echo in\n")
    first.expect("in\r\n")
    assert Client(port).rest() == b"Server is at maximum capacity. Please try again later.\r\n"


def test_goodbye(bp):
    client = terminal(serve(bp))
    bp.stop()
    assert b"Server is shutting down. Goodbye!" in client.rest()


def test_echo_handler(bp):
    port = free_port()
    bp.run(f"module open TelnetServer e port={port} handler=echo")
    client = Client(port)
    client.send("hi\r\ninfo\nquit\n")
    seen = client.rest()
    assert seen.startswith(b"Welcome to the Echo Server!\r\n-------------------------\r\n"), seen
    assert b"Echo: hi\r\n" in seen and seen.endswith(b"Goodbye!\r\n"), seen


def test_terminal_size(bp):
    port = free_port()
    bp.run(f"module open TelnetServer e port={port} handler=echo")
    client = Client(port)
    client.expect(OFFER)
    client.send(AGREE)
    client.expect(b"\xff\xfa\x18\x01\xff\xf0")
    client.send(TYPE + b"info\r\0")
    client.expect("Terminal: xterm-256color, Size: 100x32")
    client.send(b"\xff\xfa\x1f\x00\xff\xff\x00\x05\xff\xf0info\r\0")
    client.expect("Size: 255x5")


# --- the real one ---

class Tmux:
    def __init__(self, command):
        self.name = "backplane-%d" % time.monotonic_ns()
        subprocess.run(["tmux", "-L", self.name, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30",
                        command], check=True)

    def __call__(self, *words):
        return subprocess.run(["tmux", "-L", self.name, *words], stdout=subprocess.PIPE, check=True).stdout.decode()

    def keys(self, *keys):
        self("send-keys", *keys)

    def expect(self, text, count=1):
        end = time.monotonic() + PATIENCE
        while True:
            screen = self("capture-pane", "-p")
            if screen.count(text) >= count:
                return screen
            assert time.monotonic() < end, f"{text!r} did not come:\n{screen}"

    def close(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], stderr=subprocess.DEVNULL)


def test_gnu_telnet(bp):
    if not shutil.which("tmux") or not shutil.which("telnet"):
        raise Skipped("there is no tmux or no telnet")
    port = serve(bp)
    screen = Tmux(f"telnet 127.0.0.1 {port}")
    try:
        screen.expect("backplane>")
        screen.keys("echo typed", "Enter")
        screen.expect("\ntyped")
        screen.keys("Up", "Enter")
        screen.expect("\ntyped", 2)
        screen.keys("never said", "C-c")
        screen.expect("never said")
        screen.keys("echo last", "Enter")
        screen.expect("\nlast")
        assert "never" not in screen.expect("last").splitlines()[-1]
        screen("resize-window", "-x", "60", "-y", "20")
        screen.keys("session list", "Enter")
        screen.expect("telnet")
    finally:
        screen.close()


main("scenario-telnet", globals())
