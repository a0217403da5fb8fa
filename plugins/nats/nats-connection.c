/* SPDX-License-Identifier: MIT */
/* nats-connection.c - a connection to one of several servers: see nats-connection.h.
 *
 * A round tries each server and each of its addresses once; between rounds is a pause that grows. The server speaks first (INFO), TLS
 * begins behind that, then CONNECT and PING go out: the PONG says that the server has taken the client.
 */
#include <string.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include "nats-connection.h"
#include "nats-servers.h"

#define ANSWER_TIME (10 * G_USEC_PER_SEC) /* for address, TLS and CONNECT of one attempt */
#define SHORT_MESSAGE 4096
#define STEADY G_USEC_PER_SEC

struct NatsConnection {
	BpInstance *self;
	NatsEvents events;
	gpointer user;
	GPtrArray *servers; /* NatsServer */
	guint next, tried;  /* of the servers */
	NatsServer *server;
	GArray *addresses;
	guint next_address;
	BpBackoff *again;
	char *name, *login, *password, *token, *tls_name, *ca, *cert, *key;
	gboolean tls, any_name;
	gint64 keepalive, pause_max;
	gsize backlog, message_limit;

	BpStream *stream;
	NatsCodec *codec;
	BpTimer *timer; /* of the stream's scope: answers that are due */
	gboolean encrypted, greeted, taken, up, headers, jetstream;
	guint unanswered;
	guint64 max_payload, sid, reconnects;
	gint64 since;
	char *address, *version, *why;
	gboolean fatal;
};

static void next_server(NatsConnection *connection);
static void next_address(NatsConnection *connection);

/* --- what is said --- */

static void write_line(NatsConnection *connection, const char *line)
{
	bp_stream_write(connection->stream, line, strlen(line));
}

static void give_up(NatsConnection *connection, gboolean fatal, const char *why)
{
	g_autoptr(GError) error = g_error_new_literal(BP_PLUGIN_ERROR, BP_CLOSED, why);

	connection->fatal |= fatal;
	bp_stream_abort(connection->stream, error);
}

static void on_late(BpPlugin *self, gpointer data)
{
	give_up(data, FALSE, "the server does not answer");
}

static void on_keepalive(BpPlugin *self, gpointer data)
{
	NatsConnection *connection = data;

	if (connection->unanswered++ >= 2) {
		on_late(self, data);
		return;
	}
	write_line(connection, "PING\r\n");
	bp_timer_once(&connection->timer, bp_stream_scope(connection->stream), connection->keepalive, on_keepalive,
		      connection);
}

static void say_connect(NatsConnection *connection)
{
	json_t *options = json_pack("{s:b,s:b,s:b,s:s,s:s,s:s,s:i,s:b,s:b,s:b}", "verbose", 0, "pedantic", 0,
				    "tls_required", connection->encrypted, "name", connection->name, "lang", "c",
				    "version", "1", "protocol", 1, "echo", 0, "headers", connection->headers,
				    "no_responders", connection->headers);
	g_autofree char *text = NULL;
	g_autofree char *line = NULL;

	if (connection->login)
		json_object_set_new(options, "user", bp_json_string(connection->login, -1));
	if (connection->password)
		json_object_set_new(options, "pass", bp_json_string(connection->password, -1));
	if (connection->token)
		json_object_set_new(options, "auth_token", bp_json_string(connection->token, -1));
	text = bp_json_text(options);
	json_decref(options);
	line = g_strdup_printf("CONNECT %s\r\nPING\r\n", text);
	write_line(connection, line);
}

static void start_tls(NatsConnection *connection)
{
	const char *name = connection->tls_name ? connection->tls_name : connection->server->host;
	BpTlsClient client = {
		.size = sizeof(client), .ca = connection->ca, .cert = connection->cert, .key = connection->key
	};

	/* A server that another one has named has the certificate of the cluster. */
	if (!connection->tls_name && connection->server->learned)
		name = ((NatsServer *)connection->servers->pdata[0])->host;
	client.name = connection->any_name ? "" : name;
	connection->encrypted = TRUE;
	bp_stream_start_tls(connection->stream, &client);
}

static gboolean take_info(NatsConnection *connection, const char *text, gsize rest)
{
	json_t *info = bp_json_parse_object(text, strlen(text), 0, NULL);
	const char *version = json_string_value(json_object_get(info, "version"));
	const char *server = json_string_value(json_object_get(info, "server_name"));
	gboolean offers = json_is_true(json_object_get(info, "tls_available")), good = TRUE,
		 wants = json_is_true(json_object_get(info, "tls_required"));
	json_int_t most = json_integer_value(json_object_get(info, "max_payload"));

	if (!info) {
		give_up(connection, FALSE, "what it sends about itself is no JSON");
		return FALSE;
	}
	nats_servers_learn(connection->servers, connection->server, json_object_get(info, "connect_urls"));
	connection->next %= connection->servers->len;
	if (most > 0)
		connection->max_payload = (guint64)most;
	if (connection->greeted) {
		/* It will end soon: another one takes over, if there is one. */
		if (json_is_true(json_object_get(info, "ldm")) && connection->servers->len > 1) {
			give_up(connection, FALSE, "the server is about to end");
			good = FALSE;
		}
	} else {
		connection->greeted = TRUE;
		connection->headers = json_is_true(json_object_get(info, "headers"));
		connection->jetstream = json_is_true(json_object_get(info, "jetstream"));
		g_free(connection->version);
		connection->version = g_strdup_printf("%.40s%s%.80s", version ? version : "?", server ? ", " : "",
						      server ? server : "");
		if (rest) {
			give_up(connection, FALSE, "it sends more than it may before it knows the client");
			good = FALSE;
		} else if (connection->tls && !wants && !offers) {
			give_up(connection, TRUE, "the server does not offer TLS");
			good = FALSE;
		} else if (connection->tls || wants) {
			start_tls(connection);
		} else {
			say_connect(connection);
		}
	}
	json_decref(info);
	return good;
}

/* The first one: the client is taken. The second one: the server has its subscriptions, too. */
static void take_pong(NatsConnection *connection)
{
	connection->unanswered = 0;
	if (connection->up || !connection->greeted)
		return;
	if (!connection->taken) {
		connection->taken = TRUE;
		connection->events.subscribe(connection->user);
		write_line(connection, "PING\r\n");
		return;
	}
	connection->up = TRUE;
	connection->fatal = FALSE;
	g_clear_pointer(&connection->why, g_free);
	connection->tried = 0;
	connection->since = g_get_monotonic_time();
	bp_backoff_works(connection->again);
	bp_timer_once(&connection->timer, bp_stream_scope(connection->stream), connection->keepalive, on_keepalive,
		      connection);
	connection->events.connected(connection->user);
}

/* The server closes after most of them itself; it says here why. */
static void take_error(NatsConnection *connection, const char *text)
{
	static const char *const refusals[] = { "authorization", "authentication", "account", "credentials" };
	g_autofree char *lower = g_ascii_strdown(text, -1);
	gboolean stays = strstr(lower, "permissions violation") || strstr(lower, "invalid subject") ||
			 strstr(lower, "invalid publish subject") || strstr(lower, "maximum subscriptions");

	if (stays) {
		connection->events.refused(text, connection->user);
		return;
	}
	g_free(connection->why);
	connection->why = g_strdup_printf("the server says: %.200s", *text ? text : "(nothing)");
	for (guint i = 0; i < G_N_ELEMENTS(refusals); i++)
		if (strstr(lower, refusals[i]))
			connection->fatal = TRUE;
	if (connection->fatal) {
		g_free(connection->why);
		connection->why = g_strdup_printf("the server refuses the user, the password or the token: %.200s",
						  text);
	}
}

static gboolean on_operation(const NatsOperation *operation, gsize rest, gpointer user)
{
	NatsConnection *connection = user;

	switch (operation->kind) {
	case NATS_INFO:
		return take_info(connection, operation->text, rest);
	case NATS_PING:
		write_line(connection, "PONG\r\n");
		break;
	case NATS_PONG:
		take_pong(connection);
		break;
	case NATS_ERROR:
		take_error(connection, operation->text);
		break;
	case NATS_MESSAGE:
		if (connection->taken)
			connection->events.message(operation, connection->user);
		break;
	case NATS_OK:
		break;
	}
	/* Who is told of something may close the bridge. */
	return connection->stream && !bp_stream_is_closing(connection->stream);
}

/* --- the stream --- */

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	NatsConnection *connection = user;
	g_autoptr(GError) error = NULL;

	if (!nats_codec_take(connection->codec, data, size, &error) && error)
		give_up(connection, FALSE, error->message);
}

static void on_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	NatsConnection *connection = user;

	if (connection->encrypted)
		say_connect(connection);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	NatsConnection *connection = user;

	if (connection->up)
		connection->events.drained(connection->user);
}

static void on_again(BpPlugin *self, gpointer data)
{
	NatsConnection *connection = data;

	connection->tried = 0;
	next_server(connection);
}

static void wait(NatsConnection *connection, const char *why)
{
	gboolean fatal = connection->fatal;

	connection->fatal = FALSE;
	if (fatal)
		bp_backoff_wait_for(connection->again, connection->pause_max);
	else
		bp_backoff_wait(connection->again);
	connection->events.closed(fatal, why, connection->user);
}

static void forget_stream(NatsConnection *connection)
{
	connection->stream = NULL;
	connection->timer = NULL;
	connection->up = connection->greeted = connection->taken = connection->encrypted = FALSE;
	connection->unanswered = 0;
	g_clear_pointer(&connection->codec, nats_codec_free);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	NatsConnection *connection = user;
	gboolean was_up = connection->up;
	g_autofree char *text = connection->why ? g_steal_pointer(&connection->why)
						: g_strdup(why ? why->message : "the server has closed the connection");

	forget_stream(connection);
	if (!was_up) {
		/* Certificates and passwords are for a user to change. */
		if (why && why->code == BP_NOT_PERMITTED)
			connection->fatal = TRUE;
		connection->why = g_steal_pointer(&text);
		next_address(connection);
		return;
	}
	connection->reconnects++;
	connection->tried = 0;
	if (g_get_monotonic_time() - connection->since < STEADY) {
		wait(connection, text);
		return;
	}
	connection->events.closed(FALSE, text, connection->user);
	next_server(connection);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events), .data = on_data, .closed = on_closed, .drained = on_drained, .ready = on_ready
};

static void next_address(NatsConnection *connection)
{
	const BpAddress *address;

	if (!connection->addresses || connection->next_address >= connection->addresses->len) {
		next_server(connection);
		return;
	}
	address = &g_array_index(connection->addresses, BpAddress, connection->next_address++);
	g_free(connection->address);
	connection->address = bp_address_format(address);
	connection->codec = nats_codec_new(connection->message_limit, on_operation, connection);
	connection->stream = bp_stream_connect(connection->self, address, ANSWER_TIME, NULL, &stream_events,
					       connection);
	/* It is this queue that says when it is full; the stream itself is not to close. */
	bp_stream_set_backlog(connection->stream, 4 * connection->backlog, BP_BACKLOG_CLOSE);
	bp_timer_once(&connection->timer, bp_stream_scope(connection->stream), ANSWER_TIME, on_late, connection);
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	NatsConnection *connection = data;

	g_clear_pointer(&connection->addresses, g_array_unref);
	connection->addresses = addresses ? g_array_ref(addresses) : NULL;
	connection->next_address = 0;
	if (error) {
		g_free(connection->why);
		connection->why = g_strdup(error->message);
	}
	next_address(connection);
}

static void next_server(NatsConnection *connection)
{
	if (connection->tried++ >= connection->servers->len) {
		g_autofree char *why = g_steal_pointer(&connection->why);

		wait(connection, why ? why : "no server can be reached");
		return;
	}
	connection->server = connection->servers->pdata[connection->next];
	connection->next = (connection->next + 1) % connection->servers->len;
	bp_address_resolve(connection->self, connection->server->host, connection->server->port, on_resolved,
			   connection);
}

/* --- for the bridge --- */

NatsConnection *nats_connection_new(BpInstance *self, const NatsOptions *options, const NatsEvents *events,
				    gpointer user, GError **error)
{
	NatsConnection *connection = g_new0(NatsConnection, 1);

	connection->self = self;
	connection->events = *events;
	connection->user = user;
	connection->servers = g_ptr_array_new_with_free_func(nats_server_free);
	connection->name = g_strdup(options->name);
	connection->login = g_strdup(options->user);
	connection->password = g_strdup(options->password);
	connection->token = g_strdup(options->token);
	connection->tls = options->tls;
	connection->any_name = options->any_name;
	connection->tls_name = g_strdup(options->files.name);
	connection->ca = g_strdup(options->files.ca);
	connection->cert = g_strdup(options->files.cert);
	connection->key = g_strdup(options->files.key);
	connection->keepalive = options->keepalive;
	connection->pause_max = options->pause_max;
	connection->backlog = options->backlog;
	connection->message_limit = options->message_limit;
	for (const char *const *text = options->servers; *text; text++) {
		NatsServer *server = nats_server_parse(*text, &connection->tls, error);

		if (!server) {
			nats_connection_free(connection);
			return NULL;
		}
		g_ptr_array_add(connection->servers, server);
	}
	if (connection->tls && !bp_tls_check_client(&options->files, error)) {
		nats_connection_free(connection);
		return NULL;
	}
	connection->address = g_strdup(options->servers[0]);
	connection->again = bp_backoff_new(self, options->pause_min, options->pause_max, on_again, connection);
	bp_defer(connection->self, on_again, connection, NULL);
	return connection;
}

void nats_connection_free(NatsConnection *connection)
{
	if (!connection)
		return;
	if (connection->stream) {
		bp_stream_set_user(connection->stream, NULL, NULL);
		bp_stream_close(connection->stream);
		forget_stream(connection);
	}
	bp_backoff_free(connection->again);
	g_clear_pointer(&connection->addresses, g_array_unref);
	g_ptr_array_unref(connection->servers);
	g_free(connection->name);
	g_free(connection->login);
	g_free(connection->password);
	g_free(connection->token);
	g_free(connection->tls_name);
	g_free(connection->ca);
	g_free(connection->cert);
	g_free(connection->key);
	g_free(connection->address);
	g_free(connection->version);
	g_free(connection->why);
	g_free(connection);
}

gboolean nats_connection_is_up(const NatsConnection *connection)
{
	return connection && connection->up;
}

const char *nats_connection_address(const NatsConnection *connection)
{
	return connection->address;
}

const char *nats_connection_version(const NatsConnection *connection)
{
	return connection->version ? connection->version : "";
}

gboolean nats_connection_has_jetstream(const NatsConnection *connection)
{
	return connection->jetstream;
}

guint nats_connection_servers(const NatsConnection *connection)
{
	return connection->servers->len;
}

guint64 nats_connection_reconnects(const NatsConnection *connection)
{
	return connection->reconnects;
}

gboolean nats_connection_has_room(NatsConnection *connection)
{
	return connection->up && bp_stream_has_room(connection->stream) &&
	       bp_stream_queued(connection->stream) < connection->backlog;
}

BpSent nats_connection_publish(NatsConnection *connection, const char *subject, const char *reply,
			       const char *const *headers, BpMessage *message, GError **error)
{
	gsize size = bp_message_size(message);
	g_autoptr(GString) out = NULL;

	if (!connection->up) {
		bp_fail(error, BP_CLOSED, "there is no connection to the server");
		return BP_GONE;
	}
	if (bp_stream_queued(connection->stream) + size > connection->backlog + SHORT_MESSAGE)
		return BP_FULL;
	out = g_string_sized_new(256 + (size < SHORT_MESSAGE ? size : 0));
	nats_write_publish(out, subject, reply, connection->headers ? headers : NULL, size);
	/* The server would close the connection. */
	if (connection->max_payload && out->len + size > connection->max_payload) {
		bp_fail(error, BP_LIMIT, "larger than the server allows (%" G_GUINT64_FORMAT " bytes)",
			connection->max_payload);
		return BP_GONE;
	}
	if (size < SHORT_MESSAGE) {
		g_string_append_len(out, bp_message_data(message), (gssize)size);
		g_string_append(out, "\r\n");
		bp_stream_write(connection->stream, out->str, out->len);
	} else {
		bp_stream_write(connection->stream, out->str, out->len);
		bp_stream_send(connection->stream, message);
		write_line(connection, "\r\n");
	}
	return BP_SENT;
}

guint64 nats_connection_subscribe(NatsConnection *connection, const char *subject, const char *queue)
{
	g_autofree char *line = g_strdup_printf("SUB %s %s%s%" G_GUINT64_FORMAT "\r\n", subject, queue ? queue : "",
						queue ? " " : "", ++connection->sid);

	write_line(connection, line);
	return connection->sid;
}

void nats_connection_unsubscribe(NatsConnection *connection, guint64 sid)
{
	g_autofree char *line = g_strdup_printf("UNSUB %" G_GUINT64_FORMAT "\r\n", sid);

	if (connection->up)
		write_line(connection, line);
}
