/* SPDX-License-Identifier: MIT */
/* bench-echo.c - benches tcp, udp, tls, console: what comes back over a socket, through channels and without. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>

void bench_tcp(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 64, 1 }, { 64, 16 }, { 1000, 1 }, { 1000, 16 } };
	static const char *const commands[] = { "module open TCPServer bench port=PORT max_connections=0",
						"module open Echo echo on=bench", NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare epoll", "tcp", "tcp", NULL));
	g_ptr_array_add(sides, side_backplane("TCPServer and Echo", "tcp", commands));
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
}

void bench_udp(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 16, 1 }, { 16, 16 } };
	static const char *const commands[] = { "module open UDPServer bench port=PORT",
						"module open Echo echo on=bench", NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare recvmmsg", "udp", "udp", NULL));
	g_ptr_array_add(sides, side_backplane("UDPServer and Echo", "udp", commands));
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
}

void bench_tls(void)
{
	static const Case cases[] = { { 1, 1 }, { 64, 1 }, { 64, 16 } };
	static const char *const commands[] = { "module open TCPServer bench port=PORT max_connections=0 tls=yes "
						"tls_cert=FOLDER/cert.pem tls_key=FOLDER/key.pem",
						"module open Echo echo on=bench", NULL };
	static const char *const bare[] = {
		"BUILD/tests/bench/bare-echo", "tls", "PORT", "FOLDER/cert.pem", "FOLDER/key.pem", NULL
	};
	g_autofree char *make = g_strdup_printf(
		"cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		"-nodes -subj /CN=localhost -days 2 -keyout key.pem -out cert.pem 2>/dev/null",
		process_folder());
	g_autoptr(GPtrArray) sides = sides_new();
	Side *side;

	if (!is_installed("openssl", "openssl") || system(make) != 0) {
		printf("skipped: there is no certificate\n");
		return;
	}
	g_ptr_array_add(sides, side = side_new("bare OpenSSL", "tls"));
	side_run(side, bare);
	g_ptr_array_add(sides, side_backplane("TCPServer and Echo", "tls", commands));
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
}

void bench_console(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 16, 1 }, { 16, 16 } };
	static const char *const commands[] = { "consoleserver -p PORT", NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare epoll, 64 bytes", "tcp", "tcp", NULL));
	g_ptr_array_add(sides, side_backplane("consoleserver, .echo hello", "console", commands));
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
	printf("\nThe Python original: 1,000 to 1,600 commands a second.\n");
}
