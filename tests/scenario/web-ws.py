#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web-ws.py - /ws of the web server: operations in JSON, bytes in binary messages, clients that do not read."""
import json
import re
import time

from harness import free_port, main
from webs import curl
from wsclient import BINARY, PING, PONG, WebSocket


def web(bp, *pairs, **more):
    port = free_port()
    bp.run(f"module open WebServer web port={port} quiet=yes " + " ".join(pairs))
    client = WebSocket(port, **more)
    hello = client.hear_json()
    assert hello["op"] == "hello" and hello["pid"] == bp.process.pid and "version" in hello and "started" in hello, hello
    return port, client


def ask(client, **request):
    client.say(json.dumps(request))
    while True:
        answer = client.hear_json()
        if answer["op"] in ("ok", "error") and answer.get("id") == request.get("id"):
            return answer
        client.others.append(answer)


def test_web_ops(bp):
    _, client = web(bp, headers=["Sec-WebSocket-Protocol: chat, backplane.v1"])
    client.others = []
    assert client.headers["sec-websocket-protocol"] == "backplane.v1"
    assert ask(client, op="ping", id=1) == {"op": "ok", "id": 1}
    assert ask(client, op="watch", id="w", channel="hall") == {"op": "ok", "id": "w"}
    # Both match: said once.
    assert ask(client, op="watch", id=2, channel="ha*")["op"] == "ok"
    assert ask(client, op="send", id=3, channel="hall", text="grüße")["op"] == "ok"
    assert ask(client, op="send", id=4, channel="hall", base64="/wAB")["op"] == "ok"
    assert ask(client, op="ping", id=5)["op"] == "ok"
    messages = client.others
    assert [m["op"] for m in messages] == ["message", "message"], messages
    assert messages[0]["channel"] == "hall" and messages[0]["text"] == "grüße" and messages[0]["size"] == 7
    assert abs(messages[0]["time"] / 1000 - time.time()) < 60 and messages[0]["origin"].startswith("127.0.0.1:")
    assert messages[1]["base64"] == "/wAB" and messages[1]["size"] == 3 and "text" not in messages[1]
    client.others = []
    for channel in ["hall", "ha*"]:
        assert ask(client, op="unwatch", id=6, channel=channel)["op"] == "ok"
    assert ask(client, op="unwatch", id=6, channel="hall")["op"] == "error"
    assert ask(client, op="send", id=7, channel="nowhere", text="x") == \
        {"op": "error", "id": 7, "error": "there is no channel nowhere"}
    for what, bad in [("op", {"op": "dance", "id": 8}), ("channel", {"op": "watch", "id": 8})]:
        answer = ask(client, **bad)
        assert answer["op"] == "error" and what in answer["error"], answer
    client.say("{")
    assert client.hear_json()["op"] == "error"
    assert client.others == []


def frame(channel, data):
    return bytes([len(channel)]) + channel.encode() + data


def test_bytes_as_binary_messages(bp):
    port, client = web(bp)
    plain, packed = WebSocket(port), WebSocket(port, deflate=True)
    for one, more in (client, {"binary": "frames"}), (plain, {}), (packed, {"binary": "frames"}):
        one.others = []
        if one is not client:
            one.hear_json()
        assert ask(one, op="watch", id=1, channel="v*", **more)["op"] == "ok"
    assert ask(client, op="watch", id=2, channel="video", binary="frames")["op"] == "ok"
    for data in b"\xff\x00\x01", b"also UTF-8", b"", b"\xfe" * 70000:
        client.say(frame("video", data))
        assert client.hear() == packed.hear() == (BINARY, frame("video", data))
        assert packed.compressed == (len(data) > 512)
        message = plain.hear_json()
        assert message["channel"] == "video" and message["size"] == len(data), message
    # Text stays JSON, and watching again changes the form.
    assert ask(client, op="send", id=3, channel="video", text="words")["op"] == "ok"
    assert client.hear_json()["text"] == plain.hear_json()["text"] == packed.hear_json()["text"] == "words"
    for channel in "v*", "video":
        assert ask(client, op="watch", id=4, channel=channel)["op"] == "ok"
    packed.say(frame("video", b"\xff"))
    assert client.hear_json()["base64"] == "/w==" and packed.hear() == (BINARY, frame("video", b"\xff"))
    # Nothing is said of what was delivered, and why not of what was not.
    client.others = []
    for bad, why in (frame("nowhere", b"x"), "no channel nowhere"), (b"\x05vid", "size"), (b"", "size"), (frame("v*", b"x"), "glob"):
        client.say(bad)
        answer = client.hear_json()
        assert answer["op"] == "error" and why in answer["error"], answer
    assert ask(client, op="watch", id=5, channel="v", binary="hex")["op"] == "error"


def test_parameters_of_the_server(bp):
    _, client = web(bp, "ping_interval=0.2", "ping_timeout=2", "compress=no", "max_message=1K", deflate=True)
    assert "sec-websocket-extensions" not in client.headers
    opcode, payload = client.hear()
    assert opcode == PING
    client.say(payload, PONG)
    assert client.hear()[0] == PING
    client.expect_close(1011, "keepalive ping timeout")
    bp.run("module close web")
    _, client = web(bp, "max_message=1K")
    client.say("x" * 1025)
    client.expect_close(1009)


def test_web_run_and_list(bp):
    _, client = web(bp)
    client.others = []
    answer = ask(client, op="run", id=1, command="echo hello | echo again")
    assert answer == {"op": "ok", "id": 1, "status": 0}, answer
    assert "".join(o["text"] for o in client.others if o["op"] == "output" and o["id"] == 1) == "hello\nagain\n", client.others
    assert ask(client, op="run", id=2, command="no-such-command")["status"] == 1
    # One after the other, each under its own id.
    client.others = []
    for at in range(10):
        client.say(json.dumps({"op": "run", "id": at, "command": f"echo number {at}"}))
    assert ask(client, op="ping", id="end")["op"] == "ok"
    seen = [(o["op"], o["id"]) for o in client.others]
    while len(seen) < 20:
        answer = client.hear_json()
        seen.append((answer["op"], answer["id"]))
    assert seen[-20:] == [(op, at) for at in range(10) for op in ("output", "ok")], seen
    assert ask(client, op="run", id=3, command="exit")["op"] == "ok"
    assert ask(client, op="run", id=4, command="echo still here")["status"] == 0
    for what in ["channels", "modules", "instances", "plugins", "servers", "sessions", "commands", "views"]:
        assert isinstance(ask(client, op="list", id=5, what=what)["items"], list), what
    assert ask(client, op="list", id=5, what="host")["items"]["pid"] == bp.process.pid
    assert ask(client, op="list", id=5, what="nothing")["op"] == "error"
    channels = ask(client, op="list", id=6, what="channels", match="server-web-*")["items"]
    assert len(channels) == 1 and channels[0]["id"].startswith("server-web-"), channels
    answer = ask(client, op="complete", id=7, line="channel li", cursor=10)
    assert "list" in "".join(answer["words"]), answer


def test_web_goes(bp):
    _, client = web(bp)
    client.say(json.dumps({"op": "watch", "channel": "*"}))
    client.say(json.dumps({"op": "run", "id": 1, "command": "sleep 60"}))
    bp.run("module close web")
    client.expect_close(1001)
    _, client = web(bp)
    client.say(json.dumps({"op": "watch", "channel": "*"}))
    bp.run("plugin unload web")
    client.expect_close(1001)
    assert WebSocket(web(bp)[0] if bp.run("plugin load web") is not None else 0).status == 101


def test_web_client_that_does_not_read(bp):
    port, lazy = web(bp)
    eager = WebSocket(port)
    eager.hear_json()
    for client in lazy, eager:
        client.say(json.dumps({"op": "watch", "id": 1, "channel": "flood"}))
    assert lazy.hear_json()["op"] == eager.hear_json()["op"] == "ok"
    text, sent = "z" * 20000, 1500
    for at in range(sent):
        eager.say(json.dumps({"op": "send", "id": at, "channel": "flood", "text": text}))
        assert eager.hear_json()["id"] == at
        assert eager.hear_json()["size"] == len(text)
    got, dropped = 0, 0
    while got + dropped < sent:
        event = lazy.hear_json()
        got += event["op"] == "message"
        dropped += event["count"] if event["op"] == "dropped" else 0
    assert dropped and got + dropped == sent, (got, dropped)
    lazy.others = []
    assert ask(lazy, op="ping", id=2)["op"] == "ok"
    # Not only the client is told: what the host has lost is seen wherever one looks.
    assert f"lost by web: {dropped} messages that clients of /ws did not read in time" in bp.run("status")
    assert any(re.fullmatch(rf"drops +{dropped}", line) for line in bp.run("channel info flood")), dropped
    assert curl(port, "/metrics")[2].count(f"backplane_web_lost_websocket_total {dropped}\n".encode()) == 1
    assert json.loads(curl(port, "/api/v1/host/host")[2])["lost"] == dropped


main("web-ws", globals())
