/* SPDX-License-Identifier: MIT */
/* config.c - the configuration file's shape: its sections, read from the tree, and the sentences about what is wrong.
 *
 *	plugin_path: [FOLDER...]	where plugins are looked for too
 *	plugins: [NAME...]		which to load; all that are there when it is left out
 *	settings:			KEY: VALUE in /, or PATH: {KEY: VALUE...}
 *	modules:			NAME: {class: CLASS, context: PATH, PARAMETER: VALUE...}
 *	servers:			NAME: {transport: telnet, handler: echo, PARAMETER: VALUE...}
 *	commands: [LINE...]		run at the start
 *
 * Without `servers:` the keys of one server may stand at the top: the shape of the reference for a single one. Then its
 * name is "server".
 */
#include "config-tree.h"
#include <string.h>
#include <backplane/channel.h>
#include <backplane/file.h>
#include <backplane/host.h>

#define FAULTS_MANY 100
#define INSTANCES_MAX 1000
#define SINGLE_NAME "server"
#define NAME_MAX_BYTES 100 /* as in module.c */

/* --- faults --- */

typedef struct {
	ConfigPosition position;
	guint number;
	char *text;
} Fault;

static void fault_free(gpointer data)
{
	Fault *fault = data;

	g_free(fault->text);
	g_free(fault);
}

void faults_init(Faults *faults, const char *file)
{
	faults->file = file;
	faults->list = g_ptr_array_new_with_free_func(fault_free);
}

void faults_add(Faults *faults, ConfigPosition position, const char *format, ...)
{
	Fault *fault = g_new0(Fault, 1);
	va_list arguments;

	va_start(arguments, format);
	fault->text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	fault->position = position;
	fault->number = faults->list->len;
	g_ptr_array_add(faults->list, fault);
}

gboolean faults_are_many(const Faults *faults)
{
	return faults->list->len >= FAULTS_MANY;
}

static gint by_place(gconstpointer a, gconstpointer b)
{
	const Fault *first = *(Fault *const *)a, *second = *(Fault *const *)b;

	if (first->position.line != second->position.line)
		return first->position.line < second->position.line ? -1 : 1;
	if (first->position.column != second->position.column)
		return first->position.column < second->position.column ? -1 : 1;
	return first->number < second->number ? -1 : 1;
}

gboolean faults_end(Faults *faults, GError **error)
{
	g_autoptr(GPtrArray) list = g_steal_pointer(&faults->list);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!list->len)
		return TRUE;
	g_ptr_array_sort(list, by_place);
	for (guint i = 0; i < MIN(list->len, CONFIG_ERRORS_MAX); i++) {
		const Fault *fault = list->pdata[i];

		g_string_append_printf(text, "%s%s:%u:%u: %s", i ? "\n" : "", faults->file, fault->position.line,
				       fault->position.column, fault->text);
	}
	if (list->len >= FAULTS_MANY)
		g_string_append(text, "\nand many more");
	else if (list->len > CONFIG_ERRORS_MAX)
		g_string_append_printf(text, "\nand %u more", list->len - CONFIG_ERRORS_MAX);
	g_set_error_literal(error, BP_HOST_ERROR, BP_INVALID, text->str);
	return FALSE;
}

/* --- small ones --- */

char *config_position(const BpConfig *config, ConfigPosition position)
{
	return g_strdup_printf("%s:%u:%u", config->file, position.line, position.column);
}

char *config_path(const BpConfig *config, const char *path)
{
	return *path && !g_path_is_absolute(path) ? g_build_filename(config->folder, path, NULL) : g_strdup(path);
}

const char *config_item_kind(const ConfigInstance *instance)
{
	return instance->transport ? "server" : "module";
}

const char *bp_config_file(const BpConfig *config)
{
	return config->file;
}

const GPtrArray *bp_config_warnings(const BpConfig *config)
{
	return config->warnings;
}

static void item_free(gpointer data)
{
	ConfigItem *item = data;

	g_free(item->text);
	g_free(item->path);
	g_free(item->key);
	g_free(item);
}

static void pair_free(gpointer data)
{
	ConfigPair *pair = data;

	if (pair->secret)
		explicit_bzero(pair->text, strlen(pair->text));
	g_free(pair->name);
	g_free(pair->text);
	g_free(pair);
}

static void instance_free(gpointer data)
{
	ConfigInstance *instance = data;

	g_free(instance->name);
	g_free(instance->module);
	g_free(instance->path);
	g_free(instance->transport);
	g_ptr_array_unref(instance->pairs);
	g_free(instance);
}

void bp_config_free(BpConfig *config)
{
	if (!config)
		return;
	g_ptr_array_unref(config->plugin_path);
	g_ptr_array_unref(config->plugins);
	g_ptr_array_unref(config->settings);
	g_ptr_array_unref(config->commands);
	g_ptr_array_unref(config->instances);
	g_ptr_array_unref(config->warnings);
	config_node_free(config->root);
	g_free(config->file);
	g_free(config->folder);
	g_free(config);
}

static BpConfig *config_new(const char *file)
{
	BpConfig *config = g_new0(BpConfig, 1);
	g_autofree char *whole = g_canonicalize_filename(file, NULL);

	config->file = g_strdup(file);
	config->folder = g_path_get_dirname(whole);
	config->plugin_path = g_ptr_array_new_with_free_func(item_free);
	config->plugins = g_ptr_array_new_with_free_func(item_free);
	config->settings = g_ptr_array_new_with_free_func(item_free);
	config->commands = g_ptr_array_new_with_free_func(item_free);
	config->instances = g_ptr_array_new_with_free_func(instance_free);
	config->warnings = g_ptr_array_new_with_free_func(g_free);
	return config;
}

/* --- sections --- */

static const char *const kinds[] = {
	[NODE_NULL] = "nothing",
	[NODE_TEXT] = "a text",
	[NODE_LIST] = "a list",
	[NODE_MAP] = "a mapping",
};

/* TRUE if there is something to read; nothing at all is no fault. */
static gboolean is_kind(const ConfigNode *node, NodeKind kind, const char *example, Faults *faults)
{
	g_autofree char *shown = NULL;

	if (node->kind == kind || node->kind == NODE_NULL)
		return node->kind == kind;
	shown = bp_param_quote(node->key ? node->key : "");
	faults_add(faults, node->position, "%s must be %s, not %s; write it as in %s", shown, kinds[kind],
		   kinds[node->kind], example);
	return FALSE;
}

static ConfigItem *item_add(GPtrArray *items, const char *text, ConfigPosition position)
{
	ConfigItem *item = g_new0(ConfigItem, 1);

	item->text = g_strdup(text);
	item->position = position;
	g_ptr_array_add(items, item);
	return item;
}

/* A list of texts, or one. */
static void read_list(const ConfigNode *node, GPtrArray *items, const char *what, Faults *faults)
{
	if (node->kind == NODE_TEXT) {
		item_add(items, node->text, node->position);
		return;
	}
	if (node->kind == NODE_MAP) {
		faults_add(faults, node->position,
			   "%s must be a list of texts, not a mapping; begin each line with \"- \"", node->key);
		return;
	}
	for (guint i = 0; node->kind == NODE_LIST && i < node->children->len; i++) {
		const ConfigNode *child = node->children->pdata[i];

		if (child->kind == NODE_TEXT && *child->text)
			item_add(items, child->text, child->position);
		else if (child->kind != NODE_NULL)
			faults_add(faults, child->position,
				   "%s must be a text here, not %s; put it in quotes if it has \": \" in it", what,
				   child->kind == NODE_TEXT ? "an empty one" : kinds[child->kind]);
	}
}

static void read_setting(BpConfig *config, const char *path, const ConfigNode *node, Faults *faults)
{
	g_autofree char *shown = bp_param_quote(node->key);
	g_autoptr(GError) error = NULL;
	ConfigItem *item;

	if (!bp_setting_check_key(node->key, &error)) {
		faults_add(faults, node->key_position, "%s", error->message);
		return;
	}
	if (node->kind == NODE_NULL)
		return;
	if (node->kind != NODE_TEXT) {
		faults_add(faults, node->position, "the setting %s must be one value, not %s; write KEY: VALUE", shown,
			   kinds[node->kind]);
		return;
	}
	item = item_add(config->settings, node->text, node->position);
	item->path = g_strdup(path);
	item->key = g_strdup(node->key);
}

static void read_settings(BpConfig *config, const ConfigNode *node, Faults *faults)
{
	if (!is_kind(node, NODE_MAP, "settings: {default_telnet_port: 2323}", faults))
		return;
	for (guint i = 0; i < node->children->len; i++) {
		const ConfigNode *child = node->children->pdata[i];
		g_autoptr(GError) error = NULL;
		g_autofree char *path = NULL;

		if (child->kind != NODE_MAP && *child->key != '/') {
			read_setting(config, "/", child, faults);
			continue;
		}
		path = bp_context_check_path(child->key, &error);
		if (!path)
			faults_add(faults, child->key_position, "%s; a path is written as in /device/uart0",
				   error->message);
		else if (is_kind(child, NODE_MAP, "/device/uart0: {KEY: VALUE}", faults))
			for (guint s = 0; s < child->children->len; s++)
				read_setting(config, path, child->children->pdata[s], faults);
	}
}

/* --- instances --- */

static const char *text_of(const ConfigNode *map, const char *key, const char *example, Faults *faults)
{
	const ConfigNode *node = config_node_find(map, key);

	if (!node || node->kind == NODE_NULL || !is_kind(node, NODE_TEXT, example, faults))
		return NULL;
	return node->text;
}

static void check_name(const BpConfig *config, const char *name, ConfigPosition position, Faults *faults)
{
	g_autofree char *shown = bp_param_quote(name);
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < config->instances->len; i++) {
		const ConfigInstance *other = config->instances->pdata[i];

		if (!strcmp(other->name, name))
			faults_add(faults, position, "%s is the name of a %s in line %u already; take another one",
				   shown, config_item_kind(other), other->position.line);
	}
	if (strlen(name) > NAME_MAX_BYTES)
		faults_add(faults, position, "the name %s is longer than %d bytes; take a shorter one", shown,
			   NAME_MAX_BYTES);
	else if (!bp_channel_check_name(name, &error))
		faults_add(
			faults, position,
			"%s cannot be a name: it must be printable, without blanks and without * ? [ ]; take another one",
			shown);
}

static void instance_add(BpConfig *config, const char *name, const ConfigNode *node, gboolean server, Faults *faults)
{
	ConfigInstance *instance;
	const char *class = text_of(node, server ? "transport" : "class",
				    server ? "transport: telnet" : "class: TCPServer", faults);
	const char *path = server ? NULL : text_of(node, "context", "context: /", faults);
	ConfigPosition position = node->key ? node->key_position : node->position;
	g_autofree char *clean = NULL;
	g_autoptr(GError) error = NULL;

	check_name(config, name, position, faults);
	if (path && !(clean = bp_context_check_path(path, &error)))
		faults_add(faults, config_node_find(node, "context")->position,
			   "%s; a path is written as in /device/uart0", error->message);
	if (!class) {
		const ConfigNode *given = config_node_find(node, server ? "transport" : "class");

		if (!given || given->kind == NODE_NULL)
			faults_add(faults, position, "%s has no %s; add %s", name, server ? "transport" : "class",
				   server ? "transport: telnet, or tcp, or another one"
					  : "class: NAME, as `module list` shows them");
		return;
	}
	instance = g_new0(ConfigInstance, 1);
	instance->name = g_strdup(name);
	instance->module = g_strdup(server ? "" : class);
	instance->transport = server ? g_strdup(class) : NULL;
	instance->path = clean ? g_steal_pointer(&clean) : g_strdup("/");
	instance->node = node;
	instance->position = position;
	instance->pairs = g_ptr_array_new_with_free_func(pair_free);
	g_ptr_array_add(config->instances, instance);
}

static void read_instances(BpConfig *config, const ConfigNode *node, gboolean server, Faults *faults)
{
	const char *example = server ? "servers: {door: {transport: telnet, handler: console}}"
				     : "modules: {lab: {class: TCPServer, port: 5000}}";

	if (!node || !is_kind(node, NODE_MAP, example, faults))
		return;
	for (guint i = 0; i < node->children->len; i++) {
		const ConfigNode *child = node->children->pdata[i];

		if (i == INSTANCES_MAX)
			faults_add(faults, child->key_position, "there are more than %d here; take some out",
				   INSTANCES_MAX);
		if (i == INSTANCES_MAX || faults_are_many(faults))
			return;
		if (child->kind == NODE_NULL)
			faults_add(faults, child->key_position, "%s is empty; give it a %s, or take it out", child->key,
				   server ? "transport and a handler" : "class");
		else if (is_kind(child, NODE_MAP, example, faults))
			instance_add(config, child->key, child, server, faults);
	}
}

/* --- the top --- */

static const char *const sections[] = { "plugin_path", "plugins", "settings", "modules", "servers", "commands", NULL };

static gboolean is_section(const char *key)
{
	for (guint i = 0; sections[i]; i++)
		if (bp_param_name_equal(sections[i], key))
			return TRUE;
	return FALSE;
}

/* The keys of a single server, as a mapping of its own. */
static ConfigNode *split_single(ConfigNode *root)
{
	ConfigNode *single = g_new0(ConfigNode, 1);

	single->kind = NODE_MAP;
	single->position = root->position;
	single->key = g_strdup(SINGLE_NAME);
	single->key_position = root->position;
	single->children = g_ptr_array_new_with_free_func((GDestroyNotify)config_node_free);
	for (guint i = 0; i < root->children->len;) {
		ConfigNode *child = root->children->pdata[i];

		if (is_section(child->key)) {
			i++;
			continue;
		}
		g_ptr_array_add(single->children, g_ptr_array_steal_index(root->children, i));
	}
	g_ptr_array_add(root->children, single);
	return single;
}

static void check_sections(const ConfigNode *root, Faults *faults)
{
	for (guint i = 0; i < root->children->len; i++) {
		const ConfigNode *child = root->children->pdata[i];
		g_autofree char *shown = NULL;
		const char *nearest;

		if (is_section(child->key)) {
			const ConfigNode *first = config_node_find(root, child->key);

			if (first != child)
				faults_add(faults, child->key_position,
					   "%s and %s in line %u are the same; keep one of them", child->key,
					   first->key, first->key_position.line);
			continue;
		}
		if (faults_are_many(faults))
			return;
		shown = bp_param_quote(child->key);
		nearest = bp_nearest(child->key, sections);
		if (nearest)
			faults_add(faults, child->key_position, "there is no section %s; did you mean %s?", shown,
				   nearest);
		else
			faults_add(
				faults, child->key_position,
				"there is no section %s; there are plugin_path, plugins, settings, modules, servers and commands",
				shown);
	}
}

static void read_sections(BpConfig *config, ConfigNode *root, Faults *faults)
{
	gboolean is_single = !config_node_find(root, "servers") &&
			     (config_node_find(root, "transport") || config_node_find(root, "handler") ||
			      config_node_find(root, "handler_class"));
	ConfigNode *single = is_single ? split_single(root) : NULL;
	const ConfigNode *node;

	if ((node = config_node_find(root, "plugin_path")))
		read_list(node, config->plugin_path, "a folder", faults);
	if ((node = config_node_find(root, "plugins"))) {
		config->names_plugins = node->kind != NODE_NULL;
		read_list(node, config->plugins, "a plugin", faults);
	}
	if ((node = config_node_find(root, "commands")))
		read_list(node, config->commands, "a command", faults);
	if ((node = config_node_find(root, "settings")))
		read_settings(config, node, faults);
	read_instances(config, config_node_find(root, "modules"), FALSE, faults);
	read_instances(config, config_node_find(root, "servers"), TRUE, faults);
	if (single)
		instance_add(config, SINGLE_NAME, single, TRUE, faults);
	else
		check_sections(root, faults);
}

BpConfig *bp_config_read_text(const char *file, const char *text, gsize size, GError **error)
{
	g_autoptr(BpConfig) config = config_new(file);
	Faults faults;

	faults_init(&faults, config->file);
	config->root = config_parse(text, size, &faults);
	if (faults.list->len)
		;
	else if (!config->root || config->root->kind == NODE_NULL ||
		 (config->root->kind == NODE_MAP && !config->root->children->len))
		faults_add(&faults, (ConfigPosition){ 1, 1 },
			   "the file is empty; it must have a section at least, such as \"servers: {}\"");
	else if (config->root->kind != NODE_MAP)
		faults_add(&faults, config->root->position,
			   "the file must be a mapping, not %s; begin with a section such as servers:",
			   kinds[config->root->kind]);
	else
		read_sections(config, config->root, &faults);
	return faults_end(&faults, error) ? g_steal_pointer(&config) : NULL;
}

/* --- the file --- */

BpConfig *bp_config_read_result(const char *file, const char *text, gsize size, const GError *why, GError **error)
{
	if (text)
		return bp_config_read_text(file, text, size, error);
	g_set_error(error, BP_HOST_ERROR, why->code,
		    "%s:1:1: the configuration cannot be read: %s; give the path of a file that is there", file,
		    bp_file_why(why, file));
	return NULL;
}

BpConfig *bp_config_read(const char *file, GError **error)
{
	g_autoptr(GError) why = NULL;
	gsize size = 0;
	g_autofree char *text = bp_file_load(file, CONFIG_READ_MAX, BP_FILE_READ, &size, &why);

	return bp_config_read_result(file, text, size, why, error);
}
