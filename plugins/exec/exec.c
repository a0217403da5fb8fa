/* SPDX-License-Identifier: MIT */
/* exec.c - programs as parts of the host: their standard input, output and error are channels. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/backoff.h>
#include <backplane/bytes.h>
#include <backplane/process.h>

#define LINE_LIMIT (64 * 1024)

static const char manual[] =
	"Module Exec runs `command` (words as a shell quotes them; nothing of it is expanded) and keeps it running:\n"
	"  NAME/send    goes to its standard input, a message a line (lines=no: bytes as they are)\n"
	"  NAME/recv    what it prints, a message a line (lines=no: bytes as they come)\n"
	"  NAME/errors  what it prints on standard error, a message a line\n"
	"  exec-NAME    when it starts and ends\n"
	"When it ends it is started again after a pause that doubles up to a minute, as `restart` says: always,\n"
	"on-failure, never. The state of the instance tells how it is. It ends with the instance: SIGTERM, after 5 s\n"
	"SIGKILL, for all that it has started too.\n"
	"\n"
	"  module open Exec thermo command=\"python3 thermo.py /dev/i2c-1\" restart=always\n"
	"  channel watch thermo/recv\n"
	"\n"
	"So a driver can be written in any language: read lines, print lines, and flush each one.\n";

typedef struct {
	BpInstance *self;
	BpChannel *recv, *errors, *events;
	char **argv;
	BpChild *child; /* NULL: it does not run */
	BpLines *output, *complaints;
	BpBackoff *again;
	BpMetric *starts;
} Exec;

static void on_line(gpointer data, const char *line, gsize size)
{
	bp_channel_send_take(((Exec *)data)->recv, bp_message_new(line, size, BP_TEXT));
}

static void on_complaint(gpointer data, const char *line, gsize size)
{
	bp_channel_send_take(((Exec *)data)->errors, bp_message_new(line, size, BP_TEXT));
}

static void on_output(BpPlugin *self, BpChild *child, BpChildPipe pipe, const guint8 *data, gsize size, gpointer user)
{
	Exec *exec = user;

	if (pipe == BP_CHILD_ERRORS)
		bp_lines_take(exec->complaints, data, size);
	else if (exec->output)
		bp_lines_take(exec->output, data, size);
	else
		bp_channel_send_bytes(exec->recv, data, size);
}

static gboolean wants_again(const Exec *exec, gboolean good)
{
	const char *restart = bp_instance_string(exec->self, "restart");

	return !strcmp(restart, "always") || (!good && !strcmp(restart, "on-failure"));
}

static void on_ended(BpPlugin *self, BpChild *child, gboolean good, const char *how, gpointer user)
{
	Exec *exec = user;

	exec->child = NULL;
	if (exec->output)
		bp_lines_end(exec->output);
	bp_lines_end(exec->complaints);
	bp_channel_printf(exec->events, "%s %s", exec->argv[0], how);
	if (wants_again(exec, good))
		bp_instance_set_state(exec->self, good ? BP_STATE_WAITING : BP_STATE_FAILED,
				      "%s %s; started again in %.0f s", exec->argv[0], how,
				      (double)bp_backoff_wait(exec->again) / G_USEC_PER_SEC);
	else
		bp_instance_set_state(exec->self, good ? BP_STATE_OK : BP_STATE_FAILED, "%s %s", exec->argv[0], how);
}

static gboolean start(Exec *exec, GError **error)
{
	static const BpChildEvents events = { .size = sizeof(events), .output = on_output, .ended = on_ended };
	BpChildOptions options = {
		.argv = (const char *const *)exec->argv,
		.folder = bp_instance_string(exec->self, "folder"),
		.settings = bp_values_list(bp_instance_values(exec->self), "env"),
		.memory = (guint64)bp_instance_int(exec->self, "memory"),
		.files = (guint)bp_instance_int(exec->self, "files"),
		.cpu = bp_instance_duration(exec->self, "cpu"),
		.backlog = (gsize)bp_instance_int(exec->self, "backlog_limit"),
	};

	exec->child = bp_child_start(exec->self, &options, &events, exec, error);
	if (!exec->child)
		return FALSE;
	bp_backoff_works(exec->again);
	bp_metric_add(exec->starts, 1);
	bp_channel_printf(exec->events, "%s started, pid %d", exec->argv[0], bp_child_pid(exec->child));
	bp_instance_set_state(exec->self, BP_STATE_OK, "runs, pid %d", bp_child_pid(exec->child));
	return TRUE;
}

static void on_again(BpPlugin *self, gpointer data)
{
	Exec *exec = data;
	g_autoptr(GError) error = NULL;

	if (!exec->child && !start(exec, &error))
		bp_instance_set_state(exec->self, BP_STATE_FAILED, "%s; tried again in %.0f s", error->message,
				      (double)bp_backoff_wait(exec->again) / G_USEC_PER_SEC);
}

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	Exec *exec = data;
	gsize size = bp_message_size(message);
	const char *text = bp_message_data(message);

	if (!exec->child)
		return;
	bp_child_write(exec->child, text, size);
	if (exec->output && (!size || text[size - 1] != '\n'))
		bp_child_write(exec->child, "\n", 1);
}

static void close_exec(BpInstance *self)
{
	Exec *exec = bp_instance_data(self);

	g_clear_pointer(&exec->child, bp_child_forget);
	bp_lines_free(exec->output);
	bp_lines_free(exec->complaints);
	g_strfreev(exec->argv);
}

static gboolean open_exec(BpInstance *self, GError **error)
{
	Exec *exec = bp_instance_data(self);
	g_autofree char *name = g_strconcat("exec-", bp_plugin_name(self), NULL);
	g_autoptr(GError) why = NULL;

	exec->self = self;
	if (!g_shell_parse_argv(bp_instance_string(self, "command"), NULL, &exec->argv, &why))
		return bp_fail(error, BP_INVALID, "command: %s", why->message);
	exec->recv = bp_instance_channel(self, "recv");
	exec->errors = bp_instance_channel(self, "errors");
	exec->events = bp_channel(self, name);
	exec->complaints = bp_lines_new(LINE_LIMIT, on_complaint, exec);
	if (bp_instance_bool(self, "lines"))
		exec->output = bp_lines_new(LINE_LIMIT, on_line, exec);
	exec->starts = bp_metric(self, "starts_total", BP_COUNTER, "times the program was started");
	exec->again = bp_backoff_new(self, bp_instance_duration(self, "restart_after"), 60 * G_USEC_PER_SEC, on_again,
				     exec);
	bp_channel_watch(self, bp_instance_channel(self, "send"), on_send, exec, NULL);
	if (start(exec, error))
		return TRUE;
	close_exec(self);
	return FALSE;
}

static void describe_exec(BpInstance *self, GString *text)
{
	Exec *exec = bp_instance_data(self);

	g_string_append_printf(text, "%s", bp_instance_string(self, "command"));
	if (exec->child && bp_child_dropped(exec->child))
		g_string_append_printf(text, "\n%" G_GUINT64_FORMAT " bytes were not written: it does not read",
				       bp_child_dropped(exec->child));
}

/* --- commands --- */

static Exec *find(BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name");
	BpInstance *instance = bp_instance_find(name);

	if (instance && !strcmp(bp_instance_module(instance)->name, "Exec"))
		return bp_instance_data(instance);
	bp_fail(error, BP_NOT_FOUND, "%s is no Exec; exec list shows them", name);
	return NULL;
}

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("Exec");
	BpTable *table = bp_table_new("Name", "Pid", "State", "Command", NULL);

	for (guint i = 0; i < list->len; i++) {
		Exec *exec = bp_instance_data(list->pdata[i]);
		g_autofree char *pid = exec->child ? g_strdup_printf("%d", bp_child_pid(exec->child)) : g_strdup("-");
		BpInstanceState state;

		state = bp_instance_state(exec->self);
		bp_table_row(table, "%s\t%s\t%s\t%s", bp_plugin_name(exec->self), pid,
			     *state.reason ? state.reason : "ok", bp_instance_string(exec->self, "command"));
	}
	bp_call_table(call, table);
	if (!list->len)
		bp_call_styled(call, BP_DIM, "none; module open Exec NAME command=\"...\" runs one");
	return TRUE;
}

static gboolean run_restart(BpPlugin *self, BpCall *call, GError **error)
{
	Exec *exec = find(call, error);

	if (!exec)
		return FALSE;
	bp_backoff_reset(exec->again);
	g_clear_pointer(&exec->child, bp_child_forget);
	return start(exec, error);
}

static gboolean run_signal(BpPlugin *self, BpCall *call, GError **error)
{
	Exec *exec = find(call, error);

	if (!exec)
		return FALSE;
	if (!exec->child)
		return bp_fail(error, BP_CLOSED, "%s does not run", bp_plugin_name(exec->self));
	bp_child_signal(exec->child, (int)bp_call_int(call, "signal"));
	return TRUE;
}

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = 1, .names = BP_AN_INSTANCE, .help = "the instance" },
	{ NULL },
};

static const BpParam signal_params[] = {
	{ .include = name_params },
	{ "signal", .kind = BP_ARGUMENT, .type = BP_INT, .fallback = "1", .min = 1, .max = 31,
	  .help = "its number; 1 is SIGHUP" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "exec list", .help = "programs that are kept running", .run = run_list },
	{ "exec restart", .help = "end a program and start it again now", .params = name_params, .run = run_restart,
	  .role = BP_OPERATOR },
	{ "exec signal", .example = "exec signal thermo 1", .help = "send a signal to a program and all it has started",
	  .params = signal_params, .run = run_signal, .role = BP_OPERATOR },
	{ NULL },
};

static const BpParam params[] = {
	{ "command", .required = 1, .help = "program and arguments, quoted as in a shell; nothing is expanded" },
	{ "lines", .type = BP_BOOL, .fallback = "yes", .help = "a message is a line; no: bytes as they come" },
	{ "restart", .type = BP_CHOICE, .choices = "always|on-failure|never", .fallback = "on-failure",
	  .help = "when it has ended" },
	{ "restart_after", .type = BP_DURATION, .fallback = "1s", .min = 0.01, .max = 3600,
	  .help = "first pause; doubled each time" },
	{ "folder", .help = "to run in; that of the host if left out" },
	{ "env", .many = 1, .help = "NAME=VALUE for its environment" },
	{ "memory", .type = BP_BYTES, .fallback = "0", .help = "address space at most; 0: no limit" },
	{ "cpu", .type = BP_DURATION, .fallback = "0", .help = "processor time at most; 0: no limit" },
	{ "files", .type = BP_INT, .fallback = "256", .min = 3, .max = 65536, .help = "open files at most" },
	{ "backlog_limit", .type = BP_BYTES, .fallback = "1M", .min = 1024, .max = 1073741824,
	  .help = "bytes that may wait for it" },
	{ NULL },
};

static const BpModule modules[] = {
	{ "Exec", .help = "a program whose input and output are channels, kept running", .params = params,
	  .size = sizeof(Exec), .open = open_exec, .close = close_exec, .describe = describe_exec },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpRole role = BP_ADMIN;

	return bp_registry_add(self, BP_MODULE_ROLE "Exec", &role, error);
}

BP_PLUGIN(.name = "exec", .version = "1.0", .summary = "Programs in any language on channels", .manual = manual,
	  .commands = commands, .modules = modules, .load = load);
