/* SPDX-License-Identifier: MIT */
/* lua-call.c - calls of commands on the script's loop: values, what the function prints, its end. */
#include "lua-call.h"
#include <string.h>

#define MOST_COLUMNS 8

typedef struct {
	Script *script;
	guint number;
	enum { SAY_PRINT, SAY_STYLED, SAY_TABLE, SAY_PROGRESS, SAY_DONE, SAY_FAILED } what;
	int style;
	char *text;
} Saying;

static void saying_free(gpointer data)
{
	g_free(((Saying *)data)->text);
	g_free(data);
}

static void print_table(BpCall *call, char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_auto(GStrv) heads = g_strsplit(lines[0], "\t", MOST_COLUMNS);
	char *c[MOST_COLUMNS] = { NULL };
	BpTable *table;

	for (guint i = 0; heads[i]; i++)
		c[i] = heads[i];
	table = bp_table_new(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], NULL);
	for (char **line = lines + 1; *line; line++)
		bp_table_row(table, "%s", *line);
	bp_call_table(call, table);
}

static void on_saying(BpPlugin *self, gpointer data)
{
	Saying *saying = data;
	CommandCall *entry = g_hash_table_lookup(saying->script->calls, GUINT_TO_POINTER(saying->number));
	BpCall *call;

	if (!entry)
		return;
	call = entry->call;
	switch (saying->what) {
	case SAY_PRINT:
		bp_call_print(call, saying->text);
		break;
	case SAY_STYLED:
		bp_call_styled(call, (BpStyle)saying->style, "%s", saying->text);
		break;
	case SAY_TABLE:
		print_table(call, saying->text);
		break;
	case SAY_PROGRESS:
		bp_call_progress(call, *saying->text ? saying->text : NULL);
		break;
	case SAY_DONE:
	case SAY_FAILED:
		g_hash_table_remove(saying->script->calls, GUINT_TO_POINTER(saying->number));
		bp_call_done(call, saying->what == SAY_DONE
					   ? NULL
					   : g_error_new_literal(BP_PLUGIN_ERROR, BP_FAILED, saying->text));
		break;
	}
}

static gboolean say(Run *run, guint number, int what, int style, const char *text)
{
	Saying *saying = g_new0(Saying, 1);

	*saying = (Saying){ run->script, number, what, style, g_strdup(text) };
	return bp_loop_call(run->self, bp_loop_main(), on_saying, saying, saying_free);
}

/* bp._say(number, what, text, style) */
int call_say(lua_State *L)
{
	static const char *const what[] = { "print", "styled", "table", "progress", NULL };
	static const char *const styles[] = { "plain", "heading", "good", "warn", "bad", "dim", "strong", NULL };
	guint number = (guint)luaL_checkinteger(L, 1);
	int kind = luaL_checkoption(L, 2, NULL, what);
	size_t size;
	const char *text = luaL_checklstring(L, 3, &size);
	int style = luaL_checkoption(L, 4, "plain", styles);

	luaL_argcheck(L, size <= MESSAGE_LIMIT, 3, "too long");
	if (limit_is_busy(run_of(L), size) || !say(run_of(L), number, kind, style, text))
		luaL_error(L, "the host has too much to do");
	return 0;
}

static void call_done(Run *run, lua_State *L, gboolean good, int first, gpointer data)
{
	guint number = GPOINTER_TO_UINT(data);
	const char *text = lua_gettop(L) >= first ? lua_tostring(L, first) : NULL;
	gboolean refused = good && lua_gettop(L) >= first && lua_isboolean(L, first) && !lua_toboolean(L, first);

	if (run_must_end(run)) {
		say(run, number, SAY_FAILED, 0, "its script has ended");
		return;
	}
	if (!good) {
		g_autofree char *line = g_strdup(lua_tostring(L, -1));

		if (line)
			line[strcspn(line, "\n")] = '\0';
		say(run, number, SAY_FAILED, 0, line ? line : "out of memory");
		return;
	}
	if (refused) {
		text = lua_gettop(L) > first ? lua_tostring(L, first + 1) : NULL;
		say(run, number, SAY_FAILED, 0, text ? text : "it failed");
		return;
	}
	if (text)
		say(run, number, SAY_PRINT, 0, text);
	say(run, number, SAY_DONE, 0, NULL);
}

static void push_value(lua_State *L, const CallValue *value)
{
	if (value->many) {
		lua_newtable(L);
		for (guint i = 0; value->texts && value->texts[i]; i++) {
			lua_pushstring(L, value->texts[i]);
			lua_rawseti(L, -2, (int)i + 1);
		}
	} else if (!value->set && value->type != BP_BOOL) {
		lua_pushnil(L);
	} else if (value->type == BP_INT || value->type == BP_BYTES) {
		lua_pushinteger(L, value->integer);
	} else if (value->type == BP_DURATION || value->type == BP_DOUBLE) {
		lua_pushnumber(L, value->number);
	} else if (value->type == BP_BOOL) {
		lua_pushboolean(L, value->integer != 0);
	} else {
		lua_pushstring(L, value->texts ? value->texts[0] : NULL);
	}
}

static int call_function(lua_State *L)
{
	const CallRequest *request = lua_touserdata(L, 1);

	lua_rawgeti(L, LUA_REGISTRYINDEX, request->ref);
	lua_newtable(L);
	for (guint i = 0; i < request->values->len; i++) {
		const CallValue *value = &g_array_index(request->values, CallValue, i);

		push_value(L, value);
		lua_setfield(L, -2, value->name);
	}
	lua_pushinteger(L, request->number);
	task_start(run_of(L), L, 2, "command", call_done, GUINT_TO_POINTER(request->number));
	return 0;
}

void call_start(BpPlugin *self, gpointer data)
{
	CallRequest *request = data;
	Run *run = request->script->live;

	if (run && run->serial == request->serial)
		run_enter(run, "a command", call_function, request);
}
