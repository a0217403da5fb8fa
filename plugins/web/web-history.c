/* SPDX-License-Identifier: MIT */
/* web-history.c - resource history: what the host counted every five seconds of the last five minutes, so that charts
 * have a past when a page is opened.
 *
 * The rows are counters, as in resource host; whoever draws them makes rates of them. Each open server notes them and the
 * first that is due does it for all, so nothing is woken while no server is open. */
#include "web.h"

#define EVERY (5 * G_TIME_SPAN_SECOND)
#define ROWS 61

typedef struct {
	gint64 time;
	double cpu;
	gint64 messages, bytes, connections;
} HistoryRow;

static HistoryRow rows[ROWS];
static guint64 noted; /* in all; the latest is rows[(noted - 1) % ROWS] */

static void note(BpPlugin *self, gpointer data)
{
	gint64 now = g_get_real_time();
	json_auto_t *host = NULL;

	if (noted && ABS(now - rows[(noted - 1) % ROWS].time) < EVERY / 2)
		return;
	host = bp_resource_get("host", "host", BP_ADMIN, NULL);
	rows[noted++ % ROWS] = (HistoryRow){
		.time = now,
		.cpu = json_number_value(json_object_get(host, "cpu")),
		.messages = json_integer_value(json_object_get(host, "messages")),
		.bytes = json_integer_value(json_object_get(host, "bytes")),
		.connections = json_integer_value(json_object_get(host, "connections")),
	};
}

void web_history_begin(BpInstance *self)
{
	note(self, NULL);
	bp_timer_add(self, NULL, EVERY, 0, note, NULL, NULL);
}

static json_t *list_history(BpPlugin *self, const char *query, GError **error)
{
	json_t *list = json_array();

	for (guint64 at = noted > ROWS ? noted - ROWS : 0; at < noted; at++) {
		const HistoryRow *row = &rows[at % ROWS];
		g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, row->time / G_TIME_SPAN_MILLISECOND);

		if (!query || g_pattern_match_simple(query, id))
			json_array_append_new(
				list, json_pack("{s:s,s:f,s:f,s:I,s:I,s:I}", "id", id, "time", (double)row->time / 1e6,
						"cpu", row->cpu, "messages", (json_int_t)row->messages, "bytes",
						(json_int_t)row->bytes, "connections", (json_int_t)row->connections));
	}
	return list;
}

const BpResource web_history = {
	.size = sizeof(web_history),
	.name = "history",
	.help = "counters of the last five minutes, every five seconds",
	.members = "id:string time:number cpu:number messages:integer bytes:integer connections:integer",
	.role = BP_OBSERVER,
	.list = list_history,
};
