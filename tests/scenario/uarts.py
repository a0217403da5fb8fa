# SPDX-License-Identifier: MIT
"""uarts.py - what the scenarios of UARTs share: a device on a pty, a UART on it, a server of that."""
import os
import re
import select
import sys
import tempfile
import time
import tty

try:
    import serial
except ImportError:  # another python3 than Debian's comes first
    sys.path.append("/usr/lib/python3/dist-packages")
    import serial

from harness import BUILD, PATIENCE, Backplane, Client, is_sanitized


# Runs a program with the rights of an ordinary user where a tty is exclusive: CAP_SYS_ADMIN opens it all the same.
ORDINARY = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin") if os.geteuid() == 0 else ()


class Device:
    """The other end of a pty, with a link to it that is there while it is plugged in: the pty's own name is soon another's."""

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
        os.unlink(self.link)
        os.close(self.master)
        self.master = None

    def send(self, data):
        os.write(self.master, data)

    def expect(self, what, seconds=PATIENCE):
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
    end = time.monotonic() + PATIENCE
    while True:
        said = run(bp, command)
        if re.search(pattern, said):
            return said
        assert time.monotonic() < end, f"{pattern!r} did not come: {said}"


def heard(bp, pattern):
    """Watched channels have said it, some time or other."""
    end = time.monotonic() + PATIENCE
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


def console(bp):
    said = " ".join(bp.run("module open TCPServer con port=0 handler=console"))
    port = int(re.search(r"127\.0\.0\.1:(\d+)", "\n".join(bp.run("module info con"))).group(1))
    return Client(port)


def open_serial(port, **settings):
    return serial.serial_for_url(f"rfc2217://127.0.0.1:{port}?timeout=5", timeout=5, **settings)


def driver_heard(bp, *lines):
    """The shim was told so, in this order."""
    end, seen = time.monotonic() + PATIENCE, ""
    while True:
        seen += bp.shim_log.read()
        if re.search("(?s)" + ".*".join(rf"\b{line}\n" for line in lines), seen):
            return
        assert time.monotonic() < end, f"{lines} did not come: {seen}"
        run(bp, "echo")


def with_shim(test, **more):
    shim = os.path.abspath(BUILD + "/tests/plugins/serial-shim.so")
    if is_sanitized():  # it must come first, not the shim
        return
    log = tempfile.NamedTemporaryFile("r", prefix="backplane-shim-")
    more.update(LD_PRELOAD=shim, SERIAL_SHIM_LOG=log.name)
    os.environ.update(more)
    try:
        bp = Backplane()
    finally:
        for name in more:
            del os.environ[name]
    bp.shim_log = log
    try:
        test(bp)
        assert bp.stop() in (0, 1), bp.stderr()  # 1: a command failed
    finally:
        bp.stop()
        bp.remove()
