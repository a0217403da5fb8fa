#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web-slow.py - slowhttptest: clients that dribble their heads and bodies, or do not read, are held off by the deadlines."""
import re
import shutil
import subprocess
import time

from harness import PATIENCE, Skipped, free_port, main

CLIENTS = 40


def connections(port):
    """How many the server slow has and has had; the one that tells it answers others meanwhile."""
    done = subprocess.run(["curl", "-s", "--max-time", str(PATIENCE), f"http://localhost:{port}/metrics"], stdout=subprocess.PIPE,
                          check=True)
    present = re.search(rb'backplane_server_connections{server="slow"} (\d+)\n', done.stdout)
    total = re.search(rb'backplane_server_accepted_total{server="slow"} (\d+)\n', done.stdout)
    return int(present.group(1)), int(total.group(1))


def attack(bp, path, *kind):
    if not shutil.which("slowhttptest"):
        raise Skipped("there is no slowhttptest")
    port, look = free_port(), free_port()
    bp.run(f"module open WebServer look port={look} quiet=yes")
    # It names its own site in Referer, for which it would be refused at once.
    bp.run(f"module open WebServer slow port={port} quiet=yes origins=* header_timeout=400ms keepalive_timeout=400ms body_rate=10K")
    attacker = subprocess.Popen(["slowhttptest", "-c", str(CLIENTS), "-r", "200", "-i", "1", "-l", "300", "-p", "300",
                                 "-u", f"http://localhost:{port}{path}", *kind], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        present, total, end = 0, 0, time.monotonic() + PATIENCE
        # It goes on for five minutes, or until it has lost all its connections.
        while present or total < (CLIENTS if attacker.poll() is None else 1):
            present, total = connections(look)
            assert time.monotonic() < end, (present, total, attacker.poll())
        assert bp.process.poll() is None
    finally:
        attacker.kill()
        attacker.wait()


def test_slow_heads(bp):
    attack(bp, "/", "-H")


def test_slow_bodies(bp):
    attack(bp, "/", "-B", "-s", "100000")


def test_slow_reading(bp):
    attack(bp, "/api/v1/openapi.json", "-X", "-w", "1", "-y", "2", "-z", "1", "-n", "1", "-k", "10")


main("web-slow", globals())
