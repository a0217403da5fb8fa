/* SPDX-License-Identifier: MIT */
/* mesh-history.h - values on disk: SQLite in WAL mode, and the old lines of text on request.
 *
 * Values are gathered and written once a second by a job, in one transaction. At most HISTORY_PENDING bytes wait: a disk
 * that does not keep up loses the newest values, counted. The oldest rows go when there are more than the limit.
 */
#pragma once
#include <backplane/backplane.h>

typedef struct MeshHistory MeshHistory;

/* Either file or folder may be NULL. */
MeshHistory *mesh_history_open(BpPlugin *self, const char *file, gint64 rows, const char *folder, gsize folder_limit,
			       GError **error);
/* Writes what is left, however long the disk takes. */
void mesh_history_close(MeshHistory *history);
void mesh_history_add(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size, gint64 wall);
/* To be called each second. */
void mesh_history_write(MeshHistory *history);
void mesh_history_counts(MeshHistory *history, guint64 *written, guint64 *lost, char **failure);
