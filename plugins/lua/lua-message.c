/* SPDX-License-Identifier: MIT */
/* lua-message.c - messages in Lua, and how classes of userdata are made. */
#include "lua.h"
#include <string.h>

#define MESSAGE "backplane message"

void class_make(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
	luaL_newmetatable(L, name);
	if (methods) {
		lua_newtable(L);
		luaL_setfuncs(L, methods, 0);
		lua_setfield(L, -2, "__index");
	}
	luaL_setfuncs(L, meta, 0);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

static BpMessage *to_message(lua_State *L, int index)
{
	return *(BpMessage **)luaL_checkudata(L, index, MESSAGE);
}

void message_push(lua_State *L, BpMessage *message)
{
	BpMessage **place = lua_newuserdatauv(L, sizeof(*place), 0);

	*place = bp_message_ref(message);
	luaL_setmetatable(L, MESSAGE);
}

static int free_message(lua_State *L)
{
	bp_message_unref(to_message(L, 1));
	return 0;
}

static int message_text(lua_State *L)
{
	const BpMessage *message = to_message(L, 1);

	lua_pushlstring(L, bp_message_data(message), bp_message_size(message));
	return 1;
}

static int message_size(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)bp_message_size(to_message(L, 1)));
	return 1;
}

static int message_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

static int message_reply(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 2, &size);

	lua_pushboolean(L, bp_message_reply(to_message(L, 1), text, size) != BP_GONE);
	return 1;
}

static int message_index(lua_State *L)
{
	const BpMessage *message = to_message(L, 1);
	const char *key = luaL_checkstring(L, 2);

	if (!strcmp(key, "data"))
		return message_text(L);
	if (!strcmp(key, "size"))
		return message_size(L);
	if (!strcmp(key, "time"))
		lua_pushnumber(L, (double)bp_message_time(message) / G_USEC_PER_SEC);
	else if (!strcmp(key, "origin"))
		lua_pushstring(L, bp_message_origin(message));
	else if (!strcmp(key, "binary"))
		lua_pushboolean(L, !(bp_message_flags(message) & BP_TEXT));
	else if (!strcmp(key, "reply"))
		lua_pushcfunction(L, message_reply);
	else
		lua_pushnil(L);
	return 1;
}

void message_open(lua_State *L)
{
	static const luaL_Reg message_meta[] = {
		{ "__gc", free_message },	{ "__tostring", message_text }, { "__len", message_size },
		{ "__concat", message_concat }, { "__index", message_index },	{ NULL, NULL },
	};

	class_make(L, MESSAGE, NULL, message_meta);
}
