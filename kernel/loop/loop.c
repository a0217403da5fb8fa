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

static gboolean prepare(GSource *source, int *timeout)
{
	BpLoop *loop = ((LoopSource *)source)->loop;
	gint64 next, left;

	*timeout = -1;
	if (loop->turning)
		return FALSE;
	if (g_atomic_int_get(&loop->inbox.waiting) || loop->deferred.length)
		return TRUE;
	next = timers_next(loop);
	if (next < 0)
		return FALSE;
	left = next - g_get_monotonic_time();
	*timeout = left <= 0 ? 0 : (int)MIN((left + 999) / 1000, G_MAXINT);
	return left <= 0;
}

static gboolean check(GSource *source)
{
	BpLoop *loop = ((LoopSource *)source)->loop;
	gint64 next;

	if (loop->turning)
		return FALSE;
	if (g_source_query_unix_fd(source, loop->poll_tag) || g_atomic_int_get(&loop->inbox.waiting) || loop->deferred.length)
		return TRUE;
	next = timers_next(loop);
	return next >= 0 && next <= g_get_monotonic_time();
}

static gboolean dispatch(GSource *source, GSourceFunc func, gpointer data)
{
	BpLoop *loop = ((LoopSource *)source)->loop;

	loop->turning = TRUE;
	loop->now = g_get_monotonic_time();
	loop->port.real_time = g_get_real_time();
	loop->stats.turns++;
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

static gboolean post(BusPort *port, BusRun run, gpointer a, gpointer b, guint64 c)
{
	return inbox_post((BpLoop *)port, run, a, b, c, FALSE);
}

static void loop_free(BusPort *port)
{
	BpLoop *loop = (BpLoop *)port;

	g_main_context_unref(loop->context);
	inbox_clear(&loop->inbox);
	g_ptr_array_unref(loop->timers);
	close(loop->epoll);
	g_free(loop->name);
	g_free(loop);
}

static BpLoop *loop_new(const char *name, GMainContext *context, GError **error)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	BpLoop *loop;

	if (epoll < 0) {
		g_set_error(error, BP_LOOP_ERROR, BP_FAILED, "no loop can be made: %s", g_strerror(errno));
		return NULL;
	}
	loop = g_new0(BpLoop, 1);
	loop->port.ref = 1;
	loop->port.post = post;
	loop->port.free = loop_free;
	loop->name = g_strdup(name);
	loop->context = g_main_context_ref(context);
	loop->epoll = epoll;
	loop->wakeup = -1;
	loop->timers = g_ptr_array_new();
	inbox_init(&loop->inbox);
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

/* From here on nothing reaches the loop; what waits in its inbox is run by whoever closes it, so that nothing
 * posted is lost. */
static void loop_end(BpLoop *loop)
{
	g_mutex_lock(&loop->inbox.lock);
	loop->inbox.closed = TRUE;
	g_mutex_unlock(&loop->inbox.lock);
	while (g_atomic_int_get(&loop->inbox.waiting))
		inbox_run(loop);
	while (loop->deferred.length)
		defer_run(loop);
	g_main_context_set_poll_func(loop->context, NULL);
	g_source_destroy(loop->source);
	g_source_unref(loop->source);
	loop->source = NULL;
}

gboolean loop_start_main(GError **error)
{
	main_loop = loop_new("main", g_main_context_default(), error);
	if (!main_loop)
		return FALSE;
	main_loop->port.is_main = TRUE;
	bus_port = bus_main = &main_loop->port;
	others = g_ptr_array_new();
	return TRUE;
}

void loop_stop_main(void)
{
	loop_end(main_loop);
	g_clear_pointer(&others, g_ptr_array_unref);
	bus_port = bus_main = NULL;
	bus_port_unref(&g_steal_pointer(&main_loop)->port);
}

static gpointer run_thread(gpointer data)
{
	BpLoop *loop = data;

	bus_port = &loop->port;
	g_main_context_push_thread_default(loop->context);
	while (!g_atomic_int_get(&loop->quit))
		g_main_context_iteration(loop->context, TRUE);
	g_main_context_pop_thread_default(loop->context);
	return NULL;
}

static void drop_loop(BpOwned *owned)
{
	BpLoop *loop = OWNED_BY(owned, BpLoop, owned);

	owner_unlink(owned);
	g_ptr_array_remove(others, loop);
	g_atomic_int_set(&loop->quit, TRUE);
	g_main_context_wakeup(loop->context);
	g_thread_join(loop->thread);
	loop_end(loop);
	bus_port_unref(&loop->port);
}

BpLoop *bp_loop_open(BpPlugin *self, const char *name, GError **error)
{
	g_autoptr(GMainContext) context = g_main_context_new();
	BpLoop *loop = loop_new(name, context, error);

	if (!loop)
		return NULL;
	loop->thread = g_thread_try_new(name, run_thread, loop, error);
	if (!loop->thread) {
		loop_end(loop);
		bus_port_unref(&loop->port);
		return NULL;
	}
	g_ptr_array_add(others, loop);
	owner_link(self, &loop->owned, "loop", drop_loop);
	return loop;
}

void bp_loop_close(BpLoop *loop)
{
	g_return_if_fail(loop->thread && loop != loop_here());
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

GPtrArray *bp_loop_list(void)
{
	GPtrArray *list = g_ptr_array_new();

	g_ptr_array_add(list, main_loop);
	for (guint i = 0; i < others->len; i++)
		g_ptr_array_add(list, others->pdata[i]);
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

BpLoopStats bp_loop_stats(BpLoop *loop)
{
	BpLoopStats stats = loop->stats;

	stats.waiting = (guint)g_atomic_int_get(&loop->inbox.waiting);
	g_mutex_lock(&loop->inbox.lock);
	stats.drops = loop->inbox.drops;
	g_mutex_unlock(&loop->inbox.lock);
	stats.fds = loop->fds;
	stats.timers = loop->timers->len;
	return stats;
}
