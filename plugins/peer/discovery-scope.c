/* SPDX-License-Identifier: MIT */
/* discovery-scope.c - from where a server of ours can be reached, and how often an address that a datagram names is connected to. */
#include <netinet/in.h>
#include <string.h>
#include "endpoint.h"

#define PROBES_OF_ADDRESS 8
#define PROBE_WINDOW (10 * G_USEC_PER_SEC)

static GHashTable *probed; /* IPv4 address -> number of probes in this window */
static gint64 window;	   /* its beginning */

/* Whether a server that listens on `bind` can be reached through that address of ours. */
gboolean discovery_is_in_scope(const EndpointServer *server, const struct in_addr *own, gboolean loopback)
{
	const char *bind = bp_instance_string(server->self, "bind");
	BpAddress address;

	if (!bind || strcmp(bind, "localhost") == 0)
		return loopback;
	if (!bp_address_parse(&address, bind, 0, NULL) || address.storage.ss_family == AF_UNIX)
		return FALSE;
	if (address.storage.ss_family == AF_INET) {
		struct in_addr bound = ((struct sockaddr_in *)&address.storage)->sin_addr;

		if (loopback)
			return bp_address_is_loopback(&address) || bound.s_addr == INADDR_ANY;
		return bound.s_addr == INADDR_ANY || bound.s_addr == own->s_addr;
	}
	return IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&address.storage)->sin6_addr);
}

gboolean discovery_is_public(const EndpointServer *server)
{
	struct in_addr any = { 0 };

	return !discovery_is_in_scope(server, &any, TRUE) || discovery_is_in_scope(server, &any, FALSE);
}

/* FALSE: that address has had its probes in this window. */
gboolean discovery_may_probe(const BpAddress *address, gint64 now)
{
	gpointer key = GUINT_TO_POINTER(((const struct sockaddr_in *)&address->storage)->sin_addr.s_addr);
	guint count;

	if (!probed)
		probed = g_hash_table_new(g_direct_hash, g_direct_equal);
	if (now - window > PROBE_WINDOW) {
		window = now;
		g_hash_table_remove_all(probed);
	}
	count = GPOINTER_TO_UINT(g_hash_table_lookup(probed, key));
	if (count >= PROBES_OF_ADDRESS)
		return FALSE;
	g_hash_table_insert(probed, key, GUINT_TO_POINTER(count + 1));
	return TRUE;
}

void discovery_scope_unload(void)
{
	g_clear_pointer(&probed, g_hash_table_unref);
}
