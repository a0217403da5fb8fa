/* SPDX-License-Identifier: MIT */
/* mqtt-rule.c - a rule: PATTERN [-> TEMPLATE] [key=value]... */
#include <string.h>
#include "mqtt.h"

static const BpParam rule_params[] = {
	{ "qos", .type = BP_INT, .fallback = "0", .min = 0, .max = 2,
	  .help = "0: at most once; 1: at least once; 2: once" },
	{ "retain", .type = BP_BOOL, .fallback = "no", .help = "the broker keeps the last message of each topic" },
	{ "encoding", .type = BP_CHOICE, .choices = "raw|json", .fallback = "raw",
	  .help = "the bytes as they are, or JSON with channel, time, origin and text or base64" },
	{ "rate", .type = BP_DURATION, .fallback = "0", .max = 86400,
	  .help = "of each channel the latest message, so often" },
	{ "every", .type = BP_INT, .fallback = "1", .min = 1, .max = 1000000,
	  .help = "of each channel every so many messages" },
	{ "payload_limit", .type = BP_BYTES, .fallback = "1M", .min = 1, .max = 268435455,
	  .help = "a larger message is not sent" },
	{ "keep", .type = BP_BOOL, .fallback = "no",
	  .help = "what the broker has not acknowledged waits on the disk, also over a restart; wants qos=1 or 2" },
	{ NULL },
};

static char *copy(const char *text)
{
	return g_strdup(text);
}

/* With any wildcards in it; what a template makes of names must be legal. */
static gboolean check_template(const MqttRule *rule, GError **error)
{
	static const char *const captures[] = { "x", "x", "x", "x", "x", "x", "x", "x", "x", NULL };
	BpBridgeNames names = { .host = "x", .bridge = "x", .name = "x" };
	guint wild = 0;
	g_autofree char *made = NULL;
	g_autofree char *legal = NULL;

	for (const char *at = rule->from; *at; at++)
		wild += rule->import ? *at == '+' || *at == '#' : *at == '*' || *at == '?';
	names.captures = captures + G_N_ELEMENTS(captures) - 1 - MIN(wild, 9);
	made = bp_bridge_expand(rule->to, &names, copy, error);
	if (!made)
		return FALSE;
	if (rule->import)
		return bp_channel_check_name(made, error);
	legal = bp_bridge_to_topic(made);
	return (*made && strcmp(made, legal) == 0) ||
	       bp_fail(error, BP_INVALID,
		       "%s makes no topic: it may not be empty, begin with $, or have + # %% or control characters",
		       rule->to);
}

/* What follows the pattern and its template. */
static gboolean take_options(MqttRule *rule, char **words, GError **error)
{
	g_autoptr(BpValues) values = bp_values_new(rule_params);

	if (!bp_values_set_pairs(values, (const char *const *)words, error))
		return FALSE;
	rule->qos = (guint)bp_values_int(values, "qos");
	rule->retain = bp_values_bool(values, "retain");
	rule->json = strcmp(bp_values_string(values, "encoding"), "json") == 0;
	rule->interval = bp_values_duration(values, "rate");
	rule->every = (guint)bp_values_int(values, "every");
	rule->payload = (gsize)bp_values_int(values, "payload_limit");
	rule->keep = bp_values_bool(values, "keep");
	return !rule->keep || rule->qos ||
	       bp_fail(error, BP_INVALID, "keep wants qos=1 or qos=2: a broker does not acknowledge qos=0");
}

MqttRule *mqtt_rule_parse(MqttBridge *bridge, const char *text, gboolean import, GError **error)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
	MqttRule *rule = g_new0(MqttRule, 1);
	guint used = 0, next = 1;

	for (guint i = 0; words[i]; i++) { /* without the empty ones */
		if (*words[i])
			words[used++] = words[i];
		else
			g_free(words[i]);
	}
	words[used] = NULL;
	rule->bridge = bridge;
	rule->import = import;
	rule->from = g_strdup(words[0] ? words[0] : "");
	if (words[0] && words[1] && strcmp(words[1], "->") == 0 && words[2])
		next = 3;
	if (next == 3)
		rule->to = g_strdup(words[2]);
	else
		rule->to = import ? g_strdup("{bridge}/{topic}") : g_strdup_printf("%s/{channel}", bridge->prefix);
	if (!*rule->from)
		bp_fail(error, BP_INVALID, "a rule is empty; it is written as PATTERN -> TARGET qos=1");
	else if (import && !bp_mqtt_filter_check(rule->from))
		bp_fail(error, BP_INVALID, "%s is no filter of topics: + stands for a level, # for the rest",
			rule->from);
	else if (take_options(rule, words + MIN(next, used), error) && check_template(rule, error))
		return rule;
	g_prefix_error(error, "%s: ", text);
	mqtt_rule_free(rule);
	return NULL;
}

void mqtt_rule_free(MqttRule *rule)
{
	g_clear_pointer(&rule->held, g_hash_table_unref);
	g_free(rule->from);
	g_free(rule->to);
	g_free(rule);
}

char *mqtt_rule_target(const MqttRule *rule, const char *name)
{
	g_auto(GStrv) captures = rule->import ? bp_bridge_topic_captures(rule->from, name)
					      : bp_bridge_captures(rule->from, name);
	BpBridgeNames names = { .host = rule->bridge->host,
				.bridge = bp_plugin_name(rule->bridge->self),
				.name = name,
				.captures = (const char *const *)captures };

	return captures ? bp_bridge_expand(rule->to, &names, rule->import ? bp_bridge_to_channel : bp_bridge_to_topic,
					   NULL)
			: NULL;
}
