/* SPDX-License-Identifier: MIT */
/* nats-servers.h - the servers that a bridge may use: those of its parameter, and those that a cluster names. */
#pragma once
#include <backplane/json.h>

typedef struct {
	char *host;
	guint port;
	gboolean learned; /* from INFO */
} NatsServer;

/* HOST, HOST:PORT, nats://..., tls://...; the last one sets `*tls` (may be NULL). NULL with an error. */
NatsServer *nats_server_parse(const char *text, gboolean *tls, GError **error);
void nats_server_free(gpointer server);
/* `urls` of INFO: the other servers of the cluster, and the addresses of this one. Learned ones that are not there any more are forgotten, but
 * not `used`. */
void nats_servers_learn(GPtrArray *servers, const NatsServer *used, const json_t *urls);
