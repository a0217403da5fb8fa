/* SPDX-License-Identifier: MIT */
/* mesh-history.c - values on disk: a store, with the series ADDRESS/TYPE, and the old lines of text on request.
 *
 * Of the lines, the loop fills `pending`; a round gives it to a job as `batch`. There is one job at a time, and the loop leaves what
 * is the job's alone until it is done, so there is no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <backplane/bytes.h>
#include <backplane/store.h>
#include "mesh-history.h"

#define HISTORY_PENDING (8 * 1024 * 1024) /* bytes */

/* Values that wait lie one behind another in one piece of memory: this, the name of the type with its NUL, the bytes. */
typedef struct {
	gint64 wall;
	guint32 size;
	guint16 address;
	guint16 type_size;
} PendingValue;

typedef enum { OF_STORE, OF_LINES, FAILURES } Failure;

struct MeshHistory {
	BpPlugin *self;
	MeshHistoryTell tell; /* NULL: it is closing */
	gpointer tell_data;
	BpStore *store; /* NULL: there is none, or it has closed */
	/* the lines, the loop's part: */
	GByteArray *pending;
	guint pending_rows;
	guint64 written, lost;
	char *failures[FAILURES]; /* of the store, and of the last round; NULL: none */
	gboolean working;	  /* a job is under way */
	/* the job's, while it works: */
	char *folder;
	gsize folder_limit;
	GByteArray *batch; /* NULL: nothing is to be written */
	guint batch_rows;
	char *error; /* why it could not be written */
};

static guint64 lost_of(const MeshHistory *history)
{
	BpStoreStats stats = { 0 };

	if (history->store)
		stats = bp_store_stats(history->store);
	return history->lost + stats.dropped;
}

/* The row at *at of a batch, which is then behind it. */
static gboolean next_row(const GByteArray *batch, gsize *at, PendingValue *row, const char **type, const guint8 **data)
{
	if (*at >= batch->len)
		return FALSE;
	memcpy(row, batch->data + *at, sizeof(*row));
	*type = (const char *)batch->data + *at + sizeof(*row);
	*data = (const guint8 *)*type + row->type_size;
	*at += sizeof(*row) + row->type_size + row->size;
	return TRUE;
}

/* The first reason counts. */
static void fail(MeshHistory *history, const char *path, const char *why)
{
	if (!history->error)
		history->error = g_strdup_printf("%s: %s", path, why);
}

/* --- the old lines --- */

static void append_lines(MeshHistory *history, const char *type, const GString *lines)
{
	g_autofree char *name = g_strconcat(type, "_hist.txt", NULL);
	g_autofree char *path = g_build_filename(history->folder, g_strdelimit(name, "/\\", '_'), NULL);
	g_autoptr(GError) error = NULL;
	struct stat status;
	int fd;

	if (history->folder_limit && stat(path, &status) == 0 && (gsize)status.st_size >= history->folder_limit) {
		g_autofree char *older = g_strconcat(path, ".1", NULL);

		g_rename(path, older);
	}
	fd = bp_file_open(path, BP_FILE_APPEND, &error);
	if (fd < 0)
		fail(history, "history", error->message);
	else if (!bp_file_write(fd, lines->str, lines->len))
		fail(history, path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* What Python's repr and str made of bytes and time. */
static void add_line(GString *lines, const PendingValue *row, const guint8 *data)
{
	g_autofree char *bytes = bp_bytes_text(data, row->size);
	time_t seconds = row->wall / G_USEC_PER_SEC;
	struct tm local;
	char text[32];

	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	g_string_append_printf(lines, "%s, %s.%06d\n", bytes, text, (int)(row->wall % G_USEC_PER_SEC));
}

static void free_lines(gpointer lines)
{
	g_string_free(lines, TRUE);
}

static void write_lines(MeshHistory *history)
{
	g_autoptr(GHashTable) files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_lines);
	GHashTableIter iter;
	gpointer name, lines;
	gsize at = 0;
	PendingValue row;
	const char *type;
	const guint8 *data;

	if (g_mkdir_with_parents(history->folder, 0700))
		fail(history, history->folder, g_strerror(errno));
	while (next_row(history->batch, &at, &row, &type, &data)) {
		lines = g_hash_table_lookup(files, type);
		if (!lines)
			g_hash_table_insert(files, (gpointer)type, lines = g_string_new(NULL));
		add_line(lines, &row, data);
	}
	g_hash_table_iter_init(&iter, files);
	while (g_hash_table_iter_next(&iter, &name, &lines))
		append_lines(history, name, lines);
}

/* --- a round of lines --- */

static void work(BpJob *job, gpointer data)
{
	write_lines(data);
}

static void history_free(MeshHistory *history)
{
	if (history->store || history->working || history->tell)
		return; /* what is under way frees it */
	g_byte_array_unref(history->pending);
	g_clear_pointer(&history->batch, g_byte_array_unref);
	g_free(history->folder);
	for (guint i = 0; i < FAILURES; i++)
		g_free(history->failures[i]);
	g_free(history->error);
	g_free(history);
}

static const char *failure_of(const MeshHistory *history)
{
	return history->failures[OF_STORE] ? history->failures[OF_STORE] : history->failures[OF_LINES];
}

/* One of the two may fail while the other is written. */
static void set_failure(MeshHistory *history, Failure which, const char *why)
{
	g_autofree char *text = NULL;

	if (g_strcmp0(history->failures[which], why) == 0)
		return;
	g_free(history->failures[which]);
	history->failures[which] = g_strdup(why);
	if (!why && failure_of(history))
		return;
	text = why ? g_strdup_printf("Values are not written for now: %s", why)
		   : g_strdup_printf("Values are written again; %" G_GUINT64_FORMAT " are lost", lost_of(history));
	if (history->tell)
		history->tell(text, history->tell_data);
}

/* A second time would double some of its lines, so what could not be written is lost. */
static void on_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	MeshHistory *history = data;
	g_autofree char *error = g_steal_pointer(&history->error);
	gboolean good = !cancelled && !error;

	history->working = FALSE;
	*(good ? &history->written : &history->lost) += history->batch_rows;
	g_clear_pointer(&history->batch, g_byte_array_unref);
	set_failure(history, OF_LINES, error);
	if (history->tell)
		return;
	mesh_history_write(history); /* what came meanwhile */
	history_free(history);
}

static void begin_round(MeshHistory *history)
{
	history->batch = history->pending;
	history->batch_rows = history->pending_rows;
	history->pending = g_byte_array_new();
	history->pending_rows = 0;
	history->working = TRUE;
	if (bp_job_add(history->self, "mesh history", work, on_done, history, NULL))
		return;
	/* Too many jobs wait: the next second. */
	history->working = FALSE;
	g_byte_array_unref(history->pending);
	history->pending = g_steal_pointer(&history->batch);
	history->pending_rows = history->batch_rows;
}

void mesh_history_write(MeshHistory *history)
{
	if (!history->working && history->pending_rows)
		begin_round(history);
}

static void add_line_later(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size,
			   gint64 wall)
{
	PendingValue row = {
		.wall = wall, .size = (guint32)size, .address = address, .type_size = (guint16)(strlen(type) + 1)
	};

	if (history->pending->len + sizeof(row) + row.type_size + size > HISTORY_PENDING) {
		history->lost++;
		return;
	}
	g_byte_array_append(history->pending, (const guint8 *)&row, sizeof(row));
	g_byte_array_append(history->pending, (const guint8 *)type, row.type_size);
	if (size)
		g_byte_array_append(history->pending, data, (guint)size);
	history->pending_rows++;
}

/* --- the store --- */

static void on_store(BpPlugin *self, BpStore *store, BpStoreEvent event, const GError *error, gpointer data)
{
	MeshHistory *history = data;

	switch (event) {
	case BP_STORE_STALLED:
		set_failure(history, OF_STORE, bp_store_stats(store).problem);
		break;
	case BP_STORE_RESUMED:
		set_failure(history, OF_STORE, NULL);
		break;
	case BP_STORE_DAMAGED:
		if (history->tell)
			history->tell(error->message, history->tell_data);
		break;
	case BP_STORE_CLOSED:
		history->store = NULL;
		history_free(history);
		break;
	case BP_STORE_OPENED:
		break;
	}
}

void mesh_history_add(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size,
		      gint64 wall)
{
	g_autofree char *series = history->store ? g_strdup_printf("%u/%s", address, type) : NULL;

	if (series)
		bp_store_add_bytes(history->store, series, wall, data, size);
	if (history->folder)
		add_line_later(history, address, type, data, size, wall);
}

/* A relative path is one of the folder in which the program runs, as with all files that users name. */
static BpStore *open_store(MeshHistory *history, const char *file, const BpStoreOptions *options, GError **error)
{
	g_autofree char *path = g_canonicalize_filename(file, NULL);

	return bp_store_open(history->self, path, options, on_store, history, error);
}

MeshHistory *mesh_history_open(BpPlugin *self, const char *file, gint64 rows, const char *folder, gsize folder_limit,
			       MeshHistoryTell tell, gpointer data, GError **error)
{
	MeshHistory *history = g_new0(MeshHistory, 1);
	BpStoreOptions options = { .max_values = rows };

	history->self = self;
	history->folder = g_strdup(folder);
	history->folder_limit = folder_limit;
	history->pending = g_byte_array_new();
	if (file && !(history->store = open_store(history, file, &options, error))) {
		history_free(history);
		return NULL;
	}
	history->tell = tell;
	history->tell_data = data;
	return history;
}

void mesh_history_close(MeshHistory *history)
{
	BpStore *store = history->store;

	history->tell = NULL;
	mesh_history_write(history);
	if (store)
		bp_store_close(store);
	else
		history_free(history);
}

void mesh_history_counts(const MeshHistory *history, guint64 *written, guint64 *lost, const char **failure)
{
	BpStoreStats stats = { .written = history->written };

	if (history->store)
		stats = bp_store_stats(history->store);
	*written = stats.written;
	*lost = lost_of(history);
	*failure = failure_of(history);
}
