/* SPDX-License-Identifier: MIT */
/* ws-telnet.c - telnet inside binary messages: for terminals in a browser, and for telnet clients behind a gateway.
 *
 * Who comes here has said by the path that it speaks telnet, so our options are offered at once. The session opens when
 * the client has told what it is going to tell, or after PATIENCE. What follows from one message goes out as one.
 */
#include <string.h>
#include "wsserver.h"

#define PATIENCE (100 * G_TIME_SPAN_MILLISECOND)

/* --- to the client --- */

static void write_bytes(WsClient *client, gconstpointer data, gsize size)
{
	if (client->out)
		g_byte_array_append(client->out, data, (guint)size);
	else
		ws_client_send(client, BP_WEBSOCKET_BINARY, data, size);
}

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	bp_telnet_send(((WsClient *)link)->telnet, data, size);
}

static void link_echo(BpPlugin *self, BpSession *session, gboolean on, gpointer link)
{
	bp_serve_telnet_echo(session, ((WsClient *)link)->telnet, on);
}

static void link_mode(BpPlugin *self, BpSession *session, BpMode mode, gpointer link)
{
	WsClient *client = link;

	client->bytes = mode != BP_LINES;
	bp_telnet_set_lines(client->telnet, mode != BP_RAW);
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link),
	.name = "ws_telnet",
	.send = link_send,
	.end = ws_client_link_end,
	.echo = link_echo,
	.mode = link_mode,
	.crlf = TRUE,
};

/* --- the session --- */

static void deliver(WsClient *client, const guint8 *data, gsize size)
{
	if (client->session)
		bp_serve_publish(&client->server->serve, client->session, data, size, FALSE);
	if (client->session)
		bp_session_receive(client->session, data, size);
}

/* Never on a connection that is closing. */
static void open_session(WsClient *client)
{
	g_autoptr(GByteArray) early = g_steal_pointer(&client->early);
	BpSessionOptions options = { .link = &session_link };

	if (client->timer)
		bp_timer_remove(g_steal_pointer(&client->timer));
	if (bp_websocket_is_closing(client->socket))
		return;
	client->open = TRUE;
	if (ws_client_open_session(client, &options) && early)
		deliver(client, early->data, early->len);
}

static void flush(WsClient *client)
{
	g_autoptr(GByteArray) out = g_steal_pointer(&client->out);

	if (out && out->len)
		ws_client_send(client, BP_WEBSOCKET_BINARY, out->data, out->len);
}

static void on_no_answer(BpPlugin *self, gpointer data)
{
	WsClient *client = data;

	client->out = g_byte_array_new();
	open_session(client);
	flush(client);
}

/* --- the codec --- */

static void on_data(BpTelnet *telnet, const guint8 *data, gsize size, gpointer user)
{
	WsClient *client = user;

	if (client->open) {
		deliver(client, data, size);
		return;
	}
	/* One message at most: the session opens behind it. */
	if (!client->early)
		client->early = g_byte_array_new();
	g_byte_array_append(client->early, data, (guint)size);
}

static void on_send(BpTelnet *telnet, const guint8 *data, gsize size, gpointer user)
{
	write_bytes(user, data, size);
}

static void on_event(BpTelnet *telnet, BpTelnetEvent event, gpointer user)
{
	WsClient *client = user;

	if (client->session)
		bp_serve_telnet_event(client->session, telnet, event);
	else if (event == BP_TELNET_BROKEN)
		bp_websocket_close(client->socket, BP_CLOSE_BAD_DATA, "not telnet");
}

static const BpTelnetEvents telnet_events = {
	.size = sizeof(telnet_events), .data = on_data, .send = on_send, .event = on_event
};

/* --- from the client --- */

void ws_telnet_receive(WsClient *client, const guint8 *data, gsize size)
{
	const BpTelnetInfo *info = bp_telnet_info(client->telnet);

	if (bp_websocket_is_closing(client->socket))
		return;
	client->out = g_byte_array_new();
	bp_telnet_receive(client->telnet, data, size);
	if (!client->open && !bp_websocket_is_closing(client->socket) &&
	    (client->early || (info->answered && !info->asking)))
		open_session(client);
	if (client->session && client->out->len && client->out->data[client->out->len - 1] != '\n')
		bp_telnet_mark(client->telnet);
	flush(client);
}

void ws_telnet_start(WsClient *client)
{
	client->out = g_byte_array_new();
	client->telnet = bp_telnet_new(&telnet_events, client);
	bp_telnet_set_lines(client->telnet, TRUE);
	bp_telnet_offer(client->telnet);
	bp_timer_once(&client->timer, bp_websocket_scope(client->socket), PATIENCE, on_no_answer, client);
	flush(client);
}

void ws_telnet_clear(WsClient *client)
{
	g_clear_pointer(&client->telnet, bp_telnet_free);
	g_clear_pointer(&client->early, g_byte_array_unref);
	g_clear_pointer(&client->out, g_byte_array_unref);
}
