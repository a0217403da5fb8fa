#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh.py - the mesh gateway: a root module on a pty, client programs that know only the protocol, dashboards."""
import json
import os
import pty
import re
import select
import socket
import sqlite3
import struct
import threading
import time
import tty
import urllib.error
import urllib.request

from harness import PATIENCE, Backplane, Client, free_port, main

NO_LISTENER = b"[err]-listen_socket_disconnected"


def wait_for(ask, seconds=PATIENCE):
    """Asks until the answer is true; gives it."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"it did not happen: {ask.__code__.co_consts}"
        time.sleep(0.005)


# --- the root module ---

def encode(body, xor=0xFA):
    out = b"\xff"
    for byte in body:
        out += bytes([0xFA, byte ^ xor]) if byte >= 0xFA else bytes([byte])
    return out + b"\xfe"


def decode(frame):
    out, escaped = b"", False
    for byte in frame:
        if escaped:
            out, escaped = out + bytes([byte ^ 0xFA]), False
        elif byte == 0xFA:
            escaped = True
        else:
            out += bytes([byte])
    return out


def uuid(number):
    return b"\x32\x10\xfa\xfb\xfc\xfd\xfe\xff" + bytes(4) + struct.pack(">I", number)


def joined(address):
    return struct.pack(">HB", address, 2) + uuid(address)


def net_info(addresses):
    return b"\0\0\1" + bytes([len(addresses)]) + b"".join(struct.pack(">H", each) + uuid(each) for each in addresses)


class Root:
    """Reads frames in a thread; `answer` (a function) may say what to answer to each."""

    def __init__(self, bp, answer=None):
        self.path = bp.folder + "/ttyROOT"
        self.answer = answer
        self.frames, self.arrivals, self.lock = [], [], threading.Lock()
        self.plug()

    def plug(self):
        self.line, self.far = pty.openpty()
        tty.setraw(self.far)
        if os.path.lexists(self.path):
            os.unlink(self.path)
        os.symlink(os.ttyname(self.far), self.path)
        self.thread = threading.Thread(target=self.read, args=(self.line,), daemon=True)
        self.thread.start()

    def unplug(self):
        os.unlink(self.path)
        line, self.line = self.line, -1
        os.close(self.far)
        os.close(line)

    def read(self, line):
        buffer = b""
        while self.line == line:
            try:
                ready, _, _ = select.select([line], [], [], 0.05)
                data = os.read(line, 65536) if ready else b""
            except (OSError, ValueError):
                return
            buffer += data
            while b"\xfe" in buffer:
                frame, buffer = buffer.split(b"\xfe", 1)
                body = decode(frame[frame.rindex(b"\xff") + 1:])
                with self.lock:
                    self.frames.append(body)
                    self.arrivals.append((time.monotonic(), len(frame) + 1))
                for each in (self.answer(body) if self.answer else []):
                    self.say(each)

    def write(self, data):
        while data:
            data = data[os.write(self.line, data):]

    def say(self, *bodies):
        for body in bodies:
            self.write(encode(body))

    def heard(self, body):
        wait_for(lambda: body in self.frames)


class Gateway:
    def __init__(self, bp, *words, answer=None, uart="framing=mesh"):
        self.bp = bp
        self.root = Root(bp, answer)
        said = bp.run(f"uart open {self.root.path} root {uart}")
        assert "ttyROOT" in " ".join(said), said
        said = bp.run("mesh open lab --uart root -p 0 " + " ".join(words))
        self.port = int(re.search(r"clients on 127\.0\.0\.1:(\d+)", " ".join(said)).group(1))
        self.said = said

    def listen(self, hello=b"[syn]\0"):
        self.kept = Listener(self.port, hello)
        return self.kept

    def ask(self, request):
        """One request, one reply, as the Python client does it: one send, one recv."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(request)
            return client.recv(1024)

    def whole(self, request):
        client = Client(self.port)
        client.send(request)
        reply = client.rest()
        client.close()
        return reply

    def count(self):
        reply = self.ask(b"ACT-C\0\0")
        assert reply[:1] == b"S" and len(reply) == 2, reply
        return reply[1]

    def info(self):
        return " ".join(self.bp.run("mesh info"))


class Listener(Client):
    def __init__(self, port, hello):
        super().__init__(port)
        self.send(hello)
        self.expect(b"[ack]" + hello[5:6])


class SocketManager:
    """The behaviour of the client class: a thread that takes each read as one message; a connection a request."""

    def __init__(self, port):
        self.port, self.messages, self.subscribed = port, [], {}
        self.connected = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        assert self.connected.wait(PATIENCE)

    def run(self):
        client = socket.create_connection(("127.0.0.1", self.port), 60)
        client.sendall(b"[syn]\0")
        assert client.recv(6) == b"[ack]\0"
        self.connected.set()
        while True:
            data = client.recv(1024)
            if not data:
                return
            self.messages.append(data)
            self.subscribed.get(data[2:3], lambda _: None)(data)

    def sent(self, request):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as client:
                client.sendall(request)
                return client.recv(1024)
        except OSError:
            return b"f"

    def command(self, name, address=0, payload=b""):
        reply = self.sent(name + struct.pack(">H", address) + payload)
        return not reply.startswith(b"F"), reply


# --- messages of the root ---

def test_nodes(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    assert gateway.count() == 0
    gateway.root.say(joined(5), joined(6), b"\0\0\3online\n")
    # What the gateway uses itself is not passed on; the reset is, and asks for the list.
    listener.expect(b"\0\0\3online\n")
    assert listener.seen == b""
    gateway.root.heard(b"NINFO")
    assert gateway.count() == 0
    assert gateway.ask(b"NSTAT\0\0") == \
        b'S{"node_amount": 2, "node_addr_list": [5, 6], "node_status_list": [0, 0]}'
    gateway.root.say(joined(5))
    wait_for(lambda: gateway.count() == 1)
    assert gateway.whole(b"NETIF\0\0\1") == b"S\1\0\5" + uuid(5)
    assert gateway.whole(b"NETIF\1") == b"S\1\0\5" + uuid(5)
    assert gateway.whole(b"NETIF") == b"S\2\0\5" + uuid(5) + b"\0\6" + uuid(6)
    # A reset of the network: all are gone at once, until they join again.
    gateway.root.say(joined(6))
    wait_for(lambda: gateway.count() == 2)
    assert gateway.ask(b"RST-R\0\0") == b"S"
    assert gateway.count() == 0
    gateway.root.heard(b"RST-R")
    gateway.root.say(b"\0\5E\0\1")
    listener.expect(b"\0\5E\0\1")
    assert gateway.count() == 1


def test_pushes(bp):
    gateway = Gateway(bp, "push_spacing=2ms")
    client = SocketManager(gateway.port)
    bodies = [b"\0\0\3online\n", b"\0\5R\0", b"\0\5E\0\1P", b"\0\5A\0\1P", b"\0\5TI0", b"\0\5S", b"\0\5\0free",
              b"\0\0Error: Command Too Short\n", b"\xff\xfe\x7a\xfa\xfb\xfc\xfd\xfe\xff", b"\0\0 ----------- prov_complete -----------\n",
              b"\0\5Z \n 1 \t\n\r 2 \r", b"\0\5Z I (123) boot: \x1b[0m"]
    gateway.root.write(b"".join(encode(each) for each in bodies))  # in one burst
    wait_for(lambda: len(client.messages) >= len(bodies))
    assert client.messages == bodies, client.messages
    # Data is kept, not passed on, unless that is wanted.
    gateway.root.say(b"\0\5D\2\0\7\1\x4d\1\x4d\1\x4d\1", b"\0\5A")
    wait_for(lambda: client.messages[-1] == b"\0\5A")
    assert len(client.messages) == len(bodies) + 1
    assert "push" in gateway.info()


def test_push_data(bp):
    gateway = Gateway(bp, "push_data=yes")
    listener = gateway.listen()
    gateway.root.say(b"\0\5D\1\0\7")
    listener.expect(b"\0\5D\1\0\7")


def test_data(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    gps = b"\x59\1\x59\1\x59\1"
    assert gateway.ask(b"[GET]\0\5GPS") == b"F\x0eNode Not Found"
    gateway.root.say(joined(5), joined(6), b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5GPS") == b"F\x13Data Type Not Found"
    assert gateway.ask(b"[GET]\0\0GPS") == b"SGPS\0\0"
    gateway.root.say(b"\0\5D\2\0\7\1" + gps, b"\0\6D\1\1" + gps, b"\0\5A")
    listener.expect(b"\0\5A")
    # Always type, length, number, and the address before each.
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\6\1\0\5" + gps
    assert gateway.ask(b"[GET]\0\0GPS") == b"SGPS\6\2\0\5" + gps + b"\0\6" + gps
    assert gateway.ask(b"[GET]\0\5\0") == b"S\0\1\1\0\5\7"
    assert gateway.ask(b"[GET]\0\5Sequence") == b"SSequence\1\1\0\5\7"
    assert gateway.whole(b"[GET]\0") == b"F\x16Missing target address"
    assert gateway.whole(b"[GET]") == b"F\x16Missing target address"
    assert gateway.whole(b"[GET]\0\5") == b"F\x11Missing data type"
    # An unknown sender of data is a node, without a uuid.
    gateway.root.say(b"\0\x09D\1\0\1", b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.count() == 3
    # A type that no table has, and a value that is cut: what could be read stays.
    gateway.root.say(b"\0\5D\2\0\x08\x63\1", b"\0\5D\3\0\x09\1\1", b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5\0") == b"S\0\1\1\0\5\x09"
    assert "2 updates unreadable" in gateway.info()


def test_positions(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    position = struct.pack("<dd", 38.541, -121.775)
    gateway.root.say(joined(5), joined(6), b"\0\5\5" + position,
                     b'\0\6{"node":6,"gps_time":"x","lat":385410000,"lon":-1217750000,"fixType":3}\n')
    listener.expect(b"}\n")
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\x10\1\0\5" + position
    lines = " ".join(bp.run("mesh nodes"))
    assert lines.count("38.541000, -121.775000") == 2, lines
    # Of a length that none has: nothing changes, nobody falls.
    gateway.root.say(b"\0\5\5\1\2", b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\x10\1\0\5" + position
    assert "1 malformed" in gateway.info()


def test_three_letters(bp):
    gateway = Gateway(bp, "--opcodes v0")
    listener = gateway.listen()
    gateway.root.say(b"\0\5NOD" + uuid(5), b"\0\0NET\1\0\6" + uuid(6), b"\0\5[D]\1GPS\6\x4d\1\x4d\1\x4d\1",
                     b"\0\0RSTonline\n", b"\0\5<Q>Robot")
    listener.expect(b"\0\0RSTonline\n")
    listener.expect(b"\0\5<Q>Robot")
    gateway.root.say(joined(6), b"\0\5NOD" + uuid(5), b"\0\5ECHx")
    listener.expect(b"\0\5ECHx")
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\6\1\0\5\x4d\1\x4d\1\x4d\1"


def test_every_byte_alone(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    for byte in encode(joined(5)) + encode(b"\0\5A\xfa\xfb\xfc\xfd\xfe\xff"):
        os.write(gateway.root.line, bytes([byte]))
        time.sleep(0.001)
    listener.expect(b"\0\5A\xfa\xfb\xfc\xfd\xfe\xff")
    assert gateway.whole(b"NETIF\0\0\0") == b"S\1\0\5" + uuid(5)


def test_garbage(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    log = b"\x1b[0;32mI (123) boot: hello\x1b[0m\r\n"
    for junk in (log, b"\0\5Znostart\xfe", b"\xff\xfe", b"\xff\1\xfe", b"\xff\0\5\xfe", b"\xff\0\5Zlost\xfa\xfe",
                 b"\xff\0\5Z\xfa\x41x\xfe", b"\xff\0\5Zfirst half", b"\xfa\xfa\xfa", b"\xff\0\0\1\xfe", b"\xff\0\0\1\xff\1\xfe",
                 b"\xff" + b"x" * 70000, b"\xfe"):
        gateway.root.write(junk)
        gateway.root.say(b"\0\5Agood")
        assert listener.expect(b"\0\5Agood") == b"\0\5Agood", junk
    assert bp.process.poll() is None


def test_lists(bp):
    gateway = Gateway(bp)
    gateway.listen()
    gateway.root.say(*(joined(each) for each in range(5, 65)))
    wait_for(lambda: gateway.count() == 60)
    # Two batches are one list: those of neither are idle, later disconnected.
    both = (net_info(range(5, 45)), net_info(range(45, 60)))
    gateway.root.say(*both)
    wait_for(lambda: gateway.count() == 55)
    statuses = lambda word: sum(word in line for line in bp.run("mesh nodes"))
    assert statuses("Idle") == 5
    gateway.root.say(*both)
    wait_for(lambda: statuses("Disconnect") == 5)
    assert gateway.count() == 55
    # The firmware that repeats its first node, and counts that lie: nobody is demoted.
    gateway.root.say(net_info([5] * 20), b"\0\0\1\x28\0\5", b"\0\0\1")
    gateway.root.say(net_info(range(5, 65)))
    wait_for(lambda: gateway.count() == 60)


def test_moved_devices(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    gateway.root.say(joined(5), b"\0\5D\1\0\7", b"\0\5\2" + uuid(50), b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5\0") == b"F\x13Data Type Not Found"
    gateway.root.say(b"\0\6\2" + uuid(50), b"\0\6A")
    listener.expect(b"\0\6A")
    assert gateway.whole(b"NETIF") == b"S\1\0\6" + uuid(50)


def test_ageing(bp):
    gateway = Gateway(bp, "idle_after=100ms disconnect_after=1500ms")
    gateway.listen()
    gateway.root.say(joined(5))
    wait_for(lambda: any("Active" in line for line in bp.run("mesh nodes")))
    wait_for(lambda: any("Idle" in line for line in bp.run("mesh nodes")))
    wait_for(lambda: any("Disconnect" in line for line in bp.run("mesh nodes")))
    gateway.root.say(b"\0\5D\1\0\1")
    wait_for(lambda: any("Active" in line for line in bp.run("mesh nodes")))


# --- clients ---

def test_handshakes(bp):
    gateway = Gateway(bp)
    silent = [Client(gateway.port) for _ in range(5)]  # block nobody
    assert gateway.ask(b"ACT-C\0\0") == NO_LISTENER
    assert gateway.whole(b"SEND-\0\5x") == NO_LISTENER
    first = gateway.listen()
    split = Client(gateway.port)
    for byte in b"[syn]":
        split.send(bytes([byte]))
        time.sleep(0.1)  # longer than the pause that ends a request
    split.send(b"\0")
    split.expect(b"[ack]\0")
    more = gateway.listen(b"[syn]\0and what follows")
    gateway.root.say(b"\0\5A")
    for each in (first, split, more):
        each.expect(b"\0\5A")
    # Some have gone: requests are served as long as there is one.
    first.close()
    more.close()
    assert gateway.count() == 0
    split.close()
    wait_for(lambda: gateway.ask(b"ACT-C\0\0") == NO_LISTENER)
    again = gateway.listen()
    gateway.root.say(b"\0\5A")
    again.expect(b"\0\5A")
    assert gateway.whole(b"[syn]x").startswith(b"F")
    for each in silent:
        assert each.rest() == b""


def test_framed_pushes(bp):
    gateway = Gateway(bp)
    listener = gateway.listen(b"[syn]\1")
    bodies = [b"\0\5A" + bytes(number) for number in range(50)]
    gateway.root.say(*bodies)
    wanted = b"".join(struct.pack(">H", len(body)) + body for body in bodies)
    assert listener.expect(wanted) == wanted


def test_requests(bp):
    gateway = Gateway(bp)
    gateway.listen()
    root = gateway.root
    for request in (b"SEND-\0\5E\0\1P", b"SEND-\0\5hi\xfa\xfb\xfc\xfd\xfe\xff", b"BCAST\0\0TF", b"CLEAN\0\0", b"NINFO\0\0",
                    b"SENDI\0\5x", b"GETDF\0\0"):
        assert gateway.ask(request) == b"S", request
        short = request[:5] in (b"CLEAN", b"NINFO", b"GETDF")
        root.heard(request[:5] if short else request)
    for request in (b"STATE\0\0", b"LOGOF\0\0", b"send-\0\5x", b"\xff\xfe\xfd\xfc\xfb"):
        assert gateway.ask(request) == b"F\x0fUnknown Command", request
    assert gateway.whole(b"ABC") == b"F\x11Command Too Short"
    assert gateway.ask(b"SEND-") == b"F\x16Missing target address"
    assert gateway.ask(b"SEND-\0\5") == b"F\x0fMissing message"
    assert not any(b"STATE" in frame for frame in root.frames)


def test_relay_all(bp):
    gateway = Gateway(bp, "relay=all listener=optional --opcodes v1")
    for request in (b"STATE\0\0", b"LOGOF\0\0", b"RST-R\0\0", b"GETDF\0\0"):
        assert gateway.ask(request) == b"S"
        gateway.root.heard(request)
    assert gateway.ask(b"[GET]\0\5GPS") == b"F\x0eNode Not Found"


def test_relay_none(bp):
    gateway = Gateway(bp, "relay=none listener=optional")
    for request in (b"SENDI\0\5x", b"GETDF\0\0"):
        assert gateway.ask(request) == b"F\x0fUnknown Command"
    assert gateway.ask(b"SEND-\0\5x") == b"S"


def test_whole_or_nothing(bp):
    gateway = Gateway(bp)
    gateway.listen()
    split = Client(gateway.port)
    for part in (b"SE", b"ND-\0", b"\5E", b"\0\1P"):
        split.send(part)
        time.sleep(0.02)
    assert split.rest() == b"S"
    gateway.root.heard(b"SEND-\0\5E\0\1P")
    half = Client(gateway.port)
    half.send(b"SEND-\0\5half")
    half.end_input()
    assert half.rest() == b"S"
    gateway.root.heard(b"SEND-\0\5half")
    for size in (1020, 5000):
        assert gateway.whole(b"SEND-\0\5" + b"\xff" * size)[:1] == b"F"
    assert gateway.whole(b"SEND-\0\5" + b"\xff" * 600) == b"F\x10Message Too Long"
    assert gateway.whole(b"SEND-\0\5end") == b"S"
    gateway.root.heard(b"SEND-\0\5end")
    assert not any(b"\xff" in frame for frame in gateway.root.frames)
    # The pause after a request that may go on; one whose layout tells its end is answered at once.
    began = time.monotonic()
    for _ in range(20):
        gateway.count()
    assert time.monotonic() - began < 20 * 0.075


def test_root_objects(bp):
    def answer(body):
        return [body[5:7] + b"Node not exists in network\n"] if body[:5] == b"SEND-" and body[5:7] != b"\0\5" else []
    gateway = Gateway(bp, "error_wait=500ms", answer=answer)
    listener = gateway.listen()
    assert gateway.whole(b"SEND-\x07\x77hi") == b"F\x1aNode not exists in network"
    listener.expect(b"\x07\x77Node not exists in network\n")  # said to listeners all the same
    assert gateway.whole(b"SEND-\0\5hi") == b"S"


def answer_test(body):
    """Edges that answer as the field tests expect."""
    if body[:5] == b"SEND-":
        node, message = body[5:7], body[7:]
        if message[:2] == b"TI":
            return [node + b"A"]
        if message[:1] == b"E":
            return [node + b"A" + message[1:]]
    if body[:5] == b"RST-R":
        return [b"\0\0 ----------- prov_complete -----------\n", b"\0\0\3online\n"] + [joined(5 + each) for each in range(8)]
    return []


def test_round_trips(bp):
    gateway = Gateway(bp, "window_bytes=64K", answer=answer_test)
    client = SocketManager(gateway.port)
    got = {}
    client.subscribed[b"A"] = lambda data: got.setdefault(data, time.monotonic())
    nodes = range(5, 10)
    for node in nodes:
        ok, _ = client.command(b"SEND-", node, b"TI" + b"P")
        assert ok
    wait_for(lambda: all(struct.pack(">H", node) + b"A" in got for node in nodes))
    assert client.command(b"BCAST", 0, b"TS") == (True, b"S")
    for sequence in range(10):
        for node in nodes:
            payload = struct.pack(">H", sequence) + b"P" * 10
            assert client.command(b"SEND-", node, b"E" + payload) == (True, b"S")
            wait_for(lambda: struct.pack(">H", node) + b"A" + payload in got)
    assert client.command(b"BCAST", 0, b"TF") == (True, b"S")
    gateway.root.heard(b"BCAST\0\0TF")


def test_connect_nodes(bp):
    gateway = Gateway(bp, answer=answer_test)
    client = SocketManager(gateway.port)
    back = threading.Event()
    client.subscribed[b"\3"] = lambda data: back.set()
    for name, payload in ((b"SEND-", b"TI0"), (b"BCAST", b"TS"), (b"CLEAN", b""), (b"RST-R", b"")):
        ok, _ = client.command(name, 5 if name == b"SEND-" else 0, payload)
        assert ok
    assert back.wait(PATIENCE)
    wait_for(lambda: client.command(b"ACT-C")[1] == b"S\x08")


def test_pacing(bp):
    gateway = Gateway(bp, "window=300ms window_bytes=200 queue=8 listener=optional")
    replies = [gateway.ask(b"SEND-\0\5" + b"x" * 88 + bytes([number])) for number in range(10)]
    assert replies.count(b"S") == 10, replies
    wait_for(lambda: len(gateway.root.frames) == 10)
    assert [frame[-1] for frame in gateway.root.frames] == list(range(10))
    for at, _ in gateway.root.arrivals:
        # (a window of ours is measured with some slack for how late a read may be)
        within = sum(size for when, size in gateway.root.arrivals if at <= when < at + 0.25)
        assert within <= 200, gateway.root.arrivals
    flood = [threading.Thread(target=lambda: replies.append(gateway.ask(b"SEND-\0\5" + b"y" * 90))) for _ in range(30)]
    for each in flood:
        each.start()
    for each in flood:
        each.join()
    assert b"F\x19Too Many Commands Waiting" in replies


def test_slow_listener(bp):
    gateway = Gateway(bp, "push_queue=20 push_spacing=5ms")
    listener = gateway.listen()
    gateway.root.write(b"".join(encode(b"\0\5A" + struct.pack(">I", number)) for number in range(500)))
    listener.expect(struct.pack(">I", 499))
    assert re.search(r"(\d+) dropped", gateway.info()).group(1) != "0"


def test_unplugged(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    gateway.root.say(joined(5), b"\0\5A")
    listener.expect(b"\0\5A")
    gateway.root.unplug()
    wait_for(lambda: "line down" in gateway.info())
    assert gateway.ask(b"SEND-\0\5x") == b"F\x14No Serial Connection"
    assert gateway.ask(b"RST-R\0\0") == b"F\x14No Serial Connection"
    assert gateway.count() == 1
    gateway.root.plug()
    wait_for(lambda: "line up" in gateway.info())
    # The listener has lived through it.
    gateway.root.say(b"\0\5Aagain")
    listener.expect(b"\0\5Aagain")
    assert gateway.ask(b"SEND-\0\5x") == b"S"
    gateway.root.heard(b"SEND-\0\5x")


def test_not_there_yet(bp):
    said = bp.run("mesh open lab --uart root -p 0 listener=optional")
    port = int(re.search(r"clients on 127\.0\.0\.1:(\d+)", " ".join(said)).group(1))
    client = Client(port)
    client.send(b"SEND-\0\5x")
    assert client.rest() == b"F\x14No Serial Connection"
    root = Root(bp)
    bp.run(f"uart open {root.path} root framing=mesh")
    client = Client(port)
    client.send(b"SEND-\0\5x")
    assert client.rest() == b"S"
    root.heard(b"SEND-\0\5x")


def test_other_lines(bp):
    """A TCP connection stands in for the UART, and frames are taken out of its bytes here; the other XOR too."""
    port = free_port()
    bp.run("plugin load uart")
    bp.run(f"tcp listen {port} line")
    said = " ".join(bp.run("mesh open lab -p 0 recv=line/recv send=line/send framing=mesh escape_xor=0xff listener=optional"))
    command = int(re.search(r"clients on 127\.0\.0\.1:(\d+)", said).group(1))
    root, listener = Client(port), Listener(command, b"[syn]\0")
    wire = encode(joined(5), 0xFF) + encode(b"\0\5A\xfa\xff", 0xFF)
    for at in range(0, len(wire), 5):
        root.send(wire[at:at + 5])
    listener.expect(b"\0\5A\xfa\xff")
    client = Client(command)
    client.send(b"SEND-\0\5\xfe")
    assert client.rest() == b"S"
    root.expect(b"\xffSEND-\0\5\xfa\x01\xfe")
    root.send(encode(joined(6)) * 3)  # X=FA: its escapes cannot be here
    wait_for(lambda: any("escape_xor=0xfa" in line for line in bp.run("mesh log")))


# --- dashboards ---

class Page:
    """A page's WebSocket: text frames, whole, not compressed."""

    def __init__(self, port, path="/", origin=None):
        self.client = Client(port)
        self.client.send(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                         (f"Origin: {origin}\r\n" if origin else "") + "\r\n")
        head = self.client.expect("\r\n\r\n").decode()
        self.status = int(head.split()[1])
        assert self.status != 101 or "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head

    def take(self, size):
        end = time.monotonic() + PATIENCE
        while len(self.client.seen) < size:
            self.client._more(end, f"{size} bytes")
        taken, self.client.seen = self.client.seen[:size], self.client.seen[size:]
        return taken

    def get(self):
        kind, size = self.take(2)
        assert kind == 0x81 and size < 128, (kind, size)
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        return json.loads(self.take(size))


def collect(port, enough, path="/", during=None, origin=None):
    """Messages until they are enough."""
    page, messages = Page(port, path, origin), []
    assert page.status == 101
    if during:
        during()
    while not enough(messages):
        messages.append(page.get())
    page.client.close()
    return messages


def pages_port(gateway):
    return int(re.search(r"dashboards of lab on 127\.0\.0\.1:(\d+)", " ".join(gateway.said)).group(1))


def test_pages(bp):
    gateway = Gateway(bp, "--ws-port 0")
    port = pages_port(gateway)
    listener = gateway.listen()
    gateway.root.say(joined(5), joined(6), b"\0\5\5" + struct.pack("<dd", 38.5, -121.75), b"\0\0\4\1\0\5\0\6", b"\0\5A")
    listener.expect(b"\0\5A")
    states = lambda messages: [each for each in messages if "type" not in each]
    logs = lambda messages: [each["message"] for each in messages if each.get("type") == "trafficLog"]
    # A snapshot when one comes.
    seen = collect(port, states)
    assert seen[0] == {"type": "networkStatus", "status": "connectionStatus", "socket": True, "uart": True}
    assert seen[1] == {"type": "networkStatus", "status": "nodeStatus",
                       "nodes": [{"name": "Node-5", "status": "normal"}, {"name": "Node-6", "status": "normal"}]}
    assert seen[2] == {"nodes": [
        {"address": 5, "status": "Active", "uuid": uuid(5).hex(), "gps": {"lat": 38.5, "lon": -121.75},
         "data": {"GPS": struct.pack("<dd", 38.5, -121.75).hex()}},
        {"address": 6, "status": "Active", "uuid": uuid(6).hex(), "gps": None, "data": {}}],
        "direct_forwarding_paths": [{"origin": 5, "target": 6}]}
    # Then what happens, to every page.
    def traffic():
        gateway.root.say(joined(7), b"\0\7D\1\0\1")
        assert gateway.ask(b"W-LOG\0\0hello \xff page") == b"S"
        assert gateway.ask(b'W-RBT[{"id": 1, "name": "Robot Node 1", "state": "Active", "node": "Node-5"}]') == b"S"
        assert gateway.whole(b"W-RBT{") == b"F\x17Robot Status Is No JSON"
        assert gateway.ask(b"RST-R\0\0") == b"S"
    def enough(messages):
        return len(states(messages)) > 1 and states(messages)[-1]["nodes"][-1]["status"] == "Disconnect"
    seen = collect(port, enough, "/anything?x=1", traffic)
    for text in ("Node-7 connected", "[D] recived update from Node-7", "hello \ufffd page", "==== Reseting the network ===="):
        assert text in logs(seen), logs(seen)
    robots = [each for each in seen if each.get("status") == "robotStatus"]
    assert robots[0]["robots"] == [{"id": 1, "name": "Robot Node 1", "state": "Active", "node": "Node-5"}]
    # One vocabulary alone.
    seen = collect(port, states, "/?vocabulary=v2")
    assert len(seen) == 1
    seen = collect(port, lambda messages: len(messages) == 2, "/?vocabulary=v1")
    assert not states(seen)
    # Whether somebody listens, and the line.
    def gone():
        listener.close()
        gateway.root.unplug()
    seen = collect(port, lambda messages: messages and messages[-1].get("uart") is False, during=gone)
    assert {"type": "networkStatus", "status": "connectionStatus", "socket": False, "uart": True} in seen or \
        seen[-1]["socket"] is False


def test_pages_of_strangers(bp):
    gateway = Gateway(bp, "--ws-port 0 origins=http://localhost:3000")
    port = pages_port(gateway)
    assert Page(port, origin="http://localhost:3000").status == 101
    assert Page(port).status == 101
    assert Page(port, origin="http://evil.example").status == 403


def test_pages_coalesce(bp):
    """However much comes, states are few, and all pages get the last one."""
    gateway = Gateway(bp, "--ws-port 0 listener=optional")
    port = pages_port(gateway)
    states = lambda messages: [each for each in messages if "type" not in each]
    last = lambda messages: states(messages) and states(messages)[-1]["nodes"] and \
        states(messages)[-1]["nodes"][0]["data"].get("Sequence") == "63"

    pages = [Page(port) for _ in range(20)]
    for number in range(100):
        gateway.root.say(b"\0\5D\1\0" + bytes([number]))
    for page in pages:
        messages = []
        while not last(messages):
            messages.append(page.get())
        assert len(states(messages)) < 20, len(states(messages))


def post(port, headers=None, path="/shutdown", method="POST"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=b"" if method == "POST" else None,
                                     headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def test_shutdown(bp):
    refused = bp.run("mesh open lab --uart root -p 0 shutdown_port=0")
    assert any("token" in line for line in refused), refused
    assert "lab" not in " ".join(bp.run("mesh info"))
    port = free_port()
    Gateway(bp, f"shutdown_port={port} shutdown_token=s3cret origins=http://localhost:3000")
    assert post(port)[0] == 401
    assert post(port, {"Authorization": "Bearer wrong!"})[0] == 401
    assert post(port, {"Origin": "http://evil.example"})[0] == 403
    assert post(port, method="GET")[0] == 405
    assert post(port, path="/")[0] == 404
    assert "lab" in " ".join(bp.run("mesh info"))
    status, headers = post(port, {"Origin": "http://localhost:3000"})
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "http://localhost:3000", (status, dict(headers))
    wait_for(lambda: "There is no mesh gateway" in " ".join(bp.run("mesh info")))
    bp.run(f"mesh open lab --uart root -p 0 shutdown_port={port} shutdown_token=s3cret")
    assert post(port, {"Authorization": "Bearer s3cret"})[0] == 200
    wait_for(lambda: "There is no mesh gateway" in " ".join(bp.run("mesh info")))


# --- the console, history, size ---

def test_console(bp):
    gateway = Gateway(bp, "listener=optional")
    gateway.root.say(joined(5), b"\0\5D\2\0\7\1\x4d\1\x4d\1\x4d\1")
    wait_for(lambda: gateway.count() == 1)
    assert any("Active" in line and uuid(5).hex() in line for line in bp.run("mesh nodes"))
    wait_for(lambda: any("Sequence" in line and "x07" in line for line in bp.run("mesh node 5")))
    assert any(r"b'M\x01M\x01M\x01'" in line for line in bp.run("mesh get GPS"))
    assert any("there is no node 77" in line for line in bp.run("mesh node 77"))
    bp.run("mesh send 5 hello")
    gateway.root.heard(b"SEND-\0\5hello")
    bp.run('mesh send 0xfffe "45 00 01" --hex')
    gateway.root.heard(b"SEND-\xff\xfe\x45\0\1")
    bp.run("mesh broadcast TS")
    gateway.root.heard(b"BCAST\0\0TS")
    bp.run("mesh reset --clean")
    gateway.root.heard(b"CLEAN")
    gateway.root.heard(b"RST-R")
    assert any("Reseting" in line for line in bp.run("mesh log"))
    assert "0 active" in gateway.info()
    bp.run("mesh close lab")
    assert "There is no mesh gateway" in gateway.info()
    assert any("no mesh gateway" in line for line in bp.run("mesh nodes"))


def test_channels(bp):
    gateway = Gateway(bp, "listener=optional")
    bp.run("channel watch lab/recv lab/log")
    bp.run("channel send lab/send SEND-xxhello")
    gateway.root.heard(b"SEND-xxhello")
    gateway.root.say(joined(5))
    said = []
    wait_for(lambda: said.extend(bp.run("echo")) or any("Node-5 connected" in line for line in said))


def test_types(bp):
    path = bp.folder + "/Data_Info.json"
    with open(path, "w") as file:
        file.write('{ "Heat": { "ID": 9, "Length": 2 } }')
    with open(bp.folder + "/broken.json", "w") as file:
        file.write('{ "Heat": { "ID": 9, "Length": 2 }, }')
    assert any("broken.json" in line for line in bp.run(f"mesh open lab --uart root -p 0 --data-info {bp.folder}/broken.json"))
    gateway = Gateway(bp, f"--data-info {path} listener=optional")
    gateway.root.say(b"\0\5D\1\x09ab")
    wait_for(lambda: gateway.ask(b"[GET]\0\5Heat") == b"SHeat\2\1\0\5ab")
    assert gateway.ask(b"[GET]\0\5\x09") == b"S\x09\2\1\0\5ab"


def test_history(bp):
    base = bp.folder + "/history.db"
    gateway = Gateway(bp, f"listener=optional database={base} database_rows=100 log_folder={bp.folder}/history_log")
    for number in range(150):
        gateway.root.say(b"\0\5D\1\0" + bytes([number]))
    gateway.root.say(b"\xff\xfeD\1\1\xff\xff\xff\xff\xff\xff")
    wait_for(lambda: re.search("history: 151 values written", gateway.info()))
    with sqlite3.connect(base) as database:
        rows = database.execute("SELECT time, address, type, data FROM value ORDER BY id").fetchall()
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert len(rows) == 100
    assert rows[-1][1:] == (0xFFFE, "GPS", b"\xff" * 6) and rows[0][1:] == (5, "Sequence", bytes([51]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", rows[0][0])
    lines = open(bp.folder + "/history_log/GPS_hist.txt").read().splitlines()
    assert re.fullmatch(r"b'(\\xff){6}', \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", lines[0]), lines
    # What came in the last second is there after the end.
    gateway.root.say(b"\0\5D\1\0\xc8")
    wait_for(lambda: gateway.ask(b"[GET]\0\5\0")[-1:] == b"\xc8")
    bp.run("mesh close lab")
    with sqlite3.connect(base) as database:
        assert database.execute("SELECT data FROM value ORDER BY id DESC").fetchone() == (b"\xc8",)


def test_rest(bp):
    gateway = Gateway(bp, "listener=optional")
    gateway.root.say(joined(5), b"\0\5D\1\0\7", b"\0\0\4\1\0\5\0\6")
    wait_for(lambda: gateway.count() == 1)
    port = free_port()
    bp.run(f"webserver -p {port}")
    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.read()
    wait_for(lambda: json.loads(get("/api/v1/nodes"))[0]["data"])
    node = json.loads(get("/api/v1/nodes/lab:5"))
    assert node["status"] == "Active" and node["uuid"] == uuid(5).hex() and node["data"]["Sequence"][0]["hex"] == "07"
    net = json.loads(get("/api/v1/netinfo/lab"))
    assert net["line"] is True and net["paths"] == [{"origin": 5, "target": 6}] and net["active"] == 1
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/nodes/lab:5/send", data=b'{"text": "hi"}',
                                     headers={"Content-Type": "application/json", "X-Backplane": "1"})
    assert urllib.request.urlopen(request, timeout=PATIENCE).status in (200, 204)
    gateway.root.heard(b"SEND-\0\5hi")
    assert b"export function show" in get("/views/nodes.js")


def test_reload(bp):
    """Clients that listen stay when the configuration is read again; a plugin reload opens all again, once."""
    path, port = bp.folder + "/mesh.yaml", free_port()
    text = "modules:\n  lab: {class: MeshGateway, recv: line/recv, send: line/send, port: %d%s}\n"
    open(path, "w").write(text % (port, ""))
    other = Backplane("-c", path)
    try:
        other.run("echo")  # it is up then
        listener = Listener(port, b"[syn]\0")
        open(path, "w").write(text % (port, ", idle_after: 3m, relay: all"))
        said = other.run("config reload")
        assert "relay=all" in " ".join(other.run("module list")), said
        other.run(r"channel send line/recv 00Ahello")
        listener.expect(b"00Ahello")
        said = other.run("mesh open second -p 0 -w 0 recv=a send=b")
        said += other.run("plugin reload mesh")
        wait_for(lambda: "second-pages" in " ".join(other.run("module list")))
        wait_for(lambda: ", with its instances." in " ".join(said) or said.extend(other.run("echo")))
        assert "second-pages" in " ".join(other.run("module list"))
    finally:
        other.stop()
        other.remove()


def resident(bp):
    with open(f"/proc/{bp.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_thousand_nodes(bp):
    gateway = Gateway(bp, "--ws-port 0 listener=optional reply_limit=0")
    for address in range(5, 1005):
        gateway.root.say(joined(address))
    wait_for(lambda: "1000 nodes, 1000 active" in gateway.info())
    assert gateway.count() == 1000 % 255
    status = json.loads(gateway.whole(b"NSTAT\0\0")[1:])
    assert status["node_amount"] == 1000 and status["node_status_list"] == [1] * 1000
    assert gateway.whole(b"NETIF\0\0\0") == b"F\x0eToo Many Nodes"
    seen = collect(pages_port(gateway), lambda messages: messages and "direct_forwarding_paths" in messages[-1])
    assert len(seen[-1]["nodes"]) == 1000


def test_reply_too_long(bp):
    gateway = Gateway(bp, "listener=optional")
    for address in range(5, 205):
        gateway.root.say(joined(address))
    wait_for(lambda: gateway.count() == 200)
    assert gateway.ask(b"NSTAT\0\0") == b"F\x0eReply Too Long"


def test_a_day(bp):
    """The traffic of a day, as fast as it goes: 50 nodes that say something each minute; shortened to a third."""
    gateway = Gateway(bp, "--ws-port 0", f"database={bp.folder}/day.db database_rows=5000")
    listener = gateway.listen()
    def traffic(rounds):
        for number in range(rounds):
            for node in range(5, 55):
                gateway.root.write(encode(struct.pack(">H", node) + b"D\2\0" + bytes([number % 250]) + b"\1\x4d\1\x4d\1\x4d\1"))
            gateway.root.say(b"\0\5A" + struct.pack(">I", number))
            listener.expect(b"\0\5A" + struct.pack(">I", number))
    traffic(100)
    before = resident(bp)
    traffic(400)
    after = resident(bp)
    assert after - before < 4 << 20, (before, after)
    assert gateway.count() == 50


main("mesh", globals())
