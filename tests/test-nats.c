/* SPDX-License-Identifier: MIT */
/* test-nats.c - the protocol of NATS: what a server may send, in pieces of any size, and what it may not. */
#include <string.h>
#include "../plugins/nats/nats-codec.h"
#include "suite.h"

#define LIMIT 1000

typedef struct {
	GString *text;
	guint most; /* operations; 0: any */
	guint count;
} Seen;

static gboolean on_operation(const NatsOperation *operation, gsize rest, gpointer user)
{
	static const char *const names[] = { "info", "msg", "ping", "pong", "ok", "err" };
	Seen *seen = user;

	g_string_append_printf(seen->text, "%s[%s]", names[operation->kind], operation->text);
	if (operation->kind == NATS_MESSAGE)
		g_string_append_printf(seen->text, "%s %" G_GUINT64_FORMAT " %s %.*s|%.*s", operation->subject,
				       operation->sid, operation->reply ? operation->reply : "-",
				       (int)operation->headers_size, operation->headers, (int)operation->size,
				       operation->data);
	g_string_append_c(seen->text, ';');
	return ++seen->count != seen->most;
}

/* What it becomes; "!" at the end: it is not the protocol. Yours. */
static char *parse(const char *text, gsize size, gsize step, guint most)
{
	Seen seen = { .text = g_string_new(NULL), .most = most };
	NatsCodec *codec = nats_codec_new(LIMIT, on_operation, &seen);
	g_autoptr(GError) error = NULL;

	for (gsize at = 0; at < size; at += step)
		if (!nats_codec_take(codec, text + at, MIN(step, size - at), &error))
			break;
	if (error)
		g_string_append_c(seen.text, '!');
	/* After its end nothing is taken. */
	if (error || (most && seen.count == most)) {
		guint before = seen.count;

		CU_ASSERT_FALSE(nats_codec_take(codec, "PING\r\n", 6, NULL));
		CU_ASSERT_EQUAL(seen.count, before);
	}
	nats_codec_free(codec);
	return g_string_free(seen.text, FALSE);
}

static void test_operations(void)
{
	static const struct {
		const char *text, *seen;
	} rows[] = {
		{ "INFO {\"a\":1}\r\n", "info[{\"a\":1}];" },
		{ "info {} \r\n", "info[{} ];" },
		{ "PING\r\nPONG\r\n+OK\r\n", "ping[];pong[];ok[];" },
		{ "PING\nping\n", "ping[];ping[];" },
		{ "-ERR 'Stale Connection'\r\n", "err[Stale Connection];" },
		{ "-ERR\r\n", "err[];" },
		{ "-ERR 'x\r\n", "err['x];" },
		{ "MSG a.b 7 5\r\nhello\r\n", "msg[]a.b 7 - |hello;" },
		{ "MSG a 7 r 0\r\n\r\nPING\r\n", "msg[]a 7 r |;ping[];" },
		{ "MSG\ta  7\t2\r\n\r\n\r\n", "msg[]a 7 - |\r\n;" },
		{ "HMSG a 1 3 5\r\nabcde\r\n", "msg[]a 1 - abc|de;" },
		{ "HMSG a 1 r 0 2\r\nde\r\n", "msg[]a 1 r |de;" },
		{ "HMSG a 1 5 3\r\nabcde\r\n", "!" },
		{ "MSG a 1 1001\r\n", "!" },
		{ "MSG a 1 -1\r\n", "!" },
		{ "MSG a 1 99999999999999999999\r\n", "!" },
		{ "MSG a x 1\r\n", "!" },
		{ "MSG a 1\r\n", "!" },
		{ "MSG a 1 r s 1\r\n", "!" },
		{ "HMSG a 1 r s t u v 1\r\n", "!" },
		{ "MSG a 1 1\r\nabc\r\n", "!" },
		{ "PINGS\r\n", "!" },
		{ "\r\n", "!" },
		{ "HTTP/1.1 200 OK\r\n", "!" },
		{ "PING\r\nMSG a 1 2\r\nhi\r\nPI", "ping[];msg[]a 1 - |hi;" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		for (gsize step = 1; step < 40; step += 6) {
			g_autofree char *seen = parse(rows[i].text, strlen(rows[i].text), step, 0);

			CU_ASSERT_STRING_EQUAL(seen, rows[i].seen);
		}
}

static void test_ends_when_told(void)
{
	g_autofree char *seen = parse("PING\r\nPONG\r\nPING\r\n", 18, 18, 2);

	CU_ASSERT_STRING_EQUAL(seen, "ping[];pong[];");
}

static void test_lines_have_a_limit(void)
{
	g_autofree char *line = g_malloc(NATS_LINE_LIMIT + 100);
	g_autofree char *seen = NULL;
	g_autofree char *nul = parse("PI\0NG\r\n", 7, 7, 0);

	memset(line, 'x', NATS_LINE_LIMIT + 100);
	seen = parse(line, NATS_LINE_LIMIT + 100, 1000, 0);
	CU_ASSERT_STRING_EQUAL(seen, "!");
	CU_ASSERT_STRING_EQUAL(nul, "!");
}

static void test_headers(void)
{
	static const char headers[] = "NATS/1.0 503 No Responders\r\nbp-path: a,b \r\nEmpty:\r\nbp-id:x\r\n\r\n";
	gsize size = sizeof(headers) - 1;
	g_autofree char *path = nats_header(headers, size, "BP-Path");
	g_autofree char *empty = nats_header(headers, size, "Empty");
	g_autofree char *id = nats_header(headers, size, "bp-id");

	CU_ASSERT_STRING_EQUAL(path, "a,b");
	CU_ASSERT_STRING_EQUAL(empty, "");
	CU_ASSERT_STRING_EQUAL(id, "x");
	CU_ASSERT_PTR_NULL(nats_header(headers, size, "bp"));
	CU_ASSERT_PTR_NULL(nats_header(headers, size, "NATS/1.0 503 No Responders\r\nbp-path"));
	CU_ASSERT_PTR_NULL(nats_header(headers, 0, "bp-id"));
	CU_ASSERT_EQUAL(nats_status(headers, size), 503);
	CU_ASSERT_EQUAL(nats_status("NATS/1.0\r\n\r\n", 12), 0);
	CU_ASSERT_EQUAL(nats_status("NATS/1.0 50", 11), 0);
	CU_ASSERT_EQUAL(nats_status("", 0), 0);
}

/* What a client writes is what it reads, as a server passes it on; nothing in a value ends its line. */
static void test_publish(void)
{
	static const char *const headers[] = { "bp-path", "a\r\nPUB evil 0", "absent", NULL, "bp-id", "7", NULL };
	g_autoptr(GString) out = g_string_new(NULL);

	nats_write_publish(out, "a.b", NULL, NULL, 5);
	CU_ASSERT_STRING_EQUAL(out->str, "PUB a.b 5\r\n");
	g_string_truncate(out, 0);
	nats_write_publish(out, "a.b", "r", headers + 2, 0);
	CU_ASSERT_STRING_EQUAL(out->str, "HPUB a.b r 22 22\r\nNATS/1.0\r\nbp-id: 7\r\n\r\n");
	g_string_truncate(out, 0);
	nats_write_publish(out, "a.b", NULL, headers, 3);
	CU_ASSERT_STRING_EQUAL(out->str, "HPUB a.b 46 49\r\nNATS/1.0\r\nbp-path: a  PUB evil 0\r\nbp-id: 7\r\n\r\n");
}

static const SuiteTest tests[] = {
	{ "operations", test_operations },
	{ "ends when told", test_ends_when_told },
	{ "lines have a limit", test_lines_have_a_limit },
	{ "headers", test_headers },
	{ "publish", test_publish },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("nats", tests, argc, argv);
}
