/* SPDX-License-Identifier: MIT */
/* config-tree.h - a configuration's inside, for the config-*.c files: the tree with its places, and what was made of it. */
#pragma once
#include <backplane/session.h>
#include <backplane/config.h>
#include <backplane/host.h>

typedef enum { NODE_NULL, NODE_TEXT, NODE_LIST, NODE_MAP } NodeKind;

typedef struct {
	guint line, column; /* from 1 */
} ConfigPosition;

typedef struct ConfigNode {
	NodeKind kind;
	ConfigPosition position;
	char *text; /* NODE_TEXT */
	char *key;  /* in a map */
	ConfigPosition key_position;
	GPtrArray *children; /* ConfigNode: NODE_LIST, NODE_MAP */
} ConfigNode;

/* Errors of a step, gathered. */
typedef struct {
	const char *file;
	GPtrArray *list; /* of Fault */
} Faults;

typedef struct {
	char *text, *path, *key; /* a plugin's name; a command; a setting with its path and key */
	ConfigPosition position;
	gboolean secret;  /* of a setting, after the check */
	gboolean applied; /* of a setting: it is the temporary value now */
} ConfigItem;

typedef struct {
	char *name, *text;
	ConfigPosition position;
	gboolean secret;
} ConfigPair;

typedef struct {
	char *name, *module, *path;
	char *transport;	/* NULL: of `modules:` */
	const ConfigNode *node; /* its parameters */
	ConfigPosition position;
	GPtrArray *pairs; /* ConfigPair, after the check: names of the table, in its order */
} ConfigInstance;

struct BpConfig {
	char *file, *folder;
	ConfigNode *root;
	gboolean names_plugins;
	GPtrArray *plugin_path, *plugins, *settings, *commands; /* ConfigItem */
	GPtrArray *instances;					/* ConfigInstance: modules, then servers */
	GPtrArray *warnings;					/* char * */
	gboolean checked;
};

/* --- config-parse.c --- */
ConfigNode *config_parse(const char *text, gsize size, Faults *faults);
void config_node_free(ConfigNode *node);
/* The child of a map, or NULL. */
ConfigNode *config_node_find(const ConfigNode *map, const char *key);

/* --- config.c --- */
void faults_init(Faults *faults, const char *file);
void faults_add(Faults *faults, ConfigPosition position, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean faults_are_many(const Faults *faults); /* so many that no more need be looked for */
/* TRUE when there are none; else `error` gets them. Frees what is inside. */
gboolean faults_end(Faults *faults, GError **error);
char *config_position(const BpConfig *config, ConfigPosition position); /* "FILE:LINE:COLUMN". Yours. */
char *config_path(const BpConfig *config, const char *path);		/* from the file's folder. Yours. */
const char *config_item_kind(const ConfigInstance *instance);		/* "server" or "module" */

/* --- config-check.c --- */
/* "module.path:EchoTelnetHandler" -> "echo"; a name stays one. Yours. */
char *config_handler_name(const char *text);
/* Values of a table; cannot fail after the check as long as the plugin is there. NULL: it is not. */
BpValues *config_instance_values(const ConfigInstance *instance);
const ConfigPair *config_instance_pair(const ConfigInstance *instance, const char *name);

/* --- config-apply.c --- */
/* The sentence why it did not open gets the place that is to blame. */
gboolean config_open_one(const BpConfig *config, const ConfigInstance *instance, GError **error);
gboolean config_set_one(ConfigItem *item, GError **error);
void config_unset_one(ConfigItem *item);
void config_run_with(BpConfig *take_config); /* it is the one in use now */

/* --- config-reload.c --- */
void config_forget_reload(void);

/* --- config-diff.c --- */
/* The item of the same path and key, or of the same name; NULL: none. */
ConfigItem *config_find_item(const GPtrArray *items, const ConfigItem *like);
const ConfigInstance *config_find_instance(const BpConfig *config, const char *name);
/* Class, context and values are the same, in whatever spelling. */
gboolean config_same_instance(const ConfigInstance *a, const ConfigInstance *b);
