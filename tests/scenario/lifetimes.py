#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lifetimes.py - clients that leave at the worst moment. Run under AddressSanitizer too (make -C build/asan check-units)."""
import socket
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


def test_open_that_fails_leaves_nothing(bp):
    """Its port is taken: what the module has made before that goes; LeakSanitizer looks too."""
    bp.run("module open UART root port=/dev/null")
    for family, kind in (("127.0.0.1", socket.SOCK_STREAM), ("127.0.0.1", socket.SOCK_DGRAM)):
        with socket.socket(type=kind) as taken:
            taken.bind((family, 0))
            if kind == socket.SOCK_STREAM:
                taken.listen()
            port = taken.getsockname()[1]
            for words in ("WebServer", "WebSocketServer enable_monitoring=yes", "WebSocketTelnetServer enable_monitoring=yes",
                          "TelnetServer handler=console", "TCPServer handler=echo", "TCPServer", "EndpointServer",
                          "Peer server_name=a enable_discovery=no secret=x", "UARTServer uart=root",
                          "MeshGateway uart=root", "MeshGateway uart=root port=0 ws_port={port}",
                          f"MeshGateway uart=root port=0 shutdown_port={port} shutdown_token=x database=base.db"):
                module, _, rest = words.format(port=port).partition(" ")
                said = bp.run(f"module open {module} one {rest} {'' if ' port=' in words else f'port={port}'}")
                assert kind == socket.SOCK_DGRAM or said != [f"Opened {module} as one."], said
                bp.run("module close one")
            if kind == socket.SOCK_DGRAM:
                assert bp.run(f"module open UDPServer one port={port}") != ["Opened UDPServer as one."]
    bp.run("module close root")


main("scenario-lifetimes", globals())
