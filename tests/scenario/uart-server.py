#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-server.py - UARTs on the network, as bytes and by RFC 2217 with pyserial as the client."""
import os
import re
import select
import time

from harness import PATIENCE, Client, main
from uarts import heard, open_serial, open_uart, run, serve, wait_for, with_shim


# --- bytes ---

def test_raw_server(bp):
    device = open_uart(bp)
    device.send(b"boot\xff ")
    wait_for(bp, "uart info root", "6 bytes in")
    port = serve(bp, "mode=raw show_replay=yes")
    one, two = Client(port), Client(port)
    one.expect(b"boot\xff ")
    two.expect(b"boot\xff ")
    device.send(b"\xff\x00hello")
    assert one.expect("hello") == b"\xff\x00hello"
    two.expect("hello")
    one.send(b"\xffone")
    assert device.expect(b"one") == b"\xffone"


def test_one_writer_taken_over(bp):
    device = open_uart(bp)
    port = serve(bp, "mode=raw")
    bp.run("channel watch -f uart-root")
    one, two = Client(port), Client(port)
    wait_for(bp, "module info lab", r"(?s)lab/1 .*|lab/2 .*lab/1")
    one.send(b"first")
    device.expect(b"first")
    writer = re.search(r"writer (lab/\d)", wait_for(bp, "uart info root", r"writer lab/")).group(1)
    reader = "lab/2" if writer == "lab/1" else "lab/1"
    bp.run(f"channel watch -f server-tcp-{port}")
    two.send(b"not heard")
    heard(bp, f"{reader} may not write: {writer} does")
    bp.run(f"uart grab root {reader}")
    two.send(b"second")
    assert device.expect(b"second") == b"second"
    two.close()
    heard(bp, f"{reader} is the writer no longer")
    one.send(b"again")
    assert device.expect(b"again") == b"again"
    assert "no lab/9" in " ".join(bp.run("uart grab root lab/9"))


def test_many_writers(bp):
    device = open_uart(bp)
    port = serve(bp, "mode=raw writers=many")
    one, two = Client(port), Client(port)
    one.send(b"one")
    device.expect(b"one")
    two.send(b"two")
    device.expect(b"two")


def test_fast_client_waits_for_the_line(bp):
    device = open_uart(bp, "backlog_limit=64K")
    client = Client(serve(bp, "mode=raw"))
    client.socket.settimeout(PATIENCE)
    sent = bytes(range(256)) * 4096
    got = b""
    at = 0
    while len(got) < len(sent):
        _, writable, _ = select.select([], [client.socket] if at < len(sent) else [], [], 0)
        if writable:
            client.socket.setblocking(False)
            at += client.socket.send(sent[at:at + 65536])
        ready, _, _ = select.select([device.master], [], [], 0 if writable else 10)
        assert ready or writable, (len(got), at)
        if ready:
            got += os.read(device.master, 65536)
    assert got == sent
    assert "0 messages lost" in "\n".join(bp.run("uart info root"))


def test_reload(bp):
    device = open_uart(bp)
    port = serve(bp)
    client = Client(port)
    client.expect(b"\xff\xfd\x2c")
    for _ in range(5):
        bp.run("plugin reload uart")
        wait_for(bp, "uart info root", r", open,")
    device.send(b"alive")
    wait_for(bp, "uart info root", r"5 bytes in")


# --- RFC 2217 ---

def test_pyserial(bp):
    device = open_uart(bp)
    with open_serial(serve(bp), baudrate=57600, bytesize=7, parity="E", stopbits=2) as client:
        assert "57600 7E2" in "\n".join(bp.run("uart info root"))
        data = bytes(range(256)) * 8
        client.write(data)
        assert device.expect(data) == data
        device.send(data)
        assert client.read(len(data)) == data
        client.baudrate = 9600
        client.dtr = False
        client.rts = False
        client.dtr = True
        client.break_condition = True
        client.break_condition = False
        client.rtscts = True
        client.reset_output_buffer()
        client.reset_input_buffer()
        assert client.cts in (True, False)
        assert "9600 7E2 rtscts" in "\n".join(bp.run("uart info root"))
    end = time.monotonic() + PATIENCE
    while "writer" in "\n".join(bp.run("uart info root")):
        assert time.monotonic() < end


def test_pyserial_reader_beside_the_writer(bp):
    device = open_uart(bp)
    port = serve(bp)
    with open_serial(port, baudrate=115200) as writer, open_serial(port, baudrate=115200) as reader:
        writer.write(b"w")
        device.expect(b"w")
        reader.write(b"r")
        device.send(b"both")
        assert writer.read(4) == b"both" and reader.read(4) == b"both"
        try:
            reader.dtr = False
            raise AssertionError("a reader has set DTR")
        except ValueError:  # it was answered with the value that stays
            pass
        assert not device.seen


def test_settings_outlive_the_plug(bp):
    device = open_uart(bp, "reopen_min=20ms reopen_max=50ms")
    with open_serial(serve(bp), baudrate=19200) as client:
        device.unplug()
        wait_for(bp, "uart info root", r", waiting,")
        device.plug()
        wait_for(bp, "uart info root", r", open, 19200 8N1")
        client.write(b"still here")
        device.expect(b"still here")


def test_modem_lines_by_pyserial(_):
    def test(bp):
        open_uart(bp)
        with open_serial(serve(bp)) as client:
            client.rts = False
            end = time.monotonic() + PATIENCE
            while client.cts:
                assert time.monotonic() < end
                run(bp, "echo")
            assert client.dsr and client.cd and not client.ri
            client.rts = True
            while not client.cts:
                assert time.monotonic() < end
                run(bp, "echo")

    with_shim(test)


main("uart-server", globals())
