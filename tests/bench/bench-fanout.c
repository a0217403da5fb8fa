/* SPDX-License-Identifier: MIT */
/* bench-fanout.c - one message to many TCP watchers: two TCPServers with a link between, a bare loop that writes the
 * same bytes, and the brokers that the system has. A message is counted once for each watcher. */
#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static Side *start_bare(void)
{
	g_autofree char *program = process_path("tests/bench/bare-echo");
	guint port = free_port(SOCK_STREAM), into = free_port(SOCK_STREAM);
	g_autofree char *one = g_strdup_printf("%u", port), *two = g_strdup_printf("%u", into);
	const char *words[] = { program, "fanout", one, two, NULL };

	return side_new("bare epoll", "raw", process_start(words), port, into);
}

static Side *start_backplane(void)
{
	guint port = free_port(SOCK_STREAM), into = free_port(SOCK_STREAM);
	g_autofree char *out = g_strdup_printf("module open TCPServer out port=%u max_connections=0", port);
	g_autofree char *in = g_strdup_printf("module open TCPServer in port=%u", into);
	const char *commands[] = { out, in, "channel link in/recv out/send", NULL };

	return side_new("TCPServer, link, TCPServer", "raw", backplane_start(commands), port, into);
}

static gboolean is_there(const char *program)
{
	g_autofree char *path = g_find_program_in_path(program);
	g_autofree char *aside = g_strconcat("/usr/sbin/", program, NULL);

	if (path || g_file_test(aside, G_FILE_TEST_IS_EXECUTABLE))
		return TRUE;
	printf("(%s is left out: it is not installed)\n", program);
	return FALSE;
}

static Side *start_redis(void)
{
	guint port = free_port(SOCK_STREAM);
	g_autofree char *number = g_strdup_printf("%u", port);
	const char *words[] = { "redis-server", "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
				"--dir", process_folder(), NULL };

	return is_there("redis-server") ? side_new("redis", "redis", process_start(words), port, port) : NULL;
}

static Side *start_nats(void)
{
	guint port = free_port(SOCK_STREAM);
	g_autofree char *number = g_strdup_printf("%u", port);
	const char *words[] = { "nats-server", "-a", "127.0.0.1", "-p", number, NULL };

	return is_there("nats-server") ? side_new("nats", "nats", process_start(words), port, port) : NULL;
}

static Side *start_mosquitto(void)
{
	guint port = free_port(SOCK_STREAM);
	g_autofree char *file = g_build_filename(process_folder(), "mosquitto.conf", NULL);
	g_autofree char *text = g_strdup_printf("listener %u 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
						"log_type error\npersistence false\n", port);
	const char *words[] = { "/usr/sbin/mosquitto", "-c", file, NULL };

	if (!is_there("mosquitto"))
		return NULL;
	g_file_set_contents(file, text, -1, NULL);
	return side_new("mosquitto", "mqtt", process_start(words), port, port);
}

void bench_fanout(void)
{
	static const guint watchers[] = { 10, 100, 900 }, depths[] = { 1, 16 };
	Side *(*const starters[])(void) = { start_bare, start_backplane, start_redis, start_nats, start_mosquitto };
	g_autoptr(GPtrArray) sides = g_ptr_array_new_with_free_func((GDestroyNotify)side_free);

	for (guint i = 0; i < G_N_ELEMENTS(starters); i++) {
		Side *side = starters[i]();

		if (!side)
			continue;
		g_ptr_array_add(sides, side);
		wait_for_port(side->port);
	}
	print_sides_head();
	for (guint i = 0; i < G_N_ELEMENTS(watchers); i++) {
		for (guint k = 0; k < G_N_ELEMENTS(depths); k++) {
			sides_measure(sides, "fanout", watchers[i], depths[k]);
			print_sides(sides, watchers[i], depths[k]);
		}
	}
}
