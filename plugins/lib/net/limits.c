/* SPDX-License-Identifier: MIT */
/* limits.c - how many, how fast, for how long.
 *
 * Timeouts need no timer for each connection: streams are kept in order of arrival and, with an idle timeout,
 * in order of their last input; one timer a server looks at the front of both.
 */
#include <string.h>
#include <netinet/in.h>
#include <backplane/networks.h>
#include "server.h"

#define SHORTEST_LOOK (5 * 1000)
#define LONGEST_LOOK G_USEC_PER_SEC

typedef struct {
	guint8 bytes[8]; /* IPv4, or the network of IPv6: a host has all of it */
	guint16 family;
	guint count;
} AddressCount;

static guint hash_address(gconstpointer key)
{
	const AddressCount *count = key;
	guint hash = count->family;

	for (guint i = 0; i < sizeof(count->bytes); i++)
		hash = hash * 31 + count->bytes[i];
	return hash;
}

static gboolean equal_address(gconstpointer a, gconstpointer b)
{
	const AddressCount *left = a, *right = b;

	return left->family == right->family && memcmp(left->bytes, right->bytes, sizeof(left->bytes)) == 0;
}

static AddressCount key_of(const BpAddress *peer)
{
	AddressCount key = { .family = peer->storage.ss_family };

	if (key.family == AF_INET)
		memcpy(key.bytes, &((const struct sockaddr_in *)&peer->storage)->sin_addr, 4);
	else if (key.family == AF_INET6)
		memcpy(key.bytes, &((const struct sockaddr_in6 *)&peer->storage)->sin6_addr, sizeof(key.bytes));
	return key;
}

/* A bucket that holds what one second allows. */
static gboolean take_token(BpServer *server)
{
	gint64 now = bp_loop_now();

	server->tokens += (double)(now - server->tokens_at) / G_USEC_PER_SEC * server->options.rate_limit;
	server->tokens = MIN(server->tokens, (double)server->options.rate_limit);
	server->tokens_at = now;
	if (server->tokens < 1)
		return FALSE;
	server->tokens -= 1;
	return TRUE;
}

char *limits_refuse(BpServer *server, const BpAddress *peer)
{
	AddressCount key = key_of(peer), *count = NULL;

	if (!bp_networks_allow(server->networks, peer))
		return g_strdup("its address may not come here (allow, deny)");
	if (server->options.max_connections && server->stats.connections >= server->options.max_connections)
		return g_strdup_printf("%u of %u connections are open", server->stats.connections,
				       server->options.max_connections);
	if (server->by_address) {
		count = g_hash_table_lookup(server->by_address, &key);
		if (count && count->count >= server->options.max_per_address)
			return g_strdup_printf("%u of %u connections from this address are open", count->count,
					       server->options.max_per_address);
	}
	if (server->options.rate_limit && !take_token(server))
		return g_strdup_printf("more than %u new connections a second", server->options.rate_limit);
	if (server->by_address && !count) {
		count = g_new(AddressCount, 1);
		*count = key;
		g_hash_table_add(server->by_address, count);
	}
	if (count)
		count->count++;
	return NULL;
}

void limits_leave(BpServer *server, const BpAddress *peer)
{
	AddressCount key = key_of(peer), *count;

	count = server->by_address ? g_hash_table_lookup(server->by_address, &key) : NULL;
	if (count && --count->count == 0)
		g_hash_table_remove(server->by_address, &key);
}

static void time_out(BpStream *stream, const char *what, gint64 limit)
{
	BpPlugin *owner = stream->owned.owner;
	GError *why;

	if (stream->closing)
		return;
	why = g_error_new(BP_IO_ERROR, BP_TIMEOUT, "%s for %g s", what, (double)limit / G_USEC_PER_SEC);
	stream_ref(stream);
	if (stream->events.expired && !stream->shaking && bp_owner_enter(owner)) {
		stream->events.expired(owner, stream, why, stream->user);
		bp_owner_leave(owner);
	}
	stream_close_with(stream, why);
	stream_unref(stream);
}

static void look(BpPlugin *self, gpointer data)
{
	BpServer *server = data;
	gint64 now = bp_loop_now();

	/* Closing takes effect later in the turn: the lists do not change meanwhile. */
	if (server->options.idle_timeout)
		for (BpStream *at = server->first_active; at && now - at->stats.last_in >= server->options.idle_timeout;
		     at = at->next_active)
			time_out(at, "nothing was heard", server->options.idle_timeout);
	if (server->options.session_timeout)
		for (BpStream *at = server->first_opened;
		     at && now - at->stats.opened >= server->options.session_timeout; at = at->next_opened)
			time_out(at, "the connection was open", server->options.session_timeout);
}

static void on_look_gone(gpointer data)
{
	((BpServer *)data)->timer = NULL;
}

void limits_start(BpServer *server)
{
	gint64 shortest = server->options.idle_timeout;

	if (server->options.max_per_address)
		server->by_address = g_hash_table_new_full(hash_address, equal_address, g_free, NULL);
	server->tokens = server->options.rate_limit;
	server->tokens_at = bp_loop_now();
	if (server->options.session_timeout && (!shortest || server->options.session_timeout < shortest))
		shortest = server->options.session_timeout;
	if (shortest)
		server->timer = bp_timer_add(server->owned.owner, NULL,
					     CLAMP(shortest / 4, SHORTEST_LOOK, LONGEST_LOOK), 0, look, server,
					     on_look_gone);
}

void limits_stop(BpServer *server)
{
	if (server->timer)
		bp_timer_remove(server->timer);
	g_clear_pointer(&server->by_address, g_hash_table_unref);
}
