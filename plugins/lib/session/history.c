/* SPDX-License-Identifier: MIT */
/* history.c - a ring of lines and the file behind it. In the file a line is a line: backslash
 * and newline in it are written \\ and \n. Several processes may append at once; one that
 * rewrites the file takes in what the others appended before. Jobs read, append and rewrite, one at a
 * time; what is typed meanwhile goes with the next one. */
#include "history.h"
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/plugin.h>

#define FILE_LIMIT (64 * 1024 * 1024)
#define PENDING_LIMIT (1024 * 1024)

typedef struct HistoryTask HistoryTask;

struct History {
	char *file;
	GError *error;
	GQueue lines;  /* of char *, the oldest first */
	guint64 begin; /* number of the oldest */
	guint limit;
	guint in_file;	  /* lines in it, as far as we know */
	gboolean torn;	  /* its last line has no end: a write was cut off */
	GString *pending; /* for the next job */
	guint pending_lines;
	HistoryTask *task; /* under way */
	gboolean closing;  /* freed when its last task is done */
};

/* What a job has to do, and did. */
struct HistoryTask {
	History *history;
	char *file;
	GString *text; /* to be appended; NULL: the file is to be read */
	GQueue lines;  /* read */
	guint limit, in_file;
	gboolean torn, ran;
	GError *error;
};

static void fail(GError **error, const char *what, GError *take_why)
{
	g_clear_error(error);
	*error = g_error_new(BP_CONSOLE_ERROR, take_why->code,
			     "the history cannot be %s: %s; lines typed now are forgotten at the end", what,
			     take_why->message);
	g_error_free(take_why);
}

static void push(History *history, char *take_line)
{
	g_queue_push_tail(&history->lines, take_line);
	if (history->lines.length > history->limit) {
		g_free(g_queue_pop_head(&history->lines));
		history->begin++;
	}
}

static gboolean is_kept(const char *line, const char *last)
{
	return *line && *line != ' ' && *line != '\t' && strlen(line) <= HISTORY_LINE_LIMIT &&
	       g_utf8_validate(line, -1, NULL) && g_strcmp0(last, line) != 0;
}

static void append_escaped(GString *to, const char *line)
{
	for (; *line; line++) {
		if (*line == '\\')
			g_string_append(to, "\\\\");
		else if (*line == '\n')
			g_string_append(to, "\\n");
		else
			g_string_append_c(to, *line);
	}
	g_string_append_c(to, '\n');
}

static char *unescape(const char *text, gsize size)
{
	GString *line = g_string_sized_new(size + 1);

	for (gsize i = 0; i < size; i++) {
		if (text[i] == '\\' && i + 1 < size) {
			i++;
			g_string_append_c(line, text[i] == 'n' ? '\n' : text[i]);
		} else {
			g_string_append_c(line, text[i]);
		}
	}
	return g_string_free(line, FALSE);
}

/* Takes the lines of the file that may be kept; gives how many it has. */
static guint read_lines(const char *text, gsize size, History *history)
{
	guint count = 0;

	for (gsize at = 0; at < size;) {
		const char *newline = memchr(text + at, '\n', size - at);
		gsize length = newline ? (gsize)(newline - text) - at : size - at;

		if (!memchr(text + at, '\0', length) && length <= 2 * HISTORY_LINE_LIMIT) {
			char *line = unescape(text + at, length);

			if (is_kept(line, history->lines.tail ? history->lines.tail->data : NULL))
				push(history, line);
			else
				g_free(line);
		}
		count++;
		at += length + 1;
	}
	return count;
}

/* --- in the job --- */

static gboolean is_named(int fd, const char *file)
{
	struct stat ours, named;

	return !fstat(fd, &ours) && !stat(file, &named) && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* Writes the newest lines of the file to a new one and renames it over. */
static void compact(HistoryTask *task)
{
	int fd = bp_file_open(task->file, BP_FILE_READ | BP_FILE_NO_LINK, NULL);
	g_autofree char *fresh = g_strdup_printf("%s.%d.new", task->file, (int)getpid());
	History kept = { .lines = G_QUEUE_INIT, .limit = task->limit };
	g_autofree char *text = NULL;
	g_autoptr(GString) out = NULL;
	GError *error = NULL;
	gsize size;

	if (fd < 0)
		return;
	/* Another process appends or compacts: later. */
	if (!flock(fd, LOCK_EX | LOCK_NB) && is_named(fd, task->file))
		text = bp_file_load(task->file, FILE_LIMIT, BP_FILE_NO_LINK, &size, NULL);
	if (text) {
		read_lines(text, size, &kept);
		out = g_string_sized_new(size / 2);
		for (GList *item = kept.lines.head; item; item = item->next)
			append_escaped(out, item->data);
		task->in_file = kept.lines.length;
		if (!bp_file_create(fresh, out->str, out->len, &error) || !bp_file_rename(fresh, task->file, &error)) {
			fail(&task->error, "shortened", error);
			task->in_file = 0; /* not again with each line */
		}
		g_queue_clear_full(&kept.lines, g_free);
	}
	close(fd);
}

/* The file may have been renamed over between open and lock. Waiting for a lock could hang us: who does not get it does
 * without. */
static int open_locked(const char *file, GError **error)
{
	for (guint tries = 0; tries < 3; tries++) {
		int fd = bp_file_open(file, BP_FILE_APPEND | BP_FILE_NO_LINK | BP_FILE_PRIVATE, error);

		if (fd < 0)
			return -1;
		(void)flock(fd, LOCK_SH | LOCK_NB);
		if (is_named(fd, file))
			return fd;
		close(fd);
	}
	g_set_error(error, BP_IO_ERROR, BP_BUSY, "%s: others rewrite it", file);
	return -1;
}

static void append(HistoryTask *task)
{
	GError *error = NULL;
	int fd = open_locked(task->file, &error);

	if (task->torn)
		g_string_prepend_c(task->text, '\n');
	if (fd >= 0) {
		task->torn = !bp_file_write(fd, task->text->str, task->text->len);
		if (task->torn)
			g_set_error(&error, BP_IO_ERROR, BP_FAILED, "%s: %s", task->file, g_strerror(errno));
		close(fd);
	}
	if (error)
		fail(&task->error, "written", error);
	if (task->in_file > 2 * task->limit)
		compact(task);
}

static void load(HistoryTask *task)
{
	History read = { .lines = G_QUEUE_INIT, .limit = task->limit };
	GError *error = NULL;
	gsize size;
	g_autofree char *text = bp_file_load(task->file, FILE_LIMIT, BP_FILE_NO_LINK, &size, &error);

	if (text) {
		task->in_file = read_lines(text, size, &read);
		task->torn = size && text[size - 1] != '\n';
		task->lines = read.lines;
	} else if (error->code == BP_NOT_FOUND) {
		g_error_free(error);
	} else {
		fail(&task->error, "read", error);
	}
}

static void work(BpJob *job, gpointer data)
{
	HistoryTask *task = data;

	task->ran = TRUE;
	if (task->text)
		append(task);
	else
		load(task);
}

/* --- on the loop --- */

static void begin_task(History *history, GString *take_text);

/* Before those that were typed meanwhile. */
static void take_lines(History *history, GQueue *lines)
{
	char *line;

	while (history->lines.length < history->limit && (line = g_queue_pop_tail(lines))) {
		g_queue_push_head(&history->lines, line);
		history->begin--;
	}
}

static void append_pending(History *history)
{
	GString *text = history->pending;

	if (history->task || !text->len)
		return;
	history->in_file += history->pending_lines;
	history->pending_lines = 0;
	history->pending = g_string_new(NULL);
	begin_task(history, text);
}

/* The job is done, or was not begun. */
static void on_done(gpointer data)
{
	HistoryTask *task = data;
	History *history = task->history;

	if (!task->ran)
		fail(&task->error, "used", g_error_new(BP_IO_ERROR, BP_LIMIT, "too many jobs wait"));
	history->task = NULL;
	history->torn = task->torn;
	history->in_file = task->in_file;
	take_lines(history, &task->lines);
	if (task->error && !history->error)
		bp_log(bp_kernel(), BP_LOG_WARNING, "%s", task->error->message);
	g_clear_error(&history->error);
	history->error = g_steal_pointer(&task->error);
	g_queue_clear_full(&task->lines, g_free);
	if (task->text)
		g_string_free(task->text, TRUE);
	g_free(task->file);
	g_free(task);
	append_pending(history);
	if (history->closing)
		history_free(history);
}

static void begin_task(History *history, GString *take_text)
{
	HistoryTask *task = history->task = g_new0(HistoryTask, 1);

	task->history = history;
	task->file = g_strdup(history->file);
	task->text = take_text;
	task->limit = history->limit;
	task->in_file = history->in_file;
	task->torn = history->torn;
	g_queue_init(&task->lines);
	if (bp_loop_current()) {
		bp_job_add(bp_kernel(), "history", work, NULL, task, on_done);
	} else {
		work(NULL, task); /* a program without a loop: nobody is held up */
		on_done(task);
	}
}

History *history_open(const char *file, guint limit)
{
	History *history = g_new0(History, 1);

	g_queue_init(&history->lines);
	history->file = g_strdup(file);
	history->limit = limit ? limit : 1000;
	history->pending = g_string_new(NULL);
	history->begin = file ? history->limit : 0; /* room for what is read from it */
	if (file)
		begin_task(history, NULL);
	if (!history->task)
		history->begin = 0; /* it has been read already */
	return history;
}

void history_free(History *history)
{
	if (!history)
		return;
	if (history->task) {
		history->closing = TRUE;
		return;
	}
	g_queue_clear_full(&history->lines, g_free);
	g_clear_error(&history->error);
	g_string_free(history->pending, TRUE);
	g_free(history->file);
	g_free(history);
}

gboolean history_add(History *history, const char *line)
{
	if (!is_kept(line, history->lines.tail ? history->lines.tail->data : NULL))
		return FALSE;
	push(history, g_strdup(line));
	/* A disk that takes nothing for so long will forget a few. */
	if (history->file && history->pending->len < PENDING_LIMIT) {
		append_escaped(history->pending, line);
		history->pending_lines++;
		append_pending(history);
	}
	return TRUE;
}

guint64 history_begin(const History *history)
{
	return history->begin;
}

guint64 history_end(const History *history)
{
	return history->begin + history->lines.length;
}

const char *history_get(const History *history, guint64 number)
{
	if (number < history->begin || number >= history_end(history))
		return NULL;
	return g_queue_peek_nth((GQueue *)&history->lines, (guint)(number - history->begin));
}

gboolean history_search(const History *history, const char *text, guint64 before, guint64 *found)
{
	guint64 end = MIN(before, history_end(history));
	GList *item;

	if (end <= history->begin)
		return FALSE;
	item = g_queue_peek_nth_link((GQueue *)&history->lines, (guint)(end - history->begin - 1));
	for (guint64 number = end; item; item = item->prev) {
		number--;
		if (strstr(item->data, text)) {
			*found = number;
			return TRUE;
		}
	}
	return FALSE;
}

const GError *history_error(const History *history)
{
	return history->error;
}
