# SPDX-License-Identifier: MIT
"""natses.py - what the scenarios of NATS share: servers of their own, a client of them, a bridge."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from harness import PATIENCE, Skipped, eventually, free_port, is_listened

TOOLS = os.environ["PATH"] + ":/usr/sbin:" + os.path.join(os.environ.get("BUILD", "build"), "tools") + ":build/tools"


class Server:
    """nats-server, which may be killed and started again, with its data or without."""

    def __init__(self, *lines, port=None, jetstream=False):
        self.program = shutil.which("nats-server", path=TOOLS)
        if not self.program:
            raise Skipped("nats-server is not here")
        self.folder = tempfile.TemporaryDirectory(prefix="backplane-nats-")
        self.port = port or free_port()
        self.lines = list(lines) + ([f'jetstream {{ store_dir: "{self.folder.name}/data" }}'] if jetstream else [])
        self.process = None
        self.start()

    def start(self):
        path = self.folder.name + "/nats.conf"
        with open(path, "w") as file:
            file.write("\n".join([f'listen: "127.0.0.1:{self.port}"'] + self.lines) + "\n")
        self.process = subprocess.Popen([self.program, "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: self.process.poll() is not None or is_listened(self.port))
        assert self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        self.folder.cleanup()


class NatsClient:
    """The protocol in a few lines: messages as (subject, data, headers)."""

    def __init__(self, server, *subjects, **options):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.info = json.loads(self.file.readline().split(b" ", 1)[1])
        self.answered = threading.Condition()
        self.seen, self.by, self.lock, self.pongs, self.sids = [], {}, threading.Lock(), 0, 0
        self.write("CONNECT " + json.dumps({"verbose": False, "pedantic": False, "headers": True, "no_responders": True,
                                            "name": "test", "lang": "py", "version": "1", "protocol": 1, **options}))
        threading.Thread(target=self._read, daemon=True).start()
        for subject in subjects:
            self.subscribe(subject)
        self.flush()

    def write(self, line, data=b""):
        self.socket.sendall(line.encode() + b"\r\n" + data)

    def subscribe(self, subject, queue=""):
        self.sids += 1
        self.write(f"SUB {subject} {queue} {self.sids}")

    def publish(self, subject, data, headers=None, reply="", flush=True):
        data = data if isinstance(data, bytes) else str(data).encode()
        if headers:
            head = ("NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
            self.write(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}", head + data + b"\r\n")
        else:
            self.write(f"PUB {subject} {reply} {len(data)}", data + b"\r\n")
        if flush:
            self.flush()

    def flush(self):
        """The server has taken what was written."""
        with self.answered:
            before = self.pongs
            self.write("PING")
            assert self.answered.wait_for(lambda: self.pongs > before, PATIENCE)

    def request(self, subject, data=b""):
        inbox = f"_INBOX.test{time.monotonic_ns()}"
        self.subscribe(inbox)
        again = time.monotonic()

        def answered():
            nonlocal again
            if time.monotonic() >= again:  # a cluster that elects a leader is silent
                self.publish(subject, data, reply=inbox)
                again = time.monotonic() + 2
            return any(subject == inbox for subject, _, _ in self.everything())
        eventually(answered)
        return next(data for subject, data, _ in self.everything() if subject == inbox)

    def make_stream(self, name, *subjects, **more):
        answer = json.loads(self.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps(
            {"name": name, "subjects": subjects, "storage": "file", "retention": "limits", "discard": "old", "num_replicas": 1,
             "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_consumers": -1, **more})))
        assert "error" not in answer, answer

    def stored(self, name):
        """How many messages the stream has."""
        return json.loads(self.request(f"$JS.API.STREAM.INFO.{name}"))["state"]["messages"]

    def stream(self, name):
        return json.loads(self.request(f"$JS.API.STREAM.INFO.{name}"))

    def consumers(self, name):
        return self.stream(name)["state"]["consumer_count"]

    def pending(self, name, what="num_ack_pending"):
        """Messages that consumers have been sent and have not acknowledged."""
        names = json.loads(self.request(f"$JS.API.CONSUMER.NAMES.{name}"))["consumers"]
        return sum(json.loads(self.request(f"$JS.API.CONSUMER.INFO.{name}.{one}"))[what] for one in names)

    def message(self, name, number):
        return json.loads(self.request(f"$JS.API.STREAM.MSG.GET.{name}", json.dumps({"seq": number})))["message"]

    def read(self, name, count):
        """The messages of a stream, from its beginning."""
        inbox = f"read{time.monotonic_ns()}"
        self.subscribe(inbox)
        sid = self.sids
        self.request(f"$JS.API.CONSUMER.CREATE.{name}", json.dumps({"stream_name": name, "config": {
            "deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all", "replay_policy": "instant"}}))
        eventually(lambda: len(self.by_sid(sid)) >= count)
        return self.by_sid(sid)

    def by_sid(self, sid):
        with self.lock:
            return list(self.by.get(sid, []))

    def _read(self):
        try:
            while line := self.file.readline():
                words = line.decode().split()
                if words[0] == "PING":
                    self.write("PONG")
                elif words[0] == "PONG":
                    with self.answered:
                        self.pongs += 1
                        self.answered.notify_all()
                elif words[0] in ("MSG", "HMSG"):
                    size, head = int(words[-1]), int(words[-2]) if words[0] == "HMSG" else 0
                    data = self.file.read(size + 2)[:size]
                    with self.lock:
                        self.seen.append((words[1], data[head:], data[:head].decode()))
                        self.by.setdefault(int(words[2]), []).append(data[head:])
        except (OSError, ValueError):
            pass

    def everything(self):
        with self.lock:
            return list(self.seen)

    def messages(self):
        return [(subject, data) for subject, data, _ in self.everything() if not subject.startswith("_INBOX")]

    def expect(self, subject, data):
        data = data if isinstance(data, bytes) else str(data).encode()
        eventually(lambda: (subject, data) in self.messages())

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def open_bridge(bp, server, *words, name="fleet", wait=True):
    quoted = " ".join('"' + word + '"' if " " in word else word for word in words)
    hosts = " ".join(f"host=127.0.0.1:{one.port}" for one in (server if isinstance(server, (list, tuple)) else [server]))
    said = "\n".join(bp.run(f"module open NatsBridge {name} {hosts} prefix=lab reconnect_min=20ms reconnect_max=100ms {quoted}"))
    if wait:
        connected(bp, name)
    return said


def connected(bp, name="fleet"):
    eventually(lambda: re.search(rf"{name} .* connected ", "\n".join(bp.run("nats list"))))


def info(bp, name="fleet"):
    return "\n".join(bp.run(f"nats info {name}"))


def heard(bp, pattern):
    """A watched channel has said it."""
    def look():
        bp.log = getattr(bp, "log", "") + "\n".join(bp.run("echo")) + "\n"
        return re.search(pattern, bp.log)
    eventually(look)
