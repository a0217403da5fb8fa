/* SPDX-License-Identifier: MIT */
/* history.c - a ring of lines and the file behind it. In the file a line is a line: backslash
 * and newline in it are written \\ and \n. Several processes may append at once; one that
 * rewrites the file takes in what the others appended before. */
#include "history.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/types.h>

#define FILE_LIMIT (64 * 1024 * 1024)

struct History {
	char *file;
	GError *error;
	GQueue lines;  /* of char *, the oldest first */
	guint64 begin; /* number of the oldest */
	guint limit;
	guint in_file; /* lines in it, as far as we know */
	gboolean torn; /* its last line has no end: a write was cut off */
};

static void fail(History *history, const char *what, const char *why)
{
	g_clear_error(&history->error);
	history->error = g_error_new(BP_CONSOLE_ERROR, BP_FAILED,
				     "history file %s cannot be %s: %s; "
				     "lines typed now are forgotten at the end",
				     history->file, what, why);
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

/* The whole of an open file; NULL with errno. */
static GString *read_all(int fd)
{
	struct stat status;
	GString *text;

	if (fstat(fd, &status) < 0)
		return NULL;
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT) {
		errno = S_ISREG(status.st_mode) ? EFBIG : EINVAL;
		return NULL;
	}
	text = g_string_new(NULL);
	g_string_set_size(text, (gsize)status.st_size);
	for (gsize have = 0; have < text->len;) {
		ssize_t got = pread(fd, text->str + have, text->len - have, (off_t)have);

		if (got < 0 && errno != EINTR) {
			g_string_free(text, TRUE);
			return NULL;
		}
		if (got == 0)
			g_string_truncate(text, have);
		have += got > 0 ? (gsize)got : 0;
	}
	return text;
}

/* Waiting for a lock could hang us: who does not get it does without. */
static int open_locked(const char *file, int flags)
{
	int fd = open(file, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd >= 0)
		(void)flock(fd, LOCK_SH | LOCK_NB);
	return fd;
}

/* Writes the newest lines of the file to a new one and renames it over. Our own lines are in
 * the file already. */
static void compact(History *history)
{
	int fd = open(history->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	g_autofree char *fresh = g_strdup_printf("%s.%d.new", history->file, (int)getpid());
	History kept = { .lines = G_QUEUE_INIT, .limit = history->limit };
	GString *text = NULL, *out;
	g_autoptr(GError) error = NULL;

	if (fd < 0)
		return;
	/* Somebody else appends or compacts: another time. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		text = read_all(fd);
	if (text) {
		read_lines(text->str, text->len, &kept);
		out = g_string_sized_new(text->len / 2);
		for (GList *item = kept.lines.head; item; item = item->next)
			append_escaped(out, item->data);
		if (!g_file_set_contents_full(fresh, out->str, (gssize)out->len,
					      G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error) ||
		    g_rename(fresh, history->file) < 0) {
			fail(history, "shortened", error ? error->message : g_strerror(errno));
			g_unlink(fresh);
			history->in_file = 0; /* not again with each line */
		} else {
			history->in_file = kept.lines.length;
		}
		g_string_free(out, TRUE);
		g_string_free(text, TRUE);
		g_queue_clear_full(&kept.lines, g_free);
	}
	close(fd);
}

static void append_to_file(History *history, const char *line)
{
	GString *text = g_string_new(NULL);
	struct stat ours, named;
	int fd = -1;

	if (history->torn)
		g_string_append_c(text, '\n');
	append_escaped(text, line);
	/* The file may have been renamed over between open and lock. */
	for (guint tries = 0; tries < 3; tries++) {
		fd = open_locked(history->file, O_WRONLY | O_APPEND | O_CREAT);
		if (fd < 0 || (fstat(fd, &ours) == 0 && stat(history->file, &named) == 0 &&
			       ours.st_ino == named.st_ino))
			break;
		close(fd);
		fd = -1;
		errno = EAGAIN;
	}
	g_clear_error(&history->error);
	if (fd < 0 || write(fd, text->str, text->len) != (ssize_t)text->len)
		fail(history, "written", g_strerror(errno));
	else
		history->torn = FALSE;
	if (fd >= 0)
		close(fd);
	g_string_free(text, TRUE);
	if (++history->in_file > 2 * history->limit)
		compact(history);
}

static void load(History *history)
{
	int fd = open(history->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	GString *text = fd >= 0 ? read_all(fd) : NULL;

	if (!text) {
		if (errno != ENOENT)
			fail(history, "read", g_strerror(errno));
	} else {
		history->in_file = read_lines(text->str, text->len, history);
		history->torn = text->len && text->str[text->len - 1] != '\n';
		g_string_free(text, TRUE);
	}
	if (fd >= 0)
		close(fd);
}

History *history_open(const char *file, guint limit)
{
	History *history = g_new0(History, 1);

	g_queue_init(&history->lines);
	history->file = g_strdup(file);
	history->limit = limit ? limit : 1000;
	if (file)
		load(history);
	return history;
}

void history_free(History *history)
{
	if (!history)
		return;
	g_queue_clear_full(&history->lines, g_free);
	g_clear_error(&history->error);
	g_free(history->file);
	g_free(history);
}

gboolean history_add(History *history, const char *line)
{
	if (!is_kept(line, history->lines.tail ? history->lines.tail->data : NULL))
		return FALSE;
	push(history, g_strdup(line));
	if (history->file)
		append_to_file(history, line);
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
