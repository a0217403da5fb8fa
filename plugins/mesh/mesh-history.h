/* SPDX-License-Identifier: MIT */
/* mesh-history.h - values on disk: a store (store.h) with the series ADDRESS/TYPE, and the old lines of text on request.
 *
 * Lines are gathered and written once a second by a job. At most HISTORY_PENDING bytes of them wait: a disk that does not keep up loses
 * the newest, counted.
 */
#pragma once
#include <backplane/backplane.h>

typedef struct MeshHistory MeshHistory;

/* A sentence for the log, when something changes: a failure, its end, a database that was set aside. */
typedef void (*MeshHistoryTell)(const char *text, gpointer data);

/* Either file or folder may be NULL. A database that cannot be opened is reported, and tried again each second; NULL: it is open already. */
MeshHistory *mesh_history_open(BpPlugin *self, const char *file, gint64 rows, const char *folder, gsize folder_limit,
			       MeshHistoryTell tell, gpointer data, GError **error);
/* Writes the queue. */
void mesh_history_close(MeshHistory *history);
void mesh_history_add(MeshHistory *history, guint16 address, const char *type, gconstpointer data, gsize size,
		      gint64 wall);
/* To be called each second. */
void mesh_history_write(MeshHistory *history);
/* `failure`: why the last values are not written yet, or NULL. */
void mesh_history_counts(const MeshHistory *history, guint64 *written, guint64 *lost, const char **failure);
