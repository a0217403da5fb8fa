#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rules.py - when a message matches, or none comes: one is sent, a command runs, a problem is raised."""
import os
import subprocess

from harness import BUILD, eventually, main


def state(bp, name):
    return next((line for line in bp.run("module list") if line.startswith(name + " ")), "")


def rule(bp, name):
    return next((line.split() for line in bp.run("rule list") if line.split()[0] == name), None)


def test_a_value_above_its_limit(bp):
    assert not bp.run("rule add hot --channel thermo/recv --field celsius --above 30 --to siren/send --send '{channel} {value}' --problem 'hot: {value}' --pause 0")
    bp.run("chart")
    for text in ('{"celsius":29}', '{"celsius":31.5}', '{"celsius":33}', "no number"):
        bp.run(f"channel send thermo/recv {text}")
    assert rule(bp, "hot")[1:3] == ["holds", "1"], rule(bp, "hot")
    assert "failed: hot: 31.5" in state(bp, "hot"), state(bp, "hot")
    bp.run('channel send thermo/recv {"celsius":20}')
    assert rule(bp, "hot")[1:3] == ["ok", "1"] and "failed" not in state(bp, "hot")
    bp.run('channel send thermo/recv {"celsius":40}')
    assert rule(bp, "hot")[1:3] == ["holds", "2"]
    bp.run("rule remove hot")
    assert rule(bp, "hot") is None and "no rule is called hot" in "".join(bp.run("rule remove hot"))


def test_a_pattern_runs_a_command(bp):
    bp.run("rule add door --channel door/recv --match 'open*' --run 'timerran 0 3600 echo {value}' --pause 0")
    bp.run("channel send door/recv closed")
    assert rule(bp, "door")[2] == "0"
    bp.run("channel send door/recv open wide")
    assert eventually(lambda: any('timerran "echo open wide"' in line for line in bp.run("timer"))), bp.run("timer")
    bp.run("timerran off")
    bp.run("rule remove door")


def test_silence(bp):
    bp.run("rule add quiet --channel beat/recv --silence 200ms --problem 'no message' --pause 0")
    assert eventually(lambda: "failed: no message" in state(bp, "quiet")), state(bp, "quiet")
    bp.run("channel send beat/recv here")
    assert eventually(lambda: rule(bp, "quiet")[1] == "holds" and int(rule(bp, "quiet")[2]) >= 2), rule(bp, "quiet")
    bp.run("rule remove quiet")


def test_what_makes_no_sense_is_refused(bp):
    for line, why in (("--channel a --problem x", "when is it to act"), ("--channel a --above 1", "what is it to do"),
                      ("--channel a --above 1 --to a", "send on the channel that it watches"), ("--above 1 --problem x", "channel")):
        assert why in "".join(bp.run(f"rule add bad {line}")), line
    assert rule(bp, "bad") is None


def test_rules_are_kept(bp):
    bp.run("rule add kept --channel a/recv --match x* --to b/send --pause 0")
    bp.stop()
    environment = dict(os.environ, HOME=bp.folder, XDG_STATE_HOME=bp.folder + "/state", XDG_CONFIG_HOME=bp.folder + "/config", XDG_RUNTIME_DIR=bp.folder)
    printed = subprocess.run([BUILD + "/backplane", "-P", BUILD + "/plugins"], input="rule list\nrule remove kept\nrule list\n", env=environment, cwd=bp.folder,
                             capture_output=True, text=True, timeout=60).stdout
    assert "channel=a/recv match=\"x*\" to=b/send" in printed and "none" in printed, printed


main("rules", globals())
