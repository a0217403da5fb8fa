/* SPDX-License-Identifier: MIT */
/* mosquitto.c - the bridges in mosquitto.conf. The rest of a broker's configuration is not ours. */
#include <string.h>
#include "import.h"

typedef struct {
	char *direction, *pattern, *local, *remote;
	guint qos;
} Topic;

typedef struct {
	char *name;
	guint line;
	char *address;
	GPtrArray *topics;
	Item *item;
	gboolean is_plain; /* encryption that we do not have must not become none */
} Bridge;

/* Without a counterpart. */
static const struct {
	const char *key, *said;
} said[] = {
	{ "start_type", "a bridge is always connected" },
	{ "threshold", "goes with start_type lazy" },
	{ "idle_timeout", "goes with start_type lazy" },
	{ "round_robin", "one address" },
	{ "try_private", "with MQTT 5 a broker does not send back what came from here" },
	{ "local_clientid", "there is no broker on this side" },
	{ "local_username", "there is no broker on this side" },
	{ "local_password", NULL },
	{ "local_cleansession", "there is no broker on this side" },
	{ "notifications_local_only", "there is no broker on this side" },
	{ "bridge_attempt_unsubscribe", "topics are not left before they are subscribed" },
	{ "bridge_outgoing_retain", "retain=yes of a rule keeps a topic's last message" },
	{ "bridge_max_packet_size", "payload_limit of a rule" },
	{ "bridge_receive_maximum", "in_flight" },
	{ "bridge_max_topic_alias", "not used" },
	{ "bridge_session_expiry_interval", "a week" },
	{ "bridge_bind_address", "the system chooses" },
	{ "bridge_tcp_keepalive", "keepalive of MQTT" },
	{ "bridge_tcp_user_timeout", "keepalive of MQTT" },
	{ "bridge_reload_type", "config reload opens again what has changed" },
	{ "bridge_ciphers", "those of OpenSSL" },
	{ "bridge_ciphers_tls1.3", "those of OpenSSL" },
	{ "bridge_tls_version", "TLS 1.2 or 1.3, as the broker offers" },
	{ "bridge_alpn", "not sent" },
	{ "bridge_require_ocsp", "not asked for" },
	{ "bridge_tls_use_os_certs", "those of the system count if tls_ca is left out" },
	{ "bridge_capath", "one file: tls_ca" },
};

/* Words; a quoted one may have blanks in it. */
static GPtrArray *words_of(const char *line)
{
	GPtrArray *words = g_ptr_array_new();

	for (const char *at = line; *at;) {
		gsize size;

		at += strspn(at, " \t\r");
		if (!*at)
			break;
		size = *at == '"' ? strcspn(at + 1, "\"") : strcspn(at, " \t\r");
		g_ptr_array_add(words, g_strndup(at + (*at == '"'), size));
		at += *at == '"' ? size + 1 + (at[size + 1] == '"') : size;
	}
	return words;
}

static const char *word(const GPtrArray *words, guint at)
{
	return at < words->len ? words->pdata[at] : NULL;
}

static void fault(Import *import, guint line, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void fault(Import *import, guint line, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	import_fault(import, import->path, line, "%s", text);
}

/* topic PATTERN [DIRECTION [QOS [LOCAL REMOTE]]] */
static void take_topic(Import *import, Bridge *bridge, const GPtrArray *words, guint line)
{
	static const char *const directions[] = { "out", "in", "both", NULL };
	Topic *topic = g_new0(Topic, 1);
	const char *local = word(words, 4), *remote = word(words, 5);

	topic->pattern = g_strdup(word(words, 1) ? word(words, 1) : "");
	topic->direction = g_strdup(word(words, 2) ? word(words, 2) : "out");
	topic->local = g_strdup(local ? local : "");
	topic->remote = g_strdup(remote ? remote : "");
	if (!g_strv_contains(directions, topic->direction))
		fault(import, line, "%s is no direction: out, in or both", topic->direction);
	if (word(words, 3) && !parse_number(word(words, 3), 0, 2, &topic->qos))
		fault(import, line, "%s is no QoS: 0, 1 or 2", word(words, 3));
	if (!*topic->pattern && (!*topic->local || !*topic->remote))
		fault(import, line, "an empty topic wants both prefixes");
	g_ptr_array_add(bridge->topics, topic);
}

/* A topic whose wildcards are {1}, {2}, ... */
static char *as_template(const char *topic)
{
	GString *out = g_string_new(NULL);
	guint count = 0;

	for (const char *at = topic; *at; at++)
		if (*at == '+' || *at == '#')
			g_string_append_printf(out, "{%u}", ++count);
		else
			g_string_append_c(out, *at);
	return g_string_free(out, FALSE);
}

/* A topic as a pattern of channels. */
static char *as_glob(const char *topic)
{
	char *glob = g_strdup(topic);

	return g_strdelimit(glob, "+#", '*');
}

/* The words of a rule. */
static void add_rule(Item *item, const char *key, const char *from, const char *to, guint qos)
{
	const char *quote = strpbrk(from, " \t") || strpbrk(to, " \t") ? "\"" : "";
	g_autofree char *options = qos ? g_strdup_printf(" qos=%u", qos) : g_strdup("");

	item_set(item, key, "%s%s%s -> %s%s%s%s", quote, from, quote, quote, to, quote, options);
}

static void add_topic(Item *item, const Topic *topic)
{
	g_autofree char *local = g_strconcat(topic->local, topic->pattern, NULL);
	g_autofree char *remote = g_strconcat(topic->remote, topic->pattern, NULL);
	g_autofree char *glob = as_glob(local), *to = as_template(remote), *channel = as_template(local);

	if (strcmp(topic->direction, "in"))
		add_rule(item, "export", glob, to, topic->qos);
	if (strcmp(topic->direction, "out"))
		add_rule(item, "import", remote, channel, topic->qos);
}

static void take_address(Bridge *bridge, const GPtrArray *words)
{
	g_autofree char *host = g_strdup(word(words, 1));
	char *colon = host ? strrchr(host, ':') : NULL;
	guint port;

	if (!host)
		return;
	if (colon && parse_number(colon + 1, 1, 65535, &port) && (strchr(host, ':') == colon || colon[-1] == ']')) {
		*colon = 0;
		item_set(bridge->item, "port", "%u", port);
	} else {
		item_set(bridge->item, "port", "1883");
	}
	bridge->address = g_strdup(host);
	item_set(bridge->item, "host", "%s", host);
	for (guint i = 2; i < words->len; i++)
		item_note(bridge->item, "Another address: %s - one is used.", word(words, i));
}

static void take_secret(Import *import, Bridge *bridge, const char *password)
{
	g_autofree char *file = g_strdup_printf("%s.password", bridge->item->name);

	item_set(bridge->item, "password_file", "%s", file);
	g_hash_table_insert(import->secrets, g_strdup(file), g_strdup_printf("%s\n", password));
}

static void take_version(Bridge *bridge, const char *value)
{
	item_set(bridge->item, "version", strcmp(value, "mqttv50") ? "3" : "5");
	if (!strcmp(value, "mqttv31"))
		item_note(bridge->item, "bridge_protocol_version: mqttv31 - here 3.1.1.");
}

/* Keys whose value is one of ours. */
static const struct {
	const char *key, *ours;
} same[] = {
	{ "remote_clientid", "client_id" },	{ "clientid", "client_id" },
	{ "remote_username", "user" },		{ "username", "user" },
	{ "remote_password", "password_file" }, { "password", "password_file" },
	{ "bridge_cafile", "tls_ca" },		{ "bridge_certfile", "tls_cert" },
	{ "bridge_keyfile", "tls_key" },
};

static gboolean is_true(const char *value)
{
	return !g_ascii_strcasecmp(value, "true") || !strcmp(value, "1");
}

static gboolean take_same(Import *import, Bridge *bridge, const char *key, const char *value)
{
	for (gsize i = 0; i < G_N_ELEMENTS(same); i++)
		if (!strcmp(key, same[i].key)) {
			if (!strcmp(same[i].ours, "password_file"))
				take_secret(import, bridge, value);
			else
				item_set(bridge->item, same[i].ours, "%s", value);
			if (g_str_has_prefix(same[i].ours, "tls_"))
				item_set(bridge->item, "tls", "yes");
			return TRUE;
		}
	return FALSE;
}

static gboolean take_said(Bridge *bridge, const char *key, const char *value)
{
	for (gsize i = 0; i < G_N_ELEMENTS(said); i++)
		if (!strcmp(key, said[i].key)) {
			if (said[i].said)
				item_note(bridge->item, "%s: %s - %s.", key, value, said[i].said);
			if (g_str_has_prefix(key, "bridge_tls") || !strcmp(key, "bridge_capath"))
				item_set(bridge->item, "tls", "yes");
			return TRUE;
		}
	return FALSE;
}

static void take_key(Import *import, Bridge *bridge, const GPtrArray *words, guint line)
{
	const char *key = words->pdata[0], *value = word(words, 1) ? word(words, 1) : "";
	Item *item = bridge->item;

	if (!strcmp(key, "topic"))
		take_topic(import, bridge, words, line);
	else if (!strcmp(key, "address") || !strcmp(key, "addresses"))
		take_address(bridge, words);
	else if (!strcmp(key, "bridge_protocol_version"))
		take_version(bridge, value);
	else if (!strcmp(key, "cleansession"))
		item_set(item, "clean", is_true(value) ? "yes" : "no");
	else if (!strcmp(key, "keepalive_interval"))
		item_set(item, "keepalive", "%s", value);
	else if (!strcmp(key, "restart_timeout")) {
		item_set(item, "reconnect_min", "%s", value);
		if (word(words, 2) && strcmp(word(words, 2), "stable"))
			item_set(item, "reconnect_max", "%s", word(words, 2));
	} else if (!strcmp(key, "notifications")) {
		if (!is_true(value))
			item_set(item, "status", "none");
	} else if (!strcmp(key, "notification_topic")) {
		if (*value != '$')
			item_set(item, "status", "%s", value);
	} else if (!strcmp(key, "bridge_insecure")) {
		if (is_true(value))
			item_set(item, "tls_name", "*");
	} else if (!strcmp(key, "bridge_psk") || !strcmp(key, "bridge_identity")) {
		bridge->is_plain = TRUE;
	} else if (!take_same(import, bridge, key, value) && !take_said(bridge, key, value)) {
		item_note(item, "%s is not known here.", key);
	}
}

static Bridge *bridge_new(Import *import, const char *name, guint line)
{
	Bridge *bridge = g_new0(Bridge, 1);

	bridge->line = line;
	bridge->name = g_strdup(name);
	bridge->topics = g_ptr_array_new();
	bridge->item = import_item(import, name, "MqttBridge");
	item_set(bridge->item, "version", "3");
	return bridge;
}

static void bridge_finish(Import *import, Bridge *bridge)
{
	if (!bridge->address)
		fault(import, bridge->line, "connection %s has no address", bridge->name);
	for (guint i = 0; i < bridge->topics->len; i++)
		add_topic(bridge->item, bridge->topics->pdata[i]);
	if (bridge->is_plain) {
		bridge->item->is_off = TRUE;
		item_note(
			bridge->item,
			"Encrypted with a shared key (bridge_psk), which this bridge has not: give the broker a certificate and set tls.");
	}
	if (!item_get(bridge->item, "status"))
		item_note(bridge->item,
			  "It reported its state on $SYS/broker/connection/...; here on {prefix}/status.");
}

void import_mosquitto(Import *import, char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	Bridge *bridge = NULL;

	for (guint i = 0; lines[i]; i++) {
		g_autoptr(GPtrArray) words = words_of(lines[i]);

		if (!words->len || *(char *)words->pdata[0] == '#')
			continue;
		if (!strcmp(words->pdata[0], "connection")) {
			if (bridge)
				bridge_finish(import, bridge);
			bridge = bridge_new(import, word(words, 1) ? word(words, 1) : "", i + 1);
			if (!word(words, 1))
				fault(import, i + 1, "a connection wants a name");
		} else if (bridge) {
			take_key(import, bridge, words, i + 1);
		} else {
			import_note(import, "Settings of the broker itself are not taken over.");
		}
	}
	if (bridge)
		bridge_finish(import, bridge);
}
