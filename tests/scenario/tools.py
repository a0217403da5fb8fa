#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools.py - the sub-commands for scripts: what is on stdout and stderr, exit status, JSON, clients that are slow or leave."""
import datetime
import json
import os
import re
import signal
import subprocess
import time

from harness import BUILD, PATIENCE, eventually, main

PROGRAM = BUILD + "/backplane"


def environment(bp):
    return dict(os.environ, HOME=bp.folder, XDG_RUNTIME_DIR=bp.folder, XDG_STATE_HOME=bp.folder + "/state")


def tool(bp, *arguments, stdin=None):
    return subprocess.run([PROGRAM, *arguments], env=environment(bp), input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                          text=True, capture_output=True, timeout=PATIENCE, check=False, cwd=bp.folder)


def start(bp, *arguments, stdin=subprocess.DEVNULL, **more):
    return subprocess.Popen([PROGRAM, *arguments], env=environment(bp), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **more)


def end_of(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def watchers(bp, channel):
    """How many watch it."""
    there = re.search(rf": {re.escape(channel)} +(\d+)", "\n".join(bp.run("channel list")))
    return int(there[1]) if there else 0


def watched(bp, channel, count=1):
    eventually(lambda: watchers(bp, channel) >= count)


def processor_time(bp):
    """Seconds of the host."""
    with open(f"/proc/{bp.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_watch(bp):
    bp.run("tcp listen 0 lab")
    one = start(bp, "watch", "lab/recv", "-n", "2")
    many = start(bp, "watch", "lab/*", "la?/send", "--count", "2")
    exact = start(bp, "watch", "lab/recv", "-n", "2", "--json")
    watched(bp, "lab/recv", 3)
    for text in ("first", "second"):
        bp.run(f"channel send lab/recv {text}")
    assert end_of(one) == (0, "first\nsecond\n", "")
    assert end_of(many) == (0, "lab/recv first\nlab/recv second\n", "")
    status, out, _ = end_of(exact)
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0 and [row["text"] for row in rows] == ["first", "second"] and rows[0]["channel"] == "lab/recv", rows
    assert abs(rows[0]["time"] - time.time()) < 3600
    assert watchers(bp, "lab/recv") == 0


def test_watch_what_is_not_there_yet(bp):
    process = start(bp, "watch", "later/recv", "-n", "1", "--time")
    bp.run("echo")
    eventually(lambda: "control" in "\n".join(bp.run("session list")))
    bp.run("tcp listen 0 later")
    watched(bp, "later/recv")
    bp.run("channel send later/recv here")
    status, out, _ = end_of(process)
    stamp, text = out.strip().split(" ", 1)
    assert status == 0 and text == "here" and datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z"), out


def test_watch_bytes(bp):
    bp.run("tcp listen 0 lab")
    plain, coded = start(bp, "watch", "lab/recv", "-n", "2"), start(bp, "watch", "lab/recv", "-n", "2", "--json")
    watched(bp, "lab/recv", 2)
    assert tool(bp, "send", "lab/recv", "--base64", "AP8N").returncode == 0
    assert tool(bp, "send", "lab/recv", "a\x1b[2Jb").returncode == 0
    status, out, _ = end_of(plain)
    assert status == 0 and r"\x00\xff" in out and "\x1b" not in out and "\0" not in out, out
    rows = [json.loads(line) for line in end_of(coded)[1].splitlines()]
    assert rows[0]["base64"] == "AP8N" and rows[1]["text"] == "a\x1b[2Jb", rows


def test_watch_all_does_not_see_itself(bp):
    """Two that watch everything, and each other's sessions: no message makes another."""
    one, two = start(bp, "watch", "*", "-n", "1000"), start(bp, "watch", "session/*", "-n", "1000")
    bp.run("tcp listen 0 lab")
    watched(bp, "lab/recv")
    bp.run("channel send lab/recv a-mark")
    out = ""
    while not out.endswith("\nlab/recv a-mark\n"):
        out += one.stdout.readline()
    for process in (one, two):
        process.send_signal(signal.SIGINT)
    out += end_of(one)[1]
    end_of(two)
    assert out.splitlines().count("lab/recv a-mark") == 1 and len(out) < 20000, out
    eventually(lambda: watchers(bp, "lab/recv") == 0)


def test_send(bp):
    bp.run("tcp listen 0 lab")
    process = start(bp, "watch", "lab/send", "-n", "5", "--json")
    watched(bp, "lab/send", 1 + watchers(bp, "lab/recv"))
    assert tool(bp, "send", "lab/send", "two words", "and $more;|#x").returncode == 0
    done = tool(bp, "send", "lab/send", stdin="one\n\"two\" $x | # y\n\nlast without end")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    rows = [json.loads(line)["text"] for line in end_of(process)[1].splitlines()]
    assert rows == ["two words and $more;|#x", "one", '"two" $x | # y', "", "last without end"], rows
    done = tool(bp, "send", "lab/send", stdin="x" * 100000)
    assert done.returncode == 1 and "longer than" in done.stdout + done.stderr, done
    done = tool(bp, "send", "nowhere", "x")
    assert done.returncode == 1 and not done.stdout and "no channel named 'nowhere'" in done.stderr, done


def test_wait(bp):
    bp.run("tcp listen 0 lab")
    process = start(bp, "wait", "lab/recv", "^ok [0-9]+$")
    watched(bp, "lab/recv")
    for text in ("no", "ok", "it is ok 5", "ok 7"):
        bp.run(f"channel send lab/recv {text}")
    assert end_of(process) == (0, "ok 7\n", "")
    done = tool(bp, "wait", "lab/recv", "never", "--timeout", "50ms")
    assert (done.returncode, done.stdout) == (1, "") and "nothing came that matches never" in done.stderr, done
    done = tool(bp, "wait", "lab/recv", "(", "-t", "1s")
    assert (done.returncode, done.stdout) == (1, "") and "no regular expression" in done.stderr, done
    done = tool(bp, "wait", "console", "ping", "--send", "console ping pong")
    assert (done.returncode, done.stdout) == (0, "ping pong\n"), done
    done = tool(bp, "wait", "console", "ping", "--send", "nowhere x")
    assert done.returncode == 1 and "nowhere" in done.stderr and not done.stdout, done
    done = tool(bp, "wait", "console", "x", "--send", "console")
    assert done.returncode == 1 and "CHANNEL TEXT" in done.stderr, done
    row = json.loads(tool(bp, "wait", "console", "p(.)ng", "--json", "--send", "console pung").stdout)
    assert row["channel"] == "console" and row["text"].strip() == "pung", row


def test_wait_piece_by_piece(bp):
    bp.run("tcp listen 0 lab")
    process = start(bp, "wait", "lab/recv", "login:")
    watched(bp, "lab/recv")
    for _ in range(3):
        tool(bp, "send", "lab/recv", "x" * 900)
    for text in ("lo", "gi", "n:"):
        tool(bp, "send", "lab/recv", text)
    assert end_of(process)[:2] == (0, "n:\n")


def test_a_costly_expression_is_given_up(bp):
    """The loop does not stand still for it."""
    bp.run("tcp listen 0 lab")
    process = start(bp, "wait", "lab/recv", "(a+)+$|mark")
    watched(bp, "lab/recv")
    begin = processor_time(bp)
    tool(bp, "send", "lab/recv", stdin=("a" * 900 + "b\n") * 30)
    tool(bp, "send", "lab/recv", "mark")
    assert end_of(process)[:2] == (0, "mark\n")
    assert processor_time(bp) - begin < 1


def test_who_leaves_leaves_nothing(bp):
    bp.run("tcp listen 0 lab")
    for how in (signal.SIGINT, signal.SIGKILL):
        processes = [start(bp, "watch", "lab/*"), start(bp, "wait", "lab/recv", "x", "-t", "1h"), start(bp, "top", "-n", "0", "-i", "100ms")]
        watched(bp, "lab/recv", 2)
        for process in processes:
            process.send_signal(how)
            end_of(process)
        eventually(lambda: watchers(bp, "lab/recv") == 0)


def test_the_end_of_the_host_is_a_failure(bp):
    bp.run("tcp listen 0 lab")
    waiting, counting = start(bp, "wait", "lab/recv", "x"), start(bp, "watch", "lab/recv", "-n", "3")
    watched(bp, "lab/recv", 2)
    bp.run("plugin unload tool")
    for process in (waiting, counting):
        status, out, err = end_of(process)
        assert status == 1 and not out and "the host has ended" in err, (status, out, err)
    bp.run("plugin load tool")
    waiting = start(bp, "wait", "lab/recv", "x")
    watched(bp, "lab/recv")
    bp.type("quit")
    status, out, err = end_of(waiting)
    assert status == 1 and not out and "shutting down" in err, (status, out, err)
    bp.process.wait(PATIENCE)


def test_a_slow_reader(bp):
    """It is let go when too much waits for it; others get everything."""
    bp.run("tcp listen 0 lab")
    slow, good = start(bp, "watch", "lab/recv"), start(bp, "watch", "lab/recv", "-n", "401")
    watched(bp, "lab/recv", 2)
    slow.send_signal(signal.SIGSTOP)
    with open(bp.folder + "/lines", "w") as file:
        file.write(".channel send lab/recv " + "y" * 50000 + "\n")
    for _ in range(400):
        bp.type(f".execute {bp.folder}/lines")
    bp.type("channel send lab/recv end")
    status, out, _ = end_of(good)
    assert status == 0 and out.endswith("\nend\n") and out.count("\n") == 401
    slow.send_signal(signal.SIGCONT)
    slow.send_signal(signal.SIGINT)
    end_of(slow)


def test_top(bp):
    done = tool(bp, "top", "-i", "200ms", "-r", "3")
    assert done.returncode == 0 and re.match(r"cpu [0-9.]+ %, \d+ KiB resident", done.stdout) and "\x1b" not in done.stdout, done
    process = start(bp, "top", "--json", "-n", "2", "-i", "300ms", "-r", "100")
    bp.run("tcp listen 0 lab")
    status, out, err = end_of(process)
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0 and len(rows) == 2 and not err, (status, out, err)
    assert {"cpu", "resident", "sessions", "problems", "channels", "plugins", "time"} <= set(rows[0])
    assert any(channel["name"] == "lab/recv" for channel in rows[1]["channels"]), rows


def test_doctor(bp):
    """What is wrong comes first, with what to type; good things only with -a."""
    done = tool(bp, "doctor", "-a")
    assert "good: modules" in done.stdout and "good: plugins" in done.stdout, done
    one, two = bp.folder + "/soon.pem", bp.folder + "/soon.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
                    "-subj", "/CN=x", "-out", one, "-keyout", two], check=True, capture_output=True)
    bp.run(f"module open TCPServer safe port=0 tls=yes tls_cert={one} tls_key={two}")
    bp.run("module open UART gone port=/dev/does-not-exist")
    done = tool(bp, "doctor")
    assert "warning: gone: waiting: /dev/does-not-exist" in done.stdout and "good:" not in done.stdout, done
    assert re.search(r"warning: safe: the certificate .*soon.pem ends in [23] days\n    renew it", done.stdout), done
    rows = [json.loads(line) for line in tool(bp, "doctor", "--json", "-a").stdout.splitlines()]
    assert {"level", "subject", "text"} <= set(rows[0]) and any(row["subject"] == "gone" for row in rows), rows
    os.truncate(one, 0)
    done = tool(bp, "doctor")
    assert done.returncode == 1 and "problem: safe: " in done.stdout and re.search(r"\d problem", done.stderr), done


def test_doctor_without_a_host(bp):
    """It starts one that opens nothing, and leaves nothing."""
    before = set(os.listdir("/tmp"))
    folder = bp.folder + "/alone"
    os.mkdir(folder, 0o700)
    done = subprocess.run([PROGRAM, "-S", folder + "/nothing", "doctor", "-a"], env=dict(environment(bp), XDG_RUNTIME_DIR=folder), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    assert "no instance runs here" in done.stderr and "good: plugins" in done.stdout, done
    assert not [name for name in set(os.listdir("/tmp")) - before if name.startswith("backplane-doctor")]


def test_usage(bp):
    assert "--count" in tool(bp, "watch", "--help").stdout
    done = tool(bp, "watch")
    assert done.returncode == 1 and "GLOB" in done.stdout + done.stderr, done
    done = tool(bp, "-S", bp.folder + "/nowhere", "send", "console", "x")
    assert done.returncode == 1 and "no running instance" in done.stderr and not done.stdout, done
    done = tool(bp, "nonsense")
    assert done.returncode == 2, done


if __name__ == "__main__":
    main("tools", globals())
