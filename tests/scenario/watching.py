#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""watching.py - sessions that watch everything, each other too: each message is shown once, and the host goes on."""
import re

from harness import PATIENCE, Client, free_port, main
from terminals import Terminal


def telnet(port):
    client = Client(port)
    client.send(b"\xff\xfb\x1f")
    client.expect(b"backplane>")
    return client


def sent(bp):
    """How many messages have been sent to all sessions, as far as somebody watches."""
    return sum(int(re.search(r"send +\d+ +(\d+)", row)[1]) for row in bp.run("channel list session/*/send") if "session/" in row)


def test_two_that_watch_everything(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    one, two = telnet(port), telnet(port)
    for client in (one, two):
        client.send("channel watch *\r\n")
        client.expect("Watching Channel: *")
    bp.run("channel watch -f hall")
    bp.run("channel send hall first-message")
    bp.run("channel send hall second-message")
    for client in (one, two):
        shown = client.expect("hall:\x1b[0m second-message")
        assert shown.count(b"first-message") <= 2 and len(shown) < 100000, (len(shown), shown[-3000:])
    # What the other one types itself is shown.
    one.send("echo typed-by-one\r\n")
    two.expect(b"typed-by-one")
    before = sent(bp)
    bp.run("channel send hall third-message")
    assert sent(bp) - before < 100, (before, sent(bp))


def test_forty_that_watch_everything(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    clients = [telnet(port) for _ in range(40)]
    bp.run("channel watch -f hall")
    for client in clients:
        client.send("channel watch *\r\n")
        client.expect("Watching Channel: *")
    for number in range(10):
        bp.run(f"channel send hall message-{number}")
    for client in clients:
        shown = client.expect("hall:\x1b[0m message-9")
        assert shown.count(b"message-9") <= 2
    assert not any("was busy" in line for line in bp.run("channel watch log|channel unwatch log"))


def test_each_other(bp):
    """By name, not by a pattern."""
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    one, two = telnet(port), telnet(port)
    ids = re.findall(r"^(\d+) .* telnet ", "\n".join(bp.run("session list")), re.M)
    for client, other in ((one, ids[1]), (two, ids[0])):
        client.send(f"channel watch session/{other}/send\r\n")
        client.expect("Watching Channel")
    one.send("echo typed-by-one\r\n")
    shown = two.expect("typed-by-one")
    assert len(shown) < 20000, len(shown)
    bp.run("echo")
    assert not any("loses messages" in line for line in bp.run("channel watch log|channel unwatch log"))


def test_terminal_that_watches_everything(bp):
    """It goes on, whatever is said, and reports what it could not show."""
    port = free_port()
    one = Terminal(bp.folder + "/terminal")
    one.expect(b"backplane>")
    one.type(f"consoleserver -p {port}")
    one.expect(b"console server on port")
    one.type("channel watch *")
    one.expect(b"Watching Channel: *")
    client = Client(port)
    client.send("echo hello\n")
    client.expect("hello")
    one.expect(b"hello")
    client.send("loop 1 20000 .echo " + "x" * 1000 + "\n")
    client.send("echo done\n")
    client.expect("done", PATIENCE * 2)
    one.expect(b"pieces of output were lost: the terminal does not keep up")
    one.type("echo still here")
    one.expect(b"still here")
    assert one.end() == 0


main("watching", globals())
