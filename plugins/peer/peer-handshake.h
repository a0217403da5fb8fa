/* SPDX-License-Identifier: MIT */
/* peer-handshake.h - two hosts make sure of each other: project, hash, secret. No kernel, no I/O.
 *
 *	> peer_handshake {node_id, name, project_id, hash, timestamp; ours: nonce, framing}
 *	< peer_handshake_ack {the same of the other side, and its proof}
 *	> peer_proof {proof}
 *	< peer_welcome
 *
 * A proof is HMAC-SHA-256 with the project's shared secret over the role, both nonces, both ids, project and hash, each
 * with its length before it; it cannot be given back to its sender. Over TLS the connection's binding is in it too, so
 * that nobody who ends the encryption in between can pass it on. Without a secret it is left out. An original
 * stops after the second line and gives neither nonce nor proof: it is HANDSHAKE_ORIGINAL, and refused where there
 * is a secret. No clock is asked: hosts may disagree about the time.
 */
#pragma once
#include <backplane/json.h>

#define PEER_FRAMING "frame2" /* of peer-frame.h */

typedef struct {
	const char *id, *name, *project, *hash;
	const char *secret; /* NULL or "": none */
} HandshakeSelf;

typedef enum { HANDSHAKE_GOES_ON, HANDSHAKE_DONE, HANDSHAKE_ORIGINAL, HANDSHAKE_REFUSED } HandshakeState;

typedef struct {
	HandshakeSelf self; /* borrowed */
	gboolean initiator;
	guint step;
	HandshakeState state;
	char *id, *name, *hash; /* of the other side, NULL until known; proven at HANDSHAKE_DONE */
	char *nonce, *their_nonce;
	char *binding;	 /* of the TLS connection below, in hex; NULL: it is plain */
	gboolean framed; /* both know binary frames */
} Handshake;

Handshake *handshake_new(const HandshakeSelf *self, gboolean initiator);
/* The connection is TLS and this is its bp_stream_tls_binding. Before the first line. */
void handshake_bind(Handshake *handshake, const guint8 *binding, gsize size);
void handshake_free(Handshake *handshake);
/* The initiator's first line; a new reference. */
json_t *handshake_offer(Handshake *handshake);
/* A message of the other side. `*answer`: NULL or a new reference, to be sent, also with HANDSHAKE_REFUSED. The sentence is
 * for people here. */
HandshakeState handshake_receive(Handshake *handshake, const json_t *message, json_t **answer, GError **error);
/* TRUE for "peer_handshake", the first message of a handshake. */
gboolean handshake_is_offer(const json_t *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Handshake, handshake_free)
