/* SPDX-License-Identifier: MIT */
/* test-registry.c - objects by path: taken names, order, and the promise to who holds one. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>
#include "suite.h"

static GString *said;

static void on_gone(BpPlugin *self, gpointer data)
{
	g_string_append_printf(said, "%s loses %s ", bp_plugin_name(self), (const char *)data);
	CU_ASSERT_PTR_NULL(bp_registry_find("thing/a"));
}

static void on_gone_release(BpPlugin *self, gpointer data)
{
	on_gone(self, data);
	bp_registry_release(self, "thing/a"); /* too late, and no harm */
}

static void on_free(gpointer data)
{
	g_string_append_printf(said, "%s is free ", (const char *)data);
}

static BpPlugin *add(const char *name)
{
	static BpPluginInfo infos[3];
	static guint count;
	BpPluginInfo *info = &infos[count++ % 3];

	*info = (BpPluginInfo){ BP_PLUGIN_BUILT, .name = name };
	return bp_plugin_add(info, NULL);
}

static gboolean is_unloaded(gpointer name)
{
	return !bp_plugin_find(name);
}

static void unload(BpPlugin *plugin)
{
	g_autofree char *name = g_strdup(bp_plugin_name(plugin));

	bp_plugin_unload(plugin, NULL, NULL);
	CU_ASSERT(suite_wait_until(is_unloaded, name, 10));
}

static void begin(BpPlugin **owner, BpPlugin **user, BpPlugin **other)
{
	static const BpKernelOptions options = { 0 };

	CU_ASSERT_FATAL(bp_kernel_start(&options, NULL));
	said = g_string_new(NULL);
	*owner = add("owner");
	*user = add("user");
	*other = add("other");
}

static void end(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	g_string_free(said, TRUE);
}

static void test_names(void)
{
	BpPlugin *owner, *user, *other;
	g_autoptr(GError) error = NULL;
	GPtrArray *objects;
	char **names;

	begin(&owner, &user, &other);
	CU_ASSERT(bp_registry_add(owner, "thing/b", "B", NULL));
	CU_ASSERT(bp_registry_add(user, "thing/a", "A", NULL));
	CU_ASSERT_FALSE(bp_registry_add(other, "thing/a", "C", &error));
	CU_ASSERT(g_error_matches(error, BP_HOST_ERROR, BP_EXISTS));
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "thing/a is registered by user already"));
	CU_ASSERT_STRING_EQUAL(bp_registry_find("thing/a"), "A");
	CU_ASSERT_PTR_EQUAL(bp_registry_owner("thing/a"), user);
	CU_ASSERT_PTR_NULL(bp_registry_find("thing"));
	names = bp_registry_list("thing/");
	CU_ASSERT_EQUAL(g_strv_length(names), 2);
	CU_ASSERT_STRING_EQUAL(names[0], "a");
	objects = bp_registry_objects("thing/");
	CU_ASSERT_EQUAL(objects->len, 2);
	CU_ASSERT_STRING_EQUAL(objects->pdata[0], "B");
	g_ptr_array_unref(objects);
	g_strfreev(names);
	bp_registry_remove(owner, "thing/b");
	CU_ASSERT_PTR_NULL(bp_registry_find("thing/b"));
	unload(user);
	CU_ASSERT_PTR_NULL(bp_registry_find("thing/a"));
	end();
}

static void test_hold(void)
{
	BpPlugin *owner, *user, *other;

	begin(&owner, &user, &other);
	CU_ASSERT_PTR_NULL(bp_registry_hold(user, "thing/a", on_gone, "nothing", on_free));
	CU_ASSERT(bp_registry_add(owner, "thing/a", "A", NULL));
	CU_ASSERT_STRING_EQUAL(bp_registry_hold(user, "thing/a", on_gone, "first", on_free), "A");
	bp_registry_release(user, "thing/a");
	CU_ASSERT_STRING_EQUAL(said->str, "first is free ");
	CU_ASSERT_STRING_EQUAL(bp_registry_hold(user, "thing/a", on_gone_release, "second", on_free), "A");
	CU_ASSERT_STRING_EQUAL(bp_registry_hold(other, "thing/a", on_gone, "third", NULL), "A");
	unload(owner);
	CU_ASSERT_STRING_EQUAL(said->str, "first is free user loses second second is free other loses third ");
	end();
}

/* Who holds it goes first: it is not told, but what it keeps is freed. */
static void test_holder_goes(void)
{
	BpPlugin *owner, *user, *other;

	begin(&owner, &user, &other);
	CU_ASSERT(bp_registry_add(owner, "thing/a", "A", NULL));
	CU_ASSERT_STRING_EQUAL(bp_registry_hold(user, "thing/a", on_gone, "it", on_free), "A");
	unload(user);
	CU_ASSERT_STRING_EQUAL(said->str, "it is free ");
	unload(owner);
	CU_ASSERT_STRING_EQUAL(said->str, "it is free ");
	end();
}

static const SuiteTest tests[] = {
	{ "names", test_names }, { "hold", test_hold }, { "holder_goes", test_holder_goes }, { NULL }
};

int main(int argc, char **argv)
{
	return suite_run("registry", tests, argc, argv);
}
