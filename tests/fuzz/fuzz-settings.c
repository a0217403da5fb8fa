/* SPDX-License-Identifier: MIT */
/* fuzz-settings.c - every type's parser, the nearest word, paths and keys, and the settings file with its escapes.
 *
 * What is taken must keep its promise: in range, finite, the same when read again. The bytes are tried as a value
 * and as a whole file.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "host/param.h"
#include "host/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const BpParam table[] = {
	{ "text", .type = BP_STRING, .alias = "words|a_b" },
	{ "whole", .type = BP_INT },
	{ "port", .type = BP_INT, .min = 0, .max = 65535 },
	{ "real", .type = BP_DOUBLE },
	{ "part", .type = BP_DOUBLE, .min = -0.5, .max = 0.5 },
	{ "switch", .type = BP_BOOL },
	{ "mode", .type = BP_CHOICE, .choices = "close|drop-oldest|N" },
	{ "wait", .type = BP_DURATION },
	{ "soon", .type = BP_DURATION, .min = 0.001, .max = 60 },
	{ "limit", .type = BP_BYTES },
	{ "rest", .type = BP_REST, .many = TRUE },
	{ NULL },
};

static void check(gboolean good)
{
	if (!good)
		abort();
}

static void try_value(const BpParam *param, const char *text)
{
	g_autoptr(GError) error = NULL;
	ParamValue value, again;

	if (!param_parse(param, text, &value, &error)) {
		check(error && g_utf8_validate(error->message, -1, NULL) && strlen(error->message) < 400);
		return;
	}
	check(!error && value.text && isfinite(value.real));
	if (param->type == BP_DURATION || param->type == BP_BYTES)
		check(value.number >= 0);
	if (param->max != 0 && param->type != BP_DURATION)
		check(value.real >= param->min && value.real <= param->max);
	if (param->max != 0 && param->type == BP_DURATION)
		check(value.number <= 60 * G_USEC_PER_SEC);
	/* What is kept is taken again, and is the same. */
	check(param_parse(param, value.text, &again, NULL));
	check(value.number == again.number && value.real == again.real && !strcmp(value.text, again.text));
	g_free(value.text);
	g_free(again.text);
}

static void try_text(const char *text)
{
	g_autofree char *escaped = settings_escape(text);
	g_autofree char *back = settings_unescape(escaped);
	g_autofree char *read = settings_unescape(text);
	g_autofree char *path = bp_context_check_path(text, NULL);
	g_autoptr(BpValues) values = bp_values_new(table);
	const char *const pairs[] = { text, NULL };

	check(!strcmp(back, text) && g_utf8_validate(escaped, -1, NULL) && !strpbrk(escaped, "\n\r"));
	check(strlen(read) <= strlen(text));
	if (path) {
		g_autofree char *again = bp_context_check_path(path, NULL);
		check(again && !strcmp(again, path) && strlen(path) <= 255);
	}
	bp_setting_check_key(text, NULL);
	bp_param_find(table, text);
	bp_param_nearest(table, text);
	if (bp_values_set_pairs(values, pairs, NULL)) {
		g_autofree char *line = bp_values_describe(values);
		check(*line && g_utf8_validate(line, -1, NULL));
	}
}

static void try_file(const char *data, size_t size)
{
	g_autoptr(GKeyFile) keys = settings_parse(data, size, NULL);
	g_autoptr(GKeyFile) again = NULL;
	g_autoptr(GKeyFile) copy = g_key_file_new();
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	g_auto(GStrv) groups = NULL;
	gsize length;

	if (!keys)
		return;
	first = settings_render(keys, &length);
	again = settings_parse(first, length, NULL);
	check(again != NULL);
	second = settings_render(again, &length);
	check(!strcmp(first, second));
	groups = g_key_file_get_groups(keys, NULL);
	for (guint g = 0; groups[g]; g++) {
		g_auto(GStrv) names = g_key_file_get_keys(keys, groups[g], NULL, NULL);

		for (guint k = 0; names && names[k]; k++) {
			g_autofree char *raw = g_key_file_get_value(keys, groups[g], names[k], NULL);
			if (raw)
				g_key_file_set_value(copy, groups[g], names[k], raw);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);

	g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
	for (const BpParam *row = table; row->name; row++)
		try_value(row, text);
	try_text(text);
	try_file((const char *)data, size);
	return 0;
}
