/* SPDX-License-Identifier: MIT */
/* mesh-websocket.c - module MeshPages: dashboards on WebSocket, in two vocabularies.
 *
 * A page gets a snapshot when it connects, then what changes: whole states (vocabulary v2) at most five times a second,
 * and typed messages (v1) as they happen. Both have "nodes", so a page of one vocabulary shows nodes that are none when it
 * gets the other: it gets that of the root's opcodes, unless the parameter, the path (/v1, /v2, /both) or its query
 * (?vocabulary=v1) says otherwise. A page that does not keep up gets nothing until it has read; then it gets the present state.
 */
#include <string.h>
#include <backplane/websocket.h>
#include "mesh-gateway.h"

typedef struct {
	MeshPages *pages;
	BpWebSocket *socket;
	gboolean typed, states;
	gboolean behind; /* it does not read */
} PageClient;

const BpParam mesh_pages_params[] = {
	{ "port", 'p', BP_INT, .fallback = "7654", .min = 0, .max = 65535,
	  .help = "port for dashboards; 0 takes a free one" },
	{ "gateway", .type = BP_STRING, .names = BP_AN_INSTANCE, .required = 1,
	  .help = "the MeshGateway that is shown" },
	{ "vocabulary", .type = BP_CHOICE, .choices = "auto|v1|v2|both", .fallback = "auto",
	  .help = "typed messages (v1), whole states (v2), or both; auto: v2 with opcodes v2, else v1" },
	{ .include = bp_http_params },
	{ NULL },
};

static void send_text(PageClient *page, const char *json)
{
	if (page->behind)
		page->pages->missed++;
	else if (bp_websocket_send_text(page->socket, json, -1) != BP_SENT)
		page->behind = TRUE;
}

/* Framed once for all. */
static void broadcast(MeshPages *pages, const char *json, gboolean typed)
{
	g_autoptr(BpMessage) plain = NULL, compressed = NULL;
	gsize size = strlen(json);

	for (guint i = 0; i < pages->all->len; i++) {
		PageClient *page = pages->all->pdata[i];
		gboolean small = size > 1024 && bp_websocket_takes_compressed(page->socket);
		BpMessage **frame = small ? &compressed : &plain;

		if (!(typed ? page->typed : page->states))
			continue;
		if (page->behind) {
			pages->missed++;
			continue;
		}
		if (!*frame)
			*frame = bp_websocket_frame_new(BP_WEBSOCKET_TEXT, json, size, small);
		if (bp_websocket_send_frame(page->socket, *frame) != BP_SENT)
			page->behind = TRUE;
	}
}

void mesh_pages_state(MeshPages *pages)
{
	g_autofree char *status = NULL, *state = NULL;

	if (!pages->all->len)
		return;
	status = mesh_json_status(pages->gateway);
	state = mesh_json_state(pages->gateway);
	broadcast(pages, status, TRUE);
	broadcast(pages, state, FALSE);
}

void mesh_pages_connection(MeshPages *pages)
{
	g_autofree char *connection = pages->all->len ? mesh_json_connection(pages->gateway) : NULL;

	if (connection)
		broadcast(pages, connection, TRUE);
}

void mesh_pages_text(MeshPages *pages, const char *json)
{
	broadcast(pages, json, TRUE);
}

/* --- a page --- */

static void send_snapshot(PageClient *page)
{
	const MeshGateway *gateway = page->pages->gateway;
	g_autofree char *connection = NULL, *status = NULL, *state = NULL;

	if (!gateway)
		return;
	if (page->typed) {
		connection = mesh_json_connection(gateway);
		status = mesh_json_status(gateway);
		send_text(page, connection);
		send_text(page, status);
	}
	if (page->states) {
		state = mesh_json_state(gateway);
		send_text(page, state);
	}
}

static void on_drained(BpPlugin *self, BpWebSocket *socket, gpointer user)
{
	PageClient *page = user;

	page->behind = FALSE;
	send_snapshot(page);
}

static void on_closed(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user)
{
	PageClient *page = user;

	g_ptr_array_remove(page->pages->all, page);
}

static const BpWebSocketEvents page_events = { .size = sizeof(page_events),
					       .drained = on_drained,
					       .closed = on_closed };

/* "v1", "v2" or "both": of the query, of the path, of the parameter, of the opcodes. Yours. */
static char *vocabulary_of(const MeshPages *pages, const char *path, const char *query)
{
	static const char *const words[] = { "v1", "v2", "both", NULL };
	g_autofree char *asked = bp_http_form_value(query ? query : "", query ? strlen(query) : 0, "vocabulary");
	const char *word = bp_instance_string(pages->self, "vocabulary");

	if (asked && g_strv_contains(words, asked))
		return g_steal_pointer(&asked);
	if (path && *path && g_strv_contains(words, path + 1))
		return g_strdup(path + 1);
	if (strcmp(word, "auto") != 0)
		return g_strdup(word);
	return g_strdup(pages->gateway && pages->gateway->set.opcodes != MESH_OPCODES_V2 ? "v1" : "v2");
}

static void on_accept(BpPlugin *self, BpWebSocket *socket, const char *path, const char *query, gpointer user)
{
	MeshPages *pages = user;
	g_autofree char *vocabulary = vocabulary_of(pages, path, query);
	PageClient *page = g_new0(PageClient, 1);

	page->pages = pages;
	page->socket = socket;
	page->typed = strcmp(vocabulary, "v2") != 0;
	page->states = strcmp(vocabulary, "v1") != 0;
	g_ptr_array_add(pages->all, page);
	bp_websocket_set_user(socket, &page_events, page);
	send_snapshot(page);
}

/* --- the module --- */

static void look(MeshPages *pages)
{
	const char *name = bp_instance_string(pages->self, "gateway");

	if (pages->gateway)
		bp_instance_set_state(pages->self, BP_STATE_OK, "pages of %s on %s", name,
				      bp_server_addresses(bp_http_listener(pages->http)));
	else
		bp_instance_set_state(pages->self, BP_STATE_WAITING,
				      "there is no MeshGateway %s: mesh open %s opens it", name, name);
}

static gboolean attach(MeshPages *pages, MeshGateway *gateway)
{
	if (gateway->pages)
		return FALSE;
	gateway->pages = pages;
	pages->gateway = gateway;
	look(pages);
	for (guint i = 0; i < pages->all->len; i++)
		send_snapshot(pages->all->pdata[i]);
	return TRUE;
}

/* Pages that were opened on their own outlive their gateway, and wait for the next one of its name. */
void mesh_pages_adopt(MeshGateway *gateway)
{
	g_autoptr(GPtrArray) list = bp_instance_list("MeshPages");

	for (guint i = 0; i < list->len; i++) {
		MeshPages *pages = bp_instance_data(list->pdata[i]);

		if (pages->self && !pages->gateway &&
		    strcmp(bp_instance_string(pages->self, "gateway"), bp_plugin_name(gateway->self)) == 0)
			attach(pages, gateway);
	}
}

void mesh_pages_forget(MeshGateway *gateway)
{
	MeshPages *pages = g_steal_pointer(&gateway->pages);

	if (!pages)
		return;
	pages->gateway = NULL;
	look(pages);
}

gboolean mesh_pages_open(BpInstance *self, GError **error)
{
	static const BpWebSocketServer server = { .size = sizeof(server), .accept = on_accept };
	MeshPages *pages = bp_instance_data(self);
	const char *name = bp_instance_string(self, "gateway");
	MeshGateway *gateway = mesh_gateway_find(name, NULL);

	if (gateway && gateway->pages) {
		g_set_error(error, BP_HOST_ERROR, BP_EXISTS, "%s has pages already: %s", name,
			    bp_plugin_name(gateway->pages->self));
		return FALSE;
	}
	pages->all = g_ptr_array_new_with_free_func(g_free);
	pages->http = bp_websocket_server_open(self, "server-mesh-pages-%u", &server, pages, error);
	if (!pages->http) {
		g_clear_pointer(&pages->all, g_ptr_array_unref);
		return FALSE;
	}
	pages->self = self;
	if (gateway)
		attach(pages, gateway);
	look(pages);
	return TRUE;
}

void mesh_pages_close(BpInstance *self)
{
	MeshPages *pages = bp_instance_data(self);

	if (pages->gateway) {
		pages->gateway->pages_instance = NULL;
		pages->gateway->pages = NULL;
	}
	bp_http_close(pages->http);
	while (pages->all->len) {
		PageClient *page = pages->all->pdata[0];

		bp_websocket_set_user(page->socket, NULL, NULL);
		bp_websocket_close(page->socket, BP_CLOSE_GOING_AWAY, "");
		g_ptr_array_remove_index(pages->all, 0);
	}
	g_ptr_array_unref(pages->all);
}

void mesh_pages_describe(BpInstance *self, GString *text)
{
	MeshPages *pages = bp_instance_data(self);

	g_string_append_printf(
		text, "dashboards of %s on %s: %u pages, %" G_GUINT64_FORMAT " messages they were too slow for\n",
		bp_instance_string(self, "gateway"), bp_server_addresses(bp_http_listener(pages->http)),
		pages->all->len, pages->missed);
}
