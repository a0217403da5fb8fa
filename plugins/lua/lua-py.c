/* SPDX-License-Identifier: MIT */
/* lua-py.c - small functions of the table _PY: clock, base64, arithmetic, what the machine is. */
#include "lua.h"

static int get_time(lua_State *L)
{
	lua_pushnumber(L, (double)g_get_real_time() / G_USEC_PER_SEC);
	return 1;
}

/* Into memory of Lua: nothing is lost when there is not enough of it. */
static int base64_encode(lua_State *L)
{
	size_t size;
	const char *data = luaL_checklstring(L, 1, &size);
	luaL_Buffer buffer;
	char *text;
	int state = 0, save = 0;
	gsize used;

	luaL_argcheck(L, size < G_MAXSIZE / 4, 1, "too long");
	text = luaL_buffinitsize(L, &buffer, (size / 3 + 1) * 4 + 4);
	used = g_base64_encode_step((const guchar *)data, size, FALSE, text, &state, &save);
	used += g_base64_encode_close(FALSE, text + used, &state, &save);
	luaL_pushresultsize(&buffer, used);
	return 1;
}

static int base64_decode(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	luaL_Buffer buffer;
	char *data = luaL_buffinitsize(L, &buffer, size / 4 * 3 + 6);
	int state = 0;
	guint save = 0;

	luaL_pushresultsize(&buffer, g_base64_decode_step(text, size, (guchar *)data, &state, &save));
	return 1;
}

static int math_add(lua_State *L)
{
	lua_settop(L, 2);
	lua_arith(L, LUA_OPADD);
	return 1;
}

static int random_number(lua_State *L)
{
	lua_Integer low = luaL_optinteger(L, 1, 0), high = luaL_optinteger(L, 2, 100);

	luaL_argcheck(L, low <= high && high - low < G_MAXINT32, 2, "no range");
	lua_pushinteger(L, low + g_random_int_range(0, (gint32)(high - low + 1)));
	return 1;
}

static int get_platform(lua_State *L)
{
	lua_pushliteral(L, "linux");
	return 1;
}

static int log_text(lua_State *L)
{
	int last = lua_gettop(L);

	bp_log(run_of(L)->self, BP_LOG_INFO, "%s", luaL_tolstring(L, last ? last : 1, NULL));
	return 0;
}

static int count_intervals(lua_State *L)
{
	lua_Integer count = 0;

	luaL_getsubtable(L, LUA_REGISTRYINDEX, "backplane intervals");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		count++;
	lua_pushinteger(L, count);
	return 1;
}

void py_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "base64_decode", base64_decode },
		{ "base64_encode", base64_encode },
		{ "get_platform", get_platform },
		{ "get_time", get_time },
		{ "getRunningIntervalsCount", count_intervals },
		{ "log", log_text },
		{ "math_add", math_add },
		{ "milli_time", get_time },
		{ "random_number", random_number },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
	lua_newtable(L);
	lua_pushliteral(L, "/");
	lua_setfield(L, -2, "fileSeparator");
	lua_pushliteral(L, "linux");
	lua_setfield(L, -2, "platform");
	lua_setfield(L, -2, "config");
}
