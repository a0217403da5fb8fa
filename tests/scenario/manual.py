#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""manual.py - the manual pages say what `help` says, roff has no complaint of them, and each shell completes from the running host."""
import os
import re
import shutil
import subprocess

from harness import BUILD, PATIENCE, Skipped, is_sanitized, main

PAGES = BUILD + "/data/man/"
COMPLETION = BUILD + "/data/completion/"
SRC = os.path.abspath(os.environ.get("SRC", "."))


def pages():
    return sorted(name for name in os.listdir(PAGES) if re.search(r"\.[157]$", name))


def plain(name):
    """A page as text, without what roff escapes."""
    with open(PAGES + name) as file:
        text = file.read()
    for escape, character in ((r"\-", "-"), (r"\(aq", "'"), (r"\(ha", "^"), (r"\(ti", "~"), (r"\(ga", "`"), (r"\(dq", '"'), (r"\&", ""),
                              (r"\fB", ""), (r"\fR", ""), (r"\fI", ""), (r"\e", "\\")):
        text = text.replace(escape, character)
    return text


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def shell(bp, *arguments):
    environment = dict(os.environ, HOME=bp.folder, XDG_RUNTIME_DIR=bp.folder, XDG_STATE_HOME=bp.folder + "/state", XDG_CONFIG_HOME=bp.folder,
                       XDG_DATA_HOME=bp.folder, PATH=os.path.abspath(BUILD) + ":" + os.environ["PATH"])
    if not shutil.which(arguments[0], path=environment["PATH"]):
        raise Skipped(f"no {arguments[0]}")
    done = subprocess.run(arguments, env=environment, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode in (0, 1), done
    return done.stdout.splitlines()


def test_lint(bp):
    if not shutil.which("mandoc"):
        raise Skipped("no mandoc")
    done = subprocess.run(["mandoc", "-T", "lint", *[PAGES + name for name in pages()]], text=True, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


def test_every_plugin_has_a_page(bp):
    loaded = [name[:-3] for name in os.listdir(BUILD + "/plugins") if name.endswith(".so")]
    assert loaded
    for name in loaded:
        text = squeezed(plain(f"backplane-{name}.7"))
        about = "\n".join(bp.run(f"plugin info {name}"))
        assert ".SH DESCRIPTION" in text, name
        for line in about.splitlines()[1:]:
            if len(line.split()) > 8 and not re.match(r"(command|module|handler|setting|channel) ", line) and "  " not in line:
                assert squeezed(line.strip().replace("`", ""))[:50].split(". ")[0] in text, (name, line)


def test_every_command_and_parameter_is_there(bp):
    everything = "\n".join(plain(name) for name in pages() if name.endswith(".7"))
    yaml = plain("backplane.yaml.5")
    listed = [line for line in bp.run("help") if re.match(r"[a-z][\w -]*? {2,}\S", line)]
    assert len(listed) > 80
    for line in listed:
        name = re.match(r"([a-z][\w -]*?) {2,}", line)[1]
        assert f"\n.SS {name}\n" in everything, name
        assert f"\n.B {name}\n" in plain("backplane.1"), name
    for line in bp.run("module list"):
        name = line.split()[0]
        if line.startswith("Loaded"):
            break
        if re.match(r"[A-Z]\w+ +\w+ +", line):
            assert f"\n.SS {name}\n" in everything and f"\n.SS {name}\n" in yaml, name
    help_of = bp.run("help tool wait")
    for line in help_of:
        option = re.match(r"\s*(?:-\w, )?(--\w+)", line)
        assert not option or option[1] in plain("backplane-tool.7"), option


def test_every_option_is_there(bp):
    done = subprocess.run([BUILD + "/backplane", "--help"], text=True, capture_output=True, check=True)
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", done.stdout, re.M)
    assert len(options) > 10
    for name, text in [("page", plain("backplane.1"))] + [(file, open(COMPLETION + file).read()) for file in os.listdir(COMPLETION)]:
        for option in options:
            assert re.search(rf"-l {option[2:]}\b|{option}\b", text), (name, option)


def test_the_settings_of_the_manual_are_good(bp):
    """The example of backplane.yaml(5) is the installed file, line by line."""
    with open(SRC + "/data/backplane.yaml") as file:
        for line in file:
            words = line.split()
            if words and len(line) < 70:
                assert squeezed(line.strip()) in squeezed(plain("backplane.yaml.5")), line


def test_the_host_completes(bp):
    bp.run("tcp listen 0 lab")
    assert shell(bp, "backplane", "complete", "tool watch lab/") == ["lab/recv", "lab/send"]
    lines = shell(bp, "backplane", "complete", "channel l")
    assert any(line.startswith("list\t") and "channels" in line for line in lines), lines
    assert "--json" in shell(bp, "backplane", "complete", "tool wait --")
    assert "baud=" in shell(bp, "backplane", "complete", "module open UART u ba")
    assert shell(bp, "backplane", "complete", "nonsense of some ") == []
    assert shell(bp, "backplane", "-S", bp.folder + "/nowhere", "complete", "channel ") == []


def in_bash(bp, line):
    script = f"""
source {COMPLETION}backplane.bash
COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}
words=${{COMP_LINE//=/ = }}; words=${{words//:/ : }}
read -ra COMP_WORDS <<<"$words"; [[ $COMP_LINE == *[[:space:]] ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_backplane
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return shell(bp, "bash", "--norc", "-c", script)


def test_bash(bp):
    if is_sanitized():
        raise Skipped("0.3 s are too short for a sanitizer")
    bp.run("tcp listen 0 lab")
    assert in_bash(bp, "backplane wa") == ["watch", "wait"]
    assert "--check-config" in in_bash(bp, "backplane --ch")
    assert in_bash(bp, "backplane watch lab/") == ["lab/recv", "lab/send"]
    assert in_bash(bp, "backplane -x channel inf") == ["info"]
    assert "none" in in_bash(bp, "backplane -x module open UART u parity=")
    assert in_bash(bp, "backplane -x module open UART u par") == ["parity="]
    assert in_bash(bp, f"backplane -S {bp.folder}/backplane/control watch lab/r") == ["lab/recv"]
    assert in_bash(bp, f"backplane -S {bp.folder}/nowhere watch lab/r") in ([], [""])
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", "-s", "bash", COMPLETION + "backplane.bash"], text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


def in_zsh(bp, *words):
    script = f"""
_describe() {{ print -rl -- "${{(@P)2}}"; }}
_files() {{ print files; }}
_alternative() {{ print "$@"; }}
words=({' '.join("'" + word + "'" for word in words)}); CURRENT=$#words
source {COMPLETION}_backplane
"""
    return [line.strip() for line in shell(bp, "zsh", "-f", "-c", script)]


def test_zsh(bp):
    if is_sanitized():
        raise Skipped("0.3 s are too short for a sanitizer")
    bp.run("tcp listen 0 lab")
    assert "watch:print the messages of channels" in in_zsh(bp, "backplane", "")
    assert any(line.startswith("--check-config:") for line in in_zsh(bp, "backplane", "-"))
    assert in_zsh(bp, "backplane", "watch", "lab/") == ["lab/recv", "lab/send"]
    assert [line for line in in_zsh(bp, "backplane", "-x", "channel", "li") if line.startswith("list:")]
    assert in_zsh(bp, "backplane", "-c", "") == ["files"]


def in_fish(bp, line):
    return shell(bp, "fish", "--no-config", "-c", f"source {COMPLETION}backplane.fish; complete -C '{line}'")


def test_fish(bp):
    if is_sanitized():
        raise Skipped("0.3 s are too short for a sanitizer")
    bp.run("tcp listen 0 lab")
    assert any(line.startswith("watch\t") for line in in_fish(bp, "backplane wa"))
    assert any(line.startswith("--check-config") for line in in_fish(bp, "backplane --ch"))
    assert in_fish(bp, "backplane watch lab/") == ["lab/recv", "lab/send"]
    assert any(line.startswith("list\t") for line in in_fish(bp, "backplane -x channel li"))


if __name__ == "__main__":
    main("manual", globals())
