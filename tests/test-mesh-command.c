/* SPDX-License-Identifier: MIT */
/* test-mesh-command.c - requests of clients, when they are whole, and replies. */
#include <string.h>
#include "suite.h"
#include "../plugins/mesh/mesh-command.h"

static MeshTypes types;
static const char *why;

#define PARSE(command, bytes) mesh_command_parse(command, (const guint8 *)(bytes), sizeof(bytes) - 1, &why)
#define PART(bytes) mesh_command_part((const guint8 *)(bytes), sizeof(bytes) - 1, &types)

static void test_requests(void)
{
	MeshCommand command;

	CU_ASSERT(PARSE(&command, "SEND-\0\5E\0\1P"));
	CU_ASSERT_EQUAL(command.kind, MESH_CMD_SEND);
	CU_ASSERT_EQUAL(command.address, 5);
	CU_ASSERT_EQUAL(command.size, 4);
	CU_ASSERT(PARSE(&command, "[GET]\xff\xfeGPS"));
	CU_ASSERT_EQUAL(command.kind, MESH_CMD_GET);
	CU_ASSERT_EQUAL(command.address, 0xfffe);
	CU_ASSERT(PARSE(&command, "ACT-C"));
	CU_ASSERT_EQUAL(command.kind, MESH_CMD_COUNT);
	CU_ASSERT_FALSE(command.has_address);
	CU_ASSERT(PARSE(&command, "NETIF\1"));
	CU_ASSERT_EQUAL(command.size, 1);
	CU_ASSERT(PARSE(&command, "NETIF\0\0\1"));
	CU_ASSERT_EQUAL(command.size, 1);
	CU_ASSERT(PARSE(&command, "W-LOGhello"));
	CU_ASSERT_EQUAL(command.size, 5);
	CU_ASSERT(PARSE(&command, "W-LOG\0\0hello"));
	CU_ASSERT_EQUAL(command.size, 5);
	CU_ASSERT(PARSE(&command, "send-\0\5x"));
	CU_ASSERT_EQUAL(command.kind, MESH_CMD_UNKNOWN);
}

static void test_too_short(void)
{
	MeshCommand command;

	MARK(command);
	CU_ASSERT_FALSE(PARSE(&command, ""));
	CU_ASSERT_FALSE(PARSE(&command, "ABC"));
	CU_ASSERT_STRING_EQUAL(why, "Command Too Short");
	CU_ASSERT_FALSE(PARSE(&command, "SEND-\5"));
	CU_ASSERT_STRING_EQUAL(why, "Missing target address");
	CU_ASSERT_FALSE(PARSE(&command, "SEND-\0\5"));
	CU_ASSERT_STRING_EQUAL(why, "Missing message");
	CU_ASSERT_FALSE(PARSE(&command, "[GET]"));
	CU_ASSERT_FALSE(PARSE(&command, "[GET]\0\5"));
	CU_ASSERT_STRING_EQUAL(why, "Missing data type");
	CU_ASSERT_FALSE(PARSE(&command, "[GET]\0\5"
					"0123456789012345678901234567890123456789012345678901234567890123"));
	CU_ASSERT_STRING_EQUAL(why, "Data Type Not Found");
	CU_ASSERT(IS_MARKED(command));
	MARK(why);
	CU_ASSERT(PARSE(&command, "ACT-C"));
	CU_ASSERT(IS_MARKED(why));
}

static void test_parts(void)
{
	CU_ASSERT_EQUAL(PART(""), MESH_MORE);
	CU_ASSERT_EQUAL(PART("["), MESH_MORE);
	CU_ASSERT_EQUAL(PART("[syn]"), MESH_MORE);
	CU_ASSERT_EQUAL(PART("[syn]\0"), MESH_LISTEN);
	CU_ASSERT_EQUAL(PART("[syn]\0more"), MESH_LISTEN);
	CU_ASSERT_EQUAL(PART("[syn]\1"), MESH_LISTEN_FRAMED);
	CU_ASSERT_EQUAL(PART("[syn]x"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("[G"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("ACT-C"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("ACT-C\0"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("ACT-C\0\0"), MESH_WHOLE);
	CU_ASSERT_EQUAL(PART("SEND-\0\5x"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5G"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5GPS"), MESH_WHOLE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5\1"), MESH_WHOLE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5\x37"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5Seq"), MESH_MAYBE);
	CU_ASSERT_EQUAL(PART("[GET]\0\5Sequence"), MESH_WHOLE);
}

static void test_replies(void)
{
	g_autoptr(GByteArray) reply = g_byte_array_new();
	g_autofree char *text = g_strnfill(300, 'x');

	mesh_reply_failure(reply, "Node Not Found");
	CU_ASSERT_EQUAL(reply->len, 16);
	CU_ASSERT_EQUAL(memcmp(reply->data, "F\x0eNode Not Found", 16), 0);
	g_byte_array_set_size(reply, 0);
	mesh_reply_failure(reply, "Data Type Not Found");
	CU_ASSERT_EQUAL(memcmp(reply->data,
			       "F\x13"
			       "Data Type Not Found",
			       21),
			0);
	g_byte_array_set_size(reply, 0);
	mesh_reply_failure(reply, text);
	CU_ASSERT_EQUAL(reply->len, 257);
	CU_ASSERT_EQUAL(reply->data[1], 255);
	g_byte_array_set_size(reply, 0);
	mesh_reply_get(reply, (const guint8 *)"GPS", 3, 6, 1);
	mesh_reply_address(reply, 5);
	CU_ASSERT_EQUAL(reply->len, 8);
	CU_ASSERT_EQUAL(memcmp(reply->data, "SGPS\6\1\0\5", 8), 0);
}

/* A long text is cut between characters. */
static void test_cut(void)
{
	g_autoptr(GByteArray) reply = g_byte_array_new();
	g_autoptr(GString) text = g_string_new("x");

	while (text->len < 300)
		g_string_append(text, "é");
	mesh_reply_failure(reply, text->str);
	CU_ASSERT_EQUAL(reply->len, reply->data[1] + 2u);
	CU_ASSERT(g_utf8_validate((const char *)reply->data + 2, reply->data[1], NULL));
}

static void test_relayed(void)
{
	MeshCommand command;
	g_autoptr(GByteArray) built = mesh_command_build("SEND-", TRUE, 5, "hi", 2);

	CU_ASSERT_EQUAL(built->len, 9);
	CU_ASSERT_EQUAL(memcmp(built->data, "SEND-\0\5hi", 9), 0);
	CU_ASSERT(PARSE(&command, "RST-R\0\0"));
	CU_ASSERT_EQUAL(mesh_command_relayed(&command, 7, MESH_OPCODES_V2), 5);
	CU_ASSERT_EQUAL(mesh_command_relayed(&command, 7, MESH_OPCODES_V1), 7);
	CU_ASSERT(PARSE(&command, "SEND-\0\5x"));
	CU_ASSERT_EQUAL(mesh_command_relayed(&command, 8, MESH_OPCODES_V2), 8);
	CU_ASSERT_EQUAL(mesh_wire_size((const guint8 *)"\xf9\xfa\xff", 3), 7);
}

static const SuiteTest tests[] = {
	{ "requests", test_requests },
	{ "too-short", test_too_short },
	{ "parts", test_parts },
	{ "replies", test_replies },
	{ "cut", test_cut },
	{ "relayed", test_relayed },
	{ NULL },
};

int main(int argc, char **argv)
{
	mesh_types_init(&types);
	return suite_run("mesh-command", tests, argc, argv);
}
