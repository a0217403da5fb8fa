#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-rfc2217.py - RFC 2217 byte for byte on a UART: modem lines, breaks, flow control, suspended data; and ser2net."""
import os
import shutil
import subprocess
import tempfile

from harness import Client, Skipped, eventually, free_port, is_listened, main
from uarts import Device, driver_heard, heard, open_serial, open_uart, run, serve, wait_for, with_shim

BAUD, BITS, STOP, CONTROL, LINE_MASK = 1, 2, 4, 5, 10


def connect(port):
    client = Client(port)
    client.send(b"\xff\xfb\x2c")
    client.expect(b"\xff\xfd\x2c")
    return client


def command(client, number, value=b""):
    """The value that is acknowledged."""
    client.send(b"\xff\xfa\x2c" + bytes([number]) + value + b"\xff\xf0")
    client.expect(b"\xff\xfa\x2c" + bytes([number + 100]))
    return client.expect(b"\xff\xf0")[:-2]


def control(client, value):
    return command(client, CONTROL, bytes([value]))[0]


# --- settings that a line takes in its own way ---

def test_flow_of_one_direction(bp):
    open_uart(bp)
    client = connect(serve(bp))
    assert (control(client, 0), control(client, 13)) == (1, 14)
    assert control(client, 15) == 15 and "xonxoff-in" in run(bp, "uart info root")
    assert (control(client, 0), control(client, 13)) == (1, 15)
    assert control(client, 2) == 2 and "8N1 xonxoff," in run(bp, "uart info root")
    assert control(client, 14) == 14 and "xonxoff-out" in run(bp, "uart info root")
    assert (control(client, 0), control(client, 13)) == (2, 14)
    assert control(client, 3) == 3 and "rtscts" in run(bp, "uart info root")
    for refused, stays in ((14, 16), (15, 16), (18, 16), (17, 3), (19, 3)):
        assert control(client, refused) == stays, refused
    assert "rtscts" in run(bp, "uart info root")


def test_one_and_a_half_stop_bits(bp):
    open_uart(bp)
    client = connect(serve(bp))
    assert command(client, STOP, b"\3") == b"\1"  # with eight bits there is no such thing
    assert command(client, BITS, b"\5") == b"\5"
    assert command(client, STOP, b"\3") == b"\3" and "5N2" in run(bp, "uart info root")
    assert command(client, STOP, b"\0") == b"\3"
    assert command(client, STOP, b"\2") == b"\2"


def test_rate_in_force(_):
    def test(bp):
        open_uart(bp)
        client = connect(serve(bp))
        assert command(client, BAUD, (123456).to_bytes(4, "big")) == (115200).to_bytes(4, "big")
        assert command(client, BAUD, bytes(4)) == (115200).to_bytes(4, "big")

    with_shim(test)


def test_refused_setting_is_said(_):
    def test(bp):
        open_uart(bp, "rs485=high")
        client = connect(serve(bp))
        bp.run("channel watch -f uart-root")
        assert control(client, 3) == 1
        heard(bp, "stays as it is, a client asked for something else: .*both want RTS")

    with_shim(test)


# --- modem lines, breaks ---

def test_modem_lines_come_and_go_with_the_port(_):
    def test(bp):
        port = serve(bp)
        client = connect(port)
        client.expect(b"\xff\xfa\x2c\x6b\x00\xff\xf0")  # there is no port yet
        device = Device(bp)
        bp.run(f"uart open {device.link} root reopen_min=20ms reopen_max=50ms")
        client.expect(b"\xff\xfa\x2c\x6b\xbb\xff\xf0")  # CTS, DSR and DCD, all new
        bp.run("uart lines root --rts off")
        client.expect(b"\xff\xfa\x2c\x6b\xa1\xff\xf0")
        device.unplug()
        client.expect(b"\xff\xfa\x2c\x6b\x0a\xff\xf0")
        device.plug()
        client.expect(b"\xff\xfa\x2c\x6b\xaa\xff\xf0")
        bp.run("uart close root")
        client.expect(b"\xff\xfa\x2c\x6b\x0a\xff\xf0")

    with_shim(test)


def test_breaks(_):
    def test(bp):
        device = open_uart(bp, "reopen_min=20ms reopen_max=50ms")
        port = serve(bp)
        client = connect(port)
        client.send(b"\xff\xf3")  # telnet's own
        driver_heard(bp, "break 1", "break 0")
        assert control(client, 4) == 6
        assert control(client, 5) == 5
        assert control(client, 4) == 5
        client.close()
        driver_heard(bp, "break 1", "break 0")  # it ends with its client
        other = connect(port)
        assert control(other, 5) == 5
        device.unplug()
        wait_for(bp, "uart info root", ", waiting,")
        assert control(other, 4) == 6  # and with the port

    with_shim(test)


def test_line_errors(_):
    """What the driver counts from now on, as far as a client wants to know of it."""
    with tempfile.NamedTemporaryFile("w") as errors:
        def count(*counts):
            errors.seek(0)
            errors.write(" ".join(map(str, counts)) + "\n")
            errors.flush()

        def test(bp):
            open_uart(bp)
            client = connect(serve(bp))
            assert command(client, LINE_MASK, b"\x1c") == b"\x1c"  # no overruns
            count(9, 1, 0, 0)
            client.expect(b"\xff\xfa\x2c\x6a\x04\xff\xf0")  # parity
            count(9, 1, 3, 1)
            client.expect(b"\xff\xfa\x2c\x6a\x18\xff\xf0")  # framing, break

        count(7, 0, 0, 0)
        with_shim(test, SERIAL_SHIM_ERRORS=errors.name)


# --- what stays, and what is as before ---

def test_settings_are_restored(bp):
    """When the last client that has changed some leaves, and not before."""
    open_uart(bp, "--baud 38400 flow=rtscts")
    port = serve(bp, "writers=many")
    one, two = connect(port), connect(port)
    assert command(one, BAUD, (9600).to_bytes(4, "big")) == (9600).to_bytes(4, "big")
    assert control(two, 1) == 1
    one.close()
    wait_for(bp, "module info lab", r"(?s)^(?!.*lab/1 )")
    assert "9600 8N1," in run(bp, "uart info root")
    two.close()
    wait_for(bp, "uart info root", "38400 8N1 rtscts")
    keeps = connect(serve(bp, "restore=no", name="keeps"))
    assert command(keeps, BAUD, (4800).to_bytes(4, "big")) == (4800).to_bytes(4, "big")
    keeps.close()
    wait_for(bp, "module info keeps", r"(?s)^(?!.*keeps/1 )")
    assert "4800 8N1" in run(bp, "uart info root")


def test_modem_lines_are_restored(_):
    def test(bp):
        open_uart(bp)
        client = connect(serve(bp))
        assert control(client, 9) == 9 and control(client, 12) == 12
        assert "DTR off, RTS off" in run(bp, "uart lines root")
        client.close()
        wait_for(bp, "uart lines root", "DTR on, RTS on")

    with_shim(test)


def test_refused_values_stay(bp):
    """A client that is not the writer changes nothing, and is answered with what there is."""
    device = open_uart(bp)
    port = serve(bp)
    writer, other = connect(port), connect(port)
    writer.send("w")
    device.expect(b"w")
    assert control(other, 9) == 8 and control(other, 12) == 11  # DTR, RTS
    assert control(other, 5) == 6  # break
    assert control(other, 2) == 1  # flow
    assert command(other, BAUD, (9600).to_bytes(4, "big")) == (115200).to_bytes(4, "big")
    assert "115200 8N1," in run(bp, "uart info root")


# --- suspended data ---

def test_suspended(bp):
    device = open_uart(bp)
    port = serve(bp, "show_replay=no")
    bp.run(f"channel watch -f server-tcp-{port}")
    client = connect(port)
    client.send(b"\xff\xfd\x00\xff\xfa\x2c\x08\xff\xf0")
    assert control(client, 0) == 1
    device.send(b"held ")
    wait_for(bp, "uart info root", r"\b5 bytes in")
    for number in range(1, 21):
        device.send(b"x" * 4000)
        wait_for(bp, "uart info root", rf"\b{number * 4000 + 5} bytes in")
    heard(bp, r"lab/1 has suspended its data and \d+ bytes wait: what comes now is lost")
    assert b"held" not in client.seen
    client.send(b"\xff\xfa\x2c\x09\xff\xf0")
    heard(bp, r"lab/1 goes on; it has lost \d+ bytes")
    lost = int(bp.log.split("it has lost ")[1].split()[0])
    assert client.expect(b"held " + b"x" * (80000 - lost)) and 80005 - lost <= 65536
    device.send(b"now")
    assert client.expect(b"now") == b"now"


# --- ser2net in between ---

def test_ser2net(bp):
    """pyserial, ser2net as a client of ours, the line."""
    ser2net = shutil.which("ser2net", path=os.environ["PATH"] + ":/usr/sbin")
    if not ser2net:
        raise Skipped("ser2net is not here")
    device = open_uart(bp)
    server, port = serve(bp), free_port()
    with open(bp.folder + "/ser2net.yaml", "w") as file:
        file.write(f"connection: &lab\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
                   f"  connector: telnet(rfc2217),tcp,127.0.0.1,{server}\n")
    process = subprocess.Popen([ser2net, "-n", "-d", "-c", bp.folder + "/ser2net.yaml"], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: process.poll() is not None or is_listened(port))  # (a connection of ours it would pass on)
        assert process.poll() is None
        with open_serial(port, baudrate=19200, bytesize=7, parity="E") as client:
            wait_for(bp, "uart info root", "19200 7E1")
            data = bytes(range(256)) * 16
            client.write(data)
            assert device.expect(data) == data
            device.send(data)
            assert client.read(len(data)) == data
            client.baudrate = 57600
            wait_for(bp, "uart info root", "57600 7E1")
    finally:
        process.terminate()
        process.wait()


main("uart-rfc2217", globals())
