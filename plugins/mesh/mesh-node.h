/* SPDX-License-Identifier: MIT */
/* mesh-node.h - the known nodes of the mesh, their last values, paths. No I/O; the caller passes the time.
 *
 * A node is active after it has joined or sent something, idle and at last disconnected when it has been silent for
 * long, or when the root's own list has lacked it once and twice. The root gives that list in batches without an end:
 * it is taken as one when no batch has come for a while (mesh_nodes_end_list). A batch that repeats a node comes from a
 * root that cannot list, so it demotes nobody.
 */
#pragma once
#include <glib.h>
#include "mesh-message.h"

typedef enum { MESH_UNSEEN, MESH_ACTIVE, MESH_IDLE, MESH_DISCONNECT } MeshStatus;

#define MESH_SERIES_LIMIT 64 /* types of data a node may have */

typedef struct {
	gint64 time; /* wall clock */
	guint size;
	guint8 *data;
} MeshValue;

typedef struct {
	char *name;
	guint capacity, count, last; /* values[last] is the newest */
	guint64 total;
	MeshValue *values;
} MeshSeries;

typedef struct {
	guint16 address;
	MeshStatus status;
	gboolean has_uuid, has_position;
	guint8 uuid[MESH_UUID];
	double latitude, longitude;
	gint64 seen;	  /* monotonic: the last sign of life */
	gint64 seen_wall; /* 0: never */
	gint64 joined;	  /* wall clock */
	guint missed;	  /* lists of the root without it, one after another */
	gboolean listed;  /* in the list that is being gathered */
	guint64 messages;
	GPtrArray *series; /* MeshSeries */
} MeshNode;

typedef struct {
	GPtrArray *nodes;      /* in order of joining */
	MeshNode **by_address; /* 65536 */
	GHashTable *by_uuid;   /* MeshNode.uuid: borrowed key */
	guint limit;
	guint keep; /* values of a series */
	guint active;
	GArray *paths;		      /* MeshPath */
	gboolean gathering, doubtful; /* a list of the root */
	gboolean gathering_paths;
	guint64 refused; /* nodes over the limit */
} MeshNodes;

void mesh_nodes_init(MeshNodes *nodes, guint limit, guint keep);
void mesh_nodes_clear(MeshNodes *nodes);
MeshNode *mesh_nodes_find(const MeshNodes *nodes, guint16 address);
/* Each gives TRUE if something that is shown has changed. */
gboolean mesh_nodes_joined(MeshNodes *nodes, guint16 address, const guint8 *uuid, gint64 now, gint64 wall);
/* A sign of life; `add`: an unknown one is added. The node, or NULL. */
MeshNode *mesh_nodes_heard(MeshNodes *nodes, guint16 address, gboolean add, gint64 now, gint64 wall);
void mesh_nodes_keep_value(MeshNodes *nodes, MeshNode *node, const MeshDatum *datum, gint64 wall);
gboolean mesh_nodes_list(MeshNodes *nodes, const MeshMessage *batch, gint64 now, gint64 wall);
gboolean mesh_nodes_end_list(MeshNodes *nodes);
/* Batches of paths: the first after mesh_nodes_end_paths replaces what there was. */
void mesh_nodes_paths(MeshNodes *nodes, const MeshMessage *batch);
void mesh_nodes_end_paths(MeshNodes *nodes);
void mesh_nodes_clear_paths(MeshNodes *nodes);
gboolean mesh_nodes_set_all(MeshNodes *nodes, MeshStatus from_or_better, MeshStatus to);
gboolean mesh_nodes_set_status(MeshNodes *nodes, MeshNode *node, MeshStatus status);
/* 0: never. */
gboolean mesh_nodes_age(MeshNodes *nodes, gint64 now, gint64 idle_after, gint64 disconnect_after);
const char *mesh_status_name(MeshStatus status);
MeshSeries *mesh_node_series(const MeshNode *node, const char *name);
/* 0 is the newest. */
const MeshValue *mesh_series_value(const MeshSeries *series, guint back);
/* 32 lower-case digits; of a node whose uuid is not known, zeros and its address, since pages keep one node a uuid. */
void mesh_node_uuid_text(const MeshNode *node, char text[2 * MESH_UUID + 1]);
