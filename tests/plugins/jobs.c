/* SPDX-License-Identifier: MIT */
/* jobs.c - resource jobs, as a plugin with a queue of work has it: what the view Jobs shows and steers. Nothing is done. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/resource.h>

typedef struct {
	const char *id, *name, *status; /* NULL once it is removed */
	int done, total;
} Item;

static Item items[] = {
	{ "1", "bracket <b>left</b>", "Running", 3, 10 },
	{ "2", "logo", "Waiting", 0, 4 },
};

static json_t *list_jobs(BpPlugin *self, const char *query, GError **error)
{
	json_t *list = json_array();

	for (gsize i = 0; i < G_N_ELEMENTS(items); i++)
		if (items[i].status && (!query || g_pattern_match_simple(query, items[i].id)))
			json_array_append_new(list,
					      json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:i,s:i,s:i}", "id", items[i].id,
							"device", "plotter", "name", items[i].name, "status",
							items[i].status, "items", 1, "type", "lines", "steps_done",
							items[i].done, "steps_total", items[i].total, "priority", 0));
	return list;
}

/* Makes it `status` if it is `from`, or `or_from`. */
static json_t *change(const char *id, const char *from, const char *or_from, const char *status, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(items); i++) {
		if (!items[i].status || strcmp(items[i].id, id) != 0)
			continue;
		if (strcmp(items[i].status, from) == 0 || strcmp(items[i].status, or_from) == 0) {
			items[i].status = status;
			return json_null();
		}
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "job %s is %s; it must be %s or %s", id, items[i].status,
			    from, or_from);
		return NULL;
	}
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no job %.100s", id);
	return NULL;
}

static json_t *run_pause(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return change(id, "Running", "Waiting", "Paused", error);
}

static json_t *run_resume(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return change(id, "Paused", "Stopped", "Running", error);
}

static json_t *run_stop(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return change(id, "Running", "Paused", "Stopped", error);
}

static json_t *run_remove(BpPlugin *self, const char *id, const BpValues *values, GError **error)
{
	return change(id, "Stopped", "Waiting", NULL, error);
}

static const BpAction actions[] = {
	{ "pause", .help = "goes no further for now", .role = BP_OPERATOR, .run = run_pause },
	{ "resume", .help = "goes on", .role = BP_OPERATOR, .run = run_resume },
	{ "stop", .help = "is kept for later", .role = BP_OPERATOR, .run = run_stop },
	{ "remove", .help = "is gone", .role = BP_OPERATOR, .run = run_remove },
	{ NULL },
};

static const BpResource jobs = {
	.size = sizeof(jobs),
	.name = "jobs",
	.help = "the queue of work",
	.role = BP_OBSERVER,
	.list = list_jobs,
	.actions = actions,
};

static gboolean load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "resource/jobs", &jobs, error);
}

BP_PLUGIN(.name = "jobs", .version = "1.0", .load = load);
