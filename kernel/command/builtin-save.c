/* SPDX-License-Identifier: MIT */
/* builtin-save.c - channel save: what is said on channels, into files that are turned over when they have grown. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "command/builtin.h"

#define KEEP 5

typedef struct {
	char *channel, *file;
	BpWatch *watch;
	int fd;
	gint64 size, limit; /* limit 0: none */
	gboolean raw;
} Recording;

static GQueue recordings; /* Recording */

static gboolean open_file(Recording *recording, GError **error)
{
	recording->fd = open(recording->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (recording->fd < 0) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_FAILED, "%s cannot be written: %s", recording->file, g_strerror(errno));
		return FALSE;
	}
	recording->size = lseek(recording->fd, 0, SEEK_END);
	return TRUE;
}

/* FILE -> FILE.1 -> ... -> FILE.5, the last one goes. */
static gboolean turn_over(Recording *recording, GError **error)
{
	close(recording->fd);
	for (int i = KEEP; i > 0; i--) {
		g_autofree char *from = i > 1 ? g_strdup_printf("%s.%d", recording->file, i - 1) : g_strdup(recording->file);
		g_autofree char *to = g_strdup_printf("%s.%d", recording->file, i);

		g_rename(from, to);
	}
	return open_file(recording, error);
}

static gboolean append(Recording *recording, BpMessage *message, GError **error)
{
	g_autoptr(GString) line = g_string_new_len(bp_message_data(message), (gssize)bp_message_size(message));

	if (!recording->raw)
		g_string_append(line, "\r\n");
	if (recording->limit && recording->size && recording->size + (gint64)line->len > recording->limit &&
	    !turn_over(recording, error))
		return FALSE;
	if (write(recording->fd, line->str, line->len) != (gssize)line->len) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_FAILED, "%s cannot be written: %s", recording->file, g_strerror(errno));
		return FALSE;
	}
	recording->size += (gint64)line->len;
	return TRUE;
}

static void forget(gpointer data)
{
	Recording *recording = data;

	g_queue_remove(&recordings, recording);
	if (recording->fd >= 0)
		close(recording->fd);
	g_free(recording->channel);
	g_free(recording->file);
	g_free(recording);
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	Recording *recording = data;
	g_autoptr(GError) error = NULL;

	if (append(recording, message, &error))
		return;
	bp_log(self, BP_LOG_ERROR, "channel %s is not saved any more: %s", recording->channel, error->message);
	bp_watch_remove(recording->watch);
}

static gboolean run_stop(BpCall *call, const char *name, GError **error)
{
	for (GList *at = recordings.head; at; at = at->next) {
		Recording *recording = at->data;

		if (strcmp(recording->channel, name))
			continue;
		bp_call_printf(call, "No longer recording Channel: %s to file %s", name, recording->file);
		bp_watch_remove(recording->watch);
		return TRUE;
	}
	g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "Channel %s is not recorded; channel save alone lists what is", name);
	return FALSE;
}

static void list_recordings(BpCall *call)
{
	BpTable *table = bp_table_new("Channel", ">Bytes", "File", NULL);

	for (GList *at = recordings.head; at; at = at->next) {
		Recording *recording = at->data;

		bp_table_row(table, "%s\t%" G_GINT64_FORMAT "\t%s", recording->channel, recording->size, recording->file);
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
	recording->limit = bp_call_int(call, "rotate");
	recording->raw = bp_call_bool(call, "raw");
	g_queue_push_tail(&recordings, recording);
	if (!open_file(recording, error)) {
		forget(recording);
		return FALSE;
	}
	bp_call_printf(call, "Opening file: %s", recording->file);
	bp_call_printf(call, "Recording Channel: %s to file %s", recording->channel, recording->file);
	recording->watch = bp_channel_watch(bp_kernel(), channel, on_message, recording, forget);
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
