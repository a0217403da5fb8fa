/* SPDX-License-Identifier: MIT */
/* lua-script.c - the script on the main loop: it starts runs, learns how they end, starts again. */
#include "lua.h"
#include <string.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/host.h>
#include "lua-main.h"

#define LONGEST_PAUSE (60 * G_USEC_PER_SEC)

/* --- the last error --- */

void script_set_error(Script *script, const char *error)
{
	g_mutex_lock(&script->lock);
	g_free(script->error);
	script->error = g_strdup(error);
	g_mutex_unlock(&script->lock);
}

char *script_error(Script *script)
{
	char *text;

	g_mutex_lock(&script->lock);
	text = g_strdup(script->error ? script->error : "");
	g_mutex_unlock(&script->lock);
	return text;
}

/* --- commands that wait --- */

static void pending_free(gpointer data)
{
	PendingCall *pending = data;

	g_clear_error(&pending->error);
	g_free(pending->name);
	bp_values_free(pending->values);
	g_free(pending);
}

void pending_end(PendingCall *pending, GError *take_error)
{
	BpCall *call = pending->call;

	if (pending->script)
		g_ptr_array_remove_fast(pending->script->asked, pending);
	pending_free(pending);
	if (call)
		bp_call_done(call, take_error);
	else
		g_clear_error(&take_error);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	PendingCall *pending = data;
	Script *script = pending->script;
	GError *error = g_error_new(BP_PLUGIN_ERROR, BP_CANCELLED, "interrupted");

	if (!script) { /* somebody else has it */
		bp_call_done(g_steal_pointer(&pending->call), error);
		return;
	}
	if (pending->closes)
		bp_instance_close(script->self, "interrupted");
	if (pending->script)
		pending_end(pending, error);
	else
		bp_call_done(g_steal_pointer(&pending->call), error);
}

PendingCall *pending_new(BpCall *call)
{
	static guint number;
	PendingCall *pending = g_new0(PendingCall, 1);

	pending->call = call;
	pending->number = ++number;
	bp_call_hold(call, on_cancel, pending);
	return pending;
}

void script_ask(Script *script, PendingCall *pending)
{
	pending->script = script;
	g_ptr_array_add(script->asked, pending);
}

PendingCall *script_pending(Script *script, guint number)
{
	for (guint i = 0; i < script->asked->len; i++) {
		PendingCall *pending = script->asked->pdata[i];

		if (pending->number == number)
			return pending;
	}
	return NULL;
}

void pending_has_begun(PendingCall *pending)
{
	const char *name = bp_plugin_name(pending->script->self);

	bp_call_printf(pending->call, "%s runs; what it prints is on channel script-%s", name, name);
	pending_end(pending, NULL);
}

void script_run_begun(BpPlugin *self, gpointer data)
{
	Script *script = data;

	for (guint i = script->asked->len; i > 0; i = MIN(i - 1, script->asked->len)) {
		PendingCall *pending = script->asked->pdata[i - 1];

		if (pending->begins && script->run)
			pending_has_begun(pending);
	}
}

void script_close_for(Script *script, PendingCall *pending)
{
	pending->script = NULL;
	script->closing = pending;
	bp_instance_close(script->self, NULL);
}

static void on_closed(BpPlugin *self, gpointer data)
{
	PendingCall **place = data, *pending = g_steal_pointer(place);

	if (pending->name)
		script_open_for(pending);
	else
		pending_end(pending, g_steal_pointer(&pending->error));
}

static void free_place(gpointer data)
{
	PendingCall **place = data;

	g_clear_pointer(place, pending_free);
	g_free(place);
}

/* The very last of an instance: its name is free. */
static void on_gone(gpointer data)
{
	Script *script = data;
	PendingCall **place;

	if (!script->closing)
		return;
	place = g_new(PendingCall *, 1);
	*place = g_steal_pointer(&script->closing);
	bp_defer(bp_plugin_of(script->self), on_closed, place, free_place);
}

/* Returns the one that wants the instance to be closed; NULL: none. */
static PendingCall *answer_all(Script *script, const char *error)
{
	PendingCall *last = NULL;

	while (script->asked->len) {
		PendingCall *pending = script->asked->pdata[0];
		GError *why = (pending->closes || pending->begins) && !error
				      ? NULL
				      : g_error_new(BP_PLUGIN_ERROR, BP_CLOSED, "%s %s", bp_plugin_name(script->self),
						    error ? error : "has ended");

		if (pending->closes && !last) {
			g_ptr_array_remove_index_fast(script->asked, 0);
			last = pending;
			last->script = NULL;
			last->error = why;
		} else {
			pending_end(pending, why);
		}
	}
	return last;
}

/* --- runs --- */

static void describe_start(Script *script)
{
	bp_instance_set_state(script->self, BP_STATE_OK, "runs %s", bp_instance_string(script->self, "file"));
	bp_metric_add(script->starts, 1);
	bp_backoff_works(script->again);
}

static Run *run_new(Script *script)
{
	BpInstance *self = script->self;
	Run *run = g_new0(Run, 1);

	run->script = script;
	run->self = self;
	run->serial = ++script->serial;
	run->channel = script->channel;
	run->limit = (gsize)bp_instance_int(self, "memory");
	run->turn = bp_instance_duration(self, "turn");
	run->longest = bp_instance_duration(self, "run_for");
	run->unsafe = bp_instance_bool(self, "unsafe");
	run->insecure = bp_instance_bool(self, "insecure");
	run->file = g_strdup(bp_instance_string(self, "file"));
	run->args = g_strdupv((char **)bp_values_list(bp_instance_values(self), "args"));
	run->path = g_strsplit(bp_instance_string(self, "path"), ":", -1);
	run->tasks = g_hash_table_new_full(NULL, NULL, task_free, NULL);
	run->waiters = g_hash_table_new_full(NULL, NULL, wait_free, NULL);
	run->ears = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, ear_free);
	run->sockets = g_hash_table_new_full(NULL, NULL, NULL, socket_free);
	run->listeners = g_hash_table_new_full(NULL, NULL, NULL, listener_free);
	run->datagrams = g_hash_table_new_full(NULL, NULL, NULL, datagram_free);
	run->requests = g_hash_table_new_full(NULL, NULL, request_leave, NULL);
	run->websockets = g_hash_table_new_full(NULL, NULL, NULL, websocket_leave);
	run->servers = g_hash_table_new_full(NULL, NULL, NULL, web_server_free);
	run->brokers = g_hash_table_new_full(NULL, NULL, NULL, mqtt_leave);
	run->outgoing = g_hash_table_new_full(NULL, NULL, NULL, outgoing_free);
	run->asks = g_hash_table_new(NULL, NULL);
	run->origin = g_ref_string_new(bp_plugin_name(self));
	run->callbacks = g_hash_table_new_full(NULL, NULL, NULL, callback_free);
	return run;
}

gboolean script_start(Script *script, GError **error)
{
	Run *run;

	if (script->run)
		return bp_fail(error, BP_BUSY, "%s runs already", bp_plugin_name(script->self));
	bp_backoff_stop(script->again);
	script_set_error(script, NULL);
	script->goes_on = FALSE;
	script->run = run_new(script);
	script->parts = bp_scope_open(script->self);
	describe_start(script);
	run = script->run;
	if (bp_loop_call(run->self, script->loop, run_begin, run, NULL))
		return TRUE;
	bp_scope_close(g_steal_pointer(&script->parts));
	run_free(g_steal_pointer(&script->run));
	return bp_fail(error, BP_LIMIT, "%s: its loop takes no more calls", bp_plugin_name(script->self));
}

void script_stop(Script *script, gboolean goes_on)
{
	bp_backoff_reset(script->again);
	script->goes_on = goes_on;
	if (script->run) {
		g_atomic_int_set(&script->run->stop, TRUE);
		bp_loop_call(script->self, script->loop, run_look, script, NULL);
	} else if (!goes_on) {
		script->ended = RUN_STOPPED;
		bp_instance_set_state(script->self, BP_STATE_OK, "stopped");
	}
}

gboolean script_restart(Script *script, GError **error)
{
	if (!script->run) {
		bp_backoff_reset(script->again);
		return script_start(script, error);
	}
	script_stop(script, TRUE);
	return TRUE;
}

const char *script_state(const Script *script)
{
	if (script->run)
		return "runs";
	if (bp_backoff_left(script->again) >= 0)
		return "pauses";
	if (script->ended == RUN_FAILED || (script->ended == RUN_EXIT && script->status))
		return "failed";
	return script->ended == RUN_STOPPED ? "stopped" : "finished";
}

static char *first_line(const char *text)
{
	return g_strndup(text, strcspn(text, "\n"));
}

static void restart(BpPlugin *self, gpointer data)
{
	g_autoptr(GError) error = NULL;

	if (!((Script *)data)->run && !script_start(data, &error))
		bp_instance_set_state(self, BP_STATE_FAILED, "%s", error->message);
}

static void describe_end(Script *script, gboolean failed, const char *why)
{
	const char *when = bp_instance_string(script->self, "restart");
	gboolean again = !strcmp(when, "always") || (failed && !strcmp(when, "on-failure"));

	if (script->ended == RUN_STOPPED) {
		bp_instance_set_state(script->self, BP_STATE_OK, "stopped");
		bp_channel_print(script->channel, "stopped");
		return;
	}
	if (failed && (!script->error || !strstr(script->error, why)))
		bp_channel_printf(script->channel, "failed: %s", why);
	if (again)
		bp_backoff_wait(script->again);
	bp_instance_set_state(script->self, failed ? BP_STATE_FAILED : BP_STATE_OK, "%s%s", failed ? why : "finished",
			      again ? "; it is started again after a pause" : "");
}

void script_run_ended(BpPlugin *self, gpointer data)
{
	Run *run = data;
	Script *script = run->script;
	gboolean failed = run->end == RUN_FAILED || (run->end == RUN_EXIT && run->status);
	g_autofree char *why = run->end == RUN_FAILED ? first_line(run->why ? run->why : "it failed")
						      : g_strdup_printf("it exited with status %d", run->status);
	PendingCall *pending;

	script->run = NULL;
	script->ended = run->end;
	script->status = run->status;
	bp_scope_close(g_steal_pointer(&script->parts));
	g_hash_table_remove_all(script->calls);
	describe_end(script, failed, why);
	if (failed && (run->end == RUN_EXIT || !script->error))
		script_set_error(script, run->end == RUN_EXIT ? why : run->why);
	run_free(run);
	pending = answer_all(script, failed ? why : NULL);
	if (pending)
		script_close_for(script, pending);
	else if (script->goes_on)
		restart(self, script);
}

/* --- the instance --- */

void script_close(Script *script)
{
	PendingCall *pending = answer_all(script, "was closed");

	if (pending && !script->closing)
		script->closing = pending;
	if (script->parts)
		bp_scope_close(g_steal_pointer(&script->parts));
	if (script->run)
		run_free(g_steal_pointer(&script->run));
	session_drain(script);
	g_ptr_array_unref(script->asked);
	g_hash_table_unref(script->calls);
	g_hash_table_unref(script->questions);
	g_free(script->error);
	g_mutex_clear(&script->lock);
}

/* Only that it can be read: what is wrong in it is its state. */
static gboolean check_file(const char *path, GError **error)
{
	int fd = bp_file_open(path, BP_FILE_READ, error);

	if (fd < 0)
		return FALSE;
	close(fd);
	return TRUE;
}

gboolean script_open(BpInstance *self, GError **error)
{
	Script *script = bp_instance_data(self);
	g_autofree char *name = g_strconcat("script-", bp_plugin_name(self), NULL);

	if (!check_file(bp_instance_string(self, "file"), error))
		return FALSE;
	script->self = self;
	script->loop = bp_loop_open(self, bp_plugin_name(self), error);
	if (!script->loop)
		return FALSE;
	bp_plugin_defer_undo(self, on_gone, script);
	g_mutex_init(&script->lock);
	script->asked = g_ptr_array_new();
	script->questions = g_hash_table_new_full(NULL, NULL, question_free, NULL);
	script->calls = g_hash_table_new_full(NULL, NULL, NULL, command_call_free);
	script->channel = bp_channel(self, name);
	bp_channel_set_options(script->channel, &(BpChannelOptions){ .replay = 100 });
	script->starts = bp_metric(self, "starts_total", BP_COUNTER, "times the script was started");
	script->again = bp_backoff_new(self, bp_instance_duration(self, "restart_after"), LONGEST_PAUSE, restart,
				       script);
	script_watch_file(script);
	if (script_start(script, error))
		return TRUE;
	script_close(script);
	return FALSE;
}

Script *script_named(const char *name, GError **error)
{
	BpInstance *instance = bp_instance_find(name);

	if (instance && !strcmp(bp_instance_module(instance)->name, "Script"))
		return bp_instance_data(instance);
	bp_fail(error, BP_NOT_FOUND, "%s is not a script; lua list shows them", name);
	return NULL;
}
