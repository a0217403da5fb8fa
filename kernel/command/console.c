/* SPDX-License-Identifier: MIT */
/* console.c - the handler `console`: each line is a line of commands. Shows messages of channel "console" between them. */
#include "command/console.h"
#include <string.h>
#include "command/command.h"
#include "host/module.h"
#include "host/plugin.h"

typedef struct {
	BpWatch *watch;
} Console;

static BpSession *system_session;
static BpChannel *channel;

/* --- the handler --- */

static void on_console(BpPlugin *self, BpMessage *message, gpointer session)
{
	bp_session_notify_copy(session, bp_message_data(message));
}

static gboolean open_console(BpPlugin *self, BpSession *session, GError **error)
{
	Console *console = bp_session_data(session);

	if (!session->quiet)
		console->watch = bp_channel_watch(bp_kernel(), channel, on_console, session, NULL);
	if (!session->terminal)
		bp_session_set_prompt(session, NULL);
	return TRUE;
}

static void welcome(BpPlugin *self, BpSession *session)
{
	BpPlugin *owner;
	const BpWelcome *welcome = registry_find(BP_WELCOME, &owner);

	if (owner && owner_enter_as(owner, "welcome", NULL)) {
		welcome->show(session);
		owner_leave(owner);
	}
}

static void terminal(BpPlugin *self, BpSession *session, const char *type)
{
	if (session->terminal && !session->prompt)
		bp_session_set_prompt(session, session->handler->prompt);
}

static gboolean line(BpPlugin *self, BpSession *session, const char *text, gsize size)
{
	session_type(session, text, size);
	return TRUE;
}

static gboolean interrupt(BpPlugin *self, BpSession *session)
{
	if (bp_session_is_busy(session))
		run_cancel_all(session);
	return TRUE;
}

static void close_console(BpPlugin *self, BpSession *session, BpEnd why)
{
	Console *console = bp_session_data(session);

	if (console->watch)
		bp_watch_remove(console->watch);
}

static const BpHandler handlers[] = {
	{
		"console",
		.help = "the commands of Backplane",
		.commands = TRUE,
		.prompt = "\033[1;32mbackplane>\033[0m ",
		.size = sizeof(Console),
		.open = open_console,
		.welcome = welcome,
		.line = line,
		.interrupt = interrupt,
		.terminal = terminal,
		.close = close_console,
	},
	{ NULL },
};

/* --- the session of nobody --- */

static void system_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text,
			gpointer link)
{
	const char *bytes = data;

	if (size && bytes[size - 1] == '\n')
		size--;
	if (bp_channel_is_watched(channel))
		bp_channel_send_take(channel, bp_message_new(bytes, size, BP_TEXT));
	else
		bp_channel_note(channel, bytes, size);
}

static void system_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	system_session = NULL;
}

static const BpSessionLink system_link = {
	.size = sizeof(system_link), .name = "system", .send = system_send, .end = system_end
};

BpSession *bp_session_system(void)
{
	return system_session;
}

/* --- tables --- */

static gboolean add_tables(BpPlugin *plugin, const BpPluginInfo *info, GError **error)
{
	for (const BpHandler *handler = info->handlers; handler && handler->name; handler++) {
		g_autofree char *path = g_strconcat("handler/", handler->name, NULL);

		if (!bp_registry_add(plugin, path, handler, error))
			return FALSE;
	}
	return bp_command_add(plugin, info->commands, error);
}

static void on_dying(BpPlugin *plugin)
{
	sessions_end_of(plugin);
	calls_cancel_of(plugin);
}

static const PluginTables tables = { .add = add_tables, .dying = on_dying };

void console_start(void)
{
	static const BpPluginInfo info = { .name = "kernel", .handlers = handlers };
	BpSessionOptions options = {
		.handler = handlers, .link = &system_link, .role = BP_ADMIN, .quiet = TRUE, .peer = "kernel"
	};
	BpChannelOptions log = { .log = TRUE };
	gboolean good;

	plugin_use_tables(&tables);
	channel = bp_channel(bp_kernel(), "console");
	bp_channel_set_options(bp_channel(bp_kernel(), "sessions"), &log);
	good = add_tables(bp_kernel(), &info, NULL);
	good = good && bp_command_add(bp_kernel(), builtin_commands, NULL);
	g_assert(good); /* two built-in commands of one name */
	system_session = bp_session_open(bp_kernel(), &options, NULL);
}

void console_end_sessions(void)
{
	g_autoptr(GPtrArray) list = bp_session_list();

	for (guint i = 0; i < list->len; i++)
		bp_session_ref(list->pdata[i]);
	for (guint i = 0; i < list->len; i++) {
		BpSession *session = list->pdata[i];

		if (session != system_session)
			bp_session_end(session, BP_END_SHUTDOWN,
				       *bp_session_server(session) && !session->link->own
					       ? "Server is shutting down. Goodbye!"
					       : NULL);
		bp_session_unref(session);
	}
}

void console_stop(void)
{
	if (system_session)
		bp_session_end(system_session, BP_END_SHUTDOWN, NULL);
	plugin_use_tables(NULL);
}
