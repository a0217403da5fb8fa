/* SPDX-License-Identifier: MIT */
/* test-console.c - sessions and commands, typed through a transport of the test's own. */
#include <string.h>
#include <sys/stat.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include "client.h"
#include "command/command.h"
#include "command/session.h"

static void start_in(const char *state)
{
	BpKernelOptions options = { .state_dir = state };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	load_plugin("commands");
}

static void start(void)
{
	start_in(NULL);
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

/* --- lines and commands --- */

static void test_basic(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "echo  two  blanks \"quoted\"\n");
	CU_ASSERT_STRING_EQUAL(client->shown->str, "two  blanks \"quoted\"\n");
	type(client, "echo \"a | b\"\n");
	CU_ASSERT_STRING_EQUAL(client->shown->str, "a | b\n");
	type(client, "echo 'one' two\n");
	CU_ASSERT_STRING_EQUAL(client->shown->str, "'one' two\n");
	type(client, "VERSION\n");
	EXPECT(client, "Backplane ");
	type(client, "\n\n  \n# a comment\n");
	CU_ASSERT_STRING_EQUAL(client->shown->str, "");
	type(client, "echo one|echo two # not three\necho last\n");
	EXPECT(client, "last\n");
	client_free(client);
	stop();
}

static void test_half_lines_wait(void)
{
	Client *one, *two;

	start();
	one = client_new("console", FALSE, BP_ADMIN);
	two = client_new("console", FALSE, BP_ADMIN);
	type(one, "echo par");
	CU_ASSERT_STRING_EQUAL(one->shown->str, "");
	type(two, "echo other\r\n");
	CU_ASSERT_STRING_EQUAL(two->shown->str, "other\n");
	CU_ASSERT_STRING_EQUAL(one->shown->str, "");
	type(one, "tial\r\n");
	CU_ASSERT_STRING_EQUAL(one->shown->str, "partial\n");
	type(one, "echo unfinished");
	bp_session_receive_end(one->session);
	CU_ASSERT_STRING_EQUAL(one->shown->str, "unfinished\n");
	CU_ASSERT(one->ended);
	client_free(one);
	client_free(two);
	stop();
}

static void test_failure_stops_its_line(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "echo a|nosuch|echo b\necho c\n");
	EXPECT(client, "a\n");
	EXPECT(client, "nosuch is not a registered command in this context: Base");
	EXPECT_NOT(client, "b\n");
	EXPECT(client, "c\n");
	client_free(client);
	stop();
}

static void test_sentences(void)
{
	static const char *const cases[][2] = {
		{ "vesion\n", "did you mean version?" },
		{ "channel lst\n", "did you mean list" },
		{ "channel list --glb x\n", "channel list has no option --glb" },
		{ "channel info\n", "needs NAME" },
		{ "channel info no-such\n", "There is no channel named 'no-such'" },
		{ "module open Nothing\n", "there is no module Nothing" },
		{ "module close nothing\n", "Module 'nothing' not found." },
		{ "plugin unload nothing\n", "no plugin nothing is loaded" },
		{ "set nothing 1\n", "nothing" },
		{ "wait\n", "needs SECONDS" },
		{ "wait x\n", "seconds" },
		{ "loop 3 1 echo\n", "upper bound needs to be greater than lower bound" },
		{ "execute /no/such\n", "The file does not exist" },
		{ "timer off\n", "does not exist" },
		{ "timer x 1 echo\n", "Syntax Error" },
		{ "session kill 9999\n", "there is no session 9999" },
		{ "channel open console\n", "Infinite Loop Error." },
		{ "echo \"open\nchannel info \"open\n", "not closed" },
		{ "help nothing\n", "No extended help for: nothing" },
		{ "find qqqq\n", "No commands found that contained: qqqq" },
		{ "channel send console --hex \"0g\"\n", "hex" },
	};
	Client *client;

	start();
	load_plugin("automation");
	client = client_new("console", FALSE, BP_ADMIN);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		guint failed = client->session->failed;

		type_out(client, cases[i][0]);
		EXPECT(client, cases[i][1]);
		CU_ASSERT_EQUAL(client->session->failed, failed + 1);
	}
	client_free(client);
	stop();
}

/* Every command without arguments, and with rubbish, says something or nothing, but survives. */
static void test_every_command(void)
{
	static const char *const skip[] = { "quit", "shutdown", "restart", "exit", "logout", "echo", NULL };
	g_autoptr(GPtrArray) commands = NULL;
	Client *client;

	start();
	commands = bp_command_list();
	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];
		g_autofree char *line = NULL;

		if (g_strv_contains(skip, command->name))
			continue;
		line = g_strdup_printf("%s --help\n%s\n%s -1 \xff \"\n%s a b c d e f g\n%s * ?\n", command->name,
				       command->name, command->name, command->name, command->name);
		client = client_new("console", FALSE, BP_ADMIN);
		type(client, line);
		EXPECT(client, command->name); /* --help shows it */
		CU_ASSERT_FALSE(client->ended);
		client_free(client);
	}
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "timer* off\n");
	type(client, "echo alive\n");
	CU_ASSERT(wait_for(client, "alive"));
	client_free(client);
	stop();
}

static void test_roles(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_OBSERVER);
	type(client, "plugin load x\n");
	EXPECT(client, "is for an admin only");
	type(client, "channel list\n");
	EXPECT(client, "Channels Active:");
	type(client, "help\n");
	EXPECT_NOT(client, "plugin load");
	client_free(client);
	stop();
}

/* --- bad input --- */

static void test_bad_bytes(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	g_string_truncate(client->shown, 0);
	bp_session_receive(client->session, "echo a\0b\xff\xc3(\n", 12);
	CU_ASSERT_STRING_EQUAL(client->shown->str, "a b\xef\xbf\xbd\xef\xbf\xbd(\n");
	type(client, "echo \033[31mred\007\n");
	EXPECT_NOT(client, "\033");
	EXPECT_NOT(client, "\007");
	client_free(client);
	stop();
}

static void test_endless_line(void)
{
	g_autofree char *block = g_strnfill(65536, 'x');
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	for (guint i = 0; i < 16384 && client->session; i++)
		bp_session_receive(client->session, block, 65536);
	CU_ASSERT(client->ended);
	CU_ASSERT_EQUAL(client->why, BP_END_LIMIT);
	EXPECT(client, "longer than 65536 bytes");
	client_free(client);
	stop();
}

/* --- waiting, interrupting --- */

static void test_wait_holds_its_session_only(void)
{
	Client *one, *two;

	start();
	one = client_new("console", FALSE, BP_ADMIN);
	two = client_new("console", FALSE, BP_ADMIN);
	type(one, "wait 0.05|echo after\necho last\n");
	CU_ASSERT_STRING_EQUAL(one->shown->str, "");
	type(two, "echo meanwhile\n");
	EXPECT(two, "meanwhile");
	bp_session_receive_end(one->session); /* its end waits for what was typed */
	CU_ASSERT(wait_for(one, "last\n"));
	CU_ASSERT_STRING_EQUAL(one->shown->str, "after\nlast\n");
	CU_ASSERT(one->ended);
	client_free(one);
	client_free(two);
	stop();
}

static void test_interrupt(void)
{
	Client *client;

	start();
	client = client_new("console", TRUE, BP_ADMIN);
	type(client, "wait 1000|echo never\r");
	bp_session_receive(client->session, "echo typed ahead\r\003echo now\r", 28);
	CU_ASSERT(wait_for(client, "now"));
	EXPECT(client, "^C");
	EXPECT(client, "wait was interrupted");
	EXPECT_NOT(client, "typed ahead");
	EXPECT_NOT(client, "never\n");
	client_free(client);
	stop();
}

static void test_end_while_waiting(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "wait 1000\nloop 1 1000000 .echo {loop}\n");
	bp_session_end(client->session, BP_END_KILLED, "enough");
	EXPECT(client, "enough\n");
	CU_ASSERT(client->ended);
	client_free(client);
	stop();
}

/* Each line queued behind a command that waits is run from the loop, not by the one before it. */
static void test_many_lines_wait(void)
{
	g_autoptr(GString) lines = g_string_new("wait 0.01\n");
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	for (guint i = 0; i < 20000; i++)
		g_string_append(lines, "#\n");
	g_string_append(lines, "echo last\n");
	type(client, lines->str);
	CU_ASSERT(wait_for(client, "last\n"));
	client_free(client);
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "wait 1000\n");
	for (guint i = 0; i < 100 && client->session; i++)
		type(client, lines->str + strlen("wait 0.01\n"));
	CU_ASSERT(client->ended); /* lines cost memory even when they are empty */
	CU_ASSERT_EQUAL(client->why, BP_END_LIMIT);
	client_free(client);
	stop();
}

/* A line cut into slices does not go on because the ones behind it are given up. */
static void test_nothing_runs_at_the_end(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	bp_session_set_writable(client->session, FALSE);
	type(client, "echo first\necho second\n");
	client->session->writable = TRUE;
	bp_session_end(client->session, BP_END_KILLED, NULL);
	EXPECT_NOT(client, "first");
	client_free(client);
	stop();
}

static void test_session_ends_itself(void)
{
	Client *client;

	start();
	client = client_new("console", TRUE, BP_ADMIN);
	type(client, "exit\recho never\r");
	CU_ASSERT(client->ended);
	EXPECT(client, "Goodbye!");
	EXPECT_NOT(client, "never\r\n");
	client_free(client);
	stop();
}

/* --- a terminal --- */

static gboolean open_nothing(BpInstance *self, GError **error)
{
	return TRUE;
}

static void test_completion(void)
{
	static const BpParam params[] = {
		{ "max_connections", .type = BP_INT, .help = "how many" },
		{ NULL },
	};
	static const BpModule modules[] = {
		{ "TestModule", .help = "for completion", .params = params, .open = open_nothing },
		{ NULL },
	};
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "completion", .version = "1", .summary = "x",
					   .modules = modules };
	Client *client;

	start();
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_add(&info, NULL));
	bp_channel(bp_kernel(), "completion-test");
	client = client_new("console", TRUE, BP_ADMIN);
	type(client, "chan\t");
	EXPECT(client, "channel");
	type(client, "in\tcomple\t\r");
	EXPECT(client, "completion-test (number");
	type(client, "module open Tes\t");
	EXPECT(client, "TestModule");
	type(client, "\025");
	type(client, "module open TestModule x max_c\t");
	EXPECT(client, "max_connections=");
	client_free(client);
	stop();
}

static void test_unknown_command(void)
{
	static const char *const unknown[] = { "nosuch", "nosuch at all", "channel lst" };
	const char *suffix;
	guint used;

	start();
	MARK(suffix);
	MARK(used);
	for (gsize i = 0; i < G_N_ELEMENTS(unknown); i++) {
		g_autoptr(ParsedWords) words = parse_words(unknown[i]);
		g_autoptr(GError) error = NULL;

		CU_ASSERT_PTR_NULL(command_of_words(words, &used, &suffix, &error));
		CU_ASSERT(error && IS_MARKED(used) && IS_MARKED(suffix));
	}
	stop();
}

static void test_notify_keeps_line(void)
{
	Client *client;

	start();
	client = client_new("console", TRUE, BP_ADMIN);
	type(client, "echo typed");
	g_string_truncate(client->shown, 0);
	bp_session_notify(client->session, "in between");
	EXPECT(client, "in between\n");
	EXPECT(client, "echo typed");
	type(client, "\r");
	EXPECT(client, "typed\n");
	client_free(client);
	stop();
}

static const SuiteTest tests[] = {
	{ "basic", test_basic },
	{ "half_lines_wait", test_half_lines_wait },
	{ "failure_stops_its_line", test_failure_stops_its_line },
	{ "sentences", test_sentences },
	{ "every_command", test_every_command },
	{ "roles", test_roles },
	{ "bad_bytes", test_bad_bytes },
	{ "endless_line", test_endless_line },
	{ "wait_holds_its_session_only", test_wait_holds_its_session_only },
	{ "interrupt", test_interrupt },
	{ "end_while_waiting", test_end_while_waiting },
	{ "many_lines_wait", test_many_lines_wait },
	{ "nothing_runs_at_the_end", test_nothing_runs_at_the_end },
	{ "session_ends_itself", test_session_ends_itself },
	{ "completion", test_completion },
	{ "unknown command", test_unknown_command },
	{ "notify_keeps_line", test_notify_keeps_line },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("console", tests, argc, argv);
}
