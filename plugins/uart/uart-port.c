/* SPDX-License-Identifier: MIT */
/* uart-port.c - module UART: a serial port on channels, opened again when it was unplugged.
 *
 * open - (hangup, error) - waiting - tried after a pause (backoff.h, reopen_min to reopen_max), or at once when udev tells of a tty.
 * What a port said is counted, kept for those who come later (replay), recorded, said on NAME/raw/recv and, cut into
 * frames, on NAME/recv.
 */
#include <fcntl.h>
#include <string.h>
#include "uart.h"

#define STREAM_LIMIT (32 * 1024) /* the rest waits in our queue, in which frames stay whole */
#define EVENTS_KEPT 8		 /* so that who comes later knows whether it is there */

/* --- from the line --- */

static void say(Uart *uart, BpChannel *channel, const guint8 *data, gsize size, BpChannel *reply)
{
	BpMessage *message;

	if (!bp_channel_is_watched(channel)) {
		bp_channel_note(channel, data, size);
		return;
	}
	message = bp_message_new(data, size, BP_BINARY);
	bp_message_set_origin(message, uart->origin);
	bp_message_set_reply_channel(message, reply);
	bp_channel_send_take(channel, message);
}

static void on_frame(const guint8 *data, gsize size, gpointer user)
{
	Uart *uart = user;

	say(uart, uart->recv, data, size, uart->send);
}

static void on_gap(BpPlugin *self, gpointer data)
{
	Uart *uart = data;

	uart->framing->pause(uart->decoder);
}

static void keep_for_replay(Uart *uart, const guint8 *data, gsize size)
{
	gsize part;

	if (!uart->replay_size)
		return;
	if (!uart->replay)
		uart->replay = g_malloc(uart->replay_size);
	if (size > uart->replay_size) {
		data += size - uart->replay_size;
		size = uart->replay_size;
	}
	part = MIN(size, uart->replay_size - uart->replay_at);
	memcpy(uart->replay + uart->replay_at, data, part);
	memcpy(uart->replay, data + part, size - part);
	uart->replay_at = (uart->replay_at + size) % uart->replay_size;
	uart->replay_used = MIN(uart->replay_used + size, uart->replay_size);
}

GByteArray *uart_replay(const Uart *uart)
{
	GByteArray *bytes = g_byte_array_sized_new((guint)uart->replay_used);
	gsize begin = uart->replay_used < uart->replay_size ? 0 : uart->replay_at;

	if (!uart->replay_used)
		return bytes;
	g_byte_array_append(bytes, uart->replay + begin, (guint)(uart->replay_used - begin));
	g_byte_array_append(bytes, uart->replay, (guint)begin);
	return bytes;
}

void uart_receive(Uart *uart, const guint8 *data, gsize size)
{
	uart->bytes_in += size;
	keep_for_replay(uart, data, size);
	if (uart->record)
		uart_record_add(uart, '<', data, size);
	if (uart->log)
		uart_log_add(uart, data, size);
	say(uart, uart->raw_recv, data, size, uart->raw_send);
	uart->framing->feed(uart->decoder, data, size);
	if (G_UNLIKELY(uart->decoder->advice) && !uart->advised) {
		uart->advised = TRUE;
		bp_channel_printf(uart->events, "%s, framing %s: %s", uart->path, uart->framing->name,
				  uart->decoder->advice);
	}
	if (!uart->framing->timed)
		return;
	if (uart->gap_timer)
		bp_timer_restart(uart->gap_timer);
	else
		bp_timer_once(&uart->gap_timer, uart->self, uart->gap, on_gap, uart);
}

/* --- to the line --- */

static void on_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	Uart *uart = data;
	g_autoptr(GByteArray) wire = NULL;
	g_autoptr(BpMessage) framed = NULL;

	if (uart->framing->encode) {
		wire = g_byte_array_sized_new((guint)bp_message_size(message) + 16);
		uart->framing->encode(&uart->framing_options, bp_message_data(message), bp_message_size(message), wire);
		framed = bp_message_new(wire->data, wire->len, BP_BINARY);
	}
	uart_queue_add(uart, framed ? framed : message);
}

static void on_raw_send(BpPlugin *self, BpMessage *message, gpointer data)
{
	uart_queue_add(data, message);
}

/* --- the stream --- */

static void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	uart_receive(user, data, size);
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	Uart *uart = user;

	uart->full = FALSE;
	uart_queue_pump(uart);
}

static void on_again(BpPlugin *self, gpointer data)
{
	uart_try_now(data);
}

/* `later`: the device may be plugged in later (waiting); otherwise a user must act (failed). */
static void set_waiting(Uart *uart, gboolean later, const char *why)
{
	bp_instance_set_state(uart->self, later ? BP_STATE_WAITING : BP_STATE_FAILED,
			      "%s; it is opened as soon as that works", why);
	uart_servers_look(uart);
	bp_backoff_wait(uart->again);
}

static void on_wait_over(BpPlugin *self, gpointer data)
{
	uart_queue_give_up(data);
	uart_servers_cut(data);
}

static void wait_for_device(Uart *uart)
{
	if (uart->wait)
		bp_timer_once(&uart->wait_timer, uart->self, uart->wait_time, on_wait_over, uart);
}

static void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	Uart *uart = user;
	g_autofree char *sentence = g_strdup_printf("%s is gone: %s", uart->path, why ? why->message : "unplugged");

	uart->stream = NULL;
	uart->full = FALSE;
	uart_queue_take_back(uart, bp_stream_stats(stream).bytes_out);
	/* Without a job: the output in the driver is not for the device that is plugged in next. */
	uart_line_close(&uart->line, NULL, FALSE);
	uart->breaking = FALSE;
	uart->framing->reset(uart->decoder);
	uart->refused = 0; /* report it again, once per outage */
	bp_channel_printf(uart->events, "%s; what is sent %s until it is back", sentence,
			  uart->wait ? "waits" : "is dropped");
	if (!uart->wait)
		uart_servers_cut(uart);
	uart_terms_note(uart, sentence);
	wait_for_device(uart);
	set_waiting(uart, TRUE, sentence);
}

static const BpStreamEvents stream_events = {
	.size = sizeof(stream_events), .data = on_data, .closed = on_closed, .drained = on_drained
};

static void say_settings(Uart *uart, const char *verb)
{
	g_autofree char *settings = uart_settings_text(&uart->settings);
	guint rate = uart->line.fd >= 0 ? uart_line_other_rate(&uart->line, &uart->settings) : 0;

	bp_channel_printf(uart->events, "%s is %s: %s", uart->path, verb, settings);
	if (rate)
		bp_channel_printf(uart->events, "%s runs at %u baud: its driver has no %u", uart->path, rate,
				  uart->settings.baud);
}

static gboolean try_open(Uart *uart, gboolean *later, GError **error)
{
	int fd;

	if (uart_remote_is(uart->path) ? !uart_remote_open(uart, later, error)
				       : !uart_line_open(&uart->line, uart->path, &uart->settings, later, error))
		return FALSE;
	fd = fcntl(uart->line.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		g_set_error(error, BP_IO_ERROR, BP_LIMIT, "%s: too many files are open", uart->path);
		uart_line_close(&uart->line, NULL, FALSE);
		return FALSE;
	}
	uart->stream = bp_stream_open_fd(uart->self, fd, &stream_events, uart);
	bp_stream_set_backlog(uart->stream, STREAM_LIMIT, BP_BACKLOG_CLOSE);
	uart->paused = uart->wait_over = FALSE;
	if (uart->wait_timer)
		bp_timer_remove(g_steal_pointer(&uart->wait_timer));
	bp_backoff_works(uart->again);
	uart->reopened++;
	g_clear_pointer(&uart->told, g_free);
	bp_instance_set_state(uart->self, BP_STATE_OK, "%s is open", uart->path);
	say_settings(uart, "open");
	uart_terms_note(uart, "the UART is open");
	uart_servers_look(uart);
	uart_servers_pace(uart);
	uart_queue_pump(uart);
	return TRUE;
}

void uart_wait_again(Uart *uart, gboolean later, const char *why)
{
	if (g_strcmp0(uart->told, why) != 0) {
		g_free(uart->told);
		uart->told = g_strdup(why);
		bp_channel_printf(uart->events, "%s; trying again", why);
	}
	set_waiting(uart, later, why);
}

void uart_try_now(Uart *uart)
{
	g_autoptr(GError) error = NULL;
	gboolean later;

	if (uart->stream)
		return;
	bp_backoff_stop(uart->again);
	if (!try_open(uart, &later, &error) && error)
		uart_wait_again(uart, later, error->message);
}

gboolean uart_set(Uart *uart, const UartSettings *settings, GError **error)
{
	if (!uart_settings_fit(settings, error))
		return FALSE;
	if (uart->line.fd >= 0 && !uart_line_apply(&uart->line, settings, error))
		return FALSE;
	uart->settings = *settings;
	say_settings(uart, "set");
	uart_servers_pace(uart);
	return TRUE;
}

void uart_keep_lines(Uart *uart)
{
	if (uart->settings.dtr == uart->configured.dtr && uart->settings.rts == uart->configured.rts)
		uart_line_modem(&uart->line, &uart->found_lines);
}

void uart_restore(Uart *uart)
{
	UartSettings before = uart->settings;
	g_autoptr(GError) error = NULL;

	if (!uart_set(uart, &uart->configured, &error)) {
		bp_channel_printf(uart->events, "%s keeps the settings of its last client: %s", uart->path,
				  error->message);
		return;
	}
	if (uart->line.fd < 0)
		return;
	if (before.dtr != UART_KEEP && uart->settings.dtr == UART_KEEP)
		uart_line_switch(&uart->line, UART_DTR, uart->found_lines & UART_DTR);
	if (before.rts != UART_KEEP && uart->settings.rts == UART_KEEP && uart->settings.flow != UART_FLOW_RTS_CTS)
		uart_line_switch(&uart->line, UART_RTS, uart->found_lines & UART_RTS);
}

static void on_break_end(BpPlugin *self, gpointer data)
{
	Uart *uart = data;

	if (uart->line.fd >= 0 && !uart->breaking)
		uart_line_break(&uart->line, FALSE);
}

void uart_break(Uart *uart, gint64 time)
{
	if (uart->line.fd < 0)
		return;
	if (uart->break_timer)
		bp_timer_remove(uart->break_timer);
	uart_line_break(&uart->line, TRUE);
	bp_timer_once(&uart->break_timer, uart->self, time, on_break_end, uart);
}

void uart_break_hold(Uart *uart, gboolean on)
{
	uart->breaking = on && uart->line.fd >= 0;
	if (uart->line.fd >= 0)
		uart_line_break(&uart->line, on);
}

/* --- the module --- */

static void on_framing_gone(BpPlugin *self, gpointer data)
{
	Uart *uart = data;

	bp_channel_printf(uart->events, "Framing %s has gone with its plugin; bytes are said as they come",
			  uart->framing_name);
	uart->framing->free(uart->decoder);
	uart->framing = &framing_raw;
	uart->decoder = uart->framing->decoder_new(&uart->framing_options, on_frame, uart);
	if (uart->gap_timer)
		bp_timer_remove(g_steal_pointer(&uart->gap_timer));
}

static gboolean take_framing(Uart *uart, GError **error)
{
	const char *end = bp_instance_string(uart->self, "line_end");
	g_autofree char *path = NULL;

	uart->framing_name = bp_instance_string(uart->self, "framing");
	path = g_strconcat("framing/", uart->framing_name, NULL);
	uart->framing = bp_registry_hold(uart->self, path, on_framing_gone, uart, NULL);
	if (!uart->framing) {
		g_auto(GStrv) names = bp_registry_list("framing/");
		g_autofree char *list = g_strjoinv(", ", names);

		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no framing %s: there are %s",
			    uart->framing_name, list);
		return FALSE;
	}
	uart->framing_options.limit = (gsize)bp_instance_int(uart->self, "frame_limit");
	uart->framing_options.line_end = strcmp(end, "crlf") == 0 ? "\r\n" : strcmp(end, "cr") == 0 ? "\r" : "\n";
	uart->framing_options.escape_xor = (guint8)bp_instance_int(uart->self, "escape_xor");
	uart->gap = bp_instance_duration(uart->self, "gap");
	/* Three characters and a half, 1.75 ms at least, as Modbus has it. */
	if (!uart->gap)
		uart->gap = MAX((gint64)(7 * 11 * G_USEC_PER_SEC / 2 / uart->settings.baud), 1750);
	uart->decoder = uart->framing->decoder_new(&uart->framing_options, on_frame, uart);
	return TRUE;
}

static void open_channels(Uart *uart)
{
	g_autofree char *events = g_strdup_printf("uart-%s", bp_plugin_name(uart->self));
	BpChannelOptions pure = { .pure = TRUE }, kept = { .replay = EVENTS_KEPT };

	uart->events = bp_channel(uart->self, events);
	bp_channel_set_options(uart->events, &kept);
	uart->recv = bp_instance_channel(uart->self, "recv");
	uart->send = bp_instance_channel(uart->self, "send");
	uart->raw_recv = bp_instance_channel(uart->self, "raw/recv");
	uart->raw_send = bp_instance_channel(uart->self, "raw/send");
	bp_channel_set_options(uart->send, &pure);
	bp_channel_set_options(uart->raw_send, &pure);
	bp_channel_watch(uart->self, uart->send, on_send, uart, NULL);
	bp_channel_watch(uart->self, uart->raw_send, on_raw_send, uart, NULL);
}

gboolean uart_open(BpInstance *self, GError **error)
{
	Uart *uart = bp_instance_data(self);
	g_autoptr(GError) why = NULL;
	gboolean later;

	uart->self = self;
	uart->line.fd = -1;
	uart->path = bp_instance_string(self, "port");
	g_queue_init(&uart->queue);
	g_queue_init(&uart->given);
	if (!uart_settings_of(bp_instance_values(self), &uart->settings, error))
		return FALSE;
	uart->configured = uart->settings;
	uart->backlog = (gsize)bp_instance_int(self, "backlog_limit");
	uart->lost_metric = bp_metric(self, "lost_messages_total", BP_COUNTER,
				      "messages that the port did not take in time");
	uart->drop_oldest = strcmp(bp_instance_string(self, "backlog_policy"), "drop-oldest") == 0;
	uart->wait = strcmp(bp_instance_string(self, "on_unplug"), "wait") == 0;
	uart->wait_time = bp_instance_duration(self, "wait_time");
	uart->char_delay = bp_instance_duration(self, "char_delay");
	uart->line_delay = bp_instance_duration(self, "line_delay");
	uart->window_bytes = (gsize)bp_instance_int(self, "window_bytes");
	uart->window_time = bp_instance_duration(self, "window_time");
	uart->replay_size = (gsize)bp_instance_int(self, "replay");
	open_channels(uart);
	if (!take_framing(uart, error))
		return FALSE;
	uart->origin = g_ref_string_new(uart->path);
	uart->again = bp_backoff_new(self, bp_instance_duration(self, "reopen_min"),
				     bp_instance_duration(self, "reopen_max"), on_again, uart);
	if (try_open(uart, &later, &why))
		return TRUE;
	if (!why) {
		bp_instance_set_state(self, BP_STATE_WAITING, "%s is being connected", uart->path);
		wait_for_device(uart);
		return TRUE;
	}
	if (!later) {
		g_propagate_error(error, g_steal_pointer(&why));
		uart_close(self);
		return FALSE;
	}
	uart->told = g_strdup(why->message);
	bp_channel_printf(uart->events, "%s; waiting for it", why->message);
	wait_for_device(uart);
	set_waiting(uart, TRUE, why->message);
	return TRUE;
}

/* The queue of the stream is still sent, on its own descriptor; the descriptor of the line is closed last, by a job. */
void uart_close(BpInstance *self)
{
	Uart *uart = bp_instance_data(self);

	uart_record_stop(uart);
	uart_log_stop(uart);
	if (uart->stream) {
		bp_stream_set_user(uart->stream, NULL, NULL);
		bp_stream_close(uart->stream);
	}
	if (uart->decoder)
		uart->framing->free(g_steal_pointer(&uart->decoder));
	uart_line_close(&uart->line, bp_plugin_of(self), uart->stream && bp_stream_queued(uart->stream));
	if (uart->connecting)
		uart_remote_close(g_steal_pointer(&uart->connecting));
	uart->stream = NULL;
	uart_servers_look(uart);
	uart_servers_resume(uart);
	uart_terms_note(uart, "the UART is closed");
	uart_queue_clear(uart);
	g_queue_clear_full(&uart->given, (GDestroyNotify)bp_message_unref);
	g_clear_pointer(&uart->origin, g_ref_string_release);
	g_clear_pointer(&uart->replay, g_free);
	g_clear_pointer(&uart->told, g_free);
	g_clear_pointer(&uart->writer, g_free);
}
