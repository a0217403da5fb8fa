#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-term.py - a terminal on a UART, from sessions of several kinds."""
import re
import time

from harness import PATIENCE, Client, eventually, main
from uarts import console, open_uart, run, wait_for, with_shim


def test_term(bp):
    device = open_uart(bp)
    device.send(b"said before ")
    wait_for(bp, "uart info root", "12 bytes in")
    client = console(bp)
    client.send("uart term root\n")
    client.expect("Ctrl-] q ends")
    client.expect("said before ")
    client.send(b"ls\r")
    assert device.expect(b"ls\r") == b"ls\r"
    client.send(b"\x03\x1d\x1d")
    device.expect(b"\x03\x1d")
    device.send(b"\x1b[1mprompt$ ")
    client.expect(b"\x1b[1mprompt$ ")
    client.send(b"\x1di")
    client.expect(b"writer session/")
    client.send(b"\x1d?")
    client.expect(b"b sends a break")
    client.send(b"\x1dq")
    client.expect("[left]")
    client.send("echo alive\n")
    client.expect("alive")
    assert not device.seen


def test_typed_behind_the_end(bp):
    """What comes in one piece with Ctrl-] q, and behind it, is the console's."""
    device = open_uart(bp)
    client = console(bp)
    client.send("uart term root\n")
    client.expect("q ends")
    client.send(b"last\x1dqecho one\necho two\n")
    assert device.expect(b"last") == b"last"
    client.expect("[left]")
    client.expect("one")
    client.expect("two")
    assert not device.seen


def test_enter_in_two_segments(bp):
    device = open_uart(bp)
    client = console(bp)
    client.send("uart term root\n")
    client.expect("q ends")
    client.send(b"one\r")
    device.expect(b"one\r")  # it was received on its own
    client.send(b"\ntwo\n\r\n")
    assert device.expect(b"two\r\r") == b"two\r\r"


def test_keys(_):
    def test(bp):
        device = open_uart(bp)
        client = console(bp)
        client.send("uart term root --escape ^T --enter crlf --newline lf\n")
        client.expect("Ctrl-T q ends")
        client.send(b"ls\r\x1d\x14\x14")
        assert device.expect(b"\x14") == b"ls\r\n\x1d\x14"
        device.send(b"one\ntwo\r\n")
        assert client.expect("two\r\n").endswith(b"one\r\ntwo\r\n")
        client.send(b"\x14l")
        client.expect("DTR on, RTS on")
        client.send(b"\x14d")
        client.expect("DTR off, RTS on")
        client.send(b"\x14r")
        client.expect("DTR off, RTS off")
        client.send(b"\x14+")
        client.expect("[230400 8N1]")
        client.send(b"\x14-\x14-")
        client.expect("[115200 8N1]")
        client.expect("[57600 8N1]")
        client.send(b"\x14h")
        client.expect("[hexadecimal]")
        device.send(b"\x1b[0mHi")
        client.expect("1b 5b 30 6d 48 69" + " " * 32 + ".[0mHi\r\n")
        client.send(b"\x14h\x14ex")
        client.expect("[echo]")
        client.expect("x")
        client.send(b"\x14?")
        client.expect("Ctrl-T q ends, b sends a break")
        client.send(b"\x14q")
        client.expect("[left]")
        assert "not ^J or ^M" in run(bp, "uart term root --escape ^M")

    with_shim(test)


def test_log_key(bp):
    """f: what the device sends goes to a file of the day, until it is pressed again."""
    device = open_uart(bp)
    client = console(bp)
    client.send("uart term root\n")
    client.expect("q ends")
    client.send(b"\x1df")
    client.expect("logged to ")
    path = client.expect("]")[:-1].decode()
    wait_for(bp, "uart info root", "logged to")
    device.send(b"kept\n")
    client.expect("kept")
    client.send(b"\x1df")
    client.expect("no longer logged to ")
    # (a job writes it)
    eventually(lambda: re.search(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ kept$", open(path, encoding="utf-8").read()))
    device.send(b"not kept\n")
    client.expect("not kept")
    client.send(b"\x1dq")
    client.expect("[left]")
    with open(path) as file:
        assert "not" not in file.read()


def test_term_by_telnet(bp):
    device = open_uart(bp)
    bp.run("module open TelnetServer tel port=0")
    client = Client(int(re.search(r"127\.0\.0\.1:(\d+)", run(bp, "module info tel")).group(1)))
    client.send(b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00XTERM\xff\xf0")
    client.expect("backplane>")
    client.send(b"uart term root\r\0typed ahead ")
    client.expect("q ends")
    client.send(b"ls\r\0\xff\xf4\xff\xff")
    got = device.expect(b"\xff")
    assert got == b"typed ahead ls\r\x03\xff", got
    device.send(b"\xff\x1b[2J")
    client.expect(b"\xff\xff\x1b[2J")
    client.send(b"\x1dquart term root\r\0again\x1dqecho back\r\0")  # a line may take the keyboard again
    device.expect(b"again")
    client.expect("backplane>")
    client.expect("\nback")


def test_term_ends_with_its_session(bp):
    device = open_uart(bp)
    client = console(bp)
    client.send("uart term root\n")
    client.expect("q ends")
    client.send("x")
    device.expect(b"x")
    wait_for(bp, "uart info root", r"writer session/\d")
    client.close()
    end = time.monotonic() + PATIENCE
    while "writer" in "\n".join(bp.run("uart info root")):
        assert time.monotonic() < end
    bp.run("plugin unload uart")
    assert not any("uart" in line for line in bp.run("plugin list"))


main("uart-term", globals())
