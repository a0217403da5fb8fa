/* SPDX-License-Identifier: MIT */
/* bench-bus.c - what a send costs without any I/O, in one process, CPU time of the thread or of both threads. */
#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <backplane/backplane.h>
#include <backplane/kernel.h>

#define PASSED 2000000	   /* messages across threads */
#define MOST_WAITING 16384 /* of them at a time: below the inbox's limit */

/* One a cache line, as watches with data of their own have it. */
typedef struct {
	guint64 calls;
	char apart[56];
} Counter;

typedef void (*Direct)(BpMessage *message, gpointer data);
typedef struct {
	Direct volatile func; /* the compiler must not look through it */
	gpointer data;
} Call;

static void count_direct(BpMessage *message, gpointer data)
{
	((Counter *)data)->calls += bp_message_size(message) > 0;
}

static void count_watch(BpPlugin *self, BpMessage *message, gpointer data)
{
	((Counter *)data)->calls += bp_message_size(message) > 0;
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* --- one thread --- */

typedef struct {
	BpChannel *channel;
	BpMessage *message;
	Call *calls;
	guint watchers;
} Setting;

static void call_prebuilt(Setting *setting)
{
	for (guint i = 0; i < setting->watchers; i++)
		setting->calls[i].func(setting->message, setting->calls[i].data);
}

static void send_prebuilt(Setting *setting)
{
	bp_channel_send(setting->channel, setting->message);
}

static const char text[64] = "sixty-four bytes";

static void call_built(Setting *setting)
{
	g_autoptr(BpMessage) message = bp_message_new(text, sizeof(text), BP_BINARY);

	for (guint i = 0; i < setting->watchers; i++)
		setting->calls[i].func(message, setting->calls[i].data);
}

static void send_built(Setting *setting)
{
	bp_channel_send_bytes(setting->channel, text, sizeof(text));
}

/* Nanoseconds a call of `what`: the best part of a slice is not wanted, the middle of many slices is. */
static double measure(void (*what)(Setting *), Setting *setting)
{
	g_autoptr(GArray) slices = g_array_new(FALSE, FALSE, sizeof(double));
	guint count = MAX(1000000 / setting->watchers, 100);

	for (guint round = 0; round < rounds * 4; round++) {
		double begin = now(CLOCK_THREAD_CPUTIME_ID), took;

		for (guint i = 0; i < count; i++)
			what(setting);
		took = (now(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / count;
		g_array_append_val(slices, took);
	}
	return median(slices);
}

static void print_pair(const char *what, guint watchers, double direct, double sent)
{
	printf("| %s | %u | %.1f | %.1f | %.1f |\n", what, watchers, direct, sent, (sent - direct) / watchers);
}

static void measure_watchers(BpPlugin *self, guint watchers)
{
	g_autofree Counter *counters = g_new0(Counter, watchers);
	g_autofree Call *calls = g_new0(Call, watchers);
	g_autofree BpWatch **watches = g_new0(BpWatch *, watchers);
	g_autoptr(BpMessage) message = bp_message_new(text, sizeof(text), BP_BINARY);
	Setting setting = { bp_channel(self, "bench"), message, calls, watchers };

	for (guint i = 0; i < watchers; i++) {
		calls[i] = (Call){ count_direct, &counters[i] };
		watches[i] = bp_channel_watch(self, setting.channel, count_watch, &counters[i], NULL);
	}
	print_pair("prebuilt", watchers, measure(call_prebuilt, &setting), measure(send_prebuilt, &setting));
	print_pair("built", watchers, measure(call_built, &setting), measure(send_built, &setting));
	for (guint i = 0; i < watchers; i++)
		bp_watch_remove(watches[i]);
	bp_channel_release(self, setting.channel);
}

/* Nobody watches: the branch. */
static void measure_unwatched(BpPlugin *self)
{
	Setting setting = { bp_channel(self, "silent"), NULL, NULL, 1 };

	printf("| not watched | 0 | - | %.1f | - |\n", measure(send_built, &setting));
	bp_channel_release(self, setting.channel);
}

/* --- across threads --- */

static gint passed; /* atomic */
static BpChannel *across;
static GAsyncQueue *queue;

static void wait_for_room(gint sent)
{
	while (sent - g_atomic_int_get(&passed) >= MOST_WAITING)
		g_usleep(50);
}

static gpointer produce_on_channel(gpointer data)
{
	for (gint i = 0; i < PASSED; i++) {
		if (i % 1024 == 0)
			wait_for_room(i + 1024);
		bp_channel_send_bytes(across, text, sizeof(text));
	}
	return NULL;
}

static gpointer produce_on_queue(gpointer data)
{
	for (gint i = 0; i < PASSED; i++) {
		if (i % 1024 == 0)
			wait_for_room(i + 1024);
		g_async_queue_push(queue, bp_message_new(text, sizeof(text), BP_BINARY));
	}
	return NULL;
}

static void on_passed(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_atomic_int_set(&passed, passed + 1);
}

static double pass_on_channel(void)
{
	double begin = now(CLOCK_PROCESS_CPUTIME_ID);
	GThread *thread = g_thread_new("producer", produce_on_channel, NULL);

	while (g_atomic_int_get(&passed) < PASSED)
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	return (now(CLOCK_PROCESS_CPUTIME_ID) - begin) * 1e9 / PASSED;
}

static double pass_on_queue(void)
{
	double begin = now(CLOCK_PROCESS_CPUTIME_ID);
	GThread *thread = g_thread_new("producer", produce_on_queue, NULL);

	while (passed < PASSED) {
		bp_message_unref(g_async_queue_pop(queue));
		g_atomic_int_set(&passed, passed + 1);
	}
	g_thread_join(thread);
	return (now(CLOCK_PROCESS_CPUTIME_ID) - begin) * 1e9 / PASSED;
}

static void measure_threads(BpPlugin *self)
{
	g_autoptr(GArray) channel = g_array_new(FALSE, FALSE, sizeof(double));
	g_autoptr(GArray) async = g_array_new(FALSE, FALSE, sizeof(double));
	double value, first;

	across = bp_channel(self, "across");
	queue = g_async_queue_new();
	bp_channel_watch(self, across, on_passed, NULL, NULL);
	for (guint round = 0; round < MIN(rounds, 5); round++) {
		g_atomic_int_set(&passed, 0);
		value = pass_on_queue();
		g_array_append_val(async, value);
		g_atomic_int_set(&passed, 0);
		value = pass_on_channel();
		g_array_append_val(channel, value);
	}
	g_async_queue_unref(queue);
	first = median(async);
	printf("\n| from one thread to another | CPU ns a message, both threads | against the first |\n|---|--:|--:|\n");
	printf("| GAsyncQueue | %.0f | 1.00 |\n| channel | %.0f | %.2f |\n", first, median(channel),
	       first / median(channel));
}

void bench_bus(void)
{
	static const guint counts[] = { 1, 10, 1000 };
	BpKernelOptions options = { NULL, NULL, NULL };
	g_autoptr(GError) error = NULL;

	if (!bp_kernel_start(&options, &error))
		g_error("%s", error->message);
	printf("| message of 64 bytes | watchers | direct calls, ns | send, ns | more a watcher, ns |\n|---|--:|--:|--:|--:|\n");
	measure_unwatched(bp_kernel());
	for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
		measure_watchers(bp_kernel(), counts[i]);
	fflush(stdout);
	measure_threads(bp_kernel());
	bp_kernel_stop();
}
