# SPDX-License-Identifier: MIT
"""webs.py - a web server to be tried, and curl that gives the answer in parts."""
import subprocess

from harness import PATIENCE, free_port


def serve(bp, *words):
    """Opens a web server with key=value parameters; its port."""
    port = free_port()
    said = bp.run(" ".join(["module open WebServer web-server", f"port={port}", "quiet=yes", *words]))
    assert not any("already" in line or "cannot" in line for line in said), said
    return port


def curl(port, path, *arguments, name="localhost"):
    """Status, headers by small names, body."""
    done = subprocess.run(["curl", "-s", "-i", "-g", "--max-time", str(PATIENCE), *arguments, f"http://{name}:{port}{path}"],
                          stdout=subprocess.PIPE, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("HTTP/1.1 "), done.stdout
    headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines[1:])}
    assert headers.get("x-content-type-options") == "nosniff", lines
    assert "frame-ancestors 'none'" in headers["content-security-policy"], lines
    return int(lines[0].split()[1]), headers, body
