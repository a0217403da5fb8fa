# SPDX-License-Identifier: MIT
"""wsclient.py - for scenarios: a WebSocket client of our own that can break every rule, and servers for it."""
import base64
import hashlib
import json
import os
import re
import time
import zlib

from harness import PATIENCE, Client, free_port

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


def bytes_until_end(client):
    """How much comes before the other side ends; not all of it is shown when it does not."""
    count = len(client.seen)
    client.socket.settimeout(PATIENCE)
    while True:
        data = client.socket.recv(1 << 20)
        if not data:
            return count
        count += len(data)


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
