#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""abi.py - the interface as earlier versions had it (tests/abi/MAJOR.MINOR): what was built for it still loads and works."""
import glob
import lzma
import os
import re
import shutil
import subprocess

from harness import BUILD, Client, Skipped, eventually, is_sanitized, main
from samples import build_sample

SRC = os.environ["SRC"]
VERSIONS = sorted(glob.glob(SRC + "/tests/abi/[0-9]*.[0-9]*"))


def opaque_types():
    """Names that the headers have and whose insides they do not: these may change. (A file of theirs may be named as a header is.)"""
    text = "".join(open(file).read() for file in glob.glob(SRC + "/include/backplane/*.h"))
    return sorted(name for name in re.findall(r"typedef struct (Bp\w+) \1;", text) if not re.search(rf"struct {name} {{", text))


def test_libraries(bp):
    """What the libraries exported is there still, with the same types; structs have only grown at their end."""
    if not shutil.which("abidiff"):
        raise Skipped("abidiff is not installed (abigail-tools)")
    if is_sanitized():
        raise Skipped("the libraries are made for the sanitizers")
    assert VERSIONS
    rules = bp.folder + "/rules.suppr"
    with open(SRC + "/tests/abi/grows.suppr") as kept, open(rules, "w") as file:
        file.write(kept.read() + "\n[suppress_type]\n\tname_regexp = ^(" + "|".join(opaque_types()) + ")$\n")
    assert "BpSession" in opaque_types() and "BpCommand" not in opaque_types()
    for version in VERSIONS:
        kept = glob.glob(version + "/*.abi.xz")
        assert len(kept) >= 8
        for file in kept:
            name = os.path.basename(file)[:-len(".abi.xz")]
            text = bp.folder + "/" + name + ".abi"
            with lzma.open(file) as packed, open(text, "wb") as plain:
                shutil.copyfileobj(packed, plain)
            done = subprocess.run(["abidiff", "--no-added-syms", "--drop-private-types", "--suppressions", rules,
                                   "--headers-dir2", SRC + "/include/backplane", text, f"{BUILD}/{name}"],
                                  text=True, capture_output=True)
            assert done.returncode == 0, f"{name} is not what {os.path.basename(version)} promised:\n{done.stdout}{done.stderr}"


def use(bp):
    assert bp.run("mirror work") == ["the answer is 42"]
    assert bp.run("mirror late") == ["the answer is 42"]
    assert any(re.search(r"mirror late\s+added by load", line) for line in bp.run("help"))
    assert "Of any channel." in bp.run("help mirror options")
    bp.run("set mirror_word looking-glass")
    bp.run("module open Mirror m")
    port = int(re.search(r":(\d+)", " ".join(bp.run("module info m"))).group(1))
    assert bp.run("mirror options m/said") == ["looking-glass: m/said replays 3, ends with !"]
    client = Client(port)
    client.send("hello\n")
    client.expect("hello\n")
    other = Client(port)
    assert other.rest()  # it is told why
    other.close()
    assert any("mirrored 6 in 1 of 1" in line for line in bp.run("module info m"))
    eventually(lambda: any("m waiting: three ticks" in line for line in bp.run("status")))
    client.close()
    port = int(re.search(r":(\d+)", " ".join(bp.run("serve mirror --transport tcp --port 0"))).group(1))
    client = Client(port)
    client.send("olleh\n")
    client.expect("mirror says hello")
    client.send("bye\n")
    client.expect("mirror says eyb")
    client.rest()
    client.close()
    assert bp.run("plugin unload mirror") == ["Unloaded mirror."]
    assert "mirror is not a registered command" in bp.run("mirror work")[0]


def test_plugins(bp):
    for version in VERSIONS:
        build_sample(bp, "mirror", "backplane-net", SRC + "/tests/abi/mirror.c", version + "/include")
        use(bp)


main("abi", globals())
