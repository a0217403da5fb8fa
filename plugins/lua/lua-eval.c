/* SPDX-License-Identifier: MIT */
/* lua-eval.c - code that runs on the script's loop, for `lua eval` and for prompts: its results go to the command that waits, or to the
 * session. */
#include "lua-main.h"
#include <string.h>

#define NAMES_LIMIT 16384

typedef struct {
	Script *script;
	guint number; /* of the PendingCall; or OF_SESSION and that of the session */
	char *code;   /* there */
	char *result; /* back */
	gboolean failed;
	char *globals; /* for a session: the names of all globals, a line each */
} Eval;

#define OF_SESSION 0x80000000U

static void eval_free(gpointer data)
{
	Eval *eval = data;

	g_free(eval->code);
	g_free(eval->result);
	g_free(eval->globals);
	g_free(eval);
}

/* On the main loop. */
static void on_result(BpPlugin *self, gpointer data)
{
	Eval *eval = data;
	PendingCall *pending;

	if (eval->number & OF_SESSION) {
		console_result(eval->number & ~OF_SESSION, eval->result, eval->failed, eval->globals);
		return;
	}
	pending = script_pending(eval->script, eval->number);
	if (!pending)
		return;
	if (!eval->failed && *eval->result)
		bp_call_print(pending->call, eval->result);
	pending_end(pending, eval->failed ? g_error_new_literal(BP_PLUGIN_ERROR, BP_FAILED, eval->result) : NULL);
}

/* Takes the text. */
static void send_back(Run *run, guint number, char *take_result, gboolean failed, GString *take_globals)
{
	Eval *eval = g_new0(Eval, 1);

	*eval = (Eval){ run->script, number, NULL,
			take_result, failed, take_globals ? g_string_free(take_globals, FALSE) : NULL };
	bp_loop_call(run->self, bp_loop_main(), on_result, eval, eval_free);
}

static GString *list_globals(lua_State *L)
{
	GString *names = g_string_new(NULL);

	lua_pushglobaltable(L);
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING && names->len < NAMES_LIMIT)
			g_string_append_printf(names, "%s\n", lua_tostring(L, -2));
	lua_pop(L, 1);
	return names;
}

static void on_done(Run *run, lua_State *L, gboolean good, int first, gpointer data)
{
	guint number = GPOINTER_TO_UINT(data);
	int last = lua_gettop(L);
	GString *text;

	if (run_must_end(run)) { /* commands are answered by the end */
		if (number & OF_SESSION)
			send_back(run, number, g_strdup("the script ends"), TRUE, NULL);
		return;
	}
	if (!good) {
		send_back(run, number, g_strdup(lua_tostring(L, -1)), TRUE, NULL);
		return;
	}
	luaL_checkstack(L, last + 2, NULL);
	for (int i = first; i <= last; i++)
		luaL_tolstring(L, i, NULL);
	text = g_string_new(NULL);
	for (int i = last + 1; i <= lua_gettop(L); i++)
		g_string_append_printf(text, "%s%s", text->len ? "  " : "", lua_tostring(L, i));
	send_back(run, number, g_string_free(text, FALSE), FALSE, number & OF_SESSION ? list_globals(L) : NULL);
}

static int load_and_run(lua_State *L)
{
	const Eval *eval = lua_touserdata(L, 1);
	Run *run = run_of(L);

	lua_pushfstring(L, "return %s", eval->code);
	if (luaL_loadbufferx(L, lua_tostring(L, -1), lua_rawlen(L, -1), "=eval", "t") != LUA_OK) {
		lua_pop(L, 1);
		if (luaL_loadbufferx(L, eval->code, strlen(eval->code), "=eval", "t") != LUA_OK) {
			send_back(run, eval->number, g_strdup(lua_tostring(L, -1)), TRUE, NULL);
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

static gboolean post(Script *script, guint number, const char *code)
{
	Eval *eval = g_new0(Eval, 1);

	eval->script = script;
	eval->number = number;
	eval->code = g_strdup(code);
	return bp_loop_call(script->self, script->loop, on_eval, eval, eval_free);
}

gboolean eval_for_session(Script *script, BpSession *session, const char *code)
{
	return script->run && post(script, OF_SESSION | bp_session_id(session), code);
}

gboolean eval_start(Script *script, BpCall *call, const char *code, GError **error)
{
	PendingCall *pending;

	if (!script->run)
		return bp_fail(error, BP_CLOSED, "%s does not run", bp_plugin_name(script->self));
	pending = pending_new(call);
	script_ask(script, pending);
	if (!post(script, pending->number, code))
		pending_end(pending, g_error_new(BP_PLUGIN_ERROR, BP_LIMIT, "%s takes no more calls",
						 bp_plugin_name(script->self)));
	return TRUE;
}
