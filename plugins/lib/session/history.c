/* SPDX-License-Identifier: MIT */
/* history.c - a ring of lines and the file behind it. In the file a line is a line: backslash
 * and newline in it are written \\ and \n. Several processes may append at once; one that
 * rewrites the file takes in what the others appended before. A job appends and rewrites; what is
 * typed meanwhile goes with the next one. */
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

typedef struct Append Append;

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
	Append *append; /* under way */
};

/* What a job has to do, and did. */
struct Append {
	History *history; /* NULL: freed meanwhile */
	char *file;
	GString *text;
	guint limit, in_file;
	gboolean torn;
	GError *error;
};

static void fail(GError **error, const char *what, GError *take_why)
{
	g_clear_error(error);
	*error = g_error_new(BP_CONSOLE_ERROR, take_why->code, "the history cannot be %s: %s; lines typed now are forgotten at the end",
			     what, take_why->message);
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
static void compact(Append *append)
{
	int fd = bp_file_open(append->file, BP_FILE_READ | BP_FILE_NO_LINK, NULL);
	g_autofree char *fresh = g_strdup_printf("%s.%d.new", append->file, (int)getpid());
	History kept = { .lines = G_QUEUE_INIT, .limit = append->limit };
	g_autofree char *text = NULL;
	g_autoptr(GString) out = NULL;
	GError *error = NULL;
	gsize size;

	if (fd < 0)
		return;
	/* Somebody else appends or compacts: another time. */
	if (!flock(fd, LOCK_EX | LOCK_NB) && is_named(fd, append->file))
		text = bp_file_load(append->file, FILE_LIMIT, BP_FILE_NO_LINK, &size, NULL);
	if (text) {
		read_lines(text, size, &kept);
		out = g_string_sized_new(size / 2);
		for (GList *item = kept.lines.head; item; item = item->next)
			append_escaped(out, item->data);
		append->in_file = kept.lines.length;
		if (!bp_file_create(fresh, out->str, out->len, &error) || !bp_file_rename(fresh, append->file, &error)) {
			fail(&append->error, "shortened", error);
			append->in_file = 0; /* not again with each line */
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

static void append_work(BpJob *job, gpointer data)
{
	Append *append = data;
	GError *error = NULL;
	int fd = open_locked(append->file, &error);

	if (append->torn)
		g_string_prepend_c(append->text, '\n');
	if (fd >= 0) {
		append->torn = !bp_file_write(fd, append->text->str, append->text->len);
		if (append->torn)
			g_set_error(&error, BP_IO_ERROR, BP_FAILED, "%s: %s", append->file, g_strerror(errno));
		close(fd);
	}
	if (error)
		fail(&append->error, "written", error);
	if (append->in_file > 2 * append->limit)
		compact(append);
}

/* --- on the loop --- */

static void append_pending(History *history);

static void on_appended(BpPlugin *self, gboolean cancelled, gpointer data)
{
	Append *append = data;
	History *history = append->history;

	if (history) {
		history->append = NULL;
		history->torn = append->torn;
		history->in_file = append->in_file;
		if (append->error && !history->error)
			bp_log(bp_kernel(), BP_LOG_WARNING, "%s", append->error->message);
		g_clear_error(&history->error);
		history->error = g_steal_pointer(&append->error);
		append_pending(history);
	}
	g_clear_error(&append->error);
	g_string_free(append->text, TRUE);
	g_free(append->file);
	g_free(append);
}

static void append_pending(History *history)
{
	Append *append;

	if (history->append || !history->pending->len)
		return;
	append = history->append = g_new0(Append, 1);
	append->history = history;
	append->file = g_strdup(history->file);
	append->text = history->pending;
	append->limit = history->limit;
	append->in_file = history->in_file + history->pending_lines;
	append->torn = history->torn;
	history->pending = g_string_new(NULL);
	history->pending_lines = 0;
	if (!bp_loop_current())
		append_work(NULL, append); /* a program without a loop: nobody is held up */
	else if (bp_job_add(bp_kernel(), "write history", append_work, on_appended, append, NULL))
		return;
	else
		fail(&append->error, "written", g_error_new(BP_IO_ERROR, BP_LIMIT, "too many jobs wait"));
	on_appended(NULL, FALSE, append);
}

/* For the start. */
static void load(History *history)
{
	g_autoptr(GError) error = NULL;
	gsize size;
	g_autofree char *text = bp_file_load(history->file, FILE_LIMIT, BP_FILE_NO_LINK, &size, &error);

	if (text) {
		history->in_file = read_lines(text, size, history);
		history->torn = size && text[size - 1] != '\n';
	} else if (error->code != BP_NOT_FOUND) {
		fail(&history->error, "read", g_steal_pointer(&error));
	}
}

History *history_open(const char *file, guint limit)
{
	History *history = g_new0(History, 1);

	g_queue_init(&history->lines);
	history->file = g_strdup(file);
	history->limit = limit ? limit : 1000;
	history->pending = g_string_new(NULL);
	if (file)
		load(history);
	return history;
}

void history_free(History *history)
{
	if (!history)
		return;
	if (history->append)
		history->append->history = NULL;
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
