/* SPDX-License-Identifier: MIT */
/* turns.c - the thread that watches the turns of all loops, and the counts that it keeps. */
#include "loop/turns.h"
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>
#include "bus/owner.h"

#define LATE G_USEC_PER_SEC
#define VERY_LATE (10 * G_USEC_PER_SEC)
#define SPAN (10 * G_USEC_PER_SEC)
#define SAMPLE 10000000			/* nanoseconds */
#define TWICE (3 * G_USEC_PER_SEC / 10) /* a second signal sooner than this is the same request, sent twice */
#define TICK (SIGRTMAX - 1)
#define LINE 1024
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static Turns *list; /* frame_lock; the main loop's is the last */
static const TurnsHooks *hooks;
static pthread_t watcher;
static pid_t watcher_id;
static gint quit; /* atomic */
static sem_t ready;
static struct {
	gint64 at;	  /* atomic: the program must have ended by then; 0: it need not end */
	gint64 signal_at; /* atomic; 0: no signal has asked */
	int number;
} ending;

static void append_seconds(char *text, gint64 length)
{
	frame_append_number(text, LINE, (guint64)(length / G_USEC_PER_SEC), 10);
	frame_append(text, LINE, ".");
	frame_append_number(text, LINE, (guint64)(length % G_USEC_PER_SEC / 100000), 10);
	frame_append(text, LINE, " s ");
}

/* "the loop has been busy for 1.0 s in plugin echo, timer"; a loop that is not the main one is named. */
static void describe(const Turns *turns, const char *verb, gint64 length, const char *what, char *text)
{
	frame_append(text, LINE, turns->next ? "the loop " : "the loop");
	frame_append(text, LINE, turns->next ? turns->name : "");
	frame_append(text, LINE, verb);
	if (length) {
		append_seconds(text, length);
		frame_append(text, LINE, "in ");
	}
	frame_append(text, LINE, what);
}

/* --- the end --- */

static G_GNUC_NORETURN void end_now(const char *why, int status)
{
	char text[LINE] = "the program is ended: ", what[FRAME_TEXT];

	frame_append(text, LINE, why);
	g_mutex_lock(&frame_lock);
	for (const Turns *turns = list; turns; turns = turns->next) {
		if (turns->next && !__atomic_load_n(&turns->since, __ATOMIC_RELAXED))
			continue;
		frame_describe(turns->stack, what, sizeof(what));
		frame_append(text, LINE, "; ");
		describe(turns, " is in ", 0, what, text);
	}
	g_mutex_unlock(&frame_lock);
	hooks->ending(text);
	_exit(status);
}

void turns_expect_end(void)
{
	gint64 none = 0;

	__atomic_compare_exchange_n(&ending.at, &none, g_get_monotonic_time() + TURNS_PATIENCE, FALSE, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

void turns_end_expected(void)
{
	__atomic_store_n(&ending.at, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ending.signal_at, __ATOMIC_SEQ_CST))
		turns_expect_end();
}

/* `late`: how long it should have ended. */
static void on_deadline(gint64 late)
{
	char why[LINE] = "";

	append_seconds(why, TURNS_PATIENCE + late);
	frame_append(why, LINE,
		     !ending.signal_at		? "after it was told to end"
		     : ending.number == SIGTERM ? "after SIGTERM"
						: "after SIGINT");
	end_now(why, ending.signal_at ? 128 + ending.number : 1);
}

static void on_signal(int number)
{
	gint64 now = g_get_monotonic_time();

	if (ending.signal_at && now - ending.signal_at >= TWICE)
		end_now("a second signal came", 128 + number);
	if (ending.signal_at)
		return;
	ending.number = number;
	__atomic_store_n(&ending.signal_at, now, __ATOMIC_SEQ_CST);
	turns_expect_end();
	hooks->asked();
}

/* --- looking --- */

/* Gives when to look again: at once if there may be more to tell. Nothing is written under the lock, for which loops
 * may wait. */
static gint64 look(gint64 now)
{
	gint64 next = now + LATE, end = __atomic_load_n(&ending.at, __ATOMIC_SEQ_CST);
	gboolean is_main = FALSE;
	char text[LINE] = "";
	pid_t trace = 0;

	if (end && now >= end)
		on_deadline(now - end);
	g_mutex_lock(&frame_lock);
	for (Turns *turns = list; turns && !*text && !trace; turns = turns->next) {
		gint64 since = __atomic_load_n(&turns->since, __ATOMIC_RELAXED), age = now - since;

		if (!since)
			continue;
		if (age >= LATE && turns->seen != since) {
			turns->seen = since;
			frame_describe(turns->stack, turns->text, sizeof(turns->text));
			describe(turns, " has been busy for ", age, turns->text, text);
			is_main = !turns->next;
			__atomic_store_n(&turns->told, since, __ATOMIC_RELEASE);
		} else if (age >= VERY_LATE && turns->traced != since) {
			turns->traced = since;
			trace = turns->thread;
		} else if (age < VERY_LATE) {
			next = MIN(next, since + (age < LATE ? LATE : VERY_LATE));
		}
	}
	g_mutex_unlock(&frame_lock);
	if (*text)
		hooks->late(text, is_main);
	if (trace)
		hooks->trace(trace);
	if (*text || trace)
		return now;
	return end ? MIN(next, end) : next;
}

static void count_cpu(const Turns *which)
{
	struct timespec used;
	Turns *turns;

	g_mutex_lock(&frame_lock);
	for (turns = list; turns && turns != which; turns = turns->next)
		;
	if (turns && !clock_gettime(turns->clock, &used)) {
		gint64 now = (gint64)used.tv_sec * 1000000000 + used.tv_nsec;
		BpPlugin *owner = frame_describe(turns->stack, turns->sample, sizeof(turns->sample));

		owner = owner ? owner : bus_kernel;
		if (owner)
			owner_add_cpu(owner, (guint64)(now - turns->cpu));
		turns->cpu = now;
		turns->sampled = __atomic_load_n(&turns->since, __ATOMIC_RELAXED);
	}
	g_mutex_unlock(&frame_lock);
}

/* --- the thread --- */

static void *watch(void *signals)
{
	pthread_setname_np(pthread_self(), "turns");
	watcher_id = gettid();
	sem_post(&ready);
	while (!g_atomic_int_get(&quit)) {
		gint64 now = g_get_monotonic_time(), left = MAX(look(now) - now, 0);
		struct timespec patience = { left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000 };
		siginfo_t info;
		int number = sigtimedwait(signals, &info, &patience);

		if (number == TICK && info.si_code == SI_TIMER)
			count_cpu(info.si_value.sival_ptr);
		else if (number == SIGTERM || number == SIGINT)
			on_signal(number);
	}
	return NULL;
}

gboolean turns_start(const TurnsHooks *take)
{
	static sigset_t awaited;
	sigset_t others, before;
	gboolean good;

	hooks = take;
	g_atomic_int_set(&quit, FALSE);
	sem_init(&ready, 0, 0);
	sigemptyset(&awaited);
	sigfillset(&others);
	for (const int *number = (const int[]){ TICK, SIGTERM, SIGINT, 0 }; *number; number++)
		sigaddset(&awaited, *number);
	for (const int *number = (const int[]){ SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, 0 }; *number; number++)
		sigdelset(&others, *number);
	pthread_sigmask(SIG_SETMASK, &others, &before); /* the new thread's */
	good = !pthread_create(&watcher, NULL, watch, &awaited);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (good)
		sem_wait(&ready);
	return good;
}

void turns_stop(void)
{
	g_atomic_int_set(&quit, TRUE);
	pthread_kill(watcher, TICK);
	pthread_join(watcher, NULL);
	watcher_id = 0;
}

/* --- for loops --- */

/* The timer's signal goes to the watcher: the loop's own system calls are not interrupted. */
void turns_add(Turns *turns, const char *name)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = TICK,
				  .sigev_value.sival_ptr = turns };
	struct itimerspec every = { .it_interval.tv_nsec = SAMPLE, .it_value.tv_nsec = SAMPLE };

	memset(turns, 0, sizeof(*turns)); /* of a loop that was there before, perhaps */
	turns->name = name;
	turns->stack = &frame_stack;
	turns->thread = gettid();
	event.sigev_notify_thread_id = watcher_id;
	turns->timed = watcher_id && !pthread_getcpuclockid(pthread_self(), &turns->clock) &&
		       !timer_create(turns->clock, &event, &turns->timer);
	if (turns->timed)
		timer_settime(turns->timer, 0, &every, NULL);
	g_mutex_lock(&frame_lock);
	if (!list) /* what comes before the main loop's first turn counts as one */
		turns->since = g_get_monotonic_time();
	turns->next = list;
	list = turns;
	g_mutex_unlock(&frame_lock);
}

void turns_remove(Turns *turns)
{
	if (turns->timed)
		timer_delete(turns->timer);
	turns_wait(turns);
	g_mutex_lock(&frame_lock);
	for (Turns **at = &list; *at; at = &(*at)->next) {
		if (*at == turns) {
			*at = turns->next;
			break;
		}
	}
	g_mutex_unlock(&frame_lock);
}

void turns_record(Turns *turns, gint64 now)
{
	gint64 since = turns->since, length = now - since, span = now / SPAN;
	guint place = (guint)(span % TURN_SPANS);

	if (!since)
		return;
	if (turns->spans[place].span != span || length > turns->spans[place].length) {
		g_mutex_lock(&frame_lock);
		turns->spans[place].span = span;
		turns->spans[place].length = length;
		memcpy(turns->spans[place].text, turns->sampled == since ? turns->sample : frame_stack.worst_text,
		       FRAME_TEXT);
		if (turns->sampled != since && frame_stack.worst * 2 < length) /* most of it was elsewhere */
			*turns->spans[place].text = 0;
		g_mutex_unlock(&frame_lock);
	}
	if (G_UNLIKELY(length >= LATE) && __atomic_load_n(&turns->told, __ATOMIC_ACQUIRE) == since) {
		char text[LINE] = "";

		turns->told = 0;
		describe(turns, " was busy for ", length, turns->text, text);
		hooks->again(text, !turns->next);
	}
}

gint64 turns_longest(Turns *turns, char *text)
{
	gint64 span = g_get_monotonic_time() / SPAN, longest = 0;

	*text = 0;
	g_mutex_lock(&frame_lock);
	for (guint i = 0; i < TURN_SPANS; i++) {
		if (turns->spans[i].span <= span - TURN_SPANS || turns->spans[i].length <= longest)
			continue;
		longest = turns->spans[i].length;
		memcpy(text, turns->spans[i].text, FRAME_TEXT);
	}
	g_mutex_unlock(&frame_lock);
	return longest;
}
