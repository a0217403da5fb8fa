/* SPDX-License-Identifier: MIT */
/* inbox.c - what other threads ask of a loop, in order, bounded; and calls for the end of this turn. */
#include "loop/loop.h"

typedef struct {
	BpOwned owned;
	BpFunc func;
	gpointer data;
	GDestroyNotify destroy;
	gboolean dropped; /* its owner has gone; the inbox still has it */
} Call;

void inbox_init(Inbox *inbox)
{
	g_mutex_init(&inbox->lock);
	inbox->entries = g_array_new(FALSE, FALSE, sizeof(InboxEntry));
	inbox->spare = g_array_new(FALSE, FALSE, sizeof(InboxEntry));
}

void inbox_clear(Inbox *inbox)
{
	g_array_unref(inbox->entries);
	g_array_unref(inbox->spare);
	g_mutex_clear(&inbox->lock);
}

/* Only the first of a batch wakes the loop: until it has taken them it knows. */
gboolean inbox_post(BpLoop *loop, BusRun run, gpointer a, gpointer b, guint64 c, gboolean always)
{
	InboxEntry entry = { run, a, b, c };
	Inbox *inbox = &loop->inbox;
	gboolean wake;

	g_mutex_lock(&inbox->lock);
	if (inbox->closed || (inbox->entries->len >= BP_INBOX_LIMIT && !always)) {
		inbox->drops++;
		g_mutex_unlock(&inbox->lock);
		return FALSE;
	}
	wake = !inbox->entries->len;
	g_array_append_val(inbox->entries, entry);
	g_atomic_int_set(&inbox->waiting, (gint)inbox->entries->len);
	g_mutex_unlock(&inbox->lock);
	if (wake && bus_port != &loop->port)
		g_main_context_wakeup(loop->context);
	return TRUE;
}

/* What comes while the batch runs waits for the next turn, so that nobody starves the descriptors. */
void inbox_run(BpLoop *loop)
{
	Inbox *inbox = &loop->inbox;
	GArray *batch;

	if (!g_atomic_int_get(&inbox->waiting))
		return;
	g_mutex_lock(&inbox->lock);
	batch = inbox->entries;
	inbox->entries = inbox->spare;
	inbox->spare = NULL;
	g_atomic_int_set(&inbox->waiting, 0);
	g_mutex_unlock(&inbox->lock);
	for (guint i = 0; i < batch->len; i++) {
		InboxEntry *entry = &g_array_index(batch, InboxEntry, i);

		entry->run(entry->a, entry->b, entry->c);
	}
	loop->stats.calls += batch->len;
	if (batch->len > 1024) { /* a burst's memory is given back */
		g_array_unref(batch);
		batch = g_array_new(FALSE, FALSE, sizeof(InboxEntry));
	}
	g_array_set_size(batch, 0);
	inbox->spare = batch;
}

static void call_finish(Call *call)
{
	if (call->destroy)
		call->destroy(call->data);
	call->destroy = NULL;
}

static void call_run(Call *call)
{
	BpPlugin *owner = call->owned.owner;

	owner_unlink(&call->owned);
	if (owner_enter(owner)) {
		call->func(owner, call->data);
		owner_leave(owner);
	}
	call_finish(call);
	g_free(call);
}

static Call *call_new(BpPlugin *self, BpFunc func, gpointer data, GDestroyNotify destroy, const char *kind,
		      void (*drop)(BpOwned *))
{
	Call *call = g_new0(Call, 1);

	call->func = func;
	call->data = data;
	call->destroy = destroy;
	owner_link(self, &call->owned, kind, drop);
	return call;
}

/* The queue that has it frees it. */
static void drop_call(BpOwned *owned)
{
	Call *call = OWNED_BY(owned, Call, owned);

	owner_unlink(owned);
	call->dropped = TRUE;
	call_finish(call);
}

static void run_call(gpointer a, gpointer b, guint64 c)
{
	Call *call = a;

	if (call->dropped)
		g_free(call);
	else
		call_run(call);
}

/* --- from any thread --- */

gboolean bp_loop_call(BpPlugin *self, BpLoop *loop, BpFunc func, gpointer data, GDestroyNotify destroy)
{
	Call *call = call_new(self, func, data, destroy, "call", drop_call);

	if (inbox_post(loop, run_call, call, NULL, 0, FALSE))
		return TRUE;
	drop_call(&call->owned);
	g_free(call);
	return FALSE;
}

/* --- deferred --- */

void bp_defer(BpPlugin *self, BpFunc func, gpointer data, GDestroyNotify destroy)
{
	g_return_if_fail(bus_port);
	g_queue_push_tail(&loop_here()->deferred, call_new(self, func, data, destroy, "deferred call", drop_call));
}

/* Those that defer again are run too, up to a bound: a call that defers itself must not stop the loop. */
void defer_run(BpLoop *loop)
{
	for (guint left = loop->deferred.length + 1024; left && loop->deferred.length; left--)
		run_call(g_queue_pop_head(&loop->deferred), NULL, 0);
}
