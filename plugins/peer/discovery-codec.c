/* SPDX-License-Identifier: MIT */
/* discovery-codec.c - reading and writing the datagrams by which hosts find each other. */
#include "discovery-codec.h"
#include <string.h>
#include "python-json.h"

#define TYPE "witch-series-server" /* by which the originals know a server */
#define TAG "PROJECT:"
#define MOST_TEXT 128
#define MOST_PROTOCOLS 32

/* --- reading --- */

void discovery_node_clear(DiscoveryNode *node)
{
	g_free(node->id);
	g_free(node->name);
	g_free(node->hash);
	g_free(node->project);
	g_strfreev(node->protocols);
	memset(node, 0, sizeof(*node));
}

/* Text that may be shown: not too long, no control characters. */
static const char *text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	if (!text || !*text || json_string_length(value) > MOST_TEXT || strlen(text) != json_string_length(value))
		return NULL;
	for (const char *at = text; *at; at = g_utf8_next_char(at))
		if (g_unichar_iscntrl(g_utf8_get_char(at)))
			return NULL;
	return text;
}

static void read_protocols(DiscoveryNode *node, const json_t *list)
{
	GPtrArray *protocols = g_ptr_array_new();
	size_t at;
	json_t *item;

	json_array_foreach((json_t *)list, at, item)
	{
		const char *text = json_string_value(item);

		if (!text || strlen(text) > MOST_TEXT || protocols->len >= MOST_PROTOCOLS)
			continue;
		if (g_str_has_prefix(text, TAG) && !node->project)
			node->project = g_strdup(text + strlen(TAG));
		else
			g_ptr_array_add(protocols, g_strdup(text));
	}
	g_ptr_array_add(protocols, NULL);
	node->protocols = (char **)g_ptr_array_free(protocols, FALSE);
}

static gboolean read_port(DiscoveryNode *node, const json_t *object)
{
	const json_t *port = json_object_get(object, "port");

	if (!json_is_integer(port) || json_integer_value(port) < 1 || json_integer_value(port) > 65535)
		return FALSE;
	node->port = (guint)json_integer_value(port);
	return TRUE;
}

static DiscoveryKind read_node(DiscoveryNode *node, const json_t *message, const json_t *info, const char *name_key)
{
	const char *name = text_of(info, name_key);
	json_int_t ttl = json_integer_value(json_object_get(message, "ttl"));

	if (!read_port(node, info))
		return DISCOVERY_BAD;
	node->name = g_strdup(name ? name : node->id);
	node->hash = g_strdup(text_of(message, "hash"));
	read_protocols(node, json_object_get(info, "protocols"));
	node->ttl = (guint)CLAMP(ttl, 0, 3600);
	return DISCOVERY_NODE;
}

static DiscoveryKind read_message(DiscoveryNode *node, const json_t *message)
{
	const char *type = text_of(message, "type"), *id = text_of(message, "node_id");
	const json_t *info = json_object_get(message, "service_info");

	if (!type)
		return DISCOVERY_BAD;
	if (strcmp(type, "backplane_query") == 0)
		return DISCOVERY_QUERY;
	if (strcmp(type, "node_discovery") != 0 && strcmp(type, "backplane_node") != 0 &&
	    strcmp(type, "backplane_goodbye") != 0)
		return DISCOVERY_OTHER;
	if (!id)
		return DISCOVERY_BAD;
	node->id = g_strdup(id);
	if (strcmp(type, "backplane_goodbye") == 0)
		return DISCOVERY_GOODBYE;
	node->ours = strcmp(type, "backplane_node") == 0;
	if (!info)
		return read_node(node, message, message, "name");
	if (!json_is_object(info))
		return DISCOVERY_BAD;
	if (!json_object_size(info))
		return DISCOVERY_BROWSER;
	return read_node(node, message, info, "server_name");
}

DiscoveryKind discovery_read(DiscoveryNode *node, const void *data, gsize size)
{
	json_t *message = bp_json_parse_object(data, size, DISCOVERY_SERVER_MOST, NULL);
	DiscoveryNode read = { 0 };
	DiscoveryKind kind;

	if (!message)
		return DISCOVERY_BAD;
	kind = read_message(&read, message);
	json_decref(message);
	if (kind == DISCOVERY_NODE || kind == DISCOVERY_GOODBYE)
		*node = read;
	else
		discovery_node_clear(&read);
	return kind;
}

/* --- writing --- */

static json_t *protocol_list(const DiscoveryNode *node, gboolean with_project)
{
	json_t *list = json_array();

	for (char **at = node->protocols; at && *at; at++)
		json_array_append_new(list, json_string(*at));
	if (with_project && node->project) {
		g_autofree char *tag = g_strconcat(TAG, node->project, NULL);

		json_array_append_new(list, json_string(tag));
	}
	return list;
}

static char *text_within(char *take_text, gsize most)
{
	if (strlen(take_text) <= most)
		return take_text;
	g_free(take_text);
	return NULL;
}

char *discovery_announcement(const DiscoveryNode *node, gint64 now)
{
	g_autofree char *time = python_time(now);
	json_t *message = json_pack("{s:s,s:s,s:{s:s,s:i,s:o,s:s},s:s}", "type", "node_discovery", "node_id", node->id,
				    "service_info", "type", TYPE, "port", (int)node->port, "protocols",
				    protocol_list(node, FALSE), "server_name", node->name, "timestamp", time);
	char *text = python_json_text(message);

	json_decref(message);
	return text_within(text, DISCOVERY_MOST);
}

static json_t *server_message(const DiscoveryNode *node, const char *type, const char *ip)
{
	json_t *message = json_pack("{s:s,s:s,s:s}", "type", type, "node_id", node->id, "hash",
				    node->hash ? node->hash : "");

	if (ip)
		json_object_set_new(message, "ip", json_string(ip));
	json_object_set_new(message, "port", json_integer(node->port));
	json_object_set_new(message, "name", json_string(node->name));
	json_object_set_new(message, "protocols", protocol_list(node, TRUE));
	return message;
}

char *discovery_server_announcement(const DiscoveryNode *node, const char *ip)
{
	json_t *message = server_message(node, "node_discovery", ip);
	char *text = bp_json_text(message);

	json_decref(message);
	return text_within(text, DISCOVERY_SERVER_MOST);
}

char *discovery_own(const DiscoveryNode *node)
{
	json_t *message = server_message(node, "backplane_node", NULL);
	char *text;

	json_object_set_new(message, "ttl", json_integer(node->ttl));
	text = bp_json_text(message);
	json_decref(message);
	return text_within(text, DISCOVERY_MOST);
}

char *discovery_goodbye(const DiscoveryNode *node)
{
	json_t *message = json_pack("{s:s,s:s}", "type", "backplane_goodbye", "node_id", node->id);
	char *text = bp_json_text(message);

	json_decref(message);
	return text;
}

char *discovery_query(void)
{
	return g_strdup("{\"type\":\"backplane_query\"}");
}
