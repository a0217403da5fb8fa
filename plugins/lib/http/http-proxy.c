/* SPDX-License-Identifier: MIT */
/* http-proxy.c - behind proxies that are trusted: who the client is, and how it reached the first of them.
 *
 * X-Forwarded-For is read from its end, where the nearest proxy has written, up to the first address that is no trusted
 * proxy: what stands before it anybody may have invented.
 */
#include <netinet/in.h>
#include <string.h>
#include "http-server.h"

/* "unix" for clients of a socket file, an address, or a network: 10.0.0.0/8, fd00::/8. */
typedef struct {
	BpAddress address;
	guint bits;
} TrustedNetwork;

static const guint8 *address_bytes(const BpAddress *address, guint *size)
{
	*size = address->storage.ss_family == AF_INET ? 4 : 16;
	return *size == 4 ? (const guint8 *)&((const struct sockaddr_in *)&address->storage)->sin_addr
			  : (const guint8 *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
}

static gboolean parse_network(const char *text, TrustedNetwork *network, GError **error)
{
	const char *slash = strchr(text, '/');
	g_autofree char *host = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
	guint64 bits;
	guint size;

	memset(network, 0, sizeof(*network));
	if (strcmp(text, "unix") == 0) {
		network->address.storage.ss_family = AF_UNIX;
		return TRUE;
	}
	if (!strchr(host, '/') && !g_str_has_prefix(host, "unix:") &&
	    bp_address_parse(&network->address, host, 0, NULL)) {
		address_bytes(&network->address, &size);
		bits = size * 8;
		if (!slash || g_ascii_string_to_unsigned(slash + 1, 10, 0, bits, &bits, NULL)) {
			network->bits = (guint)bits;
			return TRUE;
		}
	}
	g_set_error(error, BP_HOST_ERROR, BP_INVALID,
		    "trusted_proxies: %s is no address, no network such as 10.0.0.0/8, and not unix", text);
	return FALSE;
}

gboolean http_proxies_parse(BpHttpServer *server, const char *const *list, GError **error)
{
	for (; list && *list; list++) {
		TrustedNetwork network;

		if (!parse_network(*list, &network, error))
			return FALSE;
		if (!server->proxies)
			server->proxies = g_array_new(FALSE, FALSE, sizeof(TrustedNetwork));
		g_array_append_val(server->proxies, network);
	}
	return TRUE;
}

static gboolean is_within(const TrustedNetwork *network, const BpAddress *address)
{
	guint size, whole = network->bits / 8, rest = network->bits % 8;
	const guint8 *one, *other;

	if (network->address.storage.ss_family != address->storage.ss_family)
		return FALSE;
	if (address->storage.ss_family == AF_UNIX)
		return TRUE;
	one = address_bytes(&network->address, &size);
	other = address_bytes(address, &size);
	return memcmp(one, other, whole) == 0 && (!rest || (one[whole] ^ other[whole]) >> (8 - rest) == 0);
}

static gboolean is_trusted(const BpHttpServer *server, const BpAddress *address)
{
	for (guint i = 0; i < server->proxies->len; i++)
		if (is_within(&g_array_index(server->proxies, TrustedNetwork, i), address))
			return TRUE;
	return FALSE;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711" */
static gboolean parse_client(const char *text, BpAddress *address)
{
	const char *colon = strrchr(text, ':'), *end = strchr(text, ']');
	gboolean has_port = colon && (*text == '[' ? colon > end : strchr(text, ':') == colon);
	g_autofree char *host = NULL;
	guint64 port = 0;

	if (has_port && !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
		return FALSE;
	if (*text == '[' && end)
		host = g_strndup(text + 1, (gsize)(end - text - 1));
	else
		host = has_port ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
	return g_ascii_isxdigit(*host == ':' ? '0' : *host) && bp_address_parse(address, host, (guint)port, NULL) &&
	       address->storage.ss_family != AF_UNIX;
}

gboolean http_is_proxied(const BpHttpExchange *exchange)
{
	const BpHttpServer *server = exchange->connection->server;

	return server->proxies && exchange->connection->stream &&
	       is_trusted(server, bp_stream_peer_address(exchange->connection->stream));
}

char *http_forwarded_peer(const BpHttpExchange *exchange)
{
	g_autofree char *list = http_is_proxied(exchange) ? bp_http_header_list(exchange, "x-forwarded-for") : NULL;
	g_auto(GStrv) parts = g_strsplit(list ? list : "", ",", -1);
	char *found = NULL;

	for (guint i = g_strv_length(parts); i > 0; i--) {
		BpAddress address;

		if (!parse_client(g_strstrip(parts[i - 1]), &address))
			break;
		g_free(found);
		found = bp_address_format(&address);
		if (!is_trusted(exchange->connection->server, &address))
			break;
	}
	return found;
}

const char *http_forwarded_scheme(const BpHttpExchange *exchange)
{
	const char *scheme = http_is_proxied(exchange) ? bp_http_header(exchange, "x-forwarded-proto") : NULL;

	if (!scheme)
		return NULL;
	return g_ascii_strcasecmp(scheme, "https") == 0	 ? "https"
	       : g_ascii_strcasecmp(scheme, "http") == 0 ? "http"
							 : NULL;
}
