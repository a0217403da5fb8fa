/* SPDX-License-Identifier: MIT */
/* web-ws.c - /ws: watch channels, send, run commands, list; JSON in text messages, bytes in binary ones.
 *
 *	{"op":"watch","id":1,"channel":"uart*"}		{"op":"ok","id":1}, then {"op":"message","channel",...} for each
 *	{"op":"watch","channel":"v","binary":"frames"}	what was not sent as text comes as binary messages
 *	{"op":"watch","channel":"v*","every":500}	the last message of each channel, every 500 ms at most, "sampled":true
 *	{"op":"send","channel":"hall","text":"hi"}	or "base64"
 *	{"op":"run","id":2,"command":"channel list"}	{"op":"output","id":2,"text"}..., {"op":"ok","id":2,"status":0}
 *	{"op":"interrupt"}				ends the command that runs, and those that wait for it
 *	{"op":"list","what":"sessions"}			{"op":"ok","what","items":[...]}
 *	{"op":"complete","line":"chan","cursor":4}	{"op":"ok","start":0,"words":["channel"]}
 *
 * Bytes are "base64" in JSON, or a binary message: one byte that says how long the channel's name is, the name, and the
 * rest are the bytes. A client may send such messages too; they are answered only if they cannot be delivered.
 *
 * What fails is {"op":"error","id","error":"sentence"}. A client that does not read loses messages of channels, which
 * are counted and told as {"op":"dropped","count"} when it reads again; answers are not lost: when they too are more than
 * its queue takes, it is closed. Commands of a client run one after the other, in a session of its own.
 */
#include <string.h>
#include <unistd.h>
#include "web.h"
#include "web-op.h"
#include "web-ws.h"

#define RUNS_LIMIT 64

typedef struct {
	json_t *id;
	char *command;
} PendingCommand;

typedef struct WebPeer WebPeer;
struct WebPeer {
	WebPeer *prev, *next;
	gint refs; /* a command under way keeps it */
	BpPlugin *self;
	BpWebSocket *socket; /* NULL: closed */
	BpSession *session;  /* NULL: not yet, or ended */
	WebWatches watches;
	GQueue runs; /* the first is under way */
	char *name;
	BpSubject subject;
	gboolean opening;     /* the session; its welcome answers nothing */
	gboolean interrupted; /* the command under way */
};

static WebPeer *peers;

/* --- answers --- */

static void say(WebPeer *peer, json_t *take_value)
{
	json_auto_t *value = take_value;
	g_autofree char *text = peer->socket ? bp_json_text(value) : NULL;

	if (text && bp_websocket_send(peer->socket, BP_WEBSOCKET_TEXT, text, strlen(text)) != BP_SENT)
		peer->watches.full = TRUE;
}

static json_t *with_id(json_t *take_value, json_t *id)
{
	if (id)
		json_object_set(take_value, "id", id);
	return take_value;
}

static void say_ok(WebPeer *peer, json_t *id)
{
	say(peer, with_id(json_pack("{s:s}", "op", "ok"), id));
}

static void say_error(WebPeer *peer, json_t *id, const char *why)
{
	say(peer, with_id(json_pack("{s:s, s:o}", "op", "error", "error", bp_json_string(why, -1)), id));
}

/* --- channels --- */

static void do_watch(WebPeer *peer, WebOp *op)
{
	if (!web_watches_have_room(&peer->watches, op->name)) {
		say_error(peer, op->id, "that are too many watches: end one of them, or watch a glob");
		return;
	}
	/* Send the answer before messages of the channel. */
	say_ok(peer, op->id);
	web_watches_add(&peer->watches, op->name, op->frames, op->every);
}

static void do_send(WebPeer *peer, WebOp *op)
{
	g_autoptr(BpChannel) channel = bp_channel_find(op->name);
	BpMessage *message;
	char *origin;

	if (peer->subject.role < BP_OPERATOR) {
		say_error(peer, op->id, "this needs an operator");
		return;
	}
	if (!channel) {
		g_autofree char *why = g_strdup_printf("there is no channel %s", op->name);

		say_error(peer, op->id, why);
		return;
	}
	origin = g_ref_string_new(peer->name);
	message = bp_message_new(op->data, op->size, op->text ? BP_TEXT : BP_BINARY);
	bp_message_set_origin(message, origin);
	g_ref_string_release(origin);
	if (!op->silent)
		say_ok(peer, op->id);
	bp_channel_send_take(channel, message);
}

/* --- commands --- */

static void peer_unref(WebPeer *peer)
{
	if (--peer->refs)
		return;
	g_free(peer->name);
	g_free(peer);
}

static void run_free(gpointer data)
{
	PendingCommand *run = data;

	json_decref(run->id);
	g_free(run->command);
	g_free(run);
}

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	WebPeer *peer = link;
	PendingCommand *run = g_queue_peek_head(&peer->runs);

	if (run && peer->socket && !peer->opening)
		say(peer, with_id(json_pack("{s:s, s:o}", "op", "output", "text", bp_json_string(data, (gssize)size)),
				  run->id));
}

/* The session was ended by `exit` or by another user: the next command gets a new one. */
static void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	((WebPeer *)link)->session = NULL;
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link), .name = "web", .send = link_send, .end = link_end
};

static void begin_run(WebPeer *peer);

static void on_run_done(BpPlugin *self, guint failed, gpointer data)
{
	WebPeer *peer = data;
	PendingCommand *run = g_queue_pop_head(&peer->runs);

	if (run) {
		say(peer, with_id(json_pack("{s:s, s:i}", "op", "ok", "status", failed || peer->interrupted ? 1 : 0),
				  run->id));
		run_free(run);
	}
	peer->interrupted = FALSE;
	if (peer->socket)
		begin_run(peer);
	peer_unref(peer);
}

static void begin_run(WebPeer *peer)
{
	g_autofree char *who = web_who(&peer->subject, peer->name);
	BpSessionOptions options = {
		.handler = bp_handler_find("console"),
		.link = &session_link,
		.data = peer,
		.peer = who,
		.local = "",
		.query = "",
		.role = peer->subject.role,
		.quiet = TRUE,
		.no_prompt = TRUE,
		/* The page shows colours and scrolls wide lines. */
		.terminal = TRUE,
		.type = "xterm-256color",
		.columns = 240,
	};
	PendingCommand *run = g_queue_peek_head(&peer->runs);
	g_autoptr(GError) error = NULL;

	if (!run || bp_websocket_is_closing(peer->socket))
		return;
	if (!peer->session) {
		peer->opening = TRUE;
		peer->session = bp_session_open(peer->self, &options, &error);
		peer->opening = FALSE;
	}
	if (!peer->session) {
		say_error(peer, run->id, error->message);
		run_free(g_queue_pop_head(&peer->runs));
		return;
	}
	peer->refs++;
	bp_session_run(peer->self, peer->session, run->command, on_run_done, peer);
}

static void do_run(WebPeer *peer, WebOp *op)
{
	PendingCommand *run;

	if (g_queue_get_length(&peer->runs) >= RUNS_LIMIT) {
		say_error(peer, op->id, "too many commands are waiting: let some of them end");
		return;
	}
	run = g_new(PendingCommand, 1);
	*run = (PendingCommand){ json_incref(op->id), g_steal_pointer(&op->line) };
	g_queue_push_tail(&peer->runs, run);
	if (g_queue_get_length(&peer->runs) == 1)
		begin_run(peer);
}

/* Ends what runs; what waits for it is answered as failed. */
static void do_interrupt(WebPeer *peer, WebOp *op)
{
	while (g_queue_get_length(&peer->runs) > 1) {
		PendingCommand *run = g_queue_pop_tail(&peer->runs);

		say(peer, with_id(json_pack("{s:s, s:i}", "op", "ok", "status", 1), run->id));
		run_free(run);
	}
	peer->interrupted = peer->session && g_queue_get_length(&peer->runs);
	say_ok(peer, op->id);
	/* A command ends with its session; the next one gets a new session. */
	if (peer->interrupted)
		bp_session_end(peer->session, BP_END_KILLED, NULL);
}

/* --- questions --- */

static json_t *list_views(void)
{
	g_auto(GStrv) names = bp_registry_list("view/");
	json_t *list = json_array();

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat("view/", *name, NULL), *url = g_strdup_printf("views/%s.js", *name);
		const BpView *view = bp_registry_find(path);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "id", *name, "title", view->title, "url", url));
	}
	return list;
}

static void do_list(WebPeer *peer, WebOp *op)
{
	g_autoptr(GError) error = NULL;
	json_t *items;

	if (strcmp(op->name, "views") == 0)
		items = list_views();
	else if (strcmp(op->name, "host") == 0)
		items = bp_resource_get("host", "host", peer->subject.role, &error);
	else
		items = bp_resource_list(op->name, op->match, peer->subject.role, &error);
	if (items)
		say(peer, with_id(json_pack("{s:s, s:s, s:o}", "op", "ok", "what", op->name, "items", items), op->id));
	else
		say_error(peer, op->id, error->message);
}

static void do_complete(WebPeer *peer, WebOp *op)
{
	gsize start = op->cursor;
	g_auto(GStrv) words = bp_complete_commands(op->line, op->cursor, &start);
	json_t *list = json_array();

	for (char **word = words; word && *word; word++)
		json_array_append_new(list, bp_json_string(*word, -1));
	say(peer, with_id(json_pack("{s:s, s:I, s:o}", "op", "ok", "start", (json_int_t)start, "words", list), op->id));
}

/* --- the socket --- */

static void do_op(WebPeer *peer, WebOp *op)
{
	switch (op->kind) {
	case WEB_OP_WATCH:
		do_watch(peer, op);
		break;
	case WEB_OP_UNWATCH:
		if (web_watches_remove(&peer->watches, op->name))
			say_ok(peer, op->id);
		else
			say_error(peer, op->id, "that is not watched");
		break;
	case WEB_OP_SEND:
		do_send(peer, op);
		break;
	case WEB_OP_RUN:
		do_run(peer, op);
		break;
	case WEB_OP_LIST:
		do_list(peer, op);
		break;
	case WEB_OP_COMPLETE:
		do_complete(peer, op);
		break;
	case WEB_OP_INTERRUPT:
		do_interrupt(peer, op);
		break;
	case WEB_OP_PING:
		say_ok(peer, op->id);
		break;
	}
}

static void on_message(BpPlugin *self, BpWebSocket *socket, BpWebSocketKind kind, const guint8 *data, gsize size,
		       gpointer user)
{
	WebPeer *peer = user;
	g_autoptr(GError) error = NULL;
	gboolean good;
	WebOp op;

	peer->refs++;
	good = kind == BP_WEBSOCKET_TEXT ? web_op_parse(&op, (const char *)data, size, &error)
					 : web_op_parse_frame(&op, data, size, &error);
	if (good)
		do_op(peer, &op);
	else
		say_error(peer, op.id, error->message);
	web_op_clear(&op);
	/* A client that does not read its answers is not read from. */
	if (peer->socket && peer->watches.full)
		bp_websocket_set_reading(peer->socket, FALSE);
	peer_unref(peer);
}

static void on_drained(BpPlugin *self, BpWebSocket *socket, gpointer user)
{
	WebPeer *peer = user;

	peer->watches.full = FALSE;
	bp_websocket_set_reading(socket, TRUE);
	if (peer->watches.dropped)
		say(peer, json_pack("{s:s, s:I}", "op", "dropped", "count", (json_int_t)peer->watches.dropped));
	peer->watches.dropped = 0;
}

/* Everything but the memory, which commands under way may still keep. */
static void peer_end(WebPeer *peer)
{
	peer->socket = NULL;
	*(peer->prev ? &peer->prev->next : &peers) = peer->next;
	if (peer->next)
		peer->next->prev = peer->prev;
	web_watches_clear(&peer->watches);
	/* The first is freed when it is done. */
	while (g_queue_get_length(&peer->runs) > 1)
		run_free(g_queue_pop_tail(&peer->runs));
	if (peer->session)
		bp_session_end(peer->session, BP_END_PEER, NULL);
	peer_unref(peer);
}

static void on_closed(BpPlugin *self, BpWebSocket *socket, guint code, const char *reason, gpointer user)
{
	peer_end(user);
}

static const BpWebSocketEvents events = {
	.size = sizeof(events), .message = on_message, .drained = on_drained, .closed = on_closed
};

static void say_hello(WebPeer *peer)
{
	json_auto_t *host = bp_resource_get("host", "host", BP_ADMIN, NULL);
	json_t *hello = json_pack("{s:s, s:s, s:i}", "op", "hello", "version", bp_kernel_version(), "pid",
				  (int)getpid());

	if (host)
		json_object_set(hello, "started", json_object_get(host, "started"));
	say(peer, hello);
}

static void on_request(BpPlugin *self, BpHttpExchange *exchange)
{
	static const char *const protocols[] = { "backplane.v1", NULL };
	BpWebSocketOptions options = bp_websocket_options(
		bp_server_instance(bp_http_listener(bp_http_server(exchange))));
	BpSubject subject;
	WebPeer *peer;

	if (!web_subject(exchange, &subject)) {
		web_refuse(exchange);
		return;
	}
	peer = g_new0(WebPeer, 1);
	options.protocols = protocols;
	peer->subject = subject;
	peer->refs = 1;
	peer->self = self;
	peer->name = g_strdup(bp_http_peer(exchange));
	peer->socket = bp_websocket_accept(self, exchange, &options, &events, peer);
	if (!peer->socket) {
		peer_unref(peer);
		return;
	}
	g_queue_init(&peer->runs);
	web_watches_init(&peer->watches, self, peer->socket);
	peer->next = peers;
	if (peers)
		peers->prev = peer;
	peers = peer;
	say_hello(peer);
}

/* --- the end of a server, or of the plugin --- */

static void on_closing(BpPlugin *self, BpServer *listener)
{
	WebPeer *next;

	for (WebPeer *at = peers; at; at = next) {
		next = at->next;
		if (bp_stream_server(bp_websocket_stream(at->socket)) == listener)
			bp_websocket_close(at->socket, BP_CLOSE_GOING_AWAY, NULL);
	}
}

void web_ws_put_out(const char *user)
{
	WebPeer *next;

	for (WebPeer *at = peers; at; at = next) {
		next = at->next;
		if (strcmp(at->subject.name, user) == 0)
			bp_websocket_close(at->socket, BP_CLOSE_POLICY, "your rights have changed");
	}
}

const BpHttpRoute web_ws_route = {
	.size = sizeof(web_ws_route),
	.path = "/ws",
	.help = "channels, commands and lists over a WebSocket",
	.request = on_request,
	.closing = on_closing,
};

void web_ws_unload(void)
{
	static const BpWebSocketEvents nothing = { .size = sizeof(nothing) };

	while (peers) {
		WebPeer *peer = peers;
		BpWebSocket *socket = peer->socket;

		bp_websocket_set_user(socket, &nothing, NULL);
		peer_end(peer);
		bp_websocket_close(socket, BP_CLOSE_GOING_AWAY, NULL);
	}
	web_watches_unload();
}
