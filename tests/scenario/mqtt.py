#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mqtt.py - channels as topics of Mosquitto, and topics as channels."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import time

from harness import Backplane, all_keep, eventually, found, free_port, main
from mqtts import Broker, Relay, Subscriber, connected, info, open_bridge, publish, send


def heard(bp, pattern):
    """A watched channel has said it."""
    eventually(lambda: bp_heard(bp, pattern))


def bp_heard(bp, pattern):
    bp.log = getattr(bp, "log", "") + "\n".join(bp.run("echo")) + "\n"
    return re.search(pattern, bp.log)


def stored(folder):
    """Messages that are on the disk."""
    try:
        with sqlite3.connect(f"file:{folder}/state/backplane/store/mqtt-hub.db?mode=ro", uri=True) as file:
            return file.execute("SELECT count(*) FROM key").fetchone()[0]
    except sqlite3.OperationalError:
        return -1


def both(bp, first, second):
    """A command that waits, and one behind it."""
    bp.type(f"threaded {first}")
    bp.run(second)
    lines = []
    eventually(lambda: lines.extend(bp.run("echo")) or lines)
    return lines


# --- both ways ---

def test_out_and_in(bp):
    with Broker() as broker, Subscriber(broker, "lab/#") as reader:
        open_bridge(bp, broker, "export=a/*", "import=in/#")
        reader.expect("lab/status", b"online")
        send(bp, "a/b", "hello")
        reader.expect("lab/a/b", b"hello")
        bp.run("channel watch -f hub/in/x/y")
        publish(broker, "in/x/y", "from outside")
        heard(bp, "from outside")
        assert "1 in," in info(bp)
        bp.run("module close hub")
        reader.expect("lab/status", b"offline")


def test_rules(bp):
    with Broker() as broker, Subscriber(broker, "#") as reader:
        open_bridge(bp, broker, "export=uart*/recv -> lab/{host}x/uart/{1}/recv qos=1", "export=j/* -> j/{1} encoding=json",
                    "export=k/* -> kept/{1} retain=yes qos=2", "export=*/every -> every/{1} every=3",
                    "export=big -> big payload_limit=4", "import=to/+/set -> {1}/send")
        send(bp, "uart7/recv", "line")
        eventually(lambda: any(re.fullmatch(r"lab/[^/]+x/uart/7/recv", topic) for topic, _ in reader.messages()))
        send(bp, "j/one", "some text")
        eventually(lambda: any(topic == "j/one" for topic, _ in reader.messages()))
        sent = json.loads(next(payload for topic, payload in reader.messages() if topic == "j/one"))
        assert sent["channel"] == "j/one" and sent["text"] == "some text" and abs(sent["time"] - time.time()) < 3600
        send(bp, "k/state", "on")
        with Subscriber(broker, "kept/#", client="late") as late:
            late.expect("kept/state", b"on")
        for number in range(7):
            send(bp, f"x/every", f"{number}")
        send(bp, "big", "12345")
        send(bp, "big", "1234")
        reader.expect("big", b"1234")
        assert [payload for topic, payload in reader.messages() if topic == "every/x"] == [b"2", b"5"]
        assert "1 lost" in info(bp)
        bp.run("channel watch -f motor/send")
        publish(broker, "to/motor/set", "7")
        heard(bp, r"motor/send.*7|^7")


def test_rate(bp):
    """The first message at once, then the latest of each interval."""
    with Broker() as broker, Subscriber(broker, "lab/#") as reader:
        open_bridge(bp, broker, "export=t -> lab/t rate=300ms")
        for number in range(50):
            send(bp, f"t", f"{number}")
        reader.expect("lab/t", b"49")
        values = [int(payload) for topic, payload in reader.messages() if topic == "lab/t"]
        assert values[0] == 0 and values == sorted(values), values


def test_bad_rules_and_options(bp):
    for words, why in ((("export=a -> b/#"), "makes no topic"), (("export=a/* -> x/{2}"), "stands for nothing"),
                       (("export=a -> x/{nobody}"), "stands for nothing"), (("import=a/#/b"), "no filter"),
                       (("import=a/+ -> x[{1}]"), "x\\["), (("export=a -> b qos=3"), "qos"), (("export=a -> b keep=yes"), "keep wants"),
                       (("export=a -> b colour=red"), "colour"), (("tls_ca=/no/such/file tls=yes"), "cannot be used for TLS")):
        said = "\n".join(bp.run(f'module open MqttBridge bad port=1 {words if words.startswith("tls") else chr(34) + words + chr(34)}'))
        assert re.search(why, said), (words, said)
    assert "there is no bridge" in "\n".join(bp.run("mqtt info"))


def test_names(bp):
    """Odd characters become legal topics, and come back as the same name."""
    with Broker() as broker, Subscriber(broker, "#") as reader:
        open_bridge(bp, broker, "export=odd/* -> {channel}")
        for name, topic in (("odd/a+b", "odd/a%2Bb"), ("odd/%", "odd/%25"), ("odd/#1", "odd/%231"), ("odd/é", "odd/é"), ("odd//x/", "odd//x/")):
            send(bp, f"{name}", f"{name}!")
            reader.expect(topic, f"{name}!".encode())


# --- loops ---

def test_nothing_comes_back(bp):
    for version in (5, 3):
        with Broker() as broker, Subscriber(broker, "lab/#") as reader:
            open_bridge(bp, broker, "export=both/*", "import=lab/both/# -> both/{1}", f"version={version}")
            send(bp, "both/x", "one")
            reader.expect("lab/both/x", b"one")
            publish(broker, "lab/both/x", "two")
            eventually(lambda: "1 in," in info(bp) or "2 in," in info(bp))
            send(bp, "both/x", "three")
            reader.expect("lab/both/x", b"three")
            assert [payload for topic, payload in reader.messages() if topic == "lab/both/x"] == [b"one", b"two", b"three"], version
            assert "1 in," in info(bp), info(bp)
            bp.run("module close hub")


def test_two_hosts_that_import_each_other(bp):
    other = Backplane()
    try:
        with Broker() as broker, Subscriber(broker, "lab/#") as reader:
            open_bridge(bp, broker, "export=both/*", "import=lab/both/# -> both/{1}", "client_id=one", "status=none")
            open_bridge(other, broker, "export=both/*", "import=lab/both/# -> both/{1}", "client_id=two", "status=none", name="rim")
            send(bp, "both/x", "one")
            eventually(lambda: "1 in," in info(other, "rim"))
            send(other, "both/x", "two")
            eventually(lambda: "1 in," in info(bp))
            publish(broker, "lab/end", "end")
            reader.expect("lab/end", b"end")
            assert len([1 for topic, _ in reader.messages() if topic == "lab/both/x"]) == 2, reader.messages()
    finally:
        other.finish(False)


# --- what breaks ---

def test_broker_goes_and_returns(bp):
    with Broker() as broker:
        bp.run("channel watch -f mqtt-hub")
        open_bridge(bp, broker, "export=a -> a qos=1", "import=in/#")
        broker.stop(signal.SIGKILL)
        heard(bp, "trying again")
        send(bp, "a", "lost")
        heard(bp, "Messages are lost: there is no connection")
        assert "1 lost" in info(bp)
        broker.forget()
        broker.start()
        connected(bp)
        bp.run("channel watch -f hub/in/x")
        publish(broker, "in/x", "still subscribed")
        heard(bp, "still subscribed")


def test_kept_over_an_outage(bp):
    with Broker() as broker:
        open_bridge(bp, broker, "export=k -> k qos=1 keep=yes")
        with Subscriber(broker, "k", "-c") as reader:
            send(bp, "k", "0")
            reader.expect("k", b"0")
        broker.stop()
        eventually(lambda: "not connected" in info(bp))
        for number in range(1, 200):
            send(bp, f"k", f"{number}")
        assert "199 waiting" in info(bp)
        broker.start()
        with Subscriber(broker, "k", "-c") as reader:
            reader.expect("k", b"199")
            seen = [int(payload) for _, payload in reader.messages()]
            assert seen == sorted(seen) and seen[-1] == 199
        eventually(lambda: " 0 bytes kept" in info(bp))


def test_killed_with_messages_waiting(_):
    """What is on the disk survives kill -9, each time, and arrives in order."""
    with Broker() as broker:
        with Subscriber(broker, "k", "-c"):
            pass
        broker.stop()
        folder, number = None, 0
        for _round in range(4):
            bp = Backplane(folder=folder)
            folder = bp.folder
            open_bridge(bp, broker, "export=k -> k qos=1 keep=yes", wait=False)
            eventually(lambda: f" {number} waiting" in info(bp))  # those of the runs before
            for number in range(number + 1, number + 51):
                send(bp, "k", number)
            eventually(lambda: stored(folder) == number)
            bp.process.kill()
            bp.process.wait()
        broker.start()
        bp = Backplane(folder=folder)
        try:
            open_bridge(bp, broker, "export=k -> k qos=1 keep=yes")
            with Subscriber(broker, "k", "-c") as reader:
                reader.expect("k", b"200")
                assert [int(payload) for _, payload in reader.messages()] == list(range(1, 201))
            eventually(lambda: stored(folder) == 0)
        finally:
            bp.finish(False)


def test_link_that_breaks(bp):
    """Two thousand messages over a connection that is cut again and again: none is lost, and their order stays."""
    with Broker() as broker, Subscriber(broker, "k") as reader, Relay(broker) as relay:
        open_bridge(bp, relay, "export=k -> k qos=1 keep=yes", "keep_limit=64M")
        for number in range(1, 2001):
            send(bp, "k", number)
            if number % 100 == 0:
                relay.cut()
                eventually(lambda: relay.pairs)  # it has come again
        reader.expect("k", b"2000")
        seen = [int(payload) for _, payload in reader.messages()]
        first = list(dict.fromkeys(seen))
        assert relay.cuts == 20 and len(first) == 2000, (relay.cuts, len(seen))
        assert first == list(range(1, 2001)), [pair for pair in zip(first, range(1, 2001)) if pair[0] != pair[1]][:9]
        eventually(lambda: " 0 bytes kept" in info(bp))
        assert " 0 lost" in info(bp)


def test_tls(bp):
    """The certificate of the broker is checked, and its name."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("localhost", "elsewhere"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", "-subj", f"/CN={name}",
                            "-addext", f"subjectAltName=DNS:{name}"], check=True, stderr=subprocess.DEVNULL)
            os.chmod(f"{folder}/{name}.key", 0o644)
        os.chmod(folder, 0o755)
        with Broker("allow_anonymous true", f"certfile {folder}/localhost.crt", f"keyfile {folder}/localhost.key") as broker:
            open_bridge(bp, broker, "tls=yes", f"tls_ca={folder}/elsewhere.crt", "tls_name=localhost", wait=False)
            eventually(lambda: "certificate" in "\n".join(bp.run("module info hub")))
            bp.run("module close hub")
            open_bridge(bp, broker, "tls=yes", f"tls_ca={folder}/localhost.crt", "tls_name=elsewhere", wait=False)
            eventually(lambda: "certificate" in "\n".join(bp.run("module info hub")))
            bp.run("module close hub")
            open_bridge(bp, broker, "tls=yes", f"tls_ca={folder}/localhost.crt", "tls_name=localhost")
            assert any("x y" in line for line in both(bp, "mqtt watch hub x -n 1", "mqtt publish hub x y"))


def test_topics_without_end(bp):
    with Broker() as broker:
        bp.run("channel watch -f mqtt-hub")
        open_bridge(bp, broker, "import=in/#", "max_channels=3")
        for number in range(4):
            publish(broker, f"in/{number}", "x")
        heard(bp, "Messages are lost: max_channels is reached")
        assert "1 lost" in info(bp)


def test_nobody_answers(bp):
    said = open_bridge(bp, type("None", (), {"port": free_port()}), wait=False)
    assert said is not None
    eventually(lambda: "refused" in "\n".join(bp.run("module info hub")))
    assert "there is no connection" in "\n".join(bp.run("mqtt publish hub a b"))


def test_password(bp):
    with Broker("allow_anonymous false") as broker:
        open_bridge(bp, broker, "user=me", "password=wrong", wait=False)
        eventually(lambda: "refuses the user or the password" in "\n".join(bp.run("module info hub")) or
                   "does not allow" in "\n".join(bp.run("module info hub")))
        assert "wrong" not in "\n".join(bp.run("module info hub"))


# --- commands ---

def test_commands(bp):
    with Broker() as broker, Subscriber(broker, "#") as reader:
        open_bridge(bp, broker)
        bp.run("mqtt publish hub some/topic a text with blanks")
        reader.expect("some/topic", b"a text with blanks")
        assert "no topic" in "\n".join(bp.run("mqtt publish hub some/# x"))
        bp.run("mqtt publish hub -r kept/one value")
        assert any("kept/one value" in line for line in bp.run("mqtt watch hub kept/# -n 1"))
        bp.run("mqtt publish hub -r kept/one")
        assert re.search(r"hub +127.0.0.1 +connected", "\n".join(bp.run("mqtt list")))


# A channel that a topic has made stays as long as the bridge.
all_keep(globals(), "hub", channel=8)
all_keep(globals(), "rim", channel=8)
main("mqtt", globals())
