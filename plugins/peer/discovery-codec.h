/* SPDX-License-Identifier: MIT */
/* discovery-codec.h - the datagrams of ports 8889 and 8890, and our own beside them. No kernel, no I/O.
 *
 * 8889, read by everybody who browses: {"type": "node_discovery", "node_id", "service_info": {"type", "port", "protocols",
 * "server_name"}, "timestamp"}. 8890, read by servers: {"type":"node_discovery","node_id","hash","ip","port","name",
 * "protocols"} with "PROJECT:id" among the protocols. Ours, on 8889, of types that the originals pass over:
 * backplane_query asks, backplane_node answers (all of both, and "ttl" in seconds), backplane_goodbye ends.
 */
#pragma once
#include <backplane/json.h>

#define DISCOVERY_PORT 8889
#define DISCOVERY_SERVER_PORT 8890
#define DISCOVERY_MOST 1024 /* bytes: the original cuts there */
#define DISCOVERY_SERVER_MOST 8192

typedef enum {
	DISCOVERY_BAD,
	DISCOVERY_OTHER,
	DISCOVERY_BROWSER,
	DISCOVERY_NODE,
	DISCOVERY_QUERY,
	DISCOVERY_GOODBYE
} DiscoveryKind;

/* The contents of a datagram; all strings are owned. */
typedef struct {
	char *id, *name, *hash, *project; /* hash and project NULL: not in the message */
	char **protocols;		  /* without the project */
	guint port;
	guint ttl; /* seconds; 0: not in the message */
	gboolean ours;
} DiscoveryNode;

/* Only DISCOVERY_NODE and DISCOVERY_GOODBYE (id alone) write `node`. */
DiscoveryKind discovery_read(DiscoveryNode *node, const void *data, gsize size);
void discovery_node_clear(DiscoveryNode *node);
/* Texts without NUL-terminator on the wire. Yours; NULL if it would be longer than the port takes. */
char *discovery_announcement(const DiscoveryNode *node, gint64 now);		/* 8889 */
char *discovery_server_announcement(const DiscoveryNode *node, const char *ip); /* 8890; `ip` may be NULL */
char *discovery_own(const DiscoveryNode *node);					/* backplane_node */
char *discovery_goodbye(const DiscoveryNode *node);
char *discovery_query(void);
