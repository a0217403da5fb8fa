#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""servers.py - what every server has in common, with real clients: TLS, sockets handed over, timeouts, sessions, the end."""
import atexit
import collections
import os
import re
import resource
import select
import shutil
import socket
import stat
import subprocess
import tempfile
import time

from clock import Clock
from harness import BUILD, PATIENCE, Client, eventually, free_port, main


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificate(folder, name, subject):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={subject}",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")
    return f"{folder}/{name}.pem", f"{folder}/{name}.key"


def s_client(port, text, *arguments):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-verify_quiet", *arguments],
                          input=text, text=True, capture_output=True, timeout=PATIENCE)


def port_of(bp, name):
    return int(re.search(rf"^{name}\s.*listening on \S+:(\d+)", "\n".join(bp.run("status")), re.M).group(1))


def test_tls(bp):
    cert, key = certificate(bp.folder, "server", "localhost")
    bp.run(f"serve echo --transport tcp --name safe --port 0 tls=yes tls_cert={cert} tls_key={key}")
    port = port_of(bp, "safe")
    result = s_client(port, "hello\nquit\n")
    assert "Echo: hello" in result.stdout, result
    for old in ("-tls1", "-tls1_1"):
        assert "Echo" not in s_client(port, "hello\n", old).stdout
    plain = Client(port)
    plain.send("hello\n")
    assert b"Echo" not in plain.rest()
    bp.run(f"serve console --transport telnet --name tel --port 0 tls=yes tls_cert={cert} tls_key={key}")
    result = s_client(port_of(bp, "tel"), "echo over telnet\nexit\n")
    assert "over telnet" in result.stdout, result


def handshake(port, *arguments):
    """What openssl says of it."""
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-no_ign_eof", *arguments], input="quit\n", text=True,
                          capture_output=True, timeout=PATIENCE).stdout


def test_tls_1_2(bp):
    """Forward secrecy and authenticated encryption only, in our order; HTTP is spoken by its name."""
    cert, key = certificate(bp.folder, "server", "localhost")
    bp.run(f"serve echo --transport tcp --name safe --port 0 tls=yes tls_cert={cert} tls_key={key}")
    port = port_of(bp, "safe")
    for refused in "AES256-GCM-SHA384", "AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES128-SHA256":
        said = handshake(port, "-tls1_2", "-cipher", refused + ":@SECLEVEL=0")
        assert "Cipher is (NONE)" in said, (refused, said)
    chosen = {re.search(r"Cipher is (\S+)", handshake(port, "-tls1_2", "-cipher", order))[1]
              for order in ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256")}
    assert len(chosen) == 1, chosen
    assert "No ALPN negotiated" in handshake(port, "-alpn", "h2")
    bp.run(f"module open WebServer web port=0 tls=yes tls_cert={cert} tls_key={key}")
    port = port_of(bp, "web")
    assert "ALPN protocol: http/1.1" in handshake(port, "-alpn", "h2,http/1.1")
    assert "Cipher is (NONE)" in handshake(port, "-alpn", "h2") and "Cipher is TLS" in handshake(port)


def ticket_of(port, folder, name):
    """The name of the key that a session's ticket is encrypted with."""
    handshake(port, "-tls1_2", "-sess_out", f"{folder}/{name}")
    text = subprocess.run(["openssl", "sess_id", "-in", f"{folder}/{name}", "-noout", "-text"], text=True, capture_output=True,
                          check=True).stdout
    return re.search(r"TLS session ticket:\s+0000 - ([0-9a-f -]{47})", text)[1]


def test_keys_of_tickets_change(_):
    """Every hour, and the one before is known for another hour."""
    folder = tempfile.mkdtemp(prefix="backplane-clock-")
    try:
        with Clock(folder, 0) as host:
            cert, key = certificate(folder, "server", "localhost")
            host.bp.run(f"serve echo --transport tcp --name safe --port 0 tls=yes tls_cert={cert} tls_key={key}")
            port = port_of(host.bp, "safe")
            first = ticket_of(port, folder, "first")
            assert ticket_of(port, folder, "same") == first
            assert "Reused, TLSv1.2" in handshake(port, "-tls1_2", "-sess_in", f"{folder}/first")
            host.set(3700)
            second = ticket_of(port, folder, "second")
            assert second != first
            assert "Reused, TLSv1.2" in handshake(port, "-tls1_2", "-sess_in", f"{folder}/first")
            host.set(7300)
            assert ticket_of(port, folder, "third") not in (first, second)
            assert "New, TLSv1.2" in handshake(port, "-tls1_2", "-sess_in", f"{folder}/first")
            assert "Reused, TLSv1.2" in handshake(port, "-tls1_2", "-sess_in", f"{folder}/second")
            host.set(30000)
            ticket_of(port, folder, "fourth")
            assert "New, TLSv1.2" in handshake(port, "-tls1_2", "-sess_in", f"{folder}/third")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_client_certificates(bp):
    cert, key = certificate(bp.folder, "server", "localhost")
    good, good_key = certificate(bp.folder, "good", "alice")
    bad, bad_key = certificate(bp.folder, "bad", "mallory")
    bp.run(f"serve echo --transport tcp --name safe --port 0 tls=yes tls_cert={cert} tls_key={key} tls_client_ca={good}")
    port = port_of(bp, "safe")
    assert "Echo: hello" in s_client(port, "hello\nquit\n", "-cert", good, "-key", good_key).stdout
    assert "Echo" not in s_client(port, "hello\nquit\n", "-cert", bad, "-key", bad_key).stdout
    assert "Echo" not in s_client(port, "hello\nquit\n").stdout


def test_tls_with_a_certificate_of_its_own(bp):
    """It is made once, private, and stays; its fingerprint is in the log."""
    bp.run("serve echo --transport tcp --name safe --port 0 tls=yes")
    file = bp.folder + "/state/backplane/tls.pem"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert "Echo: hello" in s_client(port_of(bp, "safe"), "hello\nquit\n", "-CAfile", file, "-verify_return_error").stdout
    with open(file, encoding="ascii") as pem:
        text = pem.read()
    printed = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName"], input=text, text=True,
                             capture_output=True, check=True).stdout
    assert "DNS:localhost" in printed and printed.split("=", 1)[1].split()[0] in " ".join(bp.run("access show")), printed
    bp.run("serve echo --transport tcp --name more --port 0 tls=yes")
    with open(file, encoding="ascii") as pem:
        assert pem.read() == text
    # One that ends soon is made anew.
    short = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "5", "-subj",
                            "/CN=short", "-keyout", "-"], capture_output=True, check=True).stdout
    with open(file, "wb") as pem:
        pem.write(short)
    bp.run("serve echo --transport tcp --name last --port 0 tls=yes")
    with open(file, "rb") as pem:
        assert pem.read() != short


def test_tls_without_its_files_is_refused(bp):
    said = " ".join(bp.run("serve echo --transport tcp --name safe --port 0 tls=yes tls_key=/no/such"))
    assert "tls_cert" in said and not any(line.startswith("safe ") for line in bp.run("status")), said
    said = " ".join(bp.run("serve echo --transport tcp --name safe --port 0 tls=yes tls_cert=/no/such tls_key=/no/such"))
    assert "/no/such" in said and not any(line.startswith("safe ") for line in bp.run("status")), said


def test_addresses_that_may_come(bp):
    """For each list who comes in; IPv4 over a socket of IPv6 too, and what cannot be read opens nothing."""
    for words, open_to in (("deny=127.0.0.0/8", {}), ("allow=127.0.0.0/8", {"127.0.0.1", "127.0.0.2"}), ("allow=127.0.0.2", {"127.0.0.2"}),
                           ("allow=127.0.0.0/30 deny=127.0.0.1", {"127.0.0.2"}), ("allow=10.0.0.0/8", {}), ("allow=0.0.0.0/0", {"127.0.0.1", "127.0.0.2"}),
                           ("allow=::/0 deny=127.0.0.2/32", {"127.0.0.1"}), ("allow=fd00::/8", {})):
        bp.run("serve echo --transport tcp --name some --port 0 " + words)
        port = port_of(bp, "some")
        for address in ("127.0.0.1", "127.0.0.2"):
            with socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(address, 0)) as client:
                client.settimeout(PATIENCE)
                client.sendall(b"hello\n")
                said = client.recv(1000)
                assert (b"may not come here" not in said) == (address in open_to), (words, address, said)
        bp.run("module close some")
    for wrong in ("allow=127.0.0.0/33", "deny=localhost", "allow=::1/129", "allow=/8", "allow=127.0.0.1/", "deny=1.2.3"):
        said = " ".join(bp.run("serve echo --transport tcp --name some --port 0 " + wrong))
        assert "is no address and no network" in said and not any(line.startswith("some ") for line in bp.run("status")), (wrong, said)


def test_datagrams_of_those_who_may_send(bp):
    bp.run("module open UDPServer box port=0 deny=127.0.0.2")
    port = int(re.search(r"bound to [^\n]*?127.0.0.1:(\d+)", "\n".join(bp.run("module info box")))[1])
    bp.run("channel watch box/recv")
    for address in ("127.0.0.2", "127.0.0.1"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((address, 0))
            sender.sendto(f"from {address}".encode(), ("127.0.0.1", port))
    lines = []
    while not any("from 127.0.0.1" in line for line in lines):
        lines += bp.run("echo")
    assert not any("from 127.0.0.2" in line for line in lines), lines
    assert any(line.startswith("1 datagrams came from addresses that may not") for line in bp.run("module info box"))
    bp.run("channel unwatch box/recv")
    bp.run("module close box")


def test_beyond_loopback(bp):
    said = " ".join(bp.run("serve echo --transport tcp --name open --port 0 bind=0.0.0.0"))
    assert "without login" in said and "insecure=yes" in said, said
    bp.run("serve echo --transport tcp --name open --port 0 bind=0.0.0.0 insecure=yes")
    Client(port_of(bp, "open")).expect("> ")


def test_beyond_loopback_by_command(bp):
    """As the refusal suggests."""
    for command, path in ("consoleserver", None), ("webserver", "/healthz"), ("udpserver", None):
        port = free_port()
        said = " ".join(bp.run(f"{command} -p {port} -b 0.0.0.0"))
        assert "without login" in said and "--insecure" in said, said
        said = " ".join(bp.run(f"{command} -p {port} -b 0.0.0.0 --insecure"))
        assert f"on port: {port}" in said, said
        bp.run(f"{command} -q")


def test_welcome_message(bp):
    """It comes first, whatever the handler says itself."""
    for handler in "echo", "guess", "console":
        bp.run(f"serve {handler} --transport tcp --name one --port 0 welcome_message=\"Hello, stranger\"")
        assert Client(port_of(bp, "one")).expect("\n").strip() == b"Hello, stranger", handler
        bp.run("module close one")


def test_both_loopbacks(bp):
    bp.run("serve echo --transport tcp --name both --port 0 bind=localhost")
    port = port_of(bp, "both")
    Client(port).expect("> ")
    try:
        Client(port, "::1").expect("> ")
    except OSError as error:
        assert "both" in " ".join(bp.run("status")) and not os.path.exists("/proc/net/if_inet6"), error


def test_unix_socket(bp):
    path = bp.folder + "/echo.sock"
    bp.run(f"serve echo --transport tcp --name local --port 0 bind={path}")
    result = subprocess.run(["socat", "-t2", "-", f"UNIX-CONNECT:{path}"], input="hello\nquit\n", text=True,
                            capture_output=True, timeout=PATIENCE)
    assert "Echo: hello" in result.stdout, result
    assert os.stat(path).st_mode & 0o777 == 0o600
    bp.run("module close local")
    assert not os.path.exists(path)


def notified(listener):
    return listener.recv(200).decode()


def test_socket_of_the_service_manager(bp):
    """LISTEN_FDS=1 and a listening socket as descriptor 3: the server that wants that address takes it, after a restart too."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    folder = bp.folder + "/activated"
    os.makedirs(folder)
    script = 'export LISTEN_PID=$$; exec "$0" "$@"'
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(folder + "/notify")
    manager.settimeout(PATIENCE)

    def hand_over():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    process = subprocess.Popen(["sh", "-c", script, BUILD + "/backplane", "-P", BUILD + "/plugins", "-d",
                                "-e", f"serve echo --transport tcp --port {port}"], close_fds=False, preexec_fn=hand_over,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env=dict(os.environ, LISTEN_FDS="1", HOME=folder, XDG_STATE_HOME=folder, XDG_RUNTIME_DIR=folder,
                                        NOTIFY_SOCKET=folder + "/notify"))
    atexit.register(process.kill)
    early = Client(port)  # before anybody accepts
    early.expect("> ")
    assert notified(manager) == "READY=1"
    for _ in range(2):
        subprocess.run([BUILD + "/backplane", "-S", folder + "/backplane/control", "-x", "restart"], check=False,
                       stdout=subprocess.DEVNULL, timeout=PATIENCE)
        # Told that it stops, the service manager would end what has begun again.
        assert notified(manager) == "RELOADING=1"
        again = Client(port)  # the socket has never been closed: nobody is refused
        again.expect("> ")
        assert notified(manager) == "READY=1"
    process.terminate()
    assert notified(manager) == "STOPPING=1"
    assert process.wait(PATIENCE) == 0, process.stderr.read()


def timers_of(port):
    """The seconds after which the system asks each peer of `port` whether it is there."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file]
    return [int(row[5].split(":")[1], 16) / 100 for row in rows if row[1].endswith(":%04X" % port) and row[3] == "01" and row[5][:2] == "02"]


def test_thousands_are_not_asked_together(bp):
    """9,000 connections that were opened together, or as many as there are descriptors for: the questions whether the peers are
    alive are spread over 15 s, and fewer than 1,000 (the queue of a network device) fall in any quarter of a second."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    count = min(9000, limit[1] - 500)
    bp.run("serve echo --transport tcp --name many --port 0 max_connections=10000")
    port = port_of(bp, "many")
    clients = []
    for _ in range(count):
        one = socket.socket()
        one.connect(("127.0.0.1", port))
        clients.append(one)
    timers = eventually(lambda: (found := timers_of(port)) and len(found) == count and found)
    assert max(timers) - min(timers) > 10, (min(timers), max(timers))
    slots = collections.Counter(int(timer * 4) for timer in timers)
    assert max(slots.values()) < max(1000, count // 6), slots.most_common(3)
    for one in clients:
        one.close()


def test_timeouts_and_limits_are_told(bp):
    bp.run("channel watch -f server-tcp-*")
    bp.run("serve echo --transport tcp --name idle --port 0 idle_timeout=50ms")
    client = Client(port_of(bp, "idle"))
    client.expect("> ")
    client.rest()
    bp.run("serve echo --transport tcp --name few --port 0 max_connections=1")
    assert f"server-tcp-{port_of(bp, 'few')} " in "\n".join(bp.run("channel list"))
    first, second = Client(port_of(bp, "few")), Client(port_of(bp, "few"))
    first.expect("> ")
    assert second.rest() == b"Server is at maximum capacity. Please try again later.\r\n"
    end, said = time.monotonic() + PATIENCE, ""
    while not ("timed out" in said and "refused" in said):
        said += " ".join(bp.run("echo"))
        assert time.monotonic() < end, said


def test_sessions(bp):
    bp.run("serve echo --transport tcp --name app --port 0")
    client = Client(port_of(bp, "app"))
    client.expect("> ")
    line = next(line for line in bp.run("session list") if " app " in line)
    number = line.split()[0]
    assert "127.0.0.1" in " ".join(bp.run(f"session info {number}"))
    bp.run(f"session watch {number}")
    client.send("hello\n")
    client.expect("Echo: hello")
    end, said = time.monotonic() + PATIENCE, ""
    while "Echo: hello" not in said:
        said += "\n".join(bp.run("echo")) + "\n"
        assert time.monotonic() < end, said
    assert f"session/{number}/recv: hello" in said, said
    bp.run(f"session send {number} look here")
    client.expect("look here\r\n")
    bp.run("session message all dinner")
    client.expect(": dinner\r\n")
    evil = "\x1b]0;mine\x07\x1b[2J\u202egnihton"  # titles, clears, and turns the direction of writing
    bp.run(f"session send {number} {evil}")
    bp.run(f"session message all {evil}")
    bp.run(f"session kill {number} enough{evil}")
    rest = client.rest()
    assert b"enough" in rest and rest.count(b"^[]0;mine^G^[[2J\\u202egnihton") == 3, rest
    assert b"\x1b" not in rest and "\u202e".encode() not in rest, rest
    assert " app " not in " ".join(bp.run("session list"))


def test_the_end_is_told_to_all_at_once(bp):
    """Servers end side by side; a client that does not read costs at most five seconds in all."""
    clients = []
    for name in "abcd":
        bp.run(f"serve console --transport telnet --name {name} --port 0")
        client = Client(port_of(bp, name))
        client.send("echo hello\n")
        client.expect("hello")
        clients.append(client)
    clients[0].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    clients[0].send("loop 1 100000 .help\n")
    select.select([clients[0].socket], [], [], PATIENCE)
    bp.process.terminate()
    for client in clients[1:]:
        assert b"Server is shutting down" in client.rest()
    assert bp.process.wait(PATIENCE) == 0


main("servers", globals())
