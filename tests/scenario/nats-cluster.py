#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nats-cluster.py - three nats-servers that know each other."""
import contextlib
import re
import signal

from harness import all_keep, eventually, free_port, main
from mqtts import send
from natses import NatsClient, Server, info, open_bridge


def cluster(stack, **options):
    """Three of them."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    return [stack.enter_context(Server(f"server_name: n{number}", f'cluster {{ name: lab, listen: "127.0.0.1:{port}", routes: [{routes}] }}', **options))
            for number, port in enumerate(ports)]


def test_servers_are_learned(bp):
    """The other servers of a cluster are learned, and one of them is used when the first one ends."""
    with contextlib.ExitStack() as stack:
        one, two, three = cluster(stack)
        open_bridge(bp, one, "import=in.>")
        eventually(lambda: "3 servers known" in info(bp))
        one.stop()
        eventually(lambda: re.search(rf"^connected to 127.0.0.1:({two.port}|{three.port}) ", info(bp)))
        with NatsClient(three) as client:
            def arrives():
                client.publish("in.x", "from the third")
                return " 0 in," not in info(bp)
            eventually(arrives)


def test_leader_of_a_cluster_is_killed(bp):
    """Three servers have the stream: what was kept arrives, once and in order, though the leader is killed meanwhile."""
    with contextlib.ExitStack() as stack:
        servers = cluster(stack, jetstream=True)
        open_bridge(bp, servers, "export=k -> k keep=yes stream=S", "replicas=3")
        for number in range(300):
            send(bp, "k", number)
        with NatsClient(servers[0]) as client:
            eventually(lambda: client.stream("S").get("state", {}).get("messages", 0) > 0, 60)
            leader = int(client.stream("S")["cluster"]["leader"][1:])
        for number in range(300, 600):
            send(bp, "k", number)
            if number == 400:
                servers[leader].stop(signal.SIGKILL)
        with NatsClient(servers[(leader + 1) % 3]) as client:
            eventually(lambda: " 0 bytes kept" in info(bp), 60)
            assert client.stored("S") == 600
            texts = [int(text) for text in client.read("S", 600)]
            assert texts == list(range(600)), [pair for pair in zip(texts, range(600)) if pair[0] != pair[1]][:5]
            assert " 0 lost" in info(bp)


all_keep(globals(), "fleet", channel=8)
main("nats-cluster", globals())
