/* SPDX-License-Identifier: MIT */
/* conserver-words.h - the blocks of conserver.cf: TYPE NAME { key value; ... }, with quotes, comments and included files. */
#pragma once
#include <glib.h>

typedef struct {
	char *key, *value; /* key in lower case */
	guint line;
} Entry;

typedef struct {
	char *type, *name; /* type in lower case */
	const char *path;
	guint line;
	GPtrArray *entries; /* of Entry */
} Block;

typedef void (*ConserverFault)(gpointer data, const char *path, guint line, const char *text);

/* Appends the blocks of a file to `blocks`. What is wrong is reported; what stands behind it is read nevertheless. */
void conserver_read(const char *path, const char *text, guint depth, GPtrArray *blocks, ConserverFault fault,
		    gpointer data);
