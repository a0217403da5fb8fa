/* SPDX-License-Identifier: MIT */
/* lua-prelude.c - the parts of the interface that are written in Lua: bus.lua, net.lua, quickapp.lua. */
#include "lua.h"

extern const char lua_bus_text[];
extern const gsize lua_bus_size;
extern const char lua_net_text[];
extern const gsize lua_net_size;
extern const char lua_quickapp_text[];
extern const gsize lua_quickapp_size;

static void run_part(lua_State *L, const char *name, const char *text, gsize size)
{
	if (luaL_loadbufferx(L, text, size, name, "t") != LUA_OK)
		lua_error(L);
	lua_call(L, 0, 0);
}

void prelude_open(lua_State *L)
{
	run_part(L, "=bus", lua_bus_text, lua_bus_size);
	run_part(L, "=net", lua_net_text, lua_net_size);
	run_part(L, "=quickapp", lua_quickapp_text, lua_quickapp_size);
}
