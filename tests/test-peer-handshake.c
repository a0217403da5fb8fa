/* SPDX-License-Identifier: MIT */
/* test-peer-handshake.c - who becomes a peer and who does not. */
#include <string.h>
#include "suite.h"
#include "../plugins/peer/peer-handshake.h"

static const HandshakeSelf plain_a = { "id-a", "A", "alpha", "h1", NULL },
			   plain_b = { "id-b", "B", "alpha", "h1", NULL };
static const HandshakeSelf secret_a = { "id-a", "A", "alpha", "h1", "open" },
			   secret_b = { "id-b", "B", "alpha", "h1", "open" };

typedef struct {
	Handshake *from, *to;
	HandshakeState from_state, to_state;
	char *why;
	guint lines;
} Meeting;

typedef void (*Tamper)(json_t *message, guint line);

static void give(Meeting *meeting, gboolean to_acceptor, json_t **message, Tamper tamper)
{
	Handshake *handshake = to_acceptor ? meeting->to : meeting->from;
	HandshakeState *state = to_acceptor ? &meeting->to_state : &meeting->from_state;
	g_autoptr(GError) error = NULL;
	json_t *answer = NULL;

	if (tamper)
		tamper(*message, meeting->lines);
	meeting->lines++;
	*state = handshake_receive(handshake, *message, &answer, &error);
	if (error && !meeting->why)
		meeting->why = g_strdup(error->message);
	json_decref(*message);
	*message = answer;
}

/* Bindings of the connections that the sides see below them; NULL: plain. */
static Meeting meet_over(const HandshakeSelf *a, const char *below_a, const HandshakeSelf *b, const char *below_b,
			 Tamper tamper)
{
	Meeting meeting = { .from = handshake_new(a, TRUE), .to = handshake_new(b, FALSE) };
	json_t *message = handshake_offer(meeting.from);
	gboolean to_acceptor = TRUE;

	if (below_a)
		handshake_bind(meeting.from, (const guint8 *)below_a, strlen(below_a));
	if (below_b)
		handshake_bind(meeting.to, (const guint8 *)below_b, strlen(below_b));
	while (message && (to_acceptor ? meeting.to_state : meeting.from_state) == HANDSHAKE_GOES_ON) {
		give(&meeting, to_acceptor, &message, tamper);
		to_acceptor = !to_acceptor;
	}
	json_decref(message);
	return meeting;
}

static Meeting meet(const HandshakeSelf *a, const HandshakeSelf *b, Tamper tamper)
{
	return meet_over(a, NULL, b, NULL, tamper);
}

static void part(Meeting *meeting)
{
	handshake_free(meeting->from);
	handshake_free(meeting->to);
	g_free(meeting->why);
}

static void test_welcome(void)
{
	Meeting plain = meet(&plain_a, &plain_b, NULL), secret = meet(&secret_a, &secret_b, NULL);

	CU_ASSERT(plain.from_state == HANDSHAKE_DONE && plain.to_state == HANDSHAKE_DONE && plain.lines == 4);
	CU_ASSERT(secret.from_state == HANDSHAKE_DONE && secret.to_state == HANDSHAKE_DONE && secret.lines == 4);
	CU_ASSERT_STRING_EQUAL(secret.from->id, "id-b");
	CU_ASSERT_STRING_EQUAL(secret.to->name, "A");
	CU_ASSERT(secret.from->framed && secret.to->framed);
	CU_ASSERT_STRING_NOT_EQUAL(secret.from->nonce, secret.to->nonce);
	part(&plain);
	part(&secret);
}

static void test_who_does_not_fit(void)
{
	static const HandshakeSelf other_project = { "id-b", "B", "beta", "h1", NULL },
				   other_hash = { "id-b", "B", "alpha", "h2", NULL };
	static const HandshakeSelf other_secret = { "id-b", "B", "alpha", "h1", "shut" },
				   same_id = { "id-a", "B", "alpha", "h1", NULL };
	const struct {
		const HandshakeSelf *a, *b;
		const char *why;
	} cases[] = {
		{ &plain_a, &other_project, "project" }, { &plain_a, &other_hash, "hashes" },
		{ &plain_a, &same_id, "itself" },	 { &secret_a, &other_secret, "secret" },
		{ &other_secret, &secret_a, "secret" },	 { &secret_a, &plain_b, "secret" },
		{ &plain_a, &secret_b, "secret" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		Meeting meeting = meet(cases[i].a, cases[i].b, NULL);

		CU_ASSERT(meeting.from_state != HANDSHAKE_DONE && meeting.to_state != HANDSHAKE_DONE);
		CU_ASSERT(meeting.from_state == HANDSHAKE_REFUSED || meeting.to_state == HANDSHAKE_REFUSED);
		CU_ASSERT_PTR_NOT_NULL_FATAL(meeting.why);
		CU_ASSERT_PTR_NOT_NULL(strstr(meeting.why, cases[i].why));
		/* Who was refused at the first line is nobody. */
		if (meeting.to_state == HANDSHAKE_REFUSED && meeting.lines < 3)
			CU_ASSERT(!meeting.to->id && !meeting.to->name && !meeting.to->hash && !meeting.to->framed);
		part(&meeting);
	}
}

/* One in between passes every line on unchanged: only what lies below differs. */
static void test_binding(void)
{
	static const struct {
		const char *a, *b;
		gboolean welcome;
	} cases[] = { { "one", "one", TRUE }, { "one", "two", FALSE }, { "one", NULL, FALSE }, { NULL, "two", FALSE } };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		Meeting secret = meet_over(&secret_a, cases[i].a, &secret_b, cases[i].b, NULL);
		Meeting plain = meet_over(&plain_a, cases[i].a, &plain_b, cases[i].b, NULL);

		CU_ASSERT_EQUAL(secret.from_state == HANDSHAKE_DONE, cases[i].welcome);
		CU_ASSERT_EQUAL(secret.to_state == HANDSHAKE_DONE, cases[i].welcome);
		CU_ASSERT(cases[i].welcome || strstr(secret.why, "secret"));
		CU_ASSERT(plain.from_state == HANDSHAKE_DONE && plain.to_state == HANDSHAKE_DONE);
		part(&secret);
		part(&plain);
	}
}

/* Changes one field of one line. */
static const char *changed;
static guint changed_line;

static void change(json_t *message, guint line)
{
	const char *text = json_string_value(json_object_get(message, changed));

	if (line == changed_line && text) {
		g_autofree char *other = g_strconcat(text, "x", NULL);

		json_object_set_new(message, changed, json_string(other));
	}
}

static void test_changed_on_the_way(void)
{
	static const struct {
		const char *field;
		guint line;
	} cases[] = { { "node_id", 0 }, { "name", 0 },	{ "nonce", 0 },	  { "framing", 0 }, { "node_id", 1 },
		      { "name", 1 },	{ "nonce", 1 }, { "framing", 1 }, { "proof", 1 },   { "proof", 2 } };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		Meeting meeting;

		changed = cases[i].field;
		changed_line = cases[i].line;
		meeting = meet(&secret_a, &secret_b, change);
		CU_ASSERT(meeting.to_state != HANDSHAKE_DONE);
		CU_ASSERT(meeting.from_state != HANDSHAKE_DONE);
		part(&meeting);
	}
}

/* An attacker gives the acceptor's own proof back. */
static void test_reflection(void)
{
	g_autoptr(Handshake) victim = handshake_new(&secret_b, FALSE);
	json_t *offer = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "type", "peer_handshake", "node_id", "id-a", "name",
				  "A", "project_id", "alpha", "hash", "h1", "nonce", "0123456789abcdef", "framing",
				  PEER_FRAMING);
	json_t *answer = NULL, *proof;

	CU_ASSERT_EQUAL(handshake_receive(victim, offer, &answer, NULL), HANDSHAKE_GOES_ON);
	proof = json_pack("{s:s,s:O}", "type", "peer_proof", "proof", json_object_get(answer, "proof"));
	json_decref(answer);
	CU_ASSERT_EQUAL(handshake_receive(victim, proof, &answer, NULL), HANDSHAKE_REFUSED);
	json_decref(answer);
	json_decref(offer);
	json_decref(proof);
}

static HandshakeState answer_to(const HandshakeSelf *self, const char *text)
{
	g_autoptr(Handshake) handshake = handshake_new(self, TRUE);
	json_t *message = bp_json_parse(text, strlen(text), 0, NULL), *answer = NULL;
	HandshakeState state;

	json_decref(handshake_offer(handshake));
	state = handshake_receive(handshake, message, &answer, NULL);
	json_decref(message);
	json_decref(answer);
	return state;
}

static void test_originals(void)
{
	g_autoptr(Handshake) acceptor = handshake_new(&plain_a, FALSE), closed = handshake_new(&secret_a, FALSE);
	json_t *offer = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "type", "peer_handshake", "node_id", "id-B", "name", "B",
				  "project_id", "alpha", "hash", "h1", "timestamp", "2026-11-21T08:13:21.659887");
	json_t *answer = NULL;

	CU_ASSERT_EQUAL(handshake_receive(acceptor, offer, &answer, NULL), HANDSHAKE_ORIGINAL);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "type")), "peer_handshake_ack");
	json_decref(answer);
	/* Who has a secret takes none that cannot prove to know it. */
	CU_ASSERT_EQUAL(handshake_receive(closed, offer, &answer, NULL), HANDSHAKE_REFUSED);
	json_decref(offer);
	json_decref(answer);
	CU_ASSERT_EQUAL(
		answer_to(
			&plain_a,
			"{\"status\": \"received\", \"message\": \"Message received but no specific handler found\"}"),
		HANDSHAKE_ORIGINAL);
	CU_ASSERT_EQUAL(answer_to(&plain_a, "{\"type\": \"peer_handshake_ack\"}"), HANDSHAKE_ORIGINAL);
	CU_ASSERT_EQUAL(answer_to(&secret_a, "{\"type\": \"peer_handshake_ack\"}"), HANDSHAKE_REFUSED);
	CU_ASSERT_EQUAL(answer_to(&secret_a, "{\"status\": \"received\"}"), HANDSHAKE_REFUSED);
	CU_ASSERT_EQUAL(answer_to(&plain_a, "{\"status\": \"error\", \"message\": \"no\"}"), HANDSHAKE_REFUSED);
	CU_ASSERT_EQUAL(answer_to(&plain_a, "{}"), HANDSHAKE_REFUSED);
}

static const SuiteTest tests[] = {
	{ "welcome", test_welcome },
	{ "who does not fit", test_who_does_not_fit },
	{ "binding", test_binding },
	{ "changed on the way", test_changed_on_the_way },
	{ "reflection", test_reflection },
	{ "originals", test_originals },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("peer-handshake", tests, argc, argv);
}
