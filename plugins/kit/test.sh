# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# test.sh - a host of its own for the tests of a plugin, in shell:
#
#	. "$(pkg-config --variable=testlib backplane)"
#	host_start
#	host_load ./greeter.so
#	expect 'hello, you' host hello you
#	expect 'hello, Ann' backplane wait hall 'hello, .*' --send 'door Ann' --timeout 10s
#	host_end
#
# host_start [ARGUMENT...]	starts a host with a state folder, a runtime folder and a working folder of its own ($HOST_FOLDER)
# host COMMAND...		runs a command in it and prints its answer; its status is the command's
# host_load FILE		loads the plugin
# expect TEXT COMMAND...	the command succeeds, and a line of what it prints is TEXT; counts as passed or failed
# refuse TEXT COMMAND...	the command fails, and what it prints has TEXT in it
# host_end			unloads the plugin, ends the host, prints what was found and "N passed, M failed"; exits with 1 if M is not 0
#
# `backplane` is the program that belongs to this file. A plugin that was built with AddressSanitizer runs with its library loaded first; what
# it finds fails the test. What the plugin leaves behind after unloading does too.

HOST_FOLDER='' HOST_PID='' HOST_PLUGIN='' TESTS_PASSED=0 TESTS_FAILED=0

backplane()
{
	XDG_RUNTIME_DIR=$HOST_FOLDER XDG_STATE_HOME=$HOST_FOLDER/state command "${BACKPLANE:-backplane}" "$@"
}

host()
{
	backplane -x "$@"
}

# The library that AddressSanitizer wants first, if FILE was built with it.
host_preload()
{
	if readelf -d "$1" 2>/dev/null | grep -q 'libasan'; then
		"${CC:-cc}" -print-file-name=libasan.so
	fi
}

host_remove()
{
	[ -z "$HOST_PID" ] || { kill "$HOST_PID" && wait "$HOST_PID"; } 2>/dev/null
	rm -rf "$HOST_FOLDER"
}

# HOST_PRELOAD, if it is set, is loaded before the program.
host_start()
{
	HOST_FOLDER=$(mktemp -d) || exit 1
	trap host_remove EXIT
	trap 'exit 1' INT TERM HUP
	XDG_RUNTIME_DIR=$HOST_FOLDER XDG_STATE_HOME=$HOST_FOLDER/state LD_PRELOAD=${HOST_PRELOAD:-} ASAN_OPTIONS=detect_leaks=0 \
		"${BACKPLANE:-backplane}" -d "$@" >"$HOST_FOLDER/output" 2>"$HOST_FOLDER/errors" </dev/null &
	HOST_PID=$!
	until host version >/dev/null 2>&1; do
		kill -0 "$HOST_PID" 2>/dev/null || {
			echo "the host does not start:"
			cat "$HOST_FOLDER/errors"
			HOST_PID=''
			exit 1
		}
	done
}

host_load()
{
	HOST_PLUGIN=$(basename "$1" .so)
	expect "Loaded $HOST_PLUGIN .*" host plugin load "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

passed()
{
	TESTS_PASSED=$((TESTS_PASSED + 1))
}

failed()
{
	TESTS_FAILED=$((TESTS_FAILED + 1))
	echo "FAILED: $*"
}

# The text is a regular expression (grep -E) for a whole line.
expect()
{
	wanted=$1
	shift
	if said=$("$@" 2>&1) && printf '%s\n' "$said" | grep -qxE -e "$wanted"; then
		passed
	else
		failed "$* printed \"$said\", not \"$wanted\""
	fi
}

refuse()
{
	wanted=$1
	shift
	if said=$("$@" 2>&1); then
		failed "$* did not fail: \"$said\""
	elif printf '%s\n' "$said" | grep -qE -e "$wanted"; then
		passed
	else
		failed "$* failed with \"$said\", not \"$wanted\""
	fi
}

host_end()
{
	[ -z "$HOST_PLUGIN" ] || expect "Unloaded $HOST_PLUGIN\\." host plugin unload "$HOST_PLUGIN"
	host quit >/dev/null 2>&1
	if wait "$HOST_PID"; then passed; else failed "the host ended with status $?"; fi
	HOST_PID=''
	if grep -E 'Sanitizer|left behind|is held by|runtime error' "$HOST_FOLDER/errors" >"$HOST_FOLDER/found"; then
		sort -u "$HOST_FOLDER/found"
		failed "the host has reported that"
	fi
	echo "$TESTS_PASSED passed, $TESTS_FAILED failed"
	[ "$TESTS_FAILED" -eq 0 ] || exit 1
}
