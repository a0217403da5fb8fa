/* SPDX-License-Identifier: MIT */
/* fuzz-telnet-server.c - clients of TelnetServer, from the first byte to the end of their sessions, with its timers.
 *
 * Server 0 serves the handler of the test, which does what a line tells it; server 1 the console, server 2 a handler of raw
 * bytes. All of them share small limits, so that scripts reach them.
 *
 *	b0 TEXT		said on server 0's channel to all of its sessions
 */
#include "handlers.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 150;

static const BpPluginInfo test = { BP_PLUGIN_BUILT, .name = "test", .version = "1", .summary = "test",
				   .handlers = handlers };

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
	static const char *const lines[] = {
		"port=0", "handler=lines", "idle_timeout=2s", "max_connections=3", "backlog_limit=16K", NULL
	};
	static const char *const console[] = { "port=0", "session_timeout=90s", "quiet=yes", NULL };
	static const char *const bytes[] = { "port=0", "handler=bytes", "backlog_policy=drop-oldest",
					     "backlog_limit=4K", NULL };

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
