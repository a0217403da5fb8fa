#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""access.py - who may do what, on each way in."""
import json
import os
import re
import stat

from harness import Client, eventually, free_port, main

SECRET = "correct horse battery"


def file_of(bp):
    return bp.folder + "/state/backplane/access.ini"


def add(bp, name, role, password=SECRET):
    lines = bp.run(f'user add {name} {role} "{password}"')
    assert any(f"{name} is {role}" in line for line in lines), lines


def serve(bp, module, name, **more):
    port = free_port()
    words = " ".join(f"{key}={value}" for key, value in more.items())
    bp.run(f"module open {module} {name} port={port} {words}")
    return port


def log_in(port, user, password=SECRET):
    client = Client(port)
    client.expect("Login: ")
    client.send(user + "\n")
    client.expect("Password: ")
    client.send(password + "\n")
    return client


def test_without_users_there_is_no_login(bp):
    port = serve(bp, "TCPServer", "door", handler="console")
    client = Client(port)
    client.send("access show\n")
    client.expect("no users")


def test_a_user_logs_in(bp):
    add(bp, "ann", "admin")
    for module in "TCPServer", "TelnetServer":
        port = serve(bp, module, "door", handler="console")
        client = log_in(port, "ann")
        client.send("access show\n")
        client.expect("you are admin: ann")
        client.close()
        bp.run("module close door")


def test_lines_typed_at_once(bp):
    add(bp, "ann", "admin")
    port = serve(bp, "TCPServer", "door", handler="console")
    client = Client(port)
    client.send(f"ann\n{SECRET}\naccess show\nexit\n")
    assert b"you are admin: ann" in client.rest()


def test_three_wrong_passwords(bp):
    add(bp, "ann", "admin")
    port = serve(bp, "TCPServer", "door", handler="console")
    answers = []
    for user in "ann", "nobody":
        client = Client(port)
        answers.append(b"")
        for _ in range(3):
            answers[-1] += client.expect("Login: ")
            client.send(f"{user}\nwrong\n")
            answers[-1] += client.expect("Login incorrect.")
        answers[-1] += client.rest()
        client.close()
    assert answers[0] == answers[1], answers


def test_roles(bp):
    add(bp, "ann", "observer")
    port = serve(bp, "TCPServer", "door", handler="console")
    client = log_in(port, "ann")
    client.send("user list\n")
    client.expect("is for an admin only, and you are an observer")
    client.send("plugin list\n")
    client.expect("access")


def test_an_operator_opens_nothing_that_makes_him_admin(bp):
    bp.run("plugin load automation")
    add(bp, "ann", "admin")
    add(bp, "bob", "operator")
    client = log_in(serve(bp, "TCPServer", "door", handler="console"), "bob")
    target = bp.folder + "/taken"
    for words in ("TCPServer x port=0 handler=console auth=none", "TCPServer x port=0 tls_key=/etc/shadow",
                  f"Log x file={target}", "Rule x", "WebServer x port=0 token=mine", f"MeshGateway x database={target}"):
        client.send(f"module open {words}\n")
        client.expect("is for an admin only")
    for line in (f"tcp listen 0 y handler=console auth=none", "tcp listen 0 y tls_key=/etc/shadow", "alias status user role bob admin",
                 "threaded user role bob admin", "loop 1 1 user role bob admin", "timer 1 1 user role bob admin"):
        client.send(line + "\n")
        client.expect("is for an admin only")
    client.send("module open TCPServer x port=0 handler=console\n")
    client.expect("Opened TCPServer as x.")
    assert not os.path.exists(target)
    assert any(re.match(r"bob\s+operator", line) for line in bp.run("user list")), bp.run("user list")


def test_a_handler_asks_too(bp):
    add(bp, "ann", "observer")
    port = serve(bp, "TCPServer", "door", handler="echo")
    client = log_in(port, "ann")
    client.expect("Echo Server")
    client.send("hello\n")
    client.expect("Echo: hello")


def test_auth_of_a_server(bp):
    port = serve(bp, "TCPServer", "needed", handler="console", auth="required")
    Client(port).expect("Login: ")
    add(bp, "ann", "operator")
    port = serve(bp, "TCPServer", "free", handler="console", auth="none")
    client = Client(port)
    client.send("access show\n")
    client.expect("you are admin")
    port = serve(bp, "TCPServer", "looked", handler="console", auth="optional")
    client = Client(port)
    client.expect("Login: ")
    client.send("\n")
    client.send("access show\n")
    client.expect("you are observer")
    client = log_in(port, "ann")
    client.send("access show\n")
    client.expect("you are operator: ann")


def test_a_user_who_is_removed_is_put_out(bp):
    add(bp, "ann", "admin")
    add(bp, "bob", "operator")
    port = serve(bp, "TCPServer", "door", handler="console")
    ann, bob = log_in(port, "ann"), log_in(port, "bob")
    for client in ann, bob:
        client.send("access show\n")
        client.expect("you are")
    bp.run("user remove bob")
    assert b"What you may do has changed" in bob.rest()
    ann.send("access show\n")
    ann.expect("you are admin")
    bp.run("user role ann observer")
    assert b"What you may do has changed" in ann.rest()
    ann = log_in(port, "ann")
    ann.send("access show\n")
    ann.expect("you are observer: ann")
    bp.run("user passwd ann another-secret")
    assert b"What you may do has changed" in ann.rest()
    log_in(port, "ann", "another-secret").expect("\n")


def test_the_last_one(bp):
    add(bp, "ann", "admin")
    assert "nobody would be left" in bp.run("user remove ann")[0]
    assert "removed" in bp.run("user remove ann --last")[0]
    port = serve(bp, "TCPServer", "door", handler="console")
    client = Client(port)
    client.send("access show\n")
    client.expect("no users")


def test_users_stay(bp):
    add(bp, "ann", "admin")
    token = bp.run("token create ci observer --expires 1h")[0]
    assert len(token) == 64
    path = file_of(bp)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path) as file:
        text = file.read()
    assert "$y$" in text and SECRET not in text and token not in text
    bp.run("plugin reload access")
    assert any("ann" in line and "admin" in line for line in bp.run("user list"))
    assert any("ci" in line and "observer" in line for line in bp.run("token list"))


def test_a_damaged_file_locks(bp):
    for damage in "", "[access]\nlocked=false\n[user ann]\nrole=king\n", "\0\1\2":
        add(bp, "ann", "admin")
        with open(file_of(bp), "w") as file:
            file.write(damage)
        bp.run("plugin reload access")
        assert any("locked" in line for line in bp.run("access show"))
        with open(file_of(bp) + ".damaged") as file:
            assert file.read() == damage
        bp.run("plugin reload access")
        assert any("locked" in line for line in bp.run("access show"))
        port = serve(bp, "TCPServer", "door", handler="console")
        client = log_in(port, "ann")
        assert b"was damaged" in client.rest()
        add(bp, "bob", "admin")
        log_in(port, "bob").expect("Backplane")
        bp.run("module close door")
        bp.run("user remove bob --last")


def test_without_the_plugin_it_stays_closed(bp):
    add(bp, "ann", "admin")
    port = serve(bp, "TCPServer", "door", handler="console")
    bp.run("plugin unload access")
    assert b"Login is required" in Client(port).rest()
    bp.run("plugin load access")


def test_a_password_is_on_no_channel(bp):
    add(bp, "ann", "admin")
    port = serve(bp, "TCPServer", "door", handler="console")
    bp.run("channel save data-tcp-%d -f %s/wire" % (port, bp.folder))
    bp.run("channel save door/recv -f %s/recv" % bp.folder)
    client = Client(port)
    client.send(f"ann\n{SECRET}\necho mark\n")
    client.expect("mark")
    client.send("echo second\n")
    client.expect("second")
    bp.run("channel save data-tcp-%d --stop" % port)
    bp.run("channel save door/recv --stop")
    for name in "wire", "recv":
        eventually(lambda: b"second" in open(f"{bp.folder}/{name}", "rb").read())
        with open(f"{bp.folder}/{name}") as file:
            assert SECRET not in file.read(), name


def test_a_password_is_asked_for(bp):
    port = serve(bp, "TCPServer", "door", handler="console")
    client = Client(port)
    client.send("user add ann admin\n")
    client.expect("Password: ")
    client.send(f"{SECRET}\n")
    client.expect("ann is admin")
    client.send("user add bob admin short\n")
    client.expect("8 to 256 characters")
    log_in(port, "ann").expect("Backplane")


def test_guessing_is_slow(bp):
    add(bp, "ann", "admin")
    port = serve(bp, "TCPServer", "door", handler="console", max_connections=0)
    clients = [Client(port) for _ in range(40)]
    for client in clients:
        client.send("ann\nwrong\n")
    refused = 0
    for client in clients[-20:]:  # 16 wait, and others are not let wait
        if b"Too many tries" in client.rest():
            refused += 1
    assert refused == 20, refused
    for client in clients:
        client.close()


def test_reached_from_elsewhere(bp):
    """Only with login that is encrypted, or when it was said that nothing of the kind is wanted."""
    def opens(*words):
        lines = bp.run(f"module open TCPServer door port={free_port()} bind=0.0.0.0 handler=console " + " ".join(words))
        bp.run("module close door")
        return lines[0] == "Opened TCPServer as door.", lines

    assert not opens("tls=yes")[0]
    add(bp, "ann", "admin")
    assert not opens()[0]
    assert opens("tls=yes")[0]
    assert not opens("tls=yes", "auth=none")[0] and not opens("tls=yes", "auth=optional")[0]
    assert opens("auth=none", "insecure=yes")[0]
    raw = bp.run(f"module open TCPServer door port={free_port()} bind=0.0.0.0 tls=yes")
    assert "without login" in raw[0], raw


def test_audit(bp):
    """Who did what, from where, and what was refused; secrets are nowhere in it."""
    bp.run("module list")
    add(bp, "ann", "operator")
    port, other = serve(bp, "TCPServer", "door", handler="console"), free_port()
    wrong = log_in(port, "ann", "not the password")
    wrong.expect("Login incorrect")
    wrong.close()
    client = log_in(port, "ann")
    client.send(f"tcp listen {other} desk\nplugin unload echo\nchannel list\necho done\n")
    client.expect("done")
    bp.run('user passwd ann "another secret phrase"')
    rows = eventually(lambda: [row for row in [json.loads(line) for line in open(file_of(bp).replace("access.ini", "audit.jsonl"), encoding="utf-8")]
                               if "passwd" in row["what"]] and bp.run("audit list --json"))
    rows = json.loads("\n".join(rows))
    found = {(row["user"], row["what"]): row for row in rows}
    assert found["ann", f"tcp listen {other} desk"]["refused"] == "", rows
    assert "for an admin only" in found["ann", "plugin unload echo"]["refused"] and found["ann", "plugin unload echo"]["from"].startswith("tcp 127.0.0.1:")
    assert ("ann", "channel list") not in found
    assert sorted(row["refused"] for row in rows if row["what"] == "log in") == ["", "name or password is wrong"], rows
    assert all("secret" not in row["what"] and SECRET not in row["what"] for row in rows), rows
    file = file_of(bp).replace("access.ini", "audit.jsonl")
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    with open(file, encoding="utf-8") as text:
        text = text.read()
    assert "another secret" not in text and SECRET not in text, text
    of_ann = json.loads("\n".join(bp.run("audit list --user ann --since 1h --json")))
    assert of_ann and all(row["user"] == "ann" for row in of_ann)
    assert json.loads("\n".join(bp.run("audit list --since 0 --json"))) == []
    bp.run("tcp close desk|module close door")


if __name__ == "__main__":
    main("access", globals())
