/* SPDX-License-Identifier: MIT */
/* mesh-types.c - types of data: the contents of Data_Info.json, read once. Pure. */
#include <string.h>
#include <backplane/json.h>
#include "mesh-types.h"

#define FILE_LIMIT (256 * 1024)

static void set(MeshTypes *types, guint id, const char *name, guint length)
{
	g_strlcpy(types->by_id[id].name, name, sizeof(types->by_id[id].name));
	types->by_id[id].length = length;
}

void mesh_types_init(MeshTypes *types)
{
	memset(types, 0, sizeof(*types));
	set(types, 0, "Sequence", 1);
	set(types, 1, "GPS", 6);
	set(types, 5, "GPS", 16);
}

static gboolean read_number(json_t *object, const char *name, const char *key, guint most, guint *number,
			    GError **error)
{
	json_t *value = json_object_get(object, key);

	if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= most) {
		*number = (guint)json_integer_value(value);
		return TRUE;
	}
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "type %s: %s is missing or no number from 0 to %u", name, key,
		    most);
	return FALSE;
}

gboolean mesh_types_add(MeshTypes *types, const char *text, gsize size, GError **error)
{
	json_auto_t *root = bp_json_parse_object(text, size, FILE_LIMIT, error);
	g_autofree MeshTypes *fresh = NULL;
	const char *name;
	json_t *value;

	if (!root)
		return FALSE;
	fresh = g_memdup2(types, sizeof(*types));
	json_object_foreach(root, name, value)
	{
		guint id, length;

		if (!*name || strlen(name) > MESH_TYPE_NAME) {
			g_set_error(error, BP_HOST_ERROR, BP_INVALID, "type \"%s\": a name has 1 to %u bytes", name,
				    MESH_TYPE_NAME);
			return FALSE;
		}
		if (!read_number(value, name, "ID", 255, &id, error) ||
		    !read_number(value, name, "Length", MESH_TYPE_LENGTH, &length, error))
			return FALSE;
		set(fresh, id, name, length);
	}
	*types = *fresh;
	return TRUE;
}

const MeshType *mesh_types_find(const MeshTypes *types, guint8 id)
{
	return *types->by_id[id].name ? &types->by_id[id] : NULL;
}

gboolean mesh_types_has_name(const MeshTypes *types, const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(types->by_id); i++)
		if (*name && strcmp(types->by_id[i].name, name) == 0)
			return TRUE;
	return FALSE;
}

gboolean mesh_types_has_longer(const MeshTypes *types, const char *name, gsize size)
{
	for (guint i = 0; i < G_N_ELEMENTS(types->by_id); i++)
		if (strlen(types->by_id[i].name) > size && memcmp(types->by_id[i].name, name, size) == 0)
			return TRUE;
	return FALSE;
}
