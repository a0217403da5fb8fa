#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""websocket.py - handlers, and telnet, over WebSocket, with a client of our own that can break every rule, and with
Python's websockets and Node's ws."""
import asyncio
import os
import resource
import shutil
import subprocess
import sys
import time
import zlib

from harness import BUILD, PATIENCE, Backplane, Client, Skipped, free_port, is_sanitized, main
from wsclient import BINARY, CLOSE, PING, PONG, TEXT, WebSocket, bytes_until_end, expect_echo, open_echo, serve, welcome


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
    assert head.startswith("HTTP/1.1 405 ") and "\r\nAllow: GET, HEAD\r\n" in head, head
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
    port = serve(bp, "ping_interval=0.2", "ping_timeout=2")
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

def test_timeouts_close_in_order(bp):
    """The Close frame says why; a client that is told can come again."""
    for words in "idle_timeout=50ms", "session_timeout=50ms":
        for module in "WebSocketServer", "WebSocketTelnetServer":
            port = serve(bp, words, module=module)
            client = WebSocket(port, "/ws_telnet" if "Telnet" in module else "/ws")
            client.expect_close(1008, ("nothing was heard" if "idle" in words else "the connection was open") + " for 0.05 s")
            client.expect_end()
            bp.run("module close front")
    port = free_port()
    bp.run(f"module open WebServer web port={port} quiet=yes session_timeout=50ms")
    WebSocket(port, "/ws").expect_close(1008)


def test_empty_messages(bp):
    """To a handler of bytes an empty message is a message, in both directions; a TCP client has none."""
    bp.run("plugin load " + os.path.abspath(BUILD + "/tests/plugins/raw-echo.so"))
    client = WebSocket(serve(bp, handler="raw-echo"))
    bp.run("channel watch -f front/recv")
    for payload in b"", "", b"a", b"", "b", "":
        client.say(payload)
        client.expect_message(payload)
    bp.run("channel send -x front/send")
    client.expect_message("")
    port = free_port()
    bp.run(f"module open TCPServer plain port={port} handler=raw-echo")
    plain = Client(port)
    plain.send("x")
    plain.expect("x")
    bp.run("channel send -x plain/send")
    bp.run("channel send plain/send y")
    plain.expect("y")


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


def test_node_ws(bp):
    folder = os.path.abspath(os.environ.get("SRC", ".")) + "/tests/web"
    if not shutil.which("node") or not os.path.isdir(folder + "/node_modules/ws"):
        raise Skipped("there is no package ws for Node: npm ci --prefix tests/web")
    done = subprocess.run(["node", folder + "/ws.mjs", str(serve(bp))], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=PATIENCE, check=False)
    assert done.stdout == b"ok\n", done.stdout.decode()


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


# --- to all ---

def resident(bp):
    with open(f"/proc/{bp.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_what_all_are_shown_is_framed_once(bp):
    port = serve(bp, "backlog_limit=64M", "max_connections=0")
    kinds = [WebSocket(port), WebSocket(port, deflate=True), WebSocket(port)]
    for client in kinds:
        welcome(client)
    kinds[2].say(b"x\n")
    expect_echo(kinds[2], "x", BINARY)
    for text in "short", "long " * 300:
        bp.run(f"channel send front/send {text}")
        for client, opcode in zip(kinds, (TEXT, TEXT, BINARY)):
            client.expect_message((text.strip() + "\r\n").encode(), opcode)
            assert client.compressed == (client is kinds[1] and len(text) > 512)
    # What waits for those that do not read waits once.
    lazy = [WebSocket(port) for _ in range(20)]
    before, line, times = resident(bp), "z" * 60000, 300
    for _ in range(times):
        bp.run(f"channel send front/send {line}")
        kinds[0].expect_message(line + "\r\n")
    grown = resident(bp) - before
    assert is_sanitized() or times * len(line) // 2 < grown < 3 * times * len(line), grown
    assert lazy[0].hear() == (TEXT, b"Welcome to the Echo Server!\r\n")


def test_any_path(bp):
    port = free_port()
    path = bp.folder + "/front.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"servers:\n  front: {{transport: websocket, handler_class: echo, port: {port}, ws_path: null}}\n")
    other = Backplane("-c", path)
    try:
        other.run("echo")
        for target in "/", "/any/where?x=1":
            welcome(WebSocket(port, target))
    finally:
        other.stop()
        other.remove()


# --- many ---

def test_many_idle_and_one_that_never_reads(bp):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    # All are idle, most of them on a server of its own; to the others is sent.
    most = min(5000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    idle = serve(bp, "max_connections=0", name="idle")
    port = serve(bp, "max_connections=0", "backlog_limit=256K", "ping_interval=0")
    before = resident(bp)
    waiting = [WebSocket(idle) for _ in range(most * 3 // 5)]
    clients = [WebSocket(port) for _ in range(most * 2 // 5)]
    for client in waiting + clients:
        welcome(client)
    each = (resident(bp) - before) // most
    print(f"    ({most} WebSockets are open, of {each} bytes each)")
    assert is_sanitized() or each < 16384, each
    lazy = WebSocket(port)
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
    line, times = "z" * 60000, 400
    for _ in range(times):
        bp.run(f"channel send front/send {line}")
        for client in few:
            client.expect_message(line + "\r\n")
    assert bytes_until_end(lazy) < times * len(line)
    for client in few[0], waiting[0], waiting[-1]:
        client.say("still here")
        expect_echo(client, "still here")


main("websocket", globals())
