/* SPDX-License-Identifier: MIT */
/* store-file.c - the file of a store: opened, written, trimmed, set aside when it is damaged.
 *
 *	key(name, value)	value(id, series, time, value)	series(id, name)
 *
 * Rows of `value` are numbered as they are added, so that the oldest ones are found by their numbers.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <backplane/file.h>
#include "store-file.h"
#include "store-sql.h"

#define BUSY_WAIT 2000 /* ms, for another program that has the file locked */
#define APPLICATION 0x42705374
#define VERSION 1
#define TRIM_INTERVAL G_TIME_SPAN_MINUTE

static const char schema[] =
	"BEGIN IMMEDIATE; PRAGMA application_id=1114657652; PRAGMA user_version=1;"
	"CREATE TABLE IF NOT EXISTS key(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS series(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE IF NOT EXISTS value(id INTEGER PRIMARY KEY, series INTEGER NOT NULL, time INTEGER NOT NULL, value NOT NULL);"
	"CREATE INDEX IF NOT EXISTS value_time ON value(series, time);"
	"CREATE VIEW IF NOT EXISTS samples AS SELECT series.name AS series, "
	"strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time, value.value AS value "
	"FROM value JOIN series ON series.id = value.series ORDER BY value.id; COMMIT";

static const char *const statements[STATEMENTS] = {
	[ADD_VALUE] = "INSERT INTO value(series, time, value) VALUES(?1, ?2, ?3)",
	[ADD_SERIES] = "INSERT OR IGNORE INTO series(name) VALUES(?1)",
	[FIND_SERIES] = "SELECT id FROM series WHERE name = ?1",
	[SET_KEY] = "INSERT INTO key(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2",
	[REMOVE_KEY] = "DELETE FROM key WHERE name = ?1",
	[TRIM_COUNT] = "DELETE FROM value WHERE id <= (SELECT max(id) FROM value) - ?1",
	[TRIM_AGE] = "DELETE FROM value WHERE series IN (SELECT id FROM series) AND time < ?1",
};

/* The first reason counts. */
static gboolean fail(StoreFile *file, const char *why)
{
	if (!file->error)
		file->error = g_strdup_printf("%s: %s", file->path, why);
	return FALSE;
}

/* Of the journal or the file, whichever has failed: sqlite3_system_errno does not tell of a transaction that could not be written. */
static int system_errno(StoreFile *file)
{
	int number = sqlite3_system_errno(file->database);
	sqlite3_file *journal = NULL;

	sqlite3_file_control(file->database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
	if (!number && journal && journal->pMethods)
		journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &number);
	if (!number)
		sqlite3_file_control(file->database, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
	return number;
}

/* SQLite's reason, in the words of the rest of the program where those are known. */
static gboolean fail_sql(StoreFile *file)
{
	int code = sqlite3_errcode(file->database);
	int number = code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? system_errno(file) : 0;

	file->damaged |= code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	if (code == SQLITE_FULL || (code == SQLITE_IOERR && number == ENOSPC))
		return fail(file, "the disk is full");
	if (code == SQLITE_BUSY)
		return fail(file, "another program has it locked");
	if (code == SQLITE_READONLY)
		return fail(file, "it may only be read");
	if (number)
		return fail(file, g_strerror(number));
	return fail(file, sqlite3_errmsg(file->database));
}

static gboolean run(StoreFile *file, const char *sql)
{
	return sqlite3_exec(file->database, sql, NULL, NULL, NULL) == SQLITE_OK || fail_sql(file);
}

static gboolean step(StoreFile *file, Statement which)
{
	sqlite3_step(file->statement[which]);
	return sqlite3_reset(file->statement[which]) == SQLITE_OK || fail_sql(file);
}

/* --- opening --- */

static gint64 ask_number(StoreFile *file, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	gint64 number = -1;

	if (sqlite3_prepare_v2(file->database, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	else
		fail_sql(file);
	sqlite3_finalize(statement);
	return number;
}

/* FALSE: it is no store, or one of a later version. */
static gboolean is_store(StoreFile *file, gboolean *fresh)
{
	gint64 tables = ask_number(file, "SELECT count(*) FROM sqlite_schema");
	gint64 application = ask_number(file, "PRAGMA application_id"),
	       version = ask_number(file, "PRAGMA user_version");

	if (tables < 0 || application < 0 || version < 0)
		return FALSE;
	*fresh = !tables;
	if (tables && application != APPLICATION)
		return fail(file, "it is a database, but no store of Backplane's; name another file");
	if (version > VERSION)
		return fail(file, "it was written by a later version of Backplane");
	return TRUE;
}

/* Made by us if it is not there, so that only its owner may read it, and refused if it is no regular file. Before SQLite has it open:
 * closing a descriptor of it gives up the locks of the whole process. */
static gboolean make_file(StoreFile *file)
{
	g_autofree char *folder = g_path_get_dirname(file->path);
	g_autoptr(GError) error = NULL;
	struct stat status;
	int fd;

	if (file->make_folder && g_mkdir_with_parents(folder, 0700))
		return fail(file, g_strerror(errno));
	fd = bp_file_open(file->path, BP_FILE_APPEND | BP_FILE_PRIVATE, &error);
	if (fd < 0)
		return fail(file, bp_file_why(error, file->path));
	fstat(fd, &status);
	close(fd);
	file->other |= file->number && (file->device != status.st_dev || file->inode != status.st_ino);
	file->device = status.st_dev;
	file->inode = status.st_ino;
	return TRUE;
}

static void close_database(StoreFile *file)
{
	for (guint i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(g_steal_pointer(&file->statement[i]));
	sqlite3_close(g_steal_pointer(&file->database));
}

static gboolean list(StoreFile *file, const char *sql, guint columns, GPtrArray **into)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(file->database, sql, -1, &statement, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		for (guint i = 0; i < columns; i++)
			g_ptr_array_add(found, g_strdup((const char *)sqlite3_column_text(statement, (int)i)));
		code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	if (code != SQLITE_DONE)
		return fail_sql(file);
	g_clear_pointer(into, g_ptr_array_unref);
	*into = g_steal_pointer(&found);
	return TRUE;
}

static gboolean prepare(StoreFile *file, StoreJob *round)
{
	static const char *const sync[] = { "PRAGMA synchronous=NORMAL", "PRAGMA synchronous=FULL",
					    "PRAGMA synchronous=OFF" };
	gboolean fresh;

	if (sqlite3_open_v2(file->path, &file->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return fail_sql(file);
	sqlite3_busy_timeout(file->database, BUSY_WAIT);
	if (!is_store(file, &fresh) || !run(file, "PRAGMA journal_mode=WAL") ||
	    !run(file, sync[MIN((guint)file->options.sync, G_N_ELEMENTS(sync) - 1)]) || (fresh && !run(file, schema)))
		return FALSE;
	for (guint i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v2(file->database, statements[i], -1, &file->statement[i], NULL) != SQLITE_OK)
			return fail_sql(file);
	if (!list(file, "SELECT name, value FROM key", 2, &round->found_keys) ||
	    !list(file, "SELECT name FROM series", 1, &round->found_series))
		return FALSE;
	round->begun |= fresh || file->other;
	file->other = FALSE;
	file->number++;
	file->trimmed = 0;
	return TRUE;
}

/* The path leads to another file than ours, or to none. */
static gboolean has_moved(StoreFile *file)
{
	struct stat status;

	return stat(file->path, &status) != 0 || status.st_dev != file->device || status.st_ino != file->inode;
}

static gboolean be_open(StoreFile *file, StoreJob *round)
{
	if (file->database && !has_moved(file))
		return TRUE;
	close_database(file);
	return make_file(file) && prepare(file, round);
}

/* --- writing --- */

static gboolean know_series(StoreFile *file, StoreSeries *series)
{
	sqlite3_stmt *find = file->statement[FIND_SERIES];

	if (series->file == file->number)
		return TRUE;
	sqlite3_bind_text(file->statement[ADD_SERIES], 1, series->name, -1, SQLITE_STATIC);
	if (!step(file, ADD_SERIES))
		return FALSE;
	sqlite3_bind_text(find, 1, series->name, -1, SQLITE_STATIC);
	if (sqlite3_step(find) == SQLITE_ROW) {
		series->id = sqlite3_column_int64(find, 0);
		series->file = file->number;
	}
	return (sqlite3_reset(find) == SQLITE_OK && series->file == file->number) || fail_sql(file);
}

static gboolean write_value(StoreFile *file, const StoreValues *values, const StoreValue *value)
{
	sqlite3_stmt *add = file->statement[ADD_VALUE];
	const char *bytes;

	if (!know_series(file, value->series))
		return FALSE;
	sqlite3_bind_int64(add, 1, value->series->id);
	sqlite3_bind_int64(add, 2, value->time);
	if (value->kind == STORE_NUMBER) {
		sqlite3_bind_double(add, 3, value->number);
		return step(file, ADD_VALUE);
	}
	bytes = (const char *)values->bytes->data + value->at;
	if (value->kind == STORE_TEXT)
		sqlite3_bind_text(add, 3, bytes, (int)value->size, SQLITE_STATIC);
	else if (value->size)
		sqlite3_bind_blob(add, 3, bytes, (int)value->size, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(add, 3, 0);
	return step(file, ADD_VALUE);
}

static gboolean write_key(StoreFile *file, const char *key, const char *value)
{
	Statement which = value ? SET_KEY : REMOVE_KEY;

	sqlite3_bind_text(file->statement[which], 1, key, -1, SQLITE_STATIC);
	if (value)
		sqlite3_bind_text(file->statement[which], 2, value, -1, SQLITE_STATIC);
	return step(file, which);
}

static gboolean trim(StoreFile *file)
{
	gint64 now = g_get_monotonic_time();

	if (file->options.max_values) {
		sqlite3_bind_int64(file->statement[TRIM_COUNT], 1, file->options.max_values);
		if (!step(file, TRIM_COUNT))
			return FALSE;
	}
	if (!file->options.max_age || (file->trimmed && now - file->trimmed < TRIM_INTERVAL))
		return TRUE;
	file->trimmed = now;
	sqlite3_bind_int64(file->statement[TRIM_AGE], 1, g_get_real_time() - file->options.max_age);
	return step(file, TRIM_AGE);
}

static gboolean write_all(StoreFile *file, const StoreJob *round)
{
	gboolean good = run(file, "BEGIN IMMEDIATE");
	GHashTableIter iter;
	gpointer key, value;

	for (guint i = 0; good && i < round->values.values->len; i++)
		good = write_value(file, &round->values, &g_array_index(round->values.values, StoreValue, i));
	g_hash_table_iter_init(&iter, round->keys);
	while (good && g_hash_table_iter_next(&iter, &key, &value))
		good = write_key(file, key, value);
	return good && trim(file) && run(file, "COMMIT");
}

/* With its journal, so that the new one does not take that for its own. */
static gboolean set_aside(StoreFile *file, StoreJob *round)
{
	static const char *const parts[] = { "-wal", "-shm", "" };
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *date = g_date_time_format(now, "%Y%m%d-%H%M%S");
	g_autofree char *aside = g_strdup_printf("%s.broken-%s", file->path, date);

	close_database(file);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *from = g_strconcat(file->path, parts[i], NULL),
				*to = g_strconcat(aside, parts[i], NULL);

		if (g_rename(from, to) && errno != ENOENT)
			return FALSE;
	}
	g_free(round->aside);
	round->aside = g_steal_pointer(&aside);
	return TRUE;
}

static gboolean work(StoreFile *file, StoreJob *round)
{
	if (!be_open(file, round))
		return FALSE;
	if ((round->values.values->len || g_hash_table_size(round->keys) || file->options.max_age) &&
	    !write_all(file, round))
		return FALSE;
	for (guint i = 0; i < round->requests->len; i++)
		if (!store_file_answer(file, round->requests->pdata[i]))
			return fail_sql(file);
	return TRUE;
}

void store_file_run(StoreFile *file, StoreJob *round)
{
	gint64 begun = g_get_monotonic_time();

	file->damaged = FALSE;
	round->written = work(file, round);
	if (!round->written && file->damaged && set_aside(file, round)) {
		g_autoptr(GPtrArray) keys = g_steal_pointer(&round->found_keys);

		g_clear_pointer(&file->error, g_free);
		round->written = work(file, round);
		if (keys) { /* those that could be read */
			g_clear_pointer(&round->found_keys, g_ptr_array_unref);
			round->found_keys = g_steal_pointer(&keys);
		}
	}
	/* Questions are answered from what is there. */
	if (!round->written && file->database)
		sqlite3_exec(file->database, "ROLLBACK", NULL, NULL, NULL);
	for (guint i = 0; !round->written && file->database && i < round->requests->len; i++)
		store_file_answer(file, round->requests->pdata[i]);
	for (guint i = 0; i < round->requests->len; i++) {
		StoreRequest *request = round->requests->pdata[i];

		if (!request->rows)
			request->error = g_strdup(file->error ? file->error : "it cannot be read");
	}
	round->error = g_steal_pointer(&file->error);
	/* Opened anew with the next round. */
	if (!round->written || round->last)
		close_database(file);
	round->took = g_get_monotonic_time() - begun;
}

StoreFile *store_file_new(const char *path, gboolean make_folder, const BpStoreOptions *options)
{
	StoreFile *file = g_new0(StoreFile, 1);

	file->path = g_strdup(path);
	file->make_folder = make_folder;
	file->options = *options;
	return file;
}

void store_file_free(StoreFile *file)
{
	close_database(file); /* closed by the last job, unless that was not run */
	g_free(file->path);
	g_free(file->error);
	g_free(file);
}
