/* SPDX-License-Identifier: MIT */
/* config-diff.c - a configuration as text, and what makes two of them different. Secrets are never shown. */
#include <string.h>
#include "config-tree.h"
#include <backplane/host.h>

ConfigItem *config_find_item(const GPtrArray *items, const ConfigItem *like)
{
	for (guint i = 0; i < items->len; i++) {
		ConfigItem *item = items->pdata[i];

		if (like->key ? !strcmp(item->path, like->path) && bp_param_name_equal(item->key, like->key)
			      : !strcmp(item->text, like->text))
			return item;
	}
	return NULL;
}

const ConfigInstance *config_find_instance(const BpConfig *config, const char *name)
{
	for (guint i = 0; config && i < config->instances->len; i++) {
		const ConfigInstance *instance = config->instances->pdata[i];

		if (!strcmp(instance->name, name))
			return instance;
	}
	return NULL;
}

static gboolean same_pairs(const ConfigInstance *a, const ConfigInstance *b)
{
	if (a->pairs->len != b->pairs->len)
		return FALSE;
	for (guint i = 0; i < a->pairs->len; i++) {
		const ConfigPair *first = a->pairs->pdata[i], *second = b->pairs->pdata[i];

		if (strcmp(first->name, second->name) || strcmp(first->text, second->text))
			return FALSE;
	}
	return TRUE;
}

gboolean config_same_instance(const ConfigInstance *a, const ConfigInstance *b)
{
	g_autoptr(BpValues) first = NULL;
	g_autoptr(BpValues) second = NULL;

	if (strcmp(a->module, b->module) || strcmp(a->path, b->path))
		return FALSE;
	if (same_pairs(a, b))
		return TRUE;
	first = config_instance_values(a);
	second = config_instance_values(b);
	return first && second && bp_values_equal(first, second);
}

/* --- text --- */

static const char *shown(const char *text, gboolean secret)
{
	return secret ? "***" : text;
}

/* A scalar that is read as the same text again. */
static void append_yaml(GString *out, const char *text)
{
	static const char *const words[] = { "null", "Null", "NULL", NULL };
	gsize plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+");

	if (*text &&
	    (!text[plain] ||
	     (plain && !text[plain + strspn(text + plain, "abcdefghijklmnopqrstuvwxyz0123456789_./+-")])) &&
	    !g_strv_contains(words, text)) {
		g_string_append(out, text);
		return;
	}
	g_string_append_c(out, '"');
	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);

		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", (char)c);
		else if (g_unichar_isprint(c) && c != 0x2028 && c != 0x2029) /* those two end lines in YAML */
			g_string_append_unichar(out, c);
		else
			g_string_append_printf(out, "\\U%08x", c);
	}
	g_string_append_c(out, '"');
}

static void append_list(GString *out, const char *key, const GPtrArray *items)
{
	if (!items->len)
		return;
	g_string_append_printf(out, "%s:\n", key);
	for (guint i = 0; i < items->len; i++) {
		const ConfigItem *item = items->pdata[i];

		g_string_append(out, "  - ");
		append_yaml(out, item->text);
		g_string_append_c(out, '\n');
	}
}

static gboolean is_first_of_path(const GPtrArray *settings, guint index)
{
	const ConfigItem *item = settings->pdata[index];

	for (guint i = 0; i < index; i++)
		if (!strcmp(((const ConfigItem *)settings->pdata[i])->path, item->path))
			return FALSE;
	return TRUE;
}

static void append_settings(GString *out, const GPtrArray *settings)
{
	if (settings->len)
		g_string_append(out, "settings:\n");
	for (guint i = 0; i < settings->len; i++) {
		const ConfigItem *item = settings->pdata[i];

		if (!is_first_of_path(settings, i))
			continue;
		g_string_append(out, "  ");
		append_yaml(out, item->path);
		g_string_append(out, ":\n");
		for (guint other = i; other < settings->len; other++) {
			const ConfigItem *setting = settings->pdata[other];

			if (strcmp(setting->path, item->path))
				continue;
			g_string_append_printf(out, "    %s: ", setting->key);
			append_yaml(out, shown(setting->text, setting->secret));
			g_string_append_c(out, '\n');
		}
	}
}

static void append_pairs(GString *out, const ConfigInstance *instance)
{
	for (guint i = 0; i < instance->pairs->len; i++) {
		const ConfigPair *pair = instance->pairs->pdata[i];
		const ConfigPair *before = i ? instance->pairs->pdata[i - 1] : NULL;
		const ConfigPair *after = i + 1 < instance->pairs->len ? instance->pairs->pdata[i + 1] : NULL;
		gboolean again = before && !strcmp(before->name, pair->name);

		if (again || (after && !strcmp(after->name, pair->name)))
			g_string_append_printf(out, again ? "      - " : "    %s:\n      - ", pair->name);
		else
			g_string_append_printf(out, "    %s: ", pair->name);
		append_yaml(out, shown(pair->text, pair->secret));
		g_string_append_c(out, '\n');
	}
}

static void append_instances(GString *out, const BpConfig *config, gboolean servers)
{
	gboolean first = TRUE;

	for (guint i = 0; i < config->instances->len; i++) {
		const ConfigInstance *instance = config->instances->pdata[i];

		if (!!instance->transport != servers)
			continue;
		if (first)
			g_string_append(out, servers ? "servers:\n" : "modules:\n");
		first = FALSE;
		g_string_append(out, "  ");
		append_yaml(out, instance->name);
		g_string_append(out, servers ? ":\n    transport: " : ":\n    class: ");
		append_yaml(out, servers ? instance->transport : instance->module);
		g_string_append_c(out, '\n');
		if (strcmp(instance->path, "/")) {
			g_string_append(out, "    context: ");
			append_yaml(out, instance->path);
			g_string_append_c(out, '\n');
		}
		append_pairs(out, instance);
	}
}

GString *bp_config_describe(const BpConfig *config)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "# %s\n", config->file);
	append_list(out, "plugin_path", config->plugin_path);
	if (config->names_plugins && !config->plugins->len)
		g_string_append(out, "plugins: []\n");
	append_list(out, "plugins", config->plugins);
	append_settings(out, config->settings);
	append_instances(out, config, FALSE);
	append_instances(out, config, TRUE);
	append_list(out, "commands", config->commands);
	return out;
}

/* --- differences --- */

static void diff_lists(GString *out, const GPtrArray *old, const GPtrArray *new, const char *what, const char *gone)
{
	for (guint i = 0; i < new->len; i++) {
		const ConfigItem *item = new->pdata[i];

		if (!old || !config_find_item(old, item))
			g_string_append_printf(out, "+ %s %s\n", what, item->text);
	}
	for (guint i = 0; old && i < old->len; i++) {
		const ConfigItem *item = old->pdata[i];

		if (!config_find_item(new, item))
			g_string_append_printf(out, "- %s %s%s\n", what, item->text, gone);
	}
}

static void diff_settings(GString *out, const GPtrArray *old, const GPtrArray *new)
{
	for (guint i = 0; i < new->len; i++) {
		const ConfigItem *item = new->pdata[i], *before = old ? config_find_item(old, item) : NULL;
		gboolean secret = item->secret;

		if (!before)
			g_string_append_printf(out, "+ setting %s %s = %s\n", item->path, item->key,
					       shown(item->text, secret));
		else if (strcmp(before->text, item->text))
			g_string_append_printf(out, "~ setting %s %s: %s -> %s\n", item->path, item->key,
					       shown(before->text, secret), shown(item->text, secret));
	}
	for (guint i = 0; old && i < old->len; i++) {
		const ConfigItem *item = old->pdata[i];

		if (!config_find_item(new, item))
			g_string_append_printf(out, "- setting %s %s\n", item->path, item->key);
	}
}

static char *pair_text(const ConfigInstance *instance, const char *name)
{
	GString *text = NULL;

	for (guint i = 0; i < instance->pairs->len; i++) {
		const ConfigPair *pair = instance->pairs->pdata[i];

		if (strcmp(pair->name, name))
			continue;
		if (!text)
			text = g_string_new(NULL);
		else
			g_string_append(text, ", ");
		g_string_append(text, pair->text);
	}
	return text ? g_string_free(text, FALSE) : NULL;
}

static void diff_pair(GString *out, const ConfigInstance *old, const ConfigInstance *new, const ConfigPair *pair)
{
	g_autofree char *before = pair_text(old, pair->name);
	g_autofree char *after = pair_text(new, pair->name);

	if (!g_strcmp0(before, after))
		return;
	if (pair->secret)
		g_string_append_printf(out, "%s %s", out->len ? "," : "", pair->name);
	else
		g_string_append_printf(out, "%s %s %s -> %s", out->len ? "," : "", pair->name,
				       before ? before : "(default)", after ? after : "(default)");
}

static void diff_instance(GString *out, const ConfigInstance *old, const ConfigInstance *new)
{
	g_autoptr(GString) what = g_string_new(NULL);

	if (strcmp(old->module, new->module))
		g_string_append_printf(what, " class %s -> %s", old->module, new->module);
	if (strcmp(old->path, new->path))
		g_string_append_printf(what, "%s context %s -> %s", what->len ? "," : "", old->path, new->path);
	for (guint i = 0; i < new->pairs->len; i++) {
		const ConfigPair *pair = new->pairs->pdata[i];

		if (config_instance_pair(new, pair->name) == pair)
			diff_pair(what, old, new, pair);
	}
	for (guint i = 0; i < old->pairs->len; i++) {
		const ConfigPair *pair = old->pairs->pdata[i];

		if (config_instance_pair(old, pair->name) == pair && !config_instance_pair(new, pair->name))
			diff_pair(what, old, new, pair);
	}
	g_string_append_printf(out, "~ %s %s:%s\n", config_item_kind(new), new->name, what->str);
}

static void append_instance(GString *out, char sign, const ConfigInstance *instance)
{
	g_string_append_printf(out, "%c %s %s: %s", sign, config_item_kind(instance), instance->name,
			       instance->transport ? instance->transport : instance->module);
	for (guint i = 0; sign == '+' && i < instance->pairs->len; i++) {
		const ConfigPair *pair = instance->pairs->pdata[i];

		g_string_append_printf(out, " %s=%s", pair->name, shown(pair->text, pair->secret));
	}
	g_string_append_c(out, '\n');
}

GString *bp_config_diff(const BpConfig *old, const BpConfig *new)
{
	GString *out = g_string_new(NULL);

	if (old && old->names_plugins != new->names_plugins)
		g_string_append(out, new->names_plugins
					     ? "~ plugins: those named; others stay loaded until plugin unload\n"
					     : "~ plugins: all that are there\n");
	else
		diff_lists(out, old ? old->plugins : NULL, new->plugins, "plugin",
			   ": it stays loaded until plugin unload");
	diff_settings(out, old ? old->settings : NULL, new->settings);
	for (guint i = 0; old && i < old->instances->len; i++) {
		const ConfigInstance *instance = old->instances->pdata[i];

		if (!config_find_instance(new, instance->name))
			append_instance(out, '-', instance);
	}
	for (guint i = 0; i < new->instances->len; i++) {
		const ConfigInstance *instance = new->instances->pdata[i],
				     *before = config_find_instance(old, instance->name);

		if (!before)
			append_instance(out, '+', instance);
		else if (!config_same_instance(before, instance))
			diff_instance(out, before, instance);
	}
	if (old)
		diff_lists(out, old->commands, new->commands, "command", "");
	if (old && out->len && strstr(out->str, "+ command "))
		g_string_append(out, "commands run at the start only\n");
	return out;
}
