/* SPDX-License-Identifier: MIT */
/* rule.c - module Rule: when a message on a channel matches, then send one, run a command, raise a problem. The commands rule add, list
 * and remove open and close such modules; what they opened is kept in the root setting "rules", a line each: name, tab, parameters.
 *
 * A rule acts once when its condition begins to hold, and again after it has ceased to: a value that stays above its limit
 * sends one message. With nothing but a pattern each message that matches acts, so there is a shortest time between two actions.
 */
#include <string.h>
#include "automation.h"

#define KEY "rules"
#define BYTES_MOST (60 * 1024)
#define RULES_MOST 500

typedef struct {
	BpInstance *self;
	BpChannel *to; /* may be NULL */
	BpTimer *silence;
	gboolean holds;	  /* the condition */
	gboolean sending; /* what it causes itself is not looked at */
	gint64 acted;	  /* 0: never */
	guint64 count, running, left_out;
} Rule;

static gboolean is_given(const BpInstance *self, const char *param)
{
	return bp_values_is_set(bp_instance_values(self), param);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* {value} and {channel}; other braces stay. */
static char *fill_in(const char *text, const char *channel, const char *value)
{
	GString *filled = g_string_new(text);

	g_string_replace(filled, "{channel}", channel, 0);
	g_string_replace(filled, "{value}", value, 0);
	return g_string_free(filled, FALSE);
}

static void on_command_end(BpPlugin *self, guint failed, gpointer data)
{
	((Rule *)bp_instance_data(self))->running--;
}

static void act(Rule *rule, const char *value)
{
	BpInstance *self = rule->self;
	const char *channel = bp_instance_string(self, "channel");
	g_autofree char *text = fill_in(or_empty(bp_instance_string(self, "send")), channel, value);
	g_autofree char *command = fill_in(or_empty(bp_instance_string(self, "run")), channel, value);
	gint64 now = g_get_monotonic_time();

	if (rule->acted && now - rule->acted < bp_instance_duration(self, "pause")) {
		rule->left_out++;
		return;
	}
	rule->acted = now;
	rule->count++;
	if (rule->to) {
		rule->sending = TRUE;
		bp_channel_print(rule->to, text);
		rule->sending = FALSE;
	}
	if (*command && rule->running < 8) {
		rule->running++;
		bp_session_run(self, bp_session_system(), command, on_command_end, NULL);
	}
}

/* The condition holds from now on, or no longer. */
static void set_holds(Rule *rule, gboolean holds, const char *value)
{
	BpInstance *self = rule->self;
	const char *problem = bp_instance_string(self, "problem");
	gboolean again = holds && rule->holds;

	rule->holds = holds;
	if (problem && holds) {
		/* The text stays the same while it holds: each new one is a line on `problems`. */
		g_autofree char *text = fill_in(problem, bp_instance_string(self, "channel"), value);

		if (!again)
			bp_instance_set_state(self, BP_STATE_FAILED, "%s", text);
	} else {
		bp_instance_set_state(self, BP_STATE_OK, "watches %s", bp_instance_string(self, "channel"));
	}
	/* With a limit or silence it acts when that begins; a pattern alone is met by each message anew. */
	if (holds && (!again || !(is_given(self, "above") || is_given(self, "below") || is_given(self, "silence"))))
		act(rule, value);
}

static void on_silence(BpPlugin *self, gpointer data)
{
	set_holds(data, TRUE, "silence");
}

static gboolean matches(const Rule *rule, const char *text, gsize size, double *number)
{
	const char *pattern = bp_instance_string(rule->self, "match");
	gboolean above = is_given(rule->self, "above"), below = is_given(rule->self, "below");

	if (pattern && !g_pattern_match_simple(pattern, text))
		return FALSE;
	if (!above && !below)
		return TRUE;
	return bp_json_number(text, size, bp_instance_string(rule->self, "field"), number) &&
	       ((above && *number > bp_values_double(bp_instance_values(rule->self), "above")) ||
		(below && *number < bp_values_double(bp_instance_values(rule->self), "below")));
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	Rule *rule = data;
	g_autofree char *bytes = g_strndup(bp_message_data(message), MIN(bp_message_size(message), 65536));
	g_autofree char *text = g_utf8_make_valid(bytes, -1), *value = NULL;
	double number = 0;
	gboolean holds;

	if (rule->sending)
		return;
	g_strchomp(text);
	if (is_given(self, "silence")) {
		/* With a pattern only what matches ends the silence. */
		if (matches(rule, text, strlen(text), &number)) {
			bp_timer_restart(rule->silence);
			set_holds(rule, FALSE, "");
		}
		return;
	}
	holds = matches(rule, text, strlen(text), &number);
	/* A message without a number says nothing about a limit. */
	if (!holds && (is_given(self, "above") || is_given(self, "below")) &&
	    !bp_json_number(text, strlen(text), bp_instance_string(self, "field"), &number))
		return;
	value = is_given(self, "above") || is_given(self, "below") ? g_strdup_printf("%g", number) : g_strdup(text);
	set_holds(rule, holds, value);
}

static gboolean open_rule(BpInstance *self, GError **error)
{
	Rule *rule = bp_instance_data(self);
	const char *channel = bp_instance_string(self, "channel"), *to = bp_instance_string(self, "to");

	rule->self = self;
	if (!is_given(self, "match") && !is_given(self, "above") && !is_given(self, "below") &&
	    !is_given(self, "silence"))
		return bp_fail(error, BP_INVALID, "%s: when is it to act? Give match, above, below or silence",
			       bp_plugin_name(self));
	if (!to && !is_given(self, "run") && !is_given(self, "problem"))
		return bp_fail(error, BP_INVALID, "%s: what is it to do? Give to and send, run, or problem",
			       bp_plugin_name(self));
	if (!bp_channel_check_name(channel, error) || (to && !bp_channel_check_name(to, error)))
		return FALSE;
	if (to && strcmp(to, channel) == 0)
		return bp_fail(error, BP_INVALID, "%s: it would send on the channel that it watches",
			       bp_plugin_name(self));
	rule->to = to ? bp_channel(self, to) : NULL;
	bp_instance_set_state(self, BP_STATE_OK, "watches %s", channel);
	if (is_given(self, "silence"))
		rule->silence = bp_timer_add(rule->self, "silence", bp_instance_duration(self, "silence"), 0,
					     on_silence, rule, NULL);
	bp_channel_watch(self, bp_channel(self, channel), on_message, rule, NULL);
	return TRUE;
}

static void describe_rule(BpInstance *self, GString *text)
{
	const Rule *rule = bp_instance_data(self);

	g_string_append_printf(text, "%s %s, acted %" G_GUINT64_FORMAT " times, left out %" G_GUINT64_FORMAT "\n",
			       bp_instance_string(self, "channel"), rule->holds ? "holds" : "does not hold",
			       rule->count, rule->left_out);
}

#define RULE_PARAMS \
	{ "channel", .required = 1, .names = BP_A_CHANNEL, .help = "whose messages are looked at" }, \
		{ "match", .help = "a pattern for the whole text, with * and ?" }, \
		{ "field", .help = "where the number is: a member of JSON, or the word before it" }, \
		{ "above", .type = BP_DOUBLE, .help = "when the number is more than this" }, \
		{ "below", .type = BP_DOUBLE, .help = "when the number is less than this" }, \
		{ "silence", .type = BP_DURATION, .min = 0.1, .max = 31536000, \
		  .help = "when no message comes for so long" }, \
		{ "to", .names = BP_A_CHANNEL, .help = "channel to send on" }, \
		{ "send", .fallback = "{value}", .help = "text to send; {value} and {channel} are filled in" }, \
		{ "run", .help = "command to run; {value} and {channel} are filled in" }, \
		{ "problem", .help = "problem to raise while it holds; {value} and {channel} are filled in" }, \
	{ \
		"pause", .type = BP_DURATION, .fallback = "1s", .min = 0, .max = 31536000, \
			 .help = "shortest time between two actions" \
	}

static const BpParam rule_params[] = { RULE_PARAMS, { NULL } };

const BpModule rule_modules[] = {
	{ "Rule", .help = "when a message matches, sends one, runs a command or raises a problem",
	  .params = rule_params, .size = sizeof(Rule), .open = open_rule, .describe = describe_rule },
	{ NULL },
};

/* --- kept --- */

static GPtrArray *read_rules(void)
{
	g_autofree char *text = bp_setting_stored("/", KEY);
	g_auto(GStrv) parts = g_strsplit(text ? text : "", "\n", -1);
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	for (char **part = parts; *part; part++)
		if (strchr(*part, '\t'))
			g_ptr_array_add(lines, g_strdup(*part));
	return lines;
}

/* Without the rule `name`; `line` (may be NULL) instead. */
static gboolean keep(const char *name, const char *line, GError **error)
{
	g_autoptr(GPtrArray) lines = read_rules();
	g_autoptr(GString) text = g_string_new(NULL);
	gsize length = strlen(name);

	for (guint i = 0; i < lines->len; i++) {
		const char *old = lines->pdata[i];

		if (strncmp(old, name, length) != 0 || old[length] != '\t')
			g_string_append_printf(text, "%s\n", old);
	}
	if (line)
		g_string_append_printf(text, "%s\t%s\n", name, line);
	if (line && (text->len > BYTES_MOST || lines->len >= RULES_MOST))
		return bp_fail(
			error, BP_LIMIT,
			"no more rules can be kept: %u, or %u KiB; open more with module open or in the configuration",
			RULES_MOST, BYTES_MOST / 1024);
	bp_setting_store(bp_context("/"), KEY, text->len ? text->str : NULL);
	return TRUE;
}

static BpInstance *open_values(const char *name, json_t *object, GError **error)
{
	g_autoptr(BpValues) values = bp_values_new(rule_params);

	if (!bp_values_set_json(values, object, error))
		return NULL;
	return bp_module_open("Rule", name, "/", g_steal_pointer(&values), error);
}

void rules_open(BpPlugin *self)
{
	g_autoptr(GPtrArray) lines = read_rules();

	for (guint i = 0; i < lines->len; i++) {
		const char *line = lines->pdata[i], *tab = strchr(line, '\t');
		g_autofree char *name = g_strndup(line, (gsize)(tab - line));
		g_autoptr(GError) error = NULL;
		json_auto_t *object = bp_json_parse_object(tab + 1, strlen(tab + 1), 0, &error);

		if (bp_instance_find(name))
			continue;
		if (!object || !open_values(name, object, &error))
			bp_log(self, BP_LOG_WARNING, "rule %s: %s", name, error->message);
	}
}

static gboolean add_rule(const char *name, const BpValues *given, GError **error)
{
	json_auto_t *object = json_object();
	g_autofree char *text = NULL;
	BpInstance *before = bp_instance_find(name);

	if (before)
		return bp_fail(error, BP_EXISTS, "%s is there already; rule remove %s takes it away", name, name);
	for (const BpParam *row = rule_params; row->name; row++)
		if (bp_values_is_set(given, row->name))
			json_object_set_new(object, row->name, json_string(bp_values_string(given, row->name)));
	text = bp_json_text(object);
	if (!open_values(name, object, error))
		return FALSE;
	if (keep(name, text, error))
		return TRUE;
	bp_instance_close(bp_instance_find(name), NULL);
	return FALSE;
}

static gboolean remove_rule(const char *name, GError **error)
{
	BpInstance *instance = bp_instance_find(name);

	if (!instance || bp_instance_module(instance) != &rule_modules[0])
		return bp_fail(error, BP_NOT_FOUND, "no rule is called %s; rule list shows them", name);
	bp_instance_close(instance, NULL);
	return keep(name, NULL, error);
}

/* --- commands --- */

static const BpParam add_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = 1, .help = "of the rule" },
	RULE_PARAMS,
	{ NULL },
};

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) rules = bp_instance_list("Rule");
	BpTable *table;

	if (!rules->len) {
		bp_call_styled(call, BP_DIM,
			       "none; rule add hot --channel thermo/recv --above 30 --problem \"{value} degrees\"");
		return TRUE;
	}
	table = bp_table_new("Rule", "State", "Acted", "Parameters", NULL);
	for (guint i = 0; i < rules->len; i++) {
		const Rule *rule = bp_instance_data(rules->pdata[i]);
		g_autofree char *text = bp_values_describe(bp_instance_values(rules->pdata[i]));

		bp_table_row(table, "%s\t%s\t%" G_GUINT64_FORMAT "\t%s", bp_plugin_name(rules->pdata[i]),
			     rule->holds ? "holds" : "ok", rule->count, text);
	}
	bp_call_table(call, table);
	return TRUE;
}

static gboolean run_add(BpPlugin *self, BpCall *call, GError **error)
{
	return add_rule(bp_call_string(call, "name"), bp_call_values(call), error);
}

static gboolean run_remove(BpPlugin *self, BpCall *call, GError **error)
{
	return remove_rule(bp_call_string(call, "name"), error);
}

static const BpParam remove_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = 1, .names = BP_AN_INSTANCE, .help = "of the rule" },
	{ NULL },
};

const BpCommand rule_commands[] = {
	{ "rule", .help = "list the rules: what is done when a message matches", .run = run_list, .group = "rule" },
	{ "rule list", .help = "the same", .run = run_list },
	{ "rule add", .example = "rule add hot --channel thermo/recv --above 30 --run \"echo {value}\"",
	  .help = "when a message matches, or none comes: send one, run a command, raise a problem",
	  .params = add_params, .run = run_add, .role = BP_ADMIN },
	{ "rule remove", .help = "take one away", .params = remove_params, .run = run_remove, .role = BP_ADMIN },
	{ NULL },
};

/* --- resource rules --- */

static json_t *rule_json(BpInstance *instance)
{
	const Rule *rule = bp_instance_data(instance);
	const BpValues *values = bp_instance_values(instance);
	json_t *object = json_pack("{s:s,s:b,s:I,s:I}", "id", bp_plugin_name(instance), "holds", rule->holds, "acted",
				   (json_int_t)rule->count, "left_out", (json_int_t)rule->left_out);

	for (const BpParam *row = rule_params; row->name; row++)
		json_object_set_new(object, row->name,
				    bp_values_is_set(values, row->name)
					    ? bp_json_string(bp_values_string(values, row->name), -1)
					    : json_null());
	return object;
}

static json_t *list_rules(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) rules = bp_instance_list("Rule");
	json_t *list = json_array();

	for (guint i = 0; i < rules->len; i++)
		if (!query || !*query || g_pattern_match_simple(query, bp_plugin_name(rules->pdata[i])))
			json_array_append_new(list, rule_json(rules->pdata[i]));
	return list;
}

static json_t *act_add(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	const char *name = bp_values_string(values, "name");

	return add_rule(name, values, error) ? rule_json(bp_instance_find(name)) : NULL;
}

static json_t *act_remove(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return remove_rule(id, error) ? json_null() : NULL;
}

static const BpParam act_add_params[] = {
	{ "name", .required = 1, .help = "of the rule" },
	RULE_PARAMS,
	{ NULL },
};

static const BpAction rule_actions[] = {
	{ "add", .help = "make a rule that is kept", .params = act_add_params, .role = BP_ADMIN, .on_all = TRUE,
	  .run = act_add },
	{ "remove", .help = "take it away", .role = BP_ADMIN, .run = act_remove },
	{ NULL },
};

const BpResource rules_resource = {
	.size = sizeof(rules_resource),
	.name = "rules",
	.help = "what is done when a message on a channel matches, or none comes",
	.members =
		"id:string holds:boolean acted:integer left_out:integer channel:string match:string? field:string? above:string? below:string? "
		"silence:string? to:string? send:string? run:string? problem:string? pause:string?",
	.list = list_rules,
	.actions = rule_actions,
};
