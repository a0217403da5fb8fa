/* SPDX-License-Identifier: MIT */
/* lua-run.c - one life of a script, on its own loop: the state, calls into it, its end. */
#include "lua.h"
#include <string.h>

gboolean run_must_end(const Run *run)
{
	return run->end || g_atomic_int_get(&run->stop) || bp_owner_is_dying(run->self);
}

void run_finish(Run *run, RunEnd end, int status, const char *why)
{
	if (run->end)
		return;
	run->end = end;
	run->status = status;
	run->why = g_strdup(why);
}

void run_keep(Run *run, int count)
{
	run->keeps += (guint)count;
	g_atomic_int_set(&run->script->keeps, (gint)run->keeps);
}

void run_report(Run *run, const char *what, const char *error)
{
	g_autofree char *text = NULL;

	if (run_must_end(run) && run->end != RUN_FAILED)
		return;
	text = g_strdup_printf("Error in %s: %s", what, error ? error : "out of memory");
	script_set_error(run->script, text);
	bp_channel_print(run->channel, text);
}

static int to_text(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	return 1;
}

int run_traceback(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING) {
		lua_pushcfunction(L, to_text);
		lua_pushvalue(L, 1);
		if (lua_pcall(L, 1, 1, 0) != LUA_OK)
			lua_pushliteral(L, "(an error object that cannot be shown)");
		lua_replace(L, 1);
	}
	luaL_traceback(L, L, lua_tostring(L, 1), 1);
	return 1;
}

/* --- the end --- */

/* Everything of the run that is on this loop. */
static void take_down(Run *run)
{
	run->closing = TRUE;
	g_clear_pointer(&run->requests, g_hash_table_unref);
	g_clear_pointer(&run->websockets, g_hash_table_unref);
	g_clear_pointer(&run->sessions, g_hash_table_unref);
	g_clear_pointer(&run->brokers, g_hash_table_unref);
	g_clear_pointer(&run->servers, g_hash_table_unref);
	g_clear_pointer(&run->sockets, g_hash_table_unref);
	g_clear_pointer(&run->listeners, g_hash_table_unref);
	g_clear_pointer(&run->datagrams, g_hash_table_unref);
	g_clear_pointer(&run->outgoing, g_hash_table_unref);
	if (run->scope)
		bp_scope_close(g_steal_pointer(&run->scope));
	run->timer = NULL;
	g_clear_pointer(&run->waiters, g_hash_table_unref);
	g_clear_pointer(&run->ears, g_hash_table_unref);
	g_clear_pointer(&run->asks, g_hash_table_unref);
	g_clear_pointer(&run->tasks, g_hash_table_unref);
	g_clear_pointer(&run->callbacks, g_hash_table_unref);
	g_clear_pointer(&run->alarms, g_sequence_free);
	if (run->L)
		lua_close(g_steal_pointer(&run->L));
}

void run_free(Run *run)
{
	take_down(run);
	g_strfreev(run->args);
	g_strfreev(run->path);
	g_free(run->file);
	g_free(run->why);
	g_ref_string_release(run->origin);
	g_free(run);
}

/* As often as the main loop is full. */
static void tell_end(BpPlugin *self, gpointer data)
{
	Run *run = data;

	if (!bp_loop_call(run->self, bp_loop_main(), script_run_ended, run, NULL) && !bp_owner_is_dying(self))
		bp_timer_add(run->self, NULL, G_USEC_PER_SEC / 10, 1, tell_end, run, NULL);
}

static void end_now(BpPlugin *self, gpointer data)
{
	Run *run = data;
	Script *script = run->script;

	script->live = NULL;
	take_down(run);
	__atomic_store_n(&script->memory, 0, __ATOMIC_RELAXED);
	tell_end(self, run);
}

static void look_at_end(Run *run)
{
	Script *script = run->script;

	if (!run->end && g_atomic_int_get(&run->stop))
		run_finish(run, RUN_STOPPED, 0, NULL);
	if (!run->has_begun && !g_hash_table_size(run->asks)) {
		run->has_begun = TRUE;
		bp_loop_call(script->self, bp_loop_main(), script_run_begun, script, NULL);
	}
	if (!run->end && run->main_ended && !run->keeps)
		run_finish(run, RUN_IDLE, 0, NULL);
	if (!run->end || run->end_is_due)
		return;
	run->end_is_due = TRUE;
	bp_defer(run->self, end_now, run, NULL);
}

void run_look(BpPlugin *self, gpointer data)
{
	Script *script = data;

	if (script->live && !script->live->depth)
		look_at_end(script->live);
}

/* --- calls --- */

gboolean run_enter(Run *run, const char *what, lua_CFunction func, gpointer data)
{
	lua_State *L = run->L;

	if (!L || run->closing || run_must_end(run)) {
		if (!run->depth && !run->closing)
			look_at_end(run);
		return FALSE;
	}
	if (!run->depth++)
		limit_begin(run);
	lua_pushcfunction(L, func);
	lua_pushlightuserdata(L, data);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		run_report(run, what, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	if (!--run->depth)
		look_at_end(run);
	return TRUE;
}

static void main_done(Run *run, lua_State *L, gboolean good, int first, gpointer data)
{
	run->main_ended = TRUE;
	if (!good && !run_must_end(run))
		run_finish(run, RUN_FAILED, 1, lua_tostring(L, -1));
}

static int run_main(lua_State *L)
{
	Run *run = lua_touserdata(L, 1);
	int count = 0;

	sandbox_open(L);
	lua_settop(L, 0);
	if (sandbox_load(L, run->file) != LUA_OK) {
		run_report(run, "the script", lua_tostring(L, -1));
		run_finish(run, RUN_FAILED, 1, lua_tostring(L, -1));
		return 0;
	}
	lua_newtable(L);
	lua_pushstring(L, run->file);
	lua_rawseti(L, -2, 0);
	for (; run->args && run->args[count]; count++) {
		lua_pushstring(L, run->args[count]);
		lua_rawseti(L, -2, count + 1);
	}
	lua_setglobal(L, "arg");
	luaL_checkstack(L, count, "too many arguments");
	for (int i = 0; i < count; i++)
		lua_pushstring(L, run->args[i]);
	task_start(run, L, count, "the script", main_done, NULL);
	/* A main chunk that has yielded by itself keeps nothing going. */
	run->main_ended = TRUE;
	return 0;
}

static void on_last(BpPlugin *self, gpointer data)
{
	run_finish(data, RUN_EXIT, 0, NULL);
	look_at_end(data);
}

void run_begin(BpPlugin *self, gpointer data)
{
	Run *run = data;

	run->script->live = run;
	run->scope = bp_scope_open(run->self);
	run->L = lua_newstate(limit_alloc, run);
	if (!run->L) {
		run_finish(run, RUN_FAILED, 1, "there is not enough memory to begin");
		look_at_end(run);
		return;
	}
	*(Run **)lua_getextraspace(run->L) = run;
	if (run->longest)
		bp_timer_once(&run->last, run->scope, run->longest, on_last, run);
	if (run_enter(run, "the script", run_main, run) && !run->main_ended) {
		run_finish(run, RUN_FAILED, 1, "it could not begin; `lua list` has the error");
		look_at_end(run);
	}
}
