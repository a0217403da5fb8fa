/* SPDX-License-Identifier: MIT */
/* bench.c - what Backplane costs, as ratios: both sides in one run, CPU time of the serving process for each unit of
 * work, sides in turn and medians, because the machine may be busy with something else.
 *
 *	bench NAME...
 *
 * Environment: BUILD (the build folder), BENCH_ROUNDS (5), BENCH_SECONDS (0.5, of one side in one round).
 */
#include "bench.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	void (*run)(void);
	const char *what;
} benches[] = {
	{ "bus", bench_bus, "a send against direct calls; across threads against a GAsyncQueue" },
	{ "tcp", bench_tcp, "echo through channels against a bare epoll loop" },
	{ "console", bench_console, "commands over TCP" },
	{ "udp", bench_udp, "echo of datagrams against a bare recvmmsg loop" },
	{ "tls", bench_tls, "echo over TLS against bare OpenSSL" },
	{ "http", bench_http, "GET of a small answer and of the page, against nginx" },
	{ "ws", bench_ws, "echo of WebSocket messages against wslay on a bare epoll loop and libwebsockets" },
	{ "wsfan", bench_wsfan, "one message to 1,000 WebSockets, against a bare loop that frames it once" },
	{ "fanout", bench_fanout, "one message to many watchers, against a bare loop and brokers" },
	{ "uart", bench_uart, "a serial port on TCP, against ser2net; decoding of frames" },
	{ "peer", bench_peer, "endpoints against bare loops; messages between two hosts against brokers" },
	{ "mesh", bench_mesh, "requests, a connection each, against a bare loop; updates to 100 dashboards" },
	{ "start", bench_start, "start to prompt, memory with every plugin" },
	{ "store", bench_store, "a value in a store against SQLite alone" },
	{ "idle", bench_idle, "memory of an idle connection" },
};

static int usage(void)
{
	fprintf(stderr, "usage: bench NAME...\n");
	for (guint i = 0; i < G_N_ELEMENTS(benches); i++)
		fprintf(stderr, "  %-8s %s\n", benches[i].name, benches[i].what);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage();
	process_prepare();
	describe_machine();
	for (int k = 1; k < argc; k++) {
		guint i = 0;

		while (i < G_N_ELEMENTS(benches) && strcmp(benches[i].name, argv[k]) != 0)
			i++;
		if (i == G_N_ELEMENTS(benches)) {
			process_remove_folder();
			return usage();
		}
		printf("### %s: %s\n\n", benches[i].name, benches[i].what);
		fflush(stdout);
		benches[i].run();
		printf("\n");
	}
	process_remove_folder();
	return 0;
}
