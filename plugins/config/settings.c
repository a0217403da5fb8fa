/* SPDX-License-Identifier: MIT */
/* settings.c - settings export, settings import: all settings in a file, for another machine. Jobs write and read it. */
#include <unistd.h>
#include <backplane/backplane.h>
#include <backplane/host.h>
#include "config-plugin.h"

#define FILE_LIMIT (16 * 1024 * 1024)

typedef struct {
	BpCall *call; /* used on the loop only */
	char *target, *text;
	gsize size;
	GError *error;
} SettingsExport;

static void export_free(gpointer data)
{
	SettingsExport *export = data;

	g_clear_error(&export->error);
	g_free(export->target);
	g_free(export->text);
	g_free(export);
}

static char *free_name(const char *folder)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *start = g_date_time_format(now, "settings-%Y%m%d-%H%M%S");
	g_autofree char *path = g_build_filename(folder, start, NULL);
	char *name = g_strconcat(path, ".ini", NULL);

	for (guint i = 2; !access(name, F_OK) && i < 1000; i++) {
		g_free(name);
		name = g_strdup_printf("%s-%u.ini", path, i);
	}
	return name;
}

static void export_work(BpJob *job, gpointer data)
{
	SettingsExport *export = data;

	if (g_file_test(export->target, G_FILE_TEST_IS_DIR)) {
		g_autofree char *folder = export->target;

		export->target = free_name(folder);
	}
	bp_file_create(export->target, export->text, export->size, &export->error);
}

static void on_exported(BpPlugin *self, gboolean cancelled, gpointer data)
{
	SettingsExport *export = data;
	GError *why = NULL;

	if (export->error)
		bp_fail(&why, export->error->code, "cannot export the settings to %s%s", export->error->message,
			export->error->code == BP_EXISTS ? "; choose another name" : "");
	else
		bp_call_printf(export->call, "Persistent settings exported to %s.", export->target);
	bp_call_done(export->call, why);
}

static void on_cancel(BpPlugin *self, gpointer call)
{
	bp_call_done(call, g_error_new(BP_PLUGIN_ERROR, BP_CANCELLED, "it was interrupted"));
}

static gboolean run_export(BpPlugin *self, BpCall *call, GError **error)
{
	SettingsExport *export = g_new0(SettingsExport, 1);

	export->call = call;
	export->target = g_strdup(bp_call_string(call, "file"));
	export->text = bp_settings_text(&export->size);
	if (!bp_job_add(bp_call_scope(call), "export settings", export_work, on_exported, export, export_free))
		return bp_fail(error, BP_LIMIT, "too many jobs wait; try again");
	bp_call_hold(call, on_cancel, call);
	return TRUE;
}

static void on_import(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data)
{
	BpCall *call = data;
	const char *file = bp_call_string(call, "file");
	GError *why = error ? g_error_copy(error) : NULL;

	if (text && bp_settings_import(file, text, size, &why))
		bp_call_printf(call, "Persistent settings imported from %s.", file);
	bp_call_done(call, why);
}

static gboolean run_import(BpPlugin *self, BpCall *call, GError **error)
{
	if (!bp_file_read(bp_call_scope(call), bp_call_string(call, "file"), FILE_LIMIT, on_import, call, error))
		return FALSE;
	bp_call_hold(call, on_cancel, call);
	return TRUE;
}

static const BpParam file_params[] = {
	{ "file", .kind = BP_ARGUMENT, .required = TRUE, .names = BP_A_FILE,
	  .help = "a file; to export, a folder too" },
	{ NULL },
};

const BpCommand config_settings_commands[] = {
	{ "settings export", .help = "copy all settings to a file", .params = file_params, .run = run_export,
	  .role = BP_ADMIN },
	{ "settings import", .help = "take settings from a file", .params = file_params, .run = run_import,
	  .role = BP_ADMIN },
	{ "setting_export", .help = "the same as settings export", .params = file_params, .run = run_export,
	  .role = BP_ADMIN, .hidden = TRUE, .group = "settings" },
	{ "setting_import", .help = "the same as settings import", .params = file_params, .run = run_import,
	  .role = BP_ADMIN, .hidden = TRUE, .group = "settings" },
	{ NULL },
};
