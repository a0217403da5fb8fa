/* SPDX-License-Identifier: MIT */
/* store-file.h - the file of a store: what a job does with it. Nothing here knows of loops and owners. */
#pragma once
#include <backplane/store.h>

/* One of the names of values. The loop makes it and never frees it before the store; `id` and `file` are the job's. */
typedef struct {
	char *name;
	gint64 id;  /* in the file */
	guint file; /* for which the id is; 0: not known */
} StoreSeries;

typedef enum { STORE_NUMBER, STORE_TEXT, STORE_BYTES } StoreKind;

typedef struct {
	StoreSeries *series;
	gint64 time;
	union {
		double number;
		gsize at; /* in `bytes` */
	};
	guint32 size;
	guint32 kind;
} StoreValue;

typedef struct {
	GArray *values;	   /* StoreValue */
	GByteArray *bytes; /* of texts */
} StoreValues;

typedef struct {
	BpStoreQuery query;
	StoreSeries *series; /* NULL: there is none of that name */
	GPtrArray *rows;     /* BpStoreRow */
	char *error;
} StoreRequest;

/* What the loop gives to a job, and gets back. */
typedef struct {
	StoreValues values;
	GHashTable *keys;    /* key -> value; NULL: removed */
	GPtrArray *requests; /* StoreRequest, borrowed */
	gboolean last;	     /* closes the file */
	/* back: */
	gboolean written;
	gboolean begun;	       /* the file is a new one */
	GPtrArray *found_keys; /* of a file that was opened: key, value, key, ...; NULL: none was */
	GPtrArray *found_series;
	char *aside; /* where a damaged file is now */
	char *error; /* why it is not written */
	gint64 took;
} StoreJob;

typedef struct StoreFile StoreFile;

StoreFile *store_file_new(const char *path, gboolean make_folder, const BpStoreOptions *options);
void store_file_free(StoreFile *file);
/* In a job: opens the file if need be, writes all or nothing, then answers. */
void store_file_run(StoreFile *file, StoreJob *round);
void store_row_free(gpointer row);
void store_values_clear(StoreValues *values);
void store_values_init(StoreValues *values);
