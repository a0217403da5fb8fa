/* SPDX-License-Identifier: MIT */
/* test-store.c - keys and series in files: what is read again, what is refused, what is dropped, owners that close. */
#include <math.h>
#include <backplane/scope.h>
#include "stores.h"

/* --- what is there again --- */

static void test_keys(void)
{
	BpStore *store;
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) keys = NULL, all = NULL;

	start();
	store = open_store("keys");
	CU_ASSERT(g_str_has_suffix(bp_store_path(store), "/state/store/keys.db"));
	CU_ASSERT_PTR_NULL(bp_store_get(store, "unit"));
	CU_ASSERT(bp_store_set(store, "unit", "celsius", NULL) && bp_store_set(store, "unit", "kelvin", NULL));
	CU_ASSERT(bp_store_set(store, "place/north", "1", NULL) && bp_store_set(store, "place/south", "", NULL));
	CU_ASSERT(bp_store_remove(store, "place/north") && !bp_store_remove(store, "place/north"));
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "unit"), "kelvin");
	CU_ASSERT_FALSE(bp_store_set(store, "", "x", &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_INVALID));
	CU_ASSERT_FALSE(bp_store_set(store, "x", "\xff", NULL));
	close_store(store);
	store = open_store("keys");
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "unit"), "kelvin");
	keys = bp_store_keys(store, "place/");
	all = bp_store_keys(store, NULL);
	CU_ASSERT(g_strv_length(keys) == 1 && !strcmp(keys[0], "place/south") && g_strv_length(all) == 2);
	CU_ASSERT_EQUAL(bp_store_stats(store).keys, 2);
	stop();
}

static void test_part_of_its_own_value(void)
{
	BpStore *store;

	start();
	store = open_store("part");
	CU_ASSERT(bp_store_set(store, "unit", "degrees celsius", NULL));
	CU_ASSERT(bp_store_set(store, "unit", bp_store_get(store, "unit") + 8, NULL));
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "unit"), "celsius");
	close_store(store);
	store = open_store("part");
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "unit"), "celsius");
	stop();
}

/* What is set before the file was read is newer than what is in it. */
static void test_keys_before_it_is_open(void)
{
	BpStore *store;

	start();
	store = open_store("early");
	bp_store_set(store, "a", "old", NULL);
	bp_store_set(store, "b", "old", NULL);
	bp_store_set(store, "c", "old", NULL);
	close_store(store);
	store = open_at("early", (BpStoreOptions){ 0 });
	bp_store_set(store, "a", "new", NULL);
	bp_store_remove(store, "b");
	CU_ASSERT(happened(BP_STORE_OPENED));
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "a"), "new");
	CU_ASSERT_PTR_NULL(bp_store_get(store, "b"));
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "c"), "old");
	close_store(store);
	store = open_store("early");
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "a"), "new");
	CU_ASSERT_PTR_NULL(bp_store_get(store, "b"));
	stop();
}

static void wait_for_gate(BpJob *job, gpointer gate)
{
	g_mutex_lock(gate);
	g_mutex_unlock(gate);
}

/* Nothing is told before the caller has the store; when there is room again it opens. */
static void test_too_many_jobs(void)
{
	static GMutex gate;

	start();
	g_mutex_lock(&gate);
	while (bp_job_add(bp_kernel(), "waits", wait_for_gate, NULL, &gate, NULL))
		;
	open_at("crowded", (BpStoreOptions){ 0 });
	CU_ASSERT_EQUAL(told.count[BP_STORE_STALLED], 0);
	CU_ASSERT(happened(BP_STORE_STALLED));
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(told.why[BP_STORE_STALLED], "too many jobs wait"));
	g_mutex_unlock(&gate);
	CU_ASSERT(happened(BP_STORE_OPENED));
	stop();
}

static void test_keys_limit(void)
{
	BpStore *store;
	g_autoptr(GError) error = NULL;

	start();
	store = open_at("limit", (BpStoreOptions){ .keys_limit = 20 });
	CU_ASSERT(bp_store_set(store, "a", "0123456789012345", NULL)); /* 19 with NULs */
	CU_ASSERT_FALSE(bp_store_set(store, "b", "", &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_LIMIT) && strstr(error->message, "more than 20 bytes"));
	CU_ASSERT(bp_store_set(store, "a", "0", NULL) && bp_store_set(store, "b", "", NULL));
	stop();
}

static void test_series(void)
{
	BpStore *store;
	g_auto(GStrv) names = NULL;
	g_autofree char *file = NULL;

	start();
	store = open_store("series");
	file = g_strdup(bp_store_path(store));
	for (guint i = 1; i <= 6; i++)
		CU_ASSERT(bp_store_add(store, "s", i * 10, i));
	CU_ASSERT(bp_store_add(store, "other", 10, 99));
	CU_ASSERT_FALSE(bp_store_add(store, "s", 1, NAN));
	CU_ASSERT_FALSE(bp_store_add(store, "", 1, 1));
	CU_ASSERT_FALSE(bp_store_add_text(store, "s", 1, "\xff"));
	ASSERT_ROWS(store, "10=1 20=2 30=3 40=4 50=5 60=6", 0);
	ASSERT_ROWS(store, "20=2 30=3", .from = 20, .to = 40);
	ASSERT_ROWS(store, "60=6 50=5", .newest_first = TRUE, .limit = 2);
	ASSERT_ROWS(store, "0=1/1/1*1 20=2/2.5/3*2 40=4/4.5/5*2 60=6/6/6*1", .step = 20);
	ASSERT_ROWS(store, "", .from = 70);
	CU_ASSERT_STRING_EQUAL(ask(store, (BpStoreQuery){ .series = "unknown" }), "");
	CU_ASSERT(bp_store_add_text(store, "s", 70, "warm") && bp_store_add_bytes(store, "s", 80, "a\0b", 3) &&
		  bp_store_add_bytes(store, "s", 90, NULL, 0));
	ASSERT_ROWS(store, "60=6 70=\"warm\" 80=\"a\" 90=\"\"", .from = 60);
	ASSERT_ROWS(store, "60=6/6/6*1", .from = 60, .step = 100); /* numbers alone */
	CU_ASSERT_EQUAL(bp_store_stats(store).written, 10);
	CU_ASSERT_EQUAL(bp_store_stats(store).dropped, 3);
	close_store(store);
	store = open_store("series");
	ASSERT_ROWS(store, "10=1 20=2", .limit = 2);
	names = bp_store_series(store);
	CU_ASSERT(g_strv_length(names) == 2 && !strcmp(names[0], "other") && !strcmp(names[1], "s"));
	CU_ASSERT_EQUAL(
		sql_number(file,
			   "SELECT count(*) FROM samples WHERE series = 's' AND time = '1970-01-01T00:00:00.000010Z'"),
		1);
	stop();
}

static void test_names(void)
{
	static const char *const bad[] = { "", ".x", "a/b", "../x", "\xff" };
	BpStore *store;
	g_autoptr(GError) error = NULL;

	start();
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_clear_error(&error);
		CU_ASSERT_PTR_NULL(bp_store_open(self, bad[i], NULL, NULL, NULL, &error));
		CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_INVALID));
	}
	store = open_store("twice");
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_store_open(self, "twice", NULL, NULL, NULL, &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_BUSY) && strstr(error->message, "is open already"));
	/* One that closes is waited for, and what it has written is there. */
	bp_store_set(store, "a", "last", NULL);
	bp_store_close(store);
	store = open_at("twice", (BpStoreOptions){ 0 });
	CU_ASSERT(happened(BP_STORE_CLOSED) && happened(BP_STORE_OPENED));
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "a"), "last");
	stop();
	CU_ASSERT_FATAL(bp_kernel_start(&(BpKernelOptions){ 0 }, NULL));
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_store_open(bp_kernel(), "x", NULL, NULL, NULL, &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_NOT_FOUND));
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static void unlock(BpPlugin *owner, gpointer data)
{
	CU_ASSERT_EQUAL(sqlite3_exec(data, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
}

/* The last job of the first store has to wait, so that the second one could read before it has written. */
static void test_opened_while_closing(void)
{
	sqlite3 *other;
	BpStore *store;

	start();
	store = open_store("again");
	bp_store_set(store, "a", "first", NULL);
	bp_store_flush(store);
	ask(store, (BpStoreQuery){ .series = "s" });
	CU_ASSERT_EQUAL(sqlite3_open(bp_store_path(store), &other), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	bp_store_set(store, "a", "last", NULL);
	bp_store_close(store);
	store = open_at("again", (BpStoreOptions){ 0 });
	bp_timer_add(self, NULL, 200 * 1000, 1, unlock, other, NULL);
	CU_ASSERT(happened(BP_STORE_OPENED) && happened(BP_STORE_CLOSED));
	CU_ASSERT_PTR_NULL(told.why[BP_STORE_CLOSED]);
	CU_ASSERT_STRING_EQUAL(bp_store_get(store, "a"), "last");
	sqlite3_close(other);
	stop();
}

static void test_queries_refused(void)
{
	BpStoreQuery query = { 0 };
	BpStore *store;
	g_autoptr(GError) error = NULL;

	start();
	store = open_store("refused");
	CU_ASSERT_FALSE(bp_store_query(self, store, &query, on_rows, NULL, &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_INVALID));
	query = (BpStoreQuery){ .series = "s", .step = -1 };
	CU_ASSERT_FALSE(bp_store_query(self, store, &query, on_rows, NULL, NULL));
	query = (BpStoreQuery){ .series = "s", .from = 5, .to = 4 };
	CU_ASSERT_FALSE(bp_store_query(self, store, &query, on_rows, NULL, NULL));
	query.to = 0;
	for (guint i = 0; i < 2000 && bp_store_query(self, store, &query, on_rows, NULL, NULL); i++)
		;
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_store_query(self, store, &query, on_rows, NULL, &error));
	CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_LIMIT));
	bp_store_close(store);
	if (!told.count[BP_STORE_CLOSED]) {
		g_clear_error(&error);
		CU_ASSERT_FALSE(bp_store_query(self, store, &query, on_rows, NULL, &error));
		CU_ASSERT(g_error_matches(error, BP_IO_ERROR, BP_CLOSED));
	}
	CU_ASSERT(happened(BP_STORE_CLOSED));
	stop();
}

/* --- how much stays --- */

static void test_retention(void)
{
	gint64 now = g_get_real_time();
	BpStore *store;

	start();
	store = open_at("count", (BpStoreOptions){ .interval = 1000, .max_values = 3 });
	for (guint i = 1; i <= 10; i++)
		bp_store_add(store, "s", i, i);
	ASSERT_ROWS(store, "8=8 9=9 10=10", 0);
	close_store(store);
	store = open_at("age", (BpStoreOptions){ .interval = 1000 });
	bp_store_add(store, "s", now - 2 * BP_STORE_DAY, 1);
	bp_store_add(store, "s", now, 2);
	ask(store, (BpStoreQuery){ .series = "s" });
	CU_ASSERT_EQUAL(answer.rows, 2);
	close_store(store);
	store = open_at("age", (BpStoreOptions){ .max_age = BP_STORE_DAY });
	ask(store, (BpStoreQuery){ .series = "s" });
	CU_ASSERT_EQUAL(answer.rows, 1);
	stop();
}

/* A disk that does not keep up: the newest are dropped, and counted. */
static void test_backlog(void)
{
	BpStore *store;
	guint taken = 0;

	start();
	store = open_at("backlog", (BpStoreOptions){ .interval = BP_STORE_DAY, .batch = 1000000, .backlog = 320 });
	CU_ASSERT(happened(BP_STORE_OPENED));
	for (guint i = 0; i < 100; i++)
		taken += bp_store_add(store, "s", i + 1, i);
	CU_ASSERT_EQUAL(taken, 10);
	CU_ASSERT_EQUAL(bp_store_stats(store).dropped, 90);
	CU_ASSERT_EQUAL(bp_store_stats(store).waiting, 10);
	bp_store_flush(store);
	CU_ASSERT(settle(store));
	CU_ASSERT_EQUAL(bp_store_stats(store).written, 10);
	CU_ASSERT(bp_store_add(store, "s", 1, 1));
	stop();
}

static void test_many(void)
{
	enum { MANY = 100000 };
	BpStore *store;
	gint64 begun;

	start();
	store = open_store("many");
	begun = g_get_monotonic_time();
	for (guint i = 0; i < MANY; i++)
		CU_ASSERT_FATAL(bp_store_add(store, i % 2 ? "s" : "t", i + 1, i));
	/* Nothing waits for the disk. */
	CU_ASSERT(g_get_monotonic_time() - begun < 2 * G_USEC_PER_SEC);
	ask(store, (BpStoreQuery){ .series = "s", .limit = MANY });
	CU_ASSERT_EQUAL(answer.rows, MANY / 2);
	ask(store, (BpStoreQuery){ .series = "t", .step = MANY / 10 });
	CU_ASSERT_EQUAL(answer.rows, 10);
	CU_ASSERT_EQUAL(bp_store_stats(store).written, MANY);
	stop();
}

/* --- owners --- */

static void test_owner_closes(void)
{
	g_autofree char *path = path_of("owner.db");
	BpStoreQuery query = { .series = "s" };
	BpStore *store;
	guint before;

	start();
	before = owner_count(self, NULL);
	store = open_at(path, (BpStoreOptions){ .interval = BP_STORE_DAY });
	CU_ASSERT(happened(BP_STORE_OPENED));
	bp_store_add(store, "s", 1, 1);
	bp_store_set(store, "a", "b", NULL);
	answer.answers = 0;
	CU_ASSERT(bp_store_query(self, store, &query, on_rows, NULL, NULL));
	owner_drop_all(self);
	/* Both are told at once, exactly once. */
	CU_ASSERT_EQUAL(told.count[BP_STORE_CLOSED], 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(told.why[BP_STORE_CLOSED], "is closing"));
	CU_ASSERT_EQUAL(answer.answers, 1);
	CU_ASSERT_EQUAL(answer.code, BP_CANCELLED);
	CU_ASSERT_EQUAL(owner_count(self, NULL), before);
	stop();
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(*) FROM value"), 1);
	CU_ASSERT_EQUAL(sql_number(path, "SELECT count(*) FROM key"), 1);
	CU_ASSERT_EQUAL(told.count[BP_STORE_CLOSED], 1);
}

static void on_never(BpPlugin *owner, BpStore *store, const BpStoreRow *const *rows, guint count, const GError *error,
		     gpointer data)
{
	CU_FAIL("its scope has closed");
}

static void test_scope_closes(void)
{
	BpStoreQuery query = { .series = "s" };
	BpStore *store;
	BpScope *scope;

	start();
	store = open_store("scope");
	scope = bp_scope_open(self);
	CU_ASSERT(bp_store_query(scope, store, &query, on_never, NULL, NULL));
	bp_scope_close(scope);
	ASSERT_ROWS(store, "", 0); /* asked later, answered later */
	stop();
}

static void close_it(BpPlugin *owner, BpStore *store, const BpStoreRow *const *rows, guint count, const GError *error,
		     gpointer data)
{
	bp_store_close(data);
}

/* From its own callbacks; a store without a function logs. */
static void test_closes_inside(void)
{
	BpStoreQuery query = { .series = "s" };
	BpStore *store;

	start();
	store = open_store("inside");
	answer.answers = 0;
	CU_ASSERT(bp_store_query(self, store, &query, close_it, store, NULL));
	CU_ASSERT(bp_store_query(self, store, &query, on_rows, NULL, NULL));
	CU_ASSERT(happened(BP_STORE_CLOSED));
	CU_ASSERT_EQUAL(answer.answers, 1);
	store = bp_store_open(self, "logs", NULL, NULL, NULL, NULL);
	bp_store_set(store, "a", "b", NULL);
	bp_store_close(store);
	stop();
}

/* --- several at once --- */

static void test_several(void)
{
	enum { STORES = 8, ROUNDS = 200 };
	BpStore *stores[STORES];
	guint64 all = 0;

	start();
	for (guint i = 0; i < STORES; i++) {
		g_autofree char *name = g_strdup_printf("several-%u", i);

		stores[i] = open_at(name, (BpStoreOptions){ .interval = 1000, .batch = 10 });
		CU_ASSERT(happened(BP_STORE_OPENED));
	}
	for (guint round = 0; round < ROUNDS; round++) {
		for (guint i = 0; i < STORES; i++) {
			bp_store_add(stores[i], "s", round + 1, round);
			bp_store_set(stores[i], "round", round % 2 ? "odd" : "even", NULL);
		}
		g_main_context_iteration(NULL, FALSE);
		/* Another program reads meanwhile. */
		if (round % 50 == 49)
			CU_ASSERT(sql_number(bp_store_path(stores[0]), "SELECT count(*) FROM samples") >= 0);
	}
	for (guint i = 0; i < STORES; i++) {
		CU_ASSERT(settle(stores[i]));
		all += bp_store_stats(stores[i]).written;
	}
	CU_ASSERT_EQUAL(all, STORES * ROUNDS);
	stop();
}

static const SuiteTest tests[] = {
	{ "keys", test_keys },
	{ "keys_before_it_is_open", test_keys_before_it_is_open },
	{ "too_many_jobs", test_too_many_jobs },
	{ "keys_limit", test_keys_limit },
	{ "part_of_its_own_value", test_part_of_its_own_value },
	{ "series", test_series },
	{ "names", test_names },
	{ "opened_while_closing", test_opened_while_closing },
	{ "queries_refused", test_queries_refused },
	{ "retention", test_retention },
	{ "backlog", test_backlog },
	{ "many", test_many },
	{ "owner_closes", test_owner_closes },
	{ "scope_closes", test_scope_closes },
	{ "closes_inside", test_closes_inside },
	{ "several", test_several },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("store", tests, argc, argv);
}
