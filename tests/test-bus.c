/* SPDX-License-Identifier: MIT */
/* test-bus.c - messages, channels, watches. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/bytes.h>
#include <backplane/kernel.h>
#include "suite.h"

static GString *heard;
static BpPlugin *self;

static void note(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	if (data)
		g_string_append_printf(heard, "%s:", (const char *)data);
	g_string_append_len(heard, bp_message_data(message), (gssize)bp_message_size(message));
	g_string_append_c(heard, ' ');
}

static void expect(const char *what)
{
	CU_ASSERT_STRING_EQUAL(heard->str, what);
	if (strcmp(heard->str, what))
		g_printerr("heard \"%s\", not \"%s\"\n", heard->str, what);
	g_string_truncate(heard, 0);
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void start(void)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	heard = g_string_new(NULL);
	self = bp_kernel();
}

static void stop(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	g_string_free(heard, TRUE);
}

/* --- messages --- */

static void test_message(void)
{
	char *origin = g_ref_string_new("somebody");
	BpMessage *message;

	start();
	message = bp_message_new("a\0b", 3, BP_BINARY);
	bp_message_set_origin(message, origin);
	g_ref_string_release(origin);
	CU_ASSERT_EQUAL(bp_message_size(message), 3);
	CU_ASSERT(!memcmp(bp_message_data(message), "a\0b\0", 4));
	CU_ASSERT_STRING_EQUAL(bp_message_origin(message), "somebody");
	CU_ASSERT(ABS(bp_message_time(message) - g_get_real_time()) < 10 * G_USEC_PER_SEC);
	CU_ASSERT(bp_message_ref(message) == message);
	bp_message_unref(message);
	bp_message_unref(message);
	message = bp_message_printf("%0300d|%s", 7, "end");
	CU_ASSERT_EQUAL(bp_message_size(message), 304);
	CU_ASSERT_STRING_EQUAL((const char *)bp_message_data(message) + 299, "7|end");
	CU_ASSERT(bp_message_flags(message) & BP_TEXT);
	bp_message_unref(message);
	stop();
}

static void test_reply(void)
{
	BpChannel *answers;
	BpMessage *message;

	start();
	answers = bp_channel(self, "answers");
	bp_channel_watch(self, answers, note, NULL, NULL);
	message = bp_message_new("?", 1, BP_TEXT);
	CU_ASSERT_NOT_EQUAL(bp_message_reply(message, "x", 1), BP_SENT);
	bp_message_set_reply_channel(message, answers);
	CU_ASSERT(bp_message_reply(message, "yes", 3) == BP_SENT);
	bp_message_unref(message);
	expect("yes ");
	stop();
}

/* --- channels --- */

static void test_names(void)
{
	g_autofree char *longest = g_strnfill(255, 'x'), *longer = g_strnfill(256, 'x');
	static const char *const bad[] = { "", "a b", "a\n", "a*", "b?", "[x]", "\xff", "tab\t", NULL };

	start();
	for (const char *const *name = bad; *name; name++)
		CU_ASSERT_FALSE(bp_channel_check_name(*name, NULL));
	CU_ASSERT_FALSE(bp_channel_check_name(longer, NULL));
	CU_ASSERT(bp_channel_check_name(longest, NULL));
	CU_ASSERT(bp_channel_check_name("uart0/recv", NULL));
	CU_ASSERT(bp_channel_check_name("Gerät/ä", NULL));
	stop();
}

static void test_lifetime(void)
{
	BpChannel *first, *second, *found;
	BpWatch *watch;

	start();
	CU_ASSERT_PTR_NULL(bp_channel_find("x"));
	first = bp_channel(self, "x");
	second = bp_channel(self, "x");
	CU_ASSERT_PTR_EQUAL(first, second);
	bp_channel_release(self, first);
	found = bp_channel_find("x");
	CU_ASSERT_PTR_EQUAL(found, first);
	watch = bp_channel_watch(self, first, note, NULL, NULL);
	bp_channel_release(self, first);
	CU_ASSERT_PTR_NOT_NULL(found);
	bp_channel_print(found, "still"); /* the watch keeps it */
	expect("still ");
	bp_watch_remove(watch);
	CU_ASSERT_PTR_NULL(bp_channel_find("x"));
	bp_channel_print(found, "gone"); /* a reference keeps the memory */
	expect("");
	bp_channel_unref(found);
	stop();
}

static void test_watch_twice(void)
{
	BpChannel *channel;
	BpWatch *watch;

	start();
	channel = bp_channel(self, "x");
	watch = bp_channel_watch(self, channel, note, "a", NULL);
	CU_ASSERT_PTR_EQUAL(bp_channel_watch(self, channel, note, "a", NULL), watch);
	CU_ASSERT_PTR_NOT_EQUAL(bp_channel_watch(self, channel, note, "b", NULL), watch);
	bp_channel_print(channel, "1");
	expect("a:1 b:1 ");
	CU_ASSERT_EQUAL(bp_channel_stats(channel).watchers, 2);
	bp_watch_remove(watch);
	bp_channel_print(channel, "2");
	expect("b:2 ");
	stop();
}

static void count_destroy(gpointer data)
{
	(*(guint *)data)++;
}

static void ignore(BpPlugin *plugin, BpMessage *message, gpointer data)
{
}

static void test_destroy(void)
{
	guint destroyed = 0;
	BpWatch *watch;

	start();
	watch = bp_channel_watch(self, bp_channel(self, "x"), ignore, &destroyed, count_destroy);
	bp_watch_remove(watch);
	CU_ASSERT_EQUAL(destroyed, 1);
	bp_channel_watch(self, bp_channel(self, "y"), ignore, &destroyed, count_destroy);
	bp_channel_watch_glob(self, "z*", (BpGlobFunc)(void (*)(void))ignore, &destroyed, count_destroy);
	stop();
	CU_ASSERT_EQUAL(destroyed, 3);
}

/* --- changes while a message is being delivered --- */

static BpWatch *watches[4];
static BpChannel *busy;

static void remove_self(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	note(plugin, message, "self");
	bp_watch_remove(watches[0]);
}

static void remove_next(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	note(plugin, message, "next");
	if (watches[2])
		bp_watch_remove(watches[2]);
	watches[2] = NULL;
}

static void add_more(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	note(plugin, message, "add");
	bp_channel_watch(plugin, busy, note, "new", NULL);
}

static void test_change_while_sending(void)
{
	start();
	busy = bp_channel(self, "busy");
	watches[0] = bp_channel_watch(self, busy, remove_self, NULL, NULL);
	watches[1] = bp_channel_watch(self, busy, remove_next, NULL, NULL);
	watches[2] = bp_channel_watch(self, busy, note, "victim", NULL);
	watches[3] = bp_channel_watch(self, busy, add_more, NULL, NULL);
	bp_channel_watch(self, busy, note, "last", NULL);
	bp_channel_print(busy, "1");
	expect("self:1 next:1 add:1 last:1 ");
	bp_channel_print(busy, "2");
	expect("next:2 add:2 last:2 new:2 ");
	stop();
}

static void say_again(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	note(plugin, message, "first");
	if (!strcmp(bp_message_data(message), "1")) {
		bp_channel_print(busy, "2");
		bp_channel_print(busy, "3");
	}
}

/* Everybody hears 1, 2, 3 in that order, also what is sent right after. */
static void test_send_while_sending(void)
{
	start();
	busy = bp_channel(self, "busy");
	bp_channel_watch(self, busy, say_again, NULL, NULL);
	bp_channel_watch(self, busy, note, "second", NULL);
	bp_channel_print(busy, "1");
	expect("first:1 second:1 ");
	bp_channel_print(busy, "4");
	turn();
	expect("first:2 second:2 first:3 second:3 first:4 second:4 ");
	stop();
}

static void echo(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	g_string_append_c(heard, '.');
	bp_channel_send_bytes(data, "again", 5);
}

static void test_feedback_ends(void)
{
	BpChannel *ping, *pong;

	start();
	ping = bp_channel(self, "ping");
	pong = bp_channel(self, "pong");
	bp_channel_watch(self, ping, echo, pong, NULL);
	bp_channel_watch(self, pong, echo, ping, NULL);
	bp_channel_print(ping, "go");
	turn();
	CU_ASSERT_EQUAL(heard->len, BP_MAX_HOPS + 1);
	CU_ASSERT_EQUAL(bp_channel_stats(ping).drops + bp_channel_stats(pong).drops, 1);
	stop();
}

static void test_log_channel(void)
{
	BpChannelOptions options = { .log = TRUE };

	start();
	busy = bp_channel(self, "busy");
	bp_channel_set_options(busy, &options);
	bp_channel_watch(self, busy, say_again, NULL, NULL);
	bp_channel_print(busy, "1");
	turn();
	expect("first:1 ");
	stop();
}

static void tell_other(BpPlugin *plugin, BpMessage *message, gpointer other)
{
	note(plugin, message, "log");
	bp_channel_print(other, "of the log");
}

static void tell_busy(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	bp_channel_print(busy, bp_message_data(message));
}

/* Also when it comes back over another channel, after the log has been delivered. */
static void test_log_channel_in_a_circle(void)
{
	BpChannelOptions options = { .log = TRUE };
	BpChannel *other;

	start();
	busy = bp_channel(self, "busy");
	other = bp_channel(self, "other");
	bp_channel_set_options(busy, &options);
	bp_channel_watch(self, busy, tell_other, other, NULL);
	bp_channel_watch(self, other, tell_busy, NULL, NULL);
	bp_channel_print(other, "1");
	turn();
	expect("log:1 ");
	stop();
}

/* --- options --- */

static void test_formats(void)
{
	BpChannel *channel;
	BpChannelOptions options = { .line_end = "\r\n", .indent = 4 };
	g_autoptr(BpMessage) binary = NULL;

	start();
	channel = bp_channel(self, "x");
	bp_channel_watch(self, channel, note, NULL, NULL);
	bp_channel_set_options(channel, &options);
	bp_channel_print(channel, "one\ntwo");
	expect("    one\n    two\r\n ");
	binary = bp_message_new("raw", 3, BP_BINARY);
	bp_channel_send(channel, binary);
	expect("raw ");
	bp_channel_send_take(channel, bp_message_new("left", 4, BP_TEXT | BP_FLUSH_LEFT));
	expect("left\r\n ");
	options.pure = TRUE;
	bp_channel_set_options(channel, &options);
	bp_channel_print(channel, "pure");
	expect("pure ");
	options = (BpChannelOptions){ .timestamp = TRUE };
	bp_channel_set_options(channel, &options);
	bp_channel_print(channel, "now\nthen");
	CU_ASSERT_EQUAL(heard->len, strlen("[00:00:00] now\n[00:00:00] then "));
	CU_ASSERT(heard->str[0] == '[' && heard->str[9] == ']' && heard->str[15] == '[');
	stop();
}

static void test_greet_and_replay(void)
{
	BpChannel *channel;
	BpChannelOptions options = { .greet = "welcome", .replay = 2, .line_end = "!" };
	g_autoptr(GPtrArray) kept = NULL;

	start();
	channel = bp_channel(self, "x");
	bp_channel_set_options(channel, &options);
	CU_ASSERT(bp_channel_is_watched(channel)); /* somebody may come and want it */
	bp_channel_print(channel, "1");
	bp_channel_print(channel, "2");
	bp_channel_print(channel, "3");
	bp_channel_watch(self, channel, note, NULL, NULL);
	expect("welcome 2! 3! ");
	bp_channel_print(channel, "4");
	expect("4! ");
	kept = bp_channel_replay(channel);
	CU_ASSERT_EQUAL(kept->len, 2);
	CU_ASSERT_STRING_EQUAL(bp_message_data(kept->pdata[1]), "4!");
	options.replay = 0;
	bp_channel_set_options(channel, &options);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).messages, 4);
	stop();
}

/* It is counted, and nothing is formatted or kept. */
static void test_unwatched_is_counted(void)
{
	BpChannelStats stats;
	BpChannel *channel;

	start();
	channel = bp_channel(self, "x");
	CU_ASSERT_FALSE(bp_channel_is_watched(channel));
	bp_channel_printf(channel, "%s", "nobody hears");
	stats = bp_channel_stats(channel);
	CU_ASSERT_EQUAL(stats.messages, 1);
	CU_ASSERT_EQUAL(stats.watchers, 0);
	bp_channel_send_bytes(channel, "G1 X2\n", 6);
	stats = bp_channel_stats(channel);
	CU_ASSERT_EQUAL(stats.messages, 2);
	CU_ASSERT_STRING_EQUAL(stats.head, "G1 X2\n");
	bp_channel_note(channel, NULL, 0);
	CU_ASSERT_EQUAL(bp_channel_stats(channel).messages, 3);
	stop();
}

static void remove_all(BpPlugin *plugin, BpMessage *message, gpointer data)
{
	note(plugin, message, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(watches); i++)
		if (watches[i])
			bp_watch_remove(g_steal_pointer(&watches[i]));
	bp_channel_release(self, busy);
}

/* The one that is called goes too, and the channel with it. */
static void test_all_removed_while_sending(void)
{
	start();
	busy = bp_channel(self, "busy");
	for (guint i = 0; i < G_N_ELEMENTS(watches); i++)
		watches[i] = bp_channel_watch(self, busy, remove_all, GUINT_TO_POINTER(i), NULL);
	bp_channel_print(busy, "1");
	expect("1 ");
	CU_ASSERT_PTR_NULL(bp_channel_find("busy"));
	stop();
}

static void test_list(void)
{
	g_autoptr(GPtrArray) list = NULL;

	start();
	bp_channel(self, "b");
	bp_channel(self, "a");
	bp_channel(self, "b");
	list = bp_channel_list("?");
	CU_ASSERT_EQUAL_FATAL(list->len, 2);
	CU_ASSERT_STRING_EQUAL(bp_channel_name(list->pdata[0]), "b");
	CU_ASSERT(bp_channel_number(list->pdata[0]) < bp_channel_number(list->pdata[1]));
	stop();
}

static void leave(BpPlugin *plugin, BpMessage *message, gpointer channel)
{
	note(plugin, message, NULL);
	bp_watch_remove(bp_channel_watch(plugin, channel, leave, channel, NULL));
}

static void test_watch_removed_by_greeting(void)
{
	BpChannelOptions options = { .greet = "welcome", .replay = 2 };
	BpChannel *channel;

	start();
	channel = bp_channel(self, "greets");
	bp_channel_set_options(channel, &options);
	bp_channel_print(channel, "kept");
	CU_ASSERT_PTR_NULL(bp_channel_watch(self, channel, leave, channel, NULL));
	expect("welcome ");
	bp_channel_print(channel, "unheard");
	expect("");
	stop();
}

static void test_bytes_from_hex(void)
{
	g_autofree char *hex = NULL;
	static const char *const bad[] = { "f", "ff 0", "0x31", "ff gg", "\xff", "00 0:" };
	g_autofree guint8 *bytes = NULL;
	gsize size;

	MARK(size);
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		CU_ASSERT_PTR_NULL(bp_bytes_from_hex(bad[i], &size, &error));
		CU_ASSERT(error && IS_MARKED(size));
	}
	bytes = bp_bytes_from_hex("ff 0A:31", &size, NULL);
	CU_ASSERT(bytes && size == 3 && memcmp(bytes, "\xff\n1", 3) == 0);
	hex = bp_bytes_to_hex(bytes, size);
	CU_ASSERT_STRING_EQUAL(hex, "ff0a31");
}

static const SuiteTest tests[] = {
	{ "message", test_message },
	{ "bytes_from_hex", test_bytes_from_hex },
	{ "reply", test_reply },
	{ "names", test_names },
	{ "lifetime", test_lifetime },
	{ "watch_twice", test_watch_twice },
	{ "destroy", test_destroy },
	{ "change_while_sending", test_change_while_sending },
	{ "send_while_sending", test_send_while_sending },
	{ "feedback_ends", test_feedback_ends },
	{ "log_channel", test_log_channel },
	{ "log_channel_in_a_circle", test_log_channel_in_a_circle },
	{ "formats", test_formats },
	{ "greet_and_replay", test_greet_and_replay },
	{ "unwatched_is_counted", test_unwatched_is_counted },
	{ "all_removed_while_sending", test_all_removed_while_sending },
	{ "list", test_list },
	{ "watch_removed_by_greeting", test_watch_removed_by_greeting },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("bus", tests, argc, argv);
}
