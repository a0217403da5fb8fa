/* SPDX-License-Identifier: MIT */
/* glob.c - glob watches: bound to each channel whose name matches, when it appears. */
#include "bus/watch.h"

static GList *globs; /* bus_lock */
static guint64 last_glob;

static void binding_free(Binding *binding)
{
	BpChannel *channel = binding->branch->channel;

	branch_remove(binding->branch, &binding->node);
	place_unlink(&binding->of_watch);
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
	place_insert_before(&watch->node, &binding->of_watch);
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
