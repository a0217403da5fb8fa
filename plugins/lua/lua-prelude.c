/* SPDX-License-Identifier: MIT */
/* lua-prelude.c - the parts of the interface that are written in Lua: bus.lua, net.lua, http.lua, mqtt.lua, websocket.lua,
 * sync.lua, quickapp.lua. */
#include "lua.h"

extern const char lua_bus_text[];
extern const gsize lua_bus_size;
extern const char lua_http_text[];
extern const gsize lua_http_size;
extern const char lua_mqtt_text[];
extern const gsize lua_mqtt_size;
extern const char lua_net_text[];
extern const gsize lua_net_size;
extern const char lua_quickapp_text[];
extern const gsize lua_quickapp_size;
extern const char lua_sync_text[];
extern const gsize lua_sync_size;
extern const char lua_websocket_text[];
extern const gsize lua_websocket_size;

/* Calls a part with the values above `first`, which stay; it returns `results` values. */
static void run_part(lua_State *L, const char *name, const char *text, gsize size, int first, int results)
{
	int last = lua_gettop(L);

	luaL_checkstack(L, last - first + 4, NULL);
	if (luaL_loadbufferx(L, text, size, name, "t") != LUA_OK)
		lua_error(L);
	for (int i = first + 1; i <= last; i++)
		lua_pushvalue(L, i);
	lua_call(L, last - first, results);
}

void prelude_open(lua_State *L)
{
	int top = lua_gettop(L);

	run_part(L, "=bus", lua_bus_text, lua_bus_size, top, 0);
	run_part(L, "=net", lua_net_text, lua_net_size, top, LUA_MULTRET);
	run_part(L, "=http", lua_http_text, lua_http_size, top, 0);
	run_part(L, "=websocket", lua_websocket_text, lua_websocket_size, top, 0);
	run_part(L, "=mqtt", lua_mqtt_text, lua_mqtt_size, top, 0);
	lua_settop(L, top);
	run_part(L, "=sync", lua_sync_text, lua_sync_size, top, 0);
	run_part(L, "=quickapp", lua_quickapp_text, lua_quickapp_size, top, 0);
}
