/* SPDX-License-Identifier: MIT */
/* store-state.h - a store on its loop; what its files share. */
#pragma once
#include <backplane/owner.h>
#include "store-file.h"

struct BpStore {
	BpOwned owned;
	BpPlugin *self; /* NULL: it has been told of the end */
	BpLoop *loop;
	BpStoreOptions options;
	BpStoreFunc func; /* NULL: it is logged */
	gpointer data;
	char *path;
	BpTimer *timer;
	gint64 pause; /* of the timer */
	gboolean opened, working, closing, urgent;
	gint blocked;	    /* until another store on this path has ended; atomic */
	gboolean ran;	    /* the last job */
	gboolean beginning; /* it is being added */
	GHashTable *keys;   /* key -> value */
	gsize keys_size;
	GHashTable *series; /* name -> StoreSeries */
	/* what waits: */
	GHashTable *changed; /* key -> value; NULL: removed */
	StoreValues values;
	GPtrArray *requests;
	gsize backed; /* bytes of values that the round has */
	guint64 written, dropped, dropped_told, rounds;
	gint64 longest;
	char *problem;
	/* the job's, while it works: */
	StoreFile *file;
	StoreJob round;
};

/* Something waits: begins a round, or sees to it that one comes. */
void store_schedule(BpStore *store);

/* --- store-keys.c --- */
void store_keys_found(BpStore *store, const GPtrArray *found);
void store_keys_all_changed(BpStore *store);

/* --- store-series.c --- */
StoreSeries *store_series_obtain(BpStore *store, const char *name);
void store_series_free(gpointer series);
/* Calls back what the round has answered; what was not, with `error`. */
void store_requests_answer(GPtrArray *requests, const GError *error);
gsize store_values_size(const StoreValues *values);
/* All of `from` behind `to`; `from` is empty then. */
void store_values_move(StoreValues *to, StoreValues *from);
