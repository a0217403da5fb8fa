/* SPDX-License-Identifier: MIT */
/* test-scope.c - what waits ends with what it waits for. */
#include <backplane/gio.h>
#include "../plugins/lib/net/stream.h"
#include "waits.h"

/* --- a scope of one's own --- */

static void test_ends_with_the_scope(void)
{
	BpScope *scope, *inner;
	guint before;

	start();
	before = owner_count(bp_kernel(), NULL);
	scope = bp_scope_open(bp_kernel());
	inner = bp_scope_open(scope);
	fill(scope);
	fill(inner);
	CU_ASSERT_STRING_EQUAL(bp_plugin_name(inner), bp_plugin_name(bp_kernel()));
	say();
	CU_ASSERT_EQUAL(calls, 2);
	bp_scope_close(scope);
	CU_ASSERT_EQUAL(destroyed, 2 * FILLED);
	say();
	pass();
	CU_ASSERT_EQUAL(calls, 2);
	CU_ASSERT_EQUAL(owner_count(bp_kernel(), NULL), before);
	stop();
}

static void close_itself(BpPlugin *scope, gpointer data)
{
	calls++;
	bp_scope_close(scope);
}

static void close_on_message(BpPlugin *scope, BpMessage *message, gpointer data)
{
	close_itself(scope, data);
}

static void test_closes_itself(void)
{
	BpScope *scope;

	start();
	bp_timer_add(bp_scope_open(bp_kernel()), NULL, 1000, 0, close_itself, NULL, on_destroy);
	bp_defer(bp_scope_open(bp_kernel()), close_itself, NULL, on_destroy);
	bp_loop_call(bp_scope_open(bp_kernel()), bp_loop_main(), close_itself, NULL, on_destroy);
	scope = bp_scope_open(bp_kernel());
	bp_channel_watch(scope, bp_channel(scope, "hall"), close_on_message, NULL, on_destroy);
	say();
	pass();
	CU_ASSERT_EQUAL(calls, FILLED);
	CU_ASSERT_EQUAL(destroyed, FILLED);
	CU_ASSERT_EQUAL(owner_count(bp_kernel(), "scope"), 0);
	stop();
}

static gint reached_there; /* atomic */

static void close_there(BpPlugin *scope, gpointer data)
{
	bp_scope_close(scope);
	g_atomic_int_set(&reached_there, 1);
}

/* Made and closed on another loop. */
static void use_there(BpPlugin *self, gpointer data)
{
	bp_timer_add(bp_scope_open(self), NULL, 1000, 0, close_there, NULL, on_destroy);
}

static void test_on_another_loop(void)
{
	BpLoop *loop;

	start();
	loop = bp_loop_open(bp_kernel(), "other", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
	bp_loop_call(bp_kernel(), loop, use_there, NULL, NULL);
	while (!g_atomic_int_get(&reached_there))
		pass();
	bp_loop_close(loop);
	CU_ASSERT_EQUAL(destroyed, 1);
	CU_ASSERT_EQUAL(owner_count(bp_kernel(), "scope"), 0);
	stop();
}

/* --- jobs --- */

static GMutex gate;
static gint working;

static void work(BpJob *job, gpointer data)
{
	g_atomic_int_set(&working, 1);
	g_mutex_lock(&gate);
	g_mutex_unlock(&gate);
	if (bp_job_cancelled(job))
		g_atomic_int_set(&working, 2);
}

enum { MANY = 300 };

static gint ended_there; /* atomic */

static void work_little(BpJob *job, gpointer data)
{
	g_thread_yield();
}

static void on_job_gone(gpointer data)
{
	g_atomic_int_inc(&ended_there);
}

static void close_scope(BpPlugin *owner, gpointer data)
{
	bp_scope_close(data);
}

static void on_done_there(BpPlugin *scope, gboolean cancelled, gpointer data)
{
	bp_loop_call(bp_kernel(), bp_loop_current(), close_scope, data, NULL);
}

/* It is closed just after its job has ended, or while there is one. */
static void job_there(BpPlugin *owner, gpointer data)
{
	BpScope *scope = bp_scope_open(owner), *inner = bp_scope_open(scope);

	if (data) {
		bp_job_add(inner, "little", work_little, on_done_there, scope, on_job_gone);
		return;
	}
	bp_job_add(scope, "little", work_little, NULL, NULL, on_job_gone);
	bp_scope_close(scope);
}

static void test_jobs_on_another_loop(void)
{
	BpLoop *loop;

	start();
	g_atomic_int_set(&ended_there, 0);
	loop = bp_loop_open(bp_kernel(), "other", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
	for (guint i = 0; i < MANY; i++)
		CU_ASSERT(bp_loop_call(bp_kernel(), loop, job_there, GUINT_TO_POINTER(i % 2), NULL));
	while (g_atomic_int_get(&ended_there) < MANY)
		pass();
	bp_loop_close(loop);
	CU_ASSERT_EQUAL(owner_count(bp_kernel(), "scope"), 0);
	CU_ASSERT_EQUAL(owner_count(bp_kernel(), "job"), 0);
	stop();
}

static void on_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	calls++;
	if (data)
		bp_scope_close(data);
}

static void wait_for_work(void)
{
	while (!g_atomic_int_get(&working))
		pass();
}

static gboolean is_destroyed(gpointer data)
{
	return destroyed > 0;
}

/* The job goes on without its scope, keeps the plugin loaded, and tells nobody. */
static void test_job_outlives_scope(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "asks", .version = "1", .summary = "test" };
	BpPlugin *plugin;
	BpScope *scope;

	start();
	working = 0;
	plugin = bp_plugin_add(&info, NULL);
	scope = bp_scope_open(plugin);
	g_mutex_lock(&gate);
	bp_job_add(scope, "slow", work, on_done, NULL, on_destroy);
	wait_for_work();
	bp_scope_close(scope);
	bp_plugin_unload(plugin, NULL, NULL);
	pass();
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_find("asks"));
	g_mutex_unlock(&gate);
	CU_ASSERT(suite_wait_until(is_destroyed, NULL, 10));
	CU_ASSERT(suite_wait_until(is_unloaded, "asks", 10));
	CU_ASSERT_EQUAL(g_atomic_int_get(&working), 2);
	CU_ASSERT_EQUAL(calls, 0);
	stop();
}

/* Whose plugin goes first: it is asked to end, and told. */
static void test_job_of_dying_plugin(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "asks", .version = "1", .summary = "test" };
	BpPlugin *plugin;
	BpScope *scope;
	GCancellable *cancellable;

	start();
	working = 0;
	plugin = bp_plugin_add(&info, NULL);
	scope = bp_scope_open(plugin);
	cancellable = g_object_ref(bp_plugin_cancellable(scope));
	g_mutex_lock(&gate);
	bp_job_add(scope, "slow", work, on_done, scope, on_destroy);
	wait_for_work();
	bp_timer_add(scope, NULL, 1000, 0, call, NULL, NULL);
	bp_plugin_unload(plugin, NULL, NULL);
	CU_ASSERT(g_cancellable_is_cancelled(cancellable));
	pass();
	CU_ASSERT_EQUAL(calls, 0);
	g_mutex_unlock(&gate);
	CU_ASSERT(suite_wait_until(is_unloaded, "asks", 10));
	CU_ASSERT_EQUAL(g_atomic_int_get(&working), 2);
	CU_ASSERT_EQUAL(calls, 1);
	CU_ASSERT_EQUAL(destroyed, 1);
	g_object_unref(cancellable);
	stop();
}

/* --- streams --- */

static void test_stream_that_closes(void)
{
	for (guint removes = 0; removes < 2; removes++) {
		Connection connection = { .removes = removes };
		BpStream *stream;
		int other;

		start();
		stream = open_stream(bp_kernel(), &connection, &other);
		fill_standing(bp_stream_scope(stream));
		connection.timer = bp_timer_add(bp_stream_scope(stream), NULL, 1000, 1, call, NULL, NULL);
		bp_stream_close(stream);
		bp_timer_add(bp_stream_scope(stream), NULL, 1000, 0, call, NULL, on_destroy); /* too late */
		say();
		pass();
		CU_ASSERT_STRING_EQUAL(said->str, ""); /* the other side has still its half */
		close(other);
		CU_ASSERT(suite_wait_until(has_said, "closed", 10));
		CU_ASSERT_EQUAL(calls, 0);
		CU_ASSERT_EQUAL(connection.destroyed, 0);
		CU_ASSERT_EQUAL(destroyed, STANDING + 1);
		stop();
	}
}

static void test_stream_with_another_user(void)
{
	Connection first = { 0 }, second = { 0 };
	BpStream *stream;
	int other;

	start();
	stream = open_stream(bp_kernel(), &first, &other);
	fill(bp_stream_scope(stream));
	bp_stream_set_user(stream, &events, &first);
	CU_ASSERT_EQUAL(destroyed, 0);
	bp_stream_set_user(stream, &events, &second);
	CU_ASSERT_EQUAL(destroyed, FILLED);
	fill(bp_stream_scope(stream));
	bp_stream_set_user(stream, NULL, NULL);
	CU_ASSERT_EQUAL(destroyed, 2 * FILLED);
	pass();
	CU_ASSERT_EQUAL(calls, 0);
	bp_stream_abort(stream, NULL);
	close(other);
	pass();
	CU_ASSERT_STRING_EQUAL(said->str, "");
	stop();
}

/* One in which nothing waits any more costs nothing. */
static void test_stream_in_which_nothing_waits(void)
{
	Connection connection = { 0 };
	BpStream *stream;
	BpScope *inner;
	int other;

	start();
	stream = open_stream(bp_kernel(), &connection, &other);
	bp_timer_add(bp_stream_scope(stream), NULL, 1000, 1, call, NULL, on_destroy);
	inner = bp_scope_open(bp_stream_scope(stream));
	bp_stream_write(stream, "one", 3);
	pass();
	CU_ASSERT_EQUAL(calls, 1);
	CU_ASSERT_PTR_NOT_NULL(stream->scope);
	bp_scope_close(inner);
	bp_stream_write(stream, "two", 3);
	pass();
	CU_ASSERT_PTR_NULL(stream->scope);
	bp_timer_add(bp_stream_scope(stream), NULL, 1000, 0, call, NULL, on_destroy);
	bp_stream_write(stream, "three", 5);
	pass();
	CU_ASSERT_PTR_NOT_NULL(stream->scope);
	bp_stream_abort(stream, NULL);
	CU_ASSERT(suite_wait_until(has_said, "closed", 10));
	CU_ASSERT_EQUAL(destroyed, 2);
	close(other);
	stop();
}

/* --- sessions --- */

static gboolean handler_open(BpPlugin *self, BpSession *session, GError **error)
{
	fill(bp_session_scope(session));
	return TRUE;
}

static void handler_close(BpPlugin *self, BpSession *session, BpEnd why)
{
	CU_ASSERT_EQUAL(destroyed, 0);
	g_string_append(said, "handler ");
}

static const BpHandler handlers[] = { { "waits", .open = handler_open, .close = handler_close }, { NULL } };
static const BpPluginInfo handler_info = {
	BP_PLUGIN_BUILT, .name = "waits", .version = "1", .summary = "test", .handlers = handlers,
};

static BpSession *start_session(BpInstance *self)
{
	BpSessionOptions options = { .link = &session_link };
	BpSession *session;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&handler_info, NULL));
	options.handler = bp_handler_find("waits");
	session = bp_session_open(self, &options, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(session);
	return session;
}

static void test_session(void)
{
	BpSession *session;

	start();
	session = start_session(bp_kernel());
	say();
	CU_ASSERT_EQUAL(calls, 1);
	bp_session_end(session, BP_END_KILLED, NULL);
	CU_ASSERT_STRING_EQUAL(said->str, "handler link ");
	CU_ASSERT_EQUAL(destroyed, FILLED);
	say();
	pass();
	CU_ASSERT_EQUAL(calls, 1);
	stop();
}

/* --- commands --- */

static void test_call(void)
{
	BpSession *session;

	start();
	bp_plugin_add(&command_info, NULL);
	session = console_session();
	bp_session_run(bp_kernel(), session, "held --soon", on_run, NULL);
	CU_ASSERT(suite_wait_until(has_said, "done:0 ", 10));
	CU_ASSERT_EQUAL(calls, 1);
	CU_ASSERT_EQUAL(destroyed, 1);
	bp_session_run(bp_kernel(), session, "not-held", on_run, NULL);
	CU_ASSERT_EQUAL(destroyed, 1 + FILLED);
	bp_session_run(bp_kernel(), session, "held", on_run, NULL);
	g_string_truncate(said, 0);
	bp_session_end(session, BP_END_KILLED, NULL);
	CU_ASSERT_STRING_EQUAL(said->str, "cancel done:0 link ");
	CU_ASSERT_EQUAL(destroyed, 2 + FILLED);
	CU_ASSERT_EQUAL(calls, 1);
	stop();
}

static const SuiteTest tests[] = {
	{ "ends with the scope", test_ends_with_the_scope },
	{ "closes itself", test_closes_itself },
	{ "on another loop", test_on_another_loop },
	{ "jobs on another loop", test_jobs_on_another_loop },
	{ "job outlives scope", test_job_outlives_scope },
	{ "job of dying plugin", test_job_of_dying_plugin },
	{ "stream that closes", test_stream_that_closes },
	{ "stream with another user", test_stream_with_another_user },
	{ "stream in which nothing waits", test_stream_in_which_nothing_waits },
	{ "session", test_session },
	{ "call", test_call },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("scope", tests, argc, argv);
}
