/* SPDX-License-Identifier: MIT */
/* writer.c - a file that grows: the loop fills a queue, a job of the kernel's writes it.
 *
 * There is one job at a time. The loop adds to `pending` and leaves the rest to the job until that is done, so there is no lock.
 * The job belongs to the kernel: an owner that closes does not wait for a disk, the end of the program does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/channel.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/owner.h>
#include <backplane/plugin.h>
#include <backplane/writer.h>

#define BACKLOG (4 * 1024 * 1024)
#define RETRY G_USEC_PER_SEC
#define KEEP 5

typedef struct {
	GByteArray *bytes;
	GArray *ends; /* gsize: where each record ends */
} RecordQueue;

struct BpWriter {
	BpOwned owned;
	BpPlugin *self; /* NULL: BP_WRITER_CLOSED was reported */
	BpChannel *signals;
	BpWatch *hangup;
	BpWriterFunc func;
	gpointer data;
	BpWriterOptions options;
	char *path;
	RecordQueue pending;
	gsize backed; /* bytes that the job has yet to write, when it was begun */
	BpTimer *retry;
	guint64 lost, size;
	gboolean opened, stalled, full, closing, working;
	gboolean reopen; /* with the next job */
	/* the job's, while it works: */
	RecordQueue batch;
	gsize at; /* in the batch */
	guint64 job_size;
	int fd;
	gboolean again; /* opens the file again */
	gboolean last;	/* closes it */
	gboolean ran;
	GError *error;
};

static void begin(BpWriter *writer);

/* --- the queue --- */

static void queue_init(RecordQueue *queue)
{
	queue->bytes = g_byte_array_new();
	queue->ends = g_array_new(FALSE, FALSE, sizeof(gsize));
}

static void queue_clear(RecordQueue *queue)
{
	g_byte_array_unref(queue->bytes);
	g_array_unref(queue->ends);
}

static void queue_add(RecordQueue *queue, gconstpointer data, gsize size)
{
	gsize end;

	g_byte_array_append(queue->bytes, data, (guint)size);
	end = queue->bytes->len;
	g_array_append_val(queue->ends, end);
}

static gsize end_of(const RecordQueue *queue, guint i)
{
	return g_array_index(queue->ends, gsize, i);
}

/* What waits goes behind what the last job has left. */
static void fill_batch(BpWriter *writer)
{
	RecordQueue batch = writer->batch;
	gsize before = batch.bytes->len;

	if (!before || writer->at == before) {
		writer->batch = writer->pending;
		writer->pending = batch;
		writer->at = 0;
		if (before > G_MAXUINT16) { /* a burst's memory is given back */
			queue_clear(&writer->pending);
			queue_init(&writer->pending);
		}
	} else {
		g_byte_array_append(batch.bytes, writer->pending.bytes->data, writer->pending.bytes->len);
		for (guint i = 0; i < writer->pending.ends->len; i++) {
			gsize end = before + end_of(&writer->pending, i);

			g_array_append_val(batch.ends, end);
		}
	}
	g_byte_array_set_size(writer->pending.bytes, 0);
	g_array_set_size(writer->pending.ends, 0);
	writer->backed = writer->batch.bytes->len - writer->at;
}

/* --- in the job --- */

static gboolean open_path(BpWriter *writer)
{
	BpFileFlags flags = writer->options.flags;

	if (writer->fd >= 0)
		close(writer->fd);
	if (writer->opened) /* a new file has been made already */
		flags = (flags & ~(guint)BP_FILE_NEW) | BP_FILE_APPEND;
	writer->fd = bp_file_open(writer->path, flags, &writer->error);
	return writer->fd >= 0;
}

/* Opened if need be: for the first time, by SIGHUP, or as its path does not lead to it any more. */
static gboolean be_open(BpWriter *writer)
{
	struct stat info;

	if ((writer->again || writer->fd < 0 || fstat(writer->fd, &info) < 0 || !info.st_nlink) &&
	    (!open_path(writer) || fstat(writer->fd, &info) < 0))
		return FALSE;
	writer->job_size = (guint64)info.st_size;
	return TRUE;
}

/* PATH -> PATH.1 -> ... -> PATH.5; the last one is lost. */
static gboolean turn_over(BpWriter *writer)
{
	for (int i = KEEP; i > 0; i--) {
		g_autofree char *from = i > 1 ? g_strdup_printf("%s.%d", writer->path, i - 1) : g_strdup(writer->path);
		g_autofree char *to = g_strdup_printf("%s.%d", writer->path, i);

		(void)!rename(from, to);
	}
	writer->job_size = 0;
	return open_path(writer);
}

/* Up to where can be written at once: with a limit, as many records as fit; the first begins a new file if need be. */
static gboolean find_end(BpWriter *writer, guint *next, gsize *end)
{
	const RecordQueue *batch = &writer->batch;
	guint64 limit = (guint64)writer->options.rotate;
	gsize at = writer->at;

	*end = batch->bytes->len;
	if (!limit)
		return TRUE;
	while (end_of(batch, *next) <= at)
		++*next;
	*end = end_of(batch, *next);
	if (at == (*next ? end_of(batch, *next - 1) : 0) && writer->job_size &&
	    writer->job_size + (*end - at) > limit && !turn_over(writer))
		return FALSE;
	for (guint i = *next + 1; i < batch->ends->len && writer->job_size + (end_of(batch, i) - at) <= limit; i++)
		*end = end_of(batch, i);
	return TRUE;
}

static void work(BpJob *job, gpointer data)
{
	BpWriter *writer = data;
	guint next = 0;
	gboolean good = be_open(writer);
	gssize put;
	gsize end;

	writer->ran = TRUE;
	while (good && writer->at < writer->batch.bytes->len && (good = find_end(writer, &next, &end))) {
		put = write(writer->fd, writer->batch.bytes->data + writer->at, end - writer->at);
		if (put < 0 && errno != EINTR) {
			g_set_error(&writer->error, BP_IO_ERROR, BP_FAILED, "%s: %s", writer->path, g_strerror(errno));
			break;
		}
		writer->at += (gsize)MAX(put, 0);
		writer->job_size += (guint64)MAX(put, 0);
	}
	if (writer->last && writer->fd >= 0)
		close(writer->fd);
}

/* --- on the loop --- */

static void tell(BpWriter *writer, BpWriterEvent event, const GError *error)
{
	BpPlugin *owner = writer->self;

	if (!owner || !bp_owner_enter(owner))
		return;
	writer->func(owner, writer, event, error, writer->data);
	bp_owner_leave(owner);
}

static void tell_closed(BpWriter *writer, const GError *error)
{
	BpPlugin *owner = g_steal_pointer(&writer->self);

	if (!owner)
		return;
	bp_owner_unlink(&writer->owned);
	bp_watch_remove(writer->hangup);
	bp_channel_release(owner, writer->signals);
	if (writer->retry)
		bp_timer_remove(writer->retry);
	bp_owner_enter_always(owner);
	writer->func(owner, writer, BP_WRITER_CLOSED, error, writer->data);
	bp_owner_leave(owner);
}

static void writer_free(BpWriter *writer)
{
	queue_clear(&writer->pending);
	queue_clear(&writer->batch);
	g_clear_error(&writer->error);
	g_free(writer->path);
	g_free(writer);
}

static void end(BpWriter *writer, const GError *error)
{
	for (guint i = 0; error && i < writer->batch.ends->len; i++)
		writer->lost += end_of(&writer->batch, i) > writer->at;
	writer->lost += writer->pending.ends->len;
	tell_closed(writer, error);
	writer_free(writer);
}

static void on_retry(BpPlugin *self, gpointer data)
{
	begin(data);
}

static void on_retry_gone(gpointer data)
{
	((BpWriter *)data)->retry = NULL;
}

static void tell_of_job(BpWriter *writer, const GError *error)
{
	if (!error && !writer->opened) {
		writer->opened = TRUE;
		tell(writer, BP_WRITER_OPENED, NULL);
	} else if (error && writer->opened && !writer->stalled && !writer->closing) {
		writer->stalled = TRUE;
		tell(writer, BP_WRITER_STALLED, error);
	} else if (!error && writer->stalled) {
		writer->stalled = FALSE;
		tell(writer, BP_WRITER_RESUMED, NULL);
	}
	if (writer->full && writer->pending.bytes->len + writer->backed <= writer->options.backlog / 4) {
		writer->full = FALSE;
		tell(writer, BP_WRITER_DRAINED, NULL);
	}
}

/* The job is done, or has not been begun, as too many wait. */
static void on_done(gpointer data)
{
	BpWriter *writer = data;
	g_autoptr(GError) error = g_steal_pointer(&writer->error);

	if (!writer->ran) {
		error = g_error_new(BP_IO_ERROR, BP_LIMIT, "%s: too many jobs wait", writer->path);
		writer->reopen |= writer->again;
		if (writer->last && writer->fd >= 0)
			close(writer->fd);
	}
	writer->size = writer->job_size;
	writer->backed = writer->batch.bytes->len - writer->at;
	tell_of_job(writer, error);
	writer->working = FALSE;
	if ((!writer->opened && writer->ran) || writer->last)
		end(writer, error);
	else if (error && !writer->closing)
		writer->retry = bp_timer_add(writer->self, NULL, RETRY, 1, on_retry, writer, on_retry_gone);
	else if (writer->pending.bytes->len || writer->closing || writer->reopen)
		begin(writer);
}

static void begin(BpWriter *writer)
{
	if (writer->working)
		return;
	if (writer->retry)
		bp_timer_remove(writer->retry);
	fill_batch(writer);
	writer->working = TRUE;
	writer->ran = FALSE;
	writer->again = writer->reopen;
	writer->reopen = FALSE;
	writer->last = writer->closing;
	bp_job_add(bp_kernel(), "write file", work, NULL, writer, on_done);
}

/* Reports BP_WRITER_CLOSED at once; the last job writes the queue. */
static void drop_writer(BpOwned *owned)
{
	BpWriter *writer = BP_OWNED_BY(owned, BpWriter, owned);
	g_autoptr(GError) error = g_error_new(BP_IO_ERROR, BP_CLOSED, "%s: %s is closing", writer->path,
					      bp_plugin_name(writer->self));

	writer->closing = TRUE;
	tell_closed(writer, error);
	begin(writer);
}

static void on_signal(BpPlugin *self, BpMessage *message, gpointer data)
{
	BpWriter *writer = data;

	if (strcmp(bp_message_data(message), "SIGHUP"))
		return;
	writer->reopen = TRUE;
	begin(writer);
}

/* --- for users --- */

BpWriter *bp_writer_open_sized(BpPlugin *self, const char *path, const BpWriterOptions *options, gsize size,
			       BpWriterFunc func, gpointer data)
{
	BpWriter *writer;

	g_return_val_if_fail(self && path && options && func && bp_loop_current(), NULL);
	writer = g_new0(BpWriter, 1);
	writer->self = self;
	writer->func = func;
	writer->data = data;
	bp_sized_copy(&writer->options, sizeof(writer->options), options, size);
	if (!writer->options.backlog)
		writer->options.backlog = BACKLOG;
	writer->path = g_strdup(path);
	writer->fd = -1;
	queue_init(&writer->pending);
	queue_init(&writer->batch);
	bp_owner_link_notified(self, &writer->owned, "file", drop_writer);
	writer->signals = bp_channel(self, BP_SIGNALS);
	writer->hangup = bp_channel_watch(self, writer->signals, on_signal, writer, NULL);
	begin(writer);
	return writer;
}

BpSent bp_writer_send(BpWriter *writer, gconstpointer data, gsize size)
{
	gsize queued = writer->pending.bytes->len + writer->backed + size;

	g_return_val_if_fail(data || !size, BP_SENT);
	if (writer->closing || (queued > writer->options.backlog && queued > size))
		writer->lost++;
	else if (size)
		queue_add(&writer->pending, data, size);
	if (writer->pending.bytes->len && !writer->retry)
		begin(writer);
	if (writer->closing)
		return BP_GONE;
	if (queued <= writer->options.backlog / 2)
		return BP_SENT;
	writer->full = TRUE;
	return BP_FULL;
}

void bp_writer_close(BpWriter *writer)
{
	g_return_if_fail(writer);
	writer->closing = TRUE;
	begin(writer);
}

void bp_writer_stats_sized(const BpWriter *writer, BpWriterStats *result, gsize size)
{
	BpWriterStats stats = { writer->lost, writer->size, writer->pending.bytes->len + writer->backed };

	bp_sized_copy(result, size, &stats, sizeof(stats));
}
