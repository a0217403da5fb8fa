/* SPDX-License-Identifier: MIT */
/* lua-pattern.c - the patterns of the Lua manual, but interruptible: one that backtracks without end is stopped as every other turn that
 * takes too long. */
#include "lua-pattern.h"
#include <ctype.h>
#include <string.h>

#define DEEPEST 200

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

void pattern_init(Matcher *m, lua_State *L, const char *text, size_t size, const char *pattern, size_t pattern_size)
{
	m->L = L;
	m->text = text;
	m->end = text + size;
	m->pattern_end = pattern + pattern_size;
	m->steps = 0;
}

const char *pattern_match(Matcher *m, const char *s, const char *pattern)
{
	m->level = 0;
	m->depth = 0;
	return match(m, s, pattern);
}
