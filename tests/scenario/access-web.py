#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""access-web.py - the web server when there are users: who comes in by what, what each role may do, who is put out."""
import base64
import http.client
import json
import re
import urllib.parse

from harness import PATIENCE, eventually, free_port, main
from wsclient import WebSocket

SECRET = "correct horse battery"
HTML = {"Accept": "text/html"}


def web(bp, *pairs):
    port = free_port()
    bp.run(f"module open WebServer web port={port} quiet=yes " + " ".join(pairs))
    return port


def add(bp, name, role):
    assert any(f"{name} is {role}" in line for line in bp.run(f'user add {name} {role} "{SECRET}"'))


def token(bp, name, role):
    lines = "\n".join(bp.run(f"token create {name} {role}"))
    return re.search(r"\b([\w-]{40,})\b", lines)[1]


def ask(port, path, method="GET", body=None, **headers):
    """Status, headers, text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    fields = {key.replace("_", "-"): value for key, value in headers.items()}
    if isinstance(body, dict):
        fields["Content-Type"] = "application/json"
        body = json.dumps(body)
    if method != "GET":
        fields.setdefault("X-Backplane", "1")
    connection.request(method, path, body, fields)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def log_in(port, name, password=SECRET):
    body = urllib.parse.urlencode({"user": name, "password": password})
    return ask(port, "/login", "POST", body, Content_Type="application/x-www-form-urlencoded")


def cookie_of(headers):
    return headers["Set-Cookie"].split(";")[0]


def closes(client):
    """The code with which the server closes it."""
    while True:
        kind, data = client.hear()
        if kind == 8:
            return int.from_bytes(data[:2], "big")


def test_without_users_nobody_is_asked(bp):
    port = web(bp)
    assert ask(port, "/api/v1/host")[0] == 200
    assert json.loads(ask(port, "/api/v1/me")[2]) == {"name": "", "role": "admin", "login": False}
    assert "There are no users yet" in ask(port, "/login")[2]


def test_nothing_without_login(bp):
    add(bp, "ann", "admin")
    port = web(bp)
    for path in ("/", "/?cmd=version", "/metrics", "/api/v1/host", "/api/v1/openapi.json", "/api/v1/events?watch=*", "/ws", "/terminal",
                 "/api/v1/channels/log/messages", "/api/v1/me", "/views/x.js", "/nosuch"):
        status, headers, text = ask(port, path, Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version="13",
                                    Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==")
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic"), (path, status, text)
    for path in ("/", "/api/v1/commands/run", "/api/v1/instances", "/api/v1/plugins/load"):
        assert ask(port, path, "POST", {"command": "version"})[0] == 401, path
    # The page leads to the form, which needs no login, nor does what it is made of.
    status, headers, _ = ask(port, "/", **HTML)
    assert status == 303 and headers["Location"] == "login"
    assert ask(port, "/login")[0] == 200 and ask(port, "/assets/style.css")[0] == 200 and ask(port, "/healthz")[0] == 200
    # Where the page asks, no window of the browser opens.
    assert "WWW-Authenticate" not in ask(port, "/api/v1/host", Sec_Fetch_Mode="cors")[1]


def test_password_and_token(bp):
    add(bp, "ann", "admin")
    secret = token(bp, "ci", "observer")
    port = web(bp)
    assert json.loads(ask(port, "/api/v1/me", Authorization=basic("ann", SECRET))[2])["name"] == "ann"
    for name, password, path in (("ann", SECRET + "x", "/metrics"), ("nobody", SECRET, "/api/v1/host"), ("ann", "", "/")):
        status, _, text = ask(port, path, Authorization=basic(name, password))
        assert status == 401, (name, password, path, status, text)
    assert json.loads(ask(port, "/api/v1/me", Authorization="Bearer " + secret)[2])["role"] == "observer"
    assert ask(port, "/metrics", Authorization="Bearer " + secret)[0] == 200
    assert ask(port, "/api/v1/host", Authorization="Bearer x" + secret)[0] == 401


def test_cookie(bp):
    add(bp, "ann", "operator")
    port = web(bp)
    assert log_in(port, "ann", "wrong")[0] == 403 and log_in(port, "nobody")[0] == 403
    status, headers, _ = log_in(port, "ann")
    field = headers["Set-Cookie"]
    assert status == 303 and all(word in field for word in ("HttpOnly", "SameSite=Strict", "Path=/")), field
    cookie = cookie_of(headers)
    assert SECRET not in field and json.loads(ask(port, "/api/v1/me", Cookie=cookie)[2]) == {"name": "ann", "role": "operator", "login": True}
    # A second login gives another one: what somebody has planted is not taken over.
    assert cookie_of(log_in(port, "ann")[1]) != cookie
    # Another site may not use it.
    assert ask(port, "/api/v1/commands/run", "POST", {"command": "version"}, Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert ask(port, "/logout", "POST", "", Cookie=cookie)[0] == 303
    assert ask(port, "/api/v1/me", Cookie=cookie)[0] == 401


def test_roles(bp):
    add(bp, "ann", "admin")
    shown = {role: {"Authorization": "Bearer " + token(bp, role, role)} for role in ("observer", "operator", "admin")}
    port, other = web(bp), free_port()

    def run(role, command):
        return json.loads(ask(port, "/api/v1/commands/run", "POST", {"command": command}, **shown[role])[2])

    assert run("observer", "channel list")["status"] == 0
    assert "is for an operator only" in run("observer", f"tcp listen {other} door")["output"]
    assert "is for an admin only" in run("operator", "plugin unload echo")["output"]
    assert "for an admin only" in run("operator", "module open Exec x command=/bin/true")["output"]
    door = {"class": "TCPServer", "name": "door", "params": {"port": other}}
    assert ask(port, "/api/v1/instances", "POST", door, **shown["observer"])[0] == 403
    assert ask(port, "/api/v1/instances", "POST", door, **shown["operator"])[0] == 201
    program = {"class": "Exec", "name": "x", "params": {"command": "/bin/true"}}
    assert ask(port, "/api/v1/instances", "POST", program, **shown["operator"])[0] == 403
    assert ask(port, "/api/v1/plugins/echo", "DELETE", None, **shown["operator"])[0] == 403
    assert ask(port, "/api/v1/instances/door", "DELETE", None, **shown["observer"])[0] == 403
    client = WebSocket(port, headers=["Authorization: " + shown["observer"]["Authorization"]])
    client.hear_json()
    client.say(json.dumps({"op": "send", "id": 1, "channel": "door/send", "text": "x"}))
    assert client.hear_json()["op"] == "error"
    client.say(json.dumps({"op": "run", "id": 2, "command": "module close door"}))
    answers = [client.hear_json() for _ in range(2)]
    assert any("is for an operator only" in json.dumps(answer) for answer in answers), answers
    assert bp.run("module info door")[0].startswith("door")
    assert ask(port, "/api/v1/instances/door", "DELETE", None, **shown["operator"])[0] in (200, 204)


def test_who_left_leaves_nothing_to_the_next(bp):
    """The place of a request whose client has gone is used again: by somebody else."""
    add(bp, "ann", "admin")
    port = web(bp)
    for path in ("/api/v1/events?watch=hall", "/api/v1/commands/run"):
        leaves = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        fields = {"Authorization": basic("ann", SECRET), "X-Backplane": "1", "Content-Type": "application/json"}
        if "events" in path:
            leaves.request("GET", path, headers=fields)
            assert leaves.getresponse().status == 200
        else:
            leaves.request("POST", path, json.dumps({"command": "echo begun|wait 1000"}), fields)
            bp.run("channel watch access")
            eventually(lambda: any("wait" in line or " web " in line for line in bp.run("session list")))
            bp.run("channel unwatch access")
        leaves.close()
        eventually(lambda: not any(" web " in line for line in bp.run("session list")))
        for _ in range(5):
            assert ask(port, "/api/v1/host")[0] == 401


def test_audit(bp):
    add(bp, "ann", "operator")
    port, other = web(bp), free_port()
    who = {"Authorization": basic("ann", SECRET)}
    ask(port, "/api/v1/instances", "POST", {"class": "TCPServer", "name": "door", "params": {"port": other}}, **who)
    ask(port, "/api/v1/plugins/echo", "DELETE", None, **who)
    ask(port, "/api/v1/commands/run", "POST", {"command": "plugin unload echo"}, **who)
    ask(port, "/api/v1/instances/door", "DELETE", None, **who)
    rows = eventually(lambda: (rows := json.loads("\n".join(bp.run("audit list --json")))) and any("close" in row["what"] for row in rows) and rows)
    found = {(row["user"], row["what"]): row for row in rows}
    assert found["ann", "open TCPServer door"]["refused"] == "" and found["ann", "close instances door"]["refused"] == "", rows
    assert found["ann", "unload plugins echo"]["refused"] and found["ann", "plugin unload echo"]["refused"], rows
    assert all("127.0.0.1" in row["from"] for row in rows if row["user"] == "ann"), rows


def test_put_out(bp):
    """A user who is removed loses what he has open at once."""
    add(bp, "boss", "admin")
    add(bp, "ann", "admin")
    port = web(bp)
    cookie = cookie_of(log_in(port, "ann")[1])
    sockets = [WebSocket(port, path, headers=["Cookie: " + cookie]) for path in ("/ws", "/terminal")]
    events = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    events.request("GET", "/api/v1/events?watch=hall", headers={"Cookie": cookie})
    stream = events.getresponse()
    assert stream.status == 200
    bp.run("user remove ann")
    assert [closes(socket) for socket in sockets] == [1008, 1008]
    stream.read()
    events.close()
    assert ask(port, "/api/v1/host", Cookie=cookie)[0] == 401


def test_guessing_does_not_slow_others(bp):
    add(bp, "ann", "admin")
    port = web(bp)
    secret = token(bp, "ci", "observer")
    for _ in range(3):
        assert ask(port, "/api/v1/host", Authorization=basic("ann", "guess"))[0] in (401, 429)
    assert ask(port, "/api/v1/host", Authorization="Bearer " + secret)[0] == 200


def test_auth_none_and_optional(bp):
    add(bp, "ann", "admin")
    port = web(bp, "auth=none")
    assert json.loads(ask(port, "/api/v1/me")[2])["role"] == "admin"
    bp.run("module close web")
    port = web(bp, "auth=optional")
    assert json.loads(ask(port, "/api/v1/me")[2])["role"] == "observer"
    assert ask(port, "/api/v1/plugins/echo", "DELETE")[0] == 403


def test_without_the_plugin_it_stays_closed(bp):
    add(bp, "ann", "admin")
    port = web(bp)
    bp.run("plugin unload access")
    eventually(lambda: not any(re.match(r"access\s", line) for line in bp.run("plugin list")))
    assert ask(port, "/api/v1/host", Authorization=basic("ann", SECRET))[0] == 401
    assert log_in(port, "ann")[0] == 503
    bp.run("plugin load access")
    eventually(lambda: ask(port, "/api/v1/host", Authorization=basic("ann", SECRET))[0] == 200)


main("access-web", globals())
