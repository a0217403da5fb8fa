/* SPDX-License-Identifier: MIT */
/* backoff.c - trying again after pauses that grow. */
#include <backplane/backoff.h>
#include <backplane/loop.h>
#include <backplane/owner.h>

#define STEADY (10 * G_USEC_PER_SEC)

struct BpBackoff {
	BpOwned owned;
	gint64 first, longest, next; /* pauses */
	gint64 due, works;	     /* monotonic; works 0: it does not, as far as we know */
	BpFunc func;
	gpointer data;
	BpTimer *timer; /* NULL: nothing is waited for */
};

static void drop(BpOwned *owned)
{
	BpBackoff *backoff = BP_OWNED_BY(owned, BpBackoff, owned);

	bp_owner_unlink(owned);
	g_clear_pointer(&backoff->timer, bp_timer_remove);
	g_free(backoff);
}

BpBackoff *bp_backoff_new(BpPlugin *self, gint64 first, gint64 longest, BpFunc func, gpointer data)
{
	BpBackoff *backoff = g_new0(BpBackoff, 1);

	backoff->func = func;
	backoff->data = data;
	bp_backoff_set(backoff, first, longest);
	/* Before the timers of its owner, among which is its own. */
	bp_owner_link_notified(self, &backoff->owned, "backoff", drop);
	return backoff;
}

void bp_backoff_free(BpBackoff *backoff)
{
	if (backoff)
		drop(&backoff->owned);
}

void bp_backoff_set(BpBackoff *backoff, gint64 first, gint64 longest)
{
	backoff->first = MAX(first, G_TIME_SPAN_MILLISECOND);
	backoff->longest = MAX(longest, backoff->first);
	backoff->next = backoff->first;
}

static void on_timer(BpPlugin *self, gpointer data)
{
	BpBackoff *backoff = data;

	backoff->func(self, backoff->data);
}

void bp_backoff_wait_for(BpBackoff *backoff, gint64 pause)
{
	bp_backoff_stop(backoff);
	pause = MAX(pause, G_TIME_SPAN_MILLISECOND);
	backoff->due = g_get_monotonic_time() + pause;
	bp_timer_once(&backoff->timer, backoff->owned.owner, pause, on_timer, backoff);
}

gint64 bp_backoff_wait(BpBackoff *backoff)
{
	gint64 pause;

	if (backoff->timer)
		return bp_backoff_left(backoff);
	if (backoff->works && g_get_monotonic_time() - backoff->works >= STEADY)
		backoff->next = backoff->first;
	backoff->works = 0;
	pause = (gint64)((double)backoff->next * g_random_double_range(0.8, 1.2));
	backoff->next = MIN(backoff->next * 2, backoff->longest);
	bp_backoff_wait_for(backoff, MIN(pause, backoff->longest));
	return MIN(pause, backoff->longest);
}

void bp_backoff_works(BpBackoff *backoff)
{
	bp_backoff_stop(backoff);
	backoff->works = g_get_monotonic_time();
}

void bp_backoff_stop(BpBackoff *backoff)
{
	g_clear_pointer(&backoff->timer, bp_timer_remove);
}

void bp_backoff_reset(BpBackoff *backoff)
{
	bp_backoff_stop(backoff);
	backoff->next = backoff->first;
}

gint64 bp_backoff_left(const BpBackoff *backoff)
{
	return backoff->timer ? MAX(backoff->due - g_get_monotonic_time(), 0) : -1;
}
