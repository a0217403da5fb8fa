#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""control.py - the control socket: where it is, who may use it, what is said on it that is no command, and clients that leave."""
import atexit
import os
import resource
import shutil
import signal
import socket
import subprocess

from harness import BUILD, PATIENCE, Backplane, Client, Skipped, eventually, free_port, is_sanitized, main
from wsclient import WebSocket

PROGRAM = BUILD + "/backplane"
MUCH = BUILD + "/tests/plugins/prints-much.so"
RUNTIME = {"XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"}


def place(folder, **more):
    """The environment of a program whose folders are in `folder`, with these places for the socket and no others."""
    kept = {name: value for name, value in os.environ.items() if name not in RUNTIME}
    return dict(kept, HOME=folder, XDG_STATE_HOME=folder + "/state", **more)


def serve(bp, name, *arguments, before=(), **more):
    """A second program, which reads no commands; its stderr is in a file beside its folder."""
    folder = f"{bp.folder}/{name}"
    os.makedirs(folder, exist_ok=True)
    process = subprocess.Popen([*before, PROGRAM, "-P", BUILD + "/plugins", *arguments, "-d"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=open(folder + ".stderr", "wb"), env=place(folder, **more), cwd=folder)
    atexit.register(process.kill)
    return process, folder


def stderr_of(folder):
    with open(folder + ".stderr", errors="replace") as file:
        return file.read()


def ask(folder, *command, options=(), before=(), stdin="", **more):
    return subprocess.run([*before, PROGRAM, *options, "-x", *command], input=stdin, text=True, capture_output=True,
                          env=place(folder, **more), timeout=PATIENCE)


def end(process):
    process.terminate()
    assert process.wait(PATIENCE) == 0


def say(bp, data, end=True):
    """All that is answered until the other side ends."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(bp.folder + "/backplane/control")
    answer = b""
    try:
        client.sendall(data)
        if end:
            client.shutdown(socket.SHUT_WR)
        while part := client.recv(65536):
            answer += part
    except (ConnectionResetError, BrokenPipeError):
        pass
    client.close()
    return answer


def test_control_of_another_user(bp):
    """Served are the user that runs it, and root; whoever else got at the socket is not."""
    if is_sanitized():
        raise Skipped("the sanitizer must be loaded first, not the shim")
    for uid, served in ((os.geteuid(), True), (0, True), (12345, False), (4294967294, False)):
        os.environ.update(LD_PRELOAD=os.path.abspath(BUILD + "/tests/plugins/peer-shim.so"), PEER_UID=str(uid))
        try:
            one = Backplane()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["PEER_UID"]
        try:
            one.run("echo")
            assert say(one, b"backplane-control 1 run 0\necho hello\n") == (b"hello\n\0000" if served else b""), uid
        finally:
            assert one.stop() == 0, one.stderr()
            one.remove()


def test_control_nonsense(bp):
    bp.run("echo")
    assert say(bp, b"x" * 300, end=False) == b""  # a header has an end
    assert say(bp, b"backplane-control 9 run 0\necho hello\n", end=False) == b""
    assert say(bp, b"\0\n", end=False) == b""
    assert say(bp, b"backplane-control 1 attach 80 24 dumb\nd\xff\xffhalf a frame") != b""
    assert say(bp, b"backplane-control 1 run 0\necho hello\n") == b"hello\n\0000"



# --- where it is ---

def test_long_path(bp):
    """A path that no socket can have: a warning that says so, on both sides."""
    long = bp.folder + "/" + "long" * 30
    process, folder = serve(bp, "long", XDG_RUNTIME_DIR=long)
    eventually(lambda: "backplane -x does not reach this instance" in stderr_of(folder))
    assert "107 bytes" in stderr_of(folder), stderr_of(folder)
    os.makedirs(long + "/backplane", 0o700, exist_ok=True)
    result = ask(folder, "version", XDG_RUNTIME_DIR=long)
    assert result.returncode == 1 and "more than 107 bytes" in result.stderr, result
    end(process)


def test_folder_that_others_can_write(bp):
    """Neither does the instance listen there, nor does the client send its command there."""
    for name, owner, mode, why in (("open", 0, 0o777, "can be written by everybody"), ("group", 0, 0o770, "can be written by its group"),
                                   ("foreign", 12345, 0o755, "belongs to another user (uid 12345)")):
        if owner and os.geteuid():
            continue
        runtime = f"{bp.folder}/run-{name}"
        os.makedirs(runtime + "/backplane", 0o700)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(runtime + "/backplane/control")
        listener.listen()
        os.chmod(runtime, mode)
        if owner:
            os.chown(runtime, owner, owner)
        result = ask(bp.folder, "version", XDG_RUNTIME_DIR=runtime)
        assert result.returncode == 1 and "is not used: the folder" in result.stderr and why in result.stderr, result
        listener.settimeout(0)
        try:
            listener.accept()
            raise AssertionError("it connected")
        except BlockingIOError:
            pass
        process, folder = serve(bp, name, XDG_RUNTIME_DIR=runtime)
        eventually(lambda where=folder, reason=why: "is not used" in stderr_of(where) and reason in stderr_of(where))
        end(process)


def test_answer_of_another_user(bp):
    """The client asks who answers: its own user or root, or nobody gets the command."""
    if is_sanitized():
        raise Skipped("the sanitizer must be loaded first, not the shim")
    path = bp.folder + "/backplane/control"
    shim = os.path.abspath(BUILD + "/tests/plugins/peer-shim.so")
    for uid, status in ((os.geteuid(), 0), (12345, 1)):
        result = ask(bp.folder, "version", options=("-S", path), LD_PRELOAD=shim, PEER_UID=str(uid))
        assert result.returncode == status, result
        assert status == 0 or "a process of another user answers there" in result.stderr, result


def test_named_socket(bp):
    path = bp.folder + "/named.sock"
    process, folder = serve(bp, "named", "-S", path, XDG_RUNTIME_DIR=bp.folder + "/unused")
    eventually(lambda: os.path.exists(path))
    assert os.stat(path).st_mode & 0o777 == 0o600
    result = ask(folder, "version", options=("-S", path))
    assert result.returncode == 0 and result.stdout.startswith("Backplane"), result
    assert not os.path.exists(bp.folder + "/unused")
    end(process)
    assert not os.path.exists(path)


def test_socket_of_the_unit(bp):
    """RUNTIME_DIRECTORY=/run/backplane, as the unit sets it: `-x` of a shell, which does not have that, finds it."""
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        raise Skipped("only root can have a /run of its own")
    script = """
        mount -t tmpfs none /run; mkdir -m 755 /run/backplane
        RUNTIME_DIRECTORY=/run/backplane "$0" -P "$1" -d & one=$!
        until test -S /run/backplane/control; do kill -0 $one || exit; done
        "$0" -x echo found; "$0" -x no-such-command; echo $?; kill $one; wait $one; "$0" -x version; echo $?"""
    home = bp.folder + "/unit"
    os.mkdir(home)
    result = subprocess.run(["unshare", "--mount", "sh", "-c", script, PROGRAM, BUILD + "/plugins"], text=True, capture_output=True,
                            env=place(home, XDG_RUNTIME_DIR=bp.folder + "/none"), timeout=PATIENCE)
    lines = result.stdout.splitlines()
    assert lines[0] == "found" and "1" in lines[1:] and lines[-1] == "1", result
    assert "no running instance answers at " + bp.folder in result.stderr, result


def test_deleted_while_it_runs(bp):
    """The socket is made again, with its folder if that can be made; a warning names what happened."""
    runtime = bp.folder + "/runtime"
    os.makedirs(runtime, 0o700)
    process, folder = serve(bp, "deleted", XDG_RUNTIME_DIR=runtime)
    path = runtime + "/backplane/control"
    eventually(lambda: os.path.exists(path))
    os.unlink(path)
    eventually(lambda: os.path.exists(path))
    assert ask(folder, "echo", "again", XDG_RUNTIME_DIR=runtime).stdout == "again\n"
    assert "was deleted; it has been made again" in stderr_of(folder)
    shutil.rmtree(runtime + "/backplane")
    eventually(lambda: os.path.exists(path))
    eventually(lambda: ask(folder, "echo", "once more", XDG_RUNTIME_DIR=runtime).stdout == "once more\n")
    os.rename(path, path + ".away")
    with open(path, "w") as file:
        file.write("not a socket")
    eventually(lambda: "does not reach this instance" in stderr_of(folder))
    assert "a file that is no socket is there" in stderr_of(folder), stderr_of(folder)
    end(process)
    assert os.path.exists(path)


# --- what passes ---

def test_command_is_not_in_the_list_of_processes(bp):
    bp.run("plugin load " + MUCH)
    bp.run("channel watch waits")
    environment = place(bp.folder, XDG_RUNTIME_DIR=bp.folder)
    client = subprocess.Popen([PROGRAM, "-x", "waits|echo token=hunter2"], env=environment, stdout=subprocess.DEVNULL)
    eventually(lambda: "waits: begun" in bp.run("echo"))
    with open(f"/proc/{client.pid}/cmdline", "rb") as file:
        shown = file.read()
    assert b"-x" in shown and b"hunter2" not in shown and b"waits" not in shown, shown
    client.kill()
    client.wait()
    result = ask(bp.folder, "-", stdin="echo one\necho two", XDG_RUNTIME_DIR=bp.folder)
    assert result.stdout == "one\ntwo\n" and result.returncode == 0, result
    script = "".join(f"echo {number} {'x' * 1000}\n" for number in range(3000))
    assert len(ask(bp.folder, "-", stdin=script, XDG_RUNTIME_DIR=bp.folder).stdout.splitlines()) == 3000
    assert ask(bp.folder, "-", stdin="no-such\n", XDG_RUNTIME_DIR=bp.folder).returncode == 1


def numbers(text):
    return [int(line[:8]) for line in text.split() if len(line) == 1023]


def test_much_output_of_one_command(bp):
    """More than any queue takes, to clients that read it late: nothing is missing, and the order holds."""
    bp.run("plugin load " + MUCH)
    port = free_port()
    bp.run(f"serve console -t tcp -p {port}")
    client = subprocess.Popen([PROGRAM, "-x", "much 8000"], env=place(bp.folder, XDG_RUNTIME_DIR=bp.folder),
                              stdout=subprocess.PIPE)
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tcp.connect(("127.0.0.1", port))
    tcp.sendall(b"much 8000\necho last\n")
    tcp.shutdown(socket.SHUT_WR)
    assert client.stdout.read(1)  # the command has run
    bp.run("session list")
    text = client.stdout.read().decode()
    assert numbers("0" + text) == list(range(8000)), text[-100:]
    assert client.wait(PATIENCE) == 0
    tcp.settimeout(PATIENCE)
    text = b""
    while part := tcp.recv(65536):
        text += part
    assert numbers(text.decode()) == list(range(8000)) and b"last" in text[-20:], text[-100:]


def test_reader_that_pauses(bp):
    """What is left when the command has ended waits for its reader, as long as that is there: no time limit runs."""
    bp.run("plugin load " + MUCH)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(bp.folder + "/backplane/control")
    client.sendall(b"backplane-control 1 run 0\nmuch 400\n")
    client.shutdown(socket.SHUT_WR)
    client.recv(1, socket.MSG_PEEK)
    eventually(lambda: not any(" control " in line for line in bp.run("session list")))
    assert bp.owned()["control", "stream"] == 1 and not bp.owned().get(("control", "timer"))
    text = b""
    while part := client.recv(65536):
        text += part
    assert numbers(text[:-2].decode()) == list(range(400)) and text.endswith(b"\0000"), text[-100:]


# --- clients that leave ---

def test_client_that_leaves_cancels_its_command(bp):
    """Ctrl-C on `backplane -x`, a killed client, and those of every transport."""
    bp.run("plugin load " + MUCH)
    bp.run("channel watch waits")
    ports = {"telnet": free_port(), "tcp": free_port(), "websocket": free_port()}
    for transport, port in ports.items():
        bp.run(f"serve console -t {transport} -p {port}")
    web = free_port()
    bp.run(f"webserver -p {web}")
    seen = []

    def told(what):
        def look():
            seen.extend(bp.run("echo"))
            return "waits: " + what in seen
        eventually(look)
        seen.clear()

    def control(number):
        client = subprocess.Popen([PROGRAM, "-x", "waits"], env=place(bp.folder, XDG_RUNTIME_DIR=bp.folder))
        return lambda: (client.send_signal(number), client.wait())

    def telnet():
        client = Client(ports["telnet"])
        client.send(b"\xff\xfb\x1f")
        client.expect(b"backplane>")
        client.send("waits\r\n")

        def leave():
            """All has been read: its system sends an end, not a reset."""
            client.expect(b"waits\r\n")
            client.socket.setblocking(False)
            try:
                while client.socket.recv(65536):
                    pass
            except BlockingIOError:
                pass
            client.close()

        return leave

    def tcp():
        """Its system answers what is sent to it with a reset."""
        client = Client(ports["tcp"])
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.send("waits\n")
        return client.close

    def websocket():
        client = WebSocket(ports["websocket"])
        client.say("waits\n")
        return client.close

    def page():
        client = Client(web)
        client.send(f"GET /?cmd=waits HTTP/1.1\r\nHost: localhost:{web}\r\n\r\n")
        return client.close

    for begin in (lambda: control(signal.SIGINT), lambda: control(signal.SIGKILL), telnet, tcp, websocket, page):
        leave = begin()
        told("begun")
        leave()
        told("cancelled")


def test_descriptors_used_up(bp):
    """`backplane -x` is served by the reserve, again and again."""
    port = free_port()
    process, folder = serve(bp, "few", "-e", f"serve echo -t tcp -p {port} max_connections=1000", XDG_RUNTIME_DIR=bp.folder + "/few")
    eventually(lambda: os.path.exists(folder + "/backplane/control"))
    used = len(os.listdir(f"/proc/{process.pid}/fd"))
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 10, used + 10))
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
    eventually(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) >= used + 10)
    together = [subprocess.Popen([PROGRAM, "-x", "wait 0.2|echo hello"], env=place(folder, XDG_RUNTIME_DIR=folder), stdout=subprocess.PIPE)
                for _ in range(4)]
    assert [client.communicate(timeout=PATIENCE)[0] for client in together] == 4 * [b"hello\n"]
    for _ in range(20):
        result = ask(folder, "echo", "hello", XDG_RUNTIME_DIR=folder)
        assert result.stdout == "hello\n", result
    for client in clients:
        client.close()
    end(process)


main("control", globals())
