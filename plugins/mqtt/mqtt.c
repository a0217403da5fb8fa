/* SPDX-License-Identifier: MIT */
/* mqtt.c - module MqttBridge: channels as topics of an MQTT broker, and topics as channels. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
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
	{ "backlog_limit", .type = BP_BYTES, .fallback = "8M", .min = 1024, .max = 1073741824,
	  .help = "bytes that may wait for a slow broker; then the oldest are lost" },
	{ "keep_limit", .type = BP_BYTES, .fallback = "16M", .min = 1024, .max = 1073741824,
	  .help = "bytes that may be kept on the disk; then the oldest are lost" },
	{ "keep_time", .type = BP_DURATION, .fallback = "7d", .min = 1, .max = 315360000,
	  .help = "for how long they are kept" },
	{ "max_channels", .type = BP_INT, .fallback = "1000", .min = 1, .max = 100000,
	  .help = "channels that imported topics may make" },
	{ "reconnect_min", .type = BP_DURATION, .fallback = "1s", .min = 0.01, .max = 3600,
	  .help = "first pause; doubled each time" },
	{ "reconnect_max", .type = BP_DURATION, .fallback = "60s", .min = 0.01, .max = 86400, .help = "longest pause" },
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

	g_clear_pointer(&bridge->why, g_free);
	bridge->told = FALSE;
	bp_instance_set_state(bridge->self, BP_STATE_OK, "connected to %s", bp_mqtt_address(mqtt));
	bp_channel_printf(bridge->events, "Connected to %s", bp_mqtt_address(mqtt));
	mqtt_import_subscribe(bridge, session);
	say_status(bridge, "online");
	mqtt_queue_pump(bridge);
}

static void on_closed(BpPlugin *self, BpMqtt *mqtt, guint code, gboolean fatal, const char *why, gpointer user)
{
	MqttBridge *bridge = user;

	bp_instance_set_state(bridge->self, fatal ? BP_STATE_FAILED : BP_STATE_WAITING, "%s", why);
	if (g_strcmp0(why, bridge->why) != 0)
		bp_channel_printf(bridge->events, "%s; trying again", why);
	g_free(bridge->why);
	bridge->why = g_strdup(why);
}

static void on_message(BpPlugin *self, BpMqtt *mqtt, const BpMqttMessage *message, gpointer user)
{
	mqtt_watchers_show(user, message);
	mqtt_import_take(user, message);
}

static void on_published(BpPlugin *self, BpMqtt *mqtt, guint id, guint code, gpointer user)
{
	mqtt_queue_published(user, id, code);
}

static void on_subscribed(BpPlugin *self, BpMqtt *mqtt, guint id, const int *codes, guint count, gpointer user)
{
	MqttBridge *bridge = user;

	for (guint i = 0; i < count; i++)
		if (codes[i] >= 128)
			bp_channel_printf(
				bridge->events,
				"The broker refuses a subscription (%s): it does not allow this client to read it",
				bp_plugin_name(bridge->self));
}

static const BpMqttEvents events = { .size = sizeof(events),
				     .connected = on_connected,
				     .closed = on_closed,
				     .message = on_message,
				     .published = on_published,
				     .subscribed = on_subscribed };

void mqtt_lost(MqttBridge *bridge, MqttRule *rule, guint count, const char *why)
{
	bridge->lost += count;
	bp_metric_add(bridge->lost_metric, count);
	if (rule)
		rule->lost += count;
	if (!bridge->told)
		bp_channel_printf(bridge->events, "Messages are lost: %s; mqtt list counts them", why);
	bridge->told = TRUE;
}

/* --- the module --- */

static char *plain(const char *value)
{
	return g_strdup(value);
}

static gboolean parse_rules(MqttBridge *bridge, const char *parameter, gboolean import, GError **error)
{
	for (const char *const *text = bp_values_list(bp_instance_values(bridge->self), parameter); *text; text++) {
		MqttRule *rule = mqtt_rule_parse(bridge, *text, import, error);

		if (!rule)
			return FALSE;
		g_ptr_array_add(bridge->rules, rule);
	}
	return TRUE;
}

/* {host} and {prefix} in the parameters prefix and status. */
static char *expand(MqttBridge *bridge, const char *parameter, GError **error)
{
	g_autofree char *text = g_strdup(bp_instance_string(bridge->self, parameter));
	BpBridgeNames names = { .host = bridge->host, .bridge = bp_plugin_name(bridge->self) };
	char *result;

	if (bridge->prefix) {
		g_auto(GStrv) parts = g_strsplit(text, "{prefix}", -1);

		g_free(text);
		text = g_strjoinv(bridge->prefix, parts);
	}
	result = bp_bridge_expand(text, &names, plain, error);
	g_prefix_error(error, "%s: ", parameter);
	return result;
}

/* FALSE: the file cannot be used. `*password` stays NULL where none is given. Yours. */
static gboolean read_password(BpInstance *self, char **password, GError **error)
{
	const char *path = bp_instance_string(self, "password_file");
	struct stat file;

	if (!path) {
		*password = g_strdup(bp_instance_string(self, "password"));
		return TRUE;
	}
	if (!stat(path, &file) && file.st_mode & S_IRWXO)
		return bp_fail(error, BP_NOT_PERMITTED, "%s: others may read it: chmod o-rwx %s", path, path);
	*password = bp_file_load(path, 4096, BP_FILE_READ, NULL, error);
	if (*password)
		g_strchomp(*password);
	return *password != NULL;
}

static BpMqtt *connect_to(MqttBridge *bridge, GError **error)
{
	BpInstance *self = bridge->self;
	g_autofree char *password = NULL;
	g_autofree char *id = g_strdup_printf("backplane-%s-%s", bridge->host, bp_plugin_name(self));
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
				  .backlog = bridge->limit,
				  .pause_min = bp_instance_duration(self, "reconnect_min"),
				  .pause_max = bp_instance_duration(self, "reconnect_max") };

	if (!read_password(self, &password, error))
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
	mqtt_watchers_end(bridge);
	mqtt_queue_close(bridge);
	g_clear_pointer(&bridge->rules, g_ptr_array_unref);
	g_clear_pointer(&bridge->channels, g_hash_table_unref);
	g_clear_pointer(&bridge->seen, g_hash_table_unref);
	g_queue_clear(&bridge->echoes);
	g_clear_pointer(&bridge->origin, g_ref_string_release);
	g_free(bridge->id);
	g_free(bridge->host);
	g_free(bridge->prefix);
	g_free(bridge->status);
	g_free(bridge->why);
}

static gboolean open_parts(MqttBridge *bridge, GError **error)
{
	const char *name = bp_plugin_name(bridge->self);
	g_autofree char *status = NULL;

	bridge->prefix = expand(bridge, "prefix", error);
	status = bridge->prefix ? expand(bridge, "status", error) : NULL;
	if (!status)
		return FALSE;
	if (strcmp(status, "none") != 0)
		bridge->status = g_steal_pointer(&status);
	return parse_rules(bridge, "export", FALSE, error) && parse_rules(bridge, "import", TRUE, error) &&
	       mqtt_queue_open(bridge, error) && (bridge->mqtt = connect_to(bridge, error)) && name;
}

static gboolean bridge_open(BpInstance *self, GError **error)
{
	MqttBridge *bridge = bp_instance_data(self);
	g_autofree char *events_name = g_strdup_printf("mqtt-%s", bp_plugin_name(self));
	g_autofree char *origin = g_strdup_printf("mqtt/%s", bp_plugin_name(self));

	bridge->self = self;
	bridge->host = g_strdup(g_get_host_name());
	bridge->id = g_strdup_printf("%s-%08x", bridge->host,
				     g_str_hash(bp_kernel_state_folder() ? bp_kernel_state_folder() : ""));
	bridge->origin = g_ref_string_new(origin);
	bridge->version = (guint)g_ascii_strtoull(bp_instance_string(self, "version"), NULL, 10);
	bridge->limit = (gsize)bp_instance_int(self, "backlog_limit");
	bridge->keep_limit = (gsize)bp_instance_int(self, "keep_limit");
	bridge->keep_time = bp_instance_duration(self, "keep_time");
	bridge->events = bp_channel(self, events_name);
	bridge->rules = g_ptr_array_new_with_free_func((GDestroyNotify)mqtt_rule_free);
	bridge->channels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bridge->max_channels = (guint)bp_instance_int(self, "max_channels");
	bridge->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&bridge->waiting);
	g_queue_init(&bridge->sent);
	g_queue_init(&bridge->echoes);
	bridge->in_metric = bp_metric(self, "messages_in_total", BP_COUNTER, "messages from the broker");
	bridge->out_metric = bp_metric(self, "messages_out_total", BP_COUNTER, "messages to the broker");
	bridge->lost_metric = bp_metric(self, "lost_messages_total", BP_COUNTER,
					"messages that did not reach the broker or a channel");
	if (!open_parts(bridge, error)) {
		bridge_close(self);
		return FALSE;
	}
	for (guint i = 0; i < bridge->rules->len; i++)
		if (!((MqttRule *)bridge->rules->pdata[i])->import)
			mqtt_export_start(bridge->rules->pdata[i]);
	return TRUE;
}

static const BpModule modules[] = {
	{ "MqttBridge", .help = "channels as topics of an MQTT broker, and topics as channels", .params = mqtt_params,
	  .size = sizeof(MqttBridge), .open = bridge_open, .close = bridge_close, .describe = mqtt_describe },
	{ NULL },
};

BP_PLUGIN(.name = "mqtt", .version = "0.1", .summary = "A bridge to MQTT brokers", .manual = manual, .modules = modules,
	  .commands = mqtt_commands);
