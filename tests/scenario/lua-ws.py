#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lua-ws.py - WebSocket and HTTP servers and clients of scripts."""
import os
from harness import Client, eventually, free_port, is_listened, main
from wsclient import BINARY, CLOSE, PONG, TEXT, WebSocket

HERE = os.path.join(os.environ.get("SRC", "."), "tests", "lua")


def write(bp, name, text):
    with open(f"{bp.folder}/{name}.lua", "w") as file:
        file.write(text)
    return f"{bp.folder}/{name}.lua"


def golden(bp, name, *arguments):
    with open(f"{HERE}/{name}.expected") as file:
        wanted = [line.strip() for line in file if line.strip()]
    ports = {str(port): f"PORT{number}" for number, port in enumerate(arguments, 1)}
    got = []
    for line in bp.run(f"lua run {HERE}/{name}.lua {' '.join(map(str, arguments))} -u"):
        line = line.replace(HERE + "/", "").strip()
        for port, text in ports.items():
            line = line.replace(port, text)
        got.append(line)
    assert got == wanted, "\n".join(["got:", *got])


def test_websocket(bp):
    golden(bp, "websocket", free_port(), free_port())


def test_http_server(bp):
    golden(bp, "http-server", free_port())


def serve(bp, port):
    bp.run("lua run " + write(bp, "echo", f"net.WebSocketEchoServer('127.0.0.1', {port})"))
    eventually(lambda: is_listened(port))


def test_clients_of_every_kind(bp):
    """Fragments, pings, codes, what is no WebSocket, a page of another site, a client that leaves in the middle."""
    port = free_port()
    serve(bp, port)
    one, other = WebSocket(port), WebSocket(port, "/elsewhere")
    one.send(one.frame(TEXT, "frag", fin=False) + one.frame(9, "ping") + one.frame(0, "ments"))
    assert one.hear() == (PONG, b"ping")
    assert one.hear() == (TEXT, b"Echo: fragments")
    other.say(b"\0\xff", BINARY)
    assert other.hear() == (BINARY, b"Echo: \0\xff")
    other.close()
    foreign = WebSocket(port, headers=["Origin: http://evil.example"])
    assert foreign.status == 403
    plain = Client(port)
    plain.send(f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")
    assert b" 426 " in plain.rest()
    one.send(one.frame(CLOSE, b"\x0f\xa1bye"))
    assert one.hear()[0] == CLOSE
    last = WebSocket(port)
    bp.run("lua stop echo")
    assert last.hear() == (CLOSE, (1001).to_bytes(2, "big"))


def test_peer_does_not_read(bp):
    """What waits for a client is bounded, and told."""
    port = free_port()
    bp.run("lua run " + write(bp, "flood", f"""
        local server, failed = net.WebSocketServer(), 0
        server:start('127.0.0.1', {port}, {{ error = function(why) failed = failed + 1 last = why end, connected = function(id)
            for i = 1, 40 do server:send(id, ('x'):rep(1000000)) end
            print('failed ' .. failed, last)
        end }})"""))
    bp.run("channel watch script-flood")
    eventually(lambda: is_listened(port))
    client = WebSocket(port)
    said = []
    eventually(lambda: said.extend(bp.run(".echo")) or said)
    failed = int(said[0].split("failed ")[1].split()[0])
    assert 20 < failed < 40 and "does not read" in said[0], said
    for _ in range(40 - failed):
        assert client.hear() == (TEXT, b"x" * 1000000)


def test_stopped(bp):
    """Clients and servers go with their script and with the plugin."""
    port = free_port()
    serve(bp, port)
    bp.run("lua run " + write(bp, "many", f"""for i = 1, 30 do
        local socket = net.WebSocketClient()
        socket:addEventListener('connected', function() count = (count or 0) + 1 socket:send('x') end)
        socket:addEventListener('dataReceived', function() socket:send('y') end)
        socket:connect('ws://127.0.0.1:{port}')
    end"""))
    eventually(lambda: bp.run("lua eval many count") == ["30"])
    bp.run("lua restart many")
    eventually(lambda: bp.run("lua eval many count") == ["30"])
    bp.run("plugin reload lua")
    eventually(lambda: bp.run("lua eval many count") != [])
    bp.run("plugin unload lua")


main("lua-ws", globals())
