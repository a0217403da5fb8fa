/* SPDX-License-Identifier: MIT */
/* turns.h - the watcher: a thread that reports code that blocks a loop, counts processor time per owner, and ends the program if it
 * does not end by itself.
 *
 * A loop publishes when its turn began and nothing else; whose code runs is in the frames of its thread (frame.h). The
 * watcher looks once a second, and just when a turn gets late: after 1 s there is a line, after 10 s a backtrace. SIGTERM
 * and SIGINT are the watcher's, so they are seen whatever the loop does.
 *
 * Processor time is sampled: a timer on the CPU clock of each loop's thread wakes the watcher for every 10 ms that the
 * thread has used (an idle loop never does), and what was used since the last sample is added to the owner whose code
 * runs. The sum is exact, the shares are those of a profiler. Reading a clock around each callback would cost 46 ns, more
 * than a send on a channel; this costs the loop nothing. Jobs are measured exactly.
 *
 * The length of the longest turn of the last minute is exact. Its owner is the one that was sampled, or, for a turn that
 * waited rather than computed, that of the command or outermost callback that took longest by a clock of 4 ms.
 */
#pragma once
#include <signal.h>
#include <time.h>
#include "bus/frame.h"

/* For an orderly end: "within 5 s". Under a sanitizer everything takes longer, the end most. */
#define TURNS_PATIENCE ((SANITIZED ? 300 : 49) * G_USEC_PER_SEC / 10)

/* Set by host and command. Called on the watcher's thread, except `again`; must neither block nor allocate. */
typedef struct {
	void (*late)(const char *text, gboolean is_main);
	void (*again)(const char *text, gboolean is_main); /* on the loop that was late */
	void (*trace)(pid_t thread);			   /* writes a backtrace, from yet another thread */
	void (*asked)(void);				   /* the first SIGTERM or SIGINT: end in order */
	void (*ending)(const char *text);		   /* just before _exit */
} TurnsHooks;

#define TURN_SPANS 6 /* of ten seconds */
typedef struct Turns Turns;
struct Turns {
	gint64 since; /* atomic: when the turn began; 0: the loop waits for something to do */
	gint64 told;  /* atomic: `since` of the turn that was reported last */
	struct {
		gint64 span, length;
		char text[FRAME_TEXT];
	} spans[TURN_SPANS]; /* frame_lock, as all that follows */
	Turns *next;
	const char *name;
	FrameStack *stack;
	pid_t thread;
	clockid_t clock;
	timer_t timer;
	gboolean timed;
	gint64 cpu;		      /* nanoseconds that have been counted */
	gint64 seen, traced, sampled; /* `since` of the last turn that was seen, traced, sampled */
	char text[FRAME_TEXT], sample[FRAME_TEXT];
};

/* SIGTERM and SIGINT are blocked in every thread already. */
gboolean turns_start(const TurnsHooks *hooks);
void turns_stop(void);
/* The end was requested without a signal: the same time limit. */
void turns_expect_end(void);
/* The kernel has ended. Output that is read slowly may still take its time, unless a signal requested the end. */
void turns_end_expected(void);

/* On the loop's own thread. */
void turns_add(Turns *turns, const char *name);
void turns_remove(Turns *turns);
void turns_record(Turns *turns, gint64 now); /* the turn is over */
static inline void turns_begin(Turns *turns, gint64 now)
{
	frame_stack.mark = now;
	frame_stack.worst = 0;
	__atomic_store_n(&turns->since, now, __ATOMIC_RELAXED);
}
static inline void turns_wait(Turns *turns)
{
	frame_stack.mark = 0;
	__atomic_store_n(&turns->since, 0, __ATOMIC_RELAXED);
}

/* Of the last minute, microseconds; `text` (FRAME_TEXT bytes) says whose, or is empty. */
gint64 turns_longest(Turns *turns, char *text);
