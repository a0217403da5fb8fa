/* SPDX-License-Identifier: MIT */
/* test-endpoint.c - the JSON forms of media, and limits on JSON from the wire. */
#include <string.h>
#include "suite.h"
#include "../plugins/peer/endpoint-media.h"
#include "../plugins/peer/python-json.h"

static GString *pieces;

static json_t *on_piece(const char *type, const guint8 *data, gsize size, const json_t *message, gpointer user)
{
	g_string_append_printf(pieces, "%s:%.*s ", type, (int)size, (const char *)data);
	return NULL;
}

/* The reply as the originals write it, without "timestamp". */
static char *answer(EndpointMedia *media, const char *text)
{
	json_t *message = bp_json_parse_object(text, strlen(text), 0, NULL), *reply;
	char *line;

	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	CU_ASSERT_TRUE(endpoint_media_is(message));
	reply = endpoint_media_receive(media, message, on_piece, NULL);
	line = python_json_text(reply);
	json_decref(message);
	json_decref(reply);
	return line;
}

static void check(EndpointMedia *media, const char *text, const char *expected)
{
	g_autofree char *line = answer(media, text);

	CU_ASSERT_STRING_EQUAL(line, expected);
}

static void test_single(void)
{
	EndpointMedia media = { NULL };

	pieces = g_string_new(NULL);
	check(&media, "{\"media_type\":\"image\",\"content\":\"QUJD\",\"size\":3,\"encoding\":\"base64\"}",
	      "{\"status\": \"success\", \"message\": \"Received 3 bytes of media data (image)\", \"size\": 3, \"media_type\": \"image\"}");
	check(&media, "{\"media_type\":\"image\",\"content\":\"QUJD\",\"encoding\":\"gzip\"}",
	      "{\"status\": \"success\", \"message\": \"Received 0 bytes of media data (image)\", \"size\": 0, \"media_type\": \"image\"}");
	CU_ASSERT_STRING_EQUAL(pieces->str, "image:ABC image: ");
	g_string_free(pieces, TRUE);
}

static void test_stream(void)
{
	EndpointMedia media = { NULL };
	g_autofree char *last = NULL;

	pieces = g_string_new(NULL);
	check(&media,
	      "{\"stream_id\":\"S1\",\"media_type\":\"video\",\"action\":\"start_stream\",\"metadata\":{\"a\":1}}",
	      "{\"status\": \"success\", \"data\": {\"status\": \"stream_started\", \"stream_id\": \"S1\"}}");
	check(&media, "{\"stream_id\":\"S1\",\"content\":\"QUJD\",\"chunk_index\":0,\"is_last\":false}",
	      "{\"status\": \"success\", \"data\": {\"status\": \"chunk_received\", \"stream_id\": \"S1\", \"chunk_index\": 0, "
	      "\"received_chunks\": 1}}");
	last = answer(
		&media,
		"{\"stream_id\":\"S1\",\"content\":\"REVG\",\"chunk_index\":1,\"is_last\":true,\"metadata\":\"{}\"}");
	CU_ASSERT(g_str_has_prefix(
		last, "{\"status\": \"success\", \"data\": {\"status\": \"stream_completed\", \"stream_id\": \"S1\", "
		      "\"total_chunks\": 2, \"total_bytes\": 6, \"duration\": "));
	check(&media, "{\"stream_id\":\"S1\",\"content\":\"QUJD\",\"chunk_index\":2}",
	      "{\"status\": \"error\", \"error\": \"unknown_stream\", \"message\": \"Stream S1 is not registered\"}");
	CU_ASSERT_STRING_EQUAL(pieces->str, "video:ABC video:DEF ");
	endpoint_media_clear(&media);
	g_string_free(pieces, TRUE);
}

static void test_errors(void)
{
	EndpointMedia media = { NULL };

	pieces = g_string_new(NULL);
	check(&media, "{\"stream_id\":\"S9\"}",
	      "{\"status\": \"error\", \"message\": \"Unknown media message format\"}");
	check(&media, "{\"action\":\"stream_x\"}",
	      "{\"status\": \"error\", \"message\": \"Unknown media message format\"}");
	check(&media, "{\"media_type\":\"i\",\"content\":\"QUJDR\"}",
	      "{\"status\": \"error\", \"message\": \"Error during media message processing: Invalid base64-encoded string: number of "
	      "data characters (5) cannot be 1 more than a multiple of 4\"}");
	check(&media, "{\"media_type\":\"i\",\"content\":\"QUI\"}",
	      "{\"status\": \"error\", \"message\": \"Error during media message processing: Incorrect padding\"}");
	CU_ASSERT_EQUAL(pieces->len, 0);
	g_string_free(pieces, TRUE);
}

static void test_streams_are_bounded(void)
{
	EndpointMedia media = { NULL };

	for (guint i = 0; i < 2 * MEDIA_MOST_STREAMS; i++) {
		g_autofree char *text = g_strdup_printf("{\"stream_id\":\"S%u\",\"action\":\"start_stream\"}", i);
		g_autofree char *line = answer(&media, text);

		CU_ASSERT_EQUAL(strstr(line, "stream_started") != NULL, i < MEDIA_MOST_STREAMS);
	}
	CU_ASSERT_EQUAL(g_hash_table_size(media.streams), MEDIA_MOST_STREAMS);
	endpoint_media_clear(&media);
}

/* Cases in the manner of the public collections of JSON: what no parser may take, and what it may. */
static void test_hostile_json(void)
{
	static const char *const bad[] = {
		"",
		" ",
		"[",
		"]",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1,}",
		"[1,]",
		"[,1]",
		"{,}",
		"01",
		"-",
		"+1",
		".5",
		"1.",
		"1e",
		"0x1",
		"NaN",
		"Infinity",
		"-Infinity",
		"nul",
		"True",
		"'a'",
		"\"\x01\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\ud800\"",
		"\"a",
		"[1]x",
		"{\"a\":1 \"b\":2}",
		"{1:2}",
		"\xef\xbb\xbf{}",
		"\"\xff\"",
		"[\"a\\\"]",
		"/* */{}",
		"{}//",
		"123456789012345678901234567890",
	};
	static const char *const good[] = {
		"{}", "[]", "\"\"", "0", "-0", "1.5e3", "null", " {\"a\" : [ ] } ", "\"\\u0000\"", "\"\\ud83d\\ude00\""
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		json_t *value = bp_json_parse(bad[i], strlen(bad[i]), 0, NULL);

		if (value)
			fprintf(stderr, "taken: %s\n", bad[i]);
		CU_ASSERT_PTR_NULL(value);
	}
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		json_t *value = bp_json_parse(good[i], strlen(good[i]), 0, NULL);

		CU_ASSERT_PTR_NOT_NULL(value);
		json_decref(value);
	}
}

/* Strings are looked at eight bytes at a time: each byte, at each place of a word, is found. */
static void test_escapes(void)
{
	for (guint letter = 1; letter < 128; letter++) {
		for (guint place = 0; place < 17; place++) {
			char string[18], plain[] = "aaaaaaaaaaaaaaaaa";
			g_autofree char *text = NULL, *expected = NULL, *escape = NULL;
			const char *special = strchr("\"\"\\\\\bb\ff\nn\rr\tt", (int)letter);
			json_t *value;

			memcpy(string, plain, sizeof(string));
			string[place] = (char)letter;
			if (letter == '"' || letter == '\\')
				escape = g_strdup_printf("\\%c", letter);
			else if (letter < 0x20 && special)
				escape = g_strdup_printf("\\%c", special[1]);
			else
				escape = g_strdup_printf(letter < 0x20 || letter == 0x7f ? "\\u%04x" : "%c", letter);
			expected = g_strdup_printf("\"%.*s%s%s\"", (int)place, plain, escape, plain + place + 1);
			value = json_string(string);
			text = python_json_text(value);
			CU_ASSERT_STRING_EQUAL(text, expected);
			json_decref(value);
		}
	}
}

static const SuiteTest tests[] = {
	{ "escapes", test_escapes },
	{ "single media", test_single },
	{ "media stream", test_stream },
	{ "media errors", test_errors },
	{ "streams are bounded", test_streams_are_bounded },
	{ "hostile json", test_hostile_json },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("endpoint", tests, argc, argv);
}
