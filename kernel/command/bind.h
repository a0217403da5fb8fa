/* SPDX-License-Identifier: MIT */
/* bind.h - words and a table of parameters into values.
 *
 * --name value, --name=value, -p 2323, -p2323, -sq; -- ends the options; -5 is a value unless the
 * table has that letter. Options may stand anywhere until a BP_REST argument begins, which takes
 * the raw remainder.
 */
#pragma once
#include <backplane/param.h>
#include "command/parse.h"

/* `name`: the command's, for sentences. `first`: how many words the command's name takes.
 * `table` may be NULL. */
BpValues *bind_words(const char *name, const BpParam *table, const ParsedWords *words, guint first, GError **error);
/* --help is among the options, and the table has no option of that name. `*json`: so is --json. */
gboolean bind_asks_help(const BpParam *table, const ParsedWords *words, guint first, gboolean *json);
/* A secret parameter is given (or something is wrong and one may be): not for the history, a
 * log or a channel. */
gboolean bind_has_secret(const BpParam *table, const ParsedWords *words, guint first);

/* For completion: what the partial word after the words `first` .. count - 1 would be. */
typedef struct {
	const BpParam *value; /* the option or argument whose value it would be, or NULL */
	gsize prefix;	      /* bytes of `partial` before that value: of "--name=" */
	gboolean options;     /* an option may stand here too */
	gsize rest_start;     /* where in the command a BP_REST (`value`) has begun, or G_MAXSIZE */
} BindNext;
BindNext bind_next(const BpParam *table, const ParsedWords *words, guint first, const char *partial);
