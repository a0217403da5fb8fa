/* SPDX-License-Identifier: MIT */
/* job.c - work that blocks, on a few threads shared by all; its end comes back to the loop that asked. */
#include <backplane/host.h>
#include "loop/loop.h"
#include <string.h>
#include <time.h>
#include <backplane/plugin.h>

#define JOB_THREADS 16 /* a few may wait for a resolver or a disk for long */
#define JOB_LIMIT 1024

struct BpJob {
	BpOwned owned;
	OwnerHold *hold;
	BpLoop *loop;
	char *name;
	BpJobWork work;
	BpJobDone done;
	gpointer data;
	GDestroyNotify destroy;
	gint64 started;
	gint cancelled, running, permille; /* atomic */
	gboolean forgotten;		   /* its scope has ended: `done` is not called */
};

static GThreadPool *pool;
static GMutex lock;
static GList *jobs; /* lock */
static guint job_count;

static void finish(gpointer a, gpointer b, guint64 c)
{
	BpJob *job = a;
	BpPlugin *owner = job->owned.owner;
	OwnerHold *hold = job->hold;
	BpLoop *loop = job->loop;

	if (!job->forgotten)
		owner_unlink(&job->owned);
	g_mutex_lock(&lock);
	jobs = g_list_remove(jobs, job);
	job_count--;
	g_mutex_unlock(&lock);
	/* Also for an ending owner: `done` is called exactly once. */
	frame_push(owner_whole(owner), "end of a job", NULL);
	if (job->done && !job->forgotten)
		job->done(owner, g_atomic_int_get(&job->cancelled), job->data);
	if (job->destroy)
		job->destroy(job->data);
	frame_pop();
	g_free(job->name);
	g_free(job);
	owner_unhold(hold);
	bus_port_unref(&loop->port);
}

/* What the work has left on the stack would look as if its code were still under way (see leftovers.h). */
static void __attribute__((noinline)) wipe_stack(void)
{
	char room[8192];

	explicit_bzero(room, sizeof(room));
}

static void run(gpointer data, gpointer unused)
{
	BpJob *job = data;
	struct timespec begin, end;

	g_atomic_int_set(&job->running, TRUE);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	frame_push(owner_whole(job->owned.owner), "job", job->name);
	if (!g_atomic_int_get(&job->cancelled))
		job->work(job, job->data);
	frame_pop();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	owner_add_cpu(job->owned.owner,
		      (guint64)((end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec));
	wipe_stack();
	g_atomic_int_set(&job->running, FALSE);
	/* A loop that has been closed lets its jobs end with its owner, on the main one. */
	if (!inbox_post(job->loop, finish, job, NULL, 0, TRUE))
		inbox_post(bp_loop_main(), finish, job, NULL, 0, TRUE);
}

/* A plugin and an instance wait for their holds before they drop what they own; scopes do not, nor does an unload by force. */
static void drop_job(BpOwned *owned)
{
	BpJob *job = OWNED_BY(owned, BpJob, owned);

	owner_unlink(owned);
	job->forgotten = TRUE;
	bp_job_cancel(job);
}

BpJob *bp_job_add(BpPlugin *self, const char *name, BpJobWork work, BpJobDone done, gpointer data,
		  GDestroyNotify destroy)
{
	BpJob *job;

	g_return_val_if_fail(self && work && bus_port, NULL);
	g_mutex_lock(&lock);
	if (!pool)
		pool = g_thread_pool_new(run, NULL, JOB_THREADS, FALSE, NULL);
	if (job_count >= JOB_LIMIT) {
		g_mutex_unlock(&lock);
		if (destroy)
			destroy(data);
		return NULL;
	}
	job = g_new0(BpJob, 1);
	job->loop = loop_here();
	job->name = g_strdup(name);
	job->work = work;
	job->done = done;
	job->data = data;
	job->destroy = destroy;
	job->started = g_get_monotonic_time();
	jobs = g_list_append(jobs, job);
	job_count++;
	g_mutex_unlock(&lock);
	bus_port_ref(&job->loop->port);
	job->hold = owner_hold(self, "job", name);
	owner_link(self, &job->owned, "job", drop_job);
	g_thread_pool_push(pool, job, NULL);
	return job;
}

gboolean bp_job_cancelled(BpJob *job)
{
	return g_atomic_int_get(&job->cancelled);
}

void bp_job_progress(BpJob *job, double fraction)
{
	g_atomic_int_set(&job->permille, (gint)(CLAMP(fraction, 0, 1) * 1000));
}

void bp_job_cancel(BpJob *job)
{
	g_atomic_int_set(&job->cancelled, TRUE);
}

void job_cancel_all(BpPlugin *owner)
{
	g_mutex_lock(&lock);
	for (GList *at = jobs; at; at = at->next)
		if (owner_is_within(((BpJob *)at->data)->owned.owner, owner))
			bp_job_cancel(at->data);
	g_mutex_unlock(&lock);
}

static void info_free(gpointer data)
{
	g_free(((BpJobInfo *)data)->name);
	g_free(data);
}

GPtrArray *bp_job_list(void)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(info_free);

	g_mutex_lock(&lock);
	for (GList *at = jobs; at; at = at->next) {
		BpJob *job = at->data;
		BpJobInfo info = { g_strdup(job->name),
				   job->owned.owner->name,
				   g_get_monotonic_time() - job->started,
				   g_atomic_int_get(&job->permille) / 1000.0,
				   g_atomic_int_get(&job->running),
				   g_atomic_int_get(&job->cancelled) };

		g_ptr_array_add(list, g_memdup2(&info, sizeof(info)));
	}
	g_mutex_unlock(&lock);
	return list;
}
