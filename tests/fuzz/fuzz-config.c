/* SPDX-License-Identifier: MIT */
/* fuzz-config.c - the configuration file: what is wrong is said with its place, and what is taken is the same when it is
 * written out and read again. Nothing is loaded or opened. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/sessions.h>
#include <backplane/config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const BpParam params[] = {
	{ "port", .type = BP_INT, .required = 1, .min = 0, .max = 65535 },
	{ "handler", .fallback = "fake", .alias = "handler_class", .names = BP_A_HANDLER },
	{ "allow_origins", .many = 1, .alias = "origins" },
	{ "log", .names = BP_A_FILE },
	{ "text" },
	{ .include = bp_server_params },
	{ NULL },
};

static const BpParam settings[] = {
	{ "default_telnet_port", .type = BP_INT, .fallback = "23", .min = 0, .max = 65535, .alias = "telnet_port" },
	{ "greeting" },
	{ NULL },
};

static gboolean open_nothing(BpInstance *self, GError **error)
{
	abort();
}

static const BpModule modules[] = { { "FakeServer", .params = params, .open = open_nothing }, { NULL } };
static const BpHandler handlers[] = { { "fake", .help = "nobody" }, { NULL } };
static const BpTransport transport = {
	.size = sizeof(transport), .name = "telnet", .module = "FakeServer", .default_port = 8023
};

static gboolean load(BpPlugin *self, GError **error)
{
	bp_setting_declare(self, bp_context("/"), settings);
	return bp_registry_add(self, "transport/telnet", &transport, error);
}

static const BpPluginInfo fake = { BP_PLUGIN_BUILT, .name = "fake", .modules = modules, .handlers = handlers,
				   .load = load };

static void check(gboolean good)
{
	if (!good)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const BpKernelOptions options = { NULL, NULL, NULL };

	check(bp_kernel_start(&options, NULL) && bp_plugin_add(&fake, NULL));
	return 0;
}

static void check_sentences(const GError *error)
{
	g_auto(GStrv) lines = NULL;

	check(error != NULL && g_utf8_validate(error->message, -1, NULL));
	lines = g_strsplit(error->message, "\n", -1);
	check(g_strv_length(lines) <= CONFIG_ERRORS_MAX + 1);
	for (char **line = lines; *line; line++)
		check(g_str_has_prefix(*line, "fuzz.yaml:") || g_str_has_prefix(*line, "and "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(BpConfig) config = bp_config_read_text("fuzz.yaml", (const char *)data, size, &error);
	g_autoptr(BpConfig) again = NULL;
	g_autoptr(GString) text = NULL;
	g_autoptr(GString) changes = NULL;

	if (!config || !bp_config_check(config, &error)) {
		check_sentences(error);
		return 0;
	}
	check(!error);
	text = bp_config_describe(config);
	again = bp_config_read_text("fuzz.yaml", text->str, text->len, &error);
	if (!again && strchr(text->str, ':'))
		check(FALSE);
	if (again) {
		check(bp_config_check(again, &error));
		changes = bp_config_diff(config, again);
		check(!changes->len);
	}
	return 0;
}
