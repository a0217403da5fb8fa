/* SPDX-License-Identifier: MIT */
/* output.c - stdout and stderr. Both may be pipes that nobody reads: a thread writes to each, from a bounded queue. */
#include "host/log.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <backplane/channel.h>
#include "loop/loop.h"

#define MOMENT (500 * G_TIME_SPAN_MILLISECOND)

typedef struct {
	int fd;
	gsize limit;
	GMutex lock;
	GCond more, less;
	/* under the lock: */
	GByteArray *pending; /* NULL: nothing has been written yet */
	gsize taken;	     /* bytes that the thread writes just now */
	gboolean full;	     /* a write returned BP_FULL, so "STDOUT" is to be sent */
	gboolean ended;	     /* the reader has closed, or there is no thread */
	gsize lost;	     /* atomic */
} OutputQueue;

static OutputQueue output = { .fd = STDOUT_FILENO, .limit = 16 * 1024 * 1024 },
		   errors = { .fd = STDERR_FILENO, .limit = 256 * 1024 };
static gboolean is_up; /* under the lock of `output`: the kernel runs */

static void run_drained(gpointer a, gpointer b, guint64 c)
{
	g_autoptr(BpChannel) signals = is_up ? bp_channel_find(BP_SIGNALS) : NULL;

	if (signals)
		bp_channel_print(signals, "STDOUT");
}

static gboolean write_all(int fd, const guint8 *data, gsize size)
{
	while (size) {
		gssize put = write(fd, data, size);
		struct pollfd wait = { .fd = fd, .events = POLLOUT };

		if (put < 0 && errno == EAGAIN)
			poll(&wait, 1, -1);
		else if (put < 0 && errno != EINTR)
			return FALSE;
		data += MAX(put, 0);
		size -= (gsize)MAX(put, 0);
	}
	return TRUE;
}

static gpointer run(gpointer data)
{
	OutputQueue *to = data;

	g_mutex_lock(&to->lock);
	while (!to->ended) {
		g_autoptr(GByteArray) batch = NULL;
		gboolean good;

		while (!to->pending->len)
			g_cond_wait(&to->more, &to->lock);
		batch = to->pending;
		to->pending = g_byte_array_new();
		to->taken = batch->len;
		g_mutex_unlock(&to->lock);
		good = write_all(to->fd, batch->data, batch->len);
		g_mutex_lock(&to->lock);
		to->taken = 0;
		to->ended = !good;
		if (to->full && to == &output && is_up)
			inbox_post(bp_loop_main(), run_drained, NULL, NULL, 0, TRUE);
		to->full = FALSE;
		g_cond_broadcast(&to->less);
	}
	g_mutex_unlock(&to->lock);
	return NULL;
}

static gboolean send(OutputQueue *to, gconstpointer data, gsize size)
{
	g_autoptr(GThread) thread = NULL;
	gboolean room;
	gsize queued;

	g_mutex_lock(&to->lock);
	if (!to->pending) {
		to->pending = g_byte_array_new();
		thread = g_thread_try_new("output", run, to, NULL);
		to->ended = !thread;
	}
	queued = to->pending->len + to->taken + size;
	room = queued <= to->limit / 2 || to->ended;
	if (to->ended || (queued > to->limit && queued > size))
		g_atomic_pointer_add(&to->lost, 1);
	else
		g_byte_array_append(to->pending, data, (guint)size);
	to->full |= !room;
	g_cond_signal(&to->more);
	g_mutex_unlock(&to->lock);
	return room;
}

/* `time` -1: without end. FALSE: not all was taken. */
static gboolean flush(OutputQueue *to, gint64 time)
{
	gint64 until = g_get_monotonic_time() + time;
	gboolean good = TRUE;

	g_mutex_lock(&to->lock);
	while (good && !to->ended && to->pending && (to->pending->len || to->taken)) {
		if (time < 0)
			g_cond_wait(&to->less, &to->lock);
		else
			good = g_cond_wait_until(&to->less, &to->lock, until);
	}
	good = good && (to->ended || !to->lost);
	g_mutex_unlock(&to->lock);
	return good;
}

BpSent bp_stdout_write(gconstpointer data, gsize size)
{
	return send(&output, data, size) ? BP_SENT : BP_FULL;
}

void bp_output_lost(guint64 *pieces, guint64 *lines)
{
	*pieces = (gsize)g_atomic_pointer_get(&output.lost);
	*lines = (gsize)g_atomic_pointer_get(&errors.lost);
}

void output_error(const char *text)
{
	send(&errors, text, strlen(text));
}

void output_set_up(gboolean up)
{
	g_mutex_lock(&output.lock);
	is_up = up;
	g_mutex_unlock(&output.lock);
	if (!up)
		flush(&errors, MOMENT);
}

void output_end(gboolean at_once)
{
	if (!flush(&output, at_once ? MOMENT : -1))
		output_error("backplane: not all output was written: nobody reads stdout\n");
	flush(&errors, MOMENT);
}
