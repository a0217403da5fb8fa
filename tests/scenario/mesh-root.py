#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh-root.py - what the root module says: every kind of message, noise, lists, age, and lines that come and go."""
import os
import re
import struct

from harness import Client, free_port, main
from meshes import Gateway, Listener, Root, SocketManager, encode, joined, net_info, uuid, wait_for


# --- messages ---

def test_nodes(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    assert gateway.count() == 0
    gateway.root.say(joined(5), joined(6), b"\0\0\3online\n")
    # What the gateway uses itself is not passed on; the reset is, and asks for the list.
    listener.expect(b"\0\0\3online\n")
    assert listener.seen == b""
    gateway.root.heard(b"NINFO")
    assert gateway.count() == 0
    assert gateway.ask(b"NSTAT\0\0") == \
        b'S{"node_amount": 2, "node_addr_list": [5, 6], "node_status_list": [0, 0]}'
    gateway.root.say(joined(5))
    wait_for(lambda: gateway.count() == 1)
    assert gateway.whole(b"NETIF\0\0\1") == b"S\1\0\5" + uuid(5)
    assert gateway.whole(b"NETIF\1") == b"S\1\0\5" + uuid(5)
    assert gateway.whole(b"NETIF") == b"S\2\0\5" + uuid(5) + b"\0\6" + uuid(6)
    # A reset of the network: all are gone at once, until they join again.
    gateway.root.say(joined(6))
    wait_for(lambda: gateway.count() == 2)
    assert gateway.ask(b"RST-R\0\0") == b"S"
    assert gateway.count() == 0
    gateway.root.heard(b"RST-R")
    gateway.root.say(b"\0\5E\0\1")
    listener.expect(b"\0\5E\0\1")
    assert gateway.count() == 1


def test_pushes(bp):
    gateway = Gateway(bp, "push_spacing=100ms")  # such clients take what one read gives for one message
    client = SocketManager(gateway.port)
    bodies = [b"\0\0\3online\n", b"\0\5R\0", b"\0\5E\0\1P", b"\0\5A\0\1P", b"\0\5TI0", b"\0\5S", b"\0\5\0free",
              b"\0\0Error: Command Too Short\n", b"\xff\xfe\x7a\xfa\xfb\xfc\xfd\xfe\xff", b"\0\0 ----------- prov_complete -----------\n",
              b"\0\5Z \n 1 \t\n\r 2 \r", b"\0\5Z I (123) boot: \x1b[0m"]
    gateway.root.write(b"".join(encode(each) for each in bodies))  # in one burst
    wait_for(lambda: len(client.messages) >= len(bodies))
    assert client.messages == bodies, client.messages
    # Data is kept, not passed on, unless that is wanted.
    gateway.root.say(b"\0\5D\2\0\7\1\x4d\1\x4d\1\x4d\1", b"\0\5A")
    wait_for(lambda: client.messages[-1] == b"\0\5A")
    assert len(client.messages) == len(bodies) + 1
    assert "push" in gateway.info()


def test_push_data(bp):
    gateway = Gateway(bp, "push_data=yes")
    listener = gateway.listen()
    gateway.root.say(b"\0\5D\1\0\7")
    listener.expect(b"\0\5D\1\0\7")


def test_data(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    gps = b"\x59\1\x59\1\x59\1"
    assert gateway.ask(b"[GET]\0\5GPS") == b"F\x0eNode Not Found"
    gateway.root.say(joined(5), joined(6), b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5GPS") == b"F\x13Data Type Not Found"
    assert gateway.ask(b"[GET]\0\0GPS") == b"SGPS\0\0"
    gateway.root.say(b"\0\5D\2\0\7\1" + gps, b"\0\6D\1\1" + gps, b"\0\5A")
    listener.expect(b"\0\5A")
    # Always type, length, number, and the address before each.
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\6\1\0\5" + gps
    assert gateway.ask(b"[GET]\0\0GPS") == b"SGPS\6\2\0\5" + gps + b"\0\6" + gps
    assert gateway.ask(b"[GET]\0\5\0") == b"S\0\1\1\0\5\7"
    assert gateway.ask(b"[GET]\0\5Sequence") == b"SSequence\1\1\0\5\7"
    assert gateway.whole(b"[GET]\0") == b"F\x16Missing target address"
    assert gateway.whole(b"[GET]") == b"F\x16Missing target address"
    assert gateway.whole(b"[GET]\0\5") == b"F\x11Missing data type"
    # An unknown sender of data is a node, without a uuid.
    gateway.root.say(b"\0\x09D\1\0\1", b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.count() == 3
    # A type that no table has, and a value that is cut: what could be read stays.
    gateway.root.say(b"\0\5D\2\0\x08\x63\1", b"\0\5D\3\0\x09\1\1", b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5\0") == b"S\0\1\1\0\5\x09"
    assert "2 updates unreadable" in gateway.info()


def test_positions(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    position = struct.pack("<dd", 38.541, -121.775)
    gateway.root.say(joined(5), joined(6), b"\0\5\5" + position,
                     b'\0\6{"node":6,"gps_time":"x","lat":385410000,"lon":-1217750000,"fixType":3}\n')
    listener.expect(b"}\n")
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\x10\1\0\5" + position
    lines = " ".join(bp.run("mesh nodes"))
    assert lines.count("38.541000, -121.775000") == 2, lines
    # Of a length that none has: nothing changes, nobody falls.
    gateway.root.say(b"\0\5\5\1\2", b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\x10\1\0\5" + position
    assert "1 malformed" in gateway.info()


def test_three_letters(bp):
    gateway = Gateway(bp, "--opcodes v0")
    listener = gateway.listen()
    gateway.root.say(b"\0\5NOD" + uuid(5), b"\0\0NET\1\0\6" + uuid(6), b"\0\5[D]\1GPS\6\x4d\1\x4d\1\x4d\1",
                     b"\0\0RSTonline\n", b"\0\5<Q>Robot")
    listener.expect(b"\0\0RSTonline\n")
    listener.expect(b"\0\5<Q>Robot")
    gateway.root.say(joined(6), b"\0\5NOD" + uuid(5), b"\0\5ECHx")
    listener.expect(b"\0\5ECHx")
    assert gateway.ask(b"[GET]\0\5GPS") == b"SGPS\6\1\0\5\x4d\1\x4d\1\x4d\1"


def test_lists(bp):
    gateway = Gateway(bp)
    gateway.listen()
    gateway.root.say(*(joined(each) for each in range(5, 65)))
    wait_for(lambda: gateway.count() == 60)
    # Two batches are one list: those of neither are idle, later disconnected.
    both = (net_info(range(5, 45)), net_info(range(45, 60)))
    gateway.root.say(*both)
    wait_for(lambda: gateway.count() == 55)
    statuses = lambda word: sum(word in line for line in bp.run("mesh nodes"))
    assert statuses("Idle") == 5
    gateway.root.say(*both)
    wait_for(lambda: statuses("Disconnect") == 5)
    assert gateway.count() == 55
    # The firmware that repeats its first node, and counts that lie: nobody is demoted.
    gateway.root.say(net_info([5] * 20), b"\0\0\1\x28\0\5", b"\0\0\1")
    gateway.root.say(net_info(range(5, 65)))
    wait_for(lambda: gateway.count() == 60)


def test_moved_devices(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    gateway.root.say(joined(5), b"\0\5D\1\0\7", b"\0\5\2" + uuid(50), b"\0\5A")
    listener.expect(b"\0\5A")
    assert gateway.ask(b"[GET]\0\5\0") == b"F\x13Data Type Not Found"
    gateway.root.say(b"\0\6\2" + uuid(50), b"\0\6A")
    listener.expect(b"\0\6A")
    assert gateway.whole(b"NETIF") == b"S\1\0\6" + uuid(50)


def test_ageing(bp):
    gateway = Gateway(bp, "idle_after=100ms disconnect_after=3s")
    gateway.listen()

    def is_active():
        """Said again each time, since it is idle again soon."""
        gateway.root.say(joined(5))
        return any("Active" in line for line in bp.run("mesh nodes"))

    wait_for(is_active)
    wait_for(lambda: any("Idle" in line for line in bp.run("mesh nodes")))
    wait_for(lambda: any("Disconnect" in line for line in bp.run("mesh nodes")))
    gateway.root.say(b"\0\5D\1\0\1")
    wait_for(lambda: any("Active" in line for line in bp.run("mesh nodes")))


# --- the line ---

def test_every_byte_alone(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    count = 0
    for byte in encode(joined(5)) + encode(b"\0\5A\xfa\xfb\xfc\xfd\xfe\xff"):
        os.write(gateway.root.line, bytes([byte]))
        count += 1
        wait_for(lambda: f"\n{count} bytes in, " in "\n".join(bp.run("uart info root")))
    listener.expect(b"\0\5A\xfa\xfb\xfc\xfd\xfe\xff")
    assert gateway.whole(b"NETIF\0\0\0") == b"S\1\0\5" + uuid(5)


def test_garbage(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    log = b"\x1b[0;32mI (123) boot: hello\x1b[0m\r\n"
    for junk in (log, b"\0\5Znostart\xfe", b"\xff\xfe", b"\xff\1\xfe", b"\xff\0\5\xfe", b"\xff\0\5Zlost\xfa\xfe",
                 b"\xff\0\5Z\xfa\x41x\xfe", b"\xff\0\5Zfirst half", b"\xfa\xfa\xfa", b"\xff\0\0\1\xfe", b"\xff\0\0\1\xff\1\xfe",
                 b"\xff" + b"x" * 70000, b"\xfe"):
        gateway.root.write(junk)
        gateway.root.say(b"\0\5Agood")
        assert listener.expect(b"\0\5Agood") == b"\0\5Agood", junk
    assert bp.process.poll() is None


def test_unplugged(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    gateway.root.say(joined(5), b"\0\5A")
    listener.expect(b"\0\5A")
    gateway.root.unplug()
    wait_for(lambda: "line down" in gateway.info())
    assert gateway.ask(b"SEND-\0\5x") == b"F\x14No Serial Connection"
    assert gateway.ask(b"RST-R\0\0") == b"F\x14No Serial Connection"
    assert gateway.count() == 1
    gateway.root.plug()
    wait_for(lambda: "line up" in gateway.info())
    # The listener has lived through it.
    gateway.root.say(b"\0\5Aagain")
    listener.expect(b"\0\5Aagain")
    assert gateway.ask(b"SEND-\0\5x") == b"S"
    gateway.root.heard(b"SEND-\0\5x")


def test_not_there_yet(bp):
    said = bp.run("mesh open lab --uart root -p 0 listener=optional")
    port = int(re.search(r"clients on 127\.0\.0\.1:(\d+)", " ".join(said)).group(1))
    client = Client(port)
    client.send(b"SEND-\0\5x")
    assert client.rest() == b"F\x14No Serial Connection"
    root = Root(bp)
    bp.run(f"uart open {root.path} root framing=mesh")
    client = Client(port)
    client.send(b"SEND-\0\5x")
    assert client.rest() == b"S"
    root.heard(b"SEND-\0\5x")


def test_other_lines(bp):
    """A TCP connection stands in for the UART, and frames are taken out of its bytes here; the other XOR too."""
    port = free_port()
    bp.run("plugin load uart")
    bp.run(f"tcp listen {port} line")
    said = " ".join(bp.run("mesh open lab -p 0 recv=line/recv send=line/send framing=mesh escape_xor=0xff listener=optional"))
    command = int(re.search(r"clients on 127\.0\.0\.1:(\d+)", said).group(1))
    root, listener = Client(port), Listener(command, b"[syn]\0")
    wire = encode(joined(5), 0xFF) + encode(b"\0\5A\xfa\xff", 0xFF)
    for at in range(0, len(wire), 5):
        root.send(wire[at:at + 5])
    listener.expect(b"\0\5A\xfa\xff")
    client = Client(command)
    client.send(b"SEND-\0\5\xfe")
    assert client.rest() == b"S"
    root.expect(b"\xffSEND-\0\5\xfa\x01\xfe")
    root.send(encode(joined(6)) * 3)  # X=FA: its escapes cannot be here
    wait_for(lambda: any("escape_xor=0xfa" in line for line in bp.run("mesh log")))


def test_another_root_after_a_thousand_frames(bp):
    """It escapes otherwise: said at the console, and by mesh info."""
    port = free_port()
    bp.run("plugin load uart")
    bp.run(f"tcp listen {port} line")
    bp.run("mesh open lab -p 0 recv=line/recv send=line/send framing=mesh listener=optional")
    root = Client(port)
    bp.run("channel save console -f console")
    root.send(encode(b"\0\5A\xfa") * 1000)
    wait_for(lambda: " 1000 frames" in " ".join(bp.run("mesh info")))
    assert "escape_xor" not in " ".join(bp.run("mesh info"))
    root.send(encode(b"\0\5A\xfc\xfd", 0xFF) * 2)
    wait_for(lambda: any("framing: escapes" in line and "escape_xor" in line for line in bp.run("mesh info")))
    bp.run("channel save console --stop")
    assert "framing of the root" in open(bp.folder + "/console").read()


main("mesh-root", globals())
