/* SPDX-License-Identifier: MIT */
/* glob.c - glob watches: bound to each channel whose name matches, when it appears. */
#include "bus/watch.h"

/* A watch of kind WATCH_GLOB. */
typedef struct GlobWatch GlobWatch;
struct GlobWatch {
	BpWatch watch;
	GPatternSpec *pattern;
	BusPort *port;
	guint64 id;
	GlobWatch *next, **at; /* bus_lock */
};

static GlobWatch *globs; /* bus_lock */
static guint64 last_id;

static void binding_free(GlobBinding *binding)
{
	BpChannel *channel = binding->branch->channel;

	branch_remove(binding->branch, &binding->node);
	node_unlink(&binding->of_watch);
	g_free(binding);
	bp_channel_unref(channel);
}

/* channel_unhold first removes the channel from the table and then its bindings, so either it sees this binding, or `listed` is FALSE. */
static void bind_here(BpWatch *watch, BpChannel *channel)
{
	Branch *branch = branch_obtain(channel);
	GlobBinding *binding;
	gboolean listed;

	for (ListNode *node = branch->head.next; node != &branch->head; node = node->next)
		if (node->kind == NODE_BINDING && OWNED_BY(node, GlobBinding, node)->watch == watch)
			return;
	binding = g_new0(GlobBinding, 1);
	binding->branch = branch;
	binding->watch = watch;
	bp_channel_ref(channel);
	node_insert_before(&watch->node, &binding->of_watch);
	branch_add(branch, &binding->node, NODE_BINDING);
	g_mutex_lock(&bus_lock);
	listed = channel->listed;
	g_mutex_unlock(&bus_lock);
	if (!listed)
		binding_free(binding);
}

/* The glob watch may have been removed meanwhile; only its loop, which runs this, removes it. */
static void run_bind(gpointer a, gpointer b, guint64 id)
{
	BpChannel *channel = a;
	GlobWatch *glob;

	g_mutex_lock(&bus_lock);
	for (glob = globs; glob && glob->id != id; glob = glob->next)
		;
	g_mutex_unlock(&bus_lock);
	if (glob)
		bind_here(&glob->watch, channel);
	bp_channel_unref(channel);
}

void watch_bind_globs(BpChannel *channel)
{
	g_autoptr(GPtrArray) here = g_ptr_array_new();

	g_mutex_lock(&bus_lock);
	for (GlobWatch *glob = globs; glob; glob = glob->next) {
		if (!g_pattern_spec_match_string(glob->pattern, channel->name))
			continue;
		if (glob->port == bus_port)
			g_ptr_array_add(here, glob);
		else if (!glob->port->post(glob->port, run_bind, bp_channel_ref(channel), NULL, glob->id, TRUE))
			bp_channel_unref(channel);
	}
	g_mutex_unlock(&bus_lock);
	for (guint i = 0; i < here->len; i++)
		bind_here(&((GlobWatch *)here->pdata[i])->watch, channel);
}

static void unbind_here(Branch *branch)
{
	for (ListNode *node = branch->head.next, *next; node != &branch->head; node = next) {
		next = node->next;
		if (node->kind == NODE_BINDING)
			binding_free(OWNED_BY(node, GlobBinding, node));
	}
}

static void run_unbind(gpointer a, gpointer b, guint64 c)
{
	BpChannel *channel = a;

	unbind_here(branch_find(channel, bus_port));
	bp_channel_unref(channel);
}

/* Bindings of a loop that has ended stay until their glob watch is removed. */
void watch_unbind_globs(BpChannel *channel)
{
	for (Branch *branch = g_atomic_pointer_get(&channel->branches), *next; branch; branch = next) {
		next = branch->next;
		if (!g_atomic_int_get(&branch->count))
			continue;
		if (branch->port == bus_port)
			unbind_here(branch);
		else if (!branch->port->post(branch->port, run_unbind, bp_channel_ref(channel), NULL, 0, TRUE))
			bp_channel_unref(channel);
	}
}

static void drop_glob(BpOwned *owned)
{
	GlobWatch *glob = OWNED_BY(owned, GlobWatch, watch.owned);
	BpWatch *watch = &glob->watch;

	owner_unlink(owned);
	g_mutex_lock(&bus_lock);
	*glob->at = glob->next;
	if (glob->next)
		glob->next->at = glob->at;
	g_mutex_unlock(&bus_lock);
	while (watch->node.next != &watch->node)
		binding_free(OWNED_BY(watch->node.next, GlobBinding, of_watch));
	if (watch->destroy)
		watch->destroy(watch->data);
	g_pattern_spec_free(glob->pattern);
	bus_port_unref(glob->port);
	g_free(glob);
}

BpWatch *bp_channel_watch_glob(BpPlugin *self, const char *text, BpGlobFunc func, gpointer data, GDestroyNotify destroy)
{
	g_autoptr(GPtrArray) channels = NULL;
	BpWatch *watch;
	GlobWatch *glob;

	g_return_val_if_fail(self && text && func && bus_port, NULL);
	glob = g_new0(GlobWatch, 1);
	glob->pattern = g_pattern_spec_new(text);
	glob->port = bus_port_ref(bus_port);
	watch = &glob->watch;
	watch->kind = WATCH_GLOB;
	watch->node.prev = watch->node.next = &watch->node;
	watch->glob_func = func;
	watch->data = data;
	watch->destroy = destroy;
	owner_link(self, &watch->owned, "glob watch", drop_glob);
	g_mutex_lock(&bus_lock);
	glob->id = ++last_id;
	glob->next = globs;
	glob->at = &globs;
	if (globs)
		globs->at = &glob->next;
	globs = glob;
	g_mutex_unlock(&bus_lock);
	channels = bp_channel_list(text);
	for (guint i = 0; i < channels->len; i++)
		bind_here(watch, channels->pdata[i]);
	return watch;
}
