/* SPDX-License-Identifier: MIT */
/* bench-echo.c - benches tcp, udp, tls, console: what comes back over a socket, through channels and without. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef struct {
	guint connections, depth;
} Case;

static pid_t start_bare(const char *mode, guint port, const char *cert, const char *key)
{
	g_autofree char *program = process_path("tests/bench/bare-echo"), *number = g_strdup_printf("%u", port);
	const char *words[] = { program, mode, number, cert, key, NULL };

	return process_start(words);
}

static pid_t start_echo(const char *module, guint port, const char *more)
{
	g_autofree char *open = g_strdup_printf("module open %s bench port=%u %s", module, port, more);
	const char *commands[] = { open, "module open Echo echo on=bench", NULL };

	return backplane_start(commands);
}

static void run_cases(GPtrArray *sides, const Case *cases, guint count)
{
	print_sides_head();
	for (guint i = 0; i < count; i++) {
		sides_measure(sides, "echo", cases[i].connections, cases[i].depth);
		print_sides(sides, cases[i].connections, cases[i].depth);
	}
	g_ptr_array_unref(sides);
}

static GPtrArray *sides_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)side_free);
}

void bench_tcp(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 64, 1 }, { 64, 16 }, { 1000, 1 }, { 1000, 16 } };
	GPtrArray *sides = sides_new();
	guint bare = free_port(SOCK_STREAM), ours = free_port(SOCK_STREAM);

	g_ptr_array_add(sides, side_new("bare epoll", "tcp", start_bare("tcp", bare, NULL, NULL), bare, bare));
	g_ptr_array_add(sides, side_new("TCPServer and Echo", "tcp", start_echo("TCPServer", ours, "max_connections=0"),
					ours, ours));
	wait_for_port(bare);
	wait_for_port(ours);
	run_cases(sides, cases, G_N_ELEMENTS(cases));
}

void bench_udp(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 16, 1 }, { 16, 16 } };
	GPtrArray *sides = sides_new();
	guint bare = free_port(SOCK_DGRAM), ours = free_port(SOCK_DGRAM);

	g_ptr_array_add(sides, side_new("bare recvmmsg", "udp", start_bare("udp", bare, NULL, NULL), bare, bare));
	g_ptr_array_add(sides, side_new("UDPServer and Echo", "udp", start_echo("UDPServer", ours, ""), ours, ours));
	g_usleep(500000); /* nothing tells that a UDP port is open */
	run_cases(sides, cases, G_N_ELEMENTS(cases));
}

void bench_tls(void)
{
	static const Case cases[] = { { 1, 1 }, { 64, 1 }, { 64, 16 } };
	g_autofree char *cert = g_build_filename(process_folder(), "cert.pem", NULL);
	g_autofree char *key = g_build_filename(process_folder(), "key.pem", NULL);
	g_autofree char *make = g_strdup_printf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
						"-subj /CN=localhost -days 2 -keyout '%s' -out '%s' 2>/dev/null", key, cert);
	g_autofree char *more = g_strdup_printf("max_connections=0 tls=yes tls_cert=%s tls_key=%s", cert, key);
	GPtrArray *sides;
	guint bare = free_port(SOCK_STREAM), ours = free_port(SOCK_STREAM);

	if (system(make) != 0) {
		printf("skipped: openssl(1), which makes the certificate, is not there\n");
		return;
	}
	sides = sides_new();
	g_ptr_array_add(sides, side_new("bare OpenSSL", "tls", start_bare("tls", bare, cert, key), bare, bare));
	g_ptr_array_add(sides, side_new("TCPServer and Echo", "tls", start_echo("TCPServer", ours, more), ours, ours));
	wait_for_port(bare);
	wait_for_port(ours);
	run_cases(sides, cases, G_N_ELEMENTS(cases));
}

void bench_console(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 16, 1 }, { 16, 16 } };
	guint bare = free_port(SOCK_STREAM), ours = free_port(SOCK_STREAM);
	g_autofree char *open = g_strdup_printf("consoleserver -p %u", ours);
	const char *commands[] = { open, NULL };
	GPtrArray *sides = sides_new();

	g_ptr_array_add(sides, side_new("bare epoll, 64 bytes", "tcp", start_bare("tcp", bare, NULL, NULL), bare, bare));
	g_ptr_array_add(sides, side_new("consoleserver, .echo hello", "console", backplane_start(commands), ours, ours));
	wait_for_port(bare);
	wait_for_port(ours);
	run_cases(sides, cases, G_N_ELEMENTS(cases));
	printf("\nThe Python original: 1,000 to 1,600 commands a second.\n");
}
