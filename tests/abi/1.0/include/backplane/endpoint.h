/* SPDX-License-Identifier: MIT */
/* endpoint.h - what programs may call in JSON, whatever server brings the call.
 *
 * An endpoint is registered as "endpoint/NAME" (registry.h) and can then be called as {"endpoint": "NAME", ...} over every
 * endpoint server. It answers at once. One that needs time watches the channel SERVER/endpoint/NAME instead and gives
 * its answer with bp_message_reply.
 */
#pragma once
#include <backplane/json.h>

G_BEGIN_DECLS

typedef struct {
	gsize size;	  /* sizeof(BpEndpoint), so that it can grow */
	const char *name; /* "echo": letters, digits and - _ . */
	const char *help;
	/* `message` is the whole request, an object (of the protocol form: its data); `client` names the connection. A new
	 * reference to what becomes "data" of the answer, null for none; NULL with a sentence. */
	json_t *(*call)(BpPlugin *self, const json_t *message, const char *client, GError **error);
} BpEndpoint;

G_END_DECLS
