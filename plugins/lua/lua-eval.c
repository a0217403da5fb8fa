/* SPDX-License-Identifier: MIT */
/* lua-eval.c - `lua eval`: code on the script's loop, its results to the command that waits. */
#include "lua-main.h"
#include <string.h>

typedef struct {
	Script *script;
	guint number; /* of the PendingCall */
	char *code;   /* there */
	char *result; /* back */
	gboolean failed;
} Eval;

static void eval_free(gpointer data)
{
	Eval *eval = data;

	g_free(eval->code);
	g_free(eval->result);
	g_free(eval);
}

/* On the main loop. */
static void on_result(BpPlugin *self, gpointer data)
{
	Eval *eval = data;
	PendingCall *pending = script_pending(eval->script, eval->number);

	if (!pending)
		return;
	if (!eval->failed && *eval->result)
		bp_call_print(pending->call, eval->result);
	pending_end(pending, eval->failed ? g_error_new_literal(BP_PLUGIN_ERROR, BP_FAILED, eval->result) : NULL);
}

/* Takes the text. */
static void send_back(Run *run, guint number, char *take_result, gboolean failed)
{
	Eval *eval = g_new0(Eval, 1);

	*eval = (Eval){ run->script, number, NULL, take_result, failed };
	bp_loop_call(run->self, bp_loop_main(), on_result, eval, eval_free);
}

static void on_done(Run *run, lua_State *L, gboolean good, int first, gpointer data)
{
	guint number = GPOINTER_TO_UINT(data);
	int last = lua_gettop(L);
	GString *text;

	if (run_must_end(run))
		return; /* the end answers */
	if (!good) {
		send_back(run, number, g_strdup(lua_tostring(L, -1)), TRUE);
		return;
	}
	luaL_checkstack(L, last + 2, NULL);
	for (int i = first; i <= last; i++)
		luaL_tolstring(L, i, NULL);
	text = g_string_new(NULL);
	for (int i = last + 1; i <= lua_gettop(L); i++)
		g_string_append_printf(text, "%s%s", text->len ? "  " : "", lua_tostring(L, i));
	send_back(run, number, g_string_free(text, FALSE), FALSE);
}

static int load_and_run(lua_State *L)
{
	const Eval *eval = lua_touserdata(L, 1);
	Run *run = run_of(L);

	lua_pushfstring(L, "return %s", eval->code);
	if (luaL_loadbufferx(L, lua_tostring(L, -1), lua_rawlen(L, -1), "=eval", "t") != LUA_OK) {
		lua_pop(L, 1);
		if (luaL_loadbufferx(L, eval->code, strlen(eval->code), "=eval", "t") != LUA_OK) {
			send_back(run, eval->number, g_strdup(lua_tostring(L, -1)), TRUE);
			return 0;
		}
	}
	task_start(run, L, 0, "eval", on_done, GUINT_TO_POINTER(eval->number));
	return 0;
}

static void on_eval(BpPlugin *self, gpointer data)
{
	Eval *eval = data;
	Run *run = eval->script->live;

	if (run)
		run_enter(run, "eval", load_and_run, eval);
}

gboolean eval_start(Script *script, BpCall *call, const char *code, GError **error)
{
	Eval *eval;
	PendingCall *pending;

	if (!script->run)
		return bp_fail(error, BP_CLOSED, "%s does not run", bp_plugin_name(script->self));
	eval = g_new0(Eval, 1);
	eval->script = script;
	eval->code = g_strdup(code);
	pending = pending_new(call);
	script_ask(script, pending);
	eval->number = pending->number;
	if (!bp_loop_call(script->self, script->loop, on_eval, eval, eval_free))
		pending_end(pending, g_error_new(BP_PLUGIN_ERROR, BP_LIMIT, "%s takes no more calls",
						 bp_plugin_name(script->self)));
	return TRUE;
}
