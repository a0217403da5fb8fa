/* SPDX-License-Identifier: MIT */
/* backoff.h - trying again: the first pause is short, each next one twice as long, with 20 % of chance in it, so that many who lost
 * the same peer do not all come back at once.
 *
 *	BpBackoff *again = bp_backoff_new(self, G_USEC_PER_SEC, 60 * G_USEC_PER_SEC, connect, client);
 *	...
 *	bp_backoff_wait(again);	 // it failed: connect(self, client) after a pause
 *	bp_backoff_works(again); // it works: once it has for a while, the next pause is the first again
 *
 * It belongs to `self`, which may be a scope, and goes with it.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpBackoff BpBackoff;

/* `first` and `longest` pause, microseconds. */
BP_API BpBackoff *bp_backoff_new(BpPlugin *self, gint64 first, gint64 longest, BpFunc func, gpointer data);
BP_API void bp_backoff_free(BpBackoff *backoff);
/* `func` after the next pause, which is returned; while one is under way it goes on. */
BP_API gint64 bp_backoff_wait(BpBackoff *backoff);
/* `func` after exactly `pause` microseconds, instead of what is waited for; it does not count as a failure. */
BP_API void bp_backoff_wait_for(BpBackoff *backoff, gint64 pause);
/* What is tried works from now on. If it still did 10 s later, the next bp_backoff_wait begins with the first pause: a peer that
 * takes each connection and ends it at once does not get one a second. */
BP_API void bp_backoff_works(BpBackoff *backoff);
/* Nothing is waited for any more; the next pause is as long as it would have been. */
BP_API void bp_backoff_stop(BpBackoff *backoff);
/* Nothing is waited for any more, and the next pause is the first one again. */
BP_API void bp_backoff_reset(BpBackoff *backoff);
/* Until `func` is called; -1: nothing is waited for. */
BP_API gint64 bp_backoff_left(const BpBackoff *backoff);
BP_API void bp_backoff_set(BpBackoff *backoff, gint64 first, gint64 longest);

G_END_DECLS
