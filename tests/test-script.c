/* SPDX-License-Identifier: MIT */
/* test-script.c - commands that run commands: alias, loop, execute, timer, batch. */
#include <sys/stat.h>
#include "client.h"

static void start_in(const char *state)
{
	BpKernelOptions options = { .state_dir = state };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	load_plugin("commands");
	load_plugin("automation");
}

static void start(void)
{
	start_in(NULL);
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static void test_alias(void)
{
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "alias Pair .echo a;.echo b\npair|echo c\n");
	CU_ASSERT(wait_for(client, "c\n"));
	CU_ASSERT_STRING_EQUAL(client->shown->str, "a\nb\nc\n");
	type(client, "alias again again\nagain\necho survived\n");
	CU_ASSERT(wait_for(client, "survived"));
	EXPECT(client, "more than 16 deep");
	type(client, "alias echo version\necho x\nalias echo\necho x\n");
	CU_ASSERT(wait_for(client, "x\n"));
	client_free(client);
	stop();
}

/* loop 1 1 .echo {(((1)))} */
static char *nested_loop(guint depth)
{
	g_autofree char *open = g_strnfill(depth, '('), *close = g_strnfill(depth, ')');

	return g_strdup_printf("loop 1 1 .echo {%s1%s}\n", open, close);
}

static void test_loop(void)
{
	g_autofree char *deep = NULL;
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "loop 1 2 .echo {loop} {loop*2+1} {2**loop} {(loop+1)//2} {nope} {1/0}\n");
	CU_ASSERT(wait_for(client, "{1/0}\n2 5"));
	EXPECT(client, "1 3 2 1 {nope} {1/0}\n2 5 4 1 {nope} {1/0}\n");
	deep = nested_loop(32000);
	type(client, deep);
	CU_ASSERT(wait_for(client, "1)"));
	EXPECT(client, "{((("); /* it cannot be worked out, so it stays */
	/* Not `type`, which waits for its end. */
	bp_session_receive(client->session, "loop 1 200000 .echo {loop}\n", 27);
	bp_session_interrupt(client->session);
	CU_ASSERT(wait_for(client, "loop was interrupted"));
	client_free(client);
	stop();
}

static void test_execute(void)
{
	g_autofree char *file = suite_file("script", "# comment\n\n.echo one\nnosuch\n.echo two\n");
	g_autofree char *line = g_strdup_printf("execute %s|echo not reached\necho end\n", file);
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, line);
	CU_ASSERT(wait_for(client, "end\n"));
	EXPECT(client, "one\n");
	EXPECT(client, "two\n");
	EXPECT(client, "1 of its commands failed");
	EXPECT_NOT(client, "not reached");
	client_free(client);
	stop();
}

static void test_execute_what_is_no_script(void)
{
	g_autofree char *empty = suite_file("empty", ""), *self = g_build_filename(suite_folder(), "itself", NULL);
	g_autofree char *fifo = g_build_filename(suite_folder(), "fifo", NULL),
			*again = g_strdup_printf("execute %s\n", self);
	g_autofree char *lines = g_strdup_printf(
		"execute %s\necho one\nexecute %s\nexecute /dev/zero\nexecute /tmp\necho two\n", empty, fifo);
	Client *client;

	CU_ASSERT_FATAL(!mkfifo(fifo, 0600) && g_file_set_contents(self, again, -1, NULL));
	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type_out(client, lines);
	EXPECT(client, "one\n");
	EXPECT(client, "it is not a file but a FIFO");
	EXPECT(client, "/dev/zero: it is not a file but a device");
	EXPECT(client, "/tmp: it is not a file but a folder");
	EXPECT(client, "two\n");
	CU_ASSERT_EQUAL(client->session->failed, 3);
	type_out(client, again);
	EXPECT(client, "more than 16 deep");
	client_free(client);
	stop();
}

static void test_timer(void)
{
	Client *client;
	BpChannel *console;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	console = bp_channel(bp_kernel(), "console");
	type(client, "channel watch log\ntimerfoo 2 0.01 .channel send ticks {index} of {remaining}\ntimer\n");
	EXPECT(client, "1: timerfoo \".channel send ticks {index} of {remaining}\" 0/2 times, each 0.0 seconds");
	bp_channel_link(bp_kernel(), bp_channel(bp_kernel(), "ticks"), console, NULL);
	type(client, "channel print ticks -c\nchannel watch ticks\n");
	CU_ASSERT(wait_for(client, "ticks: 2 of 0"));
	EXPECT(client, "ticks: 1 of 1");
	type(client, "timerbar 0 1 echo x\ntimerbar off\ntimer* off\n");
	EXPECT(client, "Timer 'bar' canceled.");
	EXPECT(client, "No timers canceled.");
	client_free(client);
	stop();
}

static void test_batch_lasts(void)
{
	g_autofree char *state = g_build_filename(suite_folder(), "state", NULL);
	Client *client;

	start_in(state);
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "batch add echo a;b\nbatch add -i 1 echo first\nbatch disable 2\nbatch\n");
	EXPECT(client, "1 - cmd: echo first\n2 - cmd: echo a;b (disabled)");
	client_free(client);
	stop();
	start_in(state);
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "batch\n");
	EXPECT(client, "2 - cmd: echo a;b (disabled)");
	type(client, "batch remove 3\n");
	EXPECT(client, "Index out of bounds (1-2)");
	type(client, "batch remove 1\nbatch remove 1\n");
	client_free(client);
	stop();
}

/* The plugin of the command that runs them goes while they run: the command ends, they go on. */
static void test_its_plugin_goes(void)
{
	g_autofree char *script = suite_file("goes.txt", "echo before\nplugin reload commands\n.echo after\n");
	g_autofree char *line = g_strdup_printf("execute %s\n", script);
	Client *client;

	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, line);
	CU_ASSERT(wait_for(client, "after\n"));
	EXPECT(client, "execute was ended: its plugin was unloaded");
	EXPECT(client, "Reloaded commands");
	type(client, "alias both plugin reload commands;.echo last\nboth\n");
	CU_ASSERT(wait_for(client, "last\n"));
	type_out(client, "echo good\n");
	EXPECT(client, "good");
	client_free(client);
	stop();
}

static const SuiteTest tests[] = {
	{ "alias", test_alias },
	{ "loop", test_loop },
	{ "execute", test_execute },
	{ "its_plugin_goes", test_its_plugin_goes },
	{ "execute_what_is_no_script", test_execute_what_is_no_script },
	{ "timer", test_timer },
	{ "batch_lasts", test_batch_lasts },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("script", tests, argc, argv);
}
