/* SPDX-License-Identifier: MIT */
/* lua-console.c - the handler lua: a prompt inside a running script. A result comes when it is there, so it is shown as a message. */
#include "lua-main.h"
#include <string.h>

typedef struct {
	char *script;
	char **globals;
} Console;

static Script *script_of(const Console *console)
{
	return console->script ? script_named(console->script, NULL) : NULL;
}

static void use(BpSession *session, const char *name)
{
	Console *console = bp_session_data(session);
	g_autofree char *prompt = g_strconcat(name, "> ", NULL);

	g_free(console->script);
	console->script = g_strdup(name);
	g_clear_pointer(&console->globals, g_strfreev);
	bp_session_set_prompt(session, prompt);
	eval_for_session(script_of(console), session, "nil");
}

static void list_scripts(BpSession *session)
{
	g_autoptr(GPtrArray) list = bp_instance_list("Script");

	for (guint i = 0; i < list->len; i++)
		bp_session_printf(session, "  %s %s", bp_plugin_name(list->pdata[i]),
				  script_state(bp_instance_data(list->pdata[i])));
}

static gboolean open_console(BpPlugin *self, BpSession *session, GError **error)
{
	if (bp_session_role(session) < BP_ADMIN)
		return bp_fail(error, BP_NOT_PERMITTED, "only an admin may run code in scripts");
	return TRUE;
}

static void welcome(BpPlugin *self, BpSession *session)
{
	g_autoptr(GPtrArray) list = bp_instance_list("Script");

	if (list->len == 1) {
		use(session, bp_plugin_name(list->pdata[0]));
		return;
	}
	bp_session_print(session, ":use NAME enters one of these scripts, :quit leaves:");
	list_scripts(session);
}

static void enter(BpSession *session, const char *name)
{
	g_autoptr(GError) error = NULL;

	if (script_named(name, &error))
		use(session, name);
	else
		bp_session_print(session, error->message);
}

static gboolean on_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	Script *script = script_of(bp_session_data(session));

	if (!strcmp(line, ":quit"))
		return FALSE;
	if (g_str_has_prefix(line, ":use "))
		enter(session, line + 5);
	else if (!strcmp(line, ":list"))
		list_scripts(session);
	else if (!script)
		bp_session_print(session, "no script is used; :use NAME, :list, :quit");
	else if (*line && !eval_for_session(script, session, line))
		bp_session_print(session, "it does not run; lua restart starts it again");
	return TRUE;
}

void console_result(guint id, const char *text, gboolean failed, const char *globals)
{
	BpSession *session = bp_session_find(id);
	Console *console;

	if (!session || bp_session_is_ended(session) || bp_session_handler(session) != lua_handlers)
		return;
	console = bp_session_data(session);
	if (globals) {
		g_strfreev(console->globals);
		console->globals = g_strsplit(globals, "\n", -1);
	}
	if (*text && strcmp(text, "nil"))
		bp_session_notify(session, text);
}

static char **complete(BpPlugin *self, BpSession *session, const char *line, gsize cursor, gsize *start)
{
	const Console *console = bp_session_data(session);
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	gsize begin = cursor;

	while (begin && (g_ascii_isalnum(line[begin - 1]) || line[begin - 1] == '_'))
		begin--;
	for (char **name = console->globals; name && *name; name++)
		if (**name && !strncmp(*name, line + begin, cursor - begin))
			g_ptr_array_add(found, g_strdup(*name));
	*start = begin;
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&found), FALSE);
}

static void close_console(BpPlugin *self, BpSession *session, BpEnd why)
{
	Console *console = bp_session_data(session);

	g_clear_pointer(&console->script, g_free);
	g_clear_pointer(&console->globals, g_strfreev);
}

const BpHandler lua_handlers[] = {
	{ "lua", .help = "a prompt inside a running script", .prompt = "lua> ", .size = sizeof(Console),
	  .open = open_console, .welcome = welcome, .line = on_line, .complete = complete, .close = close_console },
	{ NULL },
};
