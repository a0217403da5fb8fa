/* SPDX-License-Identifier: MIT */
/* lua-timer.c - alarms of a run, in order of time and then of creation, on one timer; setTimeout, setInterval and their kin. */
#include "lua.h"

#define MOST_ALARMS 20000

struct Alarm {
	gint64 due;
	guint64 number;
	AlarmFunc func;
	gpointer data;
	GSequenceIter *place;
};

/* --- alarms --- */

static gint compare(gconstpointer a, gconstpointer b, gpointer data)
{
	const Alarm *one = a, *other = b;

	if (one->due != other->due)
		return one->due < other->due ? -1 : 1;
	return one->number < other->number ? -1 : one->number > other->number;
}

static void set_timer(Run *run);

static void on_timer(BpPlugin *self, gpointer data)
{
	Run *run = data;
	guint64 before = run->next_alarm; /* those that are made meanwhile wait for the next turn */
	gint64 now = bp_loop_now();

	while (!run->closing && !run_must_end(run)) {
		GSequenceIter *first = g_sequence_get_begin_iter(run->alarms);
		Alarm *alarm = g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);
		AlarmFunc func;
		gpointer user;

		if (!alarm || alarm->due > now || alarm->number >= before)
			break;
		func = alarm->func;
		user = alarm->data;
		alarm_remove(run, alarm);
		func(run, user);
	}
	if (!run->closing)
		set_timer(run);
}

static void set_timer(Run *run)
{
	GSequenceIter *first = g_sequence_get_begin_iter(run->alarms);
	const Alarm *alarm = g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);

	if (alarm)
		bp_timer_once(&run->timer, run->scope, MAX(alarm->due - bp_loop_now(), 1000), on_timer, run);
}

void alarm_check(lua_State *L)
{
	GSequence *alarms = run_of(L)->alarms;

	if (alarms && g_sequence_get_length(alarms) >= MOST_ALARMS)
		luaL_error(L, "there are %d timers already", MOST_ALARMS);
}

Alarm *alarm_add(lua_State *L, gint64 delay, AlarmFunc func, gpointer data)
{
	Run *run = run_of(L);
	Alarm *alarm;

	alarm_check(L);
	if (!run->alarms)
		run->alarms = g_sequence_new(g_free);
	alarm = g_new0(Alarm, 1);
	alarm->due = bp_loop_now() + MAX(delay, 0);
	alarm->number = run->next_alarm++;
	alarm->func = func;
	alarm->data = data;
	alarm->place = g_sequence_insert_sorted(run->alarms, alarm, compare, NULL);
	if (g_sequence_iter_is_begin(alarm->place))
		set_timer(run);
	return alarm;
}

void alarm_remove(Run *run, Alarm *alarm)
{
	if (run->alarms)
		g_sequence_remove(alarm->place);
}

/* --- timers of scripts; the data of an alarm is the number of a callback --- */

typedef struct {
	gint64 id, interval; /* interval: microseconds, 0: once */
	Alarm *alarm;
} Timer;

#define TIMERS "backplane timers" /* registry: two tables of light userdata, by number */

static Timer *timer_of(lua_State *L, const char *table, gint64 id)
{
	Timer *timer;

	luaL_getsubtable(L, LUA_REGISTRYINDEX, table);
	lua_rawgeti(L, -1, id);
	timer = lua_touserdata(L, -1);
	lua_pop(L, 2);
	return timer;
}

#define ONCE "backplane timeouts"
#define EVERY "backplane intervals"

/* The userdata ends with its entry. */
static void forget(lua_State *L, const char *table, gint64 id)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, table);
	lua_pushnil(L);
	lua_rawseti(L, -2, id);
	lua_pop(L, 1);
}

static void on_due(Run *run, gpointer data);

static void tick_done(Run *run, lua_State *L, gboolean good, int first, gpointer data)
{
	gint64 id = (gint64)(gintptr)data;
	Timer *timer = timer_of(L, EVERY, id);

	if (!timer)
		return;
	if (good) {
		timer->alarm = alarm_add(L, timer->interval, on_due, timer);
	} else {
		callback_remove(run, id);
		forget(L, EVERY, id);
	}
}

static int fire(lua_State *L)
{
	Timer *timer = lua_touserdata(L, 1);
	Run *run = run_of(L);
	gint64 id = timer->id;

	if (timer->interval) {
		callback_push(L, id);
		task_start(run, L, 0, "interval callback", tick_done, (gpointer)(gintptr)id);
		return 0;
	}
	forget(L, ONCE, id);
	callback_call(run, L, id, 0, "timer callback");
	return 0;
}

static void on_due(Run *run, gpointer data)
{
	((Timer *)data)->alarm = NULL;
	run_enter(run, "a timer", fire, data);
}

static gint64 add(lua_State *L, const char *table, gint64 id, gint64 delay, gint64 interval)
{
	Timer *timer;

	luaL_getsubtable(L, LUA_REGISTRYINDEX, table);
	timer = lua_newuserdatauv(L, sizeof(*timer), 0);
	timer->id = id;
	timer->interval = interval;
	timer->alarm = NULL;
	lua_rawseti(L, -2, id);
	lua_pop(L, 1);
	timer->alarm = alarm_add(L, delay, on_due, timer);
	return id;
}

static gint64 to_delay(lua_State *L, int index)
{
	double milliseconds = luaL_checknumber(L, index);

	return milliseconds > 0 ? (gint64)(MIN(milliseconds, 1e12) * 1000) : 0;
}

static int set_timeout(lua_State *L)
{
	gint64 delay = to_delay(L, 2);
	gboolean system = FALSE;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	if (lua_istable(L, 3)) {
		lua_getfield(L, 3, "system");
		system = lua_toboolean(L, -1);
	}
	lua_pushinteger(L, add(L, ONCE, callback_add(L, 1, FALSE, system), delay, 0));
	return 1;
}

static int set_interval(lua_State *L)
{
	gint64 delay = MAX(to_delay(L, 2), 1000), id;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	id = callback_add(L, 1, TRUE, FALSE);
	lua_pushinteger(L, add(L, EVERY, id, delay, delay));
	return 1;
}

static int clear(lua_State *L, const char *table)
{
	gint64 id = lua_tointeger(L, 1);
	Timer *timer = timer_of(L, table, id);

	if (!timer)
		return 0;
	if (timer->alarm)
		alarm_remove(run_of(L), timer->alarm);
	forget(L, table, id);
	callback_remove(run_of(L), id);
	return 0;
}

static int clear_timeout(lua_State *L)
{
	return clear(L, ONCE);
}

static int clear_interval(lua_State *L)
{
	return clear(L, EVERY);
}

/* _PY.set_timeout(callback, ms): a handle. */
static int low_set_timeout(lua_State *L)
{
	gint64 id = luaL_checkinteger(L, 1);

	lua_pushfstring(L, "timer_%I", (LUAI_UACINT)add(L, ONCE, id, to_delay(L, 2), 0));
	return 1;
}

static int low_clear_timeout(lua_State *L)
{
	const char *handle = lua_tostring(L, 1);

	lua_pushinteger(L, handle && g_str_has_prefix(handle, "timer_") ? g_ascii_strtoll(handle + 6, NULL, 10) : 0);
	lua_replace(L, 1);
	return clear(L, ONCE);
}

static int count_timers(lua_State *L)
{
	lua_pushinteger(L, run_of(L)->alarms ? g_sequence_get_length(run_of(L)->alarms) : 0);
	return 1;
}

void timer_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "setTimeout", set_timeout },
		{ "clearTimeout", clear_timeout },
		{ "setInterval", set_interval },
		{ "clearInterval", clear_interval },
		{ NULL, NULL },
	};
	static const luaL_Reg low[] = {
		{ "set_timeout", low_set_timeout },
		{ "clear_timeout", low_clear_timeout },
		{ "get_timer_count", count_timers },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
	luaL_setfuncs(L, low, 0);
	lua_pushglobaltable(L);
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
