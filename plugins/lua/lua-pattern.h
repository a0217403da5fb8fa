/* SPDX-License-Identifier: MIT */
/* lua-pattern.h - a matcher of Lua's patterns, which the turn's limit of time interrupts. */
#pragma once
#include "lua.h"

#define MOST_CAPTURES 32
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

/* The texts must stay as long as the matcher is used. */
void pattern_init(Matcher *m, lua_State *L, const char *text, size_t size, const char *pattern, size_t pattern_size);
/* Returns the end of a match that begins at `s`, or NULL; raises errors. */
const char *pattern_match(Matcher *m, const char *s, const char *pattern);
