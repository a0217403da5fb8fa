/* SPDX-License-Identifier: MIT */
/* inbox.c - what other threads ask of a loop, in order, bounded; and calls for the end of this turn. */
#include "loop/loop.h"

typedef struct {
	BpOwned owned;
	BpFunc func;
	gpointer data;
	GDestroyNotify destroy;
	gboolean dropped; /* its owner has ended; it is still in the inbox */
} DeferredCall;

void inbox_init(Inbox *inbox)
{
	g_mutex_init(&inbox->lock);
	inbox->entries = g_array_new(FALSE, FALSE, sizeof(InboxEntry));
	inbox->spare = g_array_new(FALSE, FALSE, sizeof(InboxEntry));
	inbox->state = INBOX_CLOSED;
}

void inbox_open(Inbox *inbox)
{
	g_mutex_lock(&inbox->lock);
	inbox->state = INBOX_OPEN;
	inbox->drops = 0;
	g_mutex_unlock(&inbox->lock);
}

void inbox_refuse(Inbox *inbox)
{
	g_mutex_lock(&inbox->lock);
	inbox->state = INBOX_ENDING;
	g_mutex_unlock(&inbox->lock);
}

gboolean inbox_close(BpLoop *loop)
{
	Inbox *inbox = &loop->inbox;
	gboolean empty;

	g_mutex_lock(&inbox->lock);
	empty = !inbox->entries->len;
	if (empty) {
		inbox->state = INBOX_CLOSED;
		g_atomic_int_set(&loop->port.closed, TRUE);
	}
	g_mutex_unlock(&inbox->lock);
	return empty;
}

/* lock held */
static gboolean is_admitted(Inbox *inbox, gboolean always)
{
	gboolean good = always ? inbox->state != INBOX_CLOSED
			       : inbox->state == INBOX_OPEN && inbox->entries->len < BP_INBOX_LIMIT;

	inbox->drops += !good;
	return good;
}

/* Only the first of a batch wakes the loop: until it has taken them it knows. lock held; gives the context to wake up, with
 * a reference, because the loop may end before that is done. */
static GMainContext *append(BpLoop *loop, InboxEntry entry)
{
	Inbox *inbox = &loop->inbox;

	g_array_append_val(inbox->entries, entry);
	g_atomic_int_set(&inbox->waiting, (gint)inbox->entries->len);
	return inbox->entries->len == 1 && bus_port != &loop->port ? g_main_context_ref(loop->context) : NULL;
}

static void wake_up(GMainContext *take_context)
{
	if (!take_context)
		return;
	g_main_context_wakeup(take_context);
	g_main_context_unref(take_context);
}

gboolean inbox_post(BpLoop *loop, BusRun run, gpointer a, gpointer b, guint64 c, gboolean always)
{
	Inbox *inbox = &loop->inbox;
	GMainContext *asleep = NULL;
	gboolean good;

	g_mutex_lock(&inbox->lock);
	good = is_admitted(inbox, always);
	if (good)
		asleep = append(loop, (InboxEntry){ run, a, b, c });
	g_mutex_unlock(&inbox->lock);
	wake_up(asleep);
	return good;
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
	LOOP_ADD(loop->stats.calls, batch->len);
	if (batch->len > 1024) { /* a burst's memory is given back */
		g_array_unref(batch);
		batch = g_array_new(FALSE, FALSE, sizeof(InboxEntry));
	}
	g_array_set_size(batch, 0);
	inbox->spare = batch;
}

static void call_finish(DeferredCall *call)
{
	if (call->destroy)
		call->destroy(call->data);
	call->destroy = NULL;
}

static void call_run(DeferredCall *call)
{
	BpPlugin *owner = call->owned.owner;

	owner_unlink(&call->owned);
	if (owner_enter_as(owner, call->owned.kind, NULL)) {
		call->func(owner, call->data);
		owner_leave(owner);
	}
	call_finish(call);
	g_free(call);
}

static DeferredCall *call_new(BpFunc func, gpointer data, GDestroyNotify destroy)
{
	DeferredCall *call = g_new0(DeferredCall, 1);

	call->func = func;
	call->data = data;
	call->destroy = destroy;
	return call;
}

/* On the loop that has it, whose queue frees it. */
static void drop_call(BpOwned *owned)
{
	DeferredCall *call = OWNED_BY(owned, DeferredCall, owned);

	owner_unlink(owned);
	call->dropped = TRUE;
	call_finish(call);
}

static void run_call(gpointer a, gpointer b, guint64 c)
{
	DeferredCall *call = a;

	if (call->dropped)
		g_free(call);
	else
		call_run(call);
}

/* --- from any thread --- */

/* It is its owner's and in the inbox at once or not at all. */
gboolean bp_loop_call(BpPlugin *self, BpLoop *loop, BpFunc func, gpointer data, GDestroyNotify destroy)
{
	Inbox *inbox = &loop->inbox;
	GMainContext *asleep = NULL;
	gboolean good;
	DeferredCall *call;

	g_return_val_if_fail(!self->is_scope || loop == loop_here(), FALSE);
	call = call_new(func, data, destroy);
	g_mutex_lock(&inbox->lock);
	good = is_admitted(inbox, FALSE) && owner_link_there(self, &call->owned, &loop->port, "call", drop_call);
	if (good)
		asleep = append(loop, (InboxEntry){ run_call, call, NULL, 0 });
	g_mutex_unlock(&inbox->lock);
	wake_up(asleep);
	if (good)
		return TRUE;
	call_finish(call);
	g_free(call);
	return FALSE;
}

/* --- deferred --- */

void bp_defer(BpPlugin *self, BpFunc func, gpointer data, GDestroyNotify destroy)
{
	DeferredCall *call;

	g_return_if_fail(bus_port);
	call = call_new(func, data, destroy);
	owner_link(self, &call->owned, "deferred call", drop_call);
	g_queue_push_tail(&loop_here()->deferred, call);
}

/* Those that defer again are run too, up to a bound: a call that defers itself must not stop the loop. */
void defer_run(BpLoop *loop)
{
	for (guint left = loop->deferred.length + 1024; left && loop->deferred.length; left--)
		run_call(g_queue_pop_head(&loop->deferred), NULL, 0);
}

void defer_drop(BpLoop *loop)
{
	DeferredCall *call;

	while ((call = g_queue_pop_head(&loop->deferred))) {
		if (!call->dropped)
			drop_call(&call->owned);
		g_free(call);
	}
}
