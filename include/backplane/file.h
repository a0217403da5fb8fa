/* SPDX-License-Identifier: MIT */
/* file.h - files that users name, and files that hold state.
 *
 * Only regular files are opened: a FIFO, a device, a socket or a folder is refused before it is opened, since opening
 * one may wait or have an effect. A GError says "PATH: why", with the system's reason.
 *
 * The first part waits for the disk. It is for jobs, for the start of the program, and for the small files that a module
 * reads while it opens. A loop uses the second part: bp_file_read reads in a job, a BpFile writes on a thread of its own.
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

/* --- these do not wait --- */

/* Reads as bp_file_load does, in a job of `self`. `done` is called once, on this loop, also when `self` closes meanwhile
 * (BP_CANCELLED). FALSE: nothing is called; too many jobs wait. */
typedef void (*BpFileLoaded)(BpPlugin *self, const char *text, gsize size, const GError *error, gpointer data);
BP_API gboolean bp_file_read(BpPlugin *self, const char *path, gsize limit, BpFileLoaded done, gpointer data, GError **error);

/* A file that grows. What is sent is queued and written in order; records are never torn. While it cannot be written (the
 * disk is full, its folder is gone), it is tried again each second; records over the backlog are lost whole, the newest
 * first, and counted. A file that was deleted is created again; SIGHUP closes it and opens its path again, for logrotate. */
typedef enum {
	BP_FILE_OPENED,
	BP_FILE_STALLED, /* it cannot be written for now, with why; once until BP_FILE_RESUMED */
	BP_FILE_RESUMED,
	BP_FILE_DRAINED, /* after bp_file_send returned FALSE: there is room again */
	BP_FILE_CLOSED,	 /* the last; an error if it could not be opened, or not all was written */
} BpFileEvent;

typedef struct {
	BpFileFlags flags; /* BP_FILE_APPEND or BP_FILE_NEW, with others */
	gsize backlog;	   /* bytes; 0: 4 MiB */
	gint64 rotate;	   /* at this size PATH becomes PATH.1, and so on to PATH.5; 0: never */
} BpFileOptions;

/* `func` is called on this loop. BP_FILE_CLOSED comes once, after bp_file_close or when the file could not be opened; then
 * `data` is destroyed and the pointer is dead. If `self` closes first, `data` is destroyed at once, without events; what is
 * queued is still written. NULL: no thread could be made, and nothing is called but `destroy`. */
typedef void (*BpFileFunc)(BpPlugin *self, BpFile *file, BpFileEvent event, const GError *error, gpointer data);
BP_API BpFile *bp_file_start(BpPlugin *self, const char *path, const BpFileOptions *options, BpFileFunc func, gpointer data,
			     GDestroyNotify destroy, GError **error);
/* One record. FALSE: over half of the backlog is used, or the record is lost; who can wait does until BP_FILE_DRAINED. Any
 * thread, as long as the pointer is valid. */
BP_API gboolean bp_file_send(BpFile *file, gconstpointer data, gsize size);
/* Writes what is queued, then closes. */
BP_API void bp_file_close(BpFile *file);

typedef struct {
	guint64 written, lost; /* bytes; records */
	guint64 size;	       /* of the file, when it was written last */
	gsize waiting;	       /* bytes */
} BpFileStats;
BP_API BpFileStats bp_file_stats(BpFile *file);

/* "No such file or directory": for sentences that name the path themselves. */
static inline const char *bp_file_why(const GError *error, const char *path)
{
	return g_str_has_prefix(error->message, path) ? error->message + strlen(path) + 2 : error->message;
}

G_END_DECLS
