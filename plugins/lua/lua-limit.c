/* SPDX-License-Identifier: MIT */
/* lua-limit.c - what a script may use: memory by the allocator, time by a count hook. */
#include "lua.h"
#include <stdlib.h>

#define STEP 1000		      /* instructions between two looks at the clock */
#define BUSY 8192		      /* entries in the main loop's inbox */
#define BUSY_BYTES (16 * 1024 * 1024) /* sent, after which the inbox must be empty once */

/* Lua collects its garbage and tries the same size once more before it raises an error, so two refusals of one size are one error. The
 * first error leaves some room for those who catch it; after the second one the script ends. */
static void refuse(Run *run, size_t size)
{
	if (run->refused != size) {
		run->refused = size;
		return;
	}
	run->refused = 0;
	if (!run->refusals++)
		run->limit += run->limit / 8;
	else
		run_finish(run, RUN_FAILED, 1, "it used more than `memory` again after it had caught that error");
}

void *limit_alloc(void *data, void *block, size_t before, size_t size)
{
	Run *run = data;
	Script *script = run->script;
	gsize used = __atomic_load_n(&script->memory, __ATOMIC_RELAXED);
	void *fresh;

	before = block ? before : 0;
	if (size == 0) {
		free(block);
		__atomic_store_n(&script->memory, used - before, __ATOMIC_RELAXED);
		return NULL;
	}
	if (size > before && used - before + size > run->limit && !run->closing) {
		refuse(run, size);
		return NULL;
	}
	if (size > before)
		run->refused = 0;
	fresh = realloc(block, size);
	if (fresh)
		__atomic_store_n(&script->memory, used - before + size, __ATOMIC_RELAXED);
	return fresh ? fresh : size <= before ? block : NULL;
}

static void raise_if_late(lua_State *L, int level)
{
	Run *run = run_of(L);

	if (run_must_end(run)) {
		luaL_where(L, level);
		lua_pushliteral(L, "the script is ending");
	} else if (g_get_monotonic_time() >= run->deadline) {
		g_autofree char *text = bp_duration_text(run->turn);

		luaL_where(L, level);
		lua_pushfstring(L, "interrupted: this turn took longer than turn=%s", text);
	} else {
		return;
	}
	lua_concat(L, 2);
	lua_error(L);
}

/* A script that catches the error gets the next one after one instruction. */
static void on_count(lua_State *L, lua_Debug *info)
{
	Run *run = run_of(L);
	gboolean late = run_must_end(run) || g_get_monotonic_time() >= run->deadline;

	if (late || lua_gethookcount(L) != STEP)
		lua_sethook(L, on_count, LUA_MASKCOUNT, late ? 1 : STEP);
	run->interrupting = late;
	if (late)
		raise_if_late(L, 0);
}

/* Coroutines get the hook of the state in which they are made. */
void limit_begin(Run *run)
{
	run->deadline = g_get_monotonic_time() + run->turn;
	run->interrupting = FALSE;
	lua_sethook(run->L, on_count, LUA_MASKCOUNT, STEP);
}

void limit_check(lua_State *L)
{
	if (run_must_end(run_of(L)))
		lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
	raise_if_late(L, 1);
}

/* The script has a thread of its own, so it may wait there. */
gboolean limit_is_busy(Run *run, gsize size)
{
	guint most = BUSY;

	run->sent_bytes += size;
	if (run->sent_bytes >= BUSY_BYTES)
		most = 2;
	else if (++run->sent & 63)
		return FALSE;
	if (bp_loop_stats(bp_loop_main()).waiting >= most)
		while (bp_loop_stats(bp_loop_main()).waiting >= most / 2) {
			if (run_must_end(run) || g_get_monotonic_time() >= run->deadline)
				return TRUE;
			g_usleep(500);
		}
	if (run->sent_bytes >= BUSY_BYTES)
		run->sent_bytes = 0;
	return FALSE;
}
