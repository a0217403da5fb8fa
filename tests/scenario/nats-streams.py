#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nats-streams.py - streams of JetStream that rules make and read."""
import re

from harness import all_keep, eventually, main
from mqtts import Relay, send
from natses import NatsClient, Server, heard, info, open_bridge


def test_stream_is_made(bp):
    """stream=NAME makes it, with the subjects of its rules."""
    with Server(jetstream=True) as server, NatsClient(server) as client:
        open_bridge(bp, server, "export=a/* -> lab.{host}.a.{1} keep=yes stream=LAB", "export=k -> k keep=yes stream=LAB", "stream_time=1h")
        send(bp, "a/b", "one")
        send(bp, "k", "two")
        eventually(lambda: client.stream("LAB").get("state", {}).get("messages") == 2)
        config = client.stream("LAB")["config"]
        assert config["max_age"] == 3600 * 10**9 and re.fullmatch(r"lab\.[^.]+\.a\.>", config["subjects"][0]) and config["subjects"][1] == "k", config
        assert " 0 lost" in info(bp)


def test_bad_streams(bp):
    for words, why in (("export=a -> {channel} stream=S", "first part"), ("export=a -> b stream=S.T", "no dot"), ("import=a durable=d", "are for imports"),
                       ("import=a stream=S from=yesterday", "from is"), ("import=a stream=S queue=q", "not by queue")):
        said = "\n".join(bp.run(f'module open NatsBridge bad host=localhost:1 "{words}"'))
        assert re.search(why, said), (words, said)


def test_stream_is_read(bp):
    """What was stored before the bridge, what comes while it is there, and what comes while it is away: each once, in order."""
    with Server(jetstream=True) as server, NatsClient(server) as client:
        client.make_stream("S", "k.>")
        for number in range(300):  # more than is asked for at once
            client.publish(f"k.{number % 3}", number)
        rule = "import=k.> -> in/k stream=S"
        open_bridge(bp, server, rule)
        eventually(lambda: "300 in," in info(bp))
        client.publish("k.0", "live")
        eventually(lambda: "301 in," in info(bp))
        bp.run("module close fleet")
        eventually(lambda: client.pending("S", "num_waiting") == 0)  # nothing is sent to it any more
        client.publish("k.0", "missed")
        bp.run("channel watch -f in/k")
        open_bridge(bp, server, rule, wait=False)
        heard(bp, "missed")
        assert "1 in," in info(bp), info(bp)
        bp.run("module close fleet")
        open_bridge(bp, server, "import=k.> -> in/k stream=S from=new durable=fresh")
        eventually(lambda: client.consumers("S") == 2)
        client.publish("k.1", "newest")
        eventually(lambda: "1 in," in info(bp))


def test_stream_is_replayed(bp):
    """from=1h: what the stream has of the last hour."""
    with Server(jetstream=True) as server, NatsClient(server) as client:
        client.make_stream("S", "k")
        for number in range(10):
            client.publish("k", number)
        open_bridge(bp, server, "import=k -> in/k stream=S from=1h")
        eventually(lambda: "10 in," in info(bp))


def test_stream_is_shared(bp):
    """Bridges with the same durable share the work."""
    with Server(jetstream=True) as server, NatsClient(server) as client:
        client.make_stream("S", "k")
        for name in ("one", "two"):
            open_bridge(bp, server, f"import=k -> {name}/k stream=S durable=workers", name=name)
        for number in range(50):
            client.publish("k", number)
        eventually(lambda: sum(int(re.search(r"(\d+) in,", info(bp, name))[1]) for name in ("one", "two")) == 50)


def test_stream_over_a_cut(bp):
    """What the server had sent when the connection broke is delivered before what is newer, and each message once."""
    with Server(jetstream=True) as server, Relay(server) as relay, NatsClient(server) as client:
        client.make_stream("S", "k")
        bp.run("channel watch -f in/k")
        open_bridge(bp, relay, "import=k -> in/k stream=S")
        lines = []

        def publish(numbers):
            for number in numbers:
                client.publish("k", f"number-{number}.", flush=False)
            client.flush()

        def came(number):
            lines.extend(bp.run("echo"))
            return any(f"number-{number}." in line for line in lines)
        publish(range(100))
        eventually(lambda: came(99))
        eventually(lambda: client.pending("S") == 0)
        relay.deaf = True
        publish(range(100, 200))
        eventually(lambda: client.pending("S") == 100)
        relay.deaf = False
        relay.cut()
        eventually(lambda: relay.pairs)
        publish(range(200, 300))
        eventually(lambda: came(299))
        seen = [int(number) for number in re.findall(r"number-(\d+)\.", "\n".join(lines))]
        assert seen == list(range(300)), [pair for pair in zip(seen, range(300)) if pair[0] != pair[1]][:5]


def test_stream_comes_later(bp):
    """An import waits for its stream."""
    with Server(jetstream=True) as server, NatsClient(server) as client:
        open_bridge(bp, server, "import=k -> in/k stream=S")
        bp.run("channel watch -f nats-fleet")
        client.make_stream("S", "k")
        client.publish("k", "at last")
        eventually(lambda: "1 in," in info(bp))


for bridge in ("fleet", "one", "two"):
    all_keep(globals(), bridge, channel=8)
main("nats-streams", globals())
