#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer-loopback.py - discovery of servers that listen on loopback: nothing else hears them, and strangers lead them nowhere."""
import json
import os
import re
import socket
import time

from harness import PATIENCE, all_keep, free_port, main
from hosts import HASH, serve, wait_for


def udp_addresses(bp):
    """(address, port) of the program's UDP sockets."""
    inodes = set()
    for name in os.listdir(f"/proc/{bp.process.pid}/fd"):
        try:
            inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(f"/proc/{bp.process.pid}/fd/{name}")))
        except FileNotFoundError:
            pass
    found = []
    for kind in ("udp", "udp6"):
        with open(f"/proc/{bp.process.pid}/net/{kind}") as file:
            rows = [line.split() for line in file.read().splitlines()[1:]]
        for row in rows:
            if row[9] in inodes:
                address, port = row[1].split(":")
                found.append((socket.inet_ntoa(bytes.fromhex(address)[::-1]) if kind == "udp" else address, int(port, 16)))
    return found


def announce(node_id, port, project="default", node_hash=HASH):
    message = {"type": "node_discovery", "node_id": node_id, "hash": node_hash, "ip": "127.0.0.1", "port": port, "name": node_id,
               "protocols": ["PROJECT:" + project]}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(json.dumps(message).encode(), ("127.0.0.1", 8890))


def test_loopback_means_loopback(bp):
    serve(bp, "enable_discovery=yes")
    addresses = udp_addresses(bp)
    assert len(addresses) >= 3, addresses
    assert all(address.startswith("127.") for address, _ in addresses), addresses
    assert {8889, 8890} <= {port for _, port in addresses}, addresses


def test_another_project_is_not_connected_to(bp):
    serve(bp, "enable_discovery=yes")
    with socket.create_server(("127.0.0.1", 0)) as stranger, socket.create_server(("127.0.0.1", 0)) as other, \
            socket.create_server(("127.0.0.1", 0)) as ours:
        announce("stranger", stranger.getsockname()[1], project="else")
        announce("other-hash", other.getsockname()[1], node_hash="0" * 16)
        announce("ours", ours.getsockname()[1])
        said = wait_for(bp, "discovery list", r"up +ours ")
        assert re.search(r"unchecked +stranger ", said) and re.search(r"unchecked +other-hash ", said), said
        ours.settimeout(PATIENCE)
        ours.accept()[0].close()
        for one in (stranger, other):
            one.setblocking(False)
            try:
                one.accept()
                raise AssertionError("it was connected to")
            except BlockingIOError:
                pass


def test_probes_of_one_source_are_limited(bp):
    """Of twelve nodes that one address names, eight are connected to in ten seconds."""
    serve(bp, "enable_discovery=yes")
    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        for number in range(12):
            announce(f"n{number}", server.getsockname()[1])
            # It is connected to in the turn that lists it, or not in these ten seconds.
            wait_for(bp, "discovery list", rf"{'up' if number < 8 else '[a-z]+'} +n{number} ")
        server.setblocking(False)
        count = 0
        while True:
            try:
                server.accept()[0].close()
            except BlockingIOError:
                break
            count += 1
        assert 8 <= count <= 8 * (1 + (time.monotonic() - begun) // 10), count


# Discovery goes on without servers: its sockets and timers are the plugin's.
all_keep(globals(), "plugin/peer", datagram_socket=5, descriptor=5, timer=2)
all_keep(globals(), "process", watched_descriptor=5, descriptor=5, timer=2)
main("scenario-peer-loopback", globals())
