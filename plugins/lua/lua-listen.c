/* SPDX-License-Identifier: MIT */
/* lua-listen.c - bp.receive: messages in order, for scripts that send, wait for an answer, and go on; bp.sleep.
 *
 * From the first bp.listen or bp.receive of a channel its messages are kept, the latest MOST of them, until they are received.
 */
#include "lua.h"

#define MOST 1000
#define MOST_BYTES (4 * 1024 * 1024)

typedef struct {
	Run *run;
	char *name;
	BpWatch *watch;
	GQueue messages;
	gsize bytes;
	guint64 lost;
	Waiter *waiter; /* NULL: nobody waits */
} Ear;

void ear_free(gpointer data)
{
	Ear *ear = data;

	/* At the end of a run the watch has gone with the scope. */
	if (!ear->run->closing)
		bp_watch_remove(ear->watch);
	g_queue_clear_full(&ear->messages, (GDestroyNotify)bp_message_unref);
	g_free(ear->name);
	g_free(ear);
}

static BpMessage *take(Ear *ear)
{
	BpMessage *message = g_queue_pop_head(&ear->messages);

	if (message)
		ear->bytes -= bp_message_size(message);
	return message;
}

typedef struct {
	Waiter *waiter;
	BpMessage *message;
} Hearing;

static int hear(lua_State *L)
{
	const Hearing *hearing = lua_touserdata(L, 1);

	message_push(L, hearing->message);
	wait_wake(hearing->waiter, 1);
	return 0;
}

static void on_message(BpPlugin *self, BpMessage *message, gpointer data)
{
	Ear *ear = data;

	if (ear->waiter) {
		Hearing hearing = { ear->waiter, message };

		ear->waiter->data = NULL;
		ear->waiter = NULL;
		run_enter(ear->run, "receive", hear, &hearing);
		return;
	}
	g_queue_push_tail(&ear->messages, bp_message_ref(message));
	ear->bytes += bp_message_size(message);
	while (ear->messages.length > MOST || (ear->bytes > MOST_BYTES && ear->messages.length > 1)) {
		bp_message_unref(take(ear));
		ear->lost++;
	}
}

static Ear *ear_at(lua_State *L, int index)
{
	Run *run = run_of(L);
	const char *name = channel_name_at(L, index);
	Ear *ear = g_hash_table_lookup(run->ears, name);
	BpChannel *channel;

	if (ear)
		return ear;
	if (g_hash_table_size(run->ears) >= MOST)
		luaL_error(L, "%d channels are listened to already", MOST);
	channel = channel_push(L, name);
	ear = g_new0(Ear, 1);
	ear->run = run;
	ear->name = g_strdup(name);
	g_hash_table_insert(run->ears, ear->name, ear);
	ear->watch = bp_channel_watch(run->scope, channel, on_message, ear, NULL);
	lua_pop(L, 1);
	return ear;
}

static void forget(Waiter *waiter)
{
	Ear *ear = waiter->data;

	if (ear)
		ear->waiter = NULL;
}

/* bp.receive(channel, seconds): a message; or nil, "timeout" */
static int receive(lua_State *L)
{
	double seconds = luaL_optnumber(L, 2, -1);
	Ear *ear = ear_at(L, 1);
	BpMessage *message = take(ear);
	Waiter *waiter;

	if (message) {
		message_push(L, message);
		bp_message_unref(message);
		return 1;
	}
	if (ear->waiter)
		luaL_error(L, "another coroutine waits for %s already", ear->name);
	waiter = wait_new(L);
	wait_limit(waiter, seconds);
	waiter->data = ear;
	waiter->cancel = forget;
	ear->waiter = waiter;
	return wait_yield(waiter);
}

static int start_listening(lua_State *L)
{
	ear_at(L, 1);
	return 0;
}

/* bp.deaf(channel): what is kept is dropped, and nothing more is kept. */
static int stop_listening(lua_State *L)
{
	Run *run = run_of(L);
	const Ear *ear = g_hash_table_lookup(run->ears, channel_name_at(L, 1));

	if (ear && ear->waiter)
		luaL_error(L, "a coroutine waits for %s", ear->name);
	if (ear)
		g_hash_table_remove(run->ears, ear->name);
	return 0;
}

/* bp.sleep(seconds) */

static int wake(lua_State *L)
{
	wait_wake(lua_touserdata(L, 1), 0);
	return 0;
}

static void on_slept(Run *run, gpointer data)
{
	((Waiter *)data)->alarm = NULL;
	run_enter(run, "sleep", wake, data);
}

static int sleep_for(lua_State *L)
{
	double seconds = luaL_checknumber(L, 1);
	Waiter *waiter = wait_new(L);

	waiter->alarm = alarm_add(L, seconds > 0 ? (gint64)(MIN(seconds, 1e9) * G_USEC_PER_SEC) : 0, on_slept, waiter);
	return wait_yield(waiter);
}

static int get_time(lua_State *L)
{
	lua_pushnumber(L, (double)g_get_monotonic_time() / G_USEC_PER_SEC);
	return 1;
}

static int write_log(lua_State *L)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug", NULL };
	int level = lua_gettop(L) > 1 ? luaL_checkoption(L, 1, NULL, names) : 3;

	bp_log(run_of(L)->self, (BpLogLevel)(BP_LOG_ERROR + level), "%s", luaL_tolstring(L, lua_gettop(L), NULL));
	return 0;
}

void listen_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "deaf", stop_listening }, { "listen", start_listening }, { "log", write_log }, { "receive", receive },
		{ "sleep", sleep_for },	    { "time", get_time },	   { NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
	lua_pushstring(L, bp_plugin_name(run_of(L)->self));
	lua_setfield(L, -2, "name");
}
