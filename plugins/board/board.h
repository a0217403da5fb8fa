/* SPDX-License-Identifier: MIT */
/* board.h - what the plugin's files share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/command.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include <backplane/resource.h>

/* --- board-page.c: resource page, documents of the page that are kept on the host --- */
extern const BpResource board_page_resource;

/* --- board-series.c: numbers over time --- */
gboolean board_series_load(BpPlugin *self, GError **error);
void board_series_unload(void);
/* Begins to store numbers, now and at each start from now on: a host whose charts nobody looks at writes nothing. */
gboolean board_series_begin(BpPlugin *self, GError **error);
/* A value of now. */
void board_series_add(const char *name, double value);
/* Forgets the last value; what was stored is deleted by its age. */
void board_series_forget(const char *name);
extern const BpResource board_series_resource;

/* --- board-chart.c: which numbers of channels are kept --- */
void board_charts_load(BpPlugin *self);
void board_charts_unload(void);
extern const BpCommand board_chart_commands[];
/* Gives a member "channel" to the rows of charts. */
void board_chart_describe(const char *name, json_t *row);
/* Keeps the number `field` (may be NULL) of a channel as the series `name` (NULL: made of both). */
gboolean board_chart_add(BpPlugin *self, const char *name, const char *channel, const char *field, GError **error);
gboolean board_chart_remove(const char *name, GError **error);
