#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""limits.py - what users make has a limit each, a message, and stays quick there: timers, also by timers, aliases, batch, links,
recordings. Asking for a context makes none. Memory comes back after many connections and reloads."""
import resource

from harness import Client, Skipped, eventually, free_port, is_sanitized, keeps, main


def refuses(bp, command, *words):
    answer = " ".join(bp.run(command))
    assert all(word in answer for word in words), answer


def test_timers(bp):
    assert bp.run("loop 1 1000 .timert{loop} 0 1000 echo x") == []
    refuses(bp, "timerlast 1 1000 echo x", "1000 timers", "most")
    refuses(bp, "timer 1 1000 echo x", "1000 timers")
    assert bp.run("timert5 0 1000 echo y") == []  # one that is there may be changed
    assert bp.run("timert7 off") == ["Timer 't7' canceled."]
    assert bp.run("timer 0 1000 echo x") == ["Timer '1' started."]
    assert sum('"echo ' in line for line in bp.run("timer")) == 1000
    assert "All timers canceled." in bp.run("timer* off")


def test_timers_by_timers(bp):
    """Each makes more: the host goes on."""
    bp.run("timerboom -q 0 0.001 timer -q 0 0.001 echo")

    def many():
        return sum("forever" in line for line in bp.run("timer")) == 1000

    eventually(many)
    assert "on" in bp.run("wait 0.05|echo on")
    bp.run("timer* off")
    assert not any("forever" in line for line in bp.run("timer"))


@keeps("process", timer=8)
@keeps("plugin/commands", call=8, scope=8, timer=8)
@keeps("plugin/automation", run=8)
def test_runs_that_do_not_end(bp):
    bp.run("timerslow -q 0 0.001 wait 1000")
    eventually(lambda: any("runs left out" in line for line in bp.run("timer")))
    bp.run("timerslow off")
    bp.run("timerquick -q 0 0.001 echo")
    bp.run("wait 0.1")
    assert not any("left out" in line for line in bp.run("timer"))
    bp.run("timerquick off")


def test_aliases(bp):
    assert bp.run("loop 1 1000 .alias a{loop} echo hi") == []
    refuses(bp, "alias more echo hi", "1000 aliases", "most")
    assert bp.run("alias a7 echo ho") == []
    assert bp.run("a7")[-1] == "ho" and bp.run("a1000")[-1] == "hi"
    assert bp.run("alias a1") == ["Alias a1 unset."]
    assert bp.run("alias more echo on") == [] and bp.run("more")[-1] == "on"
    refuses(bp, "alias long echo " + 61440 * "x", "60 KiB")


def test_batch(bp):
    assert bp.run("loop 1 1000 .batch add echo {loop}") == []
    refuses(bp, "batch add echo more", "no more fits")
    assert bp.run("batch remove 1") == [] and bp.run("batch add echo more") == []
    assert bp.run("batch run 1000")[-1] == "more"


def test_batch_of_long_lines(bp):
    for _ in range(2):
        assert bp.run("batch add echo " + 30000 * "x") == []
    refuses(bp, "batch add echo " + 30000 * "x", "no more fits")


def test_links(bp):
    assert len(bp.run("loop 1 20000 .channel link -f from{loop} to")) == 20000
    refuses(bp, "channel link -f more to", "20000 links", "most")
    bp.run("channel unlink from1 to")
    assert len(bp.run("channel link -f more to")) == 1
    bp.run("loop 2 20000 .channel unlink from{loop} to")
    bp.run("channel unlink more to")
    assert not any(" to " in line for line in bp.run("channel list"))


def test_contexts(bp):
    before = bp.run("context")
    refuses(bp, "set -p /no/such key value", "there is no context /no/such")
    bp.run("loop 1 100 .set -p /no/such{loop}")
    assert bp.run("context") == before


def test_recordings(bp):
    bp.run(f"loop 1 100 .channel save sessions -f {bp.folder}/r{{loop}}")
    refuses(bp, f"channel save sessions -f {bp.folder}/more", "100 channels are saved", "most")
    bp.run("loop 1 100 .channel save sessions --stop")
    bp.run(f"channel save sessions -f {bp.folder}/more")
    bp.run("channel save sessions --stop")


def resident(bp):
    with open(f"/proc/{bp.process.pid}/status") as file:
        return int([line.split()[1] for line in file if line.startswith("VmRSS")][0])


def test_memory_comes_back(bp):
    if is_sanitized():
        raise Skipped("a sanitizer has memory of its own")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard == resource.RLIM_INFINITY else min(hard, 4096), hard))
    port = free_port()
    bp.run(f"module open TelnetServer many port={port} max_connections=2000")

    def visit(count):
        clients = [Client(port) for _ in range(count)]
        for client in clients:
            client.send("echo hello\n")
        for client in clients:
            client.expect("hello")
            client.close()

    def reload(count):
        for number in range(count):
            assert "Reloaded" in bp.run("plugin reload " + ("tcp", "udp", "web")[number % 3])[-1]

    visit(20)
    reload(3)
    before = resident(bp)
    for _ in range(3):
        visit(1000)
    reload(66)
    eventually(lambda: resident(bp) < before * 1.2)


if __name__ == "__main__":
    main("limits", globals())
