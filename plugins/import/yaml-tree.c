/* SPDX-License-Identifier: MIT */
/* yaml-tree.c - the events of libyaml as a tree. A program that ends soon: nodes are not freed. */
#include "yaml-tree.h"
#include <string.h>
#include <yaml.h>

enum { DEEPEST = 16 };

static Node *node_new(NodeKind kind, const yaml_event_t *event, const yaml_char_t *anchor, const char *text)
{
	Node *node = g_new0(Node, 1);

	node->kind = kind;
	node->line = (guint)event->start_mark.line + 1;
	node->anchor = g_strdup((const char *)anchor);
	node->text = g_strdup(text);
	node->nodes = g_ptr_array_new();
	return node;
}

static Node *node_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return node_new(NODE_TEXT, event, event->data.scalar.anchor, (const char *)event->data.scalar.value);
	case YAML_ALIAS_EVENT:
		return node_new(NODE_ALIAS, event, NULL, (const char *)event->data.alias.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return node_new(NODE_LIST, event, event->data.sequence_start.anchor, NULL);
	case YAML_MAPPING_START_EVENT:
		return node_new(NODE_MAP, event, event->data.mapping_start.anchor, NULL);
	default:
		return NULL;
	}
}

GPtrArray *yaml_read(const char *text, char **why, guint *line)
{
	GPtrArray *documents = g_ptr_array_new();
	Node *open[DEEPEST];
	guint depth = 0;
	yaml_parser_t parser;
	yaml_event_t event;
	gboolean is_last = FALSE;

	yaml_parser_initialize(&parser);
	yaml_parser_set_input_string(&parser, (const guchar *)text, strlen(text));
	while (!is_last && !*why) {
		Node *node;

		if (!yaml_parser_parse(&parser, &event)) {
			*why = g_strdup(parser.problem ? parser.problem : "this is no YAML");
			*line = (guint)parser.problem_mark.line + 1;
			break;
		}
		node = node_of(&event);
		if (node && depth)
			g_ptr_array_add(open[depth - 1]->nodes, node);
		else if (node)
			g_ptr_array_add(documents, node);
		if (node && (node->kind == NODE_LIST || node->kind == NODE_MAP)) {
			if (depth == DEEPEST) {
				*why = g_strdup("it is nested too deeply");
				*line = node->line;
			} else {
				open[depth++] = node;
			}
		}
		if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
			depth--;
		is_last = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return *why ? NULL : documents;
}

Node *yaml_find(const Node *map, const char *key)
{
	for (guint i = 0; map && map->kind == NODE_MAP && i + 1 < map->nodes->len; i += 2)
		if (!g_strcmp0(((Node *)map->nodes->pdata[i])->text, key))
			return map->nodes->pdata[i + 1];
	return NULL;
}
