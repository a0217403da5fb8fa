/* SPDX-License-Identifier: MIT */
/* session.h - what the files of this room know of a session.
 *
 * session.c: its life, who it is; input.c: what it types; output.c: what it is shown; run.c: its commands.
 * A session is kept by its owner (one reference, given up when it ends), by calls in progress, and by each
 * function that calls out. After `ended` nothing is shown any more and nothing of the link is called.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/input.h>
#include "bus/owner.h"

/* Beside the message's public flags: of our own output, not somebody's who sends on session/N/send. */
#define SESSION_OWN (1 << 8)

struct BpSession {
	BpOwned owned;
	gint refs;
	guint id;
	const BpHandler *handler;
	BpPlugin *handler_plugin;
	BpPlugin *scope; /* of the handler; NULL: nothing waits */
	gpointer memory; /* the handler's */
	const BpSessionLink *link;
	gpointer link_data;
	char *peer; /* GRefString: the origin of what it sends */
	char *local, *query, *path, *agent, *type, *prompt;
	BpRole role;
	BpMode mode;
	guint columns, rows;
	gint64 started, last_input;
	BpChannel *recv, *send;
	BpWatch *shown; /* of `send`; NULL: it has gone */

	const BpInputClass *input; /* NULL: none, or it has ended */
	gpointer typing;	   /* its memory */
	BpCall *taker;		   /* gets what is typed instead; call.c */

	GQueue typed;		    /* CommandRun: what was typed, one after the other; the first is under way */
	GQueue runs;		    /* CommandRun: all, those of timers, aliases and scripts too, side by side */
	struct CommandRun *current; /* whose command's code is on the stack */
	gsize waiting;		    /* bytes of what is in `typed` */
	guint failed;		    /* commands, in all */

	GQueue held;		     /* BpMessage: output that the link has no room for */
	gsize held_size, held_other; /* bytes: of commands that were printing; of others */

	guint terminal : 1;
	guint quiet : 1;
	guint no_prompt : 1;
	guint echo_off : 1;
	guint writable : 1;
	guint direct : 1;   /* output goes past session/N/send: see session_on_send */
	guint progress : 1; /* a progress line stands */
	guint copying : 1;  /* what is shown was sent on another channel: BP_COPY */
	guint at_end : 1;   /* the peer sends no more */
	guint after_cr : 1;
	guint opened : 1; /* the handler has agreed */
	guint begun : 1;  /* channel "sessions" was told */
	guint ending : 1;
	guint ended : 1;
};

void sessions_end_of(BpPlugin *plugin); /* sessions whose handler is of that plugin */
/* Around calls of the handler: FALSE when it must not be called. */
gboolean session_enter(BpSession *session);
void session_leave(BpSession *session);

/* --- output.c --- */
/* To session/N/send, and so to the user. */
void session_show(BpSession *session, gconstpointer data, gsize size, gboolean text);
/* A whole line or more, made safe; styled where the terminal can. */
void session_say(BpSession *session, BpStyle style, const char *text);
void session_progress(BpSession *session, const char *text);
void output_release(BpSession *session); /* the link has room again, or the session ends */
void session_on_send(BpPlugin *self, BpMessage *message, gpointer session);

/* --- input.c --- */
void input_resume(BpSession *session); /* commands have ended: prompt, what was typed ahead, or the end */
void input_set_taker(BpSession *session, BpCall *call); /* NULL: nobody */

/* --- call.c --- */
/* What was typed, to the call that has taken it. */
gsize call_input(BpSession *session, gconstpointer data, gsize size);

/* --- run.c --- */
/* A line that the user typed: after those typed before. */
void session_type(BpSession *session, const char *line, gsize size);
void run_cancel_all(BpSession *session); /* the session ends */
void run_interrupt(BpSession *session);
void run_continue(BpSession *session);
/* Held calls of this plugin's commands are asked to end. */
void calls_cancel_of(BpPlugin *plugin);
