/* SPDX-License-Identifier: MIT */
/* backoff.h - retries with exponential back-off: each pause is twice as long as the one before, with 20 % of jitter, so that many
 * clients that lost the same peer do not reconnect at the same time.
 *
 *	BpBackoff *again = bp_backoff_new(self, G_USEC_PER_SEC, 60 * G_USEC_PER_SEC, connect, client);
 *	...
 *	bp_backoff_wait(again);	 // the attempt failed: connect(self, client) is called after a pause
 *	bp_backoff_works(again); // the attempt succeeded: when the connection lasts, the next pause is the first one again
 *
 * It is owned by `self`, which may be a scope, and is freed with it.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpBackoff BpBackoff;

/* `first` and `longest` pause, microseconds. */
BP_API BpBackoff *bp_backoff_new(BpPlugin *self, gint64 first, gint64 longest, BpFunc func, gpointer data);
BP_API void bp_backoff_free(BpBackoff *backoff);
/* Schedules `func` after the next pause and returns that pause. If a pause is running already, it continues. */
BP_API gint64 bp_backoff_wait(BpBackoff *backoff);
/* Schedules `func` after exactly `pause` microseconds and replaces a running pause. It does not count as a failure. */
BP_API void bp_backoff_wait_for(BpBackoff *backoff, gint64 pause);
/* The attempt succeeded. If 10 s pass before the next bp_backoff_wait, that one begins with the first pause again. So a peer that
 * accepts each connection and closes it at once is not retried every second. */
BP_API void bp_backoff_works(BpBackoff *backoff);
/* Cancels a running pause; the length of the next pause does not change. */
BP_API void bp_backoff_stop(BpBackoff *backoff);
/* Cancels a running pause; the next pause is the first one again. */
BP_API void bp_backoff_reset(BpBackoff *backoff);
/* Microseconds until `func` is called; -1 if no pause is running. */
BP_API gint64 bp_backoff_left(const BpBackoff *backoff);
BP_API void bp_backoff_set(BpBackoff *backoff, gint64 first, gint64 longest);

G_END_DECLS
