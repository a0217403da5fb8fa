#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reloads.py - the file of a plugin in any state: a reload is a transaction, the bytes that were checked are those that run, one process
has a state folder."""
import os
import re
import shutil
import signal
import subprocess

from harness import BUILD, PATIENCE, Backplane, Skipped, eventually, is_sanitized, main

PLUGIN = r"""
#include <backplane/backplane.h>
#include <backplane/scope.h>
#ifdef CXX
const char *cxx_version(void);
#undef VERSION
#define VERSION cxx_version()
#endif

static guint lives; /* of this code */

static gboolean run_who(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_printf(call, "%s %s, life %u", NAME, VERSION, lives);
	return TRUE;
}

static const BpCommand commands[] = { { COMMAND, .help = "its version", .run = run_who }, { NULL } };

static gboolean open_thing(BpInstance *self, GError **error)
{
#ifdef OPEN_FAILS
	return bp_fail(error, BP_FAILED, "the new one opens nothing");
#else
	bp_channel(self, "thing/open");
	return TRUE;
#endif
}

static const BpParam params[] = { { PARAM, .type = BP_INT, .min = 1, .max = MOST, .help = "a size" }, { NULL } };
static const BpModule modules[] = { { MODULE, .help = "a thing", .params = params, .size = 4, .open = open_thing }, { NULL } };

static gboolean load(BpPlugin *self, GError **error)
{
	lives++;
#ifdef LOAD_FAILS
	return bp_fail(error, BP_FAILED, "the moon is wrong");
#endif
#ifdef UNDEFINED
	void is_nowhere(void);
	is_nowhere();
#endif
	return TRUE;
}

#ifdef OTHER_ABI
#undef BP_ABI
#define BP_ABI 99
#endif
#ifndef NO_DESCRIPTOR
BP_PLUGIN(.name = NAME, .version = "1.0", .commands = commands, .modules = modules, .load = load);
#endif
"""
CXX = r"""
#include <string>
struct Noted {
	std::string text;
	Noted() : text(VERSION) {}
	~Noted() { text = ""; }
};
template <typename T> struct Shared { static inline Noted value; };
static thread_local Noted mine;
extern "C" const char *cxx_version(void)
{
	mine.text = VERSION;
	return Shared<int>::value.text.empty() ? "" : mine.text.c_str();
}
"""
AND_RUNS_ON = "not reloaded and runs on: "
USUAL = {"NAME": '"changing"', "VERSION": '"one"', "COMMAND": '"who"', "MODULE": '"Thing"', "PARAM": '"size"', "MOST": "10"}


def build(bp, cxx=False, **defines):
    """A new file in the place of the old one, as an installation does it."""
    if not shutil.which("cc") or (cxx and not shutil.which("c++")):
        raise Skipped("no compiler")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "backplane"], text=True, capture_output=True, check=True,
                           env=dict(os.environ, PKG_CONFIG_PATH=BUILD)).stdout.split()
    if is_sanitized():
        flags.append("-fsanitize=address,undefined")
    values = {**USUAL, **defines, **({"CXX": 1} if cxx else {})}
    words = [f"-D{name}={value}" for name, value in values.items()]
    objects = []
    for name, text, compiler in [("changing.c", PLUGIN, "cc")] + ([("cxx.cc", CXX, "c++")] if cxx else []):
        with open(f"{bp.folder}/{name}", "w") as file:
            file.write(text)
        objects.append(f"{bp.folder}/{name}.o")
        subprocess.run([compiler, "-fPIC", "-g", "-c", "-o", objects[-1], f"{bp.folder}/{name}", *words, *flags], check=True)
    subprocess.run(["c++" if cxx else "cc", "-shared", "-o", f"{bp.folder}/new.so", *objects, *flags], check=True)
    os.rename(f"{bp.folder}/new.so", path(bp))


def path(bp):
    return bp.folder + "/changing.so"


def begin(bp, **more):
    build(bp, **more)
    assert bp.run("plugin load ./changing.so") == ["Loaded changing 1.0."]
    bp.run("module open Thing thing size=7")
    check(bp, "one")


def check(bp, version, life=1):
    assert bp.run("who") == [f"changing {version}, life {life}"]
    info = "\n".join(bp.run("module info thing"))
    assert "size=7" in info, info


def refused(bp, *words, life=1):
    answer = " ".join(bp.run("plugin reload changing"))
    assert all(word in answer for word in ("changing was not reloaded", *words)), (words, answer)
    check(bp, "one", life)


# --- a reload is a transaction ---

def test_what_cannot_be_loaded(bp):
    begin(bp)
    os.rename(path(bp), path(bp) + ".away")
    refused(bp, AND_RUNS_ON, "No such file")
    for words, defines in ((("ABI 99",), {"OTHER_ABI": 1}), (("other", "not changing"), {"NAME": '"other"'}),
                           (("is_nowhere",), {"UNDEFINED": 1}), (("bp_plugin_info",), {"NO_DESCRIPTOR": 1})):
        build(bp, VERSION='"two"', **defines)
        refused(bp, AND_RUNS_ON, *words)
    assert not any(line.startswith("other") for line in bp.run("plugin list"))


def test_what_does_not_fit(bp):
    begin(bp)
    for words, defines in ((("no module Thing any more", "thing"), {"MODULE": '"Thong"'}), (("thing", "size"), {"PARAM": '"breadth"'}),
                           (("thing", "size", "1 to 5"), {"MOST": 5})):
        build(bp, VERSION='"two"', **defines)
        refused(bp, AND_RUNS_ON, *words)
    build(bp, VERSION='"two"')
    assert bp.run("plugin reload changing") == ["Reloaded changing 1.0, with its instances."]
    check(bp, "two")


def test_what_does_not_start(bp):
    """That is known only when the old one has gone: it comes back, as new."""
    begin(bp)
    for words, defines in ((("the moon is wrong",), {"LOAD_FAILS": 1}), (("the new one opens nothing",), {"OPEN_FAILS": 1}),
                           (("command/version",), {"COMMAND": '"version"'})):
        build(bp, VERSION='"two"', **defines)
        refused(bp, "the one from before runs on", *words)
    build(bp, VERSION='"two"')
    assert bp.run("plugin reload changing") == ["Reloaded changing 1.0, with its instances."]
    check(bp, "two")
    listed = [line for line in bp.run("plugin list") if line.startswith("changing")]
    assert len(listed) == 1, listed


def test_nothing_grows(bp):
    """Neither by reloads nor by those that fail."""
    begin(bp)

    def count():
        with open(f"/proc/{bp.process.pid}/maps") as file:
            mapped = sum("changing.so" in line for line in file)
        return len(os.listdir(f"/proc/{bp.process.pid}/fd")), mapped

    def both():
        build(bp, VERSION='"two"', LOAD_FAILS=1)
        refused(bp, "moon")
        build(bp)
        assert bp.run("plugin reload changing") == ["Reloaded changing 1.0, with its instances."]
        return count()

    first = both()
    for _ in range(10):
        last = both()
    if is_sanitized():  # it keeps code mapped
        assert last[0] == first[0], (first, last)
    else:
        assert last == first, (first, last)


# --- the bytes ---

def test_overwritten_while_loaded(bp):
    begin(bp)
    size = os.path.getsize(path(bp))
    with open(path(bp), "r+b") as file:
        file.write(os.urandom(size))
    check(bp, "one")
    refused(bp, "cannot be loaded")
    with open(path(bp), "r+b") as file:
        file.truncate(0)
    check(bp, "one")
    refused(bp, "cannot be loaded")
    assert any(line.split() == ["file", path(bp)] for line in bp.run("plugin info changing"))


def test_partly_written(bp):
    begin(bp)
    with open(path(bp), "rb") as file:
        whole = file.read()
    for cut in [1, 63, 64, 200] + [len(whole) * part // 23 for part in range(1, 23)] + [len(whole) - 1]:
        for rest in (b"", bytes(len(whole) - cut)):
            with open(path(bp), "wb") as file:
                file.write(whole[:cut] + rest)
            if rest and bytes(len(whole) - cut) == whole[cut:]:
                continue
            answer = " ".join(bp.run("plugin reload changing"))
            assert "not reloaded" in answer and "cannot be loaded" in answer, (cut, len(whole), answer)
    check(bp, "one")


def test_damaged_tables(bp):
    """Each eighth byte of the dynamic table is changed, one after the other: refused or loaded, nothing ends."""
    begin(bp)
    with open(path(bp), "rb") as file:
        whole = file.read()
    rows = subprocess.run(["readelf", "-lW", path(bp)], text=True, capture_output=True).stdout if shutil.which("readelf") else ""
    found = re.search(r"DYNAMIC\s+0x(\w+)\s+\S+\s+\S+\s+0x(\w+)", rows)
    if not found:
        raise Skipped("no readelf")
    start, size = (int(word, 16) for word in found.groups())
    for place in range(start + 8, start + size, 16):
        if not any(whole[place:place + 8]):
            continue
        with open(path(bp), "wb") as file:
            file.write(whole[:place + 5] + b"\x7f" + whole[place + 6:])
        bp.run("plugin reload changing")
    with open(path(bp), "wb") as file:
        file.write(whole)
    bp.run("plugin reload changing")
    check(bp, "one")


def test_being_written(bp):
    begin(bp)
    with open(path(bp), "r+b") as file:
        refused(bp, "is being written")
        file.flush()
    assert bp.run("plugin reload changing") == ["Reloaded changing 1.0, with its instances."]
    check(bp, "one")


def test_folders(bp):
    build(bp)
    os.mkdir(bp.folder + "/open")
    os.mkdir(bp.folder + "/open/inner")
    shutil.copy(path(bp), bp.folder + "/open/inner/changing.so")
    private = os.geteuid() == os.getegid() != 0  # a group of this user's own, which may write
    for folder, mode, words in (("open/inner", 0o775, "its group"), ("open", 0o757, "everybody"))[private:]:
        os.chmod(f"{bp.folder}/{folder}", mode)
        answer = " ".join(bp.run("plugin load ./open/inner/changing.so"))
        assert f"{bp.folder}/{folder} can be written by {words}" in answer, answer
        os.chmod(f"{bp.folder}/{folder}", 0o755)
    if not os.geteuid():  # made with umask 002 by somebody with a group of his own
        os.chown(bp.folder + "/open", 1234, 1234)
        os.chmod(bp.folder + "/open", 0o775)
        assert bp.run("plugin load ./open/inner/changing.so") == ["Loaded changing 1.0."]
        bp.run("plugin unload changing")
    os.chmod(bp.folder + "/open", 0o1777)  # as /tmp is
    assert bp.run("plugin load ./open/inner/changing.so") == ["Loaded changing 1.0."]


def test_working_directory(bp):
    """A name is looked for in the plugin path only."""
    build(bp)
    answer = " ".join(bp.run("plugin load changing"))
    assert "there is no plugin changing.so" in answer and "./changing.so" in answer, answer
    assert bp.run("plugin load ./changing.so") == ["Loaded changing 1.0."]


def test_no_memory_to_execute(bp):
    if is_sanitized():
        raise Skipped("a sanitizer wants to be loaded first")
    environment = dict(os.environ, LD_PRELOAD=BUILD + "/tests/plugins/no-memfd-shim.so", HOME=bp.folder,
                       XDG_STATE_HOME=bp.folder + "/other", XDG_RUNTIME_DIR=bp.folder, TMPDIR=bp.folder)
    before = sorted(os.listdir(bp.folder))
    run = subprocess.run([BUILD + "/backplane", "-P", BUILD + "/plugins"], input="plugin reload echo\nplugin info echo\n", text=True,
                         capture_output=True, env=environment, timeout=PATIENCE)
    assert "Reloaded echo" in run.stdout and f"{BUILD}/plugins/echo.so" in run.stdout, run
    assert sorted(set(os.listdir(bp.folder)) - {"other"}) == before, os.listdir(bp.folder)


def test_cxx(bp):
    """Unique symbols and thread-local variables keep code in memory: it is told, and the new code runs."""
    begin(bp, cxx=True)
    build(bp, cxx=True, VERSION='"two"')
    assert bp.run("plugin reload changing") == ["Reloaded changing 1.0, with its instances."]
    check(bp, "two")
    if not is_sanitized():
        eventually(lambda: "changing has left behind unique symbols or thread-local variables" in bp.stderr())
    build(bp, cxx=True, VERSION='"three"')
    assert bp.run("plugin reload changing") == ["Reloaded changing 1.0, with its instances."]
    check(bp, "three")


# --- the state folder ---

def second(bp):
    environment = dict(os.environ, HOME=bp.folder, XDG_STATE_HOME=bp.folder + "/state", XDG_RUNTIME_DIR=bp.folder)
    return subprocess.run([BUILD + "/backplane", "-P", BUILD + "/plugins"], input="echo here\n", text=True, capture_output=True,
                          env=environment, timeout=PATIENCE)


def test_one_state_folder(bp):
    bp.run("echo begun")
    other = second(bp)
    assert other.returncode == 1 and "here" not in other.stdout, other
    assert f"process {bp.process.pid}" in other.stderr and bp.folder + "/state/backplane" in other.stderr, other
    bp.process.send_signal(signal.SIGKILL)
    bp.process.wait()
    other = second(bp)
    assert other.returncode == 0 and "here" in other.stdout, other
    bp.process.returncode = 0


def test_restart_keeps_the_folder(bp):
    build(bp)
    bp.run("plugin load ./changing.so")
    bp.type("restart")
    eventually(lambda: not any(line.startswith("changing") for line in bp.run("plugin list")))
    assert second(bp).returncode == 1


if __name__ == "__main__":
    main("reloads", globals())
