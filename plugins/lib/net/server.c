/* SPDX-License-Identifier: MIT */
/* server.c - opening and closing servers, what they say on their event channel, and what they count. */
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <backplane/access.h>
#include <backplane/networks.h>
#include "server.h"

#define BACKLOG_LIMIT (1 << 20)

const BpParam bp_server_params[] = {
	{ "bind", .type = BP_STRING, .fallback = "127.0.0.1", .alias = "host",
	  .help = "address to listen on: numeric, localhost, * or /path/of.socket" },
	{ "max_connections", .type = BP_INT, .fallback = "100", .min = 0, .max = 1000000,
	  .help = "most connections at a time (0: no limit)" },
	{ "idle_timeout", .type = BP_DURATION, .fallback = "0", .min = 0, .max = 1e9,
	  .help = "close a connection that has sent nothing for so long (0: never)" },
	{ "session_timeout", .type = BP_DURATION, .fallback = "0", .min = 0, .max = 1e9, .alias = "connection_timeout",
	  .help = "close a connection after so long, busy or not (0: never)" },
	{ "backlog_limit", .type = BP_BYTES, .fallback = "1M", .min = 1024, .max = 1073741824,
	  .help = "most that may wait for a connection that does not read" },
	{ "backlog_policy", .type = BP_CHOICE, .choices = "close|drop-oldest", .fallback = "close",
	  .help = "what happens to a connection over its backlog_limit" },
	{ "rate_limit", .type = BP_INT, .fallback = "0", .min = 0, .max = 1000000,
	  .help = "most new connections a second (0: no limit)" },
	{ "max_per_address", .type = BP_INT, .fallback = "0", .min = 0, .max = 1000000,
	  .help = "most connections of one address (IPv6: one /64) at a time (0: no limit)" },
	{ "keepalive", .type = BP_BOOL, .fallback = "true", .help = "detect dead peers within a minute" },
	{ "tls", .type = BP_BOOL, .fallback = "false", .alias = "use_ssl",
	  .help = "encrypt; without tls_cert with a certificate that is made once and kept in the state folder" },
	{ "tls_cert", .type = BP_STRING, .names = BP_A_FILE, .alias = "ssl_cert",
	  .help = "file of the certificate chain (PEM)" },
	{ "tls_key", .type = BP_STRING, .names = BP_A_FILE, .alias = "ssl_key",
	  .help = "file of the private key (PEM); none: it is in tls_cert" },
	{ "tls_client_ca", .type = BP_STRING, .names = BP_A_FILE,
	  .help = "file of the authorities (PEM) whose certificates clients must show" },
	{ "insecure", .type = BP_BOOL, .fallback = "false", .help = "listen beyond this machine without login" },
	{ .include = bp_networks_params },
	{ NULL },
};

#define SHUT "no connection can be accepted" /* begins the state of an instance for which that is so */

static GMutex list_lock;
static GPtrArray *servers; /* list_lock; borrowed */

/* --- what happens to streams --- */

/* One sentence about a peer; it costs nothing when nobody listens. */
static void announce(BpServer *server, const BpAddress *peer, const char *before, const char *after, const char *why)
{
	g_autofree char *who = NULL;

	if (!bp_channel_wants(server->channel))
		return;
	who = bp_address_format_tuple(peer);
	bp_channel_printf(server->channel, "%s %s%s%s%s", before, who, after, why ? why : "", why ? "." : "");
}

void server_stream_ready(BpServer *server, BpStream *stream)
{
	BpPlugin *owner = server->owned.owner;

	announce(server, &stream->peer, "Socket Connected:", "", NULL);
	if (server->events.accept && !server->closed && !stream->closing && bp_owner_enter(owner)) {
		server->events.accept(owner, server, stream, server->user);
		bp_owner_leave(owner);
	}
	if (!stream->has_user)
		bp_stream_close(stream);
}

void server_stream_active(BpServer *server, BpStream *stream)
{
	if (!server->options.idle_timeout || server->last_active == stream || stream->goodbye)
		return;
	if (stream->prev_active)
		stream->prev_active->next_active = stream->next_active;
	else
		server->first_active = stream->next_active;
	stream->next_active->prev_active = stream->prev_active; /* it is not the last */
	stream->prev_active = server->last_active;
	stream->next_active = NULL;
	server->last_active->next_active = stream;
	server->last_active = stream;
}

void server_stream_cut(BpServer *server, BpStream *stream)
{
	if (!stream->slow)
		server->stats.slow++;
	stream->slow = TRUE;
	announce(server, &stream->peer, "Connection to", " loses its oldest messages: it does not read.", NULL);
}

static void unlink_stream(BpServer *server, BpStream *stream)
{
	if (stream->prev_opened)
		stream->prev_opened->next_opened = stream->next_opened;
	else
		server->first_opened = stream->next_opened;
	if (stream->next_opened)
		stream->next_opened->prev_opened = stream->prev_opened;
	else
		server->last_opened = stream->prev_opened;
	stream->prev_opened = stream->next_opened = NULL;
	if (!server->options.idle_timeout)
		return;
	if (stream->prev_active)
		stream->prev_active->next_active = stream->next_active;
	else
		server->first_active = stream->next_active;
	if (stream->next_active)
		stream->next_active->prev_active = stream->prev_active;
	else
		server->last_active = stream->prev_active;
	stream->prev_active = stream->next_active = NULL;
}

void server_stream_gone(BpServer *server, BpStream *stream, const GError *why)
{
	if (stream->goodbye) {
		server->goodbyes--;
		return;
	}
	unlink_stream(server, stream);
	server_fill_reserve(server);
	limits_leave(server, &stream->peer);
	server->stats.connections--;
	server->stats.bytes_in += stream->stats.bytes_in;
	server->stats.bytes_out += stream->stats.bytes_out;
	server->stats.drops += stream->stats.drops;
	if (!why || g_error_matches(why, BP_IO_ERROR, BP_CLOSED)) {
		announce(server, &stream->peer, "Connection to", " was closed.", NULL);
	} else if (g_error_matches(why, BP_IO_ERROR, BP_TIMEOUT)) {
		server->stats.timeouts++;
		announce(server, &stream->peer, "Connection to", " timed out.", NULL);
	} else {
		announce(server, &stream->peer, "Connection to", " was closed: ", why->message);
	}
}

/* --- opening --- */

static gboolean open_tls(BpServer *server, GError **error)
{
	const BpServerOptions *options = &server->options;
	gboolean given = options->tls_cert && *options->tls_cert;
	g_autofree char *own = NULL;
	TlsContext *fresh;

	if (!options->tls)
		return TRUE;
	if (!given && options->tls_key && *options->tls_key) {
		g_set_error_literal(error, BP_IO_ERROR, BP_INVALID,
				    "tls_key needs tls_cert=FILE; without both the host makes a pair of its own");
		return FALSE;
	}
	own = given ? NULL : tls_self_signed(error);
	if (!given && !own)
		return FALSE;
	fresh = tls_context_new(given ? options->tls_cert : own, given ? options->tls_key : NULL,
				options->tls_client_ca, error);
	if (!fresh)
		return FALSE;
	tls_context_set_protocol(fresh, options->alpn);
	g_clear_pointer(&server->tls, tls_context_unref);
	server->tls = fresh;
	return TRUE;
}

gboolean bp_server_may_bind(const char *bind, gboolean insecure, GError **error)
{
	g_autoptr(GArray) list = NULL;

	if (insecure)
		return TRUE;
	list = bp_address_bind_list(bind, 0, error);
	if (!list)
		return FALSE;
	for (guint i = 0; i < list->len; i++) {
		if (bp_address_is_loopback(&g_array_index(list, BpAddress, i)))
			continue;
		g_set_error(
			error, BP_IO_ERROR, BP_NOT_PERMITTED,
			"binding %s lets anybody on the network in without login; a server with login may have it with "
			"tls=yes when there is a user (user add NAME admin), any server with insecure=yes (--insecure of a "
			"command), and bind=127.0.0.1 stays on this machine",
			bind && *bind ? bind : "*");
		return FALSE;
	}
	return TRUE;
}

char *bp_server_refusal_line(BpPlugin *self, BpServer *server, const char *why, gpointer user)
{
	if (server->options.max_connections && server->stats.connections >= server->options.max_connections)
		return g_strdup("Server is at maximum capacity. Please try again later.\r\n");
	return g_strdup_printf("Connection refused: %s. Please try again later.\r\n", why);
}

void bp_server_options_sized(const BpInstance *self, BpServerOptions *result, gsize size)
{
	BpServerOptions options = {
		.bind = bp_instance_string(self, "bind"),
		.port = (guint)bp_instance_int(self, "port"),
		.max_connections = (guint)bp_instance_int(self, "max_connections"),
		.max_per_address = (guint)bp_instance_int(self, "max_per_address"),
		.rate_limit = (guint)bp_instance_int(self, "rate_limit"),
		.idle_timeout = bp_instance_duration(self, "idle_timeout"),
		.session_timeout = bp_instance_duration(self, "session_timeout"),
		.backlog_limit = (gsize)bp_instance_int(self, "backlog_limit"),
		.backlog_policy = g_strcmp0(bp_instance_string(self, "backlog_policy"), "drop-oldest") == 0
					  ? BP_BACKLOG_DROP_OLDEST
					  : BP_BACKLOG_CLOSE,
		.keepalive = bp_instance_bool(self, "keepalive"),
		.insecure = bp_instance_bool(self, "insecure") || bp_access_covers(bp_instance_values(self)),
		.tls = bp_instance_bool(self, "tls"),
		.tls_cert = bp_instance_string(self, "tls_cert"),
		.tls_key = bp_instance_string(self, "tls_key"),
		.tls_client_ca = bp_instance_string(self, "tls_client_ca"),
	};

	bp_sized_copy(result, size, &options, sizeof(options));
}

/* On the listener: accepted sockets take it over; accept.c scatters the times. TCP_USER_TIMEOUT is for unsent data, too, and decides
 * instead of the number of questions. */
static void set_keepalive(BpServer *server)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_SILENCE / KEEPALIVE_INTERVAL_MIN },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, KEEPALIVE_SILENCE * 1000 },
	};

	for (guint i = 0; i < server->listening->len; i++) {
		ListenSocket *one = &g_array_index(server->listening, ListenSocket, i);

		for (guint k = 0; one->address.storage.ss_family != AF_UNIX && k < G_N_ELEMENTS(options); k++)
			setsockopt(one->fd, options[k].level, options[k].name, &options[k].value, sizeof(int));
	}
}

static char *format_addresses(GArray *listening)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < listening->len; i++) {
		g_autofree char *one = bp_address_format(&g_array_index(listening, ListenSocket, i).address);

		g_string_append_printf(text, "%s%s", i ? ", " : "", one);
	}
	return g_string_free(text, FALSE);
}

static void drop(BpOwned *owned)
{
	bp_server_close(BP_OWNED_BY(owned, BpServer, owned));
}

static void server_list_add(BpServer *server)
{
	g_mutex_lock(&list_lock);
	if (!servers)
		servers = g_ptr_array_new();
	g_ptr_array_add(servers, server);
	g_mutex_unlock(&list_lock);
}

/* "server-tcp-%u" is given by the caller, who may not know the port. */
static BpChannel *open_events(BpInstance *self, const char *pattern, guint port)
{
	g_autoptr(GString) name = g_string_new(pattern);
	char number[16];

	g_snprintf(number, sizeof(number), "%u", port);
	g_string_replace(name, "%u", number, 1);
	return bp_channel(self, name->str);
}

static BpServer *server_new(BpInstance *self, const BpServerOptions *options, const BpServerEvents *events,
			    gpointer user)
{
	BpServer *server = g_new0(BpServer, 1);

	server->refs = 1;
	server->owned.owner = self;
	server->options = *options;
	server->options.bind = NULL;
	if (!options->backlog_limit)
		server->options.backlog_limit = BACKLOG_LIMIT;
	server->options.tls_cert = g_strdup(options->tls_cert);
	server->options.tls_key = g_strdup(options->tls_key);
	server->options.tls_client_ca = g_strdup(options->tls_client_ca);
	bp_struct_copy(&server->events, sizeof(server->events), events);
	server->user = user;
	return server;
}

BpServer *bp_server_open_sized(BpInstance *self, const BpServerOptions *given, gsize size, const char *events_name,
			       const BpServerEvents *events, gpointer user, GError **error)
{
	BpServerOptions options;
	BpServer *server;

	g_return_val_if_fail(self && events_name && events, NULL);
	if (given)
		bp_sized_copy(&options, sizeof(options), given, size);
	else
		options = bp_server_options(self);
	if (!bp_server_may_bind(options.bind, options.insecure, error))
		return NULL;
	server = server_new(self, &options, events, user);
	if (!bp_networks_of(self, &server->networks, error) || !open_tls(server, error) ||
	    !(server->listening = listen_open(options.bind, options.port, error))) {
		server_unref(server);
		return NULL;
	}
	server->port = bp_address_port(&g_array_index(server->listening, ListenSocket, 0).address);
	server->addresses = format_addresses(server->listening);
	server->channel = bp_channel_ref(open_events(self, events_name, server->port));
	if (options.keepalive)
		set_keepalive(server);
	bp_owner_link(self, &server->owned, "server", drop);
	server_list_add(server);
	server->lost = bp_metric(self, "lost_backlog_total", BP_COUNTER,
				 "messages that connections did not read in time");
	limits_start(server);
	server_let_in(server);
	bp_instance_set_state(self, BP_STATE_OK, "listening on %s", server->addresses);
	if (server->port)
		bp_channel_printf(server->channel, "Listening %s on port %u...", bp_plugin_name(self), server->port);
	else
		bp_channel_printf(server->channel, "Listening %s on %s...", bp_plugin_name(self), server->addresses);
	return server;
}

/* What the module says of itself meanwhile stays. */
void server_set_shut(BpServer *server, int number)
{
	BpInstance *self = server->owned.owner;
	BpInstanceState now;
	g_autofree char *before = NULL;

	if (server->shut == !!number)
		return;
	server->shut = !!number;
	before = g_steal_pointer(&server->reason);
	now = bp_instance_state(self);
	if (number) {
		server->state = now.state;
		server->reason = g_strdup(now.reason);
		bp_instance_set_state(self, BP_STATE_FAILED, SHUT ": %s; raise the limit of open files, or close some",
				      g_strerror(number));
	} else if (now.state == BP_STATE_FAILED && g_str_has_prefix(now.reason, SHUT)) {
		bp_instance_set_state(self, server->state, *before ? "%s" : NULL, before);
	}
}

/* --- closing --- */

void server_unref(BpServer *server)
{
	if (--server->refs)
		return;
	limits_stop(server);
	if (server->listening)
		listen_close(server->listening);
	g_free(server->doors);
	g_clear_pointer(&server->tls, tls_context_unref);
	g_clear_pointer(&server->channel, bp_channel_unref);
	g_free((char *)server->options.tls_cert);
	g_free((char *)server->options.tls_key);
	g_free((char *)server->options.tls_client_ca);
	bp_networks_free(server->networks);
	g_free(server->addresses);
	g_free(server->reason);
	g_free(server);
}

void bp_server_close(BpServer *server)
{
	g_return_if_fail(server);
	if (server->closed)
		return;
	server->closed = TRUE;
	server->lost = NULL;
	g_mutex_lock(&list_lock);
	g_ptr_array_remove(servers, server);
	if (servers->len == 0)
		g_clear_pointer(&servers, g_ptr_array_unref);
	g_mutex_unlock(&list_lock);
	server_stop_accepting(server);
	bp_channel_print(server->channel, "Shutting down server.");
	bp_owner_unlink(&server->owned);
	server_unref(server);
}

/* --- small ones --- */

guint bp_server_port(const BpServer *server)
{
	return server->port;
}

const char *bp_server_addresses(const BpServer *server)
{
	return server->addresses;
}

BpChannel *bp_server_events(const BpServer *server)
{
	return server->channel;
}

BpInstance *bp_server_instance(const BpServer *server)
{
	return server->owned.owner;
}

void bp_server_describe(const BpServer *server, const char *handler, GString *text)
{
	BpServerStats stats = bp_server_stats(server);

	g_string_append_printf(text, "listening on %s%s%s\n", bp_server_addresses(server), handler ? ", handler " : "",
			       handler ? handler : "");
	g_string_append_printf(
		text,
		"%u connections, %" G_GUINT64_FORMAT " so far, %" G_GUINT64_FORMAT " refused; %" G_GUINT64_FORMAT
		" bytes in, %" G_GUINT64_FORMAT " bytes out, %" G_GUINT64_FORMAT " drops\n",
		stats.connections, stats.accepted, stats.refused, stats.bytes_in, stats.bytes_out, stats.drops);
}

void bp_server_stats_sized(const BpServer *server, BpServerStats *result, gsize size)
{
	BpServerStats stats = server->stats;

	for (const BpStream *at = server->first_opened; at; at = at->next_opened) {
		stats.bytes_in += at->stats.bytes_in;
		stats.bytes_out += at->stats.bytes_out;
		stats.drops += at->stats.drops;
	}
	bp_sized_copy(result, size, &stats, sizeof(stats));
}

GPtrArray *bp_server_streams(const BpServer *server)
{
	GPtrArray *list = g_ptr_array_sized_new(server->stats.connections);

	for (BpStream *at = server->first_opened; at; at = at->next_opened)
		g_ptr_array_add(list, at);
	return list;
}

GPtrArray *bp_server_list(void)
{
	GPtrArray *list = g_ptr_array_new();

	g_mutex_lock(&list_lock);
	for (guint i = 0; servers && i < servers->len; i++)
		g_ptr_array_add(list, servers->pdata[i]);
	g_mutex_unlock(&list_lock);
	return list;
}

gboolean bp_server_reload_tls(BpServer *server, GError **error)
{
	return open_tls(server, error);
}
