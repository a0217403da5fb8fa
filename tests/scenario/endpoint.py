#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""endpoint.py - endpoint servers, asked by a client written from the protocol's description alone."""
import json
import re
import socket
import time

from harness import PATIENCE, Client, free_port, main
from hosts import HASH, Original, serve, wait_for


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
    forms = [form for form in FORMS if form[0]]  # an empty line beside others is no message
    for _ in range(20):
        client.send(b"".join(said + b"\n" for said, _ in forms) * 50)
        for _, answer in forms * 50:
            assert untimed(client.expect(b"\n").decode().rstrip("\n")) == answer


ECHO = '{"status": "success", "echo": %s, "timestamp": "T"}'
ERROR = '{"status": "error", "message": "Unknown data format", "timestamp": "T"}'

# What one segment has, and the only answer to it.
SEGMENTS = [
    (b"\n", ERROR), (b"\n\n\n", ERROR), (b"\n\n{}\n", FORMS[16][1]), (b"{}\n\n\n", FORMS[16][1]),
    (b'{\n  "request": "echo",\r\n  "data": [\n    1,\n    "}"\n  ]\n}\n', ECHO % '[1, "}"]'),
    (b'{\n"request": "echo"\n}\n\n', ECHO % "{}"),
    # as Python's json does it
    (b'{"request": "echo", "data": [NaN, Infinity, -Infinity]}\n', ECHO % "[NaN, Infinity, -Infinity]"),
    (b'{"request": "echo", "data": [1e400, -1e400]}\n', ECHO % "[Infinity, -Infinity]"),
    (b'{"request": "echo", "data": [9223372036854775807, 9223372036854775808, -123456789012345678901234567890]}\n',
     ECHO % "[9223372036854775807, 9223372036854775808, -123456789012345678901234567890]"),
    (b'{"request": "echo", "data": "\\ud800 \\udfffx \\ud83d\\ude00"}\n', ECHO % r'"\ud800 \udfffx \ud83d\ude00"'),
    (b'{"request": "echo", "data": {"a\\u0000b": "c\\u0000"}}\n', ECHO % r'{"a\u0000b": "c\u0000"}'),
    (b'{"request": "echo", "data": "\xf4\x8f\xa0\x81NaN"}\n', ECHO % r'"\udbfe\udc01NaN"'),
    (b'{"request": "echo", "data": [NaN, "\xf4\x8f\xa0\x81NaN"]}\n', ERROR),
    (b'{"request": "echo", "data": [NaN, "\\\\udbfe\\\\udc01NaN"]}\n', ECHO % r'[NaN, "\\udbfe\\udc01NaN"]'),
    (b'{"request": "echo", "data": {NaN: 1}}\n', ERROR),
    (b'{"request": "echo", "data": 5}\0\n', ERROR), (b"5\0\n", ERROR), (b'{"a": 5\0}\n', ERROR), (b'{"a":\n5\0\n}\n', ERROR),
]


def test_one_answer_a_segment(bp):
    """What the original takes for one message of a read: one answer; a ping behind it has the next."""
    client = Original(serve(bp))
    for said, answer in SEGMENTS:
        client.send(said)
        got = client.expect(b"\n").decode("ascii").rstrip("\n")
        assert untimed(got) == answer, (said, got)
        assert client.ask({"request": "ping"})["pong"], said


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
    end = time.monotonic() + PATIENCE
    while not client.ask({"request": "status"})["data"]["uptime"]:
        assert time.monotonic() < end


def test_eight_mebibytes(bp):
    client = Original(serve(bp))

    text = "x" * (8 * 1024 * 1024 - 100)
    client.send(json.dumps({"request": "echo", "data": text}).encode() + b"\n")
    assert json.loads(client.expect(b"\n", 60))["echo"] == text


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


def test_data_of_a_request_in_a_command(bp):
    """As one word, whatever is in it; with --json the output is the answer."""
    port = serve(bp)
    client = Original(port)
    bp.run("endpoint add show -- echo $data")
    bp.run("endpoint add name -- echo $data.name")
    for data, shown in (({"name": "x y", "n": 1}, '{"name":"x y","n":1}'), ('a "b" | quit # \\ $data', r'a "b" | quit # \ $data'),
                        ("--help", "--help"), ([1.5, None], "[1.5,null]")):
        assert client.ask({"endpoint": "show", "data": data})["data"] == {"ok": True, "output": [shown]}, data
    for data, shown in (({"name": "x y | quit"}, ["x y | quit"]), ({}, [""]), (5, [""]), (None, [""])):
        assert client.ask({"endpoint": "name", "data": data})["data"] == {"ok": True, "output": shown}, data
    assert "NUL" in client.ask({"endpoint": "show", "data": "a\0b"})["message"]
    bp.run("endpoint add --json same -- echo $data")
    assert client.ask({"endpoint": "same", "data": {"a": [1, "x"]}})["data"] == {"a": [1, "x"]}
    assert "no JSON" in client.ask({"endpoint": "same", "data": "x"})["message"]
    bp.run("endpoint add --json not -- nonsense")
    assert client.ask({"endpoint": "not"})["status"] == "error"
    assert client.ask({"request": "ping"})["pong"]
    for name in ("show", "name", "same", "not"):
        bp.run(f"endpoint remove {name}")


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
    bp.run("endpoint remove greet")


def test_client_module(bp):
    """In order at a server that echoes no ids; a late answer meets nobody; an end is seen at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        port = server.getsockname()[1]
        bp.run(f"module open EndpointClient c port={port} timeout=700ms reconnect_delay=20ms")
        bp.run("channel save c/recv -f recv --raw")
        peer, _ = server.accept()
        peer.settimeout(PATIENCE)
        reader = peer.makefile("rb")
        bp.run('channel send c/send {"endpoint":"one"}')
        bp.run('channel send c/send {"endpoint":"two"}')
        assert json.loads(reader.readline())["endpoint"] == "one"
        peer.sendall(b'{"n"')
        peer.sendall(b': 1}\n')
        assert json.loads(reader.readline())["endpoint"] == "two"
        peer.sendall(b'{"n": 2}\n')
        wait_for(bp, "module info c", "2 requests, 2 answers, 0 failed, 0 timeouts")
        bp.run('channel send c/send {"endpoint":"late"}')
        reader.readline()
        peer2, _ = server.accept()  # given up after its time
        try:
            peer.sendall(b'{"late": true}\n')
        except OSError:
            pass
        wait_for(bp, "module info c", "connected")
        bp.run('channel send c/send {"endpoint":"three"}')
        peer2.settimeout(PATIENCE)
        assert json.loads(peer2.makefile("rb").readline())["endpoint"] == "three"
        peer2.sendall(b'{"n": 3}\n')
        wait_for(bp, "module info c", "1 failed, 1 timeouts")
        wait_for(bp, "module info c", "4 requests, 3 answers")
        peer2.close()
        server.accept()
        peer.close()
    bp.run("channel save c/recv --stop")
    with open(bp.folder + "/recv", "rb") as file:
        assert file.read() == b'{"n":1}{"n":2}{"n":3}'


def original_server(server, count):
    """As the original server: what one read gives, up to a newline at its end, is one message; one answer each."""
    peer, _ = server.accept()
    peer.settimeout(PATIENCE)
    seen = []
    while len(seen) < count:
        data = b""
        while not data.endswith(b"\n"):
            more = peer.recv(4096)
            if not more:
                return seen
            data += more
        try:
            seen.append(json.loads(data)["n"])
            peer.sendall(b'{"status": "received"}\n')
        except ValueError:
            peer.sendall(b'{"status": "error", "message": "Unknown data format"}\n')
    return seen


def test_client_to_an_original_server(bp):
    """It reads one request at a time: all of 3,000 that are written at once get there. What failed is counted."""
    count = 3000
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        bp.run(f"module open EndpointClient c port={server.getsockname()[1]}")
        bp.type("\n".join('channel send c/send {"n":%d}' % number for number in range(count)))
        assert original_server(server, count) == list(range(count))
        wait_for(bp, "module info c", f"{count} requests, {count} answers, 0 failed")
    bp.run('channel send c/send {"n":1}')
    wait_for(bp, "module info c", f"{count + 1} requests, {count} answers, 1 failed")


def test_client_pipelines_to_ours(bp):
    """One that returns ids gets the next requests before it has answered: the second does not wait for the first."""
    port = serve(bp)
    bp.run(f"module open EndpointClient c port={port} timeout=20s")
    bp.run('channel send c/send {"request":"ping"}')
    wait_for(bp, "module info c", "1 answers")
    bp.run("channel watch -f ep/endpoint/slow")
    bp.run('channel send c/send {"endpoint":"slow"}')
    bp.run('channel send c/send {"request":"ping"}')
    wait_for(bp, "module info ep", "3 requests")
    bp.run("module close c")


main("scenario-endpoint", globals())
