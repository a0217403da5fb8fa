/* SPDX-License-Identifier: MIT */
/* waits.h - for tests of lifetimes: things that wait and count what becomes of them, a stream, a session, commands. */
#pragma once
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include <backplane/net.h>
#include "bus/owner.h"
#include "suite.h"

static guint calls, destroyed;
static GString *said;

static inline void call(BpPlugin *self, gpointer data)
{
	calls++;
}

static inline void on_destroy(gpointer data)
{
	destroyed++;
}

static inline void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	calls++;
}

static inline void set_flag(BpPlugin *self, gpointer data)
{
	*(gboolean *)data = TRUE;
}

/* Timers of this loop that were due before have run. */
static inline void pass(void)
{
	gboolean reached = FALSE;

	bp_timer_add(bp_kernel(), NULL, 5000, 1, set_flag, &reached, NULL);
	CU_ASSERT(suite_wait(&reached, 10));
}

static inline void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	calls = destroyed = 0;
	said = g_string_new(NULL);
}

static inline void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	g_string_free(said, TRUE);
}

/* What waits for long, with `scope` as its owner. */
static inline void fill_standing(BpScope *scope)
{
	bp_timer_add(scope, NULL, 1000, 0, call, NULL, on_destroy);
	bp_channel_watch(scope, bp_channel(scope, "hall"), on_message, NULL, on_destroy);
}

/* One of each that waits. */
static inline void fill(BpScope *scope)
{
	fill_standing(scope);
	bp_defer(scope, call, NULL, on_destroy);
	bp_loop_call(scope, bp_loop_main(), call, NULL, on_destroy);
}

#define STANDING 2
#define FILLED 4

static inline gboolean is_unloaded(gpointer data)
{
	return !bp_plugin_find(data);
}

static inline void say(void)
{
	BpChannel *hall = bp_channel(bp_kernel(), "hall");

	bp_channel_print(hall, "anybody?");
	bp_channel_release(bp_kernel(), hall);
}

typedef struct {
	BpTimer *timer;
	gboolean removes;
	guint destroyed; /* at that time */
} Connection;

static inline void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	Connection *connection = user;

	connection->destroyed = destroyed;
	if (connection->removes)
		bp_timer_remove(connection->timer);
	g_string_append(said, "closed ");
}

static const BpStreamEvents events = { .size = sizeof(events), .closed = on_closed };

static inline BpStream *open_stream(BpPlugin *self, gpointer user, int *other)
{
	int fds[2];

	g_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	*other = fds[1];
	return bp_stream_open_fd(self, fds[0], &events, user);
}

static inline gboolean has_said(gpointer what)
{
	return strstr(said->str, what) != NULL;
}

/* --- sessions and commands --- */

static inline void link_send(BpPlugin *self, BpSession *session, gconstpointer data, gsize size, gboolean text,
			     gpointer link)
{
}

static inline void link_end(BpPlugin *self, BpSession *session, BpEnd why, gpointer link)
{
	g_string_append(said, "link ");
}

static const BpSessionLink session_link = {
	.size = sizeof(session_link), .name = "test", .send = link_send, .end = link_end
};

static inline void end_call(BpPlugin *scope, gpointer data)
{
	calls++;
	bp_call_done(data, NULL);
}

static inline void on_cancel(BpPlugin *self, gpointer data)
{
	g_string_append(said, "cancel ");
	bp_call_done(data, NULL);
}

static inline gboolean run_held(BpPlugin *self, BpCall *held, GError **error)
{
	bp_call_hold(held, on_cancel, held);
	bp_timer_add(bp_call_scope(held), NULL, bp_call_bool(held, "soon") ? 1000 : G_USEC_PER_SEC * 60, 1, end_call,
		     held, on_destroy);
	return TRUE;
}

/* Not held: what it began is gone with it. */
static inline gboolean run_not_held(BpPlugin *self, BpCall *held, GError **error)
{
	fill(bp_call_scope(held));
	return TRUE;
}

static const BpParam held_params[] = { { "soon", .type = BP_BOOL }, { NULL } };
static const BpCommand commands[] = {
	{ "held", .run = run_held, .params = held_params },
	{ "not-held", .run = run_not_held },
	{ NULL },
};
static const BpPluginInfo command_info = {
	BP_PLUGIN_BUILT, .name = "commands", .version = "1", .summary = "test", .commands = commands,
};

static inline void on_run(BpPlugin *self, guint failed, gpointer data)
{
	g_string_append_printf(said, "done:%u ", failed);
}

static inline BpSession *console_session(void)
{
	BpSessionOptions options = { .handler = bp_handler_find("console"), .link = &session_link, .role = BP_ADMIN };

	return bp_session_open(bp_kernel(), &options, NULL);
}
