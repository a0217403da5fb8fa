/* SPDX-License-Identifier: MIT */
/* bench.h - servers under measurement, the load on them, and the tables that come of it. */
#pragma once
#include <sys/types.h>
#include <glib.h>

/* A server that is measured: one process or several, whose CPU time the load client tells. */
typedef struct {
	const char *name;
	const char *protocol;	 /* as the load client calls it */
	guint port, into, third; /* `into`: where it is fed, else the same as `port` */
	GArray *processes;	 /* of pid_t */
	GString *measured;	 /* those of them whose time counts: "12,13" */
	GArray *cpu, *rate;	 /* of double: seconds of CPU a message, messages a second; one a round */
	guint64 lost;
} Side;

typedef struct {
	guint connections, depth;
} Case;

/* --- process.c --- */
extern guint rounds;   /* BENCH_ROUNDS */
extern double seconds; /* BENCH_SECONDS: of one side in one round */
void process_prepare(void);
void process_remove_folder(void);
const char *process_folder(void);
char *process_path(const char *name); /* in the build folder; yours */
guint free_port(void);		      /* of TCP and of UDP */
/* On the first core, output to a file of the folder. Ends with the bench at the latest. */
pid_t process_start(const char *const *words);
void process_stop(pid_t pid);
void wait_for_file(const char *path);
void wait_for_port(gboolean datagrams, guint port);
/* The program with every plugin and these commands. */
pid_t backplane_start(const char *const *commands);
double process_cpu(pid_t pid);
/* A line "NAME: 123 kB" of /proc/PID/FILE, in bytes; 0: not there. */
gsize process_memory(pid_t pid, const char *file, const char *name);

/* --- side.c --- */
/* In words PORT, INTO and THIRD are free ports of the side, FOLDER the bench's folder, BUILD the build folder. */
Side *side_new(const char *name, const char *protocol);
void side_run(Side *side, const char *const *words);
void side_run_aside(Side *side, const char *const *words); /* its time does not count */
void side_run_backplane(Side *side, const char *const *commands);
/* Of one process; `into`: "INTO" if the mode is fed there, or NULL. */
Side *side_bare(const char *name, const char *protocol, const char *mode, const char *into);
Side *side_backplane(const char *name, const char *protocol, const char *const *commands);
void side_wait(const Side *side);
void side_free(Side *side);
/* FALSE: it is not installed, and a line says so; `package` is Debian's. */
gboolean is_installed(const char *program, const char *package);

/* --- measure.c --- */
GPtrArray *sides_new(void);
void sides_set_protocol(GPtrArray *sides, const char *protocol); /* borrowed until the sides have run */
/* Waits until they listen, then a row for each side and case; the first side is what the others are compared with. */
void sides_run(GPtrArray *sides, const char *mode, const Case *cases, guint count);
/* The measuring alone: cpu, rate and lost of all sides. */
void sides_measure(GPtrArray *sides, const char *mode, const Case *what);
/* The brokers of fanout that are installed. */
void sides_add_brokers(GPtrArray *sides, const char *const *names);
double median(GArray *values);
void describe_machine(void);

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
void bench_uart(void);
void bench_peer(void);
void bench_mesh(void);
void bench_start(void);
void bench_store(void);
void bench_idle(void);
