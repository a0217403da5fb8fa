#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh-wire.py - each command and each opcode byte for byte, as it is on TCP and on the serial line."""
from harness import main
from meshes import Gateway, Page, pages_port, wait_for

UUID_5 = bytes.fromhex("3210fafbfcfdfeff0000000000000005")
UUID_6 = bytes.fromhex("32100000000000000000000000000006")
ON_LINE_5 = "3210 fa00 fa01 fa06 fa07 fa04 fa05 0000000000000005"  # the first, escaped
GPS = bytes.fromhex("4d014d014d01")
DF = "0000 04 02 000c 000a 000a 0005"
POSITION = "0005 05 6891ed7c3f454340 9a99999999715ec0"
REFUSED = b"F\x0fUnknown Command"

# What a client sends, what is then on the line, what it is answered.
COMMANDS = [
    ("53454e442d 0005 45 0001 50", "ff 53454e442d 0005 45 0001 50 fe", b"S"),
    ("53454e442d 0005 6869 fafbfcfdfeff", "ff 53454e442d 0005 6869 fa00 fa01 fa06 fa07 fa04 fa05 fe", b"S"),
    ("53454e442d fffe 41", "ff 53454e442d fa05 fa04 41 fe", b"S"),
    ("4243415354 0000 5446", "ff 4243415354 0000 5446 fe", b"S"),
    ("53454e4449 0005 78", "ff 53454e4449 0005 78 fe", b"S"),  # SENDI
    ("434c45414e 0000", "ff 434c45414e fe", b"S"),  # CLEAN
    ("4e494e464f 0000", "ff 4e494e464f fe", b"S"),  # NINFO
    ("4745544446 0000", "ff 4745544446 fe", b"S"),  # GETDF
    ("5b4745545d 0005 475053", "", b"SGPS\6\1\0\5" + GPS),
    ("5b4745545d 0005 01", "", b"S\1\6\1\0\5" + GPS),
    ("5b4745545d 0000 475053", "", b"SGPS\6\1\0\5" + GPS),
    ("5b4745545d 0000 4c4443", "", b"SLDC\0\0"),
    ("5b4745545d 0006 475053", "", b"F\x13Data Type Not Found"),
    ("5b4745545d 0007 475053", "", b"F\x0eNode Not Found"),
    ("4e53544154 0000", "", b'S{"node_amount": 2, "node_addr_list": [5, 6], "node_status_list": [1, 1]}'),
    ("4143542d43 0000", "", b"S\2"),
    ("4e45544946 0000 01", "", b"S\2\0\5" + UUID_5 + b"\0\6" + UUID_6),
    ("572d4c4f47 0000 6869", "", b"S"),  # W-LOG
    ("572d524254 5b5d", "", b"S"),  # W-RBT
    ("5354415445 0000", "", REFUSED),  # STATE
    ("73656e642d 0005 78", "", REFUSED),  # send-
    ("fffefdfcfb", "", REFUSED),
    ("414243", "", b"F\x11Command Too Short"),
    ("5253542d52 0000", "ff 5253542d52 fe", b"S"),  # RST-R
    ("4143542d43 0000", "", b"S\0"),
]

# With the older firmware: requests as they are.
OLD_COMMANDS = [
    ("5253542d52 0000", "ff 5253542d52 0000 fe", b"S"),
    ("434c45414e 0000", "ff 434c45414e 0000 fe", b"S"),
    ("4e494e464f 0000", "ff 4e494e464f 0000 fe", b"S"),
    ("4745544446 0000", "ff 4745544446 0000 fe", b"S"),
    ("5354415445 0000", "ff 5354415445 0000 fe", b"S"),
    ("4c4f474f46 0000", "ff 4c4f474f46 0000 fe", b"S"),
]

# What the root says; whether listeners are told.
OPCODES = [
    (f"ff 0005 02 {ON_LINE_5} fe", False),
    ("ff 0005 44 02 00 07 01 4d014d014d01 fe", False),
    ("ff 0000 03 6f6e6c696e650a fe", True),
    (f"ff 0000 01 02 0005 {ON_LINE_5} 0006 {UUID_6.hex()} fe", False),
    (f"ff {DF} fe", False),
    (f"ff {POSITION} fe", False),
    ("ff 0005 00 66726565 fe", True),
    ("ff 0005 52 00 fe", True),
    ("ff 0005 45 0001 50 fe", True),
    ("ff 0005 41 00 01 50 fe", True),
    ("ff 0005 5449 30 fe", True),
    ("ff 0005 53 fe", True),
    ("ff 0005 7a fa00 fa01 fa06 fa07 fa04 fa05 fe", True),
    ("ff fa05 fa04 41 fe", True),
    ("ff 0777 4e6f6465206e6f742065786973747320696e206e6574776f726b 0a fe", True),
    ("ff 0000 202d205265736574696e6720526f6f74204d6f64756c65 0a fe", True),
    ("ff 0005 " + b'{"node":5,"lat":385410000,"lon":-1217750000}\n'.hex() + " fe", True),
]

OLD_OPCODES = [(f"ff {DF} fe", True), (f"ff {POSITION} fe", True), ("ff 0005 44 01 00 07 fe", False)]

THREE_LETTERS = [
    (f"ff 0005 4e4f44 {ON_LINE_5} fe", False),
    (f"ff 0000 4e4554 01 0006 {UUID_6.hex()} fe", False),
    ("ff 0005 5b445d 01 475053 06 4d014d014d01 fe", False),
    *((f"ff 0005 {word.encode().hex()} 01 fe", True) for word in ("REQ", "CPY", "TST", "ECH", "<Q>Robot")),
    ("ff 0000 525354 fe", True),
]


def unescape(frame):
    out, bytes_of = b"", iter(frame[1:-1])
    for byte in bytes_of:
        out += bytes([next(bytes_of) ^ 0xFA if byte == 0xFA else byte])
    return out


def ask_all(gateway, rows):
    for request, on_line, reply in rows:
        begin = len(gateway.root.wire)
        assert gateway.whole(bytes.fromhex(request)) == reply, request
        wait_for(lambda: len(gateway.root.wire) - begin >= len(bytes.fromhex(on_line)))
        assert gateway.root.wire[begin:] == bytes.fromhex(on_line), (request, gateway.root.wire[begin:])


def say_all(gateway, listener, rows, end=b"\xff\0\5A!\xfe"):
    for frame, pushed in rows:
        raw = bytes.fromhex(frame)
        gateway.root.write(raw + end)
        said = listener.expect(end[1:-1])
        assert said == (unescape(raw) if pushed else b"") + end[1:-1], (frame, said)


def test_commands(bp):
    gateway = Gateway(bp, "--ws-port 0 vocabulary=both")
    listener = gateway.listen()
    page = Page(pages_port(gateway))
    for frame in (f"ff 0005 02 {ON_LINE_5} fe", f"ff 0006 02 {UUID_6.hex()} fe", "ff 0005 44 02 00 07 01 4d014d014d01 fe",
                  "ff 0005 41 fe"):
        gateway.root.write(bytes.fromhex(frame))
    listener.expect(b"\0\5A")
    ask_all(gateway, COMMANDS)
    while page.get() != {"type": "trafficLog", "message": "hi"}:
        pass


def test_commands_of_old_firmware(bp):
    gateway = Gateway(bp, "--opcodes v1 relay=all listener=optional")
    ask_all(gateway, OLD_COMMANDS)


def test_opcodes(bp):
    gateway = Gateway(bp)
    listener = gateway.listen()
    say_all(gateway, listener, OPCODES)
    assert gateway.root.wire == b"\xffNINFO\xfe"  # the reset asks for the list
    assert gateway.whole(b"NETIF") == b"S\2\0\5" + UUID_5 + b"\0\6" + UUID_6
    assert gateway.whole(b"[GET]\0\5Sequence") == b"SSequence\1\1\0\5\7"
    assert gateway.whole(b"[GET]\0\5GPS") == b"SGPS\x10\1\0\5" + bytes.fromhex(POSITION)[3:]
    assert "2 paths" in gateway.info()


def test_opcodes_of_old_firmware(bp):
    gateway = Gateway(bp, "--opcodes v1")
    say_all(gateway, gateway.listen(), OLD_OPCODES)
    assert gateway.whole(b"[GET]\0\5\0") == b"S\0\1\1\0\5\7"


def test_three_letters(bp):
    gateway = Gateway(bp, "--opcodes v0")
    say_all(gateway, gateway.listen(), THREE_LETTERS, b"\xff\0\5ECH!\xfe")
    assert gateway.whole(b"NETIF") == b"S\2\0\5" + UUID_5 + b"\0\6" + UUID_6
    assert gateway.whole(b"[GET]\0\5GPS") == b"SGPS\6\1\0\5" + GPS


main("mesh-wire", globals())
