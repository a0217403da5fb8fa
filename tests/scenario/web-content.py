#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web-content.py - assets with curl: tags, conditions, encodings; ranges and paths, good ones and refused ones."""
import json
import re

from harness import Client, main
from webs import curl, serve


def test_assets(bp):
    port = serve(bp)
    status, headers, body = curl(port, "/")
    assert b"<title>" in body and b"style=" not in body and not re.search(rb"<script(?![^>]* src=)", body)
    tag = headers["etag"]
    assert curl(port, "/", "-H", f"If-None-Match: {tag}")[0] == 304
    assert curl(port, "/", "-H", 'If-None-Match: "x"')[0] == 200
    status, headers, part = curl(port, "/", "-H", "Range: bytes=0-8")
    assert status == 206 and part == body[:9] and headers["content-range"] == f"bytes 0-8/{len(body)}"
    # Several ranges are answered with the whole.
    status, headers, whole = curl(port, "/", "-H", "Range: bytes=0-1,3-4")
    assert status == 200 and whole == body and "content-range" not in headers
    for status, field in ((200, f"If-Match: {tag}"), (200, "If-Match: *"), (412, 'If-Match: "x"'), (412, f"If-Match: W/{tag}"),
                          (304, f"If-None-Match: W/{tag}"), (200, f'If-Match: "x", {tag}')):
        found, headers, said = curl(port, "/", "-H", field)
        assert found == status, (found, field)
        assert status != 412 or json.loads(said)["detail"], said
    assert curl(port, "/", "-I", "-H", 'If-Match: "x"')[0] == 412
    status, headers, packed = curl(port, "/assets/style.css", "-H", "Accept-Encoding: gzip")
    assert headers.get("vary", "Accept-Encoding") == "Accept-Encoding" and headers["content-type"].startswith("text/css")
    status, headers, _ = curl(port, "/api/v1/commands", "-H", "Accept-Encoding: gzip")
    assert headers["content-encoding"] == "gzip"
    status, headers, empty = curl(port, "/api/v1/commands", "-I")
    assert status == 200 and int(headers["content-length"]) > 1000 and not empty


def test_ranges(bp):
    port = serve(bp)
    for path in ("/", "/assets/style.css"):
        whole = curl(port, path)[2]
        size = len(whole)
        # What is no range, or one that nobody can mean, is answered with the whole.
        for field in (f"bytes=0-{size}x", "bytes=0-60000x", "bytes=5-60000x", "bytes=999999999", "bytes=5-1", "bytes=5", "bytes=",
                      "bytes=-", "bytes=-5x", "bytes=a-b", "bytes=5-99999999999999999999", "bytes=99999999999999999999-", "bytes", "x=0-1"):
            status, headers, body = curl(port, path, "-H", "Range: " + field)
            assert status == 200 and body == whole and "content-range" not in headers, (path, field, status, headers)
        for field in (f"bytes={size}-", "bytes=999999999-", "bytes=999999999-9999999999", "bytes=-0"):
            status, headers, body = curl(port, path, "-H", "Range: " + field)
            assert status == 416 and headers["content-range"] == f"bytes */{size}", (path, field, status, headers)
        for field, first, end in (("bytes=0-60000000", 0, size), (f"bytes={size - 1}-", size - 1, size), ("bytes=-999999999", 0, size),
                                  ("bytes=3-3", 3, 4), ("bytes=-2", size - 2, size)):
            status, headers, body = curl(port, path, "-H", "Range: " + field)
            assert status == 206 and body == whole[first:end], (path, field, status, headers)
            assert headers["content-range"] == f"bytes {first}-{end - 1}/{size}", headers


def test_refused_paths(bp):
    port = serve(bp)
    for path in ("/%zz", "/%00", "/a/%2e%2e/b", "/%ff", "/" + "a" * 1000 + "%00", "/" + "a" * 1000 + "%zz"):
        assert curl(port, "/api/v1/channels?what-somebody-else-asks")[0] == 200
        assert curl(port, "/api/v1/what-somebody-else-asks")[0] == 404
        status, _, body = curl(port, path, "--path-as-is")
        assert status == 400 and "instance" not in json.loads(body) and b"somebody" not in body, body


def head_of(port, method, path, fields):
    client = Client(port)
    client.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
    lines = sorted(client.expect("\r\n\r\n").decode().split("\r\n"))
    client.close()
    return lines


def test_head_is_as_get(bp):
    """The same status and fields for every path, but what only the body has."""
    port = serve(bp)
    script = re.search(rb'src="/?([^"]+\.js)"', curl(port, "/")[2])[1].decode()
    for path in ("/", "/?cmd=version", "/?cmd=%E9", f"/{script}", "/healthz", "/metrics", "/api/v1/openapi.json", "/api/v1/commands",
                 "/api/v1/channels/console", "/api/v1/channels/console/messages", "/api/v1/nosuch", "/nosuch", "/ws", "/views/x.js",
                 "/api/v1/channels/console/events", "/api/v1/events?watch=x", "/api/v1/complete?line=hel", "/api/v1/commands/run"):
        for more in "", "Accept-Encoding: gzip\r\n", "If-None-Match: *\r\n":
            lines = [[line for line in head_of(port, method, path, more) if not line.startswith(("Date:", "Transfer-Encoding:"))]
                     for method in ("GET", "HEAD")]
            if path in ("/metrics", "/?cmd=version"):  # its length changes; it is not known
                lines = [[line for line in one if not line.startswith(("Content-Length:", "Content-Encoding:", "Vary:"))] for one in lines]
            assert lines[0] == lines[1], (path, more, lines)


def test_upgrade_required(bp):
    """Both kinds of 426 say what to ask with."""
    port = serve(bp)
    upgrade = ["-H", "Upgrade: websocket", "-H", "Connection: upgrade", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    for arguments, version in ([], None), ([*upgrade, "-H", "Sec-WebSocket-Version: 8"], "13"):
        status, headers, _ = curl(port, "/ws", *arguments)
        assert status == 426 and headers["upgrade"] == "websocket", headers
        assert headers["connection"] == "upgrade" and headers.get("sec-websocket-version") == version, headers


main("web-content", globals())
