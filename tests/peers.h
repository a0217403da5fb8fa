/* SPDX-License-Identifier: MIT */
/* peers.h - two ends of connections, both on the main loop, and a module whose server is asked for by parameters. */
#pragma once
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/kernel.h>
#include "suite.h"

/* One end of a connection and all that was said to it. */
typedef struct {
	BpStream *stream; /* NULL: `closed` was called */
	GString *got;
	GError *why;
	guint data, ended, closed, drained, ready;
	gsize size; /* when `discard` */
	gboolean keep_open, echo, discard;
	void (*on_data)(BpStream *stream, gpointer peer);
	void (*on_drained)(BpStream *stream, gpointer peer);
	gsize done;   /* for the test's own use */
	guint inside; /* calls of ours on the stack */
} Peer;

static inline void peer_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	Peer *peer = user;

	peer->data++;
	peer->size += size;
	if (!peer->discard)
		g_string_append_len(peer->got, (const char *)data, (gssize)size);
	if (peer->echo)
		bp_stream_write(stream, data, size);
	if (peer->on_data)
		peer->on_data(stream, peer);
}

static inline void peer_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	Peer *peer = user;

	peer->ended++;
	if (!peer->keep_open)
		bp_stream_close(stream);
}

static inline void peer_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	Peer *peer = user;

	CU_ASSERT_EQUAL(peer->inside, 0);
	peer->closed++;
	peer->stream = NULL;
	peer->why = why ? g_error_copy(why) : NULL;
}

static inline void peer_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	Peer *peer = user;

	peer->drained++;
	if (peer->on_drained)
		peer->on_drained(stream, peer);
}

static inline void peer_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	((Peer *)user)->ready++;
}

static const BpStreamEvents peer_events = { .size = sizeof(peer_events),
					    .data = peer_data,
					    .end = peer_end,
					    .closed = peer_closed,
					    .drained = peer_drained,
					    .ready = peer_ready };

static inline Peer *peer_new(void)
{
	Peer *peer = g_new0(Peer, 1);

	peer->got = g_string_new(NULL);
	return peer;
}

static inline gboolean is_closed(gpointer data)
{
	return ((Peer *)data)->closed > 0;
}

static inline void peer_free(Peer *peer)
{
	if (peer->stream)
		bp_stream_abort(peer->stream, NULL);
	if (peer->stream)
		suite_wait_until(is_closed, peer, 5);
	g_string_free(peer->got, TRUE);
	g_clear_error(&peer->why);
	g_free(peer);
}

static inline gboolean has_ended(gpointer data)
{
	return ((Peer *)data)->ended > 0;
}

static inline gboolean is_ready(gpointer data)
{
	return ((Peer *)data)->ready > 0 || ((Peer *)data)->closed > 0;
}

static inline gboolean has_got(gpointer data)
{
	return ((Peer *)data)->size > 0;
}

/* Turns the loop until `peer` has had `size` bytes. */
typedef struct {
	Peer *peer;
	gsize size;
} Amount;

static inline gboolean has_amount(gpointer data)
{
	Amount *amount = data;

	return amount->peer->size >= amount->size;
}

static inline gboolean wait_size(Peer *peer, gsize size)
{
	Amount amount = { peer, size };

	return suite_wait_until(has_amount, &amount, 10);
}

/* --- a server --- */

static char *server_refusal(BpPlugin *self, BpServer *server, const char *why, gpointer user);
static void server_accept(BpPlugin *self, BpServer *server, BpStream *stream, gpointer user);

static const BpParam peer_server_params[] = {
	{ "port", 'p', BP_INT, .fallback = "0", .min = 0, .max = 65535, .help = "port" },
	{ .include = bp_server_params },
	{ NULL },
};

static BpServer *server; /* the one opened last */

static gboolean open_server(BpInstance *self, GError **error)
{
	static const BpServerEvents events = { .size = sizeof(events),
					       .accept = server_accept,
					       .refusal = server_refusal };

	server = bp_server_open(self, NULL, "server-test", &events, NULL, error);
	return server != NULL;
}

static const BpModule peer_modules[] = {
	{ "TestServer", .help = "a server", .params = peer_server_params, .open = open_server },
	{ NULL },
};

static const BpPluginInfo peer_plugin = {
	BP_PLUGIN_BUILT, .name = "peers", .version = "1", .summary = "test", .modules = peer_modules,
};

/* `pairs` are words like "max_connections=2". */
static inline BpInstance *server_open(GError **error, const char *const *pairs)
{
	BpValues *values = bp_values_new(peer_server_params);

	if (!bp_values_set_pairs(values, pairs, error)) {
		bp_values_free(values);
		return NULL;
	}
	return bp_module_open("TestServer", "test", "/", values, error);
}

static inline BpAddress server_address(void)
{
	BpAddress address;

	bp_address_parse(&address, "127.0.0.1", bp_server_port(server), NULL);
	return address;
}

static inline Peer *peer_connect(void)
{
	Peer *peer = peer_new();
	BpAddress address = server_address();

	peer->stream = bp_stream_connect(bp_kernel(), &address, 5 * G_USEC_PER_SEC, NULL, &peer_events, peer);
	return peer;
}

static inline int run_with_kernel(const char *name, const SuiteTest *tests, int argc, char **argv)
{
	static const BpKernelOptions options;
	g_autoptr(GError) error = NULL;
	int failed;

	if (!bp_kernel_start(&options, &error) || !bp_plugin_add(&peer_plugin, &error)) {
		g_printerr("%s\n", error->message);
		return 2;
	}
	failed = suite_run(name, tests, argc, argv);
	return bp_kernel_stop() ? 1 : failed;
}

/* A listening socket on a free port of loopback. */
static inline int listen_tcp(BpAddress *address, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert(bp_address_parse(address, "127.0.0.1", 0, NULL));
	g_assert(bind(fd, (struct sockaddr *)&address->storage, address->size) == 0 && listen(fd, backlog) == 0);
	g_assert(getsockname(fd, (struct sockaddr *)&address->storage, &address->size) == 0);
	return fd;
}
