#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lua-mqtt.py - MQTT clients of scripts."""
import os
import signal
import subprocess
from harness import eventually, free_port, main
from mqtts import Broker, Relay, Subscriber, publish

HERE = os.path.join(os.environ.get("SRC", "."), "tests", "lua")


def write(bp, name, text):
    with open(f"{bp.folder}/{name}.lua", "w") as file:
        file.write(text)
    return f"{bp.folder}/{name}.lua"


def start(bp, name, text):
    """Lines that the script prints, as they come."""
    bp.run("lua run " + write(bp, name, text))
    seen = bp.run("channel watch script-" + name)  # which has what was printed before

    def wait(line):
        try:
            eventually(lambda: any(one.endswith(": " + line) for one in seen) or seen.extend(bp.run(".echo")))
        except AssertionError:
            raise AssertionError(f"no {line!r} in {seen}")
        return seen
    wait.seen = seen
    return wait


def test_mqtt(bp):
    """tests/lua/mqtt.lua prints what mqtt.expected says."""
    with Broker() as broker:
        with open(f"{HERE}/mqtt.expected") as file:
            wanted = [line.strip() for line in file if line.strip()]
        got = [line.replace(HERE + "/", "").strip() for line in bp.run(f"lua run {HERE}/mqtt.lua {broker.port} {free_port()} -u")]
        assert got == wanted, "\n".join(["got:", *got])


def test_last_will(bp):
    """It is sent when the connection is cut, and not when the script ends in order."""
    with Broker() as broker, Relay(broker) as relay, Subscriber(broker, "will/#") as reader:
        text = """local client = mqtt.Client.connect("mqtt://127.0.0.1:%d", { lastWill = { topic = "will/%s", payload = "gone", qos = 1 } })
            client:addEventListener("connected", function() print("connected") end)
            client:addEventListener("closed", function(event) print("closed") end)"""
        orderly = start(bp, "orderly", text % (broker.port, "orderly"))
        orderly("connected")
        bp.run("lua stop orderly")
        cut = start(bp, "cut", text % (relay.port, "cut"))
        cut("connected")
        relay.cut()
        cut("closed")
        reader.expect("will/cut", b"gone")
        assert not any("orderly" in one[0] for one in reader.messages()), reader.messages()
        eventually(lambda: any(line.split()[:2] == ["cut", "finished"] for line in bp.run("lua list")))


def test_tls(bp):
    """With PEM texts: an authority, a certificate of the client, a wrong name, no check."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=bp.folder, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "9")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", "request.pem", "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "9")
    os.chmod(bp.folder, 0o755)
    for name in os.listdir(bp.folder):
        if name.endswith((".pem", ".key")):
            os.chmod(f"{bp.folder}/{name}", 0o644)
    texts = {}
    for name in ("ca.pem", "client.pem", "client.key"):
        with open(f"{bp.folder}/{name}") as file:
            texts[name] = file.read()
    with Broker("allow_anonymous true", f"cafile {bp.folder}/ca.pem", f"certfile {bp.folder}/server.pem", f"keyfile {bp.folder}/server.key",
                "require_certificate true") as broker:
        os.chmod(bp.folder, 0o700)
        said = bp.run("lua run " + write(bp, "tls", f"""
            local authority, client = [[{texts['ca.pem']}]], [[{texts['client.pem']}{texts['client.key']}]]
            local function try(uri, tls)
                print(_PY.await(function(done)
                    local one
                    one = mqtt.Client.connect(uri, {{ tls = tls, callback = function(code) one:disconnect() done(code) end }})
                end))
            end
            try("mqtts://localhost:{broker.port}", {{ certificateAuthority = authority, clientCertificate = client }})
            try("mqtts://127.0.0.1:{broker.port}", {{ certificateAuthority = authority, clientCertificate = client }})
            try("mqtt://127.0.0.1:{broker.port}", {{ allowUnauthorized = true, clientCertificate = client }})
            try("mqtts://localhost:{broker.port}", {{ clientCertificate = client }})
            try("mqtts://localhost:{broker.port}", {{ certificateAuthority = authority }})
            """) + " -u")
        assert said == ["0", "-1", "0", "-1", "-1"], said


def test_password(bp):
    """Refused, with the code of the broker."""
    with open(bp.folder + "/users", "w"):
        pass
    os.chmod(bp.folder, 0o755)
    os.chmod(bp.folder + "/users", 0o644)
    with Broker("allow_anonymous false", f"password_file {bp.folder}/users") as broker:
        os.chmod(bp.folder, 0o700)
        said = bp.run("lua run " + write(bp, "user", f"""
            local client = mqtt.Client.connect("mqtt://ann:wrong@127.0.0.1:{broker.port}", {{ callback = function(code) print(code) end }})
            client:addEventListener("error", function(event) print(event.code, (event.message:gsub("^.-: ", ""))) end)""") + " -u")
    assert said[0].startswith("5 the broker does not allow") and said[1] == "-1", said


def test_broker_gone_and_back(bp):
    """QoS 1 and 2 in flight while the broker dies are acknowledged by the next one."""
    with Broker() as broker:
        wait = start(bp, "sender", f"""
            local left, rounds = 5, 0
            client = mqtt.Client.connect("mqtt://127.0.0.1:{broker.port}", {{ clientId = "sender", cleanSession = false, reconnect = true }})
            client:addEventListener("connected", function() rounds = rounds + 1 print("connected " .. rounds) end)
            client:addEventListener("closed", function() print("closed") end)
            client:addEventListener("published", function() left = left - 1 if left == 0 then print("all") client:disconnect() end end)
            function go() for i = 1, 5 do print(math.type(client:publish("t", "m" .. i, {{ qos = i % 2 + 1 }}))) end end""")
        wait("connected 1")
        broker.process.send_signal(signal.SIGSTOP)
        try:
            wait.seen.extend(bp.run("lua eval sender go()"))
            assert not any(line.endswith(": all") for line in wait("integer"))
        finally:
            broker.stop(signal.SIGKILL)
        wait("closed")
        broker.start()
        wait("connected 2")
        wait("all")


def test_sample_bridge(bp):
    with Broker() as broker, Subscriber(broker, "home/#") as reader:
        bp.run(f"lua run {os.environ.get('SRC', '.')}/data/samples/bridge.lua mqtt://127.0.0.1:{broker.port}")
        eventually(lambda: any(line.endswith("connected to mqtt://127.0.0.1:%d" % broker.port) for line in bp.run("channel watch script-bridge")))
        bp.run("lua eval bridge bp.channel('uart7/send') bp.channel('uart7/recv'):print('from the device')")
        reader.expect("home/uart7/recv", b"from the device")
        bp.run("channel watch uart7/send")
        publish(broker, "home/uart7/send", "to the device")
        eventually(lambda: any("to the device" in line for line in bp.run(".echo")))


def test_stopped(bp):
    """Clients in every state go with their script and with the plugin."""
    with Broker() as broker:
        text = f"""for i = 1, 20 do
            local client = mqtt.Client.connect("mqtt://127.0.0.1:{broker.port}")
            client:addEventListener("connected", function() count = (count or 0) + 1 client:subscribe("#") client:publish("a", "b", {{ qos = 2 }}) end)
            mqtt.Client.connect("mqtt://127.0.0.1:{free_port()}", {{ reconnect = true }})
        end"""
        bp.run("lua run " + write(bp, "many", text))
        eventually(lambda: bp.run("lua eval many count") == ["20"])
        bp.run("lua restart many")
        bp.run("lua run " + write(bp, "more", text))
        bp.run("plugin reload lua")
        bp.run("plugin unload lua")


main("lua-mqtt", globals())
