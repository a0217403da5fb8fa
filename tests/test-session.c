/* SPDX-License-Identifier: MIT */
/* test-session.c - handlers and what a session does for them: modes, echo, ends in awkward places. */
#include "client.h"

static GString *events;

static void note(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(events, format, args);
	va_end(args);
}

static void expect(const char *what)
{
	CU_ASSERT_STRING_EQUAL(events->str, what);
	if (strcmp(events->str, what))
		g_printerr("there was \"%s\", not \"%s\"\n", events->str, what);
	g_string_truncate(events, 0);
}

/* --- an application that does what it is told --- */

static gboolean app_open(BpPlugin *self, BpSession *session, GError **error)
{
	note("open ");
	if (!strcmp(bp_session_query(session), "refuse")) {
		g_set_error(error, BP_CONSOLE_ERROR, BP_NOT_PERMITTED, "not today");
		return FALSE;
	}
	if (!strcmp(bp_session_query(session), "end"))
		bp_session_end(session, BP_END_HANDLER, "gone at once");
	return TRUE;
}

static gboolean app_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	note("line:%s ", line);
	CU_ASSERT_EQUAL(strlen(line), size);
	if (!strcmp(line, "raw"))
		bp_session_set_mode(session, BP_RAW);
	else if (!strcmp(line, "characters") || !strcmp(line, "c"))
		bp_session_set_mode(session, BP_CHARACTERS);
	else if (!strcmp(line, "password"))
		bp_session_set_echo(session, FALSE);
	else if (!strcmp(line, "shown"))
		bp_session_set_echo(session, TRUE);
	else if (!strcmp(line, "end"))
		bp_session_end(session, BP_END_HANDLER, "over");
	else if (!strcmp(line, "unload"))
		bp_plugin_unload(bp_handler_plugin(bp_session_handler(session)), NULL, NULL);
	else if (!strcmp(line, "all"))
		bp_session_broadcast(session, "to all", FALSE);
	return strcmp(line, "false") != 0;
}

static gboolean app_character(BpPlugin *self, BpSession *session, const char *bytes, gsize size)
{
	note("[%.*s]", (int)size, bytes);
	if (size == 1 && *bytes == '.')
		bp_session_set_mode(session, BP_LINES);
	return *bytes != '!';
}

static void app_resize(BpPlugin *self, BpSession *session, guint columns, guint rows)
{
	note("%ux%u ", columns, rows);
}

static void app_terminal(BpPlugin *self, BpSession *session, const char *type)
{
	note("terminal:%s ", type);
}

static void app_close(BpPlugin *self, BpSession *session, BpEnd why)
{
	note("close:%d ", why);
	if (bp_instance_find("host"))
		bp_instance_close(bp_instance_find("host"), "its session is over");
	bp_session_print(session, "a last word");
}

static const BpHandler handlers[] = {
	{ "app", .help = "a test", .prompt = "> ", .line_limit = 100, .size = 8, .open = app_open, .line = app_line,
	  .character = app_character, .resize = app_resize, .terminal = app_terminal, .close = app_close },
	{ NULL },
};

/* A server of one session. */
static gboolean host_open(BpInstance *self, GError **error)
{
	BpSessionOptions options = { .handler = bp_handler_find("app"),
				     .link = &client_link,
				     .input = &bp_session_input,
				     .data = bp_instance_data(self) };
	Client *client = bp_instance_data(self);

	client->shown = g_string_new(NULL);
	client->session = bp_session_open(self, &options, error);
	return client->session != NULL;
}

static void host_close(BpInstance *self)
{
	note("host:%d ", ((Client *)bp_instance_data(self))->ended);
	g_string_free(((Client *)bp_instance_data(self))->shown, TRUE);
}

static const BpModule modules[] = {
	{ "Host", .size = sizeof(Client), .open = host_open, .close = host_close },
	{ NULL },
};

static BpCall *held;

static void on_cancel(BpPlugin *self, gpointer data)
{
	bp_call_done(g_steal_pointer(&held), g_error_new_literal(BP_CONSOLE_ERROR, BP_CLOSED, "cancelled"));
}

static gboolean run_hold(BpPlugin *self, BpCall *call, GError **error)
{
	held = call;
	bp_call_hold(call, on_cancel, NULL);
	return TRUE;
}

static const BpCommand commands[] = {
	{ "hold", .help = "waits", .run = run_hold },
	{ NULL },
};
static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "app", .handlers = handlers, .modules = modules,
				   .commands = commands };

static void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	load_plugin("commands");
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&info, NULL));
	events = g_string_new(NULL);
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	g_string_free(events, TRUE);
}

static gboolean is_gone(gpointer name)
{
	return !bp_plugin_find(name);
}

static gboolean is_closed(gpointer name)
{
	return !bp_instance_find(name);
}

/* --- the tests --- */

static void test_lines(void)
{
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	CU_ASSERT_STRING_EQUAL(client->shown->str, "> ");
	type(client, "one\r\ntwo\n");
	expect("open line:one line:two ");
	CU_ASSERT_STRING_EQUAL(client->shown->str, "> > ");
	type(client, "false\nnever\n");
	expect("line:false close:0 ");
	EXPECT(client, "a last word\n");
	CU_ASSERT(client->ended);
	client_free(client);
	stop();
}

static void test_line_limit(void)
{
	g_autofree char *line = g_strnfill(101, 'x');
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	type(client, line);
	EXPECT(client, "longer than 100 bytes");
	CU_ASSERT_EQUAL(client->why, BP_END_LIMIT);
	client_free(client);
	stop();
}

static void test_modes(void)
{
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	type(client, "characters\na\xc3");
	type(client, "\xa4\xff.line\nraw\nwhole!\n");
	expect("open line:characters [a][\xc3\xa4][\xff][.]line:line line:raw [whole!\n]");
	type(client, "!");
	expect("[!]close:0 ");
	client_free(client);
	stop();
}

static void watch(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_string_append_len(data, bp_message_data(message), (gssize)bp_message_size(message));
}

static void test_secrets_are_on_no_channel(void)
{
	g_autoptr(GString) typed = g_string_new(NULL);
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	bp_channel_watch(bp_kernel(), client->session->recv, watch, typed, NULL);
	type(client, "password\nrosebud\nshown\nplain\n");
	CU_ASSERT_STRING_EQUAL(typed->str, "password\nplain\n");
	client_free(client);
	client = client_new("app", TRUE, BP_OBSERVER);
	type(client, "password\r");
	type(client, "rosebud\r");
	EXPECT_NOT(client, "rosebud");
	client_free(client);
	stop();
}

/* The value of a secret setting is not shown. */
static void test_secret_settings(void)
{
	static const BpParam secrets[] = { { "api_key", .secret = TRUE, .help = "of a service" }, { NULL } };
	Client *client;

	start();
	bp_setting_declare(bp_kernel(), bp_context("/"), secrets);
	CU_ASSERT(bp_setting_set(bp_context("/"), "api_key", "hunter2", NULL));
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "set api_key\n");
	EXPECT(client, "***");
	EXPECT_NOT(client, "hunter2");
	type(client, "set\n");
	EXPECT(client, "api_key");
	EXPECT_NOT(client, "hunter2");
	client_free(client);
	stop();
}

static void shown_as(const char *line, const char *wanted)
{
	g_autofree char *shown = bp_command_shown(line);

	CU_ASSERT_STRING_EQUAL(shown, wanted);
	if (strcmp(shown, wanted))
		g_printerr("there was \"%s\", not \"%s\"\n", shown, wanted);
}

static gboolean run_unlock(BpPlugin *self, BpCall *call, GError **error)
{
	return TRUE;
}

/* Wherever the value of a secret stands in a line, the line is neither kept nor shown. */
static void test_secrets_in_lines(void)
{
	static const BpParam params[] = { { "pin", .secret = TRUE }, { "port", .type = BP_INT }, { NULL } };
	static const BpModule safes[] = { { "Safe", .params = params }, { NULL } };
	static const BpCommand unlocks[] = { { "unlock", .params = params, .run = run_unlock }, { NULL } };
	static const BpPluginInfo safe = { BP_PLUGIN_BUILT, .name = "safe", .modules = safes, .commands = unlocks };
	g_autoptr(GString) typed = g_string_new(NULL);
	Client *client;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bp_plugin_add(&safe, NULL));
	bp_setting_declare(bp_kernel(), bp_context("/safe"), params);
	shown_as("module open Safe s port=1", "module open Safe s port=1");
	shown_as("module open Safe s port=1 pin=7", "module open ***");
	shown_as("module open Nosuch s 'Token=hunter 2'", "module open ***");
	shown_as("module open Nosuch s token=", "module open Nosuch s token=");
	shown_as("nosuch --metrics_token=x", "nosuch ***");
	shown_as("unlock --port 3", "unlock --port 3");
	shown_as("echo one | unlock --pin 7 # why | echo two", "echo one | unlock ***");
	shown_as("set -p /safe pin 7", "set ***");
	shown_as("set -p /safe pin", "set -p /safe pin");
	shown_as("set port 7", "set port 7");
	shown_as("threaded unlock --pin 7", "threaded ***");
	shown_as("threaded \"echo one | unlock --pin 7\"", "threaded ***");
	shown_as("threaded threaded unlock --port 7", "threaded threaded unlock --port 7");
	shown_as("alias open echo on;module open Safe s pin=7", "alias ***");
	client = client_new("console", FALSE, BP_ADMIN);
	bp_channel_watch(bp_kernel(), client->session->recv, watch, typed, NULL);
	type(client, "echo here\nunlock --pin 7\n");
	CU_ASSERT_STRING_EQUAL(typed->str, "echo here\nunlock ***\n");
	type(client, "alias open unlock --pin 7\nalias\n");
	EXPECT(client, "unlock ***");
	EXPECT_NOT(client, "pin 7");
	client_free(client);
	stop();
}

static void test_refused(void)
{
	BpSessionOptions options = {
		.link = &client_link, .input = &bp_session_input, .query = "refuse", .peer = "test"
	};
	g_autoptr(GError) error = NULL;
	Client client = { .shown = g_string_new(NULL) };

	start();
	options.handler = bp_handler_find("app");
	options.data = &client;
	CU_ASSERT_PTR_NULL(bp_session_open(bp_kernel(), &options, &error));
	CU_ASSERT_STRING_EQUAL(error->message, "not today");
	CU_ASSERT_FALSE(client.ended); /* there never was one */
	expect("open ");
	g_clear_error(&error);
	options.query = "end";
	CU_ASSERT_PTR_NULL(bp_session_open(bp_kernel(), &options, &error));
	CU_ASSERT(client.ended);
	CU_ASSERT_PTR_NOT_NULL(strstr(client.shown->str, "gone at once\n"));
	expect("open close:0 ");
	g_string_free(client.shown, TRUE);
	stop();
}

static void test_ends_inside_its_line(void)
{
	gboolean terminals[] = { FALSE, TRUE };

	start();
	for (guint i = 0; i < G_N_ELEMENTS(terminals); i++) {
		Client *client = client_new("app", terminals[i], BP_OBSERVER);

		g_string_truncate(events, 0);
		type(client, terminals[i] ? "end\rnever\r" : "end\nnever\n");
		expect("line:end close:0 ");
		EXPECT(client, "over\n");
		CU_ASSERT(client->ended);
		client_free(client);
	}
	stop();
}

static void test_ends_inside_its_character(void)
{
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	type(client, "characters\na!never");
	expect("open line:characters [a][!]close:0 ");
	CU_ASSERT(client->ended);
	client_free(client);
	stop();
}

/* The session ends outside of its server's code; its server goes while the handler is told of that. */
static void test_its_end_closes_its_server(void)
{
	BpInstance *host;

	start();
	host = bp_module_open("Host", "host", NULL, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(host);
	bp_session_end(((Client *)bp_instance_data(host))->session, BP_END_KILLED, NULL);
	CU_ASSERT(suite_wait_until(is_closed, "host", 10));
	expect("open close:5 host:1 ");
	stop();
}

static void end_on(BpPlugin *self, BpMessage *message, gpointer data)
{
	const char *text = bp_message_data(message);
	Client *client = data;

	if (client->session && (strstr(text, "boom") || strstr(text, "^C")))
		bp_session_end(client->session, BP_END_KILLED, NULL);
}

/* A watch on what it is shown ends it while a held command ends, or is interrupted. */
static void test_ends_by_what_it_is_shown(void)
{
	for (gint i = 0; i < 2; i++) {
		BpWatch *watch;
		Client *client;

		start();
		client = client_new("console", i == 1, BP_ADMIN);
		type(client, i == 1 ? "hold\r" : "hold|echo never\necho never\n");
		watch = bp_channel_watch(bp_kernel(), client->session->send, end_on, client, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(held);
		g_string_truncate(client->shown, 0);
		if (i == 0)
			bp_call_done(g_steal_pointer(&held), g_error_new_literal(BP_CONSOLE_ERROR, BP_CLOSED, "boom"));
		else
			type(client, "\003");
		CU_ASSERT(client->ended);
		CU_ASSERT_PTR_NULL(held);
		EXPECT_NOT(client, "never");
		bp_watch_remove(watch);
		client_free(client);
		stop();
	}
}

/* Its code is on the stack; its sessions are told and ended, and only then it goes. */
static void test_unloads_itself_inside_its_line(void)
{
	Client *one, *two;

	start();
	one = client_new("app", TRUE, BP_OBSERVER);
	two = client_new("app", FALSE, BP_OBSERVER);
	type(one, "unload\rnever\r");
	CU_ASSERT(one->ended && two->ended);
	EXPECT(one, "Goodbye!");
	EXPECT(two, "Goodbye!");
	CU_ASSERT(suite_wait_until(is_gone, "app", 10));
	CU_ASSERT_PTR_NULL(bp_handler_find("app"));
	client_free(one);
	client_free(two);
	stop();
}

static void test_terminal_events(void)
{
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	bp_session_set_size(client->session, 100, 50);
	bp_session_set_size(client->session, 100, 50);
	bp_session_set_terminal(client->session, "xterm", TRUE);
	expect("open 100x50 terminal:xterm ");
	type(client, "edit\x7f\x7fited\r");
	expect("line:edited ");
	client_free(client);
	stop();
}

static void test_what_others_send_is_shown(void)
{
	Client *one, *two;

	start();
	one = client_new("app", TRUE, BP_OBSERVER);
	two = client_new("app", FALSE, BP_OBSERVER);
	type(one, "half a li");
	g_string_truncate(one->shown, 0);
	bp_channel_print(one->session->send, "from outside\n");
	EXPECT(one, "from outside\n");
	EXPECT(one, "half a li"); /* shown again below */
	g_string_truncate(two->shown, 0);
	type(one, "\025all\r");
	EXPECT(two, "to all\n");
	EXPECT_NOT(one, "to all");
	client_free(one);
	client_free(two);
	stop();
}

/* Every few bytes of one piece are for another mode: that takes neither stack nor memory for each. */
static void test_modes_change_often(void)
{
	g_autoptr(GString) typed = g_string_new(NULL);
	Client *client;

	while (typed->len < 65536)
		g_string_append(typed, "c\n.");
	for (guint terminal = 0; terminal < 2; terminal++) {
		start();
		client = client_new("app", terminal, BP_OBSERVER);
		g_string_truncate(events, 0);
		type(client, typed->str);
		CU_ASSERT_FATAL(client->session != NULL);
		CU_ASSERT_EQUAL(events->len, typed->len / 3 * strlen("line:c [.]"));
		g_string_truncate(events, 0);
		client_free(client);
		stop();
	}
}

/* Each byte is seen once by those who watch, however often the mode changes meanwhile: what is sent grows with what is typed. */
static void test_characters_are_seen_once(void)
{
	g_autoptr(GString) typed = g_string_new("c\n"), seen = g_string_new(NULL);
	Client *client;
	BpWatch *watching;

	for (guint i = 0; i < 1000; i++)
		g_string_append(typed, "a.c\n");
	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	watching = bp_channel_watch(bp_kernel(), bp_session_channel(client->session, FALSE), watch, seen, NULL);
	type(client, typed->str);
	CU_ASSERT_STRING_EQUAL(seen->str, typed->str);
	bp_watch_remove(watching);
	client_free(client);
	g_string_truncate(events, 0);
	stop();
}

/* A NUL is a character like others: what is behind it does not wait for its end. */
static void test_nul_is_a_character(void)
{
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	type(client, "characters\n");
	g_string_truncate(events, 0);
	bp_session_receive(client->session, "a\0b\0", 4);
	bp_session_receive(client->session, "\xc3", 1);
	bp_session_receive(client->session, "\xbc.", 2);
	expect("[a][][b][][\xc3\xbc][.]");
	client_free(client);
	g_string_truncate(events, 0);
	stop();
}

static void test_its_own_words_are_given_to_it(void)
{
	Client *client;

	start();
	client = client_new("app", FALSE, BP_OBSERVER);
	bp_session_set_terminal(client->session, "an-xterm", FALSE);
	bp_session_set_terminal(client->session, bp_session_terminal(client->session) + 3, FALSE);
	CU_ASSERT_STRING_EQUAL(bp_session_terminal(client->session), "xterm");
	bp_session_set_prompt(client->session, "a > ");
	bp_session_set_prompt(client->session, bp_session_prompt(client->session) + 2);
	CU_ASSERT_STRING_EQUAL(bp_session_prompt(client->session), "> ");
	client_free(client);
	g_string_truncate(events, 0);
	stop();
}

/* Whoever keeps one may ask who it was. */
static void test_asked_when_its_server_has_gone(void)
{
	BpSession *session;
	BpInstance *host;

	start();
	host = bp_module_open("Host", "host", NULL, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(host);
	session = bp_session_ref(((Client *)bp_instance_data(host))->session);
	CU_ASSERT_STRING_EQUAL(bp_session_server(session), "host");
	bp_instance_close(host, "it is asked to");
	while (g_main_context_iteration(NULL, FALSE))
		;
	CU_ASSERT(bp_session_is_ended(session));
	CU_ASSERT_STRING_EQUAL(bp_session_server(session), "");
	CU_ASSERT_STRING_EQUAL(bp_session_transport(session), "");
	bp_session_unref(session);
	g_string_truncate(events, 0);
	stop();
}

static const SuiteTest tests[] = {
	{ "lines", test_lines },
	{ "line_limit", test_line_limit },
	{ "modes", test_modes },
	{ "secrets_are_on_no_channel", test_secrets_are_on_no_channel },
	{ "secret_settings", test_secret_settings },
	{ "secrets_in_lines", test_secrets_in_lines },
	{ "refused", test_refused },
	{ "ends_inside_its_line", test_ends_inside_its_line },
	{ "ends_inside_its_character", test_ends_inside_its_character },
	{ "its_end_closes_its_server", test_its_end_closes_its_server },
	{ "ends_by_what_it_is_shown", test_ends_by_what_it_is_shown },
	{ "unloads_itself_inside_its_line", test_unloads_itself_inside_its_line },
	{ "terminal_events", test_terminal_events },
	{ "what_others_send_is_shown", test_what_others_send_is_shown },
	{ "modes_change_often", test_modes_change_often },
	{ "characters are seen once", test_characters_are_seen_once },
	{ "nul_is_a_character", test_nul_is_a_character },
	{ "its_own_words_are_given_to_it", test_its_own_words_are_given_to_it },
	{ "asked_when_its_server_has_gone", test_asked_when_its_server_has_gone },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("session", tests, argc, argv);
}
