#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer.py - endpoint servers asked by a client written from the protocol's description alone, and hosts joined by it."""
import json
import os
import re
import socket
import threading
import time

from harness import Backplane, Client, free_port, main

HASH = "1608ea132b3bebbb"


def wait_for(bp, command, pattern, seconds=15):
    """Asks until the answer has it: what is on the wire needs a moment."""
    end = time.monotonic() + seconds
    while True:
        said = "\n".join(bp.run(command))
        if re.search(pattern, said):
            return said
        assert time.monotonic() < end, f"{pattern!r} did not come: {said}"


def wait_for_file(path, contents, seconds=10):
    contents = contents if isinstance(contents, bytes) else contents.encode()
    end = time.monotonic() + seconds
    while True:
        with open(path, "rb") as file:
            there = file.read()
        if there == contents:
            return
        assert time.monotonic() < end, there
        time.sleep(0.01)


def serve(bp, *words, name="ep", module="EndpointServer"):
    port = free_port()
    said = bp.run(" ".join([f"module open {module} {name} port={port} server_name=W", *words]))
    assert any("Opened" in line for line in said), said
    return port


class Original(Client):
    """As the real client: dumps and a line end, and the end of what it has read must be one."""

    def ask(self, message):
        self.send(json.dumps(message).encode() + b"\n")
        return self.answer()

    def answer(self):
        return json.loads(self.expect(b"\n"))


def untimed(reply):
    """Without what changes from one time to the next."""
    text = json.dumps(reply) if not isinstance(reply, str) else reply
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", "T", text)


# What is said, and what is answered byte for byte, with T for times.
FORMS = [
    (b'{"request": "ping"}', '{"status": "success", "pong": true, "server_time": "T", "timestamp": "T"}'),
    (b'{"request": "echo", "data": {"x": 1, "t": "h\\u00e9\\ud83d\\ude00"}}',
     '{"status": "success", "echo": {"x": 1, "t": "h\\u00e9\\ud83d\\ude00"}, "timestamp": "T"}'),
    ('{"request":"echo","data":"hé"}'.encode(), '{"status": "success", "echo": "h\\u00e9", "timestamp": "T"}'),
    (b'{"request": "echo"}', '{"status": "success", "echo": {}, "timestamp": "T"}'),
    (b'{"request": "nope"}', '{"status": "error", "message": "Unknown request type: nope", "timestamp": "T"}'),
    (b'{"request": ["ping"]}', '{"status": "error", "message": "Unknown request type: [\'ping\']", "timestamp": "T"}'),
    (b'{"endpoint": "ping"}', '{"status": "error", "message": "Unknown endpoint: ping", "timestamp": "T"}'),
    (b'{"endpoint": null}', '{"status": "error", "message": "Unknown endpoint: None", "timestamp": "T"}'),
    (b'{"endpoint": "x", "request": "ping"}', '{"status": "error", "message": "Unknown endpoint: x", "timestamp": "T"}'),
    (b'{"protocol_name": "x", "data": {}}', '{"status": "error", "message": "Unknown protocol: x", "timestamp": "T"}'),
    (b'{ "protocol_name": "x", "data": {}}',
     '{"status": "received", "message": "Message received but no specific handler found", "timestamp": "T"}'),
    (b'{"protocol_name": "../etc/passwd", "data": {}}',
     '{"status": "error", "message": "Unknown protocol: ../etc/passwd", "timestamp": "T"}'),
    (b'nonsense', '{"status": "error", "message": "Unknown data format", "timestamp": "T"}'),
    (b'', '{"status": "error", "message": "Unknown data format", "timestamp": "T"}'),
    (b'\xef\xbb\xbf{}', '{"status": "error", "message": "Unknown data format", "timestamp": "T"}'),
    (b'\x1f\x8b', '{"status": "error", "message": "Internal server error: \'utf-8\' codec can\'t decode byte 0x8b in '
                  'position 1: invalid start byte", "timestamp": "T"}'),
    (b'{}', '{"status": "received", "message": "Message received but no specific handler found", "timestamp": "T"}'),
    (b'[1]\r', '{"status": "received", "message": "Message received but no specific handler found", "timestamp": "T"}'),
    (b'5', '{"status": "error", "message": "Message must be an object", "timestamp": "T"}'),
    (b'{"request": "ping", "id": 7}',
     '{"status": "success", "pong": true, "server_time": "T", "timestamp": "T", "id": 7}'),
    (b'{"media_type":"image","content":"QUJD","size":3,"encoding":"base64"}',
     '{"status": "success", "message": "Received 3 bytes of media data (image)", "size": 3, "media_type": "image", "timestamp": "T"}'),
    (b'{"stream_id":"S9","content":"QUJD"}',
     '{"status": "error", "error": "unknown_stream", "message": "Stream S9 is not registered", "timestamp": "T"}'),
]


# --- the wire ---

def test_forms(bp):
    client = Original(serve(bp))
    for said, answer in FORMS:
        client.send(said + b"\n")
        got = client.expect(b"\n").decode("ascii").rstrip("\n")
        assert untimed(got) == answer, (said, got)


def test_split_at_every_byte(bp):
    client = Original(serve(bp))
    for said, answer in FORMS:
        for cut in range(len(said) + 1):
            client.send(said[:cut])
            client.send(said[cut:] + b"\n")
            assert untimed(client.expect(b"\n").decode().rstrip("\n")) == answer, (said, cut)


def test_single_bytes(bp):
    client = Original(serve(bp))
    for said, answer in FORMS:
        for byte in said + b"\n":
            client.send(bytes([byte]))
        assert untimed(client.expect(b"\n").decode().rstrip("\n")) == answer, said


def test_many_in_one_write(bp):
    client = Original(serve(bp))
    for _ in range(20):
        client.send(b"".join(said + b"\n" for said, _ in FORMS) * 50)
        for _, answer in FORMS * 50:
            assert untimed(client.expect(b"\n").decode().rstrip("\n")) == answer


def test_status_and_info(bp):
    port = serve(bp, "project_id=alpha")
    client = Original(port)
    status = client.ask({"request": "status"})
    assert list(status) == ["status", "data"], status
    assert list(status["data"]) == ["status", "server_id", "server_name", "uptime", "client_count", "max_connections", "port",
                                    "timestamp"], status
    assert status["data"]["port"] == port and status["data"]["client_count"] == 1 and status["data"]["server_name"] == "W"
    info = client.ask({"request": "info"})["data"]
    assert list(info) == ["server_id", "server_name", "protocols", "hash", "endpoints", "client_count", "max_connections",
                          "port", "host", "project_id"], info
    assert info["hash"] == HASH and info["protocols"] == ["DEFAULT"] and info["project_id"] == "alpha"
    assert client.ask({"request": "peer_list"})["data"] == {"peers": []}
    end = time.monotonic() + 10
    while not client.ask({"request": "status"})["data"]["uptime"]:
        assert time.monotonic() < end


def test_eight_mebibytes(bp):
    client = Original(serve(bp))

    def echo(size):
        text = "x" * size
        begin = time.monotonic()
        client.send(json.dumps({"request": "echo", "data": text}).encode() + b"\n")
        assert json.loads(client.expect(b"\n", 60))["echo"] == text
        return time.monotonic() - begin

    echo(1000)
    # (the original needs 11 s and more)
    assert echo(8 * 1024 * 1024 - 100) < 5


def test_limits_are_told(bp):
    port = serve(bp, "max_message=64K")
    client = Original(port)
    reply = client.ask(json.loads("[" * 60 + "]" * 60))
    assert reply["status"] == "received", reply
    client.send(b"[" * 1000 + b"]" * 1000 + b"\n")
    reply = client.answer()
    assert reply["status"] == "error" and "deep" in reply["message"], reply
    assert client.ask({"request": "ping"})["pong"]
    client.send(b"x" * 70000)
    reply = json.loads(client.expect(b"\n"))
    assert "longer than 65536 bytes" in reply["message"], reply
    assert client.rest() == b""


def test_max_clients(bp):
    port = serve(bp, "max_clients=2")
    first, second = Original(port), Original(port)
    assert first.ask({"request": "ping"})["pong"] and second.ask({"request": "ping"})["pong"]
    reply = json.loads(Client(port).rest())
    assert reply["status"] == "error" and "2 clients" in reply["message"], reply
    first.close()
    wait_for(bp, "module info ep", r"1 clients of 2")
    third = Original(port)
    assert third.ask({"request": "status"})["data"]["client_count"] == 2


def test_client_that_does_not_read(bp):
    port = serve(bp)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", port))
    deaf.settimeout(0.2)
    line = json.dumps({"request": "echo", "data": "y" * 4000}).encode() + b"\n"
    try:
        for _ in range(20000):
            deaf.sendall(line)
        raise AssertionError("all of 80 MB was taken")
    except socket.timeout:
        pass
    assert Original(port).ask({"request": "ping"})["pong"]
    deaf.close()


# --- endpoints ---

def test_endpoint_of_a_command(bp):
    client = Original(serve(bp))
    bp.run("endpoint add greet -- echo hello there")
    assert client.ask({"endpoint": "greet"})["data"] == {"ok": True, "output": ["hello there"]}
    client.send(b'{"protocol_name": "greet", "data": {"v": 1}}\n')
    assert client.answer()["data"]["output"] == ["hello there"]
    assert any("greet" in line and "echo hello there" in line for line in bp.run("endpoint list"))
    bp.run("endpoint remove greet")
    assert client.ask({"endpoint": "greet"})["message"] == "Unknown endpoint: greet"
    assert any("no command has" in line for line in bp.run("endpoint remove greet"))


def test_endpoint_on_a_channel(bp):
    """Whoever watches NAME/endpoint/E gets the request; the module Echo watches recv, and its answer is the request."""
    port = serve(bp, "endpoint_timeout=500ms")
    client = Original(port)
    bp.run("module open Echo back on=ep/endpoint")
    for number in range(100):
        asked = {"endpoint": "recv", "data": number}
        assert client.ask(asked)["data"] == asked
    bp.run("channel watch -f ep/endpoint/slow")
    client.send(b'{"endpoint": "slow", "id": "a"}\n{"request": "ping", "id": "b"}\n')
    first, second = client.answer(), client.answer()
    assert first["id"] == "a" and "no answer within 0.5 s" in first["message"], first
    assert second["id"] == "b" and second["pong"]
    assert "slow" in client.ask({"request": "info"})["data"]["endpoints"]


def test_call(bp):
    port = serve(bp)
    bp.run("endpoint add greet -- echo hello")
    assert '"pong":true' in bp.run(f"call --request localhost:{port} ping")[0]
    assert '"output":["hello"]' in bp.run(f"call 127.0.0.1:{port} greet {{}}")[0]
    said = "\n".join(bp.run(f"call 127.0.0.1:{port} greet {{}} --async"))
    assert "Call 3 is under way" in said, said
    if "Call 3: " not in said:
        wait_for(bp, "echo", r"Call 3: .*hello")
    assert any("Connection refused" in line for line in bp.run(f"call 127.0.0.1:{free_port()} x {{}}"))
    assert any("HOST:PORT" in line for line in bp.run("call nowhere x {}"))
    assert any("JSON" in line for line in bp.run(f"call 127.0.0.1:{port} x {{"))


def test_client_module(bp):
    """In order at a server that echoes no ids; a late answer meets nobody; an end is seen at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]
        bp.run(f"module open EndpointClient c port={port} timeout=700ms reconnect_delay=20ms")
        bp.run("channel save c/recv -f recv --raw")
        peer, _ = server.accept()
        peer.settimeout(10)
        reader = peer.makefile("rb")
        bp.run('channel send c/send {"endpoint":"one"}')
        bp.run('channel send c/send {"endpoint":"two"}')
        assert json.loads(reader.readline())["endpoint"] == "one"
        assert json.loads(reader.readline())["endpoint"] == "two"
        peer.sendall(b'{"n": 1}\n{"n"')
        peer.sendall(b': 2}\n')
        wait_for(bp, "module info c", "2 requests, 2 answers, 0 timeouts")
        bp.run('channel send c/send {"endpoint":"late"}')
        reader.readline()
        peer2, _ = server.accept()  # given up after its time
        try:
            peer.sendall(b'{"late": true}\n')
        except OSError:
            pass
        wait_for(bp, "module info c", "connected")
        bp.run('channel send c/send {"endpoint":"three"}')
        peer2.settimeout(10)
        assert json.loads(peer2.makefile("rb").readline())["endpoint"] == "three"
        peer2.sendall(b'{"n": 3}\n')
        wait_for(bp, "module info c", "1 timeouts")
        wait_for(bp, "module info c", "4 requests, 3 answers")
        peer2.close()
        server.accept()
        peer.close()
    bp.run("channel save c/recv --stop")
    with open(bp.folder + "/recv", "rb") as file:
        assert file.read() == b'{"n":1}{"n":2}{"n":3}'


# --- hosts ---

def host(bp, name, port, *words):
    said = bp.run(" ".join([f"module open Peer p port={port} server_name={name} enable_discovery=no heartbeat=300ms", *words]))
    assert any("Opened" in line for line in said), said


class Others:
    """More programs, ended with the test."""

    def __init__(self, count):
        self.all = [Backplane() for _ in range(count)]

    def __enter__(self):
        return self.all

    def __exit__(self, *_):
        for one in self.all:
            one.stop()
            assert "Sanitizer" not in one.stderr(), one.stderr()
            one.remove()


def test_two_hosts(bp):
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "secret=x", "export=lab/*")
        host(other, "hostb", two, "secret=x", f"connect=127.0.0.1:{one}", "import=hosta/lab/*")
        wait_for(bp, "peer list", r"hostb +up +in")
        wait_for(other, "peer list", r"hosta +up +out")
        lab = free_port()
        bp.run(f"tcp listen {lab} lab")
        wait_for(other, "channel list", r"hosta/lab/send")
        other.run("channel save hosta/lab/recv -f got --raw")
        client = Client(lab)
        client.send(bytes(range(256)))
        other.run("channel send hosta/lab/send back there")
        client.expect("back there")
        wait_for_file(other.folder + "/got", bytes(range(256)))
        assert not any("drops" in line and not re.search(r" 0 drops", line) for line in bp.run("module info p"))


def test_who_is_refused(bp):
    port = free_port()
    host(bp, "hosta", port, "secret=right", "project_id=alpha")
    with Others(3) as others:
        for number, words in enumerate(("secret=wrong project_id=alpha", "secret=right project_id=beta",
                                        "secret=right project_id=alpha hash=other")):
            host(others[number], f"host{number}", free_port(), words, f"connect=127.0.0.1:{port}")
        wait_for(bp, "module info p", r"0 peers.* [3-9] refused")
        for one in others:
            wait_for(one, "module info p", r"0 peers.* [1-9]\d* refused")


def test_both_directions_make_one_link(bp):
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "server_id=aaa", f"connect=127.0.0.1:{two}")
        host(other, "hostb", two, "server_id=bbb", f"connect=127.0.0.1:{one}")
        wait_for(bp, "peer list", r"hostb +up +out")
        wait_for(other, "peer list", r"hosta +up +in")
        for _ in range(10):
            assert sum(" up " in line for line in bp.run("peer list")) == 1
            assert sum(" up " in line for line in other.run("peer list")) == 1


def test_three_hosts_no_loop(bp):
    ports = [free_port() for _ in range(3)]
    with Others(2) as others:
        hosts = [bp, *others]
        names = ["ha", "hb", "hc"]
        for number, one in enumerate(hosts):
            words = [f"connect=127.0.0.1:{port}" for port in ports[:number]]
            words += [f"import={name}/*" for name in names if name != names[number]]
            host(one, names[number], ports[number], "export=*room*", *words)
        for one in hosts:
            wait_for(one, "module info p", r"^(.*\n)*2 peers")
            one.run("channel watch -f room")
        for one in hosts:
            for name in names:
                if one is not hosts[names.index(name)]:
                    wait_for(one, "channel list", rf"{name}/room")
        assert not any(re.search(r"h\w/h\w/", line) for one in hosts for line in one.run("channel list"))
        others[0].run("channel save ha/room -f got --raw")
        others[1].run("channel save ha/room -f got --raw")
        others[1].run("channel send ha/room from-c")
        bp.run("channel send room from-a")
        for one, expected in ((others[0], b"from-cfrom-a"), (others[1], b"from-cfrom-a")):
            end = time.monotonic() + 10
            while True:
                with open(one.folder + "/got", "rb") as file:
                    got = file.read()
                if len(got) >= len(expected):
                    break
                assert time.monotonic() < end, got
            assert sorted(re.findall(rb"from-.", got)) == [b"from-a", b"from-c"], got


def shake(port, name="orig", project="default"):
    peer = Original(port)
    reply = peer.ask({"type": "peer_handshake", "node_id": "id-" + name, "name": name, "project_id": project, "hash": HASH,
                      "timestamp": "2026-11-21T08:13:21.659887"})
    return peer, reply


def test_original_peer(bp):
    port = free_port()
    host(bp, "hosta", port)
    peer, reply = shake(port)
    assert reply["type"] == "peer_handshake_ack", reply
    bp.run("channel save p/recv -f got --raw")
    assert peer.ask({"type": "status_update", "n": 1})["status"] == "received"
    assert peer.ask({"request": "ping"})["pong"]
    with open(bp.folder + "/got", "rb") as file:
        assert file.read() == b'{"type": "status_update", "n": 1}'
    wait_for(bp, "peer list", r"orig +original +in")
    _, reply = shake(port, "stranger", "beta")
    assert reply["status"] == "error" and "beta" in reply["message"], reply


def test_we_go_to_an_original(bp):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        host(bp, "hosta", free_port(), f"connect=127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        peer.settimeout(10)
        reader = peer.makefile("rb")
        assert json.loads(reader.readline())["type"] == "peer_handshake"
        peer.sendall(b'{"status": "received", "message": "Message received but no specific handler found", "timestamp": "T"}\n')
        wait_for(bp, "peer list", r"original +out")
        for number in range(3):
            bp.run('peer broadcast {"n": %d}' % number)
        seen = []
        while len(seen) < 3:
            message = json.loads(reader.readline())
            if "n" in message:
                seen.append(message["n"])
            peer.sendall(b'{"status": "received"}\n')
        assert seen == [0, 1, 2], seen
        peer.close()


def test_hundred_thousand_messages(bp):
    """From an original, in bursts, over two hosts: whole and in order."""
    count = 100000
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=p/recv")
        host(other, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/p/*")
        wait_for(other, "channel list", r"hosta/p/recv")
        other.run("channel save hosta/p/recv -f got --raw")
        peer, _ = shake(one)
        answers = []

        def read():
            for _ in range(count):
                answers.append(peer.expect(b"\n", 60))

        reader = threading.Thread(target=read)
        reader.start()
        for begin in range(0, count, 1000):
            peer.send(b"".join(b'{"type": "status_update", "n": %d}\n' % n for n in range(begin, begin + 1000)))
        reader.join(120)
        assert len(answers) == count and all(b'"received"' in answer for answer in answers)
        expected = b"".join(b'{"type": "status_update", "n": %d}' % n for n in range(count))
        end = time.monotonic() + 60
        while os.path.getsize(other.folder + "/got") < len(expected):
            assert time.monotonic() < end, os.path.getsize(other.folder + "/got")
            other.run("echo")
        with open(other.folder + "/got", "rb") as file:
            assert file.read() == expected
        wait_for(other, "peer list", rf"hosta +up .* +{count} ")


def test_host_killed_and_back(bp):
    one, two = free_port(), free_port()
    with Others(2) as [first, second]:
        host(bp, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/room")
        bp.run("channel save p/events -f events")
        for number, program in enumerate((first, second)):
            host(program, "hosta", one, "export=room", "server_id=same")
            wait_for(bp, "peer list", r"hosta +up +out", 40)
            program.run("channel watch -f room")
            wait_for(bp, "channel list", r"hosta/room")
            if not number:
                bp.run("channel save hosta/room -f got --raw")
            program.run(f"channel send room {number}")
            if not number:
                wait_for_file(bp.folder + "/got", "0")
                first.process.kill()
                first.process.wait()
                wait_for(bp, "peer list", r"hosta? .*waiting|127\.0\.0\.1 +waiting|connecting")
        wait_for_file(bp.folder + "/got", "01")
        bp.run("channel save p/events --stop")
        events = open(bp.folder + "/events").read()
        assert '"event":"down"' in events and "began anew" in events, events


def test_cut_and_resumed(bp):
    """What was said during a cut comes afterwards; what is too old is told as missed."""
    one, two = free_port(), free_port()
    hole = Hole(one)
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=room", "resume_buffer=64K")
        host(other, "hostb", two, f"connect=127.0.0.1:{hole.port}", "import=hosta/room")
        bp.run("channel watch -f room")
        wait_for(other, "channel list", r"hosta/room")
        other.run("channel save hosta/room -f got --raw")
        bp.run("channel send room before;")
        wait_for(other, "peer list", r"hosta +up +out +\S+ +\d+ +1 ")
        hole.cut()
        wait_for(bp, "module info p", "0 peers")
        bp.run("channel send room meanwhile;")
        hole.mend()
        wait_for(other, "peer list", r"hosta +up", 40)
        bp.run("channel send room after;")
        wait_for_file(other.folder + "/got", "before;meanwhile;after;")
        hole.cut()
        wait_for(bp, "module info p", "0 peers")
        for _ in range(3):
            bp.run("channel send room " + "z" * 40000)
        hole.mend()
        wait_for(other, "peer list", r"hosta +up +\w+ +\S+ +\d+ +\d+ +\d+ +\d+ +2 ", 40)
    hole.close()


class Hole:
    """A way to a port that can be cut."""

    def __init__(self, to):
        self.to = to
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.open = True
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            if not self.open:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def carry(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.open = False
        for pair in self.pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def mend(self):
        self.open = True

    def close(self):
        self.cut()
        self.server.close()


def test_hostile_peers(bp):
    port = free_port()
    host(bp, "hosta", port)
    offer = {"type": "peer_handshake", "node_id": "evil", "name": "evil", "project_id": "default", "hash": HASH,
             "nonce": "0123456789abcdef", "framing": "frame1"}
    for bytes_after in (b"\xff\xff\xff\xffD", b"\0\0\0\1?", b"\0\0\0\2D\0", b"\0\0\0\3C[]", b"\0\0\0\0"):
        peer = Original(port)
        assert peer.ask(offer)["type"] == "peer_handshake_ack"
        assert peer.ask({"type": "peer_proof"})["type"] == "peer_welcome"
        peer.send(bytes_after)
        peer.close()
    peer = Original(port)
    peer.send(json.dumps(offer).encode() + b"\n" + b"x" * 100000)
    try:
        assert b"welcome" not in peer.rest()
    except ConnectionResetError:
        pass
    assert Original(port).ask({"request": "ping"})["pong"]
    wait_for(bp, "module info p", "0 peers")


def test_unload_with_everything(bp):
    port = serve(bp)
    one = free_port()
    host(bp, "hosta", one, "connect=127.0.0.1:1", "export=*", "enable_discovery=yes")
    client = Original(port)
    bp.run("endpoint add x -- echo")
    client.send(b'{"endpoint": "y"}\n')
    client.expect(b"\n")
    bp.run("plugin unload peer")
    assert client.rest() == b""
    bp.run("plugin load peer")
    client = Original(serve(bp))
    assert client.ask({"request": "ping"})["pong"]


main("scenario-peer", globals())
