#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart.py - UARTs on ptys, and pyserial as a client of UARTServer."""
import os
import re
import select
import sys
import termios
import time
import tty

try:
    import serial
except ImportError:  # another python3 than Debian's comes first
    sys.path.append("/usr/lib/python3/dist-packages")
    import serial

from harness import BUILD, Backplane, Client, main


class Device:
    """The other end of a pty, with a link to it that stays when it is plugged in again."""

    def __init__(self, bp, name="device"):
        self.link = os.path.join(bp.folder, name)
        self.master = None
        self.plug()

    def plug(self):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        new = self.link + ".new"
        os.symlink(os.ttyname(slave), new)
        os.rename(new, self.link)
        os.close(slave)
        self.seen = b""

    def unplug(self):
        os.close(self.master)
        self.master = None

    def send(self, data):
        os.write(self.master, data)

    def expect(self, what, seconds=10):
        end = time.monotonic() + seconds
        while what not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{what!r} did not come; there was {self.seen!r}"
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:  # nobody has the other end open at the moment
                assert time.monotonic() < end, f"{what!r} did not come; there was {self.seen!r}"
        place = self.seen.index(what) + len(what)
        taken, self.seen = self.seen[:place], self.seen[place:]
        return taken


def run(bp, command):
    """Its output, which has what watched channels said meanwhile."""
    lines = bp.run(command)
    bp.log = getattr(bp, "log", "") + "\n".join(lines) + "\n"
    return "\n".join(lines)


def wait_for(bp, command, pattern):
    end = time.monotonic() + 10
    while True:
        said = run(bp, command)
        if re.search(pattern, said):
            return said
        assert time.monotonic() < end, f"{pattern!r} did not come: {said}"


def heard(bp, pattern):
    """Watched channels have said it, some time or other."""
    end = time.monotonic() + 10
    while not re.search(pattern, getattr(bp, "log", "")):
        assert time.monotonic() < end, f"{pattern!r} did not come: {bp.log}"
        run(bp, "echo")


def open_uart(bp, *words, name="root"):
    device = Device(bp)
    said = " ".join(bp.run(" ".join(["uart open", device.link, name, *words])))
    assert f"is open as {name}" in said, said
    return device


def serve(bp, *words, name="lab", uart="root"):
    bp.run(" ".join([f"module open UARTServer {name} uart={uart} port=0", *words]))
    said = "\n".join(bp.run(f"module info {name}"))
    found = re.search(r"on 127\.0\.0\.1:(\d+)", said)
    assert found, said
    return int(found.group(1))



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
    device = open_uart(bp, "framing=gap gap=20ms")
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


def test_errors_are_sentences(bp):
    device = open_uart(bp)
    assert "no framing" in " ".join(bp.run(f"uart open {device.link} x framing=nosuch"))
    assert "not a serial port" in " ".join(bp.run("uart open /dev/null x"))
    assert "no UART" in " ".join(bp.run("uart close nothing"))
    assert "no modem lines" in " ".join(bp.run("uart lines root"))
    assert "both want RTS" in " ".join(bp.run(f"uart open {device.link} x rs485=high flow=rtscts"))
    assert "waits: /nowhere" in " ".join(bp.run("uart open /nowhere later"))
    assert bp.run("uart break root 10ms") == []


# --- unplugged ---

def test_unplug_and_replug(bp):
    device = open_uart(bp, "reopen_min=20ms reopen_max=50ms")
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
    device = open_uart(bp, "on_unplug=fail reopen_min=20ms reopen_max=50ms")
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
    device = open_uart(bp, "backlog_limit=1000 reopen_min=20ms reopen_max=50ms")
    device.unplug()
    wait_for(bp, "uart info root", r", waiting,")
    for number in range(20):
        bp.run(f"channel send root/send {number:03d}" + "x" * 97)
    wait_for(bp, "uart info root", r"1000 waiting, 10 messages lost")
    device.plug()
    assert device.expect(b"019" + b"x" * 97).startswith(b"010x")


# --- pace ---

def test_window(bp):
    device = open_uart(bp, "window_bytes=100 window_time=200ms framing=mesh")
    for number in range(6):
        bp.run(f"channel send root/send {number}" + "y" * 37)  # 40 on the wire: two a window
    begin = time.monotonic()
    device.expect(b"\xff1" + b"y" * 37 + b"\xfe")
    device.expect(b"\xff5" + b"y" * 37 + b"\xfe")
    assert 0.25 < time.monotonic() - begin < 5


# --- nothing to do ---

def cpu(bp):
    with open(f"/proc/{bp.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def switches(bp):
    """How often it woke up."""
    with open(f"/proc/{bp.process.pid}/status") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))


def test_idle_line_costs_nothing(bp):
    device = open_uart(bp, "framing=mesh")
    wait_for(bp, "uart info root", ", open,")
    # The span is a command's that waits in the program itself.
    before, woken = cpu(bp), switches(bp)
    bp.run("wait 1.5")
    assert cpu(bp) - before <= 0.02, cpu(bp) - before
    assert switches(bp) - woken <= 10, switches(bp) - woken
    device.send(b"\xffz\xfe")
    wait_for(bp, "uart info root", r"1 frames")


# --- a terminal on it ---

def console(bp):
    said = " ".join(bp.run("module open TCPServer con port=0 handler=console"))
    port = int(re.search(r"127\.0\.0\.1:(\d+)", "\n".join(bp.run("module info con"))).group(1))
    return Client(port)


def test_term(bp):
    device = open_uart(bp)
    device.send(b"said before ")
    wait_for(bp, "uart info root", "12 bytes in")
    client = console(bp)
    client.send("uart term root\n")
    client.expect("Ctrl-] q ends")
    client.expect("said before ")
    client.send(b"ls\r")
    assert device.expect(b"ls\r") == b"ls\r"
    client.send(b"\x03\x1d\x1d")
    device.expect(b"\x03\x1d")
    device.send(b"\x1b[1mprompt$ ")
    client.expect(b"\x1b[1mprompt$ ")
    client.send(b"\x1di")
    client.expect(b"writer session/")
    client.send(b"\x1d?")
    client.expect(b"b sends a break")
    client.send(b"\x1dq")
    client.expect("[left]")
    client.send("echo alive\n")
    client.expect("alive")
    assert not device.seen


def test_term_by_telnet(bp):
    device = open_uart(bp)
    bp.run("module open TelnetServer tel port=0")
    client = Client(int(re.search(r"127\.0\.0\.1:(\d+)", run(bp, "module info tel")).group(1)))
    client.send(b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00XTERM\xff\xf0")
    client.expect("backplane>")
    client.send(b"uart term root\r\0typed ahead ")
    client.expect("q ends")
    client.send(b"ls\r\0\xff\xf4\xff\xff")
    got = device.expect(b"\xff")
    assert got == b"typed ahead ls\r\x03\xff", got
    device.send(b"\xff\x1b[2J")
    client.expect(b"\xff\xff\x1b[2J")
    client.send(b"\x1dq")
    client.expect("backplane>")
    client.send(b"echo back\r\0")
    client.expect("\nback")


def test_term_ends_with_its_session(bp):
    device = open_uart(bp)
    client = console(bp)
    client.send("uart term root\n")
    client.expect("q ends")
    client.send("x")
    device.expect(b"x")
    wait_for(bp, "uart info root", r"writer session/\d")
    client.close()
    end = time.monotonic() + 10
    while "writer" in "\n".join(bp.run("uart info root")):
        assert time.monotonic() < end
    bp.run("plugin unload uart")
    assert not any("uart" in line for line in bp.run("plugin list"))


# --- the network ---

def test_raw_server(bp):
    device = open_uart(bp)
    device.send(b"boot\xff ")
    wait_for(bp, "uart info root", "6 bytes in")
    port = serve(bp, "mode=raw")
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
    client.socket.settimeout(10)
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


def open_serial(port, **settings):
    return serial.serial_for_url(f"rfc2217://127.0.0.1:{port}?timeout=5", timeout=5, **settings)


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
    end = time.monotonic() + 10
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
        reader.dtr = False
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


def test_replay_keeps_time(bp):
    open_uart(bp)
    with open(bp.folder + "/slow.txt", "w") as file:
        file.write("5.0 < 61\n5.400 < 62\n")
    begin = time.monotonic()
    assert "2 bytes were played" in "".join(bp.run("uart replay slow.txt root"))
    assert 0.35 < time.monotonic() - begin < 5
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


# --- libserialport's own path: a shim makes the pty look like a USB adapter, with a loop-back plug ---

def with_shim(test):
    shim = os.path.abspath(BUILD + "/tests/plugins/serial-shim.so")
    with open(BUILD + "/config.status") as file:
        if "--enable-developer" in file.read():  # the sanitizer must come first, not the shim
            return
    os.environ["LD_PRELOAD"] = shim
    try:
        bp = Backplane()
    finally:
        del os.environ["LD_PRELOAD"]
    try:
        test(bp)
        assert bp.stop() == 0, bp.stderr()
    finally:
        bp.stop()
        bp.remove()


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


def test_modem_lines_by_pyserial(_):
    def test(bp):
        open_uart(bp)
        with open_serial(serve(bp)) as client:
            client.rts = False
            end = time.monotonic() + 10
            while client.cts:
                assert time.monotonic() < end
                run(bp, "echo")
            assert client.dsr and client.cd and not client.ri
            client.rts = True
            while not client.cts:
                assert time.monotonic() < end
                run(bp, "echo")

    with_shim(test)


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


main("scenario-uart", globals())
