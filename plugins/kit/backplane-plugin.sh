#!/bin/sh
# SPDX-License-Identifier: MIT
# backplane-plugin - `backplane plugin check FILE`: what can be wrong with a plugin before anybody uses it.
set -u

usage()
{
	echo 'usage: backplane plugin check [--times N] FILE.so'
	echo 'looks at its symbols, its rights and its version, and loads and unloads it N times (100) in a host of its own'
}

[ "${1:-}" = check ] || { usage >&2; exit 2; }
shift
times=100 file=
while [ $# -gt 0 ]; do
	case $1 in
	--times)
		times=${2:-0}
		shift
		;;
	--help | -h)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) file=$1 ;;
	esac
	shift
done
case $times in
'' | *[!0-9]*) usage >&2; exit 2 ;;
esac
[ -n "$file" ] || { usage >&2; exit 2; }
[ -f "$file" ] || { echo "backplane plugin check: $file: there is no such file" >&2; exit 1; }
# shellcheck source=plugins/kit/test.sh
. "${BACKPLANE_TESTLIB:?}"

good()
{
	passed
	echo "good: $*"
}

# --- the file ---
if command -v nm >/dev/null; then
	symbols=$(nm -D --defined-only "$file" 2>/dev/null | awk '$2 != "A" { print $3 }' | grep -vE '^(__odr_asan|__asan|__ubsan|_init$|_fini$)' | tr '\n' ' ')
	case $symbols in
	"bp_plugin_info ") good "it exports bp_plugin_info and nothing else" ;;
	*bp_plugin_info*) failed "it exports more than bp_plugin_info: $symbols- build it with -fvisibility=hidden" ;;
	*) failed "it does not export bp_plugin_info: BP_PLUGIN(...) makes it" ;;
	esac
fi
if [ -n "$(find "$file" -perm /022)" ]; then
	failed "others may write it: chmod go-w $file"
else
	good "its owner alone may write it"
fi
if command -v readelf >/dev/null && readelf -d "$file" 2>/dev/null | grep -qE '\((RPATH|RUNPATH)\)'; then
	failed "it has a run path, which another machine does not: link it without -rpath"
fi

# --- in a host ---
HOST_PRELOAD=$(host_preload "$file")
# shellcheck disable=SC2119 # without arguments
host_start
path=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
if said=$(host plugin load "$path" 2>&1); then
	good "$said"
else
	failed "it is not loaded: $said"
	echo "$TESTS_PASSED passed, $TESTS_FAILED failed"
	exit 1
fi
name=$(printf '%s\n' "$said" | sed -n 's/^Loaded \([^ ]*\) .*/\1/p')

# What the process has: descriptors, threads, memory that can be written (KiB), mapped files of that name.
count()
{
	descriptors=$(find "/proc/$HOST_PID/fd" -mindepth 1 2>/dev/null | wc -l)
	threads=$(find "/proc/$HOST_PID/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)
	memory=$(awk '/^RssAnon:/ { print $2 }' "/proc/$HOST_PID/status")
}

# stays WHAT BEFORE AFTER
stays()
{
	if [ "$3" -le "$2" ]; then
		good "no $1 stay behind"
	else
		failed "$(($3 - $2)) $1 stay behind after $times reloads"
	fi
}

cycle()
{
	i=0
	while [ $i -lt "$1" ]; do
		echo "plugin unload $name"
		echo "plugin load $path"
		i=$((i + 1))
	done | host - >"$HOST_FOLDER/cycles" 2>&1 || { failed "a reload fails: $(grep -vE '^(Loaded|Unloaded) ' "$HOST_FOLDER/cycles" | head -3)"; return 1; }
}

before=$(host owned 2>/dev/null | grep -c .)
if cycle 10; then # what is made once is there now
	count
	was_descriptors=$descriptors was_threads=$threads was_memory=$memory
	if cycle "$times"; then
		count
		good "it was unloaded and loaded $times times"
		stays descriptors "$was_descriptors" "$descriptors"
		stays threads "$was_threads" "$threads"
		grown=$((memory - was_memory))
		if [ -n "$HOST_PRELOAD" ] || [ $grown -le $((times * 2 + 256)) ]; then
			good "memory does not grow (${grown} KiB in $times reloads)"
		else
			failed "memory grows by $grown KiB in $times reloads"
		fi
		after=$(host owned 2>/dev/null | grep -c .)
		stays 'objects of the host' "$before" "$after"
	fi
fi
HOST_PLUGIN=$name
host_end
