/* SPDX-License-Identifier: MIT */
/* web-events.c - Server-Sent Events: messages of channels as they come, with ids, from which a client resumes.
 *
 * All clients of one glob share a log of its last messages, which is kept for a while after the last of them has left. A
 * client that does not read is served from the log when it reads again; what the log no longer has is counted, and reported
 * to it in an event `dropped`. The same is done for a client that comes back with Last-Event-ID; its count is null when its
 * log is no longer there. A comment every 15 s detects clients that have disconnected.
 */
#include <string.h>
#include "web.h"

#define COMMENT_INTERVAL (15 * G_USEC_PER_SEC)
#define LINGER (30 * G_USEC_PER_SEC)
#define LOGS_LIMIT 64
#define EVENTS_LIMIT 1000
#define BYTES_LIMIT (256 * 1024)

typedef struct {
	char *channel; /* GRefString */
	char *text;
	gsize size;
} Event;

typedef struct {
	BpPlugin *self;
	char *glob;
	guint64 id; /* that no other log has had */
	BpWatch *watch;
	GQueue events;	     /* the last of them has the number `next` - 1 */
	guint64 first, next; /* numbers */
	gsize bytes;
	GPtrArray *feeds;
	BpTimer *timer; /* while nobody reads */
} EventLog;

typedef struct {
	EventLog *log;
	BpHttpExchange *exchange;
	guint64 next; /* what it gets next */
	guint64 dropped;
	gboolean lost_place;
} Feed;

static GHashTable *logs; /* by glob */

static void event_free(Event *event)
{
	g_ref_string_release(event->channel);
	g_free(event->text);
	g_free(event);
}

/* --- a client --- */

static gboolean tell_dropped(Feed *feed)
{
	g_autofree char *count = feed->lost_place ? g_strdup("null")
						  : g_strdup_printf("%" G_GUINT64_FORMAT, feed->dropped);
	g_autofree char *text = g_strdup_printf("event: dropped\ndata: {\"count\":%s}\n\n", count);

	if (bp_http_send(feed->exchange, text, strlen(text)) != BP_SENT)
		return FALSE;
	feed->dropped = 0;
	feed->lost_place = FALSE;
	return TRUE;
}

static void pump(Feed *feed)
{
	EventLog *log = feed->log;
	const Event *event;

	while ((!feed->dropped && !feed->lost_place) || tell_dropped(feed)) {
		if (feed->next == log->next)
			return;
		event = g_queue_peek_nth(&log->events, (guint)(feed->next - log->first));
		if (bp_http_send(feed->exchange, event->text, event->size) != BP_SENT)
			return;
		feed->next++;
	}
}

/* --- the log --- */

static void log_free(gpointer data)
{
	EventLog *log = data;

	if (log->watch)
		bp_watch_remove(log->watch);
	if (log->timer)
		bp_timer_remove(log->timer);
	g_queue_clear_full(&log->events, (GDestroyNotify)event_free);
	g_ptr_array_unref(log->feeds);
	g_free(log->glob);
	g_free(log);
}

static void count_dropped(const EventLog *log, const Event *event)
{
	g_autoptr(BpChannel) channel = bp_channel_find(event->channel);

	web_count_lost(log->self, WEB_LOST_EVENTS);
	if (channel)
		bp_channel_dropped(channel, "a client of events does not read");
}

static void forget_oldest(EventLog *log)
{
	Event *event = g_queue_pop_head(&log->events);

	for (guint i = 0; i < log->feeds->len; i++) {
		Feed *feed = log->feeds->pdata[i];

		if (feed->next > log->first)
			continue;
		feed->next = log->first + 1;
		feed->dropped++;
		count_dropped(log, event);
	}
	log->first++;
	log->bytes -= event->size;
	event_free(event);
}

static void on_message(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	EventLog *log = data;
	json_auto_t *object = web_message_json(message);
	g_autofree char *json = NULL;
	Event *event = g_new(Event, 1);

	json_object_set_new(object, "channel", bp_json_string(bp_channel_name(channel), -1));
	json = bp_json_text(object);
	event->channel = g_ref_string_new(bp_channel_name(channel));
	event->text = g_strdup_printf("id: %016" G_GINT64_MODIFIER "x-%" G_GUINT64_FORMAT "\ndata: %s\n\n", log->id,
				      log->next, json);
	event->size = strlen(event->text);
	g_queue_push_tail(&log->events, event);
	log->bytes += event->size;
	log->next++;
	for (guint i = 0; i < log->feeds->len; i++)
		pump(log->feeds->pdata[i]);
	while (log->events.length > EVENTS_LIMIT || (log->bytes > BYTES_LIMIT && log->events.length > 1))
		forget_oldest(log);
}

static void on_lingered(BpPlugin *self, gpointer data)
{
	EventLog *log = data;

	g_hash_table_remove(logs, log->glob);
}

static gboolean is_idle(gpointer key, gpointer value, gpointer user)
{
	return !((EventLog *)value)->feeds->len;
}

static EventLog *log_of(BpPlugin *self, const char *glob)
{
	EventLog *log;

	if (!logs)
		logs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, log_free);
	log = g_hash_table_lookup(logs, glob);
	if (log)
		return log;
	if (g_hash_table_size(logs) >= LOGS_LIMIT)
		g_hash_table_foreach_remove(logs, is_idle, NULL);
	log = g_new0(EventLog, 1);
	log->self = self;
	log->glob = g_strdup(glob);
	log->id = (guint64)g_random_int() << 32 | g_random_int();
	log->feeds = g_ptr_array_new();
	g_hash_table_insert(logs, log->glob, log);
	log->watch = bp_channel_watch_glob(self, glob, on_message, log, NULL);
	return log;
}

void web_events_unload(void)
{
	g_clear_pointer(&logs, g_hash_table_unref);
}

/* --- serving --- */

static void on_comment(BpPlugin *self, gpointer data)
{
	bp_http_send(((Feed *)data)->exchange, ":\n\n", 3);
}

static void on_drained(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	pump(data);
}

static void on_gone(BpPlugin *self, BpHttpExchange *exchange, gpointer data)
{
	Feed *feed = data;
	EventLog *log = feed->log;

	g_ptr_array_remove(log->feeds, feed);
	if (!log->feeds->len)
		bp_timer_once(&log->timer, log->self, LINGER, on_lingered, log);
	g_free(feed);
}

/* "ID-NUMBER" of an event that it has had. */
static void resume(Feed *feed, const char *last)
{
	g_auto(GStrv) parts = g_strsplit(last, "-", 2);
	EventLog *log = feed->log;
	guint64 id, number;

	if (g_strv_length(parts) != 2 || !g_ascii_string_to_unsigned(parts[0], 16, 0, G_MAXUINT64, &id, NULL) ||
	    !g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT64, &number, NULL) || id != log->id ||
	    number >= log->next) {
		feed->lost_place = TRUE;
		return;
	}
	feed->next = MAX(number + 1, log->first);
	feed->dropped = feed->next - (number + 1);
}

static void serve(WebServer *server, BpHttpExchange *exchange, const char *glob)
{
	const char *last = bp_http_header(exchange, "last-event-id");
	Feed *feed;

	if (web_is_method(exchange, "HEAD")) {
		bp_http_begin(exchange, 200, "text/event-stream");
		bp_http_end(exchange);
		return;
	}
	feed = g_new0(Feed, 1);
	feed->log = log_of(bp_plugin_of(server->self), glob);
	feed->exchange = exchange;
	feed->next = feed->log->next;
	if (last && *last)
		resume(feed, last);
	if (feed->log->timer)
		bp_timer_remove(g_steal_pointer(&feed->log->timer));
	g_ptr_array_add(feed->log->feeds, feed);
	bp_http_on_gone(exchange, on_gone, feed);
	bp_http_on_drained(exchange, on_drained);
	bp_http_begin(exchange, 200, "text/event-stream");
	bp_http_send(exchange, "retry: 2000\n\n", 13);
	bp_timer_add(bp_http_scope(feed->exchange), NULL, COMMENT_INTERVAL, 0, on_comment, feed, NULL);
	pump(feed);
}

void web_serve_events(WebServer *server, BpHttpExchange *exchange)
{
	const char *query = bp_http_query(exchange);
	g_autofree char *glob = bp_http_form_value(query, strlen(query), "watch");

	if (glob && *glob && strlen(glob) < 256)
		serve(server, exchange, glob);
	else
		bp_http_respond_problem(exchange, 400, "watch: the name of a channel, or a glob, is expected");
}

void web_serve_channel_events(WebServer *server, BpHttpExchange *exchange, const char *name)
{
	g_autoptr(BpChannel) channel = bp_channel_find(name);

	if (channel)
		serve(server, exchange, name);
	else
		bp_http_respond_problem(exchange, 404, "there is no such channel");
}

/* A feed whose client may no longer be here ends. */
void web_events_put_out(const char *user)
{
	g_autoptr(GPtrArray) ended = g_ptr_array_new();
	GHashTableIter iter;
	BpSubject subject;
	gpointer log;

	if (!logs)
		return;
	g_hash_table_iter_init(&iter, logs);
	while (g_hash_table_iter_next(&iter, NULL, &log))
		for (guint i = 0; i < ((EventLog *)log)->feeds->len; i++) {
			Feed *feed = ((EventLog *)log)->feeds->pdata[i];

			if (!web_subject(feed->exchange, &subject))
				g_ptr_array_add(ended, feed);
		}
	for (guint i = 0; i < ended->len; i++) {
		BpHttpExchange *exchange = ((Feed *)ended->pdata[i])->exchange;

		on_gone(NULL, exchange, ended->pdata[i]);
		bp_http_end(exchange);
	}
}
