/* SPDX-License-Identifier: MIT */
/* watch.c - who gets what is said on a channel: watches, links, glob watches, and the walk over them.
 *
 * A walk keeps its place with a marker in the list and stops at a second one, put at the end when it
 * began. So whatever a watch does to the list, each watch that was there and still is gets the message once,
 * and those added meanwhile do not.
 */
#include "bus/channel.h"
#include <string.h>

typedef enum { WATCH_FUNC, WATCH_LINK, WATCH_GLOB } WatchKind;

struct BpWatch {
	BpOwned owned;
	Place node; /* in the branch; of a glob watch: the ring of its bindings */
	WatchKind kind;
	Branch *branch; /* NULL for a glob watch */
	union {
		BpWatchFunc func;
		BpGlobFunc glob_func;
		BpChannel *target;
	};
	gpointer data;
	GDestroyNotify destroy;
	guint64 since; /* sequence of the channel when it came; its replay held all up to it */
	gboolean *gone; /* set when it goes, while it is given its history */
	/* glob watches */
	GPatternSpec *pattern;
	BusPort *port;
	guint64 id;
};

/* A glob watch's place in one channel. It does not hold the channel in the table. */
typedef struct {
	Place node, of_watch;
	Branch *branch;
	BpWatch *watch;
} Binding;


static GHashTable *index_of_watches; /* bus_lock: finds a watch made twice */
static GList *globs;		     /* bus_lock */
static guint64 last_glob;

static void insert_before(Place *place, Place *node)
{
	node->prev = place->prev;
	node->next = place;
	node->prev->next = node;
	node->next->prev = node;
}

static void unlink_node(Place *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

/* --- branches --- */

static Branch *branch_find(BpChannel *channel, const BusPort *port)
{
	Branch *branch = g_atomic_pointer_get(&channel->branches);

	while (branch && branch->port != port)
		branch = branch->next;
	return branch;
}

/* The branch of the running loop. */
static Branch *branch_obtain(BpChannel *channel)
{
	Branch *branch = branch_find(channel, bus_port);

	if (branch)
		return branch;
	branch = g_new0(Branch, 1);
	branch->channel = channel;
	branch->port = bus_port_ref(bus_port);
	branch->head.prev = branch->head.next = &branch->head;
	g_mutex_lock(&bus_lock);
	branch->next = channel->branches;
	g_atomic_pointer_set(&channel->branches, branch);
	g_mutex_unlock(&bus_lock);
	return branch;
}

static void branch_add(Branch *branch, Place *node, PlaceKind kind)
{
	node->kind = kind;
	insert_before(&branch->head, node);
	g_atomic_int_inc(&branch->count);
	g_atomic_int_inc(&branch->channel->active);
}

static void branch_remove(Branch *branch, Place *node)
{
	unlink_node(node);
	g_atomic_int_add(&branch->count, -1);
	g_atomic_int_add(&branch->channel->active, -1);
}

/* --- delivery --- */

static void call_watch(BpWatch *watch, BpMessage *message, BpMessage **formatted)
{
	BpPlugin *owner = watch->owned.owner;
	BpChannel *channel = watch->branch->channel;

	if (watch->kind == WATCH_LINK) {
		bp_channel_send(watch->target, message);
		return;
	}
	if (!*formatted)
		*formatted = channel_format(channel, message);
	if (!owner_enter(owner))
		return;
	watch->func(owner, *formatted, watch->data);
	owner_leave(owner);
}

static void call_binding(Binding *binding, BpMessage *message, BpMessage **formatted)
{
	BpWatch *watch = binding->watch;
	BpPlugin *owner = watch->owned.owner;
	BpChannel *channel = binding->branch->channel;

	if (!*formatted)
		*formatted = channel_format(channel, message);
	if (!owner_enter(owner))
		return;
	watch->glob_func(owner, channel, *formatted, watch->data);
	owner_leave(owner);
}

static void branch_walk(Branch *branch, BpMessage *message, guint64 sequence)
{
	Place marker = { .kind = PLACE_MARK }, end = { .kind = PLACE_MARK };
	BpMessage *formatted = NULL;
	BpChannel *channel = bp_channel_ref(branch->channel);
	BusPort *port = branch->port;
	guint hops = port->turn_hops;

	branch->walking++;
	port->turn_hops = (message->hops + 1u) | (g_atomic_int_get(&channel->traits) & TRAIT_LOG ? HOP_OF_LOG : 0);
	insert_before(branch->head.next, &marker);
	insert_before(&branch->head, &end);
	for (Place *node = marker.next; node != &end; node = marker.next) {
		unlink_node(&marker);
		insert_before(node->next, &marker);
		if (node->kind == PLACE_WATCH) {
			BpWatch *watch = OWNED_BY(node, BpWatch, node);

			if (!sequence || sequence > watch->since)
				call_watch(watch, message, &formatted);
		} else if (node->kind == PLACE_BINDING) {
			call_binding(OWNED_BY(node, Binding, node), message, &formatted);
		}
	}
	unlink_node(&marker);
	unlink_node(&end);
	port->turn_hops = hops;
	branch->walking--;
	bp_message_unref(formatted);
	bp_channel_unref(channel);
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
	if (branch->port->post(branch->port, own ? run_posted_to_self : run_posted, branch, message, sequence))
		return;
	if (own)
		branch->queued--;
	channel_dropped(branch->channel, "a loop that watches it cannot keep up");
	bp_message_unref(message);
	bp_channel_unref(branch->channel);
}

/* Directly only when nothing sent before by this loop is still to come: so order holds. */
void channel_deliver(BpChannel *channel, BpMessage *message, guint64 sequence)
{
	for (Branch *branch = g_atomic_pointer_get(&channel->branches), *next; branch; branch = next) {
		next = branch->next;
		if (!g_atomic_int_get(&branch->count))
			continue;
		if (branch->port != bus_port)
			branch_post(branch, message, sequence);
		else if (!branch->walking && !branch->queued)
			branch_walk(branch, message, sequence);
		else if (!(g_atomic_int_get(&channel->traits) & TRAIT_LOG))
			branch_post(branch, message, sequence);
	}
}

/* --- watches --- */

static guint watch_hash(gconstpointer key)
{
	const BpWatch *watch = key;

	return g_direct_hash(watch->branch) ^ g_direct_hash(watch->data) * 31 ^ g_direct_hash((gpointer)watch->func) * 17 ^
	       g_direct_hash(watch->owned.owner) * 7;
}

static gboolean watch_equal(gconstpointer a, gconstpointer b)
{
	const BpWatch *first = a, *second = b;

	return first->branch == second->branch && first->kind == second->kind && first->func == second->func &&
	       first->data == second->data && first->owned.owner == second->owned.owner;
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
	if (watch->kind == WATCH_LINK)
		channel->links = g_slist_remove(channel->links, watch->target);
	g_mutex_unlock(&bus_lock);
	if (watch->destroy)
		watch->destroy(watch->data);
	if (watch->kind == WATCH_LINK)
		channel_unhold(watch->target);
	g_free(watch);
	channel_unhold(channel);
}

/* The greeting, then what is kept. What was posted before the watch came is in the replay already. The watch may
 * be removed by what it is given: FALSE. */
static gboolean give_history(BpWatch *watch)
{
	BpChannel *channel = watch->branch->channel;
	Extra *extra = channel_extra(channel, FALSE);
	g_autoptr(GPtrArray) replay = NULL;
	g_autofree char *greet = NULL;
	gboolean gone = FALSE;

	if (!extra)
		return TRUE;
	watch->gone = &gone;
	replay = g_ptr_array_new_with_free_func((GDestroyNotify)bp_message_unref);
	g_mutex_lock(&extra->lock);
	greet = g_strdup(extra->options.greet);
	for (GList *at = extra->replay.head; at; at = at->next)
		g_ptr_array_add(replay, bp_message_ref(at->data));
	watch->since = extra->sequence;
	g_mutex_unlock(&extra->lock);
	if (greet)
		g_ptr_array_insert(replay, 0, bp_message_new(greet, strlen(greet), BP_TEXT | BP_FLUSH_LEFT));
	for (guint i = 0; i < replay->len && !gone; i++) {
		BpMessage *message = replay->pdata[i];

		call_watch(watch, message, &message);
	}
	if (!gone)
		watch->gone = NULL;
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

static BpWatch *watch_add(BpPlugin *self, BpWatch *watch)
{
	BpWatch *same;

	watch->owned.owner = self;
	same = watch_index(watch);
	if (same) {
		g_free(watch);
		return same;
	}
	owner_link(self, &watch->owned, "watch", drop_watch);
	branch_add(watch->branch, &watch->node, PLACE_WATCH);
	return give_history(watch) ? watch : NULL;
}

BpWatch *bp_channel_watch(BpPlugin *self, BpChannel *channel, BpWatchFunc func, gpointer data, GDestroyNotify destroy)
{
	BpWatch *watch;

	g_return_val_if_fail(self && channel && func && bus_port, NULL);
	watch = g_new0(BpWatch, 1);
	watch->kind = WATCH_FUNC;
	watch->branch = branch_obtain(channel);
	watch->func = func;
	watch->data = data;
	watch->destroy = destroy;
	return watch_add(self, watch);
}

/* bus_lock held */
static gboolean leads_to(BpChannel *from, const BpChannel *to)
{
	if (from == to)
		return TRUE;
	for (GSList *at = from->links; at; at = at->next)
		if (leads_to(at->data, to))
			return TRUE;
	return FALSE;
}

BpWatch *bp_channel_link(BpPlugin *self, BpChannel *from, BpChannel *to, GError **error)
{
	BpWatch *watch;
	gboolean cycle;

	g_return_val_if_fail(self && from && to && bus_port, NULL);
	watch = g_new0(BpWatch, 1);
	watch->kind = WATCH_LINK;
	watch->branch = branch_obtain(from);
	watch->target = to;
	g_mutex_lock(&bus_lock);
	cycle = leads_to(to, from);
	if (!cycle) {
		from->links = g_slist_prepend(from->links, to);
		channel_hold(to);
	}
	g_mutex_unlock(&bus_lock);
	if (cycle) {
		g_free(watch);
		g_set_error(error, BP_BUS_ERROR, BP_INVALID,
			    "%s cannot watch %s: what is said on %s reaches %s already, and would go round for ever", to->name,
			    from->name, to->name, from->name);
		return NULL;
	}
	return watch_add(self, watch);
}

void bp_watch_remove(BpWatch *watch)
{
	watch->owned.drop(&watch->owned);
}

/* --- glob watches --- */

static void binding_free(Binding *binding)
{
	BpChannel *channel = binding->branch->channel;

	branch_remove(binding->branch, &binding->node);
	unlink_node(&binding->of_watch);
	g_free(binding);
	bp_channel_unref(channel);
}

static void bind_here(BpWatch *watch, BpChannel *channel)
{
	Branch *branch = branch_obtain(channel);
	Binding *binding;

	for (Place *node = branch->head.next; node != &branch->head; node = node->next)
		if (node->kind == PLACE_BINDING && OWNED_BY(node, Binding, node)->watch == watch)
			return;
	binding = g_new0(Binding, 1);
	binding->branch = branch;
	binding->watch = watch;
	bp_channel_ref(channel);
	insert_before(&watch->node, &binding->of_watch);
	branch_add(branch, &binding->node, PLACE_BINDING);
}

/* The glob watch may have gone since; its loop, which runs this, is the only one that could remove it. */
static void run_bind(gpointer a, gpointer b, guint64 id)
{
	BpChannel *channel = a;
	BpWatch *watch = NULL;
	gboolean listed;

	g_mutex_lock(&bus_lock);
	for (GList *at = globs; at && !watch; at = at->next)
		if (((BpWatch *)at->data)->id == id)
			watch = at->data;
	listed = channel->listed;
	g_mutex_unlock(&bus_lock);
	if (watch && listed)
		bind_here(watch, channel);
	bp_channel_unref(channel);
}

void watch_bind_globs(BpChannel *channel)
{
	g_autoptr(GPtrArray) here = g_ptr_array_new();

	g_mutex_lock(&bus_lock);
	for (GList *at = globs; at; at = at->next) {
		BpWatch *watch = at->data;

		if (!g_pattern_spec_match_string(watch->pattern, channel->name))
			continue;
		if (watch->port == bus_port)
			g_ptr_array_add(here, watch);
		else if (!watch->port->post(watch->port, run_bind, bp_channel_ref(channel), NULL, watch->id))
			bp_channel_unref(channel);
	}
	g_mutex_unlock(&bus_lock);
	for (guint i = 0; i < here->len; i++)
		bind_here(here->pdata[i], channel);
}

static void unbind_here(Branch *branch)
{
	for (Place *node = branch->head.next, *next; node != &branch->head; node = next) {
		next = node->next;
		if (node->kind == PLACE_BINDING)
			binding_free(OWNED_BY(node, Binding, node));
	}
}

static void run_unbind(gpointer a, gpointer b, guint64 c)
{
	BpChannel *channel = a;

	unbind_here(branch_find(channel, bus_port));
	bp_channel_unref(channel);
}

/* A full inbox cannot stop this: the bindings then stay until their glob watch goes, which costs memory only. */
void watch_unbind_globs(BpChannel *channel)
{
	for (Branch *branch = g_atomic_pointer_get(&channel->branches), *next; branch; branch = next) {
		next = branch->next;
		if (!g_atomic_int_get(&branch->count))
			continue;
		if (branch->port == bus_port)
			unbind_here(branch);
		else if (!branch->port->post(branch->port, run_unbind, bp_channel_ref(channel), NULL, 0))
			bp_channel_unref(channel);
	}
}

static void drop_glob(BpOwned *owned)
{
	BpWatch *watch = OWNED_BY(owned, BpWatch, owned);

	owner_unlink(owned);
	g_mutex_lock(&bus_lock);
	globs = g_list_remove(globs, watch);
	g_mutex_unlock(&bus_lock);
	while (watch->node.next != &watch->node)
		binding_free(OWNED_BY(watch->node.next, Binding, of_watch));
	if (watch->destroy)
		watch->destroy(watch->data);
	g_pattern_spec_free(watch->pattern);
	bus_port_unref(watch->port);
	g_free(watch);
}

BpWatch *bp_channel_watch_glob(BpPlugin *self, const char *glob, BpGlobFunc func, gpointer data, GDestroyNotify destroy)
{
	g_autoptr(GPtrArray) channels = NULL;
	BpWatch *watch;

	g_return_val_if_fail(self && glob && func && bus_port, NULL);
	watch = g_new0(BpWatch, 1);
	watch->kind = WATCH_GLOB;
	watch->node.prev = watch->node.next = &watch->node;
	watch->glob_func = func;
	watch->data = data;
	watch->destroy = destroy;
	watch->pattern = g_pattern_spec_new(glob);
	watch->port = bus_port_ref(bus_port);
	owner_link(self, &watch->owned, "glob watch", drop_glob);
	g_mutex_lock(&bus_lock);
	watch->id = ++last_glob;
	globs = g_list_append(globs, watch);
	g_mutex_unlock(&bus_lock);
	channels = bp_channel_list(glob);
	for (guint i = 0; i < channels->len; i++)
		bind_here(watch, channels->pdata[i]);
	return watch;
}
