/* SPDX-License-Identifier: MIT */
/* values.c - a set of values for a table of parameters.
 *
 * A parameter that was not set gets its value from its setting in "/", else from its fallback, when it is
 * first asked for, and keeps it: what a server was opened with stays true after the setting has changed.
 * bp_values_complete does so for all of them; from then on the getters change nothing and may be called on
 * any thread. Before it, and for everything that sets, the main loop's thread. A copy asks anew.
 * Setting NULL takes a value back.
 */
#include <string.h>
#include <backplane/context.h>
#include <backplane/kernel.h>
#include <backplane/plugin.h>
#include "host/param.h"

typedef struct {
	GPtrArray *texts; /* NULL-terminated */
	ParamValue value; /* of the first; its text is in `texts` */
	gboolean set;	  /* explicitly, not taken from the setting or the fallback */
	gboolean settled;
} ValueSlot;

struct BpValues {
	const BpParam *table;
	const BpParam **rows;
	guint count;
	ValueSlot *slots;
};

BpValues *bp_values_new(const BpParam *table)
{
	BpValues *values = g_new0(BpValues, 1);

	values->table = table;
	values->rows = bp_param_rows(table, &values->count);
	values->slots = g_new0(ValueSlot, values->count + 1);
	for (guint i = 0; i < values->count; i++) {
		values->slots[i].texts = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(values->slots[i].texts, NULL);
	}
	return values;
}

static guint slot_size(const ValueSlot *slot)
{
	return slot->texts->len - 1;
}

/* A secret does not stay behind in freed memory. */
static void slot_clear(ValueSlot *slot, const BpParam *row)
{
	for (guint i = 0; row->secret && i < slot_size(slot); i++)
		explicit_bzero(slot->texts->pdata[i], strlen(slot->texts->pdata[i]));
	g_ptr_array_set_size(slot->texts, 0);
	g_ptr_array_add(slot->texts, NULL);
	slot->value = (ParamValue){ 0 };
	slot->set = slot->settled = FALSE;
}

static void slot_add_take(ValueSlot *slot, ParamValue value)
{
	if (slot_size(slot) == 0)
		slot->value = value;
	g_ptr_array_insert(slot->texts, (gint)slot_size(slot), value.text);
	slot->settled = TRUE;
}

void bp_values_free(BpValues *values)
{
	if (!values)
		return;
	for (guint i = 0; i < values->count; i++) {
		slot_clear(&values->slots[i], values->rows[i]);
		g_ptr_array_unref(values->slots[i].texts);
	}
	g_free(values->slots);
	g_free(values->rows);
	g_free(values);
}

BpValues *bp_values_copy(const BpValues *values)
{
	BpValues *copy;

	g_return_val_if_fail(values, NULL);
	copy = bp_values_new(values->table);
	for (guint i = 0; i < values->count; i++) {
		const ValueSlot *from = &values->slots[i];
		ValueSlot *to = &copy->slots[i];

		if (!from->set)
			continue;
		for (guint t = 0; t < slot_size(from); t++) {
			ParamValue value = from->value;

			value.text = g_strdup(from->texts->pdata[t]);
			slot_add_take(to, value);
		}
		to->set = TRUE;
	}
	return copy;
}

const BpParam *bp_values_table(const BpValues *values)
{
	g_return_val_if_fail(values, NULL);
	return values->table;
}

static gint find_row(const BpValues *values, const char *name)
{
	for (guint i = 0; i < values->count; i++)
		if (bp_param_name_equal(values->rows[i]->name, name))
			return (gint)i;
	for (guint i = 0; i < values->count; i++)
		if (bp_param_answers(values->rows[i], name))
			return (gint)i;
	return -1;
}

/* --- setting --- */

gboolean bp_values_set(BpValues *values, const char *name, const char *text, GError **error)
{
	const BpParam *row;
	ParamValue value;
	ValueSlot *slot;
	gint at;

	g_return_val_if_fail(values && name, FALSE);
	at = find_row(values, name);
	if (at < 0) {
		g_autofree char *shown = bp_param_quote(name);
		g_autofree char *hint = bp_param_hint(bp_param_nearest(values->table, name));

		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no parameter %s%s", shown, hint);
		return FALSE;
	}
	row = values->rows[at];
	slot = &values->slots[at];
	if (!text) {
		slot_clear(slot, row);
		return TRUE;
	}
	if (row->many && slot->set && slot_size(slot) >= PARAM_MANY_MAX)
		return bus_fail(error, BP_HOST_ERROR, BP_LIMIT, "%s is given too often: at most %d times", row->name,
				PARAM_MANY_MAX);
	if (!param_parse(row, text, &value, error))
		return FALSE;
	if (!row->many || !slot->set)
		slot_clear(slot, row);
	slot_add_take(slot, value);
	slot->set = TRUE;
	return TRUE;
}

gboolean bp_values_set_pairs(BpValues *values, const char *const *pairs, GError **error)
{
	g_return_val_if_fail(values, FALSE);
	for (; pairs && *pairs; pairs++) {
		const char *equals = strchr(*pairs, '=');
		g_autofree char *name = equals ? g_strndup(*pairs, (gsize)(equals - *pairs)) : g_strdup(*pairs);
		gint at = find_row(values, name);

		if (!*name) {
			g_autofree char *shown = bp_param_quote(*pairs);

			g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s has no name: write NAME=VALUE", shown);
			return FALSE;
		}
		if (!equals && at >= 0 && values->rows[at]->type != BP_BOOL)
			return bus_fail(error, BP_HOST_ERROR, BP_INVALID, "%s has no value: write %s=VALUE",
					values->rows[at]->name, values->rows[at]->name);
		if (!bp_values_set(values, name, equals ? equals + 1 : "true", error))
			return FALSE;
	}
	return TRUE;
}

/* --- getting --- */

static void settle(ValueSlot *slot, const BpParam *row)
{
	ParamValue value;

	if (slot->settled)
		return;
	if (row->setting) {
		g_autofree char *text = bp_setting_get(bp_context("/"), row->setting);
		g_autoptr(GError) error = NULL;

		if (text && param_parse(row, text, &value, &error)) {
			slot_add_take(slot, value);
			return;
		}
		if (error)
			bp_log(bp_kernel(), BP_LOG_WARNING, "the setting %s does not fit: %s; %s is used", row->setting,
			       error->message, row->fallback ? row->fallback : "nothing");
	}
	if (row->fallback) {
		param_parse_fallback(row, &value);
		slot_add_take(slot, value);
	}
	slot->settled = TRUE;
}

gboolean bp_values_complete(const BpValues *values, GError **error)
{
	g_return_val_if_fail(values, FALSE);
	for (guint i = 0; i < values->count; i++) {
		const BpParam *row = values->rows[i];

		settle(&values->slots[i], row);
		if (!row->required || slot_size(&values->slots[i]))
			continue;
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s is missing%s%s", row->name, row->help ? ": " : "",
			    row->help ? row->help : "");
		return FALSE;
	}
	return TRUE;
}

static const ValueSlot *slot_of(const BpValues *values, const char *name)
{
	gint at;

	g_return_val_if_fail(values && name, NULL);
	at = find_row(values, name);
	if (at < 0) {
		g_critical("no parameter \"%s\" in this table", name);
		return NULL;
	}
	settle(&values->slots[at], values->rows[at]);
	return &values->slots[at];
}

gboolean bp_values_is_set(const BpValues *values, const char *name)
{
	const ValueSlot *slot = slot_of(values, name);

	return slot && slot->set;
}

const char *bp_values_string(const BpValues *values, const char *name)
{
	const ValueSlot *slot = slot_of(values, name);

	return slot ? slot->texts->pdata[0] : NULL;
}

gint64 bp_values_int(const BpValues *values, const char *name)
{
	const ValueSlot *slot = slot_of(values, name);

	return slot ? slot->value.number : 0;
}

double bp_values_double(const BpValues *values, const char *name)
{
	const ValueSlot *slot = slot_of(values, name);

	return slot ? slot->value.real : 0;
}

gboolean bp_values_bool(const BpValues *values, const char *name)
{
	return bp_values_int(values, name) != 0;
}

gint64 bp_values_duration(const BpValues *values, const char *name)
{
	return bp_values_int(values, name);
}

const char *const *bp_values_list(const BpValues *values, const char *name)
{
	static const char *const none[] = { NULL };
	const ValueSlot *slot = slot_of(values, name);

	return slot ? (const char *const *)slot->texts->pdata : none;
}

/* --- as a whole --- */

/* Plain words bare; else in double quotes, which end with the line and know \" \\ \n \t \xNN. */
static void append_typed(GString *line, const char *text)
{
	gsize plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,=");
	const char *valid;

	if (*text && !text[plain]) {
		g_string_append(line, text);
		return;
	}
	g_utf8_validate(text, -1, &valid);
	g_string_append_c(line, '"');
	for (; *text; text++) {
		if (text > valid)
			g_utf8_validate(text, -1, &valid);
		if (*text == '"' || *text == '\\')
			g_string_append_printf(line, "\\%c", *text);
		else if (*text == '\n' || *text == '\t')
			g_string_append(line, *text == '\n' ? "\\n" : "\\t");
		else if (g_ascii_iscntrl(*text) || text == valid)
			g_string_append_printf(line, "\\x%02x", (guint)(guchar)*text);
		else
			g_string_append_c(line, *text);
	}
	g_string_append_c(line, '"');
}

char *bp_values_describe(const BpValues *values)
{
	GString *line = g_string_new(NULL);

	g_return_val_if_fail(values, g_string_free(line, FALSE));
	for (guint i = 0; i < values->count; i++) {
		const ValueSlot *slot = &values->slots[i];

		for (guint t = 0; slot->set && t < slot_size(slot); t++) {
			g_string_append_printf(line, "%s%s=", line->len ? " " : "", values->rows[i]->name);
			if (values->rows[i]->secret)
				g_string_append(line, "***");
			else
				append_typed(line, slot->texts->pdata[t]);
		}
	}
	return g_string_free(line, FALSE);
}

static gboolean slots_equal(const ValueSlot *a, const ValueSlot *b, const BpParam *row)
{
	if (a->set != b->set || slot_size(a) != slot_size(b))
		return FALSE;
	for (guint t = 0; t < slot_size(a); t++) {
		if (!strcmp(a->texts->pdata[t], b->texts->pdata[t]))
			continue;
		/* "60" and "1m" are the same duration. */
		if (row->many || row->type == BP_STRING || row->type == BP_REST || row->type == BP_CHOICE ||
		    a->value.number != b->value.number || a->value.real != b->value.real)
			return FALSE;
	}
	return TRUE;
}

gboolean bp_values_equal(const BpValues *a, const BpValues *b)
{
	if (!a || !b || a->table != b->table)
		return a == b;
	for (guint i = 0; i < a->count; i++) {
		settle(&a->slots[i], a->rows[i]);
		settle(&b->slots[i], b->rows[i]);
		if (!slots_equal(&a->slots[i], &b->slots[i], a->rows[i]))
			return FALSE;
	}
	return TRUE;
}
