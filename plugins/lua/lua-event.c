/* SPDX-License-Identifier: MIT */
/* lua-event.c - events of the network: a table for a callback, at the end of the turn. */
#include "lua.h"
#include <string.h>
#include "lua-event.h"

typedef struct {
	Run *run;
	gint64 callback;
	json_t *table;
	gboolean last;
} Event;

static int deliver(lua_State *L)
{
	const Event *event = lua_touserdata(L, 1);

	json_push(L, event->table);
	callback_call(run_of(L), L, event->callback, 1, "network callback");
	return 0;
}

static int end_callback(lua_State *L)
{
	const Event *event = lua_touserdata(L, 1);

	callback_remove(run_of(L), event->callback);
	return 0;
}

static void on_turn_end(BpPlugin *self, gpointer data)
{
	Event *event = data;

	run_enter(event->run, "a network callback", deliver, event);
	if (event->last)
		run_enter(event->run, "a network callback", end_callback, event);
}

static void event_free(gpointer data)
{
	Event *event = data;

	json_decref(event->table);
	g_free(event);
}

void event_post(Run *run, gint64 callback, gboolean last, json_t *take_table)
{
	Event *event;

	if (run->closing || callback <= 0) {
		json_decref(take_table);
		return;
	}
	event = g_new0(Event, 1);
	*event = (Event){ run, callback, take_table, last };
	bp_defer(run->scope, on_turn_end, event, event_free);
}

void event_result(Run *run, gint64 callback, const char *error)
{
	json_t *table = json_pack("{s:b}", "success", !error);

	if (error)
		json_object_set_new(table, "error", event_text(error));
	event_post(run, callback, FALSE, table);
}

json_t *event_text(const char *text)
{
	return json_stringn_nocheck(text, strlen(text));
}

gboolean event_is_text(const char *data, gsize size)
{
	const char *end = data + size, *bad;

	while (!g_utf8_validate(data, end - data, &bad)) {
		if (bad == end || *bad)
			return FALSE;
		data = bad + 1;
	}
	return TRUE;
}
