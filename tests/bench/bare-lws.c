/* SPDX-License-Identifier: MIT */
/* bare-lws.c - a minimal echo of WebSocket messages by libwebsockets, for bench ws.
 *
 *	bare-lws PORT
 *
 * A message is answered when the connection may be written to, one a time, as the library wants it; those that wait meanwhile
 * stand in a ring. Messages of up to 125 bytes, as many at a time as the benches have in flight.
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SIZE 125
#define RING 128

typedef struct {
	unsigned char bytes[LWS_PRE + MOST_SIZE];
	size_t size;
} Message;

typedef struct {
	Message ring[RING];
	unsigned first, count;
} Connection;

static int keep(Connection *connection, const void *data, size_t size)
{
	Message *message = &connection->ring[(connection->first + connection->count) % RING];

	if (size > MOST_SIZE || connection->count == RING)
		return -1;
	memcpy(message->bytes + LWS_PRE, data, size);
	message->size = size;
	connection->count++;
	return 0;
}

static int send_first(struct lws *socket, Connection *connection)
{
	Message *message = &connection->ring[connection->first];

	if (!connection->count)
		return 0;
	if (lws_write(socket, message->bytes + LWS_PRE, message->size, LWS_WRITE_BINARY) < (int)message->size)
		return -1;
	connection->first = (connection->first + 1) % RING;
	if (--connection->count)
		lws_callback_on_writable(socket);
	return 0;
}

static int on_event(struct lws *socket, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
	switch (reason) {
	case LWS_CALLBACK_RECEIVE:
		lws_callback_on_writable(socket);
		return keep(user, data, size);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return send_first(socket, user);
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{ "echo", on_event, sizeof(Connection), 65536, 0, NULL, 0 },
		{ NULL, NULL, 0, 0, 0, NULL, 0 },
	};
	struct lws_context_creation_info info = { .protocols = protocols, .iface = "lo", .gid = -1, .uid = -1 };
	struct lws_context *context;

	info.port = argc == 2 ? atoi(argv[1]) : 0;
	signal(SIGPIPE, SIG_IGN);
	lws_set_log_level(LLL_ERR, NULL);
	context = info.port ? lws_create_context(&info) : NULL;
	if (!context)
		return 1;
	while (lws_service(context, 0) >= 0)
		;
	lws_context_destroy(context);
	return 0;
}
