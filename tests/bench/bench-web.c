/* SPDX-License-Identifier: MIT */
/* bench-web.c - benches http and ws: the web server against nginx, sessions over WebSocket against wslay. */
#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SMALL "/healthz"
#define PAGE "/"
#define NGINX "/usr/sbin/nginx"

typedef struct {
	guint connections, depth;
} Case;

static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 64, 1 }, { 64, 16 } };

static void run_cases(GPtrArray *sides)
{
	print_sides_head();
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		sides_measure(sides, "echo", cases[i].connections, cases[i].depth);
		print_sides(sides, cases[i].connections, cases[i].depth);
	}
}

/* One process, no log; the small answer is text of the configuration, the page a file. */
static Side *start_nginx(void)
{
	guint port = free_port(SOCK_STREAM);
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
		at, at, at, at, at, at, at, port, at);
	const char *words[] = { NGINX, "-c", file, "-e", "stderr", NULL };

	g_file_set_contents(file, text, -1, NULL);
	return side_new("nginx", "http:" SMALL, process_start(words), port, port);
}

static Side *start_web(void)
{
	guint port = free_port(SOCK_STREAM);
	g_autofree char *open = g_strdup_printf("module open WebServer bench port=%u max_connections=0", port);
	const char *commands[] = { open, NULL };

	return side_new("WebServer", "http:" SMALL, backplane_start(commands), port, port);
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
	g_autoptr(GPtrArray) sides = g_ptr_array_new_with_free_func((GDestroyNotify)side_free);
	Side *web;
	gsize size;

	if (!g_file_test(NGINX, G_FILE_TEST_IS_EXECUTABLE)) {
		printf("skipped: " NGINX " is not there\n");
		return;
	}
	g_ptr_array_add(sides, start_nginx());
	g_ptr_array_add(sides, web = start_web());
	for (guint i = 0; i < sides->len; i++)
		wait_for_port(((Side *)sides->pdata[i])->port);
	printf("GET " SMALL ":\n\n");
	run_cases(sides);
	size = copy_page(web->port);
	if (!size) {
		printf("\nthe page is skipped: curl(1), which copies it for nginx, is not there\n");
		return;
	}
	printf("\nGET of the page, %" G_GSIZE_FORMAT " bytes, not compressed:\n\n", size);
	for (guint i = 0; i < sides->len; i++)
		((Side *)sides->pdata[i])->protocol = "http:" PAGE;
	run_cases(sides);
}

void bench_ws(void)
{
	g_autoptr(GPtrArray) sides = g_ptr_array_new_with_free_func((GDestroyNotify)side_free);
	guint bare = free_port(SOCK_STREAM), ours = free_port(SOCK_STREAM);
	g_autofree char *program = process_path("tests/bench/bare-echo"), *number = g_strdup_printf("%u", bare);
	g_autofree char *plugin = process_path("tests/bench/bench-raw.so"), *load = g_strdup_printf("plugin load %s", plugin);
	g_autofree char *open = g_strdup_printf("module open WebSocketServer bench port=%u handler=raw-echo max_connections=0",
						ours);
	const char *words[] = { program, "ws", number, NULL }, *commands[] = { load, open, NULL };

	g_ptr_array_add(sides, side_new("wslay on bare epoll", "ws", process_start(words), bare, bare));
	g_ptr_array_add(sides, side_new("WebSocketServer, a handler", "ws", backplane_start(commands), ours, ours));
	wait_for_port(bare);
	wait_for_port(ours);
	run_cases(sides);
}

static Side *start_bare_fan(void)
{
	guint port = free_port(SOCK_STREAM), into = free_port(SOCK_STREAM);
	g_autofree char *program = process_path("tests/bench/bare-echo");
	g_autofree char *one = g_strdup_printf("%u", port), *two = g_strdup_printf("%u", into);
	const char *words[] = { program, "wsfan", one, two, NULL };

	return side_new("bare epoll", "ws", process_start(words), port, into);
}

static Side *start_fan(void)
{
	guint port = free_port(SOCK_STREAM), into = free_port(SOCK_STREAM);
	g_autofree char *plugin = process_path("tests/bench/bench-raw.so"), *load = g_strdup_printf("plugin load %s", plugin);
	g_autofree char *out = g_strdup_printf("module open WebSocketServer out port=%u handler=raw-echo max_connections=0",
					       port);
	g_autofree char *in = g_strdup_printf("module open TCPServer in port=%u", into);
	const char *commands[] = { load, out, in, "channel link in/recv out/send", NULL };

	return side_new("TCPServer, link, WebSocketServer", "ws", backplane_start(commands), port, into);
}

void bench_wsfan(void)
{
	g_autoptr(GPtrArray) sides = g_ptr_array_new_with_free_func((GDestroyNotify)side_free);

	g_ptr_array_add(sides, start_bare_fan());
	g_ptr_array_add(sides, start_fan());
	for (guint i = 0; i < sides->len; i++)
		wait_for_port(((Side *)sides->pdata[i])->port);
	print_sides_head();
	sides_measure(sides, "fanout", 1000, 1);
	print_sides(sides, 1000, 1);
}
