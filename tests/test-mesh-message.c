/* SPDX-License-Identifier: MIT */
/* test-mesh-message.c - the root's messages of all generations, and tables of types. */
#include <string.h>
#include "suite.h"
#include "../plugins/mesh/mesh-message.h"

#define PARSE(message, opcodes, bytes) mesh_message_parse(message, (const guint8 *)(bytes), sizeof(bytes) - 1, opcodes)
#define UUID_5 "\x32\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\x05"
#define UUID_6 "\x32\x10\xfa\xfb\xfc\xfd\xfe\xff\0\0\0\0\0\0\0\x06"

static void test_short(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V2, "");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
	PARSE(&message, MESH_OPCODES_V2, "\0\5");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
	CU_ASSERT_PTR_NOT_NULL(message.why);
	PARSE(&message, MESH_OPCODES_V2, "\0\5\0");
	CU_ASSERT_EQUAL(message.kind, MESH_CUSTOM);
	CU_ASSERT_EQUAL(message.size, 0);
}

static void test_net_info(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V1, "\0\0\1\2\0\5" UUID_5 "\0\6" UUID_6);
	CU_ASSERT_EQUAL_FATAL(message.kind, MESH_NET_INFO);
	CU_ASSERT_EQUAL_FATAL(message.count, 2);
	CU_ASSERT_EQUAL(mesh_message_entry(&message, 0).address, 5);
	CU_ASSERT_EQUAL(mesh_message_entry(&message, 1).address, 6);
	CU_ASSERT_EQUAL(memcmp(mesh_message_entry(&message, 1).uuid, UUID_6, 16), 0);
	PARSE(&message, MESH_OPCODES_V1, "\0\0\1");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
	PARSE(&message, MESH_OPCODES_V1, "\0\0\1\3\0\5" UUID_5 "\0\6" UUID_6);
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
}

static void test_node_info(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V1, "\0\6\2" UUID_6);
	CU_ASSERT_EQUAL(message.kind, MESH_NODE_INFO);
	CU_ASSERT_EQUAL(message.address, 6);
	CU_ASSERT_EQUAL(memcmp(message.payload, UUID_6, 16), 0);
	PARSE(&message, MESH_OPCODES_V1, "\0\6\2\1\2\3");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
}

static void test_reset(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V2, "\0\0\3online\n");
	CU_ASSERT_EQUAL(message.kind, MESH_ROOT_RESET);
	PARSE(&message, MESH_OPCODES_V2, "\0\0\3");
	CU_ASSERT_EQUAL(message.kind, MESH_ROOT_RESET);
	PARSE(&message, MESH_OPCODES_V0, "\0\0RSTonline\n");
	CU_ASSERT_EQUAL(message.kind, MESH_ROOT_RESET);
}

static void test_paths(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V2, "\0\0\4\2\0\x0c\0\x0a\0\x0a\0\5");
	CU_ASSERT_EQUAL_FATAL(message.kind, MESH_PATHS);
	CU_ASSERT_EQUAL_FATAL(message.count, 2);
	CU_ASSERT_EQUAL(mesh_message_path(&message, 0).origin, 12);
	CU_ASSERT_EQUAL(mesh_message_path(&message, 1).target, 5);
	PARSE(&message, MESH_OPCODES_V2, "\0\0\4\0");
	CU_ASSERT_EQUAL(message.kind, MESH_PATHS);
	CU_ASSERT_EQUAL(message.count, 0);
	PARSE(&message, MESH_OPCODES_V1, "\0\0\4\0");
	CU_ASSERT_EQUAL(message.kind, MESH_OTHER);
}

static void test_position(void)
{
	static const char frame[] = "\0\5\5\x68\x91\xed\x7c\x3f\x45\x43\x40\x9a\x99\x99\x99\x99\x71\x5e\xc0";
	MeshMessage message;
	guint8 packed[16];

	PARSE(&message, MESH_OPCODES_V2, frame);
	CU_ASSERT_EQUAL(message.kind, MESH_GPS);
	CU_ASSERT_DOUBLE_EQUAL(message.latitude, 38.541, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(message.longitude, -121.775, 1e-9);
	mesh_position_pack(packed, message.latitude, message.longitude);
	CU_ASSERT_EQUAL(memcmp(packed, frame + 3, 16), 0);
	PARSE(&message, MESH_OPCODES_V1, frame);
	CU_ASSERT_EQUAL(message.kind, MESH_OTHER);
	PARSE(&message, MESH_OPCODES_V2, "\0\5\5\1\2\3");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
	/* No number, and nowhere. */
	PARSE(&message, MESH_OPCODES_V2, "\0\5\5\0\0\0\0\0\0\xf8\x7f\0\0\0\0\0\0\xf8\x7f");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
	PARSE(&message, MESH_OPCODES_V2, "\0\5\5\0\0\0\0\0\0\xf0\x7f\0\0\0\0\0\0\xf0\x7f");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
	CU_ASSERT(message.latitude == 0 && message.longitude == 0);
}

static void test_position_refused(void)
{
	static const struct {
		double north, east;
	} nowhere[] = { { 90.1, 0 }, { 0, -180.1 }, { G_MAXDOUBLE, 0 }, { -G_MAXDOUBLE, 1 } };
	double latitude, longitude;
	guint8 packed[16];

	MARK(latitude);
	MARK(longitude);
	for (gsize i = 0; i < G_N_ELEMENTS(nowhere); i++) {
		mesh_position_pack(packed, nowhere[i].north, nowhere[i].east);
		CU_ASSERT_FALSE(mesh_position_unpack(packed, 16, &latitude, &longitude));
	}
	CU_ASSERT_FALSE(mesh_position_unpack((const guint8 *)"\0\0\0\0\0\0\xf8\x7f\0\0\0\0\0\0\xf8\x7f", 16, &latitude,
					     &longitude));
	CU_ASSERT_FALSE(mesh_position_unpack(packed, 15, &latitude, &longitude));
	CU_ASSERT(IS_MARKED(latitude) && IS_MARKED(longitude));
}

static void test_position_json(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V2,
	      "\0\0{\"node\":5,\"gps_time\":\"x\",\"lat\":385410000,\"lon\":-1217750000,\"fixType\":3}\n");
	CU_ASSERT_EQUAL(message.kind, MESH_GPS_JSON);
	CU_ASSERT_EQUAL(message.address, 5);
	CU_ASSERT_DOUBLE_EQUAL(message.latitude, 38.541, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(message.longitude, -121.775, 1e-9);
	PARSE(&message, MESH_OPCODES_V2, "\0\7{\"node\":5,\"lat\":0,\"lon\":0}\n");
	CU_ASSERT_EQUAL(message.address, 7);
	PARSE(&message, MESH_OPCODES_V2, "\0\7{\"lat\":99e9,\"lon\":0}");
	CU_ASSERT_EQUAL(message.kind, MESH_OTHER);
	PARSE(&message, MESH_OPCODES_V2, "\0\7{not json");
	CU_ASSERT_EQUAL(message.kind, MESH_OTHER);
	CU_ASSERT_EQUAL(message.size, 8); /* behind the opcode */
}

static void test_opcodes(void)
{
	static const struct {
		char opcode;
		MeshKind kind;
	} opcodes[] = {
		{ 0, MESH_CUSTOM },  { 'R', MESH_REQUEST },	 { 'E', MESH_ECHO },
		{ 'A', MESH_ACK },   { 'T', MESH_TEST },	 { 'S', MESH_RESET_EDGE },
		{ 'P', MESH_OTHER }, { (char)0xff, MESH_OTHER }, { 6, MESH_OTHER },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(opcodes); i++) {
		guint8 body[] = { 0xff, 0xfe, (guint8)opcodes[i].opcode, 0, 1 };
		MeshMessage message;

		mesh_message_parse(&message, body, sizeof(body), MESH_OPCODES_V2);
		CU_ASSERT_EQUAL(message.kind, opcodes[i].kind);
		CU_ASSERT_EQUAL(message.address, 0xfffe);
		CU_ASSERT_EQUAL(message.size, 2);
	}
}

static void test_texts(void)
{
	MeshMessage message;

	PARSE(&message, MESH_OPCODES_V1, "\0\0 ----------- prov_complete -----------\n");
	CU_ASSERT_EQUAL(message.kind, MESH_TEXT);
	CU_ASSERT_FALSE(mesh_message_is_failure(&message));
	PARSE(&message, MESH_OPCODES_V1, "\0\0Error: Command Too Short\n");
	CU_ASSERT_EQUAL(message.kind, MESH_TEXT);
	CU_ASSERT(mesh_message_is_failure(&message));
	PARSE(&message, MESH_OPCODES_V1, "\x07\x77Node not exists in network\n");
	CU_ASSERT_EQUAL(message.kind, MESH_TEXT);
	CU_ASSERT_EQUAL(message.address, 0x777);
	CU_ASSERT(mesh_message_is_failure(&message));
	/* A line of the root that nobody has heard of; the same of a node is what the node says. */
	PARSE(&message, MESH_OPCODES_V1, "\0\0Ready\n");
	CU_ASSERT_EQUAL(message.kind, MESH_TEXT);
	PARSE(&message, MESH_OPCODES_V1, "\0\5Ready\n");
	CU_ASSERT_EQUAL(message.kind, MESH_REQUEST);
	PARSE(&message, MESH_OPCODES_V1, "\0\5A\0\1P");
	CU_ASSERT_EQUAL(message.kind, MESH_ACK);
}

static guint data_of(const MeshMessage *message, MeshOpcodes opcodes, MeshDatum *data, const char **why)
{
	MeshTypes types;
	MeshCursor cursor = { 0 };
	guint count = 0;

	mesh_types_init(&types);
	while (mesh_message_datum(message, opcodes, &types, &cursor, &data[count], why))
		count++;
	return count;
}

static void test_data(void)
{
	MeshMessage message;
	MeshDatum data[256];
	const char *why;

	PARSE(&message, MESH_OPCODES_V1, "\0\5D\2\0\7\1\x4d\1\x4d\1\x4d\1");
	CU_ASSERT_EQUAL(message.kind, MESH_DATA);
	CU_ASSERT_EQUAL_FATAL(data_of(&message, MESH_OPCODES_V1, data, &why), 2);
	CU_ASSERT_PTR_NULL(why);
	CU_ASSERT_STRING_EQUAL(data[0].name, "Sequence");
	CU_ASSERT_EQUAL(data[0].size, 1);
	CU_ASSERT_EQUAL(data[0].data[0], 7);
	CU_ASSERT_STRING_EQUAL(data[1].name, "GPS");
	CU_ASSERT_EQUAL(data[1].size, 6);
	/* What was read before the fault stays. */
	PARSE(&message, MESH_OPCODES_V1, "\0\5D\3\0\7\1\x4d\1");
	CU_ASSERT_EQUAL(data_of(&message, MESH_OPCODES_V1, data, &why), 1);
	CU_ASSERT_PTR_NOT_NULL(why);
	PARSE(&message, MESH_OPCODES_V1, "\0\5D\2\0\7\x63\1\1");
	CU_ASSERT_EQUAL(data_of(&message, MESH_OPCODES_V1, data, &why), 1);
	CU_ASSERT_PTR_NOT_NULL(why);
	PARSE(&message, MESH_OPCODES_V1, "\0\5D\0");
	CU_ASSERT_EQUAL(data_of(&message, MESH_OPCODES_V1, data, &why), 0);
	CU_ASSERT_PTR_NULL(why);
	PARSE(&message, MESH_OPCODES_V1, "\0\5D");
	CU_ASSERT_EQUAL(message.kind, MESH_MALFORMED);
}

static void test_three_letters(void)
{
	MeshMessage message;
	MeshDatum data[256];
	const char *why;

	PARSE(&message, MESH_OPCODES_V0, "\0\5[D]\1GPS\6\x4d\1\x4d\1\x4d\1");
	CU_ASSERT_EQUAL(message.kind, MESH_DATA);
	CU_ASSERT_EQUAL_FATAL(data_of(&message, MESH_OPCODES_V0, data, &why), 1);
	CU_ASSERT_STRING_EQUAL(data[0].name, "GPS");
	CU_ASSERT_EQUAL(data[0].size, 6);
	PARSE(&message, MESH_OPCODES_V0, "\0\5[D]\1../\6\x4d\1\x4d\1\x4d\1");
	CU_ASSERT_EQUAL_FATAL(data_of(&message, MESH_OPCODES_V0, data, &why), 1);
	CU_ASSERT_PTR_NULL(strchr(data[0].name, '/'));
	PARSE(&message, MESH_OPCODES_V0, "\0\5[D]\1GPS\7\x4d\1\x4d\1\x4d\1");
	CU_ASSERT_EQUAL(data_of(&message, MESH_OPCODES_V0, data, &why), 0);
	CU_ASSERT_PTR_NOT_NULL(why);
	PARSE(&message, MESH_OPCODES_V0, "\0\5NOD" UUID_5);
	CU_ASSERT_EQUAL(message.kind, MESH_NODE_INFO);
	PARSE(&message, MESH_OPCODES_V0, "\0\0NET\1\0\5" UUID_5);
	CU_ASSERT_EQUAL(message.kind, MESH_NET_INFO);
	CU_ASSERT_EQUAL(mesh_message_entry(&message, 0).address, 5);
	PARSE(&message, MESH_OPCODES_V0, "\0\5<Q>Robot");
	CU_ASSERT_EQUAL(message.kind, MESH_OTHER);
	PARSE(&message, MESH_OPCODES_V0, "\0\0Node not exists in network\n");
	CU_ASSERT_EQUAL(message.kind, MESH_TEXT);
}

static gboolean add(MeshTypes *types, const char *text)
{
	g_autoptr(GError) error = NULL;
	gboolean good = mesh_types_add(types, text, strlen(text), &error);

	CU_ASSERT_EQUAL(good, !error);
	return good;
}

static void test_types(void)
{
	MeshTypes types;

	memset(&types, 0, sizeof(types));
	CU_ASSERT(add(&types, "{ \"Sequence\": { \"ID\": 0, \"Length\": 1 }, \"GPS\": { \"ID\": 1, \"Length\": 6 } }"));
	CU_ASSERT(add(&types, "{ \"GPS\": { \"ID\": 5, \"Length\": 16 } }"));
	CU_ASSERT_EQUAL(mesh_types_find(&types, 1)->length, 6);
	CU_ASSERT_EQUAL(mesh_types_find(&types, 5)->length, 16);
	CU_ASSERT_STRING_EQUAL(mesh_types_find(&types, 5)->name, "GPS");
	CU_ASSERT_PTR_NULL(mesh_types_find(&types, 2));
	CU_ASSERT(mesh_types_has_longer(&types, "Seq", 3));
	CU_ASSERT_FALSE(mesh_types_has_longer(&types, "GPS", 3));
	CU_ASSERT_FALSE(mesh_types_has_name(&types, ""));
	/* Refused whole: what was there stays. */
	CU_ASSERT_FALSE(add(&types, "{ \"A\": { \"ID\": 2, \"Length\": 1 }, \"B\": { \"ID\": 256, \"Length\": 1 } }"));
	CU_ASSERT_FALSE(add(&types, "{ \"A\": { \"ID\": 2 } }"));
	CU_ASSERT_FALSE(add(&types, "{ \"A\": 2 }"));
	CU_ASSERT_FALSE(add(&types, "{ \"GPS\": { \"ID\": 1, \"Length\": 6 }, }"));
	CU_ASSERT_PTR_NULL(mesh_types_find(&types, 2));
}

static const SuiteTest tests[] = {
	{ "short", test_short },
	{ "net-info", test_net_info },
	{ "node-info", test_node_info },
	{ "reset", test_reset },
	{ "paths", test_paths },
	{ "position", test_position },
	{ "position-refused", test_position_refused },
	{ "position-json", test_position_json },
	{ "opcodes", test_opcodes },
	{ "texts", test_texts },
	{ "data", test_data },
	{ "three-letters", test_three_letters },
	{ "types", test_types },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("mesh-message", tests, argc, argv);
}
