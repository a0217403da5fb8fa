#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""leftovers.py - plugins that leave something behind when they are unloaded: it is named, and the host goes on."""
import signal
import time

from harness import BUILD, PATIENCE, main

PLUGINS = BUILD + "/tests/plugins/"


def load(bp, name):
    answer = bp.run(f"plugin load {PLUGINS}{name}.so")
    assert answer[-1] == f"Loaded {name} 1.0.", answer


def unload(bp, name, *words):
    """Names what was left behind, keeps the code in memory, and has done with the plugin otherwise."""
    answer = bp.run(f"plugin unload {name}")
    assert f"Unloaded {name}." in answer, answer
    told = [line for line in answer if "Its code stays in memory" in line]
    if words:
        assert len(told) == 1 and all(word in told[0] for word in words), answer
        logged(bp, f"{name} has left behind")
        assert name + ".so" in mappings(bp)
    else:
        assert not told, answer
    assert not any(line.split()[0] == name for line in bp.run("plugin list"))


def logged(bp, text):
    """The line of the log that has the text; a thread of its own writes them."""
    end = time.monotonic() + PATIENCE
    while text not in bp.stderr():
        assert time.monotonic() < end, bp.stderr()
        bp.run("wait 0.01")
    return [line for line in bp.stderr().splitlines() if text in line][0]


def mappings(bp):
    with open(f"/proc/{bp.process.pid}/maps") as file:
        return file.read()


def turns(bp):
    return int([line for line in bp.run("thread") if " main " in line][0].split()[2])


def goes_on(bp):
    """Through some turns of its loop, some of which wait."""
    assert bp.run("wait 0.05|echo on") == ["on"]
    assert bp.run("echo still") == ["still"]


def test_nothing_is_left_by_ours(bp):
    for name in [line.split()[0] for line in bp.run("plugin list") if " loaded " in line]:
        if name not in ("commands", "console", "leftovers", "automation", "owned"):
            unload(bp, name)
    assert "has left behind" not in bp.stderr(), bp.stderr()
    goes_on(bp)


def test_nothing_is_left_by_what_has_ended(bp):
    """A loop, jobs and a command of a plugin are not taken for its leftovers by the traces of them on threads that stay."""
    for number in range(5):
        assert bp.run(f"plugin load {PLUGINS}never-answers.so") == ["Loaded never-answers 1.0."]
        assert bp.run("module open Spinner one|module open Spinner two|wait 0.05") is not None
        unload(bp, "never-answers")


def test_source(bp):
    load(bp, "leaves-source")
    unload(bp, "leaves-source", "GLib source")
    goes_on(bp)
    before = turns(bp)
    assert bp.run("wait 0.2") == []
    assert turns(bp) - before < 50  # (they would be ready in every turn)


def test_thread(bp):
    load(bp, "leaves-thread")
    unload(bp, "leaves-thread", 'thread "ticker"')
    goes_on(bp)


def test_call(bp):
    load(bp, "leaves-call")
    unload(bp, "leaves-call", "GIO call")
    goes_on(bp)
    logged(bp, "the call came back with x")


def test_type(bp):
    load(bp, "uses-type")
    load(bp, "leaves-type")
    unload(bp, "leaves-type", "type HostileThing", "type HostileCopy", '"hostile-quark"')
    for name in ("HostileThing", "HostileCopy"):
        assert bp.run("make " + name) == ["made one, quark found"]
    goes_on(bp)


def test_handlers(bp):
    load(bp, "leaves-handlers")
    unload(bp, "leaves-handlers", "SIGURG", "on_exit")
    bp.process.send_signal(signal.SIGURG)
    goes_on(bp)
    assert bp.stop() == 0


def test_signals_taken(bp):
    """SIGTERM ends the program in order although a plugin wanted it otherwise, and who it was is told."""
    load(bp, "takes-signals")
    told = logged(bp, "takes-signals has changed")
    assert all(name in told for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE")) and "SIGUSR2" not in told, told
    bp.process.send_signal(signal.SIGTERM)
    assert bp.process.wait(PATIENCE) == 0


main("leftovers", globals())
