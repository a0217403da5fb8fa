/* SPDX-License-Identifier: MIT */
/* test-json-line.c - lines and frames however they are cut, limits, and the cost of long ones. */
#include <string.h>
#include <time.h>
#include "suite.h"
#include "../plugins/peer/json-line.h"
#include "../plugins/peer/peer-frame.h"
#include "../plugins/peer/python-json.h"

static void collect(JsonLine *lines, GString *seen)
{
	JsonLineResult result;
	char *line;
	gsize size;

	while ((result = json_line_next(lines, &line, &size)) == JSON_LINE_TAKEN) {
		g_string_append_len(seen, line, (gssize)size);
		g_string_append_c(seen, '|');
	}
	if (result == JSON_LINE_TOO_LONG)
		g_string_append_c(seen, '!');
}

static void test_cut_anywhere(void)
{
	static const char text[] = "{\"a\": 1}\n\n\r\nline\r\nx\ry\n\nrest";
	const gsize size = sizeof(text) - 1;

	for (gsize first = 0; first <= size; first++) {
		for (gsize second = first; second <= size; second++) {
			g_autoptr(GString) seen = g_string_new(NULL);
			JsonLine lines;
			gsize left;

			json_line_init(&lines, 0);
			json_line_add(&lines, text, first);
			collect(&lines, seen);
			json_line_add(&lines, text + first, second - first);
			collect(&lines, seen);
			json_line_add(&lines, text + second, size - second);
			collect(&lines, seen);
			CU_ASSERT_STRING_EQUAL(seen->str, "{\"a\": 1}|||line|x\ry||");
			json_line_peek(&lines, &left);
			CU_ASSERT_EQUAL(left, 4);
			json_line_clear(&lines);
		}
	}
}

static void test_limit(void)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	JsonLine lines;

	json_line_init(&lines, 4);
	json_line_add(&lines, "1234\n12345", 10);
	collect(&lines, seen);
	CU_ASSERT_STRING_EQUAL(seen->str, "1234|!");
	json_line_clear(&lines);
	json_line_add(&lines, "12345\n", 6);
	g_string_truncate(seen, 0);
	collect(&lines, seen);
	CU_ASSERT_STRING_EQUAL(seen->str, "!");
	json_line_clear(&lines);
}

static double cost_of(gsize size)
{
	g_autofree char *piece = g_malloc(4096);
	clock_t begin = clock();
	JsonLine lines;
	char *line;
	gsize length = 0;

	memset(piece, 'x', 4096);
	json_line_init(&lines, 64 * 1024 * 1024);
	for (gsize at = 0; at < size; at += 4096) {
		json_line_add(&lines, piece, 4096);
		CU_ASSERT_EQUAL_FATAL(json_line_next(&lines, &line, &length), JSON_LINE_NONE);
	}
	json_line_add(&lines, "\n", 1);
	CU_ASSERT_EQUAL(json_line_next(&lines, &line, &length), JSON_LINE_TAKEN);
	CU_ASSERT_EQUAL(length, size);
	json_line_clear(&lines);
	return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

/* Looking at what waits again for each piece would read 128 GiB. */
static void test_linear(void)
{
	CU_ASSERT(cost_of(32 * 1024 * 1024) < 2);
}

static void test_many_small_lines(void)
{
	g_autoptr(GString) all = g_string_new(NULL);
	JsonLine lines;
	char *line;
	gsize size;
	guint count = 0;

	for (guint i = 0; i < 100000; i++)
		g_string_append_printf(all, "%u\n", i);
	json_line_init(&lines, 100);
	for (gsize at = 0; at < all->len; at += 1000) {
		json_line_add(&lines, all->str + at, MIN(1000, all->len - at));
		while (json_line_next(&lines, &line, &size) == JSON_LINE_TAKEN) {
			line[size] = 0;
			CU_ASSERT_EQUAL_FATAL(g_ascii_strtoull(line, NULL, 10), count);
			count++;
		}
	}
	CU_ASSERT_EQUAL(count, 100000);
	CU_ASSERT(lines.room < 8192);
	json_line_clear(&lines);
}

/* --- frames --- */

static void test_frames(void)
{
	ChannelFrame said = { .sequence = 0x0102030405060708,
			      .time = -5,
			      .flags = 1,
			      .crossings = 3,
			      .channel = "uart0/recv",
			      .channel_size = 10,
			      .origin = "me",
			      .origin_size = 2,
			      .reply = "r",
			      .reply_size = 1,
			      .data = (const guint8 *)"a\0b\n",
			      .size = 4 },
		     got;
	g_autoptr(BpMessage) frame = frame_said_new(FRAME_CHANNEL, &said);
	g_autoptr(BpMessage) beat = frame_new(FRAME_BEAT, "q", 1);
	const guint8 *body;
	FrameKind kind;
	JsonLine input;
	gsize size;

	json_line_init(&input, 0);
	for (gsize i = 0; i < bp_message_size(frame); i++) {
		CU_ASSERT_EQUAL(frame_next(&input, 1000, &kind, &body, &size), FRAME_NONE);
		json_line_add(&input, (const guint8 *)bp_message_data(frame) + i, 1);
	}
	CU_ASSERT_EQUAL_FATAL(frame_next(&input, 1000, &kind, &body, &size), FRAME_TAKEN);
	CU_ASSERT_EQUAL(kind, FRAME_CHANNEL);
	CU_ASSERT_TRUE_FATAL(frame_said_read(&got, body, size));
	CU_ASSERT_EQUAL(got.sequence, said.sequence);
	CU_ASSERT_EQUAL(got.time, -5);
	CU_ASSERT_EQUAL(got.crossings, 3);
	CU_ASSERT(got.channel_size == 10 && memcmp(got.channel, "uart0/recv", 10) == 0);
	CU_ASSERT(got.origin_size == 2 && memcmp(got.origin, "me", 2) == 0);
	CU_ASSERT(got.reply_size == 1 && *got.reply == 'r');
	CU_ASSERT(got.size == 4 && memcmp(got.data, "a\0b\n", 4) == 0);
	MARK(got);
	for (gsize cut = 0; cut < 33; cut++)
		CU_ASSERT_FALSE(frame_said_read(&got, body, cut));
	CU_ASSERT_FALSE(frame_said_read(&got, (const guint8 *)"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\1\2\0\0\0a\0", 24));
	CU_ASSERT(IS_MARKED(got));
	json_line_add(&input, bp_message_data(beat), bp_message_size(beat));
	CU_ASSERT_EQUAL(frame_next(&input, 1000, &kind, &body, &size), FRAME_TAKEN);
	CU_ASSERT(kind == FRAME_BEAT && size == 1 && *body == 'q');
	json_line_clear(&input);
}

static void test_broken_frames(void)
{
	static const struct {
		const char *bytes;
		gsize size;
	} broken[] = { { "\0\0\0\0D", 5 },
		       { "\0\0\x10\0D", 5 },
		       { "\xff\xff\xff\xff"
			 "D",
			 5 },
		       { "\0\0\0\1x", 5 } };

	for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
		const guint8 *body;
		FrameKind kind;
		JsonLine input;
		gsize size;

		MARK(kind);
		MARK(body);
		MARK(size);
		json_line_init(&input, 0);
		CU_ASSERT_EQUAL(frame_next(&input, 1000, &kind, &body, &size), FRAME_NONE);
		json_line_add(&input, broken[i].bytes, broken[i].size);
		CU_ASSERT_EQUAL(frame_next(&input, 1000, &kind, &body, &size), FRAME_BROKEN);
		CU_ASSERT(IS_MARKED(kind) && IS_MARKED(body) && IS_MARKED(size));
		json_line_clear(&input);
	}
}

/* --- Python's text --- */

static void test_python_text(void)
{
	static const struct {
		const char *json, *text, *repr;
	} values[] = {
		{ "{\"b\":1,\"a\":[true,false,null]}", "{\"b\": 1, \"a\": [true, false, null]}",
		  "{'b': 1, 'a': [True, False, None]}" },
		{ "\"h\\u00e9\\ud83d\\ude00\\u007f\\u0000/\\\"\"", "\"h\\u00e9\\ud83d\\ude00\\u007f\\u0000/\\\"\"",
		  NULL },
		{ "0.1", "0.1", "0.1" },
		{ "1.0", "1.0", "1.0" },
		{ "1e16", "1e+16", "1e+16" },
		{ "123456789.125", "123456789.125", NULL },
		{ "1e-5", "1e-05", NULL },
		{ "0.0001", "0.0001", NULL },
		{ "-2.5e300", "-2.5e+300", NULL },
		{ "1e15", "1000000000000000.0", NULL },
		{ "[\"it's\"]", "[\"it's\"]", "[\"it's\"]" },
		{ "[\"ping\"]", "[\"ping\"]", "['ping']" },
		{ "{}", "{}", "{}" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
		json_t *value = bp_json_parse(values[i].json, strlen(values[i].json), 0, NULL);
		g_autofree char *text = python_json_text(value), *repr = python_repr(value);

		CU_ASSERT_PTR_NOT_NULL_FATAL(value);
		CU_ASSERT_STRING_EQUAL(text, values[i].text);
		if (values[i].repr)
			CU_ASSERT_STRING_EQUAL(repr, values[i].repr);
		json_decref(value);
	}
}

static void test_python_errors(void)
{
	g_autofree char *bad = python_utf8_error("\x1f\x8b\x08", 3), *good = python_utf8_error("a\0\xc3\xa9", 4);
	g_autofree char *whole = python_time(G_GINT64_CONSTANT(1700000000) * G_USEC_PER_SEC),
			*parts = python_time(G_GINT64_CONSTANT(1700000000) * G_USEC_PER_SEC + 42);

	CU_ASSERT_STRING_EQUAL(bad, "'utf-8' codec can't decode byte 0x8b in position 1: invalid start byte");
	CU_ASSERT_PTR_NULL(good);
	CU_ASSERT_EQUAL(strlen(whole), 19);
	CU_ASSERT(g_str_has_suffix(parts, ".000042"));
}

static const SuiteTest tests[] = {
	{ "cut anywhere", test_cut_anywhere },
	{ "limit", test_limit },
	{ "linear", test_linear },
	{ "many small lines", test_many_small_lines },
	{ "frames", test_frames },
	{ "broken frames", test_broken_frames },
	{ "python text", test_python_text },
	{ "python errors", test_python_errors },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("json-line", tests, argc, argv);
}
