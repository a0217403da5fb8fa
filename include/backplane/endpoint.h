/* SPDX-License-Identifier: MIT */
/* endpoint.h - functions that programs call with JSON, over any endpoint server.
 *
 * An endpoint is registered as "endpoint/NAME" (registry.h) and can then be called as {"endpoint": "NAME", ...} over every
 * endpoint server. It answers before it returns. A plugin that needs time watches the channel SERVER/endpoint/NAME instead and answers
 * with bp_message_reply.
 */
#pragma once
#include <backplane/json.h>

G_BEGIN_DECLS

typedef struct {
	gsize size;	  /* sizeof(BpEndpoint), so that it can grow */
	const char *name; /* "echo": letters, digits and - _ . */
	const char *help;
	/* `message` is the whole request, an object (in the protocol form: its "data"); `client` names the connection. Returns a new
	 * reference to the "data" of the answer (a JSON null for none); NULL with an error. */
	json_t *(*call)(BpPlugin *self, const json_t *message, const char *client, GError **error);
} BpEndpoint;

G_END_DECLS
