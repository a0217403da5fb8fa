/* SPDX-License-Identifier: MIT */
/* file.h - what the kernel does with files beyond <backplane/file.h>. */
#pragma once
#include <backplane/file.h>

/* An open descriptor that may block (stdout, stderr) as a BpFile: it stays open, and an error of it ends the writing. The
 * caller has a reference of its own. `self` may be NULL: then nobody is told of anything. */
BpFile *file_start_fd(BpPlugin *self, int fd, gsize backlog, BpFileFunc func, gpointer data);
void file_unref(BpFile *file);
/* Waits until everything sent is written, or the writing has ended; -1: without end. FALSE: not in that time. */
gboolean file_flush(BpFile *file, gint64 time);
/* Every BpFile with a path closes and opens it again: SIGHUP. */
void files_reopen(void);
/* At the end: closes all that have a path, and waits until they are written. FALSE: not in that time. */
gboolean files_drain(gint64 time);
