/* SPDX-License-Identifier: MIT */
/* session.c - session list, info, kill, watch, send, message. */
#include <string.h>
#include "commands.h"

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_session_list();
	BpTable *table = bp_table_new(">Id", "Peer", "Transport", "Server", "Handler", ">Age", ">Idle", "Terminal",
				      NULL);

	for (guint i = 0; i < list->len; i++) {
		BpSession *session = list->pdata[i];
		g_autofree char *age = bp_duration_text(g_get_real_time() - bp_session_started(session));
		g_autofree char *idle = bp_duration_text(bp_session_idle(session));

		bp_table_row(table, "%u%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", bp_session_id(session),
			     session == bp_call_session(call) ? "*" : "", bp_session_peer(session),
			     bp_session_transport(session), bp_session_server(session),
			     bp_session_handler(session)->name, age, idle,
			     bp_session_is_terminal(session) ? bp_session_terminal(session) : "");
	}
	bp_call_table(call, table);
	return TRUE;
}

static BpSession *find_session(BpCall *call, GError **error)
{
	BpSession *session = bp_session_find((guint)bp_call_int(call, "id"));

	if (!session)
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND,
			    "there is no session %" G_GINT64_FORMAT "; session list shows those there are",
			    bp_call_int(call, "id"));
	return session;
}

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	static const char *const roles[] = { "observer", "operator", "admin" };
	BpSession *session = find_session(call, error);
	g_autofree char *age = NULL;
	guint columns, rows;

	if (!session)
		return FALSE;
	bp_session_size(session, &columns, &rows);
	age = bp_duration_text(g_get_real_time() - bp_session_started(session));
	bp_call_styled(call, BP_STRONG, "session %u, %s", bp_session_id(session), bp_session_handler(session)->name);
	bp_call_printf(call, "  peer       %s%s%s", bp_session_peer(session), *bp_session_local(session) ? " at " : "",
		       bp_session_local(session));
	bp_call_printf(call, "  transport  %s%s%s", bp_session_transport(session),
		       *bp_session_server(session) ? " of " : "", bp_session_server(session));
	bp_call_printf(call, "  role       %s", roles[bp_session_role(session)]);
	bp_call_printf(call, "  terminal   %s%s%ux%u",
		       bp_session_is_terminal(session) ? bp_session_terminal(session) : "none",
		       bp_session_is_terminal(session) ? ", " : " ", columns, rows);
	bp_call_printf(call, "  open for   %s", age);
	bp_call_printf(call, "  channels   %s, %s", bp_channel_name(bp_session_channel(session, FALSE)),
		       bp_channel_name(bp_session_channel(session, TRUE)));
	if (*bp_session_query(session))
		bp_call_printf(call, "  query      %s", bp_session_query(session));
	return TRUE;
}

static gboolean run_kill(BpPlugin *self, BpCall *call, GError **error)
{
	BpSession *session = find_session(call, error);
	const char *text = bp_call_string(call, "text");
	g_autofree char *safe = NULL;
	guint id;

	if (!session)
		return FALSE;
	id = bp_session_id(session);
	if (session == bp_session_system()) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "session %u is the kernel's own", id);
		return FALSE;
	}
	if (session != bp_call_session(call))
		bp_call_printf(call, "Session %u was ended.", id);
	safe = bp_text_safe(text && *text ? text : "This session was ended by an operator.", -1);
	bp_session_end(session, BP_END_KILLED, safe);
	return TRUE;
}

static gboolean run_watch(BpPlugin *self, BpCall *call, GError **error)
{
	BpSession *session = find_session(call, error);
	g_autofree char *line = NULL;

	if (!session)
		return FALSE;
	line = g_strdup_printf("channel %s session/%u/recv session/%u/send",
			       bp_call_bool(call, "stop") ? "unwatch" : "watch", bp_session_id(session),
			       bp_session_id(session));
	bp_session_run(self, bp_call_session(call), line, NULL, NULL);
	return TRUE;
}

static gboolean run_send(BpPlugin *self, BpCall *call, GError **error)
{
	BpSession *session = find_session(call, error);
	const char *text = bp_call_string(call, "text");
	g_autofree char *safe = bp_text_safe(text ? text : "", -1);

	if (session)
		bp_session_notify(session, safe);
	return !!session;
}

static gboolean run_message(BpPlugin *self, BpCall *call, GError **error)
{
	const char *who = bp_call_string(call, "who"), *text = bp_call_string(call, "text");
	g_autofree char *safe = bp_text_safe(text, -1);
	g_autofree char *line = g_strdup_printf("Message from session %u: %s", bp_session_id(bp_call_session(call)),
						safe);
	g_autoptr(GPtrArray) list = bp_session_list();
	guint told = 0;

	for (guint i = 0; i < list->len; i++) {
		BpSession *session = list->pdata[i];

		if (session == bp_session_system() || (strcmp(who, "all") && strcmp(who, bp_session_server(session))))
			continue;
		bp_session_notify(session, line);
		told++;
	}
	if (!told)
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_FOUND, "nobody is there: say all, or the name of a server");
	return told > 0;
}

static const BpParam id_params[] = {
	{ "id", .kind = BP_ARGUMENT, .type = BP_INT, .required = TRUE, .min = 1, .max = G_MAXUINT32,
	  .names = BP_A_SESSION, .help = "as session list shows it" },
	{ NULL },
};

static const BpParam watch_params[] = {
	{ .include = id_params },
	{ "stop", .type = BP_BOOL, .help = "no longer" },
	{ NULL },
};

static const BpParam text_params[] = {
	{ .include = id_params },
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .help = "what to say" },
	{ NULL },
};

static const BpParam message_params[] = {
	{ "who", .kind = BP_ARGUMENT, .required = TRUE, .help = "all, or the name of a server" },
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .required = TRUE, .help = "what to say" },
	{ NULL },
};

const BpCommand session_commands[] = {
	{ "session", .help = "list the sessions", .run = run_list, .group = "session" },
	{ "session list", .help = "list who is here", .run = run_list },
	{ "session info", .help = "all about one session", .params = id_params, .run = run_info },
	{ "session kill", .help = "end a session", .params = text_params, .run = run_kill, .role = BP_ADMIN },
	{ "session watch", .help = "show input and output of a session", .params = watch_params, .run = run_watch,
	  .role = BP_ADMIN },
	{ "session send", .help = "show a text to one session", .params = text_params, .run = run_send,
	  .role = BP_OPERATOR },
	{ "session message", .help = "tell something to everybody", .params = message_params, .run = run_message,
	  .role = BP_OPERATOR },
	{ NULL },
};
