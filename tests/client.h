/* SPDX-License-Identifier: MIT */
/* client.h - for tests of sessions: somebody at the other end, over a transport of the test's own. */
#pragma once
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/sessions.h>
#include <backplane/kernel.h>
#include "command/console.h"
#include "command/session.h"
#include "suite.h"

typedef struct {
	BpSession *session;
	GString *shown;
	gboolean ended;
	BpEnd why;
} Client;

static inline void client_on_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text,
				  gpointer user)
{
	g_string_append_len(((Client *)user)->shown, data, (gssize)size);
}

static inline void client_on_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer user)
{
	Client *client = user;

	client->ended = TRUE;
	client->why = why;
	client->session = NULL;
}

static const BpSessionLink client_link = {
	.size = sizeof(client_link), .name = "test", .send = client_on_send, .end = client_on_end
};

static inline Client *client_new(const char *handler, gboolean terminal, BpRole role)
{
	BpSessionOptions options = { .handler = bp_handler_find(handler),
				     .link = &client_link,
				     .input = &bp_session_input,
				     .peer = "test",
				     .role = role,
				     .terminal = terminal,
				     .quiet = TRUE };
	Client *client = g_new0(Client, 1);

	client->shown = g_string_new(NULL);
	options.data = client;
	CU_ASSERT_PTR_NOT_NULL_FATAL(options.handler);
	client->session = bp_session_open(bp_kernel(), &options, NULL);
	return client;
}

static inline void client_free(Client *client)
{
	if (client->session)
		bp_session_end(client->session, BP_END_PEER, NULL);
	g_string_free(client->shown, TRUE);
	g_free(client);
}

static inline void type(Client *client, const char *text)
{
	g_string_truncate(client->shown, 0);
	bp_session_receive(client->session, text, strlen(text));
	/* What takes longer than a slice of a turn goes on in the next. */
	while (client->session && client->session->typed.length && g_main_context_iteration(NULL, FALSE))
		;
}

static inline gboolean is_at_rest(gpointer data)
{
	Client *client = data;

	return client->ended || !bp_session_is_busy(client->session);
}

/* And waits until all that was typed has run. */
static inline void type_out(Client *client, const char *text)
{
	type(client, text);
	CU_ASSERT(suite_wait_until(is_at_rest, client, 10));
}

static inline gboolean is_shown(Client *client, const char *text)
{
	gboolean there = strstr(client->shown->str, text) != NULL;

	if (!there)
		g_printerr("\"%s\" is not in \"%s\"\n", text, client->shown->str);
	return there;
}

static const char *awaited;

static inline gboolean has_come(gpointer client)
{
	return strstr(((Client *)client)->shown->str, awaited) != NULL;
}

static inline gboolean wait_for(Client *client, const char *text)
{
	awaited = text;
	return suite_wait_until(has_come, client, 10);
}

#define EXPECT(client, text) CU_ASSERT(is_shown(client, text))
#define EXPECT_NOT(client, text) CU_ASSERT_PTR_NULL(strstr((client)->shown->str, text))

/* One of ours, from the build folder. */
static void G_GNUC_UNUSED load_plugin(const char *name)
{
	const char *build = g_getenv("BUILD");
	g_autofree char *file = g_strdup_printf("%s/plugins/%s.so", build ? build : ".", name);
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_load(file, &error));
}
