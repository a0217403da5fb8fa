#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""service.py - the unit of systemd: valid, well closed, and what it runs is there."""
import os
import re
import shutil
import subprocess

from harness import BUILD, PATIENCE, Skipped, main

PROGRAM = os.path.abspath(BUILD) + "/backplane"


def unit(bp):
    with open(BUILD + "/data/backplane.service") as file:
        text = file.read()
    path = bp.folder + "/backplane.service"
    with open(path, "w") as file:
        file.write(re.sub(r"=\S*/bin/backplane ", f"={PROGRAM} ", text))
    return path, text


def analyze(*arguments):
    program = shutil.which("systemd-analyze")
    if not program:
        raise Skipped("no systemd-analyze")
    return subprocess.run([program, *arguments], text=True, capture_output=True, timeout=PATIENCE, check=False)


def test_verify(bp):
    path, _ = unit(bp)
    done = analyze("verify", "--man=no", path)
    assert done.returncode == 0 and "backplane.service" not in done.stderr, done.stderr


def test_score(bp):
    """What it closes: 10 is everything open."""
    path, _ = unit(bp)
    done = analyze("security", "--offline=yes", path)
    score = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
    assert score <= 2.0, done.stdout


def test_commands_of_the_unit(bp):
    """Each line that it runs is one of the program that there is."""
    _, text = unit(bp)
    assert re.search(r'^ExecReload=\S+/backplane -x "config reload"$', text, re.M) and "LogsDirectory=backplane" in text
    environment = dict(os.environ, HOME=bp.folder, XDG_RUNTIME_DIR=bp.folder)
    done = subprocess.run([PROGRAM, "-x", "help config reload"], env=environment, text=True, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0 and "config reload" in done.stdout, done
    done = subprocess.run([PROGRAM, "-x", "help tool renew"], env=environment, text=True, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done


if __name__ == "__main__":
    main("service", globals())
