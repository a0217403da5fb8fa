/* SPDX-License-Identifier: MIT */
/* session.c - the life of a session and who it is. */
#include "command/session.h"
#include <string.h>
#include "host/module.h"
#include "host/log.h"
#include <backplane/registry.h>

static GPtrArray *sessions; /* in order of opening */
static guint last_id;

/* --- handlers --- */

const BpHandler *bp_handler_find(const char *name)
{
	g_autofree char *path = g_strconcat("handler/", name, NULL);

	return bp_registry_find(path);
}

BpPlugin *bp_handler_plugin(const BpHandler *handler)
{
	g_autofree char *path = g_strconcat("handler/", handler->name, NULL);

	return bp_registry_owner(path);
}

gboolean session_enter(BpSession *session)
{
	return session->opened && owner_enter_as(session->handler_plugin, "handler", session->handler->name);
}

void session_leave(BpSession *session)
{
	owner_leave(session->handler_plugin);
}

/* --- life --- */

BpSession *bp_session_ref(BpSession *session)
{
	session->refs++;
	return session;
}

BpChannel *bp_session_channel(const BpSession *session, gboolean send)
{
	return send ? session->send : session->recv;
}

gboolean bp_session_is_ended(const BpSession *session)
{
	return session->ended;
}

guint bp_session_failed(const BpSession *session)
{
	return session->failed;
}

void bp_session_unref(BpSession *session)
{
	if (--session->refs)
		return;
	scope_clear(&session->scope);
	g_ref_string_release(session->peer);
	g_free(session->local);
	g_free(session->query);
	g_free(session->path);
	g_free(session->agent);
	g_free(session->type);
	g_free(session->prompt);
	g_free(session->memory);
	g_free(session->typing);
	g_queue_clear_full(&session->held, (GDestroyNotify)bp_message_unref);
	bp_channel_unref(session->recv);
	bp_channel_unref(session->send);
	g_free(session);
}

/* Somebody who watches may end the session. */
static void announce(BpSession *session, const char *event)
{
	g_autoptr(BpChannel) channel = bp_channel_find("sessions");
	g_autofree char *peer = NULL;

	if (!channel || !bp_channel_wants(channel))
		return;
	peer = bp_quote_json(session->peer);
	bp_channel_printf(
		channel,
		"{\"event\":\"%s\",\"id\":%u,\"peer\":%s,\"transport\":\"%s\",\"server\":\"%s\",\"handler\":\"%s\"}",
		event, session->id, peer, session->link->name, bp_session_server(session), session->handler->name);
}

/* Of one that has ended: its server, and the table of its transport, may have gone. */
static const BpSessionLink no_link = { .size = sizeof(no_link), .name = "" };

static void close_handler(BpSession *session, BpEnd why)
{
	if (session->handler->close && session->opened) {
		owner_enter_always(session->handler_plugin);
		session->handler->close(session->handler_plugin, session, why);
		session_leave(session);
	}
	scope_clear(&session->scope);
}

/* The last part of every end. The handler and the link are notified though their plugins may be going: what they keep for the
 * session is freed there. The handler may close the server of the session; so that it goes afterwards only, it counts as
 * entered meanwhile. */
static void finish(BpSession *session, BpEnd why, gboolean tell_link)
{
	BpPlugin *owner = session->owned.owner;
	const BpInputClass *input;

	if (session->ended)
		return;
	owner_enter_always(owner);
	session->ending = TRUE;
	scope_stop(session->scope);
	run_cancel_all(session);
	close_handler(session, why);
	output_release(session);
	input = g_steal_pointer(&session->input);
	if (input)
		input->end(session, session->typing);
	session->ended = TRUE;
	g_ptr_array_remove(sessions, session);
	if (session->begun)
		announce(session, "end");
	owner_unlink(&session->owned);
	if (tell_link)
		session->link->end(owner, session, why, session->link_data);
	session->link = &no_link;
	session->owned.owner = NULL;
	if (session->shown)
		bp_watch_remove(session->shown);
	bp_channel_release(bp_kernel(), session->recv);
	bp_channel_release(bp_kernel(), session->send);
	bp_session_unref(session);
	owner_leave(owner);
}

static void on_unwatched(gpointer data)
{
	BpSession *session = data;

	session->shown = NULL;
	bp_session_unref(session);
}

static void drop_session(BpOwned *owned)
{
	finish(OWNED_BY(owned, BpSession, owned), BP_END_SHUTDOWN, TRUE);
}

static BpSession *session_new(BpPlugin *self, const BpSessionOptions *options)
{
	BpSession *session = g_new0(BpSession, 1);
	char name[64];

	session->refs = 1;
	session->id = ++last_id;
	session->handler = options->handler;
	session->handler_plugin = bp_handler_plugin(options->handler);
	session->memory = options->handler->size ? g_malloc0(options->handler->size) : NULL;
	session->link = options->link;
	session->link_data = options->data;
	session->peer = g_ref_string_new(options->peer ? options->peer : "");
	session->local = g_strdup(options->local ? options->local : "");
	session->query = g_strdup(options->query ? options->query : "");
	session->path = g_strdup(options->path ? options->path : "");
	session->agent = g_strdup(options->agent ? options->agent : "");
	session->type = g_strdup(options->type ? options->type : "");
	session->no_prompt = options->no_prompt;
	bp_session_set_prompt(session, options->handler->prompt);
	session->role = options->role;
	session->mode = options->handler->mode;
	session->input = options->input;
	session->typing = session->input ? g_malloc0(session->input->memory) : NULL;
	session->columns = options->columns ? options->columns : 80;
	session->rows = options->rows ? options->rows : 24;
	session->started = g_get_monotonic_time();
	session->last_input = bp_loop_now();
	session->terminal = options->terminal;
	session->quiet = options->quiet;
	session->writable = TRUE;
	g_snprintf(name, sizeof(name), "session/%u/recv", session->id);
	session->recv = bp_channel_ref(bp_channel(bp_kernel(), name));
	g_snprintf(name, sizeof(name), "session/%u/send", session->id);
	session->send = bp_channel_ref(bp_channel(bp_kernel(), name));
	if (!sessions)
		sessions = g_ptr_array_new();
	g_ptr_array_add(sessions, session);
	owner_link_notified(self, &session->owned, "session", drop_session);
	return session;
}

static gboolean refuse(BpSession *session, GError *take_why, GError **error)
{
	if (!take_why)
		take_why = g_error_new(BP_CONSOLE_ERROR, BP_NOT_PERMITTED, "%s takes no session now",
				       session->handler->name);
	if (session->begun)
		bp_session_print(session, take_why->message);
	g_propagate_error(error, take_why);
	session->opened = FALSE;
	finish(session, BP_END_HANDLER, session->begun);
	return FALSE;
}

static gboolean open_handler(BpSession *session, const char *welcome, GError **error)
{
	const BpHandler *handler = session->handler;
	GError *why = NULL;

	session->opened = TRUE;
	if (!session_enter(session))
		return refuse(session, NULL, error);
	if (handler->open && !handler->open(session->handler_plugin, session, &why)) {
		session_leave(session);
		return refuse(session, why, error);
	}
	if (!session->ended)
		announce(session, session->begun ? "login" : "begin");
	session->begun = TRUE;
	if (welcome && *welcome && !session->ended)
		bp_session_print(session, welcome);
	if (handler->welcome && !session->ended)
		handler->welcome(session->handler_plugin, session);
	session_leave(session);
	return TRUE;
}

BpSession *bp_session_open_sized(BpPlugin *self, const BpSessionOptions *given, gsize size, GError **error)
{
	BpSessionOptions all;
	const BpSessionOptions *options = bp_sized_copy(&all, sizeof(all), given, size);
	BpSession *session = session_new(self, options);
	gboolean ended;

	bp_session_ref(session);
	session->shown = bp_channel_watch(self, session->send, session_on_send, bp_session_ref(session), on_unwatched);
	if (!open_handler(session, options->welcome, error)) {
		bp_session_unref(session);
		return NULL;
	}
	if (!session->ended)
		bp_session_show_prompt(session);
	ended = session->ended;
	bp_session_unref(session);
	if (ended)
		g_set_error(error, BP_CONSOLE_ERROR, BP_CLOSED, "%s ended the session", options->handler->name);
	return ended ? NULL : session;
}

void bp_session_end(BpSession *session, BpEnd why, const char *message)
{
	if (session->ending)
		return;
	bp_session_ref(session);
	if (message)
		bp_session_notify(session, message);
	session->ending = TRUE;
	scope_stop(session->scope);
	finish(session, why, TRUE);
	bp_session_unref(session);
}

void bp_session_become(BpSession *session, const BpHandler *handler, BpRole role, const char *welcome)
{
	session->role = role;
	if (session->ending || handler == session->handler)
		return;
	bp_session_ref(session);
	close_handler(session, BP_END_HANDLER);
	session->opened = FALSE;
	g_free(session->memory);
	session->handler = handler;
	session->handler_plugin = bp_handler_plugin(handler);
	session->memory = handler->size ? g_malloc0(handler->size) : NULL;
	bp_session_set_prompt(session, handler->prompt);
	bp_session_set_mode(session, handler->mode);
	if (open_handler(session, welcome, NULL))
		bp_session_show_prompt(session);
	bp_session_unref(session);
}

void sessions_end_of(BpPlugin *plugin)
{
	for (guint i = sessions ? sessions->len : 0; i > 0; i = MIN(i - 1, sessions->len)) {
		BpSession *session = sessions->pdata[i - 1];

		if (session->handler_plugin == plugin)
			bp_session_end(session, BP_END_SHUTDOWN, "The application is being unloaded. Goodbye!");
	}
}

BpScope *bp_session_scope(BpSession *session)
{
	BpPlugin *scope;

	g_return_val_if_fail(session, NULL);
	scope = scope_obtain(&session->scope, session->handler_plugin);
	if (session->ending)
		scope_stop(scope);
	return scope;
}

/* --- who it is --- */

#define GETTER(type, name, value) \
	type name(const BpSession *session) \
	{ \
		return value; \
	} \
	type name(const BpSession *session)
GETTER(gpointer, bp_session_data, session->memory);
GETTER(guint, bp_session_id, session->id);
GETTER(const char *, bp_session_peer, session->peer);
GETTER(const char *, bp_session_local, session->local);
GETTER(const char *, bp_session_transport, session->link->name);
GETTER(const char *, bp_session_query, session->query);
GETTER(const char *, bp_session_path, session->path);
GETTER(const char *, bp_session_agent, session->agent);
GETTER(BpRole, bp_session_role, session->role);
GETTER(const BpHandler *, bp_session_handler, session->handler);
GETTER(const char *, bp_session_terminal, session->type);
GETTER(gboolean, bp_session_is_terminal, session->terminal);
GETTER(gboolean, bp_session_is_hidden, session->echo_off);

const char *bp_session_server(const BpSession *session)
{
	const BpPlugin *owner = session->owned.owner;

	return owner && owner->instance ? owner->name : "";
}

void bp_session_size(const BpSession *session, guint *columns, guint *rows)
{
	*columns = session->columns;
	*rows = session->rows;
}

gint64 bp_session_started(const BpSession *session)
{
	return g_get_real_time() - (g_get_monotonic_time() - session->started);
}

gint64 bp_session_idle(const BpSession *session)
{
	return bp_loop_now() - session->last_input;
}

GPtrArray *bp_session_list_of(BpPlugin *server)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)bp_session_unref);

	for (guint i = 0; sessions && i < sessions->len; i++) {
		BpSession *session = sessions->pdata[i];

		if (session->owned.owner == server)
			g_ptr_array_add(list, bp_session_ref(session));
	}
	return list;
}

GPtrArray *bp_session_list(void)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)bp_session_unref);

	for (guint i = 0; sessions && i < sessions->len; i++)
		g_ptr_array_add(list, bp_session_ref(sessions->pdata[i]));
	return list;
}

BpSession *bp_session_find(guint id)
{
	for (guint i = 0; sessions && i < sessions->len; i++) {
		BpSession *session = sessions->pdata[i];

		if (session->id == id)
			return session;
	}
	return NULL;
}

void bp_session_broadcast(BpSession *session, const char *text, gboolean self_too)
{
	g_autoptr(GPtrArray) list = bp_session_list_of(session->owned.owner);

	for (guint i = 0; i < list->len; i++) {
		BpSession *other = list->pdata[i];

		if (self_too || other != session)
			bp_session_notify(other, text);
	}
}
