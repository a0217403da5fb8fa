/* SPDX-License-Identifier: MIT */
/* tcp-client.c - module TCPClient: one connection on channels, made again when it is cut.
 *
 * A round resolves the host and tries its addresses in turn. After a round without success, or a cut, the next one waits
 * (backoff.h), from reconnect_min up to reconnect_max.
 */
#include <stdlib.h>
#include <string.h>
#include "tcp.h"

static void start_round(TcpClient *client);
static void try_next(TcpClient *client, const GError *why);

/* --- between rounds --- */

static void on_again(BpPlugin *self, gpointer data)
{
	start_round(data);
}

/* `what` is "Connection to box:4001 was closed", ... */
static void wait_for_next(TcpClient *client, const char *what, const char *why)
{
	client->stream = NULL;
	bp_instance_set_state(client->self, BP_STATE_FAILED, "%s: %s", what, why);
	if (!bp_instance_bool(client->self, "reconnect")) {
		client->state = TCP_ENDED;
		bp_channel_printf(client->events, "%s: %s", what, why);
		return;
	}
	client->state = TCP_WAITING;
	bp_channel_printf(client->events, "%s: %s; next try in %.1f s", what, why,
			  (double)bp_backoff_wait(client->again) / G_USEC_PER_SEC);
}

static void fail_round(TcpClient *client, const char *why)
{
	g_autofree char *what = g_strdup_printf("Connection to %s failed", client->target);

	wait_for_next(client, what, why);
}

/* --- the connection --- */

static void on_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	TcpClient *client = user;
	const char *tls = bp_stream_tls(stream);

	client->state = TCP_CONNECTED;
	client->told = FALSE;
	bp_backoff_works(client->again);
	bp_instance_set_state(client->self, BP_STATE_OK, "connected to %s", client->target);
	bp_channel_printf(client->events, "Connected to %s%s%s", client->target, *tls ? " with " : "", tls);
}

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	TcpClient *client = user;
	BpMessage *message;

	if (!bp_channel_is_watched(client->recv)) {
		bp_channel_note(client->recv, data, size);
		return;
	}
	message = bp_message_new(data, size, BP_BINARY);
	bp_message_set_origin(message, client->origin);
	bp_message_set_reply_channel(message, client->send);
	bp_channel_send_take(client->recv, message);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	TcpClient *client = user;
	BpStreamStats stats = bp_stream_stats(stream);
	g_autofree char *what = NULL;

	client->bytes_in += stats.bytes_in;
	client->bytes_out += stats.bytes_out;
	client->drops += stats.drops;
	client->stream = NULL;
	if (client->state != TCP_CONNECTED) {
		try_next(client, why);
		return;
	}
	what = g_strdup_printf("Connection to %s was closed", client->target);
	wait_for_next(client, what, why ? why->message : "the other side ended it");
}

static const BpStreamEvents events = {
	.size = sizeof(events), .data = on_data, .closed = on_closed, .ready = on_ready
};

static const char *certificate_name(TcpClient *client)
{
	const char *name = bp_instance_string(client->self, "tls_name");

	if (!bp_instance_bool(client->self, "tls"))
		return NULL;
	if (!name || !*name)
		return client->host;
	return strcmp(name, "*") == 0 ? "" : name;
}

/* `why` the one before failed, NULL for the first. */
static void try_next(TcpClient *client, const GError *why)
{
	const BpAddress *address;

	if (!client->addresses || client->next >= client->addresses->len) {
		fail_round(client, why ? why->message : "the name has no address");
		return;
	}
	address = &g_array_index(client->addresses, BpAddress, client->next++);
	client->state = TCP_CONNECTING;
	client->stream = bp_stream_connect(client->self, address, bp_instance_duration(client->self, "timeout"),
					   certificate_name(client), &events, client);
	if (!client->stream)
		fail_round(client, "no socket could be made");
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	TcpClient *client = data;

	if (error) {
		fail_round(client, error->message);
		return;
	}
	g_clear_pointer(&client->addresses, g_array_unref);
	client->addresses = g_array_new(FALSE, FALSE, sizeof(BpAddress));
	if (addresses && addresses->len)
		g_array_append_vals(client->addresses, addresses->data, addresses->len);
	try_next(client, NULL);
}

static void start_round(TcpClient *client)
{
	BpAddress address;

	bp_channel_printf(client->events, "Connecting to %s", client->target);
	client->next = 0;
	g_clear_pointer(&client->addresses, g_array_unref);
	if (bp_address_parse(&address, client->host, client->port, NULL)) {
		client->addresses = g_array_new(FALSE, FALSE, sizeof(BpAddress));
		g_array_append_val(client->addresses, address);
		try_next(client, NULL);
		return;
	}
	client->state = TCP_RESOLVING;
	bp_address_resolve(client->self, client->host, client->port, on_resolved, client);
}

/* --- the module --- */

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	TcpClient *client = data;

	if (client->state == TCP_CONNECTED) {
		bp_stream_send(client->stream, message);
		return;
	}
	client->lost++;
	if (client->told)
		return;
	client->told = TRUE;
	bp_channel_printf(client->events, "Not connected to %s: what is sent is dropped until it is", client->target);
}

static void on_first_round(BpPlugin *self, gpointer data)
{
	start_round(data);
}

gboolean tcp_client_open(BpInstance *self, GError **error)
{
	TcpClient *client = bp_instance_data(self);
	g_autofree char *name = g_strdup_printf("client-tcp-%s", bp_plugin_name(self));
	BpChannelOptions pure = { .pure = TRUE };

	client->self = self;
	client->host = bp_instance_string(self, "host");
	client->port = (guint)bp_instance_int(self, "port");
	if (!*client->host) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "host is empty: name the computer to connect to");
		return FALSE;
	}
	client->target = g_strdup_printf(strchr(client->host, ':') ? "[%s]:%u" : "%s:%u", client->host, client->port);
	client->origin = g_ref_string_new(client->target);
	client->events = bp_channel(self, name);
	client->recv = bp_instance_channel(self, "recv");
	client->send = bp_instance_channel(self, "send");
	bp_channel_set_options(client->send, &pure);
	bp_channel_watch(self, client->send, on_send, client, NULL);
	client->again = bp_backoff_new(self, bp_instance_duration(self, "reconnect_min"),
				       bp_instance_duration(self, "reconnect_max"), on_again, client);
	bp_instance_set_state(self, BP_STATE_WAITING, "connecting to %s", client->target);
	/* Connects later, so that the opener can watch its state from the beginning. */
	bp_defer(client->self, on_first_round, client, NULL);
	return TRUE;
}

void tcp_client_close(BpInstance *self)
{
	TcpClient *client = bp_instance_data(self);

	if (client->stream) {
		bp_stream_set_user(client->stream, NULL, NULL);
		bp_stream_close(client->stream);
	}
	g_clear_pointer(&client->addresses, g_array_unref);
	g_clear_pointer(&client->target, g_free);
	g_clear_pointer(&client->origin, g_ref_string_release);
}

const char *tcp_client_state(const TcpClient *client)
{
	static const char *const names[] = { "waiting", "resolving", "connecting", "connected", "ended" };

	return names[client->state];
}

void tcp_client_counts(const TcpClient *client, guint64 *in, guint64 *out, guint64 *drops)
{
	*in = client->bytes_in;
	*out = client->bytes_out;
	*drops = client->drops + client->lost;
	if (client->stream) {
		BpStreamStats stats = bp_stream_stats(client->stream);

		*in += stats.bytes_in;
		*out += stats.bytes_out;
		*drops += stats.drops;
	}
}

void tcp_client_describe(BpInstance *self, GString *text)
{
	TcpClient *client = bp_instance_data(self);
	guint64 in, out, drops;

	tcp_client_counts(client, &in, &out, &drops);
	g_string_append_printf(text, "%s to %s\n", tcp_client_state(client), client->target);
	g_string_append_printf(
		text, "%" G_GUINT64_FORMAT " bytes in, %" G_GUINT64_FORMAT " bytes out, %" G_GUINT64_FORMAT " drops\n",
		in, out, drops);
}
