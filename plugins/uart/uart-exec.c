/* SPDX-License-Identifier: MIT */
/* uart-exec.c - uart exec: a program whose standard input and output are a UART: sx, rz, a bootloader's tool, ...
 *
 * It is the writer while it runs. What it writes faster than the line takes stays in its pipe: it is not read while half of
 * the UART's backlog is used. Its standard error is shown to the session. An unplugged port ends it.
 */
#include <string.h>
#include <backplane/process.h>
#include "uart.h"

typedef struct {
	BpCall *call;
	BpChild *child;
	char *name, *who, *program, *why;
	BpChannel *send;
	gboolean paused;
} UartProgram;

static GList *programs;

const BpParam uart_exec_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "command", .kind = BP_ARGUMENT, .type = BP_REST, .required = 1,
	  .help = "program and arguments, as for a shell: sx /tmp/firmware.bin" },
	{ NULL },
};

static void program_end(UartProgram *program, GError *take_error)
{
	BpCall *call = program->call;
	Uart *uart = uart_find(program->name, NULL);

	programs = g_list_remove(programs, program);
	if (uart)
		uart_release(uart, program->who);
	g_free(program->name);
	g_free(program->who);
	g_free(program->program);
	g_free(program->why);
	g_free(program);
	bp_call_done(call, take_error);
}

static void stop(UartProgram *program, const char *why)
{
	if (program->why)
		return;
	program->why = g_strdup(why);
	bp_child_stop(program->child);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	UartProgram *program = data;

	bp_child_forget(program->child);
	program_end(program, NULL);
}

static void on_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	UartProgram *program = data;

	bp_child_write(program->child, bp_message_data(message), bp_message_size(message));
}

static void on_output(BpPlugin *self, BpChild *child, BpChildPipe pipe, const guint8 *data, gsize size, gpointer user)
{
	UartProgram *program = user;
	Uart *uart = uart_find(program->name, NULL);

	if (pipe == BP_CHILD_ERRORS) {
		bp_session_send(bp_call_session(program->call), data, size);
		return;
	}
	if (!uart || !uart->stream) {
		stop(program, "the UART is not open");
		return;
	}
	if (!uart_may_write(uart, program->who)) {
		g_autofree char *why = g_strdup_printf("%s has taken the writing over", uart->writer);

		stop(program, why);
		return;
	}
	uart->exempt = TRUE; /* one read more than half of the limit, at most */
	bp_channel_send_bytes(program->send, data, size);
	uart = uart_find(program->name, NULL);
	if (!uart)
		return;
	uart->exempt = FALSE;
	if (uart->queued > uart->backlog / 2) {
		program->paused = uart->throttled = TRUE;
		bp_child_set_reading(child, FALSE);
	}
}

static void on_ended(BpPlugin *self, BpChild *child, gboolean good, const char *how, gpointer user)
{
	UartProgram *program = user;
	guint64 dropped = bp_child_dropped(child);
	GError *error = NULL;

	if (program->why)
		bp_fail(&error, BP_CLOSED, "%s was stopped: %s", program->program, program->why);
	else if (!good)
		bp_fail(&error, BP_FAILED, "%s %s", program->program, how);
	if (dropped)
		bp_call_printf(program->call,
			       "%s has not read %" G_GUINT64_FORMAT " bytes that %s has sent: they are lost.",
			       program->program, dropped, program->name);
	program_end(program, error);
}

static const BpChildEvents events = { .size = sizeof(events), .output = on_output, .ended = on_ended };

void uart_programs_resume(Uart *uart, gboolean is_gone)
{
	for (GList *at = programs; at; at = at->next) {
		UartProgram *program = at->data;

		if (strcmp(program->name, bp_plugin_name(uart->self)) != 0)
			continue;
		if (program->paused)
			bp_child_set_reading(program->child, TRUE);
		program->paused = FALSE;
		if (is_gone)
			stop(program, "the UART was unplugged");
	}
}

gboolean uart_run_exec(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	BpScope *scope = bp_call_scope(call);
	g_auto(GStrv) argv = NULL;
	UartProgram *program;

	if (!uart || !g_shell_parse_argv(bp_call_string(call, "command"), NULL, &argv, error))
		return FALSE;
	if (!uart->stream)
		return bp_fail(error, BP_CLOSED, "%s is not open: module info %s says why", bp_plugin_name(uart->self),
			       bp_plugin_name(uart->self));
	program = g_new0(UartProgram, 1);
	program->child = bp_child_start(self, &(BpChildOptions){ .argv = (const char *const *)argv }, &events, program,
					error);
	if (!program->child) {
		g_free(program);
		return FALSE;
	}
	program->call = call;
	program->name = g_strdup(bp_plugin_name(uart->self));
	program->who = g_strdup_printf("session/%u", bp_session_id(bp_call_session(call)));
	program->program = g_strdup(argv[0]);
	programs = g_list_prepend(programs, program);
	bp_call_hold(call, on_cancel, program);
	uart_grab(uart, program->who);
	program->send = bp_channel(scope, bp_channel_name(uart->raw_send));
	bp_channel_watch(scope, bp_channel(scope, bp_channel_name(uart->raw_recv)), on_recv, program, NULL);
	return TRUE;
}
