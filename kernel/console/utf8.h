/* SPDX-License-Identifier: MIT */
/* utf8.h - what text does on a terminal: how wide it is, and what of it may reach one. */
#pragma once
#include <glib.h>

/* Columns of one character: 0 (combining), 1 or 2. */
guint utf8_width(gunichar character);
/* Columns of a text; ANSI colours (SGR sequences) in it count nothing. */
guint utf8_columns(const char *text);
/* No control character (C0, C1, DEL) and no line separator: can be shown as it is. */
gboolean utf8_is_shown(gunichar character);
/* The length of an SGR sequence (ESC [ digits ; m) at `text`, 0 if there is none. */
gsize utf8_sgr(const char *text, gsize size);
/* Appends with control characters made visible (^[, \x9b), bytes that are not UTF-8 as \xNN;
 * LF and TAB too unless `lines`. */
void utf8_append_safe(GString *to, const char *text, gssize size, gboolean lines);
/* The same, as a string of yours. */
char *utf8_safe(const char *text, gssize size);
/* How many bytes of a valid text fit in so many columns. */
gsize utf8_fit(const char *text, guint columns);
