/* SPDX-License-Identifier: MIT */
/* loop.c - the turn: one GSource that carries inbox, timers, descriptors and deferred calls. */
#include "loop/loop.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct {
	GSource source;
	BpLoop *loop;
} LoopSource;

static BpLoop *main_loop;
static GPtrArray *others; /* touched by the main thread only */

/* Branches of channels know loops by their address for as long as the channel lives, and other threads may post to one
 * that has ended. So the memory of a loop is used for the next one, and never freed. */
static GMutex spare_lock;
static BpLoop *spare_main, *spare;

static gboolean prepare(GSource *source, int *timeout)
{
	BpLoop *loop = ((LoopSource *)source)->loop;
	gint64 next, now, left;

	*timeout = -1;
	if (loop->turning)
		return FALSE;
	now = g_get_monotonic_time();
	turns_record(&loop->turns, now);
	if (g_atomic_int_get(&loop->inbox.waiting) || loop->deferred.length)
		return TRUE;
	next = timers_next(loop);
	if (next < 0)
		return FALSE;
	left = next - now;
	*timeout = left <= 0 ? 0 : (int)MIN((left + 999) / 1000, G_MAXINT);
	return left <= 0;
}

/* The poll function has read the clock. */
static gint64 turn_now(const BpLoop *loop)
{
	return loop->turns.since ? loop->turns.since : g_get_monotonic_time();
}

static gboolean check(GSource *source)
{
	BpLoop *loop = ((LoopSource *)source)->loop;
	gint64 next;

	if (loop->turning)
		return FALSE;
	if (g_source_query_unix_fd(source, loop->poll_tag) || g_atomic_int_get(&loop->inbox.waiting) ||
	    loop->deferred.length)
		return TRUE;
	next = timers_next(loop);
	return next >= 0 && next <= turn_now(loop);
}

static gboolean dispatch(GSource *source, GSourceFunc func, gpointer data)
{
	BpLoop *loop = ((LoopSource *)source)->loop;

	loop->turning = TRUE;
	loop->now = loop->turned = turn_now(loop);
	loop->port.real_time = g_get_real_time();
	LOOP_ADD(loop->stats.turns, 1);
	inbox_run(loop);
	timers_run(loop);
	if (g_source_query_unix_fd(source, loop->poll_tag))
		fds_run(loop);
	defer_run(loop);
	loop->now = 0;
	loop->port.real_time = 0;
	loop->turning = FALSE;
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .prepare = prepare, .check = check, .dispatch = dispatch };

static gboolean post(BusPort *port, BusRun run, gpointer a, gpointer b, guint64 c, gboolean always)
{
	return inbox_post((BpLoop *)port, run, a, b, c, always);
}

/* Nothing that was made on it is left. */
static void loop_end(BusPort *port)
{
	BpLoop *loop = (BpLoop *)port, **list = port->is_main ? &spare_main : &spare;

	g_ptr_array_unref(loop->timers);
	g_free(loop->name);
	g_mutex_lock(&spare_lock);
	loop->next = *list;
	*list = loop;
	g_mutex_unlock(&spare_lock);
}

static BpLoop *loop_take(gboolean is_main)
{
	BpLoop *loop, **list = is_main ? &spare_main : &spare;

	g_mutex_lock(&spare_lock);
	loop = *list;
	if (loop)
		*list = loop->next;
	g_mutex_unlock(&spare_lock);
	if (loop)
		return loop;
	loop = g_new0(BpLoop, 1);
	loop->port.is_main = is_main;
	loop->port.post = post;
	loop->port.end = loop_end;
	inbox_init(&loop->inbox);
	return loop;
}

static BpLoop *loop_new(const char *name, GMainContext *context, gboolean is_main, GError **error)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	BpLoop *loop;

	if (epoll < 0) {
		g_set_error(error, BP_LOOP_ERROR, BP_FAILED, "no loop can be made: %s", g_strerror(errno));
		return NULL;
	}
	loop = loop_take(is_main);
	loop->port.ref = 1;
	loop->name = g_strdup(name);
	loop->context = g_main_context_ref(context);
	loop->epoll = epoll;
	loop->wakeup = -1;
	loop->turned = loop->checked = 0;
	loop->timers = g_ptr_array_new();
	loop->stats = (BpLoopStats){ 0 };
	loop->quit = FALSE;
	loop->ends = NULL;
	loop->thread = NULL;
	g_atomic_int_set(&loop->port.closed, FALSE);
	inbox_open(&loop->inbox);
	loop->source = g_source_new(&source_funcs, sizeof(LoopSource));
	((LoopSource *)loop->source)->loop = loop;
	g_source_set_static_name(loop->source, "backplane loop");
	loop->poll_tag = g_source_add_unix_fd(loop->source, epoll, G_IO_IN);
	/* A deferred call may turn the context again, as a modal dialogue does; `turning` keeps us out of that. GLib
	 * would keep us out too, at the price of three system calls in every turn. */
	g_source_set_can_recurse(loop->source, TRUE);
	g_source_attach(loop->source, context);
	g_main_context_set_poll_func(context, loop_poll);
	return loop;
}

/* On the loop itself. What waits is run; from then on nothing reaches it. */
static void loop_drain(BpLoop *loop)
{
	inbox_refuse(&loop->inbox);
	do {
		inbox_run(loop);
		defer_run(loop);
		defer_drop(loop);
	} while (!inbox_close(loop));
}

/* Its thread has ended, or it is the main loop and has turned for the last time. What was made on it may stay until its owner
 * goes, and refers to it; its descriptors are closed now. */
static void loop_free(BpLoop *loop)
{
	g_main_context_set_poll_func(loop->context, NULL);
	g_source_destroy(loop->source);
	g_source_unref(loop->source);
	loop->source = NULL;
	close(loop->epoll);
	loop->epoll = -1;
	g_clear_pointer(&loop->context, g_main_context_unref);
	bus_port_unref(&loop->port);
}

gboolean loop_start_main(GError **error)
{
	main_loop = loop_new("main", g_main_context_default(), TRUE, error);
	if (!main_loop)
		return FALSE;
	bus_port = bus_main = &main_loop->port;
	others = g_ptr_array_new();
	turns_add(&main_loop->turns, main_loop->name);
	return TRUE;
}

void loop_stop_main(void)
{
	turns_remove(&main_loop->turns);
	loop_drain(main_loop);
	g_clear_pointer(&others, g_ptr_array_unref);
	bus_port = bus_main = NULL;
	loop_free(g_steal_pointer(&main_loop));
}

static gboolean on_late(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

void loop_turn_until(gboolean (*done)(void), gint64 until)
{
	GSource *patience = g_timeout_source_new((guint)MAX((until - g_get_monotonic_time()) / 1000, 1));
	gboolean late = FALSE;

	g_source_set_callback(patience, on_late, &late, NULL);
	g_source_attach(patience, NULL);
	while (!late && !done())
		g_main_context_iteration(NULL, TRUE);
	g_source_destroy(patience);
	g_source_unref(patience);
}

/* --- loops with threads of their own --- */

static void run_ended(gpointer a, gpointer b, guint64 c)
{
	owner_unhold(a);
}

static gpointer run_thread(gpointer data)
{
	BpLoop *loop = data;

	bus_port = &loop->port;
	turns_add(&loop->turns, loop->name);
	g_main_context_push_thread_default(loop->context);
	while (!g_atomic_int_get(&loop->quit))
		g_main_context_iteration(loop->context, TRUE);
	loop_drain(loop);
	g_main_context_pop_thread_default(loop->context);
	turns_remove(&loop->turns);
	if (loop->ends)
		inbox_post(main_loop, run_ended, loop->ends, NULL, 0, TRUE);
	return NULL;
}

static void ask_to_end(BpLoop *loop)
{
	g_atomic_int_set(&loop->quit, TRUE);
	g_main_context_wakeup(loop->context);
}

static void drop_loop(BpOwned *owned)
{
	BpLoop *loop = OWNED_BY(owned, BpLoop, owned);

	g_ptr_array_remove(others, loop);
	ask_to_end(loop);
	g_thread_join(loop->thread);
	owner_unlink(owned);
	loop_free(loop);
}

/* It is owned as something that is on itself: so it is not waited for as long as its thread runs. */
BpLoop *bp_loop_open(BpPlugin *self, const char *name, GError **error)
{
	g_autoptr(GMainContext) context = NULL;
	BpLoop *loop;

	g_return_val_if_fail(bus_on_main() && !self->is_scope, NULL);
	context = g_main_context_new();
	loop = loop_new(name, context, FALSE, error);
	if (!loop)
		return NULL;
	if (!owner_link_there(self, &loop->owned, &loop->port, "loop", drop_loop)) {
		g_set_error(error, BP_LOOP_ERROR, BP_CLOSED, "%s is going, so loop %s is not opened", self->name, name);
		loop_drain(loop);
		loop_free(loop);
		return NULL;
	}
	loop->thread = g_thread_try_new(name, run_thread, loop, error);
	if (!loop->thread) {
		owner_unlink(&loop->owned);
		loop_drain(loop);
		loop_free(loop);
		return NULL;
	}
	g_ptr_array_add(others, loop);
	return loop;
}

void bp_loop_close(BpLoop *loop)
{
	g_return_if_fail(bus_on_main() && loop->thread);
	drop_loop(&loop->owned);
}

void loop_close_all(BpPlugin *owner)
{
	for (guint i = others->len; i > 0; i--) {
		BpLoop *loop = others->pdata[i - 1];

		if (loop->owned.owner == owner)
			drop_loop(&loop->owned);
	}
}

void loops_stop(BpPlugin *owner)
{
	for (guint i = 0; i < others->len; i++) {
		BpLoop *loop = others->pdata[i];

		if (loop->owned.owner != owner || loop->ends)
			continue;
		loop->ends = owner_hold(owner, "loop", loop->name);
		ask_to_end(loop);
	}
}

static void run_quiet(gpointer a, gpointer b, guint64 c)
{
	owner_unhold(a);
}

static void run_leave(gpointer a, gpointer b, guint64 c)
{
	OwnerHold *hold = a;

	owner_drop_here(hold->owner, &loop_here()->owned);
	owner_unhold(hold);
}

static gboolean ask_all(BpPlugin *owner, BusRun run)
{
	gboolean asked = FALSE;

	for (guint i = 0; i < others->len; i++) {
		BpLoop *loop = others->pdata[i];
		OwnerHold *hold = owner_hold(owner, "loop", loop->name);

		if (inbox_post(loop, run, hold, NULL, 0, TRUE))
			asked = TRUE;
		else
			owner_unhold(hold);
	}
	return !asked;
}

/* A loop that takes this has ended every call that was under way on it: the owner is dying, so none has begun since. */
gboolean loops_quiet(BpPlugin *owner)
{
	return owner_leave_elsewhere(owner, ELSEWHERE_ITEMS) < ELSEWHERE_CODE || ask_all(owner, run_quiet);
}

gboolean loops_leave(BpPlugin *owner)
{
	return owner_leave_elsewhere(owner, ELSEWHERE_NOTHING) == ELSEWHERE_NOTHING || ask_all(owner, run_leave);
}

GPtrArray *bp_loop_list(void)
{
	GPtrArray *list = g_ptr_array_copy(others, NULL, NULL);

	g_ptr_array_insert(list, 0, main_loop);
	return list;
}

BpLoop *bp_loop_current(void)
{
	return loop_here();
}

BpLoop *bp_loop_main(void)
{
	return main_loop;
}

const char *bp_loop_name(const BpLoop *loop)
{
	return loop->name;
}

GMainContext *bp_loop_context(BpLoop *loop)
{
	return loop->context;
}

gint64 bp_loop_now(void)
{
	const BpLoop *loop = loop_here();

	return loop && loop->now ? loop->now : g_get_monotonic_time();
}

void bp_loop_stats_sized(BpLoop *loop, BpLoopStats *result, gsize size)
{
	BpLoopStats stats = {
		.turns = __atomic_load_n(&loop->stats.turns, __ATOMIC_RELAXED),
		.events = __atomic_load_n(&loop->stats.events, __ATOMIC_RELAXED),
		.calls = __atomic_load_n(&loop->stats.calls, __ATOMIC_RELAXED),
		.fds = __atomic_load_n(&loop->fds, __ATOMIC_RELAXED),
		.timers = __atomic_load_n(&loop->timers->len, __ATOMIC_RELAXED),
	};

	stats.waiting = (guint)g_atomic_int_get(&loop->inbox.waiting);
	g_mutex_lock(&loop->inbox.lock);
	stats.drops = loop->inbox.drops;
	g_mutex_unlock(&loop->inbox.lock);
	bp_sized_copy(result, size, &stats, sizeof(stats));
}

gint64 bp_loop_longest_turn(BpLoop *loop, char **whose)
{
	char text[FRAME_TEXT];
	gint64 longest = turns_longest(&loop->turns, text);

	*whose = g_strdup(text);
	return longest;
}
