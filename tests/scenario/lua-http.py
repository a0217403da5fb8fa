#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lua-http.py - HTTP clients of scripts, against a server that does what a server may do."""
import gzip
import os
import socket
import ssl
import subprocess
import threading
from harness import eventually, free_port, main

HERE = os.path.join(os.environ.get("SRC", "."), "tests", "lua")


def answer(connection, method, path, headers, body):
    """TRUE: the connection stays."""
    def reply(data, status="200 OK", more=""):
        data = b"" if method == "HEAD" else data
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n{more}\r\n".encode() + data)

    path, _, query = path.partition("?")
    if path == "/say":
        words = [headers[name] for name in ("x-ask", "n") if name in headers]
        reply(" ".join([method, *words, ""]).encode() + body, more=f"X-Answer: {len(words)}\r\nX-Type: {headers.get('content-type', '-')}\r\n")
    elif path == "/twice":
        reply(b"", more="X-Twice: one\r\nx-twice: two\r\n")
    elif path == "/json":
        reply(b'{"answer":42}', more="Content-Type: application/json\r\n")
    elif path == "/chunks":
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in b"one by one":
            connection.sendall(b"1\r\n%c\r\n" % byte)
        connection.sendall(b"0\r\n\r\n")
    elif path == "/gzip":
        reply(gzip.compress(b"compressed"), more="Content-Encoding: gzip\r\n")
    elif path == "/bomb":
        reply(gzip.compress(bytes(100000000), 1), more="Content-Encoding: gzip\r\n")
    elif path == "/close":
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nno length")
        return False
    elif path == "/large":
        reply(b"x" * int(query))
    elif path == "/endless":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))
    elif path == "/cut":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        return False
    elif path == "/garbage":
        connection.sendall(b"\0\1\2\3 what\r\n\r\n")
        return False
    elif path == "/redirect":
        reply(b"", "302 Found", f"Location: {query or path}\r\n")
    elif path == "/never":
        connection.recv(1)
        return False
    elif path == "/drip":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        connection.recv(1)
        return False
    else:
        reply(b"not here", "404 Not Found")
    return True


class Server:
    def __init__(self, context=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context = context
        self.asked = []
        self.open = 0
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self.lock:
            self.open += 1
        try:
            with connection:
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                with connection, connection.makefile("rb") as lines:
                    while self._request(connection, lines):
                        pass
        except OSError:
            pass
        with self.lock:
            self.open -= 1

    def _request(self, connection, lines):
        words = lines.readline().split()
        if len(words) != 3:
            return False
        headers = {}
        while True:
            name, colon, value = lines.readline().decode("latin-1").strip().partition(":")
            if not colon:
                break
            headers[name.lower()] = value.strip()
        self.asked.append(words[1].decode("latin-1"))
        return answer(connection, words[0].decode("latin-1"), words[1].decode("latin-1"), headers, lines.read(int(headers.get("content-length", 0))))

    def close(self):
        self.listener.close()


def certificates(folder):
    """A certificate for the name localhost, and one of the authority that has signed it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "9",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    with open(f"{folder}/extensions", "w") as file:
        file.write("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "9",
            "-extfile", "extensions")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    with open(f"{folder}/ca.pem") as file, open(f"{folder}/authority.lua", "w") as module:
        module.write(f"return [[{file.read()}]]")
    return context


def copy(bp, name):
    with open(f"{HERE}/{name}.lua") as file, open(f"{bp.folder}/{name}.lua", "w") as to:
        to.write(file.read())
    return f"{bp.folder}/{name}.lua"


def test_http(bp):
    """tests/lua/http.lua prints what http.expected says."""
    plain, secure = Server(), Server(certificates(bp.folder))
    with open(f"{HERE}/http.expected") as file:
        wanted = [line.strip() for line in file if line.strip()]
    got = [line.replace(bp.folder + "/", "").strip() for line in
           bp.run(f"lua run {copy(bp, 'http')} {plain.port} {secure.port} {free_port()} -u")]
    assert got == wanted, "\n".join(["got:", *got])
    assert plain.asked.count("/redirect?/redirect") + plain.asked.count("/redirect") < 40
    assert len(secure.asked) == 3, secure.asked  # what is not trusted gets no request
    eventually(lambda: not plain.open and not secure.open)
    plain.close()
    secure.close()


def write(bp, name, text):
    with open(f"{bp.folder}/{name}.lua", "w") as file:
        file.write(text)
    return f"{bp.folder}/{name}.lua"


def test_many(bp):
    """A hundred at once; what they receive together is bounded by the memory of the script."""
    server = Server()
    said = bp.run("lua run " + write(bp, "many", f"""local sum, left = 0, 100
        for i = 1, 100 do net.HTTPClient():request("http://127.0.0.1:{server.port}/large?10000", {{ success = function(answer)
            sum, left = sum + #answer.data, left - 1
            if left == 0 then print(sum) end
        end, error = print }}) end""") + " -u")
    assert said == ["1000000"], said
    said = bp.run("lua run " + write(bp, "greedy", f"""for i = 1, 8 do
        net.HTTPClient():request("http://127.0.0.1:{server.port}/large?12000000", {{ error = function(why) print(why:sub(1, 23)) end }}) end""")
                  + " -u --memory 8M")
    assert said == ["the answer is too large"] * 8, said
    server.close()


def test_stopped(bp):
    """Scripts that wait for servers of every kind are stopped, closed, and go with their plugin."""
    server, silent = Server(), socket.create_server(("127.0.0.1", 0))  # that one never answers
    for name in ("never", "drip", "endless"):
        path = write(bp, name, f"""for i = 1, 10 do
            net.HTTPClient():request("http://127.0.0.1:{server.port}/{name}")
            net.HTTPClient():request("https://127.0.0.1:{silent.getsockname()[1]}/{name}")
        end""")
        bp.run(f"lua run {path}")
        bp.run(f"lua run {path} --name {name}2")
    eventually(lambda: len(server.asked) > 40)
    for name in ("never", "drip", "endless"):
        bp.run(f"lua stop {name}")
        bp.run(f"module close {name}2")
        bp.run(f"lua restart {name}")
    asked = len(server.asked)
    eventually(lambda: len(server.asked) > asked)
    bp.run("plugin reload lua")
    bp.run("plugin unload lua")
    assert "lua" not in " ".join(bp.run("plugin list")).split()
    eventually(lambda: not server.open)
    server.close()
    silent.close()


main("lua-http", globals())
