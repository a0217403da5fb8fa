# SPDX-License-Identifier: MIT
"""mqtts.py - what the scenarios of MQTT share: a broker of their own, clients of it, a bridge."""
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


class Broker:
    """Mosquitto, which may be killed and started again, with its data or without."""

    def __init__(self, *lines, port=None):
        self.program = shutil.which("mosquitto", path=TOOLS)
        if not self.program:
            raise Skipped("mosquitto is not here")
        self.folder = tempfile.TemporaryDirectory(prefix="backplane-mosquitto-")
        os.chmod(self.folder.name, 0o777)
        self.port = port or free_port()
        self.lines = list(lines) or ["allow_anonymous true"]
        self.process = None
        self.start()

    def start(self):
        path = self.folder.name + "/mosquitto.conf"
        with open(path, "w") as file:
            file.write("\n".join([f"listener {self.port} 127.0.0.1", "persistence true", "autosave_interval 1", "autosave_on_changes true",
                                  f"persistence_location {self.folder.name}/", "log_dest none"] + self.lines) + "\n")
        self.process = subprocess.Popen([self.program, "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: self.process.poll() is not None or is_listened(self.port))
        assert self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait()

    def forget(self):
        for name in os.listdir(self.folder.name):
            if name.endswith(".db"):
                os.unlink(os.path.join(self.folder.name, name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()


class Subscriber:
    """mosquitto_sub: the messages as they come, (topic, payload)."""

    def __init__(self, broker, topic="#", *more, qos=1, client="reader"):
        program = shutil.which("mosquitto_sub")
        if not program:
            raise Skipped("mosquitto_sub is not here")
        self.process = subprocess.Popen(
            [program, "-p", str(broker.port), "-i", client, "-q", str(qos), "-t", topic, "-t", "bp-mark", "-F", "%t|%r|%x", *more],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.seen, self.lock = [], threading.Lock()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.ready(broker)

    def ready(self, broker):
        """It has subscribed when a message of this test's own has come."""
        mark, end = f"mark/{os.getpid()}/{id(self)}", time.monotonic() + PATIENCE
        self.marked = False
        while not self.marked:
            assert time.monotonic() < end and self.process.poll() is None
            publish(broker, "bp-mark", mark)
            if any(payload == mark.encode() for _, payload in self.messages(marks=True)):
                self.marked = True

    def _read(self):
        for line in self.process.stdout:
            topic, retained, text = line.decode().rstrip("\n").rsplit("|", 2)
            with self.lock:
                self.seen.append((topic, bytes.fromhex(text), retained == "1"))

    def messages(self, marks=False):
        with self.lock:
            return [(topic, payload) for topic, payload, _ in self.seen if marks or topic != "bp-mark"]

    def expect(self, topic, payload):
        eventually(lambda: (topic, payload) in self.messages())

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Relay:
    """In front of a broker; cuts its connections when it is told to. While `deaf`, what passes is dropped: to be cut then."""

    def __init__(self, broker):
        self.broker, self.pairs, self.cuts, self.deaf = broker, [], 0, False
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self.server.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.broker.port))
            except OSError:
                return
            with self.lock:
                self.pairs.append((client, far))
            for one, other in ((client, far), (far, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        try:
            while data := one.recv(65536):
                if not self.deaf:
                    other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        self.cuts += len(pairs)
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        self.cut()


def publish(broker, topic, payload, *more):
    subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-t", topic, "-m", payload, "-q", "1", *more], check=True, timeout=PATIENCE)


def open_bridge(bp, broker, *words, name="hub", wait=True):
    quoted = " ".join('"' + word + '"' if " " in word else word for word in words)
    said = "\n".join(bp.run(f"module open MqttBridge {name} port={broker.port} host=127.0.0.1 prefix=lab reconnect_min=20ms reconnect_max=100ms {quoted}"))
    if wait:
        connected(bp, name)
    return said


def connected(bp, name="hub"):
    eventually(lambda: re.search(rf"{name} .* connected ", "\n".join(bp.run("mqtt list"))))


def info(bp, name="hub"):
    return "\n".join(bp.run(f"mqtt info {name}"))


def send(bp, channel, text):
    """A channel that nobody holds is one that somebody watches."""
    if channel not in bp.__dict__.setdefault("channels", set()):
        bp.channels.add(channel)
        bp.run(f"channel watch -f {channel}")
    bp.log = getattr(bp, "log", "") + "\n".join(bp.run(f"channel send {channel} {text}")) + "\n"
