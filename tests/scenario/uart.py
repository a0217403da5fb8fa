#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart.py - UARTs on ptys: framings, settings, unplugging, pace, recordings."""
import os
import re
import signal
import subprocess
import sys
import termios
import time

from harness import Backplane, Client, eventually, keeps, main
from uarts import ORDINARY, driver_heard, heard, open_uart, run, wait_for, with_shim


# --- a UART on channels ---

def test_bytes_both_ways(bp):
    device = open_uart(bp)
    bp.run("module open Echo e on=root")
    device.send(b"\x00\x03\x11\x13\xff\r\n")
    assert device.expect(b"\r\n") == b"\x00\x03\x11\x13\xff\r\n"
    wait_for(bp, "uart info root", r"7 bytes in, 7 bytes out")


def test_mesh_framing(bp):
    device = open_uart(bp, "--framing mesh")
    bp.run("module open Echo e on=root")
    device.send(b"boot noise\xff\x00\x05\xfa\x05\xfa")
    device.send(b"\x04\xfeI (12) log\r\n\xff\x01\xfa\x41\xfe")
    device.expect(b"\xff\x00\x05\xfa\x05\xfa\x04\xfe")
    wait_for(bp, "uart info root", r"framing mesh: 1 frames, 2[0-9] bytes dropped, 1 broken")
    bp.run("channel send root/send NINFO")
    device.expect(b"\xffNINFO\xfe")


def test_xor_of_the_other_kind(bp):
    device = open_uart(bp, "framing=mesh escape_xor=0xff")
    bp.run("module open Echo e on=root")
    device.send(b"\xff\xfa\x05\xfa\x04\xfe")
    assert device.expect(b"\xfe") == b"\xff\xfa\x05\xfa\x04\xfe"
    bp.run("channel watch -f root/recv")
    device.send(b"\xff\xfa\x03z\xfe")
    heard(bp, r"\\xfcz|fc ?7a|\ufffdz|.z$")


def test_xor_that_is_wrong(bp):
    """What FA 06 and FA 07 prove is said on the event channel, once, with what to do."""
    device = open_uart(bp, "framing=mesh escape_xor=0xff")
    bp.run("channel watch -f uart-root")
    device.send(b"\xff\0\5\xfa\x06\xfe" * 5)
    heard(bp, r"framing mesh: .*FA 06 or FA 07.* escape_xor=0xfa")
    said = wait_for(bp, "uart info root", r"5 frames are not ours: .*escape_xor=0xfa")
    assert "0 frames, " in said and "5 broken" in said, said
    assert bp.log.count("FA 06 or FA 07") == 2, bp.log  # there, and in what uart info says


def test_gap_framing(bp):
    device = open_uart(bp, "framing=gap gap=1s")
    bp.run("module open Echo e on=root")
    device.send(b"\x01\x03")
    device.send(b"\x00\x00")
    device.expect(b"\x01\x03\x00\x00")
    wait_for(bp, "uart info root", r"framing gap: 1 frames")


def test_lines_framing(bp):
    device = open_uart(bp, "framing=lines line_end=crlf")
    bp.run("channel watch -f root/recv")
    device.send(b"temperature 21\r\nhum")
    heard(bp, r"temperature 21")
    bp.run("channel send root/send M105")
    device.expect(b"M105\r\n")


def test_settings_reach_the_line(bp):
    device = open_uart(bp, "--baud 9600 --bits 7 --parity even stop=2")
    slave = os.open(device.link, os.O_RDWR | os.O_NOCTTY) if os.geteuid() == 0 else None
    assert "9600 7E2" in "\n".join(bp.run("uart info root"))
    if slave is not None:
        attributes = termios.tcgetattr(slave)
        os.close(slave)
        assert attributes[4] == termios.B9600 and not attributes[3] & (termios.ECHO | termios.ICANON)
        assert attributes[2] & termios.CSTOPB  # a pty is always eight bits without parity
    bp.run("uart close root")
    said = bp.run(f"uart open {device.link} root --baud 250000")
    assert "250000 8N1" in " ".join(said), said


def test_exclusive(bp):
    device = open_uart(bp)
    said = " ".join(bp.run(f"uart open {device.link} second"))
    assert "busy" in said and "another program" in said, said
    assert any("root (open)" in line for line in bp.run("uart list")), bp.run("uart list")


def test_exclusive_ends_with_the_port(_):
    """However a port is closed, an ordinary user can open it again. What opens it meanwhile is refused by the kernel."""
    bp = Backplane(before=ORDINARY)
    try:
        device = open_uart(bp)
        opened = f"uart open {device.link} root"
        assert "another program" in run(bp, f"uart open {device.link} second")
        assert "another program" in run(bp, f"uart open {device.link} second exclusive=no")
        for close in "uart close root", "module close root", "plugin unload uart | plugin load uart":
            run(bp, close)
            assert "is open as root" in run(bp, opened), close
        run(bp, "plugin reload uart")
        wait_for(bp, "uart info root", ", open,")
        run(bp, "uart close root")
        assert "no flow control by DTR and DSR" in run(bp, f"{opened} flow=dtrdsr")
        assert "is open as root" in run(bp, opened)
        bp.stop()
        assert bp.stderr() == "", bp.stderr()
        subprocess.run([*ORDINARY, sys.executable, "-c", f"open({device.link!r})"], check=True)
        device.unplug()
    finally:
        bp.stop()
        bp.remove()


def test_errors_are_sentences(bp):
    device = open_uart(bp)
    assert "no framing" in " ".join(bp.run(f"uart open {device.link} x framing=nosuch"))
    assert "not a serial port" in " ".join(bp.run("uart open /dev/null x"))
    assert "no UART" in " ".join(bp.run("uart close nothing"))
    assert "no modem lines" in " ".join(bp.run("uart lines root"))
    bp.run("uart close root")
    assert "no flow control by DTR and DSR" in " ".join(bp.run(f"uart open {device.link} x flow=dtrdsr exclusive=no"))
    bp.run(f"uart open {device.link} root")
    assert "both want RTS" in " ".join(bp.run(f"uart open {device.link} x rs485=high flow=rtscts"))
    assert "waits: /nowhere" in " ".join(bp.run("uart open /nowhere later"))
    assert bp.run("uart break root 10ms") == []


# --- unplugged ---

def test_unplug_and_replug(bp):
    device = open_uart(bp, "on_unplug=wait reopen_min=20ms reopen_max=50ms")
    bp.run("channel watch -f uart-root")
    device.unplug()
    wait_for(bp, "uart info root", r", waiting,")
    bp.run("channel send root/send while away")
    heard(bp, r"is gone: .*waits until it is back")
    device.plug()
    device.expect(b"while away")
    device.send(b"back")
    wait_for(bp, "uart info root", r", open, .*\n4 bytes in, 10 bytes out")


def test_unplugged_writes_fail(bp):
    device = open_uart(bp, "reopen_min=20ms reopen_max=50ms")
    device.unplug()
    wait_for(bp, "uart info root", r", waiting,")
    bp.run("channel send root/send lost")
    wait_for(bp, "uart info root", r"1 refused")
    device.plug()
    wait_for(bp, "uart info root", r", open,")
    bp.run("channel send root/send heard")
    assert device.expect(b"heard") == b"heard"


def test_unplugged_in_a_frame(bp):
    device = open_uart(bp, "framing=mesh reopen_min=20ms reopen_max=50ms")
    device.send(b"\xffhalf of")
    wait_for(bp, "uart info root", r"8 bytes in")
    device.unplug()
    wait_for(bp, "uart info root", r", waiting,")
    device.plug()
    wait_for(bp, "uart info root", r", open,")
    device.send(b"\xffwhole\xfe")
    wait_for(bp, "uart info root", r"1 frames, 7 bytes dropped")


def test_backlog_is_bounded(bp):
    device = open_uart(bp, "on_unplug=wait backlog_limit=1000 reopen_min=20ms reopen_max=50ms")
    device.unplug()
    wait_for(bp, "uart info root", r", waiting,")
    for number in range(20):
        bp.run(f"channel send root/send {number:03d}" + "x" * 97)
    wait_for(bp, "uart info root", r"1000 waiting, 10 messages lost")
    device.plug()
    assert device.expect(b"019" + b"x" * 97).startswith(b"010x")


def fill(bp, device, word):
    """More than a pty and the stream take, while nobody reads."""
    bp.run("channel watch -f uart-root")
    for number in range(60):
        bp.run(f"channel send root/send {number:03d}{word * 500}")
    waiting = int(re.search(r"(\d+) waiting", run(bp, "uart info root")).group(1))
    assert waiting > 0
    device.unplug()
    said = wait_for(bp, "uart info root", r", waiting,")
    return waiting, int(re.search(r"(\d+) bytes out", said).group(1)), said


def test_unplugged_while_sending(bp):
    """What the driver did not take goes out later, from the frame on that was cut."""
    device = open_uart(bp, "on_unplug=wait framing=mesh reopen_min=20ms reopen_max=50ms")
    size = 2 + 3 + 2000
    waiting, out, said = fill(bp, device, "wait")
    taken = out // size  # whole frames; the one that was cut goes out again
    assert f"{(60 - taken) * size} waiting" in said and (60 - taken) * size > waiting, said
    device.plug()
    got = device.expect(b"059" + b"wait" * 500 + b"\xfe")
    assert got == b"".join(b"\xff%03d" % number + b"wait" * 500 + b"\xfe" for number in range(taken, 60))
    wait_for(bp, "uart info root", r"0 waiting, 0 messages lost")


def test_unplugged_while_sending_bytes(bp):
    device = open_uart(bp, "on_unplug=wait reopen_min=20ms reopen_max=50ms")
    _, out, _ = fill(bp, device, "byte")
    device.plug()
    got = device.expect(b"059" + b"byte" * 500)
    assert got == b"".join(b"%03d" % number + b"byte" * 500 for number in range(60))[out:]


@keeps("root", timer=1)  # it stays unplugged
def test_unplugged_while_sending_fails(bp):
    device = open_uart(bp, "reopen_min=20ms reopen_max=50ms")
    _, out, said = fill(bp, device, "fail")
    lost = 60 - out // 2003
    assert f"0 waiting, {lost} messages lost" in said, said
    heard(bp, rf"went before it took all: {lost} messages \({60 * 2003 - out} bytes\) are lost")


# --- pace ---

def test_window(bp):
    device = open_uart(bp, "window_bytes=100 window_time=200ms framing=mesh")
    begin = time.monotonic()
    for number in range(6):
        bp.run(f"channel send root/send {number}" + "y" * 37)  # 40 on the wire: two a window
    device.expect(b"\xff1" + b"y" * 37 + b"\xfe")
    device.expect(b"\xff5" + b"y" * 37 + b"\xfe")
    assert time.monotonic() - begin >= 0.4


def feed(bp, data):
    """One message with bytes that the console would not take."""
    bp.run("module open TCPServer in port=0")
    bp.run("channel link in/recv root/send")
    Client(int(re.search(r"127\.0\.0\.1:(\d+)", run(bp, "module info in")).group(1))).send(data)
    eventually(lambda: f"{len(data)} bytes" in run(bp, "channel info in/recv"))
    bp.run("channel unlink in/recv root/send")


def test_delays(bp):
    """A pause after each byte, and a longer one after each line; CR LF is one end of a line."""
    device = open_uart(bp, "char_delay=20ms")
    begin = time.monotonic()
    bp.run("channel send root/send 12345678")
    assert device.expect(b"8") == b"12345678" and time.monotonic() - begin >= 0.14
    bp.run("uart close root")
    bp.run(f"uart open {device.link} root line_delay=100ms")
    begin = time.monotonic()
    feed(bp, b"one\r\ntwo\r\nthree")
    assert device.expect(b"two") == b"one\r\ntwo" and time.monotonic() - begin >= 0.1
    device.expect(b"three")
    assert time.monotonic() - begin >= 0.2
    wait_for(bp, "uart info root", r"15 bytes out, 0 waiting, 0 messages lost")

@keeps("root", timer=3)  # it stays unplugged, and waits
def test_unplugged_in_a_piece(bp):
    """What was sent of a message is not sent again, and what is counted as waiting is what waits."""
    device = open_uart(bp, "on_unplug=wait line_delay=60s")
    feed(bp, b"one\rtwo\rthree")
    device.expect(b"one\r")
    wait_for(bp, "uart info root", "4 bytes out, 9 waiting")
    device.unplug()
    wait_for(bp, "uart info root", ", waiting,.*\\n.* 4 bytes out, 9 waiting")


# --- nothing to do ---

def cpu(bp):
    with open(f"/proc/{bp.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def switches(bp):
    """How often it woke up."""
    with open(f"/proc/{bp.process.pid}/status") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))


def idles(bp):
    """The span is a command's that waits in the program itself."""
    before, woken = cpu(bp), switches(bp)
    bp.run("wait 1.5")
    assert cpu(bp) - before <= 0.02, cpu(bp) - before
    assert switches(bp) - woken <= 10, switches(bp) - woken


def test_idle_line_costs_nothing(bp):
    device = open_uart(bp, "framing=mesh")
    wait_for(bp, "uart info root", ", open,")
    idles(bp)
    device.send(b"\xffz\xfe")
    wait_for(bp, "uart info root", r"1 frames")


def test_unplugged_line_costs_nothing(bp):
    """With something to send, which waits too."""
    device = open_uart(bp, "on_unplug=wait framing=mesh window_bytes=10 window_time=10ms")
    device.unplug()
    wait_for(bp, "uart info root", ", waiting,")
    bp.run("channel send root/send one")
    bp.run("channel send root/send two")
    idles(bp)
    device.plug()
    device.expect(b"\xffone\xfe\xfftwo\xfe")


# --- libserialport's own path: a shim makes the pty look like a USB adapter, with a loop-back plug ---

def test_libserialport(_):
    def test(bp):
        device = open_uart(bp, "--baud 57600 rts=off exclusive=yes")
        assert "57600 8N1, by libserialport" in run(bp, "uart info root")
        assert "CTS off, DSR on, RI off, DCD on, DTR on, RTS off" in run(bp, "uart lines root")
        assert "CTS on" in run(bp, "uart lines root --rts on")
        assert "DSR off" in run(bp, "uart lines root --dtr off")
        bp.run("module open Echo e on=root")
        device.send(b"\x11\x13\r\n\x00")
        assert device.expect(b"\x00") == b"\x11\x13\r\n\x00"
        device.unplug()
        wait_for(bp, "uart info root", r", waiting,")
        device.plug()
        wait_for(bp, "uart info root", r", open, 57600 8N1, by libserialport")
        bp.run("uart close root")
        # a rate without a name
        assert "is open as odd: 250000 8N1" in run(bp, f"uart open {device.link} odd baud=250000")

    with_shim(test)


def test_rate_that_the_driver_has_not(_):
    def test(bp):
        open_uart(bp, "baud=123456")
        run(bp, "channel watch -f uart-root")
        heard(bp, r"runs at 115200 baud: its driver has no 123456")
        assert "runs at 115200 baud" in run(bp, "uart info root")
        bp.run("uart close root")
        assert "runs at" not in " ".join(bp.run(f"uart open {bp.folder}/device root baud=9600"))

    with_shim(test)


def test_rs485(_):
    """SER_RS485_ENABLED is 1, RTS_ON_SEND 2, RTS_AFTER_SEND 4; one that somebody left on is switched off."""
    def test(bp):
        open_uart(bp, "rs485=high")
        driver_heard(bp, "rs485 3")
        bp.run("uart close root")
        bp.run(f"uart open {bp.folder}/device root rs485=low")
        driver_heard(bp, "rs485 5")
        bp.run("uart close root")
        bp.run(f"uart open {bp.folder}/device root")
        driver_heard(bp, "rs485 0")

    with_shim(test)


# --- record, replay ---

def test_record_and_replay(bp):
    device = open_uart(bp, "framing=mesh")
    bp.run("uart record root rec.txt")
    device.send(b"\xff\x00one\xfe")
    wait_for(bp, "uart info root", "1 frames")
    device.send(b"\xfftwo\xfe")
    wait_for(bp, "uart info root", "2 frames")
    bp.run("channel send root/send out")
    device.expect(b"\xffout\xfe")
    assert "rec.txt is whole" in " ".join(bp.run("uart record root"))
    with open(bp.folder + "/rec.txt") as file:
        lines = file.read().splitlines()
    assert lines[0].startswith("# uart recording of root, ")
    assert re.fullmatch(r"\d+\.\d{6} < ff006f6e65fe", lines[1]), lines
    assert re.fullmatch(r"\d+\.\d{6} > ff6f7574fe", lines[3]), lines
    assert "File exists" in " ".join(bp.run("uart record root rec.txt"))
    assert "11 bytes were played" in run(bp, "uart replay rec.txt root --speed 0")
    wait_for(bp, "uart info root", "4 frames")
    bp.run("channel watch -f other/recv")
    run(bp, "uart replay rec.txt other --framing mesh --speed 0")
    heard(bp, "two")


def content(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_log(bp):
    """Text has no escape sequences, however they are cut; the file is opened again on SIGHUP, and has the date."""
    device = open_uart(bp)
    path = bp.folder + "/log"
    assert run(bp, f"uart log root {path}") == ""
    device.send(b"\x1b[1;3")
    wait_for(bp, "uart info root", r"\b5 bytes in")
    device.send(b"1mred\x1b]0;title\x07 \x1b(Bplain\x1b[0m\r\n\x08\x1b]never ended\nn\xc3\xa4chste\n")
    eventually(lambda: content(path) == "red plain\n\nn\u00e4chste\n")
    assert f"logged to {path}" in run(bp, "uart info root")
    os.rename(path, path + ".1")
    bp.process.send_signal(signal.SIGHUP)
    eventually(lambda: os.path.exists(path))
    device.send(b"new\n")
    eventually(lambda: content(path) == "new\n")
    assert "new" not in content(path + ".1")
    run(bp, f"uart log root {bp.folder}/%Y-dated --format hex --time")
    device.send(b"\x00Hi")
    dated = bp.folder + time.strftime("/%Y-dated")
    stamped = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} 00 48 69 +\.Hi\n"
    eventually(lambda: re.fullmatch(stamped, content(dated)))
    assert content(path) == "new\n"
    assert run(bp, "uart log root") == "" and run(bp, "uart log root") == "Nothing is logged."
    assert "No such file" in run(bp, f"uart log root {bp.folder}/none/log")


def test_replay_of_a_growing_recording(bp):
    """It ends where the recording ended when it began; else it would play itself for ever."""
    file = bp.folder + "/grows"
    device = open_uart(bp)
    bp.run(f"uart record root {file}")
    device.send(b"once")
    wait_for(bp, "uart info root", "4 bytes in")
    eventually(lambda: "6f6e6365" in open(file, encoding="ascii").read())
    assert "4 bytes were played" in run(bp, f"uart replay {file} root --speed 0")
    eventually(lambda: open(file, encoding="ascii").read().count("6f6e6365") == 2)
    bp.run("uart record root")


def test_replay_keeps_time(bp):
    open_uart(bp)
    with open(bp.folder + "/slow.txt", "w") as file:
        file.write("5.0 < 61\n5.400 < 62\n")
    begin = time.monotonic()
    assert "2 bytes were played" in "".join(bp.run("uart replay slow.txt root"))
    assert time.monotonic() - begin >= 0.4
    with open(bp.folder + "/bad.txt", "w") as file:
        file.write("# fine\n1.0 < 61\n1.0 ? 61\n")
    assert "line 3 is none" in "".join(bp.run("uart replay bad.txt root -s 0"))


def test_long_replay_has_flat_memory(bp):
    open_uart(bp, "framing=mesh")
    with open(bp.folder + "/day.txt", "w") as file:
        for second in range(86400):
            file.write(f"{second}.5 < ff0005440200074d014d014d01{second % 200:02x}fe\n")

    def resident():
        with open(f"/proc/{bp.process.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096

    before = resident()
    bp.run("uart replay day.txt root --speed 0")
    assert "86400 frames" in "\n".join(bp.run("uart info root"))
    assert resident() - before < 4 << 20, resident() - before


main("uart", globals())
