/* SPDX-License-Identifier: MIT */
/* yaml-tree.h - YAML with anchors that are names and keys that repeat, as ser2net 4 writes it. */
#pragma once
#include <glib.h>

typedef enum { NODE_TEXT, NODE_ALIAS, NODE_LIST, NODE_MAP } NodeKind;

typedef struct Node Node;
struct Node {
	NodeKind kind;
	guint line;
	char *anchor, *text; /* text: of a NODE_TEXT; the name of a NODE_ALIAS */
	GPtrArray *nodes;    /* NODE_MAP: key, value, key, value */
};

/* The documents, or NULL with what is wrong and where. Nodes are at most 16 deep. */
GPtrArray *yaml_read(const char *text, char **why, guint *line);
/* The value of a key, or NULL. */
Node *yaml_find(const Node *map, const char *key);
