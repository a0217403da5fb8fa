# SPDX-License-Identifier: MIT
"""world.py - one episode: a program with a server of every kind, its clients, and the actions that the mixes are made of.

Every choice is drawn from one generator and none depends on what the program answers, so a seed repeats its actions.
"""
import collections
import os
import random
import re
import signal
import socket
import time
from contextlib import contextmanager

from clients import Client, Datagrams, Device, TlsClient, pump
from host import Host
from traffic import HELLO, KINDS
from words import PLUGINS, Words, spoil

# name, class, plugin, what its clients speak, parameters; {name} is the port of that one.
SERVERS = [
    ("tel", "TelnetServer", "telnet", "telnet", "port={tel}"),
    ("guess", "TelnetServer", "telnet", "telnet", "port={guess} handler=guess"),
    ("tls", "TelnetServer", "telnet", "tls", "port={tls} tls=yes tls_cert={cert}"),
    ("con", "TCPServer", "tcp", "line", "port={con} handler=console"),
    ("tcp", "TCPServer", "tcp", "raw", "port={tcp}"),
    ("echo", "TCPServer", "tcp", "line", "port={echo} handler=echo"),
    ("ws", "WebSocketServer", "wsserver", "websocket", "port={ws} enable_monitoring=yes"),
    ("wst", "WebSocketTelnetServer", "wsserver", "ws_telnet", "port={wst}"),
    ("web", "WebServer", "web", "http", "port={web}"),
    ("udp", "UDPServer", "udp", "datagram", "port={udp}"),
    ("usock", "UDPSocket", "udp", None, "to=127.0.0.1:{udp}"),
    ("uart", "UART", "uart", "device", "port=./tty0 framing=lines reopen_min=10ms"),
    ("rfc", "UARTServer", "uart", "rfc2217", "uart=uart port={rfc}"),
    ("raw", "UARTServer", "uart", "raw", "uart=uart port={raw} mode=raw writers=many"),
    ("root", "UART", "uart", "root", "port=./tty1 reopen_min=10ms"),
    ("mesh", "MeshGateway", "mesh", "mesh", "uart=root port={mesh} listener=optional shutdown_port={off} shutdown_token=t ws_port={pages}"),
    ("ep", "EndpointServer", "peer", "endpoint", "port={ep}"),
    ("pa", "Peer", "peer", "endpoint", "port={pa} server_name=hosta enable_discovery=no export=* heartbeat=300ms"),
    ("pb", "Peer", "peer", "endpoint", "port={pb} server_name=hostb enable_discovery=no connect=127.0.0.1:{pa} import=hosta/c/*"),
    ("tc", "TCPClient", "tcp", None, "host=127.0.0.1 port={tcp} reconnect_min=10ms reconnect_max=50ms"),
    ("epc", "EndpointClient", "peer", None, "port={ep} reconnect_delay=10ms max_reconnect_attempts=1000"),
    ("ex", "Exec", "exec", None, "command=cat restart_after=50ms"),
    ("rep", "Echo", "echo", None, "on=tcp"),
]
BY_NAME = {row[0]: row for row in SERVERS}
EXTRA = {"pages": "websocket", "off": "http"}  # ports that `mesh` opens beside its own
CHANNELS = ["console", "log", "sessions", "discovery", "*", "tcp/*", "c/*", "c/1", "c/2", "c/3", "tel/recv", "tel/send", "tcp/recv",
            "tcp/send", "tcp/1/send", "tcp/2/recv", "con/recv", "ws/send", "ws/recv", "wst/send", "udp/recv", "udp/send", "uart/recv",
            "uart/send", "uart/raw/recv", "uart/raw/send", "root/recv", "root/send", "mesh/recv", "mesh/send", "mesh/log", "pa/recv",
            "pa/send", "pb/events", "hosta/c/1", "tc/recv", "tc/send", "epc/send", "ex/recv", "ex/send", "session/3/send", "session/5/recv", "web/access",
            "7", "99999", "[x]", "nosuch"]


class World:
    def __init__(self, seed, base, launch=None):
        self.rng = random.Random(seed)
        self.log = collections.deque(maxlen=60)
        names = list(BY_NAME) + list(EXTRA)
        self.ports = {name: base + number for number, name in enumerate(names)}
        self.clients, self.number, self.count = [], 0, 0
        self.words = Words(self.rng, names, CHANNELS, [f"127.0.0.1:{self.ports[name]}" for name in ("tcp", "ep", "pa", "udp", "con")] +
                           ["no.such.name.invalid:9", "127.0.0.1:1", "[::1]:80", "x", "127.0.0.1:99999"])
        self.host = Host("modules: {}\n", launch)
        self.plugins = [name for name in PLUGINS if not launch or name != "console"]
        # With it goes the program; of what others type the terminal recalls the history.
        self.words.avoided += ["console", "terminal", "exit", "logout", "kill"] if launch else []
        self.devices = [Device(f"{self.host.folder}/tty{number}") for number in range(2)]
        self.make_files()
        # What a bare host has is what it must have at the end.
        self.load(self.plugins, "unload")
        self.before = self.host.counts()
        self.load(self.plugins, "load")
        self.host.write_config(self.config())
        self.host.process.send_signal(signal.SIGHUP)
        self.host.wait_until(lambda: "rep " in self.host.control("module list"), "SIGHUP does not open the modules")
        self.words.learn(self.ports["web"])
        self.log.clear()

    # --- what is there ---

    def params(self, name):
        return BY_NAME[name][4].format(cert=os.environ.get("CHAOS_CERT", "none.pem"), **self.ports)

    def config(self, names=None, extra=""):
        lines = ["modules:"] if names is None or names else ["modules: {}"]
        for name in BY_NAME if names is None else names:
            if name == "tls" and "CHAOS_CERT" not in os.environ:
                continue
            lines += [f"  {name}:", f"    class: {BY_NAME[name][1]}"]
            lines += [f"    {key}: {value!r}" if value[:1] in "*[" else f"    {key}: {value}"
                      for key, value in (pair.split("=", 1) for pair in self.params(name).split())]
        return "\n".join(lines) + "\n" + extra

    def make_files(self):
        """The files that commands are given; most are not what is expected."""
        contents = {"text": b"hello\n", "script": b"echo a\n# b\nstatus|help\nwait 0.01\nnosuch\n", "self": b"execute self\n", "empty": b"",
                    "binary": self.rng.randbytes(5000), "long": b"echo " + b"x" * 200000, "recording": b"#backplane uart 1\n"}
        for name, data in contents.items():
            with open(f"{self.host.folder}/{name}", "wb") as file:
                file.write(data)
        os.mkfifo(self.host.folder + "/fifo")
        os.mkdir(self.host.folder + "/folder")
        for name, target in (("link", "text"), ("loop", "loop"), ("full", "/dev/full"), ("null", "/dev/null")):
            os.symlink(target, f"{self.host.folder}/{name}")

    def load(self, plugins, verb):
        self.host.control("\n".join(f"plugin {verb} {name}" for name in plugins))

    # --- actions ---

    def did(self, text):
        self.count += 1
        self.log.append(f"{self.count}: {text if len(text) < 240 else text[:240] + '...'}")

    def ask(self, command):
        self.did(f"control: {command}")
        self.pump()
        self.host.make_room()
        self.host.tell(command)

    def reopen(self, names):
        """What is closed is opened again; the plugins of it too."""
        plugins = [plugin for plugin in PLUGINS if any(BY_NAME[name][2] == plugin for name in names)]
        self.ask("\n".join([f"plugin load {one}" for one in plugins] +
                          [f"module open {BY_NAME[name][1]} {name} {self.params(name)}" for name in names]))

    def connect(self, name, hello=True):
        """A client of the server `name`, or of the control socket."""
        self.number += 1
        label = f"{name}#{self.number}"
        self.did(f"{label} connects")
        if name == "control":
            client, kind = Client(label, self.host.path), "control"
        elif name in EXTRA:
            client, kind = Client(label, ("127.0.0.1", self.ports[name])), EXTRA[name]
        else:
            kind = BY_NAME[name][3]
            client = {"datagram": Datagrams, "tls": TlsClient}.get(kind, Client)(label, ("127.0.0.1", self.ports[name]))
        client.kind = kind
        if hello and kind in HELLO:
            client.say(HELLO["pages" if name == "pages" else "monitor" if self.rng.random() < 0.1 else kind])
        self.clients.append(client)
        return client

    def speak(self, client, spoilt=0.3):
        kind = "root" if client is self.devices[1] else getattr(client, "kind", "device")
        data = KINDS[kind](self.rng, self.words)
        if self.rng.random() < spoilt:
            data = spoil(self.rng, data)
        if self.rng.random() < 0.05:
            data = self.rng.randbytes(self.rng.choice([1, 10, 1000, 30000]))
        self.did(f"{client.name} sends {data[:120]!r}{' and more' if len(data) > 120 else ''} ({len(data)} bytes)")
        client.say(data)

    def leave(self, client):
        how = self.rng.choice(["reset", "reset", "close", "half", "small"])
        self.did(f"{client.name}: {how}")
        {"reset": client.reset, "close": client.drop, "half": client.half, "small": client.small}[how]()
        if how in ("reset", "close") and client in self.clients:
            self.clients.remove(client)

    def plug(self):
        device = self.rng.choice(self.devices)
        self.did(f"{device.name} is unplugged and plugged in")
        device.plug()

    def everybody(self, most=40):
        """The clients there are; the oldest go when they are too many. Those that the program has closed are among them, as it is
        not for the program to say what happens next."""
        while len(self.clients) > most:
            self.clients.pop(0).reset()
        return list(self.clients)

    def all_leave(self):
        self.did("all clients leave")
        for client in self.clients:
            client.reset() if self.rng.random() < 0.5 else client.drop()
        self.clients = []
        self.host.forget()

    @contextmanager
    def one_turn(self):
        """What is done in here, the program meets in one turn of its loop."""
        self.did("SIGSTOP")
        self.host.process.send_signal(signal.SIGSTOP)
        goes_on = self.host.patience()
        while self.host.usage()[0] not in "Tt" and goes_on():
            time.sleep(0.0005)
        try:
            yield
        finally:
            self.did("SIGCONT")
            self.host.process.send_signal(signal.SIGCONT)

    def held(self, count):
        """Control connections on which commands can be sent while the program is stopped."""
        self.host.make_room()
        return [self.host.tell(None) for _ in range(count)]

    def send_held(self, dialled, command):
        self.did(f"control (held): {command}")
        dialled.sendall(command.encode() + b"\n")
        dialled.shutdown(socket.SHUT_WR)

    def alive(self):
        """After every few actions: it answers."""
        self.pump()
        self.host.control("echo alive")

    def pump(self):
        """Everybody reads and writes what can be."""
        pump(self.clients + self.devices + ([self.host.terminal] if self.host.terminal else []))

    # --- the end ---

    def close_everything(self):
        """As a user would: sessions, timers, savings, links, modules, plugins."""
        self.all_leave()
        self.did("everything is closed")
        host = self.host
        if host.terminal:  # what was typed ahead there is run yet, and it goes on watching what it has watched
            host.terminal.reading, host.terminal.unsent = True, b"\x03\r"
            self.words.forced.update(CHANNELS)
        self.close_what_is_open()
        host.settle(self.before, "after everything was closed there is", self.words.forced, self.close_again if host.terminal else host.nothing)
        host.rests()

    def close_again(self):
        self.pump()
        self.close_what_is_open()

    def close_what_is_open(self):
        host = self.host
        host.control("timer* off")
        kept = 2 if host.terminal else 1  # the first ones are its own
        host.control("\n".join(f"session kill {number}" for number in host.sessions()[kept:]))
        for line in host.control("channel list").splitlines():
            name = re.match(r"[* ]\s*\d+: (\S+)", line) if "session/" not in line else None
            name = name[1] if name else ""
            links = [link.split()[-1] for link in host.control(f"channel info {name}").splitlines() if "linked to" in link] if name else []
            if links:
                host.control("\n".join(f"channel unlink {name} {link}" for link in links))
        saved = [line.split()[0] for line in host.control("channel save").splitlines()[1:] if line.strip()]
        if saved:
            host.control("\n".join(f"channel save {name} --stop" for name in saved))
        opened = host.control("module list").split("Loaded Modules", 1)[-1].splitlines()[1:]
        names = [line.split()[0] for line in opened if line.strip() and line.split()[0] not in ("control", "terminal")]
        if names:
            host.control("\n".join(f"module close {name}" for name in names))
        self.load(self.plugins + ["jobs", "loops", "self-unload"], "unload")

    def drop(self):
        for client in self.clients + self.devices:
            client.drop()
