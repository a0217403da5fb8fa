#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer-clocks.py - hosts whose wall clocks are years apart, and jump while they are linked."""
import re

from clock import Clock
from harness import Client, all_keep, free_port, main
from hosts import Hole, host, wait_for, wait_for_file

YEAR = 365 * 24 * 3600


def year_at(port):
    client = Client(port)
    client.send('{"request": "ping"}\n')
    year = int(re.search(rb'"server_time": "(\d+)-', client.expect("\n")).group(1))
    client.close()
    return year


def test_years_apart_and_jumps(bp):
    with Clock(bp.folder, -8 * YEAR) as clock:
        one, two = free_port(), free_port()
        hole = Hole(one)
        other = clock.bp
        host(bp, "hosta", one, "secret=x", "export=room")
        host(other, "hostb", two, "secret=x", f"connect=127.0.0.1:{hole.port}", "import=hosta/room")
        bp.run("channel watch -f room")
        wait_for(bp, "peer list", r"hostb +up")
        wait_for(other, "channel list", "hosta/room")
        other.run("channel save hosta/room -f got --raw")
        for program in (bp, other):
            program.run("channel save p/events -f events")
        expected = ""
        near = year_at(one)
        for number, years in enumerate((-8, 8, 0, -8)):
            clock.set(years * YEAR)
            assert abs(year_at(two) - near - years) <= 1, (year_at(two), near, years)
            beats = hole.count + 10  # more than three of each, which would end a link that waits for them
            while hole.count < beats:
                assert re.search(r"hostb +up", "\n".join(bp.run("peer list")))
                assert re.search(r"hosta +up", "\n".join(other.run("peer list")))
            expected += f"{number};"
            bp.run(f"channel send room {number};")
            wait_for_file(other.folder + "/got", expected)
        for program in (bp, other):
            program.run("channel save p/events --stop")
            events = open(program.folder + "/events").read()
            assert "down" not in events, events
        hole.close()


all_keep(globals(), "p", glob_watch=2, watch=2, channel=2, timer=1, scope=2, backoff=2)  # a host that has gone is expected back for ten minutes


def test_ages(bp):
    """A clock that is set back an hour, or on a day, makes nothing older or younger."""
    with Clock(bp.folder, 0) as clock:
        clock.bp.run("module open TCPServer lab port=0")
        for step in (-3600, 24 * 3600):
            clock.set(step)
            for command in ("status", "session list", "module list"):
                lines = " ".join(clock.bp.run(command))
                assert "-3" not in lines and not re.search(r"\b\d+ ?(h|d)\b|\b\d+ (hours|days)", lines), lines


main("scenario-peer-clocks", globals())
