#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""exec.py - programs whose input and output are channels."""
import os
import signal
from harness import eventually, main

DRIVER = """
import sys
for line in sys.stdin:
    word = line.strip()
    if word == "die":
        sys.exit(3)
    if word == "complain":
        print("no", file=sys.stderr, flush=True)
    print("got " + word, flush=True)
"""


def until(what, value):
    return eventually(lambda: value(what()))


def watched(bp, *channels):
    """A function that gives all lines that these channels have shown since."""
    lines = []
    for channel in channels:
        bp.run("channel watch " + channel)

    def so_far():
        lines.extend(line for line in bp.run(".echo") if line.startswith(channels))
        return lines
    return so_far


def driver(bp, *params):
    with open(bp.folder + "/driver.py", "w") as file:
        file.write(DRIVER)
    return bp.run(f"module open Exec d command=\"python3 {bp.folder}/driver.py\" restart_after=0.01 {' '.join(params)}")


def pid_of(bp, name="d"):
    for line in bp.run("exec list"):
        words = line.split()
        if words[0] == name:
            return int(words[1]) if words[1] != "-" else 0
    return None


def test_lines(bp):
    driver(bp)
    said = watched(bp, "d/recv", "d/errors")
    bp.run("channel send d/send one")
    bp.run("channel send d/send complain")
    until(said, lambda got: len(got) == 3)
    assert sorted(said()) == ["d/errors: no", "d/recv: got complain", "d/recv: got one"], said()


def test_comes_back(bp):
    driver(bp, "restart=always")
    said = watched(bp, "exec-d")
    first = pid_of(bp)
    bp.run("channel send d/send die")
    until(said, lambda got: "exited with status 3" in " ".join(got) and "started" in got[-1])
    second = pid_of(bp)
    assert second not in (0, first), (first, second)
    os.kill(second, signal.SIGKILL)
    until(said, lambda got: "killed by signal 9" in " ".join(got) and "started" in got[-1])
    assert pid_of(bp) not in (0, second)


def test_states(bp):
    bp.run('module open Exec once command="sh -c \'exit 0\'" restart=on-failure')
    until(lambda: bp.run("module info once"), lambda got: any("exited with status 0" in line for line in got))
    bp.run('module open Exec fails command="sh -c \'exit 4\'" restart=never')
    until(lambda: bp.run("status"), lambda got: any(line.startswith("problem: fails failed") and "status 4" in line for line in got))
    assert "no such program" in bp.run("module open Exec none command=no-such-program")[0]
    assert "command:" in bp.run("module open Exec none command=\"'open quote\"")[0]


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split(")")[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_ends_with_its_owner(bp):
    """Also what it has started, also one that ignores SIGTERM, and at a reload."""
    bp.run('module open Exec s command="sh -c \'sleep 1000 & echo $!; trap : TERM; while :; do sleep 1000; done\'"')
    parent = pid_of(bp, "s")
    bp.run("module close s")
    until(lambda: is_running(parent), lambda it: not it)
    driver(bp)
    before = pid_of(bp)
    bp.run("plugin reload exec")
    assert pid_of(bp) not in (None, 0, before)
    until(lambda: is_running(before), lambda it: not it)
    last = pid_of(bp)
    bp.stop()
    until(lambda: is_running(last), lambda it: not it)


def test_reads_nothing(bp):
    bp.run('module open Exec deaf command="sleep 1000" backlog_limit=4096')
    for _ in range(100):
        bp.run("channel send deaf/send " + "x" * 4000)
    assert any("were not written" in line for line in bp.run("module info deaf"))


main("exec", globals())
