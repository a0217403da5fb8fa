/* SPDX-License-Identifier: MIT */
/* config-parse.c - YAML into a tree, each node with its line and column.
 *
 * libyaml gives events, so nothing recurses; a bound on depth and on the number of nodes keeps the work small. What
 * a configuration has no need of is refused with a sentence: anchors and aliases (a few lines of them make
 * gigabytes), tags, a second document, keys that are not text, keys given twice, which libyaml does not mind.
 */
#include <string.h>
#include <yaml.h>
#include "config-tree.h"
#include <backplane/host.h>

typedef struct {
	yaml_parser_t yaml;
	Faults *faults;
	ConfigNode *root;
	ConfigNode *open[CONFIG_DEPTH_MAX];    /* lists and maps that are not closed yet */
	GHashTable *keys[CONFIG_DEPTH_MAX];    /* of the maps among them: key -> its first ConfigNode */
	ConfigNode *waiting[CONFIG_DEPTH_MAX]; /* of the maps: its key was read, its value comes next */
	guint depth, count, documents;
} ConfigParser;

void config_node_free(ConfigNode *node)
{
	if (!node)
		return;
	if (node->text)
		explicit_bzero(node->text, strlen(node->text));
	g_free(node->text);
	g_free(node->key);
	if (node->children)
		g_ptr_array_unref(node->children);
	g_free(node);
}

ConfigNode *config_node_find(const ConfigNode *map, const char *key)
{
	for (guint i = 0; map && map->kind == NODE_MAP && i < map->children->len; i++) {
		ConfigNode *child = map->children->pdata[i];

		if (bp_param_name_equal(child->key, key))
			return child;
	}
	return NULL;
}

static ConfigPosition position_of(const yaml_mark_t *mark)
{
	return (ConfigPosition){ (guint)mark->line + 1, (guint)mark->column + 1 };
}

static ConfigPosition position_at(const char *text, gsize offset)
{
	ConfigPosition position = { 1, 1 };

	for (gsize i = 0; i < offset; i++) {
		if (text[i] == '\n')
			position = (ConfigPosition){ position.line + 1, 1 };
		else if (((guchar)text[i] & 0xc0) != 0x80)
			position.column++;
	}
	return position;
}

static gboolean is_null(const char *text)
{
	return !*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") || !strcmp(text, "NULL");
}

/* --- what libyaml complains about --- */

static void add_syntax_fault(ConfigParser *parser, const char *text, gsize size)
{
	const yaml_parser_t *yaml = &parser->yaml;
	const char *problem = yaml->problem ? yaml->problem : "it cannot be read";
	const char *advice = "";
	ConfigPosition position = yaml->error == YAML_READER_ERROR ? position_at(text, MIN(yaml->problem_offset, size))
								   : position_of(&yaml->problem_mark);
	g_autofree char *context = NULL;

	if (yaml->error == YAML_READER_ERROR)
		advice = "; write such a character as \"\\xNN\" in double quotes";
	else if (strstr(problem, "cannot start any token"))
		advice = "; indent with blanks, not tabs, and put a text that begins with % @ or ` in quotes";
	else if (strstr(problem, "mapping values are not allowed"))
		advice = "; put a text with \": \" in it in quotes, and check the indentation";
	else if (strstr(problem, "expected key") || strstr(problem, "expected <block end>"))
		advice = "; the keys of one mapping begin in the same column";
	else if (strstr(problem, "could not find expected ':'"))
		advice = "; write KEY: VALUE, with a blank after the colon";
	else if (strstr(problem, "unexpected end of stream"))
		advice = "; a quote or a bracket is not closed";
	if (yaml->context && yaml->error != YAML_READER_ERROR)
		context = g_strdup_printf(" %s that begins in line %zu", yaml->context, yaml->context_mark.line + 1);
	faults_add(parser->faults, position, "this is not YAML: %s%s%s", problem, context ? context : "", advice);
}

/* --- the tree --- */

static ConfigNode *node_new(ConfigParser *parser, NodeKind kind, ConfigPosition position)
{
	ConfigNode *node = g_new0(ConfigNode, 1);

	node->kind = kind;
	node->position = position;
	if (kind == NODE_LIST || kind == NODE_MAP)
		node->children = g_ptr_array_new_with_free_func((GDestroyNotify)config_node_free);
	parser->count++;
	return node;
}

static gboolean wants_key(const ConfigParser *parser)
{
	return parser->depth && parser->open[parser->depth - 1]->kind == NODE_MAP &&
	       !parser->waiting[parser->depth - 1];
}

static void take_key(ConfigParser *parser, ConfigNode *node)
{
	GHashTable *keys = parser->keys[parser->depth - 1];
	ConfigNode *first = g_hash_table_lookup(keys, node->text);

	if (first) {
		g_autofree char *shown = bp_param_quote(node->text);

		faults_add(parser->faults, node->position,
			   "the key %s is given twice, first in line %u; keep one of them", shown,
			   first->key_position.line);
	}
	node->key = g_steal_pointer(&node->text);
	node->key_position = node->position;
	parser->waiting[parser->depth - 1] = node;
	if (!first)
		g_hash_table_insert(keys, g_strdup(node->key), node);
}

/* Gives the place in the tree a value, which for a map is the node that has waited with the key. */
static ConfigNode *put(ConfigParser *parser, NodeKind kind, ConfigPosition position, char *take_text)
{
	ConfigNode *parent = parser->depth ? parser->open[parser->depth - 1] : NULL;
	ConfigNode *node;

	if (parent && parent->kind == NODE_MAP) {
		node = g_steal_pointer(&parser->waiting[parser->depth - 1]);
		node->kind = kind;
		node->position = position;
		if (kind == NODE_LIST || kind == NODE_MAP)
			node->children = g_ptr_array_new_with_free_func((GDestroyNotify)config_node_free);
	} else {
		node = node_new(parser, kind, position);
	}
	node->text = take_text;
	if (parent)
		g_ptr_array_add(parent->children, node);
	else
		parser->root = node;
	return node;
}

static gboolean open_group(ConfigParser *parser, NodeKind kind, ConfigPosition position)
{
	if (wants_key(parser)) {
		faults_add(parser->faults, position,
			   "a key must be a text, not a %s; a text that begins with { or [ needs quotes",
			   kind == NODE_LIST ? "list" : "mapping");
		return FALSE;
	}
	if (parser->depth == CONFIG_DEPTH_MAX) {
		faults_add(parser->faults, position, "this is nested more than %d deep; nothing here needs as much",
			   CONFIG_DEPTH_MAX);
		return FALSE;
	}
	parser->open[parser->depth] = put(parser, kind, position, NULL);
	parser->keys[parser->depth] = kind == NODE_MAP ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)
						       : NULL;
	parser->waiting[parser->depth] = NULL;
	parser->depth++;
	return TRUE;
}

static void close_group(ConfigParser *parser)
{
	parser->depth--;
	g_clear_pointer(&parser->keys[parser->depth], g_hash_table_unref);
	g_clear_pointer(&parser->waiting[parser->depth], config_node_free);
}

static gboolean take_scalar(ConfigParser *parser, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	ConfigPosition position = position_of(&event->start_mark);
	gboolean plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (strlen(text) != event->data.scalar.length) {
		faults_add(parser->faults, position, "this text has a NUL byte in it; take it out");
		return FALSE;
	}
	if (wants_key(parser)) {
		ConfigNode *node = node_new(parser, NODE_TEXT, position);

		node->text = g_strdup(text);
		take_key(parser, node);
		return TRUE;
	}
	if (plain && is_null(text))
		put(parser, NODE_NULL, position, NULL);
	else
		put(parser, NODE_TEXT, position, g_strdup(text));
	return TRUE;
}

/* --- events --- */

static gboolean is_plain_event(ConfigParser *parser, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else if (event->type == YAML_ALIAS_EVENT) {
		anchor = event->data.alias.anchor;
	}
	if (anchor)
		faults_add(
			parser->faults, position_of(&event->start_mark),
			"anchors (&) and aliases (*) are not taken; write it out, and a text that begins so in quotes");
	else if (tag)
		faults_add(parser->faults, position_of(&event->start_mark),
			   "tags (!) are not taken; leave it out, and put a text that begins so in quotes");
	return !anchor && !tag;
}

/* FALSE: no more. */
static gboolean take_event(ConfigParser *parser, const yaml_event_t *event)
{
	ConfigPosition position = position_of(&event->start_mark);

	if (!is_plain_event(parser, event))
		return FALSE;
	if (parser->count > CONFIG_NODES_MAX) {
		faults_add(parser->faults, position, "the file has more than %d entries; split it", CONFIG_NODES_MAX);
		return FALSE;
	}
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (!parser->documents++)
			return TRUE;
		faults_add(parser->faults, position,
			   "a second document begins here; a configuration is one, so take --- out");
		return FALSE;
	case YAML_SCALAR_EVENT:
		return take_scalar(parser, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_group(parser, NODE_LIST, position);
	case YAML_MAPPING_START_EVENT:
		return open_group(parser, NODE_MAP, position);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_group(parser);
		return TRUE;
	case YAML_STREAM_END_EVENT:
	case YAML_NO_EVENT:
		return FALSE;
	default:
		return TRUE;
	}
}

static gboolean is_text(const char *text, gsize size, Faults *faults)
{
	const char *end;

	if (size > CONFIG_SIZE_MAX) {
		faults_add(faults, (ConfigPosition){ 1, 1 },
			   "the file is larger than %d KiB; look whether it is the right one", CONFIG_SIZE_MAX / 1024);
		return FALSE;
	}
	if (g_utf8_validate(text, (gssize)size, &end))
		return TRUE;
	faults_add(faults, position_at(text, (gsize)(end - text)), "this byte is not UTF-8; save the file as UTF-8");
	return FALSE;
}

ConfigNode *config_parse(const char *text, gsize size, Faults *faults)
{
	ConfigParser parser = { .faults = faults };
	gboolean more = TRUE;

	if (!is_text(text, size, faults))
		return NULL;
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		size -= 3;
	}
	if (!yaml_parser_initialize(&parser.yaml)) {
		faults_add(faults, (ConfigPosition){ 1, 1 }, "there is no memory to read it");
		return NULL;
	}
	yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser.yaml, (const unsigned char *)text, size);
	while (more) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser.yaml, &event)) {
			add_syntax_fault(&parser, text, size);
			break;
		}
		more = take_event(&parser, &event);
		yaml_event_delete(&event);
	}
	while (parser.depth)
		close_group(&parser);
	yaml_parser_delete(&parser.yaml);
	return parser.root;
}
