/* SPDX-License-Identifier: MIT */
/* lua-ask.c - questions of scripts to the main loop, for which a coroutine waits: commands and settings. */
#include "lua-main.h"
#include <string.h>
#include <backplane/context.h>

#define OUTPUT_LIMIT (1024 * 1024)
#define MOST_ASKS 256

/* --- asking --- */

static void ask_free(gpointer data)
{
	Ask *ask = data;

	if (ask->destroy)
		ask->destroy(ask->data);
	for (guint i = 0; i < G_N_ELEMENTS(ask->words); i++)
		g_free(ask->words[i]);
	g_free(ask->text);
	g_free(ask);
}

gboolean ask_is_current(const Ask *ask)
{
	return ask->script->run && ask->script->run->serial == ask->serial;
}

/* On the main loop. */
static void on_ask(BpPlugin *self, gpointer data)
{
	Ask *ask = *(Ask **)data;

	if (!ask_is_current(ask))
		return;
	*(Ask **)data = NULL;
	ask->func(ask);
}

static void free_place(gpointer data)
{
	if (*(Ask **)data)
		ask_free(*(Ask **)data);
	g_free(data);
}

static void forget(Waiter *waiter)
{
	g_hash_table_remove(waiter->run->asks, waiter->data);
}

int ask_main(lua_State *L, int count, void (*func)(Ask *ask), gpointer data, GDestroyNotify destroy)
{
	Run *run = run_of(L);
	Waiter *waiter;
	Ask **place, *ask;

	if (!lua_isyieldable(L) || g_hash_table_size(run->asks) >= MOST_ASKS) {
		if (destroy)
			destroy(data);
		luaL_error(L, lua_isyieldable(L) ? "too many questions wait already" : "this cannot wait here");
	}
	waiter = wait_new(L);
	ask = g_new0(Ask, 1);
	ask->script = run->script;
	ask->serial = run->serial;
	ask->number = ++run->asked;
	ask->func = func;
	ask->data = data;
	ask->destroy = destroy;
	for (int i = 0; i < count; i++)
		ask->words[i] = g_strdup(lua_tostring(L, i + 1));
	waiter->data = GUINT_TO_POINTER(ask->number);
	waiter->cancel = forget;
	g_hash_table_insert(run->asks, waiter->data, waiter);
	place = g_new(Ask *, 1);
	*place = ask;
	if (!bp_loop_call(run->self, bp_loop_main(), on_ask, place, free_place)) {
		g_hash_table_remove(run->waiters, waiter);
		luaL_error(L, "the host has too much to do");
	}
	return wait_yield(waiter);
}

typedef struct {
	Waiter *waiter;
	const Ask *ask;
} Answer;

static int answer(lua_State *L)
{
	const Answer *got = lua_touserdata(L, 1);

	lua_pushboolean(L, got->ask->good);
	lua_pushstring(L, got->ask->text ? got->ask->text : "");
	wait_wake(got->waiter, 2);
	return 0;
}

static void on_answer(BpPlugin *self, gpointer data)
{
	Ask *ask = data;
	Run *run = ask->script->live;
	Answer got = { NULL, ask };

	if (!run || run->serial != ask->serial)
		return;
	got.waiter = g_hash_table_lookup(run->asks, GUINT_TO_POINTER(ask->number));
	if (got.waiter)
		run_enter(run, "an answer", answer, &got);
}

void ask_answer(Ask *ask, gboolean good, char *take_text)
{
	ask->good = good;
	ask->text = take_text;
	bp_loop_call(ask->script->self, ask->script->loop, on_answer, ask, ask_free);
}

/* --- bp.run(line) --- */

typedef struct {
	Ask *ask;
	BpSession *session; /* NULL: ended */
	GString *output;
	gboolean running;
} CommandRun;

static void command_free_if_over(CommandRun *command)
{
	if (command->running || command->session)
		return;
	g_string_free(command->output, TRUE);
	g_free(command);
}

static void on_output(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	CommandRun *command = link;

	g_string_append_len(command->output, data, (gssize)MIN(size, OUTPUT_LIMIT - command->output->len));
}

static void on_session_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	CommandRun *command = link;

	command->session = NULL;
	command_free_if_over(command);
}

static void on_command_done(BpPlugin *self, guint failed, gpointer data)
{
	CommandRun *command = data;
	GString *output = command->output;

	command->running = FALSE;
	while (output->len && output->str[output->len - 1] == '\n')
		g_string_truncate(output, output->len - 1);
	ask_answer(command->ask, !failed, g_strndup(output->str, output->len));
	if (command->session)
		bp_session_end(command->session, BP_END_PEER, NULL); /* on_session_end frees it */
	else
		command_free_if_over(command);
}

static BpRole role_of(const Script *script)
{
	const char *role = bp_instance_string(script->self, "role");

	return !strcmp(role, "admin") ? BP_ADMIN : !strcmp(role, "operator") ? BP_OPERATOR : BP_OBSERVER;
}

static void run_command(Ask *ask)
{
	static const BpSessionLink link = {
		.size = sizeof(link), .name = "lua", .send = on_output, .end = on_session_end
	};
	Script *script = ask->script;
	CommandRun *command = g_new0(CommandRun, 1);
	BpSessionOptions options = {
		.handler = bp_handler_find("console"),
		.link = &link,
		.data = command,
		.peer = bp_plugin_name(script->self),
		.role = role_of(script),
		.quiet = TRUE,
		.no_prompt = TRUE,
	};
	g_autoptr(GError) error = NULL;

	command->ask = ask;
	command->output = g_string_new(NULL);
	command->running = TRUE;
	command->session = options.handler ? bp_session_open(script->parts, &options, &error) : NULL;
	if (!command->session) {
		command->running = FALSE;
		ask_answer(ask, FALSE, g_strdup(error ? error->message : "there is no console"));
		command_free_if_over(command);
		return;
	}
	g_string_truncate(command->output, 0); /* the welcome */
	bp_session_run(script->parts, command->session, ask->words[0], on_command_done, command);
}

static int ask_run(lua_State *L)
{
	luaL_checkstring(L, 1);
	return ask_main(L, 1, run_command, NULL, NULL);
}

/* --- bp.setting(key, value, path) --- */

static void answer_setting(Ask *ask)
{
	BpContext *context = bp_context(ask->words[2] ? ask->words[2] : "/");
	g_autoptr(GError) error = NULL;
	char *text;

	if (ask->words[1] && role_of(ask->script) < BP_OPERATOR) {
		ask_answer(ask, FALSE, g_strdup("a script sets settings only with role=operator"));
		return;
	}
	if (ask->words[1] && !bp_setting_set(context, ask->words[0], ask->words[1], &error)) {
		ask_answer(ask, FALSE, g_strdup(error->message));
		return;
	}
	text = bp_setting_get(context, ask->words[0]);
	ask_answer(ask, !!text, text);
}

static int ask_setting(lua_State *L)
{
	const char *path = luaL_optstring(L, 3, "/");

	luaL_checkstring(L, 1);
	luaL_optstring(L, 2, NULL);
	luaL_argcheck(L, *path == '/', 3, "a context begins with /");
	lua_settop(L, 3);
	return ask_main(L, 3, answer_setting, NULL, NULL);
}

void ask_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "_run", ask_run }, { "_setting", ask_setting }, { NULL, NULL } };

	luaL_setfuncs(L, functions, 0);
}
