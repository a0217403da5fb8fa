/* SPDX-License-Identifier: MIT */
/* mesh-history.c - values on disk: SQLite in WAL mode, and the old lines of text on request.
 *
 *	value(time TEXT, address INTEGER, type TEXT, data BLOB)	-- time in UTC, ISO 8601
 *
 * `lock` is held by whoever writes: a job's thread, or the loop when the gateway closes. The table's rows are counted by
 * their ids, which only grow.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <sqlite3.h>
#include <glib/gstdio.h>
#include "mesh-history.h"

#define HISTORY_PENDING (8 * 1024 * 1024) /* bytes */
#define BUSY_WAIT 2000 /* ms, for another program that reads */

/* Values that wait lie one behind another in one piece of memory: this, the name of the type with its NUL, the bytes. */
typedef struct {
	gint64 wall;
	guint32 size;
	guint16 address;
	guint16 type_size;
} Row;

struct MeshHistory {
	BpPlugin *self;
	GByteArray *pending; /* of the loop */
	guint pending_rows;
	gboolean writing;   /* a job is under way */
	guint64 lost;
	GMutex lock;
	/* under it: */
	GByteArray *batch;  /* NULL: nothing is to be written */
	guint batch_rows;
	sqlite3 *database;
	sqlite3_stmt *insert, *trim;
	gint64 rows;	    /* most of them */
	char *folder;
	gsize folder_limit;
	guint64 written, unwritten;
	char *failure;	    /* the last one; NULL: the last batch was written */
	gint refs;	    /* atomic: the gateway and a job */
};

/* The row at *at of a batch, which is then behind it. */
static gboolean next_row(const GByteArray *batch, gsize *at, Row *row, const char **type, const guint8 **data)
{
	if (*at >= batch->len)
		return FALSE;
	memcpy(row, batch->data + *at, sizeof(*row));
	*type = (const char *)batch->data + *at + sizeof(*row);
	*data = (const guint8 *)*type + row->type_size;
	*at += sizeof(*row) + row->type_size + row->size;
	return TRUE;
}

static void history_unref(gpointer data)
{
	MeshHistory *history = data;

	if (!g_atomic_int_dec_and_test(&history->refs))
		return;
	sqlite3_finalize(history->insert);
	sqlite3_finalize(history->trim);
	sqlite3_close(history->database);
	g_byte_array_unref(history->pending);
	g_clear_pointer(&history->batch, g_byte_array_unref);
	g_free(history->folder);
	g_free(history->failure);
	g_mutex_clear(&history->lock);
	g_free(history);
}

/* --- the old lines --- */

static FILE *open_log(MeshHistory *history, const char *type)
{
	g_autofree char *name = g_strconcat(type, "_hist.txt", NULL);
	g_autofree char *path = NULL, *older = NULL;
	struct stat status;

	g_strdelimit(name, "/\\", '_');
	path = g_build_filename(history->folder, name, NULL);
	if (history->folder_limit && stat(path, &status) == 0 && (gsize)status.st_size >= history->folder_limit) {
		older = g_strconcat(path, ".1", NULL);
		g_rename(path, older);
	}
	return g_fopen(path, "ae");
}

/* What Python's repr and str made of bytes and time. */
static gboolean write_line(FILE *file, const Row *row, const guint8 *data)
{
	g_autofree char *bytes = bp_bytes_text(data, row->size);
	time_t seconds = row->wall / G_USEC_PER_SEC;
	struct tm local;
	char text[32];

	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	return fprintf(file, "%s, %s.%06d\n", bytes, text, (int)(row->wall % G_USEC_PER_SEC)) > 0;
}

static void write_lines(MeshHistory *history)
{
	g_autoptr(GHashTable) files = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer file;
	gsize at = 0;
	Row row;
	const char *type;
	const guint8 *data;

	while (next_row(history->batch, &at, &row, &type, &data)) {
		if (!g_hash_table_lookup_extended(files, type, NULL, &file)) {
			file = open_log(history, type);
			g_hash_table_insert(files, (gpointer)type, file);
		}
		if ((!file || !write_line(file, &row, data)) && !history->failure)
			history->failure = g_strdup_printf("%s: %s", history->folder, g_strerror(errno));
	}
	g_hash_table_iter_init(&iter, files);
	while (g_hash_table_iter_next(&iter, NULL, &file))
		if (file && fclose(file) && !history->failure)
			history->failure = g_strdup_printf("%s: %s", history->folder, g_strerror(errno));
}

/* --- SQLite --- */

static gboolean insert_row(MeshHistory *history, const Row *row, const char *type, const guint8 *data)
{
	sqlite3_stmt *insert = history->insert;
	time_t seconds = row->wall / G_USEC_PER_SEC;
	struct tm utc;
	char day[32], text[48];

	gmtime_r(&seconds, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	g_snprintf(text, sizeof(text), "%s.%06dZ", day, (int)(row->wall % G_USEC_PER_SEC));
	sqlite3_bind_text(insert, 1, text, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(insert, 2, row->address);
	sqlite3_bind_text(insert, 3, type, -1, SQLITE_TRANSIENT);
	sqlite3_bind_blob(insert, 4, data, (int)row->size, SQLITE_TRANSIENT);
	sqlite3_step(insert);
	return sqlite3_reset(insert) == SQLITE_OK;
}

static gboolean run(MeshHistory *history, const char *sql)
{
	return sqlite3_exec(history->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void write_database(MeshHistory *history)
{
	gboolean good = run(history, "BEGIN IMMEDIATE");
	gsize at = 0;
	Row row;
	const char *type;
	const guint8 *data;

	while (good && next_row(history->batch, &at, &row, &type, &data))
		good = insert_row(history, &row, type, data);
	if (good && history->rows) {
		sqlite3_bind_int64(history->trim, 1, history->rows);
		sqlite3_step(history->trim);
		good = sqlite3_reset(history->trim) == SQLITE_OK;
	}
	good = good && run(history, "COMMIT");
	if (good)
		return;
	if (!history->failure)
		history->failure = g_strdup(sqlite3_errmsg(history->database));
	run(history, "ROLLBACK");
}

/* Of whoever has the lock. */
static void write_batch(MeshHistory *history)
{
	g_clear_pointer(&history->failure, g_free);
	if (history->database)
		write_database(history);
	if (history->folder)
		write_lines(history);
	*(history->failure ? &history->unwritten : &history->written) += history->batch_rows;
	g_clear_pointer(&history->batch, g_byte_array_unref);
}

static void work(BpJob *job, gpointer data)
{
	MeshHistory *history = data;

	g_mutex_lock(&history->lock);
	if (history->batch)
		write_batch(history);
	g_mutex_unlock(&history->lock);
}

static void done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	((MeshHistory *)data)->writing = FALSE;
}

static void take_pending(MeshHistory *history)
{
	history->batch = history->pending;
	history->batch_rows = history->pending_rows;
	history->pending = g_byte_array_new();
	history->pending_rows = 0;
}

void mesh_history_write(MeshHistory *history)
{
	/* No job is there, so nobody else looks at the batch; one whose job could not begin is still here. */
	if (history->writing || (!history->batch && !history->pending_rows))
		return;
	if (!history->batch)
		take_pending(history);
	history->writing = TRUE;
	g_atomic_int_inc(&history->refs);
	if (!bp_job_add(history->self, "mesh history", work, done, history, history_unref))
		history->writing = FALSE;
}

void mesh_history_add(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size, gint64 wall)
{
	Row row = { .wall = wall, .size = (guint32)size, .address = address, .type_size = (guint16)(strlen(type) + 1) };

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

static gboolean prepare(MeshHistory *history, const char *file)
{
	static const char trim[] = "DELETE FROM value WHERE id <= (SELECT max(id) FROM value) - ?1";

	if (sqlite3_open_v2(file, &history->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
			    NULL) != SQLITE_OK)
		return FALSE;
	sqlite3_busy_timeout(history->database, BUSY_WAIT);
	return run(history, "PRAGMA journal_mode=WAL") && run(history, "PRAGMA synchronous=NORMAL") &&
	       run(history, "CREATE TABLE IF NOT EXISTS value (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, "
			    "address INTEGER NOT NULL, type TEXT NOT NULL, data BLOB NOT NULL)") &&
	       run(history, "CREATE INDEX IF NOT EXISTS value_node ON value (address, type, id)") &&
	       sqlite3_prepare_v2(history->database, "INSERT INTO value (time, address, type, data) VALUES (?1, ?2, ?3, ?4)",
				  -1, &history->insert, NULL) == SQLITE_OK &&
	       sqlite3_prepare_v2(history->database, trim, -1, &history->trim, NULL) == SQLITE_OK;
}

MeshHistory *mesh_history_open(BpPlugin *self, const char *file, gint64 rows, const char *folder, gsize folder_limit,
			       GError **error)
{
	MeshHistory *history = g_new0(MeshHistory, 1);

	g_mutex_init(&history->lock);
	history->self = self;
	history->refs = 1;
	history->rows = rows;
	history->pending = g_byte_array_new();
	history->folder = g_strdup(folder);
	history->folder_limit = folder_limit;
	if (file && !prepare(history, file)) {
		g_set_error(error, BP_HOST_ERROR, BP_FAILED, "history %s: %s", file, sqlite3_errmsg(history->database));
		history_unref(history);
		return NULL;
	}
	if (folder && g_mkdir_with_parents(folder, 0700)) {
		g_set_error(error, BP_HOST_ERROR, BP_FAILED, "history folder %s: %s", folder, g_strerror(errno));
		history_unref(history);
		return NULL;
	}
	return history;
}

void mesh_history_close(MeshHistory *history)
{
	g_mutex_lock(&history->lock);
	if (history->batch)
		write_batch(history); /* its job comes too late */
	if (history->pending_rows) {
		take_pending(history);
		write_batch(history);
	}
	g_mutex_unlock(&history->lock);
	history_unref(history);
}

void mesh_history_counts(MeshHistory *history, guint64 *written, guint64 *lost, char **failure)
{
	/* (Not waiting for a disk: then there is nothing new to tell.) */
	*failure = NULL;
	*lost = history->lost;
	*written = 0;
	if (!g_mutex_trylock(&history->lock))
		return;
	*written = history->written;
	*lost += history->unwritten;
	*failure = g_strdup(history->failure);
	g_mutex_unlock(&history->lock);
}
