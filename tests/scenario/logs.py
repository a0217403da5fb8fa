#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""logs.py - the log as text, JSON and in a journal; levels of plugins; rotation by size and signal; plugins renewed after an upgrade."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from harness import BUILD, PATIENCE, Backplane, Client, eventually, main


def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def wait_for(path, pattern):
    return eventually(lambda: next((line for line in lines(path) if re.search(pattern, line)), None))


class Journal:
    """A socket in place of systemd's."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(PATIENCE)

    def record(self):
        data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(4))
        if ancillary:
            fd = int.from_bytes(ancillary[0][2][:4], "little")
            os.lseek(fd, 0, os.SEEK_SET)
            with os.fdopen(fd, "rb") as file:
                data = file.read()
        fields, at = {}, 0
        while at < len(data):
            end = data.index(b"\n", at)
            name, equals, value = data[at:end].partition(b"=")
            at = end + 1
            if not equals:
                size = int.from_bytes(data[at:at + 8], "little")
                value = data[at + 8:at + 8 + size]
                at += 8 + size + 1
            fields[name.decode()] = value.decode()
        return fields

    def until(self, text):
        while True:
            fields = self.record()
            if text in fields["MESSAGE"]:
                return fields


def test_text_and_json(bp):
    bp.run("module open Log disk file=a.log level=debug")
    bp.run("module open Log machine file=a.json format=json level=debug")
    bp.run("module open UART plotter port=/dev/does-not-exist")
    wait_for(bp.folder + "/a.log", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} \w+ plotter: .*does-not-exist") if any(
        "plotter" in line for line in bp.run("log last plotter")) else None
    bp.run("plugin load nothing-of-that-name")
    bp.run("plugin reload echo")
    line = wait_for(bp.folder + "/a.log", r"echo")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} (info|notice|debug) ", line), line
    row = json.loads(wait_for(bp.folder + "/a.json", "echo"))
    assert row["level"] in ("info", "notice", "debug") and row["priority"] >= 5 and abs(row["time"] - time.time()) < 3600 and row["text"], row
    assert bp.run("log last -n 3") and len(bp.run("log last -n 3")) <= 3
    assert "a.log" in "\n".join(bp.run("module info disk"))


def test_events(bp):
    """What a server says, with the peer; sessions with their number."""
    bp.run("module open Log machine file=a.json format=json events=server-tcp-* events=sessions")
    bp.run("serve echo --transport tcp --port 0 --name e")
    port = int(re.search(r"^e .*?:(\d+)", "\n".join(bp.run("status")), re.M)[1])
    client = Client(port)
    client.send("hello\n")
    client.expect("Echo: hello")
    client.close()
    row = json.loads(wait_for(bp.folder + "/a.json", '"channel":"sessions".*tcp'))
    assert row["session"].isdigit() and row["peer"].startswith("127.0.0.1:"), row
    row = json.loads(wait_for(bp.folder + "/a.json", '"channel":"server-tcp-'))
    assert row["name"].startswith("server-tcp-") and row["text"], row
    assert lines(bp.folder + "/a.json")[0].startswith("{")


def test_journal(bp):
    journal = Journal(bp.folder + "/journal")
    bp.run(f"module open Log j format=journal socket={journal.path} level=debug events=odd")
    bp.run("plugin reload echo")
    fields = journal.until("echo")
    assert fields["SYSLOG_IDENTIFIER"] == "backplane" and fields["PRIORITY"] in "567" and fields["BACKPLANE_PLUGIN"], fields
    bp.run("channel watch -f odd")
    bp.run("channel send odd plain")
    assert journal.until("plain")["BACKPLANE_CHANNEL"] == "odd"
    subprocess.run([BUILD + "/backplane", "send", "odd", "--base64", "b25lCnR3bw=="], check=True, timeout=PATIENCE,
                   env=dict(os.environ, HOME=bp.folder, XDG_RUNTIME_DIR=bp.folder))
    assert journal.until("one\ntwo")["MESSAGE"] == "odd: one\ntwo"
    big = "x" * 400000
    with open(bp.folder + "/big.lua", "w") as file:
        file.write("bp.channel('odd'):print(string.rep('x', 400000))\n")
    bp.run(f"lua run {bp.folder}/big.lua")
    assert journal.until(big)["MESSAGE"] == "odd: " + big
    for number in range(40):  # more than the socket holds
        bp.run(f"channel send odd number-{number}.")
    for number in range(40):
        journal.until(f"number-{number}.")
    assert " 0 records lost" in "\n".join(bp.run("module info j"))
    journal.socket.close()
    bp.run("channel send odd lost")
    eventually(lambda: re.search(r"[1-9]\d* records lost", "\n".join(bp.run("module info j"))))
    done = bp.run(f"module open Log k format=journal socket={bp.folder}/nowhere")
    assert "No such file" in "\n".join(done), done


def test_journal_and_stderr_are_not_both(bp):
    journal = Journal(bp.folder + "/journal")
    os.environ["JOURNAL_STREAM"] = "1:1"
    try:
        host = Backplane()
    finally:
        del os.environ["JOURNAL_STREAM"]
    failed = True
    try:
        host.run(f"module open Log j format=journal socket={journal.path}")
        assert "stderr  emergency" in "\n".join(host.run("log level"))
        host.run("module close j")
        assert "stderr  warning" in "\n".join(host.run("log level"))
        failed = False
    finally:
        host.finish(failed)


def test_levels(bp):
    bp.run("module open Log disk file=a.log level=warning")
    bp.run("plugin reload echo")
    bp.run("log level kernel debug")
    bp.run("log level echo debug")
    assert "kernel  debug" in "\n".join(bp.run("log level"))
    bp.run("plugin reload guess")
    bp.run("plugin reload echo")
    first = wait_for(bp.folder + "/a.log", " (info|notice|debug) ")
    assert "guess" in "\n".join(lines(bp.folder + "/a.log")) or "echo" in first, first
    bp.run("log level kernel default")
    assert "kernel" not in "\n".join(bp.run("log level"))
    assert "expected" in "\n".join(bp.run("log level echo loud")) or "loud" in "\n".join(bp.run("log level echo loud"))


def test_rotation_by_size_and_signal(bp):
    bp.run("module open Log disk file=a.log rotate=2K events=odd")
    bp.run("channel watch -f odd")
    for _ in range(8):
        bp.run("channel send odd " + "y" * 600)
    eventually(lambda: os.path.exists(bp.folder + "/a.log.1"))
    os.rename(bp.folder + "/a.log", bp.folder + "/moved")
    bp.process.send_signal(signal.SIGHUP)
    eventually(lambda: (bp.run("channel send odd after"), any("after" in line for line in lines(bp.folder + "/a.log")))[1])


def test_a_log_that_cannot_be_written(bp):
    done = bp.run("module open Log disk")
    assert "file is needed" in "\n".join(done), done
    bp.run("module open Log disk file=/nowhere/at/all.log")
    eventually(lambda: re.search(r"disk .*(failed|waiting)", "\n".join(bp.run("status"))))


def test_renew(bp):
    """As after an upgrade: the file is another one, and the host takes it with its instances; what is as it was is left alone."""
    folder = bp.folder + "/plugins"
    os.mkdir(folder, 0o755)
    shutil.copy(BUILD + "/plugins/echo.so", folder + "/echo.so")
    os.chmod(folder + "/echo.so", 0o644)
    bp.run("plugin unload echo")
    bp.run(f"plugin load {folder}/echo.so")
    bp.run("serve echo --transport tcp --port 0 --name e")
    assert bp.run("tool renew") == ["All other plugins are as their files are."]
    shutil.copy(folder + "/echo.so", folder + "/echo.new")
    os.rename(folder + "/echo.new", folder + "/echo.so")
    said = "\n".join(bp.run("tool renew"))
    assert "Reloaded echo" in said, said
    assert bp.run("tool renew") == ["All other plugins are as their files are."]
    bp.run("plugin unload echo")


if __name__ == "__main__":
    main("logs", globals())
