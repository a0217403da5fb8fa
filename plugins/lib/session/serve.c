/* SPDX-License-Identifier: MIT */
/* serve.c - the common part of servers of sessions: channels, reports, telnet events. */
#include <backplane/serve.h>
#include <string.h>
#include <backplane/access.h>
#include <backplane/owner.h>
#include <backplane/kernel.h>
#include <backplane/sessions.h>

#define LOGIN "login" /* the handler of the plugin access */

const BpParam bp_auth_params[] = {
	{ "auth", .type = BP_CHOICE, .choices = "auto|none|optional|required", .fallback = "auto",
	  .help = "login: auto (as soon as there are users), none, optional (without it one may look), required" },
	{ NULL },
};

const BpParam bp_serve_params[] = {
	{ "handler", .fallback = "console", .names = BP_A_HANDLER, .alias = "handler_class",
	  .help = "what answers: console, echo, ..." },
	{ "welcome_message", .help = "first line sent to each client" },
	{ "prompt", .type = BP_BOOL, .fallback = "true", .help = "show the handler's prompt" },
	{ "quiet", .type = BP_BOOL, .fallback = "no", .help = "do not show messages of channel console" },
	{ .include = bp_auth_params },
	{ NULL },
};

gboolean bp_serve_prepare(BpServe *serve, BpInstance *self, GError **error)
{
	serve->self = self;
	serve->handler = bp_instance_string(self, "handler");
	if (bp_handler_find(serve->handler))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no handler %s: load the plugin that has it",
		    serve->handler);
	return FALSE;
}

/* A line of text, in between what is typed, or bytes as they are. */
static void show(BpSession *session, BpMessage *message)
{
	g_autofree char *text = NULL;

	if (!(bp_message_flags(message) & BP_TEXT)) {
		bp_session_send(session, bp_message_data(message), bp_message_size(message));
		return;
	}
	text = g_utf8_make_valid(bp_message_data(message), (gssize)bp_message_size(message));
	bp_session_notify(session, g_strchomp(text));
}

static void on_send_all(BpPlugin *self, BpMessage *message, gpointer data)
{
	BpServe *serve = data;
	g_autoptr(GPtrArray) sessions = bp_session_list_of(self);

	serve->showing = TRUE;
	for (guint i = 0; i < sessions->len; i++)
		show(sessions->pdata[i], message);
	serve->showing = FALSE;
	if (serve->shown)
		serve->shown(serve);
}

gboolean bp_serve_start(BpServe *serve, BpServer *listener, const char *data_name, GError **error)
{
	BpInstance *self = serve->self;
	BpChannelOptions log = { .log = TRUE };
	g_autofree char *name = g_strdup_printf(data_name, bp_server_port(listener));

	serve->data = bp_channel(self, name);
	bp_channel_set_options(serve->data, &log);
	serve->recv = bp_instance_channel(self, "recv");
	serve->send = bp_instance_channel(self, "send");
	bp_channel_watch(self, serve->send, on_send_all, serve, NULL);
	if (bp_instance_bool(self, "quiet") || strcmp(serve->handler, "console") != 0)
		return TRUE;
	return !!bp_channel_link(self, bp_server_events(listener), bp_channel(self, "console"), error);
}

void bp_serve_publish(BpServe *serve, BpSession *session, gconstpointer data, gsize size, gboolean text)
{
	BpMessage *message;

	if (bp_serve_is_private(serve, session) || !bp_channel_wants(serve->recv))
		return;
	message = bp_message_new(data, size, text ? BP_TEXT : BP_BINARY);
	bp_message_set_origin(message, (char *)bp_session_peer(session));
	bp_message_set_reply_channel(message, bp_session_channel(session, TRUE));
	bp_channel_send_take(serve->recv, message);
}

char *bp_serve_goodbye(BpInstance *self)
{
	const char *why = bp_kernel_is_quitting() ? "" : bp_instance_close_reason(self);

	return g_strdup_printf("Server is shutting down%s%s. Goodbye!", *why ? ": " : "", why);
}

/* --- login --- */

BpAuth bp_auth_of(BpInstance *self)
{
	const BpParam *table = bp_values_table(bp_instance_values(self));
	const char *auth = bp_param_find(table, "auth") ? bp_instance_string(self, "auth") : "auto";

	if (strcmp(auth, "none") == 0)
		return BP_AUTH_NONE;
	if (strcmp(auth, "auto") == 0)
		return bp_access_is_needed() ? BP_AUTH_REQUIRED : BP_AUTH_NONE;
	return strcmp(auth, "optional") == 0 ? BP_AUTH_OPTIONAL : BP_AUTH_REQUIRED;
}

gboolean bp_serve_is_private(const BpServe *serve, const BpSession *session)
{
	if (!session)
		return bp_auth_of(serve->self) != BP_AUTH_NONE;
	return bp_session_is_hidden(session) || strcmp(bp_session_handler(session)->name, LOGIN) == 0;
}

/* The handler that asks who it is comes first. FALSE: nobody can log in. */
static gboolean begin_login(BpSessionOptions *options, GError **error)
{
	options->handler = bp_access() ? bp_handler_find(LOGIN) : NULL;
	options->welcome = NULL;
	options->role = BP_OBSERVER;
	if (options->handler)
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_NOT_PERMITTED,
		    "Login is required, and the plugin access, which knows the users, is not loaded.");
	return FALSE;
}

/* --- sessions, and telnet's part in them --- */

/* A client that said it has no cursor must echo and edit by itself; a session that has an editor keeps it. */
static void tell_terminal(BpSession *session, BpTelnet *codec)
{
	const BpTelnetInfo *info = bp_telnet_info(codec);
	gboolean cursor = info->cursor || bp_session_is_terminal(session);

	if (!cursor)
		bp_telnet_give_lines(codec);
	bp_session_set_terminal(session, *info->terminal ? info->terminal : NULL, cursor);
}

static void take_terminal(BpSessionOptions *options, BpTelnet *codec)
{
	const BpTelnetInfo *info = bp_telnet_info(codec);

	bp_telnet_set_lines(codec, options->handler->mode != BP_RAW);
	options->terminal = info->cursor;
	options->type = info->terminal;
	options->columns = info->columns;
	options->rows = info->rows;
}

BpSession *bp_serve_session_sized(BpServe *serve, BpTelnet *codec, const BpSessionOptions *given, gsize size,
				  GError **error)
{
	BpSessionOptions all, *options = &all;
	BpAuth auth = bp_auth_of(serve->self);
	BpSession *session;
	gboolean ended;

	bp_sized_copy(options, sizeof(*options), given, size);
	options->handler = bp_handler_find(serve->handler);
	if (!options->handler) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "There is no handler %s any more.", serve->handler);
		return NULL;
	}
	options->welcome = bp_instance_string(serve->self, "welcome_message");
	options->role = BP_ADMIN;
	options->input = &bp_session_input;
	options->no_prompt = !bp_instance_bool(serve->self, "prompt");
	options->quiet = bp_instance_bool(serve->self, "quiet");
	if (auth != BP_AUTH_NONE && !begin_login(options, error))
		return NULL;
	if (codec)
		take_terminal(options, codec);
	session = bp_session_open(serve->self, options, error);
	if (session && auth != BP_AUTH_NONE)
		bp_access()->greet(session, serve->handler, bp_instance_string(serve->self, "welcome_message"),
				   auth == BP_AUTH_OPTIONAL);
	if (!session || !codec || !bp_telnet_info(codec)->answered || options->terminal)
		return session;
	bp_session_ref(session);
	tell_terminal(session, codec);
	ended = bp_session_is_ended(session);
	bp_session_unref(session);
	if (ended)
		g_set_error(error, BP_CONSOLE_ERROR, BP_CLOSED, "%s ended the session", serve->handler);
	return ended ? NULL : session;
}

void bp_serve_telnet_event(BpSession *session, BpTelnet *codec, BpTelnetEvent event)
{
	const BpTelnetInfo *info = bp_telnet_info(codec);

	switch (event) {
	case BP_TELNET_TERMINAL:
		tell_terminal(session, codec);
		break;
	case BP_TELNET_RESIZED:
		bp_session_set_size(session, info->columns, info->rows);
		break;
	case BP_TELNET_INTERRUPTED:
		bp_session_interrupt(session);
		break;
	case BP_TELNET_BROKEN:
		bp_session_end(session, BP_END_ERROR, "What you sent cannot be telnet. Goodbye!");
		break;
	default:
		break;
	}
}

void bp_serve_telnet_echo(BpSession *session, BpTelnet *codec, gboolean on)
{
	if (!bp_session_is_terminal(session) && bp_telnet_info(codec)->answered)
		bp_telnet_set_echo(codec, !on);
}
