# SPDX-License-Identifier: MIT
"""hosts.py - endpoint servers and hosts to talk to: clients written from the protocol's description alone, more programs
of ours, a way to a port that can be cut."""
import json
import os
import re
import socket
import threading
import time

from harness import PATIENCE, Backplane, Client, free_port

HASH = "1608ea132b3bebbb"


def wait_for(bp, command, pattern, seconds=40):
    """Asks until the answer has it."""
    end = time.monotonic() + seconds
    while True:
        said = "\n".join(bp.run(command))
        if re.search(pattern, said):
            return said
        assert time.monotonic() < end, f"{pattern!r} did not come: {said}"


def wait_for_file(path, contents, seconds=PATIENCE):
    contents = contents if isinstance(contents, bytes) else contents.encode()
    end = time.monotonic() + seconds
    while True:
        with open(path, "rb") as file:
            there = file.read()
        if there == contents:
            return
        assert time.monotonic() < end, there
        os.sched_yield()


def serve(bp, *words, name="ep", module="EndpointServer"):
    port = free_port()
    said = bp.run(" ".join([f"module open {module} {name} port={port} server_name=W", *words]))
    assert any("Opened" in line for line in said), said
    return port


class Original(Client):
    """As the real client: dumps and a line end, and the end of what it has read must be one."""

    def ask(self, message):
        self.send(json.dumps(message).encode() + b"\n")
        return self.answer()

    def answer(self):
        return json.loads(self.expect(b"\n"))


def host(bp, name, port, *words):
    said = bp.run(" ".join([f"module open Peer p port={port} server_name={name} enable_discovery=no heartbeat=300ms", *words]))
    assert any("Opened" in line for line in said), said


class Others:
    """More programs, ended with the test. What is theirs is looked at when they have closed it: links to them are still there."""

    def __init__(self, count):
        self.all = [Backplane() for _ in range(count)]
        for one in self.all:
            one.census.begin()

    def __enter__(self):
        return self.all

    def __exit__(self, failed, *_):
        for one in self.all:
            one.finish(failed)


def shake(port, name="orig", project="default"):
    peer = Original(port)
    reply = peer.ask({"type": "peer_handshake", "node_id": "id-" + name, "name": name, "project_id": project, "hash": HASH,
                      "timestamp": "2026-11-21T08:13:21.659887"})
    return peer, reply


class Hole:
    """A way to a port that can be cut."""

    def __init__(self, to):
        self.to = to
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.open = True
        self.count = 0  # reads that were handed on
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            if not self.open:
                near.close()
                continue
            try:
                near, far = self.join(near)
            except OSError:
                near.close()
                continue
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def join(self, near):
        return near, socket.create_connection(("127.0.0.1", self.to))

    def carried(self, data):
        self.count += 1
        return data

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(self.carried(data))
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.open = False
        for pair in self.pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def mend(self):
        self.open = True

    def close(self):
        self.cut()
        self.server.close()
