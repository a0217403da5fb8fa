/* SPDX-License-Identifier: MIT */
/* file.c - opening, reading and creating files; what waits for the disk, and the job that does so for a loop. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/loop.h>
#include <backplane/plugin.h>

#define PIECE 65536

static void set_error(GError **error, int number, const char *path)
{
	BpErrorCode code = number == EACCES || number == EPERM || number == EROFS ? BP_NOT_PERMITTED
			   : number == ENOENT || number == ENOTDIR		  ? BP_NOT_FOUND
			   : number == EEXIST					  ? BP_EXISTS
										  : BP_FAILED;

	g_set_error(error, BP_IO_ERROR, code, "%s: %s", path,
		    number == ELOOP ? "it is a symbolic link" : g_strerror(number));
}

static gboolean check_kind(const struct stat *info, const char *path, GError **error)
{
	mode_t mode = info->st_mode;

	if (S_ISREG(mode))
		return TRUE;
	g_set_error(error, BP_IO_ERROR, BP_INVALID, "%s: it is not a file but %s", path,
		    S_ISDIR(mode)    ? "a folder"
		    : S_ISFIFO(mode) ? "a FIFO"
		    : S_ISSOCK(mode) ? "a socket"
				     : "a device");
	return FALSE;
}

int bp_file_open(const char *path, BpFileFlags flags, GError **error)
{
	int how = flags & BP_FILE_NEW	   ? O_WRONLY | O_APPEND | O_CREAT | O_EXCL
		  : flags & BP_FILE_APPEND ? O_WRONLY | O_APPEND | O_CREAT
					   : O_RDONLY;
	struct stat info;
	int fd;

	/* Before: opening a device may have an effect. After: it may have been exchanged. */
	if (!stat(path, &info) && !check_kind(&info, path, error))
		return -1;
	fd = open(path, how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (flags & BP_FILE_NO_LINK ? O_NOFOLLOW : 0),
		  flags & BP_FILE_PRIVATE ? 0600 : 0640);
	if (fd < 0 || fstat(fd, &info) < 0) {
		set_error(error, errno, path);
	} else if (check_kind(&info, path, error)) {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

char *bp_file_load(const char *path, gsize limit, BpFileFlags flags, gsize *size, GError **error)
{
	int fd = bp_file_open(path, flags & BP_FILE_NO_LINK, error);
	g_autoptr(GByteArray) text = g_byte_array_new();
	gssize got = -1;

	/* One byte over the limit is enough to know. */
	while (fd >= 0 && text->len <= limit) {
		guint have = text->len;

		g_byte_array_set_size(text, have + (guint)MIN(limit + 1 - have, PIECE));
		got = read(fd, text->data + have, text->len - have);
		g_byte_array_set_size(text, have + (guint)MAX(got, 0));
		if (got == 0 || (got < 0 && errno != EINTR))
			break;
	}
	if (fd < 0)
		return NULL;
	if (got < 0)
		set_error(error, errno, path);
	else if (text->len > limit)
		g_set_error(error, BP_IO_ERROR, BP_LIMIT, "%s: it is larger than %" G_GSIZE_FORMAT " bytes", path,
			    limit);
	close(fd);
	if (got < 0 || text->len > limit)
		return NULL;
	if (size)
		*size = text->len;
	g_byte_array_append(text, (const guint8 *)"", 1);
	return (char *)g_byte_array_free(g_steal_pointer(&text), FALSE);
}

gboolean bp_file_write(int fd, gconstpointer data, gsize size)
{
	const guint8 *at = data;

	while (size) {
		gssize put = write(fd, at, size);

		if (put < 0 && errno != EINTR)
			return FALSE;
		at += MAX(put, 0);
		size -= (gsize)MAX(put, 0);
	}
	return TRUE;
}

gboolean bp_file_create(const char *path, gconstpointer data, gsize size, GError **error)
{
	int fd = bp_file_open(path, BP_FILE_NEW | BP_FILE_NO_LINK | BP_FILE_PRIVATE, error);
	gboolean good = fd >= 0 && bp_file_write(fd, data, size) && !fsync(fd);
	int number = errno;

	if (fd < 0)
		return FALSE;
	if (close(fd) && good) {
		number = errno;
		good = FALSE;
	}
	if (good)
		return TRUE;
	set_error(error, number, path);
	unlink(path);
	return FALSE;
}

gboolean bp_file_rename(const char *from, const char *to, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(to);
	int fd;

	if (rename(from, to)) {
		set_error(error, errno, to);
		unlink(from);
		return FALSE;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return TRUE;
}

/* --- in a job --- */

typedef struct {
	char *path, *text;
	gsize limit, size;
	GError *error;
	BpFileLoaded done;
	gpointer data;
} LoadJob;

static void load_free(gpointer data)
{
	LoadJob *load = data;

	g_clear_error(&load->error);
	g_free(load->path);
	g_free(load->text);
	g_free(load);
}

static void work(BpJob *job, gpointer data)
{
	LoadJob *load = data;

	load->text = bp_file_load(load->path, load->limit, BP_FILE_READ, &load->size, &load->error);
}

static void on_loaded(BpPlugin *self, gboolean cancelled, gpointer data)
{
	LoadJob *load = data;

	if (cancelled) {
		g_clear_pointer(&load->text, g_free);
		g_clear_error(&load->error);
		load->error = g_error_new(BP_IO_ERROR, BP_CANCELLED, "%s: it is not read: %s is closing", load->path,
					  bp_plugin_name(self));
	}
	load->done(self, load->text, load->text ? load->size : 0, load->error, load->data);
}

gboolean bp_file_read(BpPlugin *self, const char *path, gsize limit, BpFileLoaded done, gpointer data, GError **error)
{
	LoadJob *load = g_new0(LoadJob, 1);

	load->path = g_strdup(path);
	load->limit = limit;
	load->done = done;
	load->data = data;
	if (bp_job_add(self, "read file", work, on_loaded, load, load_free))
		return TRUE;
	g_set_error(error, BP_IO_ERROR, BP_LIMIT, "%s: too many jobs wait already; try again", path);
	return FALSE;
}
