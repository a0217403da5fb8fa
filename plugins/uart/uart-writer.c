/* SPDX-License-Identifier: MIT */
/* uart-writer.c - the permitted writer, if there may be only one: the first one that writes, until another takes over. */
#include <string.h>
#include "uart.h"

gboolean uart_may_write(Uart *uart, const char *who)
{
	if (!uart->writer) {
		uart->writer = g_strdup(who);
		bp_channel_printf(uart->events, "%s is the writer", who);
	}
	return strcmp(uart->writer, who) == 0;
}

void uart_grab(Uart *uart, const char *who)
{
	g_autofree char *before = g_steal_pointer(&uart->writer);

	uart->writer = g_strdup(who);
	uart->grabbed = TRUE;
	if (before && strcmp(before, who) == 0)
		return;
	bp_channel_printf(uart->events, before ? "%s is the writer, no longer %s" : "%s is the writer", who, before);
}

void uart_release(Uart *uart, const char *who)
{
	if (!uart->writer || (who && strcmp(uart->writer, who) != 0))
		return;
	bp_channel_printf(uart->events, "%s is the writer no longer", uart->writer);
	uart->grabbed = FALSE;
	g_clear_pointer(&uart->writer, g_free);
}
