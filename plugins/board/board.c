/* SPDX-License-Identifier: MIT */
/* board.c - what the page keeps on the host: its dashboards, and the numbers of their charts. */
#include "board.h"

static const char manual[] =
	"Numbers are kept for 7 days: each of the last 2 hours every 5 seconds, of the last day every minute, before every\n"
	"10 minutes. These are the host's counters (host/...), the metrics of plugins and instances (NAME/METRIC), and the\n"
	"numbers in messages of the channels that were named here, text or JSON.\n"
	"\n"
	"  chart add thermo/recv                        the first number in each message\n"
	"  chart add thermo/recv --field celsius        a member of JSON, or the number behind a word of text\n"
	"  chart                                        lists them; chart remove NAME\n"
	"\n"
	"Resource series: {\"id\",\"value\",\"time\"}; POST /api/v1/series/query {\"series\",\"from\",\"to\",\"points\"} gives rows of\n"
	"[time, average, lowest, highest]. Resource page: the documents of the page, POST /api/v1/page/ID/set {\"value\":TEXT}.\n";

static gboolean load(BpPlugin *self, GError **error)
{
	if (!board_series_load(self, error))
		return FALSE;
	board_charts_load(self);
	return bp_registry_add(self, "resource/page", &board_page_resource, error) &&
	       bp_registry_add(self, "resource/series", &board_series_resource, error);
}

static void unload(BpPlugin *self)
{
	board_charts_unload();
	board_series_unload();
}

BP_PLUGIN(.name = "board", .version = "1.0", .summary = "Dashboards of the page, and numbers over time",
	  .manual = manual, .commands = board_chart_commands, .load = load, .unload = unload);
