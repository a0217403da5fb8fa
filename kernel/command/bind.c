/* SPDX-License-Identifier: MIT */
/* bind.c - walks along the words and says which parameter each of them is a value of. Binding,
 * completion and the question for secrets walk the same way and differ in what they do with
 * the pairs. */
#include "command/bind.h"
#include <string.h>
#include <backplane/text.h>
#include "host/param.h"

typedef struct BindState BindState;
struct BindState {
	const BpParam **rows;
	guint count;
	const char *name; /* of the command */
	const ParsedWords *words;
	guint at;	/* word */
	guint row;	/* of the next argument, or count */
	gboolean ended; /* -- was there */
	gboolean help;	/* --help was */
	gboolean json;	/* --json was */
	gsize rest_start;
	const BpParam *pending; /* the option whose value is missing */
	gboolean (*give)(BindState *walk, const BpParam *param, const char *text, GError **error);
	gpointer data;
};

static const BpParam no_params[] = { { .name = NULL } };

/* --- the table --- */

static void next_argument(BindState *walk)
{
	while (walk->row < walk->count && walk->rows[walk->row]->kind != BP_ARGUMENT)
		walk->row++;
}

static const BpParam *argument(const BindState *walk)
{
	return walk->row < walk->count ? walk->rows[walk->row] : NULL;
}

static gboolean is_last_argument(const BindState *walk)
{
	for (guint row = walk->row + 1; row < walk->count; row++)
		if (walk->rows[row]->kind == BP_ARGUMENT)
			return FALSE;
	return TRUE;
}

static const BpParam *find_option(const BindState *walk, const char *text, gsize size)
{
	g_autofree char *name = g_strndup(text, size);

	for (guint row = 0; row < walk->count; row++)
		if (walk->rows[row]->kind == BP_OPTION && bp_param_answers(walk->rows[row], name))
			return walk->rows[row];
	return NULL;
}

static const BpParam *find_letter(const BindState *walk, char letter)
{
	for (guint row = 0; row < walk->count; row++)
		if (walk->rows[row]->kind == BP_OPTION && walk->rows[row]->letter == letter)
			return walk->rows[row];
	return NULL;
}

static const char *nearest_option(const BindState *walk, const char *name)
{
	g_autofree const char **names = g_new0(const char *, walk->count + 1);
	guint count = 0;

	for (guint row = 0; row < walk->count; row++)
		if (walk->rows[row]->kind == BP_OPTION && !walk->rows[row]->hidden)
			names[count++] = walk->rows[row]->name;
	return bp_nearest(name, names);
}

static gboolean has_options(const BindState *walk)
{
	for (guint row = 0; row < walk->count; row++)
		if (walk->rows[row]->kind == BP_OPTION)
			return TRUE;
	return FALSE;
}

/* --- sentences --- */

/* What was typed, fit to be shown and not too long. */
static char *shown(const char *text, gsize size)
{
	GString *safe = g_string_new(NULL);

	bp_text_append_safe(safe, text, (gssize)MIN(size, 60), FALSE);
	if (size > 60)
		g_string_append(safe, "...");
	return g_string_free(safe, FALSE);
}

static gboolean fail_option(const BindState *walk, const char *dashes, const char *text, gsize size,
			    const char *nearest, GError **error)
{
	g_autofree char *safe = shown(text, size);

	if (nearest)
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "%s has no option %s%s; did you mean --%s?",
			    walk->name, dashes, safe, nearest);
	else
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "%s has no option %s%s; see help %s", walk->name,
			    dashes, safe, walk->name);
	return FALSE;
}

static gboolean fail_value(const BindState *walk, const BpParam *param, GError **error)
{
	if (walk->words->error)
		g_propagate_error(error, g_error_copy(walk->words->error));
	else
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "--%s needs a value", param->name);
	return FALSE;
}

/* --- the walk --- */

static gboolean looks_like_option(const BindState *walk, const ParsedWord *word)
{
	const char *text = word->text;

	if (word->quoted || text[0] != '-' || !text[1])
		return FALSE;
	/* A negative number, unless that digit is a letter of the table. */
	if (g_ascii_isdigit(text[1]) || (text[1] == '.' && g_ascii_isdigit(text[2])))
		return find_letter(walk, text[1]) != NULL;
	return TRUE;
}

static gboolean is_known_option(const BindState *walk, const ParsedWord *word)
{
	const char *text = word->text;

	if (!looks_like_option(walk, word))
		return FALSE;
	if (text[1] != '-')
		return find_letter(walk, text[1]) != NULL;
	return !text[2] || find_option(walk, text + 2, strcspn(text + 2, "=")) != NULL;
}

/* The next word is the value of an option. */
static gboolean take_value(BindState *walk, const BpParam *param, GError **error)
{
	if (walk->at >= walk->words->count) {
		walk->pending = param;
		return fail_value(walk, param, error);
	}
	if (is_known_option(walk, &walk->words->words[walk->at]))
		return fail_value(walk, param, error);
	return walk->give(walk, param, walk->words->words[walk->at++].text, error);
}

/* Whether an option that is unknown begins a raw remainder instead: "echo -x". A near miss is
 * rather a mistake. */
static gboolean begins_rest(const BindState *walk, const char *nearest)
{
	return argument(walk) && argument(walk)->type == BP_REST && !nearest;
}

/* `*value`: it was no option after all. */
static gboolean take_long(BindState *walk, const char *name, gboolean *value, GError **error)
{
	gsize size = strcspn(name, "=");
	const BpParam *param = find_option(walk, name, size);

	if (!param) {
		g_autofree char *typed = g_strndup(name, size);
		const char *nearest = nearest_option(walk, typed);

		if (strcmp(typed, "help") == 0 && !(begins_rest(walk, NULL) && !has_options(walk)))
			walk->help = TRUE;
		else if (!strcmp(name, "json") && !begins_rest(walk, NULL))
			return walk->json = ++walk->at > 0;
		else if (begins_rest(walk, nearest))
			return *value = TRUE;
		return fail_option(walk, "--", name, size, walk->help ? NULL : nearest, error);
	}
	walk->at++;
	if (name[size] == '=')
		return walk->give(walk, param, name + size + 1, error);
	return param->type == BP_BOOL ? walk->give(walk, param, "true", error) : take_value(walk, param, error);
}

static gboolean take_letters(BindState *walk, const char *letters, gboolean *value, GError **error)
{
	const char *first = letters;

	if (!find_letter(walk, *letters) && begins_rest(walk, NULL))
		return *value = TRUE;
	walk->at++;
	for (; *letters; letters++) {
		const BpParam *param = find_letter(walk, *letters);

		if (!param) {
			/* -port for --port */
			const BpParam *meant = letters == first ? find_option(walk, first, strcspn(first, "=")) : NULL;
			gsize size = meant ? strlen(first) : (gsize)(g_utf8_find_next_char(letters, NULL) - letters);

			return fail_option(walk, "-", letters, size, meant ? meant->name : NULL, error);
		}
		if (param->type != BP_BOOL) {
			letters++;
			if (!*letters)
				return take_value(walk, param, error);
			return walk->give(walk, param, letters + (*letters == '='), error);
		}
		if (letters[1] == '=')
			return walk->give(walk, param, letters + 2, error);
		if (!walk->give(walk, param, "true", error))
			return FALSE;
	}
	return TRUE;
}

static gboolean take_rest(BindState *walk, gsize start, GError **error)
{
	const BpParam *param = argument(walk);
	g_autofree char *rest = g_strdup(walk->words->command + start);
	gboolean is_quoted = walk->words->count && !walk->words->error;

	/* One word in quotes is what it holds: the only way to say a | in it. Anything else is as it stands. */
	if (is_quoted) {
		const ParsedWord *last = &walk->words->words[walk->words->count - 1];

		is_quoted = last->quoted && last->start == start && strchr("\"'", walk->words->command[start]) &&
			    walk->words->command[last->end - 1] == walk->words->command[start];
		if (is_quoted) {
			g_free(rest);
			rest = g_strdup(last->text);
		}
	}
	walk->rest_start = start;
	walk->at = walk->words->count;
	return walk->give(walk, param, is_quoted ? rest : g_strstrip(rest), error);
}

/* One word that is an option; `*value`: it is none. */
static gboolean take_option(BindState *walk, gboolean *value, GError **error)
{
	const char *text = walk->words->words[walk->at].text;

	if (strcmp(text, "--") == 0) {
		if (begins_rest(walk, NULL) && !has_options(walk))
			return *value = TRUE;
		walk->ended = TRUE;
		walk->at++;
		return TRUE;
	}
	return text[1] == '-' ? take_long(walk, text + 2, value, error) : take_letters(walk, text + 1, value, error);
}

static gboolean take_argument(BindState *walk, GError **error)
{
	const ParsedWord *word = &walk->words->words[walk->at];
	const BpParam *param = argument(walk);

	if (!param) {
		g_autofree char *safe = bp_param_quote(word->text);

		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "%s takes no argument %s; see help %s", walk->name,
			    safe, walk->name);
		return FALSE;
	}
	if (param->type == BP_REST)
		return take_rest(walk, word->start, error);
	walk->at++;
	if (!(param->many && is_last_argument(walk))) {
		walk->row++;
		next_argument(walk);
	}
	return walk->give(walk, param, word->text, error);
}

static gboolean walk_words(BindState *walk, GError **error)
{
	const ParsedWords *words = walk->words;

	next_argument(walk);
	while (walk->at < words->count) {
		gboolean value = TRUE;

		if (!walk->ended && looks_like_option(walk, &words->words[walk->at])) {
			value = FALSE;
			if (!take_option(walk, &value, error))
				return FALSE;
		}
		if (value && !take_argument(walk, error))
			return FALSE;
	}
	if (words->error && walk->rest_start == G_MAXSIZE) {
		if (argument(walk) && argument(walk)->type == BP_REST)
			return take_rest(walk, words->error_at, error);
		g_propagate_error(error, g_error_copy(words->error));
		return FALSE;
	}
	return TRUE;
}

static BindState walk_begin(const char *name, const BpParam *table, const ParsedWords *words, guint first)
{
	BindState walk = { .name = name, .words = words, .at = first, .rest_start = G_MAXSIZE };

	walk.rows = bp_param_rows(table ? table : no_params, &walk.count);
	return walk;
}

/* --- binding to values --- */

static gboolean give_value(BindState *walk, const BpParam *param, const char *text, GError **error)
{
	return bp_values_set(walk->data, param->name, text, error);
}

static gboolean give_secret(BindState *walk, const BpParam *param, const char *text, GError **error)
{
	*(gboolean *)walk->data |= param->secret;
	return TRUE;
}

static gboolean give_nothing(BindState *walk, const BpParam *param, const char *text, GError **error)
{
	return TRUE;
}

static gboolean check_required(const BindState *walk, const BpValues *values, GError **error)
{
	for (guint row = 0; row < walk->count; row++) {
		const BpParam *param = walk->rows[row];
		g_autofree char *name = NULL;

		/* A setting or a fallback does as well. */
		if (!param->required || bp_values_string(values, param->name))
			continue;
		name = param->kind == BP_ARGUMENT ? g_ascii_strup(param->name, -1)
						  : g_strconcat("--", param->name, NULL);
		g_set_error(error, BP_CONSOLE_ERROR, BP_INVALID, "%s needs %s; type help %s", walk->name, name,
			    walk->name);
		return FALSE;
	}
	return TRUE;
}

BpValues *bind_words(const char *name, const BpParam *table, const ParsedWords *words, guint first, GError **error)
{
	g_autoptr(BpValues) values = bp_values_new(table ? table : no_params);
	BindState walk = walk_begin(name, table, words, first);
	gboolean good;

	walk.give = give_value;
	walk.data = values;
	good = walk_words(&walk, error) && check_required(&walk, values, error);
	g_free(walk.rows);
	return good ? g_steal_pointer(&values) : NULL;
}

gboolean bind_asks_help(const BpParam *table, const ParsedWords *words, guint first, gboolean *json)
{
	BindState walk = walk_begin("", table, words, first);

	walk.give = give_nothing;
	(void)walk_words(&walk, NULL);
	g_free(walk.rows);
	*json = walk.json;
	return walk.help;
}

gboolean bind_has_secret(const BpParam *table, const ParsedWords *words, guint first)
{
	BindState walk = walk_begin("", table, words, first);
	gboolean secret = FALSE;

	walk.give = give_secret;
	walk.data = &secret;
	if (!walk_words(&walk, NULL))
		for (guint row = 0; row < walk.count; row++)
			secret |= walk.rows[row]->secret;
	g_free(walk.rows);
	return secret;
}

BindNext bind_next(const BpParam *table, const ParsedWords *words, guint first, const char *partial)
{
	BindState walk = walk_begin("", table, words, first);
	BindNext next = { .rest_start = G_MAXSIZE };
	gsize size = strcspn(partial, "=");
	const BpParam *option;

	walk.give = give_nothing;
	if (walk_words(&walk, NULL) && !walk.pending) {
		next.value = argument(&walk);
		next.options = !walk.ended && walk.rest_start == G_MAXSIZE;
		next.rest_start = walk.rest_start;
		if (next.options && g_str_has_prefix(partial, "--") && partial[size] == '=' &&
		    (option = find_option(&walk, partial + 2, size - 2))) {
			next.value = option;
			next.prefix = size + 1;
			next.options = FALSE;
		}
	} else {
		next.value = walk.pending;
	}
	g_free(walk.rows);
	return next;
}
