/* SPDX-License-Identifier: MIT */
/* store-sql.h - what the two files have in common that speak SQL. */
#pragma once
#include <sys/types.h>
#include <sqlite3.h>
#include "store-file.h"

typedef enum { ADD_VALUE, ADD_SERIES, FIND_SERIES, SET_KEY, REMOVE_KEY, TRIM_COUNT, TRIM_AGE, STATEMENTS } Statement;

struct StoreFile {
	char *path;
	gboolean make_folder;
	BpStoreOptions options;
	sqlite3 *database; /* NULL: not open */
	sqlite3_stmt *statement[STATEMENTS];
	dev_t device;
	ino_t inode;
	gboolean damaged; /* reported by SQLite in this round */
	gboolean other;	  /* it is another file than the one that was open before */
	guint number;	  /* of the file, counted as they are opened */
	gint64 trimmed;	  /* by age; monotonic, 0: never */
	char *error;	  /* of this round */
};

/* FALSE: SQLite says why. */
gboolean store_file_answer(StoreFile *file, StoreRequest *request);
