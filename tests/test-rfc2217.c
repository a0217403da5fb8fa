/* SPDX-License-Identifier: MIT */
/* test-rfc2217.c - what RFC 2217 clients send, in whole and cut at every byte; every command is acknowledged. */
#include <string.h>
#include "suite.h"
#include "../plugins/uart/rfc2217.h"

typedef struct {
	GString *data, *sent, *commands;
	Rfc2217 *codec;
	guint agreed;
	guint32 refuse_baud; /* acknowledged instead */
} Client;

static void on_data(const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Client *)user)->data, (const char *)data, (gssize)size);
}

static void on_send(const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Client *)user)->sent, (const char *)data, (gssize)size);
}

static guint32 on_command(guint8 command, guint32 value, gpointer user)
{
	Client *client = user;

	g_string_append_printf(client->commands, "%u=%u ", command, value);
	return command == RFC2217_BAUD && client->refuse_baud ? client->refuse_baud : value;
}

static void on_agreed(gpointer user)
{
	((Client *)user)->agreed++;
}

static void on_break(gpointer user)
{
	g_string_append(((Client *)user)->commands, "break ");
}

static const Rfc2217Callbacks callbacks = { on_data, on_send, on_command, on_agreed, on_break };

static void client_begin(Client *client)
{
	*client = (Client){ g_string_new(NULL), g_string_new(NULL), g_string_new(NULL), NULL, 0, 0 };
	client->codec = rfc2217_new(&callbacks, "Backplane", client);
}

static void client_end(Client *client)
{
	rfc2217_free(client->codec);
	g_string_free(client->data, TRUE);
	g_string_free(client->sent, TRUE);
	g_string_free(client->commands, TRUE);
}

#define RECEIVE(client, literal) rfc2217_receive((client)->codec, (const guint8 *)(literal), sizeof(literal) - 1)
#define IS(string, literal) \
	((string)->len == sizeof(literal) - 1 && memcmp((string)->str, literal, sizeof(literal) - 1) == 0)

static void test_offers(void)
{
	Client client;

	client_begin(&client);
	rfc2217_offer(client.codec);
	CU_ASSERT(IS(client.sent, "\xff\xfb\x03\xff\xfb\x01\xff\xfb\x00\xff\xfd\x03\xff\xfd\x00\xff\xfd\x2c"));
	g_string_truncate(client.sent, 0);
	/* Agreement to what was offered is not answered, so that nothing goes round. */
	RECEIVE(&client, "\xff\xfd\x03\xff\xfd\x01\xff\xfd\x00\xff\xfb\x03\xff\xfb\x00\xff\xfb\x2c");
	CU_ASSERT_EQUAL(client.sent->len, 0);
	CU_ASSERT_EQUAL(client.agreed, 1);
	RECEIVE(&client, "\xff\xfd\x2c");
	CU_ASSERT(IS(client.sent, "\xff\xfb\x2c"));
	CU_ASSERT_EQUAL(client.agreed, 1);
	client_end(&client);
}

static void test_refuses_others(void)
{
	Client client;

	client_begin(&client);
	RECEIVE(&client, "\xff\xfd\x18\xff\xfb\x1f\xff\xfe\x18\xff\xfc\x1f\xff\xfb\x01\xff\xfb\xff");
	CU_ASSERT(IS(client.sent, "\xff\xfc\x18\xff\xfe\x1f\xff\xfe\x01\xff\xfe\xff"));
	client_end(&client);
}

static void test_settings(void)
{
	Client client;

	client_begin(&client);
	RECEIVE(&client,
		"\xff\xfb\x2c\xff\xfa\x2c\x01\x00\x01\xc2\x00\xff\xf0\xff\xfa\x2c\x02\x08\xff\xf0\xff\xfa\x2c\x03\x01\xff\xf0"
		"\xff\xfa\x2c\x04\x01\xff\xf0");
	CU_ASSERT_STRING_EQUAL(client.commands->str, "1=115200 2=8 3=1 4=1 ");
	CU_ASSERT(IS(client.sent, "\xff\xfd\x2c\xff\xfa\x2c\x65\x00\x01\xc2\x00\xff\xf0\xff\xfa\x2c\x66\x08\xff\xf0"
				  "\xff\xfa\x2c\x67\x01\xff\xf0\xff\xfa\x2c\x68\x01\xff\xf0"));
	g_string_truncate(client.sent, 0);
	client.refuse_baud = 0xff00ffff;
	RECEIVE(&client, "\xff\xfa\x2c\x01\xff\xff\x00\x00\x01\xff\xf0");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2c\x65\xff\xff\x00\xff\xff\xff\xff\xff\xf0"));
	CU_ASSERT_STRING_EQUAL(client.commands->str, "1=115200 2=8 3=1 4=1 1=4278190081 ");
	client_end(&client);
}

static void test_every_control_is_acknowledged(void)
{
	for (guint value = 0; value < 256; value++) {
		GString *command = g_string_new("\xff\xfa\x2c\x05"), *answer = g_string_new("\xff\xfa\x2c\x69");
		Client client;

		for (guint i = 0; i < (value == 0xff ? 2 : 1); i++) {
			g_string_append_c(command, (char)value);
			g_string_append_c(answer, (char)value);
		}
		g_string_append(command, "\xff\xf0");
		g_string_append(answer, "\xff\xf0");
		client_begin(&client);
		rfc2217_receive(client.codec, (const guint8 *)command->str, command->len);
		CU_ASSERT_TRUE(g_string_equal(client.sent, answer));
		client_end(&client);
		g_string_free(command, TRUE);
		g_string_free(answer, TRUE);
	}
}

static void test_signature_and_purge(void)
{
	Client client;

	client_begin(&client);
	RECEIVE(&client,
		"\xff\xfa\x2c\x00\xff\xf0\xff\xfa\x2c\x00PySerial\xff\xf0\xff\xfa\x2c\x0c\x03\xff\xf0\xff\xfa\x2c\x08\xff\xf0");
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2c\x64"
				  "Backplane\xff\xf0\xff\xfa\x2c\x70\x03\xff\xf0"));
	CU_ASSERT_STRING_EQUAL(client.commands->str, "12=3 8=0 ");
	client_end(&client);
}

static void test_nonsense(void)
{
	Client client;
	guint8 sub[400] = { 0xff, 0xfa, 44, 5 };

	client_begin(&client);
	RECEIVE(&client,
		"\xff\xfa\xff\xf0\xff\xfa\x2c\xff\xf0\xff\xfa\x2c\x01\x00\xff\xf0\xff\xfa\x2c\x63\x01\xff\xf0\xff\xfa\x18\x01\xff\xf0");
	CU_ASSERT_EQUAL(client.sent->len, 0);
	memcpy(sub + 398, "\xff\xf0", 2);
	rfc2217_receive(client.codec, sub, sizeof(sub));
	CU_ASSERT_EQUAL(client.sent->len, 0);
	CU_ASSERT_STRING_EQUAL(client.commands->str, "");
	/* A subnegotiation whose end was forgotten does not swallow the next. */
	RECEIVE(&client, "\xff\xfa\x2c\x05\xff\xfa\x2c\x05\x08\xff\xf0x");
	CU_ASSERT_STRING_EQUAL(client.commands->str, "5=8 ");
	CU_ASSERT(IS(client.data, "x"));
	client_end(&client);
}

static void test_data(void)
{
	Client client;

	client_begin(&client);
	RECEIVE(&client, "a\r\0b\r\nc\xff\xff\r");
	RECEIVE(&client, "\0d");
	CU_ASSERT(IS(client.data, "a\rb\r\nc\xff\rd"));
	rfc2217_send(client.codec, (const guint8 *)"x\ry\r\n\xff", 6);
	CU_ASSERT(IS(client.sent, "x\r\0y\r\n\xff\xff"));
	RECEIVE(&client, "\xff\xfb\x00\xff\xfd\x00");
	g_string_truncate(client.data, 0);
	g_string_truncate(client.sent, 0);
	RECEIVE(&client, "\r\0\xff\xff\0");
	CU_ASSERT(IS(client.data, "\r\0\xff\0"));
	rfc2217_send(client.codec, (const guint8 *)"\r\0\xff", 3);
	CU_ASSERT(IS(client.sent, "\r\0\xff\xff"));
	client_end(&client);
}

static void test_notify(void)
{
	Client client;

	client_begin(&client);
	rfc2217_notify(client.codec, RFC2217_MODEM_STATE, 0x30);
	CU_ASSERT_EQUAL(client.sent->len, 0);
	RECEIVE(&client, "\xff\xfb\x2c");
	g_string_truncate(client.sent, 0);
	rfc2217_notify(client.codec, RFC2217_MODEM_STATE, 0x30);
	CU_ASSERT(IS(client.sent, "\xff\xfa\x2c\x6b\x30\xff\xf0"));
	client_end(&client);
}

static void test_break_key(void)
{
	Client client;

	client_begin(&client);
	RECEIVE(&client, "a\xff\xf3"
			 "b\xff\xf1\xff\xf6");
	CU_ASSERT(IS(client.data, "ab"));
	CU_ASSERT_STRING_EQUAL(client.commands->str, "break ");
	CU_ASSERT_EQUAL(client.sent->len, 0);
	client_end(&client);
}

static void test_cut_anywhere(void)
{
	static const char said[] =
		"a\r\0\xff\xfb\x2c\xff\xfd\x00q\xff\xff\xff\xfa\x2c\x01\x00\x00\xff\xff\x80\xff\xf0z\xff\xfa\x2c\x05\x08\xff\xf0\r\0"
		"\xff\xfb\x00\r\0\xff\xf1\xff\xf3\xff\xfd\x18";
	gsize size = sizeof(said) - 1;
	Client whole;

	client_begin(&whole);
	rfc2217_receive(whole.codec, (const guint8 *)said, size);
	CU_ASSERT_STRING_EQUAL(whole.commands->str, "1=65408 5=8 break ");
	for (gsize cut = 1; cut < size; cut++) {
		Client parted;

		client_begin(&parted);
		rfc2217_receive(parted.codec, (const guint8 *)said, cut);
		rfc2217_receive(parted.codec, (const guint8 *)said + cut, size - cut);
		CU_ASSERT_TRUE(g_string_equal(whole.data, parted.data) && g_string_equal(whole.sent, parted.sent) &&
			       g_string_equal(whole.commands, parted.commands));
		client_end(&parted);
	}
	client_end(&whole);
}

/* --- the client's side, with a server of ours --- */

typedef struct {
	Client server;
	Rfc2217 *codec;
	GString *data, *answers;
	gboolean agreed;
} Pair;

static void on_client_data(const guint8 *data, gsize size, gpointer user)
{
	g_string_append_len(((Pair *)user)->data, (const char *)data, (gssize)size);
}

static void on_client_send(const guint8 *data, gsize size, gpointer user)
{
	rfc2217_receive(((Pair *)user)->server.codec, data, size);
}

static void on_client_agreed(gpointer user)
{
	((Pair *)user)->agreed = TRUE;
}

static void on_client_answer(guint8 command, guint32 value, gpointer user)
{
	g_string_append_printf(((Pair *)user)->answers, "%u=%u ", command, value);
}

static const Rfc2217Callbacks client_callbacks = {
	.data = on_client_data, .send = on_client_send, .agreed = on_client_agreed, .answer = on_client_answer
};

/* What the server has said so far. */
static void pair_receive(Pair *pair)
{
	while (pair->server.sent->len) {
		g_autofree char *bytes = g_memdup2(pair->server.sent->str, pair->server.sent->len);
		gsize size = pair->server.sent->len;

		g_string_truncate(pair->server.sent, 0);
		rfc2217_receive(pair->codec, (const guint8 *)bytes, size);
	}
}

static void pair_begin(Pair *pair)
{
	*pair = (Pair){ .data = g_string_new(NULL), .answers = g_string_new(NULL) };
	client_begin(&pair->server);
	pair->codec = rfc2217_new(&client_callbacks, "Backplane", pair);
}

static void pair_end(Pair *pair)
{
	client_end(&pair->server);
	rfc2217_free(pair->codec);
	g_string_free(pair->data, TRUE);
	g_string_free(pair->answers, TRUE);
}

static void test_client_agrees_and_asks(void)
{
	Pair pair;

	pair_begin(&pair);
	CU_ASSERT_FALSE(rfc2217_ask(pair.codec, RFC2217_BAUD, 9600));
	rfc2217_offer(pair.server.codec);
	rfc2217_offer(pair.codec);
	pair_receive(&pair);
	CU_ASSERT_TRUE(pair.agreed);
	CU_ASSERT_EQUAL(pair.server.agreed, 1);
	CU_ASSERT_TRUE(rfc2217_ask(pair.codec, RFC2217_BAUD, 0xff00ff));
	CU_ASSERT_TRUE(rfc2217_ask(pair.codec, RFC2217_CONTROL, 255));
	pair_receive(&pair);
	CU_ASSERT_STRING_EQUAL(pair.server.commands->str, "1=16711935 5=255 ");
	CU_ASSERT_STRING_EQUAL(pair.answers->str, "1=16711935 5=255 ");
	rfc2217_notify(pair.server.codec, RFC2217_MODEM_STATE, 0xb0);
	rfc2217_send(pair.server.codec, (const guint8 *)"\r\0\xff", 3);
	pair_receive(&pair);
	CU_ASSERT_STRING_EQUAL(pair.answers->str, "1=16711935 5=255 7=176 ");
	CU_ASSERT(IS(pair.data, "\r\0\xff"));
	rfc2217_send(pair.codec, (const guint8 *)"\xff\r\0", 3);
	CU_ASSERT(IS(pair.server.data, "\xff\r\0"));
	pair_end(&pair);
}

/* Numbers of the client's own, short values and a foreign echo are no answers. */
static void test_client_takes_no_nonsense(void)
{
	static const char said[] =
		"\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0\xff\xfa\x2c\x65\x00\x00\x25\xff\xf0"
		"\xff\xfa\x2c\x64name\xff\xf0\xff\xfa\x2c\x71\x01\xff\xf0\xff\xfa\x2c\xff\xff\x01\xff\xf0\xff\xf3";
	Pair pair;

	pair_begin(&pair);
	rfc2217_receive(pair.codec, (const guint8 *)said, sizeof(said) - 1);
	CU_ASSERT_STRING_EQUAL(pair.answers->str, "");
	CU_ASSERT_EQUAL(pair.data->len, 0);
	pair_end(&pair);
}

static const SuiteTest tests[] = {
	{ "offers", test_offers },
	{ "refuses others", test_refuses_others },
	{ "settings", test_settings },
	{ "every control is acknowledged", test_every_control_is_acknowledged },
	{ "signature and purge", test_signature_and_purge },
	{ "nonsense", test_nonsense },
	{ "data", test_data },
	{ "notify", test_notify },
	{ "break key", test_break_key },
	{ "cut anywhere", test_cut_anywhere },
	{ "client agrees and asks", test_client_agrees_and_asks },
	{ "client takes no nonsense", test_client_takes_no_nonsense },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("rfc2217", tests, argc, argv);
}
