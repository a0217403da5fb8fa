/* SPDX-License-Identifier: MIT */
/* start.c - the kernel's rooms, in the order in which they start and, backwards, end. */
#include "start.h"
#include "config.h"
#include "bus/owner.h"
#include "command/console.h"
#include "host/log.h"
#include "host/module.h"
#include "host/plugin.h"
#include "host/settings.h"
#include "loop/loop.h"

#define SAVE_DELAY G_USEC_PER_SEC
#define END_PATIENCE \
	(TURNS_PATIENCE - \
	 G_USEC_PER_SEC * 4 / 10) /* for readers and disks; a slow card takes seconds for the settings */

static int status;
static gint quitting; /* atomic */
static gboolean restart;
static gint64 started;
static char *state_folder;

const char *bp_kernel_version(void)
{
	return "Backplane " PACKAGE_VERSION;
}

const char *bp_kernel_state_folder(void)
{
	return state_folder;
}

gint64 bp_kernel_started(void)
{
	return g_get_real_time() - (g_get_monotonic_time() - started);
}

static void on_saved(const GError *error, gpointer data)
{
	if (error)
		bp_log(bus_kernel, BP_LOG_ERROR, "%s", error->message);
}

static void save_settings(BpPlugin *self, gpointer data)
{
	settings_save(on_saved, NULL);
}

static void on_dirty(void)
{
	if (!bp_kernel_is_quitting())
		bp_timer_add(bus_kernel, NULL, SAVE_DELAY, 1, save_settings, NULL, NULL);
}

gboolean bp_kernel_start_sized(const BpKernelOptions *given, gsize size, GError **error)
{
	BpKernelOptions all, *options = &all;

	g_return_val_if_fail(!bus_kernel, FALSE);
	bp_sized_copy(options, sizeof(*options), given, size);
	if (!loop_start_main(error))
		return FALSE;
	g_atomic_int_set(&quitting, FALSE);
	status = 0;
	restart = FALSE;
	started = g_get_monotonic_time();
	state_folder = g_strdup(options->state_dir);
	bus_kernel = plugin_new("kernel", NULL, NULL);
	bp_plugin_set_path(options->plugin_path);
	log_start();
	settings_on_dirty(on_dirty);
	if (!settings_start(options->state_dir, error)) {
		bp_kernel_stop();
		return FALSE;
	}
	console_start();
	if (settings_notice())
		bp_log(bus_kernel, BP_LOG_WARNING, "%s", settings_notice());
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

void bp_kernel_restart(void)
{
	restart = TRUE;
	bp_kernel_quit(0);
}

gboolean kernel_wants_restart(void)
{
	return restart;
}

static gboolean is_drained(void)
{
	return !g_atomic_int_get(&bus_kernel->holds);
}

/* Closes listeners first, then notifies all peers, so that the goodbyes of all servers are sent concurrently. */
guint bp_kernel_stop(void)
{
	gint64 until = g_get_monotonic_time() + END_PATIENCE;
	g_autoptr(GPtrArray) left = NULL;
	g_autoptr(GPtrArray) jobs = NULL;
	const GPtrArray *abandoned;

	g_atomic_int_set(&quitting, TRUE);
	save_settings(bus_kernel, NULL); /* now: a plugin that does not go may take all the time there is */
	console_end_sessions();
	module_close_everything("Backplane is shutting down");
	plugin_unload_all();
	save_settings(bus_kernel, NULL);
	loop_turn_until(is_drained, until); /* goodbyes that libraries send, jobs that write settings and files */
	jobs = bp_job_list();
	left = bp_plugin_list();
	abandoned = plugin_abandoned();
	for (guint i = 0; abandoned && i < abandoned->len; i++)
		g_ptr_array_add(left, abandoned->pdata[i]);
	settings_on_dirty(NULL);
	console_stop();
	log_stop();
	for (guint i = 0; i < left->len; i++) {
		g_autofree char *holds = bp_owner_holds_text(left->pdata[i]);

		bp_log(bus_kernel, BP_LOG_ERROR, "%s is still busy and is left behind: it is held by %s",
		       bp_plugin_name(left->pdata[i]), holds ? holds : "its own code");
	}
	for (guint i = 0; i < jobs->len; i++)
		bp_log(bus_kernel, BP_LOG_ERROR, "the job \"%s\" does not end in time",
		       ((BpJobInfo *)jobs->pdata[i])->name);
	if (jobs->len || left->len)
		return jobs->len + left->len; /* their threads may still access these objects */
	settings_stop();
	loop_close_all(bus_kernel);
	owner_drop_all(bus_kernel);
	plugin_free(g_steal_pointer(&bus_kernel));
	g_clear_pointer(&state_folder, g_free);
	loop_stop_main();
	return 0;
}
