/* SPDX-License-Identifier: MIT */
/* mesh-history.c - values on disk: SQLite in WAL mode, and the old lines of text on request.
 *
 *	value(time TEXT, address INTEGER, type TEXT, data BLOB)	-- time in UTC, ISO 8601
 *
 * The loop fills `pending`; a round gives it to a job as `batch`. There is one job at a time, and the loop leaves what is the
 * job's alone until it is done, so there is no lock. The table's rows are counted by their ids, which only grow.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <sqlite3.h>
#include <glib/gstdio.h>
#include <backplane/bytes.h>
#include "mesh-history.h"

#define HISTORY_PENDING (8 * 1024 * 1024) /* bytes */
#define BUSY_WAIT 2000			  /* ms, for another program that reads */

/* Values that wait lie one behind another in one piece of memory: this, the name of the type with its NUL, the bytes. */
typedef struct {
	gint64 wall;
	guint32 size;
	guint16 address;
	guint16 type_size;
} Row;

struct MeshHistory {
	BpPlugin *self;
	MeshHistoryTell tell;
	gpointer tell_data;
	/* the loop's: */
	GByteArray *pending;
	guint pending_rows;
	guint64 written, lost;
	char *failure;		/* of the last round */
	gboolean working;	/* a job is under way */
	gboolean closing, last; /* last: of the round under way, which closes the database */
	/* the job's, while it works: */
	char *file, *folder;
	gint64 rows; /* most of them */
	gsize folder_limit;
	sqlite3 *database;
	sqlite3_stmt *insert, *trim;
	GByteArray *batch; /* NULL: nothing is to be written */
	guint batch_rows;
	gboolean lines_done; /* of the batch */
	char *error;	     /* why it could not be written */
	char *aside;	     /* where a damaged database is now */
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
static void add_line(GString *lines, const Row *row, const guint8 *data)
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
	Row row;
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
	history->lines_done = TRUE; /* a second time would double some */
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

static gboolean prepare(MeshHistory *history)
{
	static const char trim[] = "DELETE FROM value WHERE id <= (SELECT max(id) FROM value) - ?1";

	if (sqlite3_open_v2(history->file, &history->database,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK)
		return FALSE;
	sqlite3_busy_timeout(history->database, BUSY_WAIT);
	return run(history, "PRAGMA journal_mode=WAL") && run(history, "PRAGMA synchronous=NORMAL") &&
	       run(history,
		   "CREATE TABLE IF NOT EXISTS value (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, "
		   "address INTEGER NOT NULL, type TEXT NOT NULL, data BLOB NOT NULL)") &&
	       run(history, "CREATE INDEX IF NOT EXISTS value_node ON value (address, type, id)") &&
	       sqlite3_prepare_v2(history->database,
				  "INSERT INTO value (time, address, type, data) VALUES (?1, ?2, ?3, ?4)", -1,
				  &history->insert, NULL) == SQLITE_OK &&
	       sqlite3_prepare_v2(history->database, trim, -1, &history->trim, NULL) == SQLITE_OK;
}

static void close_database(MeshHistory *history)
{
	sqlite3_finalize(g_steal_pointer(&history->insert));
	sqlite3_finalize(g_steal_pointer(&history->trim));
	sqlite3_close(g_steal_pointer(&history->database));
}

/* SQLite would wait for ever at a FIFO. */
static gboolean open_database(MeshHistory *history)
{
	struct stat status;

	if (history->database)
		return TRUE;
	if (!stat(history->file, &status) && !S_ISREG(status.st_mode)) {
		fail(history, history->file, "it is not a file");
		return FALSE;
	}
	return prepare(history);
}

static gboolean write_rows(MeshHistory *history)
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
	return good && run(history, "COMMIT");
}

/* With its journal, so that the new one does not take that for its own. */
static gboolean set_aside(MeshHistory *history)
{
	static const char *const parts[] = { "-wal", "-shm", "" };
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *date = g_date_time_format(now, "%Y%m%d-%H%M%S");
	gboolean good = TRUE;

	close_database(history);
	g_free(history->aside);
	history->aside = g_strdup_printf("%s.broken-%s", history->file, date);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *from = g_strconcat(history->file, parts[i], NULL),
				*to = g_strconcat(history->aside, parts[i], NULL);

		good = !g_rename(from, to) || errno == ENOENT;
	}
	return good;
}

static gboolean is_damaged(MeshHistory *history)
{
	int code = history->database ? sqlite3_errcode(history->database) : SQLITE_OK;

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static void write_database(MeshHistory *history)
{
	gboolean good = open_database(history) && (!history->batch || write_rows(history));

	if (!good && is_damaged(history) && set_aside(history))
		good = open_database(history) && (!history->batch || write_rows(history));
	if (good)
		return;
	if (history->database)
		fail(history, history->file, sqlite3_errmsg(history->database));
	/* Opened anew with the next round, so that one that was removed or exchanged meanwhile is found. */
	close_database(history);
}

/* --- a round --- */

static void work(BpJob *job, gpointer data)
{
	MeshHistory *history = data;

	if (history->file)
		write_database(history);
	if (history->folder && history->batch && !history->lines_done)
		write_lines(history);
	if (history->last)
		close_database(history);
}

static void history_free(MeshHistory *history)
{
	close_database(history); /* closed by the last round, unless that was not begun */
	g_byte_array_unref(history->pending);
	g_clear_pointer(&history->batch, g_byte_array_unref);
	g_free(history->file);
	g_free(history->folder);
	g_free(history->failure);
	g_free(history->error);
	g_free(history->aside);
	g_free(history);
}

static void tell_of_round(MeshHistory *history, const char *before)
{
	g_autofree char *text = NULL;

	if (history->aside) {
		text = g_strdup_printf("The database %s is damaged: it is kept as %s, and a new one is begun",
				       history->file, history->aside);
		history->tell(text, history->tell_data);
		g_clear_pointer(&history->aside, g_free);
	}
	if (g_strcmp0(before, history->failure) == 0)
		return;
	g_free(text);
	text = history->failure
		       ? g_strdup_printf("Values are not written for now: %s", history->failure)
		       : g_strdup_printf("Values are written again; %" G_GUINT64_FORMAT " are lost", history->lost);
	history->tell(text, history->tell_data);
}

static void begin_round(MeshHistory *history);

static void on_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	MeshHistory *history = data;
	gboolean good = !cancelled && !history->error;
	g_autofree char *before = NULL;

	history->working = FALSE;
	if (good)
		history->written += history->batch_rows;
	if (good) {
		g_clear_pointer(&history->batch, g_byte_array_unref);
		history->batch_rows = 0;
	}
	before = g_steal_pointer(&history->failure);
	history->failure = g_steal_pointer(&history->error);
	if (history->tell)
		tell_of_round(history, before);
	if (!history->closing)
		return;
	/* What came meanwhile has a round of its own; one that fails is the last. */
	if (!history->last || cancelled || (good && history->pending_rows))
		begin_round(history);
	else
		history_free(history);
}

static void begin_round(MeshHistory *history)
{
	if (!history->batch && history->pending_rows) {
		history->batch = history->pending;
		history->batch_rows = history->pending_rows;
		history->lines_done = FALSE;
		history->pending = g_byte_array_new();
		history->pending_rows = 0;
	}
	history->working = TRUE;
	history->last = history->closing;
	if (bp_job_add(history->self, "mesh history", work, on_done, history, NULL))
		return;
	history->working = FALSE; /* too many jobs wait: the next second */
	if (history->closing)
		history_free(history);
}

void mesh_history_write(MeshHistory *history)
{
	if (!history->working && (history->batch || history->pending_rows))
		begin_round(history);
}

void mesh_history_add(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size,
		      gint64 wall)
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

MeshHistory *mesh_history_open(BpPlugin *self, const char *file, gint64 rows, const char *folder, gsize folder_limit,
			       MeshHistoryTell tell, gpointer data)
{
	MeshHistory *history = g_new0(MeshHistory, 1);

	history->self = self;
	history->tell = tell;
	history->tell_data = data;
	history->file = g_strdup(file);
	history->rows = rows;
	history->folder = g_strdup(folder);
	history->folder_limit = folder_limit;
	history->pending = g_byte_array_new();
	begin_round(history); /* so that a failure is told at once */
	return history;
}

void mesh_history_close(MeshHistory *history)
{
	history->tell = NULL;
	history->closing = TRUE;
	if (!history->working)
		begin_round(history);
}

void mesh_history_counts(const MeshHistory *history, guint64 *written, guint64 *lost, const char **failure)
{
	*written = history->written;
	*lost = history->lost;
	*failure = history->failure;
}
