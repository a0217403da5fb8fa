/* SPDX-License-Identifier: MIT */
/* program.c - the program backplane: the command line: options, the kernel's start and end, signals. */
#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <backplane/channel.h>
#include <backplane/program.h>
#include <backplane/registry.h>
#include <backplane/session.h>
#include <backplane/text.h>
#include "host/log.h"
#include "host/notify.h"
#include "host/plugin.h"
#include "host/settings.h"
#include "loop/turns.h"
#include "start.h"

enum { EXIT_USAGE = 2, EXIT_NOT_PERMITTED = 77, EXIT_BAD_CONFIG = 78 };

static struct {
	char *config, *check, *batch, *socket;
	char **commands, **plugin_dirs, **settings;
	gboolean daemon, version, client;
	int verbose;
	char **rest;
} options;

static BpFd *signals;
static int signal_fd = -1;
static BpProgramParts parts;
static gint asked; /* atomic: to end, by a signal */

static gboolean on_verbose(const char *name, const char *value, gpointer data, GError **error)
{
	options.verbose++;
	return TRUE;
}

static const GOptionEntry entries[] = {
	{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config, "Read this configuration", "FILE" },
	{ "check-config", 0, 0, G_OPTION_ARG_FILENAME, &options.check, "Check a configuration, open nothing", "FILE" },
	{ "execute", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options.commands, "Run a command at start; may be given again",
	  "COMMAND" },
	{ "batch", 'b', 0, G_OPTION_ARG_FILENAME, &options.batch, "Run the commands in a file at start", "FILE" },
	{ "plugin-dir", 'P', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.plugin_dirs, "Look for plugins here first",
	  "DIR" },
	{ "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &options.settings,
	  "A setting for this run, as in default_telnet_port=2323", "PATH.KEY=VALUE" },
	{ "daemon", 'd', 0, G_OPTION_ARG_NONE, &options.daemon, "Leave stdin alone, run until SIGTERM or SIGINT",
	  NULL },
	{ "control", 'x', 0, G_OPTION_ARG_NONE, &options.client,
	  "Run COMMAND (-: those on stdin) in the running instance, or attach a console to it", NULL },
	{ "socket", 'S', 0, G_OPTION_ARG_FILENAME, &options.socket, "Path of the control socket; goes before -x",
	  "PATH" },
	{ "verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, on_verbose,
	  "Say more on stderr; twice for everything", NULL },
	{ "version", 0, 0, G_OPTION_ARG_NONE, &options.version, "Show the version", NULL },
	{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.rest, NULL, "[COMMAND]" },
	{ NULL, 0, 0, 0, NULL, NULL, NULL },
};

static int complain(int status, const char *text)
{
	g_autofree char *line = g_strdup_printf("backplane: %s\n", text);

	output_error(line);
	return status;
}

/* --- signals --- */

static void on_signal(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	bp_channel_print(data, info.ssi_signo == SIGHUP ? "SIGHUP" : "SIGWINCH");
}

/* --- for the watcher of turns --- */

static void on_asked(void)
{
	g_atomic_int_set(&asked, TRUE);
	bp_kernel_quit(0);
}

static void on_late(const char *text, gboolean is_main)
{
	bp_crash_log(BP_LOG_WARNING, text);
	if (is_main)
		parts.late(TRUE);
}

static void on_again(const char *text, gboolean is_main)
{
	if (is_main)
		parts.late(FALSE);
	bp_log(bp_kernel(), BP_LOG_WARNING, "%s", text);
}

static TurnsHooks turns_hooks = { .late = on_late, .again = on_again, .asked = on_asked };

void bp_program_set_parts(const BpProgramParts *given)
{
	bp_struct_copy(&parts, sizeof(parts), given);
	turns_hooks.trace = parts.trace;
	turns_hooks.ending = parts.write;
}

/* SIGTERM and SIGINT are the watcher's, the others in `set` are read on the loop. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGWINCH);
	sigprocmask(SIG_BLOCK, set, NULL);
	sigdelset(set, SIGINT);
	sigdelset(set, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static void watch_signals(const sigset_t *set)
{
	signal_fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	signals = bp_fd_add(bp_kernel(), signal_fd, BP_IN, on_signal, bp_channel(bp_kernel(), BP_SIGNALS), NULL);
}

/* --- start --- */

static gboolean apply_settings(GError **error)
{
	for (char **setting = options.settings; setting && *setting; setting++) {
		const char *equals = strchr(*setting, '=');
		g_autofree char *name = equals ? g_strndup(*setting, (gsize)(equals - *setting)) : NULL;
		char *dot = name && *name == '/' ? strrchr(name, '.') : NULL;

		if (!name)
			return bus_fail(error, BP_HOST_ERROR, BP_INVALID,
					"-s wants PATH.KEY=VALUE or KEY=VALUE, not \"%s\"", *setting);
		if (dot)
			*dot = 0;
		if (!bp_setting_set_temporary(dot ? name : "/", dot ? dot + 1 : name, equals + 1, error))
			return FALSE;
	}
	return TRUE;
}

/* Part of every host, whatever plugins a configuration names; those of them that are loaded already are left alone. */
static BpPlugin *need_plugin(const char *name, GError **error)
{
	BpPlugin *plugin = bp_plugin_find(name);

	return plugin ? plugin : bp_plugin_load(name, error);
}

/* Without its socket, the instance goes on. */
static void open_control_socket(void)
{
	g_autoptr(BpValues) values = NULL;
	g_autoptr(GError) error = NULL;

	if (need_plugin("control", &error))
		values = bp_values_new(bp_module_find("ControlServer")->params);
	if (!values || (options.socket && !bp_values_set(values, "bind", options.socket, &error)) ||
	    !bp_module_open("ControlServer", "control", "/", g_steal_pointer(&values), &error))
		bp_log(bp_kernel(), BP_LOG_WARNING, "backplane -x does not reach this instance: %s", error->message);
}

static gboolean open_terminal(GError **error)
{
	return need_plugin("console", error) && bp_module_open("Terminal", "terminal", "/", NULL, error);
}

typedef struct {
	gboolean done, left; /* left: the program ends, and nobody waits for it any more */
	guint failed;
} StartRun;

static void on_start_run(BpPlugin *self, guint failed, gpointer data)
{
	StartRun *run = data;

	run->done = TRUE;
	run->failed = failed;
	if (run->left)
		g_free(run);
}

/* How many of its commands failed. */
static guint run_at_start(const char *line)
{
	StartRun *run = g_new0(StartRun, 1);
	guint failed;

	bp_session_run(bp_kernel(), bp_session_system(), line, on_start_run, run);
	while (!run->done && !bp_kernel_is_quitting())
		g_main_context_iteration(NULL, TRUE);
	failed = run->failed;
	run->left = !run->done;
	if (run->done)
		g_free(run);
	return failed;
}

static gboolean run_config_line(const char *line, GError **error)
{
	guint failed = run_at_start(line);
	g_autofree char *shown = failed ? bp_command_shown(line) : NULL;

	if (failed)
		g_set_error(error, BP_HOST_ERROR, BP_FAILED, "the command \"%s\" failed", shown);
	return !failed;
}

static void on_start_output(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_autofree char *line = g_strdup_printf("%s\n", (const char *)bp_message_data(message));

	bp_stdout_write(line, strlen(line));
}

/* What they say is shown here while they run. */
static guint run_start_commands(void)
{
	BpWatch *watch = bp_channel_watch(bp_kernel(), bp_channel(bp_kernel(), "console"), on_start_output, NULL, NULL);
	guint failed = 0;

	bp_channel_print(bp_channel(bp_kernel(), BP_SIGNALS), BP_SIGNAL_START);
	for (char **command = options.commands; command && *command; command++)
		failed += run_at_start(*command);
	if (options.batch) {
		g_autofree char *quoted = bp_quote(options.batch, 0);
		g_autofree char *line = g_strconcat("execute ", quoted, NULL);

		failed += run_at_start(line);
	}
	bp_watch_remove(watch);
	return failed;
}

static gboolean start_config(GError **error)
{
	const BpConfigLoader *loader;
	BpPlugin *plugin = need_plugin("config", error);

	if (!plugin)
		return FALSE;
	loader = bp_registry_find("startup/config");
	return loader->start(plugin, options.check ? options.check : options.config, !!options.check, run_config_line,
			     error);
}

static int serve(void)
{
	g_autoptr(GError) error = NULL;
	guint failed = 0;

	if (g_atomic_int_get(&asked)) /* before there was a loop to end */
		return 0;
	if (!apply_settings(&error))
		return complain(EXIT_USAGE, error->message);
	if (!need_plugin("leftovers", &error))
		bp_log(bp_kernel(), BP_LOG_WARNING,
		       "what plugins leave behind when they are unloaded is not looked for: %s", error->message);
	g_clear_error(&error);
	if (!need_plugin("commands", &error))
		bp_log(bp_kernel(), BP_LOG_ERROR, "most commands are missing: %s", error->message);
	g_clear_error(&error);
	if (options.config || options.check) {
		if (!start_config(&error))
			return complain(error->code == BP_NOT_PERMITTED ? EXIT_NOT_PERMITTED : EXIT_BAD_CONFIG,
					error->message);
		if (options.check) {
			g_autofree char *line = g_strdup_printf("%s is good.\n", options.check);

			bp_stdout_write(line, strlen(line));
			return 0;
		}
	} else {
		failed += bp_plugin_load_all();
	}
	open_control_socket();
	failed += run_start_commands();
	if (bp_kernel_is_quitting())
		return failed ? 1 : bp_kernel_run();
	bp_kernel_notify("READY=1");
	notify_watchdog();
	if (!options.daemon && !open_terminal(&error))
		return complain(1, error->message);
	return bp_kernel_run() || (failed && !isatty(STDIN_FILENO) && !options.daemon);
}

static int run(void)
{
	g_autofree char *state = parts.state_folder();
	g_auto(GStrv) folders = parts.plugin_path(options.plugin_dirs);
	BpKernelOptions kernel = { .state_dir = state, .plugin_path = (const char *const *)folders };
	g_autoptr(GError) error = NULL;
	sigset_t set;
	int status;
	guint left;

	parts.begin();
	block_signals(&set);
	if (!turns_start(&turns_hooks))
		return complain(1, "no thread can be started");
	bp_log_set_stderr(options.verbose > 1 ? BP_LOG_DEBUG : options.verbose ? BP_LOG_INFO : BP_LOG_WARNING);
	if ((!options.check && !parts.claim(state, &error)) || !bp_kernel_start(&kernel, &error))
		return complain(1, error->message);
	watch_signals(&set);
	status = serve();
	bp_kernel_notify(kernel_wants_restart() ? "RELOADING=1" : "STOPPING=1");
	turns_expect_end();
	bp_fd_remove(signals);
	close(signal_fd);
	left = bp_kernel_stop();
	turns_end_expected();
	return kernel_wants_restart() ? BP_PROGRAM_AGAIN : status ? status : left > 0;
}

static int run_program(int argc, char **argv, BpProgramClient client)
{
	g_autoptr(GOptionContext) context = g_option_context_new("- a plugin host");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
				     "With a terminal on stdin it is a console; else commands are read from stdin.");
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		complain(EXIT_USAGE, error->message);
		return complain(EXIT_USAGE, "backplane --help lists the options");
	}
	if (options.version)
		return printf("%s\n", PACKAGE_NAME " " PACKAGE_VERSION) < 0;
	if (options.client)
		return client(options.socket, NULL);
	if (options.rest)
		return complain(EXIT_USAGE, "a command is given with -e, or to a running instance with -x");
	return run();
}

int bp_program(int argc, char **argv, BpProgramClient client)
{
	int status = run_program(argc, argv, client);

	output_end(status == BP_PROGRAM_AGAIN || g_atomic_int_get(&asked) || options.daemon);
	return status;
}
