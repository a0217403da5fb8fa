/* SPDX-License-Identifier: MIT */
/* test-discovery.c - the datagrams of 8889 and 8890, as the originals write and read them. */
#include <string.h>
#include "suite.h"
#include "../plugins/peer/discovery-codec.h"
#include "../plugins/peer/python-json.h"

#define READ(node, literal) discovery_read(&(node), literal, sizeof(literal) - 1)

static void test_reads_8889(void)
{
	DiscoveryNode node;

	CU_ASSERT_EQUAL(
		READ(node,
		     "{\"type\": \"node_discovery\", \"node_id\": \"server-8888-A\", \"service_info\": {\"type\": "
		     "\"witch-series-server\", \"port\": 8888, \"protocols\": [\"example_protocol\"], \"server_name\": \"A\"}, "
		     "\"timestamp\": \"2026-11-21T08:11:33.297035\"}"),
		DISCOVERY_NODE);
	CU_ASSERT_STRING_EQUAL(node.id, "server-8888-A");
	CU_ASSERT_STRING_EQUAL(node.name, "A");
	CU_ASSERT_EQUAL(node.port, 8888);
	CU_ASSERT_PTR_NULL(node.project);
	CU_ASSERT_PTR_NULL(node.hash);
	CU_ASSERT_STRING_EQUAL(node.protocols[0], "example_protocol");
	discovery_node_clear(&node);
	MARK(node);
	CU_ASSERT_EQUAL(READ(node,
			     "{\"type\": \"node_discovery\", \"node_id\": \"node-1795248693\", \"service_info\": {}, "
			     "\"timestamp\": \"2026-11-21T08:11:33.907759\"}"),
			DISCOVERY_BROWSER);
	CU_ASSERT(IS_MARKED(node));
}

static void test_reads_8890(void)
{
	DiscoveryNode node;

	CU_ASSERT_EQUAL(
		READ(node,
		     "{\"type\":\"node_discovery\",\"node_id\":\"n1\",\"hash\":\"1608ea132b3bebbb\",\"ip\":\"192.0.2.2\","
		     "\"port\":8888,\"name\":\"N1\",\"protocols\":[\"v1\",\"PROJECT:p\"]}"),
		DISCOVERY_NODE);
	CU_ASSERT_STRING_EQUAL(node.hash, "1608ea132b3bebbb");
	CU_ASSERT_STRING_EQUAL(node.project, "p");
	CU_ASSERT_STRING_EQUAL(node.protocols[0], "v1");
	CU_ASSERT_PTR_NULL(node.protocols[1]);
	discovery_node_clear(&node);
	CU_ASSERT_EQUAL(READ(node, "{\"type\":\"ledger_sync\",\"node_id\":\"n1\",\"ledger\":{}}"), DISCOVERY_OTHER);
}

static void test_writes(void)
{
	char *protocols[] = { "v1", NULL };
	DiscoveryNode node = { .id = "n1",
			       .name = "N1",
			       .hash = "1608ea132b3bebbb",
			       .project = "p",
			       .protocols = protocols,
			       .port = 8888,
			       .ttl = 16 },
		      read;
	gint64 now = G_GINT64_CONSTANT(1700000000) * G_USEC_PER_SEC + 297035;
	g_autofree char *time = python_time(now);
	g_autofree char *expected = g_strdup_printf(
		"{\"type\": \"node_discovery\", \"node_id\": \"n1\", \"service_info\": {\"type\": "
		"\"witch-series-server\", \"port\": 8888, \"protocols\": [\"v1\"], \"server_name\": "
		"\"N1\"}, \"timestamp\": \"%s\"}",
		time);
	g_autofree char *first = discovery_announcement(&node, now),
			*second = discovery_server_announcement(&node, "192.0.2.2");
	g_autofree char *own = discovery_own(&node), *goodbye = discovery_goodbye(&node), *query = discovery_query();

	CU_ASSERT_STRING_EQUAL(first, expected);
	CU_ASSERT_STRING_EQUAL(
		second,
		"{\"type\":\"node_discovery\",\"node_id\":\"n1\",\"hash\":\"1608ea132b3bebbb\",\"ip\":\"192.0.2.2\","
		"\"port\":8888,\"name\":\"N1\",\"protocols\":[\"v1\",\"PROJECT:p\"]}");
	CU_ASSERT_EQUAL(discovery_read(&read, own, strlen(own)), DISCOVERY_NODE);
	CU_ASSERT(read.ours && read.ttl == 16 && read.port == 8888 && strcmp(read.project, "p") == 0);
	discovery_node_clear(&read);
	CU_ASSERT_EQUAL(discovery_read(&read, goodbye, strlen(goodbye)), DISCOVERY_GOODBYE);
	CU_ASSERT_STRING_EQUAL(read.id, "n1");
	discovery_node_clear(&read);
	CU_ASSERT_EQUAL(discovery_read(&read, query, strlen(query)), DISCOVERY_QUERY);
}

static void test_too_long_is_not_sent(void)
{
	g_autofree char *name = g_strnfill(1100, 'x');
	DiscoveryNode node = { .id = "n1", .name = name, .port = 1 };

	CU_ASSERT_PTR_NULL(discovery_announcement(&node, 0));
	CU_ASSERT_PTR_NULL(discovery_own(&node));
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"[1]",
		"nonsense",
		"{}",
		"\xff\xfe",
		"{\"type\":5}",
		"{\"type\":\"node_discovery\"}",
		"{\"type\":\"node_discovery\",\"node_id\":\"n\"}",
		"{\"type\":\"node_discovery\",\"node_id\":\"n\",\"port\":0}",
		"{\"type\":\"node_discovery\",\"node_id\":\"n\",\"port\":65536}",
		"{\"type\":\"node_discovery\",\"node_id\":\"n\",\"port\":\"8888\"}",
		"{\"type\":\"node_discovery\",\"node_id\":\"a\\nb\",\"port\":1}",
		"{\"type\":\"node_discovery\",\"node_id\":\"n\",\"service_info\":[]}",
		"{\"type\":\"node_discovery\",\"node_id\":\"n\",\"service_info\":{\"port\":-1}}",
		"{\"type\":\"backplane_goodbye\"}",
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		DiscoveryNode node;

		MARK(node);
		CU_ASSERT_EQUAL(discovery_read(&node, bad[i], strlen(bad[i])), DISCOVERY_BAD);
		CU_ASSERT(IS_MARKED(node));
	}
}

/* Names go into tables and onto screens. */
static void test_long_names(void)
{
	for (guint size = 127; size < 131; size++) {
		g_autofree char *name = g_strnfill(size, 'n');
		g_autofree char *text = g_strdup_printf("{\"type\":\"node_discovery\",\"node_id\":\"%s\",\"port\":1}",
							name);
		DiscoveryNode node;

		CU_ASSERT_EQUAL(discovery_read(&node, text, strlen(text)),
				size <= 128 ? DISCOVERY_NODE : DISCOVERY_BAD);
		if (size <= 128)
			discovery_node_clear(&node);
	}
}

static const SuiteTest tests[] = {
	{ "reads 8889", test_reads_8889 },
	{ "reads 8890", test_reads_8890 },
	{ "writes", test_writes },
	{ "too long is not sent", test_too_long_is_not_sent },
	{ "bad", test_bad },
	{ "long names", test_long_names },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("discovery", tests, argc, argv);
}
