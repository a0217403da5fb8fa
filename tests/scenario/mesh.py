#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh.py - the mesh gateway: client programs that know only the protocol, the console, history."""
import os
import re
import sqlite3
import struct
import threading
import time

from harness import PATIENCE, Backplane, Client, free_port, main
from meshes import NO_LISTENER, Gateway, Listener, SocketManager, encode, joined, uuid, wait_for


# --- clients ---

def test_handshakes(bp):
    gateway = Gateway(bp)
    silent = [Client(gateway.port) for _ in range(5)]  # block nobody
    assert gateway.ask(b"ACT-C\0\0") == NO_LISTENER
    assert gateway.whole(b"SEND-\0\5x") == NO_LISTENER
    first = gateway.listen()
    split = Client(gateway.port)
    for byte in b"[syn]":
        split.send(bytes([byte]))
        assert gateway.ask(b"SEND-\0\5x") == b"S"  # which has waited for the pause that ends a request
    split.send(b"\0")
    split.expect(b"[ack]\0")
    more = gateway.listen(b"[syn]\0and what follows")
    gateway.root.say(b"\0\5A")
    for each in (first, split, more):
        each.expect(b"\0\5A")
    # Some have gone: requests are served as long as there is one.
    first.close()
    more.close()
    assert gateway.count() == 0
    split.close()
    wait_for(lambda: gateway.ask(b"ACT-C\0\0") == NO_LISTENER)
    again = gateway.listen()
    gateway.root.say(b"\0\5A")
    again.expect(b"\0\5A")
    assert gateway.whole(b"[syn]x").startswith(b"F")
    for each in silent:
        assert each.rest() == b""


def test_framed_pushes(bp):
    gateway = Gateway(bp)
    listener = gateway.listen(b"[syn]\1")
    bodies = [b"\0\5A" + bytes(number) for number in range(50)]
    gateway.root.say(*bodies)
    wanted = b"".join(struct.pack(">H", len(body)) + body for body in bodies)
    assert listener.expect(wanted) == wanted


def test_requests(bp):
    gateway = Gateway(bp)
    gateway.listen()
    root = gateway.root
    for request in (b"SEND-\0\5E\0\1P", b"SEND-\0\5hi\xfa\xfb\xfc\xfd\xfe\xff", b"BCAST\0\0TF", b"CLEAN\0\0", b"NINFO\0\0",
                    b"SENDI\0\5x", b"GETDF\0\0"):
        assert gateway.ask(request) == b"S", request
        short = request[:5] in (b"CLEAN", b"NINFO", b"GETDF")
        root.heard(request[:5] if short else request)
    for request in (b"STATE\0\0", b"LOGOF\0\0", b"send-\0\5x", b"\xff\xfe\xfd\xfc\xfb"):
        assert gateway.ask(request) == b"F\x0fUnknown Command", request
    assert gateway.whole(b"ABC") == b"F\x11Command Too Short"
    assert gateway.ask(b"SEND-") == b"F\x16Missing target address"
    assert gateway.ask(b"SEND-\0\5") == b"F\x0fMissing message"
    assert not any(b"STATE" in frame for frame in root.frames)


def test_relay_all(bp):
    gateway = Gateway(bp, "relay=all listener=optional --opcodes v1")
    for request in (b"STATE\0\0", b"LOGOF\0\0", b"RST-R\0\0", b"GETDF\0\0"):
        assert gateway.ask(request) == b"S"
        gateway.root.heard(request)
    assert gateway.ask(b"[GET]\0\5GPS") == b"F\x0eNode Not Found"


def test_relay_none(bp):
    gateway = Gateway(bp, "relay=none listener=optional")
    for request in (b"SENDI\0\5x", b"GETDF\0\0"):
        assert gateway.ask(request) == b"F\x0fUnknown Command"
    assert gateway.ask(b"SEND-\0\5x") == b"S"


def test_whole_or_nothing(bp):
    gateway = Gateway(bp)
    gateway.listen()
    half = Client(gateway.port)
    half.send(b"SEND-\0\5half")
    half.end_input()
    assert half.rest() == b"S"
    gateway.root.heard(b"SEND-\0\5half")
    for size in (1020, 5000):
        assert gateway.whole(b"SEND-\0\5" + b"\xff" * size) == b"F\x10Request Too Long"
    assert gateway.whole(b"SEND-\0\5" + b"\xff" * 600) == b"F\x10Message Too Long"
    assert gateway.whole(b"SEND-\0\5end") == b"S"
    gateway.root.heard(b"SEND-\0\5end")
    assert not any(b"\xff" in frame for frame in gateway.root.frames)


def test_no_pause_where_the_end_is_known(bp):
    """Where the layout tells it, or the client ends its half. In between, what comes in pieces is one request."""
    gateway = Gateway(bp, "gap=10s")
    gateway.listen()
    for _ in range(20):
        gateway.count()
    split = Client(gateway.port)
    for part in (b"SE", b"ND-\0", b"\5E", b"\0\1P"):
        split.send(part)
        wait_for(split.was_read)
    split.end_input()
    assert split.rest() == b"S"
    gateway.root.heard(b"SEND-\0\5E\0\1P")


def test_known_node_is_not_waited_for(bp):
    """SEND- has no end; to a node that is known it is answered long before `gap` is over, to another one it is not."""
    gateway = Gateway(bp, "gap=10s")
    gateway.listen()
    gateway.root.say(joined(5))
    wait_for(lambda: gateway.count() == 1)
    for number in range(20):
        request = b"SEND-\0\5" + bytes([number])
        assert gateway.ask(request) == b"S"  # which waits for 5 s at most
        gateway.root.heard(request)


def test_asked_at_open_and_by_poll(bp):
    gateway = Gateway(bp, "ask_at_open=yes poll=300ms")
    wait_for(lambda: gateway.root.frames.count(b"GETDF") >= 2)
    assert gateway.root.frames[:5] == [b"NINFO", b"NINFO", b"GETDF", b"NINFO", b"GETDF"], gateway.root.frames


def test_nodes_survive_a_reload(bp):
    gateway = Gateway(bp, "listener=optional")
    gateway.root.say(joined(5), joined(6), b"\0\5D\1\0\7")
    wait_for(lambda: any("Sequence" in line and "x07" in line for line in bp.run("mesh node 5")))
    assert any("Reloaded" in line or "reloaded" in line for line in bp.run("plugin reload mesh")), bp.run("plugin list")
    assert any("Sequence" in line and "x07" in line for line in bp.run("mesh node 5"))
    nodes = "\n".join(bp.run("mesh nodes"))
    assert re.search(r"(?m)^5 +Active +%s" % uuid(5).hex(), nodes) and re.search(r"(?m)^6 +Active ", nodes), nodes


def test_root_objects(bp):
    def answer(body):
        return [body[5:7] + b"Node not exists in network\n"] if body[:5] == b"SEND-" and body[5:7] != b"\0\5" else []
    gateway = Gateway(bp, "error_wait=500ms", answer=answer)
    listener = gateway.listen()
    assert gateway.whole(b"SEND-\x07\x77hi") == b"F\x1aNode not exists in network"
    listener.expect(b"\x07\x77Node not exists in network\n")  # said to listeners all the same
    assert gateway.whole(b"SEND-\0\5hi") == b"S"


def answer_test(body):
    """Edges that answer as the field tests expect."""
    if body[:5] == b"SEND-":
        node, message = body[5:7], body[7:]
        if message[:2] == b"TI":
            return [node + b"A"]
        if message[:1] == b"E":
            return [node + b"A" + message[1:]]
    if body[:5] == b"RST-R":
        return [b"\0\0 ----------- prov_complete -----------\n", b"\0\0\3online\n"] + [joined(5 + each) for each in range(8)]
    return []


def test_round_trips(bp):
    gateway = Gateway(bp, "window_bytes=64K", answer=answer_test)
    client = SocketManager(gateway.port)
    got = {}
    client.subscribed[b"A"] = lambda data: got.setdefault(data, time.monotonic())
    nodes = range(5, 10)
    for node in nodes:
        ok, _ = client.command(b"SEND-", node, b"TI" + b"P")
        assert ok
    wait_for(lambda: all(struct.pack(">H", node) + b"A" in got for node in nodes))
    assert client.command(b"BCAST", 0, b"TS") == (True, b"S")
    for sequence in range(10):
        for node in nodes:
            payload = struct.pack(">H", sequence) + b"P" * 10
            assert client.command(b"SEND-", node, b"E" + payload) == (True, b"S")
            wait_for(lambda: struct.pack(">H", node) + b"A" + payload in got)
    assert client.command(b"BCAST", 0, b"TF") == (True, b"S")
    gateway.root.heard(b"BCAST\0\0TF")


def test_connect_nodes(bp):
    gateway = Gateway(bp, answer=answer_test)
    client = SocketManager(gateway.port)
    back = threading.Event()
    client.subscribed[b"\3"] = lambda data: back.set()
    for name, payload in ((b"SEND-", b"TI0"), (b"BCAST", b"TS"), (b"CLEAN", b""), (b"RST-R", b"")):
        ok, _ = client.command(name, 5 if name == b"SEND-" else 0, payload)
        assert ok
    assert back.wait(PATIENCE)
    wait_for(lambda: client.command(b"ACT-C")[1] == b"S\x08")


def test_pacing(bp):
    gateway = Gateway(bp, "window=300ms window_bytes=200 queue=8 listener=optional")
    begun = time.monotonic()
    replies = [gateway.ask(b"SEND-\0\5" + b"x" * 88 + bytes([number])) for number in range(10)]
    assert replies.count(b"S") == 10, replies
    wait_for(lambda: len(gateway.root.frames) == 10)
    assert [frame[-1] for frame in gateway.root.frames] == list(range(10))
    # Two go in a window. How late one is read here says nothing, how early it is does.
    for number, when in enumerate(gateway.root.arrivals):
        assert when - begun >= number // 2 * 0.3, (begun, gateway.root.arrivals)
    flood = [threading.Thread(target=lambda: replies.append(gateway.ask(b"SEND-\0\5" + b"y" * 90))) for _ in range(30)]
    for each in flood:
        each.start()
    for each in flood:
        each.join()
    assert b"F\x19Too Many Commands Waiting" in replies


def test_slow_listener(bp):
    gateway = Gateway(bp, "push_queue=20 push_spacing=5ms")
    listener = gateway.listen()
    gateway.root.write(b"".join(encode(b"\0\5A" + struct.pack(">I", number)) for number in range(500)))
    listener.expect(struct.pack(">I", 499))
    assert re.search(r"(\d+) dropped", gateway.info()).group(1) != "0"


# --- the console, history ---

def test_console(bp):
    gateway = Gateway(bp, "listener=optional")
    gateway.root.say(joined(5), b"\0\5D\2\0\7\1\x4d\1\x4d\1\x4d\1")
    wait_for(lambda: gateway.count() == 1)
    assert any("Active" in line and uuid(5).hex() in line for line in bp.run("mesh nodes"))
    wait_for(lambda: any("Sequence" in line and "x07" in line for line in bp.run("mesh node 5")))
    assert any(r"b'M\x01M\x01M\x01'" in line for line in bp.run("mesh get GPS"))
    assert any("there is no node 77" in line for line in bp.run("mesh node 77"))
    bp.run("mesh send 5 hello")
    gateway.root.heard(b"SEND-\0\5hello")
    bp.run('mesh send 0xfffe "45 00 01" --hex')
    gateway.root.heard(b"SEND-\xff\xfe\x45\0\1")
    bp.run("mesh broadcast TS")
    gateway.root.heard(b"BCAST\0\0TS")
    bp.run("mesh reset --clean")
    gateway.root.heard(b"RST-R")
    times = dict(zip(gateway.root.frames, gateway.root.arrivals))
    assert times[b"RST-R"] - times[b"CLEAN"] > 1.9, times  # the root needs that time to forget
    assert any("Reseting" in line for line in bp.run("mesh log"))
    assert "0 active" in gateway.info()
    bp.run("mesh close lab")
    assert "There is no mesh gateway" in gateway.info()
    assert any("no mesh gateway" in line for line in bp.run("mesh nodes"))


def test_channels(bp):
    gateway = Gateway(bp, "listener=optional")
    bp.run("channel watch lab/recv lab/log")
    bp.run("channel send lab/send SEND-xxhello")
    gateway.root.heard(b"SEND-xxhello")
    gateway.root.say(joined(5))
    said = []
    wait_for(lambda: said.extend(bp.run("echo")) or any("Node-5 connected" in line for line in said))


def test_types(bp):
    path = bp.folder + "/Data_Info.json"
    with open(path, "w") as file:
        file.write('{ "Heat": { "ID": 9, "Length": 2 } }')
    with open(bp.folder + "/broken.json", "w") as file:
        file.write('{ "Heat": { "ID": 9, "Length": 2 }, }')
    assert any("broken.json" in line for line in bp.run(f"mesh open lab --uart root -p 0 --data-info {bp.folder}/broken.json"))
    gateway = Gateway(bp, f"--data-info {path} listener=optional")
    gateway.root.say(b"\0\5D\1\x09ab")
    wait_for(lambda: gateway.ask(b"[GET]\0\5Heat") == b"SHeat\2\1\0\5ab")
    assert gateway.ask(b"[GET]\0\5\x09") == b"S\x09\2\1\0\5ab"


def test_history(bp):
    base = bp.folder + "/history.db"
    gateway = Gateway(bp, f"listener=optional database={base} database_rows=100 log_folder={bp.folder}/history_log")
    for number in range(150):
        gateway.root.say(b"\0\5D\1\0" + bytes([number]))
    gateway.root.say(b"\xff\xfeD\1\1\xff\xff\xff\xff\xff\xff")
    wait_for(lambda: re.search("history: 151 values written", gateway.info()))
    with sqlite3.connect(base) as database:
        rows = database.execute("SELECT time, series, value FROM samples").fetchall()
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert len(rows) == 100
    assert rows[-1][1:] == ("65534/GPS", b"\xff" * 6) and rows[0][1:] == ("5/Sequence", bytes([51]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", rows[0][0])
    path = bp.folder + "/history_log/GPS_hist.txt"
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path))
    lines = open(path).read().splitlines()
    assert re.fullmatch(r"b'(\\xff){6}', \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", lines[0]), lines
    # What came in the last second is there after the end.
    gateway.root.say(b"\0\5D\1\0\xc8")
    wait_for(lambda: gateway.ask(b"[GET]\0\5\0")[-1:] == b"\xc8")
    bp.run("mesh close lab")
    wait_for(lambda: "not found" in " ".join(bp.run("module info lab")))
    with sqlite3.connect(base) as database:
        wait_for(lambda: database.execute("SELECT value FROM value ORDER BY id DESC").fetchone() == (b"\xc8",))


def test_history_of_which_one_part_fails(bp):
    """Lines that are written do not hide that the database is not."""
    open(bp.folder + "/file", "w").close()
    gateway = Gateway(bp, f"listener=optional database={bp.folder}/file/history.db log_folder={bp.folder}/lines")
    path = bp.folder + "/lines/Sequence_hist.txt"
    for number in (1, 2, 3):
        gateway.root.say(b"\0\5D\1\0" + bytes([number]))
        wait_for(lambda: os.path.exists(path) and len(open(path).readlines()) == number)
    assert "file/history.db: " in gateway.info()
    assert any("lab failed: values are not written" in line for line in bp.run("status")), bp.run("status")


def test_reload(bp):
    """Clients that listen stay when the configuration is read again; a plugin reload opens all again, once."""
    path, port = bp.folder + "/mesh.yaml", free_port()
    text = "modules:\n  lab: {class: MeshGateway, recv: line/recv, send: line/send, port: %d%s}\n"
    open(path, "w").write(text % (port, ""))
    other = Backplane("-c", path)
    try:
        other.run("echo")  # it is up then
        listener = Listener(port, b"[syn]\0")
        open(path, "w").write(text % (port, ", idle_after: 3m, relay: all"))
        said = other.run("config reload")
        assert "relay=all" in " ".join(other.run("module list")), said
        other.run(r"channel send line/recv 00Ahello")
        listener.expect(b"00Ahello")
        said = other.run("mesh open second -p 0 -w 0 recv=a send=b")
        said += other.run("plugin reload mesh")
        wait_for(lambda: "second-pages" in " ".join(other.run("module list")))
        wait_for(lambda: ", with its instances." in " ".join(said) or said.extend(other.run("echo")))
        assert "second-pages" in " ".join(other.run("module list"))
    finally:
        other.stop()
        other.remove()


main("mesh", globals())
