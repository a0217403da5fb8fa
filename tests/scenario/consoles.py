#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""consoles.py - what somebody at a console sees: how it begins, help, tables and lists as JSON; leaving it and ending the host."""
import json
import re

from harness import Backplane, Client, free_port, main
from terminals import Terminal


def remote(port):
    client = Client(port)
    client.send(b"\xff\xfb\x1f\xff\xfb\x18")
    client.expect(b"backplane>")
    return client


def plain(text):
    return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\r", b"", text).decode()


def test_begins_with_places_and_problems(bp):
    telnet, web = free_port(), free_port()
    terminal = Terminal(bp.folder + "/own", "-e", f"consoleserver -p {telnet}", "-e", f"webserver -p {web}", "-e",
                        "module open TCPClient broken host=127.0.0.1 port=1")
    first = plain(terminal.expect(b"backplane>"))
    assert re.match(r"(?s).*^Backplane \S+\. Type help for the commands, quit to end\.\n", first, re.M), first
    assert f"page http://localhost:{web}/" in first or f"page http://127.0.0.1:{web}/" in first, first
    assert re.search(rf"console telnet \S+ {telnet}\n", first), first
    assert "1 problem: broken " in first, first
    assert terminal.end() == 0


def test_quit_at_another_terminal_leaves(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    client = remote(port)
    client.send(b"quit\r\n")
    client.expect("This leaves the console; shutdown ends the host. Goodbye!")
    client.rest()
    assert bp.run("echo here") == ["here"]


def test_shutdown_asks_when_others_are_connected(bp):
    port = free_port()
    terminal = Terminal(bp.folder + "/own", "-e", f"consoleserver -p {port}")
    terminal.expect(b"backplane>")
    client = remote(port)
    terminal.type("shutdown")
    terminal.expect(b"1 other is connected; session list shows who. End the host for all? [y/N]")
    terminal.type("n")
    terminal.expect(b"nothing was ended")
    client.send(b"echo goes-on\r\n")
    client.expect("goes-on")
    terminal.type("shutdown")
    terminal.expect(b"[y/N]")
    assert terminal.end("y") == 0
    client.rest()


def test_shutdown_without_asking(bp):
    port = free_port()
    terminal = Terminal(bp.folder + "/own", "-e", f"consoleserver -p {port}")
    terminal.expect(b"backplane>")
    client = remote(port)
    assert terminal.end("shutdown -f") == 0
    client.rest()


def test_shutdown_without_others(bp):
    terminal = Terminal(bp.folder + "/own")
    terminal.expect(b"backplane>")
    assert terminal.end("shutdown") == 0


def test_restart(bp):
    terminal = Terminal(bp.folder + "/own")
    terminal.expect(b"backplane>")
    terminal.type("set console indent=4")
    terminal.type("restart")
    terminal.expect(b"Restarting.")
    terminal.expect(b"Type help for the commands")
    terminal.type("echo again")
    terminal.expect(b"\nagain")
    assert terminal.end() == 0


def test_help_fits_a_screen(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    client = Client(port)
    client.send(b"\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfb\x18")  # 80 by 24
    client.expect(b"backplane>")
    client.send(b"help\r\n")
    lines = plain(client.expect(b"Tab completes")).split("\n")
    assert 10 < len(lines) < 24 and all(len(line) <= 80 for line in lines), lines
    assert any("channel     channel, close, info" in line for line in lines), lines


def test_help_of_a_group(bp):
    rows = bp.run("help tcp")
    assert [row.split("  ")[0] for row in rows] == ["Command", "tcp close", "tcp connect", "tcp list", "tcp listen"], rows
    assert bp.run("tcp") == rows
    assert bp.run("help helq")[0] == "No extended help for: helq; did you mean help?"
    assert bp.run("help channel link")[0].startswith("channel link ")


def test_lists_as_json(bp):
    port = free_port()
    bp.run(f"consoleserver -p {port}")
    for command in ("channel list", "module list", "module classes", "plugin list", "session list", "timer", "thread", "tcp list", "uart list",
                    "set", "status", "context", "alias", "batch", "schedule", "lua list", "rule list", "mqtt list"):
        rows = json.loads("\n".join(bp.run(command + " --json")))
        assert isinstance(rows, list) and all(isinstance(row, dict) for row in rows), (command, rows)
    [server] = [row for row in json.loads("\n".join(bp.run("module list --json"))) if row["class"] == "TelnetServer"]
    assert str(port) in server["state"] and server["name"] in server["name"], server


def test_counts_without_watchers(bp):
    port = free_port()
    bp.run(f"tcp listen {port} box")
    client = Client(port)
    client.send(b"one\n")
    while True:
        [row] = json.loads("\n".join(bp.run("channel list box/recv --json"))) or [None]
        if row and row["messages"]:
            break
    assert row["watchers"] == 0 and row["begins_with"] == "one", row
    assert "not counted" not in "\n".join(bp.run("channel info box/recv"))


def test_candidates_with_what_they_are(bp):
    terminal = Terminal(bp.folder + "/own")
    terminal.expect(b"backplane>")
    for typed, shown in ((b"channel un", ["unlink   let it go there no longer", "unwatch  show it no longer"]),
                         (b"module open TCPServer x max_", ["max_connections=  most connections at a time"]),
                         (b"module close ", ["control   ControlServer, listening on ", "terminal  Terminal, reads the terminal"]),
                         (b"session kill ", ["1  system "]), (b"serve ec", []), (b"uart term --", ["--help"])):
        terminal.write(typed + b"\t\t")
        for line in shown:
            terminal.expect(line.encode())
        terminal.write(b"\x15")
    terminal.write(b"echo end\r")
    terminal.expect(b"\nend")
    assert terminal.end() == 0


def test_kept_after_a_restart(bp):
    port, more = free_port(), free_port()
    first = Backplane()
    lines = first.run(f"module open TCPServer door port={port} handler=echo allow=127.0.0.0/8 allow=::1 --keep")
    assert lines == ["Opened TCPServer as door.", "door is opened again at every start; module forget door ends that."], lines
    first.run(f"module open TCPServer other port={more}")
    first.run("module keep other|module keep other|module forget other")
    assert "is not opened at every start" in first.run("module forget other")[0]
    assert "is not open" in first.run("module keep nobody")[0]
    [line] = [line for line in first.run("batch") if "kept" in line]
    assert line.endswith(f"kept door: module open TCPServer door port={port} handler=echo allow=127.0.0.0/8 allow=::1"), line
    first.stop()
    again = Backplane(folder=first.folder)
    assert not any(line.startswith("other ") for line in again.run("module list"))
    client = Client(port)
    client.send("hello\n")
    client.expect("Echo: hello")
    client.close()
    again.finish(False)


main("consoles", globals())
