/* SPDX-License-Identifier: MIT */
/* store.c - stores on their loops: what waits is given to a job, what the job has done is told.
 *
 * There is one job at a time of a store. The loop fills `values`, `changed` and `requests`, and leaves `file` and `round` to the job
 * until that is done, so there is no lock. The job belongs to the kernel: an owner that closes does not wait for a disk, the end of
 * the program does.
 */
#include <string.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/plugin.h>
#include "store-state.h"

#define INTERVAL (200 * G_TIME_SPAN_MILLISECOND)
#define BATCH 1000
#define BACKLOG (8 * 1024 * 1024)
#define KEYS_LIMIT (1024 * 1024)
#define RETRY G_USEC_PER_SEC
#define LOOK_FOR_OLD G_TIME_SPAN_MINUTE
#define LONGEST_NAME 100

static GMutex lock;
static GPtrArray *stores; /* open ones, and those that are written still */

/* --- telling --- */

static void log_event(BpStore *store, BpPlugin *self, BpStoreEvent event, const GError *error)
{
	if (error)
		bp_log(self, event == BP_STORE_RESUMED ? BP_LOG_NOTICE : BP_LOG_WARNING, "%s", error->message);
	else if (event == BP_STORE_RESUMED)
		bp_log(self, BP_LOG_NOTICE, "%s is written again", store->path);
}

static void tell(BpStore *store, BpStoreEvent event, const GError *error)
{
	BpPlugin *self = store->self;

	if (!self || !bp_owner_enter(self))
		return;
	if (store->func)
		store->func(self, store, event, error, store->data);
	else
		log_event(store, self, event, error);
	bp_owner_leave(self);
}

static void tell_closed(BpStore *store, const GError *error)
{
	BpPlugin *self = g_steal_pointer(&store->self);

	if (!self)
		return;
	bp_owner_unlink(&store->owned);
	g_clear_pointer(&store->timer, bp_timer_remove);
	bp_owner_enter_always(self);
	if (store->func)
		store->func(self, store, BP_STORE_CLOSED, error, store->data);
	else if (error && !g_error_matches(error, BP_IO_ERROR, BP_CLOSED))
		log_event(store, self, BP_STORE_CLOSED, error);
	bp_owner_leave(self);
}

/* --- the end --- */

static void wake(BpPlugin *self, gpointer data)
{
}

/* It has not begun while it was blocked, so it has not ended either. */
static void unblock(gpointer data)
{
	BpStore *store = data;

	g_atomic_int_set(&store->blocked, FALSE);
	store_schedule(store);
}

/* Out of the list. A store that was opened meanwhile, and waits, begins on its own loop. */
static void leave(BpStore *store)
{
	BpStore *next = NULL;

	g_mutex_lock(&lock);
	g_ptr_array_remove(stores, store);
	for (guint i = 0; i < stores->len && !next; i++) {
		BpStore *other = stores->pdata[i];

		if (g_atomic_int_get(&other->blocked) && !strcmp(other->path, store->path))
			next = other;
	}
	if (!stores->len)
		g_clear_pointer(&stores, g_ptr_array_unref);
	g_mutex_unlock(&lock);
	if (next)
		bp_loop_call(bp_kernel(), next->loop, wake, next, unblock);
}

static void store_free(BpStore *store)
{
	store_file_free(store->file);
	store_values_clear(&store->values);
	store_values_clear(&store->round.values);
	g_hash_table_unref(store->keys);
	g_hash_table_unref(store->changed);
	g_hash_table_unref(store->round.keys);
	g_hash_table_unref(store->series);
	g_ptr_array_unref(store->requests);
	g_ptr_array_unref(store->round.requests);
	g_free(store->problem);
	g_free(store->path);
	g_free(store);
}

static void end(BpStore *store)
{
	guint values = store->round.values.values->len + store->values.values->len;
	guint keys = g_hash_table_size(store->round.keys) + g_hash_table_size(store->changed);
	g_autoptr(GError) error = NULL;

	if (values || keys)
		error = g_error_new(BP_IO_ERROR, BP_FAILED, "%s; %u values and %u keys are not written",
				    store->problem ? store->problem : store->path, values, keys);
	if (error && !store->self)
		bp_log(bp_kernel(), BP_LOG_WARNING, "%s", error->message);
	tell_closed(store, error);
	leave(store);
	store_free(store);
}

/* --- a round --- */

static void work(BpJob *job, gpointer data)
{
	BpStore *store = data;

	store->ran = TRUE;
	store_file_run(store->file, &store->round);
}

static void fill_round(BpStore *store)
{
	StoreJob *round = &store->round;
	GPtrArray *requests = round->requests;
	GHashTableIter iter;
	gpointer key, value;

	store_values_move(&round->values, &store->values);
	store->backed = store_values_size(&round->values);
	g_hash_table_iter_init(&iter, store->changed);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		g_hash_table_iter_steal(&iter);
		g_hash_table_replace(round->keys, key, value);
	}
	round->requests = store->requests;
	store->requests = requests;
	round->last = store->closing;
	round->written = round->begun = FALSE;
}

/* What the job has found in the file, and what it has written. */
static void take_round(BpStore *store, gboolean aside)
{
	StoreJob *round = &store->round;

	if (round->found_keys && !store->opened)
		store_keys_found(store, round->found_keys);
	for (guint i = 0; round->found_series && i < round->found_series->len; i++)
		store_series_obtain(store, round->found_series->pdata[i]);
	g_clear_pointer(&round->found_keys, g_ptr_array_unref);
	g_clear_pointer(&round->found_series, g_ptr_array_unref);
	if (round->begun && (store->opened || aside)) {
		store_keys_all_changed(store);
		store->urgent = TRUE;
	}
	store->longest = MAX(store->longest, round->took);
	if (!round->written)
		return;
	store->rounds++;
	store->written += round->values.values->len;
	if (round->values.values->len > 10 * BATCH) { /* a burst's memory is given back */
		store_values_clear(&round->values);
		store_values_init(&round->values);
	}
	g_array_set_size(round->values.values, 0);
	g_byte_array_set_size(round->values.bytes, 0);
	g_hash_table_remove_all(round->keys);
	store->backed = 0;
}

/* What a job has is not changed by it. */
static guint count_waiting(const BpStore *store)
{
	return store->round.values.values->len + store->values.values->len;
}

static void tell_stalled(BpStore *store, const char *why)
{
	g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_FAILED,
					      "%s; %u values wait to be written, it is tried again each second", why,
					      count_waiting(store));

	if (!store->problem)
		store->dropped_told = store->dropped;
	g_free(store->problem);
	store->problem = g_strdup(why);
	if (!store->closing)
		tell(store, BP_STORE_STALLED, error);
}

static void tell_resumed(BpStore *store)
{
	guint64 dropped = store->dropped - store->dropped_told;
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&store->problem, g_free);
	if (dropped)
		error = g_error_new(BP_IO_ERROR, BP_LIMIT,
				    "%s is written again; %" G_GUINT64_FORMAT " values were dropped", store->path,
				    dropped);
	tell(store, BP_STORE_RESUMED, error);
}

static void tell_of_round(BpStore *store, const char *aside, const char *why)
{
	if (aside) {
		g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_INVALID,
						      "%s is damaged: it is kept as %s, and a new one is begun",
						      store->path, aside);

		tell(store, BP_STORE_DAMAGED, error);
	}
	if (why && g_strcmp0(why, store->problem) != 0)
		tell_stalled(store, why);
	else if (!why && store->problem)
		tell_resumed(store);
	if (!why && !store->opened) {
		store->opened = TRUE;
		tell(store, BP_STORE_OPENED, NULL);
	}
}

static void on_turn_end(BpPlugin *kernel, gpointer data)
{
}

/* The job is done, or was not run. */
static void on_done(gpointer data)
{
	BpStore *store = data;
	StoreJob *round = &store->round;
	g_autofree char *why = NULL, *aside = NULL;
	g_autoptr(GError) cancelled = NULL;

	if (store->beginning) { /* refused; it is told later, since the store may just be being opened */
		bp_defer(bp_kernel(), on_turn_end, store, on_done);
		return;
	}
	why = g_steal_pointer(&round->error);
	aside = g_steal_pointer(&round->aside);
	if (!store->ran)
		why = g_strdup_printf("%s: too many jobs wait", store->path);
	cancelled = why ? g_error_new_literal(BP_IO_ERROR, BP_LIMIT, why)
			: g_error_new(BP_IO_ERROR, BP_CANCELLED, "%s: the store is closing", store->path);
	take_round(store, aside != NULL);
	tell_of_round(store, aside, why);
	store_requests_answer(round->requests, cancelled);
	store->working = FALSE;
	if (round->last) {
		store_requests_answer(store->requests, cancelled);
		end(store);
	} else {
		store_schedule(store);
	}
}

static gboolean is_blocked(BpStore *store)
{
	g_mutex_lock(&lock);
	for (guint i = 0; i < stores->len && stores->pdata[i] != store; i++)
		if (!strcmp(((BpStore *)stores->pdata[i])->path, store->path))
			g_atomic_int_set(&store->blocked, TRUE);
	g_mutex_unlock(&lock);
	return g_atomic_int_get(&store->blocked);
}

static void begin(BpStore *store)
{
	if (!store->opened && is_blocked(store))
		return;
	g_clear_pointer(&store->timer, bp_timer_remove);
	store->urgent = FALSE;
	fill_round(store);
	store->working = TRUE;
	store->ran = FALSE;
	store->beginning = TRUE;
	bp_job_add(bp_kernel(), "store", work, NULL, store, on_done);
	store->beginning = FALSE;
}

/* --- when --- */

static void on_time(BpPlugin *self, gpointer data)
{
	BpStore *store = data;

	if (!store->working)
		begin(store);
}

void store_schedule(BpStore *store)
{
	gboolean waiting = store->values.values->len || g_hash_table_size(store->changed);
	gint64 pause = store->problem ? RETRY : waiting ? store->options.interval : LOOK_FOR_OLD;

	if (store->working || g_atomic_int_get(&store->blocked))
		return;
	if (store->closing || (!store->problem && (store->urgent || store->requests->len ||
						   store->values.values->len >= store->options.batch))) {
		begin(store);
		return;
	}
	if (store->timer && pause < store->pause)
		g_clear_pointer(&store->timer, bp_timer_remove);
	if (store->timer || (!waiting && !store->problem && !store->options.max_age))
		return;
	store->pause = pause;
	bp_timer_once(&store->timer, store->self, pause, on_time, store);
}

/* --- for users --- */

static char *path_of(const char *path, GError **error)
{
	const char *state = bp_kernel_state_folder();
	g_autofree char *name = NULL;

	if (g_path_is_absolute(path))
		return g_canonicalize_filename(path, NULL);
	if (!*path || *path == '.' || strchr(path, '/') || strlen(path) > LONGEST_NAME ||
	    !g_utf8_validate(path, -1, NULL)) {
		g_set_error(
			error, BP_IO_ERROR, BP_INVALID,
			"\"%.100s\" is no name of a store: give an absolute path, or a word without / that does not begin with .",
			path);
		return NULL;
	}
	if (!state) {
		g_set_error(error, BP_IO_ERROR, BP_NOT_FOUND, "%s: this host keeps no state; give an absolute path",
			    path);
		return NULL;
	}
	name = g_strconcat(path, ".db", NULL);
	return g_build_filename(state, "store", name, NULL);
}

static gboolean enter_list(BpStore *store)
{
	gboolean free = TRUE;

	g_mutex_lock(&lock);
	if (!stores)
		stores = g_ptr_array_new();
	for (guint i = 0; i < stores->len; i++) {
		BpStore *other = stores->pdata[i];

		free &= other->closing || strcmp(other->path, store->path) != 0;
	}
	if (free)
		g_ptr_array_add(stores, store);
	g_mutex_unlock(&lock);
	return free;
}

static void set_closing(BpStore *store)
{
	g_mutex_lock(&lock);
	store->closing = TRUE;
	g_mutex_unlock(&lock);
}

/* Told at once; what waits is written by the last job. */
static void drop(BpOwned *owned)
{
	BpStore *store = BP_OWNED_BY(owned, BpStore, owned);
	g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_CLOSED, "%s: %s is closing", store->path,
					      bp_plugin_name(store->self));

	set_closing(store);
	tell_closed(store, error);
	store_schedule(store);
}

static void read_options(BpStore *store, const BpStoreOptions *options, gsize size)
{
	BpStoreOptions *own = &store->options;

	if (options)
		bp_sized_copy(own, sizeof(*own), options, size);
	own->interval = own->interval ? MAX(own->interval, G_TIME_SPAN_MILLISECOND) : INTERVAL;
	own->batch = own->batch ? own->batch : BATCH;
	own->backlog = own->backlog ? own->backlog : BACKLOG;
	own->keys_limit = own->keys_limit ? own->keys_limit : KEYS_LIMIT;
}

BpStore *bp_store_open_sized(BpPlugin *self, const char *path, const BpStoreOptions *options, gsize size,
			     BpStoreFunc func, gpointer data, GError **error)
{
	BpStore *store;
	char *full;

	g_return_val_if_fail(self && path && bp_loop_current(), NULL);
	full = path_of(path, error);
	if (!full)
		return NULL;
	store = g_new0(BpStore, 1);
	store->self = self;
	store->loop = bp_loop_current();
	store->path = full;
	store->func = func;
	store->data = data;
	read_options(store, options, size);
	store->file = store_file_new(full, !g_path_is_absolute(path), &store->options);
	store->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	store->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	store->round.keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	store->series = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, store_series_free);
	store->requests = g_ptr_array_new();
	store->round.requests = g_ptr_array_new();
	store_values_init(&store->values);
	store_values_init(&store->round.values);
	if (!enter_list(store)) {
		g_set_error(error, BP_IO_ERROR, BP_BUSY, "%s is open already", full);
		store_free(store);
		return NULL;
	}
	bp_owner_link_notified(self, &store->owned, "store", drop);
	store->urgent = TRUE;
	store_schedule(store);
	return store;
}

void bp_store_close(BpStore *store)
{
	g_return_if_fail(store);
	set_closing(store);
	store_schedule(store);
}

void bp_store_flush(BpStore *store)
{
	g_return_if_fail(store);
	store->urgent = TRUE;
	store_schedule(store);
}

const char *bp_store_path(const BpStore *store)
{
	return store->path;
}

void bp_store_stats_sized(const BpStore *store, BpStoreStats *result, gsize size)
{
	BpStoreStats now = {
		.written = store->written,
		.dropped = store->dropped,
		.rounds = store->rounds,
		.waiting = count_waiting(store),
		.keys = g_hash_table_size(store->keys),
		.series = g_hash_table_size(store->series),
		.longest = store->longest,
		.problem = store->problem,
	};

	bp_sized_copy(result, size, &now, sizeof(now));
}
