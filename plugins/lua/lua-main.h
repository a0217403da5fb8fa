/* SPDX-License-Identifier: MIT */
/* lua-main.h - the files that work on the main loop: lua.c, lua-script.c, lua-commands.c and those that answer scripts. */
#pragma once
#include "lua.h"

/* A command that waits for a script, or until one has closed. */
struct PendingCall {
	Script *script; /* NULL: it has closed, or is not open yet */
	BpCall *call;	/* NULL: it was interrupted */
	guint number;
	gboolean closes; /* it waits for the end of the run, and then closes the instance */
	gboolean begins; /* it waits until the script has begun */
	GError *error;	 /* for the call when the instance has closed */
	char *name;	 /* opens this script when the instance has closed; NULL: none */
	BpValues *values;
};

gboolean script_open(BpInstance *self, GError **error);
/* Holds the call until pending_end. */
PendingCall *pending_new(BpCall *call);
void pending_end(PendingCall *pending, GError *take_error);
/* It is ended when the run ends, or earlier by pending_end. */
void script_ask(Script *script, PendingCall *pending);
/* The script has begun, or takes its time: ends the calls that wait for that. */
void pending_has_begun(PendingCall *pending);
/* NULL: it has been ended already. */
PendingCall *script_pending(Script *script, guint number);
/* Closes the instance, and goes on with `pending` when its name is free. */
void script_close_for(Script *script, PendingCall *pending);
/* Opens the script of `pending`. */
void script_open_for(PendingCall *pending);

/* Now, whether it runs or not. */
gboolean script_restart(Script *script, GError **error);
/* "runs", "pauses" (it is started again soon), "failed", "stopped", "finished" */
const char *script_state(const Script *script);

/* --- lua-resource.c --- */
gboolean script_resources_add(BpPlugin *self, GError **error);

/* --- lua-reload.c --- */
void script_watch_file(Script *script);

/* --- lua-eval.c --- */
gboolean eval_start(Script *script, BpCall *call, const char *code, GError **error);

/* FALSE: it does not run. Else console_result is called later. */
gboolean eval_for_session(Script *script, BpSession *session, const char *code);

/* --- lua-console.c --- */
extern const BpHandler lua_handlers[];
void console_result(guint session, const char *text, gboolean failed, const char *globals);

/* --- lua-command.c --- */
void command_call_free(gpointer call);

extern const BpCommand lua_commands[];
