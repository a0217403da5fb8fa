/* SPDX-License-Identifier: MIT */
/* address.h - where a socket is: IPv4, IPv6, Unix. Numeric only; names are resolved by a job. */
#pragma once
#include <sys/socket.h>
#include <backplane/types.h>

G_BEGIN_DECLS

struct BpAddress {
	socklen_t size;
	struct sockaddr_storage storage;
};

/* "127.0.0.1", "::1", "*" or "" (any), "/run/x.sock" or "unix:NAME" (then `port` is not used), "fe80::1%eth0". */
BP_API gboolean bp_address_parse(BpAddress *address, const char *host, guint port, GError **error);
/* "127.0.0.1:2323", "[::1]:2323", "/run/x.sock". Yours. */
BP_API char *bp_address_format(const BpAddress *address);
/* ('127.0.0.1', 2323): the form used in the texts on event channels. */
BP_API char *bp_address_format_tuple(const BpAddress *address);
BP_API gboolean bp_address_is_loopback(const BpAddress *address);
BP_API guint bp_address_port(const BpAddress *address);
BP_API gboolean bp_address_equal(const BpAddress *a, const BpAddress *b);
/* The addresses to bind for the text of a `bind` parameter; "localhost" gives both loopback addresses. Free with g_array_unref. */
BP_API GArray *bp_address_bind_list(const char *bind, guint port, GError **error);
/* Resolves in a job; `done` runs on this loop with the addresses or an error, both borrowed. */
typedef void (*BpResolved)(BpPlugin *self, GArray *addresses, const GError *error, gpointer data);
BP_API void bp_address_resolve(BpPlugin *self, const char *host, guint port, BpResolved done, gpointer data);

G_END_DECLS
