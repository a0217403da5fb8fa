/* SPDX-License-Identifier: MIT */
/* test-websocket.c - frames, messages and the texts of the handshake: each rule that a server can break. */
#include <string.h>
#include "http/websocket-codec.h"
#include "http/websocket-handshake.h"
#include "suite.h"

#define LIMIT 70000

static GString *heard; /* what the codec told, a word each */

static void on_message(WebSocketCodec *codec, guint opcode, const guint8 *data, gsize size, gpointer user)
{
	if (size > 40)
		g_string_append_printf(heard, "%s[%zu] ", opcode == WEBSOCKET_TEXT ? "text" : "binary", size);
	else
		g_string_append_printf(heard, "%s(%.*s) ", opcode == WEBSOCKET_TEXT ? "text" : "binary", (int)size,
				       (const char *)data);
}

static void on_ping(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user)
{
	g_string_append_printf(heard, "ping(%.*s) ", (int)size, (const char *)data);
}

static void on_pong(WebSocketCodec *codec, const guint8 *data, gsize size, gpointer user)
{
	g_string_append_printf(heard, "pong(%.*s) ", (int)size, (const char *)data);
}

static void on_close(WebSocketCodec *codec, guint code, const char *reason, gpointer user)
{
	g_string_append_printf(heard, "close(%u,%s) ", code, reason);
}

static void on_broken(WebSocketCodec *codec, guint code, const char *reason, gpointer user)
{
	CU_ASSERT(*reason != '\0');
	g_string_append_printf(heard, "broken(%u) ", code);
}

static const WebSocketCallbacks callbacks = {
	.message = on_message,
	.ping = on_ping,
	.pong = on_pong,
	.close = on_close,
	.broken = on_broken,
};

/* --- a client's frames --- */

static GByteArray *wire;

static void put(guint8 first, gconstpointer payload, gsize size, gboolean masked)
{
	static const guint8 mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	guint8 bit = masked ? 0x80 : 0;
	guint8 head[14] = { first };
	gsize used = 2;

	if (size <= 125) {
		head[1] = (guint8)(bit | size);
	} else if (size <= 65535) {
		head[1] = bit | 126;
		head[2] = (guint8)(size >> 8);
		head[3] = (guint8)size;
		used = 4;
	} else {
		head[1] = bit | 127;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (guint8)((guint64)size >> (56 - 8 * i));
		used = 10;
	}
	g_byte_array_append(wire, head, (guint)used);
	if (masked)
		g_byte_array_append(wire, mask, sizeof(mask));
	for (gsize i = 0; i < size; i++) {
		guint8 byte = (guint8)(((const guint8 *)payload)[i] ^ (masked ? mask[i % 4] : 0));

		g_byte_array_append(wire, &byte, 1);
	}
}

static void put_text(guint8 first, const char *text)
{
	put(first, text, strlen(text), TRUE);
}

static const char *feed(gsize part, gboolean deflate)
{
	WebSocketCodec *codec = websocket_codec_new(&callbacks, NULL, LIMIT, deflate);

	g_string_truncate(heard, 0);
	for (gsize at = 0; at < wire->len; at += part)
		websocket_codec_receive(codec, wire->data + at, MIN(part, wire->len - at));
	websocket_codec_free(codec);
	return heard->str;
}

/* In one piece, byte by byte, and cut in two at every place: it is all the same. */
static void check_with(const char *expected, gboolean deflate)
{
	CU_ASSERT_STRING_EQUAL(feed(wire->len, deflate), expected);
	CU_ASSERT_STRING_EQUAL(feed(1, deflate), expected);
	CU_ASSERT_STRING_EQUAL(feed(7, deflate), expected);
	for (gsize at = 1; at < MIN(wire->len, 300); at++) {
		WebSocketCodec *codec = websocket_codec_new(&callbacks, NULL, LIMIT, deflate);

		g_string_truncate(heard, 0);
		websocket_codec_receive(codec, wire->data, at);
		websocket_codec_receive(codec, wire->data + at, wire->len - at);
		websocket_codec_free(codec);
		if (strcmp(heard->str, expected) != 0)
			g_printerr("cut at %zu: %s instead of %s\n", at, heard->str, expected);
		CU_ASSERT_STRING_EQUAL(heard->str, expected);
	}
	g_byte_array_set_size(wire, 0);
}

static void check(const char *expected)
{
	check_with(expected, FALSE);
}

/* --- tests --- */

static void test_messages(void)
{
	put_text(0x81, "Hello");
	check("text(Hello) ");
	put_text(0x82, "a");
	put_text(0x81, "");
	put_text(0x82, "b");
	check("binary(a) text() binary(b) ");
}

static void test_lengths(void)
{
	static const gsize sizes[] = { 125, 126, 127, 4095, 4096, 4097, 65535, 65536, LIMIT };
	g_autofree char *payload = g_malloc(LIMIT + 1);

	memset(payload, '*', LIMIT + 1);
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *expected = g_strdup_printf("binary[%zu] text(x) ", sizes[i]);

		put(0x82, payload, sizes[i], TRUE);
		put_text(0x81, "x");
		CU_ASSERT_STRING_EQUAL(feed(wire->len, FALSE), expected);
		CU_ASSERT_STRING_EQUAL(feed(1000, FALSE), expected);
		g_byte_array_set_size(wire, 0);
	}
	put(0x82, payload, LIMIT + 1, TRUE);
	CU_ASSERT_STRING_EQUAL(feed(wire->len, FALSE), "broken(1009) ");
	/* By its head alone: what it would fill is never kept. */
	g_byte_array_set_size(wire, 15);
	CU_ASSERT_STRING_EQUAL(feed(wire->len, FALSE), "broken(1009) ");
	g_byte_array_set_size(wire, 0);
	put(0x02, payload, LIMIT - 5, TRUE);
	put(0x80, payload, 6, TRUE);
	CU_ASSERT_STRING_EQUAL(feed(wire->len, FALSE), "broken(1009) ");
	g_byte_array_set_size(wire, 0);
}

static void test_bad_lengths(void)
{
	static const guint8 long_126[] = { 0x82, 0xfe, 0x00, 0x05, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const guint8 long_127[] = { 0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const guint8 huge[] = { 0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	g_byte_array_append(wire, long_126, sizeof(long_126));
	check("broken(1002) ");
	g_byte_array_append(wire, long_127, sizeof(long_127));
	check("broken(1002) ");
	g_byte_array_append(wire, huge, sizeof(huge));
	check("broken(1002) ");
}

static void test_fragments(void)
{
	put_text(0x01, "Hel");
	put_text(0x80, "lo");
	check("text(Hello) ");
	put_text(0x02, "a");
	put_text(0x00, "");
	put_text(0x89, "there?");
	put_text(0x00, "b");
	put_text(0x8a, "yes");
	put_text(0x80, "c");
	put_text(0x81, "d");
	check("ping(there?) pong(yes) binary(abc) text(d) ");
	put_text(0x01, "");
	put_text(0x00, "");
	put_text(0x80, "");
	check("text() ");
}

static void test_fragments_out_of_order(void)
{
	put_text(0x80, "nothing begun");
	check("broken(1002) ");
	put_text(0x00, "nothing begun");
	check("broken(1002) ");
	put_text(0x81, "whole");
	put_text(0x80, "nothing begun");
	check("text(whole) broken(1002) ");
	put_text(0x01, "one");
	put_text(0x81, "two");
	check("broken(1002) ");
	put_text(0x01, "one");
	put_text(0x02, "two");
	check("broken(1002) ");
}

static void test_control_frames(void)
{
	char payload[126];

	memset(payload, 'p', sizeof(payload));
	put(0x89, "", 0, TRUE);
	check("ping() ");
	put(0x89, payload, 125, TRUE);
	g_string_truncate(heard, 0);
	CU_ASSERT_EQUAL(strlen(feed(wire->len, FALSE)), strlen("ping() ") + 125);
	CU_ASSERT_EQUAL(strlen(feed(1, FALSE)), strlen("ping() ") + 125);
	g_byte_array_set_size(wire, 0);
	put(0x89, payload, 126, TRUE);
	check("broken(1002) ");
	put_text(0x09, "not the last");
	check("broken(1002) ");
	put_text(0x08, "");
	check("broken(1002) ");
}

static void test_bits_and_opcodes(void)
{
	static const guint8 opcodes[] = { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 };

	for (guint i = 0; i < G_N_ELEMENTS(opcodes); i++) {
		put_text(0x80 | opcodes[i], "x");
		check("broken(1002) ");
	}
	for (guint bit = 0x10; bit <= 0x40; bit <<= 1) {
		put_text((guint8)(0x81 | bit), "x");
		check("broken(1002) ");
		put_text((guint8)(0x89 | bit), "x");
		check_with("broken(1002) ", TRUE);
	}
	put_text(0xa1, "x");
	check_with("broken(1002) ", TRUE);
	put_text(0x91, "x");
	check_with("broken(1002) ", TRUE);
}

static void test_mask(void)
{
	put(0x81, "Hello", 5, FALSE);
	check("broken(1002) ");
	put(0x89, "Hello", 5, FALSE);
	check("broken(1002) ");
	put(0x81, "", 0, FALSE);
	check("broken(1002) ");
	put_text(0x81, "one");
	put(0x81, "two", 3, FALSE);
	put_text(0x81, "three");
	check("text(one) broken(1002) ");
}

static void test_close(void)
{
	static const guint bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 };
	static const guint good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
				      1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 };
	char longest[126] = { 0x03, (char)0xe8 };

	put_text(0x88, "");
	put_text(0x81, "too late");
	check("close(1005,) ");
	put_text(0x88, "\x03");
	check("broken(1002) ");
	put_text(0x88, "\x03\xe8");
	check("close(1000,) ");
	put_text(0x88, "\x03\xe9"
		       "going away");
	put_text(0x89, "too late");
	check("close(1001,going away) ");
	put_text(0x88, "\x03\xe8"
		       "caf\xc3");
	check("broken(1007) ");
	memset(longest + 2, 'r', 123);
	put(0x88, longest, 125, TRUE);
	CU_ASSERT_EQUAL(strlen(feed(1, FALSE)), strlen("close(1000,) ") + 123);
	g_byte_array_set_size(wire, 0);
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		guint8 code[2] = { (guint8)(bad[i] >> 8), (guint8)bad[i] };

		put(0x88, code, 2, TRUE);
		check("broken(1002) ");
	}
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		guint8 code[2] = { (guint8)(good[i] >> 8), (guint8)good[i] };
		g_autofree char *expected = g_strdup_printf("close(%u,) ", good[i]);

		put(0x88, code, 2, TRUE);
		check(expected);
	}
}

static void test_close_inside_message(void)
{
	put_text(0x01, "half");
	put_text(0x88, "\x03\xe8");
	check("close(1000,) ");
}

static void test_utf8(void)
{
	static const char *const bad[] = {
		"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",	    "\x80",	    "\xff",
		"a\xc3",    "\xe2\x82",	    "\xf0\x9f\x98", "\xf8\x88\x80\x80\x80", "12345678\xfe", "\xc3\x28",
	};

	put_text(0x81, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80 \xef\xbf\xbf \xf4\x8f\xbf\xbf");
	check("text(\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80 \xef\xbf\xbf \xf4\x8f\xbf\xbf) ");
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		put_text(0x81, bad[i]);
		check("broken(1007) ");
		put_text(0x82, bad[i]);
		CU_ASSERT(g_str_has_prefix(feed(wire->len, FALSE), "binary("));
		g_byte_array_set_size(wire, 0);
	}
	put("\x81"[0], "a\0b", 3, TRUE);
	CU_ASSERT(g_str_has_prefix(feed(wire->len, FALSE), "text(a"));
	g_byte_array_set_size(wire, 0);
}

static void test_utf8_state(void)
{
	guint32 state = 0, before;

	CU_ASSERT(websocket_utf8_check(&state, (const guint8 *)"a\xe2\x82", 3) && state);
	before = state;
	CU_ASSERT_FALSE(websocket_utf8_check(&state,
					     (const guint8 *)"\xac"
							     "b\xe2\x28",
					     4));
	CU_ASSERT_EQUAL(state, before);
	CU_ASSERT(websocket_utf8_check(&state, (const guint8 *)"\xac", 1) && !state);
}

static void test_utf8_in_fragments(void)
{
	put("\x01"[0], "\xf0\x9f", 2, TRUE);
	put_text(0x89, "");
	put("\x00"[0], "\x98", 1, TRUE);
	put("\x80"[0], "\x80", 1, TRUE);
	check("ping() text(\xf0\x9f\x98\x80) ");
	/* At once, not at the end of the message. */
	put("\x01"[0], "ok\xed\xa0", 4, TRUE);
	check("broken(1007) ");
	put("\x01"[0], "\xf0\x9f", 2, TRUE);
	put("\x80"[0], "", 0, TRUE);
	check("broken(1007) ");
	/* The next message begins afresh. */
	put("\x02"[0], "\xf0\x9f", 2, TRUE);
	put("\x80"[0], "", 0, TRUE);
	put_text(0x81, "fine");
	check("binary(\xf0\x9f) text(fine) ");
}

/* --- compression --- */

static void test_deflate_vectors(void)
{
	static const guint8 hello[] = { 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00 };
	static const guint8 stored[] = { 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00 };
	static const guint8 final[] = { 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00 };
	static const guint8 two[] = { 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00 };

	put(0xc1, hello, sizeof(hello), TRUE);
	put(0xc1, hello, sizeof(hello), TRUE);
	check_with("text(Hello) text(Hello) ", TRUE);
	put(0x41, hello, 3, TRUE);
	put_text(0x89, "p");
	put(0x80, hello + 3, 4, TRUE);
	put_text(0x81, "plain");
	check_with("ping(p) text(Hello) text(plain) ", TRUE);
	put(0xc1, stored, sizeof(stored), TRUE);
	check_with("text(Hello) ", TRUE);
	put(0xc1, final, sizeof(final), TRUE);
	check_with("text(Hello) ", TRUE);
	put(0xc1, two, sizeof(two), TRUE);
	check_with("text(Hello) ", TRUE);
	put(0xc2, "\0", 1, TRUE);
	check_with("binary() ", TRUE);
	put(0xc2, "", 0, TRUE);
	check_with("binary() ", TRUE);
	put(0xc1, hello, sizeof(hello), TRUE);
	check("broken(1002) ");
	/* RSV1 belongs to the first fragment only. */
	put(0x41, hello, 3, TRUE);
	put(0xc0, hello + 3, 4, TRUE);
	check_with("broken(1002) ", TRUE);
	put(0xc1, "\xff\xff\xff", 3, TRUE);
	check_with("broken(1007) ", TRUE);
}

static void test_deflate_limits(void)
{
	g_autofree guint8 *zeros = g_malloc0(LIMIT + 1);
	g_autoptr(GByteArray) small = websocket_deflate(zeros, LIMIT), bomb = websocket_deflate(zeros, LIMIT + 1);
	g_autofree char *expected = g_strdup_printf("binary[%d] ", LIMIT);

	CU_ASSERT_PTR_NOT_NULL_FATAL(small);
	CU_ASSERT(small->len < 1000);
	put(0xc2, small->data, small->len, TRUE);
	check_with(expected, TRUE);
	put(0xc2, bomb->data, bomb->len, TRUE);
	check_with("broken(1009) ", TRUE);
}

static void test_deflated_text_is_checked(void)
{
	g_autofree char *text = g_strnfill(600, 'a');
	g_autoptr(GByteArray) bad = NULL;

	text[599] = '\xc3';
	bad = websocket_deflate((const guint8 *)text, 600);
	put(0xc1, bad->data, bad->len, TRUE);
	check_with("broken(1007) ", TRUE);
}

/* --- out --- */

static void test_frames(void)
{
	static const gsize sizes[] = { 0, 1, 125, 126, 65535, 65536 }, heads[] = { 2, 2, 2, 4, 4, 10 };
	g_autofree guint8 *data = g_malloc0(65536);

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(BpMessage) frame = websocket_frame_new(WEBSOCKET_BINARY, data, sizes[i], FALSE);
		const guint8 *bytes = bp_message_data(frame);

		CU_ASSERT_EQUAL(bp_message_size(frame), heads[i] + sizes[i]);
		CU_ASSERT_EQUAL(bytes[0], 0x82);
		CU_ASSERT_EQUAL(bytes[1], heads[i] == 2 ? sizes[i] : heads[i] == 4 ? 126 : 127);
	}
}

static void test_deflate_comes_back(void)
{
	GString *text = g_string_new(NULL);
	g_autoptr(BpMessage) frame = NULL, plain = NULL;
	g_autoptr(GRand) dice = g_rand_new_with_seed(1);
	guint32 noise[200];
	g_autoptr(GByteArray) back = NULL;
	const guint8 *bytes;
	gboolean too_long;

	for (guint i = 0; i < 500; i++)
		g_string_append_printf(text, "{\"op\":\"message\",\"n\":%u},", i);
	frame = websocket_frame_new(WEBSOCKET_TEXT, text->str, text->len, TRUE);
	bytes = bp_message_data(frame);
	CU_ASSERT_EQUAL(bytes[0], 0xc1);
	CU_ASSERT(bp_message_size(frame) < text->len / 4);
	CU_ASSERT_EQUAL(bytes[1], 126);
	back = websocket_inflate(bytes + 4, bp_message_size(frame) - 4, text->len, &too_long);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	CU_ASSERT_EQUAL(back->len, text->len);
	CU_ASSERT_EQUAL(memcmp(back->data, text->str, text->len), 0);
	/* What does not get shorter goes as it is. */
	for (guint i = 0; i < G_N_ELEMENTS(noise); i++)
		noise[i] = g_rand_int(dice);
	plain = websocket_frame_new(WEBSOCKET_BINARY, noise, sizeof(noise), TRUE);
	CU_ASSERT_EQUAL(((const guint8 *)bp_message_data(plain))[0], 0x82);
	g_string_free(text, TRUE);
}

/* --- the handshake's texts --- */

static void test_key(void)
{
	g_autofree char *accept = websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==");

	CU_ASSERT_STRING_EQUAL(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	CU_ASSERT_PTR_NULL(websocket_accept_key(NULL));
	CU_ASSERT_PTR_NULL(websocket_accept_key(""));
	CU_ASSERT_PTR_NULL(websocket_accept_key("dGhlIHNhbXBsZQ=="));
	CU_ASSERT_PTR_NULL(websocket_accept_key("dGhlIHNhbXBsZSBub25j*Q=="));
	CU_ASSERT_PTR_NULL(websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="));
}

static void check_extension(const char *offers, const char *expected)
{
	g_autofree char *answer = websocket_choose_extension(offers);

	CU_ASSERT_EQUAL(g_strcmp0(answer, expected), 0);
	if (g_strcmp0(answer, expected) != 0)
		g_printerr("%s: %s\n", offers, answer);
}

static void test_extensions(void)
{
	const char *plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
	const char *bits =
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

	check_extension(NULL, NULL);
	check_extension("x-webkit-deflate-frame", NULL);
	check_extension("permessage-deflate", plain);
	check_extension("permessage-deflate; client_max_window_bits", plain);
	check_extension("foo, permessage-deflate; client_max_window_bits=9; client_no_context_takeover, bar", plain);
	/* Several offers: one answer. */
	check_extension("permessage-deflate, permessage-deflate, permessage-deflate; server_max_window_bits=15", plain);
	check_extension("permessage-deflate; server_max_window_bits=10, permessage-deflate", plain);
	check_extension("permessage-deflate; server_max_window_bits=10", NULL);
	check_extension("permessage-deflate; server_max_window_bits=\"15\"", bits);
	check_extension("permessage-deflate; server_max_window_bits", NULL);
	check_extension("permessage-deflate; client_max_window_bits=7", NULL);
	check_extension("permessage-deflate; client_max_window_bits=16", NULL);
	check_extension("permessage-deflate; client_max_window_bits=010", NULL);
	check_extension("permessage-deflate; server_no_context_takeover=1", NULL);
	check_extension("permessage-deflate; client_no_context_takeover; client_no_context_takeover", NULL);
	check_extension("permessage-deflate; unheard_of", NULL);
	check_extension("permessage-deflate;", NULL);
	check_extension("permessage-deflate;;client_max_window_bits", NULL);
	check_extension("permessage-deflate; =, ; , =15,,permessage-deflate", plain);
	check_extension("permessage-deflate; server_max_window_bits=\"", NULL);
}

static void test_protocols(void)
{
	static const char *const ours[] = { "backplane.v1", "backplane.v2", NULL };

	CU_ASSERT_PTR_NULL(websocket_choose_protocol(NULL, ours));
	CU_ASSERT_PTR_NULL(websocket_choose_protocol("chat, Backplane.v1", ours));
	CU_ASSERT_PTR_NULL(websocket_choose_protocol("backplane.v1", NULL));
	CU_ASSERT_STRING_EQUAL(websocket_choose_protocol("chat, backplane.v2 ,backplane.v1", ours), "backplane.v2");
}

static const SuiteTest tests[] = {
	{ "messages", test_messages },
	{ "lengths", test_lengths },
	{ "bad-lengths", test_bad_lengths },
	{ "fragments", test_fragments },
	{ "fragments-out-of-order", test_fragments_out_of_order },
	{ "control-frames", test_control_frames },
	{ "bits-and-opcodes", test_bits_and_opcodes },
	{ "mask", test_mask },
	{ "close", test_close },
	{ "close-inside-message", test_close_inside_message },
	{ "utf8", test_utf8 },
	{ "utf8-state", test_utf8_state },
	{ "utf8-in-fragments", test_utf8_in_fragments },
	{ "deflate-vectors", test_deflate_vectors },
	{ "deflate-limits", test_deflate_limits },
	{ "deflated-text-is-checked", test_deflated_text_is_checked },
	{ "frames", test_frames },
	{ "deflate-comes-back", test_deflate_comes_back },
	{ "key", test_key },
	{ "extensions", test_extensions },
	{ "protocols", test_protocols },
	{ NULL },
};

int main(int argc, char **argv)
{
	int failed;

	heard = g_string_new(NULL);
	wire = g_byte_array_new();
	failed = suite_run("websocket", tests, argc, argv);
	g_byte_array_unref(wire);
	g_string_free(heard, TRUE);
	return failed;
}
