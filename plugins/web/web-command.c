/* SPDX-License-Identifier: MIT */
/* web-command.c - console commands over HTTP, each request in a session of its own.
 *
 * A run is kept by its session, by the commands under way, and by the request that waits for them; the last of them
 * frees it. Output beyond OUTPUT_LIMIT is cut with a note.
 */
#include <stdlib.h>
#include <string.h>
#include "web.h"

#define OUTPUT_LIMIT (4 * 1024 * 1024)

typedef struct {
	WebServer *server;
	GQueue *runs;
	BpSession *session;	  /* NULL: ended */
	BpHttpExchange *exchange; /* NULL: answered, or disconnected */
	WebRunDone done;
	char *command;
	GString *output;
	guint failed;
	gboolean running, cut;
} WebRun;

static void run_free(WebRun *run)
{
	g_queue_remove(run->runs, run);
	g_string_free(run->output, TRUE);
	g_free(run->command);
	g_free(run);
}

static void free_if_over(WebRun *run)
{
	if (!run->session && !run->running && !run->exchange)
		run_free(run);
}

static void answer(WebRun *run)
{
	BpHttpExchange *exchange = g_steal_pointer(&run->exchange);
	g_autofree char *text = NULL;

	if (!exchange)
		return;
	if (run->cut)
		g_string_append(run->output, "\n(more was printed than is kept)\n");
	text = g_utf8_make_valid(run->output->str, (gssize)run->output->len);
	run->done(run->server, exchange, run->command, run->failed > 0, text);
}

static void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	WebRun *run = link;
	gsize room = OUTPUT_LIMIT - run->output->len;

	if (!run->exchange)
		return;
	run->cut |= size > room;
	g_string_append_len(run->output, data, (gssize)MIN(size, room));
}

/* The session was ended by `exit` or by another user: no more output follows. */
static void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	WebRun *run = link;

	run->session = NULL;
	answer(run);
	free_if_over(run);
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link), .name = "web", .send = link_send, .end = link_end
};

static void on_done(BpPlugin *self, guint failed, gpointer data)
{
	WebRun *run = data;

	run->running = FALSE;
	run->failed = failed;
	answer(run);
	if (run->session)
		bp_session_end(run->session, BP_END_PEER, NULL); /* link_end frees it */
	else
		free_if_over(run);
}

static void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	WebRun *run = data;

	run->exchange = NULL;
	if (run->session)
		bp_session_end(run->session, BP_END_PEER, NULL);
}

void web_run(WebServer *server, BpHttpExchange *exchange, const char *command, WebRunDone done)
{
	WebRun *run = g_new0(WebRun, 1);
	BpSubject subject;
	gboolean known = web_subject(exchange, &subject);
	g_autofree char *who = web_who(&subject, bp_http_peer(exchange));
	BpSessionOptions options = {
		.handler = bp_handler_find("console"),
		.link = &session_link,
		.data = run,
		.peer = who,
		.local = "",
		.query = "",
		.role = known ? subject.role : BP_OBSERVER,
		.quiet = TRUE,
		.no_prompt = TRUE,
	};
	g_autoptr(GError) error = NULL;
	BpSession *session;

	run->server = server;
	run->runs = server->runs;
	run->exchange = exchange;
	run->done = done;
	run->command = g_strdup(command);
	run->output = g_string_new(NULL);
	run->running = TRUE;
	g_queue_push_tail(run->runs, run);
	bp_http_on_gone(exchange, on_gone, run);
	session = bp_session_open(server->self, &options, &error);
	if (!session) {
		/* If the session was ended at once, link_end has answered. */
		if (run->exchange)
			bp_http_respond_error(run->exchange, error);
		run_free(run);
		return;
	}
	/* The welcome is for people who stay. */
	g_string_truncate(run->output, 0);
	run->session = session;
	bp_session_run(server->self, session, run->command, on_done, run);
}

void web_runs_end(WebServer *server)
{
	for (GList *at = server->runs->head, *next; at; at = next) {
		WebRun *run = at->data;

		next = at->next;
		answer(run);
	}
}

void web_runs_free(gpointer runs)
{
	WebRun *run;

	while ((run = g_queue_peek_head(runs)))
		run_free(run);
	g_queue_free(runs);
}

/* --- GET /?cmd=, POST cmd= --- */

static void answer_json(BpHttpExchange *exchange, const char *command, gboolean failed, const char *output)
{
	bp_http_respond_json(exchange, 200,
			     json_pack("{s:o,s:i,s:o}", "command", bp_json_string(command, -1), "status",
				       failed ? 1 : 0, "output", bp_json_string(output, -1)));
}

static void answer_run(WebServer *server, BpHttpExchange *exchange, const char *command, gboolean failed,
		       const char *output)
{
	answer_json(exchange, command, failed, output);
}

static gboolean wants_json(const BpHttpExchange *exchange)
{
	const char *accept = bp_http_header(exchange, "accept");

	return accept && strstr(accept, "application/json");
}

static void answer_page(WebServer *server, BpHttpExchange *exchange, const char *command, gboolean failed,
			const char *output)
{
	if (wants_json(exchange))
		answer_json(exchange, command, failed, output);
	else
		web_serve_result(server, exchange, command, failed, output);
}

/* HEAD runs nothing, so that the length of the output is not known. */
static void answer_head(BpHttpExchange *exchange)
{
	bp_http_begin(exchange, 200, wants_json(exchange) ? "application/json" : "text/html; charset=utf-8");
	bp_http_end(exchange);
}

static char *posted_command(BpHttpExchange *exchange)
{
	const char *type = bp_http_header(exchange, "content-type");
	gsize size;
	const char *body = bp_http_body(exchange, &size);
	char *command;

	if (!bp_http_has_body(exchange)) {
		bp_http_respond_problem(exchange, 411, "a form with cmd is expected, with its Content-Length");
		return NULL;
	}
	if (!type || g_ascii_strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0) {
		bp_http_respond_problem(exchange, 415, "the body must be a form: application/x-www-form-urlencoded");
		return NULL;
	}
	command = bp_http_form_value(body, size, "cmd");
	if (!command)
		bp_http_respond_problem(exchange, 400, "the form has no field cmd in UTF-8");
	return command;
}

void web_serve_root(WebServer *server, BpHttpExchange *exchange)
{
	const char *query = bp_http_query(exchange);
	g_autofree char *command = NULL;

	if (web_is_method(exchange, "POST")) {
		command = posted_command(exchange);
		if (!command)
			return;
	} else {
		command = bp_http_form_value(query, strlen(query), "cmd");
		if (!command && (g_str_has_prefix(query, "cmd=") || strstr(query, "&cmd="))) {
			bp_http_respond_problem(exchange, 400, "cmd is not UTF-8");
			return;
		}
	}
	if (command && *g_strstrip(command) && !bp_http_is_proven(exchange))
		bp_http_respond_problem(
			exchange, 403,
			"a browser must say where a command comes from (Origin, Referer or Sec-Fetch-Site); "
			"post it from the page, or with the field X-Backplane");
	else if (command && *command && web_is_method(exchange, "HEAD"))
		answer_head(exchange);
	else if (command && *command)
		web_run(server, exchange, command, answer_page);
	else
		web_serve_index(server, exchange);
}

void web_serve_run(WebServer *server, BpHttpExchange *exchange)
{
	json_t *body = web_body(exchange, FALSE);
	const char *command;

	if (!body)
		return;
	command = json_string_value(json_object_get(body, "command"));
	if (!command || strlen(command) != json_string_length(json_object_get(body, "command")))
		bp_http_respond_problem(exchange, 400, "command: a text without NUL is expected");
	else
		web_run(server, exchange, command, answer_run);
	json_decref(body);
}

/* --- completion --- */

void web_serve_complete(WebServer *server, BpHttpExchange *exchange)
{
	const char *query = bp_http_query(exchange);
	g_autofree char *line = bp_http_form_value(query, strlen(query), "line");
	g_autofree char *cursor = bp_http_form_value(query, strlen(query), "cursor");
	gsize at, start = 0;
	g_auto(GStrv) words = NULL;
	json_t *list;

	if (!line) {
		bp_http_respond_problem(exchange, 400, "line: the line to complete is expected");
		return;
	}
	at = cursor ? (gsize)g_ascii_strtoull(cursor, NULL, 10) : strlen(line);
	at = MIN(at, strlen(line));
	start = at;
	list = json_array();
	words = bp_complete_commands(line, at, &start);
	for (char **word = words; word && *word; word++)
		json_array_append_new(list, bp_json_string(*word, -1));
	bp_http_respond_json(exchange, 200, json_pack("{s:I,s:o}", "start", (json_int_t)start, "words", list));
}
