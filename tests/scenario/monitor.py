#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""monitor.py - sessions of all transports, watched over a WebSocket at monitor_path."""
import json
import os
import re
import time

from harness import BUILD, Client, free_port, main
from wsclient import TEXT, WebSocket, bytes_until_end, expect_echo, serve, welcome


def monitored(bp, *pairs, handler="echo"):
    port = serve(bp, "enable_monitoring=yes", *pairs, handler=handler)
    viewer = WebSocket(port, "/monitor")
    active = viewer.hear_json()
    assert list(active) == ["type", "sessions"] and active["type"] == "active_sessions"
    return port, viewer, active["sessions"]


def started(viewer):
    event = viewer.hear_json()
    assert event["type"] == "session_started", event
    return event["session"]


def test_monitor(bp):
    port, viewer, sessions = monitored(bp)
    client = WebSocket(port, "/ws?a=1", headers=["User-Agent: probe/1"])
    session = started(viewer)
    assert list(session) == ["id", "client", "start_time", "status", "is_newest"], session
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", session["id"])
    assert session["client"] == {"remote_addr": ["127.0.0.1", client.socket.getsockname()[1]], "path": "/ws?a=1",
                                 "user_agent": "probe/1"}, session
    assert session["status"] == "connected" and session["is_newest"] is True
    assert abs(session["start_time"] - time.time()) < 60
    welcome(client)
    viewer.say(json.dumps({"type": "watch_session", "session_id": session["id"]}))
    assert viewer.hear() == (TEXT, ('{"type": "watch_response", "session_id": "%s", "status": "success"}' %
                                    session["id"]).encode())
    client.say("hi\n")
    expect_echo(client, "hi")
    for kind, text in [("client_input", "hi\n"), ("server_message", "Echo: hi\r\n"), ("server_message", "> ")]:
        event = viewer.hear_json()
        assert event == {"type": kind, "session_id": session["id"], "data": {"text": text}}, event
    for bad, want in [("nobody", "nobody"), (None, None)]:
        viewer.say(json.dumps({"type": "watch_session", "session_id": bad}))
        assert viewer.hear_json() == {"type": "watch_response", "session_id": want, "status": "error",
                                      "error": "Session not found"}
    # What is not understood is not answered.
    for bad in ["", "{", "[1]", '{"type":"dance"}', '{"type":"stop_watching","session_id":"nobody"}']:
        viewer.say(bad)
    viewer.say(b"\x00\x01")
    viewer.say(json.dumps({"type": "stop_watching", "session_id": session["id"]}))
    assert viewer.hear_json() == {"type": "watch_response", "session_id": session["id"], "status": "stopped"}
    client.say("unseen")
    expect_echo(client, "unseen")
    client.say("quit")
    client.expect_close(1000)
    ended = viewer.hear_json()
    assert ended["type"] == "session_ended" and ended["session"]["id"] == session["id"]
    assert ended["session"]["status"] == "disconnected"
    other = WebSocket(port)
    assert started(viewer)["client"]["user_agent"] == "unknown"


def test_monitor_of_its_own_server(bp):
    """Unless it was asked for all, with a token: the terminal's session, and other servers', are not its business."""
    tcp = free_port()
    bp.run(f"module open TCPServer plain port={tcp} handler=guess")
    early = Client(tcp)
    early.expect("guess>")
    port, viewer, sessions = monitored(bp)
    assert sessions == [], sessions
    late = Client(tcp)
    late.expect("guess>")
    client = WebSocket(port, "/ws?mine=1")
    assert started(viewer)["client"]["path"] == "/ws?mine=1"
    welcome(client)
    said = " ".join(bp.run(f"module open WebSocketServer all port={free_port()} handler=echo enable_monitoring=yes monitor_all=yes"))
    assert "monitor_token" in said, said


def test_monitor_of_all_transports(bp):
    port = serve(bp, "enable_monitoring=yes", "monitor_all=yes", "monitor_token=all")
    viewer = WebSocket(port, "/monitor?token=all")
    sessions = viewer.hear_json()["sessions"]
    assert sessions
    tcp = free_port()
    bp.run(f"module open TCPServer plain port={tcp} handler=guess")
    plain = Client(tcp)
    session = started(viewer)
    assert session["client"]["remote_addr"][0] == "127.0.0.1" and session["client"]["path"] == ""
    late = WebSocket(port, "/monitor?token=all&x=1").hear_json()["sessions"]
    assert late[-1] == session, (late, session, plain)
    assert [one["is_newest"] for one in late] == [False] * (len(late) - 1) + [True]


def test_monitor_token(bp):
    port = serve(bp, "enable_monitoring=yes", "monitor_token=s3cret")
    refused = WebSocket(port, "/monitor")
    assert refused.status == 401 and refused.headers["www-authenticate"] == "Bearer"
    assert WebSocket(port, "/monitor?token=s3cre").status == 401
    assert WebSocket(port, "/monitor?token=s3cret").status == 101
    assert WebSocket(port, "/monitor", headers=["Authorization: Bearer s3cret"]).status == 101
    said = bp.run(f"module open WebSocketServer wide port={free_port()} bind=0.0.0.0 insecure=yes handler=echo "
                  "enable_monitoring=yes")
    assert any("monitor_token" in line for line in said), said
    bp.run("module close front")
    port = serve(bp, "enable_monitoring=yes", "allow_origins=*")
    assert WebSocket(port, "/monitor", headers=["Origin: http://evil.example"]).status == 403


def hear_until(viewer, text):
    """All that it hears, up to the event that holds `text`."""
    heard = ""
    while text not in heard:
        heard += viewer.hear()[1].decode()
    return heard


def test_passwords_are_never_shown(bp):
    bp.run("plugin load " + os.path.abspath(BUILD + "/tests/plugins/asks-password.so"))
    port = serve(bp, "enable_monitoring=yes", "monitor_all=yes", "monitor_token=all", handler="door")
    telnet = free_port()
    bp.run(f"module open TelnetServer lines port={telnet} handler=door")
    for name in ("data-ws-%d" % port, "data-tcp-%d" % telnet, "front/recv", "lines/recv"):
        bp.run(f"channel save {name} -f saved-{name.replace('/', '-')}")
    kept = []  # else each ends when the next begins
    for kind, at in (WebSocket, port), (Client, telnet):
        viewer = WebSocket(port, "/monitor?token=all")
        viewer.hear_json()
        client = kind(at)
        kept.append(client)
        say = client.say if kind is WebSocket else lambda text: client.send(text.encode() + b"\n")
        say("ann")
        viewer.say(json.dumps({"type": "watch_session", "session_id": started(viewer)["id"]}))
        hear_until(viewer, "success")
        say("open sesame")
        heard = hear_until(viewer, "welcome")
        say("afterwards")
        heard += hear_until(viewer, "heard afterwards")
        assert '"client_input"' in heard and "sesame" not in heard, heard
    bp.run("quit")
    bp.process.wait(10)
    saved = [open(os.path.join(bp.folder, name), "rb").read() for name in os.listdir(bp.folder) if name.startswith("saved-")]
    assert len(saved) == 4 and all(b"afterwards" in one and b"sesame" not in one for one in saved), saved


def test_a_viewer_that_does_not_read(bp):
    port, viewer, sessions = monitored(bp, "backlog_limit=64K")
    client = WebSocket(port)
    session = started(viewer)
    welcome(client)
    viewer.say(json.dumps({"type": "watch_session", "session_id": session["id"]}))
    assert viewer.hear_json()["status"] == "success"
    text = "x" * 1000
    # Far more than the viewer's queue and the system's buffers hold: the session is answered all the same.
    for _ in range(12):
        for _ in range(1000):
            client.say(text)
        for _ in range(1000):
            expect_echo(client, text)
    late = WebSocket(port, "/monitor")
    assert late.hear_json()["sessions"][-1] == session
    # It was told the beginning, and then closed.
    assert bytes_until_end(viewer) < 12 * 1000 * 1000
    client.say("still here")
    expect_echo(client, "still here")


main("monitor", globals())
