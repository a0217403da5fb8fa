#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""control.py - who may use the control socket, and what is said on it that is no command."""
import os
import socket

from harness import BUILD, PATIENCE, Backplane, Skipped, is_sanitized, main


def say(bp, data, end=True):
    """All that is answered until the other side ends."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(bp.folder + "/backplane/control")
    answer = b""
    try:
        client.sendall(data)
        if end:
            client.shutdown(socket.SHUT_WR)
        while part := client.recv(65536):
            answer += part
    except (ConnectionResetError, BrokenPipeError):
        pass
    client.close()
    return answer


def test_control_of_another_user(bp):
    """Served are the user that runs it, and root; whoever else got at the socket is not."""
    if is_sanitized():
        raise Skipped("the sanitizer must be loaded first, not the shim")
    for uid, served in ((os.geteuid(), True), (0, True), (12345, False), (4294967294, False)):
        os.environ.update(LD_PRELOAD=os.path.abspath(BUILD + "/tests/plugins/peer-shim.so"), PEER_UID=str(uid))
        try:
            one = Backplane()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["PEER_UID"]
        try:
            one.run("echo")
            assert say(one, b"backplane-control 1 run 0\necho hello\n") == (b"hello\n\0000" if served else b""), uid
        finally:
            assert one.stop() == 0, one.stderr()
            one.remove()


def test_control_nonsense(bp):
    bp.run("echo")
    assert say(bp, b"x" * 300, end=False) == b""  # a header has an end
    assert say(bp, b"backplane-control 9 run 0\necho hello\n", end=False) == b""
    assert say(bp, b"\0\n", end=False) == b""
    assert say(bp, b"backplane-control 1 attach 80 24 dumb\nd\xff\xffhalf a frame") != b""
    assert say(bp, b"backplane-control 1 run 0\necho hello\n") == b"hello\n\0000"


main("control", globals())
