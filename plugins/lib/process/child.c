/* SPDX-License-Identifier: MIT */
/* child.c - a child process and its pipes.
 *
 * Started by fork and exec, watched by a pidfd, so that no signal handler is needed and no other child of the host is
 * touched. Why exec failed comes back on a pipe that exec closes. What remains to be done when nobody is told of it any more
 * (SIGKILL after a while, reaping) is the kernel's: its end waits for that.
 */
#include <backplane/process.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <backplane/kernel.h>
#include <backplane/loop.h>
#include <backplane/owner.h>
#include <backplane/plugin.h>
#include <backplane/stream.h>

#define PATIENCE (5 * G_USEC_PER_SEC)	   /* between SIGTERM and SIGKILL */
#define LAST_PATIENCE (3 * G_USEC_PER_SEC) /* the same, after the end of its owner */
#define PIPE_PATIENCE G_USEC_PER_SEC	   /* for who inherited its pipes, when it has ended */
#define FILES 256
#define BACKLOG (1024 * 1024)

enum { INPUT, OUTPUT, ERRORS, PIPES };

struct BpChild {
	BpOwned owned;
	int pid, pidfd, why_fd;
	BpChildEvents events;
	gpointer user;
	BpStream *pipes[PIPES]; /* NULL: closed */
	gsize backlog;
	guint64 dropped;
	BpFd *watch;	/* until it has ended */
	BpTimer *timer; /* until SIGKILL; then until its pipes are given up */
	char *how;	/* once it has ended */
	gboolean good, stopping;
};

/* --- the end --- */

static void signal_group(int pid, int number)
{
	kill(-pid, number);
}

/* A child without callbacks: its owner has ended, or has forgotten it. */
typedef struct {
	BpPlugin *self; /* the kernel, which lasts as long */
	int pid, pidfd;
	BpFd *watch;
	BpTimer *timer;
} UnownedChild;

static void on_leftover_late(BpPlugin *self, gpointer data)
{
	UnownedChild *left = data;

	signal_group(left->pid, SIGKILL);
}

static void on_leftover_ended(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	UnownedChild *left = data;

	waitpid(left->pid, NULL, WNOHANG);
	bp_fd_remove(left->watch);
	g_clear_pointer(&left->timer, bp_timer_remove);
	close(left->pidfd);
	g_free(left);
	bp_plugin_release(bp_kernel());
}

static void leave_behind(int pid, int take_pidfd)
{
	UnownedChild *left = g_new0(UnownedChild, 1);

	signal_group(pid, SIGTERM);
	left->self = bp_kernel();
	left->pid = pid;
	left->pidfd = take_pidfd;
	bp_plugin_hold(left->self);
	left->watch = bp_fd_add(left->self, left->pidfd, BP_IN, on_leftover_ended, left, NULL);
	bp_timer_once(&left->timer, left->self, LAST_PATIENCE, on_leftover_late, left);
}

static void child_free(BpChild *child)
{
	bp_owner_unlink(&child->owned);
	for (guint i = 0; i < PIPES; i++) {
		BpStream *stream = g_steal_pointer(&child->pipes[i]);

		if (stream) {
			bp_stream_set_user(stream, NULL, NULL);
			bp_stream_abort(stream, NULL);
		}
	}
	g_clear_pointer(&child->timer, bp_timer_remove);
	g_clear_pointer(&child->watch, bp_fd_remove);
	close(child->why_fd);
	if (!child->how)
		leave_behind(child->pid, child->pidfd);
	else
		close(child->pidfd);
	g_free(child->how);
	g_free(child);
}

static void tell_ended(BpChild *child, const char *how)
{
	BpPlugin *owner = child->owned.owner;

	bp_owner_enter_always(owner);
	if (child->events.ended)
		child->events.ended(owner, child, child->good, how, child->user);
	child_free(child);
	bp_owner_leave(owner);
}

static void drop(BpOwned *owned)
{
	BpChild *child = BP_OWNED_BY(owned, BpChild, owned);

	tell_ended(child, child->how ? child->how : "is ended with its owner");
}

/* Its output may still be on the way when the process has ended. */
static void end_if_over(BpChild *child)
{
	if (child->how && !child->pipes[OUTPUT] && !child->pipes[ERRORS])
		tell_ended(child, child->how);
}

static char *describe(BpChild *child, int status)
{
	int number = 0;

	if (read(child->why_fd, &number, sizeof(number)) == sizeof(number))
		return g_strdup_printf("could not be run: %s", g_strerror(number));
	if (WIFSIGNALED(status))
		return g_strdup_printf("was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return g_strdup_printf("exited with status %d", WEXITSTATUS(status));
}

static void on_pipes_late(BpPlugin *self, gpointer data)
{
	BpChild *child = data;

	for (guint i = OUTPUT; i < PIPES; i++)
		if (child->pipes[i])
			bp_stream_abort(child->pipes[i], NULL);
}

static void on_exit_seen(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	BpChild *child = data;
	int status = 0;

	if (waitpid(child->pid, &status, WNOHANG) == 0)
		return;
	g_clear_pointer(&child->watch, bp_fd_remove);
	g_clear_pointer(&child->timer, bp_timer_remove);
	child->how = describe(child, status);
	child->good = WIFEXITED(status) && !WEXITSTATUS(status);
	signal_group(child->pid, SIGTERM); /* what it has started and left behind */
	if (child->pipes[INPUT])
		bp_stream_abort(child->pipes[INPUT], NULL);
	if (child->pipes[OUTPUT] || child->pipes[ERRORS])
		bp_timer_once(&child->timer, child->owned.owner, PIPE_PATIENCE, on_pipes_late, child);
	end_if_over(child);
}

/* --- its pipes --- */

static void on_output(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	BpChild *child = user;

	if (child->events.output)
		child->events.output(self, child, stream == child->pipes[OUTPUT] ? BP_CHILD_OUTPUT : BP_CHILD_ERRORS,
				     data, size, child->user);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	BpChild *child = user;

	for (guint i = 0; i < PIPES; i++)
		if (child->pipes[i] == stream)
			child->pipes[i] = NULL;
	end_if_over(child);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	BpChild *child = user;

	if (child->events.drained)
		child->events.drained(self, child, child->user);
}

static const BpStreamEvents input_events = { .size = sizeof(input_events), .closed = on_closed, .drained = on_drained };
static const BpStreamEvents output_events = { .size = sizeof(output_events), .data = on_output, .closed = on_closed };

BpSent bp_child_write(BpChild *child, gconstpointer data, gsize size)
{
	BpStream *input = child->pipes[INPUT];
	gboolean is_gone = !input || bp_stream_is_closing(input);

	if (is_gone || bp_stream_queued(input) + size > child->backlog) {
		child->dropped += size;
		return is_gone ? BP_GONE : BP_FULL;
	}
	return bp_stream_write(input, data, size);
}

void bp_child_end_input(BpChild *child)
{
	if (child->pipes[INPUT])
		bp_stream_close(child->pipes[INPUT]);
}

void bp_child_set_reading(BpChild *child, gboolean on)
{
	if (child->pipes[OUTPUT])
		bp_stream_set_reading(child->pipes[OUTPUT], on);
}

/* --- the start --- */

typedef struct {
	char **argv, **environment;
	const char *folder;
	int stdio[PIPES], why;
	rlim_t memory, files, cpu;
} ChildStart;

static void limit(int resource, rlim_t most)
{
	struct rlimit both = { most, most };

	if (most)
		setrlimit(resource, &both);
}

/* Between fork and exec: system calls only. */
static void G_GNUC_NORETURN become(const ChildStart *start, int parent)
{
	sigset_t none;
	int number;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	limit(RLIMIT_AS, start->memory);
	limit(RLIMIT_NOFILE, start->files);
	limit(RLIMIT_CPU, start->cpu);
	if (getppid() == parent && dup2(start->stdio[INPUT], 0) >= 0 && dup2(start->stdio[OUTPUT], 1) >= 0 &&
	    dup2(start->stdio[ERRORS], 2) >= 0 && (!start->folder || !chdir(start->folder)))
		execve(start->argv[0], start->argv, start->environment);
	number = errno;
	_exit(write(start->why, &number, sizeof(number)) == sizeof(number) ? 127 : 126);
}

static gboolean open_pipes(int ours[PIPES], int theirs[PIPES], int why[2], GError **error)
{
	for (guint i = 0; i < PIPES + 1; i++) {
		int both[2];

		if (pipe2(i < PIPES ? both : why, O_CLOEXEC) < 0)
			return bp_fail(error, BP_LIMIT, "there is no pipe for a process: %s", g_strerror(errno));
		if (i == PIPES)
			break;
		ours[i] = both[i == INPUT];
		theirs[i] = both[i != INPUT];
	}
	fcntl(why[0], F_SETFL, O_NONBLOCK);
	return TRUE;
}

static void close_all(const int *fds, guint count)
{
	for (guint i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static char **environment_of(const char *const *settings)
{
	char **environment = g_get_environ();

	for (; settings && *settings; settings++) {
		const char *equals = strchr(*settings, '=');
		g_autofree char *name = equals ? g_strndup(*settings, (gsize)(equals - *settings)) : NULL;

		if (name && *name)
			environment = g_environ_setenv(environment, name, equals + 1, TRUE);
	}
	return environment;
}

static BpChild *child_new(BpPlugin *self, int pid, const int take_pipes[PIPES], int take_why,
			  const BpChildOptions *options, const BpChildEvents *events, gpointer user)
{
	BpChild *child = g_new0(BpChild, 1);

	child->pid = pid;
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	child->why_fd = take_why;
	bp_struct_copy(&child->events, sizeof(child->events), events);
	child->user = user;
	child->backlog = options->backlog ? options->backlog : BACKLOG;
	for (guint i = 0; i < PIPES; i++) {
		child->pipes[i] = bp_stream_open_fd(self, take_pipes[i], i == INPUT ? &input_events : &output_events,
						    child);
		bp_stream_set_backlog(child->pipes[i], child->backlog, BP_BACKLOG_CLOSE);
	}
	child->watch = bp_fd_add(self, child->pidfd, BP_IN, on_exit_seen, child, NULL);
	bp_owner_link_notified(self, &child->owned, "process", drop);
	return child;
}

BpChild *bp_child_start_sized(BpPlugin *self, const BpChildOptions *given, gsize size, const BpChildEvents *events,
			      gpointer user, GError **error)
{
	BpChildOptions all;
	const BpChildOptions *options = bp_sized_copy(&all, sizeof(all), given, size);
	g_autofree char *program = g_find_program_in_path(options->argv[0]);
	g_auto(GStrv) argv = g_strdupv((char **)options->argv);
	g_auto(GStrv) environment = environment_of(options->settings);
	int ours[PIPES] = { -1, -1, -1 }, theirs[PIPES] = { -1, -1, -1 }, why[2] = { -1, -1 };
	int pid = -1, parent = getpid();
	ChildStart start;

	if (!program) {
		bp_fail(error, BP_NOT_FOUND, "%s: there is no such program, or it may not be run", options->argv[0]);
		return NULL;
	}
	g_free(argv[0]);
	argv[0] = g_steal_pointer(&program);
	if (open_pipes(ours, theirs, why, error)) {
		start = (ChildStart){ .argv = argv,
				      .environment = environment,
				      .folder = options->folder,
				      .memory = options->memory,
				      .stdio = { theirs[INPUT], theirs[OUTPUT], theirs[ERRORS] },
				      .why = why[1],
				      .files = options->files ? options->files : FILES,
				      .cpu = (rlim_t)((options->cpu + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC) };
		pid = fork();
		if (pid == 0)
			become(&start, parent);
		if (pid < 0)
			bp_fail(error, BP_LIMIT, "%s cannot be run: %s", argv[0], g_strerror(errno));
	}
	close_all(theirs, PIPES);
	close_all(&why[1], 1);
	if (pid < 0) {
		close_all(ours, PIPES);
		close_all(why, 1);
		return NULL;
	}
	setpgid(pid, pid); /* the child does it too, since either may run first */
	return child_new(self, pid, ours, why[0], options, events, user);
}

/* --- small ones --- */

void bp_child_signal(BpChild *child, int number)
{
	if (!child->how)
		signal_group(child->pid, number);
}

static void on_late(BpPlugin *self, gpointer data)
{
	BpChild *child = data;

	signal_group(child->pid, SIGKILL);
}

void bp_child_stop(BpChild *child)
{
	if (child->how || child->stopping)
		return;
	child->stopping = TRUE;
	signal_group(child->pid, SIGTERM);
	bp_timer_once(&child->timer, child->owned.owner, PATIENCE, on_late, child);
}

void bp_child_forget(BpChild *child)
{
	child_free(child);
}

int bp_child_pid(const BpChild *child)
{
	return child->pid;
}

guint64 bp_child_dropped(const BpChild *child)
{
	return child->dropped;
}
