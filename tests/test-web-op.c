/* SPDX-License-Identifier: MIT */
/* test-web-op.c - what clients of /ws may ask for, and the sentences for what they may not. */
#include <string.h>
#include "../plugins/web/web-op.h"
#include "suite.h"

static WebOp op;

static gboolean parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	gboolean good;

	web_op_clear(&op);
	good = web_op_parse(&op, text, strlen(text), &error);
	CU_ASSERT_EQUAL(good, !error);
	CU_ASSERT(good || strlen(error->message) > 10);
	CU_ASSERT(good || (!op.name && !op.match && !op.line && !op.data && !op.kind && !op.size && !op.cursor &&
			   !op.text && !op.frames));
	return good;
}

static void test_watch(void)
{
	CU_ASSERT_FATAL(parse("{\"op\":\"watch\",\"id\":7,\"channel\":\"uart/*\"}"));
	CU_ASSERT_EQUAL(op.kind, WEB_OP_WATCH);
	CU_ASSERT_EQUAL(json_integer_value(op.id), 7);
	CU_ASSERT_STRING_EQUAL(op.name, "uart/*");
	CU_ASSERT(web_op_is_glob(op.name));
	CU_ASSERT(parse("{\"op\":\"unwatch\",\"id\":\"a\",\"channel\":\"hall\",\"more\":[1]}"));
	CU_ASSERT_STRING_EQUAL(json_string_value(op.id), "a");
	CU_ASSERT(parse("{\"op\":\"watch\",\"id\":null,\"channel\":\"hall\"}"));
	CU_ASSERT_PTR_NULL(op.id);
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"id\":7}"));
	CU_ASSERT_EQUAL(json_integer_value(op.id), 7); /* for the answer */
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"channel\":\"\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"channel\":\"two words\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"channel\":7}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"channel\":\"a\\u0000b\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"id\":{},\"channel\":\"hall\"}"));
}

static void test_send(void)
{
	CU_ASSERT_FATAL(parse("{\"op\":\"send\",\"channel\":\"hall\",\"text\":\"a\\u0000b\"}"));
	CU_ASSERT(op.text);
	CU_ASSERT_EQUAL(op.size, 3);
	CU_ASSERT_EQUAL(memcmp(op.data, "a\0b", 3), 0);
	CU_ASSERT_FATAL(parse("{\"op\":\"send\",\"channel\":\"hall\",\"base64\":\"/wAB\"}"));
	CU_ASSERT_FALSE(op.text);
	CU_ASSERT_EQUAL(op.size, 3);
	CU_ASSERT_EQUAL(memcmp(op.data, "\xff\0\1", 3), 0);
	CU_ASSERT(parse("{\"op\":\"send\",\"channel\":\"hall\",\"text\":\"\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"send\",\"channel\":\"hall\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"send\",\"channel\":\"hall\",\"text\":\"a\",\"base64\":\"\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"send\",\"channel\":\"hall\",\"base64\":\"/wA\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"send\",\"channel\":\"hall\",\"base64\":\"/w!B\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"send\",\"channel\":\"ha*\",\"text\":\"a\"}"));
}

static void test_binary(void)
{
	static const struct {
		const char *bytes;
		gsize size;
		const char *name; /* NULL: refused */
	} cases[] = {
		{ "\4hall\xff\0\1", 8, "hall" },
		{ "\4hall", 5, "hall" },
		{ "", 0 },
		{ "\0hall", 5 },
		{ "\5hall", 5 },
		{ "\377hall", 5 },
		{ "\4ha l", 5 },
		{ "\4ha*l", 5 },
		{ "\4ha\0l", 5 },
		{ "\2\xc3(", 3 },
	};
	g_autoptr(BpMessage) message = bp_message_new("\xff\0\1", 3, BP_BINARY);
	g_autoptr(GByteArray) frame = web_op_frame("hall", message);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		web_op_clear(&op);
		CU_ASSERT_EQUAL(web_op_parse_frame(&op, (const guint8 *)cases[i].bytes, cases[i].size, &error),
				!!cases[i].name);
		CU_ASSERT_EQUAL(!error, !!cases[i].name);
		if (!cases[i].name) {
			CU_ASSERT(!op.name && !op.data && !op.size && !op.silent);
			continue;
		}
		CU_ASSERT(op.kind == WEB_OP_SEND && !op.text && op.silent);
		CU_ASSERT_STRING_EQUAL(op.name, cases[i].name);
		CU_ASSERT_EQUAL(op.size, cases[i].size - 5);
		CU_ASSERT_EQUAL(memcmp(op.data ? op.data : (const guint8 *)"", cases[i].bytes + 5, op.size), 0);
	}
	CU_ASSERT(frame->len == 8 && memcmp(frame->data, cases[0].bytes, 8) == 0);
	CU_ASSERT(parse("{\"op\":\"watch\",\"channel\":\"hall\"}") && !op.frames);
	CU_ASSERT(parse("{\"op\":\"watch\",\"channel\":\"hall\",\"binary\":\"base64\"}") && !op.frames);
	CU_ASSERT(parse("{\"op\":\"watch\",\"channel\":\"ha*\",\"binary\":\"frames\"}") && op.frames);
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"channel\":\"hall\",\"binary\":\"hex\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"watch\",\"channel\":\"hall\",\"binary\":true}"));
}

static void test_lines(void)
{
	CU_ASSERT(parse("{\"op\":\"run\",\"command\":\"version\"}"));
	CU_ASSERT_STRING_EQUAL(op.line, "version");
	CU_ASSERT_FALSE(parse("{\"op\":\"run\",\"command\":\"a\\u0000b\"}"));
	CU_ASSERT_FALSE(parse("{\"op\":\"run\"}"));
	CU_ASSERT(parse("{\"op\":\"complete\",\"line\":\"chan\"}"));
	CU_ASSERT_EQUAL(op.cursor, 4);
	CU_ASSERT(parse("{\"op\":\"complete\",\"line\":\"chan\",\"cursor\":-3}"));
	CU_ASSERT_EQUAL(op.cursor, 0);
	CU_ASSERT(parse("{\"op\":\"complete\",\"line\":\"chan\",\"cursor\":9000000000}"));
	CU_ASSERT_EQUAL(op.cursor, 4);
	CU_ASSERT(parse("{\"op\":\"complete\",\"line\":\"a\xc3\xa9\",\"cursor\":2}"));
	CU_ASSERT_EQUAL(op.cursor, 1);
	CU_ASSERT(parse("{\"op\":\"list\",\"what\":\"channels\",\"match\":\"u*\"}"));
	CU_ASSERT_STRING_EQUAL(op.match, "u*");
	CU_ASSERT_FALSE(parse("{\"op\":\"list\"}"));
}

static void test_nonsense(void)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"7",
		"\"watch\"",
		"{}",
		"{\"op\":7}",
		"{\"op\":\"dance\"}",
		"{\"op\":\"watch\"} x",
		"{\"op\":\"\\ud800\"}",
		"{\"op\":\"ping\",\"op\":\"ping\"",
		"\xff",
	};

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		CU_ASSERT_FALSE(parse(texts[i]));
	CU_ASSERT(parse(" {\"op\" : \"ping\"} "));
	web_op_clear(&op);
}

static const SuiteTest tests[] = {
	{ "watch", test_watch }, { "send", test_send },		{ "binary", test_binary },
	{ "lines", test_lines }, { "nonsense", test_nonsense }, { NULL },
};

int main(int argc, char **argv)
{
	return suite_run("web-op", tests, argc, argv);
}
