#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""board.py - numbers over time, documents of the page, sampled watches and the terminal of a browser."""
import json
import urllib.error
import urllib.request

from harness import eventually, free_port, main
from wsclient import WebSocket


def web(bp):
    port = free_port()
    bp.run(f"webserver -p {port}")
    return port


def ask(port, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/{path}", json.dumps(body).encode() if body is not None else None,
                                     {"Content-Type": "application/json", "X-Backplane": "1"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def refused(port, path, body):
    try:
        ask(port, path, body)
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["detail"]
    raise AssertionError("it was not refused")


def test_numbers_of_messages_are_kept(bp):
    port = web(bp)
    bp.run("chart add thermo/recv --field celsius")
    bp.run("chart add plotter/recv --field T --name head")
    assert [line.split()[:2] for line in bp.run("chart")[1:]] == [["head", "plotter/recv"], ["thermo/recv:celsius", "thermo/recv"]]
    bp.run('channel send thermo/recv {"room":7,"celsius":21.5}')
    bp.run("channel send plotter/recv ok B:60 T:55.25 /0")
    values = {row["id"]: row["value"] for row in ask(port, "series")}
    assert values["thermo/recv:celsius"] == 21.5 and values["head"] == 55.25, values
    rows = lambda: ask(port, "series/query", {"series": "head", "from": -60})
    assert eventually(lambda: rows() and rows()[0][1] == 55.25), rows()
    assert eventually(lambda: any(row["id"] == "host/memory_bytes" and row["value"] > 1e6 for row in ask(port, "series")))
    assert "no chart is called" in "".join(bp.run("chart remove nosuch"))
    bp.run("chart remove head")
    bp.run("chart remove thermo/recv:celsius")
    assert "none" in bp.run("chart")[-1]
    bp.run("plugin unload board")  # with its stores, which stay open otherwise


def test_documents_are_kept(bp):
    port = web(bp)
    ask(port, "page/home/set", {"value": '{"order":["b","a"]}'})
    assert ask(port, "page/home") == {"id": "home", "value": {"order": ["b", "a"]}}
    assert "there is no document" in refused(port, "page/nosuch/set", {"value": "1"})
    assert refused(port, "page/home/set", {"value": "{"})
    ask(port, "page/home/set", {})
    assert ask(port, "page/home")["value"] is None


def test_ports_are_a_resource(bp):
    for row in ask(web(bp), "ports"):
        assert row["id"].startswith("/dev/") and isinstance(row["used_by"], list)


def test_a_sampled_watch_gets_the_last_message(bp):
    client = WebSocket(web(bp))
    hear = client.hear_json
    hear()  # hello
    client.say('{"op":"watch","id":1,"channel":"many/*","every":200}')
    assert hear()["id"] == 1
    for name in ("many/a", "many/b"):  # which makes them
        bp.run(f"chart add {name}")
    for line in ("many/a first", "many/b other", "many/a last"):
        bp.run(f"channel send {line}")
    got = {}
    while got != {"many/a": "last", "many/b": "other"}:
        message = hear()
        assert message["sampled"], message
        got[message["channel"]] = message["text"].strip()
    client.say('{"op":"watch","id":2,"channel":"many/a","every":1}')
    assert "every" in hear()["error"]
    client.close()
    for name in ("many/a", "many/b"):
        bp.run(f"chart remove {name}")
    bp.run("plugin unload board")


def test_what_runs_is_interrupted(bp):
    client = WebSocket(web(bp))
    hear = client.hear_json
    hear()
    client.say('{"op":"run","id":1,"command":"wait 3600"}')
    client.say('{"op":"run","id":2,"command":"echo never"}')
    client.say('{"op":"interrupt","id":3}')
    answers = {}
    while len(answers) < 3:
        message = hear()
        assert "never" not in message.get("text", ""), message
        if message["op"] == "ok":
            answers[message["id"]] = message.get("status")
    assert answers[1] == 1 and answers[2] == 1, answers
    client.say('{"op":"run","id":4,"command":"echo again"}')
    while not (message := hear()).get("text", "").startswith("again"):
        pass
    client.close()


def test_a_terminal(bp):
    client = WebSocket(web(bp), "/terminal")
    client.say('\0{"columns":100,"rows":30}')
    client.say("echo from the browser\r")
    seen = b""
    while b"\nfrom the browser" not in seen:
        seen += client.hear()[1]
    client.say("exit\r")
    while client.hear()[0] != 8:
        pass
    client.close()


main("board", globals())
