/* SPDX-License-Identifier: MIT */
/* test-mesh-node.c - nodes: joining, ageing, lists of the root, values, paths. */
#include <string.h>
#include "suite.h"
#include "../plugins/mesh/mesh-node.h"

static MeshNodes nodes;

static void begin(guint limit, guint keep)
{
	mesh_nodes_init(&nodes, limit, keep);
}

static void end(void)
{
	mesh_nodes_clear(&nodes);
}

static void make_uuid(guint8 uuid[16], guint16 number)
{
	memset(uuid, 0, 16);
	uuid[0] = 0x32;
	uuid[14] = (guint8)(number >> 8);
	uuid[15] = (guint8)number;
}

static gboolean join(guint16 address, guint16 device, gint64 now)
{
	guint8 uuid[16];

	make_uuid(uuid, device);
	return mesh_nodes_joined(&nodes, address, uuid, now, now + 1000000);
}

/* A list of addresses, each with a device of the same number; 0 ends it. */
static void list(gint64 now, const guint16 *addresses)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	MeshMessage message;

	g_byte_array_append(body, (const guint8 *)"\0\0\1\0", 4);
	for (; *addresses; addresses++) {
		guint8 entry[18] = { (guint8)(*addresses >> 8), (guint8)*addresses };

		make_uuid(entry + 2, *addresses);
		g_byte_array_append(body, entry, sizeof(entry));
		body->data[3]++;
	}
	mesh_message_parse(&message, body->data, body->len, MESH_OPCODES_V2);
	CU_ASSERT_EQUAL_FATAL(message.kind, MESH_NET_INFO);
	mesh_nodes_list(&nodes, &message, now, now);
}
#define LIST(now, ...) list(now, (const guint16[]){ __VA_ARGS__, 0 })

#define STATUS(address) mesh_nodes_find(&nodes, address)->status

static void test_joining(void)
{
	begin(10, 10);
	CU_ASSERT_PTR_NULL(mesh_nodes_find(&nodes, 5));
	CU_ASSERT(join(5, 5, 100));
	CU_ASSERT_EQUAL(STATUS(5), MESH_ACTIVE);
	CU_ASSERT_EQUAL(nodes.active, 1);
	CU_ASSERT_FALSE(join(5, 5, 200)); /* nothing new */
	mesh_nodes_set_all(&nodes, MESH_IDLE, MESH_DISCONNECT);
	CU_ASSERT_EQUAL(nodes.active, 0);
	CU_ASSERT(join(5, 5, 300));
	CU_ASSERT_EQUAL(nodes.active, 1);
	end();
}

static void test_limit(void)
{
	begin(3, 10);
	for (guint16 i = 1; i <= 5; i++)
		join(i, i, 1);
	CU_ASSERT_EQUAL(nodes.nodes->len, 3);
	CU_ASSERT_EQUAL(nodes.refused, 2);
	CU_ASSERT_PTR_NULL(mesh_nodes_heard(&nodes, 9, TRUE, 1, 1));
	end();
}

/* An address may belong to another device after the root was cleaned; a device may come back elsewhere. */
static void test_devices(void)
{
	MeshDatum datum = { .name = "GPS", .data = (const guint8 *)"abcdef", .size = 6 };

	begin(10, 10);
	join(5, 50, 1);
	mesh_nodes_keep_value(&nodes, mesh_nodes_find(&nodes, 5), &datum, 1);
	CU_ASSERT(join(5, 51, 2));
	CU_ASSERT_PTR_NULL(mesh_node_series(mesh_nodes_find(&nodes, 5), "GPS"));
	CU_ASSERT(join(6, 51, 3));
	CU_ASSERT_PTR_NULL(mesh_nodes_find(&nodes, 5));
	CU_ASSERT_EQUAL(nodes.nodes->len, 1);
	CU_ASSERT_EQUAL(nodes.active, 1);
	end();
}

static void test_heard(void)
{
	MeshNode *node;
	char uuid[33];

	begin(10, 10);
	CU_ASSERT_PTR_NULL(mesh_nodes_heard(&nodes, 7, FALSE, 1, 1));
	CU_ASSERT_PTR_NULL(mesh_nodes_heard(&nodes, 0, TRUE, 1, 1));
	node = mesh_nodes_heard(&nodes, 7, TRUE, 1, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT_FALSE(node->has_uuid);
	mesh_node_uuid_text(node, uuid);
	CU_ASSERT_STRING_EQUAL(uuid, "00000000000000000000000000000007");
	join(7, 0x1234, 2);
	mesh_node_uuid_text(node, uuid);
	CU_ASSERT_STRING_EQUAL(uuid, "32000000000000000000000000001234");
	end();
}

static void test_ageing(void)
{
	begin(10, 10);
	join(5, 5, 0);
	join(6, 6, 50);
	CU_ASSERT_FALSE(mesh_nodes_age(&nodes, 99, 100, 200));
	CU_ASSERT(mesh_nodes_age(&nodes, 100, 100, 200));
	CU_ASSERT_EQUAL(STATUS(5), MESH_IDLE);
	CU_ASSERT_EQUAL(STATUS(6), MESH_ACTIVE);
	CU_ASSERT(mesh_nodes_age(&nodes, 200, 100, 200));
	CU_ASSERT_EQUAL(STATUS(5), MESH_DISCONNECT);
	CU_ASSERT_EQUAL(STATUS(6), MESH_IDLE);
	mesh_nodes_heard(&nodes, 5, FALSE, 300, 300);
	CU_ASSERT_EQUAL(STATUS(5), MESH_ACTIVE);
	CU_ASSERT_FALSE(mesh_nodes_age(&nodes, 100000, 0, 0));
	end();
}

static void test_lists(void)
{
	begin(100, 10);
	for (guint16 i = 5; i < 8; i++)
		join(i, i, 1);
	/* Two batches are one list. */
	LIST(2, 5);
	LIST(2, 6, 9);
	CU_ASSERT_EQUAL(STATUS(7), MESH_ACTIVE);
	CU_ASSERT(mesh_nodes_end_list(&nodes));
	CU_ASSERT_EQUAL(STATUS(5), MESH_ACTIVE);
	CU_ASSERT_EQUAL(STATUS(6), MESH_ACTIVE);
	CU_ASSERT_EQUAL(STATUS(9), MESH_ACTIVE);
	CU_ASSERT_EQUAL(STATUS(7), MESH_IDLE);
	LIST(3, 5, 6, 9);
	mesh_nodes_end_list(&nodes);
	CU_ASSERT_EQUAL(STATUS(7), MESH_DISCONNECT);
	LIST(4, 7);
	mesh_nodes_end_list(&nodes);
	CU_ASSERT_EQUAL(STATUS(7), MESH_ACTIVE);
	CU_ASSERT_EQUAL(STATUS(5), MESH_IDLE);
	CU_ASSERT_FALSE(mesh_nodes_end_list(&nodes)); /* there was none */
	end();
}

/* The firmware that names its first node again and again. */
static void test_doubtful_list(void)
{
	begin(100, 10);
	join(5, 5, 1);
	join(6, 6, 1);
	join(7, 7, 1);
	LIST(2, 5, 5, 5);
	CU_ASSERT_FALSE(mesh_nodes_end_list(&nodes));
	CU_ASSERT_EQUAL(nodes.active, 3);
	CU_ASSERT_EQUAL(nodes.nodes->len, 3);
	LIST(3, 5, 6);
	CU_ASSERT(mesh_nodes_end_list(&nodes));
	CU_ASSERT_EQUAL(nodes.active, 2);
	end();
}

static void test_values(void)
{
	MeshNode *node;
	MeshSeries *series;

	begin(10, 3);
	join(5, 5, 1);
	node = mesh_nodes_find(&nodes, 5);
	for (guint8 i = 0; i < 10; i++) {
		MeshDatum datum = { .name = "Sequence", .data = &i, .size = 1 };

		mesh_nodes_keep_value(&nodes, node, &datum, i);
	}
	series = mesh_node_series(node, "Sequence");
	CU_ASSERT_PTR_NOT_NULL_FATAL(series);
	CU_ASSERT_EQUAL(series->count, 3);
	CU_ASSERT_EQUAL(series->total, 10);
	CU_ASSERT_EQUAL(mesh_series_value(series, 0)->data[0], 9);
	CU_ASSERT_EQUAL(mesh_series_value(series, 2)->data[0], 7);
	CU_ASSERT_PTR_NULL(mesh_series_value(series, 3));
	CU_ASSERT_PTR_NULL(mesh_node_series(node, "GPS"));
	for (guint i = 0; i < 2 * MESH_SERIES_LIMIT; i++) {
		MeshDatum datum = { .data = (const guint8 *)"", .size = 0 };

		g_snprintf(datum.name, sizeof(datum.name), "t%u", i);
		mesh_nodes_keep_value(&nodes, node, &datum, 1);
	}
	CU_ASSERT_EQUAL(node->series->len, MESH_SERIES_LIMIT);
	end();
}

static void test_position(void)
{
	guint8 bytes[16];
	MeshDatum datum = { .name = "GPS", .data = bytes, .size = 16 };

	begin(10, 3);
	join(5, 5, 1);
	mesh_position_pack(bytes, 38.541, -121.775);
	mesh_nodes_keep_value(&nodes, mesh_nodes_find(&nodes, 5), &datum, 1);
	CU_ASSERT(mesh_nodes_find(&nodes, 5)->has_position);
	CU_ASSERT_DOUBLE_EQUAL(mesh_nodes_find(&nodes, 5)->latitude, 38.541, 1e-12);
	/* The opaque six bytes leave it as it is. */
	datum.size = 6;
	mesh_nodes_keep_value(&nodes, mesh_nodes_find(&nodes, 5), &datum, 1);
	CU_ASSERT_DOUBLE_EQUAL(mesh_nodes_find(&nodes, 5)->latitude, 38.541, 1e-12);
	/* So does one that is nowhere on earth. */
	datum.size = 16;
	mesh_position_pack(bytes, 91, 5);
	mesh_nodes_keep_value(&nodes, mesh_nodes_find(&nodes, 5), &datum, 1);
	CU_ASSERT_DOUBLE_EQUAL(mesh_nodes_find(&nodes, 5)->latitude, 38.541, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(mesh_nodes_find(&nodes, 5)->longitude, -121.775, 1e-12);
	end();
}

static void test_paths(void)
{
	static const guint8 body[] = { 0, 0, 4, 2, 0, 12, 0, 10, 0, 10, 0, 5 };
	MeshMessage message;

	begin(10, 3);
	mesh_message_parse(&message, body, sizeof(body), MESH_OPCODES_V2);
	mesh_nodes_paths(&nodes, &message);
	mesh_nodes_paths(&nodes, &message);
	CU_ASSERT_EQUAL(nodes.paths->len, 4); /* batches of one answer */
	mesh_nodes_end_paths(&nodes);
	mesh_nodes_paths(&nodes, &message);
	CU_ASSERT_EQUAL(nodes.paths->len, 2);
	mesh_nodes_clear_paths(&nodes);
	CU_ASSERT_EQUAL(nodes.paths->len, 0);
	end();
}

static void test_thousand(void)
{
	begin(4096, 10);
	for (guint16 i = 0; i < 1000; i++)
		CU_ASSERT(join((guint16)(5 + i), (guint16)(5 + i), 1));
	CU_ASSERT_EQUAL(nodes.active, 1000);
	mesh_nodes_set_all(&nodes, MESH_IDLE, MESH_DISCONNECT);
	CU_ASSERT_EQUAL(nodes.active, 0);
	for (guint16 i = 0; i < 1000; i++) /* each takes the next one's address */
		join((guint16)(5 + i), (guint16)(6 + i), 2);
	CU_ASSERT_EQUAL(nodes.active, 1000);
	CU_ASSERT_EQUAL(nodes.nodes->len, 1000);
	end();
}

static const SuiteTest tests[] = {
	{ "joining", test_joining },
	{ "limit", test_limit },
	{ "devices", test_devices },
	{ "heard", test_heard },
	{ "ageing", test_ageing },
	{ "lists", test_lists },
	{ "doubtful-list", test_doubtful_list },
	{ "values", test_values },
	{ "position", test_position },
	{ "paths", test_paths },
	{ "thousand", test_thousand },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("mesh-node", tests, argc, argv);
}
