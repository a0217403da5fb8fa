/* SPDX-License-Identifier: MIT */
/* uart-commands.c - uart open, close, info, break, lines, grab, release: the modules for people in a hurry. */
#include <string.h>
#include "uart.h"

Uart *uart_find(const char *name, GError **error)
{
	BpInstance *instance = bp_instance_find(name);

	if (instance && strcmp(bp_instance_module(instance)->name, "UART") == 0)
		return bp_instance_data(instance);
	g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no UART %s: `uart list` shows those there are", name);
	return NULL;
}

const char *uart_state(const Uart *uart)
{
	return uart->stream ? "open" : "waiting";
}

#define COUNT "%" G_GUINT64_FORMAT

void uart_describe(BpInstance *self, GString *text)
{
	const Uart *uart = bp_instance_data(self);
	guint rate = uart->stream ? uart_line_other_rate(&uart->line, &uart->settings) : 0;
	const BpFramingCounts *counts = &uart->decoder->counts;
	g_autofree char *settings = uart_settings_text(&uart->settings);

	g_string_append_printf(text, "%s, %s, %s, by %s\n", uart->path, uart_state(uart), settings,
			       !uart->stream	   ? "nothing"
			       : uart->line.remote ? "the other host"
			       : uart->line.port   ? "libserialport"
						   : "termios");
	if (rate)
		g_string_append_printf(text, "runs at %u baud: its driver has no %u\n", rate, uart->settings.baud);
	g_string_append_printf(text,
			       COUNT " bytes in, " COUNT " bytes out, %" G_GSIZE_FORMAT " waiting, " COUNT
				     " messages lost, " COUNT " refused, opened " COUNT " times\n",
			       uart->bytes_in, uart->bytes_out, uart->queued, uart->lost, uart->refused,
			       uart->reopened);
	g_string_append_printf(text,
			       "framing %s: " COUNT " frames, " COUNT " bytes dropped, " COUNT " broken, " COUNT
			       " cut, " COUNT " too long\n",
			       uart->framing->name, counts->frames, counts->dropped, counts->broken, counts->cut,
			       counts->too_long);
	if (uart->decoder->advice)
		g_string_append_printf(text, COUNT " frames are not ours: %s\n", counts->foreign,
				       uart->decoder->advice);
	if (uart->writer)
		g_string_append_printf(text, "writer %s\n", uart->writer);
	if (uart->record)
		g_string_append_printf(text, "recorded to %s\n", uart_record_file(uart));
	if (uart->log)
		g_string_append_printf(text, "logged to %s\n", uart_log_file(uart));
	if (uart->told)
		g_string_append_printf(text, "%s\n", uart->told);
}

/* --- open, close --- */

/* The parameters of the module as options too, so that `--baud 9600` and `baud=9600` are the same. */
static const BpParam open_params[] = {
	{ "port", .kind = BP_ARGUMENT, .required = 1, .names = BP_A_FILE, .help = "device, as `uart list` shows it" },
	{ "name", .kind = BP_ARGUMENT, .required = 1, .help = "instance name, so of its channels" },
	{ "parameters", .kind = BP_ARGUMENT, .many = 1, .help = "key=value, as of module UART" },
	{ "baud", 'b', .help = "bits a second" },
	{ "bits", .help = "data bits" },
	{ "parity", .help = "none, odd, even, mark or space" },
	{ "stop", .help = "stop bits" },
	{ "flow", .help = "none, rtscts, xonxoff or dtrdsr" },
	{ "framing", 'f', .help = "raw, lines, slip, cobs, mesh, gap, ..." },
	{ NULL },
};

static gboolean take_values(BpCall *call, BpValues *values, GError **error)
{
	static const char *const options[] = { "port", "baud", "bits", "parity", "stop", "flow", "framing" };

	for (guint i = 0; i < G_N_ELEMENTS(options); i++)
		if (bp_call_has(call, options[i]) &&
		    !bp_values_set(values, options[i], bp_call_string(call, options[i]), error))
			return FALSE;
	return bp_values_set_pairs(values, bp_call_list(call, "parameters"), error);
}

static gboolean run_open(BpPlugin *self, BpCall *call, GError **error)
{
	BpValues *values = bp_values_new(uart_params);
	g_autofree char *settings = NULL;
	BpInstance *instance;
	Uart *uart;

	if (!take_values(call, values, error) ||
	    !bp_access_may_open("UART", values, bp_session_role(bp_call_session(call)), error)) {
		bp_values_free(values);
		return FALSE;
	}
	instance = bp_module_open("UART", bp_call_string(call, "name"), "/", values, error);
	if (!instance)
		return FALSE;
	uart = bp_instance_data(instance);
	settings = uart_settings_text(&uart->settings);
	if (uart->stream)
		bp_call_printf(call, "%s is open as %s: %s.", uart->path, bp_plugin_name(instance), settings);
	else
		bp_call_printf(call, "%s waits: %s.", bp_plugin_name(instance), uart->told);
	return TRUE;
}

static const BpParam name_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ NULL },
};

static gboolean run_close(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);

	if (!uart)
		return FALSE;
	bp_call_printf(call, "Closed %s.", bp_plugin_name(uart->self));
	bp_instance_close(uart->self, NULL);
	return TRUE;
}

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!uart)
		return FALSE;
	uart_describe(uart->self, text);
	bp_call_print(call, g_strchomp(text->str));
	return TRUE;
}

/* --- break, lines --- */

static const BpParam break_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "time", .kind = BP_ARGUMENT, .type = BP_DURATION, .fallback = "250ms", .min = 0.001, .max = 10,
	  .help = "how long" },
	{ NULL },
};

static Uart *find_open(const char *name, GError **error)
{
	Uart *uart = uart_find(name, error);

	if (!uart || uart->stream)
		return uart;
	g_set_error(error, BP_HOST_ERROR, BP_CLOSED, "%s is not open now: %s", name,
		    uart->told ? uart->told : "it was unplugged");
	return NULL;
}

static gboolean run_break(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = find_open(bp_call_string(call, "name"), error);

	if (!uart)
		return FALSE;
	uart_break(uart, bp_call_duration(call, "time"));
	return TRUE;
}

static const BpParam lines_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "dtr", .type = BP_CHOICE, .choices = "on|off", .help = "set DTR" },
	{ "rts", .type = BP_CHOICE, .choices = "on|off", .help = "set RTS" },
	{ NULL },
};

void uart_lines_text(guint lines, GString *text)
{
	static const char *const names[] = { "CTS", "DSR", "RI", "DCD", "DTR", "RTS" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		g_string_append_printf(text, "%s%s %s", i ? ", " : "", names[i], lines & 1u << i ? "on" : "off");
}

static gboolean switch_line(Uart *uart, BpCall *call, const char *name, guint line, GError **error)
{
	const char *value = bp_call_string(call, name);

	if (!value || uart_line_switch(&uart->line, line, strcmp(value, "on") == 0))
		return TRUE;
	g_set_error(error, BP_IO_ERROR, BP_FAILED, "%s has no line %s that could be set", uart->path, name);
	return FALSE;
}

static gboolean run_lines(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = find_open(bp_call_string(call, "name"), error);
	g_autoptr(GString) text = g_string_new(NULL);
	guint lines;

	if (!uart || !switch_line(uart, call, "dtr", UART_DTR, error) ||
	    !switch_line(uart, call, "rts", UART_RTS, error))
		return FALSE;
	if (!uart_line_modem(&uart->line, &lines)) {
		g_set_error(error, BP_IO_ERROR, BP_FAILED, "%s has no modem lines", uart->path);
		return FALSE;
	}
	uart_lines_text(lines, text);
	bp_call_print(call, text->str);
	return TRUE;
}

/* --- grab, release --- */

static const BpParam grab_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "who", .kind = BP_ARGUMENT, .help = "connection SERVER/NUMBER or session/NUMBER; this session if left out" },
	{ NULL },
};

static gboolean is_there(const char *who)
{
	if (g_str_has_prefix(who, "session/"))
		return bp_session_find((guint)g_ascii_strtoull(who + strlen("session/"), NULL, 10)) != NULL;
	return uart_server_has(who);
}

static gboolean run_grab(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	g_autofree char *own = g_strdup_printf("session/%u", bp_session_id(bp_call_session(call)));
	const char *who = bp_call_has(call, "who") ? bp_call_string(call, "who") : own;

	if (!uart)
		return FALSE;
	if (!is_there(who)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no %s: write SERVER/NUMBER, as on %s, or session/NUMBER", who,
			    bp_channel_name(uart->events));
		return FALSE;
	}
	uart_grab(uart, who);
	bp_call_printf(call, "%s is the writer of %s.", who, bp_plugin_name(uart->self));
	return TRUE;
}

static gboolean run_release(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);

	if (!uart)
		return FALSE;
	uart_release(uart, NULL);
	bp_call_printf(call, "Who writes to %s next is its writer.", bp_plugin_name(uart->self));
	return TRUE;
}

const BpCommand uart_commands[] = {
	{ "uart list", .run = uart_run_list, .role = BP_OBSERVER,
	  .help = "the serial ports there are, and who uses them" },
	{ "uart open", .params = open_params, .run = run_open, .role = BP_OPERATOR,
	  .help = "opens a serial port on channels" },
	{ "uart close", .params = name_params, .run = run_close, .role = BP_OPERATOR, .help = "closes a UART" },
	{ "uart info", .params = name_params, .run = run_info, .role = BP_OBSERVER,
	  .help = "how a UART is: state, counts, framing" },
	{ "uart break", .params = break_params, .run = run_break, .role = BP_OPERATOR, .help = "sends a break" },
	{ "uart lines", .params = lines_params, .run = run_lines, .role = BP_OPERATOR,
	  .help = "shows the modem lines, or sets DTR and RTS" },
	{ "uart term", .params = uart_term_params, .run = uart_run_term, .role = BP_OPERATOR,
	  .help = "a terminal on a UART; the escape key (Ctrl-]) and q leave it" },
	{ "uart exec", .params = uart_exec_params, .run = uart_run_exec, .role = BP_ADMIN,
	  .help = "runs a program whose input and output are the UART (sx, rz, ...)" },
	{ "uart grab", .params = grab_params, .run = run_grab, .role = BP_OPERATOR, .help = "takes over the writing" },
	{ "uart release", .params = name_params, .run = run_release, .role = BP_OPERATOR,
	  .help = "lets the next user write" },
	{ "uart record", .params = uart_record_params, .run = uart_run_record, .role = BP_ADMIN,
	  .help = "writes what passes, with times, to a new file" },
	{ "uart log", .params = uart_log_params, .run = uart_run_log, .role = BP_ADMIN,
	  .help = "appends what the device sends to a file, as text" },
	{ "uart replay", .params = uart_replay_params, .run = uart_run_replay, .role = BP_ADMIN,
	  .help = "plays a recording as if it came on the line" },
	{ NULL },
};
