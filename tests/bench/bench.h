/* SPDX-License-Identifier: MIT */
/* bench.h - servers under measurement, the load on them, and the tables that come of it. */
#pragma once
#include <sys/types.h>
#include <glib.h>

/* A process that is measured; the load client tells its CPU time. */
typedef struct {
	const char *name;
	const char *protocol; /* as the load client calls it */
	pid_t pid;
	guint port, into;
	GArray *cpu, *rate; /* of double: seconds of CPU a message, messages a second; one a round */
	guint64 lost;
} Side;

/* --- process.c --- */
extern guint rounds;   /* BENCH_ROUNDS */
extern double seconds; /* BENCH_SECONDS: of one side in one round */
void process_prepare(void);
void process_remove_folder(void);
const char *process_folder(void);
char *process_path(const char *name); /* in the build folder; yours */
guint free_port(int type);
/* On the first core, output to a file of the folder. Ends with the bench at the latest. */
pid_t process_start(const char *const *words);
void process_stop(pid_t pid);
void wait_for_port(guint port);
/* The program with every plugin and these commands. */
pid_t backplane_start(const char *const *commands);
double process_cpu(pid_t pid);
/* A line "NAME: 123 kB" of /proc/PID/FILE, in bytes; 0: not there. */
gsize process_memory(pid_t pid, const char *file, const char *name);

/* --- measure.c --- */
Side *side_new(const char *name, const char *protocol, pid_t pid, guint port, guint into);
void side_free(Side *side);
/* One round of load on one side; adds to its `cpu` and `rate`. */
void side_load(Side *side, const char *mode, guint connections, guint depth);
/* All sides in turn, `rounds` times, from nothing. */
void sides_measure(GPtrArray *sides, const char *mode, guint connections, guint depth);
double median(GArray *values);
void describe_machine(void);
/* A row for each side; the first one is what the others are compared with. */
void print_sides_head(void);
void print_sides(GPtrArray *sides, guint connections, guint depth);

/* --- one function a bench --- */
void bench_bus(void);
void bench_tcp(void);
void bench_console(void);
void bench_udp(void);
void bench_tls(void);
void bench_http(void);
void bench_ws(void);
void bench_wsfan(void);
void bench_fanout(void);
void bench_start(void);
void bench_idle(void);
