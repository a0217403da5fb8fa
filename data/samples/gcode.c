/* SPDX-License-Identifier: MIT */
/* gcode.c - gcode send part.gcode laser: a file, line by line, each when the one before it was answered with "ok". The machine is
 * any instance whose messages are lines (a UART with framing=lines, an Exec). An error stops it, Ctrl-C too. */
#include <backplane/backplane.h>

typedef struct {
	BpCall *call;
	BpChannel *machine;
	char **lines;
	guint next; /* of them */
} Sender;

static void end(Sender *sender, GError *take_error)
{
	g_strfreev(sender->lines);
	bp_call_done(sender->call, take_error);
	g_free(sender);
}

static void send_next(Sender *sender)
{
	const char *line = sender->lines[sender->next] ? g_strstrip(sender->lines[sender->next++]) : NULL;

	bp_call_progress(sender->call, line);
	if (line)
		bp_channel_printf(sender->machine, "%s\n", line);
	else
		end(sender, NULL);
}

static void on_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	Sender *sender = data;
	const char *answer = bp_message_data(message);

	if (sender->lines && g_str_equal(answer, "ok")) /* there are none before the file has been read */
		send_next(sender);
	else if (sender->lines && g_str_has_prefix(answer, "error"))
		end(sender, g_error_new(BP_PLUGIN_ERROR, BP_FAILED, "line %u: %s", sender->next, answer));
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	end(data, g_error_new_literal(BP_PLUGIN_ERROR, BP_CANCELLED, "stopped"));
}

static void on_file(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	Sender *sender = data;

	sender->lines = g_strsplit(error ? "" : text, "\n", -1);
	if (error)
		end(sender, g_error_copy(error));
	else
		send_next(sender);
}

static gboolean run_send(BpPlugin *self, BpCall *call, GError **error)
{
	BpScope *scope = bp_call_scope(call);
	g_autofree char *recv = g_strconcat(bp_call_string(call, "machine"), "/recv", NULL);
	g_autofree char *send = g_strconcat(bp_call_string(call, "machine"), "/send", NULL);
	Sender *sender = g_new0(Sender, 1);

	*sender = (Sender){ .call = call, .machine = bp_channel(scope, send) };
	bp_channel_watch(scope, bp_channel(scope, recv), on_recv, sender, NULL);
	bp_call_hold(call, on_cancel, sender);
	return bp_file_read(scope, bp_call_string(call, "file"), 64 << 20, on_file, sender, error);
}

static const BpParam params[] = {
	{ "file", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_FILE, .help = "what to send" },
	{ "machine", .kind = BP_ARGUMENT, .required = 1, .names = BP_AN_INSTANCE, .help = "where to" },
	{ NULL }
};
static const BpCommand commands[] = {
	{ "gcode send", .help = "send a file to a machine", .params = params, .run = run_send }, { NULL }
};
BP_PLUGIN(.name = "gcode", .version = "1.0", .summary = "A G-code sender", .commands = commands);
