/* SPDX-License-Identifier: MIT */
/* mesh-history.h - values on disk: SQLite in WAL mode, and the old lines of text on request.
 *
 * Values are gathered and written once a second by a job, in one transaction; the job opens and closes the database too. At
 * most HISTORY_PENDING bytes wait: a disk that does not keep up loses the newest values, counted. What could not be written is
 * tried again. The oldest rows go when there are more than the limit. A damaged database is set aside, and a new one begun.
 */
#pragma once
#include <backplane/backplane.h>

typedef struct MeshHistory MeshHistory;

/* A sentence for the log, when something changes: a failure, its end, a database that was set aside. */
typedef void (*MeshHistoryTell)(const char *text, gpointer data);

/* Either file or folder may be NULL. A failure to open is told, and tried again each second. */
MeshHistory *mesh_history_open(BpPlugin *self, const char *file, gint64 rows, const char *folder, gsize folder_limit,
			       MeshHistoryTell tell, gpointer data);
/* Writes what is left. `self` is held until that is done. */
void mesh_history_close(MeshHistory *history);
void mesh_history_add(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size,
		      gint64 wall);
/* To be called each second. */
void mesh_history_write(MeshHistory *history);
/* `failure`: why the last values are not written yet, or NULL. */
void mesh_history_counts(const MeshHistory *history, guint64 *written, guint64 *lost, const char **failure);
