/* SPDX-License-Identifier: MIT */
/* endpoint-call.c - endpoints by name: a plugin's table, a console command, or the watches of a channel.
 *
 * A request for NAME is published on SERVER/endpoint/NAME when that channel is watched; it has a reply channel of its
 * own, and the first message on that is the answer. A command's endpoint runs it in a session without a user; $data and
 * $data.KEY in it are replaced by what the request has, each as one quoted word, so that no request adds an option, a command
 * or a second word.
 */
#include <string.h>
#include "endpoint.h"
#include "python-json.h"

#define MOST_PENDING 4096 /* of one server */
#define MOST_OUTPUT (1024 * 1024)

typedef struct {
	BpEndpoint endpoint; /* first: what the registry has */
	char *name, *path, *command;
	BpRole role;
	gboolean json; /* the output is JSON, and the answer's data */
} CommandEndpoint;

static GHashTable *commands; /* name -> CommandEndpoint */

static json_t *call_nothing(BpPlugin *self, const json_t *message, const char *client, GError **error)
{
	return json_null();
}

/* --- later answers --- */

/* A command under way: the session's, until its end. */
typedef struct EndpointRun {
	EndpointRequest *request; /* NULL: it does not wait any more */
	BpSession *session;	  /* NULL: it is being opened */
	GString *output;
	gboolean json;
} EndpointRun;

static BpScope *scope_of(EndpointRequest *request)
{
	return bp_stream_scope(request->connection->stream);
}

void endpoint_call_cancel(EndpointRequest *request)
{
	EndpointRun *run = g_steal_pointer(&request->run);

	g_clear_pointer(&request->timer, bp_timer_remove);
	g_clear_pointer(&request->watch, bp_watch_remove);
	if (request->reply)
		bp_channel_release(scope_of(request), g_steal_pointer(&request->reply));
	if (!run)
		return;
	run->request = NULL;
	bp_session_end(run->session, BP_END_KILLED, NULL);
}

static void answer_later(EndpointRequest *request, json_t *take_reply)
{
	endpoint_call_cancel(request);
	endpoint_answer(request, take_reply);
}

static void on_timeout(BpPlugin *self, gpointer data)
{
	EndpointRequest *request = data;
	EndpointServer *server = request->connection->server;
	json_t *reply = endpoint_error("Error processing endpoint: no answer within %g s",
				       (double)server->timeout / G_USEC_PER_SEC);

	server->timeouts++;
	json_object_set_new(reply, "code", json_string("timeout"));
	answer_later(request, reply);
}

/* --- channels --- */

static void on_reply(BpPlugin *self, BpMessage *message, gpointer data)
{
	EndpointRequest *request = data;
	json_t *value = bp_json_parse(bp_message_data(message), bp_message_size(message), JSON_LINE_LIMIT, NULL);

	if (!request->reply)
		return;
	if (!value)
		value = bp_json_string(bp_message_data(message), (gssize)bp_message_size(message));
	answer_later(request, endpoint_success(value));
}

static gboolean is_watched(const EndpointServer *server, const char *name, BpChannel **channel)
{
	g_autofree char *full = g_strdup_printf("%s/endpoint/%s", bp_plugin_name(server->self), name);
	g_autoptr(BpChannel) found = bp_channel_check_name(full, NULL) ? bp_channel_find(full) : NULL;

	if (!found || !bp_channel_is_watched(found))
		return FALSE;
	*channel = g_steal_pointer(&found);
	return TRUE;
}

/* Yours. */
static char *message_text(const EndpointRequest *request, const json_t *message)
{
	g_autofree char *text = request->marked ? python_json_text(message) : NULL;

	return text ? python_json_unmark(text) : bp_json_text(message);
}

static void ask_channel(EndpointRequest *request, BpChannel *channel, const json_t *message)
{
	EndpointConnection *connection = request->connection;
	EndpointServer *server = connection->server;
	g_autofree char *text = message_text(request, message);
	g_autofree char *name = g_strdup_printf("%s/reply/%" G_GUINT64_FORMAT, bp_plugin_name(server->self),
						++server->next_reply);
	g_autoptr(BpMessage) asked = bp_message_new(text, strlen(text), BP_TEXT);
	char *origin = g_ref_string_new(bp_stream_peer(connection->stream));

	request->reply = bp_channel(scope_of(request), name);
	request->watch = bp_channel_watch(scope_of(request), request->reply, on_reply, request, NULL);
	bp_timer_once(&request->timer, scope_of(request), server->timeout, on_timeout, request);
	bp_message_set_origin(asked, origin);
	g_ref_string_release(origin);
	bp_message_set_reply_channel(asked, request->reply);
	bp_channel_send(channel, asked);
}

/* --- commands --- */

static void session_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text,
			 gpointer link)
{
	EndpointRun *run = link;

	/* The welcome is for people who stay. */
	if (run->session && run->output->len < MOST_OUTPUT)
		g_string_append_len(run->output, data, (gssize)MIN(size, MOST_OUTPUT - run->output->len));
}

static void run_free(EndpointRun *run)
{
	g_string_free(run->output, TRUE);
	g_free(run);
}

static void session_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	EndpointRun *run = link;
	EndpointRequest *request = run->request;

	if (!run->session)
		return; /* run_command frees it */
	run_free(run);
	if (!request)
		return; /* we ended it */
	request->run = NULL;
	answer_later(request, endpoint_error("Error processing endpoint: the command was ended"));
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link), .name = "endpoint", .send = session_send, .end = session_end
};

static json_t *json_answer(const EndpointRun *run, guint failed)
{
	g_autoptr(GError) error = NULL;
	json_t *data;

	g_strchomp(run->output->str);
	if (failed)
		return endpoint_error("Error processing endpoint: %s", run->output->str);
	data = bp_json_parse(run->output->str, strlen(run->output->str), MOST_OUTPUT, &error);
	if (data)
		return endpoint_success(data);
	return endpoint_error("Error processing endpoint: the output of its command is no JSON: %s", error->message);
}

/* Before the end of the session, which is the end of the run. */
static void on_command_done(BpPlugin *self, guint failed, gpointer data)
{
	EndpointRun *run = data;
	g_auto(GStrv) lines = NULL;
	json_t *list;

	if (!run->request)
		return;
	if (run->json) {
		answer_later(run->request, json_answer(run, failed));
		return;
	}
	lines = g_strsplit(run->output->str, "\n", -1);
	list = json_array();
	for (char **at = lines; *at; at++) {
		g_strchomp(*at);
		if (**at || at[1])
			json_array_append_new(list, bp_json_string(*at, -1));
	}
	answer_later(run->request, endpoint_success(json_pack("{s:b,s:o}", "ok", failed == 0, "output", list)));
}

/* A string as it is, anything else as JSON; quoted. NULL: a NUL cannot be part of a command line. */
static char *quoted(const json_t *value)
{
	g_autofree char *text = json_is_string(value) ? g_strndup(json_string_value(value), json_string_length(value))
				: value		      ? bp_json_text(value)
						      : g_strdup("");

	if (json_is_string(value) && strlen(text) != json_string_length(value))
		return NULL;
	return bp_quote(text, '"');
}

/* The command with the request's data. NULL: it cannot be part of one. */
static char *command_line(const char *command, const json_t *message)
{
	const json_t *data = json_object_get(message, "data");
	g_autoptr(GString) line = g_string_new(NULL);

	for (const char *at; (at = strstr(command, "$data")); command = at) {
		g_autofree char *key = NULL, *word = NULL;
		gsize size = 0;

		g_string_append_len(line, command, at - command);
		at += strlen("$data");
		while (at[0] == '.' && (g_ascii_isalnum(at[1 + size]) || at[1 + size] == '_' || at[1 + size] == '-'))
			size++;
		key = size ? g_strndup(at + 1, size) : NULL;
		at += size ? 1 + size : 0;
		word = quoted(key ? json_object_get(data, key) : data);
		if (!word)
			return NULL;
		g_string_append(line, word);
	}
	g_string_append(line, command);
	return g_strdup(line->str);
}

static json_t *run_command(EndpointRequest *request, const CommandEndpoint *endpoint, const json_t *message)
{
	g_autofree char *line = command_line(endpoint->command, message);
	EndpointServer *server = request->connection->server;
	EndpointRun *run = g_new0(EndpointRun, 1);
	g_autoptr(GError) error = NULL;
	BpSessionOptions options = {
		.handler = bp_handler_find("console"),
		.link = &session_link,
		.data = run,
		.no_prompt = TRUE,
		.quiet = TRUE,
		.peer = bp_stream_peer(request->connection->stream),
		.local = "",
		.query = "",
		.role = endpoint->role,
	};

	run->json = endpoint->json;
	run->output = g_string_new(NULL);
	if (!line) {
		run_free(run);
		return endpoint_error("Error processing endpoint: there is a NUL in the data");
	}
	run->session = options.handler ? bp_session_open(server->self, &options, &error) : NULL;
	if (!run->session) {
		run_free(run);
		return endpoint_error("Error processing endpoint: %s", error ? error->message : "there is no console");
	}
	run->request = request;
	request->run = run;
	bp_timer_once(&request->timer, scope_of(request), server->timeout, on_timeout, request);
	bp_session_run(server->self, run->session, line, on_command_done, run);
	return NULL;
}

/* --- by name --- */

static json_t *call_table(BpPlugin *self, const BpEndpoint *endpoint, EndpointRequest *request, const json_t *message,
			  gboolean by_protocol)
{
	g_autoptr(GError) error = NULL;
	json_t *data = endpoint->call(self, message, request->connection->id, &error);

	if (data)
		return endpoint_success(data);
	return endpoint_error(by_protocol ? "Error during protocol processing: %s" : "Error processing endpoint: %s",
			      error ? error->message : "no answer");
}

gboolean endpoint_call(EndpointRequest *request, const char *name, const json_t *message, gboolean by_protocol,
		       json_t **reply)
{
	EndpointServer *server = request->connection->server;
	g_autofree char *path = NULL;
	g_autoptr(BpChannel) channel = NULL;
	const BpEndpoint *endpoint;

	if (!endpoint_name_ok(name))
		return FALSE;
	path = g_strconcat("endpoint/", name, NULL);
	endpoint = bp_registry_find(path);
	if (!endpoint && !is_watched(server, name, &channel))
		return FALSE;
	if (endpoint && endpoint->call != call_nothing) {
		*reply = call_table(bp_registry_owner(path), endpoint, request, message, by_protocol);
	} else if (server->pending > MOST_PENDING) {
		*reply = endpoint_error("Error processing endpoint: %d requests wait already", MOST_PENDING);
	} else if (endpoint) {
		*reply = run_command(request, (const CommandEndpoint *)endpoint, message);
	} else {
		ask_channel(request, channel, message);
		*reply = NULL;
	}
	return TRUE;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **endpoint_names(const EndpointServer *server)
{
	g_auto(GStrv) registered = bp_registry_list("endpoint/");
	g_autofree char *prefix = server ? g_strdup_printf("%s/endpoint/", bp_plugin_name(server->self)) : NULL;
	g_autofree char *glob = prefix ? g_strconcat(prefix, "*", NULL) : NULL;
	g_autoptr(GPtrArray) channels = glob ? bp_channel_list(glob) : NULL;
	GPtrArray *names = g_ptr_array_new();

	for (char **at = registered; at && *at; at++)
		g_ptr_array_add(names, g_strdup(*at));
	for (guint i = 0; channels && i < channels->len; i++) {
		const char *name = bp_channel_name(channels->pdata[i]) + strlen(prefix);

		if (bp_channel_is_watched(channels->pdata[i]) && endpoint_name_ok(name) &&
		    !(registered && g_strv_contains((const char *const *)registered, name)))
			g_ptr_array_add(names, g_strdup(name));
	}
	g_ptr_array_sort(names, by_name);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

/* --- the console's own --- */

static void command_free(gpointer data)
{
	CommandEndpoint *endpoint = data;

	g_free(endpoint->name);
	g_free(endpoint->path);
	g_free(endpoint->command);
	g_free(endpoint);
}

gboolean endpoint_command_add(BpPlugin *self, const char *name, const char *command, gboolean json, BpRole role,
			      GError **error)
{
	CommandEndpoint *endpoint;

	if (!endpoint_name_ok(name)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID,
			    "an endpoint cannot be named %.80s: use up to 64 letters, digits and - _ .", name);
		return FALSE;
	}
	endpoint = g_new0(CommandEndpoint, 1);
	endpoint->name = g_strdup(name);
	endpoint->path = g_strconcat("endpoint/", name, NULL);
	endpoint->command = g_strdup(command);
	endpoint->role = role;
	endpoint->json = json;
	endpoint->endpoint = (BpEndpoint){
		.size = sizeof(BpEndpoint), .name = endpoint->name, .help = endpoint->command, .call = call_nothing
	};
	if (!bp_registry_add(self, endpoint->path, &endpoint->endpoint, error)) {
		command_free(endpoint);
		return FALSE;
	}
	if (!commands)
		commands = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, command_free);
	g_hash_table_insert(commands, endpoint->name, endpoint);
	return TRUE;
}

gboolean endpoint_command_remove(BpPlugin *self, const char *name, GError **error)
{
	CommandEndpoint *endpoint = commands ? g_hash_table_lookup(commands, name) : NULL;

	if (!endpoint) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "no command has the endpoint %.80s: `endpoint list` shows those there are", name);
		return FALSE;
	}
	bp_registry_remove(self, endpoint->path);
	g_hash_table_remove(commands, name);
	return TRUE;
}

const char *endpoint_command_of(const char *name)
{
	CommandEndpoint *endpoint = commands ? g_hash_table_lookup(commands, name) : NULL;

	return endpoint ? endpoint->command : NULL;
}

void endpoint_commands_unload(void)
{
	g_clear_pointer(&commands, g_hash_table_unref);
}
