/* SPDX-License-Identifier: MIT */
/* rule.c - a rule: PATTERN [-> TEMPLATE] [key=value]... */
#include <string.h>
#include "bridge-state.h"

const BpParam bp_bridge_rule_params[] = {
	{ "encoding", .type = BP_CHOICE, .choices = "raw|json", .fallback = "raw",
	  .help = "the bytes as they are, or JSON with channel, time, origin and text or base64" },
	{ "rate", .type = BP_DURATION, .fallback = "0", .max = 86400,
	  .help = "of each channel the latest message, so often" },
	{ "every", .type = BP_INT, .fallback = "1", .min = 1, .max = 1000000,
	  .help = "of each channel every so many messages" },
	{ "payload_limit", .type = BP_BYTES, .fallback = "1M", .min = 1, .max = 268435455,
	  .help = "a larger message is not sent" },
	{ "keep", .type = BP_BOOL, .fallback = "no",
	  .help = "what the other side has not acknowledged waits on the disk, also over a restart" },
	{ NULL },
};

static char *copy(const char *text)
{
	return g_strdup(text);
}

static guint count_wildcards(const BridgeRule *rule)
{
	const BpBridgeSystem *system = &rule->rule.bridge->system;
	guint count = 0;

	for (const char *at = rule->rule.from; *at; at++) {
		gboolean first = at == rule->rule.from || at[-1] == system->separator;
		gboolean last = !at[1] || at[1] == system->separator;

		count += rule->rule.import ? first && last && strchr(system->wild, *at) : *at == '*' || *at == '?';
	}
	return count;
}

/* With any wildcards in it; what a template makes of names must be legal. */
static gboolean check_template(const BridgeRule *rule, GError **error)
{
	static const char *const captures[] = { "x", "x", "x", "x", "x", "x", "x", "x", "x", NULL };
	const BpBridgeSystem *system = &rule->rule.bridge->system;
	BpBridgeNames names = { .host = "x", .bridge = "x", .name = "x" };
	g_autofree char *made = NULL;

	names.captures = captures + G_N_ELEMENTS(captures) - 1 - MIN(count_wildcards(rule), 9);
	made = bp_bridge_expand(rule->rule.to, &names, copy, error);
	if (!made)
		return FALSE;
	if (rule->rule.import)
		return bp_channel_check_name(made, error);
	return system->check_name(made) ||
	       bp_fail(error, BP_INVALID,
		       "%s makes no %s: it may not be empty, begin with $, or have wildcards or control characters",
		       rule->rule.to, system->noun);
}

/* What follows the pattern and its template. */
static gboolean take_options(BridgeRule *rule, char **words, GError **error)
{
	const BpBridgeSystem *system = &rule->rule.bridge->system;
	BpValues *values = rule->rule.options = bp_values_new(system->rule_params);

	if (!bp_values_set_pairs(values, (const char *const *)words, error))
		return FALSE;
	rule->json = strcmp(bp_values_string(values, "encoding"), "json") == 0;
	rule->interval = bp_values_duration(values, "rate");
	rule->every = (guint)bp_values_int(values, "every");
	rule->payload = (gsize)bp_values_int(values, "payload_limit");
	rule->rule.keep = bp_values_bool(values, "keep");
	rule->rule.qos = bp_param_find(system->rule_params, "qos") ? (guint)bp_values_int(values, "qos")
								   : (rule->rule.keep ? 1 : 0);
	rule->retain = bp_param_find(system->rule_params, "retain") && bp_values_bool(values, "retain");
	return !system->check_rule || system->check_rule(&rule->rule, error);
}

BridgeRule *bridge_rule_parse(BpBridge *bridge, const char *text, gboolean import, GError **error)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
	BridgeRule *rule = g_new0(BridgeRule, 1);
	guint used = 0, next = 1;

	for (guint i = 0; words[i]; i++) { /* without the empty ones */
		if (*words[i])
			words[used++] = words[i];
		else
			g_free(words[i]);
	}
	words[used] = NULL;
	rule->rule.bridge = bridge;
	rule->rule.import = import;
	rule->rule.from = g_strdup(words[0] ? words[0] : "");
	if (words[0] && words[1] && strcmp(words[1], "->") == 0 && words[2])
		next = 3;
	if (next == 3)
		rule->rule.to = g_strdup(words[2]);
	else
		rule->rule.to = import ? g_strdup("{bridge}/{topic}")
				       : g_strdup_printf("%s%c{channel}", bridge->prefix, bridge->system.separator);
	if (!*rule->rule.from)
		bp_fail(error, BP_INVALID, "a rule is empty; it is written as PATTERN -> TARGET rate=1s");
	else if (take_options(rule, words + MIN(next, used), error) && check_template(rule, error))
		return rule;
	g_prefix_error(error, "%s: ", text);
	bridge_rule_free(rule);
	return NULL;
}

void bridge_rule_free(BridgeRule *rule)
{
	g_clear_pointer(&rule->held, g_hash_table_unref);
	g_clear_pointer(&rule->rule.options, bp_values_free);
	g_free(rule->rule.from);
	g_free(rule->rule.to);
	g_free(rule);
}

char *bridge_rule_target(const BridgeRule *rule, const char *name)
{
	const BpBridge *bridge = rule->rule.bridge;
	gboolean import = rule->rule.import;
	g_auto(GStrv) captures = import ? bridge->system.captures(rule->rule.from, name)
					: bp_bridge_captures(rule->rule.from, name);
	BpBridgeNames names = { .host = bridge->host,
				.bridge = bp_plugin_name(bridge->self),
				.name = name,
				.captures = (const char *const *)captures };

	return captures ? bp_bridge_expand(rule->rule.to, &names,
					   import ? bridge->system.to_channel : bridge->system.to_name, NULL)
			: NULL;
}
