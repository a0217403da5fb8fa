/* SPDX-License-Identifier: MIT */
/* test-bridge.c - names of channels as topics and subjects, and back: reversible, legal, no two the same; what patterns stand for. */
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <string.h>
#include "suite.h"

static void test_names_come_back(void)
{
	static const char *const names[] = { "a",	 "a/b",	     "/",    "//",    "a/",
					     "/a",	 "a+b",	     "a#",   "a%2B",  "%",
					     "$x",	 "a/$x",     "é/ü",  "a.b/c", "\x7f",
					     "a\tb",	 "a\r\nb",   "\xff", "a\xc3", "\xef\xbf\xbf",
					     "\xc2\x85", "_INBOX.x", "*",    ">",     "\xef\xbb\xbf" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *topic = bp_bridge_to_topic(names[i]);
		g_autofree char *again = bp_bridge_from_topic(topic);

		CU_ASSERT_STRING_EQUAL(again, names[i]);
		CU_ASSERT_PTR_NULL(strpbrk(topic, "+#\t\r\n\x7f"));
		CU_ASSERT_TRUE(g_utf8_validate(topic, -1, NULL));
		CU_ASSERT_NOT_EQUAL(topic[0], '$');
	}
}

/* Of random bytes too, and no two of them give the same topic. */
static void test_random_names(void)
{
	g_autoptr(GHashTable) topics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GRand) random = g_rand_new_with_seed(7);

	for (guint round = 0; round < 20000; round++) {
		guint size = (guint)g_rand_int_range(random, 1, 9);
		g_autofree char *name = g_malloc0(size + 1);
		g_autofree char *again = NULL;
		g_autofree char *subject = NULL;
		g_autofree char *back = NULL;
		char *topic;
		const char *before;

		for (guint i = 0; i < size; i++)
			name[i] = (char)g_rand_int_range(random, 1, 256);
		topic = bp_bridge_to_topic(name);
		again = bp_bridge_from_topic(topic);
		CU_ASSERT_STRING_EQUAL_FATAL(again, name);
		subject = bp_bridge_to_subject(name);
		back = bp_bridge_from_subject(subject);
		CU_ASSERT_STRING_EQUAL_FATAL(back, name);
		CU_ASSERT_TRUE_FATAL(bp_bridge_subject_check(subject, FALSE));
		before = g_hash_table_lookup(topics, topic);
		CU_ASSERT_TRUE(!before || strcmp(before, name) == 0);
		g_hash_table_insert(topics, topic, g_steal_pointer(&name));
	}
}

static void test_one_spelling(void)
{
	static const char *const bad[] = { "a%2b", "%41", "%", "%2", "%zz", "%00", "a+b", "$x", "a#" };

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		CU_ASSERT_PTR_NULL(bp_bridge_from_topic(bad[i]));
}

static void test_topics_as_channels(void)
{
	static const char *const topics[] = { "a b", "*", "a?[x]", "%25", "\x01", "plain/topic", "$SYS/x" };

	for (guint i = 0; i < G_N_ELEMENTS(topics); i++) {
		g_autofree char *name = bp_bridge_to_channel(topics[i]);

		CU_ASSERT_TRUE(bp_channel_check_name(name, NULL));
	}
}

static void test_subjects(void)
{
	static const struct {
		const char *name, *subject;
	} rows[] = {
		{ "a", "a" },
		{ "/a//b+/", "%00.a.%00.b+.%00" },
		{ "site1/line 2/temp.avg", "site1.line%202.temp%2Eavg" },
		{ "$x/$y", "%24x.$y" },
		{ "_INBOX/x", "%5FINBOX.x" },
		{ "*", "%2A" },
		{ "a/>", "a.%3E" },
		{ "a\tb\r\nPUB c 0", "a%09b%0D%0APUB%20c%200" },
		{ "/", "%00.%00" },
		{ "a%2Eb", "a%252Eb" },
	};
	static const char *const bad[] = { "a%2e", "%41", "%", "%2", "a..b", ".a", "a.", "$x", "_x", "a.*", "a b", "" };
	static const char *const legal[] = { "a", "a.b", "$SYS.x", "a*b", "a.b>c" };
	static const char *const wild[] = { "*", ">", "a.*.b", "a.>" };
	static const char *const illegal[] = { "", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\n", "a.>.b", "\x7f" };

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *subject = bp_bridge_to_subject(rows[i].name);
		g_autofree char *name = bp_bridge_from_subject(rows[i].subject);

		CU_ASSERT_STRING_EQUAL(subject, rows[i].subject);
		CU_ASSERT_STRING_EQUAL(name, rows[i].name);
	}
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		CU_ASSERT_PTR_NULL(bp_bridge_from_subject(bad[i]));
	for (guint i = 0; i < G_N_ELEMENTS(legal); i++)
		CU_ASSERT_TRUE(bp_bridge_subject_check(legal[i], FALSE));
	for (guint i = 0; i < G_N_ELEMENTS(wild); i++)
		CU_ASSERT_TRUE(bp_bridge_subject_check(wild[i], TRUE) && !bp_bridge_subject_check(wild[i], FALSE));
	for (guint i = 0; i < G_N_ELEMENTS(illegal); i++)
		CU_ASSERT_FALSE(bp_bridge_subject_check(illegal[i], TRUE));
}

/* Also of subjects that no Backplane has made. */
static void test_subjects_as_channels(void)
{
	static const char *const subjects[] = { "a.b",	  "a%20b", "%2A.x", "a*b", "a%zz", "100%", "a.[x]",
						"$SYS.x", "é",	   "%01",   "a?",  "%00",  "%" };

	for (guint i = 0; i < G_N_ELEMENTS(subjects); i++) {
		g_autofree char *name = bp_bridge_subject_channel(subjects[i]);

		CU_ASSERT_TRUE(bp_channel_check_name(name, NULL) || strcmp(subjects[i], "%00") == 0);
	}
}

/* The captures, joined by a comma; "-": it does not match. */
static char *joined(char **take_captures)
{
	g_auto(GStrv) captures = take_captures;

	return captures ? g_strjoinv(",", captures) : g_strdup("-");
}

static void test_captures(void)
{
	static const struct {
		const char *pattern, *name, *captures;
	} rows[] = {
		{ "uart*/recv", "uart7/recv", "7" },
		{ "*/recv", "a/b/recv", "a/b" },
		{ "*", "", "" },
		{ "a", "a", "" },
		{ "a", "b", "-" },
		{ "a", "ab", "-" },
		{ "*/*", "a/b/c", "a,b/c" },
		{ "x?y*", "xéyz", "é,z" },
		{ "*a*a", "aaa", ",a" },
		{ "*a", "bab", "-" },
		{ "**", "ab", ",ab" },
		{ "?", "", "-" },
		{ "*.*", "a.b.c", "a,b.c" },
	};
	static const struct {
		const char *filter, *topic, *captures;
	} topics[] = {
		{ "a/+/c", "a/b/c", "b" }, { "a/#", "a/b/c", "b/c" }, { "a/#", "a", "" },   { "#", "a/b", "a/b" },
		{ "#", "$SYS/x", "-" },	   { "+/x", "$SYS/x", "-" },  { "+", "", "" },	    { "+/+", "/", "," },
		{ "a/b", "a/b/c", "-" },   { "a/b/c", "a/b", "-" },   { "a/+", "a", "-" },  { "+", "a/b", "-" },
		{ "a/+/#", "a/b", "b," },  { "a//b", "a//b", "" },    { "a/#", "ab", "-" },
	};

	static const struct {
		const char *filter, *subject, *captures;
	} subjects[] = {
		{ "a.*.c", "a.b.c", "b" },
		{ "a.>", "a.b.c", "b.c" },
		{ "a.>", "a", "-" },
		{ ">", "a.b", "a.b" },
		{ ">", "$SYS.x", "$SYS.x" },
		{ "*", "a.b", "-" },
		{ "*.*", "a.b", "a,b" },
		{ "a.b", "a.b.c", "-" },
		{ "a.b.c", "a.b", "-" },
		{ "a*", "ab", "-" },
		{ "a", "a", "" },
		{ "a.*.>", "a.b.c.d", "b,c.d" },
		{ "*", "", "-" },
		{ "a.>", "ab.c", "-" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(subjects); i++) {
		g_autofree char *got = joined(bp_bridge_subject_captures(subjects[i].filter, subjects[i].subject));

		CU_ASSERT_STRING_EQUAL(got, subjects[i].captures);
	}
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *got = joined(bp_bridge_captures(rows[i].pattern, rows[i].name));

		CU_ASSERT_STRING_EQUAL(got, rows[i].captures);
	}
	for (guint i = 0; i < G_N_ELEMENTS(topics); i++) {
		g_autofree char *got = joined(bp_bridge_topic_captures(topics[i].filter, topics[i].topic));

		CU_ASSERT_STRING_EQUAL(got, topics[i].captures);
	}
}

static void test_templates(void)
{
	static const char *const captures[] = { "7", "x+y", NULL };
	BpBridgeNames names = { .host = "box", .bridge = "hub", .name = "uart7/recv", .captures = captures };
	g_autoptr(GError) error = NULL;
	g_autofree char *made = bp_bridge_expand("lab/{host}/{1}/{2}/{channel}", &names, bp_bridge_to_topic, &error);

	CU_ASSERT_STRING_EQUAL(made, "lab/box/7/x%2By/uart7/recv");
	CU_ASSERT_PTR_NULL(bp_bridge_expand("{3}", &names, bp_bridge_to_topic, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "{3} stands for nothing"));
	CU_ASSERT_PTR_NULL(bp_bridge_expand("{nobody}", &names, bp_bridge_to_topic, NULL));
	g_free(made);
	made = bp_bridge_expand("open { only", &names, bp_bridge_to_topic, NULL);
	CU_ASSERT_STRING_EQUAL(made, "open { only");
}

static const SuiteTest tests[] = {
	{ "names come back", test_names_come_back },
	{ "random names", test_random_names },
	{ "one spelling", test_one_spelling },
	{ "topics as channels", test_topics_as_channels },
	{ "subjects", test_subjects },
	{ "subjects as channels", test_subjects_as_channels },
	{ "captures", test_captures },
	{ "templates", test_templates },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("bridge", tests, argc, argv);
}
