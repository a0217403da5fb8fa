/* SPDX-License-Identifier: MIT */
/* start.c - the kernel's rooms, in the order in which they start and, backwards, end. */
#include "start.h"
#include "config.h"
#include "bus/owner.h"
#include "console/console.h"
#include "host/log.h"
#include "host/module.h"
#include "host/plugin.h"
#include "host/registry.h"
#include "host/settings.h"
#include "io/stream.h"
#include "loop/loop.h"

#define SAVE_DELAY G_USEC_PER_SEC

static BpPlugin *kernel;
static int status;
static gint quitting; /* atomic */
static gboolean restart;
static gint64 started;

BpPlugin *bp_kernel(void)
{
	return kernel;
}

const char *bp_kernel_version(void)
{
	return "Backplane " PACKAGE_VERSION;
}

gint64 kernel_started(void)
{
	return started;
}

static void save_settings(BpPlugin *self, gpointer data)
{
	g_autoptr(GError) error = NULL;

	if (!settings_save(&error))
		bp_log(kernel, BP_LOG_ERROR, "%s", error->message);
}

static void on_dirty(void)
{
	if (!bp_kernel_is_quitting())
		bp_timer_add(kernel, NULL, SAVE_DELAY, 1, save_settings, NULL, NULL);
}

gboolean bp_kernel_start(const BpKernelOptions *options, GError **error)
{
	g_return_val_if_fail(!kernel, FALSE);
	if (!loop_start_main(error))
		return FALSE;
	g_atomic_int_set(&quitting, FALSE);
	status = 0;
	restart = FALSE;
	started = g_get_real_time();
	kernel = plugin_new("kernel", NULL, NULL, NULL);
	plugin_set_path(options->plugin_path);
	log_start();
	settings_on_dirty(on_dirty);
	if (!settings_start(options->state_dir, error)) {
		bp_kernel_stop();
		return FALSE;
	}
	console_start(options->state_dir);
	if (settings_notice())
		bp_log(kernel, BP_LOG_WARNING, "%s", settings_notice());
	return TRUE;
}

int bp_kernel_run(void)
{
	while (!bp_kernel_is_quitting())
		g_main_context_iteration(NULL, TRUE);
	return status;
}

void bp_kernel_quit(int with)
{
	status = with;
	g_atomic_int_set(&quitting, TRUE);
	g_main_context_wakeup(NULL);
}

gboolean bp_kernel_is_quitting(void)
{
	return g_atomic_int_get(&quitting);
}

void kernel_restart(void)
{
	restart = TRUE;
	bp_kernel_quit(0);
}

gboolean kernel_wants_restart(void)
{
	return restart;
}

/* Listeners close first of all, then everybody is told, and all servers' goodbyes go out side by side. */
guint bp_kernel_stop(void)
{
	g_autoptr(GPtrArray) left = NULL;
	guint behind;

	g_atomic_int_set(&quitting, TRUE);
	console_end_sessions();
	module_close_everything("Backplane is shutting down");
	plugin_unload_all();
	save_settings(kernel, NULL);
	streams_drain();
	left = bp_plugin_list();
	for (guint i = 0; i < left->len; i++)
		g_printerr("backplane: %s is still busy and is left behind\n", bp_plugin_name(left->pdata[i]));
	behind = left->len;
	settings_on_dirty(NULL);
	console_stop();
	log_stop();
	settings_stop();
	if (behind)
		return behind; /* its threads may still come back to what is here */
	loop_close_all(kernel);
	owner_drop_all(kernel);
	plugin_free(g_steal_pointer(&kernel));
	registry_stop();
	loop_stop_main();
	return 0;
}
