#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web.py - webserver with curl and raw sockets: every status, commands, REST, events, metrics, logs."""
import json
import os
import re
import shutil
import subprocess
import time

from harness import BUILD, PATIENCE, Client, free_port, is_sanitized, keeps, main
from webs import curl, serve


def get(port, path, *arguments):
    status, _, body = curl(port, path, *arguments)
    assert status == 200, (status, body)
    return json.loads(body)


def post(port, path, value, *arguments):
    status, headers, body = curl(port, path, "-H", "Content-Type: application/json", "-d", json.dumps(value), *arguments)
    return status, json.loads(body) if body else None


def raw_status(port, request):
    client = Client(port)
    client.send(request)
    answer = client.expect("\r\n\r\n")
    client.close()
    return int(answer.split()[1])


def wait_until(ask, what):
    end = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < end, what


def test_refused_body(bp):
    """What is refused for its body was used after the answer."""
    port = free_port()
    bp.run(f"webserver -p {port} -s")
    for method, path in ("PUT", "settings/x"), ("POST", "plugins"), ("POST", "sessions/1/kill"), ("POST", "channels/console/send"):
        for head, status in ("Content-Type: text/plain\r\nContent-Length: 2\r\n", 415), \
                ("Content-Type: application/json\r\nContent-Length: 2\r\n", 400):
            client = Client(port)
            client.send(f"{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n{{]")
            answer = client.rest().decode()
            assert answer.startswith(f"HTTP/1.1 {status}"), (method, path, answer)
            client.close()


# --- the command ---

def test_webserver_command(bp):
    port = free_port()
    assert f"Backplane 0.1.0 web server on port: {port}" in bp.run(f"webserver -p {port} -s")
    assert "Web server already running." in bp.run(f"webserver -p {port}")
    assert curl(port, "/healthz")[0] == 200
    assert any("closed" in line for line in bp.run("webserver -q"))
    assert any("No web server is running" in line for line in bp.run("webserver -q"))
    bp.run(f"set default_webserver_port {port}")
    assert f"Backplane 0.1.0 web server on port: {port}" in bp.run("webserver -s")
    assert curl(port, "/healthz")[2] == b"ok\n"


def test_port_in_use(bp):
    port = serve(bp)
    assert any(str(port) in line and "on port:" not in line for line in bp.run(f"module open WebServer other port={port}"))


# --- every status ---

def test_statuses_of_curl(bp):
    port = serve(bp, "max_body=1000", "max_uri=500", "max_header=2000")
    form = ["-d", "cmd=echo"]
    for status, path, arguments in (
            (200, "/", []), (200, "/", ["-I"]), (200, "/healthz", []), (204, "/", ["-X", "OPTIONS"]),
            (200, "/", ["--http1.0"]), (200, "/", form),
            (201, "/api/v1/instances", ["-H", "Content-Type: application/json", "-d", '{"class":"Echo","params":{"on":"x"}}']),
            (204, "/api/v1/instances/Echo", ["-X", "DELETE"]),
            (400, "/%00", []), (400, "/?cmd=%E9", []), (400, "/?a=b&cmd=%00", []), (200, "/?cmd=", []),
            (404, "/api/v1/host/x", []), (200, "/api/v1/host/host", []), (200, "/", ["-H", f"Host: localhost.:{port}"]), (421, "/", ["-H", f"Host: evil.example.:{port}"]),
            (400, "/", ["-H", "Host: a b"]), (400, "/", ["-d", "x=y"]),
            (400, "/api/v1/commands/run", ["-H", "Content-Type: application/json", "-d", "{"]),
            (403, "/", ["-H", "Origin: http://evil.example"]), (403, "/", ["-H", "Referer: http://evil.example/"]),
            (403, "/?cmd=version", ["-H", "Sec-Fetch-Site: cross-site"]),
            (403, "/?cmd=version", ["-A", "Mozilla/5.0"]), (200, "/?cmd=version", ["-A", "Mozilla/5.0", "-H", "Sec-Fetch-Site: none"]),
            (200, "/?cmd=version", ["-A", "Mozilla/5.0", "-H", f"Referer: http://localhost:{port}/"]), (200, "/?cmd=version", []),
            (403, "/", ["-A", "Mozilla/5.0", *form]), (200, "/", ["-A", "Mozilla/5.0", "-H", "X-Backplane: 1", *form]),
            (200, "/", ["-A", "Mozilla/5.0", "-H", f"Origin: http://localhost:{port}", *form]),
            (403, "/", ["-H", "Origin: http://localhost", *form]),
            (404, "/nosuch", []), (404, "/assets/nosuch", []), (404, "/api/v1/nosuch", []), (404, "/api/v1/channels/nosuch", []),
            (405, "/healthz", ["-X", "DELETE"]), (405, "/api/v1/channels", ["-X", "DELETE"]), (405, "/", ["-X", "PATCH"]),
            (409, "/api/v1/instances", ["-H", "Content-Type: application/json", "-d", '{"class":"WebServer","name":"web-server"}']),
            (411, "/", ["-X", "POST"]), (413, "/", ["-d", "cmd=" + "x" * 2000]), (414, "/" + "x" * 600, []),
            (413, "/", ["-H", "Transfer-Encoding: chunked", "-d", "cmd=" + "x" * 2000]),
            (415, "/", ["-H", "Content-Type: text/plain", "-d", "cmd=echo"]),
            (415, "/api/v1/commands/run", ["-d", "x"]), (416, "/", ["-H", "Range: bytes=999999-"]),
            (417, "/", ["-H", "Expect: tea"]), (421, "/", ["-H", "Host: evil.example"]), (426, "/ws", []),
            (431, "/", ["-H", "A: " + "x" * 3000]), (501, "/", ["-X", "BREW"])):
        if status == 426 and "transport/websocket" in "\n".join(bp.run("register")):
            continue
        found, headers, body = curl(port, path, *arguments)
        assert found == status, (status, found, path, arguments, body)
        if status >= 400:
            assert headers["content-type"] == "application/problem+json", (status, headers)
            problem = json.loads(body)
            assert problem["status"] == status and problem["detail"] and problem["title"], problem
        if status == 405:
            assert "GET" in headers["allow"]


def test_refused_at_capacity(bp):
    port = serve(bp, "max_connections=1")
    client = Client(port)
    client.send(f"GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")
    client.expect("ok\n")
    status, headers, body = curl(port, "/")
    assert status == 503 and headers["retry-after"] and headers["content-type"] == "application/problem+json", headers
    assert json.loads(body)["status"] == 503 and json.loads(body)["detail"], body
    client.close()


def test_statuses_of_sockets(bp):
    port = serve(bp)
    host = f"Host: localhost:{port}\r\n"
    for status, request in (
            (505, "GET / HTTP/2.0\r\n\r\n"), (400, "GET / HTTP/1.1\r\n\r\n"), (400, f"GET / HTTP/1.1\r\n{host}{host}\r\n"),
            (400, "GET /\r\n"), (400, f"GET / HTTP/1.1\n{host}\n"), (400, f"GET / HTTP/1.1\r\n{host}A : b\r\n\r\n"),
            (400, f"POST / HTTP/1.1\r\n{host}Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
            (400, f"POST / HTTP/1.1\r\n{host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (501, f"POST / HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n"),
            (204, f"OPTIONS * HTTP/1.1\r\n{host}\r\n"), (200, f"GET http://localhost:{port}/healthz HTTP/1.1\r\n{host}\r\n"),
            (200, "GET /healthz HTTP/1.0\r\n\r\n")):
        assert raw_status(port, request) == status, request
    # It has ended its half, and is answered.
    client = Client(port)
    client.send(f"GET /healthz HTTP/1.1\r\n{host}\r\n")
    client.end_input()
    assert client.rest().endswith(b"\r\n\r\nok\n")
    bp.run("module close web-server")
    wait_until(lambda: "web-server" not in "\n".join(bp.run("module list")), "it stays")
    port = serve(bp, "header_timeout=200ms")
    for request in "GET / HTTP/1.1\r\n", f"POST / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 9\r\n\r\nc":
        assert raw_status(port, request) == 408, request


# --- commands ---

def test_commands(bp):
    port = serve(bp)
    json_please = ["-H", "Accept: application/json"]
    assert get(port, "/?cmd=echo+a%26b", *json_please) == {"command": "echo a&b", "status": 0, "output": "a&b\n"}
    said = get(port, "/", *json_please, "--data-urlencode", "cmd=echo one\r\necho two")
    assert said["output"] == "one\ntwo\n" and said["status"] == 0
    said = get(port, "/?cmd=nosuch", *json_please)
    assert said["status"] == 1 and "nosuch is not a registered command" in said["output"]
    status, headers, body = curl(port, "/?cmd=echo+%3Cb%3E%26")
    assert status == 200 and b"&lt;b&gt;&amp;" in body and b"<b>" not in body
    assert headers["content-type"] == "text/html; charset=utf-8" and "no-store" in headers["cache-control"]
    assert b"Command executed" in curl(port, "/", "-d", "cmd=version")[2]
    assert b"Command failed" in curl(port, "/", "-d", "cmd=nosuch")[2]
    status, said = post(port, "/api/v1/commands/run", {"command": "echo hi"})
    assert status == 200 and said == {"command": "echo hi", "status": 0, "output": "hi\n"}
    assert get(port, "/?cmd=exit", *json_please)["output"] == "Goodbye!\n"
    said = get(port, "/api/v1/complete?line=chan&cursor=4")
    assert "channel" in " ".join(said["words"]) and said["start"] == 0
    # Each has a session of its own, gone with the answer.
    wait_until(lambda: len(get(port, "/api/v1/sessions")) <= 2, "sessions stay")


def test_command_closes_its_own_server(bp):
    port = free_port()
    bp.run(f"webserver -s -p {port}")
    status, _, body = curl(port, "/", "-d", "cmd=webserver -q")
    assert status == 200 and b"closed" in body
    wait_until(lambda: "web-server" not in "\n".join(bp.run("module list")), "it stays")


# --- REST ---

def test_resources(bp):
    port = serve(bp)
    host = get(port, "/api/v1/host")
    assert host["version"] == "Backplane 0.1.0" and host["loops"][0]["name"] == "main" and host["resident"] > 0
    assert 0 < host["cpu"] < 60 and host["connections"] == 1, host
    past = get(port, "/api/v1/history")
    assert past[0]["messages"] <= host["messages"] and 0 <= past[0]["cpu"] <= host["cpu"] and past[0]["time"] > 1.7e9, past
    assert any(row["id"] == "web-server" and row["class"] == "WebServer" for row in get(port, "/api/v1/servers"))
    assert {"id", "plugin", "help", "params"} <= set(get(port, "/api/v1/modules?match=Web*")[0])
    assert any(row["id"] == "web" and row["state"] == "loaded" for row in get(port, "/api/v1/plugins"))
    assert {"id": "/"} in get(port, "/api/v1/contexts")
    assert any(row["id"] == "channel list" for row in get(port, "/api/v1/commands"))
    assert get(port, "/api/v1/instances/web-server")["values"]["port"] == port
    row = [row for row in get(port, "/api/v1/settings?context=/") if row["id"] == "default_webserver_port"][0]
    assert row["value"] == 2080 and row["set"] is False and row["max"] == 65535
    json_body = ["-H", "Content-Type: application/json", "-X", "PUT", "-d"]
    status, _, body = curl(port, "/api/v1/settings/default_webserver_port?context=/", *json_body, '{"value": 81}')
    assert status == 200 and json.loads(body)["value"] == 81
    status, _, body = curl(port, "/api/v1/settings/default_webserver_port", *json_body, '{"value": 99999}')
    assert status == 400 and b"default_webserver_port" in body
    status, _, body = curl(port, "/api/v1/settings/default_webserver_port", *json_body, '{"value": null}')
    assert json.loads(body)["set"] is False
    status, said = post(port, "/api/v1/instances", {"class": "TCPServer", "name": "lab", "params": {"port": 0}})
    assert status == 201 and said["id"] == "lab", said
    status, said = post(port, "/api/v1/instances", {"class": "TCPServer", "name": "l2", "params": {"prot": 0}})
    assert status == 400 and "port" in said["detail"], said
    assert post(port, "/api/v1/instances/lab/close", {})[0] == 204
    assert post(port, "/api/v1/plugins", {"file": "nosuch"})[0] in (400, 404)
    assert post(port, "/api/v1/plugins/guess/unload", {})[0] == 200
    assert post(port, "/api/v1/plugins", {"file": "guess"})[0] == 201
    assert get(port, "/api/v1/sessions/1")["handler"] == "console"
    assert post(port, "/api/v1/sessions/99999/kill", {})[0] == 404
    assert post(port, "/api/v1/sessions/message", {"text": "hello there"})[0] == 200
    description = get(port, "/api/v1/openapi.json")
    assert "/api/v1/channels/{id}/send" in description["paths"] and "TCPServer" in description["components"]["schemas"]


def test_secret_settings(bp):
    port = serve(bp)
    bp.run("plugin load " + os.path.abspath(BUILD + "/tests/plugins/asks-password.so"))
    bp.run("set api_key hunter2")
    row = next(row for row in get(port, "/api/v1/settings") if row["id"] == "api_key")
    assert row["set"] and row["value"] == "***" and "hunter2" not in str(get(port, "/api/v1/settings")), row


def test_plugins_end_before_they_answer(bp):
    port = serve(bp)
    plugins = f"{bp.folder}/plugins"
    os.mkdir(plugins)
    shutil.copy(BUILD + "/plugins/guess.so", plugins)
    assert post(port, "/api/v1/plugins/guess/unload", {}) == (200, {"id": "guess", "state": "unloaded"})
    assert "guess" not in [row["id"] for row in get(port, "/api/v1/plugins")]
    assert post(port, "/api/v1/plugins/guess/unload", {})[0] == 404
    assert post(port, "/api/v1/plugins", {"file": plugins + "/guess.so"})[0] == 201
    # Its instances are open again when the answer comes.
    assert post(port, "/api/v1/instances", {"class": "TCPServer", "name": "lab", "params": {"port": 0}})[0] == 201
    since = get(port, "/api/v1/instances/lab")["since"]
    status, said = post(port, "/api/v1/plugins/tcp/reload", {})
    assert status == 200 and said["id"] == "tcp" and said["state"] == "loaded" and "TCPServer" in said["modules"], said
    assert get(port, "/api/v1/instances/lab")["since"] > since
    # Its file is no plugin any more: the old one runs on, and the answer says why.
    with open(plugins + "/new", "w", encoding="ascii") as file:
        file.write("this is no plugin\n")
    os.rename(plugins + "/new", plugins + "/guess.so")
    status, said = post(port, "/api/v1/plugins/guess/reload", {})
    assert status == 400 and said["title"] == "Bad Request" and "guess.so cannot be loaded" in said["detail"], said
    assert "guess" in [row["id"] for row in get(port, "/api/v1/plugins")]
    status, _, body = curl(port, "/api/v1/plugins/tcp", "-X", "DELETE")
    assert status == 200 and json.loads(body)["state"] == "unloaded"
    # A client that goes meanwhile, and one whose server goes: what is begun ends.
    client = Client(port)
    client.send(f"DELETE /api/v1/plugins/telnet HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")
    client.close()
    wait_until(lambda: "telnet" not in [row["id"] for row in get(port, "/api/v1/plugins")], "telnet stays")
    assert post(port, "/api/v1/plugins/web/reload", {}) == (202, None)
    wait_until(lambda: any("web-server" in line for line in bp.run("module list")), "web does not come back")
    assert curl(port, "/healthz")[0] == 200


def events_of(port, path, *fields):
    client = Client(port)
    client.send("\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]))
    client.expect("retry: 2000\n\n")
    return client


def next_event(client):
    """Its id, and what it says."""
    found = re.search(rb"id: (\S+)\ndata: (.*)\n", client.expect(b"}\n\n"))
    return found[1].decode(), json.loads(found[2])["text"]


@keeps("process", timer=1)
@keeps("plugin/web", glob_watch=1, timer=1)  # the last events of a glob stay for a while
def test_events_resume(bp):
    """From Last-Event-ID on; what is no longer there is counted."""
    port = serve(bp)
    bp.run("channel watch a/b -f")
    path = "/api/v1/channels/a%2Fb/events"
    client = events_of(port, path)
    bp.run("channel send a/b one")
    first, text = next_event(client)
    assert text == "one"
    client.close()
    for text in "two", "three":
        bp.run(f"channel send a/b {text}")
    client, other = (events_of(port, path, f"Last-Event-ID: {first}") for _ in range(2))
    bp.run("channel send a/b four")
    ids = []
    for expected in "two", "three", "four":
        for one in client, other:
            one_id, text = next_event(one)
            assert text == expected
            ids.append(one_id)
    assert len(set(ids)) == 3 and ids[0] == ids[1], ids
    fresh = events_of(port, path, "Last-Event-ID: ")
    bp.run("channel send a/b five")
    assert next_event(fresh)[1] == "five"
    for wrong in "x", "1-2", first.split("-")[0] + "-99", first + "9" * 30:
        assert b'event: dropped\ndata: {"count":null}' in events_of(port, path, f"Last-Event-ID: {wrong}").expect("}\n\n"), wrong
    client.close()
    for at in range(1100):
        bp.type(f"channel send a/b {at}")
    bp.run("echo")
    late = events_of(port, path, f"Last-Event-ID: {ids[-1]}")
    assert b'event: dropped\ndata: {"count":101}' in late.expect("}\n\n")
    assert next_event(late)[1] == "100"


@keeps("process", timer=1)
@keeps("plugin/web", glob_watch=1, timer=1)
def test_events_not_read(bp):
    """The host tells what it has lost for a client that does not read; the client is told when it reads again."""
    port = serve(bp, "backlog_limit=64K")
    bp.run("channel watch flood -f")
    lazy, text = events_of(port, "/api/v1/events?watch=flood*"), "z" * 20000
    lost = 0
    while not lost:
        for _ in range(50):
            post(port, "/api/v1/channels/flood/send", {"text": text})
        lost = get(port, "/api/v1/host/host")["lost"]
    assert f"lost by web: {lost} messages that clients of events did not read in time" in bp.run("status")
    assert any(re.fullmatch(rf"drops +{lost}", line) for line in bp.run("channel info flood"))
    assert f"backplane_web_lost_events_total {lost}\n".encode() in curl(port, "/metrics")[2]
    told = lazy.expect(b"event: dropped\n") + lazy.expect("}\n\n")
    assert re.search(rb'"count":%d}' % lost, told), told[-100:]


@keeps("process", timer=1)
@keeps("plugin/web", glob_watch=1, timer=1)
def test_channels(bp):
    port = serve(bp)
    bp.run("channel watch a/b -f")
    events = Client(port)
    events.send(f"GET /api/v1/events?watch=a/* HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")
    assert b"text/event-stream" in events.expect("\r\n\r\n")
    status, said = post(port, "/api/v1/channels/a%2Fb/send", {"text": "grüße"})
    assert status == 200 and said["size"] == 7 and said["watchers"] >= 1, said
    message = json.loads(re.search(rb"data: (.*)\n", events.expect(b"}\n\n")).group(1))
    assert message["channel"] == "a/b" and message["text"] == "grüße" and message["size"] == 7, message
    assert post(port, "/api/v1/channels/a/b/send", {"hex": "ff 00"})[0] == 200
    assert b'"base64":"/wA="' in events.expect(b"}\n\n")
    assert post(port, "/api/v1/channels/a/b/send", {"base64": "/wA="})[0] == 200
    assert b'"base64":"/wA="' in events.expect(b"}\n\n")
    for bad in ({}, {"text": "a", "hex": "00"}, {"base64": "!"}, {"hex": "0"}):
        assert post(port, "/api/v1/channels/a/b/send", bad)[0] == 400, bad
    assert get(port, "/api/v1/channels/a/b")["id"] == "a/b"
    assert isinstance(get(port, "/api/v1/channels/a/b/messages"), list)
    assert [row["id"] for row in get(port, "/api/v1/channels?match=a/*")] == ["a/b"]
    events.close()
    assert curl(port, "/api/v1/events")[0] == 400


# --- content ---

def test_tokens(bp):
    port = serve(bp, "token=secret", "metrics_token=scrape")
    assert curl(port, "/healthz")[0] == 200
    status, headers, _ = curl(port, "/")
    assert status == 401 and headers["www-authenticate"].startswith("Basic")
    assert curl(port, "/", "-d", "cmd=version")[0] == 401
    assert curl(port, "/", "-H", "Authorization: Bearer secret")[0] == 200
    assert curl(port, "/", "-u", "anybody:secret")[0] == 200
    assert curl(port, "/", "-u", "anybody:scrape")[0] == 401
    assert curl(port, "/metrics")[0] == 401
    assert curl(port, "/metrics", "-H", "Authorization: Bearer scrape")[0] == 200
    assert "secret" not in "\n".join(bp.run("module info web-server"))


def test_metrics(bp):
    port = serve(bp)
    curl(port, "/nosuch")
    body = curl(port, "/metrics")[2]
    assert b'backplane_http_requests_total{code="4xx"} 1\n' in body
    assert b'backplane_server_connections{server="web-server"} 1\n' in body
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=body, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        assert done.returncode == 0, done.stdout


def test_metrics_without_rest(bp):
    """What the plugin rest counts is left out with it."""
    port = serve(bp)
    assert bp.run("plugin unload rest") == ["Unloaded rest."]
    status, _, body = curl(port, "/metrics")
    assert status == 200 and b"backplane_plugin_cpu_seconds_total" in body and b"backplane_info" not in body, body
    for path in ("/", "/healthz", "/api/v1", "/api/v1/host", "/api/v1/openapi.json", "/api/v1/commands", "/api/v1/history"):
        assert curl(port, path)[0] in (200, 404), path
    status, head, body = curl(port, "/api/v1/instances", "-H", "Content-Type: application/json", "-d", '{"class": "TCPServer", "name": "e", "params": {"port": 0}}')
    assert status == 201 and b'"e"' in body, (status, body)
    assert "e " in "\n".join(bp.run("module list"))


def test_logs(bp):
    port = serve(bp)
    bp.run("channel watch web-server/access")
    curl(port, "/nosuch?a=b", "-A", 'agent "x"\x01'.replace("\x01", ""), "-H", f"Referer: http://localhost:{port}/")
    pattern = (r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /nosuch\?\*\*\* HTTP/1\.1" 404 \d+ '
               rf'"http://localhost:{port}/" "agent \\x22x\\x22"')
    wait_until(lambda: re.search(pattern, "\n".join(bp.run("echo"))) or re.search(pattern, bp.pending.decode()), "no access log")


def said_on(bp, channel, until):
    """What was sent on the channel, up to a line that holds `until`."""
    said = []
    wait_until(lambda: said.extend(bp.run("echo")) or any(until in line for line in said), said)
    return "\n".join(said)


def test_commands_are_not_logged(bp):
    """Nor lines that are completed, nor tokens; a Referer may be a command, too."""
    port = serve(bp)
    bp.run(f"channel watch web-server/access data-web-{port}")
    curl(port, "/?cmd=echo+hunter2")
    curl(port, "/?%63md=echo+hunter2", "-H", f"Referer: http://localhost:{port}/?cmd=echo+hunter2")
    curl(port, "/api/v1/complete?line=hunter2")
    curl(port, "/api/v1/channels?token=hunter2")
    curl(port, "/api/v1/channels?match=last")
    said = said_on(bp, "web-server/access", "match=last")
    assert "hunter2" not in said and said.count('"GET /?***') >= 4, said


def test_trusted_proxies(bp):
    """Of a proxy that is trusted: the address of its client, and whether that came by https."""
    forwarded = ["-H", "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3"]
    for words in [], ["trusted_proxies=10.0.0.0/8"]:  # we are none
        port = serve(bp, *words)
        bp.run("channel watch web-server/access")
        curl(port, "/nosuch", *forwarded)
        assert "203.0.113.7" not in said_on(bp, "web-server/access", "/nosuch")
        bp.run("module close web-server")
    https = ["-H", "X-Forwarded-Proto: https", "-H", "Host: box.example", "-d", "cmd=echo"]
    port = serve(bp, "trusted_proxies=10.0.0.0/8", "trusted_proxies=127.0.0.1", "hosts=box.example")
    bp.run("channel watch web-server/access")
    for field, client in (("6.6.6.6, 203.0.113.7, 10.1.2.3", "203.0.113.7"), ("203.0.113.7:4711", "203.0.113.7"), ("10.1.2.3", "10.1.2.3"),
                          ("6.6.6.6, nonsense, 10.1.2.4", "10.1.2.4"), ("[2001:db8::1]:80", "[2001:db8::1]"), ("2001:db8::2", "[2001:db8::2]"),
                          ("x", "127.0.0.1"), ("", "127.0.0.1")):
        curl(port, "/nosuch", "-H", f"X-Forwarded-For: {field}")
        said = said_on(bp, "web-server/access", "/nosuch")
        assert f"{client} - - [" in said and "6.6.6.6" not in said, (field, said)
    assert curl(port, "/", "-H", "Origin: https://box.example", *https)[0] == 200
    status, _, body = curl(port, "/", "-H", "Origin: http://box.example", *https)
    assert status == 403 and "the parameter origins" in json.loads(body)["detail"], body
    for wrong in "10.0.0.0/33", "example.org", "10.0.0.0/x", "/tmp/x":
        said = " ".join(bp.run(f"module open WebServer other port={free_port()} trusted_proxies={wrong}"))
        assert "trusted_proxies" in said and wrong in said, said


main("web", globals())
