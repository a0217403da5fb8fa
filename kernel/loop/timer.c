/* SPDX-License-Identifier: MIT */
/* timer.c - timers of a loop: a binary heap by time due. */
#include <backplane/host.h>
#include "loop/loop.h"

#define NEVER G_MAXINT64 /* the due time of a timer whose owner is ending */

struct BpTimer {
	BpOwned owned;
	BpLoop *loop;
	char *name;
	guint place;	   /* in the heap */
	BpTimer **pointer; /* to it, of bp_timer_once; or NULL */
	guint times, done;
	gint64 due, interval;
	guint64 missed;
	BpFunc func;
	gpointer data;
	GDestroyNotify destroy;
};

static BpTimer *timer_at(const BpLoop *loop, guint place)
{
	return loop->timers->pdata[place];
}

static void put(BpLoop *loop, guint place, BpTimer *timer)
{
	loop->timers->pdata[place] = timer;
	timer->place = place;
}

static void sift_up(BpLoop *loop, BpTimer *timer)
{
	guint place = timer->place;

	while (place && timer_at(loop, (place - 1) / 2)->due > timer->due) {
		put(loop, place, timer_at(loop, (place - 1) / 2));
		place = (place - 1) / 2;
	}
	put(loop, place, timer);
}

static void sift_down(BpLoop *loop, BpTimer *timer)
{
	guint place = timer->place, child;

	for (; (child = place * 2 + 1) < loop->timers->len; place = child) {
		if (child + 1 < loop->timers->len && timer_at(loop, child + 1)->due < timer_at(loop, child)->due)
			child++;
		if (timer_at(loop, child)->due >= timer->due)
			break;
		put(loop, place, timer_at(loop, child));
	}
	put(loop, place, timer);
}

static void reschedule(BpTimer *timer, gint64 due)
{
	timer->due = due;
	sift_up(timer->loop, timer);
	sift_down(timer->loop, timer);
}

static void drop_timer(BpOwned *owned)
{
	BpTimer *timer = OWNED_BY(owned, BpTimer, owned);
	BpLoop *loop = timer->loop;
	BpTimer *last = timer_at(loop, loop->timers->len - 1);

	owner_unlink(owned);
	g_ptr_array_set_size(loop->timers, (int)loop->timers->len - 1);
	if (last != timer) {
		put(loop, timer->place, last);
		reschedule(last, last->due);
	}
	if (loop->running == timer)
		loop->running = NULL;
	if (timer->destroy)
		timer->destroy(timer->data);
	bus_port_unref(&loop->port);
	g_free(timer->name);
	g_free(timer);
}

BpTimer *bp_timer_add(BpPlugin *self, const char *name, gint64 interval, guint times, BpFunc func, gpointer data,
		      GDestroyNotify destroy)
{
	BpLoop *loop = loop_here();
	BpTimer *timer;

	g_return_val_if_fail(self && func && loop, NULL);
	timer = g_new0(BpTimer, 1);
	timer->loop = loop;
	timer->name = g_strdup(name);
	timer->interval = MAX(interval, 1000);
	timer->times = times;
	timer->func = func;
	timer->data = data;
	timer->destroy = destroy;
	timer->place = loop->timers->len;
	bus_port_ref(&loop->port);
	g_ptr_array_add(loop->timers, timer);
	owner_link(self, &timer->owned, "timer", drop_timer);
	reschedule(timer, bp_loop_now() + timer->interval);
	return timer;
}

static void forget(BpTimer *timer)
{
	if (timer->pointer)
		*g_steal_pointer(&timer->pointer) = NULL;
}

void bp_timer_once(BpTimer **place, BpPlugin *self, gint64 delay, BpFunc func, gpointer data)
{
	BpTimer *timer = bp_timer_add(self, NULL, delay, 1, func, data, NULL);

	g_return_if_fail(place && timer);
	if (*place)
		bp_timer_remove(*place);
	timer->pointer = place;
	*place = timer;
}

void bp_timer_remove(BpTimer *timer)
{
	forget(timer);
	drop_timer(&timer->owned);
}

void bp_timer_restart(BpTimer *timer)
{
	reschedule(timer, bp_loop_now() + timer->interval);
}

void bp_timer_set_interval(BpTimer *timer, gint64 interval)
{
	timer->interval = MAX(interval, 1000);
	bp_timer_restart(timer);
}

/* Due again at the next beat of its first schedule that is still to come. */
static void advance(BpTimer *timer, gint64 now)
{
	gint64 due = timer->due + timer->interval;

	if (due <= now) {
		gint64 missed = (now - due) / timer->interval + 1;

		timer->missed += (guint64)missed;
		due += missed * timer->interval;
	}
	reschedule(timer, due);
}

static void run(BpLoop *loop, BpTimer *timer)
{
	BpPlugin *owner = timer->owned.owner;

	/* It cannot have run its last time without its function: who has its pointer would not know. */
	if (!owner_enter_as(owner, "timer", NULL)) {
		reschedule(timer, NEVER);
		return;
	}
	timer->done++;
	advance(timer, loop->now);
	loop->running = timer;
	if (timer->done == timer->times)
		forget(timer);
	timer->func(owner, timer->data);
	owner_leave(owner);
	if (loop->running && timer->times && timer->done >= timer->times)
		drop_timer(&timer->owned);
	loop->running = NULL;
}

/* A timer that is due runs once a turn, even when its interval is shorter than the turn. */
void timers_run(BpLoop *loop)
{
	for (guint left = loop->timers->len; left && loop->timers->len && timer_at(loop, 0)->due <= loop->now; left--)
		run(loop, timer_at(loop, 0));
}

gint64 timers_next(const BpLoop *loop)
{
	return loop->timers->len && timer_at(loop, 0)->due < NEVER ? timer_at(loop, 0)->due : -1;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp((*(BpTimerInfo *const *)a)->name, (*(BpTimerInfo *const *)b)->name);
}

GPtrArray *bp_timer_list(void)
{
	BpLoop *loop = bp_loop_main();
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < loop->timers->len; i++) {
		BpTimer *timer = timer_at(loop, i);
		BpTimerInfo info = { timer->name,  timer->owned.owner->name, timer->interval, timer->times, timer->done,
				     timer->missed };

		if (timer->name)
			g_ptr_array_add(list, g_memdup2(&info, sizeof(info)));
	}
	g_ptr_array_sort(list, by_name);
	return list;
}
