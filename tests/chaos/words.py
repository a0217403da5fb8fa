# SPDX-License-Identifier: MIT
"""words.py - random command lines, made of the host's own tables, and random bytes made of good ones."""
import json
import os
import urllib.request

from host import BUILD

# What ends the program, and what takes away the socket by which it is asked whether it lives.
ENDS = {"quit", "shutdown", "restart"}
PLUGINS = sorted(name[:-3] for name in os.listdir(BUILD + "/plugins") if name.endswith(".so") and name != "control.so")
# Of tests/plugins; the shims there are not plugins.
OTHERS = [f"{BUILD}/tests/plugins/{name}.so" for name in ("jobs", "loops", "self-unload", "leaves-source", "leaves-type", "fails-load", "bad-abi", "bad-name", "no-symbol")]
FILES = ["text", "script", "self", "empty", "binary", "long", "fifo", "folder", "folder/new", "none/new", "link", "loop", "full",
         "null", "new1", "new2", "state/backplane/settings.ini", "config.yaml", "recording"]
PROGRAMS = ["cat", "true", "false", "sleep 0.1", "/no/such", "sh -c 'exit 3'", "head -c 100000 /dev/zero", "sh -c 'cat & cat'"]
LINES = ["echo hello", "status", "help", "channel list", "version", "session list", "module list", "find a", "thread", "schedule",
         "channel send c/1 x", "nosuch", "alias", "set", "register", "plugin list", "wait 0.01", "channel info console"]
TEXTS = ["", "x", "hello world", "\"", "'", "\\", "{index}", "a|b", "|", "\x1b[2J", "\u00e4\u2028\U0001f600", "%s%n", "../..",
         "x" * 300, "x" * 5000, "{\"a\":[1,{}]}", "{\"type\":\"ping\"}", "=", "a=b", "-h", "--", "--help", "*", "?", "[", "\0", "0"]
NUMBERS = ["0", "1", "-1", "2", "3", "10", "255", "256", "65535", "65536", "4294967295", "4294967296", "9223372036854775807", "-5",
           "1e9", "0x10", "nan", "1.5", ""]


class Words:
    def __init__(self, rng, names, channels, addresses):
        """`names` of instances, `channels`, `addresses` as HOST:PORT that the actions have made."""
        self.rng, self.names, self.channels, self.addresses = rng, names, channels, addresses
        self.commands, self.modules, self.paths = [], [], []
        self.avoided = ["quit", "shutdown", "restart", "control", "kernel", "Control", "Terminal"]
        self.forced = set()  # channels that `-f` has made: they stay for good

    def learn(self, port):
        """Asks the running host what there is."""
        def get(what):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{what}", timeout=30) as answer:
                return json.load(answer)
        self.commands = [row for row in get("commands") if row["id"] not in ENDS]
        self.modules = get("modules")
        paths = get("openapi.json")["paths"]
        self.paths = sorted((path, method) for path, methods in paths.items() for method in methods)

    # --- values ---

    def channel(self):
        return self.rng.choice(self.channels)

    def text(self):
        return self.rng.choice(TEXTS)

    def number(self, row=()):
        if "max" in row and self.rng.random() < 0.8:
            low, high = int(row.get("min", 0)), min(int(row["max"]), int(row.get("min", 0)) + 20000)
            return str(self.rng.randint(low, max(low, high)))
        return self.rng.choice(NUMBERS)

    def duration(self):
        return self.rng.choice(["0", "1ms", "10ms", "0.05", "50ms", "0.2", "1", "5m", "-1", "x"])

    def named(self, command, name):
        """A word for a parameter of that name."""
        rng = self.rng
        if name in ("file", "data_info", "database", "log_folder", "folder", "tls_cert", "tls_key", "tls_client_ca"):
            return ("" if command.startswith("plugin") else "./" if rng.random() < 0.2 else "") + rng.choice(FILES)
        if command.startswith("plugin") or name == "plugin":
            return rng.choice(PLUGINS + OTHERS + ["jobs", "loops", "self-unload", "nosuch", "./text", "./fifo", "./folder"])
        if command.startswith(("channel", "uart replay")) or name in ("channel", "glob", "export", "import", "recv", "send"):
            return self.channel()
        if name in ("command", "commands"):
            return self.line(1)
        if name in ("address", "to", "connect", "server"):
            return rng.choice(self.addresses)
        if name == "handler":
            return rng.choice(["console", "echo", "guess", "nosuch"])
        if name in ("transport", "class", "module"):
            return rng.choice(["telnet", "tcp", "websocket", "ws_telnet"] + [row["id"] for row in self.modules])
        if name in ("host", "bind"):
            return rng.choice(["127.0.0.1", "::1", "localhost", "0.0.0.0", "./sock", "no.such.name.invalid", "*", "256.1.1.1"])
        if name == "context":
            return rng.choice(["/", "/a", "/device/uart0", "//", "a", "/..", "/a/b/c/d/e"])
        if name in ("key", "setting"):
            return rng.choice(["default_telnet_port", "default_webserver_port", "a", "b.c", "history_limit"])
        if name == "times":
            return rng.choice(["1", "2", "5", "off", "3"])
        return rng.choice(self.names + ["hosta", "hostb", "nosuch", self.text(), self.number()])

    def value(self, command, row):
        kind, name = row["type"], row["name"]
        if kind == "int":
            return self.number(row)
        if kind in ("double", "bytes"):
            return self.rng.choice(["512", "1K", "4K", "1M", "0", "-1", "9E", "1.5"])
        if kind == "duration":
            return self.duration()
        if kind == "bool":
            return self.rng.choice(["yes", "no", "on", "maybe"])
        if kind == "choice":
            return self.rng.choice(row.get("choices") or ["x"])
        if kind == "rest" and name in ("text", "data", "json"):
            return self.text().replace("\0", "")
        return self.named(command, name).replace("\0", "").replace("\n", "")

    def pairs(self, module):
        """key=value words for a module."""
        row = next((one for one in self.modules if one["id"] == module), None)
        if not row:
            return ""
        chosen = [one for one in row["params"] if one["required"] or self.rng.random() < 0.1]
        if module == "Exec":
            chosen = [one for one in chosen if one["name"] not in ("command", "env", "memory")]
            return f"command={quoted(self.rng.choice(PROGRAMS))} " + " ".join(f"{one['name']}={quoted(self.value('exec', one))}" for one in chosen)
        return " ".join(f"{one['name']}={quoted(self.value('module open', one))}" for one in chosen)

    # --- lines ---

    def command(self, row):
        rng, words = self.rng, [row["id"]]
        if row["id"] == "timer":
            words = ["timer" + rng.choice(["", "a", "b", "*", "c?"])]
        if row["id"] in ("loop", "timer", "alias", "threaded", "batch add", "execute"):
            return self.bounded(row["id"], words[0])
        for one in row["params"]:
            if not (one["required"] or rng.random() < 0.4) or one["name"] == "force":
                continue  # what `force` makes stays for good
            count = rng.choice([1, 1, 1, 2, 3]) if one["many"] else 1
            for _ in range(count):
                value = self.value(row["id"], one)
                if one["kind"] == "option" and one["type"] == "bool":
                    words.append("--" + one["name"])
                elif one["kind"] == "option":
                    words.append(f"--{one['name']}={quoted(value)}" if rng.random() < 0.5 else f"--{one['name']} {quoted(value)}")
                else:
                    words.append(value if one["type"] == "rest" else quoted(value))
        if row["id"] in ("module open", "serve"):
            words = words[:1] + self.opening(row["id"])
        return " ".join(words)

    def opening(self, command):
        rng = self.rng
        if command == "serve":
            return [rng.choice(["console", "echo", "guess"]), "--transport", rng.choice(["telnet", "tcp", "websocket", "ws_telnet"]),
                    "--name", rng.choice(self.names), "--port", rng.choice(["0", "0", self.number()])]
        module = rng.choice([row["id"] for row in self.modules if row["id"] not in ("ControlServer", "Terminal")] or ["x"])
        return [module, rng.choice(self.names), self.pairs(module)]

    def bounded(self, command, word):
        """Those that run others: not without end."""
        rng, inner = self.rng, self.rng.choice(LINES)
        if command == "loop":
            return f"loop {rng.randint(-2, 3)} {rng.randint(-2, 40)} .{inner}"
        if command == "timer":
            return f"{word} " + rng.choice([f"{rng.randint(1, 5)} {rng.choice(['0.01', '0.05', '1'])} {inner}", "off", "", "x 1 y"])
        if command == "alias":
            return "alias " + rng.choice(["", "p", "p echo p", "q p|p", "r r", f"s {inner}", "p q", "status x"])
        if command == "execute":
            return f"execute {rng.choice(FILES)}"
        return f"{command} {inner}"

    def line(self, depth=0):
        """A command line that does not take away what the test needs."""
        while True:
            if self.rng.random() < 0.1 or not self.commands:
                made = self.rng.choice(LINES)
            elif depth:
                made = self.rng.choice(LINES)
            else:
                made = self.command(self.rng.choice(self.commands))
            if self.rng.random() < 0.05:
                made = spoil(self.rng, made.encode()).decode("latin-1").replace("\n", " ")
            if self.rng.random() < 0.1 and not depth:
                made += self.rng.choice(["|", " | "]) + self.rng.choice(LINES)
            if not any(word in made for word in self.avoided):
                return made


def quoted(text):
    if text and not any(letter in text for letter in " \"'\\|\t"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def spoil(rng, data):
    """Some bytes of it are other ones, more often, missing, or not the end."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(6)
        if what == 0:
            data[at:at] = rng.randbytes(rng.choice([1, 2, 4, 50]))
        elif what == 1:
            del data[at:at + rng.choice([1, 2, 8, 100])]
        elif what == 2:
            data[at:at] = data[at:at + 64] * rng.choice([1, 10, 100])
        elif what == 3 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 4:
            del data[at:]
        elif at < len(data):
            data[at] = rng.choice([0, 10, 13, 27, 32, 127, 128, 250, 251, 254, 255])
    return bytes(data)
