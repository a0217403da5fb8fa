#!/bin/sh
# SPDX-License-Identifier: MIT
# backplane-new - `backplane new plugin NAME`: a folder that builds, tests and installs.
set -eu

usage()
{
	echo 'usage: backplane new plugin NAME [--command | --module | --handler]'
	echo 'makes the folder NAME: a plugin with a command, a module or a handler, its Makefile, a test and a README'
}

die()
{
	echo "backplane new: $*" >&2
	exit 1
}

[ "${1:-}" = plugin ] || { usage >&2; exit 2; }
shift
kind=command name=
for word; do
	case $word in
	--command | --module | --handler) kind=${word#--} ;;
	--help | -h)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) name=$word ;;
	esac
done
[ -n "$name" ] || { usage >&2; exit 2; }
case $name in
[!a-z]* | *[!a-z0-9-]* | *- | *--*) die "$name is no name of a plugin: small letters, digits and -, a letter first" ;;
esac
[ ! -e "$name" ] || die "$name is there already"
word=$(echo "$name" | tr - _)
class=$(echo "$name" | awk -F- '{ for (i = 1; i <= NF; i++) printf "%s%s", toupper(substr($i, 1, 1)), substr($i, 2) }')
mkdir "$name"

# put FILE: what is on standard input, with the names filled in.
put()
{
	sed -e "s/@NAME@/$name/g; s/@WORD@/$word/g; s/@CLASS@/$class/g" >"$name/$1"
}

case $kind in
command)
	put "$name.c" <<'EOF'
/* @NAME@.c - greets whoever is named on channel "@NAME@/in"; answers on channel "@NAME@/out". */
#include <backplane/backplane.h>

static const char manual[] =
	"`@NAME@ NAME` says hello. Who is named on channel @NAME@/in is greeted on channel @NAME@/out.\n"
	"\n"
	"  @NAME@ you\n";

static BpChannel *out;

static void on_in(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_channel_printf(out, "hello, %.*s", (int)bp_message_size(message), (const char *)bp_message_data(message));
}

static gboolean run_@WORD@(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_printf(call, "hello, %s", bp_call_string(call, "name"));
	return TRUE;
}

static const BpParam @WORD@_params[] = {
	{ "name", .kind = BP_ARGUMENT, .fallback = "world", .help = "whom to greet" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "@NAME@", .params = @WORD@_params, .run = run_@WORD@, .role = BP_OBSERVER, .help = "say hello", .example = "@NAME@ you" },
	{ NULL },
};

/* All that is made with `self` ends with the plugin: there is no unload function. */
static gboolean load(BpPlugin *self, GError **error)
{
	out = bp_channel(self, "@NAME@/out");
	bp_channel_watch(self, bp_channel(self, "@NAME@/in"), on_in, NULL, NULL);
	return TRUE;
}

BP_PLUGIN(.name = "@NAME@", .version = "0.1", .summary = "A greeter", .manual = manual, .commands = commands, .load = load);
EOF
	put check.sh <<'EOF'
#!/bin/sh
# check.sh - the tests: a host of its own loads the plugin; the functions are described in test.sh.
. "${TESTLIB:-$(pkg-config --variable=testlib backplane)}"
HOST_PRELOAD=$(host_preload ./@NAME@.so)
host_start
host_load ./@NAME@.so
expect 'hello, world' host @NAME@
expect 'hello, you' host @NAME@ you
expect 'hello, Ann' backplane wait @NAME@/out hello --send '@NAME@/in Ann' --timeout 10s
refuse 'takes no argument' host @NAME@ one two
host_end
EOF
	;;
module)
	put "$name.c" <<'EOF'
/* @NAME@.c - a module: says on NAME/recv, again and again, what its parameter tells. */
#include <backplane/backplane.h>

static const char manual[] =
	"Module @CLASS@ says `text` on NAME/recv each `interval`. What is sent on NAME/send becomes the text.\n"
	"\n"
	"  module open @CLASS@ one text=hello interval=5s\n";

typedef struct {
	BpInstance *self;
	BpChannel *recv;
	char *text;
} @CLASS@;

static const BpParam params[] = {
	{ "text", .fallback = "hello", .help = "what is said" },
	{ "interval", .type = BP_DURATION, .fallback = "1s", .min = 0.01, .max = 86400, .help = "how often" },
	{ NULL },
};

static void on_time(BpPlugin *self, gpointer data)
{
	@CLASS@ *instance = data;

	bp_channel_print(instance->recv, instance->text);
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	@CLASS@ *instance = data;

	g_free(instance->text);
	instance->text = g_strndup(bp_message_data(message), bp_message_size(message));
	g_strchomp(instance->text);
}

/* Timer, channels and watch belong to the instance and end with it. */
static gboolean @WORD@_open(BpInstance *self, GError **error)
{
	@CLASS@ *instance = bp_instance_data(self);

	instance->self = self;
	instance->text = g_strdup(bp_instance_string(self, "text"));
	instance->recv = bp_instance_channel(self, "recv");
	bp_channel_watch(self, bp_instance_channel(self, "send"), on_send, instance, NULL);
	bp_timer_add(self, NULL, bp_instance_duration(self, "interval"), 0, on_time, instance, NULL);
	bp_instance_set_state(self, BP_STATE_OK, "says something");
	return TRUE;
}

static void @WORD@_close(BpInstance *self)
{
	g_free(((@CLASS@ *)bp_instance_data(self))->text);
}

static const BpModule modules[] = {
	{ "@CLASS@", .help = "says something again and again", .params = params, .size = sizeof(@CLASS@), .open = @WORD@_open,
	  .close = @WORD@_close },
	{ NULL },
};

BP_PLUGIN(.name = "@NAME@", .version = "0.1", .summary = "A module that says something", .manual = manual, .modules = modules);
EOF
	put check.sh <<'EOF'
#!/bin/sh
# check.sh - the tests: a host of its own loads the plugin; the functions are described in test.sh.
. "${TESTLIB:-$(pkg-config --variable=testlib backplane)}"
HOST_PRELOAD=$(host_preload ./@NAME@.so)
host_start
host_load ./@NAME@.so
expect 'Opened @CLASS@ as one.' host module open @CLASS@ one text=hello interval=20ms
expect 'hello' backplane wait one/recv hello --timeout 10s
expect 'other' backplane wait one/recv other --send 'one/send other' --timeout 10s
refuse 'interval' host module open @CLASS@ two interval=soon
expect 'Closed one.' host module close one
host_end
EOF
	;;
handler)
	put "$name.c" <<'EOF'
/* @NAME@.c - a handler: an application that is served alike over telnet, TCP and WebSocket. */
#include <string.h>
#include <backplane/backplane.h>

static const char manual[] =
	"Handler @NAME@ answers each line; `bye` leaves.\n"
	"\n"
	"  serve @NAME@ --transport telnet --port 7000\n";

/* Of one session; zeroed at its beginning. */
typedef struct {
	guint lines;
} Visit;

static void welcome(BpPlugin *self, BpSession *session)
{
	bp_session_print(session, "Welcome.");
}

/* FALSE ends the session. */
static gboolean line(BpPlugin *self, BpSession *session, const char *text, gsize size)
{
	Visit *visit = bp_session_data(session);

	if (!strcmp(text, "bye"))
		return FALSE;
	bp_session_printf(session, "%u: %s", ++visit->lines, text);
	return TRUE;
}

static const BpHandler handlers[] = {
	{ "@NAME@", .help = "answers each line", .size = sizeof(Visit), .welcome = welcome, .line = line },
	{ NULL },
};

BP_PLUGIN(.name = "@NAME@", .version = "0.1", .summary = "An application for terminals", .manual = manual, .handlers = handlers);
EOF
	put check.sh <<'EOF'
#!/bin/sh
# check.sh - the tests: a host of its own loads the plugin; the functions are described in test.sh.
. "${TESTLIB:-$(pkg-config --variable=testlib backplane)}"
HOST_PRELOAD=$(host_preload ./@NAME@.so)
host_start
host_load ./@NAME@.so
host serve @NAME@ --transport tcp --port 0 --name visit >/dev/null || failed "it is not served"
port=$(host module list | sed -n 's/^  visit .*127\.0\.0\.1:\([0-9]*\).*/\1/p')
say()
{
	printf 'one\ntwo\nbye\n' | nc -N 127.0.0.1 "$port" | tr -d '\r'
}
expect 'Welcome\.' say
expect '1: one' say
expect '2: two' say
host_end
EOF
	;;
esac
chmod +x "$name/check.sh"
put Makefile <<'EOF'
# make: builds @NAME@.so. make check: tests it in a host of its own. make check-asan: the same with sanitizers. make install.
CFLAGS ?= -O2 -g
SANITIZE =

all: @NAME@.so

@NAME@.so: @NAME@.c
	$(CC) -shared -fPIC -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers $(CFLAGS) $(SANITIZE) \
		-o $@-new $< $$(pkg-config --cflags --libs backplane) && mv $@-new $@

check: all
	./check.sh

check-asan:
	$(MAKE) -B all SANITIZE="-fsanitize=address,undefined -fno-omit-frame-pointer"
	./check.sh
	rm -f @NAME@.so

install: all
	install -D -m 644 @NAME@.so "$(DESTDIR)$$(pkg-config --variable=plugindir backplane)/@NAME@.so"

clean:
	rm -f @NAME@.so @NAME@.so-new

.PHONY: all check check-asan install clean
EOF
put README.md <<'EOF'
# @NAME@

A plugin for Backplane.

    make
    make check
    sudo make install

`backplane plugin check @NAME@.so` looks at the finished file. `man backplane-plugin` and the headers describe what there is.
EOF
printf '*.so\n*.so-new\n' >"$name/.gitignore"
echo "$name: cd $name && make check"
