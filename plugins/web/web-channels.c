/* SPDX-License-Identifier: MIT */
/* web-channels.c - messages of channels: the last ones, and Server-Sent Events.
 *
 * A client of events that does not read loses messages, which are counted and reported in an event `dropped`; a comment every
 * 15 s detects clients that have disconnected.
 */
#include <string.h>
#include "web.h"

#define COMMENT_INTERVAL (15 * G_USEC_PER_SEC)

static json_t *message_json(BpMessage *message)
{
	const char *data = bp_message_data(message), *origin = bp_message_origin(message);
	gsize size = bp_message_size(message);
	json_t *object = json_pack("{s:f,s:I}", "time", (double)bp_message_time(message) / 1000, "size",
				   (json_int_t)size);

	if (origin)
		json_object_set_new(object, "origin", bp_json_string(origin, -1));
	if (g_utf8_validate(data, (gssize)size, NULL)) {
		json_object_set_new(object, "text", bp_json_string(data, (gssize)size));
	} else {
		g_autofree char *text = g_base64_encode((const guchar *)data, size);

		json_object_set_new(object, "base64", json_string(text));
	}
	return object;
}

static void serve_messages(BpHttpExchange *exchange, const char *name)
{
	g_autoptr(BpChannel) channel = bp_channel_find(name);
	g_autoptr(GPtrArray) messages = NULL;
	json_t *list;

	if (!channel) {
		bp_http_respond_problem(exchange, 404, "there is no such channel");
		return;
	}
	messages = bp_channel_replay(channel);
	list = json_array();
	for (guint i = 0; i < messages->len; i++)
		json_array_append_new(list, message_json(messages->pdata[i]));
	bp_http_respond_json(exchange, 200, list);
}

/* --- events --- */

typedef struct {
	BpHttpExchange *exchange;
	guint64 dropped;
} Feed;

static void tell_dropped(Feed *feed)
{
	g_autofree char *text = g_strdup_printf("event: dropped\ndata: {\"count\":%" G_GUINT64_FORMAT "}\n\n",
						feed->dropped);

	if (feed->dropped && bp_http_send(feed->exchange, text, strlen(text)) == BP_SENT)
		feed->dropped = 0;
}

static void on_message(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	Feed *feed = data;
	json_t *object = message_json(message);
	g_autofree char *json = NULL, *text = NULL;

	json_object_set_new(object, "channel", bp_json_string(bp_channel_name(channel), -1));
	json = bp_json_text(object);
	json_decref(object);
	text = g_strdup_printf("data: %s\n\n", json);
	if (feed->dropped)
		tell_dropped(feed);
	if (feed->dropped || bp_http_send(feed->exchange, text, strlen(text)) != BP_SENT)
		feed->dropped++;
}

static void on_comment(BpPlugin *self, gpointer data)
{
	Feed *feed = data;

	bp_http_send(feed->exchange, ":\n\n", 3);
}

static void on_drained(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	tell_dropped(data);
}

static void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	g_free(data);
}

static void serve_events(WebServer *server, BpHttpExchange *exchange, const char *glob)
{
	Feed *feed = g_new0(Feed, 1);

	if (web_is_method(exchange, "HEAD")) {
		g_free(feed);
		bp_http_begin(exchange, 200, "text/event-stream");
		bp_http_end(exchange);
		return;
	}
	feed->exchange = exchange;
	bp_http_on_gone(exchange, on_gone, feed);
	bp_http_on_drained(exchange, on_drained);
	bp_http_begin(exchange, 200, "text/event-stream");
	bp_http_send(exchange, "retry: 2000\n\n", 13);
	bp_timer_add(bp_http_scope(feed->exchange), NULL, COMMENT_INTERVAL, 0, on_comment, feed, NULL);
	bp_channel_watch_glob(bp_http_scope(feed->exchange), glob, on_message, feed, NULL);
}

void web_serve_events(WebServer *server, BpHttpExchange *exchange)
{
	const char *query = bp_http_query(exchange);
	g_autofree char *glob = bp_http_form_value(query, strlen(query), "watch");

	if (glob && *glob && strlen(glob) < 256)
		serve_events(server, exchange, glob);
	else
		bp_http_respond_problem(exchange, 400, "watch: the name of a channel, or a glob, is expected");
}

gboolean web_serve_channel(WebServer *server, BpHttpExchange *exchange, const char *rest)
{
	const char *slash = strrchr(rest, '/');
	g_autofree char *name = slash ? g_strndup(rest, (gsize)(slash - rest)) : NULL;
	g_autoptr(BpChannel) channel = bp_channel_find(rest);

	/* A channel may be called so: then it is meant. */
	if (channel || !name)
		return FALSE;
	if (strcmp(slash, "/messages") == 0) {
		serve_messages(exchange, name);
		return TRUE;
	}
	if (strcmp(slash, "/events") != 0)
		return FALSE;
	channel = bp_channel_find(name);
	if (channel)
		serve_events(server, exchange, name);
	else
		bp_http_respond_problem(exchange, 404, "there is no such channel");
	return TRUE;
}
