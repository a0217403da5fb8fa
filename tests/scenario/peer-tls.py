#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer-tls.py - hosts joined over TLS, and one in between who ends the encryption on both sides."""
import socket
import ssl
import subprocess

from harness import all_keep, free_port, main
from hosts import Hole, Others, host, wait_for, wait_for_file


def certificate(folder):
    names = f"{folder}/peer.pem", f"{folder}/peer.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=peer",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", names[1], "-out", names[0]],
                   check=True, capture_output=True)
    return names


def tls_words(one):
    cert, key = certificate(one.folder)
    return ["tls=yes", f"tls_cert={cert}", f"tls_key={key}", "connect_tls=yes"]


class Between(Hole):
    """Takes TLS with a certificate of its own, speaks TLS to the real one, and passes on what it reads."""

    def __init__(self, to, cert, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.read = b""
        super().__init__(to)

    def join(self, near):
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        return self.context.wrap_socket(near, server_side=True), client.wrap_socket(super().join(near)[1])

    def carried(self, data):
        self.read += data
        return data


def test_two_hosts(bp):
    one = free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "secret=x", "export=room", *tls_words(bp))
        host(other, "hostb", free_port(), "secret=x", f"connect=127.0.0.1:{one}", "import=hosta/room", *tls_words(other))
        wait_for(bp, "peer list", r"hostb +up +in")
        wait_for(other, "peer list", r"hosta +up +out")
        assert any("we went to" in line and "TLSv1.3" in line for line in other.run("peer info")), other.run("peer info")
        bp.run("channel watch -f room")
        wait_for(other, "channel list", "hosta/room")
        bp.run("channel save room -f there --raw")
        other.run("channel save hosta/room -f here --raw")
        bp.run("channel send room hello;")
        wait_for_file(other.folder + "/here", "hello;")
        other.run("channel send hosta/room back;")
        wait_for_file(bp.folder + "/there", "hello;back;")


def test_one_in_between(bp):
    """He knows no secret but passes every line on. Without a secret he is not noticed, with one he is refused."""
    for secret, there in (("", True), ("secret=x", False)):
        one = free_port()
        with Others(2) as [first, second]:
            between = Between(one, *certificate(bp.folder))
            host(first, "hosta", one, secret, *tls_words(first))
            first.run("channel save p/events -f events")
            host(second, "hostb", free_port(), secret, f"connect=127.0.0.1:{between.port}", *tls_words(second))
            if there:
                wait_for(first, "peer list", r"hostb +up")
                wait_for(second, "peer list", r"hosta +up")
            else:
                wait_for(second, "module info p", r"0 peers.* [1-9]\d* refused")
                wait_for(second, "peer list", "somebody in between ends the encryption")
                assert not any(" up " in line for one in (first, second) for line in one.run("peer list"))
            between.close()
            assert b"peer_handshake_ack" in between.read and (b"peer_welcome" in between.read) == there, between.read


def test_a_certificate_by_name(bp):
    """Where connect_tls_name says whose certificate it must be, one in between does not get that far."""
    one = free_port()
    with Others(1) as [other]:
        between = Between(one, *certificate(other.folder))
        host(bp, "hosta", one, *tls_words(bp))
        host(other, "hostb", free_port(), f"connect=127.0.0.1:{between.port}", "connect_tls_name=127.0.0.1", *tls_words(other))
        wait_for(other, "peer list", "the certificate is not good")
        between.close()
        assert b"peer_handshake" not in between.read, between.read


def test_plain_meets_tls(bp):
    """Neither side hangs when only one of them encrypts."""
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, *tls_words(bp))
        host(other, "hostb", two, f"connect=127.0.0.1:{one}")
        wait_for(other, "peer list", "is tried again: ")
        bp.run(f"peer connect 127.0.0.1:{two}")
        wait_for(bp, "peer list", "is tried again: TLS")
        with socket.create_connection(("127.0.0.1", two)) as still:
            still.sendall(b'{"request": "ping"}\n')
            assert b"pong" in still.recv(4096)


all_keep(globals(), "p", glob_watch=2, watch=2, channel=2, timer=1, scope=2, backoff=2)  # a host that has gone is expected back for ten minutes
main("scenario-peer-tls", globals())
