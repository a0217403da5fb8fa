/* SPDX-License-Identifier: MIT */
/* test-commands.c - the commands for channels: who watches what, until when. */
#include <string.h>
#include <sys/stat.h>
#include <backplane/backplane.h>
#include "client.h"

static void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	load_plugin("commands");
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
}

static gboolean has_no_commands(gpointer data)
{
	return !bp_plugin_find("commands");
}

static void test_watches_end(void)
{
	Client *one, *two;
	BpChannel *channel, *sessions;

	start();
	channel = bp_channel(bp_kernel(), "uart/1");
	sessions = bp_channel(bp_kernel(), "sessions");
	one = client_new("console", FALSE, BP_ADMIN);
	two = client_new("console", FALSE, BP_ADMIN);
	type(one, "channel watch uart/1 uart/*\n");
	type(two, "channel watch uart/1 sessions\n");
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 3);
	bp_session_end(one->session, BP_END_PEER, NULL);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 1);
	EXPECT(two, "\"end\"");
	bp_session_end(two->session, BP_END_PEER, NULL);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 0);
	CU_ASSERT_EQUAL(bp_channel_stats(sessions).watchers, 0);
	client_free(one);
	client_free(two);
	one = client_new("console", FALSE, BP_ADMIN);
	type(one, "channel watch uart/1 uart/*\nchannel link uart/1 console\n");
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 3);
	bp_plugin_unload(bp_plugin_find("commands"), NULL, NULL);
	CU_ASSERT(suite_wait_until(has_no_commands, NULL, 10));
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 0);
	CU_ASSERT_EQUAL(bp_channel_stats(sessions).watchers, 0);
	type(one, "channel list\nplugin load nothing\n");
	EXPECT(one, "not a registered command");
	EXPECT(one, "there is no plugin nothing");
	load_plugin("commands");
	type(one, "channel list\n");
	EXPECT(one, "uart/1");
	client_free(one);
	stop();
}

static void test_channel_watch(void)
{
	Client *client;
	BpChannel *channel;

	start();
	channel = bp_channel(bp_kernel(), "uart/1");
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "channel watch uart/*\nchannel watch -f later\n");
	EXPECT(client, "Watching Channel: uart/*");
	bp_channel_print(channel, "hello\r\n");
	bp_channel_send_bytes(channel, "\x01\xff", 2);
	EXPECT(client, "uart/1: hello\n");
	EXPECT(client, "uart/1: 01 ff  (2 bytes)\n");
	type(client, "channel list uart/*\nchannel send later hi there\nchannel unwatch uart/*\n");
	EXPECT(client, "* ");
	EXPECT(client, "later: hi there");
	EXPECT(client, "No Longer Watching Channel: uart/*");
	type(client, "channel close uart/1\n");
	EXPECT(client, "Channel uart/1 is not opened.");
	client_free(client);
	stop();
}

static void on_linked(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_string_append(data, bp_message_data(message));
}

static void test_channel_link(void)
{
	g_autoptr(GString) heard = g_string_new(NULL);
	Client *client;
	BpChannel *from, *to;

	start();
	from = bp_channel(bp_kernel(), "from");
	to = bp_channel(bp_kernel(), "to");
	bp_channel_watch(bp_kernel(), to, on_linked, heard, NULL);
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "channel link from to\nchannel link from to\nchannel info from\n");
	EXPECT(client, "What is said on from goes to to too.");
	EXPECT(client, "linked to  to\n");
	bp_channel_print(from, "one");
	CU_ASSERT_STRING_EQUAL(heard->str, "one");
	type(client, "channel link to from\n");
	EXPECT(client, "and the link would close a loop");
	type(client, "channel link from nowhere\n");
	EXPECT(client, "There is no channel named 'nowhere'");
	type(client, "channel unlink from to\nchannel unlink from to\n");
	EXPECT(client, "goes to to no longer");
	EXPECT(client, "from is not linked to to");
	bp_channel_print(from, "two");
	CU_ASSERT_STRING_EQUAL(heard->str, "one");
	type(client, "channel link -f from later\nchannel print from\nchannel info from\n");
	EXPECT(client, "linked to  later\n");
	EXPECT(client, "linked to  console\n");
	client_free(client);
	stop();
	start();
	client = client_new("console", FALSE, BP_ADMIN);
	type(client, "channel link -f from later\nchannel unlink from later\n");
	EXPECT(client, "goes to later no longer");
	client_free(client);
	stop();
}

/* A session that watches what it is shown is refused; two that watch each other end by themselves. */
static void test_watching_each_other(void)
{
	g_autofree char *own = NULL, *first = NULL, *second = NULL;
	Client *one, *two;
	gsize size;

	start();
	one = client_new("console", FALSE, BP_ADMIN);
	two = client_new("console", FALSE, BP_ADMIN);
	own = g_strdup_printf("channel watch session/%u/send\n", one->session->id);
	type(one, own);
	EXPECT(one, "Infinite Loop Error.");
	/* A glob that matches it leaves it out. */
	type(one, "channel watch session/*\necho once\n");
	g_free(own);
	own = g_strdup_printf("Watching Channel: session/*\nsession/%u/recv: echo once\nonce\n", one->session->id);
	CU_ASSERT_STRING_EQUAL(one->shown->str, own);
	g_free(own);
	own = g_strdup_printf("channel watch session/%u/send\n", one->session->id);
	type(one, "channel unwatch\n");
	first = g_strdup_printf("channel watch session/%u/send\n", two->session->id);
	type(one, first);
	type(two, own);
	type(one, "echo boom\n");
	while (g_main_context_iteration(NULL, FALSE))
		;
	size = one->shown->len + two->shown->len;
	CU_ASSERT(size < 1024 * 1024);
	type(one, "echo alive\n");
	EXPECT(one, "alive");
	client_free(one);
	client_free(two);
	stop();
}

static void on_shown(BpPlugin *self, BpMessage *message, gpointer data)
{
	if (strstr(bp_message_data(message), "the end"))
		bp_session_end(((Client *)data)->session, BP_END_KILLED, NULL);
}

/* What is kept of a channel is shown at once, and that ends the session. */
static void test_ended_by_what_was_kept(void)
{
	static const BpChannelOptions kept = { .replay = 10 };
	BpChannel *channel;
	Client *client, *other;

	start();
	channel = bp_channel(bp_kernel(), "kept");
	bp_channel_set_options(channel, &kept);
	bp_channel_print(channel, "the end");
	bp_channel_print(channel, "and more");
	other = client_new("console", FALSE, BP_ADMIN);
	client = client_new("console", FALSE, BP_ADMIN);
	bp_channel_watch(bp_kernel(), client->session->send, on_shown, client, NULL);
	type(client, "channel watch kept\n");
	CU_ASSERT(client->ended);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 0);
	client_free(client);
	type(other, "channel watch kept\n");
	EXPECT(other, "and more");
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 1);
	client_free(other);
	stop();
}

static void test_channel_save(void)
{
	g_autofree char *file = g_build_filename(suite_folder(), "saved.txt", NULL);
	g_autofree char *line = g_strdup_printf("channel save x -f %s --rotate 20\n", file);
	g_autofree char *old = g_strconcat(file, ".1", NULL);
	g_autofree char *text = NULL, *before = NULL;
	BpChannel *channel;
	Client *client;

	start();
	load_plugin("save");
	channel = bp_channel(bp_kernel(), "x");
	client = client_new("console", FALSE, BP_ADMIN);
	type_out(client, line);
	EXPECT(client, "Recording Channel: x to file");
	bp_channel_print(channel, "0123456789");
	bp_channel_print(channel, "abcdefghij");
	type_out(client, "channel save\n");
	EXPECT(client, "saved.txt");
	type_out(client, "channel save x --stop\nchannel save x --stop\n");
	EXPECT(client, "No longer recording Channel: x");
	EXPECT(client, "is not recorded");
	CU_ASSERT_FATAL(g_file_get_contents(file, &text, NULL, NULL) && g_file_get_contents(old, &before, NULL, NULL));
	CU_ASSERT_STRING_EQUAL(text, "abcdefghij\r\n");
	CU_ASSERT_STRING_EQUAL(before, "0123456789\r\n");
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 0);
	client_free(client);
	stop();
}

/* What cannot be a file is refused with a sentence; the kept messages of the channel are given before that is known. */
static void test_channel_save_refuses(void)
{
	static const BpChannelOptions kept = { .replay = 10 };
	static const char *const cases[][2] = {
		{ "/no/such/folder/file", "No such file or directory" },
		{ "/dev/full", "it is not a file but a device" },
		{ "/dev/ptmx", "it is not a file but a device" },
		{ "/tmp", "it is not a file but a folder" },
	};
	g_autofree char *fifo = g_build_filename(suite_folder(), "fifo", NULL);
	g_autofree char *pipe = g_strdup_printf("channel save kept -f %s\necho goes on\n", fifo);
	BpChannel *channel;
	Client *client;

	start();
	load_plugin("save");
	channel = bp_channel(bp_kernel(), "kept");
	bp_channel_set_options(channel, &kept);
	bp_channel_print(channel, "already there");
	client = client_new("console", FALSE, BP_ADMIN);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *line = g_strdup_printf("channel save kept -f %s\n", cases[i][0]);

		type_out(client, line);
		EXPECT(client, cases[i][1]);
	}
	CU_ASSERT_FATAL(!mkfifo(fifo, 0600));
	type_out(client, pipe);
	EXPECT(client, "it is not a file but a FIFO");
	EXPECT(client, "goes on\n");
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 0);
	client_free(client);
	stop();
}

static const SuiteTest tests[] = {
	{ "channel_link", test_channel_link },
	{ "channel_watch", test_channel_watch },
	{ "watches_end", test_watches_end },
	{ "watching_each_other", test_watching_each_other },
	{ "ended_by_what_was_kept", test_ended_by_what_was_kept },
	{ "channel_save", test_channel_save },
	{ "channel_save_refuses", test_channel_save_refuses },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("commands", tests, argc, argv);
}
