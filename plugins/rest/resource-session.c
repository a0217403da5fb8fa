/* SPDX-License-Identifier: MIT */
/* resource-session.c - resources sessions and commands. */
#include <stdlib.h>
#include <string.h>
#include "resources.h"

static const char *const roles[] = { "observer", "operator", "admin" };

static json_t *session_json(BpSession *session)
{
	return json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:f,s:f,s:o}", "id", (int)bp_session_id(session), "peer",
			 bp_session_peer(session), "transport", bp_session_transport(session), "server",
			 bp_session_server(session), "handler", bp_session_handler(session)->name, "role",
			 roles[bp_session_role(session)], "started", (double)bp_session_started(session) / 1e6, "idle",
			 (double)bp_session_idle(session) / 1e6, "terminal",
			 bp_session_is_terminal(session) ? bp_json_string(bp_session_terminal(session), -1)
							 : json_null());
}

static json_t *list_sessions(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) sessions = bp_session_list();
	json_t *list = json_array();

	for (guint i = 0; i < sessions->len; i++) {
		g_autofree char *id = g_strdup_printf("%u", bp_session_id(sessions->pdata[i]));

		if (resource_matches(query, id))
			json_array_append_new(list, session_json(sessions->pdata[i]));
	}
	return list;
}

static BpSession *find(const char *id, GError **error)
{
	guint number = strspn(id, "0123456789") == strlen(id) && strlen(id) < 10 ? (guint)strtoul(id, NULL, 10) : 0;
	BpSession *session = number ? bp_session_find(number) : NULL;

	if (!session)
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "there is no session %s", id);
	return session;
}

static json_t *get_session(BpPlugin *self, const char *id, GError **error)
{
	BpSession *session = find(id, error);

	return session ? session_json(session) : NULL;
}

static json_t *kill_session(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	BpSession *session = find(id, error);
	const char *text = bp_values_string(values, "text");

	if (!session)
		return NULL;
	if (session == bp_session_system()) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "session %s is the kernel's own", id);
		return NULL;
	}
	bp_session_end(session, BP_END_KILLED, text && *text ? text : "This session was ended by an operator.");
	return json_null();
}

static json_t *send_session(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	BpSession *session = find(id, error);

	if (!session)
		return NULL;
	bp_session_notify(session, bp_values_string(values, "text"));
	return json_null();
}

static json_t *message_all(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	g_autoptr(GPtrArray) list = bp_session_list();
	g_autofree char *line = g_strconcat("Message: ", bp_values_string(values, "text"), NULL);
	guint told = 0;

	for (guint i = 0; i < list->len; i++) {
		if (list->pdata[i] == bp_session_system())
			continue;
		bp_session_notify(list->pdata[i], line);
		told++;
	}
	return json_pack("{s:i}", "told", (int)told);
}

static const BpParam kill_params[] = {
	{ "text", .help = "what to tell them" },
	{ NULL },
};

static const BpParam text_params[] = {
	{ "text", .required = TRUE, .help = "what to say" },
	{ NULL },
};

static const BpAction session_actions[] = {
	{ "kill", .help = "end a session", .params = kill_params, .role = BP_ADMIN, .run = kill_session },
	{ "send", .help = "show a text to one session", .params = text_params, .role = BP_OPERATOR,
	  .run = send_session },
	{ "message", .help = "tell something to everybody", .params = text_params, .role = BP_OPERATOR, .on_all = TRUE,
	  .run = message_all },
	{ NULL },
};

const BpResource sessions_resource = {
	.size = sizeof(sessions_resource),
	.name = "sessions",
	.help = "who is here",
	.members =
		"id:integer peer:string transport:string server:string handler:string role:string started:number idle:number terminal:any",
	.list = list_sessions,
	.get = get_session,
	.actions = session_actions,
};

/* --- commands --- */

static json_t *list_commands(BpPlugin *self, const char *query, GError **error)
{
	g_autoptr(GPtrArray) commands = bp_command_list();
	json_t *list = json_array();

	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];

		if (command->hidden || !resource_matches(query, command->name))
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "id", command->name, "help",
						      command->help ? command->help : "", "group",
						      bp_command_group(command), "plugin", bp_command_plugin(command),
						      "role", roles[command->role], "params",
						      command->params ? bp_param_json(command->params) : json_array()));
	}
	return list;
}

const BpResource commands_resource = {
	.size = sizeof(commands_resource),
	.name = "commands",
	.help = "console commands, with their parameters",
	.members = "id:string help:string group:string plugin:string role:string params:array",
	.list = list_commands,
};
