#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-unplug.py - a device that is unplugged: nothing sent before reaches the one that is plugged in next."""
import os
import re

from harness import Client, eventually, keeps, main
from uarts import console, heard, open_uart, run, serve, wait_for

QUICK = "reopen_min=20ms reopen_max=50ms"


def waiting(bp):
    return int(re.search(r"(\d+) waiting", run(bp, "uart info root")).group(1))


def clog(bp, client):
    """Sends until the client is paused, as nobody reads at the other end of the line."""
    client.socket.setblocking(False)
    sent = 0

    def is_stuck():
        nonlocal sent
        try:
            while True:
                sent += client.socket.send(b"stale " * 4096)
        except BlockingIOError:
            return waiting(bp) > 16 * 1024 and not client_can_send(client)

    eventually(is_stuck)
    client.socket.setblocking(True)
    return sent


def client_can_send(client):
    try:
        client.socket.send(b"stale ")
        return True
    except BlockingIOError:
        return False


def test_nothing_stale_from_any_queue(bp):
    """Neither from ours, nor from that of the stream, nor from the socket of a paused client."""
    device = open_uart(bp, f"backlog_limit=64K {QUICK}")
    port = serve(bp, "mode=raw")
    bp.run(f"channel watch -f server-tcp-{port}")
    client = Client(port)
    clog(bp, client)
    device.unplug()
    wait_for(bp, "uart info root", ", waiting,")
    heard(bp, "was unplugged before it took all that this client has sent")
    device.plug()
    wait_for(bp, "uart info root", ", open,")
    other = Client(port)
    other.send("fresh")
    assert device.expect(b"fresh") == b"fresh"


def test_wait_keeps_for_a_time(bp):
    """on_unplug=wait ends after wait_time: what waits is dropped, what is sent fails, and the paused client is closed."""
    device = open_uart(bp, f"on_unplug=wait wait_time=300ms {QUICK}")
    bp.run("channel watch -f uart-root")
    device.unplug()
    wait_for(bp, "uart info root", ", waiting,")
    bp.run("channel send root/send stale")
    heard(bp, r"is away for longer than wait_time: 1 messages \(5 bytes\) are lost")
    bp.run("channel send root/send refused")
    wait_for(bp, "uart info root", "0 waiting, 1 messages lost, 1 refused")
    device.plug()
    wait_for(bp, "uart info root", ", open,")
    bp.run("channel send root/send fresh")
    assert device.expect(b"fresh") == b"fresh"
    device.unplug()  # and it waits anew
    wait_for(bp, "uart info root", ", waiting,")
    bp.run("channel send root/send waits")
    device.plug()
    device.expect(b"waits")


@keeps("root", timer=1)  # it stays unplugged
def test_wait_ends_for_a_device_that_never_came(bp):
    bp.run(f"uart open {bp.folder}/nothing root on_unplug=wait wait_time=100ms {QUICK}")
    bp.run("channel watch -f uart-root")
    bp.run("channel send root/send stale")
    heard(bp, "is away for longer than wait_time")


def test_terminal_reports_it(bp):
    device = open_uart(bp, QUICK)
    client = console(bp)
    client.send("uart term root\n")
    client.expect("q ends")
    device.unplug()
    client.expect(" is gone: ")
    client.send("stale\r")
    client.expect("[not sent: the UART is unplugged]")
    client.send("again\r")
    client.expect("[not sent: the UART is unplugged]")
    device.plug()
    client.expect("[the UART is open]")
    client.send("fresh\r")
    assert device.expect(b"\r") == b"fresh\r"
    bp.run("uart close root")
    client.expect("[the UART is closed]")
    client.send("x\r")
    client.expect("[not sent: the UART is closed]")
    client.send(b"\x1dq")
    client.expect("[left]")


def test_client_learns_that_it_is_absent(bp):
    device = open_uart(bp, QUICK)
    client = Client(serve(bp, "mode=raw"))
    client.send("one")
    device.expect(b"one")
    device.unplug()
    wait_for(bp, "uart info root", ", waiting,")
    client.send("two")
    client.expect("[root is not open: what lab/1 sends is dropped until it is]")
    device.plug()
    wait_for(bp, "uart info root", ", open,")
    client.send("three")
    assert device.expect(b"three") == b"three"


main("uart-unplug", globals())
