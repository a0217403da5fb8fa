/* SPDX-License-Identifier: MIT */
/* watch.c - messages of topics, shown by commands as they come. */
#include <string.h>
#include <backplane/bytes.h>
#include "bridge-state.h"

#define SHOWN 1000 /* bytes of a message */

typedef struct {
	BpBridge *bridge;
	BpCall *call;
	char *filter;
	gint64 left; /* 0: no end */
} TopicWatcher;

gboolean bp_bridge_is_watched(const BpBridge *bridge, const char *filter)
{
	for (const GList *at = bridge->watchers; at; at = at->next)
		if (strcmp(((TopicWatcher *)at->data)->filter, filter) == 0)
			return TRUE;
	return FALSE;
}

static void watcher_end(TopicWatcher *watcher)
{
	BpBridge *bridge = watcher->bridge;
	BpCall *call = watcher->call;

	bridge->watchers = g_list_remove(bridge->watchers, watcher);
	if (!bp_bridge_is_watched(bridge, watcher->filter))
		bridge->system.unsubscribe(watcher->filter, bridge->user);
	g_free(watcher->filter);
	g_free(watcher);
	bp_call_done(call, NULL);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	watcher_end(data);
}

void bridge_watchers_end(BpBridge *bridge)
{
	while (bridge->watchers)
		watcher_end(bridge->watchers->data);
}

void bp_bridge_show(BpBridge *bridge, const char *filter, const char *name, gconstpointer data, gsize size)
{
	for (GList *at = bridge->watchers, *next; at; at = next) {
		TopicWatcher *watcher = at->data;
		g_auto(GStrv) captures = bridge->system.captures(watcher->filter, name);
		g_autofree char *text = NULL;

		next = at->next;
		if (!captures || (filter && strcmp(filter, watcher->filter) != 0))
			continue;
		text = g_utf8_validate(data, (gssize)size, NULL) ? g_strndup(data, MIN(size, SHOWN))
								 : bp_bytes_text(data, MIN(size, SHOWN));
		bp_call_printf(watcher->call, "%s %s%s", name, text, size > SHOWN ? "..." : "");
		if (watcher->left > 0 && !--watcher->left)
			watcher_end(watcher);
	}
}

gboolean bp_bridge_watch(BpBridge *bridge, BpCall *call, const char *filter, gint64 count, GError **error)
{
	TopicWatcher *watcher;

	if (!bp_bridge_is_watched(bridge, filter) && !bridge->system.subscribe(filter, error, bridge->user))
		return FALSE;
	watcher = g_new0(TopicWatcher, 1);
	watcher->bridge = bridge;
	watcher->call = call;
	watcher->filter = g_strdup(filter);
	watcher->left = count;
	bridge->watchers = g_list_append(bridge->watchers, watcher);
	bp_call_hold(call, on_cancel, watcher);
	return TRUE;
}
