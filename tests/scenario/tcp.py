#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tcp.py - TCPServer and TCPClient over real sockets."""
import re
import socket
import time

from harness import PATIENCE, Client, free_port, keeps, main


def listen(bp, name="lab", *words):
    said = " ".join(bp.run(" ".join(["tcp listen 0", name, *words])))
    found = re.search(r"Listening on 127\.0\.0\.1:(\d+) as " + re.escape(name), said)
    assert found, said
    return int(found.group(1))


def wait_for(bp, command, pattern):
    """Asks until the answer has it: what is on the wire needs a moment."""
    end = time.monotonic() + PATIENCE
    while True:
        said = "\n".join(bp.run(command))
        if re.search(pattern, said):
            return said
        assert time.monotonic() < end, f"{pattern!r} did not come: {said}"


# --- bytes on channels ---

def test_echo_through_channels(bp):
    port = listen(bp)
    bp.run("module open Echo e on=lab")
    clients = [Client(port) for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(b"\x00\xff%d" % number)
    for number, client in enumerate(clients):
        client.expect(b"\x00\xff%d" % number)
        assert not client.seen


def test_one_and_all(bp):
    port = listen(bp)
    one, two = Client(port), Client(port)
    wait_for(bp, "tcp list", r"2 connections")
    bp.run("channel send lab/2/send only two")
    two.expect("only two")
    bp.run("channel send lab/send both")
    assert one.expect("both") == b"both"
    two.expect("both")


def test_data_channel(bp):
    port = listen(bp)
    bp.run(f"channel watch data-tcp-{port}")
    client = Client(port)
    client.send(b"it's\t\x01\n")
    wait_for(bp, "echo", re.escape('--> b"it\'s\\t\\x01\\n"'))
    bp.run("channel send lab/send out")
    client.expect("out")


def test_event_channel_has_the_port(bp):
    port = listen(bp)
    bp.run(f"channel watch server-tcp-{port}")
    client = Client(port)
    wait_for(bp, "echo", rf"server-tcp-{port}: Socket Connected: \('127\.0\.0\.1', ")
    client.close()


def test_gone_connection_leaves_its_channels(bp):
    client = Client(listen(bp))
    wait_for(bp, "channel list", r"lab/1/recv")
    client.close()
    end = time.monotonic() + PATIENCE
    while "lab/1/recv" in "\n".join(bp.run("channel list")):
        assert time.monotonic() < end


# --- a handler ---

def test_lines_of_a_handler(bp):
    client = Client(listen(bp, "e", "handler=echo"))
    client.expect("disconnect.\r\n> ")
    for sent, answer in ((b"hi\r\n", b"Echo: hi\r\n"), (b"\n", b"Echo: \r\n"), (b"a\rb\n", b"Echo: a\rb\r\n"),
                         (b"\xff\xfd\x18x\n", b"x\r\n"), (b"one\r\ntwo\n", b"Echo: one\r\n"), (b"", b"Echo: two\r\n")):
        client.send(sent)
        client.expect(answer)
    client.send("unterminated")
    client.end_input()
    assert b"Echo: unterminated\r\n" in client.rest()


def test_quit_ends(bp):
    client = Client(listen(bp, "e", "handler=echo"))
    client.send("quit\nnever\n")
    seen = client.rest()
    assert seen.endswith(b"Goodbye!\r\n") and b"never" not in seen, seen


def test_endless_line(bp):
    client = Client(listen(bp, "e", "handler=echo"))
    client.send(b"x" * 65536 + b"\n")
    client.expect(b"Echo: " + b"x" * 65536)
    try:
        for _ in range(64):
            client.send(b"y" * 65536)
    except OSError:
        pass
    try:
        assert b"longer than 65536 bytes" in client.rest()
    except ConnectionResetError:
        pass
    assert bp.run("echo alive") == ["alive"]


def test_capacity(bp):
    port = listen(bp, "small", "max_connections=1")
    first = Client(port)
    wait_for(bp, "tcp list", "1 connections")
    assert Client(port).rest() == b"Server is at maximum capacity. Please try again later.\r\n"
    first.close()


def test_slow_reader_harms_nobody(bp):
    port = listen(bp, "lab", "backlog_limit=64K")
    fast, slow = Client(port), socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", port))
    wait_for(bp, "tcp list", "2 connections")
    text = b"z" * 50000 + b"end"
    for _ in range(200):
        bp.run("channel send lab/send " + text.decode())
        assert fast.expect("end") == text
    wait_for(bp, "tcp list", r"lab +server +\S+ +1 connections")
    slow.close()


def test_thousand_at_once(bp):
    port = listen(bp, "lab", "max_connections=2000")
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(1000)]
    wait_for(bp, "tcp list", r"1000 connections")
    for one in crowd:
        one.close()
    wait_for(bp, "tcp list", r" 0 connections")


# --- the client ---

@keeps("out", timer=1)  # it tries again
def test_client_comes_back(bp):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        port = server.getsockname()[1]
        bp.run(f"tcp connect 127.0.0.1:{port} out reconnect_min=20ms")
        for number in range(3):
            peer, _ = server.accept()
            wait_for(bp, "tcp list", "connected")
            bp.run(f"channel send out/send hello {number}")
            peer.settimeout(PATIENCE)
            assert peer.recv(100) == b"hello %d" % number
            peer.close()
    wait_for(bp, "tcp list", "waiting|connecting")


def test_client_tells_its_state(bp):
    port = free_port()
    bp.run("channel watch -f client-tcp-out")
    bp.run(f"tcp connect 127.0.0.1:{port} out reconnect_min=20ms reconnect_max=40ms")
    wait_for(bp, "echo", r"Connection to 127\.0\.0\.1:%d failed: .*; next try in 0\.0 s" % port)
    bp.run("channel send out/send lost")
    bp.run("channel send out/send lost too")
    wait_for(bp, "tcp list", r"out +client +127\.0\.0\.1:%d +\w+ +0 +0 +2" % port)


def test_client_without_reconnect(bp):
    bp.run(f"tcp connect 127.0.0.1:{free_port()} once reconnect=no")
    wait_for(bp, "tcp list", "ended")
    bp.run("tcp close once")
    assert not any("once" in line for line in bp.run("tcp list"))


# --- errors and ends ---

def test_errors_are_sentences(bp):
    port = listen(bp)
    assert any("taken" in line and str(port) in line for line in bp.run(f"tcp listen {port} second"))
    assert any("HOST:PORT" in line for line in bp.run("tcp connect nowhere"))
    assert any("no TCP server or client" in line for line in bp.run("tcp close nothing"))
    assert any("handler" in line for line in bp.run("tcp listen 0 h handler=nosuch"))
    assert any("backlog" in line for line in bp.run("tcp listen 0 h backlog_limi=1"))


def test_unload_with_connections(bp):
    port = listen(bp, "e", "handler=echo")
    session, plain = Client(port), Client(listen(bp))
    session.expect("> ")
    wait_for(bp, "tcp list", r"lab +server +\S+ +1 conn")
    bp.run("plugin unload tcp")
    assert b"Goodbye!" in session.rest()
    assert plain.rest() == b""
    bp.run("plugin load tcp")
    client = Client(listen(bp))
    client.close()


def test_reloads(bp):
    port = listen(bp, "lab")
    for _ in range(20):
        client = Client(port)
        wait_for(bp, "tcp list", r"lab +server +\S+ +1 conn")
        bp.run("plugin reload tcp")
        client.rest()
        wait_for(bp, "tcp list", r"lab +server +127\.0\.0\.1:")
        port = int(re.search(r"lab +server +127\.0\.0\.1:(\d+)", "\n".join(bp.run("tcp list"))).group(1))


main("scenario-tcp", globals())
