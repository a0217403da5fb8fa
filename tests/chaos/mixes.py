# SPDX-License-Identifier: MIT
"""mixes.py - what is done together. Each function is one round of a mix; an episode repeats it. A mix is made so that one
kind of fault cannot hide from it for long."""
import signal

from host import BUILD
from terminals import on_pipes, on_terminal
from traffic import negotiation
from words import FILES, PLUGINS, spoil
from world import BY_NAME, CHANNELS, EXTRA, SERVERS

# Servers whose clients leave while their plugin goes.
LEAVING = {"telnet": ["tel", "guess", "tls"], "tcp": ["con", "tcp", "echo"], "wsserver": ["ws", "wst"], "web": ["web"],
           "uart": ["rfc", "raw"], "mesh": ["mesh", "pages", "off"], "peer": ["ep", "pa"], "udp": ["udp"]}
# What they need to be open.
NEEDS = {"uart": ["uart", "rfc", "raw"], "mesh": ["root", "mesh"], "peer": ["ep", "pa", "pb", "epc"], "udp": ["udp", "usock"]}
# What a link may begin or end at: not what the mesh takes for frames, each of which makes more lines than one, 16 hops deep.
LINKED = [name for name in CHANNELS[11:] if name != "root/recv"]
DIALLED = [row[0] for row in SERVERS if row[3] and row[3] not in ("device", "root")] + list(EXTRA) + ["control"]


def leave(w):
    """Clients leave in the same turn of the loop in which their server, or its plugin, goes."""
    rng = w.rng
    plugin = rng.choice(list(LEAVING))
    w.reopen(NEEDS.get(plugin, LEAVING[plugin]))
    some = [w.connect(rng.choice(LEAVING[plugin])) for _ in range(rng.randint(2, 8))]
    for client in some:
        if rng.random() < 0.6:
            w.speak(client, 0)
    w.alive()
    [held] = w.held(1)
    command = rng.choice([f"plugin unload {plugin}", f"plugin reload {plugin}", f"plugin reload {plugin}",
                          "\n".join(f"module close {name}" for name in LEAVING[plugin])])
    with w.one_turn():
        before = rng.random() < 0.5
        if before:
            w.send_held(held, command)
        for client in some:
            if rng.random() < 0.3:
                w.speak(client)
            if rng.random() < 0.9:
                w.leave(client)
        if rng.random() < 0.2:
            w.connect(rng.choice(LEAVING[plugin]))
        if not before:
            w.send_held(held, command)
    w.alive()
    w.everybody(20)


def negotiate(w):
    """Clients of telnet break off in the middle of what they negotiate, while others come and everybody is written to."""
    rng = w.rng
    w.reopen(["tel", "tls", "wst"])
    for _ in range(rng.randint(1, 6)):
        client = w.connect(rng.choice(["tel", "tel", "tls", "wst"]))
        data = b"".join(negotiation(rng) for _ in range(rng.randint(1, 3)))
        if rng.random() < 0.3:
            data = spoil(rng, data)
        w.did(f"{client.name} negotiates {data[:80]!r} ({len(data)} bytes)")
        client.say(data if client.kind != "ws_telnet" else b"\x82\xfe" + len(data[:65535]).to_bytes(2, "big") + bytes(4) + data[:65535])
        if rng.random() < 0.7:
            w.leave(client)
    # Timers of the negotiation run out in 60 to 110 ms.
    w.ask(f"wait {rng.choice(['0', '0.05', '0.12'])}")
    w.ask(rng.choice(["session message all hello", "channel send tel/send x", "channel send wst/send x", "session list", "status"]))
    w.everybody(20)


def sessions(w):
    """Many come, do something and go; with every server still open nothing is left of them."""
    rng = w.rng
    w.all_leave()
    w.reopen(list(BY_NAME))
    w.alive()
    baseline = getattr(w, "rested", None)
    if not baseline:
        w.rested = baseline = w.host.at_rest()
    for _ in range(3):
        some = [w.connect(rng.choice([name for name in DIALLED if name != "pa"])) for _ in range(12)]
        for client in some:
            if client.kind in ("telnet", "line", "ws_telnet", "websocket") and rng.random() < 0.5:
                client.say(b"echo hello\r\n")
        w.alive()
        for client in some:
            if rng.random() < 0.6:
                client.drop()
            else:
                client.reset()
        w.everybody()
    w.alive()
    w.host.settle(baseline, "when all clients had left there was", w.words.forced)


def links(w):
    """Chains of diamonds, rings, the same link twice, and messages on them."""
    rng = w.rng
    width, depth = rng.choice([(2, 12), (2, 40), (3, 30), (1, 100)])
    chain = f"c/{'one' if width == 1 else 'wide'}{rng.randrange(3)}"
    lines = []
    for at in range(depth):
        for one in range(width):
            lines += [f"channel link -f {chain}-{at} {chain}-{at}.{one}", f"channel link -f {chain}-{at}.{one} {chain}-{at + 1}"]
            w.words.forced.update([f"{chain}-{at}", f"{chain}-{at}.{one}", f"{chain}-{at + 1}"])
    if rng.random() < 0.3:
        rng.shuffle(lines)
    for begin in range(0, len(lines), 40):
        w.ask("\n".join(lines[begin:begin + 40]))
    first, last = rng.choice([(0, depth), (depth, 0), (rng.randrange(depth), rng.randrange(depth))])
    w.ask(f"channel link {chain}-{last} {chain}-{first}")
    if width == 1:  # diamonds deliver it as often as there are ways
        w.ask(f"channel send {chain}-0 hello")
    w.ask(f"channel link -f c/1 {rng.choice(LINKED)}|channel link -f {rng.choice(LINKED)} c/1|channel send c/1 x")
    w.words.forced.update(CHANNELS)
    if rng.random() < 0.2:
        w.ask(f"loop 1 {rng.choice([100, 1000])} .channel link -f c/hub c/spoke{{loop}}")
        w.words.forced.update(["c/hub"] + [f"c/spoke{number}" for number in range(1001)])
    unlinked = rng.sample(lines, len(lines) // 2)
    for begin in range(0, len(unlinked), 40):
        w.ask("\n".join(line.replace("link -f", "unlink") for line in unlinked[begin:begin + 40]))


def files(w):
    """Every command that opens a file, with every kind of file."""
    rng = w.rng
    for _ in range(6):
        file = rng.choice(FILES)
        w.ask(rng.choice([f"channel save c/1 -f {file}", f"channel save {rng.choice(CHANNELS)} -f {file} --rotate 1K", f"execute {file}",
                          f"settings export {file}", f"settings import {file}", f"uart record uart {file}", f"uart replay {file} uart",
                          f"config check {file}", f"batch add execute {file}", "batch run 1", "channel save c/1 --stop", "batch remove 1",
                          f"plugin load ./{file}", f"channel save console -f {file} --raw", "channel save console --stop", "flush",
                          f"module open MeshGateway m2 uart=root port=0 log_folder={file}", "module close m2",
                          f"module open MeshGateway m2 uart=root port=0 database={file}"]))
        w.ask(rng.choice(["channel send -n c/1 hello", "channel watch -f c/1", "echo x", "status", f"channel send c/1 {'x' * 3000}"]))
    w.words.forced.add("c/1")


def http(w):
    """Requests of all kinds, whole, cut and spoilt, with ranges, conditions, events and pipelines."""
    everything(w, ["web", "web", "web", "off", "pages", "ws"], 0.25)
    if w.rng.random() < 0.1:
        w.reopen(["web", "ws", "root", "mesh"])


def reload(w):
    """The configuration changes and is read again, plugins are loaded anew, in the middle of everything."""
    rng = w.rng
    names = [name for name in BY_NAME if rng.random() < 0.8]
    text = w.config(names, rng.choice(["", "", "commands: [status]\n", "nonsense: 1\n", "servers: {x: {transport: telnet}}\n"]))
    if rng.random() < 0.2:
        text = spoil(rng, text.encode()).decode("latin-1")
    elif rng.random() < 0.5:
        text = text.replace("class: TelnetServer\n", f"class: TelnetServer\n    idle_timeout: {rng.choice(['0', '50ms', '1', 'x'])}\n")
    w.did(f"the configuration has {' '.join(names)}")
    w.host.write_config(text)
    for _ in range(5):
        w.speak(w.connect(rng.choice(DIALLED)))
    w.alive()
    [held] = w.held(1)
    with w.one_turn():
        w.did("SIGHUP")
        w.host.process.send_signal(signal.SIGHUP)
        if rng.random() < 0.5:
            w.send_held(held, rng.choice(["config reload", f"plugin reload {rng.choice(PLUGINS)}", "config diff", "config show"]))
        for client in w.everybody(15):
            if rng.random() < 0.4:
                w.leave(client)
    w.alive()
    if rng.random() < 0.3:
        w.ask("\n".join(f"plugin reload {name}" for name in rng.sample(PLUGINS, 3)))


def devices(w):
    """UARTs: unplugged, not read, cut in the middle of a frame, with clients of RFC 2217 on them."""
    rng = w.rng
    w.reopen(["uart", "rfc", "raw", "root", "mesh"])
    for _ in range(8):
        what = rng.randrange(8)
        if what == 0:
            w.plug()
        elif what == 1:
            rng.choice(w.devices).small()
        elif what == 2:
            w.ask(f"loop 1 {rng.choice([5, 300])} .channel send {rng.choice(['uart', 'root'])}/send {'y' * rng.choice([10, 2000])}")
        elif what == 3:
            w.ask(rng.choice(["uart break uart 1ms", "uart lines uart dtr=on", "uart grab uart", "uart release uart", "uart info uart",
                              "uart list", "uart record uart new1", "uart replay new1 uart", "uart close uart", "uart close root",
                              "plugin reload uart", "plugin reload mesh", "module close raw"]))
        elif what < 6:
            w.speak(w.connect(rng.choice(["rfc", "raw", "mesh", "pages"])))
        else:
            w.speak(rng.choice(w.devices))
    everything(w, ["rfc", "raw", "mesh", "pages"], 0.3)


def loops(w):
    """Instances on loops of their own, which come and go while others send to them and watch them."""
    rng = w.rng
    plugin = f"{BUILD}/tests/plugins/loops.so"
    names = [f"lo{number}" for number in range(3)]
    w.ask(f"plugin load {plugin}\n" + "\n".join(f"module open Looper {name}" for name in names))
    w.words.forced.update(["c/1", "c/2"] + [f"{name}/{end}" for name in names for end in ("in", "out")])
    for _ in range(4):
        name = rng.choice(names)
        w.ask(rng.choice([f"channel watch {name}/out", "channel watch lo*", f"channel link -f {name}/out c/2", f"channel link -f c/2 {name}/in",
                          f"channel unlink {name}/out c/2", f"channel info {name}/out", "channel list", "channel send c/1 x", "thread",
                          f"channel send {name}/in y", f"channel save {name}/out -f new1", f"channel save {name}/out --stop",
                          "loop 1 100 .channel send c/1 {loop}"]))
        if rng.random() < 0.3:
            w.speak(w.connect(rng.choice(["web", "tel"])), 0)
    [held] = w.held(1)
    with w.one_turn():
        w.send_held(held, "|".join(rng.sample([f"module close {rng.choice(names)}", "plugin unload loops", "plugin reload loops",
                                               f"channel send {rng.choice(names)}/in z", f"module open Looper {rng.choice(names)}"], 2)))
        for client in w.everybody(10):
            if rng.random() < 0.5:
                w.leave(client)
    w.alive()


def threads(w):
    """Names that must be looked up, connections that are being made, jobs and lookups, while their owner goes."""
    rng = w.rng
    w.reopen(["ep", "pa", "pb", "tcp", "udp"])
    held, other = w.held(2)
    name = f"n{rng.randrange(1000)}.invalid"
    lines = [f"tcp connect {name}:1 t1", f"call {name}:1 x {{}}", f"udp send {name}:1 x --wait 1s", f"peer connect {name}:1", "discover -s 1",
             "call 127.0.0.1:{ep} nosuch {{}} --async".format(**w.ports), "tcp connect 127.0.0.1:1 t1", "uart list", "wait 5",
             "threaded wait 1", "loop 1 100 .status", "plugin reload echo", f"module open UDPSocket u1 to={name}:5"]
    with w.one_turn():
        w.send_held(held, "|".join(rng.sample(lines, 3)))
        w.send_held(other, rng.choice([f"plugin reload {rng.choice(['tcp', 'peer', 'udp', 'uart'])}",
                                       f"plugin unload {rng.choice(['tcp', 'peer', 'udp', 'uart'])}", "status"]))
    if rng.random() < 0.5:
        w.alive()
    with w.one_turn():
        w.did("control: both break off")
        held.close()
        other.close()
    w.ask(rng.choice(["tcp close t1", "module close u1", "plugin reload peer", "plugin reload tcp", "thread", "session list"]))


def waits(w, alone=True):
    """A plugin is to go, and waits for a lookup to end; its clients send and leave meanwhile, and that wakes nobody."""
    rng = w.rng
    name = f"n{rng.randrange(1000)}.invalid"
    plugin, lookup, servers = rng.choice([("tcp", f"tcp connect {name}:1 t1", ["tcp", "con", "echo"]), ("udp", f"udp send {name}:1 x --wait 1s", ["udp"]),
                                          ("peer", f"call {name}:1 x {{}}", ["ep", "pa"])])
    w.reopen(servers)
    some = [w.connect(rng.choice(servers)) for _ in range(4)]
    held, other = w.held(2)
    with w.one_turn():
        w.send_held(held, lookup)
        w.send_held(other, f"plugin {rng.choice(['unload', 'reload'])} {plugin}")
    w.alive()
    for client in some:
        w.speak(client, 0)
        if rng.random() < 0.3:
            w.leave(client)
    w.pump()
    if alone:
        w.did("it is to be at rest")
        w.host.rests()
    w.ask(rng.choice([f"plugin unload {plugin}", f"plugin reload {plugin}", "plugin list", "thread"]))
    w.everybody(10)


def commands(w):
    """Any command, from sessions of every kind."""
    rng = w.rng
    for _ in range(4):
        w.ask(w.words.line())
    for client in w.everybody(12) or [w.connect("tel")]:
        if rng.random() < 0.5 and client.kind in ("telnet", "line", "control", "http", "websocket", "ws_telnet"):
            w.speak(client, 0.05)
    if rng.random() < 0.4:
        w.connect(rng.choice(["tel", "con", "ws", "wst", "web", "control"]))
    if rng.random() < 0.05:
        w.reopen(list(BY_NAME))


def everything(w, names=None, spoilt=0.4):
    """Bytes over every transport at once."""
    rng = w.rng
    while len(w.everybody(24)) < 10 or rng.random() < 0.6:
        w.connect(rng.choice(names or DIALLED), hello=rng.random() < 0.8)
    stopped = rng.random() < 0.3
    with w.one_turn() if stopped else w.host.nothing():
        for client in rng.sample(w.clients, min(6, len(w.clients))):
            w.speak(client, spoilt)
            if rng.random() < 0.25:
                w.leave(client)
        if not names and rng.random() < 0.2:
            w.speak(rng.choice(w.devices), spoilt)
    w.alive()
    if not names and rng.random() < 0.03:
        w.reopen(list(BY_NAME))


def terminal(w):
    """Keys and lines at its own terminal, which is not always read."""
    rng = w.rng
    for _ in range(rng.randint(1, 6)):
        w.speak(w.host.terminal, 0.2)
    if rng.random() < 0.2:
        w.did("the terminal is read no more, or again")
        w.host.terminal.small()
    w.ask(rng.choice(["session message all hello", "channel print log", "channel send console x", "loop 1 300 .channel send console y",
                      "help", "status", w.words.line()]))
    if rng.random() < 0.2:
        w.connect(rng.choice(["tel", "con"]))


def pipes(w):
    """The same between pipes; what it says on stderr is never read."""
    terminal(w)


terminal.launch, pipes.launch = on_terminal, on_pipes


def mixture(w):
    """A bit of each."""
    w.rng.choice([leave, negotiate, links, files, http, reload, devices, threads, loops, commands, everything, everything,
                  lambda world: waits(world, False)])(w)


MIXES = {one.__name__: one for one in (leave, negotiate, sessions, links, files, http, reload, devices, threads, waits, loops, commands, everything,
                                       terminal, pipes, mixture)}
