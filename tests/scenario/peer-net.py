#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer-net.py - hosts on a network of their own: namespaces joined by a bridge, made and removed by each test.

Where that is not permitted the tests are skipped, and say so.
"""
import json
import re
import sys

from harness import main
from hosts import HASH, wait_for, wait_for_file
from network import Net, start, why_no_net


def test_discovery_and_two_projects(bp):
    with Net(4) as net:
        for number, (name, project) in enumerate([("ha", "alpha"), ("hb", "alpha"), ("hc", "beta"), ("hd", "beta")], 1):
            start(net, number, name, f"project_id={project}")
        for one in net.hosts:
            wait_for(one, "discovery list", r"(?m)^up ")
            wait_for(one, "discovery list", r"(?s)\bunchecked .*\bunchecked ")
            wait_for(one, "module info p", r"\n1 peers")
        for one, other in zip(net.hosts, ("hb", "ha", "hd", "hc")):
            wait_for(one, "peer list", rf"{other} +up")
        assert "10.77.0.2:8888" in "\n".join(net.hosts[0].run("discovery list"))


LISTEN = """
import json, select, socket, time
sockets = []
for port in (8889, 8890):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    one.bind(("0.0.0.0", port))
    sockets.append(one)
print("ready", flush=True)
seen = {}
end = time.monotonic() + 20
while len(seen) < 2 and time.monotonic() < end:
    for one in select.select(sockets, [], [], 1)[0]:
        data, sender = one.recvfrom(1024 if one is sockets[0] else 8192)
        message = json.loads(data.decode("utf-8"))
        if message["type"] == "node_discovery":
            seen[one.getsockname()[1]] = [data.decode(), sender[0]]
print(json.dumps(seen), flush=True)
"""


def test_originals_hear_it(bp):
    with Net(2) as net:
        listener = net.python(2, LISTEN)
        assert listener.stdout.readline() == "ready\n"
        start(net, 1, "ha", "project_id=alpha", "protocols=v1")
        seen = json.loads(listener.stdout.readline())
        listener.wait()
        text, sender = seen["8889"]
        assert sender == "10.77.0.1"
        assert re.fullmatch(r'\{"type": "node_discovery", "node_id": "[0-9a-f-]{36}", "service_info": \{"type": "witch-series-server", '
                            r'"port": 8888, "protocols": \["v1"\], "server_name": "ha"\}, "timestamp": "[^"]+"\}', text), text
        text, sender = seen["8890"]
        assert re.fullmatch(r'\{"type":"node_discovery","node_id":"[0-9a-f-]{36}","hash":"%s","ip":"10.77.0.1","port":8888,'
                            r'"name":"ha","protocols":\["v1","PROJECT:alpha"\]\}' % HASH, text), text


SHOUT = """
import json, random, socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
random.seed(1)
texts = [b"[1]", b"\\xff\\xfe", b"", b"{", b"[" * 1000, b'{"type": "node_discovery"}', b'{"type": 5}', b"x" * 9000]
good = {"type": "node_discovery", "node_id": "n", "service_info": {"port": 1, "server_name": "x"}}
for number in range(3000):
    if number % 3 == 0:
        good["node_id"] = "n%d" % number
        text = json.dumps(good).encode()
    elif number % 3 == 1:
        text = texts[number % len(texts)]
    else:
        text = bytes(random.randrange(256) for _ in range(random.randrange(100)))
    one.sendto(text, ("10.77.0.255", 8889 + number % 2))
print("done", flush=True)
"""


def test_hostile_datagrams(bp):
    with Net(3) as net:
        start(net, 1, "ha")
        shouter = net.python(2, SHOUT)
        assert shouter.stdout.readline() == "done\n"
        shouter.wait()
        wait_for(net.hosts[0], "discovery list", r" [1-9]\d* bad, .* [1-9]\d* refused")
        assert len(net.hosts[0].run("discovery list")) < 80
        start(net, 3, "hc")
        wait_for(net.hosts[0], "peer list", "hc +up")


def test_partition_and_healing(bp):
    with Net(3) as net:
        ha, hb, hc = net.hosts
        for number, name in enumerate(("ha", "hb", "hc"), 1):
            start(net, number, name, "export=room", "import=ha/room")
        for one in net.hosts:
            wait_for(one, "module info p", "\n2 peers")
        ha.run("channel watch -f room")
        for one in (hb, hc):
            wait_for(one, "channel list", "ha/room")
            one.run("channel save ha/room -f got --raw")
        ha.run("channel send room one;")
        net.cut(3)
        wait_for(ha, "module info p", "\n1 peers")
        wait_for(hc, "module info p", "\n0 peers")
        ha.run("channel send room two;")
        net.mend(3)
        for one in net.hosts:
            wait_for(one, "module info p", "\n2 peers", 60)
        ha.run("channel send room three;")
        for one in (hb, hc):
            wait_for_file(one.folder + "/got", "one;two;three;", 20)


def test_host_killed(bp):
    with Net(2) as net:
        start(net, 1, "ha")
        start(net, 2, "hb")
        net.hosts[0].run("channel save discovery -f seen")
        wait_for(net.hosts[0], "peer list", "hb +up")
        net.hosts[1].process.kill()
        net.hosts[1].process.wait()
        wait_for(net.hosts[0], "discovery list", "down +hb", 60)
        net.hosts[0].run("channel save discovery --stop")
        assert '"event":"lost"' in open(net.hosts[0].folder + "/seen").read()


def test_orderly_end_is_said(bp):
    with Net(2) as net:
        start(net, 1, "ha")
        start(net, 2, "hb")
        wait_for(net.hosts[0], "discovery list", "up +hb")
        net.hosts[1].stop()
        wait_for(net.hosts[0], "discovery list", "down +hb", 8)


def test_loss_and_delay(bp):
    """20 % and 50 ms: found in the time of a few announcements, what is said comes whole and in order, a cut heals."""
    with Net(2) as net:
        net.impair(0.05, 0.2)
        ha, hb = net.hosts
        start(net, 1, "ha", "export=room", "heartbeat=3s")
        start(net, 2, "hb", "import=ha/room", "heartbeat=3s")
        for one, other in ((ha, "hb"), (hb, "ha")):
            wait_for(one, "discovery list", rf"\bup +{other}", 30)
            wait_for(one, "peer list", rf"{other} +up", 30)
        ha.run("channel watch -f room")
        wait_for(hb, "channel list", "ha/room", 30)
        hb.run("channel save ha/room -f got --raw")
        for number in range(200):
            ha.run(f"channel send room {number};")
        expected = "".join(f"{number};" for number in range(200))
        wait_for_file(hb.folder + "/got", expected, 60)
        net.cut(1)
        for one in net.hosts:
            wait_for(one, "module info p", "\n0 peers")
        ha.run("channel send room meanwhile;")
        net.mend(1)
        wait_for_file(hb.folder + "/got", expected + "meanwhile;", 60)
        lost = net.lost()
        assert lost > 10, lost


reason = why_no_net()
if reason:
    print(f"    (skipped: {reason})")
    print("scenario-peer-net: 0 passed, 0 failed")
    sys.exit(0)
main("scenario-peer-net", globals())
