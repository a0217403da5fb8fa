#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""unloads.py - an unload that has to wait: who holds the plugin, by force, and at the end of the program; and descriptors of
the loop that somebody closes."""
import os
import pty
import select
import signal

from harness import BUILD, PATIENCE, Backplane, Client, free_port, keeps, main

PLUGIN = BUILD + "/tests/plugins/does-not-return.so"


def used(bp):
    """Seconds of processor time."""
    with open(f"/proc/{bp.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def consoles(bp, count):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    clients = [Client(port) for _ in range(count)]
    for client in clients:
        client.expect("Console.\r\n")
    return clients


def console(bp):
    return consoles(bp, 1)[0]


def begin(bp):
    assert bp.run("plugin load " + PLUGIN)[-1] == "Loaded does-not-return 1.0."
    client = console(bp)
    client.send("plugin unload does-not-return\n")
    return client


def test_who_holds(bp):
    client = begin(bp)
    told = client.expect("plugin unload --force does-not-return does not wait for that").decode()
    assert 'call "an answer"' in told and 'job "scan"' in told and "since" in told, told
    assert any("unloading" in line for line in bp.run("plugin list"))
    held = [line for line in bp.run("plugin info does-not-return") if line.startswith("held by")]
    assert len(held) == 1 and '"scan"' in held[0], held
    before = used(bp)
    assert bp.run("wait 0.5") == []
    assert used(bp) - before < 0.25, "its descriptor turns the loop"
    bp.process.send_signal(signal.SIGTERM)
    assert bp.process.wait(PATIENCE * 2) == 1
    assert 'does-not-return is still busy and is left behind: it is held by' in bp.stderr(), bp.stderr()


@keeps("does-not-return", hold=2)  # what it was unloaded with
def test_force(bp):
    client = begin(bp)
    client.expect("does not wait for that")
    answer = bp.run("plugin unload --force does-not-return")
    assert answer[0] == "Unloaded does-not-return." and 'job "scan"' in answer[1], answer
    client.expect("Unloaded does-not-return.")
    assert not any("does-not-return" in line for line in bp.run("plugin list"))
    assert bp.run("plugin load " + PLUGIN)[-1] == "Loaded does-not-return 1.0."
    assert bp.run("plugin unload -f does-not-return")[0] == "Unloaded does-not-return."
    assert bp.run("echo still") == ["still"]
    assert bp.stop() == 1


def test_reload(bp):
    assert bp.run("plugin load " + PLUGIN)[-1] == "Loaded does-not-return 1.0."
    client = console(bp)
    client.send("plugin reload does-not-return\n")
    client.expect("plugin unload --force does-not-return does not wait for that")
    bp.run("plugin unload --force does-not-return")
    client.expect("Reloaded does-not-return 1.0")
    assert bp.stop() == 1


def returns(bp):
    """What holds the plugin does so until there is this file."""
    with open(bp.folder + "/return", "w"):
        pass


def test_reload_is_taken_back(bp):
    """An unload that is asked for while a reload waits is the last word."""
    assert bp.run("plugin load " + PLUGIN)[-1] == "Loaded does-not-return 1.0."
    reloads, unloads = consoles(bp, 2)
    for client, verb in ((reloads, "reload"), (unloads, "unload")):
        client.send(f"plugin {verb} does-not-return\n")
        client.expect("does not wait for that")
    returns(bp)
    unloads.expect("Unloaded does-not-return.")
    reloads.expect("does-not-return was unloaded meanwhile, so it is not loaded again")
    assert not any("does-not-return" in line for line in bp.run("plugin list"))


def test_reloads_beside_each_other(bp):
    """Both are done when it is loaded again."""
    assert bp.run("plugin load " + PLUGIN)[-1] == "Loaded does-not-return 1.0."
    clients = consoles(bp, 2)
    for client in clients:
        client.send("plugin reload does-not-return\n")
        client.expect("does not wait for that")
    returns(bp)
    for client in clients:
        client.expect("Reloaded does-not-return 1.0")


def test_reload_at_the_end(_):
    """A reload that waits when the program ends loads nothing any more."""
    other = Backplane("-v")
    try:
        assert other.run("plugin load " + PLUGIN)[-1] == "Loaded does-not-return 1.0."
        client = console(other)
        client.send("plugin reload does-not-return\n")
        client.expect("does not wait for that")
        other.process.send_signal(signal.SIGTERM)
        client.expect("Goodbye!")
        returns(other)
        assert other.process.wait(PATIENCE) == 0, other.stderr()
        assert other.stderr().count("loaded does-not-return") == 2, other.stderr()  # "loaded" and "unloaded"
    finally:
        other.stop()
        other.remove()


def test_help_and_completion(bp):
    assert any("--force" in line for line in bp.run("plugin unload --help"))
    child, terminal = pty.fork()
    if not child:
        os.execve(BUILD + "/backplane", ["backplane", "-x"], dict(os.environ, XDG_RUNTIME_DIR=bp.folder, TERM="xterm"))
    seen = b""
    os.write(terminal, b"plugin unload --f\t")
    while b"--force" not in seen:
        ready, _, _ = select.select([terminal], [], [], PATIENCE)
        assert ready, seen
        seen += os.read(terminal, 65536)
    os.close(terminal)
    os.waitpid(child, 0)


def test_descriptors_closed(bp):
    """Not one line after another for ever: one that says what happened, and the end."""
    for how in ("eventpoll", "eventfd", "eventpoll -r", "eventfd -r"):
        other = Backplane()
        try:
            other.run(f"plugin load {BUILD}/tests/plugins/closes-descriptors.so")
            other.process.stdin.write(f"close-all {how}\n".encode())
            other.process.stdin.flush()
            assert other.process.wait(PATIENCE) == -signal.SIGABRT, how
            told = other.stderr()
            assert "was closed by code that had not opened it" in told and len(told) < 4000, told
        finally:
            other.stop()
            other.remove()


main("unloads", globals())
