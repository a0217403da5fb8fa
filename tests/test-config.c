/* SPDX-License-Identifier: MIT */
/* test-config.c - the configuration file: what is refused and how it is said, what is opened, and what a reload keeps. */
#include <string.h>
#include <backplane/backplane.h>
#include <glib/gstdio.h>
#include "host/config.h"
#include "host/module.h"
#include "host/settings.h"
#include "suite.h"

/* --- a plugin to configure --- */

static guint opened, closed, updates;
static const char *refused; /* the instance that does not open */

static const BpParam server_params[] = {
	{ "port", .type = BP_INT, .required = 1, .min = 0, .max = 65535, .help = "port to listen on" },
	{ "handler", .fallback = "echo", .alias = "handler_class", .names = BP_A_HANDLER },
	{ "token", .secret = 1 },
	{ "wait", .type = BP_DURATION, .fallback = "1m" },
	{ "origins", .many = 1, .alias = "allow_origins" },
	{ .include = bp_server_params },
	{ NULL },
};

static const BpParam soft_params[] = {
	{ "level", .type = BP_INT, .fallback = "1" },
	{ "log", .names = BP_A_FILE },
	{ "hard", .type = BP_INT, .fallback = "0" },
	{ NULL },
};

static const BpParam settings[] = {
	{ "default_port", .type = BP_INT, .fallback = "23", .min = 0, .max = 65535 },
	{ "greeting", .fallback = "hello" },
	{ NULL },
};

static gboolean on_open(BpInstance *self, GError **error)
{
	if (refused && !strcmp(refused, bp_plugin_name(self))) {
		g_set_error(error, BP_IO_ERROR, BP_BUSY, "port %d is taken", (int)bp_instance_int(self, "port"));
		return FALSE;
	}
	opened++;
	return TRUE;
}

static void on_close(BpInstance *self)
{
	closed++;
}

static gboolean on_update(BpInstance *self, const BpValues *before, GError **error)
{
	if (bp_values_int(before, "hard") != bp_instance_int(self, "hard"))
		return FALSE;
	if (bp_instance_int(self, "level") == 13) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "13 brings bad luck");
		return FALSE;
	}
	updates++;
	return TRUE;
}

static gboolean on_soft(BpInstance *self, GError **error)
{
	opened++;
	return TRUE;
}

static const BpModule modules[] = {
	{ "FakeServer", .params = server_params, .open = on_open, .close = on_close },
	{ "Soft", .params = soft_params, .open = on_soft, .close = on_close, .update = on_update },
	{ NULL },
};

static const BpHandler handlers[] = { { "echo", .help = "nobody" }, { "guess", .help = "nobody" }, { NULL } };
static const BpTransport telnet = { .name = "telnet", .module = "FakeServer", .default_port = 8023 };
static const BpTransport tcp = { .name = "tcp", .module = "FakeServer", .default_port = 8024 };

static gboolean load(BpPlugin *self, GError **error)
{
	bp_setting_declare(self, bp_context("/"), settings);
	return bp_registry_add(self, "transport/telnet", &telnet, error) && bp_registry_add(self, "transport/tcp", &tcp, error);
}

static const BpPluginInfo fake = { .abi = BP_ABI, .name = "fake", .modules = modules, .handlers = handlers, .load = load };

static char *file;
static GString *ran;

static void begin(void)
{
	BpKernelOptions options = { NULL, NULL, NULL };
	g_autoptr(GError) error = NULL;

	opened = closed = updates = 0;
	refused = NULL;
	ran = g_string_new(NULL);
	if (!bp_kernel_start(&options, &error) || !bp_plugin_add(&fake, &error))
		g_error("%s", error->message);
}

static void end(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	context_forget_temporary();
	CU_ASSERT_EQUAL(opened, closed);
	CU_ASSERT_PTR_NULL(config_running());
	g_string_free(ran, TRUE);
	g_clear_pointer(&file, g_free);
}

static gboolean run_line(const char *line, GError **error)
{
	g_string_append_printf(ran, "%s;", line);
	if (!strstr(line, "fails"))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_FAILED, "it fails");
	return FALSE;
}

static void put(const char *text)
{
	g_free(file);
	file = suite_file("c.yaml", text);
}

static void assert_text(const char *got, const char *wanted)
{
	if (g_strcmp0(got, wanted))
		g_printerr("\n  got: %s\n  not: %s\n", got, wanted);
	CU_ASSERT_EQUAL(g_strcmp0(got, wanted), 0);
}

static void assert_start(const char *text)
{
	g_autoptr(GError) error = NULL;

	put(text);
	if (!config_start(file, FALSE, run_line, &error))
		g_printerr("\n  %s\n", error->message);
	CU_ASSERT_PTR_NULL(error);
}

static Config *checked(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_read_text("c.yaml", text, strlen(text), &error);

	if (!config || !config_check(config, &error)) {
		g_printerr("\n  %s\n", error->message);
		CU_FAIL("the text is good");
		return NULL;
	}
	return g_steal_pointer(&config);
}

/* Reads, loads and checks; the sentences, or "". Yours. */
static char *sentences(const char *text, gsize size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_read_text("c.yaml", text, size, &error);

	if (config && config_load_plugins(config, NULL, &error))
		config_check(config, &error);
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
	{ "servers:\n  a: {transport: telnet, handlr: echo}\n", "c.yaml:2:26: FakeServer has no key \"handlr\"; did you mean handler?" },
	{ "servers:\n  a: {transport: telnte, handler: echo}\n", "c.yaml:2:18: there is no transport \"telnte\"; did you mean telnet?" },
	{ "servers:\n  a: {transport: [telnet], handler: echo}\n", "c.yaml:2:18: \"transport\" must be a text, not a list" },
	{ "servers:\n  a: {transport: telnet, handler: ecko}\n", "c.yaml:2:35: there is no handler \"ecko\"; did you mean echo?" },
	{ "servers:\n  a: {transport: telnet, handler_class: \"m.x:GuesTelnetHandler\"}\n",
	  "c.yaml:2:41: there is no handler \"gues\", which is what this class stands for; did you mean guess?" },
	{ "servers:\n  a: {transport: telnet, handler: echo, handler_class: x:Echo}\n",
	  "c.yaml:2:41: handler_class and handler in line 2 are the same" },
	{ "servers:\n  a: {transport: telnet, handler: echo, bind: '::1', host: '::1'}\n", "c.yaml:2:54: host and bind in line 2 are the same" },
	{ "servers:\n  a: {transport: telnet, handler: echo, max_conections: 1}\n",
	  "c.yaml:2:41: FakeServer has no key \"max_conections\"; did you mean max_connections?" },
	{ "servers:\n  a: {transport: telnet, handler: echo, zzzzzzzz: 1}\n", "c.yaml:2:41: FakeServer has no key \"zzzzzzzz\"; it has port, handler" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: many}\n",
	  "c.yaml:2:47: port must be a whole number from 0 to 65535, not \"many\"" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: 70000}\n", "c.yaml:2:47: port must be a whole number from 0 to 65535" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: [1]}\n", "c.yaml:2:47: port must be one value, not a list" },
	{ "servers:\n  a: {transport: telnet, handler: echo, port: {a: 1}}\n", "c.yaml:2:47: port must be a value, not a mapping" },
	{ "servers:\n  a: {transport: telnet, handler: echo, origins: [[a]]}\n", "c.yaml:2:51: origins must be a list of values" },
	{ "servers:\n  a: {transport: telnet, handler: echo, use_ssl: maybe}\n", "c.yaml:2:50: tls must be true or false" },
	{ "servers:\n  a: {transport: telnet, handler: echo, use_ssl: yes}\n", "c.yaml:2:50: tls needs a certificate" },
	{ "servers:\n  a: {transport: telnet, handler: echo, use_ssl: yes, ssl_cert: '', ssl_key: ''}\n", "c.yaml:2:50: tls needs a certificate" },
	{ "servers:\n  a: {transport: telnet, handler: echo, tls: yes, tls_cert: /nowhere/x.pem}\n",
	  "c.yaml:2:61: tls_cert \"/nowhere/x.pem\" cannot be read: No such file" },
	{ "servers:\n  a: {transport: telnet, handler: echo, tls: yes, tls_cert: /dev/zero}\n",
	  "c.yaml:2:61: tls_cert \"/dev/zero\" cannot be read: it is not a file" },
	{ "servers:\n  a: {transport: telnet, handler: echo, tls: yes, tls_cert: /etc/passwd}\n", "c.yaml:2:61: the certificate /etc/passwd cannot be used" },
	{ "servers:\n  a: {transport: telnet, handler: echo, host: 0.0.0.0}\n", "c.yaml:2:47: listening on 0.0.0.0 lets anybody on the network in" },
	{ "servers:\n  a: {transport: telnet, handler: echo, host: nonsense.}\n", "c.yaml:2:47: " },
	{ "servers:\n  'a b': {transport: telnet, handler: echo}\n", "c.yaml:2:3: \"a b\" cannot be a name" },
	{ "modules:\n  a: {class: FakeServer, port: 1}\nservers:\n  a: {transport: telnet, handler: echo}\n",
	  "c.yaml:4:3: \"a\" is the name of a module in line 2 already" },
	{ "modules:\n  a: {port: 1}\n", "c.yaml:2:3: a has no class" },
	{ "modules:\n  a: {class: FakeSever, port: 1}\n", "c.yaml:2:14: there is no module \"FakeSever\"; did you mean FakeServer?" },
	{ "modules:\n  a: {class: Zzz}\n", "c.yaml:2:14: there is no module \"Zzz\"; there are ControlServer, FakeServer, Soft; is the plugin" },
	{ "modules:\n  a: {class: FakeServer}\n", "c.yaml:2:3: a: port is missing: port to listen on" },
	{ "modules:\n  a: {class: FakeServer, port: 1, ws_path: /x}\n", "c.yaml:2:35: FakeServer has no key \"ws_path\"" },
	{ "modules:\n  a: {class: Soft, context: 'a]b'}\n", "c.yaml:2:29: \"a]b\" cannot be a context" },
	{ "settings:\n  defalt_port: 1\n", "c.yaml:2:16: there is no setting \"defalt_port\" in /; did you mean default_port?" },
	{ "settings:\n  default_port: x\n", "c.yaml:2:17: default_port must be a whole number" },
	{ "settings:\n  default_port: [1]\n", "c.yaml:2:17: the setting \"default_port\" must be one value, not a list" },
	{ "settings:\n  default_port: 1\n  /: {default_port: 2}\n", "c.yaml:3:21: the setting \"default_port\" is given twice, first in line 2" },
	{ "settings:\n  /x/y: {key: 2}\n", "c.yaml:2:15: there is no setting \"key\" in /x/y; is the plugin" },
	{ "settings:\n  /x/y: 1\n", "c.yaml:2:9: \"/x/y\" must be a mapping, not a text" },
	{ "settings:\n  1key: 1\n", "c.yaml:2:3: " },
	{ "commands:\n  - a: b\n", "c.yaml:2:5: a command must be a text here, not a mapping" },
	{ "commands: {a: b}\n", "c.yaml:1:11: commands must be a list of texts, not a mapping" },
	{ "plugins: [nowhere]\n", "c.yaml:1:11: there is no plugin nowhere" },
	{ "plugins: [fake, fake]\nplugin_path: /nowhere/at/all\n", "c.yaml:2:14: there is no folder \"/nowhere/at/all\"" },
	{ "transport: telnet\nhandler: echo\nprot: 1\n", "c.yaml:3:1: FakeServer has no key \"prot\"; did you mean port?" },
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
	CU_ASSERT_PTR_NULL(config_read("/nowhere/c.yaml", &error));
	CU_ASSERT(error && g_str_has_prefix(error->message, "/nowhere/c.yaml:1:1: the configuration cannot be read: No such file"));
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(config_read("/dev/zero", &error));
	CU_ASSERT(error && strstr(error->message, "it is not a file"));
	end();
}

/* --- what is taken --- */

static void assert_values(const char *name, const char *wanted)
{
	BpInstance *instance = bp_instance_find(name);
	g_autofree char *got = instance ? bp_values_describe(bp_instance_values(instance)) : NULL;

	assert_text(got, wanted);
}

static char *setting(const char *key)
{
	return bp_setting_get(bp_context("/"), key);
}

static void test_applies(void)
{
	g_autofree char *port = NULL;

	begin();
	assert_start("plugins: [fake]\nsettings:\n  default_port: 99\n  /: {greeting: null}\nmodules:\n  lab: {class: FakeServer, context: device/x, port: 0x10}\n"
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
	static const char text[] = "transport: telnet\nhandler_class: \"samples.echo_server:EchoTelnetHandler\"\nhost: localhost\nmax_connections: null\n"
				   "welcome_message: null\nws_path: /ws\nallow_origins: ['*']\nuse_ssl: false\nssl_cert: \"\"\nssl_key: \"\"\n"
				   "ping_interval: 30\nping_timeout: null\nenable_monitoring: true\nmonitor_path: /monitor\n";
	g_autoptr(Config) config = NULL;
	g_autoptr(GString) shown = NULL;

	begin();
	config = checked(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	shown = config_describe(config);
	assert_text(shown->str, "# c.yaml\nservers:\n  server:\n    transport: telnet\n    port: 8023\n    handler: echo\n    origins: \"*\"\n"
				"    bind: localhost\n    max_connections: 0\n    session_timeout: 300\n    tls: false\n    tls_cert: \"\"\n    tls_key: \"\"\n");
	CU_ASSERT_EQUAL(config_warnings(config)->len, 6);
	assert_text(config_warnings(config)->pdata[0], "c.yaml:5:1: welcome_message has no effect on transport telnet");
	assert_text(config_warnings(config)->pdata[1], "c.yaml:6:1: ws_path has no effect on transport telnet");
	end();
}

static void test_own_defaults(void)
{
	g_autoptr(Config) config = NULL;
	g_autoptr(GString) shown = NULL;

	begin();
	config = checked("servers:\n  a: {transport: tcp, handler: 'x:GuessHandler', port: null, max_connections: null}\n  b: {transport: tcp, "
			 "handler_class: echo}\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	shown = config_describe(config);
	assert_text(shown->str, "# c.yaml\nservers:\n  a:\n    transport: tcp\n    port: 8024\n    handler: guess\n"
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
	CU_ASSERT_FALSE(config_start(file, FALSE, run_line, &error));
	wanted = g_strdup_printf("%s:6:44: server c cannot be opened: port 2 is taken", file);
	assert_text(error ? error->message : NULL, wanted);
	CU_ASSERT_EQUAL(opened, 2);
	CU_ASSERT_EQUAL(closed, 2);
	CU_ASSERT_PTR_NULL(bp_instance_find("a"));
	CU_ASSERT_PTR_NULL(config_running());
	CU_ASSERT_EQUAL(ran->len, 0);
	port = setting("default_port");
	assert_text(port, "23");
	end();
}

static void test_check_opens_nothing(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *warnings = NULL;

	begin();
	put("settings: {default_port: 7}\nservers:\n  b: {transport: tcp, handler: echo, ws_path: /}\ncommands: [never]\n");
	CU_ASSERT_TRUE(config_start(file, TRUE, run_line, &error));
	warnings = config_check_file(file, &error);
	CU_ASSERT(warnings && g_str_has_suffix(warnings, ":3:38: ws_path has no effect on transport tcp"));
	CU_ASSERT_EQUAL(opened, 0);
	CU_ASSERT_EQUAL(ran->len, 0);
	CU_ASSERT_PTR_NULL(config_running());
	end();
}

/* --- two of them --- */

static const char first_text[] = "settings: {default_port: 1, greeting: a}\nservers:\n  keep: {transport: tcp, handler: echo, port: 1, wait: 60s}\n"
				 "  change: {transport: tcp, handler: echo, port: 2, token: abc}\n  go: {transport: tcp, handler: echo, port: 3}\n"
				 "modules:\n  soft: {class: Soft}\n";
static const char second_text[] = "settings: {default_port: 2}\nservers:\n  keep: {transport: tcp, handler: echo, port: 1, wait: 1m}\n"
				  "  change: {transport: tcp, handler: guess, port: 2, token: xyz}\n  come: {transport: tcp, handler: echo, port: 3}\n"
				  "modules:\n  soft: {class: Soft, level: 5}\n";
static const char changes_text[] = "~ setting / default_port: 1 -> 2\n- setting / greeting\n- server go: tcp\n"
				   "~ module soft: level (default) -> 5\n~ server change: handler echo -> guess, token\n"
				   "+ server come: tcp port=3 handler=echo\n";

static void test_diff(void)
{
	g_autoptr(Config) old = NULL;
	g_autoptr(Config) new = NULL;
	g_autoptr(GString) none = NULL;
	g_autoptr(GString) changes = NULL;
	g_autoptr(GString) shown = NULL;

	begin();
	old = checked(first_text);
	new = checked(second_text);
	CU_ASSERT_FATAL(old && new);
	none = config_diff(old, old);
	assert_text(none->str, "");
	changes = config_diff(old, new);
	assert_text(changes->str, changes_text);
	shown = config_describe(new);
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
	CU_ASSERT_TRUE(config_reload(on_reloaded, NULL, &error));
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
	CU_ASSERT_TRUE(config_reload(on_reloaded, NULL, NULL));
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
	CU_ASSERT_PTR_NOT_NULL(strstr(result, "the old configuration could not be restored as a whole, port 1 is taken"));
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
	CU_ASSERT_PTR_NOT_NULL(strstr(result, "c.yaml:3:3: module b cannot take its new parameters: 13 brings bad luck"));
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
	CU_ASSERT_FALSE(config_reload(on_reloaded, NULL, NULL)); /* one at a time */
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
	CU_ASSERT_FALSE(config_reload(NULL, NULL, &error));
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
	CU_ASSERT_TRUE(settings_set_temporary("/", "default_port", "5", NULL)); /* -s */
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
	assert_text(result, "- plugin fake: it stays loaded until plugin unload\n+ command b\ncommands run at the start only\n");
	assert_text(ran->str, "a;");
	CU_ASSERT_PTR_NOT_NULL(bp_plugin_find("fake"));
	end_reload();
}

static void test_serve(void)
{
	const char *const pairs[] = { "wait=5s", NULL }, *const bad[] = { "wiat=5s", NULL };
	g_autoptr(GError) error = NULL;

	begin();
	CU_ASSERT_PTR_NOT_NULL(config_serve("tcp", "x:EchoTelnetHandler", NULL, pairs, &error));
	assert_values("echo-tcp", "port=8024 handler=echo wait=5s");
	CU_ASSERT_PTR_NOT_NULL(config_serve("telnet", "echo", "front", NULL, &error));
	CU_ASSERT_PTR_NULL(error);
	CU_ASSERT_PTR_NULL(config_serve("tpc", "echo", NULL, NULL, &error));
	assert_text(error ? error->message : NULL, "there is no transport \"tpc\"; there are tcp, telnet");
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(config_serve("tcp", "ecko", NULL, NULL, &error));
	assert_text(error ? error->message : NULL, "there is no handler \"ecko\"; did you mean echo?");
	g_clear_error(&error);
	CU_ASSERT_PTR_NULL(config_serve("tcp", "echo", NULL, bad, &error));
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
	{ "serve", test_serve },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("config", tests, argc, argv);
}
