/* SPDX-License-Identifier: MIT */
/* uart-term.c - uart term: a session's keyboard and screen on a UART, until Ctrl-] and q.
 *
 * The escape key (escape=^]) and then a key of `help_keys` control it. The UART may close and open again meanwhile.
 */
#include <string.h>
#include "uart.h"

static const char help_keys[] =
	"q ends, b sends a break, g takes the writing over, i shows the state, l the modem lines, d and r "
	"switch DTR and RTS, + and - the baud rate, h the hexadecimal view, e the echo, f the log to a file, %s sends itself";

typedef struct {
	BpCall *call;
	BpSession *session;
	char *name, *who;
	BpChannel *send;
	guint8 escape;	   /* a control character */
	const char *enter; /* what Enter sends */
	char newline;	   /* what the device ends lines with, shown as CR LF; 0: shown as it is */
	guint8 last;	   /* byte that was received */
	gboolean escaped, told, local_echo, hex;
	gboolean after_cr; /* an LF that comes next belongs to the same Enter */
} UartTerminal;

static GList *terminals;

const BpParam uart_term_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "echo", 'e', .type = BP_BOOL, .fallback = "no", .help = "show what is typed, if the device does not" },
	{ "enter", .type = BP_CHOICE, .choices = "cr|lf|crlf", .fallback = "cr", .help = "what Enter sends" },
	{ "newline", .type = BP_CHOICE, .choices = "keep|lf|cr", .fallback = "keep",
	  .help = "what the device ends lines with, to be shown as CR LF" },
	{ "hex", 'x', .type = BP_BOOL, .fallback = "no", .help = "show bytes as hexadecimal digits and text" },
	{ "escape", .fallback = "^]", .help = "escape key: ^A to ^_" },
	{ NULL },
};

static void term_end(UartTerminal *term)
{
	BpCall *call = term->call;
	Uart *uart = uart_find(term->name, NULL);

	terminals = g_list_remove(terminals, term);
	if (uart)
		uart_release(uart, term->who);
	g_free(term->name);
	g_free(term->who);
	g_free(term);
	bp_call_done(call, NULL);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	term_end(data);
}

static void show(UartTerminal *term, const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) bytes = NULL;
	g_autoptr(GString) text = NULL;

	if (term->hex) {
		text = g_string_sized_new(5 * size + 80);
		uart_hex(text, data, size, "", "\r\n");
		bp_session_send(term->session, text->str, text->len);
		return;
	}
	if (!term->newline) {
		bp_session_send(term->session, data, size);
		return;
	}
	bytes = g_byte_array_sized_new((guint)size + 16);
	for (gsize i = 0; i < size; term->last = data[i++]) {
		if (data[i] == '\n' && term->last == '\r')
			g_byte_array_append(bytes, data + i, term->newline == '\n');
		else if (data[i] == term->newline)
			g_byte_array_append(bytes, (const guint8 *)"\r\n", 2);
		else
			g_byte_array_append(bytes, data + i, 1);
	}
	bp_session_send(term->session, bytes->data, bytes->len);
}

static void on_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	show(data, bp_message_data(message), bp_message_size(message));
}

static void note(UartTerminal *term, const char *text)
{
	g_autofree char *line = g_strdup_printf("\r\n[%s]\r\n", text);

	bp_session_send(term->session, line, strlen(line));
}

void uart_terms_note(Uart *uart, const char *text)
{
	for (GList *at = terminals; at; at = at->next) {
		UartTerminal *term = at->data;

		if (strcmp(term->name, bp_plugin_name(uart->self)) != 0)
			continue;
		term->told = FALSE;
		note(term, text);
	}
}

static void type(UartTerminal *term, const guint8 *data, gsize size)
{
	Uart *uart = uart_find(term->name, NULL);

	if (!size)
		return;
	if (!uart || !uart->stream) {
		/* Once, and for each line. */
		if (!term->told || memchr(data, '\r', size))
			note(term, uart ? "not sent: the UART is unplugged" : "not sent: the UART is closed");
		term->told = TRUE;
		return;
	}
	if (!uart_may_write(uart, term->who)) {
		g_autofree char *text = g_strdup_printf("%s is the writer; Ctrl-%c g takes over", uart->writer,
							term->escape | '@');

		if (!term->told)
			note(term, text);
		term->told = TRUE;
		return;
	}
	term->told = FALSE;
	bp_channel_send_bytes(term->send, data, size);
	if (term->local_echo)
		bp_session_send(term->session, data, size);
}

static void show_info(UartTerminal *term)
{
	Uart *uart = uart_find(term->name, NULL);
	g_autoptr(GString) text = g_string_new(NULL);

	if (uart)
		uart_describe(uart->self, text);
	g_strchomp(text->str);
	text->len = strlen(text->str);
	g_string_replace(text, "\n", "\r\n", 0);
	note(term, uart ? text->str : "the UART is closed");
}

static void show_lines(UartTerminal *term, Uart *uart, guint toggled)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint lines;

	if (!uart_line_modem(&uart->line, &lines) ||
	    (toggled && !uart_line_switch(&uart->line, toggled, !(lines & toggled))) ||
	    !uart_line_modem(&uart->line, &lines)) {
		note(term, "it has no modem lines");
		return;
	}
	uart_lines_text(lines, text);
	note(term, text->str);
}

/* The next usual rate above or below. */
static void step_baud(UartTerminal *term, Uart *uart, gboolean up)
{
	static const guint rates[] = { 300,    600,    1200,   2400,   4800,	9600,	 19200,	  38400,  57600,
				       115200, 230400, 460800, 921600, 1000000, 1500000, 2000000, 3000000 };
	UartSettings settings = uart->settings;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
		guint rate = rates[up ? i : G_N_ELEMENTS(rates) - 1 - i];

		if (up ? rate > settings.baud : rate < settings.baud) {
			settings.baud = rate;
			break;
		}
	}
	text = uart_set(uart, &settings, &error) ? uart_settings_text(&uart->settings) : g_strdup(error->message);
	note(term, text);
}

static void show_help(UartTerminal *term)
{
	char key[] = { 'C', 't', 'r', 'l', '-', (char)(term->escape | '@'), 0 };
	g_autoptr(GString) text = g_string_new(help_keys);

	g_string_replace(text, "%s", key, 0);
	g_string_prepend(text, " ");
	g_string_prepend(text, key);
	note(term, text->str);
}

/* Keys that need an open port. */
static void take_line_key(UartTerminal *term, guint8 key)
{
	Uart *uart = uart_find(term->name, NULL);

	if (!uart || !uart->stream)
		note(term, uart ? "the UART is unplugged" : "the UART is closed");
	else if (key == 'b')
		uart_break(uart, UART_BREAK);
	else if (key == '+' || key == '-')
		step_baud(term, uart, key == '+');
	else
		show_lines(term, uart, key == 'd' ? UART_DTR : key == 'r' ? UART_RTS : 0);
}

static void toggle_log(UartTerminal *term, Uart *uart)
{
	g_autofree char *text = uart ? uart_log_toggle(uart) : g_strdup("the UART is closed");

	note(term, text);
}

/* FALSE: the terminal has ended. */
static gboolean take_escaped(UartTerminal *term, guint8 key)
{
	Uart *uart = uart_find(term->name, NULL);

	term->escaped = FALSE;
	if (key == term->escape) {
		type(term, &key, 1);
		return TRUE;
	}
	switch (key) {
	case 'q':
	case 'Q':
		note(term, "left");
		term_end(term);
		return FALSE;
	case 'b':
	case 'l':
	case 'd':
	case 'r':
	case '+':
	case '-':
		take_line_key(term, key);
		break;
	case 'h':
		term->hex = !term->hex;
		note(term, term->hex ? "hexadecimal" : "text");
		break;
	case 'e':
		term->local_echo = !term->local_echo;
		note(term, term->local_echo ? "echo" : "no echo");
		break;
	case 'f':
		toggle_log(term, uart);
		break;
	case 'g':
		if (uart)
			uart_grab(uart, term->who);
		note(term, "you are the writer");
		break;
	case 'i':
		show_info(term);
		break;
	default:
		show_help(term);
	}
	return TRUE;
}

/* Up to the next escape. Enter is CR; a transport that makes LF of it is put right. */
static void type_run(UartTerminal *term, const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) bytes = g_byte_array_sized_new((guint)size + 1);

	for (gsize i = 0; i < size; i++) {
		guint8 byte = data[i] == '\n' ? '\r' : data[i];
		gboolean same_enter = data[i] == '\n' && term->after_cr;

		term->after_cr = data[i] == '\r';
		if (same_enter)
			continue;
		if (byte == '\r')
			g_byte_array_append(bytes, (const guint8 *)term->enter, (guint)strlen(term->enter));
		else
			g_byte_array_append(bytes, &byte, 1);
	}
	type(term, bytes->data, bytes->len);
}

static gsize on_input(BpPlugin *self, const guint8 *data, gsize size, gpointer user)
{
	UartTerminal *term = user;
	gsize run;

	if (!size)
		term_end(term);
	for (gsize at = 0; at < size; at += run) {
		const guint8 *escape = term->escaped ? data + at : memchr(data + at, term->escape, size - at);

		run = escape ? (gsize)(escape - data) - at : size - at;

		if (term->escaped) {
			if (!take_escaped(term, data[at]))
				return at + 1;
			run = 1;
		} else {
			type_run(term, data + at, run);
			if (escape) {
				term->escaped = TRUE;
				run++;
			}
		}
	}
	return size;
}

static gboolean parse_escape(const char *text, guint8 *escape, GError **error)
{
	guint8 key = text[0] == '^' ? (guint8)g_ascii_toupper(text[1]) : 0;

	if (strlen(text) != 2 || key < 'A' || key > '_' || key == 'J' || key == 'M') {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID,
			    "escape=%s: write ^ and a letter or one of [ \\ ] ^ _, "
			    "but not ^J or ^M, which are Enter",
			    text);
		return FALSE;
	}
	*escape = key & 0x1f;
	return TRUE;
}

gboolean uart_run_term(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	BpScope *scope = bp_call_scope(call);
	const char *enter = bp_call_string(call, "enter"), *newline = bp_call_string(call, "newline");
	g_autoptr(GByteArray) said = NULL;
	g_autofree char *hint = NULL;
	BpChannel *recv;
	UartTerminal *term;
	guint8 escape;

	if (!uart)
		return FALSE;
	if (!parse_escape(bp_call_string(call, "escape"), &escape, error))
		return FALSE;
	term = g_new0(UartTerminal, 1);
	term->call = call;
	term->session = bp_call_session(call);
	term->name = g_strdup(bp_plugin_name(uart->self));
	term->who = g_strdup_printf("session/%u", bp_session_id(term->session));
	term->local_echo = bp_call_bool(call, "echo");
	term->escape = escape;
	term->hex = bp_call_bool(call, "hex");
	term->enter = strcmp(enter, "lf") == 0 ? "\n" : strcmp(enter, "crlf") == 0 ? "\r\n" : "\r";
	term->newline = strcmp(newline, "lf") == 0 ? '\n' : strcmp(newline, "cr") == 0 ? '\r' : 0;
	hint = g_strdup_printf("Ctrl-%c q ends", escape | '@');
	terminals = g_list_prepend(terminals, term);
	bp_call_hold(call, on_cancel, term);
	recv = bp_channel(scope, bp_channel_name(uart->raw_recv));
	term->send = bp_channel(scope, bp_channel_name(uart->raw_send));
	note(term, hint);
	said = uart_replay(uart);
	show(term, said->data, said->len);
	bp_channel_watch(scope, recv, on_recv, term, NULL);
	if (!bp_call_take_input(call, on_input, term)) {
		note(term, "another command has the keyboard");
		term_end(term);
	}
	return TRUE;
}
