# SPDX-License-Identifier: MIT
"""network.py - networks of hosts in namespaces joined by a bridge, made and removed by the test; wires that can be cut, or
lose and delay what they carry."""
import os
import re
import shutil
import subprocess
import sys

from harness import Backplane

# What a wire between two ends does where the kernel has no netem. A header says of each frame what is left to its
# interface (checksums), so that it goes out again as it was.
CARRIER = """
import heapq, random, select, socket, sys, time
names, delay, loss = sys.argv[1:3], float(sys.argv[3]), float(sys.argv[4])
SOL_PACKET, PACKET_VNET_HDR, OUTGOING = 263, 15, 4
ends = []
for name in names:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.bind((name, 0))
    ends.append(end)
chance, waiting, lost, count = random.Random(1), [], 0, 0
print("ready", flush=True)
while True:
    pause = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    ready = select.select([sys.stdin, *ends], [], [], pause)[0]
    if sys.stdin in ready:
        break
    for end in ready:
        try:
            frame, sender = end.recvfrom(70000)
        except OSError:
            continue  # it is down
        if sender[2] == OUTGOING:
            continue
        if chance.random() < loss:
            lost += 1
            continue
        count += 1
        heapq.heappush(waiting, (time.monotonic() + delay, count, ends[end is ends[0]], frame))
    while waiting and waiting[0][0] <= time.monotonic():
        try:
            waiting[0][2].send(waiting[0][3])
        except OSError:
            lost += 1
        heapq.heappop(waiting)
print(lost, flush=True)
"""

# Makes an ordinary user root in namespaces of their own.
NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-ec", 'mount -t tmpfs none /run; exec "$@"', "sh")


def begin_again(*arguments):
    """What runs, once more in namespaces of its own: its exit status. None for root, and where that is not permitted."""
    if os.geteuid() == 0 or not shutil.which("unshare") or run(*NAMESPACES, "true", check=False).returncode:
        return None
    return subprocess.run([*NAMESPACES, sys.executable, sys.argv[0], *arguments], check=False).returncode


def run(*words, check=True):
    return subprocess.run(words, check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ip(*words, check=True):
    return run("ip", *words, check=check)


def why_no_net():
    """Why there can be no Net here; an ordinary user's test does not come back from it where there can."""
    status = begin_again(*sys.argv[1:])
    if status is not None:
        sys.exit(status)
    try:
        made = ip("netns", "add", f"bpt{os.getpid()}-try", check=False)
    except FileNotFoundError:
        return "there is no ip command"
    if made.returncode:
        return "network namespaces are not permitted: " + made.stderr.strip()
    linked = ip("-n", f"bpt{os.getpid()}-try", "link", "add", "name", "bridge0", "type", "bridge", check=False)
    ip("netns", "del", f"bpt{os.getpid()}-try", check=False)
    return "bridges are not permitted: " + linked.stderr.strip() if linked.returncode else None


class Net:
    """Hosts 10.77.0.1, 10.77.0.2, ... on one bridge, which has a namespace too: nothing of ours is outside."""

    keeps = [("plugin/peer", {"datagram-socket": 3, "descriptor": 3, "timer": 2}),  # discovery goes on without servers
             ("process", {"watched-descriptor": 3, "descriptor": 3, "timer": 2})]

    def __init__(self, count):
        self.prefix = f"bpt{os.getpid()}"
        self.names = [f"{self.prefix}-{number}" for number in range(1, count + 1)]
        self.hosts = []
        self.carrier = None

    def __enter__(self):
        try:
            ip("netns", "add", self.prefix)
            ip("-n", self.prefix, "link", "add", "name", "bridge0", "type", "bridge")
            ip("-n", self.prefix, "link", "set", "bridge0", "up")
            for number, name in enumerate(self.names, 1):
                ip("netns", "add", name)
                ip("-n", self.prefix, "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
                ip("-n", self.prefix, "link", "set", f"v{number}", "master", "bridge0", "up")
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "brd", "+", "dev", "eth0")
                ip("-n", name, "link", "set", "eth0", "up")
            self.hosts = [Backplane(before=("ip", "netns", "exec", name)) for name in self.names]
            for one in self.hosts:
                one.census.begin()
            return self
        except BaseException:
            self.__exit__(True)
            raise

    def __exit__(self, failed, *_):
        if self.carrier:
            self.carrier.communicate()
        try:
            for one in self.hosts:
                one.finish(failed, self)
        finally:
            for one in self.hosts:
                one.stop()
            for name in [*self.names, self.prefix]:
                ip("netns", "del", name, check=False)

    def cut(self, number):
        ip("-n", self.prefix, "link", "set", f"v{number}", "down")

    def mend(self, number):
        ip("-n", self.prefix, "link", "set", f"v{number}", "up")

    def impair(self, delay, loss):
        """The wire between the two hosts: netem, else a program of ours in the place of the bridge."""
        for number in (1, 2):
            if run("tc", "-n", self.prefix, "qdisc", "add", "dev", f"v{number}", "root", "netem", "delay", f"{delay * 1000}ms",
                  "loss", f"{loss * 100}%", check=False).returncode:
                break
        else:
            return
        for number, name in enumerate(self.names, 1):
            ip("-n", self.prefix, "link", "set", f"v{number}", "nomaster")
            ip("-n", name, "link", "set", "eth0", "gso_max_segs", "1")
        self.carrier = subprocess.Popen(
            ["ip", "netns", "exec", self.prefix, sys.executable, "-c", CARRIER, "v1", "v2", str(delay), str(loss)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.carrier.stdout.readline() == "ready\n"

    def lost(self):
        """How many frames the impaired wire has lost; it is over then."""
        if self.carrier:
            carrier, self.carrier = self.carrier, None
            return int(carrier.communicate()[0])
        said = run("tc", "-n", self.prefix, "-s", "qdisc").stdout
        return sum(int(number) for number in re.findall(r"dropped (\d+)", said))

    def python(self, number, program):
        return subprocess.Popen(["ip", "netns", "exec", self.names[number - 1], sys.executable, "-c", program],
                                stdout=subprocess.PIPE, text=True)


def start(net, number, name, *words):
    said = net.hosts[number - 1].run(" ".join([
        f"module open Peer p port=8888 bind=* insecure=yes server_name={name} heartbeat=300ms", *words]))
    assert any("Opened" in line for line in said), said
