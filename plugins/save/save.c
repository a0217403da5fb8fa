/* SPDX-License-Identifier: MIT */
/* save.c - channel save: what is sent on a channel, written to a file. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/writer.h>

static const char manual[] =
	"  channel save root/recv -f root.log --rotate 10M   to root.log; when full it becomes root.log.1 ... root.log.5\n"
	"  channel save                                      what is being saved, what waits and what was lost\n"
	"  channel save root/recv --stop\n"
	"\n"
	"A job writes, so a slow disk holds up nothing. While the disk is full, 4 MiB wait; what is more is lost,\n"
	"counted and told on the log. SIGHUP opens the files again, for logrotate.\n";

typedef struct {
	char *channel, *file;
	BpWatch *watch;
	BpWriter *writer;
	BpCall *call; /* waits for the file to be opened, or closed */
	gboolean raw, opened;
} Recording;

#define RECORDINGS_MOST 100
static GQueue recordings; /* Recording */

static void forget(Recording *recording)
{
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
	bp_writer_send(recording->writer, line->str, line->len);
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
	guint64 lost = bp_writer_stats(recording->writer).lost;
	BpCall *call = g_steal_pointer(&recording->call);
	GError *why = NULL;

	if (call && !error)
		bp_call_printf(call, "No longer recording Channel: %s to file %s", recording->channel, recording->file);
	else if (call && recording->opened)
		bp_fail(&why, error->code, "%s; %" G_GUINT64_FORMAT " messages of channel %s are lost", error->message,
			lost, recording->channel);
	else if (call)
		bp_fail(&why, error->code, "the file cannot be written: %s", error->message);
	if (call)
		bp_call_done(call, why);
	forget(recording);
}

static void on_writer(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data)
{
	Recording *recording = data;

	if (event == BP_WRITER_OPENED)
		on_opened(recording);
	else if (event == BP_WRITER_CLOSED)
		on_closed(recording, error);
	else if (event == BP_WRITER_STALLED)
		bp_log(self, BP_LOG_ERROR,
		       "channel %s is not saved for now: %s; what comes waits, and is lost when too much does",
		       recording->channel, error->message);
	else if (event == BP_WRITER_RESUMED)
		bp_log(self, BP_LOG_NOTICE, "channel %s is saved again; %" G_GUINT64_FORMAT " messages are lost so far",
		       recording->channel, bp_writer_stats(writer).lost);
}

static gboolean run_stop(BpCall *call, const char *name, GError **error)
{
	for (GList *at = recordings.head; at; at = at->next) {
		Recording *recording = at->data;

		if (strcmp(recording->channel, name))
			continue;
		if (recording->call)
			return bp_fail(error, BP_BUSY, "%s is being opened or closed already", recording->file);
		bp_watch_remove(g_steal_pointer(&recording->watch));
		recording->call = call;
		bp_call_hold(call, NULL, NULL);
		bp_writer_close(recording->writer);
		return TRUE;
	}
	return bp_fail(error, BP_NOT_FOUND, "Channel %s is not recorded; channel save alone lists what is", name);
}

static void list_recordings(BpCall *call)
{
	BpTable *table = bp_table_new("Channel", ">Bytes", ">Waiting", ">Lost", "File", NULL);

	for (GList *at = recordings.head; at; at = at->next) {
		Recording *recording = at->data;
		BpWriterStats stats = bp_writer_stats(recording->writer);

		bp_table_row(table, "%s\t%" G_GUINT64_FORMAT "\t%" G_GSIZE_FORMAT "\t%" G_GUINT64_FORMAT "\t%s",
			     recording->channel, stats.size, stats.waiting, stats.lost, recording->file);
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
	BpWriterOptions options = { .flags = BP_FILE_APPEND, .rotate = bp_call_int(call, "rotate") };
	g_autoptr(BpChannel) channel = NULL;
	Recording *recording;

	if (!name) {
		list_recordings(call);
		return TRUE;
	}
	if (bp_call_bool(call, "stop"))
		return run_stop(call, name, error);
	if (recordings.length >= RECORDINGS_MOST)
		return bp_fail(error, BP_LIMIT,
			       "%u channels are saved, which is the most; channel save NAME --stop ends one",
			       RECORDINGS_MOST);
	channel = bp_channel_named(name, error);
	if (!channel)
		return FALSE;
	recording = g_new0(Recording, 1);
	recording->channel = g_strdup(bp_channel_name(channel));
	recording->file = file ? g_strdup(file) : default_file();
	recording->raw = bp_call_bool(call, "raw");
	recording->call = call;
	bp_call_hold(call, NULL, NULL);
	g_queue_push_tail(&recordings, recording);
	recording->writer = bp_writer_open(self, recording->file, &options, on_writer, recording);
	recording->watch = bp_channel_watch(self, channel, on_message, recording, NULL);
	return TRUE;
}

static const BpParam save_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_A_CHANNEL,
	  .help = "name or number; without it what is being saved is listed" },
	{ "file", 'f', .names = BP_A_FILE,
	  .help = "where to; added to if it is there. A dated name here if none is given" },
	{ "rotate", .type = BP_BYTES, .help = "begin a new file at this size and keep five old ones" },
	{ "raw", .type = BP_BOOL, .help = "no line ends of ours between messages" },
	{ "stop", .type = BP_BOOL, .help = "save it no longer" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "channel save", .example = "channel save lab/recv -f lab.log --rotate 10M",
	  .help = "write messages of a channel to a file", .params = save_params, .run = run_save, .role = BP_ADMIN },
	{ NULL },
};

BP_PLUGIN(.name = "save", .version = "1.0", .summary = "Channels written to files", .manual = manual,
	  .commands = commands);
