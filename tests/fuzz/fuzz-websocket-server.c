/* SPDX-License-Identifier: MIT */
/* fuzz-websocket-server.c - clients of WebSocketServer (server 0, with viewers at /monitor) and WebSocketTelnetServer (server
 * 1): the handshake, messages in fragments and in deflated ones, pings, closes, sessions, and all of it broken off.
 *
 *	u0 PATH		the handshake for it, with permessage-deflate offered
 *	d0 81TEXT	a masked frame: first byte in hexadecimal, payload
 *	z0 c1TEXT	the same with the payload deflated
 *	n0		a viewer watches the session that it was told of last
 *	b0 TEXT		said on server 0's channel to all of its sessions
 */
#include <stdlib.h>
#include "handlers.h"
#include "http/websocket-codec.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 100;

static const BpPluginInfo test = { BP_PLUGIN_BUILT, .name = "test", .version = "1", .summary = "test",
				   .handlers = handlers };

static void send_handshake(guint client, const guint8 *path, gsize size)
{
	g_autofree char *request = g_strdup_printf(
		"GET %.*s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
		(int)size, (const char *)path);

	script_send(client, request, strlen(request));
}

static void send_frame(guint client, guint8 first, const guint8 *data, gsize size)
{
	static const guint8 mask[4] = { 1, 2, 3, 4 };
	g_autoptr(GByteArray) frame = g_byte_array_new();
	guint8 head[4] = { first, (guint8)(0x80 | MIN(size, 126)), (guint8)(size >> 8), (guint8)size };

	size = MIN(size, G_MAXUINT16);
	g_byte_array_append(frame, head, size < 126 ? 2 : 4);
	g_byte_array_append(frame, mask, sizeof(mask));
	for (gsize i = 0; i < size; i++)
		g_byte_array_append(frame, (const guint8[]){ data[i] ^ mask[i % 4] }, 1);
	script_send(client, frame->data, frame->len);
}

#define UUID 36

static char last_session[UUID + 1];

/* What viewers are told has come in one piece, as small as it is. */
static void on_heard(guint client, const guint8 *data, gsize size)
{
	static const char mark[] = "\"session\": {\"id\": \"";

	for (const guint8 *at = data; (at = memmem(at, size - (gsize)(at - data), mark, strlen(mark))); at++)
		if (size - (gsize)(at - data) >= strlen(mark) + UUID)
			memcpy(last_session, at + strlen(mark), UUID);
}

static void watch_session(guint client)
{
	g_autofree char *text = g_strdup_printf("{\"type\":\"watch_session\",\"session_id\":\"%s\"}", last_session);

	send_frame(client, 0x81, (const guint8 *)text, strlen(text));
}

static gboolean act(char letter, guint client, const guint8 *text, gsize size)
{
	g_autoptr(BpChannel) channel = NULL;
	g_autoptr(GByteArray) deflated = NULL;
	int high = size > 1 ? g_ascii_xdigit_value((char)text[0]) : -1,
	    low = size > 1 ? g_ascii_xdigit_value((char)text[1]) : -1;

	switch (letter) {
	case 'u':
		send_handshake(client, text, size);
		return TRUE;
	case 'n':
		watch_session(client);
		return TRUE;
	case 'b':
		channel = bp_channel_find("lines/send");
		if (channel)
			bp_channel_send_take(channel, bp_message_new(text, size, BP_TEXT));
		return TRUE;
	case 'd':
	case 'z':
		if (high < 0 || low < 0)
			return FALSE;
		deflated = letter == 'z' ? websocket_deflate(text + 2, size - 2) : NULL;
		if (deflated)
			send_frame(client, (guint8)(high << 4 | low), deflated->data, deflated->len);
		else
			send_frame(client, (guint8)(high << 4 | low), text + 2, size - 2);
		return TRUE;
	default:
		return FALSE;
	}
}

static const ScriptTarget target = { .act = act, .heard = on_heard };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const lines[] = {
		"port=0",	    "handler=lines",   "max_connections=4", "backlog_limit=16K",     "max_message=4K",
		"ping_interval=3s", "ping_timeout=1s", "header_timeout=2s", "enable_monitoring=yes", NULL
	};
	static const char *const telnet[] = { "port=0",		 "handler=lines",
					      "idle_timeout=5s", "welcome_message=hello",
					      "ping_interval=0", NULL };

	script_start(&bp_plugin_info, &target);
	g_assert(bp_plugin_add(&test, NULL));
	script_serve("WebSocketServer", "lines", lines);
	script_serve("WebSocketTelnetServer", "telnet", telnet);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	script_run(data, size);
	return 0;
}
