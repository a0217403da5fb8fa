/* SPDX-License-Identifier: MIT */
/* test-config.c - the configuration file: what is refused and how it is said, and what is opened. */
#include "config-plugin.h"

/* Reads, loads and checks; the sentences, or "". Yours. */
static char *sentences(const char *text, gsize size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(BpConfig) config = bp_config_read_text("c.yaml", text, size, &error);

	if (config && bp_config_load_plugins(config, NULL, &error))
		bp_config_check(config, &error);
	return g_strdup(error ? error->message : "");
}

/* --- what is refused --- */

static const struct {
	const char *text, *wanted;
} wrong[] = {
	{ "", "c.yaml:1:1: the file is empty" },
	{ "# nothing\n", "c.yaml:1:1: the file is empty" },
	{ "{}", "c.yaml:1:1: the file is empty" },
	{ "- a\n", "c.yaml:1:1: the file must be a mapping, not a list" },
	{ "hello", "c.yaml:1:1: the file must be a mapping, not a text" },
	{ "servers:\n  a: [1\n", "c.yaml:3:1: this is not YAML" },
	{ "servers:\n\ta: 1\n", "c.yaml:2:1: this is not YAML: found character that cannot start any token" },
	{ "servers: {}\nservers: {}\n", "c.yaml:2:1: the key \"servers\" is given twice, first in line 1" },
	{ "plugin_path: []\nplugin-path: []\n", "c.yaml:2:1: plugin-path and plugin_path in line 1 are the same" },
	{ "a: &x 1\n", "c.yaml:1:4: anchors (&) and aliases (*) are not taken" },
	{ "a: *x\n", "c.yaml:1:4: anchors (&) and aliases (*) are not taken" },
	{ "a: !!python/object:os.system x\n", "c.yaml:1:4: tags (!) are not taken" },
	{ "servers: {}\n---\nservers: {}\n", "c.yaml:2:1: a second document begins here" },
	{ "a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", "c.yaml:1:19: this is nested more than 16 deep" },
	{ "? [a]\n: b\n", "c.yaml:1:3: a key must be a text, not a list" },
	{ "a: \"x\\0y\"\n", "c.yaml:1:4: this text has a NUL byte" },
	{ "a: \xff\n", "c.yaml:1:4: this byte is not UTF-8" },
	{ "a: \x01\n", "c.yaml:1:4: this is not YAML: control characters are not allowed" },
	{ "server:\n  a: {}\n", "c.yaml:1:1: there is no section \"server\"; did you mean servers?" },
	{ "servers: []\n", "c.yaml:1:10: \"servers\" must be a mapping, not a list" },
	{ "servers:\n  a: 1\n", "c.yaml:2:6: \"a\" must be a mapping, not a text" },
	{ "servers:\n  a:\n", "c.yaml:2:3: a is empty; give it a transport and a handler" },
	{ "servers:\n  a: {handler: echo}\n", "c.yaml:2:3: a has no transport" },
	{ "servers:\n  a: {transport: telnet}\n", "c.yaml:2:3: a has no handler" },
	{ "servers:\n  a: {transport: telnet, handler: null}\n", "c.yaml:2:3: a has no handler" },
	{ "servers:\n  a: {transport: telnet, handlr: echo}\n",
	  "c.yaml:2:26: FakeServer has no key \"handlr\"; did you mean handler?" },
	{ "servers:\n  a: {transport: telnte, handler: echo}\n",
	  "c.yaml:2:18: there is no transport \"telnte\"; did you mean telnet?" },
	{ "servers:\n  a: {transport: [telnet], handler: echo}\n",
	  "c.yaml:2:18: \"transport\" must be a text, not a list" },
	{ "servers:\n  a: {transport: telnet, handler: ecko}\n",
	  "c.yaml:2:35: there is no handler \"ecko\"; did you mean echo?" },
	{ "servers:\n  a: {transport: telnet, handler_class: \"m.x:GuesTelnetHandler\"}\n",
	  "c.yaml:2:41: there is no handler \"gues\", which is what this class stands for; did you mean guess?" },
	{ "servers:\n  a: {transport: telnet, handler: echo, handler_class: x:Echo}\n",
	  "c.yaml:2:41: handler_class and handler in line 2 are the same" },
	{ "servers:\n  a: {transport: telnet, handler: echo, bind: '::1', host: '::1'}\n",
	  "c.yaml:2:54: host and bind in line 2 are the same" },
	{ "servers:\n  a: {transport: telnet, handler: echo, max_conections: 1}\n",
	  "c.yaml:2:41: FakeServer has no key \"max_conections\"; did you mean max_connections?" },
	{ "servers:\n  a: {transport: telnet, handler: echo, zzzzzzzz: 1}\n",
	  "c.yaml:2:41: FakeServer has no key \"zzzzzzzz\"; it has port, handler" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: many}\n",
	  "c.yaml:2:47: port must be a whole number from 0 to 65535, not \"many\"" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: 70000}\n",
	  "c.yaml:2:47: port must be a whole number from 0 to 65535" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: [1]}\n",
	  "c.yaml:2:47: port must be one value, not a list" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: {a: 1}}\n",
	  "c.yaml:2:47: port must be a value, not a mapping" },
	{ "servers:\n  a: {transport: telnet, handler: echo, origins: [[a]]}\n",
	  "c.yaml:2:51: origins must be a list of values" },
	{ "servers:\n  a: {transport: telnet, handler: echo, use_ssl: maybe}\n",
	  "c.yaml:2:50: tls must be true or false" },
	{ "servers:\n  a: {transport: telnet, handler: echo, tls: yes, tls_cert: /nowhere/x.pem}\n",
	  "c.yaml:2:61: tls_cert \"/nowhere/x.pem\" cannot be read: No such file" },
	{ "servers:\n  a: {transport: telnet, handler: echo, tls: yes, tls_cert: /dev/zero}\n",
	  "c.yaml:2:61: tls_cert \"/dev/zero\" cannot be read: it is not a file" },
	{ "servers:\n  a: {transport: telnet, handler: echo, tls: yes, tls_cert: /etc/passwd}\n",
	  "c.yaml:2:61: the certificate /etc/passwd cannot be used" },
	{ "servers:\n  a: {transport: telnet, handler: echo, host: 0.0.0.0}\n",
	  "c.yaml:2:47: listening on 0.0.0.0 lets anybody on the network in" },
	{ "servers:\n  a: {transport: telnet, handler: echo, host: nonsense.}\n", "c.yaml:2:47: " },
	{ "servers:\n  'a b': {transport: telnet, handler: echo}\n", "c.yaml:2:3: \"a b\" cannot be a name" },
	{ "modules:\n  a: {class: FakeServer, port: 1}\nservers:\n  a: {transport: telnet, handler: echo}\n",
	  "c.yaml:4:3: \"a\" is the name of a module in line 2 already" },
	{ "modules:\n  a: {port: 1}\n", "c.yaml:2:3: a has no class" },
	{ "modules:\n  a: {class: FakeSever, port: 1}\n",
	  "c.yaml:2:14: there is no module \"FakeSever\"; did you mean FakeServer?" },
	{ "modules:\n  a: {class: Zzz}\n",
	  "c.yaml:2:14: there is no module \"Zzz\"; there are FakeServer, Soft; is the plugin" },
	{ "modules:\n  a: {class: FakeServer}\n", "c.yaml:2:3: a: port is missing: port to listen on" },
	{ "modules:\n  a: {class: FakeServer, port: 1, ws_path: /x}\n",
	  "c.yaml:2:35: FakeServer has no key \"ws_path\"" },
	{ "modules:\n  a: {class: Soft, context: 'a]b'}\n", "c.yaml:2:29: \"a]b\" cannot be a context" },
	{ "settings:\n  defalt_port: 1\n",
	  "c.yaml:2:16: there is no setting \"defalt_port\" in /; did you mean default_port?" },
	{ "settings:\n  default_port: x\n", "c.yaml:2:17: default_port must be a whole number" },
	{ "settings:\n  default_port: [1]\n",
	  "c.yaml:2:17: the setting \"default_port\" must be one value, not a list" },
	{ "settings:\n  default_port: 1\n  /: {default_port: 2}\n",
	  "c.yaml:3:21: the setting \"default_port\" is given twice, first in line 2" },
	{ "settings:\n  /x/y: {key: 2}\n", "c.yaml:2:15: there is no setting \"key\" in /x/y; is the plugin" },
	{ "settings:\n  /x/y: 1\n", "c.yaml:2:9: \"/x/y\" must be a mapping, not a text" },
	{ "settings:\n  1key: 1\n", "c.yaml:2:3: " },
	{ "commands:\n  - a: b\n", "c.yaml:2:5: a command must be a text here, not a mapping" },
	{ "commands: {a: b}\n", "c.yaml:1:11: commands must be a list of texts, not a mapping" },
	{ "plugins: [nowhere]\n", "c.yaml:1:11: there is no plugin nowhere" },
	{ "plugins: [fake, fake]\nplugin_path: /nowhere/at/all\n",
	  "c.yaml:2:14: there is no folder \"/nowhere/at/all\"" },
	{ "transport: telnet\nhandler: echo\nprot: 1\n",
	  "c.yaml:3:1: FakeServer has no key \"prot\"; did you mean port?" },
	{ "handler: echo\n", "c.yaml:1:1: server has no transport" },
};

static void test_refuses(void)
{
	begin();
	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *got = sentences(wrong[i].text, strlen(wrong[i].text));

		if (!g_str_has_prefix(got, wrong[i].wanted))
			g_printerr("\n  of:  %s\n  got: %s\n  not: %s\n", wrong[i].text, got, wrong[i].wanted);
		CU_ASSERT(g_str_has_prefix(got, wrong[i].wanted));
		CU_ASSERT_PTR_NULL(strchr(got, '\n'));
	}
	CU_ASSERT_EQUAL(opened, 0);
	end();
}

static void test_gathers(void)
{
	static const char three[] = "settings: {nope: 1}\nservers:\n  a: {transport: telnet, handler: ecko, port: x}\n";
	g_autoptr(GString) many = g_string_new("servers:\n");
	g_autofree char *two = NULL;
	g_autofree char *all = NULL;
	g_auto(GStrv) lines = NULL;

	begin();
	two = sentences(three, strlen(three));
	lines = g_strsplit(two, "\n", -1);
	CU_ASSERT_EQUAL(g_strv_length(lines), 3);
	CU_ASSERT(g_str_has_prefix(two, "c.yaml:1:18: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(two, "\nc.yaml:3:35: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(two, "\nc.yaml:3:47: "));
	g_strfreev(g_steal_pointer(&lines));
	for (guint i = 0; i < 30; i++)
		g_string_append_printf(many, "  s%u: {transport: telnet, handler: echo, port: x}\n", i);
	all = sentences(many->str, many->len);
	lines = g_strsplit(all, "\n", -1);
	CU_ASSERT_EQUAL(g_strv_length(lines), 21);
	assert_text(lines[20], "and 10 more");
	end();
}

static void test_bounds(void)
{
	g_autoptr(GString) text = g_string_new("plugins: [");
	g_autofree char *large = NULL;
	g_autofree char *wide = NULL;
	g_autofree char *missing = NULL;
	g_autoptr(GError) error = NULL;

	begin();
	for (guint i = 0; i < CONFIG_NODES_MAX + 10; i++)
		g_string_append(text, "a,");
	wide = sentences(text->str, text->len);
	CU_ASSERT_PTR_NOT_NULL(strstr(wide, "more than 20000 entries"));
	while (text->len <= CONFIG_SIZE_MAX)
		g_string_append(text, "# a comment that says nothing at all, for a very long time\n");
	large = sentences(text->str, text->len);
	CU_ASSERT(g_str_has_prefix(large, "c.yaml:1:1: the file is larger than 1024 KiB"));
	CU_ASSERT_PTR_NULL(bp_config_read("/nowhere/c.yaml", &error));
	CU_ASSERT(error && g_str_has_prefix(error->message,
					    "/nowhere/c.yaml:1:1: the configuration cannot be read: No such file"));
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_config_read("/dev/zero", &error));
	CU_ASSERT(error && strstr(error->message, "cannot be read: it is not a file but a device"));
	end();
}

/* --- what is taken --- */

static void test_applies(void)
{
	g_autofree char *port = NULL;

	begin();
	assert_start(
		"plugins: [fake]\nsettings:\n  default_port: 99\n  /: {greeting: null}\nmodules:\n  lab: {class: FakeServer, context: device/x, port: 0x10}\n"
		"servers:\n  door:\n    transport: tcp\n    handler: echo\n    idle_timeout: 5m\n    allow_origins: [a, 'b c']\n"
		"commands:\n  - first\n  - this fails\n  - third\n");
	assert_values("lab", "port=0x10");
	assert_values("door", "port=8024 handler=echo origins=a origins=\"b c\" idle_timeout=5m");
	assert_text(bp_instance_find("lab")->instance->path, "/device/x");
	port = setting("default_port");
	assert_text(port, "99");
	assert_text(ran->str, "first;this fails;third;");
	end();
}

/* All keys of the reference, in its own shape and words. */
static void test_reference(void)
{
	static const char text[] =
		"transport: telnet\nhandler_class: \"samples.echo_server:EchoTelnetHandler\"\nhost: localhost\nmax_connections: null\n"
		"welcome_message: null\nws_path: /ws\nallow_origins: ['*']\nuse_ssl: false\nssl_cert: \"\"\nssl_key: \"\"\n"
		"ping_interval: 30\nping_timeout: null\nenable_monitoring: true\nmonitor_path: /monitor\n";
	g_autoptr(BpConfig) config = NULL;
	g_autoptr(GString) shown = NULL;

	begin();
	config = checked(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	shown = bp_config_describe(config);
	assert_text(
		shown->str,
		"# c.yaml\nservers:\n  server:\n    transport: telnet\n    port: 8023\n    handler: echo\n    origins: \"*\"\n"
		"    bind: localhost\n    max_connections: 0\n    session_timeout: 300\n    tls: false\n    tls_cert: \"\"\n    tls_key: \"\"\n");
	CU_ASSERT_EQUAL(bp_config_warnings(config)->len, 6);
	assert_text(bp_config_warnings(config)->pdata[0],
		    "c.yaml:5:1: welcome_message has no effect on transport telnet");
	assert_text(bp_config_warnings(config)->pdata[1], "c.yaml:6:1: ws_path has no effect on transport telnet");
	end();
}

static void test_own_defaults(void)
{
	g_autoptr(BpConfig) config = NULL;
	g_autoptr(GString) shown = NULL;

	begin();
	config = checked(
		"servers:\n  a: {transport: tcp, handler: 'x:GuessHandler', port: null, max_connections: null}\n  b: {transport: tcp, "
		"handler_class: echo}\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	shown = bp_config_describe(config);
	assert_text(shown->str,
		    "# c.yaml\nservers:\n  a:\n    transport: tcp\n    port: 8024\n    handler: guess\n"
		    "  b:\n    transport: tcp\n    port: 8023\n    handler: echo\n    session_timeout: 300\n");
	end();
}

static void test_paths(void)
{
	g_autofree char *wanted = g_strdup_printf("log=%s/x.log", suite_folder());

	begin();
	assert_start("modules:\n  a: {class: Soft, log: x.log}\n  b: {class: Soft, log: /abs/x.log}\n");
	assert_values("a", wanted);
	assert_values("b", "log=/abs/x.log");
	end();
}

static void test_never_half(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *wanted = NULL;
	g_autofree char *port = NULL;

	begin();
	refused = "c";
	put("settings: {default_port: 7}\nmodules:\n  a: {class: Soft}\nservers:\n  b: {transport: tcp, handler: echo, port: 1}\n"
	    "  c: {transport: tcp, handler: echo, port: 2}\ncommands: [never]\n");
	CU_ASSERT_FALSE(bp_config_start(file, FALSE, run_line, &error));
	wanted = g_strdup_printf("%s:6:44: server c cannot be opened: port 2 is taken", file);
	assert_text(error ? error->message : NULL, wanted);
	CU_ASSERT_EQUAL(opened, 2);
	CU_ASSERT_EQUAL(closed, 2);
	CU_ASSERT_PTR_NULL(bp_instance_find("a"));
	CU_ASSERT_PTR_NULL(bp_config_running());
	CU_ASSERT_EQUAL(ran->len, 0);
	port = setting("default_port");
	assert_text(port, "23");
	end();
}

static void test_check_opens_nothing(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(BpConfig) config = NULL;
	g_autofree char *warnings = NULL;

	begin();
	put("settings: {default_port: 7}\nservers:\n  b: {transport: tcp, handler: echo, ws_path: /}\ncommands: [never]\n");
	CU_ASSERT_TRUE(bp_config_start(file, TRUE, run_line, &error));
	config = bp_config_read(file, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	warnings = bp_config_check_only(config, &error);
	CU_ASSERT(warnings && g_str_has_suffix(warnings, ":3:38: ws_path has no effect on transport tcp"));
	CU_ASSERT_EQUAL(opened, 0);
	CU_ASSERT_EQUAL(ran->len, 0);
	CU_ASSERT_PTR_NULL(bp_config_running());
	end();
}

static void test_serve(void)
{
	const char *const pairs[] = { "wait=5s", NULL }, *const bad[] = { "wiat=5s", NULL };
	g_autoptr(GError) error = NULL;

	begin();
	CU_ASSERT_PTR_NOT_NULL(bp_config_serve("tcp", "x:EchoTelnetHandler", NULL, pairs, &error));
	assert_values("echo-tcp", "port=8024 handler=echo wait=5s");
	CU_ASSERT_PTR_NOT_NULL(bp_config_serve("telnet", "echo", "front", NULL, &error));
	CU_ASSERT_PTR_NULL(error);
	CU_ASSERT_PTR_NULL(bp_config_serve("tpc", "echo", NULL, NULL, &error));
	assert_text(error ? error->message : NULL, "there is no transport \"tpc\"; there are tcp, telnet");
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_config_serve("tcp", "ecko", NULL, NULL, &error));
	assert_text(error ? error->message : NULL, "there is no handler \"ecko\"; did you mean echo?");
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(bp_config_serve("tcp", "echo", NULL, bad, &error));
	assert_text(error ? error->message : NULL, "there is no parameter \"wiat\"; did you mean wait?");
	end();
}

static const SuiteTest tests[] = {
	{ "refuses", test_refuses },
	{ "gathers", test_gathers },
	{ "bounds", test_bounds },
	{ "applies", test_applies },
	{ "reference", test_reference },
	{ "own_defaults", test_own_defaults },
	{ "paths", test_paths },
	{ "never_half", test_never_half },
	{ "check_opens_nothing", test_check_opens_nothing },
	{ "serve", test_serve },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("config", tests, argc, argv);
}
