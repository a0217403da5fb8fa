/* SPDX-License-Identifier: MIT */
/* endpoint-client.c - requests over one connection, matched by id or in order.
 *
 * Every request gets an id. A server that has returned one gets further requests without waiting for the answers; any
 * other server gets one request at a time, since the original reads one and drops what follows it in the same segment.
 * A request is sent once. It fails when its time is over, and with the connection; a connection whose server returns
 * no ids is closed with the first timeout, so that a late answer is never taken for that of another request.
 */
#include <string.h>
#include "endpoint.h"
#include "python-json.h"

#define MOST_WAITING 4096
#define LONGEST_DELAY (30 * G_USEC_PER_SEC)

typedef struct {
	EndpointClient *client;
	guint64 id;
	json_t *given_id; /* the user's own, or NULL */
	char *line;	  /* not sent yet, else NULL */
	EndpointClientDone done;
	gpointer data;
	gint64 begun;  /* of its timeout: when it was sent, or queued without a connection */
	gboolean over; /* its callback has run; kept for the order of answers */
} PendingRequest;

typedef enum {
	CLIENT_IDLE,
	CLIENT_RESOLVING,
	CLIENT_CONNECTING,
	CLIENT_CONNECTED,
	CLIENT_PAUSING,
	CLIENT_FAILED
} ClientState;

struct EndpointClient {
	BpScope *scope; /* owns its stream, its timers and the question for its address */
	char *host, *tls_name;
	guint port, attempts, tried;
	gint64 timeout;
	EndpointClientState tell;
	gpointer data;
	ClientState state;
	BpStream *stream;
	JsonLine input;
	GQueue waiting;
	guint64 next_id;
	gboolean echoes; /* the server returns ids, so it may get several requests at a time */
	BpBackoff *again;
	EndpointClientCounts counts;
	guint refs;
	gboolean dead;
};

static void connect_now(EndpointClient *client);

static void client_unref(gpointer data)
{
	EndpointClient *client = data;

	if (--client->refs)
		return;
	json_line_clear(&client->input);
	g_free(client->host);
	g_free(client->tls_name);
	g_free(client);
}

static void say(EndpointClient *client, BpState state, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void say(EndpointClient *client, BpState state, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	if (client->tell && !client->dead)
		client->tell(client, state, text, bp_backoff_left(client->again), client->data);
}

/* --- what waits --- */

static void waiting_free(PendingRequest *waiting)
{
	json_decref(waiting->given_id);
	g_free(waiting->line);
	g_free(waiting);
}

static void tell_done(PendingRequest *waiting, const json_t *reply, const GError *error)
{
	if (waiting->over)
		return;
	waiting->over = TRUE;
	if (error)
		waiting->client->counts.failures++;
	waiting->done(reply, error, waiting->data);
}

static void fail_all(EndpointClient *client, BpErrorCode code, const char *why)
{
	g_autoptr(GError) error = g_error_new_literal(BP_IO_ERROR, code, why);
	GQueue waiting = client->waiting;

	g_queue_init(&client->waiting);
	for (PendingRequest *at; (at = g_queue_pop_head(&waiting));) {
		tell_done(at, NULL, error);
		waiting_free(at);
	}
}

static void send_waiting(EndpointClient *client)
{
	for (GList *at = client->waiting.head; at; at = at->next) {
		PendingRequest *waiting = at->data;

		if (!client->echoes && at->prev)
			return; /* the one before it has no answer yet */
		if (!waiting->line)
			continue;
		waiting->begun = g_get_monotonic_time();
		bp_stream_write(client->stream, waiting->line, strlen(waiting->line));
		g_clear_pointer(&waiting->line, g_free);
	}
}

/* --- the connection --- */

static void on_again(BpPlugin *self, gpointer data)
{
	connect_now(data);
}

static void lost(EndpointClient *client, const char *why)
{
	client->stream = NULL;
	json_line_clear(&client->input);
	client->echoes = FALSE;
	client->refs++;
	if (client->tried >= client->attempts) {
		client->state = client->attempts ? CLIENT_FAILED : CLIENT_IDLE;
		say(client, BP_STATE_FAILED, "Connection to %s:%u failed: %s; tried again with the next request",
		    client->host, client->port, why);
		fail_all(client, BP_CLOSED, why);
		client_unref(client);
		return;
	}
	client->tried++;
	client->counts.reconnects++;
	client->state = CLIENT_PAUSING;
	bp_backoff_wait(client->again);
	say(client, BP_STATE_FAILED, "Connection to %s:%u failed: %s", client->host, client->port, why);
	fail_all(client, BP_CLOSED, why);
	client_unref(client);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	lost(user, why ? why->message : "the other side ended it");
}

static void on_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	EndpointClient *client = user;

	client->state = CLIENT_CONNECTED;
	client->tried = 0;
	bp_backoff_reset(client->again);
	say(client, BP_STATE_OK, "Connected to %s:%u", client->host, client->port);
	if (client->stream)
		send_waiting(client);
}

/* By its id, else the oldest. */
static PendingRequest *find_waiting(EndpointClient *client, const json_t *reply)
{
	const json_t *id = json_object_get(reply, "id");

	for (GList *at = client->waiting.head; json_is_integer(id) && at; at = at->next) {
		if (((PendingRequest *)at->data)->id == (guint64)json_integer_value(id)) {
			client->echoes = TRUE;
			return at->data;
		}
	}
	return client->echoes && id ? NULL : g_queue_peek_head(&client->waiting);
}

static void receive(EndpointClient *client, const char *line, gsize size)
{
	json_t *reply = bp_json_parse(line, size, 0, NULL);
	PendingRequest *waiting = find_waiting(client, reply);

	client->counts.answers++;
	if (!waiting || waiting->line) {
		client->counts.late++;
		json_decref(reply);
		return;
	}
	g_queue_remove(&client->waiting, waiting);
	if (waiting->over)
		client->counts.late++;
	if (!reply)
		reply = json_pack("{s:o,s:b}", "data", bp_json_string(line, (gssize)size), "_parse_error", 1);
	if (json_is_object(reply) && client->echoes) {
		json_object_del(reply, "id");
		if (waiting->given_id)
			json_object_set(reply, "id", waiting->given_id);
	}
	tell_done(waiting, reply, NULL);
	json_decref(reply);
	waiting_free(waiting);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	EndpointClient *client = user;
	JsonLineResult result = JSON_LINE_NONE;
	char *line;

	client->refs++;
	json_line_add(&client->input, data, size);
	while (client->stream == stream && (result = json_line_next(&client->input, &line, &size)) == JSON_LINE_TAKEN)
		receive(client, line, size);
	if (client->stream == stream && client->state == CLIENT_CONNECTED)
		send_waiting(client);
	if (client->stream == stream && result == JSON_LINE_TOO_LONG) {
		g_autoptr(GError) error = g_error_new_literal(BP_IO_ERROR, BP_LIMIT, "its answer is too long");

		bp_stream_abort(stream, error);
	}
	client_unref(client);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events), .data = on_data, .closed = on_closed, .ready = on_ready
};

static void connect_to(EndpointClient *client, const BpAddress *address)
{
	client->state = CLIENT_CONNECTING;
	client->stream = bp_stream_connect(client->scope, address, client->timeout, client->tls_name, &stream_events,
					   client);
	if (!client->stream)
		lost(client, "no socket could be made");
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	EndpointClient *client = data;

	if (error || !addresses || !addresses->len)
		lost(client, error ? error->message : "the name has no address");
	else
		connect_to(client, &g_array_index(addresses, BpAddress, 0));
}

static void connect_now(EndpointClient *client)
{
	BpAddress address;

	client->state = CLIENT_RESOLVING;
	if (bp_address_parse(&address, client->host, client->port, NULL)) {
		connect_to(client, &address);
		return;
	}
	bp_address_resolve(client->scope, client->host, client->port, on_resolved, client);
}

/* --- time --- */

static void on_timer(BpPlugin *self, gpointer data)
{
	EndpointClient *client = data;
	g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_TIMEOUT, "no answer within %g s",
					      (double)client->timeout / G_USEC_PER_SEC);
	gint64 now = g_get_monotonic_time();
	gboolean late = FALSE;

	client->refs++;
	for (GList *at = client->waiting.head, *next; at && !client->dead; at = next) {
		PendingRequest *waiting = at->data;

		next = at->next;
		if (waiting->over || now - waiting->begun < client->timeout)
			continue;
		if (waiting->line && client->state == CLIENT_CONNECTED)
			continue; /* its time begins when it is sent */
		client->counts.timeouts++;
		late |= !waiting->line;
		tell_done(waiting, NULL, error);
		if (!client->dead && (waiting->line || client->echoes)) {
			g_queue_remove(&client->waiting, waiting);
			waiting_free(waiting);
		}
		next = client->dead ? NULL : client->waiting.head;
		while (next && ((PendingRequest *)next->data)->over)
			next = next->next;
	}
	if (late && !client->echoes && client->stream && client->state == CLIENT_CONNECTED)
		bp_stream_abort(client->stream, error);
	client_unref(client);
}

/* --- for others --- */

EndpointClient *endpoint_client_new(BpPlugin *self, const EndpointClientOptions *options, EndpointClientState state,
				    gpointer data)
{
	EndpointClient *client = g_new0(EndpointClient, 1);

	client->scope = bp_scope_open(self);
	client->refs = 1;
	client->host = g_strdup(options->host);
	client->port = options->port;
	client->timeout = options->timeout;
	client->again = bp_backoff_new(client->scope, options->reconnect_delay, LONGEST_DELAY, on_again, client);
	client->attempts = options->attempts;
	client->tls_name = g_strdup(options->tls_name);
	client->tell = state;
	client->data = data;
	json_line_init(&client->input, 2 * JSON_LINE_LIMIT);
	bp_timer_add(client->scope, NULL, CLAMP(client->timeout / 4, 1000, 250 * 1000), 0, on_timer, client, NULL);
	connect_now(client);
	return client;
}

void endpoint_client_free(EndpointClient *client)
{
	BpStream *stream = g_steal_pointer(&client->stream);

	client->dead = TRUE;
	if (stream) {
		bp_stream_set_user(stream, NULL, NULL);
		bp_stream_close(stream);
	}
	bp_scope_close(client->scope);
	fail_all(client, BP_CANCELLED, "the client was closed");
	client_unref(client);
}

void endpoint_client_request(EndpointClient *client, json_t *take_message, EndpointClientDone done, gpointer data)
{
	PendingRequest *waiting = g_new0(PendingRequest, 1);
	json_t *message = json_copy(take_message);
	g_autofree char *text = NULL;

	waiting->client = client;
	waiting->id = ++client->next_id;
	waiting->done = done;
	waiting->data = data;
	waiting->begun = g_get_monotonic_time();
	waiting->given_id = json_incref(json_object_get(message, "id"));
	json_object_set_new(message, "id", json_integer((json_int_t)waiting->id));
	text = python_json_text(message);
	waiting->line = g_strconcat(text, "\n", NULL);
	json_decref(message);
	json_decref(take_message);
	client->counts.requests++;
	if (client->waiting.length >= MOST_WAITING) {
		g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_LIMIT, "%d requests wait already", MOST_WAITING);

		tell_done(waiting, NULL, error);
		waiting_free(waiting);
		return;
	}
	g_queue_push_tail(&client->waiting, waiting);
	if (client->state == CLIENT_CONNECTED)
		send_waiting(client);
	else if (client->state == CLIENT_IDLE || client->state == CLIENT_FAILED) {
		client->tried = 0;
		bp_backoff_reset(client->again);
		say(client, BP_STATE_WAITING, "Connecting to %s:%u", client->host, client->port);
		connect_now(client);
	}
}

const char *endpoint_client_state(const EndpointClient *client)
{
	static const char *const names[] = { "idle", "resolving", "connecting", "connected", "waiting", "failed" };

	return names[client->state];
}

EndpointClientCounts endpoint_client_counts(const EndpointClient *client)
{
	return client->counts;
}
