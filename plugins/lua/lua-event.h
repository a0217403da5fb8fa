/* SPDX-License-Identifier: MIT */
/* lua-event.h - events of the network for numbered callbacks, as tables; their strings are any bytes. */
#pragma once
#include <backplane/json.h>
#include "lua.h"

/* Calls it at the end of the turn, and then removes it if that was the `last`. */
void event_post(Run *run, gint64 callback, gboolean last, json_t *take_table);
/* {success = true}, or {success = false, error = ...} */
void event_result(Run *run, gint64 callback, const char *error);
json_t *event_text(const char *text);
/* UTF-8; NULs are permitted. */
gboolean event_is_text(const char *data, gsize size);

/* --- lua-json.c --- */
void json_push(lua_State *L, json_t *value);
