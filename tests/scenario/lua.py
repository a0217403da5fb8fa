#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lua.py - scripts: what they print, their limits, their ends."""
import os
from harness import Client, eventually, free_port, is_listened, main

HERE = os.path.join(os.environ.get("SRC", "."), "tests", "lua")


def write(bp, name, text):
    path = f"{bp.folder}/{name}.lua"
    with open(path, "w") as file:
        file.write(text)
    return path


def run(bp, text, options=""):
    """What the script prints until its end."""
    return bp.run(f"lua run {write(bp, 's', text)} -u {options}")


def row(bp, name):
    """Its row of `lua list`: state and the rest."""
    for line in bp.run("lua list"):
        words = line.split(None, 2)
        if words[0] == name:
            return words[1], words[2]
    return None


def until(what, value):
    return eventually(lambda: value(what()))


def becomes(bp, name, state):
    until(lambda: row(bp, name), lambda got: got and got[0] == state)


def golden(bp, name, *arguments):
    with open(f"{HERE}/{name}.expected") as file:
        wanted = [line.strip() for line in file if line.strip()]
    got = [line.replace(HERE + "/", "") for line in bp.run(f"lua run {HERE}/{name}.lua {' '.join(arguments)} -u")]
    assert got == wanted, "\n".join(["got:", *got])


def test_basics(bp):
    golden(bp, "basics", "one", "two")


def test_patterns(bp):
    golden(bp, "patterns")


def test_endless(bp):
    """Endless loops, one that catches the interruption, patterns, recursion, a coroutine: each ends with a traceback."""
    for text in ("while true do end", "while true do pcall(function() while true do end end) end",
                 "coroutine.wrap(function() while true do end end)()", "string.find(('a'):rep(99999), ('.-'):rep(20) .. 'b')",
                 "local t = setmetatable({}, {__tostring = function() while true do end end}) print(t)",
                 "setmetatable({}, {__index = function() while true do end end}).x = ({}).y while true do end",
                 "local a <close> = setmetatable({}, {__close = function() while true do end end})",
                 "xpcall(error, function() while true do end end) while true do end",
                 "coroutine.wrap(function() local a <close> = setmetatable({}, {__close = function() while true do end end}) while true do end end)()",
                 "local co = coroutine.create(function() local a <close> = setmetatable({}, {__close = function() while true do end end}) "
                 "while true do end end) coroutine.resume(co) coroutine.close(co) while true do end",
                 "table.sort({1, 2, 3}, function() while true do end end)",
                 "load(function() while true do end end)"):
        said = run(bp, text, "-t 0.05")
        assert said and "interrupted: this turn took longer" in said[0] and "stack traceback:" in said, (text, said)
    assert "overflow" in " ".join(run(bp, "local function f() return 1 + f() end f()", "-m 1G -t 60"))
    assert "overflow" in " ".join(run(bp, "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. 1] end print(t.x)"))


def test_late_callback(bp):
    golden(bp, "late", "-t", "0.1")


def test_stalls_nobody(bp):
    bp.run(f"lua run {write(bp, 'busy', 'while true do end')} -t 1h")
    assert bp.run("echo here") == ["here"]
    assert row(bp, "busy")[0] == "runs"
    bp.run("lua stop busy")
    becomes(bp, "busy", "stopped")


def test_memory(bp):
    said = run(bp, "local t = {} print(pcall(function() while true do t[#t + 1] = ('x'):rep(1000) .. #t end end)) "
               "while true do t[#t + 1] = ('x'):rep(1000) .. #t end", "-m 1M")
    assert said[0] == "false not enough memory" and "again after it had caught that error" in " ".join(said), said
    said = run(bp, "local s = 'x' while true do s = s .. s end", "-m 1M")
    assert "not enough memory" in said[0], said
    assert run(bp, "for i = 1, 100 do local s = ('x'):rep(100000) .. i end print('collected')", "-m 1M") == ["collected"]


def test_many_timers(bp):
    said = bp.run(f"lua run {HERE}/many-timers.lua -u")
    assert "already" in said[0], said


def test_prints_much(bp):
    """More than the main loop takes: nothing is lost."""
    said = run(bp, "for i = 1, 50000 do print(i) end")
    assert said[0] == "1" and said[-1] == "50000" and len(said) == 50000, (len(said), said[-3:])


def test_no_way_out(bp):
    """Functions that are not guarded are not found; large messages are refused."""
    said = run(bp, "load(function() print(debug.getinfo(1, 'f').func, debug.getinfo(2).func, debug.getinfo(1, 'S').short_src, "
                   "debug.getinfo(print, 'S').what, debug.getinfo(1, 'l').currentline) end)\n"
                   "print(getmetatable(bp.channel('x')), getmetatable(''), debug.getmetatable, package.loaded.debug.sethook, package.loaded.io) "
                   "print(pcall(print, ('x'):rep(100000))) print(pcall(function() bp.channel('x'):send(('x'):rep(2000000)) end))")
    assert said[0].startswith("nil nil") and said[0].endswith("s.lua C 1"), said
    assert said[1].startswith("false table: ") and said[1].endswith("nil") is False, said
    assert "too long for a line" in said[2] and "at most 1 MiB" in said[3], said


def test_errors(bp):
    """In a callback, in an error object, in a message handler: told, with file and line."""
    said = run(bp, "error(setmetatable({}, {__tostring = function() error('in tostring') end}))")
    assert "an error object that cannot be shown" in said[0], said
    said = run(bp, "error(setmetatable({}, {__tostring = function() return 'as text' end}))")
    assert "as text" in said[0], said
    said = run(bp, "print(xpcall(error, function() error('again') end, 'x'))")
    assert said[0].startswith("false"), said
    said = run(bp, "local x = nil\nlocal y = x.z")
    assert "s.lua:2: attempt to index a nil value (local 'x')" in said[0], said
    said = run(bp, "this is not Lua")
    assert "s.lua:1: syntax error near 'is'" in said[0], said
    assert "No such file" in bp.run("lua run nowhere.lua")[0]


def test_exit(bp):
    assert run(bp, "setInterval(function() end, 10) print('bye') os.exit(0)") == ["bye"]
    said = run(bp, "pcall(os.exit, 3) print('never')")
    assert "exited with status 3" in said[0] and "never" not in " ".join(said), said
    said = bp.run(f"lua run {HERE}/exits.lua -u")
    assert "exited with status 1" in said[0] and "never" not in said, said


def test_huge_string(bp):
    """A string of 1 GiB at once is refused, which the script may catch."""
    assert run(bp, "print(pcall(string.rep, 'x', 1 << 30)) print('goes on')") == ["false not enough memory", "goes on"]


def test_error_while_closing(bp):
    """An error of a close function replaces the first one; in a callback it is reported, and the script goes on."""
    said = bp.run(f"lua run {HERE}/closes.lua -u")
    assert said[0].startswith("false ") and "in close" in said[0], said
    assert "in close" in " ".join(said[1:-1]) and said[-1] == "later", said


def test_run_for(bp):
    """A script that never ends by itself ends then, which is no failure; one that ends earlier is not held."""
    assert run(bp, "setInterval(function() end, 10) print('first')", "--run-for 0.2") == ["first"]
    assert run(bp, "print('short')", "--run-for 1h") == ["short"]
    bp.run(f"module open Script timed file={write(bp, 'timed', 'setInterval(print, 3600000)')} run_for=0.05")
    becomes(bp, "timed", "finished")


def test_restart(bp):
    """A script that fails is started again; one that is stopped is not."""
    path = write(bp, "fails", "print('started') error('on purpose')")
    bp.run(f"module open Script f file={path} restart_after=0.01")
    bp.run("channel watch script-f")
    seen = []

    def count(what):
        seen.extend(bp.run(".echo"))
        return sum(what in line for line in seen)
    until(lambda: count("started"), lambda number: number >= 3)
    until(lambda: row(bp, "f")[1], lambda rest: "on purpose" in rest)  # while it begins again there is none
    until(lambda: bp.run("status"), lambda lines: any("f failed" in line and "fails.lua:1: on purpose" in line for line in lines))
    bp.run("lua stop f")
    becomes(bp, "f", "stopped")
    write(bp, "fails", "setInterval(function() end, 1000)")
    bp.run("lua restart f")
    becomes(bp, "f", "runs")
    bp.run("lua restart f")
    bp.run("lua stop f")
    becomes(bp, "f", "stopped")


def test_eval(bp):
    bp.run(f"lua run {write(bp, 'e', 'count = 41 setInterval(function() end, 1000)')}")
    assert bp.run("lua eval e count + 1, 'x'") == ["42  x"]
    bp.run("lua eval e count = 7")
    assert bp.run("lua eval e return count") == ["7"]
    assert "attempt to call a nil value" in bp.run("lua eval e nothing()")[0]
    assert "unexpected symbol" in bp.run("lua eval e ) (")[0]
    assert "ended" in bp.run("lua eval e os.exit()")[0]
    becomes(bp, "e", "finished")
    assert "does not run" in bp.run("lua eval e 1")[0]


def test_console(bp):
    """A prompt inside a script, which may end meanwhile."""
    bp.run(f"lua run {write(bp, 'inside', 'answer = 41 setInterval(function() end, 1000)')}")
    port = free_port()
    bp.run(f"serve lua --transport tcp --port {port}")
    client = Client(port)
    client.send("answer + 1\n")
    client.expect("42")
    client.send("answer = 'changed'\nanswer\n")
    client.expect("changed")
    client.send("nothing()\n")
    client.expect("attempt to call a nil value")
    client.send(":use nobody\n")
    client.expect("nobody is not a script")
    client.send("os.exit()\n")
    client.expect("the script ends")
    becomes(bp, "inside", "finished")
    client.send("answer\n")
    client.expect("it does not run")
    client.send(":quit\n")
    client.rest()
    other = Client(port)
    other.send(":list\n")
    other.expect("inside finished")
    bp.run("plugin reload lua")
    other.rest()


def test_require(bp):
    os.mkdir(bp.folder + "/lib")
    os.mkdir(bp.folder + "/elsewhere")
    write(bp, "beside", "return {name = ...}")
    write(bp, "lib/deep", "return 'deep'")
    write(bp, "elsewhere/far", "return 'far'")
    write(bp, "broken", "return +")
    bp.run(f"set lua_path {bp.folder}/elsewhere")
    said = run(bp, "print(require('beside').name, require('beside') == require('beside'), require('lib.deep'), (require('far')))"
               "print(pcall(require, 'nowhere')) print(pcall(require, '../s')) print(dofile('beside.lua').name)"
               "print(pcall(dofile, '/etc/passwd')) print(select(2, pcall(require, 'broken')))")
    text = " ".join(said)
    assert said[0] == "beside true deep far", said
    assert "no file 'nowhere.lua' beside the script" in text and "not the name of a module" in text, said
    assert "only files beside the script" in text and "broken.lua:1" in text, said


def test_reload_on_change(bp):
    """What does not compile leaves the old one running."""
    path = write(bp, "edited", "version = 1 setInterval(function() end, 1000)")
    bp.run(f"lua run {path} --name e --reload on-change")
    bp.run("channel watch script-e")
    assert bp.run("lua eval e version") == ["1"]
    write(bp, "edited", "version = ")
    said = []
    until(lambda: said.extend(bp.run(".echo")) or said, lambda lines: any("does not compile" in line for line in lines))
    assert bp.run("lua eval e version") == ["1"]
    write(bp, "edited", "version = 2 setInterval(function() end, 1000)")
    until(lambda: bp.run("lua eval e version"), lambda lines: lines == ["2"])


def test_resource(bp):
    port = free_port()
    bp.run(f"lua run {write(bp, 'r', 'setInterval(function() end, 1000)')}")
    bp.run(f"module open WebServer w port={port}")
    client = Client(port)
    client.send(f"GET /api/v1/scripts HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")
    text = client.rest().decode()
    assert '"id":"r"' in text and '"state":"runs"' in text, text
    client = Client(port)
    client.send(f"POST /api/v1/scripts/r/stop HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}")
    assert "HTTP/1.1 20" in client.rest().decode()
    becomes(bp, "r", "stopped")


def test_lazy(bp):
    golden(bp, "lazy")


def test_bus(bp):
    golden(bp, "bus", "--role", "operator")


def test_commands(bp):
    bp.run(f"lua run {HERE}/commands.lua --role operator")
    said = [line for line in bp.run("channel watch script-commands") if line.startswith("script-commands: ")]
    assert "shop add" in said[0] and "lower case" in said[1] and '"y"' in said[2] and "needs a function" in said[3], said
    assert bp.run("shop add bread 3 --size=large --every=1m --gift") == [
        "adding bread 3 integer large 60.0 true", "added", "Article   Count", "bread     3", "tab here  2", "done"]
    assert bp.run("shop add milk")[0] == "adding milk 1 integer small nil false"
    assert "99" in bp.run("shop add milk 100")[0]
    assert "out of stock" in bp.run("shop fail")[0]
    assert bp.run("shop refuse") == ["closed today"]
    assert "adding nested 1 integer small nil false" in bp.run("shop nested")
    assert bp.run("shop many a b c") == ["3 words"]
    assert any("add an article" in line for line in bp.run("help shop add"))
    bp.run("lua restart commands")
    until(lambda: bp.run("shop refuse"), lambda lines: lines == ["closed today"])
    said = bp.run("shop end")
    assert said and "ended" in said[0], said
    becomes(bp, "commands", "finished")
    assert "not a registered command" in bp.run("shop refuse")[0]


def test_json(bp):
    golden(bp, "json")


def test_tcp(bp):
    golden(bp, "tcp", str(free_port()))


def test_udp(bp):
    golden(bp, "udp", str(free_port()))


def test_sync(bp):
    golden(bp, "sync", str(free_port()))


def test_low_level(bp):
    golden(bp, "low-level", str(free_port()))


def test_quickapp(bp):
    """onInit is called after the main chunk; without a name in the file it is the script's."""
    golden(bp, "quickapp")
    said = run(bp, "function QuickApp:onInit() print(self.name, _PY.declared('name')) error('in onInit') end")
    assert said[0] == "s" and "s.lua:1: in onInit" in " ".join(said), said


def test_files(bp):
    """Only with unsafe=yes."""
    said = bp.run(f"lua run {HERE}/files.lua {bp.folder}/file -u --unsafe")
    assert said[0].startswith("false nil ") and "No such file" in said[0], said
    assert said[1:3] == ["true true 5", "true two"], said
    assert said[3].startswith("false /nowhere/x: ") and said[4] == "linux", said
    assert "field 'file_exists'" in " ".join(bp.run(f"lua run {HERE}/files.lua {bp.folder}/file -u")), said


def test_echo_servers(bp):
    """Many clients, some of which leave in the middle."""
    plain, prefixed = free_port(), free_port()
    bp.run(f"lua run {HERE}/echo.lua {plain} {prefixed}")
    until(lambda: is_listened(plain) and is_listened(prefixed), bool)
    clients = [Client(plain) for _ in range(50)]
    for i, client in enumerate(clients):
        client.send(b"\0\xff%d\n" % i)
    for client in clients[::3]:
        client.close()
    for i, client in enumerate(clients):
        if i % 3:
            client.expect(b"\0\xff%d\n" % i)
    big = bytes(range(256)) * 4000
    clients[1].send(big)
    clients[1].expect(big)
    other = Client(prefixed)
    other.send("hello")
    other.expect("Echo: hello")
    bp.run("lua stop echo")
    becomes(bp, "echo", "stopped")
    clients[2].rest()


def test_peer_does_not_read(bp):
    port = free_port()
    bp.run(f"lua run {HERE}/flood.lua {port}")
    until(lambda: is_listened(port), bool)
    client = Client(port)
    bp.run("channel watch script-flood")
    said = []
    until(lambda: said.extend(bp.run(".echo")) or said, lambda lines: lines)
    sent, failed = (int(word) for word in said[-1].split()[-3::2])
    assert failed > 20 and sent + failed < 40, said
    received = 0
    while received < (40 - failed) * 1000000:
        received += len(client.socket.recv(1 << 20))
    until(lambda: said.extend(bp.run(".echo")) or said, lambda lines: lines[-1].endswith(f"sent {40 - failed} failed {failed}"))


SAMPLES = os.path.join(os.environ.get("SRC", "."), "data", "samples")


def test_sample_chat(bp):
    port = free_port()
    bp.run(f"lua run {SAMPLES}/chat.lua {port}")
    until(lambda: is_listened(port), bool)
    ann, bob = Client(port), Client(port)
    ann.send("Ann\n")
    ann.expect("Ann has come")
    bob.send("Bob\n")
    bob.expect("Bob has come")
    bob.send("hello\n")
    ann.expect("Bob: hello\n")
    bp.run("channel send chat/room from the host")
    ann.expect("from the host")
    bob.close()
    ann.expect("Bob has left")


def test_sample_sender(bp):
    """With a script that plays the machine."""
    with open(bp.folder + "/job.gcode", "w") as file:
        file.write("G28 ; home\n\n(a comment)\nG1 X10\nM999\n")
    bp.run(f"lua run {SAMPLES}/sender.lua laser --unsafe")
    machine = write(bp, "machine", "local out = bp.channel('laser/recv') bp.watch('laser/send', function(message) "
                    "out:print(message.data == 'M999' and refuse and 'error:9' or 'ok') end) ready = true")
    bp.run(f"lua run {machine}")
    until(lambda: bp.run("lua eval machine ready"), lambda lines: lines == ["true"])
    until(lambda: bp.run(f"gcode send {bp.folder}/job.gcode"), lambda lines: lines == ["3 lines were sent"])
    bp.run("lua eval machine refuse = true")
    assert bp.run(f"gcode send {bp.folder}/job.gcode") == ["M999: error:9"]
    assert "No such file" in bp.run("gcode send nowhere")[0]


def test_sample_login(bp):
    console = write(bp, "console", "local out = bp.channel('u/recv') local answers = { ['\\r'] = 'Hit any key to stop autoboot: 3', "
                    "[' '] = '=> ', ['run bootcmd\\r'] = 'box login: ', ['root\\r'] = 'Password: ', ['secret\\r'] = 'box# ', "
                    "['uname -a\\r'] = 'Linux box\\nbox# ' } "
                    "bp.watch('u/send', function(message) out:send(answers[message.data] or '?') end) ready = true")
    bp.run(f"lua run {console}")
    until(lambda: bp.run("lua eval console ready"), lambda lines: lines == ["true"])
    assert bp.run(f"lua run {SAMPLES}/login.lua u root secret -u") == ["Linux box", "box"]


def test_sample_logger(bp):
    bp.run(f"lua run {SAMPLES}/logger.lua t/recv")
    bp.run("channel watch logger/average")
    until(lambda: bp.run("temperatures"), lambda lines: "not a registered" not in " ".join(lines))
    for degrees in ("20", "22.5 C"):
        bp.run("channel send t/recv " + degrees)
    until(lambda: bp.run("temperatures"), lambda lines: len(lines) == 3)
    assert bp.run("temperatures")[2].split() == ["2", "22.5"]


def test_unloads_itself(bp):
    """A script that unloads its plugin, or closes itself, from its main chunk and from a command."""
    assert "admin" in " ".join(run(bp, "print(bp.run('plugin unload lua'))", "--role operator"))
    assert "operator" in " ".join(run(bp, "print(bp.run('module open Exec x command=true'))"))
    assert "role=operator" in " ".join(run(bp, "print(bp.setting('lua_path', '/x'))"))
    path = write(bp, "closes", "bp.command{name = 'close-me', run = function() bp.run('module close closes') end} "
                 "bp.after(3600, print) print(bp.run('module close closes'))")
    bp.run(f"lua run {path} --role operator")
    until(lambda: row(bp, "closes"), lambda got: got is None)
    path = write(bp, "closes", "bp.command{name = 'close-me', run = function() bp.run('module close closes') end}")
    bp.run(f"lua run {path} --role operator")
    bp.run("close-me")
    until(lambda: row(bp, "closes"), lambda got: got is None)
    bp.run(f"lua run {write(bp, 'u', 'print(bp.run([[plugin unload lua]]))')} --role admin")
    until(lambda: bp.run("lua list"), lambda lines: "not a registered command" in lines[0])
    bp.run("plugin load lua")
    assert run(bp, "print('again')") == ["again"]


def test_unload(bp):
    """Busy scripts and their plugin go at once."""
    busy = write(bp, "busy", "setInterval(function() print('x') end, 1) while true do end")
    timers = write(bp, "timers", "for i = 1, 100 do setInterval(function() print(i) end, 1) end")
    ports = free_port(), free_port()
    bp.run(f"module open Script echo file={HERE}/echo.lua args={ports[0]} args={ports[1]}")
    bp.run(f"module open Script commands file={HERE}/commands.lua")
    until(lambda: is_listened(ports[0]), bool)
    clients = [Client(ports[0]) for _ in range(10)]
    for client in clients:
        client.send("x")
    for i in range(50):
        bp.run(f"module open Script b{i} file={busy} turn=1h")
        bp.run(f"module open Script t{i} file={timers}")
    bp.run("plugin reload lua")
    assert row(bp, "b7")[0] == "runs"
    until(lambda: is_listened(ports[0]), bool)
    until(lambda: bp.run("shop refuse"), lambda lines: lines == ["closed today"])
    clients = [Client(ports[0]) for _ in range(10)]
    for client in clients:
        client.send("x")
    bp.run("plugin unload lua")
    assert bp.run("module list") is not None
    bp.run("plugin load lua")


main("lua", globals())
