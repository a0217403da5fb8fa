/* SPDX-License-Identifier: MIT */
/* lua-reload.c - reload=on-change: a script whose file was saved is started again, if the new file compiles. */
#include <string.h>
#include <sys/stat.h>
#include <backplane/file.h>
#include "lua-main.h"

#define FILE_LIMIT (4 * 1024 * 1024)
#define INTERVAL (G_USEC_PER_SEC / 2)

typedef struct {
	Script *script;
	char *file;
	char *error; /* written by the job */
} Check;

static void check_free(gpointer data)
{
	Check *check = data;

	g_free(check->file);
	g_free(check->error);
	g_free(check);
}

/* 0: there is no such file at present, as while an editor replaces it. */
static gint64 stamp_of(const char *file)
{
	struct stat info;

	if (stat(file, &info) || !S_ISREG(info.st_mode))
		return 0;
	return (gint64)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec + info.st_size;
}

static int compile(lua_State *L)
{
	const char *text = lua_touserdata(L, 1);

	if (luaL_loadbufferx(L, text, strlen(text), lua_touserdata(L, 2), "t") != LUA_OK)
		return lua_error(L);
	return 0;
}

static void work(BpJob *job, gpointer data)
{
	Check *check = data;
	g_autoptr(GError) error = NULL;
	gsize size = 0;
	char *text = bp_file_load(check->file, FILE_LIMIT, BP_FILE_READ, &size, &error), *begin = text;
	g_autofree char *name = g_strconcat("@", check->file, NULL);
	lua_State *L = text ? luaL_newstate() : NULL;

	if (L) {
		if (*begin == '#')
			begin += strcspn(begin, "\n");
		lua_pushcfunction(L, compile);
		lua_pushlightuserdata(L, begin);
		lua_pushlightuserdata(L, name);
		if (lua_pcall(L, 2, 0, 0) != LUA_OK)
			check->error = g_strdup(lua_tostring(L, -1));
		lua_close(L);
	} else {
		check->error = g_strdup(error ? error->message : "out of memory");
	}
	g_free(text);
}

static void on_checked(BpPlugin *self, gboolean cancelled, gpointer data)
{
	const Check *check = data;
	Script *script = check->script;
	g_autoptr(GError) error = NULL;

	script->checking = FALSE;
	if (cancelled)
		return;
	if (check->error)
		bp_channel_printf(script->channel, "the saved file does not compile, so it is not loaded: %s",
				  check->error);
	else if (!script_restart(script, &error))
		bp_channel_print(script->channel, error->message);
}

static void on_look(BpPlugin *self, gpointer data)
{
	Script *script = data;
	const char *file = bp_instance_string(script->self, "file");
	gint64 stamp = stamp_of(file);
	Check *check;

	if (!stamp || stamp == script->changed || script->checking)
		return;
	script->changed = stamp;
	script->checking = TRUE;
	check = g_new0(Check, 1);
	check->script = script;
	check->file = g_strdup(file);
	if (!bp_job_add(script->self, "lua compile", work, on_checked, check, check_free))
		script->checking = FALSE;
}

void script_watch_file(Script *script)
{
	if (strcmp(bp_instance_string(script->self, "reload"), "on-change"))
		return;
	script->changed = stamp_of(bp_instance_string(script->self, "file"));
	bp_timer_add(script->self, NULL, INTERVAL, 0, on_look, script, NULL);
}
