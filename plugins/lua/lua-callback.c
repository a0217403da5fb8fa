/* SPDX-License-Identifier: MIT */
/* lua-callback.c - functions with numbers: those of timers and of _PY.registerCallback. */
#include "lua.h"

#define MOST_CALLBACKS 20000

typedef struct {
	int ref;
	gboolean persistent, system;
} Callback;

static gpointer key(gint64 id)
{
	return (gpointer)(gintptr)id;
}

void callback_free(gpointer callback)
{
	g_free(callback);
}

gint64 callback_add(lua_State *L, int index, gboolean persistent, gboolean system)
{
	Run *run = run_of(L);
	Callback *callback;
	int ref;

	if (g_hash_table_size(run->callbacks) >= MOST_CALLBACKS)
		luaL_error(L, "%d callbacks wait already", MOST_CALLBACKS);
	lua_pushvalue(L, index);
	ref = luaL_ref(L, LUA_REGISTRYINDEX);
	callback = g_new0(Callback, 1);
	*callback = (Callback){ ref, persistent, system };
	g_hash_table_insert(run->callbacks, key(++run->next_id), callback);
	run_keep(run, !system);
	return run->next_id;
}

void callback_remove(Run *run, gint64 id)
{
	const Callback *callback = g_hash_table_lookup(run->callbacks, key(id));

	if (!callback)
		return;
	luaL_unref(run->L, LUA_REGISTRYINDEX, callback->ref);
	run_keep(run, -!callback->system);
	g_hash_table_remove(run->callbacks, key(id));
}

void callback_push(lua_State *L, gint64 id)
{
	const Callback *callback = g_hash_table_lookup(run_of(L)->callbacks, key(id));

	if (callback)
		lua_rawgeti(L, LUA_REGISTRYINDEX, callback->ref);
	else
		lua_pushnil(L);
}

void callback_call(Run *run, lua_State *L, gint64 id, int count, const char *what)
{
	const Callback *callback = g_hash_table_lookup(run->callbacks, key(id));

	if (!callback) {
		lua_pop(L, count);
		return;
	}
	lua_rawgeti(L, LUA_REGISTRYINDEX, callback->ref);
	lua_insert(L, -count - 1);
	if (!callback->persistent)
		callback_remove(run, id);
	task_start(run, L, count, what, NULL, NULL);
}

/* _PY.registerCallback(function, persistent, system) */
static int register_callback(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_pushinteger(L, callback_add(L, 1, lua_toboolean(L, 2), lua_toboolean(L, 3)));
	return 1;
}

static int clear_callback(lua_State *L)
{
	callback_remove(run_of(L), lua_tointeger(L, 1));
	return 0;
}

/* _PY.take_callback(number): its function, for one call; nil if there is none */
static int take_callback(lua_State *L)
{
	gint64 id = lua_tointeger(L, 1);
	const Callback *callback = g_hash_table_lookup(run_of(L)->callbacks, key(id));

	callback_push(L, id);
	if (callback && !callback->persistent)
		callback_remove(run_of(L), id);
	return 1;
}

static int count_callbacks(lua_State *L)
{
	lua_pushinteger(L, g_hash_table_size(run_of(L)->callbacks));
	return 1;
}

void callback_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "registerCallback", register_callback },
		{ "clearRegisteredCallback", clear_callback },
		{ "getPendingCallbackCount", count_callbacks },
		{ "take_callback", take_callback },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
