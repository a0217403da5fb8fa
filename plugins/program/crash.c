/* SPDX-License-Identifier: MIT */
/* crash.c - the handler of SIGSEGV and its kind, backtraces of other threads, restoring the terminal.
 *
 * The handler runs in a broken process: it allocates nothing and takes no lock, the dynamic loader's neither. If it
 * crashes itself, it writes the text that it has composed so far.
 */
#include "program.h"
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* A sanitizer has handlers of signals of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define CAPTURE (SIGRTMAX - 2)

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" }, { SIGILL, "SIGILL" }, { SIGABRT, "SIGABRT" }
};

static char text[1500];
static struct termios found;
static gboolean is_terminal, is_late;

/* --- the terminal --- */

/* A program in the background leaves it to the one that has it now. */
static gboolean has_terminal(void)
{
	return is_terminal && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void crash_write(const char *line)
{
	if (has_terminal())
		tcsetattr(STDIN_FILENO, TCSANOW, &found);
	bp_crash_log(BP_LOG_ERROR, line);
}

void crash_late(gboolean late)
{
	struct termios now;

	if (late == is_late || !has_terminal() || tcgetattr(STDIN_FILENO, &now) || (late && now.c_lflag & ISIG))
		return;
	is_late = late;
	now.c_lflag = late ? now.c_lflag | ISIG : now.c_lflag & (tcflag_t)~ISIG;
	tcsetattr(STDIN_FILENO, TCSANOW, &now);
	if (late)
		bp_crash_log(BP_LOG_WARNING, "Ctrl-C asks the program to end, a second one ends it at once");
}

/* --- crashes --- */

static void append(const char *more)
{
	gsize at = strlen(text);

	for (; *more && at + 1 < sizeof(text); at++, more++)
		text[at] = (guchar)*more < ' ' ? '?' : *more;
	text[at] = 0;
}

static void append_number(guint64 number, guint base)
{
	char digits[24] = "";
	guint at = sizeof(digits) - 1;

	do
		digits[--at] = "0123456789abcdef"[number % base];
	while (number /= base);
	append(digits + at);
}

/* `plugin uart+0x1139`, `libc.so.6+0x28a13`. */
static void append_place(gsize address)
{
	struct dl_find_object object;

	if (!_dl_find_object((void *)address, &object)) {
		const char *plugin = bp_crash_plugin(object.dlfo_link_map), *file = object.dlfo_link_map->l_name;
		const char *slash = strrchr(file, '/');

		address -= object.dlfo_link_map->l_addr;
		append(plugin ? "plugin " : "");
		append(plugin ? plugin : slash ? slash + 1 : file);
		append("+");
	}
	append("0x");
	append_number(address, 16);
}

/* From the notes of the file that has the address. */
static void append_build(const void *address)
{
	struct dl_find_object object;
	const ElfW(Ehdr) * file;
	const ElfW(Phdr) * row;

	if (_dl_find_object((void *)address, &object))
		return;
	file = object.dlfo_map_start;
	row = (const void *)((const char *)file + file->e_phoff);
	for (guint i = 0; i < file->e_phnum; i++, row++) {
		const char *at = (const char *)object.dlfo_link_map->l_addr + row->p_vaddr, *end = at + row->p_memsz;

		while (row->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const guint8 *id = (const guint8 *)(note + 1) + 4;

			for (guint k = 0; note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && k < note->n_descsz;
			     k++) {
				append_number(id[k] >> 4, 16);
				append_number(id[k] & 15, 16);
			}
			at += sizeof(*note) + ((note->n_namesz + 3) & ~3u) + ((note->n_descsz + 3) & ~3u);
		}
	}
}

static void describe_signal(int number, const siginfo_t *info)
{
	append("crash: ");
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		append(signals[i].number == number ? signals[i].name : "");
	if (info->si_code > 0 && (number == SIGSEGV || number == SIGBUS)) {
		append(" at address 0x");
		append_number((guint64)(gsize)info->si_addr, 16);
	} else if (info->si_code <= 0 && info->si_pid != getpid()) {
		append(" from process ");
		append_number((guint64)info->si_pid, 10);
	}
}

static void describe_code(const ucontext_t *context)
{
	char what[160];
	gconstpointer code;

#if defined(__x86_64__)
	append(", in ");
	append_place((gsize)context->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
	append(", in ");
	append_place((gsize)context->uc_mcontext.pc);
#endif
	append("; running ");
	code = bp_crash_running(what, sizeof(what));
	append(what);
	append("; build of libbackplane ");
	append_build((const void *)bp_crash_running);
	if (!code)
		return;
	append(", of the plugin ");
	append_build(code);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	static pid_t crashing;
	static int first;
	struct sigaction usual = { .sa_handler = SIG_DFL };
	pid_t self = gettid(), before = 0;

	__atomic_compare_exchange_n(&crashing, &before, self, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	while (before && before != self)
		pause(); /* another thread is at it, and ends us all */
	if (!before) {
		first = number;
		describe_signal(number, info);
		describe_code(context);
	}
	crash_write(text);
	sigaction(first, &usual, NULL);
	if (info->si_code <= 0 || before) /* it will not come again by itself */
		tgkill(getpid(), self, first);
}

void crash_install(void)
{
	static char room[65536]; /* a plugin may have used up the stack */
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	is_terminal = !tcgetattr(STDIN_FILENO, &found);
	if (SANITIZED)
		return;
	sigaltstack(&stack, NULL);
	sigfillset(&action.sa_mask);
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		sigdelset(&action.sa_mask, signals[i].number);
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		sigaction(signals[i].number, &action, NULL);
}

/* --- a backtrace of another thread: it is interrupted and notes its own --- */

static void *addresses[64];
static int count;
static sem_t captured;

static void on_capture(int number)
{
	count = backtrace(addresses, G_N_ELEMENTS(addresses));
	sem_post(&captured);
}

static void *trace(void *thread)
{
	struct sigaction capture = { .sa_handler = on_capture, .sa_flags = SA_RESTART };
	struct timespec patience;

	backtrace(addresses, 1); /* loads libgcc now, not in the handler */
	sem_init(&captured, 0, 0);
	sigaction(CAPTURE, &capture, NULL);
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 2;
	if (tgkill(getpid(), GPOINTER_TO_INT(thread), CAPTURE) || sem_timedwait(&captured, &patience)) {
		bp_crash_log(BP_LOG_WARNING, "busy for 10 s: the thread takes no signal, so there is no backtrace");
		return NULL;
	}
	bp_crash_log(BP_LOG_WARNING, "busy for 10 s: the thread is at");
	backtrace_symbols_fd(addresses + 2, count - 2,
			     STDERR_FILENO); /* the handler and the way into it stand before */
	return NULL;
}

void crash_trace(int thread)
{
	pthread_t reporter;

	if (!pthread_create(&reporter, NULL, trace, GINT_TO_POINTER(thread)))
		pthread_detach(reporter);
}
