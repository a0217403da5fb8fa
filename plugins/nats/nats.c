/* SPDX-License-Identifier: MIT */
/* nats.c - module NatsBridge: channels as subjects of NATS, and subjects as channels. */
#include <string.h>
#include "nats.h"

static const char manual[] =
	"Module NatsBridge connects channels with the subjects of a NATS server or cluster. A rule is a pattern, where it goes, and\n"
	"options; without `->` a channel a/b becomes PREFIX.a.b, a subject c.d the channel BRIDGE/c/d:\n"
	"\n"
	"  module open NatsBridge fleet host=localhost prefix=lab export=plotter/recv import=lab.commands.>\n"
	"  module open NatsBridge fleet host=n1 host=n2:4223 export=\"uart*/recv -> lab.{host}.uart.{1}.recv keep=yes\"\n"
	"  module open NatsBridge work \"import=jobs.> -> jobs/{1} queue=printers\"\n"
	"  nats publish fleet lab.hello Hello\n"
	"  nats watch fleet lab.>\n"
	"\n"
	"In a target {1} is what the first wildcard stands for, {host}, {bridge}, {channel} and {topic} are names. Options are queue\n"
	"(of several bridges with the same queue one gets each message), encoding=json, rate=1s (the latest message of each channel, so\n"
	"often), every, payload_limit and keep: what no JetStream stream has acknowledged waits on the disk and is sent later, in order.\n"
	"stream=NAME makes that stream; of an import it reads the stream, which the server keeps the place of, from=all, new or 1h.\n"
	"Without keep it is dropped while there is no connection; `nats list` counts that. A message never goes back to where it came\n"
	"from. nats-NAME has the events.\n";

const BpParam nats_params[] = {
	{ "host", .many = 1, .fallback = "localhost",
	  .help = "server as HOST or HOST:PORT; several of a cluster, in order" },
	{ "export", .many = 1, .help = "channels that become subjects: PATTERN [-> SUBJECT] [keep=yes ...]" },
	{ "import", .many = 1, .help = "subjects that become channels: FILTER [-> CHANNEL] [queue=NAME ...]" },
	{ "prefix", .fallback = "{host}", .help = "first part of subjects without a target of their own" },
	{ "user", 'u', .help = "user name" },
	{ "password", .secret = 1, .help = "password" },
	{ "password_file", .names = BP_A_FILE, .help = "file with the password; only its owner and group may read it" },
	{ "token", .secret = 1, .help = "token, for servers that want one instead of a user" },
	{ "keepalive", .type = BP_DURATION, .fallback = "30s", .min = 0.1, .max = 3600,
	  .help = "a server that does not answer for twice as long is given up" },
	{ "tls", .type = BP_BOOL, .fallback = "no", .help = "encrypt, and check the certificate of the server" },
	{ "tls_ca", .names = BP_A_FILE, .help = "file with the authorities; those of the system if left out" },
	{ "tls_cert", .names = BP_A_FILE, .help = "certificate of ours, for servers that want one" },
	{ "tls_key", .names = BP_A_FILE, .help = "its key" },
	{ "tls_name", .help = "name in the certificate of the server, if not the host; * takes any" },
	{ "in_flight", .type = BP_INT, .fallback = "1000", .min = 1, .max = 100000,
	  .help = "kept messages that are sent before the first is acknowledged" },
	{ "message_limit", .type = BP_BYTES, .fallback = "8M", .min = 1024, .max = 67108864,
	  .help = "largest message that is taken" },
	{ "stream_limit", .type = BP_BYTES, .fallback = "256M", .min = 1024, .max = 1e15,
	  .help = "bytes of a stream that is made; then the oldest are deleted" },
	{ "stream_time", .type = BP_DURATION, .fallback = "7d", .min = 1, .max = 315360000,
	  .help = "for how long a stream that is made has a message" },
	{ "replicas", .type = BP_INT, .fallback = "1", .min = 1, .max = 5,
	  .help = "servers of the cluster that have a stream that is made" },
	{ .include = bp_bridge_params },
	{ NULL },
};

/* A subscription of this connection. */
typedef struct {
	const BpBridgeRule *rule; /* NULL: of nats watch */
	NatsConsumer *consumer;	  /* of a stream; then no rule */
	char *filter;
} Subscription;

static void subscription_free(gpointer data)
{
	Subscription *subscription = data;

	g_free(subscription->filter);
	g_free(subscription);
}

/* --- the connection --- */

static guint64 subscribe_to(NatsBridge *bridge, const char *filter, const BpBridgeRule *rule)
{
	Subscription *subscription = g_new0(Subscription, 1);
	const char *queue = rule ? bp_values_string(rule->options, "queue") : NULL;
	guint64 sid = nats_connection_subscribe(bridge->connection, filter, queue);

	subscription->rule = rule;
	subscription->filter = g_strdup(filter);
	g_hash_table_insert(bridge->subscriptions, g_memdup2(&sid, sizeof(sid)), subscription);
	if (!rule)
		g_hash_table_insert(bridge->watched, g_strdup(filter), g_memdup2(&sid, sizeof(sid)));
	return sid;
}

void nats_subscribe_consumer(NatsBridge *bridge, const char *inbox, NatsConsumer *consumer)
{
	Subscription *subscription = g_new0(Subscription, 1);
	guint64 sid = nats_connection_subscribe(bridge->connection, inbox, NULL);

	subscription->consumer = consumer;
	g_hash_table_insert(bridge->subscriptions, g_memdup2(&sid, sizeof(sid)), subscription);
}

static void on_subscribe(gpointer user)
{
	NatsBridge *bridge = user;
	const GPtrArray *rules = bp_bridge_rules(bridge->bridge);
	g_autoptr(GPtrArray) watched = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer filter;

	g_hash_table_iter_init(&iter, bridge->watched);
	while (g_hash_table_iter_next(&iter, &filter, NULL))
		g_ptr_array_add(watched, g_strdup(filter));
	g_hash_table_remove_all(bridge->subscriptions);
	for (guint i = 0; i < rules->len; i++) {
		const BpBridgeRule *rule = rules->pdata[i];

		if (rule->import && !bp_values_is_set(rule->options, "stream"))
			subscribe_to(bridge, rule->from, rule);
	}
	for (guint i = 0; i < watched->len; i++)
		subscribe_to(bridge, watched->pdata[i], NULL);
	nats_streams_subscribe(bridge);
	nats_jetstream_up(bridge);
}

static void on_connected(gpointer user)
{
	NatsBridge *bridge = user;

	bp_bridge_set_open(bridge->bridge, nats_connection_address(bridge->connection));
	nats_streams_up(bridge);
	bp_bridge_pump(bridge->bridge);
}

static void on_closed(gboolean fatal, const char *why, gpointer user)
{
	NatsBridge *bridge = user;

	bp_bridge_set_closed(bridge->bridge, fatal, why);
	nats_jetstream_down(bridge);
}

static void on_message(const NatsOperation *message, gpointer user)
{
	NatsBridge *bridge = user;
	const Subscription *subscription = g_hash_table_lookup(bridge->subscriptions, &message->sid);
	g_autofree char *path = NULL;
	g_autofree char *identity = NULL;

	if (!subscription) {
		nats_jetstream_take(bridge, message);
		return;
	}
	if (subscription->consumer) {
		nats_streams_message(bridge, subscription->consumer, message);
		return;
	}
	if (!subscription->rule) {
		bp_bridge_show(bridge->bridge, subscription->filter, message->subject, message->data, message->size);
		return;
	}
	/* It comes for each rule that it matches, and belongs to the first. */
	if (bp_bridge_rule_of(bridge->bridge, message->subject) != subscription->rule)
		return;
	path = nats_header(message->headers, message->headers_size, "bp-path");
	identity = nats_header(message->headers, message->headers_size, "bp-id");
	bp_bridge_take(bridge->bridge, message->subject, message->data, message->size, path, identity);
}

static void on_refused(const char *why, gpointer user)
{
	NatsBridge *bridge = user;

	bp_channel_printf(bp_bridge_events(bridge->bridge), "The server refuses: %.300s", why);
}

static void on_drained(gpointer user)
{
	NatsBridge *bridge = user;

	bp_bridge_pump(bridge->bridge);
}

static const NatsEvents events = { .subscribe = on_subscribe,
				   .connected = on_connected,
				   .closed = on_closed,
				   .message = on_message,
				   .refused = on_refused,
				   .drained = on_drained };

/* --- what the library bridge needs --- */

static const BpParam rule_params[] = {
	{ "queue", .help = "import: of several bridges with the same queue one gets each message" },
	{ "stream", .help = "stream of JetStream: an export makes it if it is not there; an import reads it" },
	{ "durable",
	  .help = "import: name of the place in the stream, which bridges may share; of this rule if left out" },
	{ "from", .type = BP_STRING, .fallback = "all",
	  .help = "import: all, new, or since when, as in 1h, at the first time" },
	{ .include = bp_bridge_rule_params },
	{ NULL },
};

static gboolean check_name(const char *subject)
{
	g_autofree char *name = bp_bridge_from_subject(subject);

	return name && bp_bridge_subject_check(subject, FALSE);
}

static gboolean check_rule(const BpBridgeRule *rule, GError **error)
{
	const char *queue = bp_values_string(rule->options, "queue"),
		   *stream = bp_values_string(rule->options, "stream"),
		   *durable = bp_values_string(rule->options, "durable"),
		   *from = bp_values_string(rule->options, "from");

	if (rule->import && !bp_bridge_subject_check(rule->from, TRUE))
		return bp_fail(error, BP_INVALID, "%s is no filter of subjects: * stands for a part, > for the rest",
			       rule->from);
	if ((stream && !bp_bridge_subject_check(stream, FALSE)) ||
	    (durable && !bp_bridge_subject_check(durable, FALSE)) || (stream && strpbrk(stream, "./\\")) ||
	    (durable && strpbrk(durable, "./\\")))
		return bp_fail(error, BP_INVALID, "a name of JetStream has no dot, slash, blank or wildcard");
	if (rule->import ? durable && !stream : durable || strcmp(from, "all") != 0)
		return bp_fail(error, BP_INVALID, "durable and from are for imports with stream=NAME");
	if (strcmp(from, "all") != 0 && strcmp(from, "new") != 0 && nats_streams_duration(from) < 0)
		return bp_fail(error, BP_INVALID, "from is all, new or a duration as in 1h");
	if (queue && stream)
		return bp_fail(error, BP_INVALID, "bridges share a stream by the same durable=NAME, not by queue");
	if (rule->import && rule->keep)
		return bp_fail(error, BP_INVALID, "keep is for exports: what is imported is delivered at once");
	return !queue || (rule->import && bp_bridge_subject_check(queue, FALSE)) ||
	       bp_fail(error, BP_INVALID, "queue is a name, for imports");
}

static gboolean is_connected(gpointer user)
{
	const NatsBridge *bridge = user;

	return nats_connection_is_up(bridge->connection);
}

static gboolean has_room(gpointer user)
{
	const NatsBridge *bridge = user;

	return nats_jetstream_has_room(bridge) && nats_connection_has_room(bridge->connection);
}

BpSent nats_publish(NatsBridge *bridge, const BpBridgeItem *item, const char *reply, GError **error)
{
	const char *headers[] = { "bp-path", item->path, "bp-id", item->identity, "Nats-Msg-Id", item->identity, NULL };

	if (!item->identity)
		headers[2] = NULL;
	return nats_connection_publish(bridge->connection, item->name, reply, headers, item->message, error);
}

static BpSent publish(const BpBridgeItem *item, guint *id, GError **error, gpointer user)
{
	return item->qos ? nats_jetstream_publish(user, item, id, error) : nats_publish(user, item, NULL, error);
}

static gboolean subscribe(const char *filter, GError **error, gpointer user)
{
	NatsBridge *bridge = user;

	if (!bp_bridge_subject_check(filter, TRUE))
		return bp_fail(error, BP_INVALID, "%s is no filter of subjects: * stands for a part, > for the rest",
			       filter);
	if (!nats_connection_is_up(bridge->connection))
		return bp_fail(error, BP_CLOSED, "there is no connection: %s",
			       bp_bridge_why(bridge->bridge) ? bp_bridge_why(bridge->bridge) : "it is being made");
	subscribe_to(bridge, filter, NULL);
	return TRUE;
}

static void unsubscribe(const char *filter, gpointer user)
{
	NatsBridge *bridge = user;
	const guint64 *sid = g_hash_table_lookup(bridge->watched, filter);

	if (!sid)
		return;
	if (bridge->connection)
		nats_connection_unsubscribe(bridge->connection, *sid);
	g_hash_table_remove(bridge->subscriptions, sid);
	g_hash_table_remove(bridge->watched, filter);
}

static const BpBridgeSystem system_ops = { .size = sizeof(system_ops),
					   .kind = "nats",
					   .peer = "server",
					   .noun = "subject",
					   .separator = '.',
					   .wild = "*>",
					   .rule_params = rule_params,
					   .to_name = bp_bridge_to_subject,
					   .to_channel = bp_bridge_subject_channel,
					   .captures = bp_bridge_subject_captures,
					   .check_name = check_name,
					   .check_rule = check_rule,
					   .is_connected = is_connected,
					   .has_room = has_room,
					   .publish = publish,
					   .subscribe = subscribe,
					   .unsubscribe = unsubscribe };

/* --- the module --- */

static NatsConnection *connect_to(NatsBridge *bridge, GError **error)
{
	static const char *const fallback[] = { "localhost", NULL };
	BpInstance *self = bridge->self;
	const char *const *servers = bp_values_list(bp_instance_values(self), "host");
	const char *tls_name = bp_instance_string(self, "tls_name");
	gboolean any_name = tls_name && strcmp(tls_name, "*") == 0;
	g_autofree char *password = NULL;
	g_autofree char *name = g_strdup_printf("backplane-%s-%s", bp_bridge_host(bridge->bridge),
						bp_plugin_name(self));
	NatsOptions options = { .servers = *servers ? servers : fallback,
				.name = name,
				.user = bp_instance_string(self, "user"),
				.token = bp_instance_string(self, "token"),
				.tls = bp_instance_bool(self, "tls"),
				.files = { .size = sizeof(BpTlsClient),
					   .name = any_name ? NULL : tls_name,
					   .ca = bp_instance_string(self, "tls_ca"),
					   .cert = bp_instance_string(self, "tls_cert"),
					   .key = bp_instance_string(self, "tls_key") },
				.any_name = any_name,
				.keepalive = bp_instance_duration(self, "keepalive"),
				.pause_min = bp_instance_duration(self, "reconnect_min"),
				.pause_max = bp_instance_duration(self, "reconnect_max"),
				.backlog = (gsize)bp_instance_int(self, "backlog_limit"),
				.message_limit = (gsize)bp_instance_int(self, "message_limit") };

	if (!bp_bridge_password(self, &password, error))
		return NULL;
	options.password = password;
	bp_instance_set_state(self, BP_STATE_WAITING, "connecting to %s", options.servers[0]);
	return nats_connection_new(self, &options, &events, bridge, error);
}

static void bridge_close(BpInstance *self)
{
	NatsBridge *bridge = bp_instance_data(self);

	g_clear_pointer(&bridge->connection, nats_connection_free);
	g_clear_pointer(&bridge->bridge, bp_bridge_free);
	nats_jetstream_close(bridge);
	nats_streams_free(bridge);
	g_hash_table_unref(bridge->subscriptions);
	g_hash_table_unref(bridge->watched);
}

static gboolean bridge_open(BpInstance *self, GError **error)
{
	NatsBridge *bridge = bp_instance_data(self);

	bridge->self = self;
	bridge->subscriptions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, subscription_free);
	bridge->watched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	nats_jetstream_open(bridge);
	nats_streams_new(bridge);
	if ((bridge->bridge = bp_bridge_new(self, &system_ops, bridge, error)) && nats_streams_open(bridge, error) &&
	    (bridge->connection = connect_to(bridge, error)) && bp_bridge_start(bridge->bridge, error))
		return TRUE;
	bridge_close(self);
	return FALSE;
}

static const BpModule modules[] = {
	{ "NatsBridge", .help = "channels as subjects of NATS, and subjects as channels", .params = nats_params,
	  .size = sizeof(NatsBridge), .open = bridge_open, .close = bridge_close, .describe = nats_describe },
	{ NULL },
};

BP_PLUGIN(.name = "nats", .version = "0.1", .summary = "A bridge to NATS servers", .manual = manual, .modules = modules,
	  .commands = nats_commands);
