/* SPDX-License-Identifier: MIT */
/* access-login.c - the handler "login", which a session has until it is known who it is. */
#include <string.h>
#include <backplane/owner.h>
#include "access.h"

#define TRIES 3
#define AHEAD_LIMIT 65536

typedef struct {
	char *handler, *welcome, *user;
	GString *ahead; /* typed while the password is checked */
	guint tries;
	gboolean optional, asking, checking; /* asking: for the password */
} Login;

static GHashTable *names; /* id of a session -> name of its subject */

static char *address_of(const BpSession *session)
{
	const char *peer = bp_session_peer(session), *colon = strrchr(peer, ':');

	return colon ? g_strndup(peer, (gsize)(colon - peer)) : g_strdup(peer);
}

static void ask_user(BpSession *session, Login *login)
{
	login->asking = FALSE;
	bp_session_set_echo(session, TRUE);
	bp_session_set_prompt(session, "Login: ");
}

static gboolean is_over(gpointer key, gpointer value, gpointer data)
{
	return !bp_session_find(GPOINTER_TO_UINT(key));
}

static void go_on(BpSession *session, Login *login, const BpSubject *subject)
{
	const BpHandler *handler = bp_handler_find(login->handler);
	g_autofree char *welcome = g_strdup(login->welcome);
	g_autoptr(GString) ahead = g_steal_pointer(&login->ahead);

	bp_session_set_echo(session, TRUE);
	if (!handler) {
		bp_session_end(session, BP_END_ERROR, "There is no such handler any more.");
		return;
	}
	g_hash_table_foreach_remove(names, is_over, NULL);
	g_hash_table_insert(names, GUINT_TO_POINTER(bp_session_id(session)), g_strdup(subject->name));
	bp_session_ref(session);
	bp_session_become(session, handler, subject->role, welcome);
	if (ahead && !bp_session_is_ended(session))
		bp_session_receive(session, ahead->str, ahead->len);
	bp_session_unref(session);
}

static void on_checked(BpPlugin *self, const BpSubject *subject, gpointer data)
{
	BpSession *session = data;
	Login *login = bp_session_data(session);

	login->checking = FALSE;
	if (subject) {
		go_on(session, login, subject);
		return;
	}
	if (++login->tries >= TRIES) {
		bp_session_end(session, BP_END_ERROR, "Login incorrect. Goodbye!");
		return;
	}
	if (login->ahead)
		g_string_truncate(login->ahead, 0);
	bp_session_print(session, "Login incorrect.");
	ask_user(session, login);
	bp_session_show_prompt(session);
}

/* An observer's handler is opened when the code of this one has returned. */
static void on_observer(BpPlugin *self, gpointer data)
{
	BpSession *session = data;
	BpSubject subject = { "", BP_OBSERVER };

	if (!bp_session_is_ended(session))
		go_on(session, bp_session_data(session), &subject);
}

static void check(BpSession *session, Login *login, const char *password)
{
	g_autofree char *address = address_of(session);

	login->checking = TRUE;
	bp_session_set_prompt(session, NULL);
	if (access_locked ||
	    !verify_password(bp_session_scope(session), login->user, password, address, on_checked, session, NULL))
		bp_session_end(session, BP_END_LIMIT,
			       access_locked ? "Nobody can log in: the file of users was damaged. Goodbye!"
					     : "Too many tries. Please try again later. Goodbye!");
}

static gboolean on_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	Login *login = bp_session_data(session);

	if (!login->handler) {
		bp_session_end(session, BP_END_ERROR, "This handler is only for logging in. Goodbye!");
		return TRUE;
	}
	if (login->checking) {
		if (!login->ahead)
			login->ahead = g_string_new(NULL);
		if (login->ahead->len + size < AHEAD_LIMIT)
			g_string_append_printf(login->ahead, "%s\n", line);
	} else if (login->asking) {
		check(session, login, line);
	} else if (!*line && login->optional) {
		login->checking = TRUE;
		bp_session_set_prompt(session, NULL);
		bp_defer(bp_session_scope(session), on_observer, bp_session_ref(session),
			 (GDestroyNotify)bp_session_unref);
	} else if (*line) {
		g_free(login->user);
		login->user = g_strndup(line, 64);
		login->asking = TRUE;
		bp_session_set_echo(session, FALSE);
		bp_session_set_prompt(session, "Password: ");
	}
	return TRUE;
}

static void on_close(BpPlugin *self, BpSession *session, BpEnd why)
{
	Login *login = bp_session_data(session);

	g_clear_pointer(&login->handler, g_free);
	g_clear_pointer(&login->welcome, g_free);
	g_clear_pointer(&login->user, g_free);
	if (login->ahead)
		g_string_free(g_steal_pointer(&login->ahead), TRUE);
}

const BpHandler access_handlers[] = {
	{ "login", .help = "asks for user and password before another handler",
	  .prompt = "Login: ", .size = sizeof(Login), .line_limit = 1024, .line = on_line, .close = on_close },
	{ NULL },
};

void login_greet(BpSession *session, const char *handler, const char *welcome, gboolean optional)
{
	Login *login = bp_session_data(session);

	g_return_if_fail(bp_session_handler(session) == bp_handler_find("login"));
	login->handler = g_strdup(handler);
	login->welcome = g_strdup(welcome);
	login->optional = optional;
}

const char *login_name(const BpSession *session)
{
	const char *name = g_hash_table_lookup(names, GUINT_TO_POINTER(bp_session_id(session)));

	return name ? name : "";
}

void login_end_of(const char *name)
{
	g_autoptr(GPtrArray) list = bp_session_list();

	for (guint i = 0; i < list->len; i++)
		if (strcmp(login_name(list->pdata[i]), name) == 0)
			bp_session_end(list->pdata[i], BP_END_KILLED,
				       "What you may do has changed. Please log in again.");
}

void login_init(void)
{
	names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}

void login_clear(void)
{
	g_clear_pointer(&names, g_hash_table_unref);
}
