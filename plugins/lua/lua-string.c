/* SPDX-License-Identifier: MIT */
/* lua-string.c - string.find, match, gmatch and gsub. */
#include "lua-pattern.h"
#include <ctype.h>
#include <string.h>

/* --- results --- */

static void push_capture(Matcher *m, int level, const char *s, const char *end)
{
	if (level >= m->level) {
		if (level)
			luaL_error(m->L, "invalid capture index %%%d", level + 1);
		lua_pushlstring(m->L, s, (size_t)(end - s));
	} else if (m->captures[level].size == POSITION) {
		lua_pushinteger(m->L, m->captures[level].at - m->text + 1);
	} else if (m->captures[level].size == IS_OPEN) {
		luaL_error(m->L, "unfinished capture");
	} else {
		lua_pushlstring(m->L, m->captures[level].at, (size_t)m->captures[level].size);
	}
}

/* `s` NULL: without the whole match if there are no captures. */
static int push_captures(Matcher *m, const char *s, const char *end)
{
	int count = m->level == 0 && s ? 1 : m->level;

	luaL_checkstack(m->L, count, "too many captures");
	for (int i = 0; i < count; i++)
		push_capture(m, i, s, end);
	return count;
}

/* --- the functions --- */

/* The offset at which argument `index` says to begin; larger than `size`: nowhere. */
static size_t offset_of(lua_State *L, int index, size_t size)
{
	lua_Integer at = luaL_optinteger(L, index, 1);

	if (at > 0)
		return (size_t)(at - 1);
	if (at == 0 || -at > (lua_Integer)size)
		return 0;
	return size - (size_t)-at;
}

static int find_plain(lua_State *L, const char *text, size_t size, size_t from, const char *wanted, size_t wanted_size)
{
	const char *at = wanted_size ? memmem(text + from, size - from, wanted, wanted_size) : text + from;

	if (!at) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, at - text + 1);
	lua_pushinteger(L, at - text + (lua_Integer)wanted_size);
	return 2;
}

static int search(lua_State *L, gboolean finds)
{
	size_t size, pattern_size, from;
	const char *text = luaL_checklstring(L, 1, &size), *pattern = luaL_checklstring(L, 2, &pattern_size), *s;
	gboolean anchored;
	Matcher m;

	from = offset_of(L, 3, size);
	if (from > size) {
		lua_pushnil(L);
		return 1;
	}
	if (finds && (lua_toboolean(L, 4) || strcspn(pattern, "^$*+?.([%-") == pattern_size))
		return find_plain(L, text, size, from, pattern, pattern_size);
	anchored = *pattern == '^';
	pattern_init(&m, L, text, size, pattern, pattern_size);
	for (s = text + from; s <= m.end; s++) {
		const char *end = pattern_match(&m, s, pattern + anchored);

		if (end && finds) {
			lua_pushinteger(L, s - text + 1);
			lua_pushinteger(L, end - text);
			return push_captures(&m, NULL, NULL) + 2;
		}
		if (end)
			return push_captures(&m, s, end);
		if (anchored)
			break;
	}
	lua_pushnil(L);
	return 1;
}

static int string_find(lua_State *L)
{
	return search(L, TRUE);
}

static int string_match(lua_State *L)
{
	return search(L, FALSE);
}

/* Upvalues: text, pattern, where to begin, end of the last match (-1: none). */
static int next_match(lua_State *L)
{
	size_t size, pattern_size;
	const char *text = lua_tolstring(L, lua_upvalueindex(1), &size);
	const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_size);
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	Matcher m;

	pattern_init(&m, L, text, size, pattern, pattern_size);
	for (const char *s = text + lua_tointeger(L, lua_upvalueindex(3)); s <= m.end; s++) {
		const char *end = pattern_match(&m, s, pattern);

		if (!end || end - text == last)
			continue;
		lua_pushinteger(L, end - text);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return push_captures(&m, s, end);
	}
	return 0;
}

static int string_gmatch(lua_State *L)
{
	size_t size, from;

	luaL_checklstring(L, 1, &size);
	luaL_checkstring(L, 2);
	from = offset_of(L, 3, size);
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)MIN(from, size + 1));
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, next_match, 4);
	return 1;
}

static void add_text(Matcher *m, luaL_Buffer *buffer, const char *s, const char *end)
{
	size_t size;
	const char *text = lua_tolstring(m->L, 3, &size);
	const char *last = text + size;

	for (; text < last; text++) {
		if (*text != '%') {
			luaL_addchar(buffer, *text);
			continue;
		}
		text++;
		if (text < last && *text == '%') {
			luaL_addchar(buffer, '%');
		} else if (text < last && *text == '0') {
			luaL_addlstring(buffer, s, (size_t)(end - s));
		} else if (text < last && isdigit((guchar)*text)) {
			push_capture(m, *text - '1', s, end);
			luaL_tolstring(m->L, -1, NULL);
			lua_remove(m->L, -2);
			luaL_addvalue(buffer);
		} else {
			luaL_error(m->L, "invalid use of '%%' in replacement string");
		}
	}
}

static void add_value(Matcher *m, luaL_Buffer *buffer, const char *s, const char *end)
{
	lua_State *L = m->L;

	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(m, s, end), 1);
		break;
	case LUA_TTABLE:
		push_capture(m, 0, s, end);
		lua_gettable(L, 3);
		break;
	default:
		add_text(m, buffer, s, end);
		return;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(buffer, s, (size_t)(end - s));
		return;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	luaL_addvalue(buffer);
}

static int string_gsub(lua_State *L)
{
	size_t size, pattern_size;
	const char *text = luaL_checklstring(L, 1, &size), *pattern = luaL_checklstring(L, 2, &pattern_size);
	const char *s = text, *last = NULL;
	lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)size + 1), count = 0;
	gboolean anchored = *pattern == '^';
	luaL_Buffer buffer;
	Matcher m;

	luaL_argexpected(L, lua_isstring(L, 3) || lua_istable(L, 3) || lua_isfunction(L, 3), 3,
			 "string/function/table");
	pattern_init(&m, L, text, size, pattern, pattern_size);
	luaL_buffinit(L, &buffer);
	while (count < most) {
		const char *end = pattern_match(&m, s, pattern + anchored);

		if (end && end != last) {
			count++;
			add_value(&m, &buffer, s, end);
			s = last = end;
		} else if (s < m.end) {
			luaL_addchar(&buffer, *s);
			s++;
		} else {
			break;
		}
		if (anchored)
			break;
	}
	luaL_addlstring(&buffer, s, (size_t)(m.end - s));
	luaL_pushresult(&buffer);
	lua_pushinteger(L, count);
	return 2;
}

void pattern_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "find", string_find }, { "gmatch", string_gmatch },
		{ "gsub", string_gsub }, { "match", string_match },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
