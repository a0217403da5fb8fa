/* SPDX-License-Identifier: MIT */
/* stores.h - for tests of stores: one that tells what happens to it, answers as text, what another program sees in the file. */
#pragma once
#include <string.h>
#include <sqlite3.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/store.h>
#include "bus/owner.h"
#include "suite.h"

static BpPlugin plugin, *self = &plugin;

static struct {
	guint count[BP_STORE_CLOSED + 1];
	char *why[BP_STORE_CLOSED + 1];
} told;

static inline void start(void)
{
	static char *state;

	if (!state)
		state = g_build_filename(suite_folder(), "state", NULL);
	CU_ASSERT_FATAL(bp_kernel_start(&(BpKernelOptions){ .state_dir = state }, NULL));
	owner_init(self, NULL, "test");
	for (guint i = 0; i <= BP_STORE_CLOSED; i++)
		g_clear_pointer(&told.why[i], g_free);
	memset(&told, 0, sizeof(told));
}

static inline void stop(void)
{
	owner_drop_all(self);
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	owner_clear(self);
	memset(self, 0, sizeof(*self));
}

static inline gboolean is_counted(gpointer data)
{
	return *(guint *)data > 0;
}

/* That event has been told, since it was waited for last. */
static inline gboolean happened(BpStoreEvent event)
{
	gboolean yes = suite_wait_until(is_counted, &told.count[event], 10);

	told.count[event] = 0;
	return yes;
}

static inline void on_event(BpPlugin *owner, BpStore *store, BpStoreEvent event, const GError *error, gpointer data)
{
	CU_ASSERT_PTR_EQUAL(owner, self);
	told.count[event]++;
	g_free(told.why[event]);
	told.why[event] = error ? g_strdup(error->message) : NULL;
}

static inline BpStore *open_at(const char *path, BpStoreOptions options)
{
	g_autoptr(GError) error = NULL;
	BpStore *store;

	store = bp_store_open(self, path, &options, on_event, NULL, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	return store;
}

static inline BpStore *open_store(const char *path)
{
	BpStore *store = open_at(path, (BpStoreOptions){ .interval = 1000 });

	CU_ASSERT(happened(BP_STORE_OPENED));
	return store;
}

static inline void close_store(BpStore *store)
{
	bp_store_close(store);
	CU_ASSERT(happened(BP_STORE_CLOSED));
	CU_ASSERT_PTR_NULL(told.why[BP_STORE_CLOSED]);
}

static inline char *path_of(const char *name)
{
	return g_build_filename(suite_folder(), name, NULL);
}

static inline gboolean is_written(gpointer store)
{
	return !bp_store_stats(store).waiting && bp_store_stats(store).written;
}

static inline gboolean settle(BpStore *store)
{
	return suite_wait_until(is_written, store, 30);
}

/* --- answers, as text: "TIME=VALUE ..." or "TIME=MIN/AVERAGE/MAX*COUNT ..." --- */

static struct {
	GString *text;
	guint rows, answers;
	int code; /* of the error; -1: none */
	gboolean steps;
} answer;

static inline void on_rows(BpPlugin *owner, BpStore *store, const BpStoreRow *const *rows, guint count,
			   const GError *error, gpointer data)
{
	answer.answers++;
	answer.rows = count;
	answer.code = error ? error->code : -1;
	if (answer.text)
		g_string_free(answer.text, TRUE);
	answer.text = g_string_new(NULL);
	for (guint i = 0; i < MIN(count, 20); i++) {
		g_string_append_printf(answer.text, "%s%" G_GINT64_FORMAT "=", i ? " " : "", rows[i]->time);
		if (rows[i]->text)
			g_string_append_printf(answer.text, "\"%s\"", rows[i]->text);
		else if (answer.steps)
			g_string_append_printf(answer.text, "%g/%g/%g*%u", rows[i]->min, rows[i]->value, rows[i]->max,
					       (guint)rows[i]->count);
		else
			g_string_append_printf(answer.text, "%g", rows[i]->value);
	}
}

static inline const char *ask(BpStore *store, BpStoreQuery query)
{
	answer.answers = 0;
	answer.steps = query.step != 0;
	CU_ASSERT_FATAL(bp_store_query(self, store, &query, on_rows, NULL, NULL));
	CU_ASSERT(suite_wait_until(is_counted, &answer.answers, 30));
	CU_ASSERT_EQUAL(answer.code, -1);
	return answer.text->str;
}

#define ASSERT_ROWS(store, wanted, ...) \
	CU_ASSERT_STRING_EQUAL(ask(store, (BpStoreQuery){ .series = "s", __VA_ARGS__ }), wanted)

static gint64 sql_number(const char *path, const char *sql)
{
	sqlite3 *database;
	sqlite3_stmt *statement;
	gint64 number = -1;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_busy_timeout(database, 5000);
	if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(database);
	return number;
}
