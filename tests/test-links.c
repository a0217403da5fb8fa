/* SPDX-License-Identifier: MIT */
/* test-links.c - links between channels and glob watches: one of each, no cycles, changes while a message is delivered. */
#include <string.h>
#include <backplane/backplane.h>
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

static BpChannel *busy;

/* --- links --- */

static void test_links(void)
{
	BpChannel *a, *b, *c;
	BpChannelOptions options = { .indent = 2 };
	g_autoptr(GError) error = NULL;
	BpWatch *link;

	start();
	a = bp_channel(self, "a");
	b = bp_channel(self, "b");
	c = bp_channel(self, "c");
	link = bp_channel_link(self, a, b, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(link);
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, b, c, &error));
	CU_ASSERT_PTR_NULL(bp_channel_link(self, c, a, &error));
	CU_ASSERT(g_error_matches(error, BP_BUS_ERROR, BP_INVALID));
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_channel_link(self, a, a, &error));
	bp_channel_set_options(b, &options); /* each formats for itself */
	bp_channel_watch(self, b, note, "b", NULL);
	bp_channel_watch(self, c, note, "c", NULL);
	bp_channel_print(a, "x");
	expect("c:x b:  x ");
	bp_watch_remove(link);
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, c, a, NULL));
	bp_channel_print(a, "y");
	expect("");
	stop();
}

static void test_link_twice(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "other" };
	BpChannelOptions options = { .greet = "welcome" };
	BpChannel *a, *b;
	BpPlugin *other;
	BpWatch *first, *second;

	start();
	other = bp_plugin_add(&info, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	a = bp_channel(self, "a");
	b = bp_channel(self, "b");
	bp_channel_set_options(a, &options);
	bp_channel_watch(self, b, note, NULL, NULL);
	first = bp_channel_link(self, a, b, NULL);
	expect("welcome ");
	CU_ASSERT_PTR_EQUAL(bp_channel_link(self, a, b, NULL), first);
	second = bp_channel_link(other, a, b, NULL);
	CU_ASSERT(second && second != first);
	CU_ASSERT_EQUAL(bp_channel_stats(a).watchers, 1);
	bp_channel_print(a, "1");
	expect("1 ");
	bp_watch_remove(first); /* the other owner's passes on what is sent now */
	CU_ASSERT_EQUAL(bp_channel_stats(a).watchers, 1);
	CU_ASSERT_PTR_NULL(bp_channel_link(self, b, a, NULL));
	bp_channel_print(a, "2");
	expect("2 ");
	first = bp_channel_link(self, a, b, NULL);
	bp_watch_remove(first); /* one that stood by */
	bp_channel_print(a, "3");
	expect("3 ");
	bp_watch_remove(second);
	CU_ASSERT_FALSE(bp_channel_is_watched(a));
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, b, a, NULL));
	stop();
}

static BpChannel *numbered(const char *name, guint number)
{
	g_autofree char *text = g_strdup_printf("%s%u", name, number);

	return bp_channel(self, text);
}

/* There are 2^30 ways through it. */
static void test_ladder_of_links(void)
{
	enum { DIAMONDS = 30 };

	start();
	for (guint i = 0; i < DIAMONDS; i++) {
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("joint", i), numbered("left", i), NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("joint", i), numbered("right", i), NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("left", i), numbered("joint", i + 1), NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("right", i), numbered("joint", i + 1), NULL));
	}
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("before", 0), numbered("joint", 0), NULL));
	CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("joint", DIAMONDS), numbered("behind", 0), NULL));
	CU_ASSERT_PTR_NULL(bp_channel_link(self, numbered("behind", 0), numbered("before", 0), NULL));
	CU_ASSERT_PTR_NULL(bp_channel_link(self, numbered("joint", DIAMONDS), numbered("joint", 0), NULL));
	stop();
}

/* Chains that grow at their front and at their end, and channels that have all the others as neighbours: were each
 * link to cost as much as there are already, this would not end within the limit of a test. */
static void test_many_links(void)
{
	enum { MANY = 50000 };

	start();
	for (guint i = 0; i < MANY; i++) {
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("back", i + 1), numbered("back", i), NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("on", i), numbered("on", i + 1), NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("in", i), numbered("hub", 0), NULL));
		CU_ASSERT_PTR_NOT_NULL(bp_channel_link(self, numbered("hub", 0), numbered("out", i), NULL));
	}
	CU_ASSERT_PTR_NULL(bp_channel_link(self, numbered("back", 0), numbered("back", MANY), NULL));
	CU_ASSERT_PTR_NULL(bp_channel_link(self, numbered("on", MANY), numbered("on", 0), NULL));
	CU_ASSERT_PTR_NULL(bp_channel_link(self, numbered("out", 1), numbered("in", 2), NULL));
	stop();
}

/* --- globs --- */

static void note_glob(BpPlugin *plugin, BpChannel *channel, BpMessage *message, gpointer data)
{
	g_string_append_printf(heard, "%s=%s ", bp_channel_name(channel), (const char *)bp_message_data(message));
}

static void test_globs(void)
{
	BpWatch *glob;
	BpChannel *one, *two;

	start();
	one = bp_channel(self, "uart/1");
	glob = bp_channel_watch_glob(self, "uart/*", note_glob, NULL, NULL);
	two = bp_channel(self, "uart/2");
	bp_channel_print(one, "a");
	bp_channel_print(two, "b");
	bp_channel_print(bp_channel(self, "other"), "c");
	expect("uart/1=a uart/2=b ");
	bp_channel_release(self, two); /* a glob does not keep a channel */
	CU_ASSERT_PTR_NULL(bp_channel_find("uart/2"));
	two = bp_channel(self, "uart/2");
	bp_channel_print(two, "again");
	expect("uart/2=again ");
	bp_watch_remove(glob);
	bp_channel_print(one, "d");
	expect("");
	CU_ASSERT_EQUAL(bp_channel_stats(one).watchers, 0);
	stop();
}

/* --- glob watches that change while they are called --- */

static BpWatch *glob_watches[3];

static void remove_own_glob(BpPlugin *plugin, BpChannel *channel, BpMessage *message, gpointer data)
{
	note_glob(plugin, channel, message, data);
	bp_watch_remove(glob_watches[0]);
}

static void remove_next_glob(BpPlugin *plugin, BpChannel *channel, BpMessage *message, gpointer data)
{
	note_glob(plugin, channel, message, data);
	if (glob_watches[2])
		bp_watch_remove(g_steal_pointer(&glob_watches[2]));
}

static void end_channel(BpPlugin *plugin, BpChannel *channel, BpMessage *message, gpointer data)
{
	note_glob(plugin, channel, message, data);
	bp_channel_release(self, channel); /* all bindings go in the middle of the walk */
	bp_channel(self, "g/new");
}

static void never(BpPlugin *plugin, BpChannel *channel, BpMessage *message, gpointer data)
{
	g_string_append(heard, "never ");
}

static void test_globs_change_while_sending(void)
{
	start();
	busy = bp_channel(self, "g/busy");
	glob_watches[0] = bp_channel_watch_glob(self, "g/*", remove_own_glob, NULL, NULL);
	glob_watches[1] = bp_channel_watch_glob(self, "g/b*", remove_next_glob, NULL, NULL);
	glob_watches[2] = bp_channel_watch_glob(self, "*", never, NULL, NULL);
	bp_channel_print(busy, "1");
	expect("g/busy=1 g/busy=1 ");
	CU_ASSERT_EQUAL(bp_channel_stats(busy).watchers, 1);
	bp_channel_watch_glob(self, "g/??*", end_channel, NULL, NULL);
	bp_channel_watch_glob(self, "g/bus?", never, NULL, NULL);
	bp_channel_print(busy, "2");
	expect("g/busy=2 g/busy=2 ");
	CU_ASSERT_PTR_NULL(bp_channel_find("g/busy"));
	bp_channel_print(bp_channel(self, "g/new"), "3");
	expect("g/new=3 ");
	stop();
}

static void watch_own_glob(BpPlugin *plugin, BpChannel *channel, BpMessage *message, gpointer data)
{
	note_glob(plugin, channel, message, data);
	if (bp_message_size(message) < 4)
		bp_channel_watch_glob(self, "g/*", watch_own_glob, data, NULL);
}

/* Those made while a message is delivered get the next one. */
static void test_globs_made_while_sending(void)
{
	start();
	busy = bp_channel(self, "g/busy");
	bp_channel_watch_glob(self, "g/*", watch_own_glob, NULL, NULL);
	bp_channel_print(busy, "1");
	expect("g/busy=1 ");
	bp_channel_print(busy, "22");
	expect("g/busy=22 g/busy=22 ");
	bp_channel_print(busy, "last");
	expect("g/busy=last g/busy=last g/busy=last g/busy=last ");
	stop();
}

static const SuiteTest tests[] = {
	{ "links", test_links },
	{ "link_twice", test_link_twice },
	{ "ladder_of_links", test_ladder_of_links },
	{ "many_links", test_many_links },
	{ "globs", test_globs },
	{ "globs_change_while_sending", test_globs_change_while_sending },
	{ "globs_made_while_sending", test_globs_made_while_sending },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("links", tests, argc, argv);
}
