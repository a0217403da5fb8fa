/* SPDX-License-Identifier: MIT */
/* history.h - lines that were entered, kept in a file over runs.
 *
 * Each line has a number that never changes; the newest is history_end() - 1. Added lines are
 * appended to the file by jobs (mode 0600, whole lines), so that several sessions share it;
 * when it holds more than twice the limit it is written anew and renamed over. It is read by a
 * job too: its lines come a moment later, before those that were added. In a program without a
 * loop all is done at once. Nothing fails because of the file: see history_error.
 */
#pragma once
#include <glib.h>

#define HISTORY_LINE_LIMIT 4096 /* bytes; a longer line is not kept */

typedef struct History History;

/* `file` NULL: in memory only. `limit` in lines, 0: 1000. Never NULL. */
History *history_open(const char *file, guint limit);
/* What was added is still written. */
void history_free(History *history);
/* The history that all who are open have in common in this file of the state folder; each gives it back. */
History *history_share(const char *file);
void history_unshare(History *history);
/* FALSE: not kept, being empty, a repetition of the last one, too long, or beginning with a
 * blank. */
gboolean history_add(History *history, const char *line);
guint64 history_begin(const History *history); /* the oldest's number */
guint64 history_end(const History *history);   /* one more than the newest's; equal to begin: empty */
/* NULL: there is none of that number. Borrowed until the next add. */
const char *history_get(const History *history, guint64 number);
/* The newest before number `before` that contains `text`; sets *found. */
gboolean history_search(const History *history, const char *text, guint64 before, guint64 *found);
/* Why the file could not be read or written the last time, or NULL. Borrowed. */
const GError *history_error(const History *history);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)
