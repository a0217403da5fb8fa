/* SPDX-License-Identifier: MIT */
/* fuzz-http-server.c - clients of WebServer: requests one after another and one behind another, conditions and ranges, slow
 * heads and bodies, answers that come later or in pieces, WebSocket in JSON, and all of it broken off at any place.
 *
 * Beside the paths of the web server there are /file (100,000 bytes), /empty, /big, and those whose answers scripts control:
 *
 *	n0		the oldest request of /hold is answered
 *	m0 TEXT		a piece for the oldest request of /pieces, or its end if there is no text
 *	b0 TEXT		said on channel "hall", which clients of /ws may watch
 *	k0 5000		/file has so many bytes now
 *
 * Whatever a range is asked for, what comes back with 206 is that part of /file.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <backplane/http.h>
#include "script.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 100;

#define FILE_SIZE 100000
#define MOST_HEARD 1000000

static GQueue held, pieces; /* of exchanges */
static char *file, *empty;
static GString *heard[SCRIPT_CLIENTS];

static char letter_at(guint64 place)
{
	return (char)('a' + place % 23);
}

/* --- routes --- */

static void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer queue)
{
	g_queue_remove(queue, exchange);
}

static void on_drained(BpPlugin *self, BpHttpExchange *exchange, gpointer queue)
{
	bp_http_send(exchange, "drained", 7);
}

static void wait_in(GQueue *queue, BpHttpExchange *exchange)
{
	g_queue_push_tail(queue, exchange);
	bp_http_on_gone(exchange, on_gone, queue);
}

static void route_hold(BpPlugin *self, BpHttpExchange *exchange)
{
	wait_in(&held, exchange);
}

static void route_pieces(BpPlugin *self, BpHttpExchange *exchange)
{
	wait_in(&pieces, exchange);
	bp_http_on_drained(exchange, on_drained);
	bp_http_begin(exchange, 200, "text/plain");
}

static void route_file(BpPlugin *self, BpHttpExchange *exchange)
{
	bp_http_respond_file(exchange, "text/plain", file);
}

static void route_empty(BpPlugin *self, BpHttpExchange *exchange)
{
	bp_http_respond_file(exchange, "text/plain", empty);
}

static void route_big(BpPlugin *self, BpHttpExchange *exchange)
{
	g_autofree char *body = g_strnfill(200000, 'x');

	bp_http_respond(exchange, 200, "text/plain", body, 200000);
}

static const BpHttpRoute routes[] = {
	{ .path = "/hold", .help = "test", .request = route_hold },
	{ .path = "/pieces", .help = "test", .request = route_pieces, .any_origin = TRUE },
	{ .path = "/file", .help = "test", .request = route_file },
	{ .path = "/empty", .help = "test", .request = route_empty },
	{ .path = "/big", .help = "test", .request = route_big },
};

static gboolean load(BpPlugin *self, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(routes); i++) {
		g_autofree char *path = g_strconcat("route", routes[i].path, NULL);

		if (!bp_registry_add(self, path, &routes[i], error))
			return FALSE;
	}
	bp_channel(self, "hall");
	return TRUE;
}

static const BpPluginInfo test = { BP_PLUGIN_BUILT, .name = "test", .version = "1", .summary = "test", .load = load };

/* --- lines of scripts --- */

static void set_file_size(gsize size)
{
	static gsize before = G_MAXSIZE;
	g_autofree char *text = g_malloc(size + 1);
	int fd = size == before ? -1 : open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (size == before)
		return;
	before = size;
	for (gsize i = 0; i < size; i++)
		text[i] = letter_at(i);
	g_assert(fd >= 0 && ftruncate(fd, 0) == 0 && write(fd, text, size) == (gssize)size && close(fd) == 0);
}

static gboolean act(char letter, guint client, const guint8 *text, gsize size)
{
	g_autofree char *digits = g_strndup((const char *)text, size);
	BpHttpExchange *exchange = g_queue_peek_head(letter == 'n' ? &held : &pieces);
	g_autoptr(BpChannel) hall = NULL;

	switch (letter) {
	case 'n':
		if (exchange)
			bp_http_respond_text(g_queue_pop_head(&held), 200, "held");
		return TRUE;
	case 'm':
		if (exchange && size)
			bp_http_send(exchange, text, size);
		else if (exchange)
			bp_http_end(g_queue_pop_head(&pieces));
		return TRUE;
	case 'b':
		hall = bp_channel_find("hall");
		bp_channel_send_take(hall, bp_message_new(text, size, BP_BINARY));
		return TRUE;
	case 'k':
		set_file_size((gsize)CLAMP(atoi(digits), 0, FILE_SIZE));
		return TRUE;
	default:
		return FALSE;
	}
}

/* --- what is answered --- */

static void on_connected(guint client)
{
	if (!heard[client])
		heard[client] = g_string_new(NULL);
	g_string_truncate(heard[client], 0);
}

/* Every answer with a part of /file, as far as it has come; assets have other texts and no such tag. */
static void on_heard(guint client, const guint8 *data, gsize size)
{
	static const char begin[] = "HTTP/1.1 206 ", range[] = "Content-Range: bytes ";
	GString *text = heard[client];
	guint64 first, last, total;

	if (text->len > MOST_HEARD)
		return;
	g_string_append_len(text, (const char *)data, (gssize)size);
	for (char *at = strstr(text->str, begin); at; at = strstr(at + 1, begin)) {
		char *end = strstr(at, "\r\n\r\n"), *field = strstr(at, range),
		     *modified = strstr(at, "Last-Modified: "), *next;

		if (!end)
			return;
		g_assert(field && field < end);
		first = g_ascii_strtoull(field + strlen(range), &next, 10);
		last = g_ascii_strtoull(next + 1, &next, 10);
		total = g_ascii_strtoull(next + 1, NULL, 10);
		g_assert(first <= last && last < total);
		for (guint64 i = first; modified && modified < end && i <= last; i++) {
			const char *byte = end + 4 + (i - first);

			if (byte >= text->str + text->len)
				return;
			g_assert_cmpint(*byte, ==, letter_at(i));
		}
	}
}

/* A client that has closed may as well have ended its half: the server waits for the answer. */
static void finish(void)
{
	while (held.length)
		bp_http_respond_text(g_queue_pop_head(&held), 200, "held");
	while (pieces.length)
		bp_http_end(g_queue_pop_head(&pieces));
}

static const ScriptTarget target = { .act = act, .heard = on_heard, .connected = on_connected, .finish = finish };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const web[] = { "port=0",
					   "quiet=yes",
					   "backlog_limit=32K",
					   "max_body=20K",
					   "max_header=2K",
					   "max_uri=300",
					   "max_connections=3",
					   "header_timeout=2s",
					   "keepalive_timeout=5s",
					   "ping_interval=3s",
					   "ping_timeout=1s",
					   "max_message=4K",
					   NULL };
	static const char *const guarded[] = { "port=0", "quiet=yes", "token=secret", "origins=http://friend.example",
					       NULL };

	script_start(&bp_plugin_info, &target);
	file = g_build_filename(script_folder(), "file", NULL);
	empty = g_build_filename(script_folder(), "empty", NULL);
	g_assert(bp_plugin_add(&test, NULL) && g_file_set_contents(empty, "", 0, NULL));
	script_serve("WebServer", "web", web);
	script_serve("WebServer", "guarded", guarded);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	set_file_size(FILE_SIZE);
	script_run(data, size);
	g_assert(!held.length && !pieces.length);
	return 0;
}
