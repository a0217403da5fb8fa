/* SPDX-License-Identifier: MIT */
/* config-plugin.h - for tests of the configuration: a plugin with modules, transports, handlers and settings to configure, and
 * a kernel around it for each test. */
#pragma once
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/sessions.h>
#include <glib/gstdio.h>
#include <backplane/config.h>
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
static const BpTransport telnet = {
	.size = sizeof(telnet), .name = "telnet", .module = "FakeServer", .default_port = 8023
};
static const BpTransport tcp = { .size = sizeof(tcp), .name = "tcp", .module = "FakeServer", .default_port = 8024 };

static gboolean load(BpPlugin *self, GError **error)
{
	bp_setting_declare(self, bp_context("/"), settings);
	return bp_registry_add(self, "transport/telnet", &telnet, error) &&
	       bp_registry_add(self, "transport/tcp", &tcp, error);
}

static const BpPluginInfo fake = { BP_PLUGIN_BUILT, .name = "fake", .modules = modules, .handlers = handlers,
				   .load = load };

static char *file;
static GString *ran;

static inline void begin(void)
{
	BpKernelOptions options = { NULL, NULL, NULL };
	g_autoptr(GError) error = NULL;

	opened = closed = updates = 0;
	refused = NULL;
	ran = g_string_new(NULL);
	if (!bp_kernel_start(&options, &error) || !bp_plugin_add(&fake, &error))
		g_error("%s", error->message);
}

static inline void end(void)
{
	CU_ASSERT_EQUAL(bp_kernel_stop(), 0);
	context_forget_temporary();
	CU_ASSERT_EQUAL(opened, closed);
	CU_ASSERT_PTR_NULL(bp_config_running());
	g_string_free(ran, TRUE);
	g_clear_pointer(&file, g_free);
}

static inline gboolean run_line(const char *line, GError **error)
{
	g_string_append_printf(ran, "%s;", line);
	if (!strstr(line, "fails"))
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_FAILED, "it fails");
	return FALSE;
}

static inline void put(const char *text)
{
	g_free(file);
	file = suite_file("c.yaml", text);
}

static inline void assert_text(const char *got, const char *wanted)
{
	if (g_strcmp0(got, wanted))
		g_printerr("\n  got: %s\n  not: %s\n", got, wanted);
	CU_ASSERT_EQUAL(g_strcmp0(got, wanted), 0);
}

static inline void assert_start(const char *text)
{
	g_autoptr(GError) error = NULL;

	put(text);
	if (!bp_config_start(file, FALSE, run_line, &error))
		g_printerr("\n  %s\n", error->message);
	CU_ASSERT_PTR_NULL(error);
}

static inline BpConfig *checked(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(BpConfig) config = bp_config_read_text("c.yaml", text, strlen(text), &error);

	if (!config || !bp_config_check(config, &error)) {
		g_printerr("\n  %s\n", error->message);
		CU_FAIL("the text is good");
		return NULL;
	}
	return g_steal_pointer(&config);
}

static inline void assert_values(const char *name, const char *wanted)
{
	BpInstance *instance = bp_instance_find(name);
	g_autofree char *got = instance ? bp_values_describe(bp_instance_values(instance)) : NULL;

	assert_text(got, wanted);
}

static inline char *setting(const char *key)
{
	return bp_setting_get(bp_context("/"), key);
}
