/* SPDX-License-Identifier: MIT */
/* mqtt.c - module MqttBridge: channels as topics of an MQTT broker, and topics as channels. */
#include <string.h>
#include "mqtt.h"

static const char manual[] =
	"Module MqttBridge connects channels with the topics of an MQTT broker (Mosquitto, EMQX, HiveMQ, ...), 3.1.1 or 5.\n"
	"A rule is a pattern, where it goes, and options; without `->` a channel becomes PREFIX/CHANNEL, a topic BRIDGE/TOPIC:\n"
	"\n"
	"  module open MqttBridge hub host=localhost prefix=lab export=plotter/recv import=lab/commands/#\n"
	"  module open MqttBridge hub export=\"uart*/recv -> lab/{host}/uart/{1}/recv qos=1 keep=yes\"\n"
	"  mqtt publish hub lab/hello Hello\n"
	"  mqtt watch hub lab/#\n"
	"\n"
	"In a target {1} is what the first wildcard stands for, {host}, {bridge}, {channel} and {topic} are names. Options are qos,\n"
	"retain, encoding=json, rate=1s (the latest message of each channel, so often), every, payload_limit and keep: what the\n"
	"broker has not acknowledged waits on the disk and is sent later, in order. Without keep it is dropped while there is no\n"
	"connection; `mqtt list` counts that. A message never goes back to where it came from. mqtt-NAME has the events.\n";

const BpParam mqtt_params[] = {
	{ "host", .fallback = "localhost", .help = "name or address of the broker" },
	{ "port", 'p', BP_INT, .fallback = "0", .min = 0, .max = 65535, .help = "its port; 0: 1883, or 8883 with tls" },
	{ "export", .many = 1, .help = "channels that become topics: PATTERN [-> TOPIC] [qos=1 retain=yes ...]" },
	{ "import", .many = 1, .help = "topics that become channels: FILTER [-> CHANNEL] [qos=1 ...]" },
	{ "prefix", .fallback = "{host}", .help = "first part of topics without a target of their own" },
	{ "version", .type = BP_CHOICE, .choices = "3|5", .fallback = "5", .help = "MQTT 3.1.1 or 5" },
	{ "client_id", .help = "name at the broker, of this bridge alone; backplane-HOST-NAME if left out" },
	{ "user", 'u', .help = "user name" },
	{ "password", .secret = 1, .help = "password" },
	{ "password_file", .names = BP_A_FILE, .help = "file with the password; only its owner and group may read it" },
	{ "keepalive", .type = BP_DURATION, .fallback = "60s", .min = 5, .max = 65535,
	  .help = "a broker that does not answer is given up after that" },
	{ "clean", .type = BP_BOOL, .fallback = "no",
	  .help = "the broker forgets what waits for us when the connection ends" },
	{ "status", .fallback = "{prefix}/status", .help = "topic that says online or offline; none: no such topic" },
	{ "tls", .type = BP_BOOL, .fallback = "no", .help = "encrypt, and check the certificate of the broker" },
	{ "tls_ca", .names = BP_A_FILE, .help = "file with the authorities; those of the system if left out" },
	{ "tls_cert", .names = BP_A_FILE, .help = "certificate of ours, for brokers that want one" },
	{ "tls_key", .names = BP_A_FILE, .help = "its key" },
	{ "tls_name", .help = "name in the certificate of the broker, if not the host; * takes any" },
	{ "in_flight", .type = BP_INT, .fallback = "100", .min = 1, .max = 65535,
	  .help = "messages that are sent before the first is acknowledged" },
	{ .include = bp_bridge_params },
	{ NULL },
};

/* --- the connection --- */

static void say_status(MqttBridge *bridge, const char *text)
{
	BpMqttMessage message = { .size = sizeof(message),
				  .topic = bridge->status,
				  .data = text,
				  .data_size = strlen(text),
				  .qos = 1,
				  .retain = TRUE };
	guint id;

	if (bridge->status)
		bp_mqtt_publish(bridge->mqtt, &message, &id, NULL);
}

static void on_connected(BpPlugin *self, BpMqtt *mqtt, gboolean session, gpointer user)
{
	MqttBridge *bridge = user;

	bp_bridge_set_open(bridge->bridge, bp_mqtt_address(mqtt));
	mqtt_import_subscribe(bridge);
	say_status(bridge, "online");
	bp_bridge_pump(bridge->bridge);
}

static void on_closed(BpPlugin *self, BpMqtt *mqtt, guint code, gboolean fatal, const char *why, gpointer user)
{
	MqttBridge *bridge = user;

	bp_bridge_set_closed(bridge->bridge, fatal, why);
}

static void on_message(BpPlugin *self, BpMqtt *mqtt, const BpMqttMessage *message, gpointer user)
{
	MqttBridge *bridge = user;

	bp_bridge_show(bridge->bridge, NULL, message->topic, message->data, message->data_size);
	mqtt_import_take(bridge, message);
}

static void on_published(BpPlugin *self, BpMqtt *mqtt, guint id, guint code, gpointer user)
{
	MqttBridge *bridge = user;

	bp_bridge_published(bridge->bridge, id, code >= 128 ? "the broker has refused it" : NULL);
}

static void on_subscribed(BpPlugin *self, BpMqtt *mqtt, guint id, const int *codes, guint count, gpointer user)
{
	MqttBridge *bridge = user;

	for (guint i = 0; i < count; i++)
		if (codes[i] >= 128)
			bp_channel_printf(
				bp_bridge_events(bridge->bridge),
				"The broker refuses a subscription (%s): it does not allow this client to read it",
				bp_plugin_name(bridge->self));
}

static const BpMqttEvents events = { .size = sizeof(events),
				     .connected = on_connected,
				     .closed = on_closed,
				     .message = on_message,
				     .published = on_published,
				     .subscribed = on_subscribed };

/* --- what the library bridge needs --- */

static const BpParam rule_params[] = {
	{ "qos", .type = BP_INT, .fallback = "0", .min = 0, .max = 2,
	  .help = "0: at most once; 1: at least once; 2: once" },
	{ "retain", .type = BP_BOOL, .fallback = "no", .help = "the broker keeps the last message of each topic" },
	{ .include = bp_bridge_rule_params },
	{ NULL },
};

static gboolean check_name(const char *topic)
{
	g_autofree char *legal = bp_bridge_to_topic(topic);

	return *topic && strcmp(topic, legal) == 0;
}

static gboolean check_rule(const BpBridgeRule *rule, GError **error)
{
	if (rule->import && !bp_mqtt_filter_check(rule->from))
		return bp_fail(error, BP_INVALID, "%s is no filter of topics: + stands for a level, # for the rest",
			       rule->from);
	return !rule->keep || rule->qos ||
	       bp_fail(error, BP_INVALID, "keep wants qos=1 or qos=2: a broker does not acknowledge qos=0");
}

static gboolean is_connected(gpointer user)
{
	const MqttBridge *bridge = user;

	return bridge->mqtt && bp_mqtt_is_connected(bridge->mqtt);
}

static gboolean has_room(gpointer user)
{
	const MqttBridge *bridge = user;

	return bp_mqtt_has_room(bridge->mqtt);
}

static BpSent publish(const BpBridgeItem *item, guint *id, GError **error, gpointer user)
{
	MqttBridge *bridge = user;
	const char *properties[] = { "bp-path", item->path, item->identity ? "bp-id" : NULL, item->identity, NULL };
	BpMqttMessage message = { .size = sizeof(message),
				  .topic = item->name,
				  .data = bp_message_data(item->message),
				  .data_size = bp_message_size(item->message),
				  .qos = item->qos,
				  .retain = item->retain,
				  .user = properties };
	BpSent sent = bp_mqtt_publish(bridge->mqtt, &message, id, error);

	if (sent == BP_SENT && bridge->version == 3)
		mqtt_import_expect_echo(bridge, message.topic, message.data, message.data_size);
	return sent;
}

static gboolean has_rule(const MqttBridge *bridge, const char *filter)
{
	const GPtrArray *rules = bp_bridge_rules(bridge->bridge);

	for (guint i = 0; i < rules->len; i++) {
		const BpBridgeRule *rule = rules->pdata[i];

		if (rule->import && strcmp(rule->from, filter) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean subscribe(const char *filter, GError **error, gpointer user)
{
	const MqttBridge *bridge = user;
	guint id;

	return has_rule(bridge, filter) || bp_mqtt_subscribe(bridge->mqtt, filter, 1, 0, &id, error);
}

static void unsubscribe(const char *filter, gpointer user)
{
	const MqttBridge *bridge = user;
	guint id;

	if (bridge->mqtt && !has_rule(bridge, filter))
		bp_mqtt_unsubscribe(bridge->mqtt, filter, &id, NULL);
}

static const BpBridgeSystem system_ops = { .size = sizeof(system_ops),
					   .kind = "mqtt",
					   .peer = "broker",
					   .noun = "topic",
					   .separator = '/',
					   .wild = "+#",
					   .rule_params = rule_params,
					   .to_name = bp_bridge_to_topic,
					   .to_channel = bp_bridge_to_channel,
					   .captures = bp_bridge_topic_captures,
					   .check_name = check_name,
					   .check_rule = check_rule,
					   .is_connected = is_connected,
					   .has_room = has_room,
					   .publish = publish,
					   .subscribe = subscribe,
					   .unsubscribe = unsubscribe };

/* --- the module --- */

static BpMqtt *connect_to(MqttBridge *bridge, GError **error)
{
	BpInstance *self = bridge->self;
	g_autofree char *password = NULL;
	g_autofree char *id = g_strdup_printf("backplane-%s-%s", bp_bridge_host(bridge->bridge), bp_plugin_name(self));
	const char *given = bp_instance_string(self, "client_id");
	BpMqttMessage will = { .size = sizeof(will),
			       .topic = bridge->status,
			       .data = "offline",
			       .data_size = 7,
			       .qos = 1,
			       .retain = TRUE };
	BpMqttOptions options = { .host = bp_instance_string(self, "host"),
				  .port = (guint)bp_instance_int(self, "port"),
				  .version = bridge->version,
				  .client_id = given ? given : id,
				  .user = bp_instance_string(self, "user"),
				  .keepalive = (guint)(bp_instance_duration(self, "keepalive") / G_USEC_PER_SEC),
				  .clean = bp_instance_bool(self, "clean"),
				  .tls = bp_instance_bool(self, "tls"),
				  .ca = bp_instance_string(self, "tls_ca"),
				  .cert = bp_instance_string(self, "tls_cert"),
				  .key = bp_instance_string(self, "tls_key"),
				  .tls_name = bp_instance_string(self, "tls_name"),
				  .will = bridge->status ? &will : NULL,
				  .in_flight = (guint)bp_instance_int(self, "in_flight"),
				  .backlog = (gsize)bp_instance_int(self, "backlog_limit"),
				  .pause_min = bp_instance_duration(self, "reconnect_min"),
				  .pause_max = bp_instance_duration(self, "reconnect_max") };

	if (!bp_bridge_password(self, &password, error))
		return NULL;
	options.password = password;
	bp_instance_set_state(self, BP_STATE_WAITING, "connecting to %s", options.host);
	return bp_mqtt_new(self, &options, &events, bridge, error);
}

static void bridge_close(BpInstance *self)
{
	MqttBridge *bridge = bp_instance_data(self);

	if (bridge->mqtt) {
		say_status(bridge, "offline");
		bp_mqtt_free(g_steal_pointer(&bridge->mqtt));
	}
	g_clear_pointer(&bridge->bridge, bp_bridge_free);
	g_queue_clear(&bridge->echoes);
	g_free(bridge->status);
}

static gboolean open_parts(MqttBridge *bridge, GError **error)
{
	g_autofree char *status = NULL;

	bridge->bridge = bp_bridge_new(bridge->self, &system_ops, bridge, error);
	status = bridge->bridge ? bp_bridge_parameter(bridge->bridge, "status", error) : NULL;
	if (!status)
		return FALSE;
	if (strcmp(status, "none") != 0)
		bridge->status = g_steal_pointer(&status);
	bridge->mqtt = connect_to(bridge, error);
	return bridge->mqtt && bp_bridge_start(bridge->bridge, error);
}

static gboolean bridge_open(BpInstance *self, GError **error)
{
	MqttBridge *bridge = bp_instance_data(self);

	bridge->self = self;
	bridge->version = (guint)g_ascii_strtoull(bp_instance_string(self, "version"), NULL, 10);
	g_queue_init(&bridge->echoes);
	if (open_parts(bridge, error))
		return TRUE;
	bridge_close(self);
	return FALSE;
}

static const BpModule modules[] = {
	{ "MqttBridge", .help = "channels as topics of an MQTT broker, and topics as channels", .params = mqtt_params,
	  .size = sizeof(MqttBridge), .open = bridge_open, .close = bridge_close, .describe = mqtt_describe },
	{ NULL },
};

BP_PLUGIN(.name = "mqtt", .version = "0.1", .summary = "A bridge to MQTT brokers", .manual = manual, .modules = modules,
	  .commands = mqtt_commands);
