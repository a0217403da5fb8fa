/* SPDX-License-Identifier: MIT */
/* lua-call.h - calls of commands whose functions are in Lua: between lua-command.c and lua-call.c. */
#pragma once
#include "lua-main.h"

/* On the main loop. */
typedef struct {
	Script *script;
	guint number;
	BpCall *call;
} CommandCall;

/* What the script's loop gets. */
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

/* On the script's loop; `data` is a CallRequest. */
void call_start(BpPlugin *self, gpointer data);
/* bp._say(number, what, text, style) */
int call_say(lua_State *L);
