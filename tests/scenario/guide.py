#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""guide.py - what the guide (data/guide) prints is done as it stands there, in a network of its own.

A block ```sh runs in a shell, ```console line by line in the running host, ```text not at all; one with a name behind its language is
written to that file.
"""
import glob
import os
import re
import subprocess
import sys

from harness import BUILD, PATIENCE, Backplane, Skipped, is_sanitized, main

SRC = os.path.abspath(os.environ.get("SRC", "."))
ALONE = "BACKPLANE_GUIDE_ALONE"
PAGES = sorted(glob.glob(SRC + "/data/guide/*.md"))


def blocks(path):
    """[(language, file, text)]"""
    with open(path) as file:
        return re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", file.read(), re.M | re.S)


def console(session, text):
    """What the lines print, all of them in one session; its exit status tells at the end whether one failed."""
    mark = "end-of-block"
    session.stdin.write(f"{text}echo {mark}\n")
    session.stdin.flush()
    said = text
    while not said.endswith(f"\n{mark}\n"):
        line = session.stdout.readline()
        assert line, said
        said += line
    return said


def do_page(path):
    host = Backplane("-c", SRC + "/data/backplane.yaml")
    build = os.path.abspath(BUILD)
    environment = dict(os.environ, HOME=host.folder, XDG_RUNTIME_DIR=host.folder, XDG_STATE_HOME=host.folder + "/state",
                       PATH=build + ":" + os.environ["PATH"], PKG_CONFIG_PATH=build, SAMPLES=SRC + "/data/samples")
    failed, session = True, None
    try:
        host.run("echo")
        session = subprocess.Popen(["backplane", "-x", "-"], cwd=host.folder, env=environment, text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = ""
        for language, file, text in blocks(path):
            text = text.replace("/etc/backplane/", SRC + "/data/").replace("curl ", "curl -sS -f ")
            if is_sanitized():
                text = text.replace("cc -shared", "cc -fsanitize=address,undefined -shared")
            if file:
                with open(f"{host.folder}/{file}", "w") as out:
                    out.write(text)
                continue
            assert language in ("sh", "console", "text"), language
            if language == "sh":
                done = subprocess.run(["sh", "-ec", text], cwd=host.folder, env=environment, text=True, capture_output=True,
                                      stdin=subprocess.DEVNULL, timeout=PATIENCE * 2, check=False)
                assert done.returncode == 0, (os.path.basename(path), text, done.stdout, done.stderr)
            elif language == "console":
                said += console(session, text)
        session.stdin.close()
        said += session.stdout.read()
        assert session.wait(PATIENCE) == 0, (os.path.basename(path), said)
        failed = False
    finally:
        if failed:
            print(host.stderr())
        if session:
            session.kill()
            session.wait()
        host.stop()
        host.remove()


def test_pages(bp):
    if not os.environ.get(ALONE):
        done = subprocess.run(["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, __file__, "pages"],
                              env=dict(os.environ, **{ALONE: "1"}), text=True, capture_output=True, check=False)
        if "unshare" in done.stderr:
            raise Skipped("no network namespace: " + done.stderr.strip())
        assert done.returncode == 0, done.stdout + done.stderr
        return
    for path in PAGES:
        do_page(path)


def test_links(bp):
    """Pages and files that it names are there; every language is known."""
    assert len(PAGES) == 5
    for path in PAGES:
        with open(path) as file:
            text = file.read()
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert os.path.exists(os.path.join(os.path.dirname(path), link)), (path, link)
        for name in re.findall(r"data/samples/[\w.]+", text):
            assert os.path.exists(f"{SRC}/{name}"), name
        assert {language for language, _, _ in blocks(path)} <= {"sh", "console", "text", "c", "yaml"}


def test_the_page_has_it(bp):
    """Offline: it is a part of the program."""
    bp.run("webserver -p 0")
    port = re.search(r"web-server\s.*?:(\d+)", "\n".join(bp.run("status")))[1]
    for path in PAGES:
        done = subprocess.run(["curl", "-sS", "-f", "-i", f"http://127.0.0.1:{port}/assets/{os.path.basename(path)}"], capture_output=True,
                              check=True, timeout=PATIENCE)
        head, body = done.stdout.split(b"\r\n\r\n", 1)
        assert b"text/markdown" in head, head
        with open(path, "rb") as file:
            assert body == file.read()
    done = subprocess.run(["curl", "-sS", "-f", f"http://127.0.0.1:{port}/assets/help.js"], text=True, capture_output=True, check=True,
                          timeout=PATIENCE)
    for path in PAGES:
        assert f'"{os.path.basename(path)[:-3]}"' in done.stdout


if __name__ == "__main__":
    main("guide", globals())
