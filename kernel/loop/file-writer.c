/* SPDX-License-Identifier: MIT */
/* file-writer.c - a BpFile: a bounded queue of records, and the thread that writes it.
 *
 * The thread takes all that is queued at once, so a burst costs few system calls. What it tells goes through the inbox of
 * the loop; under the lock, so that nothing is posted any more once the owner has gone: the thread may then outlive the loop.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "loop/file.h"
#include "loop/loop.h"

#define BACKLOG (4 * 1024 * 1024)
#define RETRY G_USEC_PER_SEC
#define KEEP 5
#define KEPT_MEMORY 65536 /* of an empty queue */

struct BpFile {
	BpOwned owned; /* while `func` may be called */
	gint refs;     /* atomic */
	BpLoop *loop;
	char *path;    /* NULL: a descriptor that was given */
	BpFileOptions options;
	gpointer data;
	GDestroyNotify destroy;
	GMutex lock;
	GCond work, progress;
	/* under the lock: */
	BpFileFunc func; /* NULL: nobody is told */
	GByteArray *pending;
	GArray *ends; /* gsize, of the records in `pending` */
	gsize taken;  /* bytes that the thread has yet to write */
	gboolean full, reopen, closing, ended;
	BpFileStats stats;
	/* the thread's: */
	int fd;
	gboolean stalled;
};

typedef struct {
	BpFile *file;
	BpFileEvent event;
	GError *error;
} Told;

static GMutex lock; /* before a file's own */
static GCond one_ended;
static GList *files; /* that have a path and a thread */

void file_unref(BpFile *file)
{
	if (!g_atomic_int_dec_and_test(&file->refs))
		return;
	if (file->loop)
		bus_port_unref(&file->loop->port);
	g_byte_array_unref(file->pending);
	g_array_unref(file->ends);
	g_mutex_clear(&file->lock);
	g_cond_clear(&file->work);
	g_cond_clear(&file->progress);
	g_free(file->path);
	g_free(file);
}

/* --- to the loop --- */

static void let_go(BpFile *file)
{
	owner_unlink(&file->owned);
	if (file->destroy)
		file->destroy(file->data);
	file_unref(file);
}

static void run_told(gpointer a, gpointer b, guint64 c)
{
	Told *told = a;
	BpFile *file = told->file;
	BpPlugin *owner;
	BpFileFunc func;

	g_mutex_lock(&file->lock);
	func = file->func;
	if (told->event == BP_FILE_CLOSED)
		file->func = NULL;
	g_mutex_unlock(&file->lock);
	if (func) {
		owner = file->owned.owner;
		if (owner_enter(owner)) {
			func(owner, file, told->event, told->error, file->data);
			owner_leave(owner);
		}
		if (told->event == BP_FILE_CLOSED)
			let_go(file);
	}
	file_unref(file);
	g_clear_error(&told->error);
	g_free(told);
}

/* With the lock. */
static void tell_locked(BpFile *file, BpFileEvent event, GError *take_error)
{
	Told *told;

	if (!file->func) {
		g_clear_error(&take_error);
		return;
	}
	told = g_new0(Told, 1);
	told->file = file;
	told->event = event;
	told->error = take_error;
	g_atomic_int_inc(&file->refs);
	/* A loop that has been closed lets its owner be told on the main one. */
	if (!inbox_post(file->loop, run_told, told, NULL, 0, TRUE))
		inbox_post(bp_loop_main(), run_told, told, NULL, 0, TRUE);
}

static void tell(BpFile *file, BpFileEvent event, GError *take_error)
{
	g_mutex_lock(&file->lock);
	tell_locked(file, event, take_error);
	g_mutex_unlock(&file->lock);
}

/* --- the thread --- */

static gboolean open_path(BpFile *file, GError **error)
{
	BpFileFlags flags = file->options.flags;

	if (file->fd >= 0)
		close(file->fd);
	file->fd = bp_file_open(file->path, (flags & ~(guint)BP_FILE_NEW) | BP_FILE_APPEND, error);
	return file->fd >= 0;
}

static void set_size(BpFile *file, guint64 size)
{
	g_mutex_lock(&file->lock);
	file->stats.size = size;
	g_mutex_unlock(&file->lock);
}

/* PATH -> PATH.1 -> ... -> PATH.5; the last one is lost. */
static gboolean turn_over(BpFile *file, GError **error)
{
	for (int i = KEEP; i > 0; i--) {
		g_autofree char *from = i > 1 ? g_strdup_printf("%s.%d", file->path, i - 1) : g_strdup(file->path);
		g_autofree char *to = g_strdup_printf("%s.%d", file->path, i);

		(void)!rename(from, to);
	}
	set_size(file, 0);
	return open_path(file, error);
}

/* How long the file is, and whether its path still leads to it. */
static gboolean look(BpFile *file, GError **error)
{
	struct stat info;

	g_mutex_lock(&file->lock);
	if (file->reopen && file->fd >= 0) {
		close(file->fd);
		file->fd = -1;
	}
	file->reopen = FALSE;
	g_mutex_unlock(&file->lock);
	if (!file->path)
		return TRUE;
	if ((file->fd < 0 || fstat(file->fd, &info) < 0 || !info.st_nlink) && (!open_path(file, error) || fstat(file->fd, &info) < 0))
		return FALSE;
	set_size(file, (guint64)info.st_size);
	return TRUE;
}

/* Up to where can be written at once: with a limit, as many records as fit; the first begins a new file if need be. */
static gboolean find_end(BpFile *file, const GArray *ends, guint *next, gsize at, gsize *end, GError **error)
{
	guint64 limit = (guint64)file->options.rotate;

	*end = g_array_index(ends, gsize, ends->len - 1);
	if (!limit)
		return TRUE;
	while (g_array_index(ends, gsize, *next) <= at)
		++*next;
	*end = g_array_index(ends, gsize, *next);
	if (at == (*next ? g_array_index(ends, gsize, *next - 1) : 0) && file->stats.size && file->stats.size + (*end - at) > limit &&
	    !turn_over(file, error))
		return FALSE;
	for (guint i = *next + 1; i < ends->len && file->stats.size + (g_array_index(ends, gsize, i) - at) <= limit; i++)
		*end = g_array_index(ends, gsize, i);
	return TRUE;
}

static void note_written(BpFile *file, gsize size)
{
	g_mutex_lock(&file->lock);
	file->taken -= size;
	file->stats.written += size;
	file->stats.size += size;
	if (file->full && file->pending->len + file->taken <= file->options.backlog / 4) {
		file->full = FALSE;
		tell_locked(file, BP_FILE_DRAINED, NULL);
	}
	g_cond_broadcast(&file->progress);
	g_mutex_unlock(&file->lock);
	if (file->stalled)
		tell(file, BP_FILE_RESUMED, NULL);
	file->stalled = FALSE;
}

/* FALSE: it is given up, as the file is being closed or was not opened by us. One that is closed meanwhile is tried once more. */
static gboolean wait_and_retry(BpFile *file, const GError *error)
{
	gint64 until = g_get_monotonic_time() + RETRY;
	gboolean again;

	g_mutex_lock(&file->lock);
	again = file->path && !file->closing;
	if (again && !file->stalled)
		tell_locked(file, BP_FILE_STALLED, g_error_copy(error));
	file->stalled = TRUE;
	while (again && !file->closing && !file->reopen && g_cond_wait_until(&file->work, &file->lock, until))
		;
	g_mutex_unlock(&file->lock);
	return again;
}

static gboolean write_some(BpFile *file, const guint8 *data, gsize size, gsize *done, GError **error)
{
	gssize put = write(file->fd, data, size);

	*done = (gsize)MAX(put, 0);
	if (put < 0 && errno == EAGAIN) {
		struct pollfd wait = { .fd = file->fd, .events = POLLOUT };

		poll(&wait, 1, -1);
	} else if (put < 0 && errno != EINTR) {
		g_set_error(error, BP_IO_ERROR, BP_FAILED, "%s: %s", file->path ? file->path : "output", g_strerror(errno));
		return FALSE;
	}
	return TRUE;
}

/* FALSE with an error: it is given up at `*at`. */
static gboolean write_batch(BpFile *file, const GByteArray *bytes, const GArray *ends, gsize *at, GError **error)
{
	guint next = 0;

	while (*at < bytes->len) {
		g_autoptr(GError) why = NULL;
		gsize end, done;

		if (look(file, &why) && find_end(file, ends, &next, *at, &end, &why) &&
		    write_some(file, bytes->data + *at, end - *at, &done, &why)) {
			*at += done;
			if (done)
				note_written(file, done);
		} else if (!wait_and_retry(file, why)) {
			g_propagate_error(error, g_steal_pointer(&why));
			return FALSE;
		}
	}
	return TRUE;
}

static guint count_after(const GArray *ends, gsize at)
{
	guint count = 0;

	for (guint i = 0; i < ends->len; i++)
		count += g_array_index(ends, gsize, i) > at;
	return count;
}

/* Takes what waits and writes it, with the lock held around it. */
static gboolean write_pending(BpFile *file, GError **error)
{
	GByteArray *bytes = file->pending;
	GArray *ends = file->ends;
	gboolean good;
	gsize at = 0;

	file->pending = g_byte_array_new();
	file->ends = g_array_new(FALSE, FALSE, sizeof(gsize));
	file->taken = bytes->len;
	g_mutex_unlock(&file->lock);
	good = write_batch(file, bytes, ends, &at, error);
	g_mutex_lock(&file->lock);
	if (!good)
		file->stats.lost += count_after(ends, at) + file->ends->len;
	if (bytes->len <= KEPT_MEMORY && !file->pending->len) { /* empty ones are used again */
		g_byte_array_unref(file->pending);
		g_array_unref(file->ends);
		file->pending = g_byte_array_set_size(bytes, 0);
		file->ends = g_array_set_size(ends, 0);
	} else {
		g_byte_array_unref(bytes);
		g_array_unref(ends);
	}
	file->taken = 0;
	return good;
}

static void end(BpFile *file, GError *take_error)
{
	file->ended = TRUE;
	tell_locked(file, BP_FILE_CLOSED, take_error);
	g_cond_broadcast(&file->progress);
	g_mutex_unlock(&file->lock);
	if (file->path && file->fd >= 0)
		close(file->fd);
	g_mutex_lock(&lock);
	files = g_list_remove(files, file);
	g_cond_broadcast(&one_ended);
	g_mutex_unlock(&lock);
	file_unref(file);
}

static gpointer run(gpointer data)
{
	BpFile *file = data;
	g_autoptr(GError) error = NULL;
	gboolean good = TRUE;

	if (file->path) {
		file->fd = bp_file_open(file->path, file->options.flags, &error);
		good = file->fd >= 0 && look(file, &error);
	}
	if (good)
		tell(file, BP_FILE_OPENED, NULL);
	g_mutex_lock(&file->lock);
	if (!good)
		file->stats.lost += file->ends->len;
	while (good && (file->pending->len || !file->closing)) {
		if (file->pending->len) {
			good = write_pending(file, &error);
		} else if (file->reopen) {
			g_mutex_unlock(&file->lock);
			look(file, NULL); /* a failure is told when there is something to write */
			g_mutex_lock(&file->lock);
		} else {
			g_cond_wait(&file->work, &file->lock);
		}
	}
	end(file, g_steal_pointer(&error));
	return NULL;
}

/* --- for the loop --- */

static void begin_closing(BpFile *file, gboolean quietly)
{
	g_mutex_lock(&file->lock);
	file->closing = TRUE;
	if (quietly)
		file->func = NULL;
	g_cond_signal(&file->work);
	g_mutex_unlock(&file->lock);
}

static void drop_file(BpOwned *owned)
{
	BpFile *file = OWNED_BY(owned, BpFile, owned);

	begin_closing(file, TRUE);
	let_go(file);
}

static BpFile *start(BpPlugin *self, const char *path, int fd, const BpFileOptions *options, BpFileFunc func, gpointer data,
		     GDestroyNotify destroy, GError **error)
{
	BpFile *file = g_new0(BpFile, 1);
	g_autoptr(GError) why = NULL;
	GThread *thread;

	file->refs = 2; /* the caller's, the thread's */
	file->path = g_strdup(path);
	file->fd = fd;
	file->options = *options;
	if (!file->options.backlog)
		file->options.backlog = BACKLOG;
	file->func = func;
	file->data = data;
	file->destroy = destroy;
	file->pending = g_byte_array_new();
	file->ends = g_array_new(FALSE, FALSE, sizeof(gsize));
	g_mutex_init(&file->lock);
	g_cond_init(&file->work);
	g_cond_init(&file->progress);
	if (self) {
		file->loop = loop_here();
		bus_port_ref(&file->loop->port);
		owner_link(self, &file->owned, "file", drop_file);
	}
	g_mutex_lock(&lock);
	thread = g_thread_try_new("file", run, file, &why);
	if (thread && path)
		files = g_list_prepend(files, file);
	g_mutex_unlock(&lock);
	if (thread) {
		g_thread_unref(thread);
		return file;
	}
	g_set_error(error, BP_IO_ERROR, BP_LIMIT, "%s: %s", path ? path : "output", why->message);
	file_unref(file);
	if (self)
		let_go(file);
	else
		file_unref(file);
	return NULL;
}

BpFile *bp_file_start(BpPlugin *self, const char *path, const BpFileOptions *options, BpFileFunc func, gpointer data,
		      GDestroyNotify destroy, GError **error)
{
	g_return_val_if_fail(self && path && options && func && loop_here(), NULL);
	return start(self, path, -1, options, func, data, destroy, error);
}

BpFile *file_start_fd(BpPlugin *self, int fd, gsize backlog, BpFileFunc func, gpointer data)
{
	BpFileOptions options = { .backlog = backlog };
	BpFile *file = start(self, NULL, fd, &options, func, data, NULL, NULL);

	if (file && self)
		g_atomic_int_inc(&file->refs); /* its owner has one too */
	return file;
}

gboolean bp_file_send(BpFile *file, gconstpointer data, gsize size)
{
	gsize queued, end;

	g_return_val_if_fail(file && (data || !size), TRUE);
	g_mutex_lock(&file->lock);
	queued = file->pending->len + file->taken + size;
	if (file->ended || file->closing) {
		file->stats.lost++;
		queued = 0; /* waiting would not help */
	} else if (queued > file->options.backlog && queued > size) {
		file->stats.lost++;
	} else if (size) {
		if (!file->pending->len)
			g_cond_signal(&file->work);
		g_byte_array_append(file->pending, data, (guint)size);
		end = file->pending->len;
		g_array_append_val(file->ends, end);
	}
	if (queued > file->options.backlog / 2)
		file->full = TRUE;
	g_mutex_unlock(&file->lock);
	return queued <= file->options.backlog / 2;
}

void bp_file_close(BpFile *file)
{
	g_return_if_fail(file);
	begin_closing(file, FALSE);
}

BpFileStats bp_file_stats(BpFile *file)
{
	BpFileStats stats;

	g_mutex_lock(&file->lock);
	stats = file->stats;
	stats.waiting = file->pending->len + file->taken;
	g_mutex_unlock(&file->lock);
	return stats;
}

gboolean file_flush(BpFile *file, gint64 time)
{
	gint64 until = g_get_monotonic_time() + time;
	gboolean good = TRUE;

	g_mutex_lock(&file->lock);
	while (good && !file->ended && (file->pending->len || file->taken || file->closing)) {
		if (time < 0)
			g_cond_wait(&file->progress, &file->lock);
		else
			good = g_cond_wait_until(&file->progress, &file->lock, until);
	}
	g_mutex_unlock(&file->lock);
	return good;
}

void files_reopen(void)
{
	g_mutex_lock(&lock);
	for (GList *at = files; at; at = at->next) {
		BpFile *file = at->data;

		g_mutex_lock(&file->lock);
		file->reopen = TRUE;
		g_cond_signal(&file->work);
		g_mutex_unlock(&file->lock);
	}
	g_mutex_unlock(&lock);
}

gboolean files_drain(gint64 time)
{
	gint64 until = g_get_monotonic_time() + time;
	gboolean good = TRUE;

	g_mutex_lock(&lock);
	for (GList *at = files; at; at = at->next)
		begin_closing(at->data, FALSE);
	while (files && good)
		good = g_cond_wait_until(&one_ended, &lock, until);
	good = !files;
	g_mutex_unlock(&lock);
	return good;
}
