#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh-size.py - a thousand nodes, and the traffic of a day."""
import json
import sqlite3
import struct

from harness import is_sanitized, main
from meshes import Gateway, collect, encode, joined, pages_port, resident, wait_for


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


def traffic(gateway, rounds):
    """1,000 nodes, each of which says something every 5 minutes, as fast as it goes; yields after each."""
    listener = gateway.listen()
    nodes = [struct.pack(">H", address) for address in range(5, 1005)]
    for number in range(rounds):
        said = b"D\2\0" + bytes([number % 250]) + b"\1\x4d\1\x4d\1\x4d\1"
        gateway.root.write(b"".join(encode(node + said) for node in nodes))
        gateway.root.say(b"\0\5A" + struct.pack(">I", number))
        listener.expect(b"\0\5A" + struct.pack(">I", number))
        yield number + 1
    assert gateway.count() == 1000 % 255


def test_a_day(bp):
    gateway = Gateway(bp, "--ws-port 0")
    sizes = [resident(bp) >> 10 for done in traffic(gateway, 288) if done % 72 == 0]
    print("    (a day: resident memory after 6, 12, 18, 24 h: " + ", ".join(f"{size:,}" for size in sizes) + " KiB)")
    # What is freed under a sanitizer is kept for a while.
    assert is_sanitized() or max(sizes) - sizes[0] < 1 << 10, sizes
    assert "288288 messages of the root, 0 malformed" in gateway.info()


def test_six_hours_on_disk(bp):
    gateway = Gateway(bp, "--ws-port 0", f"database={bp.folder}/day.db database_rows=5000")
    assert list(traffic(gateway, 72))[-1] == 72
    wait_for(lambda: "history: 144000 values written, 0 lost" in gateway.info(), 30)
    with sqlite3.connect(f"file:{bp.folder}/day.db?mode=ro", uri=True) as database:
        assert database.execute("SELECT count(*) FROM value").fetchone()[0] <= 5000


main("mesh-size", globals())
