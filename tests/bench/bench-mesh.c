/* SPDX-License-Identifier: MIT */
/* bench-mesh.c - bench mesh: requests to a gateway, each on a connection of its own, and updates of data from its line to
 * dashboards. The line is a TCP connection that carries frames, whose bytes the gateway takes as those of a UART. */
#include "bench.h"
#include <stdio.h>

#define LINE "module open TCPServer line port=INTO"
#define GATEWAY "recv=line/recv send=line/send framing=mesh listener=optional max_connections=0"

static void run_requests(void)
{
	static const Case cases[] = { { 1, 1 }, { 16, 1 } };
	static const char *const commands[] = { LINE, "module open MeshGateway bench port=PORT " GATEWAY, NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("accept, read, echo, close", "get", "once", NULL));
	g_ptr_array_add(sides, side_backplane("MeshGateway", "get", commands));
	printf("[GET] of a value, a connection each:\n\n");
	sides_run(sides, "once", cases, G_N_ELEMENTS(cases));
	sides_set_protocol(sides, "count");
	printf("\nACT-C, a connection each:\n\n");
	sides_run(sides, "once", cases, G_N_ELEMENTS(cases));
}

static void run_pages(void)
{
	static const Case cases[] = { { 100, 1 }, { 100, 16 } };
	static const char *const commands[] = { LINE, "module open MeshGateway bench port=0 " GATEWAY,
						"module open MeshPages pages gateway=bench port=PORT max_connections=0",
						NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare epoll, bytes as they are", "ws", "wsfan", "INTO"));
	g_ptr_array_add(sides, side_backplane("frames, MeshGateway, MeshPages", "mesh", commands));
	printf("\nUpdates of data to 100 dashboards, a message to each:\n\n");
	sides_run(sides, "fanout", cases, G_N_ELEMENTS(cases));
}

void bench_mesh(void)
{
	run_requests();
	run_pages();
}
