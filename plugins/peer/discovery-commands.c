/* SPDX-License-Identifier: MIT */
/* discovery-commands.c - discover, discovery list. */
#include <string.h>
#include "endpoint.h"
#include "peer-table.h"

#define MOST_SHOWN 4096

static void add_rows(BpTable *table)
{
	json_t *list = discovery_json(), *node;
	size_t at;

	json_array_foreach(list, at, node)
	{
		const char *state, *project = json_string_value(json_object_get(node, "project_id"));

		state = json_string_value(json_object_get(node, "state"));
		bp_table_row(table, "%s\t%s\t%s:%d\t%s\t%s", state, json_string_value(json_object_get(node, "name")),
			     json_string_value(json_object_get(node, "ip")),
			     (int)json_integer_value(json_object_get(node, "port")), project ? project : "-",
			     json_string_value(json_object_get(node, "id")));
		bp_table_style(table, 0,
			       strcmp(state, "up") == 0	    ? BP_GOOD
			       : strcmp(state, "down") == 0 ? BP_BAD
							    : BP_WARN);
	}
	json_decref(list);
}

static void print_nodes(BpCall *call)
{
	DiscoveryCounts counts = discovery_counts();
	BpTable *table = bp_table_new("State", "Name", "Address", "Project", "Id", NULL);

	add_rows(table);
	bp_call_table(call, table);
	bp_call_styled(call, BP_DIM,
		       "%" G_GUINT64_FORMAT " datagrams heard, %" G_GUINT64_FORMAT " bad, %" G_GUINT64_FORMAT
		       " of browsers, %" G_GUINT64_FORMAT " refused; %" G_GUINT64_FORMAT " sent",
		       counts.heard, counts.bad, counts.browsers, counts.refused, counts.sent);
}

gboolean discovery_run_list(BpPlugin *self, BpCall *call, GError **error)
{
	print_nodes(call);
	return TRUE;
}

typedef struct {
	BpCall *call;
	guint left; /* halves of a second */
	GHashTable *shown;
} DiscoveryBrowse;

static void browse_end(DiscoveryBrowse *browse)
{
	BpCall *call = browse->call;

	g_hash_table_unref(browse->shown);
	g_free(browse);
	discovery_browse(FALSE);
	bp_call_progress(call, NULL);
	print_nodes(call);
	bp_call_done(call, NULL);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	browse_end(data);
}

/* Each state of each node once, as it comes. */
static void on_browse(BpPlugin *self, gpointer data)
{
	DiscoveryBrowse *browse = data;
	json_t *list = discovery_json(), *node;
	g_autofree char *progress = NULL;
	size_t at;

	json_array_foreach(list, at, node)
	{
		g_autofree char *line = g_strdup_printf("%-7s %s at %s:%d",
							json_string_value(json_object_get(node, "state")),
							json_string_value(json_object_get(node, "name")),
							json_string_value(json_object_get(node, "ip")),
							(int)json_integer_value(json_object_get(node, "port")));

		if (g_hash_table_size(browse->shown) < MOST_SHOWN && g_hash_table_add(browse->shown, g_strdup(line)))
			bp_call_print(browse->call, line);
	}
	progress = g_strdup_printf("%zu hosts, %u s left", json_array_size(list), browse->left / 2);
	json_decref(list);
	bp_call_progress(browse->call, progress);
	if (browse->left % 4 == 0)
		discovery_ask();
	if (browse->left-- == 0)
		browse_end(browse);
}

gboolean discovery_run_discover(BpPlugin *self, BpCall *call, GError **error)
{
	DiscoveryBrowse *browse = g_new0(DiscoveryBrowse, 1);

	discovery_browse(TRUE);
	browse->call = call;
	browse->left = (guint)bp_call_int(call, "seconds") * 2;
	browse->shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	discovery_ask();
	bp_timer_add(bp_call_scope(browse->call), NULL, G_USEC_PER_SEC / 2, 0, on_browse, browse, NULL);
	bp_call_hold(call, on_cancel, browse);
	return TRUE;
}

const BpParam discovery_discover_params[] = {
	{ "seconds", 's', BP_INT, .fallback = "5", .min = 1, .max = 3600, .help = "how long to look" },
	{ NULL },
};
