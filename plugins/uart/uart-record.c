/* SPDX-License-Identifier: MIT */
/* uart-record.c - uart record: what passed on a line, with its times, in a file of text.
 *
 *	# uart recording of root, /dev/ttyUSB0, 2025-01-31T12:00:00Z
 *	0.000000 < ff00000366616b650afe
 *	1.250311 > ff4e494e464ffe
 *
 * Seconds since the beginning, which way (< from the device, > to it), the bytes.
 */
#include <string.h>
#include <backplane/writer.h>
#include "uart.h"

struct UartRecord {
	Uart *uart;
	BpWriter *writer;
	char *name;
	gint64 began;
	BpCall *call; /* waits for the file to be opened, or closed */
};

const BpParam uart_record_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "file", .kind = BP_ARGUMENT, .names = BP_A_FILE, .help = "new file; if left out, the recording ends" },
	{ NULL },
};

static void answer(UartRecord *record, GError *take_error)
{
	BpCall *call = g_steal_pointer(&record->call);

	if (call)
		bp_call_done(call, take_error);
	else
		g_clear_error(&take_error);
}

static void begin_record(UartRecord *record)
{
	Uart *uart = record->uart;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format_iso8601(now);
	g_autofree char *line = g_strdup_printf("# uart recording of %s, %s, %s\n", bp_plugin_name(uart->self),
						uart->path, date);

	uart_record_stop(uart);
	uart->record = record;
	record->began = g_get_monotonic_time();
	bp_writer_send(record->writer, line, strlen(line));
	answer(record, NULL);
}

static void end_record(UartRecord *record, const GError *error)
{
	Uart *uart = record->uart;

	if (!error && record->call)
		bp_call_printf(record->call,
			       bp_writer_stats(record->writer).lost ? "%s has gaps: the disk did not keep up."
								    : "%s is whole.",
			       record->name);
	if (error && record->began && !record->call && error->code != BP_CLOSED)
		bp_channel_printf(uart->events, "The recording is not whole: %s", error->message);
	answer(record, error ? g_error_copy(error) : NULL);
	if (uart->record == record)
		uart->record = NULL;
	g_free(record->name);
	g_free(record);
}

static void on_writer(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data)
{
	UartRecord *record = data;

	if (event == BP_WRITER_OPENED)
		begin_record(record);
	else if (event == BP_WRITER_CLOSED)
		end_record(record, error);
	else if (event == BP_WRITER_STALLED)
		bp_channel_printf(record->uart->events, "The recording waits: %s; lines are lost when too many wait",
				  error->message);
	else if (event == BP_WRITER_RESUMED)
		bp_channel_printf(record->uart->events,
				  "The recording %s goes on; %" G_GUINT64_FORMAT " lines are lost", record->name,
				  bp_writer_stats(writer).lost);
}

void uart_record_stop(Uart *uart)
{
	UartRecord *record = g_steal_pointer(&uart->record);

	if (record)
		bp_writer_close(record->writer);
}

const char *uart_record_file(const Uart *uart)
{
	return uart->record->name;
}

void uart_record_add(Uart *uart, char direction, gconstpointer data, gsize size)
{
	static const char digits[] = "0123456789abcdef";
	gint64 time = g_get_monotonic_time() - uart->record->began;
	g_autoptr(GString) line = g_string_sized_new(2 * MIN(size, UART_RECORD_PIECE) + 32);
	const guint8 *bytes = data;

	while (size) {
		gsize part = MIN(size, UART_RECORD_PIECE);

		g_string_printf(line, "%" G_GINT64_FORMAT ".%06d %c ", time / G_USEC_PER_SEC,
				(int)(time % G_USEC_PER_SEC), direction);
		for (gsize i = 0; i < part; i++) {
			g_string_append_c(line, digits[bytes[i] >> 4]);
			g_string_append_c(line, digits[bytes[i] & 15]);
		}
		g_string_append_c(line, '\n');
		bp_writer_send(uart->record->writer, line->str, line->len);
		bytes += part;
		size -= part;
	}
}

gboolean uart_run_record(BpPlugin *self, BpCall *call, GError **error)
{
	static const BpWriterOptions options = { .flags = BP_FILE_NEW | BP_FILE_NO_LINK };
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	const char *file = bp_call_string(call, "file");
	UartRecord *record;

	if (!uart)
		return FALSE;
	if (!file && !uart->record) {
		bp_call_print(call, "Nothing is recorded.");
		return TRUE;
	}
	record = file ? g_new0(UartRecord, 1) : uart->record;
	if (file) {
		record->uart = uart;
		record->name = g_strdup(file);
		record->writer = bp_writer_open(uart->self, file, &options, on_writer, record);
	} else {
		uart_record_stop(uart);
	}
	record->call = call;
	bp_call_hold(call, NULL, NULL);
	return TRUE;
}
