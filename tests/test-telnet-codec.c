/* SPDX-License-Identifier: MIT */
/* test-telnet-codec.c - what telnet clients send, in whole and cut at every byte. */
#include <string.h>
#include "suite.h"
#include <backplane/telnet.h>

typedef struct {
	GString *data, *sent, *events; /* without those of the terminal: how many there are depends on the cuts */
	BpTelnet *codec;
	guint terminal;
} Client;

static const char *const event_names[] = { NULL, "resized", "interrupt", "charset", "user", "broken" };

static void on_data(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Client *)user)->data, (const char *)data, (gssize)size);
}

static void on_send(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Client *)user)->sent, (const char *)data, (gssize)size);
}

static void on_event(BpTelnet *codec, BpTelnetEvent event, gpointer user)
{
	Client *client = user;

	if (event == BP_TELNET_TERMINAL)
		client->terminal++;
	else
		g_string_append_printf(client->events, "%s@%zu ", event_names[event], client->data->len);
}

static const BpTelnetEvents callbacks = {
	.size = sizeof(callbacks), .data = on_data, .send = on_send, .event = on_event
};

static void client_begin(Client *client, gboolean lines)
{
	*client = (Client){ g_string_new(NULL), g_string_new(NULL), g_string_new(NULL), NULL, 0 };
	client->codec = bp_telnet_new(&callbacks, client);
	bp_telnet_set_lines(client->codec, lines);
}

static void client_end(Client *client)
{
	bp_telnet_free(client->codec);
	g_string_free(client->data, TRUE);
	g_string_free(client->sent, TRUE);
	g_string_free(client->events, TRUE);
}

/* A client to whom our options were offered. */
static void client_offer(Client *client, gboolean lines)
{
	client_begin(client, lines);
	bp_telnet_offer(client->codec);
	g_string_truncate(client->sent, 0);
}

#define RECEIVE(client, literal) bp_telnet_receive((client)->codec, (const guint8 *)(literal), sizeof(literal) - 1)
#define IS(string, literal) \
	((string)->len == sizeof(literal) - 1 && memcmp((string)->str, literal, sizeof(literal) - 1) == 0)

static void test_offers_in_order(void)
{
	Client client;

	client_begin(&client, TRUE);
	bp_telnet_offer(client.codec);
	CU_ASSERT(IS(client.sent,
		     "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\xff\xfd\x18\xff\xfd\x1f\xff\xfd\x27\xff\xfb\x2a"));
	CU_ASSERT_FALSE(bp_telnet_info(client.codec)->answered);
	client_end(&client);
}

/* What GNU telnet says, and its user. */
#define GNU \
	"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\x00\x84\x00\x28\xff\xf0\xff\xfe\x2a" \
	"\xff\xfa\x18\x00XTERM-256COLOR\xff\xf0\xff\xfa\x18\x00XTERM-256COLOR\xff\xf0hello\r\0"

static void test_gnu_telnet(void)
{
	const BpTelnetInfo *info;
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, GNU);
	info = bp_telnet_info(client.codec);
	CU_ASSERT(IS(client.data, "hello\n"));
	CU_ASSERT_STRING_EQUAL(client.events->str, "resized@0 ");
	CU_ASSERT_EQUAL(info->columns, 132);
	CU_ASSERT_EQUAL(info->rows, 40);
	CU_ASSERT_STRING_EQUAL(info->terminal, "xterm-256color");
	CU_ASSERT_STRING_EQUAL(info->client, "");
	CU_ASSERT_TRUE(info->echo && info->sga && info->answered);
	/* Nothing is said twice: two questions for the type, until it repeats. */
	CU_ASSERT(IS(client.sent, "\xff\xfa\x18\x01\xff\xf0\xff\xfa\x18\x01\xff\xf0"));
	client_end(&client);
}

typedef struct {
	const char *bytes;
	gsize size;
} Conversation;
#define CONVERSATION(literal) \
	{ \
		literal, sizeof(literal) - 1 \
	}

static const Conversation conversations[] = {
	CONVERSATION(GNU),
	CONVERSATION("ab\xff\xfb\x18\xff\xfa\x18\x00MUDLET\xff\xf0"
		     "c\xff\xfa\x18\x00"
		     "ANSI\xff\xf0\xff\xfa\x18\x00MTTS 137\xff\xf0\r\nd\re\nf"),
	CONVERSATION("\xff\xfe\x01x\xff\xfe\x03y\xff\xfc\x18\xff\xfb\x22\xff\xfd\x22\xff\xfd\x01z\xff\xfe\x01"),
	CONVERSATION(
		"\xff\xfb\x2a\xff\xfd\x2a\xff\xfa\x2a\x01[TTABLE]\x01;ASCII;utf-8\xff\xf0\xff\xfa\x2a\x02UTF-8\xff\xf0q"),
	CONVERSATION("\xff\xfb\x27\xff\xfa\x27\x00\x00USER\x01joe\x03X\x01y\xff\xf0\xff\xfa\x27\x02\x00USER\x01"
		     "ann\xff\xf0"),
	CONVERSATION("\xff\xfa\x1f\x00\xff\xff\x00\xff\xff\xff\xf0k\xff\xfa\x1f\x00\x05\x00\x01\xff\xf0"),
	CONVERSATION("a\xff\xf7\xff\xf8"
		     "b\xff\xf6\xff\xf4"
		     "c\xff\xf3\xff\xf1\xff\xf9\xff\xff\r\n\xff\xfb\x00\xff\xfd\x00\r\0\r\n"),
	CONVERSATION("\xff\xfd\x19\xff\xfd\x06"
		     "a\xff\xfa\x18\x00"
		     "A\xff\xfd\x01"
		     "b\xff\xf0"
		     "c"),
	CONVERSATION("one\xff\xfa\x56\xff\xf0two\xff\xf6"),
};

static gboolean same(const Client *a, const Client *b)
{
	const BpTelnetInfo *one = bp_telnet_info(a->codec), *two = bp_telnet_info(b->codec);

	return one->cursor == two->cursor && one->answered == two->answered && one->mtts == two->mtts &&
	       !strcmp(one->terminal, two->terminal) && !strcmp(one->client, two->client) &&
	       g_string_equal(a->data, b->data) && g_string_equal(a->sent, b->sent) &&
	       g_string_equal(a->events, b->events);
}

static void test_cut_anywhere(void)
{
	for (guint i = 0; i < 2 * G_N_ELEMENTS(conversations); i++) {
		const Conversation *said = &conversations[i / 2];
		const guint8 *bytes = (const guint8 *)said->bytes;
		Client whole, single;

		client_offer(&whole, i % 2);
		bp_telnet_receive(whole.codec, bytes, said->size);
		CU_ASSERT_TRUE(whole.events->len > 0 || whole.terminal > 0);
		client_offer(&single, i % 2);
		for (gsize at = 0; at < said->size; at++)
			bp_telnet_receive(single.codec, bytes + at, 1);
		CU_ASSERT_TRUE(same(&whole, &single));
		client_end(&single);
		for (gsize cut = 1; cut < said->size; cut++) {
			Client parted;

			client_offer(&parted, i % 2);
			bp_telnet_receive(parted.codec, bytes, cut);
			bp_telnet_receive(parted.codec, bytes + cut, said->size - cut);
			CU_ASSERT_TRUE(same(&whole, &parted));
			client_end(&parted);
		}
		client_end(&whole);
	}
}

static void test_line_ends(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "a\r\nb\r\0c\rd\ne\r\r\n\n\xc3\xa4");
	CU_ASSERT(IS(client.data, "a\nb\nc\nd\ne\n\n\n\xc3\xa4"));
	client_end(&client);
	client_offer(&client, FALSE);
	RECEIVE(&client, "a\r\nb\r\0c\rd\ne");
	CU_ASSERT(IS(client.data, "a\r\nb\rc\rd\ne"));
	client_end(&client);
}

static void test_binary(void)
{
	Client client;

	client_offer(&client, FALSE);
	RECEIVE(&client, "\xff\xfb\x00\xff\xfd\x00\r\0\xff\xff\0\x80");
	CU_ASSERT(IS(client.sent, "\xff\xfd\x00\xff\xfb\x00"));
	CU_ASSERT(IS(client.data, "\r\0\xff\0\x80"));
	CU_ASSERT_TRUE(bp_telnet_info(client.codec)->binary_in && bp_telnet_info(client.codec)->binary_out);
	RECEIVE(&client, "\xff\xfc\x00\r\0");
	CU_ASSERT(IS(client.data, "\r\0\xff\0\x80\r"));
	client_end(&client);
}

static void test_iac_doubled(void)
{
	Client client;

	client_offer(&client, TRUE);
	bp_telnet_send(client.codec,
		       "a\xff"
		       "b\xff\xff",
		       5);
	bp_telnet_send(client.codec, "", 0);
	CU_ASSERT(IS(client.sent, "a\xff\xff"
				  "b\xff\xff\xff\xff"));
	RECEIVE(&client, "\xff\xff.\xff\xff\xff\xff");
	CU_ASSERT(IS(client.data, "\xff.\xff\xff"));
	client_end(&client);
}

static void test_sizes(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfb\x1f\xff\xfa\x1f\x00\xff\xff\x01\x2c\xff\xf0");
	CU_ASSERT_EQUAL(bp_telnet_info(client.codec)->columns, 255);
	CU_ASSERT_EQUAL(bp_telnet_info(client.codec)->rows, 300);
	RECEIVE(&client, "\xff\xfa\x1f\x00\x05\x00\x01\xff\xf0");
	CU_ASSERT_EQUAL(bp_telnet_info(client.codec)->columns, 80);
	CU_ASSERT_EQUAL(bp_telnet_info(client.codec)->rows, 24);
	RECEIVE(&client,
		"\xff\xfa\x1f\x00\x64\x00\xff\xf0\xff\xfa\x1f\xff\xf0\xff\xfa\x1f\x01\x02\x03\x04\x05\xff\xf0");
	CU_ASSERT_EQUAL(bp_telnet_info(client.codec)->columns, 80);
	CU_ASSERT_STRING_EQUAL(client.events->str, "resized@0 resized@0 ");
	client_end(&client);
}

static void test_terminal_types(void)
{
	const BpTelnetInfo *info;
	Client client;

	client_offer(&client, TRUE);
	info = bp_telnet_info(client.codec);
	RECEIVE(&client,
		"\xff\xfb\x18\xff\xfa\x18\x00Mudlet\xff\xf0\xff\xfa\x18\x00XTERM\xff\xf0\xff\xfa\x18\x00MTTS 13\xff\xf0");
	CU_ASSERT_STRING_EQUAL(info->client, "mudlet");
	CU_ASSERT_STRING_EQUAL(info->terminal, "xterm-256color");
	CU_ASSERT_EQUAL(info->mtts, BP_TELNET_MTTS_ANSI | BP_TELNET_MTTS_UTF8 | BP_TELNET_MTTS_256_COLOURS);
	CU_ASSERT_TRUE(info->utf8);
	CU_ASSERT_EQUAL(client.terminal, 1);
	client_end(&client);

	/* Control characters are not part of a name, and it is bounded. */
	client_offer(&client, TRUE);
	info = bp_telnet_info(client.codec);
	RECEIVE(&client, "\xff\xfa\x18\x00\033[31mvt\r\n100 \xff\xf0");
	CU_ASSERT_STRING_EQUAL(info->terminal, "[31mvt100");
	RECEIVE(&client,
		"\xff\xfa\x18\x00xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xff\xf0");
	CU_ASSERT_STRING_EQUAL(info->terminal, "[31mvt100");
	client_end(&client);
}

static void test_endless_types(void)
{
	Client client;

	client_offer(&client, TRUE);
	for (guint i = 0; i < 100; i++) {
		char answer[] = "\xff\xfa\x18\x00type00\xff\xf0";

		answer[8] = (char)('0' + i / 10);
		answer[9] = (char)('0' + i % 10);
		bp_telnet_receive(client.codec, (const guint8 *)answer, sizeof(answer) - 1);
	}
	CU_ASSERT_STRING_EQUAL(bp_telnet_info(client.codec)->terminal, "type00");
	CU_ASSERT_EQUAL(client.sent->len, 7 * 6);
	client_end(&client);
}

static void test_echo(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfe\x01");
	CU_ASSERT_EQUAL(client.terminal, 1);
	CU_ASSERT_FALSE(bp_telnet_info(client.codec)->cursor);
	CU_ASSERT_EQUAL(client.sent->len, 0);
	client_end(&client);

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfd\x01\xff\xfd\x01");
	CU_ASSERT_EQUAL(client.sent->len, 0);
	CU_ASSERT_TRUE(bp_telnet_info(client.codec)->cursor);
	RECEIVE(&client, "\xff\xfe\x01\xff\xfe\x01");
	CU_ASSERT(IS(client.sent, "\xff\xfc\x01"));
	CU_ASSERT_FALSE(bp_telnet_info(client.codec)->echo);
	CU_ASSERT_EQUAL(client.terminal, 2);
	CU_ASSERT_FALSE(bp_telnet_info(client.codec)->cursor);
	client_end(&client);

	/* A password on a client that echoes by itself. */
	client_begin(&client, TRUE);
	bp_telnet_set_echo(client.codec, TRUE);
	RECEIVE(&client, "\xff\xfd\x01secret\r\n");
	bp_telnet_set_echo(client.codec, FALSE);
	RECEIVE(&client, "\xff\xfe\x01");
	CU_ASSERT(IS(client.sent, "\xff\xfb\x01\xff\xfc\x01"));
	CU_ASSERT(IS(client.data, "secret\n"));
	client_end(&client);
}

static void test_gives_lines_back(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfd\x01\xff\xfd\x03");
	bp_telnet_give_lines(client.codec);
	CU_ASSERT(IS(client.sent, "\xff\xfc\x01\xff\xfc\x03"));
	RECEIVE(&client, "\xff\xfe\x01\xff\xfe\x03");
	CU_ASSERT_FALSE(bp_telnet_info(client.codec)->echo);
	CU_ASSERT_FALSE(bp_telnet_info(client.codec)->sga);
	CU_ASSERT_EQUAL(client.sent->len, 6);
	client_end(&client);
}

static void test_commands(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "a\xff\xf7"
			 "b\xff\xf8"
			 "c\xff\xec\xff\xf4\xff\xf3"
			 "d\xff\xf1\xff\xf2\xff\xf5\xff\xf9\xff\xef");
	CU_ASSERT(IS(client.data, "a\x7f"
				  "b\x15"
				  "c\x04"
				  "d"));
	CU_ASSERT_STRING_EQUAL(client.events->str, "interrupt@6 interrupt@6 ");
	CU_ASSERT_EQUAL(client.sent->len, 0);
	RECEIVE(&client, "\xff\xf6");
	CU_ASSERT(IS(client.sent, "\r\n[Yes]\r\n"));
	client_end(&client);
}

static void test_refuses(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfb\x22\xff\xfd\x22");
	CU_ASSERT(IS(client.sent, "\xff\xfe\x22\xff\xfc\x22"));
	g_string_truncate(client.sent, 0);
	RECEIVE(&client, "\xff\xfd\x56\xff\xfb\x56\xff\xfd\x06\xff\xfb\xc8\xff\xfc\x22\xff\xfe\x22");
	CU_ASSERT(IS(client.sent, "\xff\xfc\x56\xff\xfe\x56\xff\xfc\x06\xff\xfe\xc8"));
	client_end(&client);
}

static void test_charset(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfd\x2a");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2a\x01;UTF-8\xff\xf0"));
	g_string_truncate(client.sent, 0);
	/* Both ask: ours counts. */
	RECEIVE(&client, "\xff\xfa\x2a\x01;UTF-8\xff\xf0");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2a\x03\xff\xf0"));
	RECEIVE(&client, "\xff\xfa\x2a\x02UTF-8\xff\xf0");
	CU_ASSERT_TRUE(bp_telnet_info(client.codec)->utf8);
	client_end(&client);

	client_begin(&client, TRUE);
	RECEIVE(&client, "\xff\xfa\x2a\x01[TTABLE]\x01 LATIN1 utf-8\xff\xf0");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2a\x02utf-8\xff\xf0"));
	g_string_truncate(client.sent, 0);
	RECEIVE(&client, "\xff\xfa\x2a\x01;LATIN1;UTF-88\xff\xf0\xff\xfa\x2a\x01\xff\xf0\xff\xfa\x2a\xff\xf0");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2a\x03\xff\xf0\xff\xfa\x2a\x03\xff\xf0"));
	client_end(&client);
}

static void test_user(void)
{
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "\xff\xfb\x27");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x27\x01\x00USER\xff\xf0"));
	RECEIVE(&client, "\xff\xfa\x27\x00\x00USER\x01joe\x03LANG\x01"
			 "C\xff\xf0");
	CU_ASSERT_STRING_EQUAL(bp_telnet_info(client.codec)->user, "joe");
	client_end(&client);
}

static void test_marks(void)
{
	Client client;

	client_offer(&client, TRUE);
	bp_telnet_mark(client.codec);
	CU_ASSERT_EQUAL(client.sent->len, 0);
	RECEIVE(&client, "\xff\xfe\x03");
	bp_telnet_mark(client.codec);
	CU_ASSERT(IS(client.sent, "\xff\xf9"));
	RECEIVE(&client, "\xff\xfd\x19");
	bp_telnet_mark(client.codec);
	CU_ASSERT(IS(client.sent, "\xff\xf9\xff\xfb\x19\xff\xef"));
	client_end(&client);
}

static void test_nonsense_breaks(void)
{
	g_autofree char *flood = g_malloc(40000);
	Client client;

	client_offer(&client, TRUE);
	RECEIVE(&client, "x\xff\xfa\x56\xff\xf0\x78\x9c\x4b\x04\x00");
	CU_ASSERT_STRING_EQUAL(client.events->str, "broken@1 ");
	CU_ASSERT(IS(client.data, "x"));
	RECEIVE(&client, "more");
	CU_ASSERT(IS(client.data, "x"));
	client_end(&client);

	client_offer(&client, TRUE);
	memset(flood, 'A', 40000);
	RECEIVE(&client, "x\xff\xfa\x18");
	for (guint i = 0; i < 100; i++)
		bp_telnet_receive(client.codec, (const guint8 *)flood, 40000);
	CU_ASSERT_STRING_EQUAL(client.events->str, "broken@1 ");
	CU_ASSERT(IS(client.data, "x"));
	client_end(&client);
}

static const SuiteTest tests[] = {
	{ "offers_in_order", test_offers_in_order },
	{ "gnu_telnet", test_gnu_telnet },
	{ "cut_anywhere", test_cut_anywhere },
	{ "line_ends", test_line_ends },
	{ "binary", test_binary },
	{ "iac_doubled", test_iac_doubled },
	{ "sizes", test_sizes },
	{ "terminal_types", test_terminal_types },
	{ "endless_types", test_endless_types },
	{ "echo", test_echo },
	{ "gives_lines_back", test_gives_lines_back },
	{ "commands", test_commands },
	{ "refuses", test_refuses },
	{ "charset", test_charset },
	{ "user", test_user },
	{ "marks", test_marks },
	{ "nonsense_breaks", test_nonsense_breaks },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("telnet-codec", tests, argc, argv);
}
