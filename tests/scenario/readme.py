#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readme.py - what README.md prints is done as it stands there: C is built and loaded, commands are typed, in a network of its own."""
import os
import re
import shlex
import shutil
import subprocess
import sys

from harness import BUILD, PATIENCE, Backplane, Client, Skipped, eventually, is_sanitized, main

SRC = os.path.abspath(os.environ.get("SRC", "."))
ALONE = "BACKPLANE_README_ALONE"
# Shown for people, or done by other tests: tests/fresh does bootstrap on a bare system.
NOT_HERE = ("./bootstrap", "telnet ", "uart term", "uart exec", "tests/")


def blocks():
    """The indented ones, their lines joined where they go on, without comments."""
    text = open(SRC + "/README.md").read().replace("\\\n", " ")
    return [re.sub(r"^ {4}", "", block, flags=re.M) for block in re.findall(r"(?:^ {4}.*\n(?:\n(?= {4}))?)+", text, re.M)]


def sources():
    return [block for block in blocks() if block.startswith("#include")]


def is_script(block):
    return block.startswith(("local ", "bp."))


def scripts():
    """[(name, text)] of what stands behind "This is `NAME.lua`:"."""
    names = re.findall(r"This is `(\w+\.lua)`:$", open(SRC + "/README.md").read(), re.M)
    return list(zip(names, filter(is_script, blocks()), strict=True))


def lines():
    for block in blocks():
        if not block.startswith("#include") and not is_script(block):
            for line in block.splitlines():
                line = re.sub(r"\s+#\s.*$", "", line).strip()
                if line and line != "backplane -x" and not (line + " ").startswith(NOT_HERE):
                    yield line


def build(bp, source, name):
    if not shutil.which("cc"):
        raise Skipped("no cc")
    packages = ["backplane"] + (["backplane-store"] if "store.h" in source else [])
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], text=True, capture_output=True, check=True,
                           env=dict(os.environ, PKG_CONFIG_PATH=BUILD)).stdout.split()
    with open(f"{bp.folder}/{name}.c", "w") as file:
        file.write(source)
    subprocess.run(["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", f"{bp.folder}/{name}.so", f"{bp.folder}/{name}.c", *flags,
                    *(["-fsanitize=address,undefined"] if is_sanitized() else [])], check=True)
    assert bp.run(f"plugin load ./{name}.so") == [f"Loaded {name} 1.0."]


def test_sources(bp):
    found = sources()
    assert len(found) == 2 and all("BP_PLUGIN(" in source for source in found), found
    for source in found:
        build(bp, source, re.search(r'\.name = "(\w+)"', source)[1])
    bp.run("serve mine --transport tcp --name one --port 0")
    port = re.search(r"^one\s.*:(\d+)", "\n".join(bp.run("status")), re.M)[1]
    client = Client(int(port))
    client.send("hello\n")
    client.expect("Echo: hello\r\n")
    client.close()
    bp.run("channel send thermo/recv 21.5")
    if shutil.which("sqlite3"):
        eventually(lambda: subprocess.run(["sqlite3", f"{bp.folder}/state/backplane/store/thermo.db", "SELECT value FROM samples"],
                                          text=True, capture_output=True, check=False).stdout == "21.5\n")
    for name in "mine", "thermo":
        bp.run(f"plugin unload {name}")


def do(line, bp, environment):
    """A command of the host has its status; what is no command is one of a shell."""
    words = shlex.split(line, comments=False)
    if words[0] in ("curl", "echo", "cc", "backplane"):
        line = line.replace("curl -N", "curl -N --max-time 1").replace("curl ", "curl -sS -f ").replace("PKG_CONFIG_PATH=build", f"PKG_CONFIG_PATH={BUILD}")
        line = line.replace("-o hello.so", f"-o {bp.folder}/hello.so" + (" -fsanitize=address,undefined" if is_sanitized() else ""))
        done = subprocess.run(["sh", "-c", line], cwd=SRC, env=environment, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=PATIENCE * 2, check=False)
        return done.returncode == 0 or ("--max-time" in line and done.returncode == 28), done
    done = subprocess.run([BUILD + "/backplane", "-x", line], cwd=bp.folder, env=environment, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE * 2, check=False)
    return done.returncode == 0, done


def test_commands(bp):
    """In the order in which they stand there, in a host with the sample configuration, as `./bootstrap run` starts it."""
    if not os.environ.get(ALONE):
        done = subprocess.run(["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, __file__, "commands"],
                              env=dict(os.environ, **{ALONE: "1"}), text=True, capture_output=True, check=False)
        if "unshare" in done.stderr:
            raise Skipped("no network namespace: " + done.stderr.strip())
        assert done.returncode == 0, done.stdout + done.stderr
        return
    host = Backplane("-c", SRC + "/data/backplane.yaml")
    failed = True
    try:
        host.run("echo")
        environment = dict(os.environ, HOME=host.folder, XDG_RUNTIME_DIR=host.folder, XDG_STATE_HOME=host.folder + "/state",
                           PATH=BUILD + ":" + os.environ["PATH"])
        for name, text in scripts():
            with open(f"{host.folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        count = 0
        for line in lines():
            good, done = do(line, host, environment)
            assert good, (line, done)
            count += 1
        assert count >= 25, count
        failed = False
    finally:
        if failed:
            print(host.stderr())
        host.stop()
        host.remove()


if __name__ == "__main__":
    main("readme", globals())
