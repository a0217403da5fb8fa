#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kit.py - plugins from the skeletons build, pass their own tests (under AddressSanitizer, too), and install; what `plugin check` finds."""
import os
import shutil
import stat
import subprocess

from harness import BUILD, Skipped, is_sanitized, main

PLUGINS = os.path.abspath(BUILD) + "/tests/plugins/"


def run(bp, *words, cwd=None, **more):
    environment = dict(os.environ, HOME=bp.folder, PATH=os.path.abspath(BUILD) + ":" + os.environ["PATH"],
                       PKG_CONFIG_PATH=os.path.abspath(BUILD), **more)
    environment.pop("MAKEFLAGS", None)
    return subprocess.run(words, cwd=cwd or bp.folder, env=environment, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=240, check=False)


def needs_compiler():
    if not shutil.which("cc") or not shutil.which("pkg-config"):
        raise Skipped("no cc")
    if is_sanitized():
        raise Skipped("the host itself is built with sanitizers")


def made(bp, name, *options):
    done = run(bp, "backplane", "new", "plugin", name, *options)
    assert done.returncode == 0, done
    return f"{bp.folder}/{name}"


def test_skeletons(bp):
    needs_compiler()
    for kind in "command", "module", "handler":
        folder = made(bp, "my-" + kind, "--" + kind)
        done = run(bp, "make", "-C", folder, "check")
        assert done.returncode == 0 and " passed, 0 failed" in done.stdout and "warning:" not in done.stderr, done
        done = run(bp, "backplane", "plugin", "check", "--times", "20", f"{folder}/my-{kind}.so")
        assert done.returncode == 0 and "FAILED" not in done.stdout and done.stdout.count("good: ") >= 8, done
        done = run(bp, "make", "-C", folder, "install", f"DESTDIR={bp.folder}/root")
        assert done.returncode == 0, done
    installed = [name for _, _, names in os.walk(bp.folder + "/root") for name in names]
    assert sorted(installed) == ["my-command.so", "my-handler.so", "my-module.so"], installed


def test_skeleton_under_sanitizers(bp):
    """One that writes past its memory is found."""
    needs_compiler()
    folder = made(bp, "greeter")
    done = run(bp, "make", "-C", folder, "check-asan")
    assert done.returncode == 0 and " passed, 0 failed" in done.stdout, done
    with open(folder + "/greeter.c") as file:
        text = file.read()
    with open(folder + "/greeter.c", "w") as file:
        file.write(text.replace('	bp_call_printf(call, "hello, %s", bp_call_string(call, "name"));',
                                '	char *wild = g_malloc(4);\n	wild[4 + bp_call_has(call, "name")] = 1;\n	g_free(wild);\n'
                                '	bp_call_printf(call, "hello, %s", bp_call_string(call, "name"));'))
    done = run(bp, "make", "-C", folder, "check-asan")
    assert done.returncode != 0 and "FAILED" in done.stdout, done


def test_a_test_of_a_skeleton_can_fail(bp):
    needs_compiler()
    folder = made(bp, "greeter")
    with open(folder + "/greeter.c") as file:
        text = file.read()
    with open(folder + "/greeter.c", "w") as file:
        file.write(text.replace('"hello, %s", bp_call_string', '"goodbye, %s", bp_call_string'))
    done = run(bp, "make", "-C", folder, "check")
    assert done.returncode != 0 and "FAILED: host greeter you" in done.stdout and "2 failed" in done.stdout, done


def test_names(bp):
    for name in "Upper", "1st", "a b", "-x", "x/y", "a--b", "a-", "../up", "":
        done = run(bp, "backplane", "new", "plugin", name)
        assert done.returncode in (1, 2) and done.stderr, (name, done)
    os.mkdir(bp.folder + "/there")
    done = run(bp, "backplane", "new", "plugin", "there")
    assert done.returncode == 1 and "is there already" in done.stderr and not os.listdir(bp.folder + "/there"), done
    assert run(bp, "backplane", "new").returncode == 2 and run(bp, "backplane", "plugin").returncode == 2
    assert "usage" in run(bp, "backplane", "new", "plugin", "--help").stdout


def test_plugin_check_finds(bp):
    """Each plugin that misbehaves on purpose, by what it does."""
    if is_sanitized():
        raise Skipped("the host itself is built with sanitizers")
    for name, text in (("leaves-thread", "threads stay behind"), ("takes-signals", "left behind a handler of SIGUSR2"),
                       ("leaves-source", "left behind a GLib source"), ("bad-abi", "was built for ABI 2"),
                       ("fails-load", "could not start"), ("no-symbol", "does not export bp_plugin_info")):
        done = run(bp, "backplane", "plugin", "check", "--times", "5", f"{PLUGINS}{name}.so")
        assert done.returncode == 1 and "FAILED" in done.stdout and text in done.stdout, (name, done)
    shutil.copy(f"{os.path.abspath(BUILD)}/plugins/echo.so", bp.folder + "/echo.so")
    os.chmod(bp.folder + "/echo.so", 0o666)
    done = run(bp, "backplane", "plugin", "check", bp.folder + "/echo.so")
    assert done.returncode == 1 and "others may write it" in done.stdout, done
    os.chmod(bp.folder + "/echo.so", stat.S_IRUSR | stat.S_IWUSR)
    done = run(bp, "backplane", "plugin", "check", bp.folder + "/nowhere.so")
    assert done.returncode == 1 and "no such file" in done.stderr, done


if __name__ == "__main__":
    main("kit", globals())
