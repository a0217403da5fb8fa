#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutate.py - takes away one safety mechanism after another; for each a test must fail.

mutate.py [NAME...] (globs); environment: BUILD, SRC, JOBS. It works in a copy of the tree under BUILD/mutate.

A mutation is a text of the sources that occurs exactly once, wherever it stands and however it is broken into lines, what
replaces it, and the tests that must notice: "bus:links" is the unit test `links` of tests/test-bus, "tcp.py:capacity" a
scenario and one of its tests, "lint" is tests/lint. Each of these is run on the unchanged tree first and must pass there.
"""
import fcntl
import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SRC = os.path.abspath(os.environ.get("SRC", "."))
HERE = BUILD + "/mutate"
TREE, BUILT = HERE + "/src", HERE + "/build"
JOBS = os.environ.get("JOBS") or str(os.cpu_count())
PATIENCE = 60  # seconds of a test; one that hangs has noticed something
COPIED = ("include", "kernel", "plugins", "data", "tests", "build-aux", "aclocal.m4", "configure", "configure.ac", "Makefile.am",
          "Makefile.in", "bootstrap", "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", ".clang-format", ".ci")
MUTATED = ("include", "kernel", "plugins")


class Wrong(Exception):
    """The mutation cannot be tried: its text is not found, it does not compile, its tests fail anyway."""


# --- the copy ---

# Folders of plugins/ that are programs.
PROGRAMS = {"import": "backplane-import"}


def copy_tree():
    """Only what differs is written, so that only that is compiled again."""
    there = set()
    for top in COPIED:
        base = os.path.join(SRC, top)
        files = [base] if os.path.isfile(base) else [os.path.join(folder, name) for folder, _, names in os.walk(base) for name in names
                                                     if "node_modules" not in folder and not folder.endswith("__pycache__")]
        for file in files:
            target = os.path.join(TREE, os.path.relpath(file, SRC))
            there.add(target)
            if os.path.islink(file) or not os.path.isfile(file):
                continue
            if os.path.exists(target) and read(target) == read(file) and os.path.getmtime(target) >= os.path.getmtime(file):
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(file, target)
    gone = [path for folder, _, names in os.walk(TREE) for path in (os.path.join(folder, name) for name in names) if path not in there]
    for path in gone:
        os.unlink(path)
    if any(path.endswith((".c", ".h")) for path in gone):  # objects of what is no more are looked at too, by lint
        shutil.rmtree(BUILT, ignore_errors=True)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def configured():
    """As BUILD is; anew when the build system has changed."""
    os.makedirs(BUILT, exist_ok=True)
    if os.path.exists(BUILT + "/Makefile") and os.path.getmtime(BUILT + "/Makefile") > os.path.getmtime(TREE + "/configure"):
        return
    words = subprocess.run([BUILD + "/config.status", "--config"], text=True, capture_output=True, check=True).stdout
    run_loud([TREE + "/configure", *shlex.split(words)], cwd=BUILT)


def run_loud(command, **options):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode:
        raise Wrong(f"{' '.join(command[:4])} failed:\n{result.stdout[-3000:]}")


def made(targets):
    run_loud(["make", "-s", "-C", BUILT, "-j" + JOBS, *targets])


# --- one mutation ---

def sources():
    return [os.path.join(folder, name) for top in MUTATED for folder, _, names in os.walk(os.path.join(TREE, top)) for name in names
            if name.endswith((".c", ".h"))]


def find(text):
    """The one file that has it, and where."""
    pattern = re.compile(r"\s*".join(re.escape(word) for word in text.split()))
    found = [(path, match) for path in sources() for match in pattern.finditer(read(path).decode())]
    if len(found) != 1:
        places = ", ".join(os.path.relpath(path, TREE) for path, _ in found)
        raise Wrong(f"its text occurs {len(found)} times{': ' + places if places else ''}; it must be once:\n    {text}")
    return found[0]


def targets_of(tests):
    """What must be built for them. Programs find libbackplane when they start, so they are linked again only if they changed."""
    libraries = set(re.findall(r"tests/libbackplane[-a-z]*\.so\.0", read(BUILT + "/Makefile").decode()))
    plugins = {f"tests/plugins/{name[:-2]}.so" for name in os.listdir(TREE + "/tests/plugins") if name.endswith(".c")}
    wanted = set()
    for test in tests:
        name = test.split(":")[0]
        if name.endswith((".py", ".sh")) or name == "lint":
            wanted |= {"all"} | plugins
        else:
            wanted |= {"tests/test-" + name, "plugins/commands.so"} | libraries
            wanted |= plugins if name in ("plugin", "unload") else set()
    return sorted(wanted)


def passes(test):
    """Whether it passes; Wrong if it is skipped or is not there."""
    name, _, part = test.partition(":")
    if name == "lint":
        command = [TREE + "/tests/lint"]
    elif name.endswith((".py", ".sh")):
        command = [f"{TREE}/tests/scenario/{name}"]
    else:
        command = [f"{BUILT}/tests/test-{name}"]
    environment = dict(os.environ, BUILD=BUILT, SRC=TREE, LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1", SUITE_TIMEOUT="30")
    try:
        result = subprocess.run(command + ([part] if part else []), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=environment, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return False
    except OSError as why:
        raise Wrong(f"there is no test {test}: {why}") from None
    said = result.stdout.decode(errors="replace")
    counts = re.findall(r": (\d+) passed, (\d+) failed$", said, re.M)
    if "skipped" in said or (counts and not int(counts[-1][0]) + int(counts[-1][1])):
        raise Wrong(f"{test} did not run here:\n{said[-1500:]}")
    return result.returncode == 0 and bool(counts)


def trouble(test):
    """Why it is of no use, or None: on the unchanged tree it must pass."""
    try:
        return None if passes(test) else f"{test} fails without any mutation"
    except Wrong as why:
        return str(why)


def tried(mutation):
    """The test that noticed, or None."""
    path, match = find(mutation.text)
    whole = read(path)
    text = whole.decode()
    try:
        with open(path, "w") as file:
            file.write(text[:match.start()] + mutation.instead + text[match.end():])
        plugin = re.match("plugins/(?!lib/|program/)([^/]+)/", os.path.relpath(path, TREE))
        made(targets_of(mutation.tests) + ([PROGRAMS.get(plugin.group(1), f"plugins/{plugin.group(1)}.so")] if plugin else []))
        return next((test for test in mutation.tests if not passes(test)), None)
    finally:
        with open(path, "wb") as file:
            file.write(whole)


def main():
    sys.path.insert(0, os.path.join(SRC, "tests/mutate"))
    from mutations import MUTATIONS
    wanted = sys.argv[1:] or ["*"]
    chosen = [one for one in MUTATIONS if any(fnmatch.fnmatch(one.name, glob) for glob in wanted)]
    os.makedirs(HERE, exist_ok=True)
    noticed, failed = 0, []
    with open(HERE + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_tree()
        configured()
        tests = {test for one in chosen for test in one.tests}
        made(targets_of(tests))
        useless = {test: trouble(test) for test in sorted(tests)}
        for one in chosen:
            begun = time.monotonic()
            try:
                for test in one.tests:
                    if useless[test]:
                        raise Wrong(useless[test])
                by = tried(one)
                said = f"noticed by {by}" if by else f"SURVIVES: {one.takes_away} ({', '.join(one.tests)})"
            except Wrong as why:
                by, said = None, f"WRONG: {why}"
            noticed += bool(by)
            failed += [] if by else [one.name]
            print(f"    {one.name}: {said} ({time.monotonic() - begun:.1f} s)", flush=True)
    if failed:
        print(f"--- mutate: {' '.join(failed)}")
    print(f"mutate: {noticed} passed, {len(failed)} failed")
    sys.exit(bool(failed) or not chosen)


if __name__ == "__main__":
    main()
