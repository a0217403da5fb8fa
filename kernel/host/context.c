/* SPDX-License-Identifier: MIT */
/* context.c - contexts: declared settings, their values from the store, the temporary ones, watches.
 *
 * A value is looked up in this order: temporary (command line), stored (settings.ini), the declared fallback. A stored text that is
 * invalid for its declaration is ignored with one warning when it is declared, and kept in the file until the key is set. Two plugins
 * may declare the same key: the first declaration is used while it exists. Watches may be added and removed while they are called: an
 * emptied array element stays until the calls have returned. A change made in a watch notifies again, up to NOTIFY_DEPTH levels.
 */
#include <string.h>
#include <backplane/kernel.h>
#include <backplane/plugin.h>
#include "bus/owner.h"
#include "host/param.h"
#include "host/settings.h"

#define PATH_MAX_BYTES 255
#define NOTIFY_DEPTH 16

struct BpContext {
	char *path;
	GPtrArray *declarations;
	GPtrArray *watches; /* NULL: removed */
	guint depth;	    /* of context_notify */
};

typedef struct {
	BpOwned owned;
	BpContext *context;
	const BpParam **rows;
} SettingDeclaration;

struct BpSettingWatch {
	BpOwned owned;
	BpContext *context;
	BpSettingFunc func;
	gpointer data;
	GDestroyNotify destroy;
};

typedef struct {
	char *path, *key, *text;
} TemporaryValue;

static GHashTable *contexts; /* path -> BpContext, for ever */
static GPtrArray *in_order;
static GPtrArray *temporaries;

/* --- paths --- */

char *bp_context_check_path(const char *path, GError **error)
{
	g_autofree char *shown = NULL;
	GString *clean = g_string_new(NULL);
	const char *wrong = NULL;

	for (const char *at = path; *at && clean->len <= PATH_MAX_BYTES + 1; at++) {
		if (*at == '/')
			continue;
		if (at == path || at[-1] == '/')
			g_string_append_c(clean, '/');
		g_string_append_c(clean, *at);
	}
	if (!clean->len)
		g_string_append_c(clean, '/');
	if (clean->len > PATH_MAX_BYTES)
		wrong = "it has more than 255 bytes";
	else if (!g_utf8_validate(clean->str, -1, NULL))
		wrong = "it is not valid UTF-8";
	for (const char *at = clean->str; !wrong && *at; at = g_utf8_next_char(at)) {
		if (*at == '[' || *at == ']')
			wrong = "it must not have [ or ]";
		else if (!g_unichar_isprint(g_utf8_get_char(at)))
			wrong = "it must be printable";
	}
	if (!wrong)
		return g_string_free(clean, FALSE);
	shown = bp_param_quote(path);
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s cannot be a context: %s", shown, wrong);
	g_string_free(clean, TRUE);
	return NULL;
}

BpContext *bp_context_find(const char *path)
{
	g_autofree char *clean = bp_context_check_path(path, NULL);

	return clean && contexts ? g_hash_table_lookup(contexts, clean) : NULL;
}

BpContext *bp_context(const char *path)
{
	g_autofree char *clean = NULL;
	BpContext *context;

	g_return_val_if_fail(path, NULL);
	clean = bp_context_check_path(path, NULL);
	if (!clean)
		return NULL;
	if (!contexts) {
		contexts = g_hash_table_new(g_str_hash, g_str_equal);
		in_order = g_ptr_array_new();
	}
	context = g_hash_table_lookup(contexts, clean);
	if (!context) {
		context = g_new0(BpContext, 1);
		context->path = g_steal_pointer(&clean);
		context->declarations = g_ptr_array_new();
		context->watches = g_ptr_array_new();
		g_hash_table_insert(contexts, context->path, context);
		g_ptr_array_add(in_order, context);
	}
	return context;
}

const char *bp_context_path(const BpContext *context)
{
	g_return_val_if_fail(context, NULL);
	return context->path;
}

GPtrArray *bp_context_list(void)
{
	return in_order ? g_ptr_array_copy(in_order, NULL, NULL) : g_ptr_array_new();
}

/* --- declarations --- */

static const BpParam *find_setting(BpContext *context, const char *key, gboolean by_alias)
{
	for (guint d = 0; d < context->declarations->len; d++) {
		SettingDeclaration *declaration = context->declarations->pdata[d];

		for (const BpParam **row = declaration->rows; *row; row++)
			if (by_alias ? bp_param_answers(*row, key) : bp_param_name_equal((*row)->name, key))
				return *row;
	}
	return NULL;
}

const BpParam *bp_setting_row(BpContext *context, const char *key)
{
	const BpParam *row;

	g_return_val_if_fail(context && key, NULL);
	row = find_setting(context, key, FALSE);
	return row ? row : find_setting(context, key, TRUE);
}

GPtrArray *bp_setting_rows(BpContext *context)
{
	GPtrArray *rows = g_ptr_array_new();

	g_return_val_if_fail(context, rows);
	for (guint d = 0; d < context->declarations->len; d++) {
		SettingDeclaration *declaration = context->declarations->pdata[d];

		for (const BpParam **row = declaration->rows; *row; row++)
			if (find_setting(context, (*row)->name, FALSE) == *row)
				g_ptr_array_add(rows, (gpointer)*row);
	}
	return rows;
}

static gboolean fits(const BpParam *row, const char *text, GError **error)
{
	return !row || bp_param_check(row, text, error);
}

static TemporaryValue *find_temporary(const char *path, const BpParam *row, const char *key)
{
	for (guint i = temporaries ? temporaries->len : 0; i-- > 0;) {
		TemporaryValue *temporary = temporaries->pdata[i];

		if (!strcmp(temporary->path, path) &&
		    (row ? bp_param_answers(row, temporary->key) : !strcmp(key, temporary->key)))
			return temporary;
	}
	return NULL;
}

/* Written by hand in another of its spellings, a setting gets the declared one. */
static void adopt_spelling(BpContext *context, const BpParam *row, char **keys)
{
	for (; *keys; keys++) {
		g_autofree char *text = NULL;

		if (!strcmp(*keys, row->name) || !bp_param_answers(row, *keys) ||
		    find_setting(context, *keys, TRUE) != row)
			continue;
		text = bp_setting_stored(context->path, row->name);
		if (text)
			continue;
		text = bp_setting_stored(context->path, *keys);
		settings_set_text(context->path, *keys, NULL);
		settings_set_text(context->path, row->name, text);
	}
}

static void check_present(BpContext *context, const BpParam *row)
{
	TemporaryValue *temporary = find_temporary(context->path, row, row->name);
	g_autofree char *stored = bp_setting_stored(context->path, row->name);
	g_autoptr(GError) error = NULL;

	if (temporary && !fits(row, temporary->text, &error)) {
		bp_log(bp_kernel(), BP_LOG_WARNING, "the value given for this run to %s in %s is not used: %s",
		       row->name, context->path, error->message);
		g_ptr_array_remove(temporaries, temporary);
		g_clear_error(&error);
	}
	if (stored && !fits(row, stored, &error))
		bp_log(bp_kernel(), BP_LOG_WARNING, "the saved setting %s in %s is not used: %s", row->name,
		       context->path, error->message);
}

static void drop_declaration(BpOwned *owned)
{
	SettingDeclaration *declaration = OWNED_BY(owned, SettingDeclaration, owned);

	owner_unlink(owned);
	g_ptr_array_remove(declaration->context->declarations, declaration);
	g_free(declaration->rows);
	g_free(declaration);
}

void bp_setting_declare(BpPlugin *self, BpContext *context, const BpParam *table)
{
	g_auto(GStrv) keys = NULL;
	SettingDeclaration *declaration;

	g_return_if_fail(self && context && table);
	declaration = g_new0(SettingDeclaration, 1);
	declaration->context = context;
	declaration->rows = bp_param_rows(table, NULL);
	g_ptr_array_add(context->declarations, declaration);
	owner_link(self, &declaration->owned, "setting", drop_declaration);
	keys = bp_setting_keys(context->path);
	for (const BpParam **row = declaration->rows; *row; row++) {
		if (!bp_setting_check_key((*row)->name, NULL))
			g_critical("\"%s\" cannot be the key of a setting", (*row)->name);
		adopt_spelling(context, *row, keys);
		check_present(context, *row);
	}
}

/* --- reading --- */

static char *get_text(BpContext *context, const BpParam *row, const char *key)
{
	TemporaryValue *temporary = find_temporary(context->path, row, key);
	g_autofree char *stored = NULL;

	if (temporary && fits(row, temporary->text, NULL))
		return g_strdup(temporary->text);
	stored = bp_setting_stored(context->path, row ? row->name : key);
	if (stored && fits(row, stored, NULL))
		return g_steal_pointer(&stored);
	return row ? g_strdup(row->fallback) : NULL;
}

char *bp_setting_get(BpContext *context, const char *key)
{
	g_return_val_if_fail(context && key, NULL);
	return get_text(context, bp_setting_row(context, key), key);
}

static gint64 get_number(BpContext *context, const char *key, BpType type)
{
	const BpParam plain = { "value", .type = type };
	const BpParam *row = bp_setting_row(context, key);
	g_autofree char *text = get_text(context, row, key);
	ParamValue value = { 0 };

	if (row && row->type != BP_STRING && row->type != BP_REST && row->type != BP_CHOICE)
		type = row->type;
	if (row && row->type != type)
		row = NULL;
	if (text && !param_parse(row ? row : &plain, text, &value, NULL) && row && g_strcmp0(text, row->fallback) == 0)
		param_parse_fallback(row, &value);
	g_free(value.text);
	return value.number;
}

gint64 bp_setting_int(BpContext *context, const char *key)
{
	g_return_val_if_fail(context && key, 0);
	return get_number(context, key, BP_INT);
}

gboolean bp_setting_bool(BpContext *context, const char *key)
{
	g_return_val_if_fail(context && key, FALSE);
	return get_number(context, key, BP_BOOL) != 0;
}

gboolean bp_setting_is_set(BpContext *context, const char *key)
{
	const BpParam *row = bp_setting_row(context, key);
	g_autofree char *stored = bp_setting_stored(context->path, row ? row->name : key);

	return stored && fits(row, stored, NULL);
}

gboolean bp_setting_is_temporary(BpContext *context, const char *key)
{
	return find_temporary(context->path, bp_setting_row(context, key), key) != NULL;
}

/* --- writing --- */

static gboolean refuse_unknown(BpContext *context, const char *key, GError **error)
{
	g_autoptr(GPtrArray) words = bp_setting_rows(context);
	g_autofree char *shown = bp_param_quote(key);
	g_autofree char *hint = NULL;

	for (guint i = words->len; i-- > 0;) {
		const BpParam *row = words->pdata[i];

		if (row->hidden)
			g_ptr_array_remove_index(words, i);
		else
			words->pdata[i] = (gpointer)row->name;
	}
	g_ptr_array_add(words, NULL);
	hint = bp_param_hint(bp_nearest(key, (const char *const *)words->pdata));
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no setting %s in %s%s", shown, context->path, hint);
	return FALSE;
}

gboolean bp_setting_set(BpContext *context, const char *key, const char *value, GError **error)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *name = NULL;
	TemporaryValue *temporary;
	const BpParam *row;
	ParamValue parsed = { 0 };

	g_return_val_if_fail(context && key, FALSE);
	row = bp_setting_row(context, key);
	temporary = find_temporary(context->path, row, key);
	if (!row) {
		const BpParam plain = { key, .type = BP_STRING };
		g_autofree char *stored = bp_setting_stored(context->path, key);

		if (!stored && !temporary)
			return refuse_unknown(context, key, error);
		if (value && !bp_param_check(&plain, value, error))
			return FALSE;
	} else if (value && !param_parse(row, value, &parsed, error)) {
		return FALSE;
	}
	name = g_strdup(row ? row->name : key);
	before = get_text(context, row, key);
	for (; temporary; temporary = find_temporary(context->path, row, key))
		g_ptr_array_remove(temporaries, temporary);
	settings_set_text(context->path, name, parsed.text ? parsed.text : value);
	g_free(parsed.text);
	after = get_text(context, row, name);
	if (row && g_strcmp0(before, after))
		context_notify(context, name);
	return TRUE;
}

void bp_setting_store(BpContext *context, const char *key, const char *value)
{
	const BpParam plain = { key, .type = BP_STRING };
	g_autoptr(GError) error = NULL;

	g_return_if_fail(context && key);
	if (bp_setting_row(context, key))
		bp_setting_set(context, key, value, &error);
	else if (bp_setting_check_key(key, &error) && (!value || fits(&plain, value, &error)))
		settings_set_text(context->path, key, value);
	if (error)
		bp_log(bp_kernel(), BP_LOG_WARNING, "not stored in %s: %s", context->path, error->message);
}

static void temporary_free(gpointer data)
{
	TemporaryValue *temporary = data;

	g_free(temporary->path);
	g_free(temporary->key);
	g_free(temporary->text);
	g_free(temporary);
}

gboolean bp_setting_set_temporary(const char *path, const char *key, const char *value, GError **error)
{
	const BpParam plain = { key, .type = BP_STRING };
	g_autofree char *clean = bp_context_check_path(path, error);
	BpContext *context = clean ? bp_context_find(clean) : NULL;
	const BpParam *row = context ? bp_setting_row(context, key) : NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	TemporaryValue *temporary;

	if (!clean || !bp_setting_check_key(key, error) || !fits(row ? row : &plain, value, error))
		return FALSE;
	if (!temporaries)
		temporaries = g_ptr_array_new_with_free_func(temporary_free);
	before = context ? get_text(context, row, key) : NULL;
	temporary = find_temporary(clean, row, key);
	if (!temporary) {
		temporary = g_new0(TemporaryValue, 1);
		temporary->path = g_strdup(clean);
		temporary->key = g_strdup(key);
		g_ptr_array_add(temporaries, temporary);
	}
	g_free(temporary->text);
	temporary->text = g_strdup(value);
	after = context ? get_text(context, row, key) : NULL;
	if (row && g_strcmp0(before, after))
		context_notify(context, row->name);
	return TRUE;
}

void context_forget_temporary(void)
{
	g_clear_pointer(&temporaries, g_ptr_array_unref);
}

/* --- watching --- */

static void drop_watch(BpOwned *owned)
{
	BpSettingWatch *watch = OWNED_BY(owned, BpSettingWatch, owned);
	BpContext *context = watch->context;
	guint index;

	owner_unlink(owned);
	if (g_ptr_array_find(context->watches, watch, &index)) {
		if (context->depth)
			context->watches->pdata[index] = NULL;
		else
			g_ptr_array_remove_index(context->watches, index);
	}
	if (watch->destroy)
		watch->destroy(watch->data);
	g_free(watch);
}

BpSettingWatch *bp_setting_watch(BpPlugin *self, BpContext *context, BpSettingFunc func, gpointer data,
				 GDestroyNotify destroy)
{
	BpSettingWatch *watch;

	g_return_val_if_fail(self && context && func, NULL);
	watch = g_new0(BpSettingWatch, 1);
	watch->context = context;
	watch->func = func;
	watch->data = data;
	watch->destroy = destroy;
	g_ptr_array_add(context->watches, watch);
	owner_link(self, &watch->owned, "setting watch", drop_watch);
	return watch;
}

void bp_setting_watch_remove(BpSettingWatch *watch)
{
	drop_watch(&watch->owned);
}

void context_notify(BpContext *context, const char *key)
{
	/* The caller's key may be a plugin's that is unloaded here. */
	g_autofree char *name = g_strdup(key);
	guint count = context->watches->len;

	if (context->depth >= NOTIFY_DEPTH) {
		bp_log(bp_kernel(), BP_LOG_WARNING, "the watches of %s in %s change it for ever: not called again",
		       name, context->path);
		return;
	}
	context->depth++;
	for (guint i = 0; i < count; i++) {
		BpSettingWatch *watch = context->watches->pdata[i];
		BpPlugin *owner = watch ? watch->owned.owner : NULL;

		if (!owner || !owner_enter_as(owner, "watch of a setting", NULL))
			continue;
		watch->func(owner, context, name, watch->data);
		owner_leave(owner);
	}
	if (--context->depth == 0)
		while (g_ptr_array_remove(context->watches, NULL))
			;
}
