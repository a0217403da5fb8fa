/* SPDX-License-Identifier: MIT */
/* mesh-types.h - types of data: the contents of Data_Info.json, read once. Pure.
 *
 * An object of objects: { "GPS": { "ID": 1, "Length": 6 }, ... }. Several files may be read into one table, since root
 * modules of different years number the same names differently.
 */
#pragma once
#include <glib.h>

#define MESH_TYPE_NAME 63 /* bytes of a name, at most */
#define MESH_TYPE_LENGTH 1024

typedef struct {
	char name[MESH_TYPE_NAME + 1];
	guint length;
} MeshType;

typedef struct {
	MeshType by_id[256]; /* a name "" is no type */
} MeshTypes;

/* Sequence 0 (1 byte), GPS 1 (6 bytes), GPS 5 (16 bytes): both tables there have been. */
void mesh_types_init(MeshTypes *types);
/* Adds those of a file; `types` is as it was when FALSE is given. */
gboolean mesh_types_add(MeshTypes *types, const char *text, gsize size, GError **error);
const MeshType *mesh_types_find(const MeshTypes *types, guint8 id);
gboolean mesh_types_has_name(const MeshTypes *types, const char *name);
/* Some name is longer than `name` and begins with it. */
gboolean mesh_types_has_longer(const MeshTypes *types, const char *name, gsize size);
