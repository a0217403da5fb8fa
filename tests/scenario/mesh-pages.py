#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mesh-pages.py - dashboards of the mesh gateway on WebSocket, its shutdown by HTTP, and its REST resources."""
import json
import struct
import urllib.error
import urllib.request

from harness import PATIENCE, free_port, keeps, main
from meshes import Gateway, Page, collect, joined, pages_port, uuid, wait_for


@keeps("root", timer=1)  # it is unplugged, and tried again
def test_pages(bp):
    gateway = Gateway(bp, "--ws-port 0 vocabulary=both")
    port = pages_port(gateway)
    listener = gateway.listen()
    gateway.root.say(joined(5), joined(6), b"\0\5\5" + struct.pack("<dd", 38.5, -121.75), b"\0\0\4\1\0\5\0\6", b"\0\5A")
    listener.expect(b"\0\5A")
    states = lambda messages: [each for each in messages if "type" not in each]
    logs = lambda messages: [each["message"] for each in messages if each.get("type") == "trafficLog"]
    # A snapshot when one comes.
    seen = collect(port, states)
    assert seen[0] == {"type": "networkStatus", "status": "connectionStatus", "socket": True, "uart": True}
    assert seen[1] == {"type": "networkStatus", "status": "nodeStatus",
                       "nodes": [{"name": "Node-5", "status": "normal"}, {"name": "Node-6", "status": "normal"}]}
    assert seen[2] == {"nodes": [
        {"address": 5, "status": "Active", "uuid": uuid(5).hex(), "gps": {"lat": 38.5, "lon": -121.75},
         "data": {"GPS": struct.pack("<dd", 38.5, -121.75).hex()}},
        {"address": 6, "status": "Active", "uuid": uuid(6).hex(), "gps": None, "data": {}}],
        "direct_forwarding_paths": [{"origin": 5, "target": 6}]}
    # Then what happens, to every page.
    def traffic():
        gateway.root.say(joined(7), b"\0\7D\1\0\1")
        assert gateway.ask(b"W-LOG\0\0hello \xff page") == b"S"
        assert gateway.ask(b'W-RBT[{"id": 1, "name": "Robot Node 1", "state": "Active", "node": "Node-5"}]') == b"S"
        assert gateway.whole(b"W-RBT{") == b"F\x17Robot Status Is No JSON"
        assert gateway.ask(b"RST-R\0\0") == b"S"
    def enough(messages):
        return len(states(messages)) > 1 and states(messages)[-1]["nodes"][-1]["status"] == "Disconnect"
    seen = collect(port, enough, "/anything?x=1", traffic)
    for text in ("Node-7 connected", "[D] recived update from Node-7", "hello \ufffd page", "==== Reseting the network ===="):
        assert text in logs(seen), logs(seen)
    robots = [each for each in seen if each.get("status") == "robotStatus"]
    assert robots[0]["robots"] == [{"id": 1, "name": "Robot Node 1", "state": "Active", "node": "Node-5"}]
    # One vocabulary alone.
    seen = collect(port, states, "/?vocabulary=v2")
    assert len(seen) == 1
    seen = collect(port, lambda messages: len(messages) == 2, "/?vocabulary=v1")
    assert not states(seen)
    # Whether somebody listens, and the line.
    def gone():
        listener.close()
        gateway.root.unplug()
    seen = collect(port, lambda messages: messages and messages[-1].get("uart") is False, during=gone)
    assert {"type": "networkStatus", "status": "connectionStatus", "socket": False, "uart": True} in seen or \
        seen[-1]["socket"] is False


def test_one_vocabulary(bp):
    """A page gets that of the opcodes: what has "nodes" in the other one would be shown as a node that there is not."""
    gateway = Gateway(bp, "--ws-port 0 listener=optional")
    port = pages_port(gateway)
    gateway.root.say(joined(5))
    wait_for(lambda: gateway.count() == 1)
    typed = lambda messages: any("type" in each for each in messages)
    states = lambda messages: any("type" not in each for each in messages)

    def say():
        assert gateway.ask(b"W-LOG\0\0hello") == b"S"
        gateway.root.say(joined(6))

    for path in ("/", "/v2", "/v1?vocabulary=v2"):
        seen = collect(port, lambda messages: len(messages) == 2, path, say)
        assert not typed(seen), (path, seen)
        gateway.root.say(joined(7))
    for path in ("/v1", "/?vocabulary=v1"):
        seen = collect(port, lambda messages: any(each.get("message") == "hello" for each in messages), path, say)
        assert not states(seen), (path, seen)
    assert collect(port, lambda messages: typed(messages) and states(messages), "/both")
    bp.run("mesh close lab")
    said = " ".join(bp.run("mesh open lab --uart root -p 0 --ws-port 0 --opcodes v1"))
    gateway.said = [said]
    assert collect(pages_port(gateway), typed)[0]["type"] == "networkStatus"


def test_pages_of_strangers(bp):
    gateway = Gateway(bp, "--ws-port 0 origins=http://localhost:3000")
    port = pages_port(gateway)
    assert Page(port, origin="http://localhost:3000").status == 101
    assert Page(port).status == 101
    assert Page(port, origin="http://evil.example").status == 403
    for page in ("null", "file://"):  # a page that is a file, in two browsers
        assert Page(port, origin=page).status == 403, page
    bp.run("mesh close lab")
    gateway.said = [" ".join(bp.run("mesh open lab --uart root -p 0 --ws-port 0 origins=null origins=file://"))]
    for page in ("null", "file://"):
        assert Page(pages_port(gateway), origin=page).status == 101, page


def test_pages_coalesce(bp):
    """However much comes, states are few, and all pages get the last one."""
    gateway = Gateway(bp, "--ws-port 0 listener=optional")
    port = pages_port(gateway)
    states = lambda messages: [each for each in messages if "type" not in each]
    last = lambda messages: states(messages) and states(messages)[-1]["nodes"] and \
        states(messages)[-1]["nodes"][0]["data"].get("Sequence") == "63"

    pages = [Page(port) for _ in range(20)]
    for number in range(100):
        gateway.root.say(b"\0\5D\1\0" + bytes([number]))
    for page in pages:
        messages = []
        while not last(messages):
            messages.append(page.get())
        assert len(states(messages)) < 20, len(states(messages))


def post(port, headers=None, path="/shutdown", method="POST"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=b"" if method == "POST" else None,
                                     headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def test_shutdown(bp):
    refused = bp.run("mesh open lab --uart root -p 0 shutdown_port=0")
    assert any("token" in line for line in refused), refused
    assert "lab" not in " ".join(bp.run("mesh info"))
    port = free_port()
    Gateway(bp, f"shutdown_port={port} shutdown_token=s3cret origins=http://localhost:3000")
    assert post(port)[0] == 401
    assert post(port, {"Authorization": "Bearer wrong!"})[0] == 401
    assert post(port, {"Origin": "http://evil.example"})[0] == 403
    assert post(port, method="GET")[0] == 405
    assert post(port, path="/")[0] == 404
    assert "lab" in " ".join(bp.run("mesh info"))
    status, headers = post(port, {"Origin": "http://localhost:3000"})
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "http://localhost:3000", (status, dict(headers))
    wait_for(lambda: "There is no mesh gateway" in " ".join(bp.run("mesh info")))
    bp.run(f"mesh open lab --uart root -p 0 shutdown_port={port} shutdown_token=s3cret")
    assert post(port, {"Authorization": "Bearer s3cret"})[0] == 200
    wait_for(lambda: "There is no mesh gateway" in " ".join(bp.run("mesh info")))


def test_rest(bp):
    gateway = Gateway(bp, "listener=optional")
    gateway.root.say(joined(5), b"\0\5D\1\0\7", b"\0\0\4\1\0\5\0\6")
    wait_for(lambda: gateway.count() == 1)
    port = free_port()
    bp.run(f"webserver -p {port}")
    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.read()
    wait_for(lambda: json.loads(get("/api/v1/nodes"))[0]["data"])
    node = json.loads(get("/api/v1/nodes/lab:5"))
    assert node["status"] == "Active" and node["uuid"] == uuid(5).hex() and node["data"]["Sequence"][0]["hex"] == "07"
    net = json.loads(get("/api/v1/netinfo/lab"))
    assert net["line"] is True and net["paths"] == [{"origin": 5, "target": 6}] and net["active"] == 1
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/nodes/lab:5/send", data=b'{"text": "hi"}',
                                     headers={"Content-Type": "application/json", "X-Backplane": "1"})
    assert urllib.request.urlopen(request, timeout=PATIENCE).status in (200, 204)
    gateway.root.heard(b"SEND-\0\5hi")
    assert b"export function show" in get("/views/nodes.js")


main("mesh-pages", globals())
