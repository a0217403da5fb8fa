# SPDX-License-Identifier: MIT
"""meshes.py - what the scenarios of the mesh gateway share: a root module on a pty, and client programs that know only
the protocol."""
import json
import os
import pty
import re
import select
import socket
import struct
import threading
import time
import tty

from harness import PATIENCE, Client

NO_LISTENER = b"[err]-listen_socket_disconnected"


def wait_for(ask, seconds=PATIENCE):
    """Asks until the answer is true; gives it."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"it did not happen: {ask.__code__.co_consts}"
        select.select([], [], [], 0.005)  # most are read by threads of ours


def resident(bp):
    with open(f"/proc/{bp.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


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
        self.wire = b""  # all that came, as it came
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
            self.wire += data
            while b"\xfe" in buffer:
                frame, buffer = buffer.split(b"\xfe", 1)
                body = decode(frame[frame.rindex(b"\xff") + 1:])
                with self.lock:
                    self.frames.append(body)
                    self.arrivals.append(time.monotonic())
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


# --- the gateway and its clients ---

class Gateway:
    def __init__(self, bp, *words, answer=None, uart="framing=mesh"):
        self.bp = bp
        self.root = Root(bp, answer)
        said = bp.run(f"uart open {self.root.path} root {uart}")
        assert "ttyROOT" in " ".join(said), said
        words = words if any("ask_at_open" in word for word in words) else (*words, "ask_at_open=no")
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
            try:
                data = client.recv(1024)
            except OSError:  # the test has ended
                return
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
