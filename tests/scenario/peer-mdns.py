#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer-mdns.py - hosts that find each other by multicast DNS alone: two machines in namespaces, each with a bus and an avahi of
its own, and the ports of our datagrams taken by somebody else.

Where namespaces are not permitted or avahi is missing the test is skipped, and says so.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from harness import Backplane, main
from hosts import wait_for
from network import Net, start, why_no_net

BUS = """<busconfig><type>system</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true"/><allow receive_requested_reply="true"/></policy></busconfig>
"""
AVAHI = "[server]\nhost-name={name}\nuse-ipv6=no\nallow-interfaces=eth0\n[publish]\npublish-workstation=no\n"
TAKEN = """
import socket, sys
taken = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for one, port in zip(taken, (8889, 8890)):
    one.bind(("0.0.0.0", port))
print("ready", flush=True)
sys.stdin.read()
"""


class Machine:
    """A bus, avahi, and a program that takes the ports 8889 and 8890, in the namespace `name`."""

    def __init__(self, name):
        self.name, self.folder = name, tempfile.mkdtemp(prefix="backplane-mdns-")
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/bus"}
        self.programs = []
        for file, text in ("bus.conf", BUS.format(folder=self.folder)), ("avahi.conf", AVAHI.format(name=name)):
            with open(os.path.join(self.folder, file), "w") as out:
                out.write(text)
        self.taken = self.begin(sys.executable, "-c", TAKEN, stdin=subprocess.PIPE)
        assert self.taken.stdout.readline() == "ready\n"
        bus = self.begin("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--print-address=1")
        assert bus.stdout.readline().startswith("unix:")

    def begin(self, *words, **more):
        self.programs.append(subprocess.Popen(["ip", "netns", "exec", self.name, *words], stdout=subprocess.PIPE,
                                              stderr=subprocess.DEVNULL, text=True, env=self.environment, **more))
        return self.programs[-1]

    def begin_avahi(self):
        """In a mount namespace of its own (ip netns exec makes it), so that its pid file is, and the user that it looks for."""
        for kind, line in ("passwd", "avahi:x:0:0::/:/bin/false"), ("group", "avahi:x:0:"):
            shutil.copy("/etc/" + kind, self.folder)
            with open(os.path.join(self.folder, kind), "a") as out:
                out.write(line + "\n")
        return self.begin("sh", "-ec", f"mount --bind {self.folder}/passwd /etc/passwd; mount --bind {self.folder}/group /etc/group; "
                          "mount -t tmpfs none /run; mkdir /run/avahi-daemon; exec avahi-daemon "
                          f"-f {self.folder}/avahi.conf --no-drop-root --no-chroot --no-rlimits --no-proc-title")

    def host(self):
        return Backplane(before=("ip", "netns", "exec", self.name, "env",
                                 "DBUS_SYSTEM_BUS_ADDRESS=" + self.environment["DBUS_SYSTEM_BUS_ADDRESS"]))

    def end(self):
        for one in reversed(self.programs):
            one.terminate()
            one.communicate()
        shutil.rmtree(self.folder)


def test_found_by_mdns(bp):
    with Net(2) as net:
        machines = [Machine(name) for name in net.names]
        try:
            for number, machine in enumerate(machines):
                net.hosts[number].stop()
                net.hosts[number].remove()
                net.hosts[number] = machine.host()
            # Before avahi runs, while it does, when it has gone, and when it is there again.
            start(net, 1, "ha", "project_id=alpha", "secret=s")
            daemons = [machine.begin_avahi() for machine in machines]
            start(net, 2, "hb", "project_id=alpha", "secret=s")
            wait_for(net.hosts[0], "discovery list", r"up +hb +10\.77\.0\.2:8888 +alpha")
            wait_for(net.hosts[0], "peer list", r"hb +up")
            wait_for(net.hosts[1], "peer list", r"ha +up")
            net.hosts[1].run("module close p")
            wait_for(net.hosts[0], "discovery list", r"(down|suspect) +hb")
            daemons[0].terminate()
            daemons[0].wait()
            start(net, 2, "hb2", "project_id=alpha", "secret=s")
            machines[0].begin_avahi()
            wait_for(net.hosts[0], "discovery list", r"up +hb2 ")
            assert "peer" not in "\n".join(net.hosts[0].run("plugin unload peer") and net.hosts[0].run("plugin list"))
        finally:
            for machine in machines:
                machine.end()


missing = [name for name in ("avahi-daemon", "dbus-daemon") if not shutil.which(name)]
reason = why_no_net() or (f"{missing[0]} is not installed" if missing else None)
if reason:
    print(f"    (skipped: {reason})")
    print("scenario-peer-mdns: 0 passed, 0 failed")
    sys.exit(0)
main("scenario-peer-mdns", globals())
