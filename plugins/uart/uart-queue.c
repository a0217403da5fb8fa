/* SPDX-License-Identifier: MIT */
/* uart-queue.c - what waits to be sent: whole frames, within a limit, at the pace that the other side can take.
 *
 * With window_bytes no more than so many bytes leave within window_time, and no frame is split between two windows; one
 * that is larger has a window of its own. Frames that a pause ends (framing gap) are kept apart by that pause.
 *
 * With char_delay or line_delay a message is sent in pieces of one byte or one line.
 *
 * What the stream was given is remembered until it has written it, as a port may be unplugged in between.
 */
#include "uart.h"

static void on_pace(BpPlugin *self, gpointer data)
{
	Uart *uart = data;

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

/* The bytes of the first message that are sent at once: one, or a line, if a pause follows it; else all. */
static gsize size_of_piece(const Uart *uart, const guint8 *data, gsize size)
{
	gsize at = 0;

	if (uart->char_delay)
		return 1;
	if (!uart->line_delay)
		return size;
	while (at < size && data[at] != '\n' && data[at] != '\r')
		at++;
	at += at + 1 < size && data[at] == '\r' && data[at + 1] == '\n';
	return MIN(at + 1, size);
}

/* Takes the next piece from the queue. */
static BpMessage *take_piece(Uart *uart, gint64 now)
{
	BpMessage *message = g_queue_peek_head(&uart->queue), *piece;
	const guint8 *data = (const guint8 *)bp_message_data(message) + uart->cut;
	gsize left = bp_message_size(message) - uart->cut, size = size_of_piece(uart, data, left);

	uart->queued -= size;
	if (uart->char_delay || uart->line_delay)
		uart->quiet_until = now + (gint64)(size * 11 * G_USEC_PER_SEC / uart->settings.baud) +
				    (data[size - 1] == '\n' || data[size - 1] == '\r'
					     ? MAX(uart->line_delay, uart->char_delay)
					     : uart->char_delay);
	if (!uart->cut && size == left)
		return g_queue_pop_head(&uart->queue);
	piece = bp_message_new(data, size, BP_BINARY);
	uart->cut += size;
	if (size == left) {
		bp_message_unref(g_queue_pop_head(&uart->queue));
		uart->cut = 0;
	}
	return piece;
}

static void forget_written(Uart *uart, guint64 written)
{
	BpMessage *message;

	while ((message = g_queue_peek_head(&uart->given)) && uart->written + bp_message_size(message) <= written) {
		uart->written += bp_message_size(message);
		bp_message_unref(g_queue_pop_head(&uart->given));
	}
}

/* What was lost since the queue was full first, once it has room again. */
static void report_drops(Uart *uart)
{
	if (G_LIKELY(uart->lost == uart->drops_reported))
		return;
	bp_channel_printf(uart->events, "%s takes more again: %" G_GUINT64_FORMAT " messages were lost", uart->path,
			  uart->lost - uart->drops_reported);
	uart->drops_reported = uart->lost;
}

void uart_queue_pump(Uart *uart)
{
	BpMessage *message;

	if (uart->stream)
		forget_written(uart, bp_stream_stats(uart->stream).bytes_out);
	while (uart->stream && !uart->full && !uart->pace && (message = g_queue_peek_head(&uart->queue))) {
		const guint8 *data = (const guint8 *)bp_message_data(message) + uart->cut;
		gsize size = size_of_piece(uart, data, bp_message_size(message) - uart->cut);
		gint64 now = g_get_monotonic_time();
		gint64 pause = pause_before(uart, size, now);

		if (pause > 0) {
			bp_timer_once(&uart->pace, uart->self, pause, on_pace, uart);
			return;
		}
		message = take_piece(uart, now);
		note_sent(uart, size, now);
		uart->bytes_out += size;
		if (uart->record)
			uart_record_add(uart, '>', bp_message_data(message), size);
		uart->full = bp_stream_send(uart->stream, message) != BP_SENT;
		g_queue_push_tail(&uart->given, message);
	}
	if (uart->queued > uart->backlog / 4)
		return;
	report_drops(uart);
	if (uart->throttled)
		uart_servers_resume(uart);
}

static void count_lost(Uart *uart, guint count)
{
	uart->lost += count;
	bp_metric_add(uart->lost_metric, count);
}

static void drop_one(Uart *uart, BpMessage *take_message)
{
	if (uart->lost == uart->drops_reported)
		bp_channel_printf(uart->events,
				  "More is sent than %s takes: over %" G_GSIZE_FORMAT
				  " bytes were waiting, and messages are lost",
				  uart->path, uart->backlog);
	count_lost(uart, 1);
	bp_message_unref(take_message);
}

gboolean uart_queue_is_taking(const Uart *uart)
{
	return uart->stream || (uart->wait && !uart->wait_over);
}

gboolean uart_queue_add(Uart *uart, BpMessage *message)
{
	gsize size = bp_message_size(message);

	if (!size)
		return TRUE;
	if (!uart_queue_is_taking(uart)) {
		if (!uart->refused++)
			bp_channel_printf(uart->events, "%s is not there: what is sent is dropped until it is",
					  uart->path);
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

		uart->queued -= bp_message_size(oldest) - uart->cut;
		uart->cut = 0;
		drop_one(uart, oldest);
	}
	uart_queue_pump(uart);
	return TRUE;
}

/* A frame that was cut is sent again whole, as nobody can do anything with its second half; of bytes, the rest is. */
static BpMessage *without_written(Uart *uart, BpMessage *message, guint64 written)
{
	gsize part = (gsize)(written - uart->written);

	if (!part || uart->framing != &framing_raw)
		return bp_message_ref(message);
	return bp_message_new((const guint8 *)bp_message_data(message) + part, bp_message_size(message) - part,
			      BP_BINARY);
}

static void lose_queue(Uart *uart, const char *why)
{
	count_lost(uart, uart->queue.length);
	bp_channel_printf(uart->events, "%s %s: %u messages (%" G_GSIZE_FORMAT " bytes) are lost", uart->path, why,
			  uart->queue.length, uart->queued);
	uart->drops_reported = uart->lost;
	uart_queue_clear(uart);
}

void uart_queue_take_back(Uart *uart, guint64 written)
{
	BpMessage *message;

	if (uart->cut) {
		message = g_queue_pop_head(&uart->queue);
		g_queue_push_head(&uart->queue, bp_message_new((const guint8 *)bp_message_data(message) + uart->cut,
							       bp_message_size(message) - uart->cut, BP_BINARY));
		bp_message_unref(message);
		uart->cut = 0;
	}
	forget_written(uart, written);
	if ((message = g_queue_peek_head(&uart->given))) {
		g_queue_peek_head_link(&uart->given)->data = without_written(uart, message, written);
		bp_message_unref(message);
	}
	while ((message = g_queue_pop_tail(&uart->given))) {
		uart->queued += bp_message_size(message);
		uart->bytes_out -= bp_message_size(message);
		g_queue_push_head(&uart->queue, message);
	}
	uart->written = 0;
	if (uart->wait || !uart->queued)
		return;
	lose_queue(uart, "went before it took all");
}

void uart_queue_give_up(Uart *uart)
{
	uart->wait_over = TRUE;
	if (uart->queued)
		lose_queue(uart, "is away for longer than wait_time");
}

void uart_queue_clear(Uart *uart)
{
	BpMessage *message;

	while ((message = g_queue_pop_head(&uart->queue)))
		bp_message_unref(message);
	uart->queued = uart->cut = 0;
}
