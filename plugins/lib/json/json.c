/* SPDX-License-Identifier: MIT */
/* json.c - JSON within limits, and tables and values as JSON. */
#include <backplane/json.h>
#include <string.h>

/* jansson stops at 2,048 levels; what recurses over a value wants far fewer. Brackets inside strings do not count. */
static gboolean is_too_deep(const char *text, gsize size)
{
	gboolean in_string = FALSE;
	guint depth = 0;

	for (gsize i = 0; i < size; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = FALSE;
		} else if (text[i] == '"') {
			in_string = TRUE;
		} else if (text[i] == '[' || text[i] == '{') {
			if (++depth > BP_JSON_DEPTH)
				return TRUE;
		} else if ((text[i] == ']' || text[i] == '}') && depth) {
			depth--;
		}
	}
	return FALSE;
}

json_t *bp_json_parse(const char *text, gsize size, gsize limit, GError **error)
{
	json_error_t why;
	json_t *value;

	if (limit && size > limit) {
		g_set_error(error, BP_HOST_ERROR, BP_LIMIT, "the JSON text has %zu bytes; %zu at most are taken", size,
			    limit);
		return NULL;
	}
	if (is_too_deep(text, size)) {
		g_set_error(error, BP_HOST_ERROR, BP_LIMIT, "the JSON text is nested more than %d deep", BP_JSON_DEPTH);
		return NULL;
	}
	value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!value)
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "line %d, column %d of the JSON text: %s", why.line,
			    why.column, why.text);
	return value;
}

json_t *bp_json_parse_object(const char *text, gsize size, gsize limit, GError **error)
{
	json_t *value = bp_json_parse(text, size, limit, error);

	if (!value || json_is_object(value))
		return value;
	json_decref(value);
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "the JSON text must be an object");
	return NULL;
}

static char *dump(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
	char *own = g_strdup(text ? text : "null");

	free(text);
	return own;
}

char *bp_json_text(const json_t *value)
{
	return dump(value, JSON_COMPACT);
}

char *bp_json_text_spaced(const json_t *value, gboolean ascii)
{
	return dump(value, ascii ? JSON_ENSURE_ASCII : 0);
}

json_t *bp_json_string(const char *text, gssize size)
{
	g_autofree char *valid = NULL;

	if (!text)
		return json_null();
	if (size < 0)
		size = (gssize)strlen(text);
	if (g_utf8_validate(text, size, NULL))
		return json_stringn(text, (size_t)size);
	valid = g_utf8_make_valid(text, size);
	return json_string(valid);
}

/* --- tables --- */

static const char *const types[] = {
	[BP_STRING] = "string", [BP_INT] = "int",	    [BP_DOUBLE] = "double", [BP_BOOL] = "bool",
	[BP_CHOICE] = "choice", [BP_DURATION] = "duration", [BP_BYTES] = "bytes",   [BP_REST] = "rest",
};

static json_t *choices_json(const char *choices)
{
	g_auto(GStrv) words = g_strsplit(choices, "|", -1);
	json_t *list = json_array();

	for (char **word = words; *word; word++)
		json_array_append_new(list, json_string(*word));
	return list;
}

static json_t *row_json(const BpParam *row)
{
	char letter[2] = { row->letter, 0 };
	json_t *object = json_pack("{s:s,s:s,s:s,s:b,s:b,s:b}", "name", row->name, "type", types[row->type], "kind",
				   row->kind == BP_ARGUMENT ? "argument" : "option", "required", (int)row->required,
				   "many", (int)row->many, "secret", (int)row->secret);

	if (row->letter)
		json_object_set_new(object, "letter", json_string(letter));
	if (row->fallback)
		json_object_set_new(object, "default", json_string(row->fallback));
	if (row->min || row->max) {
		json_object_set_new(object, "min", json_real(row->min));
		if (row->max >= row->min)
			json_object_set_new(object, "max", json_real(row->max));
	}
	if (row->choices)
		json_object_set_new(object, "choices", choices_json(row->choices));
	if (row->help)
		json_object_set_new(object, "help", json_string(row->help));
	return object;
}

json_t *bp_param_json(const BpParam *table)
{
	json_t *list = json_array();
	guint count = 0;
	g_autofree const BpParam **rows = bp_param_rows(table, &count);

	for (guint i = 0; i < count; i++)
		if (!rows[i]->hidden)
			json_array_append_new(list, row_json(rows[i]));
	return list;
}

static json_t *value_json(const BpValues *values, const BpParam *row)
{
	if (row->secret)
		return bp_values_is_set(values, row->name) ? json_string("***") : json_null();
	if (row->many) {
		json_t *list = json_array();

		for (const char *const *text = bp_values_list(values, row->name); *text; text++)
			json_array_append_new(list, bp_json_string(*text, -1));
		return list;
	}
	switch (row->type) {
	case BP_INT:
	case BP_BYTES:
		return json_integer(bp_values_int(values, row->name));
	case BP_DOUBLE:
		return json_real(bp_values_double(values, row->name));
	case BP_BOOL:
		return json_boolean(bp_values_bool(values, row->name));
	default:
		return bp_json_string(bp_values_string(values, row->name), -1);
	}
}

json_t *bp_values_json(const BpValues *values)
{
	json_t *object = json_object();
	guint count = 0;
	g_autofree const BpParam **rows = bp_param_rows(bp_values_table(values), &count);

	for (guint i = 0; i < count; i++)
		json_object_set_new(object, rows[i]->name, value_json(values, rows[i]));
	return object;
}

static gboolean set_one(BpValues *values, const char *name, const json_t *value, GError **error)
{
	g_autofree char *text = NULL;

	if (json_is_null(value))
		return TRUE;
	if (json_is_object(value) || json_is_array(value)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s must be one value, not an %s", name,
			    json_is_array(value) ? "array of arrays" : "object");
		return FALSE;
	}
	if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value)) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "%s holds a NUL character", name);
		return FALSE;
	}
	text = json_is_string(value) ? g_strdup(json_string_value(value)) : bp_json_text(value);
	return bp_values_set(values, name, text, error);
}

gboolean bp_values_set_json(BpValues *values, json_t *object, GError **error)
{
	const char *name;
	json_t *value, *item;
	size_t at;

	json_object_foreach(object, name, value)
	{
		if (!json_is_array(value)) {
			if (!set_one(values, name, value, error))
				return FALSE;
			continue;
		}
		json_array_foreach(value, at, item) if (!set_one(values, name, item, error)) return FALSE;
	}
	return TRUE;
}
