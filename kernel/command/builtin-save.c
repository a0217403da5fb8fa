/* SPDX-License-Identifier: MIT */
/* builtin-save.c - channel save: what is said on channels, into files that are turned over when they have grown. */
#include <string.h>
#include "command/builtin.h"

typedef struct {
	char *channel, *file;
	BpWatch *watch;
	BpFile *writer;
	BpCall *call; /* waits for the file to be opened, or closed */
	gboolean raw, opened;
} Recording;

static GQueue recordings; /* Recording */

static void forget(gpointer data)
{
	Recording *recording = data;

	g_queue_remove(&recordings, recording);
	if (recording->watch)
		bp_watch_remove(recording->watch);
	g_free(recording->channel);
	g_free(recording->file);
	g_free(recording);
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	Recording *recording = data;
	g_autoptr(GString) line = g_string_new_len(bp_message_data(message), (gssize)bp_message_size(message));

	if (!recording->raw)
		g_string_append(line, "\r\n");
	bp_file_send(recording->writer, line->str, line->len);
}

static void on_watch_gone(gpointer data)
{
	((Recording *)data)->watch = NULL;
}

static void on_opened(Recording *recording)
{
	BpCall *call = g_steal_pointer(&recording->call);

	recording->opened = TRUE;
	bp_call_printf(call, "Opening file: %s", recording->file);
	bp_call_printf(call, "Recording Channel: %s to file %s", recording->channel, recording->file);
	bp_call_done(call, NULL);
}

static void on_closed(Recording *recording, const GError *error)
{
	guint64 lost = bp_file_stats(recording->writer).lost;
	BpCall *call = g_steal_pointer(&recording->call);
	GError *why = NULL;

	if (error && recording->opened)
		why = g_error_new(BP_CONSOLE_ERROR, error->code, "%s; %" G_GUINT64_FORMAT " messages of channel %s are lost",
				  error->message, lost, recording->channel);
	else if (error)
		why = g_error_new(BP_CONSOLE_ERROR, error->code, "the file cannot be written: %s", error->message);
	if (!why)
		bp_call_printf(call, "No longer recording Channel: %s to file %s", recording->channel, recording->file);
	bp_call_done(call, why);
}

static void on_file(BpPlugin *self, BpFile *file, BpFileEvent event, const GError *error, gpointer data)
{
	Recording *recording = data;

	if (event == BP_FILE_OPENED)
		on_opened(recording);
	else if (event == BP_FILE_CLOSED)
		on_closed(recording, error);
	else if (event == BP_FILE_STALLED)
		bp_log(self, BP_LOG_ERROR, "channel %s is not saved for now: %s; what comes waits, and is lost when too much does",
		       recording->channel, error->message);
	else if (event == BP_FILE_RESUMED)
		bp_log(self, BP_LOG_NOTICE, "channel %s is saved again; %" G_GUINT64_FORMAT " messages are lost so far",
		       recording->channel, bp_file_stats(file).lost);
}

static gboolean run_stop(BpCall *call, const char *name, GError **error)
{
	for (GList *at = recordings.head; at; at = at->next) {
		Recording *recording = at->data;

		if (strcmp(recording->channel, name))
			continue;
		if (recording->call) {
			g_set_error(error, BP_CONSOLE_ERROR, BP_BUSY, "%s is being opened or closed already", recording->file);
			return FALSE;
		}
		bp_watch_remove(recording->watch);
		recording->call = call;
		bp_call_hold(call, NULL, NULL);
		bp_file_close(recording->writer);
		return TRUE;
	}
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "Channel %s is not recorded; channel save alone lists what is", name);
	return FALSE;
}

static void list_recordings(BpCall *call)
{
	BpTable *table = bp_table_new("Channel", ">Bytes", ">Waiting", ">Lost", "File", NULL);

	for (GList *at = recordings.head; at; at = at->next) {
		Recording *recording = at->data;

		BpFileStats stats = bp_file_stats(recording->writer);

		bp_table_row(table, "%s\t%" G_GUINT64_FORMAT "\t%" G_GSIZE_FORMAT "\t%" G_GUINT64_FORMAT "\t%s", recording->channel,
			     stats.size, stats.waiting, stats.lost, recording->file);
	}
	bp_call_table(call, table);
}

static char *default_file(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();

	return g_date_time_format(now, "backplane-channel-%Y-%m-%d_%H_%M_%S.txt");
}

static gboolean run_save(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name"), *file = bp_call_string(call, "file");
	BpFileOptions options = { .flags = BP_FILE_APPEND };
	g_autoptr(BpChannel) channel = NULL;
	Recording *recording;

	if (!name) {
		list_recordings(call);
		return TRUE;
	}
	if (bp_call_bool(call, "stop"))
		return run_stop(call, name, error);
	channel = builtin_find_channel(name, error);
	if (!channel)
		return FALSE;
	recording = g_new0(Recording, 1);
	recording->channel = g_strdup(bp_channel_name(channel));
	recording->file = file ? g_strdup(file) : default_file();
	recording->raw = bp_call_bool(call, "raw");
	recording->call = call;
	g_queue_push_tail(&recordings, recording);
	options.rotate = bp_call_int(call, "rotate");
	recording->writer = bp_file_start(self, recording->file, &options, on_file, recording, forget, error);
	if (!recording->writer)
		return FALSE;
	bp_call_hold(call, NULL, NULL);
	recording->watch = bp_channel_watch(self, channel, on_message, recording, on_watch_gone);
	return TRUE;
}

static const BpParam save_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_A_CHANNEL, .help = "name or number; without it what is being saved is listed" },
	{ "file", 'f', .names = BP_A_FILE, .help = "where to; added to if it is there. A dated name here if none is given" },
	{ "rotate", .type = BP_BYTES, .help = "begin a new file at this size and keep five old ones" },
	{ "raw", .type = BP_BOOL, .help = "no line ends of ours between messages" },
	{ "stop", .type = BP_BOOL, .help = "save it no longer" },
	{ NULL },
};

const BpCommand save_commands[] = {
	{ "channel save", .help = "write what is said on a channel to a file", .params = save_params, .run = run_save,
	  .role = BP_ADMIN },
	{ NULL },
};
