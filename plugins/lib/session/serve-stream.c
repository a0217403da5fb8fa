/* SPDX-License-Identifier: MIT */
/* serve-stream.c - sessions over TCP: from the first byte of a client to the end of its session.
 *
 * Without telnet the session opens at once, and what comes is its text. With it nothing is sent before it is known what
 * the client is, or it has been silent for SILENCE:
 *   it speaks first, without IAC	plain text: no negotiation, no editor, no echo (nc, scripts)
 *   it speaks first, with IAC		telnet: our options are offered, it gets the editor
 *   it is silent			our options are offered; who answers within PATIENCE is known to be telnet when the
 *					session opens, who does later gets the editor then, who never does (a user of nc) types
 *					lines with a prompt
 * What is typed meanwhile is kept. A plain client that sends IAC after all (telnet, fed by a script) is heard
 * through the codec from there: no text holds that byte.
 */
#include <backplane/serve.h>
#include <string.h>
#include <sys/socket.h>
#include <backplane/bytes.h>
#include <backplane/channel.h>
#include <backplane/loop.h>

#define SILENCE (150 * G_TIME_SPAN_MILLISECOND)
#define PATIENCE (100 * G_TIME_SPAN_MILLISECOND)
#define PROBE G_TIME_SPAN_SECOND
#define IAC 255
#define NOP 241

typedef struct Connection Connection;
struct Connection {
	Connection *prev, *next; /* in order of arrival */
	BpServeStreams *server;
	BpStream *stream;
	BpSession *session; /* NULL: not open yet, or ended */
	BpTelnet *codec;    /* NULL: plain text, or not known yet */
	BpTimer *timer; /* of the stream's scope: while it is not known what the client is, or whether it is there */
	GByteArray *pending; /* typed before the session is open */
	guint open : 1;	     /* the session was opened, or was refused */
	guint raw : 1;	     /* the handler takes bytes */
	guint receiving : 1; /* answers follow: the mark comes behind all of them */
	guint unended : 1;   /* what was sent last is not a whole line */
};

struct BpServeStreams {
	BpServe serve;
	BpServer *listener;
	gboolean telnet;
	Connection *first, *last;
};

static void connection_free(Connection *connection)
{
	BpServeStreams *server = connection->server;

	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	*(connection->next ? &connection->next->prev : &server->last) = connection->prev;
	if (connection->codec)
		bp_telnet_free(connection->codec);
	if (connection->pending)
		g_byte_array_unref(connection->pending);
	g_free(connection);
}

/* --- to the client --- */

static void write_bytes(Connection *connection, gconstpointer data, gsize size)
{
	gboolean room = bp_stream_write(connection->stream, data, size) == BP_SENT;

	bp_channel_print_bytes(connection->server->serve.data, "<--", data, size);
	if (room || !connection->session)
		return;
	bp_session_set_writable(connection->session, FALSE);
	/* A terminal is still read, since its user may press Ctrl-C. */
	if (!bp_session_is_terminal(connection->session))
		bp_stream_set_reading(connection->stream, FALSE);
}

static void mark(Connection *connection)
{
	if (connection->unended && connection->session && connection->codec)
		bp_telnet_mark(connection->codec);
	connection->unended = FALSE;
}

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	Connection *connection = link;

	if (!size)
		return; /* a stream has no messages */
	if (!connection->codec) {
		write_bytes(connection, data, size);
		return;
	}
	bp_telnet_send(connection->codec, data, size);
	connection->unended = ((const char *)data)[size - 1] != '\n';
	if (!connection->receiving)
		mark(connection);
}

static void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	Connection *connection = link;

	connection->session = NULL;
	bp_stream_close(connection->stream);
}

static void link_echo(BpPlugin *self, BpSession *session, gboolean on, gpointer link)
{
	Connection *connection = link;

	if (connection->codec)
		bp_serve_telnet_echo(session, connection->codec, on);
}

static void link_mode(BpPlugin *self, BpSession *session, BpMode mode, gpointer link)
{
	Connection *connection = link;

	connection->raw = mode == BP_RAW;
	if (connection->codec)
		bp_telnet_set_lines(connection->codec, !connection->raw);
}

static void link_input(BpPlugin *self, BpSession *session, gboolean on, gpointer link)
{
	bp_stream_set_reading(((Connection *)link)->stream, on);
}

#define LINK(called) \
	{ \
		.size = sizeof(BpSessionLink), .name = called, .send = link_send, .end = link_end, .echo = link_echo, \
		.mode = link_mode, .input = link_input, .crlf = TRUE, \
	}
static const BpSessionLink plain_link = LINK("tcp"), telnet_link = LINK("telnet");

/* --- the session --- */

static void deliver(Connection *connection, const guint8 *data, gsize size)
{
	if (connection->session)
		bp_serve_publish(&connection->server->serve, connection->session, data, size, FALSE);
	if (connection->session)
		bp_session_receive(connection->session, data, size);
}

static BpSession *make_session(Connection *connection, GError **error)
{
	const BpHandler *handler = bp_handler_find(connection->server->serve.handler);
	BpSessionOptions options = {
		.link = connection->server->telnet ? &telnet_link : &plain_link,
		.data = connection,
		.peer = bp_stream_peer(connection->stream),
		.local = bp_stream_local(connection->stream),
	};
	BpSession *session;

	connection->raw = handler && handler->mode == BP_RAW;
	session = bp_serve_session(&connection->server->serve, connection->codec, &options, error);
	if (session) /* it may have to log in first */
		connection->raw = bp_session_handler(session)->mode == BP_RAW;
	return session;
}

static void stop_waiting(Connection *connection)
{
	if (connection->timer)
		bp_timer_remove(g_steal_pointer(&connection->timer));
}

/* Never on a stream that is closing. What was typed before it comes first. */
static void open_session(Connection *connection)
{
	g_autoptr(GByteArray) pending = g_steal_pointer(&connection->pending);
	g_autoptr(GError) error = NULL;

	stop_waiting(connection);
	if (bp_stream_is_closing(connection->stream))
		return;
	connection->open = TRUE;
	connection->session = make_session(connection, &error);
	if (bp_stream_is_closing(connection->stream))
		return; /* the handler has ended the session, or its welcome was too much; on_closed ends what is left */
	if (!connection->session) {
		g_autofree char *text = g_strconcat(error->message, "\r\n", NULL);

		write_bytes(connection, text, strlen(text));
		bp_stream_close(connection->stream);
		return;
	}
	if (pending)
		deliver(connection, pending->data, pending->len);
}

/* --- the codec --- */

static void on_codec_data(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	Connection *connection = user;

	if (connection->open) {
		deliver(connection, data, size);
		return;
	}
	/* One read at most: the session opens behind it. */
	if (!connection->pending)
		connection->pending = g_byte_array_new();
	g_byte_array_append(connection->pending, data, (guint)size);
}

static void on_codec_send(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	write_bytes(user, data, size);
}

static void on_codec_event(BpTelnet *codec, BpTelnetEvent event, gpointer user)
{
	Connection *connection = user;

	if (connection->session)
		bp_serve_telnet_event(connection->session, codec, event);
	else if (event == BP_TELNET_BROKEN)
		bp_stream_close(connection->stream);
}

static const BpTelnetEvents codec_events = {
	.size = sizeof(codec_events), .data = on_codec_data, .send = on_codec_send, .event = on_codec_event
};

/* --- waiting --- */

static void wait_for(Connection *connection, gint64 interval, BpFunc func)
{
	stop_waiting(connection);
	bp_timer_once(&connection->timer, bp_stream_scope(connection->stream), interval, func, connection);
}

static void on_no_answer(BpPlugin *self, gpointer data)
{
	Connection *connection = data;

	open_session(connection);
}

static void begin_telnet(Connection *connection, gboolean offer)
{
	connection->codec = bp_telnet_new(&codec_events, connection);
	bp_telnet_set_lines(connection->codec, !connection->raw);
	if (!offer)
		return;
	bp_telnet_offer(connection->codec);
	wait_for(connection, PATIENCE, on_no_answer);
}

static void on_silence(BpPlugin *self, gpointer data)
{
	Connection *connection = data;

	begin_telnet(connection, TRUE);
}

/* The session can be opened: the client has sent input, or all properties of its terminal. */
static gboolean is_settled(Connection *connection)
{
	const BpTelnetInfo *info = bp_telnet_info(connection->codec);

	return connection->pending || (info->answered && !info->asking);
}

/* --- from the client --- */

static void receive_plain(Connection *connection, const guint8 *data, gsize size)
{
	gboolean heard = connection->server->telnet && !connection->raw;
	const guint8 *iac = heard ? memchr(data, IAC, size) : NULL;
	gsize text = iac ? (gsize)(iac - data) : size;

	if (!connection->open)
		open_session(connection);
	if (text)
		deliver(connection, data, text);
	if (!iac)
		return;
	begin_telnet(connection, FALSE);
	bp_telnet_receive(connection->codec, iac, size - text);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	Connection *connection = user;

	if (!bp_serve_is_private(&connection->server->serve, connection->session))
		bp_channel_print_bytes(connection->server->serve.data, "-->", data, size);
	if (bp_stream_is_closing(stream))
		return;
	if (!connection->open && !connection->codec && size && data[0] == IAC)
		begin_telnet(connection, TRUE);
	connection->receiving = TRUE;
	if (!connection->codec) {
		receive_plain(connection, data, size);
	} else {
		bp_telnet_receive(connection->codec, data, size);
		if (!connection->open && !bp_stream_is_closing(stream) && is_settled(connection))
			open_session(connection);
	}
	connection->receiving = FALSE;
	mark(connection);
}

/* A client that has closed answers with a reset; one that only sends no more ignores it. */
static void probe(BpPlugin *self, gpointer data)
{
	static const guint8 nop[] = { IAC, NOP };
	Connection *connection = data;

	if (bp_stream_write(connection->stream, nop, sizeof(nop)) != BP_GONE)
		wait_for(connection, PROBE, probe);
}

/* What was typed runs to its end. With telnet it can be seen whether the client is there still: if not, it is cancelled. */
static void on_input_end(BpPlugin *self, BpStream *stream, gpointer user)
{
	Connection *connection = user;

	if (!connection->open)
		open_session(connection);
	if (connection->session)
		bp_session_receive_end(connection->session);
	if (connection->session && connection->codec)
		probe(self, connection);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	Connection *connection = user;

	if (connection->session)
		bp_session_end(connection->session, BP_END_PEER, NULL);
	connection_free(connection);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	Connection *connection = user;

	bp_stream_set_reading(stream, TRUE);
	if (connection->session)
		bp_session_set_writable(connection->session, TRUE);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events),
	.data = on_data,
	.end = on_input_end,
	.closed = on_closed,
	.drained = on_drained,
};

/* --- the server --- */

static void on_accept(BpPlugin *self, BpServer *listener, BpStream *stream, gpointer user)
{
	BpServeStreams *server = user;
	Connection *connection = g_new0(Connection, 1);
	int on = 1;

	connection->server = server;
	connection->stream = stream;
	connection->prev = server->last;
	*(server->last ? &server->last->next : &server->first) = connection;
	server->last = connection;
	bp_stream_set_user(stream, &stream_events, connection);
	if (!server->telnet) {
		open_session(connection);
		return;
	}
	/* A client's Synch sends DM as urgent data: out of line it would be missing behind its IAC. */
	setsockopt(bp_stream_fd(stream), SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	wait_for(connection, SILENCE, on_silence);
}

static const BpServerEvents server_events = { .size = sizeof(server_events),
					      .accept = on_accept,
					      .refusal = bp_server_refusal_line };

BpServeStreams *bp_serve_streams(BpInstance *self, gboolean telnet, GError **error)
{
	BpServeStreams *server = g_new0(BpServeStreams, 1);

	server->telnet = telnet;
	if (bp_serve_prepare(&server->serve, self, error))
		server->listener = bp_server_open(self, NULL, "server-tcp-%u", &server_events, server, error);
	if (server->listener && bp_serve_start(&server->serve, server->listener, "data-tcp-%u", error))
		return server;
	if (server->listener)
		bp_server_close(server->listener);
	g_free(server);
	return NULL;
}

void bp_serve_streams_close(BpServeStreams *server)
{
	g_autofree char *why = bp_serve_goodbye(server->serve.self);

	bp_server_close(server->listener);
	while (server->first) {
		Connection *connection = server->first;
		BpStream *stream = connection->stream;

		if (connection->session)
			bp_session_end(connection->session, BP_END_SHUTDOWN, why);
		bp_stream_set_user(stream, NULL, NULL);
		bp_stream_close(stream);
		connection_free(connection);
	}
	g_free(server);
}

BpServer *bp_serve_streams_server(const BpServeStreams *server)
{
	return server->listener;
}
