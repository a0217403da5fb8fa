/* SPDX-License-Identifier: MIT */
/* bench-peer.c - bench peer: endpoint calls against a bare echo of the same bytes and against a bare loop that parses and
 * prints them too; messages from one host to another against brokers; large messages. */
#include "bench.h"
#include <stdio.h>

#define MEBIBYTE 1048576

static GPtrArray *endpoint_sides(void)
{
	static const char *const commands[] = {
		"module open EndpointServer bench port=PORT server_name=bench max_clients=100 "
		"max_connections=0 max_message=16M",
		NULL
	};
	GPtrArray *sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare epoll, the same bytes", "tcp", "tcp", NULL));
	g_ptr_array_add(sides, side_bare("bare epoll and jansson", "tcp", "json", NULL));
	g_ptr_array_add(sides, side_backplane("EndpointServer", "tcp", commands));
	return sides;
}

static void run_large(GPtrArray *sides)
{
	static const Case one = { 1, 1 };

	printf("| MiB a message | server | CPU us a MiB |\n|--:|---|--:|\n");
	for (guint size = 1; size <= 8; size *= 2) {
		g_autofree char *protocol = g_strdup_printf("json:%u", size * MEBIBYTE);

		sides_set_protocol(sides, protocol);
		sides_measure(sides, "echo", &one);
		for (guint i = 0; i < sides->len; i++) {
			Side *side = sides->pdata[i];

			printf("| %u | %s | %.0f |\n", size, side->name, median(side->cpu) * 1e6 / size);
		}
		fflush(stdout);
	}
}

static void run_endpoints(void)
{
	static const Case cases[] = { { 1, 1 }, { 64, 1 } };
	g_autoptr(GPtrArray) sides = endpoint_sides();

	sides_set_protocol(sides, "json:16");
	printf("Calls of endpoint echo, 16 bytes:\n\n");
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
	sides_set_protocol(sides, "json:65536");
	printf("\nThe same, 64 KiB:\n\n");
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
	printf("\nLarge calls, there and back:\n\n");
	/* It gives back while it still reads, for which a client that first sends all does not wait. */
	g_ptr_array_remove_index(sides, 0);
	run_large(sides);
}

/* What is said on host a's channel is watched on host b; the time of both counts. */
static Side *two_hosts(void)
{
	static const char *const one[] = {
		"plugin load BUILD/tests/bench/bench-raw.so",
		"module open Peer peer port=THIRD server_name=a enable_discovery=no export=bench/feed",
		"module open TCPServer in port=INTO handler=raw-feed", NULL
	};
	static const char *const other[] = { "plugin load BUILD/tests/bench/bench-raw.so",
					     "module open Peer peer port=0 server_name=b enable_discovery=no "
					     "connect=127.0.0.1:THIRD import=a/bench/feed",
					     "module open TCPServer out port=PORT max_connections=0",
					     "channel link a/bench/feed out/send", NULL };
	Side *side = side_new("two hosts", "line");

	side_run_backplane(side, one);
	wait_for_port(FALSE, side->third);
	side_run_backplane(side, other);
	return side;
}

void bench_peer(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 1, 64 }, { 10, 16 } };
	static const char *const names[] = { "redis", "nats", NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	run_endpoints();
	printf("\nA message of 64 bytes from one to others, over two hosts or one broker:\n\n");
	sides_add_brokers(sides, names);
	g_ptr_array_add(sides, two_hosts());
	sides_run(sides, "fanout", cases, G_N_ELEMENTS(cases));
}
