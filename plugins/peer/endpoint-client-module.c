/* SPDX-License-Identifier: MIT */
/* endpoint-client-module.c - module EndpointClient, and the command call.
 *
 * What is sent on NAME/send is a request in JSON; its answer is on NAME/recv and goes to who asked for it by a reply
 * channel. client-endpoint-NAME tells the state, and requests that failed.
 */
#include <string.h>
#include "endpoint.h"
#include "python-json.h"

gboolean endpoint_part_address(const char *address, char **host, guint *port, GError **error)
{
	const char *colon = strrchr(address, ':');
	gsize size = colon ? (gsize)(colon - address) : 0;
	guint64 number;

	if (size > 2 && address[0] == '[' && address[size - 1] == ']') {
		address++;
		size -= 2;
	} else if (size && memchr(address, ':', size)) {
		size = 0;
	}
	if (!size || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &number, NULL)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID,
			    "%.100s is not HOST:PORT: write localhost:8888 or [::1]:8888", address);
		return FALSE;
	}
	*host = g_strndup(address, size);
	*port = (guint)number;
	return TRUE;
}

/* --- the module --- */

typedef struct {
	EndpointClientModule *module;
	BpChannel *reply; /* a reference, or NULL */
} PendingReply;

static void on_state(EndpointClient *client, BpState state, const char *sentence, gint64 pause, gpointer data)
{
	EndpointClientModule *module = data;

	if (pause < 0)
		bp_channel_print(module->events, sentence);
	else
		bp_channel_printf(module->events, "%s; next try in %.1f s", sentence, (double)pause / G_USEC_PER_SEC);
	bp_instance_set_state(module->self, state, "%s", sentence);
}

static void on_answer(const json_t *reply, const GError *error, gpointer data)
{
	PendingReply *asked = data;
	EndpointClientModule *module = asked->module;
	g_autofree char *text = NULL;
	g_autoptr(BpMessage) message = NULL;

	if (error) {
		json_t *failed = json_pack("{s:s,s:o}", "status", "error", "message",
					   bp_json_string(error->message, -1));

		bp_channel_printf(module->events, "A request failed: %s", error->message);
		text = bp_json_text(failed);
		json_decref(failed);
	} else {
		text = bp_json_text(reply);
	}
	message = bp_message_new(text, strlen(text), BP_TEXT);
	if (!error)
		bp_channel_send(module->recv, message);
	if (asked->reply) {
		bp_channel_send(asked->reply, message);
		bp_channel_unref(asked->reply);
	}
	g_free(asked);
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	EndpointClientModule *module = data;
	BpChannel *reply = bp_message_reply_channel(message);
	g_autoptr(GError) error = NULL;
	json_t *object = bp_json_parse_object(bp_message_data(message), bp_message_size(message), JSON_LINE_LIMIT,
					      &error);
	PendingReply *asked;

	if (!object) {
		bp_channel_printf(module->events, "Not sent: %s", error->message);
		return;
	}
	asked = g_new0(PendingReply, 1);
	asked->module = module;
	asked->reply = reply ? bp_channel_ref(reply) : NULL;
	endpoint_client_request(module->client, object, on_answer, asked);
}

static const char *tls_name_of(BpInstance *self)
{
	const char *name = bp_instance_string(self, "tls_name");

	if (!bp_instance_bool(self, "tls"))
		return NULL;
	if (!name || !*name)
		return bp_instance_string(self, "host");
	return strcmp(name, "*") == 0 ? "" : name;
}

gboolean endpoint_client_open(BpInstance *self, GError **error)
{
	EndpointClientModule *module = bp_instance_data(self);
	g_autofree char *name = g_strdup_printf("client-endpoint-%s", bp_plugin_name(self));
	EndpointClientOptions options = {
		.host = bp_instance_string(self, "host"),
		.port = (guint)bp_instance_int(self, "port"),
		.timeout = bp_instance_duration(self, "timeout"),
		.reconnect_delay = bp_instance_duration(self, "reconnect_delay"),
		.attempts = bp_instance_bool(self, "auto_reconnect")
				    ? (guint)bp_instance_int(self, "max_reconnect_attempts")
				    : 0,
		.tls_name = tls_name_of(self),
	};

	module->self = self;
	module->events = bp_channel(self, name);
	module->recv = bp_instance_channel(self, "recv");
	module->send = bp_instance_channel(self, "send");
	bp_instance_set_state(self, BP_STATE_WAITING, "Connecting to %s:%u", options.host, options.port);
	module->client = endpoint_client_new(self, &options, on_state, module);
	bp_channel_watch(self, module->send, on_send, module, NULL);
	return TRUE;
}

void endpoint_client_close(BpInstance *self)
{
	EndpointClientModule *module = bp_instance_data(self);

	endpoint_client_free(module->client);
}

void endpoint_client_describe(BpInstance *self, GString *text)
{
	EndpointClientModule *module = bp_instance_data(self);
	EndpointClientCounts counts = endpoint_client_counts(module->client);

	g_string_append_printf(text,
			       "%s to %s:%u\n%" G_GUINT64_FORMAT " requests, %" G_GUINT64_FORMAT
			       " answers, %" G_GUINT64_FORMAT " failed, %" G_GUINT64_FORMAT
			       " timeouts, %" G_GUINT64_FORMAT " late, %" G_GUINT64_FORMAT " reconnects\n",
			       endpoint_client_state(module->client), bp_instance_string(self, "host"),
			       (guint)bp_instance_int(self, "port"), counts.requests, counts.answers, counts.failures,
			       counts.timeouts, counts.late, counts.reconnects);
}

const BpParam endpoint_client_params[] = {
	{ "host", .type = BP_STRING, .fallback = "127.0.0.1", .alias = "server_ip",
	  .help = "name or address of the server" },
	{ "port", 'p', BP_INT, .fallback = "8888", .alias = "server_port", .min = 1, .max = 65535, .help = "its port" },
	{ "timeout", .type = BP_DURATION, .fallback = "5s", .min = 0.01, .max = 3600,
	  .help = "for connecting, and for each answer" },
	{ "auto_reconnect", .type = BP_BOOL, .fallback = "yes", .help = "connect again when it is cut or fails" },
	{ "max_reconnect_attempts", .type = BP_INT, .fallback = "3", .min = 0, .max = 1000000,
	  .help = "tries in a row" },
	{ "reconnect_delay", .type = BP_DURATION, .fallback = "1s", .min = 0.01, .max = 3600,
	  .help = "first pause; doubled each time" },
	{ "tls", .type = BP_BOOL, .fallback = "no", .help = "encrypt, and check the server's certificate" },
	{ "tls_name", .type = BP_STRING, .help = "name in its certificate, if not the host; * takes any" },
	{ NULL },
};

/* --- call --- */

typedef struct {
	BpScope *scope; /* its end frees this call */
	EndpointClient *client;
	BpCall *call;  /* NULL: asynchronous, or answered already */
	guint session; /* of an asynchronous one */
	guint number;
	gboolean done;
} EndpointCall;

static guint last_number;

const BpParam endpoint_call_params[] = {
	{ "address", .kind = BP_ARGUMENT, .required = 1, .help = "HOST:PORT of an endpoint server" },
	{ "endpoint", .kind = BP_ARGUMENT, .required = 1,
	  .help = "its endpoint; with --request a built-in one, as ping" },
	{ "data", .kind = BP_ARGUMENT, .type = BP_REST,
	  .help = "JSON for it; --async after it does not wait for the answer" },
	{ "request", 'r', BP_BOOL, .help = "a built-in request: ping, status, info, echo, peer_list" },
	{ "async", 'a', BP_BOOL, .help = "do not wait: the answer is shown when it comes" },
	{ "timeout", 't', BP_DURATION, .fallback = "5s", .min = 0.01, .max = 3600, .help = "for the answer" },
	{ NULL },
};

static void pending_free(gpointer data)
{
	EndpointCall *pending = data;

	endpoint_client_free(pending->client);
	g_free(pending);
}

static void close_scope(BpPlugin *scope, gpointer data)
{
	bp_scope_close(scope);
}

static void on_called(const json_t *reply, const GError *error, gpointer data)
{
	EndpointCall *pending = data;
	BpCall *call = g_steal_pointer(&pending->call);
	BpSession *session = pending->session ? bp_session_find(pending->session) : NULL;
	g_autofree char *text = reply ? bp_json_text(reply) : NULL;

	if (pending->done)
		return;
	pending->done = TRUE;
	if (call && reply)
		bp_call_print(call, text);
	if (call)
		bp_call_done(call, error ? g_error_copy(error) : NULL);
	if (session) {
		g_autofree char *line = g_strdup_printf("Call %u: %s", pending->number, text ? text : error->message);

		bp_session_notify(session, line);
	}
	/* Not from inside the client. */
	if (error && g_error_matches(error, BP_IO_ERROR, BP_CANCELLED))
		return;
	bp_defer(pending->scope, close_scope, NULL, NULL);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	EndpointCall *pending = data;
	BpCall *call = g_steal_pointer(&pending->call);

	if (call)
		bp_call_done(call, g_error_new(BP_IO_ERROR, BP_CANCELLED, "the call was ended"));
	if (!pending->done) {
		pending->done = TRUE;
		bp_defer(pending->scope, close_scope, NULL, NULL);
	}
}

/* The rest of the line: JSON, then perhaps --async. */
static gboolean read_data(const char *rest, json_t **data, gboolean *async, GError **error)
{
	g_autofree char *text = g_strstrip(g_strdup(rest ? rest : ""));
	gboolean said_async = g_str_has_suffix(text, "--async");
	json_t *value = NULL;

	if (said_async) {
		text[strlen(text) - strlen("--async")] = 0;
		g_strchomp(text);
	}
	if (strlen(text) > 1 && text[0] == '\'' && text[strlen(text) - 1] == '\'') {
		text[strlen(text) - 1] = 0;
		memmove(text, text + 1, strlen(text));
	}
	if (*text && !(value = bp_json_parse(text, strlen(text), JSON_LINE_LIMIT, error)))
		return FALSE;
	*data = value;
	*async |= said_async;
	return TRUE;
}

gboolean endpoint_run_call(BpPlugin *self, BpCall *call, GError **error)
{
	const char *endpoint = bp_call_string(call, "endpoint");
	gboolean async = bp_call_bool(call, "async");
	g_autofree char *host = NULL;
	EndpointClientOptions options = { .timeout = bp_call_duration(call, "timeout"),
					  .reconnect_delay = G_USEC_PER_SEC };
	json_t *data = NULL, *message;
	EndpointCall *pending;

	if (!endpoint_part_address(bp_call_string(call, "address"), &host, &options.port, error) ||
	    !read_data(bp_call_string(call, "data"), &data, &async, error))
		return FALSE;
	options.host = host;
	message = json_pack("{s:s}", bp_call_bool(call, "request") ? "request" : "endpoint", endpoint);
	if (data)
		json_object_set_new(message, "data", data);
	pending = g_new0(EndpointCall, 1);
	pending->scope = bp_scope_open(self);
	pending->number = ++last_number;
	pending->client = endpoint_client_new(pending->scope, &options, NULL, NULL);
	bp_plugin_defer_undo(pending->scope, pending_free,
			     pending); /* the newest, so undone before what the client owns */
	if (async) {
		pending->session = bp_session_id(bp_call_session(call));
		bp_call_printf(call, "Call %u is under way.", pending->number);
	} else {
		pending->call = call;
		bp_call_hold(call, on_cancel, pending);
	}
	endpoint_client_request(pending->client, message, on_called, pending);
	return TRUE;
}
