/* SPDX-License-Identifier: MIT */
/* run.h - runs and calls, to each other. */
#pragma once
#include "command/command.h"
#include "command/session.h"

typedef struct CommandRun CommandRun;

/* --- run.c --- */
BpSession *run_session(CommandRun *run);
void run_fail(CommandRun *run, const char *text); /* prints and counts the failure; the rest of the line is skipped */
void run_schedule(CommandRun *run);
/* The held call has ended, and the run continues. The caller needs a reference, since output may end the session and the run. */
void run_call_ended(CommandRun *run);
void run_unref(CommandRun *run);

/* --- call.c --- */
BpCall *call_new(CommandRun *run, const BpCommand *command, BpPlugin *owner, BpValues *take_values, const char *suffix,
		 gboolean json);
/* After `run` has returned: it was held and has not ended. */
gboolean call_waits(BpCall *call, gboolean good);
void call_end(BpCall *call, gboolean good, GError *take_error);
/* Asked to end; the second time it is not waited for any more. */
void call_interrupt(BpCall *call);
/* The session goes: asked to end, and its output goes nowhere. */
void call_abandon(BpCall *call);
