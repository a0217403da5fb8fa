/* SPDX-License-Identifier: MIT */
/* writer.h - the library file: files that grow, written by jobs. Link with backplane-file.
 *
 * What is sent is queued and written in order; records are never torn. While the file cannot be written (the disk is full, its
 * folder is gone), it is tried again each second; records over the backlog are lost whole, the newest first, and counted.
 * A file that was deleted is created again; SIGHUP closes it and opens its path again, for logrotate. */
#pragma once
#include <backplane/file.h>

G_BEGIN_DECLS

typedef struct BpWriter BpWriter;

typedef enum {
	BP_WRITER_OPENED,
	BP_WRITER_STALLED, /* it cannot be written for now, with why; once until BP_WRITER_RESUMED */
	BP_WRITER_RESUMED,
	BP_WRITER_DRAINED, /* after a BP_FULL: there is room again */
	BP_WRITER_CLOSED, /* the last; an error if it could not be opened, or not all was written. The pointer is dead then */
} BpWriterEvent;

typedef struct {
	BpFileFlags flags; /* BP_FILE_APPEND or BP_FILE_NEW, with others */
	gsize backlog;	   /* bytes; 0: 4 MiB */
	gint64 rotate;	   /* at this size PATH becomes PATH.1, and so on to PATH.5; 0: never */
} BpWriterOptions;

/* Events come on this loop. BP_WRITER_CLOSED comes exactly once: after bp_writer_close, when the file could not be opened, or
 * when `self` closes (BP_CLOSED); what is queued then is still written, and the end of the program waits for it. */
typedef void (*BpWriterFunc)(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data);
BP_API BpWriter *bp_writer_open_sized(BpPlugin *self, const char *path, const BpWriterOptions *options, gsize size,
				      BpWriterFunc func, gpointer data);
static inline BpWriter *bp_writer_open(BpPlugin *self, const char *path, const BpWriterOptions *options,
				       BpWriterFunc func, gpointer data)
{
	return bp_writer_open_sized(self, path, options, sizeof(*options), func, data);
}
/* One record, on the writer's loop. BP_FULL: over half of the backlog is used; a record over all of it is lost, and counted. Who
 * can wait does until BP_WRITER_DRAINED. */
BP_API BpSent bp_writer_send(BpWriter *writer, gconstpointer data, gsize size);
/* Writes what is queued, then closes. */
BP_API void bp_writer_close(BpWriter *writer);

typedef struct {
	guint64 lost;  /* records */
	guint64 size;  /* of the file, when it was written last */
	gsize waiting; /* bytes */
} BpWriterStats;
BP_API void bp_writer_stats_sized(const BpWriter *writer, BpWriterStats *result, gsize size);
static inline BpWriterStats bp_writer_stats(const BpWriter *writer)
{
	BpWriterStats result;

	bp_writer_stats_sized(writer, &result, sizeof(result));
	return result;
}

G_END_DECLS
