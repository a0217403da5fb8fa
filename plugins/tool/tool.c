/* SPDX-License-Identifier: MIT */
/* tool.c - the plugin tool: commands for scripts, which `backplane watch`, `send`, `wait`, `top` and `doctor` run. */
#include <string.h>
#include <backplane/sessions.h>
#include "tool.h"

static const char manual[] =
	"Commands for scripts. In a shell they are `backplane watch`, `send`, `wait`, `top` and `doctor`, which run them in the host that\n"
	"answers at the control socket: output on stdout, what went wrong on stderr, exit status 1 if it failed.\n"
	"\n"
	"`tool watch GLOB...` prints each message on a line, with the channel's name if there can be several. Channels that do not exist yet\n"
	"are watched as soon as they do. `tool wait CHANNEL REGEX` ends with the first message that matches, and fails after `--timeout`.\n"
	"With `--send` it sends something first, and cannot miss the answer. `--json` prints objects, one on a line:\n"
	"{\"channel\", \"time\" (seconds), \"origin\", \"text\" or \"base64\"}.\n"
	"\n"
	"`tool top` shows what is busy; `tool doctor` looks for what is wrong and says what to type.\n"
	"\n"
	"Example:\n"
	"    tool wait plotter/recv ^ok --send \"plotter/send G28\" --timeout 30s\n";

void tool_print_json(BpCall *call, json_t *take_object)
{
	g_autofree char *text = bp_json_text(take_object);

	json_decref(take_object);
	bp_call_print(call, text);
}

void tool_mark_error(BpCall *call)
{
	if (!bp_session_is_terminal(bp_call_session(call)))
		bp_session_send(bp_call_session(call), "", 1);
}

/* --- for the completion of shells: a word on each line, with a tab and what it is --- */

static const BpParam complete_params[] = {
	{ "line", .kind = BP_ARGUMENT, .required = 1, .help = "commands up to the cursor" },
	{ NULL },
};

static gboolean run_complete(BpPlugin *self, BpCall *call, GError **error)
{
	const char *line = bp_call_string(call, "line");
	gsize start = 0;
	g_auto(GStrv) words = bp_complete_commands(line, strlen(line), &start);

	for (char **word = words; word && *word; word++) {
		g_autofree char *name = g_strdup_printf("%.*s%s", (int)start, line, *word);
		const BpCommand *command = bp_command_find(name);

		bp_call_printf(call, "%s%s%s", *word, command && command->help ? "\t" : "",
			       command && command->help ? command->help : "");
	}
	return TRUE;
}

static const BpCommand commands[] = {
	{ "tool complete", .params = complete_params, .run = run_complete, .role = BP_OBSERVER, .hidden = 1,
	  .help = "what can stand at the end of a line" },
	{ "tool watch", .params = tool_watch_params, .run = tool_run_watch, .role = BP_OBSERVER,
	  .help = "print the messages of channels", .example = "tool watch uart* --count 3" },
	{ "tool send", .params = tool_send_params, .run = tool_run_send, .role = BP_OPERATOR,
	  .help = "send a message on a channel", .example = "tool send console hello" },
	{ "tool wait", .params = tool_wait_params, .run = tool_run_wait, .role = BP_OPERATOR,
	  .help = "wait for a message that matches", .example = "tool wait log error --timeout 10s" },
	{ "tool top", .params = tool_top_params, .run = tool_run_top, .role = BP_OBSERVER,
	  .help = "what is busy: channels, plugins, memory", .example = "tool top" },
	{ "tool renew", .run = tool_run_renew, .role = BP_ADMIN,
	  .help = "load plugins again whose files have changed" },
	{ "tool doctor", .params = tool_doctor_params, .run = tool_run_doctor, .role = BP_ADMIN,
	  .help = "look for what is wrong, and say what to do", .example = "tool doctor" },
	{ NULL },
};

/* "info: uart: loaded uart 0.1" */
static void on_log(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_autofree char *line = g_strndup(bp_message_data(message), bp_message_size(message));
	char *name = strstr(line, ": loaded ");

	if (!name)
		return;
	name += strlen(": loaded ");
	name[strcspn(name, " \n")] = 0;
	tool_renew_look(name);
}

static gboolean load(BpPlugin *self, GError **error)
{
	tool_renew_load();
	bp_channel_watch(self, bp_channel(self, "log"), on_log, NULL, NULL);
	return TRUE;
}

static void unload(BpPlugin *self)
{
	tool_renew_unload();
}

BP_PLUGIN(.name = "tool", .version = "0.1", .summary = "Commands for scripts, and for the operator", .manual = manual,
	  .commands = commands, .load = load, .unload = unload);
