/* SPDX-License-Identifier: MIT */
/* text.h - width of text on a terminal, and escaping of control characters. Any thread. */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

/* Columns of one character: 0 (combining), 1 or 2. */
BP_API guint bp_text_width(gunichar character);
/* Columns of a text; ANSI colours (SGR sequences) have no width. */
BP_API guint bp_text_columns(const char *text);
/* TRUE unless it is a control character (C0, C1, DEL) or a line separator. */
BP_API gboolean bp_text_is_shown(gunichar character);
/* The length of an SGR sequence (ESC [ digits ; m) at `text`, 0 if there is none. */
BP_API gsize bp_text_sgr(const char *text, gsize size);
/* Appends with control characters made visible (^[, \x9b), bytes that are not UTF-8 as \xNN;
 * LF and TAB too unless `lines`. */
BP_API void bp_text_append_safe(GString *to, const char *text, gssize size, gboolean lines);
/* The same, as a string of yours. */
BP_API char *bp_text_safe(const char *text, gssize size);
/* How many bytes of a text fit into `columns`; a byte that is not UTF-8 takes one column. */
BP_API gsize bp_text_fit(const char *text, guint columns);
/* Quotes a word for a command line, if necessary. `quote`: 0, or the quotation mark that is open already. Yours. */
BP_API char *bp_quote(const char *word, char quote);
/* A string of JSON with its quotes; what is not UTF-8 becomes U+FFFD. Yours. */
BP_API char *bp_quote_json(const char *text);
/* "3d 4h", "12 min", "4.2 s". Yours. */
BP_API char *bp_duration_text(gint64 microseconds);

G_END_DECLS
