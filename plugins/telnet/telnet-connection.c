/* SPDX-License-Identifier: MIT */
/* telnet-connection.c - from the first byte of a client to the end of its session.
 *
 * Nothing is sent before it is known what the client is, or it has been silent for SILENCE:
 *   it speaks first, without IAC	plain text: no negotiation, no editor, no echo (nc, scripts)
 *   it speaks first, with IAC		telnet: our options are offered, it gets the editor
 *   it is silent			our options are offered; who answers within PATIENCE is known to be telnet when the
 *					session opens, who does later gets the editor then, who never does (a user of nc) types
 *					lines with a prompt
 * What is typed meanwhile is kept. A plain client that sends IAC after all (telnet, fed by a script) is heard
 * through the codec from there: no text holds that byte.
 */
#include <string.h>
#include <sys/socket.h>
#include "telnet.h"

#define SILENCE (150 * G_TIME_SPAN_MILLISECOND)
#define PATIENCE (100 * G_TIME_SPAN_MILLISECOND)
#define IAC 255

static void connection_free(TelnetConnection *connection)
{
	TelnetServer *server = connection->server;

	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	*(connection->next ? &connection->next->prev : &server->last) = connection->prev;
	if (connection->timer)
		bp_timer_remove(connection->timer);
	if (connection->codec)
		bp_telnet_free(connection->codec);
	if (connection->pending)
		g_byte_array_unref(connection->pending);
	if (connection->reply)
		bp_channel_unref(connection->reply);
	g_ref_string_release(connection->origin);
	g_free(connection);
}

/* --- to the client --- */

static void write_bytes(TelnetConnection *connection, gconstpointer data, gsize size)
{
	gboolean room = bp_stream_write(connection->stream, data, size);

	if (bp_channel_is_watched(connection->server->data))
		bp_channel_print_bytes(connection->server->data, "<--", data, size);
	if (room || !connection->session)
		return;
	bp_session_set_writable(connection->session, FALSE);
	/* A terminal is still heard: Ctrl-C is what its user will want. */
	if (!connection->terminal)
		bp_stream_set_reading(connection->stream, FALSE);
}

static void mark(TelnetConnection *connection)
{
	if (connection->unended && connection->session && connection->codec)
		bp_telnet_mark(connection->codec);
	connection->unended = FALSE;
}

static void link_send(BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	TelnetConnection *connection = link;

	if (!connection->codec) {
		write_bytes(connection, data, size);
		return;
	}
	bp_telnet_send(connection->codec, data, size);
	connection->unended = size && ((const char *)data)[size - 1] != '\n';
	if (!connection->receiving)
		mark(connection);
}

static void link_end(BpSession *session, BpEnd why, gpointer link)
{
	TelnetConnection *connection = link;

	connection->session = NULL;
	bp_stream_close(connection->stream);
}

/* The editor of a session with a cursor shows nothing by itself; any other client echoes unless told that we do. */
static void link_echo(BpSession *session, gboolean on, gpointer link)
{
	TelnetConnection *connection = link;

	connection->hidden = !on;
	if (connection->codec && !connection->terminal && bp_telnet_info(connection->codec)->answered)
		bp_telnet_set_echo(connection->codec, !on);
}

static void link_mode(BpSession *session, BpMode mode, gpointer link)
{
	TelnetConnection *connection = link;

	connection->raw = mode == BP_RAW;
	if (connection->codec)
		bp_telnet_set_lines(connection->codec, !connection->raw);
}

static void on_link_input(BpSession *session, gboolean on, gpointer data)
{
	bp_stream_set_reading(((TelnetConnection *)data)->stream, on);
}

static const BpSessionLink session_link = {
	.input = on_link_input,
	.name = "telnet", .send = link_send, .end = link_end, .echo = link_echo, .mode = link_mode, .crlf = TRUE,
};

/* --- the session --- */

static gboolean has_cursor(TelnetConnection *connection)
{
	const BpTelnetInfo *info;

	if (!connection->codec || !connection->offered || connection->refused)
		return FALSE;
	info = bp_telnet_info(connection->codec);
	if (strcmp(info->terminal, "dumb") == 0 || (info->mtts && !(info->mtts & (BP_TELNET_MTTS_ANSI | BP_TELNET_MTTS_VT100))))
		return FALSE;
	return info->answered;
}

static char *terminal_type(TelnetConnection *connection)
{
	const BpTelnetInfo *info = bp_telnet_info(connection->codec);

	if ((info->mtts & BP_TELNET_MTTS_256_COLOURS) && !strstr(info->terminal, "color"))
		return g_strconcat(info->terminal, "-256color", NULL);
	return g_strdup(info->terminal);
}

/* A client that said it has no cursor must echo and edit by itself; a session that has an editor keeps it. */
static void tell_terminal(TelnetConnection *connection)
{
	g_autofree char *type = NULL;

	connection->changed = FALSE;
	connection->terminal |= has_cursor(connection);
	if (!connection->terminal && connection->offered && !connection->refused && !connection->given &&
	    bp_telnet_info(connection->codec)->answered) {
		connection->given = TRUE;
		bp_telnet_give_lines(connection->codec);
	}
	type = terminal_type(connection);
	bp_session_set_terminal(connection->session, *type ? type : NULL, connection->terminal);
}

static void publish(TelnetConnection *connection, const guint8 *data, gsize size)
{
	TelnetServer *server = connection->server;
	BpMessage *message;
	char name[32];

	if (connection->hidden || !bp_channel_is_watched(server->recv))
		return;
	if (!connection->reply) {
		g_snprintf(name, sizeof(name), "session/%u/send", bp_session_id(connection->session));
		connection->reply = bp_channel_find(name);
	}
	message = bp_message_new(data, size, BP_BINARY);
	bp_message_set_origin(message, connection->origin);
	if (connection->reply)
		bp_message_set_reply_channel(message, connection->reply);
	bp_channel_send_take(server->recv, message);
}

static void deliver(TelnetConnection *connection, const guint8 *data, gsize size)
{
	if (connection->session && connection->changed)
		tell_terminal(connection);
	if (connection->session)
		publish(connection, data, size);
	if (connection->session)
		bp_session_receive(connection->session, data, size);
}

static BpSession *make_session(TelnetConnection *connection, GError **error)
{
	TelnetServer *server = connection->server;
	BpSessionOptions options = {
		.handler = bp_handler_find(server->handler),
		.link = &session_link,
		.data = connection,
		.peer = connection->origin,
		.local = bp_stream_local(connection->stream),
		.query = "",
		.welcome = bp_instance_string(server->self, "welcome_message"),
		.role = BP_ADMIN,
		.terminal = connection->terminal,
		.quiet = bp_instance_bool(server->self, "quiet"),
		.no_prompt = !server->prompt,
	};
	g_autofree char *type = connection->codec ? terminal_type(connection) : NULL;

	if (!options.handler) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "There is no handler %s any more.", server->handler);
		return NULL;
	}
	connection->raw = options.handler->mode == BP_RAW;
	if (connection->codec) {
		const BpTelnetInfo *info = bp_telnet_info(connection->codec);

		bp_telnet_set_lines(connection->codec, !connection->raw);
		options.type = type;
		options.columns = info->columns;
		options.rows = info->rows;
	}
	return bp_session_open(server->self, &options, error);
}

/* What was typed before it comes first. */
static void open_session(TelnetConnection *connection)
{
	g_autoptr(GByteArray) pending = g_steal_pointer(&connection->pending);
	g_autoptr(GError) error = NULL;
	BpSession *session;

	connection->open = TRUE;
	if (connection->timer)
		bp_timer_remove(g_steal_pointer(&connection->timer));
	connection->terminal = has_cursor(connection);
	session = make_session(connection, &error);
	if (bp_stream_is_closing(connection->stream))
		return; /* the handler has ended it */
	if (!session) {
		g_autofree char *text = g_strconcat(error->message, "\r\n", NULL);

		write_bytes(connection, text, strlen(text));
		bp_stream_close(connection->stream);
		return;
	}
	connection->session = session;
	if (connection->codec && !connection->terminal)
		tell_terminal(connection);
	if (pending)
		deliver(connection, pending->data, pending->len);
}

/* --- the codec --- */

static void on_codec_data(BpTelnet *codec, const guint8 *data, gsize size, gpointer user)
{
	TelnetConnection *connection = user;

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
	TelnetConnection *connection = user;
	const BpTelnetInfo *info = bp_telnet_info(codec);

	if (event == BP_TELNET_ECHO_REFUSED || event == BP_TELNET_ECHO_AGREED)
		connection->refused = event == BP_TELNET_ECHO_REFUSED;
	if (event == BP_TELNET_BROKEN && !connection->session)
		bp_stream_close(connection->stream);
	if (!connection->session)
		return;
	switch (event) {
	case BP_TELNET_ANSWERED:
	case BP_TELNET_ECHO_AGREED:
	case BP_TELNET_ECHO_REFUSED:
	case BP_TELNET_TYPED:
		connection->changed = connection->offered;
		break;
	case BP_TELNET_RESIZED:
		bp_session_set_size(connection->session, info->columns, info->rows);
		break;
	case BP_TELNET_INTERRUPTED:
		bp_session_interrupt(connection->session);
		break;
	case BP_TELNET_BROKEN:
		bp_session_end(connection->session, BP_END_ERROR, "What you sent cannot be telnet. Goodbye!");
		break;
	default:
		break;
	}
}

static const BpTelnetEvents callbacks = { .data = on_codec_data, .send = on_codec_send, .event = on_codec_event };

/* --- waiting --- */

static void wait_for(TelnetConnection *connection, gint64 interval, BpFunc func)
{
	if (connection->timer)
		bp_timer_remove(connection->timer);
	connection->timer = bp_timer_add(connection->server->self, NULL, interval, 1, func, connection, NULL);
}

static void on_no_answer(BpPlugin *self, gpointer data)
{
	TelnetConnection *connection = data;

	connection->timer = NULL; /* it ran its one time */
	open_session(connection);
}

static void begin_telnet(TelnetConnection *connection, gboolean offer)
{
	connection->codec = bp_telnet_new(&callbacks, connection);
	bp_telnet_set_lines(connection->codec, !connection->raw);
	connection->offered = offer;
	if (!offer)
		return;
	bp_telnet_offer(connection->codec);
	wait_for(connection, PATIENCE, on_no_answer);
}

static void on_silence(BpPlugin *self, gpointer data)
{
	TelnetConnection *connection = data;

	connection->timer = NULL;
	begin_telnet(connection, TRUE);
}

/* Enough is known to open the session: what it is going to tell it has told. */
static gboolean is_settled(TelnetConnection *connection)
{
	const BpTelnetInfo *info = bp_telnet_info(connection->codec);

	return connection->pending || (info->answered && !info->asking);
}

/* --- from the client --- */

static void receive_plain(TelnetConnection *connection, const guint8 *data, gsize size)
{
	const guint8 *iac = connection->raw ? NULL : memchr(data, IAC, size);
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

static void on_data(BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	TelnetConnection *connection = user;

	if (!connection->hidden && bp_channel_is_watched(connection->server->data))
		bp_channel_print_bytes(connection->server->data, "-->", data, size);
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
	if (connection->session && connection->changed)
		tell_terminal(connection);
	connection->receiving = FALSE;
	mark(connection);
}

static void on_input_end(BpStream *stream, gpointer user)
{
	TelnetConnection *connection = user;

	if (!connection->open)
		open_session(connection);
	if (connection->session)
		bp_session_receive_end(connection->session);
}

static void on_closed(BpStream *stream, const GError *why, gpointer user)
{
	TelnetConnection *connection = user;

	if (connection->session)
		bp_session_end(connection->session, BP_END_PEER, NULL);
	connection_free(connection);
}

static void on_drained(BpStream *stream, gpointer user)
{
	TelnetConnection *connection = user;

	bp_stream_set_reading(stream, TRUE);
	if (connection->session)
		bp_session_set_writable(connection->session, TRUE);
}

static const BpStreamEvents stream_events = {
	.data = on_data, .end = on_input_end, .closed = on_closed, .drained = on_drained,
};

TelnetConnection *telnet_connection_new(TelnetServer *server, BpStream *stream)
{
	TelnetConnection *connection = g_new0(TelnetConnection, 1);
	int on = 1;

	connection->server = server;
	connection->stream = stream;
	connection->origin = g_ref_string_new(bp_stream_peer(stream));
	connection->prev = server->last;
	*(server->last ? &server->last->next : &server->first) = connection;
	server->last = connection;
	/* A client's Synch sends DM as urgent data: out of line it would be missing behind its IAC. */
	setsockopt(bp_stream_fd(stream), SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	wait_for(connection, SILENCE, on_silence);
	bp_stream_set_user(stream, &stream_events, connection);
	return connection;
}

/* --- for the server --- */

static void ignore_data(BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
}

static void ignore_closed(BpStream *stream, const GError *why, gpointer user)
{
}

static const BpStreamEvents no_events = { .data = ignore_data, .closed = ignore_closed };

void telnet_connection_close(TelnetConnection *connection, const char *why)
{
	BpStream *stream = connection->stream;

	if (connection->session)
		bp_session_end(connection->session, BP_END_SHUTDOWN, why);
	bp_stream_set_user(stream, &no_events, NULL);
	bp_stream_close(stream);
	connection_free(connection);
}

void telnet_connection_show(TelnetConnection *connection, BpMessage *message)
{
	g_autofree char *text = NULL;

	if (!connection->session)
		return;
	if (!(bp_message_flags(message) & BP_TEXT)) {
		bp_session_send(connection->session, bp_message_data(message), bp_message_size(message));
		return;
	}
	text = g_utf8_make_valid(bp_message_data(message), (gssize)bp_message_size(message));
	bp_session_notify(connection->session, g_strchomp(text));
}
