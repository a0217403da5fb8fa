/* SPDX-License-Identifier: MIT */
/* lua-reply.c - results of low-level functions: a table for the callback, at the end of the turn. */
#include "lua.h"
#include <string.h>

typedef struct {
	Run *run;
	Reply reply;
} Posted;

static void set_text(lua_State *L, const char *key, const char *text)
{
	if (!text)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, gint64 number)
{
	lua_pushinteger(L, number);
	lua_setfield(L, -2, key);
}

/* What went wrong is both `message` and `error`: some functions of the original have one, some the other. */
static int deliver(lua_State *L)
{
	const Reply *reply = lua_touserdata(L, 1);

	lua_newtable(L);
	lua_pushboolean(L, reply->good);
	lua_setfield(L, -2, "success");
	set_text(L, "message", reply->message);
	if (!reply->good)
		set_text(L, "error", reply->message);
	if (reply->data) {
		lua_pushlstring(L, reply->data, reply->size);
		lua_setfield(L, -2, "data");
	}
	if (reply->id_name && reply->id)
		set_number(L, reply->id_name, reply->id);
	if (reply->written >= 0)
		set_number(L, "bytes_written", reply->written);
	if (reply->ip) {
		set_text(L, "ip", reply->ip);
		set_text(L, "client_ip", reply->ip);
		set_number(L, "port", reply->port);
		set_number(L, "client_port", reply->port);
	}
	callback_call(run_of(L), L, reply->callback, 1, "network callback");
	return 0;
}

static void on_turn_end(BpPlugin *self, gpointer data)
{
	Posted *posted = data;

	run_enter(posted->run, "a network callback", deliver, &posted->reply);
}

static void posted_free(gpointer data)
{
	Posted *posted = data;

	g_free((char *)posted->reply.message);
	g_free((char *)posted->reply.data);
	g_free((char *)posted->reply.ip);
	g_free(posted);
}

void reply_post(Run *run, const Reply *reply)
{
	Posted *posted;

	if (run->closing || reply->callback <= 0)
		return;
	posted = g_new0(Posted, 1);
	posted->run = run;
	posted->reply = *reply;
	posted->reply.message = g_strdup(reply->message);
	posted->reply.ip = g_strdup(reply->ip);
	if (reply->data) {
		posted->reply.data = g_malloc(reply->size + 1);
		memcpy((char *)posted->reply.data, reply->data, reply->size);
	}
	bp_defer(run->scope, on_turn_end, posted, posted_free);
}

void reply_fail(Run *run, gint64 callback, const char *message)
{
	reply_post(run, &(Reply){ .callback = callback, .message = message, .written = -1 });
}

void error_push(lua_State *L, GError *take_error)
{
	char text[512];

	g_strlcpy(text, take_error->message, sizeof(text));
	g_error_free(take_error);
	lua_pushstring(L, text);
}
