/* SPDX-License-Identifier: MIT */
/* watch.c - watches of a channel, and the walk that gives them a message.
 *
 * A walk keeps its place with a marker in the list and stops at a second one, put at the end when it
 * began. So whatever a watch does to the list, each watch that was there and still is gets the message once,
 * and those added meanwhile do not.
 */
#include "bus/watch.h"
#include <string.h>

static GHashTable *index_of_watches; /* bus_lock: finds a watch made twice */

/* --- branches --- */

Branch *branch_find(BpChannel *channel, const BusPort *port)
{
	Branch *branch = g_atomic_pointer_get(&channel->branches);

	while (branch && branch->port != port)
		branch = branch->next;
	return branch;
}

Branch *branch_obtain(BpChannel *channel)
{
	Branch *branch = branch_find(channel, bus_port);

	if (branch)
		return branch;
	branch = g_new0(Branch, 1);
	branch->channel = channel;
	branch->port = bus_port;
	branch->head.prev = branch->head.next = &branch->head;
	g_mutex_lock(&bus_lock);
	branch->next = channel->branches;
	g_atomic_pointer_set(&channel->branches, branch);
	g_mutex_unlock(&bus_lock);
	return branch;
}

void branch_count(Branch *branch, int change)
{
	g_atomic_int_add(&branch->count, change);
	g_atomic_int_add(&branch->channel->active, change);
}

void branch_add(Branch *branch, ListNode *node, ListNodeKind kind)
{
	node->kind = kind;
	node_insert_before(&branch->head, node);
	branch_count(branch, 1);
}

void branch_remove(Branch *branch, ListNode *node)
{
	node_unlink(node);
	branch_count(branch, -1);
}

/* --- delivery --- */

/* Each call counts on this path: 20 ns for a send with one watcher. */
#define INLINE inline __attribute__((always_inline))

/* Many owners may be called, one after the other, in one frame that names the channel. */
typedef struct {
	BpMessage *message, *formatted;
	Frame *frame;
	gboolean is_main, is_outermost;
} BranchWalk;

static INLINE void walk_begin(BranchWalk *walk, const BpChannel *channel, BpMessage *message)
{
	walk->message = message;
	walk->formatted = NULL;
	walk->is_main = bus_on_main();
	walk->is_outermost = !frame_stack.depth && frame_stack.mark;
	walk->frame = frame_push(NULL, "channel", channel->name);
}

static INLINE gboolean walk_enter(BranchWalk *walk, BpPlugin *owner, BpChannel *channel)
{
	if (owner_is_dying(owner))
		return FALSE;
	if (!walk->formatted)
		walk->formatted = channel_format(channel, walk->message);
	frame_set_owner(walk->frame, owner_whole(owner));
	owner_arrive(owner, walk->is_main);
	return TRUE;
}

static INLINE void walk_leave(BranchWalk *walk, BpPlugin *owner)
{
	if (walk->is_outermost)
		frame_mark();
	frame_set_owner(walk->frame, NULL);
	owner_depart(owner, walk->is_main);
}

static INLINE void call_watch(BranchWalk *walk, BpWatch *watch)
{
	BpPlugin *owner = watch->owned.owner;

	if (watch->kind == WATCH_LINK) {
		if (!g_atomic_int_get(&OWNED_BY(watch, Link, watch)->standby))
			bp_channel_send(watch->target, walk->message);
	} else if (walk_enter(walk, owner, watch->branch->channel)) {
		watch->func(owner, walk->formatted, watch->data);
		walk_leave(walk, owner);
	}
}

static void call_binding(BranchWalk *walk, GlobBinding *binding)
{
	BpWatch *watch = binding->watch;
	BpPlugin *owner = watch->owned.owner;
	BpChannel *channel = binding->branch->channel;

	if (walk_enter(walk, owner, channel)) {
		watch->glob_func(owner, channel, walk->formatted, watch->data);
		walk_leave(walk, owner);
	}
}

/* The caller has a reference to the channel: watches may give up every other. */
static void branch_walk(Branch *branch, BpMessage *message, guint64 sequence)
{
	ListNode marker = { .kind = NODE_MARKER }, end = { .kind = NODE_MARKER };
	BranchWalk walk;
	BusPort *port = branch->port;
	guint hops = port->turn_hops;

	walk_begin(&walk, branch->channel, message);
	branch->walking++;
	port->turn_hops = (message->hops + 1u) |
			  (g_atomic_int_get(&branch->channel->traits) & TRAIT_LOG ? HOP_OF_LOG : 0) |
			  (message->flags & BP_COPY ? HOP_OF_COPY : 0);
	node_insert_before(branch->head.next, &marker);
	node_insert_before(&branch->head, &end);
	for (ListNode *node = marker.next; node != &end; node = marker.next) {
		node_unlink(&marker);
		node_insert_before(node->next, &marker);
		if (node->kind == NODE_WATCH) {
			BpWatch *watch = OWNED_BY(node, BpWatch, node);

			if (!sequence || sequence > watch->since)
				call_watch(&walk, watch);
		} else if (node->kind == NODE_BINDING) {
			call_binding(&walk, OWNED_BY(node, GlobBinding, node));
		}
	}
	frame_pop();
	node_unlink(&marker);
	node_unlink(&end);
	port->turn_hops = hops;
	branch->walking--;
	bp_message_unref(walk.formatted);
}

static void run_posted(gpointer a, gpointer b, guint64 sequence)
{
	Branch *branch = a;
	BpChannel *channel = branch->channel;

	branch_walk(branch, b, sequence);
	bp_message_unref(b);
	bp_channel_unref(channel);
}

static void run_posted_to_self(gpointer a, gpointer b, guint64 sequence)
{
	((Branch *)a)->queued--;
	run_posted(a, b, sequence);
}

static void branch_post(Branch *branch, BpMessage *message, guint64 sequence)
{
	gboolean own = branch->port == bus_port;

	bp_channel_ref(branch->channel);
	bp_message_ref(message);
	if (own)
		branch->queued++;
	if (branch->port->post(branch->port, own ? run_posted_to_self : run_posted, branch, message, sequence, FALSE))
		return;
	if (own)
		branch->queued--;
	if (!g_atomic_int_get(&branch->port->closed))
		bp_channel_dropped(branch->channel, "a loop that watches it cannot keep up");
	bp_message_unref(message);
	bp_channel_unref(branch->channel);
}

/* Directly only when nothing sent before by this loop is still to come: so order holds. */
void channel_deliver(BpChannel *channel, BpMessage *message, guint64 sequence)
{
	Branch *branch = g_atomic_pointer_get(&channel->branches);

	if (!branch)
		return;
	bp_channel_ref(channel);
	for (; branch; branch = branch->next) {
		if (!g_atomic_int_get(&branch->count))
			continue;
		if (branch->port != bus_port)
			branch_post(branch, message, sequence);
		else if (!branch->walking && !branch->queued)
			branch_walk(branch, message, sequence);
		else if (!(g_atomic_int_get(&channel->traits) & TRAIT_LOG))
			branch_post(branch, message, sequence);
	}
	bp_channel_unref(channel);
}

/* --- watches --- */

static guint watch_hash(gconstpointer key)
{
	const BpWatch *watch = key;

	return g_direct_hash(watch->branch) ^ g_direct_hash(watch->data) * 31 ^
	       g_direct_hash((gpointer)watch->func) * 17 ^ g_direct_hash(watch->owned.owner) * 7;
}

static gboolean watch_equal(gconstpointer a, gconstpointer b)
{
	const BpWatch *first = a, *second = b;

	return first->branch == second->branch && first->func == second->func && first->data == second->data &&
	       first->owned.owner == second->owned.owner;
}

static void drop_watch(BpOwned *owned)
{
	BpWatch *watch = OWNED_BY(owned, BpWatch, owned);
	BpChannel *channel = watch->branch->channel;

	owner_unlink(owned);
	if (watch->gone)
		*watch->gone = TRUE;
	branch_remove(watch->branch, &watch->node);
	g_mutex_lock(&bus_lock);
	g_hash_table_remove(index_of_watches, watch);
	g_mutex_unlock(&bus_lock);
	if (watch->destroy)
		watch->destroy(watch->data);
	g_free(watch);
	channel_unhold(channel);
}

gboolean watch_give_history(BpWatch *watch)
{
	BpChannel *channel = watch->branch->channel;
	ChannelState *state = channel_state(channel, FALSE);
	g_autoptr(GPtrArray) replay = NULL;
	g_autofree char *greet = NULL;
	gboolean gone = FALSE;
	BranchWalk walk;

	if (!state)
		return TRUE;
	bp_channel_ref(channel);
	watch->gone = &gone;
	replay = g_ptr_array_new_with_free_func((GDestroyNotify)bp_message_unref);
	g_mutex_lock(&state->lock);
	greet = g_strdup(state->options.greet);
	for (GList *at = state->replay.head; at; at = at->next)
		g_ptr_array_add(replay, bp_message_ref(at->data));
	watch->since = state->sequence;
	g_mutex_unlock(&state->lock);
	if (greet)
		g_ptr_array_insert(replay, 0, bp_message_new(greet, strlen(greet), BP_TEXT | BP_FLUSH_LEFT));
	walk_begin(&walk, channel, NULL);
	for (guint i = 0; i < replay->len && !gone; i++) {
		walk.message = walk.formatted = replay->pdata[i];
		call_watch(&walk, watch);
	}
	if (!gone)
		watch->gone = NULL;
	frame_pop();
	bp_channel_unref(channel);
	return !gone;
}

/* Finds the same watch or puts this one in the index. */
static BpWatch *watch_index(BpWatch *watch)
{
	BpWatch *same;

	g_mutex_lock(&bus_lock);
	if (!index_of_watches)
		index_of_watches = g_hash_table_new(watch_hash, watch_equal);
	same = g_hash_table_lookup(index_of_watches, watch);
	if (!same) {
		g_hash_table_add(index_of_watches, watch);
		channel_hold(watch->branch->channel);
	}
	g_mutex_unlock(&bus_lock);
	return same;
}

BpWatch *bp_channel_watch(BpPlugin *self, BpChannel *channel, BpWatchFunc func, gpointer data, GDestroyNotify destroy)
{
	BpWatch *watch, *same;

	g_return_val_if_fail(self && channel && func && bus_port, NULL);
	watch = g_new0(BpWatch, 1);
	watch->kind = WATCH_FUNC;
	watch->branch = branch_obtain(channel);
	watch->func = func;
	watch->data = data;
	watch->destroy = destroy;
	watch->owned.owner = self;
	same = watch_index(watch);
	if (same) {
		g_free(watch);
		return same;
	}
	owner_link(self, &watch->owned, "watch", drop_watch);
	branch_add(watch->branch, &watch->node, NODE_WATCH);
	return watch_give_history(watch) ? watch : NULL;
}

void bp_watch_remove(BpWatch *watch)
{
	watch->owned.drop(&watch->owned);
}
