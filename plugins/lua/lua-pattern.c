/* SPDX-License-Identifier: MIT */
/* lua-pattern.c - string.find, match, gmatch and gsub, with the patterns of the Lua manual, but interruptible: a pattern that
 * backtracks without end is stopped as every other turn that takes too long. */
#include "lua.h"
#include <ctype.h>
#include <string.h>

#define MOST_CAPTURES 32
#define DEEPEST 200
#define POSITION (-2)
#define IS_OPEN (-1)

typedef struct {
	lua_State *L;
	const char *text, *end, *pattern_end;
	guint depth, steps;
	int level;
	struct {
		const char *at;
		ptrdiff_t size;
	} captures[MOST_CAPTURES];
} Matcher;

static const char *match(Matcher *m, const char *s, const char *p);

static void step(Matcher *m)
{
	if ((++m->steps & 0x3fff) == 0)
		limit_check(m->L);
}

/* --- single characters --- */

/* The end of the item at `p`: a character, %x or a set. */
static const char *item_end(Matcher *m, const char *p)
{
	char first = *p++;

	if (first == '%') {
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	}
	if (first != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	for (gboolean begins = TRUE;; begins = FALSE) {
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p == ']' && !begins)
			return p + 1;
		if (*p++ == '%') {
			if (p == m->pattern_end)
				luaL_error(m->L, "malformed pattern (missing ']')");
			p++;
		}
	}
}

static gboolean is_of_class(int c, int class)
{
	gboolean is;

	switch (tolower(class)) {
	case 'a':
		is = isalpha(c);
		break;
	case 'c':
		is = iscntrl(c);
		break;
	case 'd':
		is = isdigit(c);
		break;
	case 'g':
		is = isgraph(c);
		break;
	case 'l':
		is = islower(c);
		break;
	case 'p':
		is = ispunct(c);
		break;
	case 's':
		is = isspace(c);
		break;
	case 'u':
		is = isupper(c);
		break;
	case 'w':
		is = isalnum(c);
		break;
	case 'x':
		is = isxdigit(c);
		break;
	case 'z':
		is = c == 0;
		break;
	default:
		return class == c;
	}
	return isupper(class) ? !is : !!is;
}

/* `p` is at the [, `last` at the ]. */
static gboolean is_in_set(int c, const char *p, const char *last)
{
	gboolean wanted = TRUE;

	if (*++p == '^') {
		wanted = FALSE;
		p++;
	}
	for (; p < last; p++) {
		if (*p == '%') {
			if (is_of_class(c, (guchar) * ++p))
				return wanted;
		} else if (p[1] == '-' && p + 2 < last) {
			if ((guchar)p[0] <= c && c <= (guchar)p[2])
				return wanted;
			p += 2;
		} else if ((guchar)*p == c) {
			return wanted;
		}
	}
	return !wanted;
}

static gboolean is_match(const Matcher *m, const char *s, const char *p, const char *end)
{
	int c;

	if (s >= m->end)
		return FALSE;
	c = (guchar)*s;
	switch (*p) {
	case '.':
		return TRUE;
	case '%':
		return is_of_class(c, (guchar)p[1]);
	case '[':
		return is_in_set(c, p, end - 1);
	default:
		return (guchar)*p == c;
	}
}

/* --- what is more than one character --- */

static const char *match_greedy(Matcher *m, const char *s, const char *p, const char *end)
{
	ptrdiff_t count = 0;

	for (; is_match(m, s + count, p, end); count++)
		step(m);
	for (; count >= 0; count--) {
		const char *result = match(m, s + count, end + 1);

		if (result)
			return result;
		step(m);
	}
	return NULL;
}

static const char *match_lazy(Matcher *m, const char *s, const char *p, const char *end)
{
	for (;; s++) {
		const char *result = match(m, s, end + 1);

		if (result || !is_match(m, s, p, end))
			return result;
		step(m);
	}
}

static const char *match_balanced(Matcher *m, const char *s, const char *p)
{
	int open = 1;

	if (p + 1 >= m->pattern_end)
		luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
	if (s >= m->end || *s != *p)
		return NULL;
	while (++s < m->end) {
		step(m);
		if (*s == p[1]) {
			if (!--open)
				return s + 1;
		} else if (*s == p[0]) {
			open++;
		}
	}
	return NULL;
}

static const char *match_frontier(Matcher *m, const char *s, const char *p)
{
	const char *end;

	if (p >= m->pattern_end || *p != '[')
		luaL_error(m->L, "missing '[' after '%%f' in pattern");
	end = item_end(m, p);
	if (is_in_set(s == m->text ? 0 : (guchar)s[-1], p, end - 1) ||
	    !is_in_set(s == m->end ? 0 : (guchar)*s, p, end - 1))
		return NULL;
	return match(m, s, end);
}

static const char *open_capture(Matcher *m, const char *s, const char *p, ptrdiff_t size)
{
	const char *result;

	if (m->level >= MOST_CAPTURES)
		luaL_error(m->L, "too many captures");
	m->captures[m->level].at = s;
	m->captures[m->level].size = size;
	m->level++;
	result = match(m, s, p);
	if (!result)
		m->level--;
	return result;
}

static const char *close_capture(Matcher *m, const char *s, const char *p)
{
	int level = m->level - 1;
	const char *result;

	while (level >= 0 && m->captures[level].size != IS_OPEN)
		level--;
	if (level < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->captures[level].size = s - m->captures[level].at;
	result = match(m, s, p);
	if (!result)
		m->captures[level].size = IS_OPEN;
	return result;
}

static const char *match_same(Matcher *m, const char *s, int digit)
{
	int level = digit - '1';
	ptrdiff_t size;

	if (level < 0 || level >= m->level || m->captures[level].size == IS_OPEN)
		luaL_error(m->L, "invalid capture index %%%d", level + 1);
	size = m->captures[level].size;
	if (size < 0 || m->end - s < size || memcmp(m->captures[level].at, s, (size_t)size))
		return NULL;
	return s + size;
}

/* One step of the pattern. TRUE: go on at `*s` and `*p`; FALSE: `*s` is the result. */
static gboolean advance(Matcher *m, const char **s, const char **p)
{
	const char *end = item_end(m, *p);
	char sign = end < m->pattern_end ? *end : '\0';

	if (sign == '*' || sign == '+') {
		*s = sign == '*' || is_match(m, *s, *p, end) ? match_greedy(m, *s + (sign == '+'), *p, end) : NULL;
		return FALSE;
	}
	if (sign == '-') {
		*s = match_lazy(m, *s, *p, end);
		return FALSE;
	}
	if (sign == '?') {
		const char *result = is_match(m, *s, *p, end) ? match(m, *s + 1, end + 1) : NULL;

		if (result) {
			*s = result;
			return FALSE;
		}
		*p = end + 1;
		return TRUE;
	}
	if (!is_match(m, *s, *p, end)) {
		*s = NULL;
		return FALSE;
	}
	(*s)++;
	*p = end;
	return TRUE;
}

/* Returns the end of the match, or NULL. */
static const char *match(Matcher *m, const char *s, const char *p)
{
	if (++m->depth > DEEPEST)
		luaL_error(m->L, "pattern too complex");
	for (;;) {
		char next = p + 1 < m->pattern_end ? p[1] : '\0';

		step(m);
		if (p == m->pattern_end)
			break;
		if (*p == '(') {
			s = next == ')' ? open_capture(m, s, p + 2, POSITION) : open_capture(m, s, p + 1, IS_OPEN);
			break;
		}
		if (*p == ')') {
			s = close_capture(m, s, p + 1);
			break;
		}
		if (*p == '$' && p + 1 == m->pattern_end) {
			s = s == m->end ? s : NULL;
			break;
		}
		if (*p == '%' && next == 'b') {
			s = match_balanced(m, s, p + 2);
			p += 4;
		} else if (*p == '%' && next == 'f') {
			s = match_frontier(m, s, p + 2);
			break;
		} else if (*p == '%' && isdigit((guchar)next)) {
			s = match_same(m, s, next);
			p += 2;
		} else if (!advance(m, &s, &p)) {
			break;
		}
		if (!s)
			break;
	}
	m->depth--;
	return s;
}

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

static void matcher_init(Matcher *m, lua_State *L, const char *text, size_t size, const char *pattern,
			 size_t pattern_size)
{
	m->L = L;
	m->text = text;
	m->end = text + size;
	m->pattern_end = pattern + pattern_size;
	m->steps = 0;
}

static const char *match_at(Matcher *m, const char *s, const char *pattern)
{
	m->level = 0;
	m->depth = 0;
	return match(m, s, pattern);
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
	matcher_init(&m, L, text, size, pattern, pattern_size);
	for (s = text + from; s <= m.end; s++) {
		const char *end = match_at(&m, s, pattern + anchored);

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

	matcher_init(&m, L, text, size, pattern, pattern_size);
	for (const char *s = text + lua_tointeger(L, lua_upvalueindex(3)); s <= m.end; s++) {
		const char *end = match_at(&m, s, pattern);

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
	const char *text = lua_tolstring(m->L, 3, &size), *last = text + size;

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
	matcher_init(&m, L, text, size, pattern, pattern_size);
	luaL_buffinit(L, &buffer);
	while (count < most) {
		const char *end = match_at(&m, s, pattern + anchored);

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
