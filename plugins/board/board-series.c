/* SPDX-License-Identifier: MIT */
/* board-series.c - numbers over time, in three stores of decreasing resolution.
 *
 * A value is averaged over STEP; averages of a minute and of ten minutes are made of these. So a chart of a week reads a thousand rows
 * for each number, and not a hundred thousand. All writing is done by the jobs of the stores.
 */
#include <backplane/metric.h>
#include <backplane/store.h>
#include <math.h>
#include <string.h>
#include "board.h"

#define STEP (5 * G_TIME_SPAN_SECOND)
#define KEY "charts_kept" /* the root setting: numbers are stored */
#define SERIES_MOST 2000
#define POINTS_MOST 2000

static const struct {
	const char *file;
	gint64 step, age;
} levels[] = {
	{ "numbers-now", STEP, 2 * G_TIME_SPAN_HOUR },
	{ "numbers-day", G_TIME_SPAN_MINUTE, BP_STORE_DAY },
	{ "numbers-week", 10 * G_TIME_SPAN_MINUTE, 7 * BP_STORE_DAY },
};
#define LEVELS G_N_ELEMENTS(levels)

typedef struct {
	double sum[LEVELS];
	guint count[LEVELS];
	double value; /* the last one */
	gint64 time;
} Series;

static BpStore *stores[LEVELS];
static GHashTable *all;	   /* name: Series */
static gint64 due[LEVELS]; /* when the step ends, by the wall clock */

void board_series_add(const char *name, double value)
{
	Series *series = g_hash_table_lookup(all, name);

	if (!isfinite(value) || (!series && g_hash_table_size(all) >= SERIES_MOST))
		return;
	if (!series)
		g_hash_table_insert(all, g_strdup(name), series = g_new0(Series, 1));
	series->value = value;
	series->time = g_get_real_time();
	series->sum[0] += value;
	series->count[0]++;
}

void board_series_forget(const char *name)
{
	g_hash_table_remove(all, name);
}

/* --- counters of the host, and metrics --- */

/* Of a counter that only grows: by the second. */
static void add_rate(const char *name, double now, double *before, double seconds)
{
	if (*before >= 0 && now >= *before && seconds > 0)
		board_series_add(name, (now - *before) / seconds);
	*before = now;
}

/* The plugin `rest` counts them. */
static void add_host(double seconds)
{
	static double cpu = -1, messages = -1, bytes = -1;
	json_auto_t *host = bp_resource_get("host", "host", BP_OBSERVER, NULL);

	if (!host)
		return;
	add_rate("host/cpu_percent", 100 * json_number_value(json_object_get(host, "cpu")), &cpu, seconds);
	add_rate("host/messages_per_second", json_number_value(json_object_get(host, "messages")), &messages, seconds);
	add_rate("host/bytes_per_second", json_number_value(json_object_get(host, "bytes")), &bytes, seconds);
	board_series_add("host/memory_bytes", json_number_value(json_object_get(host, "resident")));
	board_series_add("host/connections", json_number_value(json_object_get(host, "connections")));
}

static void add_metrics(void)
{
	g_autoptr(GPtrArray) metrics = bp_metric_list(NULL);

	for (guint i = 0; i < metrics->len; i++) {
		g_autofree char *name = g_strdup_printf("%s/%s", bp_plugin_name(bp_metric_owner(metrics->pdata[i])),
							bp_metric_name(metrics->pdata[i]));

		board_series_add(name, bp_metric_value(metrics->pdata[i]));
	}
}

/* --- time --- */

static void store_level(guint level, gint64 time)
{
	GHashTableIter iter;
	gpointer name, data;

	g_hash_table_iter_init(&iter, all);
	while (g_hash_table_iter_next(&iter, &name, &data)) {
		Series *series = data;
		double value;

		if (!series->count[level])
			continue;
		value = series->sum[level] / series->count[level];
		bp_store_add(stores[level], name, time, value);
		if (level + 1 < LEVELS) {
			series->sum[level + 1] += value;
			series->count[level + 1]++;
		}
		series->sum[level] = 0;
		series->count[level] = 0;
	}
}

static void on_step(BpPlugin *self, gpointer data)
{
	static gint64 before;
	gint64 now = g_get_real_time(), ticks = g_get_monotonic_time();

	add_host(before ? (double)(ticks - before) / 1e6 : 0);
	add_metrics();
	before = ticks;
	for (guint level = 0; level < LEVELS; level++) {
		/* The clock may have been set. */
		if (level && now < due[level] && due[level] - now <= levels[level].step)
			continue;
		store_level(level, now);
		due[level] = now - now % levels[level].step + levels[level].step;
	}
}

void board_series_unload(void)
{
	g_clear_pointer(&all, g_hash_table_unref);
}

gboolean board_series_begin(BpPlugin *self, GError **error)
{
	if (stores[0])
		return TRUE;
	for (guint level = 0; level < LEVELS; level++) {
		BpStoreOptions options = { .max_age = levels[level].age, .interval = 2 * G_TIME_SPAN_SECOND };

		stores[level] = bp_store_open(self, levels[level].file, &options, NULL, NULL, error);
		if (!stores[level]) {
			while (level--)
				bp_store_close(g_steal_pointer(&stores[level]));
			return FALSE;
		}
		due[level] = g_get_real_time() + levels[level].step;
	}
	bp_setting_store(bp_context("/"), KEY, "on");
	bp_timer_add(self, "numbers of charts", STEP, 0, on_step, NULL, NULL);
	return TRUE;
}

gboolean board_series_load(BpPlugin *self, GError **error)
{
	g_autofree char *on = bp_setting_stored("/", KEY);
	g_autoptr(GError) why = NULL;

	all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (on && !board_series_begin(self, &why))
		bp_log(self, BP_LOG_WARNING, "numbers are not kept: %s", why->message);
	return TRUE;
}

/* --- resource series --- */

static json_t *list(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(all), (GCompareFunc)strcmp);
	json_t *rows = json_array();

	for (GList *at = names; at; at = at->next) {
		const Series *series = g_hash_table_lookup(all, at->data);
		json_t *row;

		if (query && *query && !g_pattern_match_simple(query, at->data))
			continue;
		row = json_pack("{s:s,s:f,s:f}", "id", at->data, "value", series->value, "time",
				(double)series->time / 1e6);
		board_chart_describe(at->data, row);
		json_array_append_new(rows, row);
	}
	return rows;
}

static void on_rows(BpPlugin *self, BpStore *store, const BpStoreRow *const *rows, guint count, const GError *error,
		    gpointer data)
{
	json_t *list;

	if (error) {
		bp_reply_done(data, NULL, g_error_copy(error));
		return;
	}
	list = json_array();
	for (guint i = 0; i < count; i++)
		json_array_append_new(list, json_pack("[f,f,f,f]", (double)rows[i]->time / 1e6, rows[i]->value,
						      rows[i]->min, rows[i]->max));
	bp_reply_done(data, list, NULL);
}

static void query(BpPlugin *self, const char *id, const BpValues *values, BpReply *reply)
{
	gint64 now = g_get_real_time();
	double from = bp_values_double(values, "from"), to = bp_values_double(values, "to");
	BpStoreQuery query = { .series = bp_values_string(values, "series") };
	g_autoptr(GError) error = NULL;
	guint level = 0;

	if (!stores[0]) { /* nothing was stored yet */
		bp_reply_done(reply, json_array(), NULL);
		return;
	}
	/* Seconds before now, or since 1970. */
	query.from = from <= 0 ? now + (gint64)(MAX(from, -1e7) * 1e6) : (gint64)(MIN(from, 1e10) * 1e6);
	query.to = to > 0 ? (gint64)(MIN(to, 1e10) * 1e6) : 0;
	while (level + 1 < LEVELS && query.from < now - levels[level].age)
		level++;
	query.step = MAX(((query.to ? query.to : now) - query.from) / MAX(1, bp_values_int(values, "points")),
			 levels[level].step);
	query.limit = POINTS_MOST + 1;
	if (!bp_store_query(self, stores[level], &query, on_rows, reply, &error))
		bp_reply_done(reply, NULL, g_steal_pointer(&error));
}

static json_t *add(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return board_chart_add(self, bp_values_string(values, "name"), bp_values_string(values, "channel"),
			       bp_values_string(values, "field"), error)
		       ? json_null()
		       : NULL;
}

static json_t *remove_one(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return board_chart_remove(id, error) ? json_null() : NULL;
}

static const BpParam query_params[] = {
	{ "series", .required = TRUE, .help = "its name" },
	{ "from", .type = BP_DOUBLE, .fallback = "-3600", .help = "seconds since 1970, or before now if negative" },
	{ "to", .type = BP_DOUBLE, .fallback = "0", .help = "seconds since 1970; 0: now" },
	{ "points", .type = BP_INT, .fallback = "300", .min = 1, .max = POINTS_MOST, .help = "about so many rows" },
	{ NULL },
};

static const BpParam add_params[] = {
	{ "channel", .required = TRUE, .names = BP_A_CHANNEL, .help = "whose messages have the number" },
	{ "field", .help = "a member of JSON, or the word before the number" },
	{ "name", .help = "of the series" },
	{ NULL },
};

static const BpAction actions[] = {
	{ "query", .help = "rows of [time, average, lowest, highest]", .params = query_params, .on_all = TRUE,
	  .begin = query },
	{ "add", .help = "keep a number of a channel", .params = add_params, .role = BP_OPERATOR, .on_all = TRUE,
	  .run = add },
	{ "remove", .help = "keep it no more", .role = BP_OPERATOR, .run = remove_one },
	{ NULL },
};

const BpResource board_series_resource = {
	.size = sizeof(board_series_resource),
	.name = "series",
	.help = "numbers that are kept for charts, for 7 days",
	.members = "id:string value:number time:number channel:string? field:string?",
	.list = list,
	.actions = actions,
};
