/* SPDX-License-Identifier: MIT */
/* bench-store.c - what a value in a store costs, CPU time of loop and job, against SQLite alone with the same table. */
#include "bench.h"
#include <stdio.h>
#include <time.h>
#include <sqlite3.h>
#include <backplane/kernel.h>
#include <backplane/store.h>

#define VALUES 200000
#define BATCH 1000

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(sqlite3 *database, const char *sql)
{
	if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
		g_error("%s: %s", sql, sqlite3_errmsg(database));
}

static void write_alone(const char *path)
{
	sqlite3_stmt *insert;
	sqlite3 *database;

	sqlite3_open(path, &database);
	run(database,
	    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
	    "CREATE TABLE value(id INTEGER PRIMARY KEY, series INTEGER NOT NULL, time INTEGER NOT NULL, value NOT NULL);"
	    "CREATE INDEX value_time ON value(series, time)");
	sqlite3_prepare_v2(database, "INSERT INTO value(series, time, value) VALUES(?1, ?2, ?3)", -1, &insert, NULL);
	for (guint i = 0; i < VALUES; i++) {
		if (i % BATCH == 0)
			run(database, "BEGIN IMMEDIATE");
		sqlite3_bind_int64(insert, 1, i % 4);
		sqlite3_bind_int64(insert, 2, i + 1);
		sqlite3_bind_double(insert, 3, i);
		sqlite3_step(insert);
		sqlite3_reset(insert);
		if (i % BATCH == BATCH - 1)
			run(database, "COMMIT");
	}
	sqlite3_finalize(insert);
	sqlite3_close(database);
}

static void on_event(BpPlugin *self, BpStore *store, BpStoreEvent event, const GError *error, gpointer data)
{
	if (error)
		g_error("%s", error->message);
	*(gboolean *)data |= event == BP_STORE_CLOSED;
}

/* As they come: each wakes nobody, and the loop turns meanwhile. `adding` is the thread's part. */
static void write_store(const char *path, double *adding)
{
	static const char *const series[] = { "a", "b", "c", "d" };
	gboolean closed = FALSE;
	BpStore *store = bp_store_open(bp_kernel(), path, NULL, on_event, &closed, NULL);
	double begin = now(CLOCK_THREAD_CPUTIME_ID);

	for (guint i = 0; i < VALUES; i++) {
		while (!bp_store_add(store, series[i % 4], i + 1, i))
			g_main_context_iteration(NULL, TRUE);
		if (i % BATCH == 0)
			g_main_context_iteration(NULL, FALSE);
	}
	*adding = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	bp_store_close(store);
	while (!closed)
		g_main_context_iteration(NULL, TRUE);
}

static void add(GArray *array, double value)
{
	g_array_append_val(array, value);
}

void bench_store(void)
{
	g_autoptr(GArray) alone = g_array_new(FALSE, FALSE, sizeof(double)),
			  ours = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) loop = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) rate_alone = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) rate_ours = g_array_new(FALSE, FALSE, sizeof(double));
	BpKernelOptions options = { 0 };

	if (!bp_kernel_start(&options, NULL))
		return;
	for (guint round = 0; round < rounds * 2; round++) {
		g_autofree char *path = g_strdup_printf("%s/store-%u.db", process_folder(), round);
		double cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC), adding = 0;

		if (round % 2)
			write_store(path, &adding);
		else
			write_alone(path);
		add(round % 2 ? ours : alone, (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / VALUES);
		add(round % 2 ? rate_ours : rate_alone, VALUES / (now(CLOCK_MONOTONIC) - wall));
		if (round % 2)
			add(loop, adding * 1e6 / VALUES);
	}
	bp_kernel_stop();
	printf("| 200,000 numbers in 4 series | CPU us a value | of it on the loop | values a second | against the first |\n"
	       "|---|--:|--:|--:|--:|\n");
	printf("| SQLite, transactions of 1,000 | %.2f | | %.0f | 1.00 |\n", median(alone), median(rate_alone));
	printf("| store | %.2f | %.2f | %.0f | %.2f |\n", median(ours), median(loop), median(rate_ours),
	       median(alone) / median(ours));
}
