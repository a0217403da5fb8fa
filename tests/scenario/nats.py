#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nats.py - channels as subjects of nats-server, and subjects as channels."""
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile

from harness import Backplane, all_keep, eventually, free_port, main
from mqtts import Relay, send
from natses import NatsClient, Server, connected, heard, info, open_bridge


def state(bp, name="fleet"):
    return "\n".join(bp.run(f"module info {name}"))


# --- both ways ---

def test_out_and_in(bp):
    with Server() as server, NatsClient(server, "lab.>") as client:
        open_bridge(bp, server, "export=a/*", "import=in.>")
        send(bp, "a/b", "hello")
        client.expect("lab.a.b", "hello")
        bp.run("channel watch -f fleet/in/x/y")
        client.publish("in.x.y", "from outside")
        heard(bp, "from outside")
        assert "1 in," in info(bp) and "1 messages out" in info(bp)


def test_rules(bp):
    with Server() as server, NatsClient(server, ">") as client:
        open_bridge(bp, server, "export=uart*/recv -> rack.{host}.uart.{1}.recv", "export=j/* -> j.{1} encoding=json",
                    "export=*/every -> every.{1} every=3", "export=big -> big payload_limit=4", "import=to.*.set -> {1}/send",
                    "import=to.> -> rest/{1}")
        send(bp, "uart7/recv", "line")
        eventually(lambda: any(re.fullmatch(r"rack\.[^.]+\.uart\.7\.recv", subject) for subject, _ in client.messages()))
        send(bp, "j/one", "some text")
        eventually(lambda: any(subject == "j.one" for subject, _ in client.messages()))
        sent = json.loads(next(data for subject, data in client.messages() if subject == "j.one"))
        assert sent["channel"] == "j/one" and sent["text"] == "some text"
        for number in range(7):
            send(bp, "x/every", number)
        send(bp, "big", "12345")
        send(bp, "big", "1234")
        client.expect("big", "1234")
        assert [data for subject, data in client.messages() if subject == "every.x"] == [b"2", b"5"]
        assert "1 lost" in info(bp)
        bp.run("channel watch -f motor/send")
        bp.run("channel watch -f rest/else")
        client.publish("to.motor.set", "seven")
        client.publish("to.else", "eight")
        heard(bp, "eight")
        heard(bp, "seven")
        for rule in (r"to\.> -> rest/\{1\}", r"to\.\*\.set -> \{1\}/send"):  # the first one alone, though both match
            assert re.search(rule + ": 1 messages", info(bp)), info(bp)


def test_bad_rules_and_options(bp):
    for words, why in (("export=a -> b.>", "makes no subject"), ("export=a -> b..c", "makes no subject"), ("export=a/* -> x.{2}", "stands for nothing"),
                       ("import=a..b", "no filter"), ("import=a.>.b", "no filter"), ("import=a keep=yes", "keep is for exports"),
                       ("export=a -> b queue=q", "queue is a name"), ("export=a -> b colour=red", "colour")):
        said = "\n".join(bp.run(f'module open NatsBridge bad host=localhost:1 "{words}"'))
        assert re.search(why, said), (words, said)
    assert "cannot be" in "\n".join(bp.run("module open NatsBridge bad tls=yes tls_ca=/no/such/file"))
    assert "no server" in "\n".join(bp.run("module open NatsBridge bad host=a:b"))
    assert "there is no bridge" in "\n".join(bp.run("nats info"))


def test_names(bp):
    """Odd characters become legal subjects, and come back as the same name."""
    other = Backplane()
    try:
        with Server() as server, NatsClient(server, "odd.>", "_odd.>", "%00.>", "%24odd.>") as client:
            open_bridge(bp, server, "export=*odd/* -> {channel}")
            open_bridge(other, server, "import=> -> {topic}", name="rim")
            names = (("odd/a.b", "odd.a%2Eb"), ("odd/%", "odd.%25"), ("odd/>", "odd.%3E"), ("odd/é", "odd.%C3%A9"), ("odd//x/", "odd.%00.x.%00"),
                     ("$odd/x", "%24odd.x"))
            for number, (name, subject) in enumerate(names):
                send(bp, name, f"{name}!")
                client.expect(subject, f"{name}!".encode())
                eventually(lambda: f"{number + 1} in," in info(other, "rim"))
                assert name in "\n".join(other.run("channel list")), name
    finally:
        other.finish(False)


def test_queue_group(bp):
    """Of two bridges with one queue, one gets each message."""
    with Server() as server, NatsClient(server) as client:
        for name in ("one", "two"):
            open_bridge(bp, server, f"import=jobs -> {name}/jobs queue=workers", name=name)
        for number in range(50):
            client.publish("jobs", number)
        counts = []

        def all_came():
            counts[:] = [int(re.search(r"(\d+) in,", info(bp, name))[1]) for name in ("one", "two")]
            return sum(counts) >= 50
        eventually(all_came)
        assert sum(counts) == 50 and min(counts) > 0, counts


# --- loops ---

def test_nothing_comes_back(bp):
    with Server() as server, NatsClient(server, "lab.>") as client:
        open_bridge(bp, server, "export=both/*", "import=lab.both.> -> both/{1}")
        send(bp, "both/x", "one")
        client.expect("lab.both.x", "one")
        client.publish("lab.both.x", "two")
        eventually(lambda: "1 in," in info(bp))
        send(bp, "both/x", "three")
        client.expect("lab.both.x", "three")
        assert [data for _, data in client.messages()] == [b"one", b"two", b"three"]
        assert "1 in," in info(bp), info(bp)


def test_path_of_hosts(bp):
    """What has passed this host does not come again, whoever sends it."""
    with Server() as server, NatsClient(server, "lab.>") as client:
        open_bridge(bp, server, "export=both/*", "import=in.> -> in/{1}")
        send(bp, "both/x", "one")
        client.expect("lab.both.x", "one")
        path = re.search(r"bp-path: (\S+)", next(head for subject, _, head in client.everything() if subject == "lab.both.x"))[1]
        client.publish("in.a", "stale", {"bp-path": f"elsewhere,{path}"})
        client.publish("in.a", "fresh", {"bp-path": "elsewhere"})
        eventually(lambda: "1 in," in info(bp))
        assert "1 of our own came back" in info(bp), info(bp)


def test_two_hosts_that_import_each_other(bp):
    other = Backplane()
    try:
        with Server() as server, NatsClient(server, "lab.>") as client:
            open_bridge(bp, server, "export=both/*", "import=lab.both.> -> both/{1}")
            open_bridge(other, server, "export=both/*", "import=lab.both.> -> both/{1}", name="rim")
            send(bp, "both/x", "one")
            eventually(lambda: "1 in," in info(other, "rim"))
            send(other, "both/x", "two")
            eventually(lambda: "1 in," in info(bp))
            send(bp, "both/x", "end")
            client.expect("lab.both.x", "end")
            assert len(client.messages()) == 3, client.messages()
    finally:
        other.finish(False)


# --- what breaks ---

def test_server_goes_and_returns(bp):
    with Server() as server:
        bp.run("channel watch -f nats-fleet")
        open_bridge(bp, server, "export=a -> a", "import=in.>")
        server.stop(signal.SIGKILL)
        heard(bp, "trying again")
        send(bp, "a", "lost")
        heard(bp, "Messages are lost: there is no connection")
        assert "1 lost" in info(bp)
        server.start()
        connected(bp)
        with NatsClient(server) as client:
            client.publish("in.x", "still subscribed")
            eventually(lambda: "1 in," in info(bp))


def test_another_server_takes_over(bp):
    with Server() as first, Server() as second:
        open_bridge(bp, (first, second), "import=in.>")
        assert f":{first.port} " in info(bp)
        first.stop(signal.SIGKILL)
        eventually(lambda: f"connected to 127.0.0.1:{second.port} " in info(bp))
        with NatsClient(second) as client:
            client.publish("in.x", "here")
            eventually(lambda: "1 in," in info(bp))


def test_server_that_does_not_answer(bp):
    """It accepts, greets, and is silent: it is given up, and tried again."""
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        server = type("Silent", (), {"port": silent.getsockname()[1]})
        open_bridge(bp, server, "keepalive=100ms", wait=False)
        for _ in range(2):
            client = silent.accept()[0]
            file = client.makefile("rb")
            client.sendall(b'INFO {"headers":true,"max_payload":1000}\r\n')
            assert file.readline().startswith(b"CONNECT ") and file.readline() == b"PING\r\n"
            client.sendall(b"PONG\r\n")
            while file.readline() != b"PING\r\n":
                pass
            client.sendall(b"PONG\r\n")
            assert file.read().startswith(b"PING\r\nPING\r\n")  # until it is closed
            client.close()
    finally:
        silent.close()


def test_garbage(bp):
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        open_bridge(bp, type("Garbage", (), {"port": silent.getsockname()[1]}), wait=False)
        for text, why in ((b"HTTP/1.1 200 OK\r\n", "an unknown operation"), (b"INFO {\r\n", "no JSON"), (b"INFO {}\r\nMSG a\r\n", "more than it may")):
            client = silent.accept()[0]
            client.sendall(text)
            eventually(lambda: why in state(bp))
            client.close()
    finally:
        silent.close()


def test_nobody_answers(bp):
    open_bridge(bp, type("None", (), {"port": free_port()}), wait=False)
    eventually(lambda: "refused" in state(bp))
    assert "there is no connection" in "\n".join(bp.run("nats publish fleet a b"))


def test_larger_than_the_server_allows(bp):
    """The message is lost, not the connection."""
    with Server("max_payload: 100") as server, NatsClient(server, "a") as client:
        bp.run("channel watch -f nats-fleet")
        open_bridge(bp, server, "export=a -> a")
        send(bp, "a", "x" * 200)
        heard(bp, "larger than the server allows")
        send(bp, "a", "short")
        client.expect("a", "short")
        assert "1 lost" in info(bp) and "0 connections lost" in info(bp)


def test_subjects_without_end(bp):
    with Server() as server, NatsClient(server) as client:
        bp.run("channel watch -f nats-fleet")
        open_bridge(bp, server, "import=in.>", "max_channels=3")
        for number in range(4):
            client.publish(f"in.{number}", "x")
        heard(bp, "Messages are lost: max_channels is reached")
        assert "1 lost" in info(bp)


# --- who may, and encrypted ---

def test_password_and_token(bp):
    with Server('authorization { user: me, password: "a secret", timeout: 1 }') as server:
        open_bridge(bp, server, "user=me", "password=wrong", wait=False)
        eventually(lambda: "refuses the user, the password or the token" in state(bp))
        assert "wrong" not in state(bp)
        bp.run("module close fleet")
        path = bp.folder + "/password"
        with open(path, "w") as file:
            file.write("a secret\n")
        os.chmod(path, 0o600)
        open_bridge(bp, server, "user=me", f"password_file={path}")
        bp.run("module close fleet")
    with Server('authorization { token: "t0ken" }') as server:
        open_bridge(bp, server, "token=t0ken")


def test_permissions(bp):
    """What the server refuses is reported; the rest goes on."""
    rights = 'authorization { users: [{ user: me, password: me, permissions: { publish: "good", subscribe: ["good", "_INBOX.>"] } }, { user: all, password: all }] }'
    with Server(rights) as server, NatsClient(server, "good", user="all", **{"pass": "all"}) as client:
        bp.run("channel watch -f nats-fleet")
        open_bridge(bp, server, "user=me", "password=me", "import=bad", "import=good", "export=x -> bad", "export=y -> good", wait=False)
        heard(bp, 'Permissions Violation for Subscription to "bad"')
        connected(bp)
        send(bp, "x", "1")
        heard(bp, 'Permissions Violation for Publish to "bad"')
        send(bp, "y", "2")
        client.expect("good", "2")


def certificates(folder):
    for name in ("localhost", "elsewhere"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName=DNS:{name}"], check=True, stderr=subprocess.DEVNULL)


def test_tls(bp):
    """The certificate of the server is checked, and its name; a server that wants one gets ours."""
    with tempfile.TemporaryDirectory() as folder:
        certificates(folder)
        files = f'cert_file: "{folder}/localhost.crt", key_file: "{folder}/localhost.key"'
        with Server(f"tls {{ {files} }}") as server:
            open_bridge(bp, server, "tls=yes", f"tls_ca={folder}/elsewhere.crt", "tls_name=localhost", wait=False)
            eventually(lambda: "certificate is not good" in state(bp))
            bp.run("module close fleet")
            open_bridge(bp, server, "tls=yes", f"tls_ca={folder}/localhost.crt", "tls_name=elsewhere", wait=False)
            eventually(lambda: "certificate is not good" in state(bp))
            bp.run("module close fleet")
            open_bridge(bp, server, "tls=yes", f"tls_ca={folder}/localhost.crt", "tls_name=localhost", "import=in")
            bp.run("module close fleet")
        with Server(f'tls {{ {files}, ca_file: "{folder}/elsewhere.crt", verify: true }}') as server:
            open_bridge(bp, server, "tls=yes", f"tls_ca={folder}/localhost.crt", "tls_name=localhost", wait=False)
            eventually(lambda: "not connected" in info(bp) and "\n" in info(bp).split("connections lost\n", 1)[1])
            bp.run("module close fleet")
            open_bridge(bp, server, "tls=yes", f"tls_ca={folder}/localhost.crt", "tls_name=localhost", f"tls_cert={folder}/elsewhere.crt",
                        f"tls_key={folder}/elsewhere.key")
            bp.run("module close fleet")
        with Server() as server:
            open_bridge(bp, server, "tls=yes", f"tls_ca={folder}/localhost.crt", wait=False)
            eventually(lambda: "does not offer TLS" in state(bp))


def test_nothing_before_tls_counts(bp):
    """Bytes behind INFO that are not encrypted could be of anybody."""
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        open_bridge(bp, type("Injects", (), {"port": silent.getsockname()[1]}), "tls=yes", "tls_name=*", wait=False)
        client = silent.accept()[0]
        client.sendall(b'INFO {"tls_required":true}\r\nPONG\r\n')
        eventually(lambda: "more than it may before it knows the client" in state(bp))
        client.close()
    finally:
        silent.close()


# --- kept ---

def test_kept_over_an_outage(bp):
    with Server(jetstream=True) as server:
        with NatsClient(server) as client:
            client.make_stream("S", "k")
            open_bridge(bp, server, "export=k -> k keep=yes")
            send(bp, "k", "0")
            eventually(lambda: client.stored("S") == 1)
        server.stop()
        eventually(lambda: "not connected" in info(bp))
        for number in range(1, 200):
            send(bp, "k", number)
        assert "199 waiting" in info(bp)
        server.start()
        with NatsClient(server) as client:
            eventually(lambda: client.stored("S") == 200)
            eventually(lambda: " 0 bytes kept" in info(bp))
            texts = [client.message("S", number)["data"] for number in (1, 100, 200)]
            assert texts == ["MA==", "OTk=", "MTk5"], texts  # 0, 99, 199


def test_killed_with_messages_waiting(_):
    """What is on the disk survives kill -9, and arrives in order, once."""
    with Server(jetstream=True) as server:
        with NatsClient(server) as client:
            client.make_stream("S", "k")
        server.stop()
        folder, number = None, 0
        for _round in range(3):
            bp = Backplane(folder=folder)
            folder = bp.folder
            open_bridge(bp, server, "export=k -> k keep=yes", wait=False)
            eventually(lambda: f" {number} waiting" in info(bp))
            for number in range(number + 1, number + 31):
                send(bp, "k", number)
            eventually(lambda: kept(folder) == number)
            bp.process.kill()
            bp.process.wait()
        server.start()
        bp = Backplane(folder=folder)
        try:
            open_bridge(bp, server, "export=k -> k keep=yes")
            eventually(lambda: kept(folder) == 0)
            with NatsClient(server) as client:
                assert client.stored("S") == 90
                assert client.message("S", 1)["data"] == "MQ==" and client.message("S", 90)["data"] == "OTA="
        finally:
            bp.finish(False)


def kept(folder):
    """Messages that are on the disk."""
    try:
        with sqlite3.connect(f"file:{folder}/state/backplane/store/nats-fleet.db?mode=ro", uri=True) as file:
            return file.execute("SELECT count(*) FROM key").fetchone()[0]
    except sqlite3.OperationalError:
        return -1


def test_link_that_breaks(bp):
    """A thousand messages over a connection that is cut again and again: each is stored once, in order."""
    with Server(jetstream=True) as server, Relay(server) as relay, NatsClient(server) as client:
        client.make_stream("S", "k")
        client.subscribe("k")
        open_bridge(bp, relay, "export=k -> k keep=yes", "keep_limit=64M")
        for number in range(1, 1001):
            send(bp, "k", number)
            if number % 100 == 0:
                relay.cut()
                eventually(lambda: relay.pairs)  # it has come again
        eventually(lambda: client.stored("S") == 1000)
        eventually(lambda: " 0 bytes kept" in info(bp))
        first = list(dict.fromkeys(int(data) for subject, data in client.messages() if subject == "k"))
        assert relay.cuts == 10 and first == list(range(1, 1001)), (relay.cuts, len(first))
        assert " 0 lost" in info(bp)


def test_no_stream_yet(bp):
    """Kept messages wait until there is a stream for them."""
    with Server(jetstream=True) as server, NatsClient(server) as client:
        bp.run("channel watch -f nats-fleet")
        open_bridge(bp, server, "export=k -> k keep=yes")
        for number in range(5):
            send(bp, "k", number)
        heard(bp, "Kept messages wait: no stream takes this subject")
        client.make_stream("S", "k")
        eventually(lambda: client.stored("S") == 5)
        assert " 0 lost" in info(bp)


# --- commands ---

def test_commands(bp):
    with Server() as server, NatsClient(server, "some.>") as client:
        open_bridge(bp, server)
        bp.run("nats publish fleet some.subject a text with blanks")
        client.expect("some.subject", "a text with blanks")
        for bad in ("some..x", "some.*", "some.>", ".", ">"):
            assert "no subject" in "\n".join(bp.run(f"nats publish fleet {bad} x")), bad
        assert "no filter" in "\n".join(bp.run("nats watch fleet a..b"))
        bp.type("threaded nats watch fleet shown.> -n 1")
        lines = []

        def shown():
            client.publish("shown.here", "seen")
            lines.extend(bp.run("echo"))
            return any("shown.here seen" in line for line in lines)
        eventually(shown)
        assert re.search(r"fleet +127.0.0.1:\d+ +connected", "\n".join(bp.run("nats list")))
        assert "2.9" in info(bp) or "connected to" in info(bp)


# A channel that a subject has made stays as long as the bridge.
for bridge in ("fleet", "rim", "one", "two"):
    all_keep(globals(), bridge, channel=8)
main("nats", globals())
