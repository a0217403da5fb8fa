/* SPDX-License-Identifier: MIT */
/* board-chart.c - which numbers of channels are kept: the command chart. Kept in the root setting "charts", a line each: name, tab,
 * channel, tab, field. */
#include <string.h>
#include "board.h"

#define KEY "charts"
#define CHARTS_MOST 200

typedef struct {
	char *name, *channel, *field;
	BpChannel *held;
	BpWatch *watch;
	BpPlugin *self;
} Chart;

static GHashTable *charts; /* by name */

static void chart_free(gpointer data)
{
	Chart *chart = data;

	if (chart->watch)
		bp_watch_remove(chart->watch);
	if (chart->held)
		bp_channel_release(chart->self, chart->held);
	g_free(chart->name);
	g_free(chart->channel);
	g_free(chart->field);
	g_free(chart);
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	const Chart *chart = data;
	double value;

	if (bp_json_number(bp_message_data(message), bp_message_size(message), chart->field, &value))
		board_series_add(chart->name, value);
}

static void save(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	GHashTableIter iter;
	gpointer data;

	g_hash_table_iter_init(&iter, charts);
	while (g_hash_table_iter_next(&iter, NULL, &data)) {
		const Chart *chart = data;

		g_string_append_printf(text, "%s\t%s\t%s\n", chart->name, chart->channel, chart->field);
	}
	bp_setting_store(bp_context("/"), KEY, text->len ? text->str : NULL);
}

static gboolean is_word(const char *text)
{
	return g_utf8_validate(text, -1, NULL) && !strpbrk(text, "\t\n\r") && strlen(text) <= 200;
}

static Chart *insert(BpPlugin *self, const char *name, const char *channel, const char *field)
{
	Chart *chart = g_new0(Chart, 1);

	chart->self = self;
	chart->name = g_strdup(name);
	chart->channel = g_strdup(channel);
	chart->field = g_strdup(field ? field : "");
	chart->held = bp_channel(self, channel);
	g_hash_table_replace(charts, chart->name, chart);
	chart->watch = bp_channel_watch(self, chart->held, on_message, chart, NULL);
	return chart;
}

gboolean board_chart_add(BpPlugin *self, const char *name, const char *channel, const char *field, GError **error)
{
	g_autofree char *made = NULL;

	if (!name || !*name)
		name = made = field && *field ? g_strdup_printf("%s:%s", channel, field) : g_strdup(channel);
	if (!bp_channel_check_name(channel, error))
		return FALSE;
	if (!*name || !is_word(name) || (field && !is_word(field)))
		return bp_fail(error, BP_INVALID,
			       "name and field: up to 200 bytes of UTF-8 without tabs and line ends are expected");
	if (g_hash_table_size(charts) >= CHARTS_MOST && !g_hash_table_contains(charts, name))
		return bp_fail(error, BP_LIMIT, "there are %u charts, which is the most; chart remove NAME ends one",
			       CHARTS_MOST);
	if (!board_series_begin(self, error))
		return FALSE;
	insert(self, name, channel, field);
	save();
	return TRUE;
}

gboolean board_chart_remove(const char *name, GError **error)
{
	if (!g_hash_table_remove(charts, name))
		return bp_fail(error, BP_NOT_FOUND, "no chart is called %s; chart lists them", name);
	board_series_forget(name);
	save();
	return TRUE;
}

void board_chart_describe(const char *name, json_t *row)
{
	const Chart *chart = g_hash_table_lookup(charts, name);

	if (!chart)
		return;
	json_object_set_new(row, "channel", json_string(chart->channel));
	json_object_set_new(row, "field", json_string(chart->field));
}

void board_charts_unload(void)
{
	g_clear_pointer(&charts, g_hash_table_unref);
}

void board_charts_load(BpPlugin *self)
{
	g_autofree char *text = bp_setting_stored("/", KEY);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	charts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, chart_free);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) parts = g_strsplit(*line, "\t", 3);

		if (g_strv_length(parts) == 3 && bp_channel_check_name(parts[1], NULL))
			insert(self, parts[0], parts[1], parts[2]);
	}
}

/* --- commands --- */

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	BpTable *table;
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(charts), (GCompareFunc)strcmp);

	if (!names) {
		bp_call_styled(call, BP_DIM, "none; chart add CHANNEL keeps the first number of its messages");
		return TRUE;
	}
	table = bp_table_new("Chart", "Channel", "Field", NULL);
	for (GList *at = names; at; at = at->next) {
		const Chart *chart = g_hash_table_lookup(charts, at->data);

		bp_table_row(table, "%s\t%s\t%s", chart->name, chart->channel, chart->field);
	}
	bp_call_table(call, table);
	return TRUE;
}

static gboolean run_add(BpPlugin *self, BpCall *call, GError **error)
{
	return board_chart_add(self, bp_call_string(call, "name"), bp_call_string(call, "channel"),
			       bp_call_string(call, "field"), error);
}

static gboolean run_remove(BpPlugin *self, BpCall *call, GError **error)
{
	return board_chart_remove(bp_call_string(call, "name"), error);
}

static const BpParam add_params[] = {
	{ "channel", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_CHANNEL,
	  .help = "whose messages have the number" },
	{ "field", 'f', .help = "a member of JSON (a.b.0), or the word before the number" },
	{ "name", 'n', .help = "of the series; made of channel and field if not given" },
	{ NULL },
};

static const BpParam remove_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = TRUE, .help = "of the series" },
	{ NULL },
};

const BpCommand board_chart_commands[] = {
	{ "chart", .help = "list the numbers of channels that are kept for charts", .run = run_list, .group = "chart" },
	{ "chart add", .example = "chart add thermo/recv --field celsius",
	  .help = "keep a number of a channel for 7 days", .params = add_params, .run = run_add, .role = BP_OPERATOR },
	{ "chart remove", .help = "keep it no more", .params = remove_params, .run = run_remove, .role = BP_OPERATOR },
	{ NULL },
};
