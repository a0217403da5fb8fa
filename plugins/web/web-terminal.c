/* SPDX-License-Identifier: MIT */
/* web-terminal.c - /terminal: a session of the console for a terminal in a browser, the bytes as they are.
 *
 * What is typed comes as text or binary messages, what is shown goes as binary messages. A text message that begins with NUL is a
 * JSON object about the terminal: {"columns":100,"rows":30}. A browser that does not read pauses its commands, as a slow telnet client
 * does.
 */
#include <backplane/sessions.h>
#include <string.h>
#include "web.h"
#include "web-ws.h"

typedef struct WebTerminal WebTerminal;
struct WebTerminal {
	WebTerminal *prev, *next;
	BpWebSocket *socket;
	BpSession *session; /* NULL: ended */
	BpSubject subject;
};

static WebTerminal *terminals;

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	WebTerminal *terminal = link;

	if (bp_websocket_send(terminal->socket, BP_WEBSOCKET_BINARY, data, size) != BP_SENT && terminal->session)
		bp_session_set_writable(terminal->session, FALSE);
}

static void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	WebTerminal *terminal = link;

	terminal->session = NULL;
	bp_websocket_close(terminal->socket, why == BP_END_SHUTDOWN ? BP_CLOSE_GOING_AWAY : BP_CLOSE_NORMAL,
			   "the session has ended");
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link), .name = "web", .send = link_send, .end = link_end, .crlf = TRUE
};

static guint member(json_t *object, const char *name, guint fallback)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 && value <= 1000 ? (guint)value : fallback;
}

static void on_message(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
		       gpointer user)
{
	WebTerminal *terminal = user;

	if (!terminal->session)
		return;
	if (kind == BP_WEBSOCKET_TEXT && size && !*data) {
		json_auto_t *object = bp_json_parse_object((const char *)data + 1, size - 1, 4096, NULL);

		if (object)
			bp_session_set_size(terminal->session, member(object, "columns", 80),
					    member(object, "rows", 24));
		return;
	}
	/* It may end the session, and with it `terminal`. */
	bp_session_receive(terminal->session, data, size);
}

static void on_drained(BpPlugin *self, BpWebSocket *socket, gpointer user)
{
	WebTerminal *terminal = user;

	if (terminal->session)
		bp_session_set_writable(terminal->session, TRUE);
}

static void terminal_end(WebTerminal *terminal)
{
	static const BpWebSocketEvents nothing = { .size = sizeof(nothing) };

	*(terminal->prev ? &terminal->prev->next : &terminals) = terminal->next;
	if (terminal->next)
		terminal->next->prev = terminal->prev;
	bp_websocket_set_user(terminal->socket, &nothing, NULL);
	if (terminal->session)
		bp_session_end(terminal->session, BP_END_PEER, NULL);
	g_free(terminal);
}

static void on_closed(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user)
{
	terminal_end(user);
}

static const BpWebSocketEvents events = {
	.size = sizeof(events), .message = on_message, .drained = on_drained, .closed = on_closed
};

static void on_request(BpPlugin *self, BpHttpExchange *exchange)
{
	static const char *const protocols[] = { "backplane.v1", NULL };
	BpWebSocketOptions options = bp_websocket_options(
		bp_server_instance(bp_http_listener(bp_http_server(exchange))));
	g_autofree char *address = g_strdup(bp_http_peer(exchange)), *peer = NULL;
	WebTerminal *terminal;
	BpSubject subject;
	BpSessionOptions session = {
		.handler = bp_handler_find("console"),
		.link = &session_link,
		.input = &bp_session_input,
		.terminal = TRUE,
		.type = "xterm-256color",
	};
	g_autoptr(GError) error = NULL;
	BpSession *opened;

	if (!web_subject(exchange, &subject)) {
		web_refuse(exchange);
		return;
	}
	terminal = g_new0(WebTerminal, 1);
	terminal->subject = subject;
	peer = web_who(&subject, address);
	session.peer = peer;
	session.data = terminal;
	session.role = subject.role;
	options.protocols = protocols;
	terminal->socket = bp_websocket_accept(self, exchange, &options, &events, terminal);
	if (!terminal->socket) {
		g_free(terminal);
		return;
	}
	terminal->next = terminals;
	if (terminals)
		terminals->prev = terminal;
	terminals = terminal;
	opened = bp_session_open(self, &session, &error);
	if (opened)
		terminal->session = opened;
	else
		bp_websocket_close(terminal->socket, BP_CLOSE_POLICY, error->message);
}

static void on_closing(BpPlugin *self, BpServer *listener)
{
	for (WebTerminal *at = terminals; at; at = at->next)
		if (bp_stream_server(bp_websocket_stream(at->socket)) == listener)
			bp_websocket_close(at->socket, BP_CLOSE_GOING_AWAY, NULL);
}

void web_terminal_put_out(const char *user)
{
	for (WebTerminal *at = terminals; at; at = at->next)
		if (strcmp(at->subject.name, user) == 0)
			bp_websocket_close(at->socket, BP_CLOSE_POLICY, "your rights have changed");
}

const BpHttpRoute web_terminal_route = {
	.size = sizeof(web_terminal_route),
	.path = "/terminal",
	.help = "the console in a terminal, over a WebSocket",
	.request = on_request,
	.closing = on_closing,
};

void web_terminal_unload(void)
{
	while (terminals) {
		BpWebSocket *socket = terminals->socket;

		terminal_end(terminals);
		bp_websocket_close(socket, BP_CLOSE_GOING_AWAY, NULL);
	}
}
