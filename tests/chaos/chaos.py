#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chaos.py - the real program, built with sanitizers, under random commands, bytes and ends of connections.

Environment: BUILD, SEED (a number), SECONDS (of it all), MIX (only that one, see mixes.py), GO_ON=yes (does not stop at the
first fault), LEAKS=no (without LeakSanitizer).

The time is divided among the mixes, in an order that the seed decides; each is an episode with a program of its own. An
episode repeats its mix until its time is over. Then either everything is closed and the counts must be what they were, or
SIGTERM comes in the middle; always the end must be an orderly one. A fault is shown with its last actions and with the
command that repeats the episode.
"""
import fcntl
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

from host import BUILD, Fault, Host
from mixes import MIXES
from world import World

SHORTEST, LONGEST = 2, 60  # seconds of an episode
ENDS = 2  # of starting it and closing everything


def alone():
    """A network of our own, where the ports are free and nobody is disturbed; FALSE where that is not permitted."""
    if os.environ.get("CHAOS_ALONE"):
        with socket.socket() as probe:  # lo is down in a new one
            request = struct.pack("16sh14x", b"lo", 1)
            fcntl.ioctl(probe, 0x8914, request)
        deaf_resolver()
        return True
    wanted = ["unshare", "--net", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    try:
        permitted = not subprocess.run(wanted + ["true"], capture_output=True).returncode
    except OSError:
        permitted = False
    if permitted:
        os.execvpe(wanted[0], wanted + [sys.executable] + sys.argv, dict(os.environ, CHAOS_ALONE="1"))
    return False


def deaf_resolver():
    """Names are asked of one who never answers: a lookup takes two seconds."""
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 53))
    deaf_resolver.kept = deaf
    os.environ["RES_OPTIONS"] = "timeout:2 attempts:1"
    with tempfile.NamedTemporaryFile("w", prefix="backplane-chaos-") as file:
        file.write("nameserver 127.0.0.1\n")
        file.flush()
        os.chmod(file.name, 0o644)
        subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], capture_output=True)


def certificate(folder):
    """For the server that speaks TLS; without openssl it stays closed."""
    path = folder + "/server.pem"
    try:
        if not subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", path,
                               "-out", path + ".crt"], capture_output=True).returncode:
            with open(path + ".crt") as crt, open(path, "a") as both:
                both.write(crt.read())
            os.environ["CHAOS_CERT"] = path
    except OSError:
        pass


def free_base():
    """The first of fifty ports that are probably free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 65000)


def shown(seed, mix, seconds, world, why):
    print(f"--- chaos: mix {mix}, seed {seed}: {str(why)[-12000:]}")
    if world:
        print("The last actions:")
        for line in world.log:
            print("  " + line)
        if world.host.terminal:
            world.host.terminal.read()
            print(f"Its terminal: {world.host.terminal.shown!r}")
    print(f"To repeat: make -C {BUILD} chaos MIX={mix} SEED={seed} SECONDS={seconds}", flush=True)


def episode(seed, mix, seconds, base):
    """One program, one mix; the count of rounds and of actions."""
    world, rounds = None, 0
    end = time.monotonic() + seconds
    try:
        world = World(f"{mix} {seed}", base, getattr(MIXES[mix], "launch", None))
        while time.monotonic() < end or not rounds:
            MIXES[mix](world)
            rounds += 1
        if world.rng.random() < 0.7:
            world.close_everything()
        world.host.end()
        return True, f"{rounds} rounds, {world.count} actions, slowest answer {world.host.slowest:.2f} s"
    except (Fault, OSError) as why:
        try:
            if world and isinstance(why, OSError):
                world.host.check(True)
        except Fault as better:
            why = better
        shown(seed, mix, seconds, world, why if isinstance(why, Fault) else traceback.format_exc())
        return False, f"{rounds} rounds"
    finally:
        if world:
            world.drop()
        if Host.latest:
            Host.latest.remove()


def main():
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1000000))
    seconds = float(os.environ.get("SECONDS") or 60)
    go_on = os.environ.get("GO_ON") == "yes"
    base = 20000 if alone() else free_base()
    print(f"chaos: SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="backplane-chaos-") as folder:
        certificate(folder)
        failed = episodes(seed, seconds, go_on, base)
    sys.exit(failed > 0)


def episodes(seed, seconds, go_on, base):
    names = list(MIXES)
    random.Random(seed).shuffle(names)
    if os.environ.get("MIX"):
        names = os.environ["MIX"].split()
    each = max(SHORTEST, min(LONGEST, seconds / len(names) - ENDS))
    begun, passed, failed, number = time.monotonic(), 0, 0, 0
    while not number or time.monotonic() - begun + each / 2 < seconds:
        mix = names[number % len(names)]
        here = seed + number // len(names)
        number += 1
        started = time.monotonic()
        good, what = episode(here, mix, each, base)
        print(f"    {mix} {here}: {'passed' if good else 'FAILED'} after {time.monotonic() - started:.1f} s: {what}", flush=True)
        passed, failed = passed + good, failed + (not good)
        if failed and not go_on:
            break
    print(f"chaos: {passed} passed, {failed} failed")
    return failed


main()
