#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer.py - hosts joined over loopback: links, channels across them, originals, cuts."""
import json
import os
import re
import signal
import socket
import threading
import time

from harness import PATIENCE, Backplane, Client, all_keep, free_port, is_sanitized, main
from hosts import HASH, Hole, Original, Others, host, serve, shake, wait_for, wait_for_file


def test_two_hosts(bp):
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "secret=x", "export=lab/*")
        host(other, "hostb", two, "secret=x", f"connect=127.0.0.1:{one}", "import=hosta/lab/*")
        wait_for(bp, "peer list", r"hostb +up +in")
        wait_for(other, "peer list", r"hosta +up +out")
        lab = free_port()
        bp.run(f"tcp listen {lab} lab")
        wait_for(other, "channel list", r"hosta/lab/send")
        other.run("channel save hosta/lab/recv -f got --raw")
        client = Client(lab)
        client.send(bytes(range(256)))
        other.run("channel send hosta/lab/send back there")
        client.expect("back there")
        wait_for_file(other.folder + "/got", bytes(range(256)))
        assert not any("drops" in line and not re.search(r" 0 drops", line) for line in bp.run("module info p"))


def test_send_to_one(bp):
    """By name and by id, to that host alone; `endpoint` in a message of ours calls nothing."""
    one, ports = free_port(), {"hostb": free_port(), "hostc": free_port()}
    with Others(2) as [second, third]:
        assert any("no peers are open" in line for line in bp.run("peer send hostb {}"))
        host(bp, "hosta", one)
        assert any("no peers yet" in line for line in bp.run("peer list"))
        for program, name in ((second, "hostb"), (third, "hostc")):
            host(program, name, ports[name], f"server_id=id-{name}", f"connect=127.0.0.1:{one}")
            program.run("channel save p/recv -f got --raw")
            wait_for(bp, "peer list", rf"{name} +up")
        second.run("endpoint add greet -- channel send greeted x")
        second.run("channel watch -f greeted")
        second.run("channel save greeted -f greeted --raw")
        assert bp.run('peer send hostb {"n": 1}') == ["Sent to hostb."]
        assert bp.run('peer send id-hostb {"endpoint": "greet"}') == ["Sent to id-hostb."]
        bp.run('peer broadcast {"all": true}')
        wait_for_file(second.folder + "/got", '{"n": 1}{"endpoint": "greet"}{"all": true}')
        wait_for_file(third.folder + "/got", '{"all": true}')
        bp.run(f"call 127.0.0.1:{ports['hostb']} greet {{}}")
        wait_for_file(second.folder + "/greeted", "x")  # by the call, not by the message
        second.run("endpoint remove greet")
        assert any("hostd is not connected" in line for line in bp.run("peer send hostd {}"))
        said = bp.run("peer send hostb {")
        assert said and not any("Sent" in line for line in said), said


def test_who_is_refused(bp):
    port = free_port()
    host(bp, "hosta", port, "secret=right", "project_id=alpha")
    with Others(3) as others:
        for number, words in enumerate(("secret=wrong project_id=alpha", "secret=right project_id=beta",
                                        "secret=right project_id=alpha hash=other")):
            host(others[number], f"host{number}", free_port(), words, f"connect=127.0.0.1:{port}")
        wait_for(bp, "module info p", r"0 peers.* [3-9] refused")
        for one in others:
            wait_for(one, "module info p", r"0 peers.* [1-9]\d* refused")


def test_both_directions_make_one_link(bp):
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "server_id=aaa", f"connect=127.0.0.1:{two}")
        host(other, "hostb", two, "server_id=bbb", f"connect=127.0.0.1:{one}")
        wait_for(bp, "peer list", r"hostb +up +out")
        wait_for(other, "peer list", r"hosta +up +in")
        for _ in range(10):
            assert sum(" up " in line for line in bp.run("peer list")) == 1
            assert sum(" up " in line for line in other.run("peer list")) == 1


def test_three_hosts_no_loop(bp):
    ports = [free_port() for _ in range(3)]
    with Others(2) as others:
        hosts = [bp, *others]
        names = ["ha", "hb", "hc"]
        for number, one in enumerate(hosts):
            words = [f"connect=127.0.0.1:{port}" for port in ports[:number]]
            words += [f"import={name}/*" for name in names if name != names[number]]
            host(one, names[number], ports[number], "export=*room*", *words)
        for one in hosts:
            wait_for(one, "module info p", r"^(.*\n)*2 peers")
            one.run("channel watch -f room")
        for one in hosts:
            for name in names:
                if one is not hosts[names.index(name)]:
                    wait_for(one, "channel list", rf"{name}/room")
        assert not any(re.search(r"h\w/h\w/", line) for one in hosts for line in one.run("channel list"))
        others[0].run("channel save ha/room -f got --raw")
        others[1].run("channel save ha/room -f got --raw")
        others[1].run("channel send ha/room from-c")
        bp.run("channel send room from-a")
        for one, expected in ((others[0], b"from-cfrom-a"), (others[1], b"from-cfrom-a")):
            end = time.monotonic() + PATIENCE
            while True:
                with open(one.folder + "/got", "rb") as file:
                    got = file.read()
                if len(got) >= len(expected):
                    break
                assert time.monotonic() < end, got
            assert sorted(re.findall(rb"from-.", got)) == [b"from-a", b"from-c"], got


def test_a_ring_of_hosts(bp):
    """Linked in a ring, in both directions: each host gets each message once, and its sender does not get it back."""
    ports = [free_port() for _ in range(3)]
    with Others(2) as others:
        hosts, names = [bp, *others], ["ha", "hb", "hc"]
        for number, one in enumerate(hosts):
            words = [f"connect=127.0.0.1:{port}" for port in ports[:number]]
            words += [f"import={name}/room" for name in names if name != names[number]]
            host(one, names[number], ports[number], "export=room", *words)
        for number, one in enumerate(hosts):
            wait_for(one, "module info p", r"^(.*\n)*2 peers")
            one.run("channel watch -f room")
            one.run("channel save room -f got --raw")
        for number, one in enumerate(hosts):
            for name in names[:number] + names[number + 1:]:
                wait_for(one, "channel list", f"{name}/room")
                one.run(f"channel link {name}/room room")
        for number, one in enumerate(hosts):
            one.run(f"channel send room {number};")
            # The next one is sent when all have this one. What would come twice comes before the last one.
            for each in hosts:
                wait_for_file(each.folder + "/got", "".join(f"{n};" for n in range(number + 1)))
        for number, one in enumerate(hosts):  # a link is nobody's but the kernel's: it stays until it is undone
            for name in names[:number] + names[number + 1:]:
                one.run(f"channel unlink {name}/room room")
            one.run("channel unwatch room")


def test_hosts_that_send_to_each_other(bp):
    """Each sends on the other's channel what is sent on its own: that ends, and is counted."""
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "ha", one, "export=room", "import=hb/room")
        host(other, "hb", two, "export=room", "import=ha/room", f"connect=127.0.0.1:{one}")
        for each in (bp, other):
            each.run("channel watch -f room")
        for each, far in ((bp, "hb"), (other, "ha")):
            wait_for(each, "channel list", f"{far}/room")
        bp.run("channel link room hb/room")
        other.run("channel link room ha/room")
        bp.run("channel send room hello")
        wait_for(bp, "peer list", r"(?m)^hb +up +in +\S+ +\d+ +\d+ +\d+ +[1-9]\d* +\d+ +\S+$")  # its drops
        bp.run("channel unlink room hb/room")
        other.run("channel unlink room ha/room")
        for each in (bp, other):
            each.run("channel unwatch room")


def test_original_peer(bp):
    port = free_port()
    host(bp, "hosta", port)
    peer, reply = shake(port)
    assert reply["type"] == "peer_handshake_ack", reply
    bp.run("channel save p/recv -f got --raw")
    assert peer.ask({"type": "status_update", "n": 1})["status"] == "received"
    assert peer.ask({"request": "ping"})["pong"]
    wait_for_file(bp.folder + "/got", '{"type": "status_update", "n": 1}')
    wait_for(bp, "peer list", r"orig +original +in")
    # It only connected to us: it is reached over its connection, and known by its own id.
    wait_for(bp, "peer list", r"(?m)orig +original .* id-orig$")
    assert bp.run('peer broadcast {"to": "all"}') == ["Sent to 1 peers."]
    assert peer.answer() == {"to": "all"}
    for name in ("orig", "id-orig"):
        assert bp.run('peer send %s {"to": "%s"}' % (name, name)) == [f"Sent to {name}."]
        assert peer.answer() == {"to": name}
    assert peer.ask({"request": "ping"})["pong"]
    _, reply = shake(port, "stranger", "beta")
    assert reply["status"] == "error" and "beta" in reply["message"], reply


def test_we_go_to_an_original(bp):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        host(bp, "hosta", free_port(), f"connect=127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        peer.settimeout(PATIENCE)
        reader = peer.makefile("rb")
        assert json.loads(reader.readline())["type"] == "peer_handshake"
        peer.sendall(b'{"status": "received", "message": "Message received but no specific handler found", "timestamp": "T"}\n')
        assert json.loads(reader.readline()) == {"request": "info"}
        peer.sendall(b'{"status": "success", "data": {"server_id": "id-them", "server_name": "them"}, "timestamp": "T"}\n')
        wait_for(bp, "peer list", r"(?m)them +original +out .* id-them$")
        for number in range(3):
            bp.run('peer broadcast {"n": %d}' % number)
        seen = []
        while len(seen) < 3:
            message = json.loads(reader.readline())
            if "n" in message:
                seen.append(message["n"])
            peer.sendall(b'{"status": "received"}\n')
        assert seen == [0, 1, 2], seen
        peer.close()


def wait_for_size(program, size, seconds=60):
    """So many bytes are in its file "got"."""
    end = time.monotonic() + seconds
    while os.path.getsize(program.folder + "/got") < size:
        assert time.monotonic() < end, (os.path.getsize(program.folder + "/got"), size)
        program.run("echo")


def test_hundred_thousand_messages(bp):
    """From an original, in bursts, over two hosts: whole and in order."""
    count = 10000 if is_sanitized() else 100000
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=p/recv")
        host(other, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/p/*")
        wait_for(other, "channel list", r"hosta/p/recv")
        other.run("channel save hosta/p/recv -f got --raw")
        peer, _ = shake(one)
        answers = []

        def read():
            for _ in range(count):
                answers.append(peer.expect(b"\n", 60))

        reader = threading.Thread(target=read)
        reader.start()
        expected = b""
        for begin in range(0, count, 1000):
            burst = [b'{"type": "status_update", "n": %d}' % n for n in range(begin, begin + 1000)]
            # What is under way stays below the backlogs: over them, a host that is kept from reading loses messages.
            wait_for_size(other, len(expected) - 200000)
            peer.send(b"\n".join(burst) + b"\n")
            expected += b"".join(burst)
        reader.join(120)
        assert len(answers) == count and all(b'"received"' in answer for answer in answers)
        wait_for_size(other, len(expected))
        with open(other.folder + "/got", "rb") as file:
            assert file.read() == expected


def test_host_killed_and_back(bp):
    one, two = free_port(), free_port()
    with Others(2) as [first, second]:
        host(bp, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/room")
        bp.run("channel save p/events -f events")
        for number, program in enumerate((first, second)):
            host(program, "hosta", one, "export=room", "server_id=same")
            wait_for(bp, "peer list", r"hosta +up +out", 40)
            program.run("channel watch -f room")
            wait_for(bp, "channel list", r"hosta/room")
            if not number:
                bp.run("channel save hosta/room -f got --raw")
            program.run(f"channel send room {number}")
            if not number:
                wait_for_file(bp.folder + "/got", "0")
                first.process.kill()
                first.process.wait()
                wait_for(bp, "peer list", r"hosta? .*waiting|127\.0\.0\.1 +waiting|connecting")
        wait_for_file(bp.folder + "/got", "01")
        bp.run("channel save p/events --stop")
        events = open(bp.folder + "/events").read()
        assert '"event":"down"' in events and "began anew" in events, events


def id_of(program):
    return re.search(r"This host is \S+ \((\S+)\)", "\n".join(program.run("peer info"))).group(1)


def test_identity_is_kept(bp):
    """For each instance, in the state folder: closed and opened again, and after a restart."""
    ids = []
    for _ in range(2):
        program = Backplane(before=("env", "XDG_STATE_HOME=" + bp.folder + "/kept"))
        try:
            for _ in range(2):
                host(program, "hosta", free_port())
                ids.append(id_of(program))
                program.run("module close p")
            program.run("module open Peer q port=0 enable_discovery=no")
            other = "\n".join(program.run("peer info"))
            assert ids[0] not in other, other
            program.stop()
        finally:
            program.stop()
            program.remove()
    assert len(set(ids)) == 1, ids


def test_host_that_lost_its_state(bp):
    """Under the same name with another id: what was imported of it is there again at once, and the old session has ended."""
    one, two = free_port(), free_port()
    host(bp, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/room")
    with Others(2) as [first, second]:
        for number, program in enumerate((first, second)):
            host(program, "hosta", one, "export=room")
            program.run("channel watch -f room")
            wait_for(bp, "peer list", r"(?m)^hosta +up +out +\S+ +1 ", 40)
            if not number:
                bp.run("channel save hosta/room -f got --raw")
            program.run(f"channel send room {number};")
            wait_for_file(bp.folder + "/got", "0;1;"[:2 * number + 2])
            if not number:
                first.process.kill()
                first.process.wait()
        assert sum("hosta" in line for line in bp.run("peer list")) == 1


def test_cut_and_resumed(bp):
    """What was said during a cut comes afterwards; what is too old is told as missed."""
    one, two = free_port(), free_port()
    hole = Hole(one)
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=room", "resume_buffer=64K")
        host(other, "hostb", two, f"connect=127.0.0.1:{hole.port}", "import=hosta/room")
        bp.run("channel watch -f room")
        wait_for(other, "channel list", r"hosta/room")
        other.run("channel save hosta/room -f got --raw")
        bp.run("channel send room before;")
        wait_for(other, "peer list", r"hosta +up +out +\S+ +\d+ +1 ")
        hole.cut()
        wait_for(bp, "module info p", "0 peers")
        bp.run("channel send room meanwhile;")
        hole.mend()
        wait_for(other, "peer list", r"hosta +up", 40)
        bp.run("channel send room after;")
        wait_for_file(other.folder + "/got", "before;meanwhile;after;")
        hole.cut()
        wait_for(bp, "module info p", "0 peers")
        for _ in range(3):
            bp.run("channel send room " + "z" * 40000)
        hole.mend()
        wait_for(other, "peer list", r"hosta +up +\w+ +\S+ +\d+ +\d+ +\d+ +\d+ +2 ", 40)
    hole.close()


def test_typed_input_stays_here(bp):
    """Whatever is exported: not what users type, also when the channel was there before its server."""
    one, two = free_port(), free_port()
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=*")
        host(other, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/*recv", "import=hosta/mark")
        for name in ("early/recv", "mark"):
            bp.run(f"channel watch -f {name}")
            wait_for(other, "channel list", f"hosta/{name}")
        other.run("channel watch hosta/early/recv")
        other.run("channel save hosta/mark -f marks --raw")
        other.run("channel save hosta/early/recv -f typed --raw")
        ports = {name: free_port() for name in ("early", "late")}
        for name, port in ports.items():
            bp.run(f"module open TelnetServer {name} port={port}")
            bp.run(f"channel watch -f {name}/recv")
            client = Client(port)
            client.send("echo se" + "cret\r\n")
            client.expect("secret\r\n")
        bp.run("channel send mark x")
        wait_for_file(other.folder + "/marks", "x")
        assert not os.path.getsize(other.folder + "/typed")
        assert "late/recv" not in "\n".join(other.run("channel list"))
        for name in ("early/recv", "late/recv", "mark"):
            bp.run(f"channel unwatch {name}")


class Swallow(Hole):
    """Takes what goes in a direction, and hands nothing on: it is on its way when the link is cut."""
    near = far = False  # what the one that connected sends, and what it is sent

    def join(self, near):
        self.nears = getattr(self, "nears", set()) | {near}
        return super().join(near)

    def carry(self, source, sink):
        side = "near" if source in self.nears else "far"
        hole = self

        class Sink:
            def sendall(self, data):
                if not getattr(hole, side):
                    sink.sendall(data)

            def shutdown(self, how):
                sink.shutdown(how)

        super().carry(source, Sink())


def swallowed(bp, near):
    """hostb sends on a channel of hosta, and messages; what is on its way when the link breaks comes once, in order."""
    one, two = free_port(), free_port()
    hole = Swallow(one)
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=room")
        host(other, "hostb", two, f"connect=127.0.0.1:{hole.port}", "import=hosta/room")
        bp.run("channel watch -f room")
        wait_for(other, "channel list", r"hosta/room")
        bp.run("channel save room -f got --raw")
        bp.run("channel save p/recv -f said --raw")
        other.run("channel send hosta/room first;")
        other.run('peer send hosta {"n":0}')
        wait_for_file(bp.folder + "/got", "first;")
        wait_for_file(bp.folder + "/said", '{"n": 0}')
        setattr(hole, "near" if near else "far", True)
        for number in range(3):
            other.run(f"channel send hosta/room {number};")
            assert other.run('peer send hosta {"n":%d}' % (number + 1)) == ["Sent to hosta."]
        if not near:  # they have come, but hostb does not know
            wait_for_file(bp.folder + "/got", "first;0;1;2;")
        hole.cut()
        hole.near = hole.far = False
        wait_for(other, "module info p", "0 peers")
        hole.mend()
        wait_for(other, "peer list", r"hosta +up", 40)
        other.run("channel send hosta/room last;")
        wait_for_file(bp.folder + "/got", "first;0;1;2;last;")
        wait_for_file(bp.folder + "/said", '{"n": 0}{"n": 1}{"n": 2}{"n": 3}')
        # Nine messages, counted on both sides, however many links there were.
        wait_for(other, "peer list", r"(?m)^hosta +up +out +\S+ +1 +0 +9 +0 +0 ")
        wait_for(bp, "peer list", r"(?m)^hostb +up +in +\S+ +0 +9 +0 +0 +0 ")
    hole.close()


def test_in_flight_when_the_link_breaks(bp):
    swallowed(bp, near=True)


def test_acknowledgements_that_are_lost(bp):
    swallowed(bp, near=False)


def test_in_flight_to_a_host_that_begins_anew(bp):
    """It cannot know what it has received: what was not acknowledged is counted and reported."""
    one, two = free_port(), free_port()
    hole = Swallow(one)
    with Others(2) as [first, second]:
        host(bp, "hostb", two, f"connect=127.0.0.1:{hole.port}", "import=hosta/room")
        bp.run("channel save p/events -f events")
        host(first, "hosta", one, "export=room", "server_id=same")
        first.run("channel watch -f room")
        wait_for(bp, "channel list", r"hosta/room")
        hole.near = True
        for number in range(3):
            bp.run(f"channel send hosta/room {number};")
        hole.cut()
        hole.near = False
        first.process.kill()
        first.process.wait()
        host(second, "hosta", one, "export=room", "server_id=same")
        hole.mend()
        wait_for(bp, "peer list", r"(?m)^hosta +up +out +\S+ +\d+ +0 +0 +3 +0 ", 40)
        wait_for(bp, "module info p", r"0 out, 3 drops")
        bp.run("channel save p/events --stop")
        events = open(bp.folder + "/events").read()
        assert "3 messages for hosta were sent but not acknowledged" in events, events
    hole.close()


def test_drops_are_seen_on_both_sides(bp):
    """What the exporter drops, the importer counts as missed, without a later message that shows the gap."""
    one, two = free_port(), free_port()
    count, line = 300, json.dumps({"type": "status_update", "text": "z" * 60000}).encode()
    with Others(1) as [other]:
        host(bp, "hosta", one, "export=p/recv", "link_backlog=64K", "heartbeat=5s")
        host(other, "hostb", two, f"connect=127.0.0.1:{one}", "import=hosta/p/recv", "heartbeat=5s")
        wait_for(other, "channel list", r"hosta/p/recv")
        peer, _ = shake(one)
        other.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(count):
                peer.send(line + b"\n")
                peer.expect(b"\n")
        finally:
            other.process.send_signal(signal.SIGCONT)
        row = r"(?m)^hostb +up +in +\S+ +0 +0 +(\d+) +([1-9]\d*) +0 "
        out, drops = re.search(row, "\n".join(bp.run("peer list"))).groups()
        assert int(out) + int(drops) == count, (out, drops)
        wait_for(other, "peer list", rf"(?m)^hosta +up +out +\S+ +1 +{out} +0 +0 +{drops} ")


def test_hostile_peers(bp):
    port = free_port()
    host(bp, "hosta", port)
    offer = {"type": "peer_handshake", "node_id": "evil", "name": "evil", "project_id": "default", "hash": HASH,
             "nonce": "0123456789abcdef", "framing": "frame2"}
    for bytes_after in (b"\xff\xff\xff\xffD", b"\0\0\0\1?", b"\0\0\0\2D\0", b"\0\0\0\3C[]", b"\0\0\0\0"):
        peer = Original(port)
        assert peer.ask(offer)["type"] == "peer_handshake_ack"
        assert peer.ask({"type": "peer_proof"})["type"] == "peer_welcome"
        peer.send(bytes_after)
        peer.close()
    peer = Original(port)
    peer.send(json.dumps(offer).encode() + b"\n" + b"x" * 100000)
    try:
        assert b"welcome" not in peer.rest()
    except ConnectionResetError:
        pass
    assert Original(port).ask({"request": "ping"})["pong"]
    wait_for(bp, "module info p", "0 peers")


def test_unload_with_everything(bp):
    port = serve(bp)
    one = free_port()
    host(bp, "hosta", one, "connect=127.0.0.1:1", "export=*", "enable_discovery=yes")
    client = Original(port)
    bp.run("endpoint add x -- echo")
    client.send(b'{"endpoint": "y"}\n')
    client.expect(b"\n")
    bp.run("plugin unload peer")
    assert client.rest() == b""
    bp.run("plugin load peer")
    client = Original(serve(bp))
    assert client.ask({"request": "ping"})["pong"]


all_keep(globals(), "p", glob_watch=2, watch=2, channel=2, timer=1, scope=2, backoff=2)  # a host that has gone is expected back for ten minutes
main("scenario-peer", globals())
