#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""waiters.py - for tests/lint: what waits is owned by what it waits for.

    waiters.py FILE.c...

A timer, a job, a deferred call or a question for an address gets a pointer to a thing: THING. Either the pointer goes with it
(there is a destroy notify), or its owner is the thing's own: THING->self (what lives as long as its instance), THING->scope or
..._scope(THING...). A server's handle for what is about one of its connections is a breach: the connection may go first.
"""
import re
import sys

OWNER = {"bp_timer_once": 1}
DATA = {"bp_timer_add": 5, "bp_timer_once": 4, "bp_job_add": 4, "bp_defer": 2, "bp_loop_call": 3, "bp_address_resolve": 4}


def arguments(text, at):
    """Those of the call whose parenthesis is open before `at`."""
    found, depth, start = [], 0, at
    while depth >= 0:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth < 0 or (text[at] == "," and depth == 0):
            found.append(" ".join(text[start:at].split()))
            start = at + 1
        at += 1
    return found


for name in sys.argv[1:]:
    if name == "kernel/loop/timer.c":
        continue
    with open(name) as file:
        text = file.read()
    for call in re.finditer(r"(?m)^\t.*?\b(%s)\(" % "|".join(DATA), text):
        words = arguments(text, call.end())
        owner, data = words[OWNER.get(call.group(1), 0)], words[DATA[call.group(1)]]
        has_destroy = call.group(1) not in ("bp_address_resolve", "bp_timer_once") and words[-1] != "NULL"
        own = rf"{re.escape(data)}->((\w+\.)?self|scope|owned\.owner)|\w*scope\w*\({re.escape(data)}(->\w+)*\)"
        if data != "NULL" and not has_destroy and not re.fullmatch(own, owner):
            print("%s:%d: %s of %s is owned by %s" % (name, text.count("\n", 0, call.end()) + 1, call.group(1)[3:], data, owner))
