/* SPDX-License-Identifier: MIT */
/* test-ends.c - who is to be notified of an end is notified, exactly once, also while its owner goes. */
#include "waits.h"

/* --- owners that go --- */

static BpPlugin *module_plugin;
static BpTimer *module_timer;
static BpStream *module_stream;
static Connection module_connection;
static int module_other;
static gboolean detaches;

static void on_module_timer(BpPlugin *self, gpointer data)
{
	calls++;
	module_timer = NULL;
}

static gboolean open_module(BpInstance *self, GError **error)
{
	module_timer = bp_timer_add(self, NULL, 1000, 1, on_module_timer, NULL, NULL);
	module_stream = open_stream(self, &module_connection, &module_other);
	return TRUE;
}

static void close_module(BpInstance *self)
{
	g_string_append(said, "close ");
	if (module_timer)
		bp_timer_remove(module_timer);
	if (detaches)
		bp_stream_set_user(module_stream, NULL, NULL);
}

static gboolean load_module(BpPlugin *self, GError **error)
{
	module_plugin = self;
	return TRUE;
}

static const BpModule modules[] = { { "Held", .open = open_module, .close = close_module }, { NULL } };
static const BpPluginInfo module_info = {
	BP_PLUGIN_BUILT, .name = "holds", .version = "1", .summary = "test", .load = load_module, .modules = modules,
};

static BpInstance *start_module(void)
{
	BpInstance *self;

	start();
	module_connection = (Connection){ 0 };
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&module_info, NULL));
	self = bp_module_open("Held", "one", "/", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(self);
	return self;
}

static void stop_module(void)
{
	close(module_other);
	stop();
}

/* Its timer falls due while it waits for a call to return: `close` still has it. */
static void test_timer_of_dying_instance(void)
{
	BpInstance *self = start_module();

	bp_plugin_hold(self);
	bp_instance_close(self, NULL);
	pass();
	CU_ASSERT_STRING_EQUAL(said->str, "");
	bp_plugin_release(self);
	CU_ASSERT(suite_wait_until(has_said, "close closed ", 10));
	CU_ASSERT_EQUAL(calls, 0);
	stop_module();
}

/* The peer ends while the instance is dying: said at once, since the stream is freed. */
static void test_stream_of_dying_instance(void)
{
	BpInstance *self = start_module();

	module_connection.removes = FALSE;
	detaches = FALSE;
	bp_plugin_hold(self);
	bp_instance_close(self, NULL);
	bp_stream_abort(module_stream, NULL);
	CU_ASSERT(suite_wait_until(has_said, "closed ", 10));
	bp_plugin_release(self);
	pass();
	CU_ASSERT_STRING_EQUAL(said->str, "closed close ");
	stop_module();
}

static BpPlugin *next_owner;

static void change_on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	bp_stream_set_owner(stream, next_owner);
}

static void change(BpPlugin *self, BpStream *stream, gpointer user)
{
	bp_stream_set_owner(stream, next_owner);
	g_string_append(said, "changed ");
}

static void on_stream_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	g_string_append(said, "closed ");
}

/* Each callback in which the stream becomes another owner's leaves the one that it has entered: both can go. */
static void test_owner_changes_in_callback(void)
{
	static const BpPluginInfo first = { BP_PLUGIN_BUILT, .name = "first", .version = "1", .summary = "test" };
	static const BpPluginInfo second = { BP_PLUGIN_BUILT, .name = "second", .version = "1", .summary = "test" };
	static const BpStreamEvents each[] = {
		{ .size = sizeof(BpStreamEvents), .data = change_on_data, .end = change, .closed = on_stream_closed },
		{ .size = sizeof(BpStreamEvents), .end = change, .closed = on_stream_closed },
		{ .size = sizeof(BpStreamEvents), .drained = change, .closed = on_stream_closed },
	};

	for (guint i = 0; i < G_N_ELEMENTS(each); i++) {
		Connection connection = { 0 };
		BpPlugin *plugin;
		BpStream *stream;
		char bytes[2000] = "";
		int other;

		start();
		plugin = bp_plugin_add(&first, NULL);
		next_owner = bp_plugin_add(&second, NULL);
		stream = open_stream(plugin, &connection, &other);
		bp_stream_set_user(stream, &each[i], &connection);
		bp_stream_set_backlog(stream, 1000, BP_BACKLOG_DROP_OLDEST);
		if (i == 2)
			bp_stream_write(stream, bytes, 900);
		else if (i == 0)
			CU_ASSERT_EQUAL(write(other, "x", 1), 1);
		if (i < 2)
			shutdown(other, SHUT_WR);
		CU_ASSERT(suite_wait_until(has_said, "changed ", 10));
		pass();
		CU_ASSERT_EQUAL(plugin->depth, 0);
		CU_ASSERT_EQUAL(next_owner->depth, 0);
		bp_plugin_unload(plugin, NULL, NULL);
		CU_ASSERT(suite_wait_until(is_unloaded, "first", 10));
		CU_ASSERT_PTR_NULL(strstr(said->str, "closed"));
		bp_plugin_unload(next_owner, NULL, NULL);
		CU_ASSERT(suite_wait_until(is_unloaded, "second", 10));
		CU_ASSERT_STRING_EQUAL(said->str, "changed closed ");
		close(other);
		stop();
	}
}

/* What `close` leaves open ends behind it, unless it wants to know nothing. */
static void test_stream_left_open(void)
{
	for (guint i = 0; i < 2; i++) {
		BpInstance *self = start_module();

		detaches = i;
		bp_instance_close(self, NULL);
		pass();
		CU_ASSERT_STRING_EQUAL(said->str, detaches ? "close " : "close closed ");
		detaches = FALSE;
		stop_module();
	}
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

/* Handler, server, or both are going. */
static void test_session_of_dying_owners(void)
{
	for (guint i = 0; i < 3; i++) {
		BpInstance *self = start_module();
		BpSession *session = start_session(self);

		detaches = TRUE;
		bp_plugin_hold(self);
		if (i != 1)
			bp_instance_close(self, NULL);
		if (i != 0)
			bp_plugin_unload(bp_plugin_find("waits"), NULL, NULL);
		else
			bp_session_end(session, BP_END_PEER, NULL);
		CU_ASSERT_STRING_EQUAL(said->str, "handler link ");
		bp_plugin_release(self);
		pass();
		CU_ASSERT_STRING_EQUAL(said->str, i == 1 ? "handler link " : "handler link close ");
		detaches = FALSE;
		stop_module();
	}
}

/* A session that its server has left open. */
static void test_session_left_open(void)
{
	BpInstance *self = start_module();

	detaches = TRUE;
	start_session(self);
	bp_instance_close(self, NULL);
	CU_ASSERT_STRING_EQUAL(said->str, "close handler link ");
	detaches = FALSE;
	stop_module();
}

/* --- runs --- */

/* Nobody begins anything in a session that is over. */
static void run_more(BpPlugin *self, guint failed, gpointer data)
{
	static guint again;

	on_run(self, failed, data);
	if (++again < 5)
		bp_session_run(self, data, "not-held", run_more, data);
}

static void test_run_in_ending_session(void)
{
	BpSession *session;

	start();
	bp_plugin_add(&command_info, NULL);
	session = console_session();
	bp_session_run(bp_kernel(), session, "held", run_more, session);
	bp_session_end(session, BP_END_KILLED, NULL);
	CU_ASSERT_STRING_EQUAL(said->str, "cancel done:0 done:0 done:0 done:0 done:0 link ");
	CU_ASSERT_EQUAL(destroyed, 1);
	stop();
}

/* Who asked for a run goes before its end. */
static void test_run_of_dying_owner(void)
{
	BpInstance *self = start_module();
	BpSession *session;

	detaches = TRUE;
	bp_plugin_add(&command_info, NULL);
	session = console_session();
	bp_session_run(self, session, "held", on_run, NULL);
	bp_instance_close(self, NULL);
	CU_ASSERT_STRING_EQUAL(said->str, "close done:1 ");
	bp_session_end(session, BP_END_KILLED, NULL);
	CU_ASSERT_STRING_EQUAL(said->str, "close done:1 cancel link ");
	detaches = FALSE;
	stop_module();
}

static const SuiteTest tests[] = {
	{ "timer of dying instance", test_timer_of_dying_instance },
	{ "stream of dying instance", test_stream_of_dying_instance },
	{ "stream left open", test_stream_left_open },
	{ "owner changes in callback", test_owner_changes_in_callback },
	{ "session of dying owners", test_session_of_dying_owners },
	{ "session left open", test_session_left_open },
	{ "run in ending session", test_run_in_ending_session },
	{ "run of dying owner", test_run_of_dying_owner },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("ends", tests, argc, argv);
}
