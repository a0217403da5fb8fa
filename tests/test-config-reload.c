/* SPDX-License-Identifier: MIT */
/* test-config-reload.c - two configurations: what differs, and what a reload keeps, changes and takes back. */
#include "config-plugin.h"

static const char first_text[] =
	"settings: {default_port: 1, greeting: a}\nservers:\n  keep: {transport: tcp, handler: echo, port: 1, wait: 60s}\n"
	"  change: {transport: tcp, handler: echo, port: 2, token: abc}\n  go: {transport: tcp, handler: echo, port: 3}\n"
	"modules:\n  soft: {class: Soft}\n";
static const char second_text[] =
	"settings: {default_port: 2}\nservers:\n  keep: {transport: tcp, handler: echo, port: 1, wait: 1m}\n"
	"  change: {transport: tcp, handler: guess, port: 2, token: xyz}\n  come: {transport: tcp, handler: echo, port: 3}\n"
	"modules:\n  soft: {class: Soft, level: 5}\n";
static const char changes_text[] =
	"~ setting / default_port: 1 -> 2\n- setting / greeting\n- server go: tcp\n"
	"~ module soft: level (default) -> 5\n~ server change: handler echo -> guess, token\n"
	"+ server come: tcp port=3 handler=echo\n";

static void test_diff(void)
{
	g_autoptr(BpConfig) old = NULL;
	g_autoptr(BpConfig) new = NULL;
	g_autoptr(GString) none = NULL;
	g_autoptr(GString) changes = NULL;
	g_autoptr(GString) shown = NULL;

	begin();
	old = checked(first_text);
	new = checked(second_text);
	CU_ASSERT_FATAL(old && new);
	none = bp_config_diff(old, old);
	assert_text(none->str, "");
	changes = bp_config_diff(old, new);
	assert_text(changes->str, changes_text);
	shown = bp_config_describe(new);
	CU_ASSERT_PTR_NULL(strstr(shown->str, "xyz"));
	CU_ASSERT_PTR_NOT_NULL(strstr(shown->str, "token: \"***\""));
	end();
}

static gboolean reloaded;
static char *result; /* the changes, or what went wrong */

static void on_reloaded(const char *changes, const GError *error, gpointer data)
{
	g_free(result);
	result = g_strdup(error ? error->message : changes);
	reloaded = TRUE;
}

static void ask_reload(const char *text)
{
	g_autoptr(GError) error = NULL;

	put(text);
	reloaded = FALSE;
	CU_ASSERT_TRUE(bp_config_reload(on_reloaded, NULL, &error));
	CU_ASSERT_FALSE(reloaded);
}

static void reload_with(const char *text)
{
	ask_reload(text);
	CU_ASSERT_TRUE(suite_wait(&reloaded, 10));
}

static void end_reload(void)
{
	g_clear_pointer(&result, g_free);
	end();
}

static void test_reload(void)
{
	BpInstance *keep, *soft;
	guint change;
	g_autofree char *port = NULL;
	g_autofree char *greeting = NULL;

	begin();
	assert_start(first_text);
	keep = bp_instance_find("keep");
	soft = bp_instance_find("soft");
	CU_ASSERT_FATAL(keep && soft && bp_instance_find("change"));
	change = bp_instance_find("change")->instance->number;
	reload_with(second_text);
	assert_text(result, changes_text);
	CU_ASSERT_PTR_EQUAL(bp_instance_find("keep"), keep);
	CU_ASSERT_PTR_EQUAL(bp_instance_find("soft"), soft);
	CU_ASSERT_EQUAL(bp_instance_int(soft, "level"), 5);
	CU_ASSERT_EQUAL(updates, 1);
	CU_ASSERT_FATAL(bp_instance_find("change") != NULL);
	CU_ASSERT(bp_instance_find("change")->instance->number > change);
	assert_text(bp_instance_string(bp_instance_find("change"), "handler"), "guess");
	CU_ASSERT_PTR_NULL(bp_instance_find("go"));
	CU_ASSERT_PTR_NOT_NULL(bp_instance_find("come"));
	CU_ASSERT_EQUAL(closed, 2);
	port = setting("default_port");
	greeting = setting("greeting");
	assert_text(port, "2");
	assert_text(greeting, "hello");
	reload_with(second_text);
	assert_text(result, "");
	CU_ASSERT_EQUAL(closed, 2);
	end_reload();
}

static void assert_old(guint closed_before)
{
	g_autofree char *port = setting("default_port");
	g_autofree char *greeting = setting("greeting");

	assert_values("keep", "port=1 handler=echo wait=60s");
	assert_values("change", "port=2 handler=echo token=***");
	assert_values("go", "port=3 handler=echo");
	assert_values("soft", "");
	CU_ASSERT_PTR_NULL(bp_instance_find("come"));
	CU_ASSERT_EQUAL(closed, closed_before);
	assert_text(port, "1");
	assert_text(greeting, "a");
}

static void test_reload_of_a_bad_file(void)
{
	BpInstance *go;

	begin();
	assert_start(first_text);
	go = bp_instance_find("go");
	reload_with("servers:\n  keep: {transport: tcp, handler: ecko}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(result, "c.yaml:2:35: there is no handler \"ecko\""));
	assert_old(0);
	CU_ASSERT_PTR_EQUAL(bp_instance_find("go"), go);
	CU_ASSERT_EQUAL(g_unlink(file), 0);
	reloaded = FALSE;
	CU_ASSERT_TRUE(bp_config_reload(on_reloaded, NULL, NULL));
	CU_ASSERT_TRUE(suite_wait(&reloaded, 10));
	CU_ASSERT_PTR_NOT_NULL(strstr(result, "cannot be read: No such file"));
	assert_old(0);
	reload_with(first_text);
	assert_text(result, "");
	end_reload();
}

static void test_reload_that_does_not_open(void)
{
	BpInstance *keep;

	begin();
	assert_start(first_text);
	keep = bp_instance_find("keep");
	refused = "come";
	reload_with(second_text);
	CU_ASSERT_PTR_NOT_NULL(strstr(result, "c.yaml:5:47: server come cannot be opened: port 3 is taken"));
	/* The two that were closed, and the new one of `change`. */
	assert_old(3);
	CU_ASSERT_PTR_EQUAL(bp_instance_find("keep"), keep);
	CU_ASSERT_EQUAL(updates, 2);
	refused = NULL;
	reload_with(second_text);
	assert_text(result, changes_text);
	end_reload();
}

static void test_reload_that_cannot_come_back(void)
{
	begin();
	assert_start("servers:\n  a: {transport: tcp, handler: echo, port: 1}\n");
	refused = "a";
	reload_with("servers:\n  a: {transport: tcp, handler: echo, port: 2}\n");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(result, "the old configuration could not be restored as a whole, port 1 is taken"));
	CU_ASSERT_PTR_NOT_NULL(strstr(result, ":2:44: server a cannot be opened: port 2 is taken"));
	CU_ASSERT_PTR_NULL(bp_instance_find("a"));
	refused = NULL;
	reload_with("servers:\n  a: {transport: tcp, handler: echo, port: 1}\n");
	assert_text(result, "~ server a: it was closed, and is open again\n");
	CU_ASSERT_PTR_NOT_NULL(bp_instance_find("a"));
	end_reload();
}

static void test_updates(void)
{
	BpInstance *a, *b;

	begin();
	assert_start("modules:\n  a: {class: Soft}\n  b: {class: Soft}\n");
	a = bp_instance_find("a");
	b = bp_instance_find("b");
	reload_with("modules:\n  a: {class: Soft, level: 2}\n  b: {class: Soft, level: 13}\n");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(result, "c.yaml:3:3: module b cannot take its new parameters: 13 brings bad luck"));
	CU_ASSERT(bp_instance_find("a") == a && bp_instance_find("b") == b);
	CU_ASSERT_EQUAL(bp_instance_int(a, "level"), 1);
	CU_ASSERT_EQUAL(bp_instance_int(b, "level"), 1);
	CU_ASSERT_EQUAL(closed, 0);
	reload_with("modules:\n  a: {class: Soft, level: 2}\n  b: {class: Soft, hard: 1}\n");
	CU_ASSERT_PTR_EQUAL(bp_instance_find("a"), a);
	CU_ASSERT_EQUAL(closed, 1);
	assert_values("b", "hard=1");
	end_reload();
}

static void leave(BpPlugin *self, gpointer data)
{
	owner_leave(data);
}

/* Who asks for the reload may be served by what it closes. */
static void test_reload_waits_for_code(void)
{
	BpInstance *change;

	begin();
	assert_start(first_text);
	change = bp_instance_find("change");
	CU_ASSERT_TRUE(owner_enter(change));
	bp_timer_add(bp_kernel(), NULL, 50000, 1, leave, change, NULL);
	ask_reload(second_text);
	CU_ASSERT_FALSE(bp_config_reload(on_reloaded, NULL, NULL)); /* one at a time */
	CU_ASSERT_TRUE(suite_wait(&reloaded, 10));
	assert_text(result, changes_text);
	assert_text(bp_instance_string(bp_instance_find("change"), "handler"), "guess");
	end_reload();
}

static void test_reload_beside_others(void)
{
	g_autoptr(GError) error = NULL;
	BpInstance *own;

	begin();
	CU_ASSERT_FALSE(bp_config_reload(NULL, NULL, &error));
	CU_ASSERT(error && strstr(error->message, "no configuration file is in use"));
	assert_start("servers: {}\n");
	own = bp_module_open("Soft", "own", "/", NULL, NULL);
	reload_with("modules:\n  own: {class: Soft, level: 3}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(result, "c.yaml:2:3: own is open already, but not by this file"));
	reload_with("modules:\n  own: {class: Soft}\n  new: {class: Soft}\n");
	assert_text(result, "+ module own: Soft\n+ module new: Soft\n");
	CU_ASSERT_PTR_EQUAL(bp_instance_find("own"), own);
	bp_instance_close(bp_instance_find("new"), NULL);
	CU_ASSERT_PTR_NULL(bp_instance_find("new"));
	reload_with("modules:\n  own: {class: Soft}\n  new: {class: Soft}\n");
	assert_text(result, "~ module new: it was closed, and is open again\n");
	CU_ASSERT_PTR_NOT_NULL(bp_instance_find("new"));
	end_reload();
}

static void test_ends_in_a_reload(void)
{
	begin();
	assert_start(first_text);
	ask_reload(second_text);
	end_reload();
}

static void test_settings(void)
{
	BpContext *root;
	g_autofree char *port = NULL;
	g_autofree char *greeting = NULL;
	g_autofree char *after = NULL;

	begin();
	root = bp_context("/");
	CU_ASSERT_TRUE(bp_setting_set(root, "greeting", "saved", NULL));
	CU_ASSERT_TRUE(bp_setting_set_temporary("/", "default_port", "5", NULL)); /* -s */
	assert_start("settings: {default_port: 6, greeting: file}\n");
	port = setting("default_port");
	greeting = setting("greeting");
	assert_text(port, "5");
	assert_text(greeting, "file");
	reload_with("settings: {default_port: 7}\n");
	g_free(port);
	port = setting("default_port");
	assert_text(port, "5");
	after = setting("greeting");
	assert_text(after, "saved");
	end_reload();
}

static void test_plugins_in_diff(void)
{
	begin();
	assert_start("plugins: [fake]\ncommands: [a]\n");
	reload_with("plugins: []\ncommands: [a, b]\n");
	assert_text(
		result,
		"- plugin fake: it stays loaded until plugin unload\n+ command b\ncommands run at the start only\n");
	assert_text(ran->str, "a;");
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_find("fake"));
	end_reload();
}

static const SuiteTest tests[] = {
	{ "diff", test_diff },
	{ "reload", test_reload },
	{ "reload_of_a_bad_file", test_reload_of_a_bad_file },
	{ "reload_that_does_not_open", test_reload_that_does_not_open },
	{ "reload_that_cannot_come_back", test_reload_that_cannot_come_back },
	{ "updates", test_updates },
	{ "reload_waits_for_code", test_reload_waits_for_code },
	{ "reload_beside_others", test_reload_beside_others },
	{ "ends_in_a_reload", test_ends_in_a_reload },
	{ "settings", test_settings },
	{ "plugins_in_diff", test_plugins_in_diff },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("config-reload", tests, argc, argv);
}
