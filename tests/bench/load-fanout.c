/* SPDX-License-Identifier: MIT */
/* load-fanout.c - one publisher, many watchers: DEPTH messages are on their way to all of them at any time.
 *
 * A protocol is a few strings: what subscribes, what publishes a message of 64 bytes, and how many bytes each watcher
 * gets for it. So deliveries are counted in bytes, with the same little work for every server. Dashboards of a mesh are
 * told other things in between: there the WebSocket messages of that size are counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "load.h"

#define EVENTS 256
#define WARM_UP 0.1
#define SPARE 64 /* descriptors of other things */
#define QUIET 60 /* ms: what was on its way has come */
#define X8 "xxxxxxxx"
#define X64 X8 X8 X8 X8 X8 X8 X8 X8
#define PART(text) text, sizeof(text) - 1

typedef struct {
	const char *name;
	const char *hello;
	size_t hello_size;
	const char *subscribe;
	size_t subscribe_size;
	const char *publish;
	size_t publish_size;
	size_t delivered; /* bytes of one message at a watcher */
	int among_others; /* WebSocket messages of another size come too */
} Protocol;

/* What has come of a WebSocket message. */
typedef struct {
	unsigned char head[4];
	size_t have, left; /* of the head; of the contents, to come */
} Message;

/* MQTT 3.1.1: CONNECT without a client's name, SUBSCRIBE and PUBLISH with QoS 0. */
#define MQTT_HELLO "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
#define MQTT_SUBSCRIBE \
	"\x82\x0a\x00\x01\x00\x05" \
	"bench\x00"
#define MQTT_PUBLISH \
	"\x30\x47\x00\x05" \
	"bench" X64
#define REDIS_TOPIC "$5\r\nbench\r\n"
#define NATS_HELLO "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"

/* Frames of a root: node 5 has a value of type 0; what dashboards are told of it. */
#define MESH_UPDATE \
	"\xff\x00\x05" \
	"D\x01\x00\x07\xfe"
#define MESH_LOG "{\"type\": \"trafficLog\", \"message\": \"[D] recived update from Node-5\"}"

static const Protocol protocols[] = {
	{ "raw", PART(""), PART(""), PART(X64), 64 },
	{ "line", PART(""), PART(""), PART(X64 "\n"), 64 }, /* fed by lines, which come without their end */
	{ "ws", PART(""), PART(""), PART(X64), 64 + 2 },    /* fed by TCP; watchers at /ws */
	{ "redis", PART(""), PART("*2\r\n$9\r\nSUBSCRIBE\r\n" REDIS_TOPIC),
	  PART("*3\r\n$7\r\nPUBLISH\r\n" REDIS_TOPIC "$64\r\n" X64 "\r\n"),
	  sizeof("*3\r\n$7\r\nmessage\r\n" REDIS_TOPIC "$64\r\n" X64 "\r\n") - 1 },
	{ "nats", PART(NATS_HELLO), PART("SUB bench 1\r\n"), PART("PUB bench 64\r\n" X64 "\r\n"),
	  sizeof("MSG bench 1 64\r\n" X64 "\r\n") - 1 },
	{ "mesh", PART(""), PART(""), PART(MESH_UPDATE), sizeof(MESH_LOG) - 1 + 2, 1 },
	{ "mqtt", PART(MQTT_HELLO), PART(MQTT_SUBSCRIBE), PART(MQTT_PUBLISH), sizeof(MQTT_PUBLISH) - 1 },
};

static const Protocol *protocol;
static char bytes[65536];
static int publisher;
static Message *messages; /* by descriptor */
static uint64_t received, published;

static const Protocol *find_protocol(const char *name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (!strcmp(protocols[i].name, name))
			return &protocols[i];
	errno = EPROTONOSUPPORT;
	load_fail(name);
	return NULL;
}

static void say(int fd, const char *data, size_t size)
{
	if (size && send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		load_fail("send");
}

static void publish(int count)
{
	char out[8192];
	size_t size = 0;

	for (int i = 0; i < count; i++, size += protocol->publish_size)
		memcpy(out + size, protocol->publish, protocol->publish_size);
	say(publisher, out, size);
	published += (uint64_t)count;
}

/* How many of these bytes make messages of the size that is counted. */
static size_t counted(Message *message, const char *data, size_t size)
{
	size_t sum = 0, step;

	for (const char *end = data + size; data < end; data += step) {
		step = message->left < (size_t)(end - data) ? message->left : (size_t)(end - data);
		message->left -= step;
		if (step)
			continue;
		message->head[message->have++] = (unsigned char)*data;
		step = 1;
		if (message->have < 2 || (message->head[1] == 126 && message->have < 4))
			continue;
		message->left = message->head[1] == 126 ? (size_t)message->head[2] << 8 | message->head[3]
							: message->head[1];
		if (message->have + message->left == protocol->delivered)
			sum += protocol->delivered;
		message->have = 0;
	}
	return sum;
}

/* What has come, and what watchers got of it. Events carry the descriptor itself. */
static int take(int poller, int timeout)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(poller, events, EVENTS, timeout);

	for (int i = 0; i < count; i++) {
		int fd = (int)(intptr_t)events[i].data.ptr;
		ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			load_fail("the server has closed a connection");
		if (got > 0 && fd != publisher)
			received += protocol->among_others ? counted(&messages[fd], bytes, (size_t)got) : (uint64_t)got;
	}
	return count;
}

/* All are served when one message has come to all of them. */
static void settle(const Load *load, int poller)
{
	for (int i = 0; i < 100; i++) {
		while (take(poller, QUIET) > 0)
			;
		received = 0;
		publish(1);
		while (take(poller, QUIET) > 0)
			;
		if (received == (uint64_t)load->connections * protocol->delivered)
			return;
	}
	errno = ETIMEDOUT;
	load_fail("a published message does not come to all");
}

static void run(const Load *load, int poller, double seconds)
{
	double end = load_clock() + seconds;
	uint64_t whole = (uint64_t)load->connections * protocol->delivered;

	while (load_clock() < end) {
		uint64_t flying = published - received / whole;

		if (flying < (uint64_t)load->depth)
			publish(load->depth - (int)flying);
		if (take(poller, 5000) <= 0)
			load_fail("no message came");
	}
}

LoadResult load_fanout(const Load *load)
{
	int poller = load_poller();
	LoadResult result = { 0 };
	double begin, cpu;

	protocol = find_protocol(load->protocol);
	messages = calloc((size_t)load->connections + SPARE, sizeof(*messages));
	publisher = load_connect(load, load->into);
	say(publisher, protocol->hello, protocol->hello_size);
	load_poll(poller, publisher, (void *)(intptr_t)publisher);
	for (int i = 0; i < load->connections; i++) {
		int fd = load_connect(load, load->port);

		if (strcmp(load->protocol, "ws") == 0 || protocol->among_others)
			load_upgrade(load, fd, load->port);
		say(fd, protocol->hello, protocol->hello_size);
		say(fd, protocol->subscribe, protocol->subscribe_size);
		load_poll(poller, fd, (void *)(intptr_t)fd);
	}
	settle(load, poller);
	received = published = 0;
	run(load, poller, WARM_UP);
	begin = load_clock();
	cpu = load_cpu(load);
	result.messages = received / protocol->delivered;
	run(load, poller, load->seconds);
	result.cpu = load_cpu(load) - cpu;
	result.seconds = load_clock() - begin;
	result.messages = received / protocol->delivered - result.messages;
	return result;
}
