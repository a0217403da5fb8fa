#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh-size.py - a thousand nodes, and the traffic of a day."""
import json
import struct

from harness import main
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


main("mesh-size", globals())
