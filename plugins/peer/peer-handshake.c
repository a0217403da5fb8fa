/* SPDX-License-Identifier: MIT */
/* peer-handshake.c - the handshake between hosts, both sides of it. */
#include "peer-handshake.h"
#include <string.h>
#include <sys/random.h>
#include <backplane/bytes.h>
#include "python-json.h"

#define MOST_TEXT 255

Handshake *handshake_new(const HandshakeSelf *self, gboolean initiator)
{
	Handshake *handshake = g_new0(Handshake, 1);
	guint8 random[16];

	handshake->self = *self;
	handshake->initiator = initiator;
	/* A nonce must not come twice, so a system without random numbers is no place for secrets. */
	g_assert(getrandom(random, sizeof(random), 0) == (gssize)sizeof(random));
	handshake->nonce = bp_bytes_to_hex(random, sizeof(random));
	return handshake;
}

void handshake_bind(Handshake *handshake, const guint8 *binding, gsize size)
{
	g_free(handshake->binding);
	handshake->binding = bp_bytes_to_hex(binding, size);
}

void handshake_free(Handshake *handshake)
{
	if (!handshake)
		return;
	g_free(handshake->id);
	g_free(handshake->name);
	g_free(handshake->hash);
	g_free(handshake->nonce);
	g_free(handshake->their_nonce);
	g_free(handshake->binding);
	g_free(handshake);
}

static gboolean has_secret(const Handshake *handshake)
{
	return handshake->self.secret && *handshake->self.secret;
}

static void feed(GHmac *hmac, const char *text)
{
	guint32 size = GUINT32_TO_BE((guint32)strlen(text));

	g_hmac_update(hmac, (const guchar *)&size, sizeof(size));
	g_hmac_update(hmac, (const guchar *)text, (gssize)strlen(text));
}

/* Of the initiator or of the one who accepts; the same on both sides. */
static char *proof_of(const Handshake *handshake, gboolean initiator)
{
	const HandshakeSelf *self = &handshake->self;
	g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)self->secret, strlen(self->secret));
	gboolean first = handshake->initiator;

	feed(hmac, "backplane peer 1");
	feed(hmac, initiator ? "initiator" : "acceptor");
	feed(hmac, first ? handshake->nonce : handshake->their_nonce);
	feed(hmac, first ? handshake->their_nonce : handshake->nonce);
	feed(hmac, first ? self->id : handshake->id);
	feed(hmac, first ? handshake->id : self->id);
	feed(hmac, first ? self->name : handshake->name);
	feed(hmac, first ? handshake->name : self->name);
	feed(hmac, self->project);
	feed(hmac, self->hash);
	feed(hmac, handshake->framed ? PEER_FRAMING : "");
	feed(hmac, handshake->binding ? handshake->binding : "");
	return g_strdup(g_hmac_get_string(hmac));
}

static json_t *introduction(const Handshake *handshake, const char *type)
{
	const HandshakeSelf *self = &handshake->self;
	g_autofree char *now = python_time(g_get_real_time());

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "type", type, "node_id", self->id, "name", self->name,
			 "project_id", self->project, "hash", self->hash, "timestamp", now, "nonce", handshake->nonce,
			 "framing", PEER_FRAMING);
}

json_t *handshake_offer(Handshake *handshake)
{
	handshake->step = 1;
	return introduction(handshake, "peer_handshake");
}

static const char *text_of(const json_t *message, const char *key)
{
	const char *text = json_string_value(json_object_get(message, key));

	return text && *text && strlen(text) <= MOST_TEXT ? text : NULL;
}

gboolean handshake_is_offer(const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));

	return type && strcmp(type, "peer_handshake") == 0;
}

/* --- what may go wrong --- */

static HandshakeState refuse(Handshake *handshake, json_t **answer, GError **error, const char *format, ...)
	G_GNUC_PRINTF(4, 5);

static HandshakeState refuse(Handshake *handshake, json_t **answer, GError **error, const char *format, ...)
{
	g_autofree char *why = NULL, *now = python_time(g_get_real_time());
	va_list args;

	va_start(args, format);
	why = g_strdup_vprintf(format, args);
	va_end(args);
	if (answer)
		*answer = json_pack("{s:s,s:s,s:s,s:s}", "status", "error", "message", why, "timestamp", now, "type",
				    "peer_refused");
	g_set_error(error, BP_HOST_ERROR, BP_NOT_PERMITTED, "%s", why);
	return handshake->state = HANDSHAKE_REFUSED;
}

/* Stores the identity of the other side; FALSE: it does not fit, and `error` has the reason. */
static gboolean meet(Handshake *handshake, const json_t *message, json_t **answer, GError **error)
{
	const HandshakeSelf *self = &handshake->self;
	const char *id = text_of(message, "node_id"), *name = text_of(message, "name");
	const char *project = text_of(message, "project_id"), *hash = text_of(message, "hash");
	const char *nonce = text_of(message, "nonce"), *framing = text_of(message, "framing");

	if (!id || !project || !hash) {
		refuse(handshake, answer, error, "Peer refused: node_id, project_id and hash must be given");
		return FALSE;
	}
	if (strcmp(project, self->project) != 0)
		refuse(handshake, answer, error, "Peer refused: this host is not in project %.64s", project);
	else if (strcmp(hash, self->hash) != 0)
		refuse(handshake, answer, error, "Peer refused: the hashes differ (%.32s here, %.32s there)",
		       self->hash, hash);
	else if (strcmp(id, self->id) == 0)
		refuse(handshake, answer, error, "Peer refused: %.64s is this host itself", id);
	else if (!nonce && has_secret(handshake))
		refuse(handshake, answer, error, "Peer refused: this project has a secret, and no nonce was given");
	else if (nonce && strlen(nonce) < 16)
		refuse(handshake, answer, error, "Peer refused: the nonce is too short");
	else if (nonce && g_strcmp0(framing, PEER_FRAMING) != 0)
		refuse(handshake, answer, error,
		       "Peer refused: it is of another version (framing %.16s here, %.16s there)", PEER_FRAMING,
		       framing ? framing : "none");
	if (handshake->state == HANDSHAKE_REFUSED)
		return FALSE;
	handshake->id = g_strdup(id);
	handshake->name = g_strdup(name ? name : id);
	handshake->hash = g_strdup(hash);
	handshake->their_nonce = g_strdup(nonce);
	handshake->framed = nonce && framing && strcmp(framing, PEER_FRAMING) == 0;
	return TRUE;
}

static gboolean proves(Handshake *handshake, const json_t *message, json_t **answer, GError **error)
{
	g_autofree char *right = NULL;
	const char *given = text_of(message, "proof");

	if (!has_secret(handshake))
		return TRUE;
	right = proof_of(handshake, !handshake->initiator);
	if (bp_secret_equal(given, right))
		return TRUE;
	refuse(handshake, answer, error,
	       handshake->binding
		       ? "Peer refused: it does not know the project's secret, or somebody in between ends the encryption"
		       : "Peer refused: it does not know the project's secret");
	return FALSE;
}

static void add_proof(Handshake *handshake, json_t *answer)
{
	g_autofree char *proof = has_secret(handshake) ? proof_of(handshake, handshake->initiator) : NULL;

	if (proof)
		json_object_set_new(answer, "proof", json_string(proof));
}

/* --- steps --- */

static HandshakeState receive_offer(Handshake *handshake, const json_t *message, json_t **answer, GError **error)
{
	if (!handshake_is_offer(message))
		return refuse(handshake, answer, error, "Peer refused: a handshake comes first");
	if (!meet(handshake, message, answer, error))
		return handshake->state;
	*answer = introduction(handshake, "peer_handshake_ack");
	if (!handshake->their_nonce)
		return handshake->state = HANDSHAKE_ORIGINAL;
	add_proof(handshake, *answer);
	handshake->step = 2;
	return handshake->state;
}

static HandshakeState receive_ack(Handshake *handshake, const json_t *message, json_t **answer, GError **error)
{
	const char *type = text_of(message, "type"), *status = text_of(message, "status");

	if (g_strcmp0(type, "peer_handshake_ack") != 0 || !json_object_get(message, "nonce")) {
		const char *why = text_of(message, "message");

		if (g_strcmp0(type, "peer_handshake_ack") != 0 && g_strcmp0(status, "received") != 0)
			return refuse(handshake, NULL, error, "%s",
				      why ? why : "the other side does not answer as a peer");
		if (has_secret(handshake))
			return refuse(handshake, NULL, error, "it cannot prove that it knows the project's secret");
		return handshake->state = HANDSHAKE_ORIGINAL;
	}
	if (!meet(handshake, message, answer, error) || !proves(handshake, message, answer, error))
		return handshake->state;
	*answer = json_pack("{s:s}", "type", "peer_proof");
	add_proof(handshake, *answer);
	handshake->step = 3;
	return handshake->state;
}

HandshakeState handshake_receive(Handshake *handshake, const json_t *message, json_t **answer, GError **error)
{
	const char *type = text_of(message, "type"), *why = text_of(message, "message");

	*answer = NULL;
	g_return_val_if_fail(handshake->state == HANDSHAKE_GOES_ON, handshake->state);
	if (handshake->initiator && handshake->step == 1)
		return receive_ack(handshake, message, answer, error);
	if (!handshake->initiator && handshake->step == 0)
		return receive_offer(handshake, message, answer, error);
	if (handshake->initiator) {
		if (g_strcmp0(type, "peer_welcome") != 0)
			return refuse(handshake, NULL, error, "%s",
				      why ? why : "the other side does not welcome this host");
		return handshake->state = HANDSHAKE_DONE;
	}
	if (g_strcmp0(type, "peer_proof") != 0)
		return refuse(handshake, answer, error, "Peer refused: a proof must follow");
	if (!proves(handshake, message, answer, error))
		return handshake->state;
	*answer = json_pack("{s:s}", "type", "peer_welcome");
	return handshake->state = HANDSHAKE_DONE;
}
