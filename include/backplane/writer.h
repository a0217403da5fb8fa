/* SPDX-License-Identifier: MIT */
/* writer.h - the library file: files that grow, written by jobs. Link with backplane-file.
 *
 * Records are queued and written in order, each one completely. While the file cannot be written (the disk is full, its folder was
 * removed), the job retries every second; new records beyond the backlog are dropped as a whole and counted.
 * A deleted file is created again; SIGHUP closes and reopens the file, for logrotate. */
#pragma once
#include <backplane/file.h>

G_BEGIN_DECLS

typedef struct BpWriter BpWriter;

typedef enum {
	BP_WRITER_OPENED,
	BP_WRITER_STALLED, /* writing fails; `error` is the reason. Once until BP_WRITER_RESUMED */
	BP_WRITER_RESUMED,
	BP_WRITER_DRAINED, /* after a BP_FULL: there is room again */
	BP_WRITER_CLOSED, /* last; an error if the file could not be opened, or records were not written. The pointer is invalid then */
} BpWriterEvent;

typedef struct {
	BpFileFlags flags; /* BP_FILE_APPEND or BP_FILE_NEW, with others */
	gsize backlog;	   /* bytes; 0: 4 MiB */
	gint64 rotate;	   /* at this size PATH becomes PATH.1, and so on to PATH.5; 0: never */
} BpWriterOptions;

/* Called on this loop. BP_WRITER_CLOSED is reported exactly once: after bp_writer_close, when the file could not be opened, or when `self`
 * closes (BP_CLOSED); the queue is still written then, and the end of the program waits for it. */
typedef void (*BpWriterFunc)(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data);
BP_API BpWriter *bp_writer_open_sized(BpPlugin *self, const char *path, const BpWriterOptions *options, gsize size,
				      BpWriterFunc func, gpointer data);
static inline BpWriter *bp_writer_open(BpPlugin *self, const char *path, const BpWriterOptions *options,
				       BpWriterFunc func, gpointer data)
{
	return bp_writer_open_sized(self, path, options, sizeof(*options), func, data);
}
/* Queues one record, on the loop of the writer. BP_FULL: the queue is over half of the backlog; pause until BP_WRITER_DRAINED, if possible.
 * A record that exceeds the backlog is dropped and counted. */
BP_API BpSent bp_writer_send(BpWriter *writer, gconstpointer data, gsize size);
/* Writes the queue, then closes. */
BP_API void bp_writer_close(BpWriter *writer);

typedef struct {
	guint64 lost;  /* records */
	guint64 size;  /* of the file, after the last write */
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
