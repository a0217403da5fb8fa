#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""websocket.py - handlers, telnet and monitoring over WebSocket, with a client of our own that can break every rule,
and with Python's websockets."""
import asyncio
import base64
import hashlib
import json
import os
import re
import resource
import socket
import sys
import time
import zlib

from harness import PATIENCE, Client, free_port, main

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket(Client):
    def __init__(self, port, target="/ws", headers=(), deflate=False, key=None):
        super().__init__(port)
        self.key = key or base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {target} HTTP/1.1", f"Host: localhost:{port}", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
                 f"Sec-WebSocket-Key: {self.key}", "Sec-WebSocket-Version: 13", *headers]
        if deflate:
            lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, permessage-deflate")
        self.send("\r\n".join(lines) + "\r\n\r\n")
        head = self.expect("\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.headers = {k.lower(): v for k, v in re.findall(r"^([^:\r\n]+): ([^\r\n]*)", head, re.M)}
        if self.status == 101:
            digest = hashlib.sha1((self.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert self.headers["sec-websocket-accept"] == base64.b64encode(digest).decode()

    @staticmethod
    def frame(opcode, payload=b"", fin=True, mask=b"\x12\x34\x56\x78", bits=0):
        payload = payload.encode() if isinstance(payload, str) else payload
        head = bytes([(0x80 if fin else 0) | bits | opcode])
        size, bit = len(payload), 0x80 if mask else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += bytes([bit | 126]) + size.to_bytes(2, "big")
        else:
            head += bytes([bit | 127]) + size.to_bytes(8, "big")
        if mask:
            long = mask * (size // 4 + 1)
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(long[:size], "big")).to_bytes(size, "big")
        return head + mask + payload

    def say(self, payload, opcode=None, **more):
        if opcode is None:
            opcode = TEXT if isinstance(payload, str) else BINARY
        self.send(self.frame(opcode, payload, **more))

    def _take(self, size):
        end = time.monotonic() + PATIENCE
        while len(self.seen) < size:
            self._more(end, "%d bytes" % size)
        taken, self.seen = self.seen[:size], self.seen[size:]
        return taken

    def hear(self):
        """The next frame: (opcode, payload)."""
        first, second = self._take(2)
        assert first & 0x80 and not second & 0x80, "a server's frames are whole and unmasked here"
        size = second
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
        elif size == 127:
            size = int.from_bytes(self._take(8), "big")
        payload = self._take(size)
        if first & 0x40:
            payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        self.compressed = bool(first & 0x40)
        return first & 15, payload

    def expect_message(self, payload, opcode=None):
        if opcode is None:
            opcode = TEXT if isinstance(payload, str) else BINARY
        payload = payload.encode() if isinstance(payload, str) else payload
        got = self.hear()
        assert got == (opcode, payload), f"{got!r} came instead of {(opcode, payload)!r}"

    def expect_close(self, code, reason=None):
        while True:
            opcode, payload = self.hear()
            if opcode == CLOSE:
                break
        got = int.from_bytes(payload[:2], "big") if payload else None
        assert got == code and reason in (None, payload[2:].decode()), payload

    def expect_end(self):
        rest = self.rest()
        assert rest == b"", rest

    def hear_json(self):
        opcode, payload = self.hear()
        assert opcode == TEXT
        return json.loads(payload)


def serve(bp, *pairs, module="WebSocketServer", handler="echo", name="front"):
    port = free_port()
    said = bp.run(f"module open {module} {name} port={port} handler={handler} " + " ".join(pairs))
    assert not any("rror" in line or "cannot" in line for line in said), said
    return port


def open_echo(bp, *pairs):
    port = serve(bp, *pairs)
    client = WebSocket(port)
    welcome(client)
    return port, client


def welcome(client, opcode=TEXT):
    for text in ["Welcome to the Echo Server!\r\n", "-------------------------\r\n",
                 "Type 'help' for available commands.\r\n", "Type 'quit' to disconnect.\r\n", "> "]:
        client.expect_message(text.encode(), opcode)


def expect_echo(client, text, opcode=TEXT):
    client.expect_message(f"Echo: {text}\r\n".encode(), opcode)
    client.expect_message(b"> ", opcode)


# --- lines ---

def test_a_message_is_a_line(bp):
    _, client = open_echo(bp)
    client.say("hello")
    expect_echo(client, "hello")
    client.say("grüße\n")
    expect_echo(client, "grüße")
    client.say(b"bytes\n")
    expect_echo(client, "bytes", BINARY)
    client.say("")
    expect_echo(client, "")
    client.say("quit")
    client.expect_message("Goodbye!\r\n")
    client.expect_close(1000, "Connection closed")
    client.say(b"\x03\xe8", CLOSE)
    client.expect_end()


def test_a_stream_of_lines(bp):
    _, client = open_echo(bp)
    client.say("a\nb\rc\r\nd")
    for text in "abc":
        expect_echo(client, text)
    client.say("e\n")
    expect_echo(client, "de")
    client.say("f\r")
    expect_echo(client, "f")
    client.say("\ng\n")
    expect_echo(client, "g")
    client.say(b"one ")
    client.say(b"tw")
    client.say(b"o\r")
    expect_echo(client, "one two", BINARY)
    client.say(b"\n")
    client.say(b"three\n")
    expect_echo(client, "three", BINARY)


def test_fragments_and_pings(bp):
    _, client = open_echo(bp)
    client.say("hel", fin=False)
    client.say("zz", PING)
    client.say("lo", 0)
    client.expect_message(b"zz", PONG)
    expect_echo(client, "hello")
    for byte in client.frame(TEXT, "slowly"):
        client.send(bytes([byte]))
    expect_echo(client, "slowly")


def test_query_and_path(bp):
    port = serve(bp, "origins=http://friend.example")
    client = WebSocket(port, "/ws?target=host%3A123")
    welcome(client)
    listed = bp.run("channel list")
    assert any("session/" in line for line in listed)
    for target in ["/", "/wsfoo", "/ws/", "/ws_telnet", "/monitor"]:
        assert WebSocket(port, target).status == 404, target


# --- refusals, before the 101 ---

def test_refusals(bp):
    port = serve(bp)
    for origin, status in [("http://evil.example", 403), ("null", 403), (f"http://localhost:{port}", 101)]:
        assert WebSocket(port, headers=[f"Origin: {origin}"]).status == status, origin
    bp.run("module close front")
    port = serve(bp, "allow_origins=http://friend.example")
    assert WebSocket(port, headers=["Origin: http://friend.example", "Sec-Fetch-Site: cross-site"]).status == 101
    assert WebSocket(port, headers=["Origin: http://friend.example.evil"]).status == 403
    bp.run("module close front")
    port = serve(bp, "allow_origins=*")
    assert WebSocket(port, headers=["Origin: http://evil.example"]).status == 101


def request(port, *lines):
    client = Client(port)
    client.send("\r\n".join(lines) + "\r\n\r\n")
    return client.expect("\r\n\r\n").decode()


def test_bad_handshakes(bp):
    port = serve(bp)
    host, key = f"Host: localhost:{port}", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    up = ["Upgrade: websocket", "Connection: Upgrade"]
    head = request(port, "GET /ws HTTP/1.1", host)
    assert head.startswith("HTTP/1.1 426 ") and "\r\nUpgrade: websocket\r\n" in head, head
    head = request(port, "GET /ws HTTP/1.1", host, *up, key, "Sec-WebSocket-Version: 8")
    assert head.startswith("HTTP/1.1 426 ") and "\r\nSec-WebSocket-Version: 13\r\n" in head, head
    assert request(port, "GET /ws HTTP/1.1", host, *up, key).startswith("HTTP/1.1 426 ")
    assert request(port, "GET /ws HTTP/1.1", host, *up, "Sec-WebSocket-Version: 13").startswith("HTTP/1.1 400 ")
    for bad in ["", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZ!=="]:
        head = request(port, "GET /ws HTTP/1.1", host, *up, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + bad)
        assert head.startswith("HTTP/1.1 400 "), head
    head = request(port, "GET /ws HTTP/1.1", host, *up, "Sec-WebSocket-Version: 13", key, key)
    assert head.startswith("HTTP/1.1 400 "), head
    head = request(port, "POST /ws HTTP/1.1", host, *up, "Sec-WebSocket-Version: 13", key, "Content-Length: 0")
    assert head.startswith("HTTP/1.1 405 ") and "\r\nAllow: GET\r\n" in head, head
    head = request(port, "GET /ws HTTP/1.1", "Host: evil.example", *up, "Sec-WebSocket-Version: 13", key)
    assert head.startswith("HTTP/1.1 421 "), head
    # Words of lists, whatever their case.
    head = request(port, "GET /ws HTTP/1.1", host, "upgrade: h2c, WebSocket", "CONNECTION: keep-alive, UPGRADE",
                   "Sec-WebSocket-Version: 13", key)
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head, head


def test_at_capacity(bp):
    port = serve(bp, "max_connections=1")
    one = WebSocket(port)
    assert one.status == 101
    assert WebSocket(port).status == 503


# --- against the rules ---

def test_broken_frames(bp):
    port = serve(bp, "max_message=1K")
    frame = WebSocket.frame
    cases = [
        (1002, frame(TEXT, "hello", mask=b"")), (1002, frame(3, "x")), (1002, frame(11, "x")),
        (1002, frame(TEXT, "x", bits=0x40)), (1002, frame(TEXT, "x", bits=0x20)), (1002, frame(0, "x")),
        (1002, frame(PING, "x" * 126)), (1002, frame(PING, "x", fin=False)), (1002, frame(CLOSE, b"\x03")),
        (1002, frame(CLOSE, b"\x03\xed")), (1002, frame(CLOSE, b"\x27\x10")), (1007, frame(CLOSE, b"\x03\xe8\xff")),
        (1002, frame(TEXT, "x", fin=False) + frame(TEXT, "x")), (1007, frame(TEXT, b"\xc3")),
        (1007, frame(TEXT, b"\xed\xa0\x80")), (1007, frame(TEXT, b"ok\xff", fin=False)),
        (1009, frame(BINARY, b"x" * 1025)), (1009, frame(BINARY, b"x" * 1024, fin=False) + frame(0, "x")),
        (1002, b"\x82\xfe\x00\x05abcdxxxxx"), (1009, b"\x82\xff\x00\x00\x00\x10\x00\x00\x00\x00abcdx"),
        (1002, b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffabcdx"), (1002, b"GET / HTTP/1.1\r\n\r\n"),
    ]
    for code, data in cases:
        client = WebSocket(port)
        welcome(client)
        client.send(data)
        client.expect_close(code)
        client.expect_end()


def test_closing(bp):
    port, client = open_echo(bp)
    client.say(b"\x03\xe9going", CLOSE)
    client.expect_message(b"\x03\xe9", CLOSE)
    client.expect_end()
    client = WebSocket(port)
    welcome(client)
    client.say(b"", CLOSE)
    client.expect_message(b"", CLOSE)
    client.expect_end()
    # The peer that goes without a word ends its session.
    client = WebSocket(port)
    welcome(client)
    client.close()
    deadline = time.monotonic() + PATIENCE
    while any("websocket" in line for line in bp.run("session list")):
        assert time.monotonic() < deadline, "the session stays"
    client = WebSocket(port)
    welcome(client)
    bp.run("module close front")
    client.expect_close(1001)
    client.say(b"\x03\xe9", CLOSE)
    client.expect_end()


def test_frames_behind_the_handshake(bp):
    port = serve(bp)
    client = Client(port)
    client.send((f"GET /ws HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode() +
                WebSocket.frame(TEXT, "at once"))
    client.expect("Echo: at once\r\n")


def test_keepalive(bp):
    port = serve(bp, "ping_interval=0.2", "ping_timeout=0.3")
    client = WebSocket(port)
    welcome(client)
    for _ in range(3):
        opcode, payload = client.hear()
        assert opcode == PING
        client.say(payload, PONG)
    assert client.hear()[0] == PING
    client.expect_close(1011, "keepalive ping timeout")
    client.expect_end()


# --- compression, subprotocols ---

def test_compression(bp):
    port = serve(bp)
    client = WebSocket(port, deflate=True)
    assert client.headers["sec-websocket-extensions"] == \
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover", client.headers
    welcome(client)
    for text in ["hello " * 200, "short", "again " * 300]:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = (packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
        client.say(packed, TEXT, bits=0x40)
        expected = f"Echo: {text}\r\n".encode()
        assert client.hear() == (TEXT, expected)
        assert client.compressed == (len(text) > 500)
        client.expect_message("> ")
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (bomb.compress(b"\0" * (1 << 24)) + bomb.flush(zlib.Z_SYNC_FLUSH))[:-4]
    client.say(packed, BINARY, bits=0x40)
    client.expect_close(1009)
    bp.run("module close front")
    port = serve(bp, "compress=no")
    assert "sec-websocket-extensions" not in WebSocket(port, deflate=True).headers


def test_python_websockets(bp):
    sys.path.append("/usr/lib/python3/dist-packages")  # where Debian has it, whatever python3 this is
    import websockets
    port = serve(bp)

    async def talk():
        async with websockets.connect(f"ws://localhost:{port}/ws?x=1", compression="deflate") as client:
            got = ""
            while not got.endswith("> "):
                got += await client.recv()
            text = "compressible " * 100
            await client.send(text)
            assert await client.recv() == f"Echo: {text}\r\n"
            assert await client.recv() == "> "
            await client.send(["frag", "ments"])
            assert await client.recv() == "Echo: fragments\r\n"
            await (await client.ping())
        assert client.close_code == 1000

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))


# --- telnet inside ---

def test_ws_telnet(bp):
    port = serve(bp, module="WebSocketTelnetServer")
    assert WebSocket(port, "/ws").status == 404
    client = WebSocket(port, "/ws_telnet")
    opcode, offer = client.hear()
    assert opcode == BINARY and offer.startswith(b"\xff\xfb\x01\xff\xfb\x03"), offer
    # Terminal type and size, cut inside a subnegotiation.
    client.say(b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\x00\x84")
    client.say(b"\x00\x28\xff\xf0\xff\xfa\x18\x00XTERM\xff\xf0")
    got = b""
    while not got.endswith(b"> "):
        got += client.hear()[1]
    assert b"Welcome to the Echo Server!\r\n" in got, got
    for key in b"info\r\0":
        client.say(bytes([key]))
    got = b""
    while b"Lines: 1" not in got:
        got += client.hear()[1]
    assert b"Size: 132x40" in got and b"Terminal: xterm" in got and b"over ws_telnet" in got, got
    # One Enter is one line, however its end is cut.
    client.say(b"x" * 3000 + b"\r")
    client.say(b"\n")
    got = b""
    while b"Echo: " + b"x" * 3000 + b"\r\n" not in got:
        got += client.hear()[1]
    assert got.count(b"Echo: ") == 1


def test_ws_telnet_without_answers(bp):
    port = serve(bp, module="WebSocketTelnetServer")
    client = WebSocket(port, "/ws_telnet")
    client.say("hello\r\n")
    got = b""
    while b"Echo: hello\r\n" not in got:
        got += client.hear()[1]


# --- monitoring ---

def monitored(bp, *pairs, handler="echo"):
    port = serve(bp, "enable_monitoring=yes", *pairs, handler=handler)
    viewer = WebSocket(port, "/monitor")
    active = viewer.hear_json()
    assert list(active) == ["type", "sessions"] and active["type"] == "active_sessions"
    return port, viewer, active["sessions"]


def started(viewer):
    event = viewer.hear_json()
    assert event["type"] == "session_started", event
    return event["session"]


def test_monitor(bp):
    port, viewer, sessions = monitored(bp)
    client = WebSocket(port, "/ws?a=1", headers=["User-Agent: probe/1"])
    session = started(viewer)
    assert list(session) == ["id", "client", "start_time", "status", "is_newest"], session
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", session["id"])
    assert session["client"] == {"remote_addr": ["127.0.0.1", client.socket.getsockname()[1]], "path": "/ws?a=1",
                                 "user_agent": "probe/1"}, session
    assert session["status"] == "connected" and session["is_newest"] is True
    assert abs(session["start_time"] - time.time()) < 60
    welcome(client)
    viewer.say(json.dumps({"type": "watch_session", "session_id": session["id"]}))
    assert viewer.hear() == (TEXT, ('{"type": "watch_response", "session_id": "%s", "status": "success"}' %
                                    session["id"]).encode())
    client.say("hi\n")
    expect_echo(client, "hi")
    for kind, text in [("client_input", "hi\n"), ("server_message", "Echo: hi\r\n"), ("server_message", "> ")]:
        event = viewer.hear_json()
        assert event == {"type": kind, "session_id": session["id"], "data": {"text": text}}, event
    for bad, want in [("nobody", "nobody"), (None, None)]:
        viewer.say(json.dumps({"type": "watch_session", "session_id": bad}))
        assert viewer.hear_json() == {"type": "watch_response", "session_id": want, "status": "error",
                                      "error": "Session not found"}
    # What is not understood is not answered.
    for bad in ["", "{", "[1]", '{"type":"dance"}', '{"type":"stop_watching","session_id":"nobody"}']:
        viewer.say(bad)
    viewer.say(b"\x00\x01")
    viewer.say(json.dumps({"type": "stop_watching", "session_id": session["id"]}))
    assert viewer.hear_json() == {"type": "watch_response", "session_id": session["id"], "status": "stopped"}
    client.say("unseen")
    expect_echo(client, "unseen")
    client.say("quit")
    client.expect_close(1000)
    ended = viewer.hear_json()
    assert ended["type"] == "session_ended" and ended["session"]["id"] == session["id"]
    assert ended["session"]["status"] == "disconnected"
    other = WebSocket(port)
    assert started(viewer)["client"]["user_agent"] == "unknown"


def test_monitor_of_all_transports(bp):
    port, viewer, sessions = monitored(bp)
    tcp = free_port()
    bp.run(f"module open TCPServer plain port={tcp} handler=guess")
    plain = Client(tcp)
    session = started(viewer)
    assert session["client"]["remote_addr"][0] == "127.0.0.1" and session["client"]["path"] == ""
    late = WebSocket(port, "/monitor?x=1").hear_json()["sessions"]
    assert late[-1] == session, (late, session, plain)
    assert [one["is_newest"] for one in late] == [False] * (len(late) - 1) + [True]


def test_monitor_token(bp):
    port = serve(bp, "enable_monitoring=yes", "monitor_token=s3cret")
    refused = WebSocket(port, "/monitor")
    assert refused.status == 401 and refused.headers["www-authenticate"] == "Bearer"
    assert WebSocket(port, "/monitor?token=s3cre").status == 401
    assert WebSocket(port, "/monitor?token=s3cret").status == 101
    assert WebSocket(port, "/monitor", headers=["Authorization: Bearer s3cret"]).status == 101
    said = bp.run(f"module open WebSocketServer wide port={free_port()} bind=0.0.0.0 insecure=yes handler=echo "
                  "enable_monitoring=yes")
    assert any("monitor_token" in line for line in said), said
    bp.run("module close front")
    port = serve(bp, "enable_monitoring=yes", "allow_origins=*")
    assert WebSocket(port, "/monitor", headers=["Origin: http://evil.example"]).status == 403


def test_a_viewer_that_does_not_read(bp):
    port, viewer, sessions = monitored(bp, "backlog_limit=64K")
    client = WebSocket(port)
    session = started(viewer)
    welcome(client)
    viewer.say(json.dumps({"type": "watch_session", "session_id": session["id"]}))
    assert viewer.hear_json()["status"] == "success"
    text = "x" * 1000
    # Far more than the viewer's queue and the system's buffers hold: the session is answered all the same.
    for _ in range(12):
        for _ in range(1000):
            client.say(text)
        for _ in range(1000):
            expect_echo(client, text)
    late = WebSocket(port, "/monitor")
    assert late.hear_json()["sessions"][-1] == session
    # It was told the beginning, and then closed.
    assert len(viewer.rest()) < 12 * 1000 * 1000
    client.say("still here")
    expect_echo(client, "still here")


# --- /ws of the web server ---

def web(bp, *pairs, **more):
    port = free_port()
    bp.run(f"module open WebServer web port={port} quiet=yes " + " ".join(pairs))
    client = WebSocket(port, **more)
    hello = client.hear_json()
    assert hello["op"] == "hello" and hello["pid"] == bp.process.pid and "version" in hello and "started" in hello, hello
    return port, client


def ask(client, **request):
    client.say(json.dumps(request))
    while True:
        answer = client.hear_json()
        if answer["op"] in ("ok", "error") and answer.get("id") == request.get("id"):
            return answer
        client.others.append(answer)


def test_web_ops(bp):
    _, client = web(bp, headers=["Sec-WebSocket-Protocol: chat, backplane.v1"])
    client.others = []
    assert client.headers["sec-websocket-protocol"] == "backplane.v1"
    assert ask(client, op="ping", id=1) == {"op": "ok", "id": 1}
    assert ask(client, op="watch", id="w", channel="hall") == {"op": "ok", "id": "w"}
    # Both match: said once.
    assert ask(client, op="watch", id=2, channel="ha*")["op"] == "ok"
    assert ask(client, op="send", id=3, channel="hall", text="grüße")["op"] == "ok"
    assert ask(client, op="send", id=4, channel="hall", base64="/wAB")["op"] == "ok"
    assert ask(client, op="ping", id=5)["op"] == "ok"
    messages = client.others
    assert [m["op"] for m in messages] == ["message", "message"], messages
    assert messages[0]["channel"] == "hall" and messages[0]["text"] == "grüße" and messages[0]["size"] == 7
    assert abs(messages[0]["time"] / 1000 - time.time()) < 60 and messages[0]["origin"].startswith("127.0.0.1:")
    assert messages[1]["base64"] == "/wAB" and messages[1]["size"] == 3 and "text" not in messages[1]
    client.others = []
    for channel in ["hall", "ha*"]:
        assert ask(client, op="unwatch", id=6, channel=channel)["op"] == "ok"
    assert ask(client, op="unwatch", id=6, channel="hall")["op"] == "error"
    assert ask(client, op="send", id=7, channel="nowhere", text="x") == \
        {"op": "error", "id": 7, "error": "there is no channel nowhere"}
    for what, bad in [("op", {"op": "dance", "id": 8}), ("channel", {"op": "watch", "id": 8})]:
        answer = ask(client, **bad)
        assert answer["op"] == "error" and what in answer["error"], answer
    client.say("{")
    assert client.hear_json()["op"] == "error"
    client.say(b"bytes")
    assert client.hear_json()["op"] == "error"
    assert client.others == []


def test_web_run_and_list(bp):
    _, client = web(bp)
    client.others = []
    answer = ask(client, op="run", id=1, command="echo hello | echo again")
    assert answer == {"op": "ok", "id": 1, "status": 0}, answer
    assert "".join(o["text"] for o in client.others if o["op"] == "output" and o["id"] == 1) == "hello\nagain\n", client.others
    assert ask(client, op="run", id=2, command="no-such-command")["status"] == 1
    # One after the other, each under its own id.
    client.others = []
    for at in range(10):
        client.say(json.dumps({"op": "run", "id": at, "command": f"echo number {at}"}))
    assert ask(client, op="ping", id="end")["op"] == "ok"
    seen = [(o["op"], o["id"]) for o in client.others]
    while len(seen) < 20:
        answer = client.hear_json()
        seen.append((answer["op"], answer["id"]))
    assert seen[-20:] == [(op, at) for at in range(10) for op in ("output", "ok")], seen
    assert ask(client, op="run", id=3, command="exit")["op"] == "ok"
    assert ask(client, op="run", id=4, command="echo still here")["status"] == 0
    for what in ["channels", "modules", "instances", "plugins", "servers", "sessions", "commands", "views"]:
        assert isinstance(ask(client, op="list", id=5, what=what)["items"], list), what
    assert ask(client, op="list", id=5, what="host")["items"]["pid"] == bp.process.pid
    assert ask(client, op="list", id=5, what="nothing")["op"] == "error"
    channels = ask(client, op="list", id=6, what="channels", match="server-web-*")["items"]
    assert len(channels) == 1 and channels[0]["id"].startswith("server-web-"), channels
    answer = ask(client, op="complete", id=7, line="channel li", cursor=10)
    assert "list" in "".join(answer["words"]), answer


def test_web_goes(bp):
    _, client = web(bp)
    client.say(json.dumps({"op": "watch", "channel": "*"}))
    client.say(json.dumps({"op": "run", "id": 1, "command": "sleep 60"}))
    bp.run("module close web")
    client.expect_close(1001)
    _, client = web(bp)
    client.say(json.dumps({"op": "watch", "channel": "*"}))
    bp.run("plugin unload web")
    client.expect_close(1001)
    assert WebSocket(web(bp)[0] if bp.run("plugin load web") is not None else 0).status == 101


def test_web_client_that_does_not_read(bp):
    port, lazy = web(bp)
    eager = WebSocket(port)
    eager.hear_json()
    for client in lazy, eager:
        client.say(json.dumps({"op": "watch", "id": 1, "channel": "flood"}))
    assert lazy.hear_json()["op"] == eager.hear_json()["op"] == "ok"
    text, sent = "z" * 20000, 1500
    for at in range(sent):
        eager.say(json.dumps({"op": "send", "id": at, "channel": "flood", "text": text}))
        assert eager.hear_json()["id"] == at
        assert eager.hear_json()["size"] == len(text)
    got, dropped = 0, 0
    while got + dropped < sent:
        event = lazy.hear_json()
        got += event["op"] == "message"
        dropped += event["count"] if event["op"] == "dropped" else 0
    assert dropped and got + dropped == sent, (got, dropped)
    lazy.others = []
    assert ask(lazy, op="ping", id=2)["op"] == "ok"


# --- many ---

def test_many_idle_and_one_that_never_reads(bp):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    count = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    port = serve(bp, "max_connections=0", "backlog_limit=256K", "ping_interval=0")
    clients = [WebSocket(port) for _ in range(count)]
    for client in clients:
        welcome(client)
    lazy = WebSocket(port)
    lazy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    big = "y" * 4000
    for _ in range(3):
        bp.run(f"channel send front/send {big}")
    for client in clients:
        for _ in range(3):
            client.expect_message(big + "\r\n")
    # They stay idle; a few go on, and the lazy one is cut for not reading while they get everything.
    few = clients[:5]
    for client in clients[5:]:
        client.close()
    line, times = "z" * 30000, 300
    for _ in range(times):
        bp.run(f"channel send front/send {line}")
        for client in few:
            client.expect_message(line + "\r\n")
    assert len(lazy.rest()) < times * len(line)
    few[0].say("still here")
    expect_echo(few[0], "still here")


main("websocket", globals())
