/* SPDX-License-Identifier: MIT */
/* lua-command.c - commands whose functions are in Lua. The row of the command is on the main loop until the instance closes, since calls
 * and values may still refer to it; its registration ends with the run. */
#include "lua-call.h"
#include <string.h>

#define MOST_PARAMS 32

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

void command_call_free(gpointer call)
{
	g_free(call);
}

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
	if (!bp_loop_call(spec->script->self, spec->script->loop, call_start, request, request_free))
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
