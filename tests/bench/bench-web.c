/* SPDX-License-Identifier: MIT */
/* bench-web.c - benches http and ws: the web server against nginx, sessions over WebSocket against wslay and
 * libwebsockets. */
#include "bench.h"
#include <stdio.h>
#include <string.h>

#define SMALL "/healthz"
#define PAGE "/"

static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 64, 1 }, { 64, 16 } };

/* One process, no log; the small answer is text of the configuration, the page a file. */
static Side *nginx(void)
{
	static const char *const words[] = { "nginx", "-c", "FOLDER/nginx.conf", "-e", "stderr", NULL };
	Side *side = side_new("nginx", "http:" SMALL);
	const char *at = process_folder();
	g_autofree char *file = g_build_filename(at, "nginx.conf", NULL);
	g_autofree char *text = g_strdup_printf(
		"daemon off; master_process off; pid %s/nginx.pid; error_log %s/log;\n"
		"events { worker_connections 4096; }\n"
		"http { access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; default_type text/html;\n"
		"client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;\n"
		"uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi; open_file_cache max=16;\n"
		"server { listen 127.0.0.1:%u; root %s; index page.html;\n"
		"location = " SMALL " { default_type text/plain; return 200 \"ok\\n\"; } } }\n",
		at, at, at, at, at, at, at, side->port, at);

	g_file_set_contents(file, text, -1, NULL);
	side_run(side, words);
	return side;
}

/* The page as our server gives it, where nginx finds it. */
static gsize copy_page(guint port)
{
	g_autofree char *file = g_build_filename(process_folder(), "page.html", NULL);
	g_autofree char *fetch = g_strdup_printf("curl -s -o '%s' http://localhost:%u" PAGE, file, port);
	g_autofree char *text = NULL;
	gsize size = 0;

	if (!g_spawn_command_line_sync(fetch, NULL, NULL, NULL, NULL))
		return 0;
	g_file_get_contents(file, &text, &size, NULL);
	return size;
}

void bench_http(void)
{
	static const char *const commands[] = { "module open WebServer bench port=PORT max_connections=0", NULL };
	g_autoptr(GPtrArray) sides = sides_new();
	Side *web;
	gsize size;

	if (!is_installed("nginx", "nginx-light"))
		return;
	g_ptr_array_add(sides, nginx());
	g_ptr_array_add(sides, web = side_backplane("WebServer", "http:" SMALL, commands));
	printf("GET " SMALL ":\n\n");
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
	size = copy_page(web->port);
	if (!size) {
		printf("\nthe page is skipped: curl(1), which copies it for nginx, is not there\n");
		return;
	}
	printf("\nGET of the page, %" G_GSIZE_FORMAT " bytes, not compressed:\n\n", size);
	sides_set_protocol(sides, "http:" PAGE);
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
}

static void add_libwebsockets(GPtrArray *sides)
{
	static const char *const words[] = { "BUILD/tests/bench/bare-lws", "PORT", NULL };
	g_autofree char *program = process_path(words[0] + strlen("BUILD/"));
	Side *side;

	if (!g_file_test(program, G_FILE_TEST_IS_EXECUTABLE)) {
		printf("(libwebsockets is left out: it was not there at configure; Debian: libwebsockets-dev)\n\n");
		return;
	}
	g_ptr_array_add(sides, side = side_new("libwebsockets", "ws"));
	side_run(side, words);
}

void bench_ws(void)
{
	static const char *const commands[] = {
		"plugin load BUILD/tests/bench/bench-raw.so",
		"module open WebSocketServer bench port=PORT handler=raw-echo max_connections=0", NULL
	};
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("wslay on bare epoll", "ws", "ws", NULL));
	add_libwebsockets(sides);
	g_ptr_array_add(sides, side_backplane("WebSocketServer, a handler", "ws", commands));
	sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
}
