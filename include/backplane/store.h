/* SPDX-License-Identifier: MIT */
/* store.h - the library store: keys with values, and series of values over time, in a file of SQLite. Link with backplane-store.
 *
 *	BpStoreOptions options = { .max_age = 30 * BP_STORE_DAY };
 *	BpStore *store = bp_store_open(self, "thermo", &options, NULL, NULL, error);
 *	...
 *	bp_store_add(store, "kitchen", 0, 21.5);	  // now
 *	bp_store_set(store, "unit", "celsius", error);
 *	...
 *	BpStoreQuery query = { .series = "kitchen", .from = hour_ago, .step = G_TIME_SPAN_MINUTE };
 *	bp_store_query(self, store, &query, on_rows, NULL);
 *
 * No function blocks on the disk. Values and keys are queued; every `interval`, or when `batch` values are queued, a job writes all of
 * them in one transaction and answers queries. A store has one job at a time, which keeps the order: the result of a query includes all
 * values that were added before it, unless the disk cannot be written.
 *
 * Keys are for settings and the like: all are in memory, so reading is immediate; `keys_limit` bounds them. Series are for measurements;
 * they are on the disk, and `max_age` and `max_values` bound them.
 *
 * After a crash or a power failure the file is consistent: it has each transaction entirely or not at all, so it lacks at most the last
 * `interval` (see BpStoreSync). While it cannot be written (the disk is full, its folder is gone, another program keeps it locked), the job retries
 * every second; new values beyond `backlog` are dropped and counted; keys are never dropped. A damaged file is renamed
 * to FILE.broken-DATE and a new one is created with the keys that are in memory; a removed file is created again in the same way.
 * Other programs may read the file meanwhile: the view `samples` has series, time (ISO 8601) and value, the table `key` name and value.
 *
 * All functions are called on the loop on which the store was opened, and so are the callbacks. Times of values are
 * microseconds of the wall clock (g_get_real_time).
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

#define BP_STORE_DAY (24 * G_TIME_SPAN_HOUR)

typedef struct BpStore BpStore;

typedef enum {
	BP_STORE_OPENED, /* once: keys of the file can be read; before, only keys that were set since bp_store_open */
	BP_STORE_STALLED, /* writing fails; `error` is the reason. Once until BP_STORE_RESUMED, and when the reason changes */
	BP_STORE_RESUMED, /* the queue has been written; an error says how many values were dropped meanwhile */
	BP_STORE_DAMAGED, /* the file was damaged; the error says where it is now */
	BP_STORE_CLOSED, /* last, exactly once; an error if values or keys were not written. The pointer is invalid then */
} BpStoreEvent;

/* `error` is a sentence for people: "/var/lib/x.db: the disk is full; 312 values wait to be written". */
typedef void (*BpStoreFunc)(BpPlugin *self, BpStore *store, BpStoreEvent event, const GError *error, gpointer data);

/* A crash of the program loses no transaction. After a power failure: */
typedef enum {
	BP_STORE_NORMAL, /* the last transactions may be lost, since the system's last write-back (some seconds) */
	BP_STORE_FULL,	 /* none is lost; each transaction is synced, in the job */
	BP_STORE_OFF,	 /* the file may be damaged: for data that can be obtained again */
} BpStoreSync;

typedef struct {
	BpStoreSync sync;
	gint64 interval;   /* between transactions; 0: 200 ms */
	guint batch;	   /* this many queued values start a transaction before the interval ends; 0: 1,000 */
	gsize backlog;	   /* limit of the queue: 32 bytes and the text for each value; 0: 8 MiB */
	gsize keys_limit;  /* bytes of all keys with their values; 0: 1 MiB */
	gint64 max_age;	   /* older values are deleted, once a minute; 0: never */
	gint64 max_values; /* in all series together; the values that were added first are deleted; 0: no limit */
} BpStoreOptions;

/* `path` is absolute, or a name within the folder `store` of the host's state: "thermo" is store/thermo.db, and that folder is made. The
 * file is opened by the first job; a failure is reported as BP_STORE_STALLED. NULL: the name is invalid (BP_INVALID), the host keeps no
 * state (BP_NOT_FOUND), or the file is open already (BP_BUSY). `options` may be NULL, and so may `func`: then problems are logged as
 * warnings of `self`.
 *
 * The store belongs to `self`, which may be an instance or a scope. When that closes, the store reports BP_STORE_CLOSED (BP_CLOSED),
 * and the queue is still written; the end of the program waits for it. A store that is opened on the same path meanwhile starts after it. */
BP_API BpStore *bp_store_open_sized(BpPlugin *self, const char *path, const BpStoreOptions *options, gsize size,
				    BpStoreFunc func, gpointer data, GError **error);
static inline BpStore *bp_store_open(BpPlugin *self, const char *path, const BpStoreOptions *options, BpStoreFunc func,
				     gpointer data, GError **error)
{
	return bp_store_open_sized(self, path, options, sizeof(*options), func, data, error);
}
/* Answers pending queries, writes the queue with a single attempt, then reports BP_STORE_CLOSED. */
BP_API void bp_store_close(BpStore *store);
/* Starts a transaction now, without waiting for the interval. */
BP_API void bp_store_flush(BpStore *store);
BP_API const char *bp_store_path(const BpStore *store);

/* --- keys --- */

/* Both are UTF-8. FALSE: the key is empty, one of them is not UTF-8 (BP_INVALID), or `keys_limit` is reached (BP_LIMIT). */
BP_API gboolean bp_store_set(BpStore *store, const char *key, const char *value, GError **error);
/* NULL: there is none. Borrowed until the key is set or removed. */
BP_API const char *bp_store_get(const BpStore *store, const char *key);
/* FALSE: there was none. */
BP_API gboolean bp_store_remove(BpStore *store, const char *key);
/* The keys that begin with `prefix` (NULL: all), sorted; yours. */
BP_API char **bp_store_keys(const BpStore *store, const char *prefix);

/* --- series --- */

/* `time` 0: now. Values need not come in the order of their times. FALSE: dropped and counted, since the queue is full, the name is
 * empty, longer than 255 bytes or not UTF-8, or there are 65,536 series already. NaN is not stored. */
BP_API gboolean bp_store_add(BpStore *store, const char *series, gint64 time, double value);
/* Adds a text (UTF-8) or bytes as a value. */
BP_API gboolean bp_store_add_text(BpStore *store, const char *series, gint64 time, const char *text);
BP_API gboolean bp_store_add_bytes(BpStore *store, const char *series, gint64 time, gconstpointer data, gsize size);
/* Names, sorted, once the store is open; yours. */
BP_API char **bp_store_series(const BpStore *store);

typedef struct {
	const char *series;
	gint64 from, to;       /* from <= time < to; `to` 0: no end */
	gint64 step;	       /* 0: every value; else one row for each step with numbers; steps begin at `from` */
	guint limit;	       /* maximum number of rows, up to 1,000,000, and 64 MiB of texts; 0: 10,000 */
	gboolean newest_first; /* rows go back in time, so that `limit` leaves out the oldest ones */
} BpStoreQuery;

typedef struct {
	gint64 time;	  /* of the value, or of the beginning of the step */
	double value;	  /* of a number; of a step: the average */
	double min, max;  /* of a step; of a value: the value */
	guint64 count;	  /* numbers in the step; 1 of a value */
	const char *text; /* of a text or of bytes, with a NUL behind it; else NULL */
	gsize text_size;  /* without the NUL */
} BpStoreRow;

/* All rows, valid during the call. With an error `count` is 0: BP_CANCELLED if `self` or the store has closed meanwhile. Called exactly
 * once, unless `self` is a scope that has ended. */
typedef void (*BpStoreRows)(BpPlugin *self, BpStore *store, const BpStoreRow *const *rows, guint count,
			    const GError *error, gpointer data);
/* FALSE: 1,024 queries are pending already (BP_LIMIT), the store is closing (BP_CLOSED), or the query is invalid (BP_INVALID); `func` is
 * not called. */
BP_API gboolean bp_store_query_sized(BpPlugin *self, BpStore *store, const BpStoreQuery *query, gsize size,
				     BpStoreRows func, gpointer data, GError **error);
static inline gboolean bp_store_query(BpPlugin *self, BpStore *store, const BpStoreQuery *query, BpStoreRows func,
				      gpointer data, GError **error)
{
	return bp_store_query_sized(self, store, query, sizeof(*query), func, data, error);
}

/* --- statistics --- */

typedef struct {
	guint64 written, dropped; /* values since the store was opened */
	guint64 rounds;		  /* transactions */
	guint waiting;		  /* values */
	guint keys, series;
	gint64 longest;	     /* duration of the longest transaction, in the job */
	const char *problem; /* why writing fails, borrowed until the next turn; NULL: it does not */
} BpStoreStats;
BP_API void bp_store_stats_sized(const BpStore *store, BpStoreStats *result, gsize size);
static inline BpStoreStats bp_store_stats(const BpStore *store)
{
	BpStoreStats result;

	bp_store_stats_sized(store, &result, sizeof(result));
	return result;
}

G_END_DECLS
