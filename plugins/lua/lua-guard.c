/* SPDX-License-Identifier: MIT */
/* lua-guard.c - standard functions that would let a script escape the hook which interrupts what takes too long.
 *
 * Lua runs without that hook: finalizers (__gc), so scripts have none; message handlers of xpcall for the error of the hook itself, which
 * are not called then; and what a coroutine closes after that error, unless the coroutine has a protected call around all. C functions
 * that loop for as long as a number or a metatable says refuse what is too much.
 */
#include "lua.h"

#define MOST_ITEMS (1 << 26)

/* load(chunk, name, mode, env), text only. */
static int load_text(lua_State *L)
{
	lua_settop(L, MAX(lua_gettop(L), 3));
	lua_pushliteral(L, "t");
	lua_replace(L, 3);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int set_metatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		lua_rawget(L, 2);
		luaL_argcheck(L, lua_isnil(L, -1), 2, "scripts have no finalizers (__gc); use __close");
		lua_pop(L, 1);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

/* This function is a level of its own. */
static void add_level(lua_State *L, int index)
{
	lua_pushinteger(L, lua_tointeger(L, index) + (lua_tointeger(L, index) > 0));
	lua_replace(L, index);
}

/* Without the functions: one that calls the script, as load does, is the one that is not guarded. */
static int get_info(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	if (lua_isinteger(L, 2))
		add_level(L, 2);
	lua_call(L, lua_gettop(L) - 1, 1);
	if (lua_istable(L, -1)) {
		lua_pushnil(L);
		lua_setfield(L, -2, "func");
	}
	return 1;
}

/* --- protected calls --- */

static int return_all(lua_State *L, int status, lua_KContext context)
{
	return lua_gettop(L);
}

static int handle(lua_State *L)
{
	if (run_of(L)->interrupting)
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int guarded_xpcall(lua_State *L)
{
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, handle, 1);
	lua_replace(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, return_all);
	return lua_gettop(L);
}

static int end_body(lua_State *L, int status, lua_KContext context)
{
	if (status != LUA_OK && status != LUA_YIELD)
		return lua_error(L);
	return lua_gettop(L);
}

static int coroutine_body(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	return end_body(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, end_body), 0);
}

static int guarded_coroutine(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, coroutine_body, 1);
	lua_call(L, 1, 1);
	return 1;
}

/* --- C functions that would loop for as long as a number or a metatable says --- */

static int checked(lua_State *L)
{
	int count = lua_gettop(L);

	for (int i = 1; i <= MIN(count, 2); i++)
		if (lua_istable(L, i) && luaL_getmetafield(L, i, "__len") != LUA_TNIL) {
			lua_pop(L, 1);
			luaL_argcheck(L, luaL_len(L, i) <= MOST_ITEMS, i, "its length is too large");
		}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, count, LUA_MULTRET);
	return lua_gettop(L);
}

static int move(lua_State *L)
{
	double count = (double)luaL_checkinteger(L, 3) - (double)luaL_checkinteger(L, 2);

	luaL_argcheck(L, count <= MOST_ITEMS, 3, "too many items");
	return checked(L);
}

static int rep(lua_State *L)
{
	size_t size, between;

	luaL_checklstring(L, 1, &size);
	luaL_optlstring(L, 3, "", &between);
	if (size + between == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	return checked(L);
}

/* The function of that name in the table on top becomes `func` with the old one as upvalue. */
static void wrap(lua_State *L, const char *name, lua_CFunction func)
{
	lua_getfield(L, -1, name);
	lua_pushcclosure(L, func, 1);
	lua_setfield(L, -2, name);
}

void guard_open(lua_State *L)
{
	wrap(L, "load", load_text);
	wrap(L, "setmetatable", set_metatable);
	wrap(L, "xpcall", guarded_xpcall);
	lua_getfield(L, -1, "debug");
	wrap(L, "getinfo", get_info);
	lua_pop(L, 1);
	lua_getfield(L, -1, "coroutine");
	wrap(L, "create", guarded_coroutine);
	wrap(L, "wrap", guarded_coroutine);
	lua_pop(L, 1);
	lua_getfield(L, -1, "table");
	wrap(L, "insert", checked);
	wrap(L, "remove", checked);
	wrap(L, "concat", checked);
	wrap(L, "unpack", checked);
	wrap(L, "move", move);
	lua_pop(L, 1);
	lua_getfield(L, -1, "string");
	wrap(L, "rep", rep);
	lua_pop(L, 1);
}
