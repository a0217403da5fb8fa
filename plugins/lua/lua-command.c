/* SPDX-License-Identifier: MIT */
/* lua-command.c - commands whose functions are in Lua. The row of the command is on the main loop until the instance closes, since calls
 * and values may still refer to it; its registration ends with the run. */
#include "lua-main.h"
#include <string.h>

#define MOST_PARAMS 32
#define MOST_COLUMNS 8

/* --- the row, made on the script's loop --- */

typedef struct {
	BpCommand rows[2];
	BpParam params[MOST_PARAMS + 1];
	GStringChunk *strings;
	Script *script;
	guint serial;
	int ref; /* of the function */
} CommandSpec;

static GHashTable *specs; /* main loop: BpParam table -> CommandSpec */

static void spec_free(gpointer data)
{
	CommandSpec *spec = data;

	if (specs && g_hash_table_remove(specs, spec->params) && !g_hash_table_size(specs))
		g_clear_pointer(&specs, g_hash_table_unref);
	g_string_chunk_free(spec->strings);
	g_free(spec);
}

static CommandSpec *to_spec(lua_State *L, int index)
{
	return *(CommandSpec **)lua_touserdata(L, index);
}

/* A field of the table at `index`, as a text that the spec keeps; NULL: none. */
static const char *field(lua_State *L, CommandSpec *spec, int index, const char *key)
{
	const char *text = NULL;

	lua_getfield(L, index, key);
	if (lua_isboolean(L, -1))
		text = lua_toboolean(L, -1) ? "yes" : "no";
	else if (!lua_isnil(L, -1))
		text = g_string_chunk_insert(spec->strings, luaL_tolstring(L, -1, NULL));
	lua_settop(L, index);
	return text;
}

static double number_field(lua_State *L, int index, const char *key)
{
	double number;

	lua_getfield(L, index, key);
	number = luaL_optnumber(L, -1, 0);
	lua_settop(L, index);
	return number;
}

static guint flag_field(lua_State *L, int index, const char *key)
{
	guint flag;

	lua_getfield(L, index, key);
	flag = lua_toboolean(L, -1) ? 1 : 0;
	lua_settop(L, index);
	return flag;
}

static int choice(lua_State *L, const char *text, const char *const *names, int fallback, const char *what)
{
	for (int i = 0; text && names[i]; i++)
		if (!strcmp(text, names[i]))
			return i;
	if (text)
		luaL_error(L, "%s is not a %s", text, what);
	return fallback;
}

static void read_param(lua_State *L, CommandSpec *spec, BpParam *param, int index)
{
	static const char *const types[] = { "string",	 "int",	  "double", "bool", "choice",
					     "duration", "bytes", "rest",   NULL };
	static const char *const kinds[] = { "option", "argument", NULL };
	const char *letter = field(L, spec, index, "letter");

	param->name = field(L, spec, index, "name");
	if (!param->name || !*param->name || strcspn(param->name, " \t\n=") != strlen(param->name))
		luaL_error(L, "a parameter has no name");
	param->help = field(L, spec, index, "help");
	param->help = param->help ? param->help : "";
	param->fallback = field(L, spec, index, "default");
	param->choices = field(L, spec, index, "choices");
	param->type = (BpType)choice(L, field(L, spec, index, "type"), types, param->choices ? BP_CHOICE : BP_STRING,
				     "type");
	param->kind = (BpKind)choice(L, field(L, spec, index, "kind"), kinds, BP_ARGUMENT, "kind");
	param->letter = letter ? *letter : 0;
	param->min = number_field(L, index, "min");
	param->max = number_field(L, index, "max");
	param->required = flag_field(L, index, "required");
	param->many = flag_field(L, index, "many");
	param->secret = flag_field(L, index, "secret");
	if (param->type == BP_CHOICE && !param->choices)
		luaL_error(L, "parameter %s has no choices", param->name);
	if (param->fallback) {
		g_autoptr(GError) error = NULL;

		if (!bp_param_check(param, param->fallback, &error)) {
			lua_pushstring(L, error->message);
			g_clear_error(&error);
			lua_error(L);
		}
	}
}

/* Stack: the description, the spec in a userdata. */
static int read_spec(lua_State *L)
{
	static const char *const roles[] = { "observer", "operator", "admin", NULL };
	CommandSpec *spec = to_spec(L, 2);
	BpCommand *row = spec->rows;

	lua_pushvalue(L, 1);
	row->name = field(L, spec, 3, "name");
	row->help = field(L, spec, 3, "help");
	row->help = row->help ? row->help : "a command of a script";
	row->manual = field(L, spec, 3, "manual");
	row->example = field(L, spec, 3, "example");
	row->group = field(L, spec, 3, "group");
	row->role = (BpRole)choice(L, field(L, spec, 3, "role"), roles, BP_OPERATOR, "role");
	row->params = spec->params;
	if (!row->name || !g_regex_match_simple("^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?$", row->name, 0, 0))
		luaL_error(L, "a command needs a name: one or two words of lower case letters, digits and -");
	if (lua_getfield(L, 3, "params") == LUA_TTABLE) {
		lua_Integer count = luaL_len(L, 4);

		if (count > MOST_PARAMS)
			luaL_error(L, "%s has more than %d parameters", row->name, MOST_PARAMS);
		for (lua_Integer i = 0; i < count; i++) {
			if (lua_geti(L, 4, i + 1) != LUA_TTABLE)
				luaL_error(L, "parameter %d of %s is no table", (int)i + 1, row->name);
			read_param(L, spec, &spec->params[i], 5);
			lua_settop(L, 4);
		}
	}
	lua_settop(L, 3);
	return 0;
}

/* --- calls: on the main loop --- */

typedef struct {
	Script *script;
	guint number;
	BpCall *call;
} CommandCall;

void command_call_free(gpointer call)
{
	g_free(call);
}

typedef struct {
	char *name;
	BpType type;
	gboolean many, set;
	char **texts;
	gint64 integer;
	double number;
} CallValue;

typedef struct {
	Script *script;
	guint serial, number;
	int ref;
	GArray *values;
} CallRequest;

static void value_clear(gpointer data)
{
	CallValue *value = data;

	g_free(value->name);
	g_strfreev(value->texts);
}

static void request_free(gpointer data)
{
	CallRequest *request = data;

	g_array_unref(request->values);
	g_free(request);
}

static GArray *values_of(BpCall *call, const BpParam *params)
{
	GArray *list = g_array_new(FALSE, TRUE, sizeof(CallValue));

	g_array_set_clear_func(list, value_clear);
	for (const BpParam *param = params; param->name; param++) {
		CallValue value = { g_strdup(param->name),
				    param->type,
				    param->many,
				    bp_call_has(call, param->name) || param->fallback,
				    NULL,
				    0,
				    0 };

		if (param->many)
			value.texts = g_strdupv((char **)bp_call_list(call, param->name));
		else if (param->type == BP_INT || param->type == BP_BYTES)
			value.integer = bp_call_int(call, param->name);
		else if (param->type == BP_DURATION)
			value.number = (double)bp_call_duration(call, param->name) / G_USEC_PER_SEC;
		else if (param->type == BP_DOUBLE)
			value.number = bp_call_double(call, param->name);
		else if (param->type == BP_BOOL)
			value.integer = bp_call_bool(call, param->name);
		else
			value.texts = g_strdupv((char *[]){ (char *)bp_call_string(call, param->name), NULL });
		g_array_append_val(list, value);
	}
	return list;
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	CommandCall *entry = data;
	BpCall *call = entry->call;

	g_hash_table_remove(entry->script->calls, GUINT_TO_POINTER(entry->number));
	bp_call_done(call, g_error_new(BP_PLUGIN_ERROR, BP_CANCELLED, "interrupted"));
}

static void start_call(BpPlugin *self, gpointer data);

static gboolean run_in_lua(BpPlugin *self, BpCall *call, GError **error)
{
	static guint number;
	const CommandSpec *spec = specs ? g_hash_table_lookup(specs, bp_values_table(bp_call_values(call))) : NULL;
	CommandCall *entry;
	CallRequest *request;

	if (!spec || !spec->script->run || spec->script->run->serial != spec->serial)
		return bp_fail(error, BP_CLOSED, "its script has ended");
	entry = g_new0(CommandCall, 1);
	*entry = (CommandCall){ spec->script, ++number, call };
	request = g_new0(CallRequest, 1);
	*request = (CallRequest){ spec->script, spec->serial, number, spec->ref, values_of(call, spec->params) };
	bp_call_hold(call, on_cancel, entry);
	g_hash_table_insert(spec->script->calls, GUINT_TO_POINTER(number), entry);
	if (!bp_loop_call(spec->script->self, spec->script->loop, start_call, request, request_free))
		on_cancel(NULL, entry);
	return TRUE;
}

static void register_spec(Ask *ask)
{
	CommandSpec *spec = ask->data;
	Script *script = ask->script;
	g_autoptr(GError) error = NULL;

	ask->destroy = NULL; /* the instance has it now */
	spec->rows[0].run = run_in_lua;
	spec->script = script;
	if (!specs)
		specs = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(specs, spec->params, spec);
	bp_plugin_defer_undo(script->self, spec_free, spec);
	if (bp_command_add(script->parts, spec->rows, &error))
		ask_answer(ask, TRUE, NULL);
	else
		ask_answer(ask, FALSE, g_strdup(error->message));
}

/* --- on the script's loop --- */

typedef struct {
	Script *script;
	guint number;
	enum { SAY_PRINT, SAY_STYLED, SAY_TABLE, SAY_PROGRESS, SAY_DONE, SAY_FAILED } what;
	int style;
	char *text;
} Saying;

static void saying_free(gpointer data)
{
	g_free(((Saying *)data)->text);
	g_free(data);
}

static void print_table(BpCall *call, char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_auto(GStrv) heads = g_strsplit(lines[0], "\t", MOST_COLUMNS);
	char *c[MOST_COLUMNS] = { NULL };
	BpTable *table;

	for (guint i = 0; heads[i]; i++)
		c[i] = heads[i];
	table = bp_table_new(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], NULL);
	for (char **line = lines + 1; *line; line++)
		bp_table_row(table, "%s", *line);
	bp_call_table(call, table);
}

static void on_saying(BpPlugin *self, gpointer data)
{
	Saying *saying = data;
	CommandCall *entry = g_hash_table_lookup(saying->script->calls, GUINT_TO_POINTER(saying->number));
	BpCall *call;

	if (!entry)
		return;
	call = entry->call;
	switch (saying->what) {
	case SAY_PRINT:
		bp_call_print(call, saying->text);
		break;
	case SAY_STYLED:
		bp_call_styled(call, (BpStyle)saying->style, "%s", saying->text);
		break;
	case SAY_TABLE:
		print_table(call, saying->text);
		break;
	case SAY_PROGRESS:
		bp_call_progress(call, *saying->text ? saying->text : NULL);
		break;
	case SAY_DONE:
	case SAY_FAILED:
		g_hash_table_remove(saying->script->calls, GUINT_TO_POINTER(saying->number));
		bp_call_done(call, saying->what == SAY_DONE
					   ? NULL
					   : g_error_new_literal(BP_PLUGIN_ERROR, BP_FAILED, saying->text));
		break;
	}
}

static gboolean say(Run *run, guint number, int what, int style, const char *text)
{
	Saying *saying = g_new0(Saying, 1);

	*saying = (Saying){ run->script, number, what, style, g_strdup(text) };
	return bp_loop_call(run->self, bp_loop_main(), on_saying, saying, saying_free);
}

/* bp._say(number, what, text, style) */
static int call_say(lua_State *L)
{
	static const char *const what[] = { "print", "styled", "table", "progress", NULL };
	static const char *const styles[] = { "plain", "heading", "good", "warn", "bad", "dim", "strong", NULL };
	guint number = (guint)luaL_checkinteger(L, 1);
	int kind = luaL_checkoption(L, 2, NULL, what);
	const char *text = luaL_checkstring(L, 3);
	int style = luaL_checkoption(L, 4, "plain", styles);

	if (limit_is_busy(run_of(L)) || !say(run_of(L), number, kind, style, text))
		luaL_error(L, "the host has too much to do; print less, or bp.sleep now and then");
	return 0;
}

static void call_done(Run *run, lua_State *L, gboolean good, int first, gpointer data)
{
	guint number = GPOINTER_TO_UINT(data);
	const char *text = lua_gettop(L) >= first ? lua_tostring(L, first) : NULL;
	gboolean refused = good && lua_gettop(L) >= first && lua_isboolean(L, first) && !lua_toboolean(L, first);

	if (run_must_end(run)) {
		say(run, number, SAY_FAILED, 0, "its script has ended");
		return;
	}
	if (!good) {
		g_autofree char *line = g_strdup(lua_tostring(L, -1));

		if (line)
			line[strcspn(line, "\n")] = '\0';
		say(run, number, SAY_FAILED, 0, line ? line : "out of memory");
		return;
	}
	if (refused) {
		text = lua_gettop(L) > first ? lua_tostring(L, first + 1) : NULL;
		say(run, number, SAY_FAILED, 0, text ? text : "it failed");
		return;
	}
	if (text)
		say(run, number, SAY_PRINT, 0, text);
	say(run, number, SAY_DONE, 0, NULL);
}

static void push_value(lua_State *L, const CallValue *value)
{
	if (value->many) {
		lua_newtable(L);
		for (guint i = 0; value->texts && value->texts[i]; i++) {
			lua_pushstring(L, value->texts[i]);
			lua_rawseti(L, -2, (int)i + 1);
		}
	} else if (!value->set && value->type != BP_BOOL) {
		lua_pushnil(L);
	} else if (value->type == BP_INT || value->type == BP_BYTES) {
		lua_pushinteger(L, value->integer);
	} else if (value->type == BP_DURATION || value->type == BP_DOUBLE) {
		lua_pushnumber(L, value->number);
	} else if (value->type == BP_BOOL) {
		lua_pushboolean(L, value->integer != 0);
	} else {
		lua_pushstring(L, value->texts ? value->texts[0] : NULL);
	}
}

static int call_function(lua_State *L)
{
	const CallRequest *request = lua_touserdata(L, 1);

	lua_rawgeti(L, LUA_REGISTRYINDEX, request->ref);
	lua_newtable(L);
	for (guint i = 0; i < request->values->len; i++) {
		const CallValue *value = &g_array_index(request->values, CallValue, i);

		push_value(L, value);
		lua_setfield(L, -2, value->name);
	}
	lua_pushinteger(L, request->number);
	task_start(run_of(L), L, 2, "command", call_done, GUINT_TO_POINTER(request->number));
	return 0;
}

static void start_call(BpPlugin *self, gpointer data)
{
	CallRequest *request = data;
	Run *run = request->script->live;

	if (run && run->serial == request->serial)
		run_enter(run, "a command", call_function, request);
}

/* bp._command(description, function(values, number)) */
static int add_command(lua_State *L)
{
	CommandSpec *spec, **place;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	place = lua_newuserdatauv(L, sizeof(*place), 0);
	spec = g_new0(CommandSpec, 1);
	spec->strings = g_string_chunk_new(256);
	*place = spec;
	lua_pushcfunction(L, read_spec);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 3);
	if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
		spec_free(spec);
		return lua_error(L);
	}
	spec->serial = run_of(L)->serial;
	lua_pushvalue(L, 2);
	spec->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	return ask_main(L, 0, register_spec, spec, spec_free);
}

/* bp._keep(): a command keeps the script running until it is ended. */
static int keep(lua_State *L)
{
	run_keep(run_of(L), 1);
	return 0;
}

void command_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "_command", add_command }, { "_keep", keep }, { "_say", call_say }, { NULL, NULL }
	};

	luaL_setfuncs(L, functions, 0);
}
