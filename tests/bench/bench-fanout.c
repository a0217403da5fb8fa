/* SPDX-License-Identifier: MIT */
/* bench-fanout.c - one message to many watchers: a link between two servers, a bare loop that writes the same bytes,
 * and the brokers that the system has. A message is counted once for each watcher. */
#include "bench.h"
#include <string.h>

typedef struct {
	const char *name, *protocol, *const *words;
} Broker;

static const char *const redis[] = { "redis-server", "--port", "PORT",	"--bind", "127.0.0.1", "--save", "",
				     "--appendonly", "no",     "--dir", "FOLDER", NULL };
static const char *const nats[] = { "nats-server", "-a", "127.0.0.1", "-p", "PORT", NULL };
static const char *const mosquitto[] = { "mosquitto", "-c", "FOLDER/mosquitto.conf", NULL };
static const Broker brokers[] = {
	{ "redis", "redis", redis },
	{ "nats", "nats", nats },
	{ "mosquitto", "mqtt", mosquitto },
};

static void write_configuration(guint port)
{
	g_autofree char *file = g_build_filename(process_folder(), "mosquitto.conf", NULL);
	g_autofree char *text = g_strdup_printf("listener %u 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
						"log_type error\npersistence false\n",
						port);

	g_file_set_contents(file, text, -1, NULL);
}

void sides_add_brokers(GPtrArray *sides, const char *const *names)
{
	for (guint i = 0; i < G_N_ELEMENTS(brokers); i++) {
		const Broker *broker = &brokers[i];
		Side *side;

		if (!g_strv_contains(names, broker->name) || !is_installed(broker->words[0], broker->words[0]))
			continue;
		g_ptr_array_add(sides, side = side_new(broker->name, broker->protocol));
		if (broker->words == mosquitto)
			write_configuration(side->port);
		side_run(side, broker->words);
	}
}

void bench_fanout(void)
{
	static const Case cases[] = { { 10, 1 }, { 10, 16 }, { 100, 1 }, { 100, 16 }, { 900, 1 }, { 900, 16 } };
	static const char *const names[] = { "redis", "nats", "mosquitto", NULL };
	static const char *const commands[] = { "module open TCPServer out port=PORT max_connections=0",
						"module open TCPServer in port=INTO", "channel link in/recv out/send",
						NULL };
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare epoll", "raw", "fanout", "INTO"));
	g_ptr_array_add(sides, side_backplane("TCPServer, link, TCPServer", "raw", commands));
	sides_add_brokers(sides, names);
	sides_run(sides, "fanout", cases, G_N_ELEMENTS(cases));
}

void bench_wsfan(void)
{
	static const Case cases[] = { { 1000, 1 } };
	static const char *const commands[] = {
		"plugin load BUILD/tests/bench/bench-raw.so",
		"module open WebSocketServer out port=PORT handler=raw-echo max_connections=0",
		"module open TCPServer in port=INTO", "channel link in/recv out/send", NULL
	};
	g_autoptr(GPtrArray) sides = sides_new();

	g_ptr_array_add(sides, side_bare("bare epoll", "ws", "wsfan", "INTO"));
	g_ptr_array_add(sides, side_backplane("TCPServer, link, WebSocketServer", "ws", commands));
	sides_run(sides, "fanout", cases, G_N_ELEMENTS(cases));
}
