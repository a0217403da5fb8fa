#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-remote.py - a serial port of another host as a UART; programs on a UART."""
import os
import re
import shutil
import socket
import subprocess
import termios

from harness import PATIENCE, Client, Skipped, all_keep, eventually, free_port, is_listened, main
from uarts import console, heard, open_uart, run, serve, wait_for

ALL = bytes(range(256)) * 64


def open_remote(bp, port, *words, scheme="rfc2217", name="far"):
    bp.run(" ".join([f"uart open {scheme}://127.0.0.1:{port} {name} reopen_min=20ms reopen_max=50ms", *words]))
    return name


def close(bp):
    """Otherwise the server has a client still."""
    bp.run("uart close far")
    wait_for(bp, "module info lab", r"(?s)^(?!.*lab/\d)")


def watch(bp, name="far"):
    """The bytes that it receives, as a client of a server of it."""
    return Client(serve(bp, "mode=raw", name="look", uart=name))


# --- a port of another host ---

def test_rfc2217_both_ways(bp):
    device = open_uart(bp)
    open_remote(bp, serve(bp), "baud=19200 bits=7 parity=even stop=2")
    wait_for(bp, "uart info root", "19200 7E2")
    wait_for(bp, "module info far", "(?m)^state .* is open$")
    client = watch(bp)
    client.send(ALL)
    assert device.expect(ALL) == ALL
    device.send(ALL)
    assert client.expect(ALL) == ALL
    fd = os.open(device.link, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        assert termios.tcgetattr(fd)[4] == termios.B19200
    finally:
        os.close(fd)
    run(bp, "uart lines far dtr=off")
    wait_for(bp, "uart info root", "DTR off|dtr off|19200")
    run(bp, "uart break far")
    close(bp)


def test_what_is_refused_is_said(bp):
    open_uart(bp)
    port = serve(bp)
    bp.run("channel watch -f uart-far")
    with socket.create_connection(("127.0.0.1", port)) as writer:
        writer.sendall(b"first")
        wait_for(bp, "uart info root", r"writer lab/")
        open_remote(bp, port, "baud=9600")
        heard(bp, "has refused baud 9600: it has 115200")
    close(bp)


def test_lost_and_back(bp):
    device = open_uart(bp)
    port = serve(bp)
    open_remote(bp, port)
    wait_for(bp, "module info far", "(?m)^state .* is open$")
    bp.run("channel watch -f uart-far")
    bp.run("module close lab")
    heard(bp, "far is gone|is gone: ")
    wait_for(bp, "module info far", "state +.*it is opened as soon as")
    bp.run(f"module open UARTServer lab uart=root port={port}")
    wait_for(bp, "module info far", "(?m)^state .* is open$")
    client = watch(bp)
    client.send(b"again")
    device.expect(b"again")
    close(bp)


def test_sent_and_closed_at_once(bp):
    device = open_uart(bp)
    open_remote(bp, serve(bp))
    wait_for(bp, "module info far", "(?m)^state .* is open$")
    bp.run("channel send far/send last words | uart close far")
    device.expect(b"last words")


def test_bytes_alone(bp):
    device = open_uart(bp)
    open_remote(bp, serve(bp, "mode=raw"), scheme="tcp")
    wait_for(bp, "module info far", "(?m)^state .* is open$")
    client = watch(bp)
    client.send(ALL)
    assert device.expect(ALL) == ALL
    device.send(ALL)
    assert client.expect(ALL) == ALL
    assert "no modem lines" in run(bp, "uart lines far")
    close(bp)


def test_no_rfc2217_there(bp):
    device = open_uart(bp)
    port = serve(bp, "mode=raw")
    open_remote(bp, port)
    wait_for(bp, "module info far", f"no RFC 2217 is spoken there; tcp://127.0.0.1:{port} takes its bytes")
    bp.run("uart close far")
    assert device


def test_nobody_there_and_bad_addresses(bp):
    open_remote(bp, free_port())
    wait_for(bp, "module info far", "state .*refused")
    for bad in ("rfc2217://", "rfc2217://host", "tcp://:7", "tcp://h:99999", "tcp://h:7/x", "rfc2217://[::1:7"):
        said = run(bp, f"uart open {bad} bad")
        assert "is open as" not in said and re.search("rfc2217://HOST:PORT|port|host|URI", said), (bad, said)
    bp.run("uart close far")


def test_ser2net(bp):
    """A port that ser2net serves."""
    ser2net = shutil.which("ser2net", path=os.environ["PATH"] + ":/usr/sbin")
    if not ser2net:
        raise Skipped("ser2net is not here")
    master, slave = os.openpty()
    port = free_port()
    with open(bp.folder + "/ser2net.yaml", "w") as file:
        file.write(f"connection: &lab\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
                   f"  connector: serialdev,{os.ttyname(slave)},115200n81,local\n")
    process = subprocess.Popen([ser2net, "-n", "-d", "-c", bp.folder + "/ser2net.yaml"], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: process.poll() is not None or is_listened(port))
        open_remote(bp, port, "baud=57600")
        wait_for(bp, "module info far", "(?m)^state .* is open$")
        client = watch(bp)
        client.send(ALL)
        seen = b""
        while len(seen) < len(ALL):
            seen += os.read(master, 65536)
        assert seen == ALL
        os.write(master, ALL)
        assert client.expect(ALL) == ALL
        eventually(lambda: termios.tcgetattr(slave)[4] == termios.B57600)
    finally:
        process.terminate()
        process.wait()
        os.close(master)
        os.close(slave)


# --- programs ---

def test_exec_both_ways(bp):
    """What the device sends comes in, what the program writes goes out, and it ends by itself."""
    device = open_uart(bp)
    client = console(bp)
    client.send(b"uart exec root sh -c 'echo to device; read line; echo \"got $line\" >&2; echo end; exit 3'\n")
    device.expect(b"to device\n")
    assert "writer session/" in run(bp, "uart info root")
    device.send(b"hello\n")
    device.expect(b"end\n")
    client.expect("got hello")
    client.expect("sh exited with status 3")
    wait_for(bp, "uart info root", "(?s)^(?!.*writer session/)")


def test_exec_is_stopped(bp):
    """By an unplugged device, by another writer, by who typed it."""
    device = open_uart(bp, "reopen_min=20ms reopen_max=50ms")
    client = console(bp)
    client.send(b"uart exec root cat /dev/zero\n")
    device.expect(bytes(1000))
    device.unplug()
    client.expect("cat was stopped: the UART")
    device.plug()
    wait_for(bp, "module info root", "(?m)^state .* is open$")
    client.send(b"uart exec root sh -c 'echo begun; while read line; do echo $line; done'\n")
    device.expect(b"begun\n")
    bp.run("uart grab root")
    device.send(b"more\n")
    client.expect("has taken the writing over")
    bp.run("uart release root")
    client.send(b"uart exec root sleep 1000\n")
    number = re.search(r"writer session/(\d+)", wait_for(bp, "uart info root", "writer session/")).group(1)
    bp.run(f"session kill {number}")
    wait_for(bp, "uart info root", "(?s)^(?!.*writer session/)")


def test_exec_loses_nothing(bp):
    """A program is not read while the line is full: sixteen megabytes through a backlog of 64 kB."""
    device = open_uart(bp, "backlog_limit=64K")
    client = console(bp)
    client.send(b"uart exec root head -c 16000000 /dev/zero\n")
    count = 0
    for _ in range(100):
        count += len(os.read(device.master, 65536))
        waiting = int(re.search(r"(\d+) waiting", run(bp, "uart info root")).group(1))
        assert waiting <= 256 * 1024, waiting
    while count < 16000000:
        count += len(os.read(device.master, 65536))
    assert count == 16000000
    assert " 0 messages lost" in run(bp, "uart info root")


def test_exec_refuses(bp):
    open_uart(bp)
    assert "no such program" in run(bp, "uart exec root /no/such/program")
    assert "quot" in run(bp, "uart exec root 'unfinished")


def test_xmodem(bp):
    """A file by XMODEM, to a receiver on the line."""
    if not shutil.which("sx") or not shutil.which("rx"):
        raise Skipped("lrzsz is not here")
    device = open_uart(bp)
    client = console(bp)
    with open(bp.folder + "/sent", "wb") as file:
        file.write(ALL)
    os.set_blocking(device.master, True)
    receiver = subprocess.Popen(["rx", "-q", "got"], cwd=bp.folder, stdin=device.master, stdout=device.master)
    client.send(f"uart exec root sx -q {bp.folder}/sent\n".encode())
    assert receiver.wait(PATIENCE) == 0
    with open(bp.folder + "/got", "rb") as file:
        assert file.read()[:len(ALL)] == ALL


main("uart-remote", globals())
