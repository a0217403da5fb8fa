/* SPDX-License-Identifier: MIT */
/* fuzz-telnet-server.c - clients of TelnetServer, from the first byte to the end of their sessions, with its timers.
 *
 * Server 0 serves the handler of the test, which does what a line tells it; server 1 the console, server 2 a handler of raw
 * bytes. All of them share small limits, so that scripts reach them.
 *
 *	b0 TEXT		said on server 0's channel to all of its sessions
 */
#include <string.h>
#include "script.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 60;

static gboolean take_line(BpSession *session, const char *line, gsize size)
{
	if (strcmp(line, "hide") == 0)
		bp_session_set_echo(session, FALSE);
	else if (strcmp(line, "show") == 0)
		bp_session_set_echo(session, TRUE);
	else if (strcmp(line, "characters") == 0)
		bp_session_set_mode(session, BP_CHARACTERS);
	else if (strcmp(line, "raw") == 0)
		bp_session_set_mode(session, BP_RAW);
	else if (strcmp(line, "all") == 0)
		bp_session_broadcast(session, "to all", TRUE);
	else if (strcmp(line, "others end") == 0)
		bp_session_broadcast(session, "others", FALSE);
	else if (strcmp(line, "end") == 0)
		bp_session_end(session, BP_END_HANDLER, "it ends");
	else if (strcmp(line, "leave") == 0)
		return FALSE;
	else
		bp_session_printf(session, "%zu: %s", size, line);
	return TRUE;
}

static gboolean take_bytes(BpSession *session, const char *bytes, gsize size)
{
	if (memchr(bytes, 'L', size))
		bp_session_set_mode(session, BP_LINES);
	bp_session_send(session, bytes, size);
	return !memchr(bytes, 'Q', size);
}

static char **complete(BpSession *session, const char *line, gsize cursor, gsize *start)
{
	*start = cursor > 3 ? cursor - 3 : 0;
	return g_strsplit("raw;characters;hide;leave;l\xc3\xa4ser", ";", -1);
}

/* Whoever calls itself so is turned away, and that in the middle of its opening. */
static void welcome(BpSession *session)
{
	if (strcmp(bp_session_terminal(session), "unwelcome") == 0)
		bp_session_end(session, BP_END_HANDLER, "not you");
	else
		bp_session_print(session, "welcome");
}

static void resize(BpSession *session, guint columns, guint rows)
{
	if (columns == 666)
		bp_session_end(session, BP_END_HANDLER, "not so wide");
}

static const BpHandler handlers[] = {
	{ "lines", .help = "test", .prompt = "> ", .line_limit = 2000, .welcome = welcome, .line = take_line, .character = take_bytes,
	  .complete = complete, .resize = resize },
	{ "bytes", .help = "test", .mode = BP_RAW, .line = take_line, .character = take_bytes },
	{ NULL },
};

static const BpPluginInfo test = { .abi = BP_ABI, .name = "test", .version = "1", .summary = "test", .handlers = handlers };

static gboolean act(char letter, guint client, const guint8 *text, gsize size)
{
	g_autoptr(BpChannel) channel = bp_channel_find("lines/send");

	if (letter != 'b' || !channel)
		return FALSE;
	bp_channel_send_take(channel, bp_message_new(text, size, BP_TEXT));
	return TRUE;
}

static const ScriptTarget target = { .act = act };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const lines[] = { "port=0", "handler=lines", "idle_timeout=2s", "max_connections=3", "backlog_limit=16K", NULL };
	static const char *const console[] = { "port=0", "session_timeout=90s", "quiet=yes", NULL };
	static const char *const bytes[] = { "port=0", "handler=bytes", "backlog_policy=drop-oldest", "backlog_limit=4K", NULL };

	script_start(&bp_plugin_info, &target);
	g_assert(bp_plugin_add(&test, NULL));
	script_serve("TelnetServer", "lines", lines);
	script_serve("TelnetServer", "console", console);
	script_serve("TelnetServer", "bytes", bytes);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	script_run(data, size);
	return 0;
}
