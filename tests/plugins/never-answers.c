/* SPDX-License-Identifier: MIT */
/* never-answers.c - a command that is held and never ended, an action too, a module with a loop of its own, a job, a hold. */
#include <backplane/backplane.h>
#include <backplane/resource.h>

static gboolean run_never(BpPlugin *self, BpCall *call, GError **error)
{
	bp_call_hold(call, NULL, NULL);
	return TRUE;
}

static const BpCommand commands[] = {
	{ "never", .help = "does not end", .run = run_never },
	{ NULL },
};

static void work(BpJob *job, gpointer data)
{
	while (!bp_job_cancelled(job))
		g_thread_yield();
}

static void spin(BpPlugin *self, gpointer data)
{
	bp_channel_print(data, "spin");
	bp_loop_call(self, bp_loop_current(), spin, data, NULL);
}

static gboolean open_spinner(BpInstance *self, GError **error)
{
	BpLoop *loop = bp_loop_open(self, "spinner", error);

	if (!loop)
		return FALSE;
	bp_loop_call(self, loop, spin, bp_instance_channel(self, "out"), NULL);
	bp_job_add(self, "endless", work, NULL, NULL, NULL);
	return TRUE;
}

static void work_late(BpJob *job, gpointer data)
{
	for (guint i = 0; i < 3; i++)
		g_thread_yield();
}

/* What a close begins is waited for too. */
static void close_spinner(BpInstance *self)
{
	bp_job_add(self, "late", work_late, NULL, NULL, NULL);
}

static const BpParam params[] = {
	{ "size", .type = BP_INT, .fallback = "3", .min = 1, .max = 10, .help = "how much" },
	{ "secret", .secret = TRUE, .help = "not to be seen" },
	{ NULL },
};

static const BpModule modules[] = {
	{ "Spinner", .help = "is busy on a loop and in a job", .params = params, .open = open_spinner,
	  .close = close_spinner },
	{ NULL },
};

static json_t *list_nothing(BpPlugin *self, const char *query, GError **error)
{
	return json_array();
}

static void begin(BpPlugin *self, const char *id, const BpValues *values, BpReply *reply)
{
}

static const BpAction actions[] = {
	{ "begin", .help = "does not end", .begin = begin, .on_all = TRUE },
	{ NULL },
};

static const BpResource never = { .size = sizeof(never), .name = "never", .list = list_nothing, .actions = actions };

static gboolean load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "resource/never", &never, error);
}

BP_PLUGIN(.name = "never-answers", .version = "1.0", .commands = commands, .modules = modules, .load = load);
