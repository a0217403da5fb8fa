#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uart-lock.py - ports that other programs have, ports by their USB ids, and what a port is left as."""
import fcntl
import os
import subprocess
import termios

from harness import main
from uarts import Device, driver_heard, run, wait_for, with_shim


def lock_of(bp, device):
    return os.path.join(bp.folder, "LCK.." + os.path.realpath(device.link).removeprefix("/dev/").replace("/", "_"))


def test_port_of_another_program_is_not_changed(_):
    """Not by libserialport either, which sets a port up when it opens it."""
    def test(bp):
        device = Device(bp)
        slave = os.open(device.link, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(slave, fcntl.LOCK_EX)
        settings = termios.tcgetattr(slave)
        settings[3] |= termios.ECHO | termios.ICANON
        settings[4] = settings[5] = termios.B1200
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        settings = termios.tcgetattr(slave)
        assert "another program" in run(bp, f"uart open {device.link} root")
        assert termios.tcgetattr(slave) == settings
        os.close(slave)
        assert "is open as root" in run(bp, f"uart open {device.link} root")

    test(_)
    with_shim(test)


def test_lock_files(bp):
    device = Device(bp)
    lock, opened = lock_of(bp, device), f"uart open {device.link} root lock_dir={bp.folder}"
    other = subprocess.Popen(["sleep", "1000"])
    try:
        for content in f"{other.pid:10d}\n".encode(), other.pid.to_bytes(4, "little"):
            with open(lock, "wb") as file:
                file.write(content)
            said = run(bp, opened)
            assert "another program has locked it" in said and lock in said, said
    finally:
        other.kill()
        other.wait()
    assert "is open as root" in run(bp, opened)  # it has ended
    with open(lock, encoding="ascii") as file:
        assert file.read() == f"{bp.process.pid:10d}\n"
    assert "another program" in run(bp, f"uart open {device.link} second lock_dir={bp.folder}")
    assert os.path.exists(lock)
    run(bp, "uart close root")
    assert not os.path.exists(lock)
    with open(lock, "w", encoding="ascii") as file:
        file.write(f"{bp.process.pid:10d}\n")  # left behind by a program that had this id
    assert "is open as root" in run(bp, opened)
    run(bp, "uart close root")
    assert not os.path.exists(lock)


def test_port_by_usb_ids(_):
    device = Device(_, "by-id")

    def test(bp):
        assert "waits: 1a2b:3c4d:0043: no such USB device" in run(bp, "uart open 1a2b:3c4d:0043 other")
        assert "is open as root" in run(bp, "uart open 1A2B:3c4d:0042 root reopen_min=20ms reopen_max=50ms")
        assert "root (open)" in run(bp, "uart list")
        device.unplug()
        wait_for(bp, "uart info root", ", waiting,")
        device.plug()
        wait_for(bp, "uart info root", ", open,")
        run(bp, "uart close root | uart close other")

    with_shim(test, SERIAL_SHIM_PORT=device.link)


def test_no_hangup_and_low_latency(_):
    def test(bp):
        device = Device(bp)
        assert "is open as root" in run(bp, f"uart open {device.link} root hangup=no low_latency=yes exclusive=no")
        driver_heard(bp, "low_latency 1")
        slave = os.open(device.link, os.O_RDWR | os.O_NOCTTY)
        assert not termios.tcgetattr(slave)[2] & termios.HUPCL
        run(bp, f"uart close root | uart open {device.link} root exclusive=no")
        assert termios.tcgetattr(slave)[2] & termios.HUPCL
        os.close(slave)

    with_shim(test)


main("uart-lock", globals())
