/* SPDX-License-Identifier: MIT */
/* lua-channel.c - channels and watches in Lua. */
#include "lua.h"
#include <string.h>

#define MOST_WATCHES 4096
#define CHANNEL "backplane channel"
#define WATCH "backplane watch"
#define CHANNELS "backplane channels" /* registry: name -> object, weak */

typedef struct {
	BpChannel *channel;
	gboolean held; /* by the scope; else a reference */
} ChannelObject;

typedef struct WatchEntry WatchEntry;
struct WatchEntry {
	Run *run;
	int ref; /* of the function */
	BpWatch *watch;
	WatchEntry **object; /* its userdata; NULL: collected */
	BpChannel *channel;  /* of one channel: it exists as long as it is watched; NULL: of a glob */
};

/* --- channels --- */

static ChannelObject *to_object(lua_State *L, int index)
{
	return luaL_checkudata(L, index, CHANNEL);
}

static int free_channel(lua_State *L)
{
	ChannelObject *object = to_object(L, 1);
	Run *run = run_of(L);

	if (!object->held)
		bp_channel_unref(object->channel);
	else if (!run->closing)
		bp_channel_release(run->scope, object->channel);
	return 0;
}

/* Pushes the object that there is, or a new one without a channel; TRUE: it is new. */
static gboolean push_object(lua_State *L, const char *name)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, CHANNELS);
	if (lua_getfield(L, -1, name) != LUA_TNIL) {
		lua_remove(L, -2);
		return FALSE;
	}
	lua_pop(L, 1);
	memset(lua_newuserdatauv(L, sizeof(ChannelObject), 0), 0, sizeof(ChannelObject));
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, name);
	lua_remove(L, -2);
	return TRUE;
}

BpChannel *channel_push(lua_State *L, const char *name)
{
	g_autoptr(GError) error = NULL;
	ChannelObject *object;

	if (!bp_channel_check_name(name, &error)) {
		lua_pushstring(L, error->message);
		g_clear_error(&error);
		lua_error(L);
	}
	if (push_object(L, name)) {
		object = lua_touserdata(L, -1);
		object->channel = bp_channel(run_of(L)->scope, name);
		object->held = TRUE;
		luaL_setmetatable(L, CHANNEL);
	}
	return to_object(L, -1)->channel;
}

static void push_existing(lua_State *L, BpChannel *channel)
{
	if (!push_object(L, bp_channel_name(channel)))
		return;
	((ChannelObject *)lua_touserdata(L, -1))->channel = bp_channel_ref(channel);
	luaL_setmetatable(L, CHANNEL);
}

const char *channel_name_at(lua_State *L, int index)
{
	const ChannelObject *object = luaL_testudata(L, index, CHANNEL);

	return object ? bp_channel_name(object->channel) : luaL_checkstring(L, index);
}

static int get_channel(lua_State *L)
{
	channel_push(L, luaL_checkstring(L, 1));
	return 1;
}

static int channel_send_as(lua_State *L, BpMessageFlags flags)
{
	BpChannel *channel = to_object(L, 1)->channel;
	Run *run = run_of(L);
	BpMessage *message;
	size_t size;
	const char *data = luaL_tolstring(L, 2, &size);

	luaL_argcheck(L, size <= MESSAGE_LIMIT, 2, "a message has at most 1 MiB");
	if (limit_is_busy(run, size))
		luaL_error(L, "send: the host has too much to do");
	message = bp_message_new(data, size, flags);
	bp_message_set_origin(message, run->origin);
	bp_channel_send_take(channel, message);
	return 0;
}

static int channel_send(lua_State *L)
{
	return channel_send_as(L, BP_BINARY);
}

static int channel_print(lua_State *L)
{
	return channel_send_as(L, BP_TEXT);
}

static int channel_name(lua_State *L)
{
	lua_pushstring(L, bp_channel_name(to_object(L, 1)->channel));
	return 1;
}

static int channel_stats(lua_State *L)
{
	BpChannelStats stats = bp_channel_stats(to_object(L, 1)->channel);

	lua_createtable(L, 0, 5);
	lua_pushinteger(L, (lua_Integer)stats.messages);
	lua_setfield(L, -2, "messages");
	lua_pushinteger(L, (lua_Integer)stats.bytes);
	lua_setfield(L, -2, "bytes");
	lua_pushinteger(L, (lua_Integer)stats.drops);
	lua_setfield(L, -2, "drops");
	lua_pushinteger(L, stats.watchers);
	lua_setfield(L, -2, "watchers");
	lua_pushnumber(L, stats.rate);
	lua_setfield(L, -2, "rate");
	return 1;
}

/* Of the table at 2: a string that stays there, or `fallback`. */
static const char *text_option(lua_State *L, const char *key, const char *fallback)
{
	const char *text = fallback;

	if (lua_getfield(L, 2, key) != LUA_TNIL)
		text = lua_isboolean(L, -1) && !lua_toboolean(L, -1) ? NULL : lua_tostring(L, -1);
	luaL_argcheck(L, !text || lua_type(L, -1) == LUA_TSTRING || lua_isnil(L, -1), 2, key);
	lua_pop(L, 1);
	return text;
}

static gboolean flag_option(lua_State *L, const char *key, gboolean fallback)
{
	gboolean flag = lua_getfield(L, 2, key) == LUA_TNIL ? fallback : lua_toboolean(L, -1);

	lua_pop(L, 1);
	return flag;
}

static guint number_option(lua_State *L, const char *key, guint fallback)
{
	lua_Integer number = lua_getfield(L, 2, key) == LUA_TNIL ? fallback : luaL_checkinteger(L, -1);

	lua_pop(L, 1);
	luaL_argcheck(L, number >= 0 && number <= 65536, 2, key);
	return (guint)number;
}

/* channel:options{ replay = 10 } changes what is given. */
static int channel_options(lua_State *L)
{
	BpChannel *channel = to_object(L, 1)->channel;
	BpChannelOptions before, fresh;

	luaL_checktype(L, 2, LUA_TTABLE);
	/* No error may be raised while `before` has its copies: so all is checked first. */
	text_option(L, "greet", NULL);
	text_option(L, "line_end", NULL);
	fresh.replay = number_option(L, "replay", 0);
	fresh.indent = number_option(L, "indent", 0);
	before = bp_channel_options(channel);
	fresh = before;
	fresh.greet = text_option(L, "greet", before.greet);
	fresh.line_end = text_option(L, "line_end", before.line_end);
	fresh.replay = number_option(L, "replay", before.replay);
	fresh.indent = number_option(L, "indent", before.indent);
	fresh.timestamp = flag_option(L, "timestamp", before.timestamp);
	fresh.pure = flag_option(L, "pure", before.pure);
	fresh.log = flag_option(L, "log", before.log);
	bp_channel_set_options(channel, &fresh);
	bp_channel_options_clear(&before);
	lua_settop(L, 1);
	return 1;
}

/* --- watches --- */

typedef struct {
	WatchEntry *entry;
	BpChannel *channel;
	BpMessage *message;
} Delivery;

static int deliver(lua_State *L)
{
	const Delivery *delivery = lua_touserdata(L, 1);

	lua_rawgeti(L, LUA_REGISTRYINDEX, delivery->entry->ref);
	message_push(L, delivery->message);
	push_existing(L, delivery->channel);
	task_start(run_of(L), L, 2, "watch callback", NULL, NULL);
	return 0;
}

static void on_message(BpPlugin *self, BpChannel *channel, BpMessage *message, gpointer data)
{
	Delivery delivery = { data, channel, message };

	run_enter(delivery.entry->run, "a watch", deliver, &delivery);
}

static void on_exact(BpPlugin *self, BpMessage *message, gpointer data)
{
	on_message(self, ((WatchEntry *)data)->channel, message, data);
}

static void watch_free(gpointer data)
{
	WatchEntry *entry = data;
	Run *run = entry->run;

	if (entry->object)
		*entry->object = NULL;
	if (!run->closing) {
		luaL_unref(run->L, LUA_REGISTRYINDEX, entry->ref);
		run_keep(run, -1);
	}
	run->watches--;
	g_free(entry);
}

static int watch_remove(lua_State *L)
{
	WatchEntry **object = luaL_checkudata(L, 1, WATCH), *entry = *object;

	*object = NULL;
	if (entry) {
		entry->object = NULL;
		bp_watch_remove(entry->watch);
	}
	return 0;
}

static int watch_collected(lua_State *L)
{
	WatchEntry **object = luaL_checkudata(L, 1, WATCH);

	if (*object)
		(*object)->object = NULL;
	return 0;
}

/* bp.watch(glob, function(message, channel)) */
static int add_watch(lua_State *L)
{
	const char *glob = channel_name_at(L, 1);
	Run *run = run_of(L);
	BpChannel *channel;
	WatchEntry **object, *entry;
	int ref;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	channel = strpbrk(glob, "*?") ? NULL : channel_push(L, glob);
	if (run->watches >= MOST_WATCHES)
		luaL_error(L, "there are %d watches already", MOST_WATCHES);
	object = lua_newuserdatauv(L, sizeof(*object), 0);
	*object = NULL;
	luaL_setmetatable(L, WATCH);
	lua_pushvalue(L, 2);
	ref = luaL_ref(L, LUA_REGISTRYINDEX);
	entry = g_new0(WatchEntry, 1);
	*entry = (WatchEntry){ run, ref, NULL, object, channel };
	run->watches++;
	run_keep(run, 1);
	*object = entry;
	if (channel)
		entry->watch = bp_channel_watch(run->scope, channel, on_exact, entry, watch_free);
	else
		entry->watch = bp_channel_watch_glob(run->scope, glob, on_message, entry, watch_free);
	return 1;
}

/* --- the library --- */

void channel_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "channel", get_channel }, { "watch", add_watch }, { NULL, NULL } };
	static const luaL_Reg channel_methods[] = {
		{ "name", channel_name }, { "options", channel_options }, { "print", channel_print },
		{ "send", channel_send }, { "stats", channel_stats },	  { NULL, NULL },
	};
	static const luaL_Reg channel_meta[] = { { "__gc", free_channel },
						 { "__tostring", channel_name },
						 { NULL, NULL } };
	static const luaL_Reg watch_methods[] = { { "remove", watch_remove }, { NULL, NULL } };
	static const luaL_Reg watch_meta[] = { { "__gc", watch_collected }, { NULL, NULL } };

	class_make(L, CHANNEL, channel_methods, channel_meta);
	message_open(L);
	class_make(L, WATCH, watch_methods, watch_meta);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, CHANNELS);
	lua_newtable(L);
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
	luaL_setfuncs(L, functions, 0);
}
