/* SPDX-License-Identifier: MIT */
/* store-query.c - rows of a series, one by one or by steps of time. */
#include <string.h>
#include "store-sql.h"

#define MOST 1000000
#define USUAL 10000
#define MOST_TEXT (64 * 1024 * 1024)

static const char each[] =
	"SELECT time, value, typeof(value) FROM value WHERE series = (SELECT id FROM series WHERE name = ?1) "
	"AND time >= ?2 AND time < ?3 ORDER BY time %s, id %s LIMIT ?4";
static const char steps[] =
	"SELECT ?2 + (time - ?2) / ?5 * ?5 AS begin, avg(value), min(value), max(value), count(*) FROM value "
	"WHERE series = (SELECT id FROM series WHERE name = ?1) AND time >= ?2 AND time < ?3 "
	"AND typeof(value) IN ('real', 'integer') GROUP BY begin ORDER BY begin %s LIMIT ?4";

void store_row_free(gpointer row)
{
	g_free((char *)((BpStoreRow *)row)->text);
	g_free(row);
}

static BpStoreRow *row_of(sqlite3_stmt *statement, gboolean step)
{
	BpStoreRow *row = g_new0(BpStoreRow, 1);
	gboolean number = step || sqlite3_column_text(statement, 2)[0] == 'r' ||
			  sqlite3_column_text(statement, 2)[0] == 'i';

	row->time = sqlite3_column_int64(statement, 0);
	if (number) {
		row->value = sqlite3_column_double(statement, 1);
		row->min = step ? sqlite3_column_double(statement, 2) : row->value;
		row->max = step ? sqlite3_column_double(statement, 3) : row->value;
		row->count = step ? (guint64)sqlite3_column_int64(statement, 4) : 1;
	} else {
		const void *bytes = sqlite3_column_blob(statement, 1);

		row->text_size = (gsize)sqlite3_column_bytes(statement, 1);
		row->text = g_malloc0(row->text_size + 1);
		if (row->text_size)
			memcpy((char *)row->text, bytes, row->text_size);
		row->count = 1;
	}
	return row;
}

gboolean store_file_answer(StoreFile *file, StoreRequest *request)
{
	const BpStoreQuery *query = &request->query;
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(store_row_free);
	const char *order = query->newest_first ? "DESC" : "ASC";
	g_autofree char *sql = query->step ? g_strdup_printf(steps, order) : g_strdup_printf(each, order, order);
	sqlite3_stmt *statement = NULL;
	gsize text = 0;
	int code = sqlite3_prepare_v2(file->database, sql, -1, &statement, NULL);

	if (request->rows)
		code = SQLITE_DONE;
	if (code == SQLITE_OK) {
		sqlite3_bind_text(statement, 1, query->series, -1, SQLITE_STATIC);
		sqlite3_bind_int64(statement, 2, query->from);
		sqlite3_bind_int64(statement, 3, query->to ? query->to : G_MAXINT64);
		sqlite3_bind_int64(statement, 4, query->limit ? MIN(query->limit, MOST) : USUAL);
		if (query->step)
			sqlite3_bind_int64(statement, 5, query->step);
		while ((code = sqlite3_step(statement)) == SQLITE_ROW && text <= MOST_TEXT) {
			BpStoreRow *row = row_of(statement, query->step != 0);

			text += row->text_size;
			g_ptr_array_add(rows, row);
		}
	}
	sqlite3_finalize(statement);
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		return FALSE;
	if (!request->rows)
		request->rows = g_steal_pointer(&rows);
	return TRUE;
}
