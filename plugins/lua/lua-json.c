/* SPDX-License-Identifier: MIT */
/* lua-json.c - json.encode, encodeFormated and decode. Keys are sorted, so that equal tables give equal texts. */
#include "lua-event.h"
#include "lua.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <backplane/json.h>

#define HOLDER "backplane json"
#define ARRAY "backplane array" /* metatable of tables that are arrays even if they are empty */
#define TEXT_LIMIT (16 * 1024 * 1024)

/* --- encoding --- */

typedef struct {
	lua_State *L;
	luaL_Buffer *buffer;
	gboolean formatted;
	int depth;
} Encoder;

static void encode(Encoder *e, int index);

static void add_line(Encoder *e)
{
	if (!e->formatted)
		return;
	luaL_addchar(e->buffer, '\n');
	for (int i = 0; i < e->depth; i++)
		luaL_addstring(e->buffer, "  ");
}

static gboolean is_utf8(const char *text, size_t size)
{
	for (const char *end = text + size; text <= end; text += strlen(text) + 1) /* Lua's strings end with a NUL */
		if (!g_utf8_validate(text, -1, NULL))
			return FALSE;
	return TRUE;
}

static void add_string(Encoder *e, int index)
{
	size_t size;
	const char *text = lua_tolstring(e->L, index, &size);
	char code[8];

	if (!is_utf8(text, size))
		luaL_error(e->L, "json: a string is not UTF-8");
	luaL_addchar(e->buffer, '"');
	for (size_t i = 0; i < size; i++) {
		guchar c = (guchar)text[i];

		if (c == '"' || c == '\\') {
			luaL_addchar(e->buffer, '\\');
			luaL_addchar(e->buffer, c);
		} else if (c >= 0x20 && c != 0x7f) {
			luaL_addchar(e->buffer, c);
		} else if (c == '\n' || c == '\r' || c == '\t') {
			luaL_addchar(e->buffer, '\\');
			luaL_addchar(e->buffer, c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		} else {
			g_snprintf(code, sizeof(code), "\\u%04x", c);
			luaL_addstring(e->buffer, code);
		}
	}
	luaL_addchar(e->buffer, '"');
}

static void add_number(Encoder *e, int index)
{
	double number = lua_tonumber(e->L, index);
	char text[40];

	if (lua_isinteger(e->L, index)) {
		g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, (gint64)lua_tointeger(e->L, index));
	} else if (!isfinite(number)) {
		g_strlcpy(text, "null", sizeof(text));
	} else {
		for (int digits = 14; digits <= 17; digits++) {
			char format[8];

			g_snprintf(format, sizeof(format), "%%.%dg", digits);
			g_ascii_formatd(text, sizeof(text), format, number);
			if (g_ascii_strtod(text, NULL) == number)
				break;
		}
		if (!strpbrk(text, ".e"))
			g_strlcat(text, ".0", sizeof(text));
	}
	luaL_addstring(e->buffer, text);
}

/* The length if the keys are 1 to n, or it is marked; -1: an object. */
static lua_Integer array_length(lua_State *L, int index)
{
	lua_Integer count = 0, size = (lua_Integer)lua_rawlen(L, index);
	gboolean marked = FALSE;

	if (lua_getmetatable(L, index)) {
		luaL_getmetatable(L, ARRAY);
		marked = lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	if (marked)
		return size;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		count++;
	return count && count == size ? size : -1;
}

static void encode_array(Encoder *e, int index, lua_Integer count)
{
	luaL_addchar(e->buffer, '[');
	for (lua_Integer i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(e->buffer, ',');
		add_line(e);
		lua_rawgeti(e->L, index, i);
		lua_replace(e->L, index + 1);
		encode(e, index + 1);
	}
	e->depth--;
	if (count)
		add_line(e);
	luaL_addchar(e->buffer, ']');
}

static int list_keys(lua_State *L)
{
	lua_Integer count = 0;

	lua_newtable(L);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
		lua_pushvalue(L, -2);
		luaL_tolstring(L, -1, NULL);
		lua_remove(L, -2);
		lua_createtable(L, 2, 0);
		lua_insert(L, -2);
		lua_rawseti(L, -2, 1);
		lua_pushvalue(L, -3);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, 2, ++count);
	}
	return 1;
}

static int compare_keys(lua_State *L)
{
	lua_rawgeti(L, 1, 1);
	lua_rawgeti(L, 2, 1);
	lua_pushboolean(L, lua_compare(L, -2, -1, LUA_OPLT));
	return 1;
}

/* Pushes {{text, key}, ...}, sorted by text. */
static void push_sorted_keys(lua_State *L, int index)
{
	lua_pushcfunction(L, list_keys);
	lua_pushvalue(L, index);
	lua_call(L, 1, 1);
	lua_getglobal(L, "table");
	lua_getfield(L, -1, "sort");
	lua_remove(L, -2);
	lua_pushvalue(L, -2);
	lua_pushcfunction(L, compare_keys);
	lua_call(L, 2, 0);
}

/* The slots above `index`: a value, the keys. */
static void encode_object(Encoder *e, int index)
{
	lua_State *L = e->L;
	lua_Integer count;

	push_sorted_keys(L, index);
	lua_replace(L, index + 2);
	count = (lua_Integer)lua_rawlen(L, index + 2);
	luaL_addchar(e->buffer, '{');
	for (lua_Integer i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(e->buffer, ',');
		add_line(e);
		lua_rawgeti(L, index + 2, i);
		lua_rawgeti(L, -1, 1);
		lua_replace(L, index + 1);
		lua_pop(L, 1);
		add_string(e, index + 1);
		luaL_addstring(e->buffer, e->formatted ? ": " : ":");
		lua_rawgeti(L, index + 2, i);
		lua_rawgeti(L, -1, 2);
		lua_rawget(L, index);
		lua_replace(L, index + 1);
		lua_pop(L, 1);
		/* The value stays at index + 1; what it needs itself is above the keys. */
		lua_pushvalue(L, index + 1);
		lua_replace(L, index + 3);
		encode(e, index + 3);
	}
	e->depth--;
	if (count)
		add_line(e);
	luaL_addchar(e->buffer, '}');
}

/* All slots of all depths are reserved before, so that the buffer's place on the stack does not move. */
static void encode(Encoder *e, int index)
{
	lua_Integer count;

	switch (lua_type(e->L, index)) {
	case LUA_TNIL:
		luaL_addstring(e->buffer, "null");
		break;
	case LUA_TBOOLEAN:
		luaL_addstring(e->buffer, lua_toboolean(e->L, index) ? "true" : "false");
		break;
	case LUA_TNUMBER:
		add_number(e, index);
		break;
	case LUA_TSTRING:
		add_string(e, index);
		break;
	case LUA_TTABLE:
		if (++e->depth > BP_JSON_DEPTH)
			luaL_error(e->L, "json: tables are nested deeper than %d", BP_JSON_DEPTH);
		count = array_length(e->L, index);
		if (count >= 0)
			encode_array(e, index, count);
		else
			encode_object(e, index);
		break;
	default:
		luaL_addstring(e->buffer, "\"<Lua ");
		luaL_addstring(e->buffer, luaL_typename(e->L, index));
		luaL_addstring(e->buffer, ">\"");
	}
}

static int encode_as(lua_State *L, gboolean formatted)
{
	luaL_Buffer buffer;
	Encoder e = { L, &buffer, formatted, 0 };

	luaL_checkany(L, 1);
	lua_settop(L, 1);
	luaL_checkstack(L, BP_JSON_DEPTH * 4 + 40, NULL);
	lua_settop(L, BP_JSON_DEPTH * 3 + 8);
	luaL_buffinit(L, &buffer);
	encode(&e, 1);
	luaL_pushresult(&buffer);
	return 1;
}

static int encode_compact(lua_State *L)
{
	return encode_as(L, FALSE);
}

static int encode_formatted(lua_State *L)
{
	return encode_as(L, TRUE);
}

/* --- decoding --- */

static int free_holder(lua_State *L)
{
	json_t **place = luaL_checkudata(L, 1, HOLDER);

	json_decref(*place);
	*place = NULL;
	return 0;
}

/* Not deeper than BP_JSON_DEPTH: the parser has seen to that. */
void json_push(lua_State *L, json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	luaL_checkstack(L, 4, NULL);
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		lua_createtable(L, 0, (int)json_object_size(value));
		json_object_foreach(value, key, item)
		{
			lua_pushstring(L, key);
			json_push(L, item);
			lua_rawset(L, -3);
		}
		break;
	case JSON_ARRAY:
		lua_createtable(L, (int)json_array_size(value), 0);
		json_array_foreach(value, i, item)
		{
			json_push(L, item);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(value));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(value));
		break;
	default:
		lua_pushnil(L);
	}
}

static int decode(lua_State *L)
{
	g_autoptr(GError) error = NULL;
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	json_t **place = lua_newuserdatauv(L, sizeof(*place), 0);

	*place = NULL;
	luaL_setmetatable(L, HOLDER);
	*place = bp_json_parse(text, size, TEXT_LIMIT, &error);
	if (!*place) {
		lua_pushnil(L);
		lua_pushstring(L, error->message);
		return 2;
	}
	json_push(L, *place);
	json_decref(g_steal_pointer(place));
	return 1;
}

static int init_array(lua_State *L)
{
	if (lua_gettop(L) < 1)
		lua_newtable(L);
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_setmetatable(L, ARRAY);
	return 1;
}

void json_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "decode", decode },
		{ "encode", encode_compact },
		{ "encodeFast", encode_compact },
		{ "encodeFormated", encode_formatted },
		{ "initArray", init_array },
		{ NULL, NULL },
	};
	static const luaL_Reg low[] = {
		{ "parse_json", decode },
		{ "to_json", encode_compact },
		{ "to_json_formatted", encode_formatted },
		{ NULL, NULL },
	};
	static const luaL_Reg utilities[] = { { "InitArray", init_array }, { NULL, NULL } };

	luaL_newmetatable(L, HOLDER);
	lua_pushcfunction(L, free_holder);
	lua_setfield(L, -2, "__gc");
	luaL_newmetatable(L, ARRAY);
	lua_pop(L, 2);
	luaL_setfuncs(L, low, 0);
	luaL_newlib(L, functions);
	luaL_newlib(L, utilities);
	lua_setfield(L, -2, "util");
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "json");
	lua_pop(L, 1);
	lua_setglobal(L, "json");
}
