/* SPDX-License-Identifier: MIT */
/* file.h - files that users name, and files that hold state.
 *
 * Only regular files are opened: a FIFO, a device, a socket or a folder is refused before it is opened, since opening
 * one may wait or have an effect. A GError says "PATH: why", with the system's reason.
 *
 * The functions of the first part block on the disk. They are for jobs, for the start of the program, and for the small files that a
 * module reads while it opens. On a loop use bp_file_read, which reads in a job, and the library file (writer.h).
 */
#pragma once
#include <string.h>
#include <backplane/types.h>

G_BEGIN_DECLS

typedef enum {
	BP_FILE_READ = 0,
	BP_FILE_APPEND = 1,  /* written at its end; created if it is missing */
	BP_FILE_NEW = 2,     /* created; an existing file is an error */
	BP_FILE_NO_LINK = 4, /* refused if the last part of the path is a symbolic link */
	BP_FILE_PRIVATE = 8, /* created with mode 0600 instead of 0640 */
} BpFileFlags;

/* --- blocking --- */

/* A descriptor, close-on-exec; -1 with an error. */
BP_API int bp_file_open(const char *path, BpFileFlags flags, GError **error);
/* The whole file with a NUL behind it, at most `limit` bytes (else BP_LIMIT). Yours. */
BP_API char *bp_file_load(const char *path, gsize limit, BpFileFlags flags, gsize *size, GError **error);
/* Writes all bytes; FALSE with errno. */
BP_API gboolean bp_file_write(int fd, gconstpointer data, gsize size);
/* Creates a private file and syncs it; after an error the file does not exist. */
BP_API gboolean bp_file_create(const char *path, gconstpointer data, gsize size, GError **error);
/* Renames `from` to `to`, replaces an existing file and syncs the folder; after an error `from` is removed. */
BP_API gboolean bp_file_rename(const char *from, const char *to, GError **error);

/* --- not blocking --- */

/* Reads as bp_file_load does, in a job of `self`. `done` is called once, on this loop, also when `self` closes meanwhile
 * (BP_CANCELLED); a scope that ends meanwhile is not notified. FALSE: too many jobs are queued, and `done` is not called. */
typedef void (*BpFileLoaded)(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data);
BP_API gboolean bp_file_read(BpPlugin *self, const char *path, gsize limit, BpFileLoaded done, gpointer data,
			     GError **error);

/* The reason without the path, "No such file or directory", for messages that name the path themselves. */
static inline const char *bp_file_why(const GError *error, const char *path)
{
	return g_str_has_prefix(error->message, path) ? error->message + strlen(path) + 2 : error->message;
}

G_END_DECLS
