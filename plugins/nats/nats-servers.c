/* SPDX-License-Identifier: MIT */
/* nats-servers.c - the servers that a bridge may use: those of its parameter, and those that a cluster names. */
#include <string.h>
#include <backplane/plugin.h>
#include "nats-servers.h"

#define PORT 4222
#define MOST_SERVERS 64

void nats_server_free(gpointer data)
{
	NatsServer *server = data;

	g_free(server->host);
	g_free(server);
}

NatsServer *nats_server_parse(const char *text, gboolean *tls, GError **error)
{
	g_autofree char *host = NULL;
	const char *colon;
	NatsServer *server;
	guint64 port = PORT;

	if (g_str_has_prefix(text, "tls://") && tls)
		*tls = TRUE;
	if (g_str_has_prefix(text, "nats://") || g_str_has_prefix(text, "tls://"))
		text = strstr(text, "://") + 3;
	colon = *text == '[' ? strchr(text, ']') : NULL;
	if (colon) {
		host = g_strndup(text + 1, (gsize)(colon - text) - 1);
		colon = colon[1] == ':' ? colon + 1 : NULL;
	} else {
		colon = strchr(text, ':');
		if (colon && strchr(colon + 1, ':'))
			colon = NULL; /* IPv6 */
		host = colon ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
	}
	if (!*host || strpbrk(host, "@/ ") ||
	    (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))) {
		bp_fail(error, BP_INVALID, "%s is no server: it is written as HOST or HOST:PORT", text);
		return NULL;
	}
	server = g_new0(NatsServer, 1);
	server->host = g_steal_pointer(&host);
	server->port = (guint)port;
	return server;
}

static gboolean is_known(const GPtrArray *servers, const NatsServer *server)
{
	for (guint i = 0; i < servers->len; i++) {
		const NatsServer *one = servers->pdata[i];

		if (one->port == server->port && strcmp(one->host, server->host) == 0)
			return TRUE;
	}
	return FALSE;
}

void nats_servers_learn(GPtrArray *servers, const NatsServer *used, const json_t *urls)
{
	json_t *url;
	size_t i;

	if (!json_is_array(urls))
		return;
	for (guint at = servers->len; at-- > 0;) {
		const NatsServer *server = servers->pdata[at];

		if (server->learned && server != used)
			g_ptr_array_remove_index(servers, at);
	}
	json_array_foreach(urls, i, url)
	{
		const char *text = json_string_value(url);
		NatsServer *server = text && servers->len < MOST_SERVERS ? nats_server_parse(text, NULL, NULL) : NULL;

		if (!server)
			continue;
		server->learned = TRUE;
		if (is_known(servers, server))
			nats_server_free(server);
		else
			g_ptr_array_add(servers, server);
	}
}
