#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""states.py - every module says how it is: ok, waiting for something, failed; wherever states are shown."""
import json
import os
import re
import resource
import socket
import urllib.request

from harness import Client, eventually, free_port, main
from hosts import Others, host, serve
from uarts import Device


class States:
    """What the channel `problems` tells, from now on."""

    def __init__(self, bp):
        self.run, self.told = bp.run, []
        bp.run = self.take  # what is told is among the lines of whatever is run
        bp.run("channel watch problems")

    def take(self, command):
        lines = self.run(command)
        self.told += [json.loads(line[len("problems: "):]) for line in lines if line.startswith("problems: ")]
        return [line for line in lines if not line.startswith("problems: ")]

    def of(self, name):
        """The states of an instance so far, as [(state, reason)]."""
        self.take(".echo")
        return [(row["state"], row["reason"]) for row in self.told if row["instance"] == name]

    def until(self, name, state, reason=""):
        """Its last state is this one."""
        def is_so():
            rows = self.of(name)
            return rows and rows[-1][0] == state and reason in rows[-1][1]
        assert eventually(is_so), self.of(name)

    def passed(self, name, state, reason):
        """It had this state; it may have another reason by now."""
        assert eventually(lambda: any(row[0] == state and reason in row[1] for row in self.of(name))), self.of(name)

    def went(self, name):
        """Without repetitions: of a state with another reason there is a line too."""
        rows = [state for state, reason in self.of(name)]
        return [state for at, state in enumerate(rows) if not at or rows[at - 1] != state]


def shown(bp, name):
    """The state in the list of modules."""
    lines = bp.run("module list")
    row = next(line for line in lines if re.match(rf"{re.escape(name)}\s+[A-Z]", line))
    return re.split(r"\s{2,}", row)[2]


def listener(port=0):
    there = socket.create_server(("127.0.0.1", port))
    there.settimeout(20)
    return there


def web(bp):
    bp.run("module open WebServer web port=0")
    port = re.search(r"127\.0\.0\.1:(\d+)", "\n".join(bp.run("module info web")))[1]
    return lambda path: urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read().decode()


def test_of_one_that_connects(bp):
    """An EndpointClient: waiting, ok, failed, waiting, ok; as it is shown everywhere."""
    states, get, there = States(bp), web(bp), listener()
    port = there.getsockname()[1]
    bp.run(f"module open EndpointClient ask port={port} max_reconnect_attempts=1 reconnect_delay=0.01")
    client = there.accept()[0]
    states.until("ask", "ok", "Connected to 127.0.0.1")
    assert "problem" not in get("/api/v1/problems") and 'instance_state{instance="ask"} 0' in get("/metrics")
    assert not any("ask" in line for line in bp.run("status --check")), bp.run("status --check")
    there.close()
    client.close()
    states.until("ask", "failed", "tried again with the next request")
    assert "failed: Connection to 127.0.0.1" in shown(bp, "ask")
    assert any("ask" in line and "failed" in line for line in bp.run("status")), bp.run("status")
    assert 'instance_state{instance="ask"} 2' in get("/metrics")
    assert json.loads(get("/api/v1/problems"))[0]["id"] == "ask"
    there = listener(port)
    bp.run('channel send ask/send {"request":"ping"}')
    client = there.accept()[0]
    states.until("ask", "ok")
    assert states.went("ask") == ["waiting", "ok", "failed", "waiting", "ok"], states.of("ask")
    bp.run("module close ask")
    there.close()
    client.close()


def test_tcp_client(bp):
    states, there = States(bp), listener()
    port = there.getsockname()[1]
    bp.run(f"module open TCPClient c host=127.0.0.1 port={port} reconnect_min=0.01 reconnect_max=0.02")
    client = there.accept()[0]
    states.until("c", "ok", f"connected to 127.0.0.1:{port}")
    there.close()
    client.close()
    states.until("c", "failed", "refused")
    there = listener(port)
    client = there.accept()[0]
    states.until("c", "ok")
    assert states.went("c") == ["waiting", "ok", "failed", "ok"], states.of("c")
    bp.run("module close c")
    there.close()
    client.close()


def test_uart_and_its_server(bp):
    """A plug that is pulled is waited for, by the server of the port too."""
    states = States(bp)
    bp.run("module open UARTServer s uart=u port=0")
    states.until("s", "waiting", "there is no UART u")
    device = Device(bp)
    bp.run(f"module open UART u port={device.link} reopen_min=0.01 reopen_max=0.02")
    assert "is open" in shown(bp, "u") and "u on 127.0.0.1" in shown(bp, "s")
    device.unplug()
    states.passed("u", "waiting", "is gone")
    states.until("s", "waiting", "u is not open")
    device.plug()
    states.until("u", "ok")
    states.until("s", "ok", "u on 127.0.0.1")
    bp.run("module close u")
    states.until("s", "waiting", "there is no UART u")


def test_server_without_descriptors(bp):
    states = States(bp)
    bp.run("module open TCPServer t port=0")
    port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", shown(bp, "t"))[1])
    used = max(int(fd) for fd in os.listdir(f"/proc/{bp.process.pid}/fd")) + 1
    before = resource.prlimit(bp.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(bp.process.pid, resource.RLIMIT_NOFILE, (used, before[1]))
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(used)]
    states.until("t", "failed", "no connection can be accepted: Too many open files; raise the limit")
    resource.prlimit(bp.process.pid, resource.RLIMIT_NOFILE, before)
    states.until("t", "ok", f"listening on 127.0.0.1:{port}")
    for client in clients:
        client.close()


def test_peer(bp):
    states, port = States(bp), free_port()
    host(bp, "A", free_port(), f"connect=127.0.0.1:{port}")
    states.until("p", "failed", "refused; 0 of 1 hosts are connected")
    with Others(1) as (other,):
        host(other, "B", port)
        states.until("p", "ok", "all hosts are connected")
    states.until("p", "failed", "0 of 1 hosts are connected")
    assert states.went("p") == ["waiting", "failed", "ok", "failed"], states.of("p")


def test_udp(bp):
    states, port = States(bp), free_port()
    bp.run(f"module open UDPSocket u to=127.0.0.1:{port}")
    assert "bound to 127.0.0.1" in shown(bp, "u")
    bp.run("channel send u/send x")
    states.until("u", "failed", "nobody listens there")
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.bind(("127.0.0.1", port))
    bp.run("channel send u/send x")
    there.sendto(b"y", there.recvfrom(10)[1])
    states.until("u", "ok", "bound to")
    there.close()
    bp.run("module close u")


def test_mesh(bp):
    states = States(bp)
    bp.run("module open MeshPages pages port=0 gateway=m")
    bp.run("module open MeshShutdown shut port=0 gateway=m token=x")
    states.until("pages", "waiting", "there is no MeshGateway m")
    states.until("shut", "waiting", "there is no MeshGateway m")
    bp.run("module open MeshGateway m port=0 uart=u")
    states.until("m", "waiting", "UART u is not open")
    states.until("pages", "ok", "pages of m")
    states.until("shut", "ok", "POST /shutdown for m")
    device = Device(bp)
    bp.run(f"module open UART u port={device.link} reopen_min=0.01 reopen_max=0.02")
    states.until("m", "ok", "root on u/recv")
    device.unplug()
    states.until("m", "waiting", "UART u is not open")
    bp.run("module close m")
    states.until("pages", "waiting")
    states.until("shut", "waiting")
    bp.run("module close u")


def test_mesh_that_cannot_write(bp):
    states = States(bp)
    os.mkfifo(bp.folder + "/values.db")
    bp.run(f"module open MeshGateway m port=0 recv=x/recv send=x/send database={bp.folder}/values.db")
    states.until("m", "failed", "values are not written")


def test_echo(bp):
    bp.run("module open Echo e on=t")
    assert "waiting: there is no instance t yet" in shown(bp, "e")
    bp.run("module open TCPServer t port=0")
    port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", shown(bp, "t"))[1])
    client = Client(port)
    client.send("hello")
    client.expect("hello")
    assert shown(bp, "e") == "answers t"
    client.close()


def test_every_module_says_something(bp):
    """One that is ok has a reason too: what it listens on, what it reads."""
    serve(bp)
    for words in ("TCPServer a port=0", "TelnetServer b port=0", "WebServer c port=0", "WebSocketServer d port=0",
                  "WebSocketTelnetServer e port=0", "UDPServer f port=0", "ControlServer g", "Exec h command=cat"):
        bp.run("module open " + words)
    rows = {name: shown(bp, name) for name in "abcdfeh"}
    assert all("127.0.0.1" in rows[name] for name in "abcdfe"), rows
    assert rows["h"].startswith("runs, pid"), rows
    assert "127.0.0.1" in shown(bp, "ep")


main("states", globals())
