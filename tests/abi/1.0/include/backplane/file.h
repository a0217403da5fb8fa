/* SPDX-License-Identifier: MIT */
/* file.h - files that users name, and files that hold state.
 *
 * Only regular files are opened: a FIFO, a device, a socket or a folder is refused before it is opened, since opening
 * one may wait or have an effect. A GError says "PATH: why", with the system's reason.
 *
 * The first part waits for the disk. It is for jobs, for the start of the program, and for the small files that a module
 * reads while it opens. A loop uses bp_file_read, which reads in a job, and the library file
 * (writer.h).
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

/* --- these wait for the disk --- */

/* A descriptor, close-on-exec; -1 with an error. */
BP_API int bp_file_open(const char *path, BpFileFlags flags, GError **error);
/* The whole file with a NUL behind it, at most `limit` bytes (else BP_LIMIT). Yours. */
BP_API char *bp_file_load(const char *path, gsize limit, BpFileFlags flags, gsize *size, GError **error);
/* All of it; FALSE with errno. */
BP_API gboolean bp_file_write(int fd, gconstpointer data, gsize size);
/* A new private file, on the disk when this returns; after an error there is none. */
BP_API gboolean bp_file_create(const char *path, gconstpointer data, gsize size, GError **error);
/* Renames over `to` and brings the folder to the disk; after an error `from` is removed. */
BP_API gboolean bp_file_rename(const char *from, const char *to, GError **error);

/* --- this does not wait --- */

/* Reads as bp_file_load does, in a job of `self`. `done` is called once, on this loop, also when `self` closes meanwhile
 * (BP_CANCELLED), unless `self` is a scope. FALSE: nothing is called; too many jobs wait. */
typedef void (*BpFileLoaded)(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data);
BP_API gboolean bp_file_read(BpPlugin *self, const char *path, gsize limit, BpFileLoaded done, gpointer data,
			     GError **error);

/* "No such file or directory": for sentences that name the path themselves. */
static inline const char *bp_file_why(const GError *error, const char *path)
{
	return g_str_has_prefix(error->message, path) ? error->message + strlen(path) + 2 : error->message;
}

G_END_DECLS
