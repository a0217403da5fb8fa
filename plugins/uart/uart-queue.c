/* SPDX-License-Identifier: MIT */
/* uart-queue.c - what waits to be sent: whole frames, within a limit, at the pace that the other side can take.
 *
 * With window_bytes no more than so many bytes leave within window_time, and no frame is split between two windows; one
 * that is larger has a window of its own. Frames that a pause ends (framing gap) are kept apart by that pause.
 */
#include "uart.h"

static void on_pace(BpPlugin *self, gpointer data)
{
	Uart *uart = data;

	uart->pace = NULL; /* it ran its one time */
	uart_queue_pump(uart);
}

/* How long the next frame must wait; 0: not at all. */
static gint64 pause_before(Uart *uart, gsize size, gint64 now)
{
	if (now < uart->quiet_until)
		return uart->quiet_until - now;
	if (!uart->window_bytes)
		return 0;
	if (now >= uart->window_end)
		uart->in_window = 0;
	if (uart->in_window && uart->in_window + size > uart->window_bytes)
		return uart->window_end - now;
	return 0;
}

static void note_sent(Uart *uart, gsize size, gint64 now)
{
	if (uart->window_bytes) {
		if (!uart->in_window)
			uart->window_end = now + uart->window_time;
		uart->in_window += size;
	}
	if (uart->framing->timed)
		uart->quiet_until = now + (gint64)(size * 11 * G_USEC_PER_SEC / uart->settings.baud) + uart->gap;
}

void uart_queue_pump(Uart *uart)
{
	BpMessage *message;

	while (uart->stream && !uart->full && !uart->pace && (message = g_queue_peek_head(&uart->queue))) {
		gsize size = bp_message_size(message);
		gint64 now = g_get_monotonic_time();
		gint64 pause = pause_before(uart, size, now);

		if (pause > 0) {
			uart->pace = bp_timer_add(uart->self, NULL, MAX(pause, 1000), 1, on_pace, uart, NULL);
			return;
		}
		g_queue_pop_head(&uart->queue);
		uart->queued -= size;
		note_sent(uart, size, now);
		uart->bytes_out += size;
		if (uart->record)
			uart_record_add(uart, '>', bp_message_data(message), size);
		uart->full = !bp_stream_send(uart->stream, message);
		bp_message_unref(message);
	}
	if (uart->throttled && uart->queued <= uart->backlog / 4)
		uart_servers_resume(uart);
}

static void drop_one(Uart *uart, BpMessage *take_message)
{
	if (!uart->lost++)
		bp_channel_printf(uart->events, "More is sent than %s takes: over %" G_GSIZE_FORMAT
				  " bytes were waiting, and messages are lost", uart->path, uart->backlog);
	bp_message_unref(take_message);
}

gboolean uart_queue_add(Uart *uart, BpMessage *message)
{
	gsize size = bp_message_size(message);

	if (!size)
		return TRUE;
	if (!uart->stream && !uart->wait) {
		if (!uart->refused++)
			bp_channel_printf(uart->events, "%s is not there: what is sent is dropped until it is", uart->path);
		return FALSE;
	}
	if (uart->queued + size > uart->backlog && !uart->drop_oldest && !uart->exempt) {
		drop_one(uart, bp_message_ref(message));
		return FALSE;
	}
	g_queue_push_tail(&uart->queue, bp_message_ref(message));
	uart->queued += size;
	/* One alone may be over the limit: its memory is there anyway. */
	while (uart->queued > uart->backlog && uart->queue.length > 1 && !uart->exempt) {
		BpMessage *oldest = g_queue_pop_head(&uart->queue);

		uart->queued -= bp_message_size(oldest);
		drop_one(uart, oldest);
	}
	uart_queue_pump(uart);
	return TRUE;
}

void uart_queue_clear(Uart *uart)
{
	BpMessage *message;

	while ((message = g_queue_pop_head(&uart->queue)))
		bp_message_unref(message);
	uart->queued = 0;
}
