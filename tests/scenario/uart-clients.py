#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-clients.py - clients of UARTServer: paused ones go on, slow ones pause the device, and what each of them is told."""
import os
import re
import select
import subprocess
import threading
import time

from harness import PATIENCE, Client, eventually, main
from uarts import heard, open_uart, run, serve, wait_for

QUICK = "reopen_min=20ms reopen_max=50ms"


# --- back-pressure ---

def clog(bp, client):
    """Until it is paused and its socket is full."""
    client.socket.setblocking(False)

    def is_stuck():
        try:
            while True:
                client.socket.send(b"x" * 65536)
        except BlockingIOError:
            said = run(bp, "uart info root")
            return "0 waiting" not in said

    eventually(is_stuck)


def goes_on(client):
    def can_send():
        try:
            client.socket.send(b"x" * 65536)
            return True
        except BlockingIOError:
            return False

    eventually(can_send)


def paused_client(bp, *words):
    device = open_uart(bp, "backlog_limit=64K", QUICK, *words)
    client = Client(serve(bp, "mode=raw"))
    clog(bp, client)
    return device, client


def test_paused_client_after_close_and_open(bp):
    device, client = paused_client(bp)
    bp.run("uart close root")
    client.expect("[root is not open: what lab/1 sends is dropped until it is]")
    goes_on(client)
    bp.run(f"uart open {device.link} root")
    client.socket.setblocking(True)
    client.send(b"the end")
    device.expect(b"the end")


def test_paused_client_after_changed_settings(bp):
    """The UART is opened anew with other settings, in one turn."""
    device, client = paused_client(bp)
    run(bp, f"uart close root | uart open {device.link} root --baud 9600 backlog_limit=1M")
    goes_on(client)
    client.socket.setblocking(True)
    client.send(b"the end")
    device.expect(b"the end")


def test_paused_client_after_replug(bp):
    device, client = paused_client(bp, "on_unplug=wait")
    device.unplug()
    wait_for(bp, "uart info root", ", waiting,")
    device.plug()
    client.socket.setblocking(True)
    sender = threading.Thread(target=client.send, args=(b"the end",))
    sender.start()
    device.expect(b"the end")
    sender.join()


def test_slow_reader_pauses_the_device(bp):
    """With flow control and one client: nothing of 16 MiB is lost, though the client begins to read when the device is stuck."""
    device = open_uart(bp, "flow=rtscts")
    client = Client(serve(bp, "mode=raw backlog_limit=256K"))
    wait_for(bp, "module info lab", "lab/1 ")
    size, sent, got = 16 << 20, 0, 0
    block = bytes(range(32, 96)) * 1024
    os.set_blocking(device.master, False)
    stuck = time.monotonic() + PATIENCE
    while sent < size and time.monotonic() < stuck:  # until nothing is taken any more, twice in a row
        ready = select.select([], [device.master], [], 1)[1]
        if not ready:
            break
        sent += os.write(device.master, block[sent % 64:sent % 64 + 4096])
    assert 0 < sent < size, sent
    client.socket.setblocking(False)
    end = time.monotonic() + 2 * PATIENCE
    while got < size:
        assert time.monotonic() < end, (sent, got)
        readable, writable, _ = select.select([client.socket], [device.master] if sent < size else [], [], 1)
        if writable:
            sent += os.write(device.master, block[sent % 64:sent % 64 + min(4096, size - sent)])
        if readable:
            data = client.socket.recv(1 << 20)
            assert data and data == (block * (len(data) // len(block) + 2))[got % 64:got % 64 + len(data)], got
            got += len(data)
    assert got == sent == size


def test_link_reports_what_it_drops(bp):
    """A link has no back-pressure: what the device does not take is counted, and reported when it takes more again."""
    device = open_uart(bp, "backlog_limit=1000")
    bp.run("channel watch -f uart-root")
    bp.run("module open TCPServer fast port=0")
    bp.run("channel link fast/recv root/send")
    Client(int(re.search(r"127\.0\.0\.1:(\d+)", run(bp, "module info fast")).group(1))).send(b"x" * 500000)
    heard(bp, "More is sent than .* takes")
    while not re.search(r"\b0 waiting", run(bp, "uart info root")):
        os.read(device.master, 65536)
    heard(bp, r"takes more again: \d+ messages were lost")
    bp.run("channel unlink fast/recv root/send")


# --- what a client is told, and gets ---

def test_reader_is_told_that_it_may_not_write(bp):
    device = open_uart(bp)
    port = serve(bp, "mode=raw")
    one = Client(port)
    one.send("first")
    device.expect(b"first")
    two = Client(port)
    two.send("dropped")
    two.expect("[lab/2 may not write: lab/1 does; `uart grab root lab/2` changes that]")


def test_raw_client_gets_no_old_data(bp):
    device = open_uart(bp)
    device.send(b"old")
    wait_for(bp, "uart info root", "3 bytes in")
    client = Client(serve(bp, "mode=raw"))
    wait_for(bp, "module info lab", "lab/1 ")
    device.send(b"new")
    assert client.expect("new") == b"new"
    other = Client(serve(bp, name="rfc"))
    other.expect("oldnew")


def test_answer_after_half_close(bp):
    """printf 'ver\\r' | nc -N gets its answer, however long the device takes within half_close."""
    device = open_uart(bp)
    port = serve(bp, "mode=raw")
    netcat = subprocess.Popen(["nc", "-N", "127.0.0.1", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    netcat.stdin.write(b"ver\r")
    netcat.stdin.close()
    device.expect(b"ver\r")
    eventually(lambda: "writer" not in run(bp, "uart info root"))  # the next one may write already
    device.send(b"1.2.3\r\n")
    assert netcat.stdout.read() == b"1.2.3\r\n"
    assert netcat.wait() == 0
    eventually(lambda: "lab/1" not in run(bp, "module info lab"))


def test_newcomer_kicks_the_oldest(bp):
    device = open_uart(bp)
    port = serve(bp, "mode=raw kick_old=yes max_connections=2")
    clients = [Client(port) for _ in range(2)]
    wait_for(bp, "module info lab", "lab/2 ")
    clients[0].send("first")
    device.expect(b"first")
    clients.append(Client(port))
    clients[0].expect("[closed: a new client takes this place]")
    assert clients[0].rest() == b"\r\n"
    clients[2].send("third")
    assert device.expect(b"third") == b"third"
    device.send(b"both")
    assert clients[1].expect("both") == clients[2].expect("both") == b"both"


def test_strings(bp):
    """A banner for each client; one string to the device when the first comes, another when the last has left."""
    device = open_uart(bp)
    port = serve(bp, r"mode=raw banner='lab\r\n' open_string='\x01open\r' close_string='close\\\r'")
    one = Client(port)
    one.expect("lab\r\n")
    assert device.expect(b"\r") == b"\x01open\r"
    two = Client(port)
    two.expect("lab\r\n")
    one.close()
    wait_for(bp, "module info lab", r"(?s)^(?!.*lab/1 )")
    two.send("last ")
    assert device.expect(b"last ") == b"last "
    two.close()
    assert device.expect(b"\r") == b"close\\\r"


def test_idle_in_both_directions(bp):
    """A client that only receives is not idle with idle_counts=both, and is closed when the device is silent too."""
    device = open_uart(bp)
    port = serve(bp, "mode=raw idle_timeout=400ms idle_counts=both")
    bp.run(f"channel watch -f server-tcp-{port}")
    client = Client(port)
    begin = time.monotonic()
    while time.monotonic() - begin < 1:
        device.send(b".")
        client.expect(".")
    heard(bp, "timed out")
    assert client.rest() == b""


main("uart-clients", globals())
