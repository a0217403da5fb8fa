/* SPDX-License-Identifier: MIT */
/* config-check.c - names and values of a configuration against the tables of the plugins that are loaded.
 *
 * All names of the reference are known. Those that mean nothing on a transport (ws_path on telnet) are warned of. An
 * entry that says `handler_class` is written in the reference's words, so it gets its defaults too: port 8023,
 * connection_timeout 300, and null for "no limit" (of ws_path: any path). What would fail when it is opened, and can be known before, is
 * looked at here: certificates, and addresses that let the network in.
 */
#include <string.h>
#include <unistd.h>
#include <backplane/access.h>
#include <backplane/address.h>
#include <backplane/file.h>
#include <backplane/handler.h>
#include <backplane/serve.h>
#include "config-tree.h"
#include <backplane/host.h>
#include <backplane/registry.h>
#include <backplane/server.h>

typedef struct {
	const char *name;
	const char *none;     /* what null stands for; NULL: as if it were not there */
	const char *fallback; /* where it is not ours */
} ReferenceKey;

static const ReferenceKey reference_keys[] = {
	{ "host", NULL, NULL },
	{ "port", NULL, "8023" },
	{ "max_connections", "0", NULL },
	{ "connection_timeout", "0", "300" },
	{ "welcome_message", NULL, NULL },
	{ "ws_path", "", NULL },
	{ "allow_origins", NULL, NULL },
	{ "use_ssl", NULL, NULL },
	{ "ssl_cert", NULL, NULL },
	{ "ssl_key", NULL, NULL },
	{ "ping_interval", "0", NULL },
	{ "ping_timeout", "0", NULL },
	{ "enable_monitoring", NULL, NULL },
	{ "monitor_path", NULL, NULL },
};

typedef struct {
	BpConfig *config;
	ConfigInstance *instance;
	const BpModule *module;
	const BpTransport *transport; /* NULL: of `modules:` */
	BpValues *values;
	gboolean reference; /* it says handler_class */
	gboolean mistyped;  /* a key was refused, so what is missing may be that */
	Faults *faults;
} InstanceCheck;

static const ReferenceKey *reference_key(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(reference_keys); i++)
		if (bp_param_name_equal(reference_keys[i].name, name))
			return &reference_keys[i];
	return NULL;
}

static void warn(InstanceCheck *check, ConfigPosition position, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void warn(InstanceCheck *check, ConfigPosition position, const char *format, ...)
{
	g_autofree char *where = config_position(check->config, position);
	g_autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_ptr_array_add(check->config->warnings, g_strconcat(where, ": ", text, NULL));
}

/* --- handlers --- */

static void cut_word(char *text, const char *word)
{
	char *at = strstr(text, word);

	if (at)
		memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
}

char *config_handler_name(const char *text)
{
	const char *colon = strrchr(text, ':');
	char *name;

	if (!colon || !colon[1])
		return g_strdup(text);
	name = g_ascii_strdown(colon + 1, -1);
	cut_word(name, "handler");
	cut_word(name, "telnet");
	return name;
}

static gboolean check_handler(InstanceCheck *check, const ConfigNode *node, const char *name)
{
	g_auto(GStrv) names = NULL;
	g_autofree char *shown = bp_param_quote(name);
	g_autofree char *hint = NULL;
	g_autofree char *all = NULL;
	const char *nearest;

	if (bp_handler_find(name))
		return TRUE;
	names = bp_registry_list("handler/");
	nearest = bp_nearest(name, (const char *const *)names);
	all = g_strjoinv(", ", names);
	hint = nearest ? g_strdup_printf("did you mean %s?", nearest)
		       : g_strdup_printf("there are %s; is the plugin that has it among plugins:?", all);
	faults_add(check->faults, node->position, "there is no handler %s%s; %s", shown,
		   strchr(node->text, ':') ? ", which is what this class stands for" : "", hint);
	return FALSE;
}

/* --- keys and values --- */

static gboolean is_own_key(const InstanceCheck *check, const char *key)
{
	return check->transport ? bp_param_name_equal("transport", key)
				: bp_param_name_equal("class", key) || bp_param_name_equal("context", key);
}

static void refuse_key(InstanceCheck *check, const ConfigNode *node)
{
	const char *const own[] = { check->transport ? "transport" : "class", check->transport ? "handler" : "context",
				    NULL };
	g_autofree char *shown = bp_param_quote(node->key);
	const char *nearest = bp_param_nearest(check->module->params, node->key);

	check->mistyped = TRUE;
	if (!nearest)
		nearest = bp_nearest(node->key, own);
	if (nearest) {
		faults_add(check->faults, node->key_position, "%s has no key %s; did you mean %s?", check->module->name,
			   shown, nearest);
	} else {
		g_autofree const BpParam **rows = bp_param_rows(check->module->params, NULL);
		g_autoptr(GString) names = g_string_new(NULL);

		for (const BpParam **row = rows; *row && names->len < 300; row++)
			if (!(*row)->hidden)
				g_string_append_printf(names, "%s%s", names->len ? ", " : "", (*row)->name);
		faults_add(check->faults, node->key_position, "%s has no key %s; it has %s", check->module->name, shown,
			   names->len ? names->str : "none");
	}
}

static void set_value(InstanceCheck *check, const BpParam *row, const ConfigNode *node, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;
	g_autofree char *path = NULL;

	if (row->names == BP_A_HANDLER) {
		name = config_handler_name(text);
		if (node->text && !check_handler(check, node, name))
			return;
		text = name;
	} else if (row->names == BP_A_FILE) {
		text = path = config_path(check->config, text);
	}
	if (!bp_values_set(check->values, row->name, text, &error))
		faults_add(check->faults, node->position, "%s", error->message);
}

static void read_value(InstanceCheck *check, const BpParam *row, const ConfigNode *node)
{
	const ReferenceKey *known = check->reference ? reference_key(node->key) : NULL;

	if (node->kind == NODE_NULL && known && known->none)
		set_value(check, row, node, known->none);
	else if (node->kind == NODE_TEXT)
		set_value(check, row, node, node->text);
	else if (node->kind == NODE_MAP)
		faults_add(check->faults, node->position, "%s must be a value, not a mapping; write %s: VALUE",
			   node->key, node->key);
	else if (node->kind == NODE_LIST && !row->many)
		faults_add(check->faults, node->position, "%s must be one value, not a list; write %s: VALUE",
			   node->key, node->key);
	for (guint i = 0;
	     node->kind == NODE_LIST && row->many && i < node->children->len && !faults_are_many(check->faults); i++) {
		const ConfigNode *child = node->children->pdata[i];

		if (child->kind == NODE_TEXT)
			set_value(check, row, child, child->text);
		else
			faults_add(check->faults, child->position,
				   "%s must be a list of values; take out what is in it here", node->key);
	}
}

/* The key by which the entry gives a parameter, or NULL. */
static const ConfigNode *node_of(const ConfigInstance *instance, const BpParam *table, const char *name)
{
	const BpParam *row = bp_param_find(table, name);

	for (guint i = 0; row && i < instance->node->children->len; i++) {
		const ConfigNode *child = instance->node->children->pdata[i];

		if (bp_param_find(table, child->key) == row)
			return child;
	}
	return NULL;
}

static ConfigPosition position_of(const InstanceCheck *check, const char *name)
{
	const ConfigNode *node = node_of(check->instance, check->module->params, name);

	return node ? node->position : check->instance->position;
}

static void read_key(InstanceCheck *check, const ConfigNode *node)
{
	const BpParam *row = bp_param_find(check->module->params, node->key);
	const ConfigNode *first;

	if (is_own_key(check, node->key))
		return;
	if (row) {
		first = node_of(check->instance, check->module->params, node->key);
		if (first != node)
			faults_add(check->faults, node->key_position,
				   "%s and %s in line %u are the same; keep one of them", node->key, first->key,
				   first->key_position.line);
		read_value(check, row, node);
	} else if (check->transport && reference_key(node->key)) {
		warn(check, node->key_position, "%s has no effect on transport %s", node->key, check->transport->name);
	} else {
		refuse_key(check, node);
	}
}

/* null is as if it were not there. */
static gboolean is_given(const InstanceCheck *check, const char *name)
{
	const ConfigNode *node = node_of(check->instance, check->module->params, name);

	return node && (node->kind != NODE_NULL || bp_values_is_set(check->values, name));
}

static void set_default(InstanceCheck *check, const char *name, const char *text)
{
	const BpParam *row = bp_param_find(check->module->params, name);

	if (row && !is_given(check, row->name) && !bp_values_is_set(check->values, row->name))
		bp_values_set(check->values, row->name, text, NULL);
}

static void set_defaults(InstanceCheck *check)
{
	g_autofree char *port = g_strdup_printf("%u", check->transport->default_port);

	for (guint i = 0; check->reference && i < G_N_ELEMENTS(reference_keys); i++)
		if (reference_keys[i].fallback)
			set_default(check, reference_keys[i].name, reference_keys[i].fallback);
	if (check->transport->default_port)
		set_default(check, "port", port);
	if (bp_param_find(check->module->params, "handler") && !is_given(check, "handler") && !check->mistyped)
		faults_add(check->faults, check->instance->position,
			   "%s has no handler; add handler: console, or another one", check->instance->name);
}

/* --- what opening would find --- */

static gboolean check_file(InstanceCheck *check, const char *name)
{
	const char *file = bp_values_string(check->values, name);
	g_autoptr(GError) error = NULL;
	int fd;

	if (!file || !*file)
		return TRUE;
	fd = bp_file_open(file, BP_FILE_READ, &error);
	if (fd >= 0) {
		close(fd);
	} else {
		g_autofree char *shown = bp_param_quote(file);

		faults_add(check->faults, position_of(check, name),
			   "%s %s cannot be read: %s; give the path of a PEM file", name, shown,
			   bp_file_why(error, file));
	}
	return fd >= 0;
}

static void check_tls(InstanceCheck *check)
{
	const BpParam *table = check->module->params;
	g_autoptr(GError) error = NULL;
	const char *cert;

	if (!bp_param_find(table, "tls") || !bp_param_find(table, "tls_cert") || !bp_param_find(table, "tls_key") ||
	    !bp_param_find(table, "tls_client_ca"))
		return;
	cert = bp_values_string(check->values, "tls_cert");
	if (!bp_values_bool(check->values, "tls")) {
		if (cert && *cert && !node_of(check->instance, table, "tls"))
			warn(check, position_of(check, "tls_cert"), "tls_cert has no effect without tls: yes");
		return;
	}
	if (!check_file(check, "tls_client_ca") || !cert || !*cert) /* it makes one of its own */
		return;
	if (!check_file(check, "tls_cert") || !check_file(check, "tls_key"))
		return;
	if (!bp_tls_check_files(cert, bp_values_string(check->values, "tls_key"),
				bp_values_string(check->values, "tls_client_ca"), &error))
		faults_add(check->faults, position_of(check, "tls_cert"), "%s", error->message);
}

static void check_bind(InstanceCheck *check)
{
	const BpParam *table = check->module->params;
	g_autoptr(GArray) list = NULL;
	g_autoptr(GError) error = NULL;
	const char *bind;

	if (!bp_param_find(table, "bind") || !bp_param_find(table, "insecure"))
		return;
	bind = bp_values_string(check->values, "bind");
	list = bp_address_bind_list(bind ? bind : "", 0, &error);
	if (!list) {
		faults_add(check->faults, position_of(check, "bind"), "%s", error->message);
		return;
	}
	if (bp_values_bool(check->values, "insecure") || bp_access_covers(check->values))
		return;
	for (guint i = 0; i < list->len; i++) {
		if (bp_address_is_loopback(&g_array_index(list, BpAddress, i)))
			continue;
		faults_add(
			check->faults, position_of(check, "bind"),
			"listening on %s lets anybody on the network in without login; add insecure: yes if that is wanted, or "
			"say bind: 127.0.0.1; a server with login may have it with tls: yes when there is a user",
			bind && *bind ? bind : "*");
		return;
	}
}

/* --- an entry --- */

static void refuse_class(InstanceCheck *check, const char *prefix, const char *what, const char *key)
{
	const ConfigNode *node = config_node_find(check->instance->node, key);
	g_auto(GStrv) names = bp_registry_list(prefix);
	g_autofree char *shown = bp_param_quote(node->text);
	g_autofree char *all = g_strjoinv(", ", names);
	const char *nearest = bp_nearest(node->text, (const char *const *)names);

	if (nearest)
		faults_add(check->faults, node->position, "there is no %s %s; did you mean %s?", what, shown, nearest);
	else
		faults_add(check->faults, node->position,
			   "there is no %s %s; there are %s; is the plugin that has it among plugins:?", what, shown,
			   *all ? all : "none");
}

static gboolean find_class(InstanceCheck *check)
{
	ConfigInstance *instance = check->instance;

	if (instance->transport) {
		g_autofree char *path = g_strconcat("transport/", instance->transport, NULL);

		check->transport = bp_registry_find(path);
		if (!check->transport) {
			refuse_class(check, "transport/", "transport", "transport");
			return FALSE;
		}
		g_free(instance->module);
		instance->module = g_strdup(check->transport->module);
	}
	check->module = bp_module_find(instance->module);
	if (!check->module && check->transport)
		faults_add(check->faults, instance->position,
			   "transport %s wants the module %s, which is not there; load the plugin that has it",
			   check->transport->name, instance->module);
	else if (!check->module)
		refuse_class(check, "module/", "module", "class");
	return check->module != NULL;
}

static void keep_pairs(InstanceCheck *check)
{
	g_autofree const BpParam **rows = bp_param_rows(check->module->params, NULL);

	g_ptr_array_set_size(check->instance->pairs, 0);
	for (const BpParam **row = rows; *row; row++) {
		if (!bp_values_is_set(check->values, (*row)->name))
			continue;
		for (const char *const *text = bp_values_list(check->values, (*row)->name); *text; text++) {
			ConfigPair *pair = g_new0(ConfigPair, 1);
			const ConfigNode *node = node_of(check->instance, check->module->params, (*row)->name);

			pair->name = g_strdup((*row)->name);
			pair->text = g_strdup(*text);
			pair->secret = (*row)->secret;
			pair->position = node ? node->position : check->instance->position;
			g_ptr_array_add(check->instance->pairs, pair);
		}
	}
}

static void check_instance(BpConfig *config, ConfigInstance *instance, Faults *faults)
{
	InstanceCheck check = { .config = config, .instance = instance, .faults = faults };
	g_autoptr(BpValues) values = NULL;
	g_autoptr(GError) error = NULL;
	guint before;

	if (!find_class(&check))
		return;
	values = check.values = bp_values_new(check.module->params);
	check.reference = check.transport && config_node_find(instance->node, "handler_class");
	before = faults->list->len;
	for (guint i = 0; i < instance->node->children->len && !faults_are_many(faults); i++)
		read_key(&check, instance->node->children->pdata[i]);
	if (check.transport)
		set_defaults(&check);
	if (faults->list->len > before)
		return;
	if (!bp_values_complete(values, &error)) {
		faults_add(faults, instance->position, "%s: %s", instance->name, error->message);
		return;
	}
	check_tls(&check);
	check_bind(&check);
	keep_pairs(&check);
}

BpValues *config_instance_values(const ConfigInstance *instance)
{
	const BpModule *module = bp_module_find(instance->module);
	g_autoptr(BpValues) values = module ? bp_values_new(module->params) : NULL;

	for (guint i = 0; values && i < instance->pairs->len; i++) {
		const ConfigPair *pair = instance->pairs->pdata[i];

		if (!bp_values_set(values, pair->name, pair->text, NULL))
			return NULL;
	}
	return g_steal_pointer(&values);
}

const ConfigPair *config_instance_pair(const ConfigInstance *instance, const char *name)
{
	for (guint i = 0; i < instance->pairs->len; i++) {
		const ConfigPair *pair = instance->pairs->pdata[i];

		if (!strcmp(pair->name, name))
			return pair;
	}
	return NULL;
}

/* --- settings --- */

static void check_setting(ConfigItem *item, GHashTable *seen, Faults *faults)
{
	BpContext *context = bp_context_find(item->path);
	const BpParam *row = context ? bp_setting_row(context, item->key) : NULL;
	g_autofree char *stored = row ? NULL : bp_setting_stored(item->path, item->key);
	g_autofree char *whole = g_strconcat(item->path, "\n", row ? row->name : item->key, NULL);
	g_autofree char *shown = bp_param_quote(item->key);
	g_autoptr(GError) error = NULL;
	const ConfigItem *first = g_hash_table_lookup(seen, whole);

	if (first) {
		faults_add(faults, item->position, "the setting %s is given twice, first in line %u; keep one of them",
			   shown, first->position.line);
	} else if (!row && !stored && !(context && bp_setting_is_temporary(context, item->key))) {
		g_autoptr(GPtrArray) words = context ? bp_setting_rows(context) : g_ptr_array_new();
		const char *nearest;

		for (guint i = 0; i < words->len; i++)
			words->pdata[i] = (gpointer)((const BpParam *)words->pdata[i])->name;
		g_ptr_array_add(words, NULL);
		nearest = bp_nearest(item->key, (const char *const *)words->pdata);
		if (nearest)
			faults_add(faults, item->position, "there is no setting %s in %s; did you mean %s?", shown,
				   item->path, nearest);
		else
			faults_add(faults, item->position,
				   "there is no setting %s in %s; is the plugin that has it among plugins:?", shown,
				   item->path);
	} else if (row && !bp_param_check(row, item->text, &error)) {
		faults_add(faults, item->position, "%s", error->message);
	}
	item->secret = row && row->secret;
	g_hash_table_insert(seen, g_steal_pointer(&whole), item);
}

gboolean bp_config_check(BpConfig *config, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Faults faults;

	faults_init(&faults, config->file);
	g_ptr_array_set_size(config->warnings, 0);
	for (guint i = 0; i < config->settings->len && !faults_are_many(&faults); i++)
		check_setting(config->settings->pdata[i], seen, &faults);
	for (guint i = 0; i < config->instances->len && !faults_are_many(&faults); i++)
		check_instance(config, config->instances->pdata[i], &faults);
	config->checked = !faults.list->len;
	return faults_end(&faults, error);
}
