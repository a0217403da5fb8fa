# SPDX-License-Identifier: MIT
"""traffic.py - what clients of each kind send: sound messages of every protocol, to be cut and spoilt by the caller."""
import json
import struct

IAC, SB, SE, WILL, WONT, DO, DONT = 255, 250, 240, 251, 252, 253, 254
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HASH = "1608ea132b3bebbb"


# --- telnet ---

def negotiation(rng):
    out = b""
    for _ in range(rng.randint(1, 6)):
        what = rng.randrange(9)
        option = rng.choice([0, 1, 3, 24, 31, 32, 34, 39, 42, 44, 45, 85, 86, 201, 255])
        if what < 4:
            out += bytes([IAC, rng.choice([WILL, WONT, DO, DONT]), option])
        elif what == 4:
            out += bytes([IAC, SB, 24, 0]) + rng.choice([b"xterm", b"", b"x" * 40, b"MTTS 13"]) + bytes([IAC, SE])
        elif what == 5:
            out += bytes([IAC, SB, 31]) + rng.randbytes(4).replace(b"\xff", b"\xff\xff") + bytes([IAC, SE])
        elif what == 6:
            out += bytes([IAC, SB, 24, 0]) + b"T" * rng.choice([10, 500, 9000, 70000])  # no end
        elif what == 7:
            out += bytes([IAC, rng.choice([241, 242, 243, 244, 245, 246, 247, 248, 249, IAC])])
        else:
            out += bytes([IAC, SB, option]) + rng.randbytes(rng.choice([0, 1, 5, 30])) + bytes([IAC, SE])
    return out


def telnet(rng, words):
    typed = rng.choice([words.line().encode(errors="replace"), b"\t", b"\x1b[A\x1b[A", b"\x12ech", b"\x03", b"\x04", b"\x1a", b"50",
                        b"status\x17\x19", b"chan\t li\t\t"])
    return rng.choice([negotiation(rng), typed + b"\r\n", typed + b"\r\0", typed + b"\n", typed])


def line(rng, words):
    return rng.choice([words.line().encode(errors="replace"), b"50", b"hello", b"help", words.text().encode()]) + b"\n"


def raw(rng, words):
    return rng.choice([rng.randbytes(rng.choice([1, 20, 300])), b"x" * rng.choice([1, 100, 100000]), line(rng, words)])


# --- HTTP and WebSocket ---

def request(rng, method, target, headers=(), body=b""):
    lines = [f"{method} {target} HTTP/1.{rng.choice('1110')}", "Host: localhost"]
    lines += headers
    if body[:1] == b"{" and rng.random() < 0.8:
        lines.append("Content-Type: application/json")
    if body and rng.random() < 0.7:
        lines.append(f"Content-Length: {len(body)}")
    elif body:
        lines.append("Transfer-Encoding: chunked")
        half = len(body) // 2
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part) + b"0\r\n\r\n"
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def conditions(rng):
    numbers = rng.choice(["0-0", "0-60000", "5-1", "999999999", "-5", "-0", "100-", "0-60000x", "0-1,5-9", "18446744073709551616-",
                          "-18446744073709551617", "9-8,7-6", "x"])
    return rng.sample([f"Range: bytes={numbers}", "If-Range: \"x\"", "If-None-Match: *", "If-Match: \"a\", W/\"b\"",
                       "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "Accept-Encoding: gzip, deflate;q=0", "Expect: 100-continue",
                       "Connection: close", "Accept: application/json", "Origin: http://evil", "Connection: keep-alive"],
                      rng.randint(0, 3))


def http(rng, words):
    what = rng.randrange(10)
    if what < 2:
        return request(rng, rng.choice(["GET", "GET", "HEAD"]), rng.choice(["/", "/assets/main.js", "/assets/style.css", "/assets/none", "/none"]),
                       [f"Range: bytes={rng.choice(['0-60000x', '999999999', '5-1', '-7', '3-9'])}"] + conditions(rng)[:1])
    if what < 4:
        path, method = rng.choice(words.paths)
        path = path.replace("{id}", rng.choice(words.names + words.channels).replace("/", rng.choice(["/", "%2F"])))
        if "control" in path:
            path = "/healthz"
        body = json.dumps({"text": words.text(), "command": words.line(), "class": "TCPServer", "params": {"port": 0},
                           "value": words.number(), "file": "jobs"}).encode() if method in ("post", "put") else b""
        return request(rng, method.upper(), path, conditions(rng), body)
    if what == 4:
        return request(rng, "GET", rng.choice(["/metrics", "/healthz", "/api/v1/openapi.json", "/api/v1/history", "/?cmd=status"]))
    if what == 5:
        return request(rng, "GET", f"/api/v1/events?watch={rng.choice(['*', 'tcp/*', 'console', 'log'])}")
    if what == 6:
        return upgrade("/ws") + b"".join(operation(rng, words) for _ in range(rng.randint(0, 4)))
    if what == 7:
        return b"".join(request(rng, "GET", rng.choice(["/healthz", "/assets/main.js"]), conditions(rng)) for _ in range(rng.randint(2, 20)))
    if what == 8:
        return request(rng, "POST", "/", (), b"cmd=" + words.line().encode(errors="replace").replace(b" ", b"+"))
    return request(rng, rng.choice(["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"]), "/api/v1/" + rng.choice(words.names),
                   conditions(rng), rng.randbytes(rng.choice([0, 10, 3000])))


def upgrade(path):
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n").encode()


def frame(rng, payload, opcode=None):
    opcode = rng.choice([1, 1, 1, 2, 2, 0, 8, 9, 10, 3, 15]) if opcode is None else opcode
    size = len(payload)
    head = bytes([(0x80 if rng.random() < 0.9 else 0) | (0x40 if rng.random() < 0.05 else 0) | opcode])
    mask = 0x80 if rng.random() < 0.98 else 0
    head += bytes([mask | size]) if size < 126 else bytes([mask | 126]) + struct.pack(">H", size) if size < 65536 else \
        bytes([mask | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if mask else b"") + payload  # masked with zeros


def operation(rng, words):
    made = {"op": rng.choice(["watch", "unwatch", "send", "run", "list", "complete", "ping", "x"]), "id": rng.randrange(5),
            "channel": rng.choice(words.channels), "command": words.line(), "what": rng.choice(["sessions", "channels", "x"]),
            "line": "chan", "cursor": rng.randrange(6), "text": words.text()}
    return frame(rng, json.dumps(made).encode(), 1)


def websocket(rng, words):
    return frame(rng, rng.choice([line(rng, words), words.line().encode(errors="replace"), rng.randbytes(200), b"", operation(rng, words),
                                  b"\x03\xe8bye", b"x" * 70000]))


def ws_telnet(rng, words):
    return frame(rng, telnet(rng, words), 2)


# --- devices, meshes, peers ---

def rfc2217(rng, words):
    command = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 100])
    body = rng.choice([struct.pack(">I", rng.choice([9600, 115200, 1, 0])), bytes([rng.randrange(20)]), b"", rng.randbytes(9)])
    return rng.choice([bytes([IAC, SB, 44, command]) + body.replace(b"\xff", b"\xff\xff") + bytes([IAC, SE]), negotiation(rng),
                       rng.randbytes(50), b"data\n"])


def line_of_root(rng, words):
    """What the root module of a mesh sends over its UART."""
    address = struct.pack(">H", rng.choice([0, 5, 6, 7, 65535]))
    body = rng.choice([address + b"A", address + b"\2" + rng.randbytes(16), address + b"\5" + struct.pack("<dd", 38.5, -121.75),
                       b"\0\0\1" + bytes([rng.randrange(9)]) + rng.randbytes(36), b"\0\0\4\1\0\5\0\6", b"\0\0\3online\n",
                       address + rng.randbytes(rng.randrange(40))])
    escaped = b"".join(bytes([0xFA, byte ^ 0xFA]) if byte >= 0xFA else bytes([byte]) for byte in body)
    return b"\xff" + escaped + b"\xfe"


def mesh(rng, words):
    name = rng.choice([b"SEND-", b"SENDI", b"BCAST", b"RST-R", b"CLEAN", b"NINFO", b"GETDF", b"STATE", b"NSTAT", b"[GET]", b"ACT-C",
                       b"W-LOG", b"W-RBT", b"NETIF"])
    return rng.choice([b"[syn]\0", b"[syn]\1", b"[sy", name + b"\0\5" + rng.randbytes(rng.choice([0, 1, 20, 600])), name])


def endpoint(rng, words):
    made = rng.choice([{"type": "ping"}, {"type": "echo", "data": [1, {}]}, {"endpoint": "status", "x": 1}, {"endpoint": "nosuch"},
                       {"type": "list_endpoints"}, {"type": "server_info"}, {"media_type": "image", "data": "QUJD"},
                       {"type": "peer_handshake", "node_id": "n", "name": "orig", "project_id": "default", "hash": HASH,
                        "timestamp": "2026-11-21T08:13:21.659887"},
                       {"type": "peer_handshake", "node_id": f"n{rng.randrange(4)}", "name": f"h{rng.randrange(4)}",
                        "project_id": "default", "hash": HASH, "nonce": "00" * 16, "framing": "frame2", "timestamp": "x"},
                       {"type": "peer_proof", "proof": "00"}])
    text = json.dumps(made).encode()
    return rng.choice([text + b"\n", text, text + b"\n" + text + b"\n", b"[" * 3000 + b"\n", framed(rng, words)])


def framed(rng, words):
    kind = rng.choice(b"CPDSHX")
    body = rng.choice([b"q", b"a", b"", json.dumps({"op": "watch", "globs": ["*"]}).encode(),
                       struct.pack(">QqBB", 1, 0, 1, 1) + b"\x03c/1" + b"\0\0\0" + b"data", rng.randbytes(40)])
    return struct.pack(">IB", len(body) + 1, kind) + body


def control(rng, words):
    head = rng.choice([b"backplane-control 1 run 80\n", b"backplane-control 1 attach 80 24 xterm\n", b"backplane-control 9\n", b"x" * 300])
    typed = words.line().encode(errors="replace") + b"\n"
    return rng.choice([head, head + typed, typed, b"d" + struct.pack(">H", len(typed)) + typed, b"r\0\4\0\50\0\30", rng.randbytes(9)])


KINDS = {"telnet": telnet, "tls": telnet, "line": line, "raw": raw, "http": http, "websocket": websocket, "ws_telnet": ws_telnet, "rfc2217": rfc2217,
         "mesh": mesh, "endpoint": endpoint, "control": control, "datagram": raw, "device": raw, "root": line_of_root}
# What a client of that kind says first, so that it gets as far as a session.
HELLO = {"websocket": upgrade("/ws"), "ws_telnet": upgrade("/ws_telnet"), "pages": upgrade("/"), "monitor": upgrade("/monitor")}
