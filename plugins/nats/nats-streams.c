/* SPDX-License-Identifier: MIT */
/* nats-streams.c - streams of JetStream that rules name: one that an export needs is made if it is not there; an import reads one through a
 * durable consumer, whose place the server keeps.
 *
 * Questions are asked again every few seconds until they are answered: a server without the stream's leader is silent. A message is
 * acknowledged when its channel has it. What the server has sent and is not acknowledged comes again after ACK_WAIT, before anything new if
 * nothing new is asked for until then: so order is kept over a cut, and what comes twice is known by its number. Bridges that share a
 * place take their messages as they come, and one again if another bridge has not acknowledged it.
 */
#include <stdlib.h>
#include <string.h>
#include <backplane/json.h>
#include "nats.h"

#define LOOK_TIME (2 * G_USEC_PER_SEC)
#define BATCH 256
#define PULL_TIME (20 * G_USEC_PER_SEC)
#define ACK_WAIT (10 * G_USEC_PER_SEC)
#define NANOSECONDS 1000 /* of a microsecond */
#define DUPLICATE_TIME (G_TIME_SPAN_HOUR)

enum { NO_CONSUMER = 10014, NO_STREAM = 10059 };

/* Of an export. */
typedef struct {
	char *name;
	GPtrArray *subjects;
	gboolean ready;
} NatsStream;

/* Of an import. */
struct NatsConsumer {
	const BpBridgeRule *rule;
	const char *stream;
	char *durable, *inbox;
	gboolean ready, shared;
	guint wanted; /* messages that the server may still send */
	gint64 until; /* monotonic: then it says that there are no more */
	gint64 begun; /* monotonic: the connection is there */
	gint64 since; /* monotonic: nothing is sent to the one before it any more */
	guint64 last; /* number in the stream */
};

gint64 nats_streams_duration(const char *text)
{
	static const BpParam table[] = { { "from", .type = BP_DURATION, .min = 0.001, .max = 315360000 }, { NULL } };
	g_autoptr(BpValues) values = bp_values_new(table);

	return bp_values_set(values, "from", text, NULL) ? bp_values_duration(values, "from") : -1;
}

/* --- questions --- */

static void ask(NatsBridge *bridge, const char *subject, char kind, guint number, json_t *take_body)
{
	g_autofree char *reply = g_strdup_printf("%s.%c%u", bridge->inbox, kind, number);
	g_autofree char *text = take_body ? bp_json_text(take_body) : g_strdup("");
	g_autoptr(BpMessage) message = bp_message_new(text, strlen(text), BP_TEXT);

	json_decref(take_body);
	nats_connection_publish(bridge->connection, subject, reply, NULL, message, NULL);
}

static void ask_stream(NatsBridge *bridge, guint number)
{
	const NatsStream *stream = bridge->streams->pdata[number];
	g_autofree char *subject = g_strdup_printf("$JS.API.STREAM.INFO.%s", stream->name);

	ask(bridge, subject, 's', number, NULL);
}

static void make_stream(NatsBridge *bridge, guint number)
{
	const NatsStream *stream = bridge->streams->pdata[number];
	g_autofree char *subject = g_strdup_printf("$JS.API.STREAM.CREATE.%s", stream->name);
	gint64 age = bp_instance_duration(bridge->self, "stream_time");
	json_t *subjects = json_array();

	for (guint i = 0; i < stream->subjects->len; i++)
		json_array_append_new(subjects, json_string(stream->subjects->pdata[i]));
	ask(bridge, subject, 's', number,
	    json_pack("{s:s,s:o,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "name", stream->name, "subjects", subjects,
		      "retention", "limits", "storage", "file", "discard", "old", "max_age",
		      (json_int_t)age * NANOSECONDS, "max_bytes",
		      (json_int_t)bp_instance_int(bridge->self, "stream_limit"), "max_msgs", (json_int_t)-1,
		      "max_consumers", (json_int_t)-1, "num_replicas",
		      (json_int_t)bp_instance_int(bridge->self, "replicas"), "duplicate_window",
		      (json_int_t)MIN(age, DUPLICATE_TIME) * NANOSECONDS));
}

static void ask_consumer(NatsBridge *bridge, guint number)
{
	const NatsConsumer *consumer = bridge->consumers->pdata[number];
	g_autofree char *subject = g_strdup_printf("$JS.API.CONSUMER.INFO.%s.%s", consumer->stream, consumer->durable);

	ask(bridge, subject, 'c', number, NULL);
}

static void make_consumer(NatsBridge *bridge, guint number)
{
	NatsConsumer *consumer = bridge->consumers->pdata[number];
	g_autofree char *subject = g_strdup_printf("$JS.API.CONSUMER.DURABLE.CREATE.%s.%s", consumer->stream,
						   consumer->durable);
	const char *from = bp_values_string(consumer->rule->options, "from");
	gboolean all = strcmp(from, "all") == 0, is_new = strcmp(from, "new") == 0;
	json_t *config = json_pack("{s:s,s:s,s:s,s:s,s:I,s:i}", "durable_name", consumer->durable, "ack_policy",
				   "explicit", "deliver_policy",
				   all	    ? "all"
				   : is_new ? "new"
					    : "by_start_time",
				   "filter_subject", consumer->rule->from, "ack_wait",
				   (json_int_t)ACK_WAIT * NANOSECONDS, "max_ack_pending", 4 * BATCH);

	if (!all && !is_new) {
		g_autoptr(GDateTime) now = g_date_time_new_now_utc();
		g_autoptr(GDateTime) then = g_date_time_add(now, -nats_streams_duration(from));
		g_autofree char *text = g_date_time_format_iso8601(then);

		json_object_set_new(config, "opt_start_time", json_string(text));
	}
	consumer->last = 0;
	ask(bridge, subject, 'c', number, json_pack("{s:s,s:o}", "stream_name", consumer->stream, "config", config));
}

/* --- messages of a consumer --- */

static void pull(NatsBridge *bridge, NatsConsumer *consumer)
{
	g_autofree char *subject = g_strdup_printf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", consumer->stream,
						   consumer->durable);
	g_autofree char *text = g_strdup_printf("{\"batch\":%d,\"expires\":%" G_GINT64_FORMAT "}", BATCH,
						(gint64)PULL_TIME * NANOSECONDS);
	g_autoptr(BpMessage) message = bp_message_new(text, strlen(text), BP_TEXT);

	consumer->wanted = BATCH;
	consumer->until = g_get_monotonic_time() + PULL_TIME;
	nats_connection_publish(bridge->connection, subject, consumer->inbox, NULL, message, NULL);
}

/* $JS.ACK.STREAM.CONSUMER.DELIVERIES.NUMBER.CONSUMER'S.TIME.PENDING, with domain and account behind ACK on newer servers. 0: it is none. */
static guint64 number_of(const char *reply)
{
	g_auto(GStrv) parts = reply ? g_strsplit(reply, ".", 14) : NULL;
	guint count = parts ? g_strv_length(parts) : 0;

	if (count < 9 || strcmp(parts[0], "$JS") != 0 || strcmp(parts[1], "ACK") != 0)
		return 0;
	return g_ascii_strtoull(parts[count < 11 ? 5 : 7], NULL, 10);
}

void nats_streams_message(NatsBridge *bridge, NatsConsumer *consumer, const NatsOperation *message)
{
	guint64 number = number_of(message->reply);
	g_autofree char *path = NULL;
	g_autoptr(BpMessage) done = NULL;

	if (!number) {
		guint status = nats_status(message->headers, message->headers_size);

		/* There are no more, or the consumer has gone: 409. */
		consumer->ready = status == 404 || status == 408;
		if (consumer->ready)
			pull(bridge, consumer);
		return;
	}
	if ((consumer->shared || number > consumer->last) &&
	    bp_bridge_rule_of(bridge->bridge, message->subject) == consumer->rule) {
		path = nats_header(message->headers, message->headers_size, "bp-path");
		bp_bridge_take(bridge->bridge, message->subject, message->data, message->size, path, NULL);
	}
	consumer->last = MAX(consumer->last, number);
	if (!nats_connection_is_up(bridge->connection))
		return;
	done = bp_message_new("+ACK", 4, BP_TEXT);
	nats_connection_publish(bridge->connection, message->reply, NULL, NULL, done, NULL);
	if (consumer->wanted && !--consumer->wanted)
		pull(bridge, consumer);
}

/* --- answers --- */

static void report(NatsBridge *bridge, const char *kind, const char *name, const char *why)
{
	g_autofree char *text = g_strdup_printf("%s %s: %.200s", kind, name, why);

	if (g_strcmp0(text, bridge->stream_trouble) != 0)
		bp_channel_printf(bp_bridge_events(bridge->bridge), "%s", text);
	g_free(bridge->stream_trouble);
	bridge->stream_trouble = g_steal_pointer(&text);
}

/* What the connection before this one has asked for, or was sent, comes first. */
static gboolean must_wait(NatsConsumer *consumer, json_t *answer)
{
	gint64 now = g_get_monotonic_time();

	if (consumer->shared)
		return FALSE;
	if (json_integer_value(json_object_get(answer, "num_waiting")) > 0 &&
	    now < consumer->begun + PULL_TIME + LOOK_TIME) {
		consumer->since = now;
		return TRUE;
	}
	return json_integer_value(json_object_get(answer, "num_ack_pending")) > 0 &&
	       now < consumer->since + ACK_WAIT + LOOK_TIME;
}

static void take_answer(NatsBridge *bridge, char kind, guint number, json_t *answer)
{
	json_t *error = json_object_get(answer, "error");
	json_int_t code = json_integer_value(json_object_get(error, "err_code"));
	const char *why = json_string_value(json_object_get(error, "description"));

	if (kind == 's') {
		NatsStream *stream = bridge->streams->pdata[number];

		stream->ready = !error;
		if (code == NO_STREAM)
			make_stream(bridge, number);
		else if (error)
			report(bridge, "Stream", stream->name, why ? why : "it cannot be made");
	} else {
		NatsConsumer *consumer = bridge->consumers->pdata[number];
		gboolean was_ready = consumer->ready;

		consumer->ready = !error && (was_ready || !must_wait(consumer, answer));
		if (code == NO_CONSUMER)
			make_consumer(bridge, number);
		else if (error)
			report(bridge, "Consumer of stream", consumer->stream, why ? why : "it cannot be made");
		else if (consumer->ready && !was_ready)
			pull(bridge, consumer);
	}
}

gboolean nats_streams_take(NatsBridge *bridge, const char *token, const NatsOperation *operation)
{
	guint number = (guint)strtoul(token + 1, NULL, 10);
	json_t *answer;

	if (*token != 's' && *token != 'c')
		return FALSE;
	if (number >= (*token == 's' ? bridge->streams : bridge->consumers)->len)
		return TRUE;
	if (nats_status(operation->headers, operation->headers_size) == 503) {
		report(bridge, "JetStream", "is needed", "this server has none");
		return TRUE;
	}
	answer = bp_json_parse_object(operation->data, operation->size, 0, NULL);
	if (answer)
		take_answer(bridge, *token, number, answer);
	json_decref(answer);
	return TRUE;
}

/* --- when --- */

static void on_look(BpPlugin *self, gpointer data)
{
	NatsBridge *bridge = data;
	gint64 late = g_get_monotonic_time() - LOOK_TIME;

	if (!nats_connection_is_up(bridge->connection))
		return;
	for (guint i = 0; i < bridge->streams->len; i++)
		if (!((NatsStream *)bridge->streams->pdata[i])->ready)
			ask_stream(bridge, i);
	for (guint i = 0; i < bridge->consumers->len; i++) {
		NatsConsumer *consumer = bridge->consumers->pdata[i];

		consumer->ready = consumer->ready && consumer->until > late;
		if (!consumer->ready)
			ask_consumer(bridge, i);
	}
}

void nats_streams_subscribe(NatsBridge *bridge)
{
	for (guint i = 0; i < bridge->streams->len; i++)
		((NatsStream *)bridge->streams->pdata[i])->ready = FALSE;
	for (guint i = 0; i < bridge->consumers->len; i++) {
		NatsConsumer *consumer = bridge->consumers->pdata[i];

		consumer->ready = FALSE;
		consumer->begun = consumer->since = g_get_monotonic_time();
		/* Another one than before: what the server still sends to that one is not for this connection. */
		g_free(consumer->inbox);
		consumer->inbox = g_strdup_printf("%s.pull.%u", bridge->inbox, ++bridge->last_inbox);
		nats_subscribe_consumer(bridge, consumer->inbox, consumer);
	}
}

void nats_streams_up(NatsBridge *bridge)
{
	on_look(bridge->self, bridge);
}

/* --- rules --- */

/* What a template may become: "lab.{host}.x.{1}" is "lab.box.x.>". NULL: anything. Yours. */
static char *subject_of(NatsBridge *bridge, const char *template)
{
	BpBridgeNames names = { .host = bp_bridge_host(bridge->bridge), .bridge = bp_plugin_name(bridge->self) };
	g_auto(GStrv) parts = g_strsplit(template, ".", -1);
	g_autoptr(GString) subject = g_string_new(NULL);

	for (char **part = parts; *part; part++) {
		g_autofree char *text = bp_bridge_expand(*part, &names, bp_bridge_to_subject, NULL);

		if (!text && !subject->len)
			return NULL;
		g_string_append_printf(subject, "%s%s", subject->len ? "." : "", text ? text : ">");
		if (!text)
			break;
	}
	return g_string_free(g_steal_pointer(&subject), FALSE);
}

static void stream_free(gpointer data)
{
	NatsStream *stream = data;

	g_ptr_array_unref(stream->subjects);
	g_free(stream->name);
	g_free(stream);
}

static void consumer_free(gpointer data)
{
	NatsConsumer *consumer = data;

	g_free(consumer->durable);
	g_free(consumer->inbox);
	g_free(consumer);
}

static NatsStream *stream_named(NatsBridge *bridge, const char *name)
{
	NatsStream *stream;

	for (guint i = 0; i < bridge->streams->len; i++)
		if (strcmp(((NatsStream *)bridge->streams->pdata[i])->name, name) == 0)
			return bridge->streams->pdata[i];
	stream = g_new0(NatsStream, 1);
	stream->name = g_strdup(name);
	stream->subjects = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(bridge->streams, stream);
	return stream;
}

static gboolean add_export(NatsBridge *bridge, const BpBridgeRule *rule, const char *name, GError **error)
{
	char *subject = subject_of(bridge, rule->to);

	if (!subject)
		return bp_fail(error, BP_INVALID, "%s: a stream wants a target whose first part is the same for all",
			       rule->to);
	if (g_ptr_array_find_with_equal_func(stream_named(bridge, name)->subjects, subject, g_str_equal, NULL))
		g_free(subject);
	else
		g_ptr_array_add(stream_named(bridge, name)->subjects, subject);
	return TRUE;
}

static void add_import(NatsBridge *bridge, const BpBridgeRule *rule, const char *name)
{
	NatsConsumer *consumer = g_new0(NatsConsumer, 1);
	const char *durable = bp_values_string(rule->options, "durable");

	consumer->rule = rule;
	consumer->stream = name;
	consumer->shared = durable != NULL;
	consumer->durable = durable ? g_strdup(durable)
				    : g_strdup_printf("%s-%s-%08x", bp_bridge_host(bridge->bridge),
						      bp_plugin_name(bridge->self), g_str_hash(rule->from));
	g_strcanon(consumer->durable, G_CSET_A_2_Z G_CSET_a_2_z "0123456789-_", '_');
	g_ptr_array_add(bridge->consumers, consumer);
}

gboolean nats_streams_open(NatsBridge *bridge, GError **error)
{
	const GPtrArray *rules = bp_bridge_rules(bridge->bridge);

	for (guint i = 0; i < rules->len; i++) {
		const BpBridgeRule *rule = rules->pdata[i];
		const char *name = bp_values_string(rule->options, "stream");

		if (name && rule->import)
			add_import(bridge, rule, name);
		else if (name && !add_export(bridge, rule, name, error))
			return FALSE;
	}
	if (bridge->streams->len || bridge->consumers->len)
		bp_timer_add(bridge->self, NULL, LOOK_TIME, 0, on_look, bridge, NULL);
	return TRUE;
}

void nats_streams_new(NatsBridge *bridge)
{
	bridge->streams = g_ptr_array_new_with_free_func(stream_free);
	bridge->consumers = g_ptr_array_new_with_free_func(consumer_free);
}

void nats_streams_free(NatsBridge *bridge)
{
	g_ptr_array_unref(bridge->streams);
	g_ptr_array_unref(bridge->consumers);
	g_free(bridge->stream_trouble);
}
