/* SPDX-License-Identifier: MIT */
/* test-context.c - contexts, settings declared, set, watched, and given for one run only. */
#include "state.h"

static void test_paths(void)
{
	g_autoptr(GPtrArray) list = NULL;
	g_autofree char *endless = g_strnfill(256, 'a');
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_EQUAL(bp_context("device/uart0"), bp_context("/device//uart0/"));
	CU_ASSERT_STRING_EQUAL(bp_context_path(bp_context("device/uart0")), "/device/uart0");
	CU_ASSERT_STRING_EQUAL(bp_context_path(bp_context("")), "/");
	CU_ASSERT_PTR_EQUAL(bp_context("/"), bp_context("//"));
	CU_ASSERT_PTR_NULL(bp_context_find("/device"));
	CU_ASSERT_PTR_NULL(bp_context("a]b"));
	CU_ASSERT_PTR_NULL(bp_context("a\nb"));
	CU_ASSERT_PTR_NULL(bp_context("a\xff"));
	CU_ASSERT_PTR_NULL(bp_context(endless));
	CU_ASSERT_PTR_NULL(bp_context_check_path("a[b", &error));
	CU_ASSERT_STRING_EQUAL(error->message, "\"a[b\" cannot be a context: it must not have [ or ]");
	list = bp_context_list();
	CU_ASSERT(g_ptr_array_find(list, bp_context("/device/uart0"), NULL));
}

static void test_declared(void)
{
	BpContext *root;
	g_autoptr(GError) error = NULL;

	begin();
	root = start();
	ASSERT_SETTING(root, "default_telnet_port", "23");
	CU_ASSERT_EQUAL(bp_setting_int(root, "default-telnet-port"), 23);
	CU_ASSERT_EQUAL(bp_setting_int(root, "timeout"), 10 * G_USEC_PER_SEC);
	CU_ASSERT_FALSE(bp_setting_bool(root, "verbose"));
	set(root, "verbose", "Yes");
	CU_ASSERT(bp_setting_bool(root, "verbose"));
	set(root, "telnet_port", "2323");
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 2323);
	CU_ASSERT(bp_setting_is_set(root, "default_telnet_port"));
	set(root, "mode", "DROP_OLDEST");
	ASSERT_SETTING(root, "mode", "drop-oldest");
	CU_ASSERT_FALSE(bp_setting_set(root, "default_telnet_port", "70000", &error));
	CU_ASSERT_STRING_EQUAL(error->message,
			       "default_telnet_port must be a whole number from 0 to 65535, not \"70000\"");
	g_clear_error(&error);
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 2323);
	set(root, "default_telnet_port", NULL);
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 23);
	CU_ASSERT_FALSE(bp_setting_set(root, "defualt_telnet_port", "1", &error));
	CU_ASSERT_STRING_EQUAL(error->message,
			       "there is no setting \"defualt_telnet_port\" in /; did you mean default_telnet_port?");
	CU_ASSERT_PTR_NULL(bp_setting_get(root, "defualt_telnet_port"));
	end();
}

static void test_declaration_goes(void)
{
	BpContext *root;
	g_autoptr(GPtrArray) before = NULL;
	g_autoptr(GPtrArray) after = NULL;

	begin();
	root = start();
	set(root, "default_telnet_port", "2323");
	before = bp_setting_rows(root);
	owner_drop_all(&plugin);
	after = bp_setting_rows(root);
	CU_ASSERT_EQUAL(before->len, 5);
	CU_ASSERT_EQUAL(after->len, 0);
	ASSERT_SETTING(root, "default_telnet_port", "2323");
	CU_ASSERT_PTR_NULL(bp_setting_get(root, "MixedCase"));
	set(root, "default_telnet_port", "as text"); /* it is there, so it may be set */
	ASSERT_SETTING(root, "default_telnet_port", "as text");
	bp_setting_declare(&plugin, root, state_table);
	ASSERT_SETTING(root, "default_telnet_port", "23"); /* does not fit: passed over, and kept */
	owner_drop_all(&plugin);
	ASSERT_SETTING(root, "default_telnet_port", "as text");
	end();
}

static void test_temporary(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	BpContext *root;

	begin();
	CU_ASSERT(bp_setting_set_temporary("/", "telnet-port", "99", NULL)); /* before anybody declares it */
	CU_ASSERT(bp_setting_set_temporary("", "timeout", "soon", NULL));
	root = start();
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 99);
	CU_ASSERT(bp_setting_is_temporary(root, "default_telnet_port"));
	CU_ASSERT_FALSE(bp_setting_is_set(root, "default_telnet_port"));
	ASSERT_SETTING(root, "timeout", "10s"); /* bad: dropped when it was declared */
	CU_ASSERT_FALSE(bp_setting_is_temporary(root, "timeout"));
	CU_ASSERT_FALSE(bp_setting_set_temporary("/", "timeout", "soon", &error));
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_setting_set_temporary("/", "no key", "x", &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "cannot be a key"));
	CU_ASSERT_FALSE(settings_is_dirty());
	set(root, "MixedCase", "x");
	save();
	text = contents("");
	CU_ASSERT(strstr(text, "MixedCase=x") && !strstr(text, "99"));
	set(root, "default_telnet_port", "7"); /* said by the user now: counts, and is saved */
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 7);
	save();
	root = start();
	CU_ASSERT_EQUAL(bp_setting_int(root, "default_telnet_port"), 7);
	end();
}

static void test_store(void)
{
	g_autofree char *too_long = g_strnfill(65537, 'a');
	BpContext *context;

	begin();
	start();
	context = bp_context("/own");
	bp_setting_store(context, "token", "a b");
	ASSERT_SETTING(context, "token", "a b");
	bp_setting_store(context, "1st", "x"); /* refused and logged */
	bp_setting_store(context, "long", too_long);
	bp_setting_store(context, "a=b", "x");
	CU_ASSERT_PTR_NULL(bp_setting_get(context, "1st"));
	CU_ASSERT_PTR_NULL(bp_setting_get(context, "long"));
	CU_ASSERT_PTR_NULL(bp_setting_get(context, "a=b"));
	bp_setting_store(bp_context("/"), "default_telnet_port", "70000"); /* declared, so it is checked */
	CU_ASSERT_EQUAL(bp_setting_int(bp_context("/"), "default_telnet_port"), 23);
	end();
}

static GString *heard;
static BpPlugin other;

static void on_change(BpPlugin *self, BpContext *context, const char *key, gpointer data)
{
	g_autofree char *value = bp_setting_get(context, key);

	g_string_append_printf(heard, "%s:%s=%s ", (const char *)data, key, value);
}

static void on_change_drop_all(BpPlugin *self, BpContext *context, const char *key, gpointer data)
{
	g_string_append(heard, "drop ");
	owner_drop_all(&other);
	bp_setting_watch(&other, context, on_change, "late", NULL);
}

static void test_watch(void)
{
	BpContext *root;

	begin();
	root = start();
	owner_init(&other, NULL, "other");
	heard = g_string_new(NULL);
	bp_setting_watch(&other, root, on_change, "a", NULL);
	bp_setting_watch(&plugin, root, on_change_drop_all, NULL, NULL);
	bp_setting_watch(&other, root, on_change, "b", NULL);
	bp_setting_watch(&plugin, root, on_change, "c", NULL);
	set(root, "MixedCase", "1");
	CU_ASSERT_STRING_EQUAL(heard->str, "a:MixedCase=1 drop c:MixedCase=1 ");
	g_string_truncate(heard, 0);
	set(root, "MixedCase", "1"); /* no change */
	bp_setting_store(root, "undeclared", "x");
	CU_ASSERT_STRING_EQUAL(heard->str, "");
	CU_ASSERT_EQUAL(owner_count(&other, "setting watch"), 1);
	owner_drop_all(&other);
	owner_clear(&other);
	g_string_free(heard, TRUE);
	end();
}

static void test_watch_dying(void)
{
	BpContext *root;

	begin();
	root = start();
	heard = g_string_new(NULL);
	bp_setting_watch(&plugin, root, on_change, "a", NULL);
	set(root, "MixedCase", "1");
	plugin.dying = 1; /* nothing of it is called any more */
	set(root, "MixedCase", NULL);
	CU_ASSERT_STRING_EQUAL(heard->str, "a:MixedCase=1 ");
	g_string_free(heard, TRUE);
	end();
}

static BpSettingWatch *once;

static void on_change_once(BpPlugin *self, BpContext *context, const char *key, gpointer data)
{
	g_string_append(heard, "once ");
	bp_setting_watch_remove(once);
}

static void on_watch_gone(gpointer data)
{
	g_string_append_printf(heard, "%s is gone ", (const char *)data);
}

static void test_watch_removed(void)
{
	BpContext *root;

	begin();
	root = start();
	heard = g_string_new(NULL);
	once = bp_setting_watch(&plugin, root, on_change_once, "it", on_watch_gone);
	bp_setting_watch(&plugin, root, on_change, "b", on_watch_gone);
	set(root, "MixedCase", "1");
	set(root, "MixedCase", "2");
	CU_ASSERT_STRING_EQUAL(heard->str, "once it is gone b:MixedCase=1 b:MixedCase=2 ");
	CU_ASSERT_EQUAL(owner_count(&plugin, "setting watch"), 1);
	end();
	CU_ASSERT_STRING_EQUAL(heard->str, "once it is gone b:MixedCase=1 b:MixedCase=2 b is gone ");
	g_string_free(heard, TRUE);
}

static void on_change_again(BpPlugin *self, BpContext *context, const char *key, gpointer data)
{
	guint *calls = data;
	g_autofree char *value = g_strdup_printf("%u", ++*calls);

	set(context, key, value);
}

static void test_watch_for_ever(void)
{
	guint calls = 0;
	BpContext *root;

	begin();
	root = start();
	bp_setting_watch(&plugin, root, on_change_again, &calls, NULL);
	set(root, "MixedCase", "x");
	CU_ASSERT(calls >= 2 && calls <= 100);
	end();
}

static const SuiteTest tests[] = {
	{ "paths", test_paths },
	{ "declared", test_declared },
	{ "declaration-goes", test_declaration_goes },
	{ "temporary", test_temporary },
	{ "store", test_store },
	{ "watch", test_watch },
	{ "watch-dying", test_watch_dying },
	{ "watch-removed", test_watch_removed },
	{ "watch-for-ever", test_watch_for_ever },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("context", tests, argc, argv);
}
