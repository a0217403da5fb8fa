/* SPDX-License-Identifier: MIT */
/* lua-task.c - tasks: functions that run in coroutines; and what makes them wait.
 *
 * The body of a task is a C function, which sees its end whoever resumes it. While a coroutine waits, the Waiter keeps it; one that
 * has yielded by itself is kept by the script.
 */
#include "lua.h"
#include <string.h>

#define MOST_TASKS 10000

struct Task {
	Run *run;
	const char *what;
	TaskDone done;
	gpointer data;
};

void task_free(gpointer data)
{
	g_free(data);
}

static int end_task(lua_State *L, int status, lua_KContext context)
{
	Task task = *(Task *)context;
	gboolean good = status == LUA_OK || status == LUA_YIELD;

	g_hash_table_remove(task.run->tasks, (gpointer)context);
	if (!good)
		run_report(task.run, task.what, lua_tostring(L, -1));
	if (task.done)
		task.done(task.run, L, good, 3, task.data);
	return 0;
}

/* Stack: task, message handler, function, arguments. */
static int run_body(lua_State *L)
{
	lua_KContext task = (lua_KContext)lua_touserdata(L, 1);

	lua_pushcfunction(L, run_traceback);
	lua_insert(L, 2);
	return end_task(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 2, task, end_task), task);
}

static void go_on(Run *run, lua_State *co, int count)
{
	int results = 0, status = lua_resume(co, run->L, count, &results);

	if (status == LUA_YIELD)
		lua_pop(co, results);
	else if (status != LUA_OK)
		run_report(run, "a task", lua_tostring(co, -1));
}

void task_start(Run *run, lua_State *L, int count, const char *what, TaskDone done, gpointer data)
{
	lua_State *co;
	Task *task;

	if (g_hash_table_size(run->tasks) >= MOST_TASKS)
		luaL_error(L, "%d tasks wait already", MOST_TASKS);
	luaL_checkstack(L, 4, NULL);
	co = lua_newthread(L);
	lua_insert(L, -count - 2);
	luaL_checkstack(co, count + 8, NULL);
	task = g_new0(Task, 1);
	*task = (Task){ run, what, done, data };
	g_hash_table_add(run->tasks, task);
	lua_pushcfunction(co, run_body);
	lua_pushlightuserdata(co, task);
	lua_xmove(L, co, count + 1);
	go_on(run, co, count + 2);
	lua_pop(L, 1);
}

/* --- waiting --- */

Waiter *wait_new(lua_State *L)
{
	Run *run = run_of(L);
	Waiter *waiter;
	int ref;

	if (!lua_isyieldable(L))
		luaL_error(L, "this cannot wait here: it is called inside a function that cannot yield");
	alarm_check(L);
	lua_pushthread(L);
	ref = luaL_ref(L, LUA_REGISTRYINDEX);
	waiter = g_new0(Waiter, 1);
	waiter->run = run;
	waiter->L = L;
	waiter->ref = ref;
	g_hash_table_add(run->waiters, waiter);
	run_keep(run, 1);
	return waiter;
}

void wait_free(gpointer data)
{
	Waiter *waiter = data;
	Run *run = waiter->run;

	if (waiter->cancel)
		waiter->cancel(waiter);
	if (waiter->alarm)
		alarm_remove(run, waiter->alarm);
	if (!run->closing)
		luaL_unref(run->L, LUA_REGISTRYINDEX, waiter->ref);
	run_keep(run, -1);
	g_free(waiter);
}

/* Resumed by wait_wake, or by somebody else: then it does not wait any more. */
static int waited(lua_State *L, int status, lua_KContext context)
{
	Waiter *waiter = (Waiter *)context;
	int top = waiter->top;

	if (!waiter->woken)
		lua_settop(L, top);
	g_hash_table_remove(waiter->run->waiters, waiter);
	return lua_gettop(L) - top;
}

int wait_yield(Waiter *waiter)
{
	lua_State *L = waiter->L;

	waiter->top = lua_gettop(L);
	return lua_yieldk(L, 0, (lua_KContext)waiter, waited);
}

void wait_wake(Waiter *waiter, int count)
{
	Run *run = waiter->run;
	lua_State *L = run->L, *co = waiter->L;

	lua_rawgeti(L, LUA_REGISTRYINDEX, waiter->ref);
	lua_insert(L, -count - 1);	   /* it is kept on the stack: the waiter is freed when it goes on */
	if (lua_status(co) != LUA_YIELD) { /* coroutine.close */
		g_hash_table_remove(run->waiters, waiter);
		lua_pop(L, count + 1);
		return;
	}
	luaL_checkstack(co, count + 4, NULL);
	waiter->woken = TRUE;
	lua_xmove(L, co, count);
	go_on(run, co, count);
	lua_pop(L, 1);
}

static int wake_late(lua_State *L)
{
	Waiter *waiter = lua_touserdata(L, 1);

	lua_pushnil(L);
	lua_pushliteral(L, "timeout");
	wait_wake(waiter, 2);
	return 0;
}

static void on_late(Run *run, gpointer data)
{
	Waiter *waiter = data;

	waiter->alarm = NULL;
	run_enter(run, "a wait", wake_late, waiter);
}

void wait_limit(Waiter *waiter, double seconds)
{
	if (seconds >= 0)
		waiter->alarm = alarm_add(waiter->L, (gint64)(MIN(seconds, 1e9) * G_USEC_PER_SEC), on_late, waiter);
}
