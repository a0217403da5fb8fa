#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""udp.py - udpserver, UDPServer, UDPSocket and the udp commands, with sockets, nc and socat."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from harness import PATIENCE, all_keep, free_port, main

SRC = os.environ.get("SRC", ".")
LOOPBACK = "127.0.0.1"
GROUP = "239.77.3.9"
NEVER = "No UDP packet can be sent as reply to a host that has never made contact."

# A plugin of a user's: answers each message of channels NAME/recv to whoever said it; what begins with "later" is
# kept and answered after "now".
REFLECT = r"""
#include <backplane/backplane.h>
static GQueue kept;
static void answer(BpMessage *message)
{
	bp_message_reply(message, bp_message_data(message), bp_message_size(message));
}
static void on_message(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	if (g_str_has_prefix(bp_message_data(message), "later"))
		g_queue_push_tail(&kept, bp_message_ref(message));
	else
		answer(message);
	while (g_str_equal(bp_message_data(message), "now") && kept.length) {
		g_autoptr(BpMessage) one = g_queue_pop_head(&kept);
		answer(one);
	}
}
static gboolean load(BpPlugin *self, GError **error)
{
	return bp_channel_watch_glob(self, "udp*/recv", on_message, NULL, NULL) != NULL;
}
BP_PLUGIN(.name = "reflect", .version = "1.0", .summary = "Answers", .load = load);
"""


class Peer:
    def __init__(self, family=socket.AF_INET, address=LOOPBACK):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((address, 0))
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]

    def send(self, data, port, host=LOOPBACK):
        self.socket.sendto(data, (host, port))

    def get(self):
        return self.socket.recv(65536)

    def is_silent(self):
        """After something that was sent later has been waited for: what was to come is there."""
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(65536)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


def has(lines, text):
    return any(text in line for line in lines)


def serve(bp, *words):
    said = bp.run(" ".join(["udpserver -p 0", *words]))
    return next(int(line.rsplit(" ", 1)[1]) for line in said if "UDP server on port: " in line)


def ask(bp, command):
    """Keeps what is said meanwhile on watched channels."""
    lines = bp.run(command)
    bp.said = getattr(bp, "said", []) + lines
    return lines


def wait_for(bp, command, test):
    """Asks until it is so."""
    end = time.monotonic() + PATIENCE
    while True:
        lines = ask(bp, command)
        if test(lines):
            return
        assert time.monotonic() < end, bp.said[-20:]


def wait_said(bp, text):
    wait_for(bp, "echo", lambda lines: has(bp.said, text))


def counts(bp, name):
    """Senders, in, bytes in, out, bytes out, drops, kernel drops, errors."""
    line = next(line for line in ask(bp, "udp list") if line.startswith(name + " "))
    return [int(word) for word in line.split()[-8:]]


def wait_counted(bp, name, place, number):
    wait_for(bp, "echo", lambda lines: counts(bp, name)[place] >= number)


def load_reflect(bp):
    with open(bp.folder + "/reflect.c", "w") as file:
        file.write(REFLECT)
    flags = subprocess.run(["pkg-config", "--cflags", "gio-2.0"], stdout=subprocess.PIPE, check=True).stdout.split()
    subprocess.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-I" + SRC + "/include", *flags, "-o",
                    bp.folder + "/reflect.so", bp.folder + "/reflect.c"], check=True)
    said = bp.run(f"plugin load {bp.folder}/reflect.so")
    assert has(bp.run("plugin list"), "reflect"), said


# --- udpserver ---

def test_command(bp):
    assert has(bp.run("udpserver -q"), "No UDP server is running")
    port = serve(bp)
    assert has(bp.run(f"udpserver -p {port}"), "UDP server already running.")
    assert has(bp.run("udpserver -q"), f"UDP server on port {port} closed.")
    assert has(bp.run("udpserver -q"), "No UDP server is running")


def test_events(bp):
    port = free_port()
    for command, event in ((f"channel watch -f server-udp-{port}", None),
                           (f"udpserver -p {port}", f"UDP Socket({port}) Listening."),
                           ("channel send udp-server/send nobody", NEVER),
                           ("udpserver -q", "Shutting down server.")):
        ask(bp, command)
        if event:
            wait_said(bp, f"server-udp-{port}: {event}")


def test_beyond_this_machine(bp):
    said = bp.run("udpserver -p 0 -b 0.0.0.0")
    assert has(said, "binding 0.0.0.0 lets anybody on the network in without login; "), said
    serve(bp, "-b 0.0.0.0 --insecure")
    bp.run("udpserver -q")
    assert has(bp.run("module open UDPServer x port=0 bind=/tmp/x"), "UDP has no socket files")
    assert has(bp.run("module open UDPServer x port=0 bind=*"), "binding * lets anybody")


def test_taken_port(bp):
    port = serve(bp)
    said = bp.run(f"module open UDPServer other port={port}")
    assert has(said, str(port)) and has(said, "in use"), said
    assert not has(bp.run("udp list"), "other")


def test_reopened_at_once(bp):
    port = serve(bp)
    peer = Peer()
    for i in range(5):
        bp.run("channel watch -f udp-server/recv")
        peer.send(b"round %d" % i, port)
        wait_counted(bp, "udp-server", 1, 1)
        bp.run("channel send udp-server/send answered")
        assert peer.get() == b"answered"
        bp.run("udpserver -q")
        assert has(bp.run(f"udpserver -p {port}"), f"UDP server on port: {port}")


# --- datagrams ---

def test_whole_datagrams(bp):
    load_reflect(bp)
    port = serve(bp)
    peer = Peer()
    for size in (0, 1, 1023, 1024, 1025, 1472, 1473, 9000, 65506, 65507):
        data = os.urandom(size)
        peer.send(data, port)
        assert peer.get() == data, size
    assert counts(bp, "udp-server")[1] == 10


def test_each_gets_its_own_answers(bp):
    load_reflect(bp)
    port = serve(bp)
    peers = [Peer() for _ in range(50)]
    for i, peer in enumerate(peers):
        for k in range(3):
            peer.send(b"later: %d of %d" % (k, i), port)
    last = Peer()
    last.send(b"now", port)
    assert last.get() == b"now" and last.is_silent()
    for i, peer in enumerate(peers):
        assert [peer.get() for _ in range(3)] == [b"later: %d of %d" % (k, i) for k in range(3)]
    assert all(peer.is_silent() for peer in peers)


def test_last_sender_and_named_ones(bp):
    port = serve(bp)
    first, second = Peer(), Peer()
    for peer in (first, second):
        seen = counts(bp, "udp-server")[1]
        peer.send(b"hello", port)
        wait_counted(bp, "udp-server", 1, seen + 1)
    bp.run("channel send udp-server/send to the last")
    assert second.get() == b"to the last"
    bp.run(f"channel send udp-server/127.0.0.1:{first.port}/send only for the first")
    assert first.get() == b"only for the first" and second.is_silent()
    bp.run(f"channel send -x udp-server/127.0.0.1:{first.port}/send 00 ff 0a")
    assert first.get() == b"\x00\xff\x0a"
    bp.run(f"channel send -x udp-server/127.0.0.1:{first.port}/send")
    assert first.get() == b""


def test_never_heard_before(bp):
    serve(bp)
    peer = Peer()
    bp.run(f"channel watch -f udp-server/127.0.0.1:{peer.port}/send")
    bp.run(f"channel send udp-server/127.0.0.1:{peer.port}/send first word")
    assert peer.get() == b"first word"


def test_not_an_address(bp):
    port = serve(bp, "-b 127.0.0.1")
    bp.run(f"channel watch server-udp-{port}")
    bp.run("channel watch -f udp-server/somewhere/send udp-server/1.2.3.4:99999/send udp-server/::1:5000/send")
    for name, why in (("somewhere", "somewhere: it is not ADDRESS:PORT."),
                      ("1.2.3.4:99999", "1.2.3.4:99999: it is not ADDRESS:PORT."),
                      ("::1:5000", "[::1]:5000: the socket is of the other IP version.")):
        ask(bp, f"channel send udp-server/{name}/send x")
        wait_said(bp, f"server-udp-{port}: No UDP packet can be sent to {why}")
    assert counts(bp, "udp-server")[5] == 3


def test_senders_are_bounded(bp):
    load_reflect(bp)
    port = free_port()
    bp.run(f"module open UDPServer udp-few port={port} peers=4")
    peers = [Peer() for _ in range(10)]
    for _ in range(2):
        for peer in peers:
            peer.send(b"me", port)
            assert peer.get() == b"me"
    assert counts(bp, "udp-few")[0] == 4
    left = [int(re.search(r"127\.0\.0\.1:(\d+)/send", line)[1]) for line in bp.run("channel list udp-few/*")
            if "127.0.0.1" in line]
    assert sorted(left) == sorted(peer.port for peer in peers[-4:])
    assert has(bp.run("module info udp-few"), "4 of 4 senders have a channel, 16 gave way to others")


def test_both_ip_versions(bp):
    load_reflect(bp)
    port = serve(bp)  # on localhost, as a client that asks for that name may choose either
    four = Peer()
    four.send(b"four", port)
    assert four.get() == b"four"
    if not socket.has_ipv6 or not has(bp.run("udp list"), "[::1]"):
        return
    six = Peer(socket.AF_INET6, "::1")
    six.send(b"six", port, "::1")
    assert six.get() == b"six"
    bp.run(f"channel send udp-server/::1:{six.port}/send named")
    assert six.get() == b"named"


def test_data_log(bp):
    port = serve(bp)
    peer = Peer()
    bp.run(f"channel watch data-udp-{port}")
    peer.send(b"it's \\ \x00\xff\n", port)
    wait_counted(bp, "udp-server", 1, 1)
    ask(bp, "channel send udp-server/send back")
    wait_said(bp, f'--> 127.0.0.1:{peer.port} b"it\'s \\\\ \\x00\\xff\\n"')
    wait_said(bp, f"<-- 127.0.0.1:{peer.port} b'back'")


def test_burst(bp):
    """10,000 at once: what did not arrive is counted, to the last one that is known of."""
    port = serve(bp)
    peer = Peer()
    for i in range(10000):
        peer.send(b"%016d" % i, port)
    wait_counted(bp, "udp-server", 1, 100)
    # The count of losses comes with what arrives after them.
    peer.send(b"and?", port)
    wait_for(bp, "echo", lambda lines: sum(counts(bp, "udp-server")[1:7:5]) == 10001)
    numbers = counts(bp, "udp-server")
    assert numbers[1] > 100 and numbers[5] == 0 and numbers[7] == 0, numbers


def test_stopped_process_loses_and_says_so(bp):
    port = free_port()
    bp.run(f"channel watch -f server-udp-{port}")
    bp.run(f"udpserver -p {port}")
    peer = Peer()
    bp.process.send_signal(signal.SIGSTOP)
    os.waitpid(bp.process.pid, os.WUNTRACED)
    for _ in range(10000):
        peer.send(b"x" * 1000, port)
    bp.process.send_signal(signal.SIGCONT)
    wait_counted(bp, "udp-server", 1, 100)
    sent = 10000

    def is_said(lines):
        # The count of losses comes with what arrives after them, and that may be lost too while the rest is read.
        nonlocal sent
        peer.send(b"after", port)
        sent += 1
        return has(bp.said, "Datagrams lost because they came too fast: ")

    wait_for(bp, "echo", is_said)
    wait_for(bp, "echo", lambda lines: sum(counts(bp, "udp-server")[1:7:5]) == sent)
    assert counts(bp, "udp-server")[6] > 0


def test_nobody_listens(bp):
    port = serve(bp)
    bp.run(f"channel watch server-udp-{port}")
    peer = Peer()
    peer.send(b"hello", port)
    wait_counted(bp, "udp-server", 1, 1)
    peer.socket.close()
    ask(bp, "channel send udp-server/send gone")
    wait_said(bp, f"a datagram to 127.0.0.1:{peer.port} did not arrive: nobody listens there")
    assert counts(bp, "udp-server")[7] == 1
    fresh = Peer()
    fresh.send(b"still there", port)
    wait_counted(bp, "udp-server", 1, 2)


# --- UDPSocket ---

def test_socket_sends_and_receives(bp):
    load_reflect(bp)
    peer = Peer()
    bp.run(f"module open UDPSocket udp-lamp to=127.0.0.1:{peer.port}")
    bp.run("channel send udp-lamp/send on")
    data, source = peer.socket.recvfrom(100)
    assert data == b"on"
    peer.socket.sendto(b"yes", source)
    assert peer.get() == b"yes"
    bp.run("udp close udp-lamp")
    assert not has(bp.run("udp list"), "udp-lamp")


def test_socket_by_name(bp):
    peer = Peer()
    bp.run(f"module open UDPSocket s to=localhost:{peer.port}")
    for i in range(20):
        bp.run(f"channel send s/send {i}")
    assert [peer.get() for _ in range(20)] == [b"%d" % i for i in range(20)]


def test_socket_without_destination(bp):
    peer = Peer()
    bp.run("module open UDPSocket s")
    bp.run("channel watch socket-udp-s")
    ask(bp, "channel send s/send x")
    wait_said(bp, "No UDP packet can be sent without destination")
    bp.run(f"channel watch -f s/127.0.0.1:{peer.port}/send")
    bp.run(f"channel send s/127.0.0.1:{peer.port}/send y")
    assert peer.get() == b"y"


def test_bad_parameters(bp):
    for words, sentence in (("to=nowhere", "is not HOST:PORT"), ("to=/tmp/x:1", "no socket files"),
                            ("group=10.0.0.1", "groups are 224.0.0.0"), ("interface=nosuch0", "no network interface"),
                            ("ttl=256", "ttl"), ("group=hello", "not an address")):
        said = bp.run(f"module open UDPSocket bad {words}")
        assert has(said, sentence), (words, said)
    assert not has(bp.run("udp list"), "bad")


def test_multicast(bp):
    port = free_port()
    opened = f"to={GROUP}:{port} bind=0.0.0.0 port={port} group={GROUP} interface=lo"
    if has(bp.run(f"module open UDPSocket a {opened}"), "cannot"):
        return
    bp.run(f"module open UDPSocket b {opened}")
    bp.run("channel watch a/recv b/recv")
    bp.run("channel send a/send to all of us")
    wait_counted(bp, "a", 1, 1)
    wait_counted(bp, "b", 1, 1)
    assert has(bp.run(f"udp leave b {GROUP} --interface lo"), f"b is no longer in {GROUP}.")
    assert has(bp.run(f"udp leave b {GROUP} --interface lo"), "cannot be left")
    assert has(bp.run(f"udp join b {GROUP} --interface lo"), f"b is in {GROUP}.")
    bp.run("channel send b/send again")
    wait_counted(bp, "a", 1, 2)
    wait_counted(bp, "b", 1, 2)
    assert has(bp.run(f"udp join nosuch {GROUP}"), "there is no UDP server or socket nosuch")


def test_broadcast(bp):
    port = free_port()
    bp.run(f"module open UDPSocket ear port={port} bind=0.0.0.0 broadcast=yes")
    bp.run(f"module open UDPSocket mute to=127.255.255.255:{port}")
    bp.run("channel watch socket-udp-mute")
    bp.run("channel send mute/send x")
    wait_counted(bp, "mute", 7, 1)
    bp.run(f"module open UDPSocket mouth to=127.255.255.255:{port} broadcast=yes")
    bp.run("channel send mouth/send hear ye")
    wait_counted(bp, "ear", 1, 1)


# --- udp send ---

def test_send(bp):
    peer = Peer()
    assert has(bp.run(f"udp send 127.0.0.1:{peer.port} hello  there"), f"11 bytes sent to 127.0.0.1:{peer.port}.")
    assert peer.get() == b"hello there"
    bp.run(f"udp send localhost:{peer.port} --hex ff 00:0a31")
    assert peer.get() == b"\xff\x00\x0a1"
    assert has(bp.run(f"udp send 127.0.0.1:{peer.port}"), "0 bytes sent")
    assert peer.get() == b""


def test_send_refuses(bp):
    assert has(bp.run("udp send nowhere x"), "is not HOST:PORT")
    assert has(bp.run("udp send ::1:5 x"), "is not HOST:PORT")
    assert has(bp.run("udp send 127.0.0.1:0 x"), "is not HOST:PORT")
    assert has(bp.run("udp send 127.0.0.1:5 --hex f"), "is no hex byte")
    assert has(bp.run("udp send no-such-host.invalid:5 x"), "no-such-host.invalid")
    assert has(bp.run(f"udp send 127.0.0.1:{free_port()} x --wait 5s"), "nobody listens there")


def test_send_waits_for_answers(bp):
    load_reflect(bp)
    port = serve(bp)
    assert has(bp.run(f"udp send 127.0.0.1:{port} marco --wait 1s"), f"127.0.0.1:{port}: marco")
    assert has(bp.run(f"udp send 127.0.0.1:{port} --hex 00ff --wait 1s"), f"127.0.0.1:{port}: b'\\x00\\xff'")
    silent = Peer()
    assert has(bp.run(f"udp send 127.0.0.1:{silent.port} x --wait 50ms"), "No answer from")
    assert silent.get() == b"x"


# --- the tools that people have ---

def test_nc_and_socat(bp):
    load_reflect(bp)
    port = serve(bp)
    if shutil.which("socat"):
        socat = subprocess.run(["socat", "-t", "0.3", "-", f"UDP:127.0.0.1:{port}"], input=b"by socat",
                               stdout=subprocess.PIPE, timeout=PATIENCE)
        assert socat.stdout == b"by socat"
    if shutil.which("nc"):
        nc = subprocess.run(["nc", "-u", "-w", "1", LOOPBACK, str(port)], input=b"by nc\n", stdout=subprocess.PIPE,
                            timeout=PATIENCE)
        assert nc.stdout == b"by nc\n"


def test_unload_with_everything_open(bp):
    load_reflect(bp)
    port = serve(bp)
    peer = Peer()
    bp.run(f"module open UDPSocket udp-s to=localhost:{peer.port} port=0")
    peer.send(b"x", port)
    assert peer.get() == b"x"
    bp.run("plugin unload udp")
    wait_for(bp, "plugin list", lambda lines: not has(lines, "UDP servers"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((LOOPBACK, port))


all_keep(globals(), "*", channel=60, timer=1)  # of senders, for ten minutes
main("scenario-udp", globals())
