/* SPDX-License-Identifier: MIT */
/* lua.h - shared by the files of this plugin.
 *
 * A Script is an instance of the module and lives on the main loop. It has a loop of its own with a thread, on which its runs live one
 * after the other: a Run is one life of the script, from its first line until it ends, is stopped or fails. A run has a Lua state and a
 * scope on the script's loop, which owns all that the script makes there; what it makes on the main loop (commands, sessions) is owned by
 * a scope of the Script. Neither side touches the memory of the other: both call each other by bp_loop_call.
 *
 * Lua code is called by run_enter only, so that no Lua error is ever unprotected. Callbacks are functions in coroutines (tasks), so that
 * they may wait.
 */
#pragma once
#include <lauxlib.h>
#include <lua.h>
#include <backplane/backplane.h>
#include <backplane/backoff.h>
#include <backplane/owner.h>
#include <backplane/scope.h>

typedef struct Script Script;
typedef struct Run Run;
typedef struct Task Task;
typedef struct Waiter Waiter;
typedef struct Alarm Alarm;
typedef struct PendingCall PendingCall;

typedef enum { RUN_GOES_ON, RUN_IDLE, RUN_EXIT, RUN_STOPPED, RUN_FAILED } RunEnd;

/* On the main loop, unless a member says otherwise. */
struct Script {
	BpInstance *self;
	BpLoop *loop;
	BpChannel *channel; /* script-NAME */
	Run *run;	    /* NULL: it does not run */
	BpScope *parts;	    /* owns what the run has made on the main loop; NULL: it does not run */
	gboolean goes_on;   /* when it has ended it is started again */
	BpBackoff *again;
	BpMetric *starts;
	GPtrArray *asked;      /* of PendingCall: commands that wait for it */
	PendingCall *closing;  /* goes on when the instance has closed; NULL: none */
	GHashTable *calls;     /* number -> CommandCall: calls of its own commands; lua-command.c */
	guint serial;	       /* of the latest run */
	int status;	       /* exit status of the last run */
	RunEnd ended;	       /* how the last run ended */
	gint64 changed;	       /* what its file was when it was read; lua-reload.c */
	gboolean checking;     /* whether that compiles */
	GHashTable *questions; /* on its own loop: set of Question; lua-resolve.c */
	Run *live;	       /* on its own loop: the run that lives there */
	guint operations;      /* on its own loop: of libsoup, also of runs that have ended; lua-session.c */

	GMutex lock;
	char *error;  /* lock: the last error, with its traceback; NULL: none */
	gsize memory; /* atomic: bytes in use */
	gint keeps;   /* atomic: things that keep the script running */
};

/* On the script's loop, unless a member says otherwise. */
struct Run {
	Script *script;
	BpInstance *self;
	guint serial;
	BpScope *scope;
	lua_State *L;
	BpChannel *channel;
	gint stop; /* atomic: another thread wants it to end */
	RunEnd end;
	int status;
	char *why; /* of RUN_FAILED */
	gboolean end_is_due, main_ended, closing, has_begun;
	gboolean interrupting; /* the hook has raised an error, which may not be caught yet */
	guint depth;	       /* of run_enter */
	gint64 deadline;       /* of this turn */
	gint64 turn, longest;  /* microseconds; longest 0: no limit of the whole run */
	BpTimer *last;	       /* when it has run for that long */
	gsize limit, refused;
	guint refusals;
	guint keeps;
	GHashTable *tasks, *waiters; /* sets */
	GSequence *alarms;
	BpTimer *timer; /* for the first of the alarms */
	guint64 next_alarm;
	GHashTable *callbacks; /* number -> Callback; lua-callback.c */
	GHashTable *ears;      /* name -> Ear; lua-listen.c */
	GHashTable *asks;      /* number -> Waiter; lua-ask.c */
	guint asked;
	char *origin;		/* of its messages: a GRefString */
	GHashTable *sockets;	/* number -> Socket; lua-tcp.c */
	GHashTable *datagrams;	/* number -> Datagram; lua-udp.c */
	GHashTable *outgoing;	/* number -> Outgoing; lua-udp.c */
	GHashTable *listeners;	/* number -> Listener; lua-listener.c */
	GHashTable *requests;	/* set of Request; lua-http.c */
	GHashTable *sessions;	/* trust -> SoupSession; lua-session.c */
	GHashTable *websockets; /* number -> Client; lua-websocket.c */
	GHashTable *servers;	/* number -> WebServer; lua-web.c */
	GHashTable *brokers;	/* number -> Client; lua-mqtt.c */
	gsize fetched;		/* bytes that the requests have received */
	gint64 next_id, next_socket, next_server, next_websocket, next_broker;
	guint watches, sent;
	gsize sent_bytes;
	gboolean unsafe, insecure;
	char **args, **path; /* read before the run begins */
	char *file;
};

/* --- lua-script.c: on the main loop --- */
gboolean script_start(Script *script, GError **error);
void script_stop(Script *script, gboolean goes_on);
/* Its main chunk has ended, or waits for something; with the Script. */
void script_run_begun(BpPlugin *self, gpointer script);
/* The run has ended; takes it. */
void script_run_ended(BpPlugin *self, gpointer run);
void script_close(Script *script);
/* NULL with an error. */
Script *script_named(const char *name, GError **error);
/* A copy of the last error; "" for none. Any thread. */
char *script_error(Script *script);
void script_set_error(Script *script, const char *error);

/* --- lua-run.c --- */
void run_begin(BpPlugin *self, gpointer run);
/* On the script's loop, with the Script: whether it must end. */
void run_look(BpPlugin *self, gpointer script);
/* After its loop has ended too. */
void run_free(Run *run);
static inline Run *run_of(lua_State *L)
{
	return *(Run **)lua_getextraspace(L);
}
/* Calls `func` with `data` as a light userdata, protected; an error of it is reported as that of `what`. FALSE: it was not called. */
gboolean run_enter(Run *run, const char *what, lua_CFunction func, gpointer data);
gboolean run_must_end(const Run *run);
/* The script ends after this turn. The first reason counts. */
void run_finish(Run *run, RunEnd end, int status, const char *why);
/* An error, with or without a traceback: on the script's channel and in `lua list`. */
void run_report(Run *run, const char *what, const char *error);
void run_keep(Run *run, int count);
/* A message handler: adds a traceback. */
int run_traceback(lua_State *L);

/* --- lua-limit.c --- */
void *limit_alloc(void *run, void *block, size_t before, size_t size);
void limit_begin(Run *run);
/* In long loops in C: raises the error of a turn that takes too long. */
void limit_check(lua_State *L);
/* Before something is sent to the main loop: waits while that has too much to do already. TRUE: it still has when the turn is over. */
gboolean limit_is_busy(Run *run, gsize size);
#define MESSAGE_LIMIT (1024 * 1024) /* of one message that a script sends */

/* --- lua-task.c --- */
typedef void (*TaskDone)(Run *run, lua_State *L, gboolean good, int first, gpointer data); /* results from `first` on */
/* Inside run_enter: calls the function below `count` arguments on top of L in a coroutine, and pops them. `done` may be NULL; it is called
 * once, or never if the run ends before. */
void task_start(Run *run, lua_State *L, int count, const char *what, TaskDone done, gpointer data);
void task_free(gpointer task);
struct Waiter {
	Run *run;
	lua_State *L;
	int ref, top;
	gboolean woken;
	Alarm *alarm;
	gpointer data;
	void (*cancel)(Waiter *waiter); /* before it is freed; may be NULL */
};
/* Raises an error where no coroutine runs. Then fill in, and return wait_yield. */
Waiter *wait_new(lua_State *L);
int wait_yield(Waiter *waiter);
/* Inside run_enter: the coroutine goes on; its function returns `count` values from the top of the run's main stack, which are popped. */
void wait_wake(Waiter *waiter, int count);
/* The same with nil and "timeout" after so many seconds; negative: never. */
void wait_limit(Waiter *waiter, double seconds);
void wait_free(gpointer waiter);

/* --- lua-timer.c --- */
typedef void (*AlarmFunc)(Run *run, gpointer data);
/* Raises an error if there are too many, as alarm_add does; wait_new has done it. */
void alarm_check(lua_State *L);
Alarm *alarm_add(lua_State *L, gint64 delay, AlarmFunc func, gpointer data);
void alarm_remove(Run *run, Alarm *alarm);
void timer_open(lua_State *L); /* globals and _PY, which is on top */

/* --- lua-callback.c: numbered functions, as the low-level functions take them --- */
gint64 callback_add(lua_State *L, int index, gboolean persistent, gboolean system);
void callback_remove(Run *run, gint64 id);
/* Inside run_enter: calls it as a task with `count` values from the top of L, and pops them. */
void callback_call(Run *run, lua_State *L, gint64 id, int count, const char *what);
/* Pushes the function; nil if there is none. */
void callback_push(lua_State *L, gint64 id);
void callback_open(lua_State *L);
void callback_free(gpointer callback);

/* --- the libraries --- */
void sandbox_open(lua_State *L);
int sandbox_load(lua_State *L, const char *path); /* pushes function, or nil and message; returns LUA_OK or not */
void guard_open(lua_State *L);			  /* the table of globals is on top */
void pattern_open(lua_State *L);		  /* find, match, gmatch, gsub of the table string, which is on top */
void json_open(lua_State *L);			  /* global json; _PY is on top */

/* --- the bus; each adds its functions to the table bp, which is on top --- */
void channel_open(lua_State *L);
void listen_open(lua_State *L);
void ask_open(lua_State *L);
void command_open(lua_State *L);
/* A metatable that scripts do not see; `methods` may be NULL. */
void class_make(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);
void message_open(lua_State *L);
/* Pushes an object for a message. */
void message_push(lua_State *L, BpMessage *message);
/* Pushes the object for a channel; raises an error if that is no name. */
BpChannel *channel_push(lua_State *L, const char *name);
/* The name of a channel: a string or a channel object. */
const char *channel_name_at(lua_State *L, int index);
void ear_free(gpointer ear);
/* The parts that are written in Lua themselves. */
void prelude_open(lua_State *L);

/* --- lua-ask.c: questions to the main loop --- */
typedef struct Ask Ask;
struct Ask {
	Script *script;
	guint serial, number;	/* of the run, of the question */
	void (*func)(Ask *ask); /* on the main loop; it, or something later, calls ask_answer */
	char *words[3];
	gpointer data;
	GDestroyNotify destroy; /* of data; may be NULL */
	gboolean good;
	char *text;
};
/* Takes `data`, and `func` uses the words at stack index 1 to `count`. Returns what the C function returns; the function in Lua gets a
 * boolean and a text. */
int ask_main(lua_State *L, int count, void (*func)(Ask *ask), gpointer data, GDestroyNotify destroy);
/* Once; takes the ask and the text. */
void ask_answer(Ask *ask, gboolean good, char *take_text);
/* The run that has asked still runs. */
gboolean ask_is_current(const Ask *ask);

/* --- lua-reply.c: results of low-level functions, which are always delivered later --- */
typedef struct {
	gint64 callback;
	gboolean good;
	const char *message; /* copied, as the other strings */
	const char *data;    /* NULL: none */
	gsize size;
	const char *id_name; /* static: "conn_id" */
	gint64 id, written;  /* written -1: none */
	const char *ip;
	guint port;
} Reply;
void reply_post(Run *run, const Reply *reply);
/* Pushes the message. The error is freed before Lua allocates anything. */
void error_push(lua_State *L, GError *take_error);
void reply_fail(Run *run, gint64 callback, const char *message);

/* --- the network; each adds its functions to the table _PY, which is on top --- */
void tcp_open(lua_State *L);
void listener_open(lua_State *L);
void udp_open(lua_State *L);
void py_open(lua_State *L);
void http_open(lua_State *L);
void websocket_open(lua_State *L);
void web_open(lua_State *L);
void mqtt_open(lua_State *L);
/* The run ends. */
void request_leave(gpointer request);
void websocket_leave(gpointer client);
void web_server_free(gpointer server);
void mqtt_leave(gpointer client);
/* The address without the port, within the text. */
const char *address_cut(char *text);
/* The loop of the script has stopped: waits until its operations have ended. */
void session_drain(Script *script);
/* On the script's loop, later; not if the run has ended. `addresses` or `error` is NULL. */
typedef void (*ResolveDone)(Run *run, GArray *addresses, const GError *error, gint64 id);
void resolve_start(Run *run, const char *host, guint port, ResolveDone done, gint64 id);
void question_free(gpointer question);
void outgoing_free(gpointer outgoing);
void socket_free(gpointer socket);
void listener_free(gpointer listener);
void datagram_free(gpointer datagram);
/* A connection that a server has accepted: its number; 0: there are too many, and it is closed. */
gint64 socket_adopt(Run *run, int take_fd);
