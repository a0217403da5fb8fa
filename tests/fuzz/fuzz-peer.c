/* SPDX-License-Identifier: MIT */
/* fuzz-peer.c - whatever comes from other hosts: lines, frames, handshakes, datagrams, media. The first byte chooses which. */
#include <stdint.h>
#include <string.h>
#include "../../plugins/peer/discovery-codec.h"
#include "../../plugins/peer/endpoint-media.h"
#include "../../plugins/peer/json-line.h"
#include "../../plugins/peer/peer-frame.h"
#include "../../plugins/peer/peer-handshake.h"
#include "../../plugins/peer/python-json.h"
#include "../marked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *on_piece(const char *type, const guint8 *data, gsize size, const json_t *message, gpointer user)
{
	*(gsize *)user += size;
	return NULL;
}

/* However the input is cut, the same lines come out. */
static void split(GString *seen, const uint8_t *data, size_t size, gsize step)
{
	JsonLine lines;
	char *line;
	gsize length;

	json_line_init(&lines, 1000);
	for (gsize at = 0; at < size; at += step) {
		json_line_add(&lines, data + at, MIN(step, size - at));
		while (json_line_next(&lines, &line, &length) == JSON_LINE_TAKEN)
			g_string_append_printf(seen, "%zu %02x,", length, length ? (guint8)line[length - 1] : 0);
	}
	json_line_clear(&lines);
}

static void try_lines(const uint8_t *data, size_t size)
{
	g_autoptr(GString) whole = g_string_new(NULL), cut = g_string_new(NULL);
	g_autofree char *why = python_utf8_error((const char *)data, size);
	json_t *value = bp_json_parse((const char *)data, size, 0, NULL);

	split(whole, data, size, MAX(size, 1));
	split(cut, data, size, 1 + size / 7);
	/* A line over the limit ends the input, at a place that depends on the cut. */
	if (size <= 1000)
		g_assert_cmpstr(whole->str, ==, cut->str);
	if (value) {
		g_autofree char *text = python_json_text(value), *repr = python_repr(value);
		json_t *again = bp_json_parse(text, strlen(text), 0, NULL);

		g_assert_null(why);
		g_assert_true(json_equal(value, again));
		json_decref(again);
	}
	json_decref(value);
}

static void try_frames(const uint8_t *data, size_t size)
{
	const guint8 *body;
	JsonLine input;
	FrameKind kind;
	ChannelFrame said;
	gsize length;

	json_line_init(&input, 0);
	json_line_add(&input, data, size);
	while (frame_next(&input, 4096, &kind, &body, &length) == FRAME_TAKEN) {
		MARK(said);
		if (!frame_said_read(&said, body, length)) {
			g_assert(IS_MARKED(said));
		} else {
			g_autoptr(BpMessage) frame = frame_said_new(kind, &said);

			g_assert_cmpmem((const guint8 *)bp_message_data(frame) + 5, bp_message_size(frame) - 5, body,
					length);
		}
	}
	json_line_clear(&input);
}

static void try_handshake(const uint8_t *data, size_t size, gboolean initiator)
{
	HandshakeSelf self = { "a", "A", "p", "h", size & 1 ? "secret" : NULL };
	g_autoptr(Handshake) handshake = handshake_new(&self, initiator);
	const uint8_t *end = data + size;

	if (initiator)
		json_decref(handshake_offer(handshake));
	while (data < end && handshake->state == HANDSHAKE_GOES_ON) {
		const uint8_t *next = memchr(data, '\n', (size_t)(end - data));
		json_t *message, *answer = NULL;

		next = next ? next : end;
		message = bp_json_parse_object((const char *)data, (gsize)(next - data), 0, NULL);
		if (message)
			handshake_receive(handshake, message, &answer, NULL);
		json_decref(message);
		json_decref(answer);
		data = next + 1;
	}
	g_assert_false(self.secret && handshake->state == HANDSHAKE_DONE);
}

static void try_media(const uint8_t *data, size_t size)
{
	EndpointMedia media = { NULL };
	const uint8_t *end = data + size;
	gsize got = 0;

	while (data < end) {
		const uint8_t *next = memchr(data, '\n', (size_t)(end - data));
		json_t *message;

		next = next ? next : end;
		message = bp_json_parse_object((const char *)data, (gsize)(next - data), 0, NULL);
		if (message && endpoint_media_is(message)) {
			json_t *reply = endpoint_media_receive(&media, message, on_piece, &got);

			g_assert_nonnull(reply);
			json_decref(reply);
		}
		json_decref(message);
		data = next + 1;
	}
	g_assert_cmpuint(got, <=, size);
	endpoint_media_clear(&media);
}

static void try_datagram(const uint8_t *data, size_t size)
{
	DiscoveryNode node;
	DiscoveryKind kind;

	MARK(node);
	kind = discovery_read(&node, data, size);
	if (kind != DISCOVERY_NODE && kind != DISCOVERY_GOODBYE) {
		g_assert(IS_MARKED(node));
		return;
	}
	g_assert(node.id && *node.id && node.port <= 65535);
	discovery_node_clear(&node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 6) {
	case 0:
		try_lines(data + 1, size - 1);
		break;
	case 1:
		try_frames(data + 1, size - 1);
		break;
	case 2:
		try_handshake(data + 1, size - 1, TRUE);
		break;
	case 3:
		try_handshake(data + 1, size - 1, FALSE);
		break;
	case 4:
		try_media(data + 1, size - 1);
		break;
	case 5:
		try_datagram(data + 1, size - 1);
		break;
	}
	return 0;
}
