#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lifetimes.py - clients that leave at the worst moment. Run under AddressSanitizer too (make -C build/asan check-units)."""
import time

from harness import PATIENCE, Backplane, Client, main
from wsclient import WebSocket, serve

BROKEN = b"\xff\xfa\x18" + b"x" * 9000  # IAC SB TTYPE, and more than any terminal's name


def expect_no_session(bp, client):
    """What the client sent is no telnet: its connection is closing when the time for its answers is over."""
    bp.run("wait 200ms")  # a timer of the same loop, due after the one of the negotiation
    listed = bp.run("session list")
    client.close()
    assert not any("front" in line for line in listed), listed


def test_telnet_client_breaks_off_while_negotiating(bp):
    port = serve(bp, module="TelnetServer", handler="console")
    client = Client(port)
    client.send(BROKEN)
    client.rest()  # our half has ended, the client's has not
    expect_no_session(bp, client)
    other = Client(port)
    other.send("echo alive\n")
    other.expect("alive")
    bp.run("channel send front/send to all of them")
    other.expect("to all of them")


def test_websocket_telnet_client_breaks_off_while_negotiating(bp):
    client = WebSocket(serve(bp, module="WebSocketTelnetServer", handler="console"), "/ws_telnet")
    client.say(BROKEN)
    client.expect_close(1007, "not telnet")
    expect_no_session(bp, client)


def test_terminal_is_closed(bp):
    """The program goes on without it."""
    client = Client(serve(bp, module="TCPServer", handler="console"))
    client.send("plugin unload console\n")
    client.expect("Unloaded console")
    client.send("echo alive\n")
    client.expect("\nalive")
    bp.process.terminate()
    bp.process.wait(PATIENCE)


def test_the_end_comes_while_start_commands_run(_):
    """What they are waited for with is still there when the end cuts them short."""
    bp = Backplane("-e", "echo begun | wait 60")
    assert bp._line(time.monotonic() + PATIENCE) == "begun"
    bp.process.terminate()
    assert bp.process.wait(PATIENCE) == 0, bp.stderr()
    bp.remove()


main("scenario-lifetimes", globals())
