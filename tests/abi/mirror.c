/* SPDX-License-Identifier: MIT */
/* mirror.c - a plugin of many parts, which tests/scenario/abi.py builds with the headers as they were and loads into today's
 * program: a module with a server, a handler, commands, a setting, channels, a timer, a job. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/net.h>

typedef struct {
	BpServer *server;
	BpChannel *said;
	guint ticks;
} Mirror;

static const BpParam settings[] = {
	{ "mirror_word", .fallback = "mirror", .help = "how it calls itself" },
	{ NULL },
};

/* --- the module --- */

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	Mirror *mirror = user;

	bp_channel_send_bytes(mirror->said, data, size);
	if (bp_stream_write(stream, data, size) == BP_FULL)
		bp_stream_set_reading(stream, FALSE);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	bp_stream_set_reading(stream, TRUE);
}

static const BpStreamEvents stream_events = { .size = sizeof(stream_events), .data = on_data, .drained = on_drained };

static void on_accept(BpPlugin *self, BpServer *server, BpStream *stream, gpointer user)
{
	bp_stream_set_user(stream, &stream_events, user);
}

static const BpServerEvents server_events = { .size = sizeof(server_events),
					      .accept = on_accept,
					      .refusal = bp_server_refusal_line };

static void on_tick(BpPlugin *self, gpointer data)
{
	Mirror *mirror = data;

	if (++mirror->ticks == 3)
		bp_instance_set_state(self, BP_STATE_WAITING, "three ticks");
}

static gboolean open_mirror(BpInstance *self, GError **error)
{
	static const BpChannelOptions options = { .replay = 3, .line_end = "!" };
	BpServerOptions listen = bp_server_options(self);
	Mirror *mirror = bp_instance_data(self);

	listen.max_connections = 1;
	mirror->said = bp_instance_channel(self, "said");
	bp_channel_set_options(mirror->said, &options);
	mirror->server = bp_server_open(self, &listen, "mirror-%u", &server_events, mirror, error);
	if (!mirror->server)
		return FALSE;
	bp_timer_add(self, NULL, 1000, 3, on_tick, mirror, NULL);
	return TRUE;
}

static void describe_mirror(BpInstance *self, GString *text)
{
	Mirror *mirror = bp_instance_data(self);
	BpServerStats stats = bp_server_stats(mirror->server);
	BpChannelStats said = bp_channel_stats(mirror->said);

	bp_server_describe(mirror->server, NULL, text);
	g_string_append_printf(text, "mirrored %" G_GUINT64_FORMAT " in %" G_GUINT64_FORMAT " of %u\n", stats.bytes_in,
			       said.messages, stats.connections);
}

/* --- the handler --- */

static gboolean on_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	g_autofree char *back = g_utf8_strreverse(line, (gssize)size);

	bp_session_printf(session, "%s says %s", bp_plugin_name(self), back);
	return strcmp(line, "bye");
}

/* --- commands --- */

static void work(BpJob *job, gpointer data)
{
	*(guint *)data = 42;
}

static void on_worked(BpPlugin *self, gboolean cancelled, gpointer data)
{
	BpCall *call = bp_plugin_data(self);

	bp_call_printf(call, "the answer is %u", *(guint *)data);
	bp_call_done(call, NULL);
}

static gboolean run_work(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_hold(call, NULL, NULL);
	bp_plugin_set_data(self, call);
	if (!bp_job_add(self, "work", work, on_worked, g_new0(guint, 1), g_free))
		return bp_fail(error, BP_BUSY, "too much work");
	return TRUE;
}

static gboolean run_options(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(BpChannel) channel = bp_channel_named(bp_call_string(call, "channel"), error);
	g_auto(BpChannelOptions) options = { 0 };
	g_autofree char *word = bp_setting_get(bp_context("/"), "mirror_word");

	if (!channel)
		return FALSE;
	options = bp_channel_options(channel);
	bp_call_printf(call, "%s: %s replays %u, ends with %s", word, bp_channel_name(channel), options.replay,
		       options.line_end ? options.line_end : "nothing");
	return TRUE;
}

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpCommand late[] = {
		{ "mirror late", .help = "added by load", .run = run_work, .role = BP_OPERATOR, .group = "mirrors" },
		{ NULL },
	};

	bp_setting_declare(self, bp_context("/"), settings);
	return bp_command_add(self, late, error);
}

static const BpParam channel_params[] = {
	{ "channel", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL, .help = "which one" },
	{ NULL },
};
static const BpCommand commands[] = {
	{ "mirror work", .help = "does it elsewhere", .run = run_work },
	{ "mirror options", .help = "how a channel behaves", .params = channel_params, .run = run_options,
	  .manual = "Of any channel.\n" },
	{ NULL },
};
static const BpParam mirror_params[] = {
	{ "port", 'p', BP_INT, .fallback = "0", .min = 0, .max = 65535, .help = "port to listen on" },
	{ .include = bp_server_params },
	{ NULL },
};
static const BpModule modules[] = {
	{ "Mirror", .help = "gives back what it gets", .params = mirror_params, .size = sizeof(Mirror),
	  .open = open_mirror, .describe = describe_mirror },
	{ NULL },
};
static const BpHandler handlers[] = {
	{ "mirror", .help = "says lines backwards", .prompt = "", .line = on_line },
	{ NULL },
};

BP_PLUGIN(.name = "mirror", .version = "1.0", .summary = "Gives back what it gets", .commands = commands,
	  .modules = modules, .handlers = handlers, .load = load);
