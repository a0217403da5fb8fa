/* SPDX-License-Identifier: MIT */
/* lua-prelude.c - the parts of the interface that are written in Lua: bus.lua, net.lua, quickapp.lua, and those
 * that lazy.lua loads when they are needed: http.lua, mqtt.lua, websocket.lua, sync.lua. */
#include <string.h>
#include "lua.h"

extern const char lua_bus_text[];
extern const gsize lua_bus_size;
extern const char lua_http_text[];
extern const gsize lua_http_size;
extern const char lua_lazy_text[];
extern const gsize lua_lazy_size;
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

static const struct {
	const char *name, *chunk, *text;
	const gsize *size;
} lazy_parts[] = {
	{ "http", "=http", lua_http_text, &lua_http_size },
	{ "websocket", "=websocket", lua_websocket_text, &lua_websocket_size },
	{ "mqtt", "=mqtt", lua_mqtt_text, &lua_mqtt_size },
	{ "sync", "=sync", lua_sync_text, &lua_sync_size },
};

/* For lazy.lua: load(part, values...) */
static int load_part(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	for (guint i = 0; i < G_N_ELEMENTS(lazy_parts); i++)
		if (strcmp(lazy_parts[i].name, name) == 0)
			run_part(L, lazy_parts[i].chunk, lazy_parts[i].text, *lazy_parts[i].size, 1, 0);
	return 0;
}

void prelude_open(lua_State *L)
{
	int top = lua_gettop(L);

	run_part(L, "=bus", lua_bus_text, lua_bus_size, top, 0);
	lua_pushcfunction(L, load_part);
	run_part(L, "=net", lua_net_text, lua_net_size, top + 1, LUA_MULTRET);
	run_part(L, "=lazy", lua_lazy_text, lua_lazy_size, top, 0);
	lua_settop(L, top);
	run_part(L, "=quickapp", lua_quickapp_text, lua_quickapp_size, top, 0);
}
