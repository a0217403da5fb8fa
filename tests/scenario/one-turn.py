#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""one-turn.py - clients that leave in the same turn of the loop in which their plugin is unloaded or reloaded.

The program is stopped, everything happens, it goes on: all of it is in one batch of events. Run under AddressSanitizer too
(make -C build/asan check-units), where what is used after it was freed ends the program.
"""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess

from harness import Backplane, Client, PATIENCE, found, free_port, keeps, main
from hosts import Others, host, shake
from meshes import Gateway
from uarts import open_uart
from wsclient import WebSocket
import hosts
import uarts


def together(bp, *actions):
    os.kill(bp.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, bp.process.pid, os.WSTOPPED)
    for action in actions:
        action()
    os.kill(bp.process.pid, signal.SIGCONT)


# --- how a client leaves ---

def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


def reset_behind_bytes(client):
    client.send(b"\r\nlast words\r\n")
    reset(client)


def half_close(client):
    client.end_input()


def close(client):
    client.send(b"exit\r\n")
    client.close()


LEAVING = [reset, reset_behind_bytes, half_close, close]


def leave(clients, shift):
    for number, client in enumerate(clients):
        LEAVING[(number + shift) % len(LEAVING)](client)


# --- the same for each plugin ---

def opened(bp):
    listed = bp.run("module list")
    rows = listed[[line.startswith("Loaded Modules") for line in listed].index(True) + 1:]
    return [line.split()[0] for line in rows if line.split()[1] not in ("Terminal", "ControlServer")]


def torture(bp, plugin, scene):
    """`scene` opens what it needs and gives its clients."""
    for way in ("unload", "reload", "close", "kill"):
        for shift in range(len(LEAVING)):
            for first in (True, False):
                there = scene(bp)
                orders = {"unload": [f"plugin unload {plugin}"], "reload": [f"plugin reload {plugin}"],
                          "close": [f"module close {name}" for name in opened(bp)],
                          "kill": [f"session kill {line.split()[0]}" for line in bp.run("session list")[3:]]}[way]
                order = [lambda: leave(there, shift), lambda: bp.type("\n".join(orders))]
                together(bp, *(order if first else reversed(order)))
                bp.run("echo")
                if way == "unload":
                    hosts.wait_for(bp, "plugin list", rf"(?m)\A(?!(.*\n)*{plugin} )")
                    bp.run(f"plugin load {plugin}")
                for client in there:
                    client.close()
                for name in opened(bp):
                    bp.run(f"module close {name}")


def port_for(bp, module, *words, name="front"):
    port = free_port()
    said = bp.run(" ".join([f"module open {module} {name} port={port}", *words]))
    assert any("Opened" in line for line in said), said
    return port


def clients(port, *greetings, expect=None):
    all_of_them = []
    for greeting in greetings:
        client = Client(port)
        if greeting:
            client.send(greeting)
        if expect:
            client.expect(expect)
        all_of_them.append(client)
    return all_of_them


# --- tcp ---

def tcp_scene(bp):
    raw = port_for(bp, "TCPServer", name="raw")
    lines = port_for(bp, "TCPServer", "handler=console", name="lines")
    away = socket.create_server(("127.0.0.1", 0))
    bp.run(f"module open TCPClient out host=127.0.0.1 port={away.getsockname()[1]} reconnect_min=10ms")
    far = Client.__new__(Client)
    far.socket, far.seen = away.accept()[0], b""
    away.close()
    return clients(raw, *[b"bytes"] * 5) + clients(lines, *[b"echo here\n"] * 5, expect="here") + [far]


def test_tcp(bp):
    torture(bp, "tcp", tcp_scene)


# --- telnet ---

def telnet_scene(bp):
    port = port_for(bp, "TelnetServer", "handler=console")
    lines = clients(port, *[b"echo here\n"] * 3, expect="here")
    silent = clients(port, b"", b"")
    telling = clients(port, *[b"\xff\xfb\x18"] * 2, expect=b"\xff\xfa\x18\x01\xff\xf0")
    waiting = clients(port, *[b"echo here\nwait 60\n"] * 3, expect="here")
    return lines + silent + telling + waiting


def test_telnet(bp):
    torture(bp, "telnet", telnet_scene)


# --- web ---

def get(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode()


def web_scene(bp):
    port = port_for(bp, "WebServer", "quiet=yes")
    half = clients(port, b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\ncmd")
    idle = clients(port, get("/healthz"), get("/healthz"), expect="\r\n\r\n")
    feeds = clients(port, *[get("/api/v1/events?watch=*")] * 3, expect="retry")
    runs = clients(port, *[get("/?cmd=wait+60")] * 3)
    sockets = []
    for _ in range(3):
        client = WebSocket(port, "/ws")
        client.hear_json()
        client.say(json.dumps({"op": "watch", "channel": "*"}))
        client.say(json.dumps({"op": "run", "id": 1, "command": "wait 60"}))
        sockets.append(client)
    return half + idle + feeds + runs + sockets


def test_web(bp):
    torture(bp, "web", web_scene)


# --- wsserver ---

def wsserver_scene(bp):
    port = port_for(bp, "WebSocketServer", "handler=console enable_monitoring=yes")
    telnet = port_for(bp, "WebSocketTelnetServer", "handler=console", name="tel")
    plain = [WebSocket(port) for _ in range(4)]
    for client in plain[2:]:
        client.say("wait 60")
    return plain + [WebSocket(telnet, "/ws_telnet") for _ in range(3)] + [WebSocket(port, "/monitor") for _ in range(2)]


def test_wsserver(bp):
    torture(bp, "wsserver", wsserver_scene)


# --- uart ---

def uart_scene(bp):
    device = open_uart(bp)
    raw = uarts.serve(bp, "mode=raw writers=many")
    rfc = uarts.serve(bp, name="rfc")
    terms = clients(port_for(bp, "TCPServer", "handler=console", name="con"), *[b"uart term root\n"] * 2, expect="ends")
    there = clients(raw, *[b"bytes"] * 5) + clients(rfc, *[b"\xff\xfb\x2c"] * 5, expect=b"\xff\xfd\x2c")
    there[0].device = device  # kept until they have left
    return there + terms


def test_uart(bp):
    torture(bp, "uart", uart_scene)


# --- peer ---

def peer_scene(bp):
    port = hosts.serve(bp)
    one = free_port()
    host(bp, "hosta", one, "export=*", "connect=127.0.0.1:1")
    bp.run("endpoint add slow -- wait 60")
    asking = clients(port, *[b'{"endpoint": "slow"}\n'] * 4) + clients(port, b'{"request": "ping"}\n', expect="pong")
    peers = [shake(one, f"orig{number}")[0] for number in range(4)]
    away = socket.create_server(("127.0.0.1", 0))
    bp.run(f"module open EndpointClient ask host=127.0.0.1 port={away.getsockname()[1]}")
    far = Client.__new__(Client)
    far.socket, far.seen = away.accept()[0], b""
    away.close()
    return asking + peers + [far] + clients(one, b"", b"{")


@keeps("plugin/peer", registration=1)  # an endpoint
def test_peer(bp):
    torture(bp, "peer", peer_scene)


# --- mesh ---

def mesh_scene(bp):
    gateway = Gateway(bp)
    pages = port_for(bp, "MeshPages", "gateway=lab", name="pages")
    listening = clients(gateway.port, *[b"[syn]\0"] * 4, expect=b"[ack]\0")
    half = clients(gateway.port, b"SE", b"ND-\0", b"")
    asking = clients(gateway.port, b"SEND-\0\5hello", b"[GET]\0\5GPS")
    listening[0].gateway = gateway
    return listening + half + asking + [WebSocket(pages, "/") for _ in range(3)]


def test_mesh(bp):
    torture(bp, "mesh", mesh_scene)


# --- udp ---

def udp_scene(bp):
    here = port_for(bp, "UDPServer")
    bp.run("module open UDPSocket out")
    console = port_for(bp, "TCPServer", "handler=console", name="con")
    asking = clients(console, *[f"udp send -w 60 127.0.0.1:{here} hello\n"] * 2, f"udp send -w 60 127.0.0.1:{free_port()} x\n",
                     "udp send -w 60 localhost:9 hello\n")
    for _ in range(3):
        client = Client.__new__(Client)
        client.socket, client.seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), b""
        client.socket.connect(("127.0.0.1", here))
        client.send(b"one")
        asking.append(client)
    return asking


def test_udp(bp):
    torture(bp, "udp", udp_scene)


# --- handlers, whose sessions are served by another plugin ---

def handler_scene(handler):
    def scene(bp):
        telnet = port_for(bp, "TelnetServer", f"handler={handler}")
        tcp = port_for(bp, "TCPServer", f"handler={handler}", name="lines")
        web = port_for(bp, "WebSocketServer", f"handler={handler}", name="ws")
        return clients(telnet, *[b"hi\n"] * 3) + clients(telnet, b"") + clients(tcp, *[b"hi\n"] * 3) + [WebSocket(web)]
    return scene


def test_echo(bp):
    torture(bp, "echo", handler_scene("echo"))


def test_guess(bp):
    torture(bp, "guess", handler_scene("guess"))


# --- TLS, in the middle of its handshake ---

def test_tls(bp):
    cert, key = bp.folder + "/pem", bp.folder + "/key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)

    def scene(bp):
        port = port_for(bp, "TCPServer", f"tls=yes tls_cert={cert} tls_key={key} handler=console")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        there = []
        for _ in range(3):
            client = Client(port)
            client.socket = context.wrap_socket(client.socket)
            client.send(b"echo here\n")
            client.expect("here")
            there.append(client)
        return there + clients(port, b"\x16\x03\x01", b"", b"no TLS at all\n")
    torture(bp, "tcp", scene)


# --- commands that wait, in sessions that end while the plugin of the command goes ---

def command_scene(bp):
    console = port_for(bp, "TCPServer", "handler=console", name="con")
    dead = socket.create_server(("127.0.0.1", 0))  # never answers
    port = dead.getsockname()[1]
    there = clients(console, f"call 127.0.0.1:{port} x\n", f"call 127.0.0.1:{port} x --async\n", "call localhost:9 x\n",
                    "discovery discover\n", "loop 1 1000 wait 1\n")
    there[0].dead = dead
    return there


def test_commands(bp):
    torture(bp, "peer", command_scene)


def automation_scene(bp):
    console = port_for(bp, "TCPServer", "handler=console", name="con")
    return clients(console, *["loop 1 1000 wait 1\n", "loop 1 1000 loop 1 10 wait 1\n"] * 2, "timerx 0 0.001 echo hi\n")


@keeps("plugin/automation", timer=1)  # timerx
@keeps("process", timer=1)
def test_automation(bp):
    torture(bp, "automation", automation_scene)


# --- the end of the program ---

def test_end(_):
    scenes = [tcp_scene, telnet_scene, web_scene, wsserver_scene, uart_scene, peer_scene, udp_scene, handler_scene("echo"),
              command_scene]
    for shift, scene in enumerate(scenes):
        for signals in ([signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM]):
            bp = Backplane()
            there = scene(bp)
            together(bp, lambda: leave(there, shift), *[lambda: os.kill(bp.process.pid, one) for one in signals])
            bp.process.wait(PATIENCE)
            status = bp.stop()
            assert status in (0, 1, 143) and "Sanitizer" not in found(bp.stderr()), (scene, status, bp.stderr())
            bp.remove()


main("scenario-one-turn", globals())
