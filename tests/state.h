/* SPDX-License-Identifier: MIT */
/* state.h - for tests of settings: a state folder of its own for each test, and a plugin that has declared some in "/". */
#pragma once
#include <string.h>
#include "bus/owner.h"
#include "host/settings.h"
#include "suite.h"

static const BpParam state_table[] = {
	{ "default_telnet_port", .type = BP_INT, .fallback = "23", .min = 0, .max = 65535, .alias = "telnet_port" },
	{ "MixedCase", .fallback = "none" },
	{ "timeout", .type = BP_DURATION, .fallback = "10s" },
	{ "verbose", .type = BP_BOOL },
	{ "mode", .type = BP_CHOICE, .choices = "close|drop-oldest", .fallback = "close" },
	{ NULL },
};

static BpPlugin plugin;
static char *state;
static guint dirty_calls;

static inline void on_dirty(void)
{
	dirty_calls++;
}

static inline void begin(void)
{
	static guint number;
	g_autofree char *name = g_strdup_printf("state%u", ++number);

	state = g_build_filename(suite_folder(), name, NULL);
	dirty_calls = 0;
	memset(&plugin, 0, sizeof(plugin));
	owner_init(&plugin, NULL, "test");
	settings_on_dirty(on_dirty);
}

static inline BpContext *start(void)
{
	g_autoptr(GError) error = NULL;

	if (!settings_start(state, &error))
		g_error("%s", error->message);
	owner_drop_all(&plugin);
	bp_setting_declare(&plugin, bp_context("/"), state_table);
	return bp_context("/");
}

static inline void end(void)
{
	owner_drop_all(&plugin);
	owner_clear(&plugin);
	settings_stop();
	g_clear_pointer(&state, g_free);
}

static inline char *path_of(const char *suffix)
{
	return g_strconcat(state, "/settings.ini", suffix, NULL);
}

static inline char *contents(const char *suffix)
{
	g_autofree char *path = path_of(suffix);
	char *text = NULL;

	g_file_get_contents(path, &text, NULL, NULL);
	return text;
}

static inline void set(BpContext *context, const char *key, const char *value)
{
	g_autoptr(GError) error = NULL;

	if (!bp_setting_set(context, key, value, &error))
		g_error("%s", error->message);
}

/* Without a loop it is done when settings_save returns. */
static inline void on_save(const GError *error, gpointer data)
{
	*(GError **)data = error ? g_error_copy(error) : NULL;
}

static inline void save(void)
{
	g_autoptr(GError) error = NULL;

	settings_save(on_save, &error);
	if (error)
		g_error("%s", error->message);
}

#define ASSERT_SETTING(context, key, wanted) \
	do { \
		g_autofree char *text_ = bp_setting_get(context, key); \
		if (g_strcmp0(text_, wanted)) \
			g_printerr("\n  got: %s\n  not: %s\n", text_, wanted); \
		CU_ASSERT_PTR_NOT_NULL_FATAL(text_); \
		CU_ASSERT_STRING_EQUAL(text_, wanted); \
	} while (0)
