/* SPDX-License-Identifier: MIT */
/* uart-term.c - uart term: a session's keyboard and screen on a UART, until Ctrl-] and q.
 *
 * Behind Ctrl-]: q ends, b sends a break, g takes the writing over, i shows how the UART is, Ctrl-] sends itself, anything
 * else shows these. The UART may close and come again meanwhile.
 */
#include <string.h>
#include "uart.h"

#define ESCAPE 0x1d

typedef struct {
	BpCall *call;
	BpSession *session;
	char *name, *who;
	BpChannel *send;
	gboolean escaped, told, local_echo, crlf;
	gboolean after_cr; /* an LF that comes next belongs to the same Enter */
} UartTerminal;

static GList *terminals;

const BpParam uart_term_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "echo", 'e', .type = BP_BOOL, .fallback = "no", .help = "show what is typed, if the device does not" },
	{ "crlf", .type = BP_BOOL, .fallback = "no", .help = "Enter sends CR LF instead of CR" },
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

static void on_recv(BpPlugin *self, BpMessage *message, gpointer data)
{
	bp_session_send(((UartTerminal *)data)->session, bp_message_data(message), bp_message_size(message));
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
		g_autofree char *text = g_strdup_printf("%s is the writer; Ctrl-] g takes over", uart->writer);

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

/* FALSE: the terminal has ended. */
static gboolean take_escaped(UartTerminal *term, guint8 key)
{
	Uart *uart = uart_find(term->name, NULL);

	term->escaped = FALSE;
	switch (key) {
	case 'q':
	case 'Q':
		note(term, "left");
		term_end(term);
		return FALSE;
	case 'b':
		if (uart)
			uart_break(uart, UART_BREAK);
		break;
	case 'g':
		if (uart)
			uart_grab(uart, term->who);
		note(term, "you are the writer");
		break;
	case 'i':
		show_info(term);
		break;
	case ESCAPE:
		type(term, &key, 1);
		break;
	default:
		note(term,
		     "Ctrl-] q ends, b sends a break, g takes the writing over, i shows the state, Ctrl-] sends itself");
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
		g_byte_array_append(bytes, &byte, 1);
		if (byte == '\r' && term->crlf)
			g_byte_array_append(bytes, (const guint8 *)"\n", 1);
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
		const guint8 *escape = term->escaped ? data + at : memchr(data + at, ESCAPE, size - at);

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

gboolean uart_run_term(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	BpScope *scope = bp_call_scope(call);
	g_autoptr(GByteArray) said = NULL;
	BpChannel *recv;
	UartTerminal *term;

	if (!uart)
		return FALSE;
	term = g_new0(UartTerminal, 1);
	term->call = call;
	term->session = bp_call_session(call);
	term->name = g_strdup(bp_plugin_name(uart->self));
	term->who = g_strdup_printf("session/%u", bp_session_id(term->session));
	term->local_echo = bp_call_bool(call, "echo");
	term->crlf = bp_call_bool(call, "crlf");
	terminals = g_list_prepend(terminals, term);
	bp_call_hold(call, on_cancel, term);
	recv = bp_channel(scope, bp_channel_name(uart->raw_recv));
	term->send = bp_channel(scope, bp_channel_name(uart->raw_send));
	note(term, "Ctrl-] q ends");
	said = uart_replay(uart);
	bp_session_send(term->session, said->data, said->len);
	bp_channel_watch(scope, recv, on_recv, term, NULL);
	if (!bp_call_take_input(call, on_input, term)) {
		note(term, "another command has the keyboard");
		term_end(term);
	}
	return TRUE;
}
