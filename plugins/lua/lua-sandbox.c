/* SPDX-License-Identifier: MIT */
/* lua-sandbox.c - what a script finds: the standard libraries without what reaches past the script, require, print. */
#include "lua.h"
#include <lualib.h>
#include <string.h>
#include <sys/stat.h>
#include <backplane/file.h>

#define FILE_LIMIT (4 * 1024 * 1024)
#define PRINT_LIMIT (64 * 1024) /* the last 100 lines are kept */

/* --- files --- */

int sandbox_load(lua_State *L, const char *path)
{
	g_autoptr(GError) error = NULL;
	gsize size = 0, skip = 0;
	char *text = bp_file_load(path, FILE_LIMIT, BP_FILE_READ, &size, &error);
	int status;

	if (!text) {
		lua_pushstring(L, error->message);
		return LUA_ERRFILE;
	}
	lua_pushfstring(L, "@%s", path);
	if (*text == '#')
		skip = strcspn(text, "\n");
	status = luaL_loadbufferx(L, text + skip, size - skip, lua_tostring(L, -1), "t");
	g_free(text);
	lua_remove(L, -2);
	return status;
}

/* declared(key): the value of the line --%%key:value in the file of the script; nil if it has none */
/* FALSE: the file has no such line. */
static gboolean find_declared(const char *file, const char *key, char *value, gsize size)
{
	g_autofree char *text = bp_file_load(file, FILE_LIMIT, BP_FILE_READ, NULL, NULL);
	g_autofree char *start = g_strdup_printf("--%%%%%s:", key);
	const char *at = text;

	while (at && !g_str_has_prefix(at, start))
		at = (at = strchr(at, '\n')) ? at + 1 : NULL;
	if (!at)
		return FALSE;
	at += strlen(start);
	g_strlcpy(value, at, MIN(size, strcspn(at, "\r\n") + 1));
	g_strstrip(value);
	return TRUE;
}

/* Nothing is allocated here when Lua has no memory and raises an error. */
static int declared(lua_State *L)
{
	char value[1024];

	if (find_declared(run_of(L)->file, luaL_checkstring(L, 1), value, sizeof(value)))
		lua_pushstring(L, value);
	else
		lua_pushnil(L);
	return 1;
}

/* A file of that name beside the script or in lua_path; NULL: none. */
static char *find_file(const Run *run, const char *name)
{
	g_autofree char *beside = g_path_get_dirname(run->file);
	char *path = g_build_filename(beside, name, NULL);

	for (char **folder = run->path; !g_file_test(path, G_FILE_TEST_IS_REGULAR); folder++) {
		g_free(path);
		if (!folder || !*folder)
			return NULL;
		path = g_build_filename(*folder, name, NULL);
	}
	return path;
}

static gboolean is_inside(const char *name)
{
	return !g_path_is_absolute(name) && !strstr(name, "..");
}

/* Pushes the path of a file that the script may load. Raises an error if there is none. */
static const char *push_path(lua_State *L, const char *name)
{
	Run *run = run_of(L);
	char *path;

	if (!run->unsafe && !is_inside(name))
		luaL_error(L, "%s: only files beside the script and in lua_path are loaded", name);
	path = run->unsafe && g_path_is_absolute(name) ? g_strdup(name) : find_file(run, name);
	if (!path)
		luaL_error(L, "%s: there is no such file beside the script or in lua_path", name);
	lua_pushstring(L, path);
	g_free(path);
	return lua_tostring(L, -1);
}

static int load_file(lua_State *L)
{
	if (sandbox_load(L, push_path(L, luaL_checkstring(L, 1))) == LUA_OK)
		return 1;
	lua_pushnil(L);
	lua_insert(L, -2);
	return 2;
}

static int return_all(lua_State *L, int status, lua_KContext context)
{
	return lua_gettop(L) - 1;
}

static int do_file(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	if (g_str_has_suffix(name, "src/lua/net.lua")) { /* where that library is a file */
		lua_getglobal(L, "net");
		return 1;
	}
	if (sandbox_load(L, push_path(L, name)) != LUA_OK)
		return lua_error(L);
	lua_replace(L, 1);
	lua_settop(L, 1);
	lua_pushboolean(L, 1); /* what return_all leaves out */
	lua_insert(L, 1);
	lua_callk(L, 0, LUA_MULTRET, 0, return_all);
	return return_all(L, LUA_OK, 0);
}

/* require("a.b"): a/b.lua, a/b/init.lua. */
static int search(lua_State *L)
{
	g_autofree char *name = g_strdup(luaL_checkstring(L, 1));
	g_autofree char *file = NULL;
	g_autofree char *package = NULL;
	g_autofree char *path = NULL;

	if (!is_inside(name)) {
		lua_pushliteral(L, "\n\tthat is not the name of a module");
		return 1;
	}
	g_strdelimit(name, ".", '/');
	file = g_strconcat(name, ".lua", NULL);
	package = g_strconcat(name, "/init.lua", NULL);
	path = find_file(run_of(L), file);
	if (!path)
		path = find_file(run_of(L), package);
	if (!path) {
		lua_pushfstring(L, "\n\tno file '%s' beside the script or in lua_path", file);
		return 1;
	}
	lua_pushstring(L, path);
	if (sandbox_load(L, lua_tostring(L, -1)) != LUA_OK)
		return -1;
	lua_insert(L, -2);
	return 2;
}

static int search_checked(lua_State *L)
{
	int count = search(L);

	return count < 0 ? lua_error(L) : count;
}

/* package: loaded, preload and two searchers. */
static void open_package(lua_State *L)
{
	static const char *const gone[] = { "loadlib", "cpath", "searchpath", "path", "config" };

	luaL_requiref(L, LUA_LOADLIBNAME, luaopen_package, 1);
	lua_getfield(L, -1, "searchers");
	lua_newtable(L);
	lua_rawgeti(L, -2, 1); /* preload */
	lua_rawseti(L, -2, 1);
	lua_pushcfunction(L, search_checked);
	lua_rawseti(L, -2, 2);
	/* require has the first table as an upvalue of package, so it is the field that counts. */
	lua_setfield(L, -3, "searchers");
	lua_pop(L, 1);
	for (guint i = 0; i < G_N_ELEMENTS(gone); i++) {
		lua_pushnil(L);
		lua_setfield(L, -2, gone[i]);
	}
	lua_pop(L, 1);
}

static int print(lua_State *L)
{
	luaL_Buffer buffer;
	int count = lua_gettop(L);
	gsize size;

	while (count > 0 && lua_isnil(L, count))
		count--;
	for (int i = 1; i <= count; i++) {
		luaL_tolstring(L, i, NULL);
		lua_replace(L, i);
	}
	luaL_buffinit(L, &buffer);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(&buffer, ' ');
		lua_pushvalue(L, i);
		luaL_addvalue(&buffer);
	}
	luaL_pushresult(&buffer);
	size = lua_rawlen(L, -1);
	luaL_argcheck(L, size <= PRINT_LIMIT, 1, "too long for a line");
	if (limit_is_busy(run_of(L), size))
		luaL_error(L, "print: the host has too much to do");
	bp_channel_send_take(run_of(L)->channel, bp_message_new(lua_tostring(L, -1), size, BP_TEXT));
	return 0;
}

static int os_exit(lua_State *L)
{
	int status = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);

	run_finish(run_of(L), RUN_EXIT, status, NULL);
	limit_check(L);
	return 0;
}

/* --- the libraries --- */

static void keep_only(lua_State *L, const char *library, const char *const *names)
{
	lua_getglobal(L, library);
	lua_newtable(L);
	for (; *names; names++) {
		lua_getfield(L, -2, *names);
		lua_setfield(L, -2, *names);
	}
	lua_pushvalue(L, -1);
	lua_setglobal(L, library);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, library);
	lua_pop(L, 3);
}

static void open_libraries(lua_State *L, gboolean unsafe)
{
	static const luaL_Reg libraries[] = {
		{ "_G", luaopen_base },	      { "coroutine", luaopen_coroutine }, { "table", luaopen_table },
		{ "string", luaopen_string }, { "math", luaopen_math },		  { "utf8", luaopen_utf8 },
		{ "os", luaopen_os },	      { "debug", luaopen_debug },	  { "io", luaopen_io },
	};
	static const char *const os[] = { "clock", "date", "difftime", "getenv", "time", NULL };
	static const char *const os_unsafe[] = { "clock",   "date",   "difftime", "getenv",  "time",
						 "execute", "remove", "rename",	  "tmpname", NULL };
	static const char *const debug[] = { "traceback", "getinfo", NULL };

	for (guint i = 0; i < G_N_ELEMENTS(libraries) - !unsafe; i++) {
		luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
		lua_pop(L, 1);
	}
	keep_only(L, "os", unsafe ? os_unsafe : os);
	keep_only(L, "debug", debug);
}

void sandbox_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "dofile", do_file },
		{ "loadfile", load_file },
		{ "print", print },
		{ NULL, NULL },
	};

	open_libraries(L, run_of(L)->unsafe);
	open_package(L);
	lua_pushglobaltable(L);
	luaL_setfuncs(L, functions, 0);
	guard_open(L);
	lua_getfield(L, -1, "string");
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	pattern_open(L);
	lua_pop(L, 1);
	lua_getfield(L, -1, "os");
	lua_pushcfunction(L, os_exit);
	lua_setfield(L, -2, "exit");
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushcfunction(L, print);
	lua_setfield(L, -2, "print");
	lua_pushcfunction(L, declared);
	lua_setfield(L, -2, "declared");
	callback_open(L);
	timer_open(L);
	json_open(L);
	tcp_open(L);
	listener_open(L);
	udp_open(L);
	py_open(L);
	http_open(L);
	websocket_open(L);
	web_open(L);
	mqtt_open(L);
	lua_setglobal(L, "_PY");
	lua_newtable(L);
	channel_open(L);
	listen_open(L);
	ask_open(L);
	command_open(L);
	lua_setglobal(L, "bp");
	lua_pop(L, 1);
	prelude_open(L);
}
