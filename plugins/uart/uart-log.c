/* SPDX-License-Identifier: MIT */
/* uart-log.c - uart log: what a device sends, in a file that grows, for people to read.
 *
 * Text has no escape sequences and no control characters but the ends of lines and tabs, so it can be searched, and shown on any terminal.
 * The name of the file may have the date: with another date another file begins.
 */
#include <string.h>
#include <backplane/kernel.h>
#include <backplane/writer.h>
#include "uart.h"

typedef enum { LOG_TEXT, LOG_HEX, LOG_RAW } LogFormat;
typedef enum { IN_TEXT, AFTER_ESCAPE, IN_SEQUENCE, IN_STRING } FilterState;

struct UartLog {
	Uart *uart;
	BpWriter *writer;
	guint writers; /* with those of former dates, which still write */
	char *pattern, *path;
	LogFormat format;
	gboolean stamped, in_line;
	gboolean beginning; /* its first file is not open yet */
	FilterState state;
	BpCall *call; /* waits for the file to be opened, or closed */
};

const BpParam uart_log_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "file", .kind = BP_ARGUMENT, .names = BP_A_FILE,
	  .help = "file to append to; %Y, %m, %d, %H are of the date; if left out, the log ends" },
	{ "format", 'f', .type = BP_CHOICE, .choices = "text|hex|raw", .fallback = "text",
	  .help = "text without escape sequences, hexadecimal digits, or the bytes as they are" },
	{ "time", 't', .type = BP_BOOL, .fallback = "no", .help = "each line begins with the time" },
	{ NULL },
};

static void on_writer(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data);

void uart_hex(GString *text, const guint8 *data, gsize size, const char *prefix, const char *end)
{
	for (gsize at = 0; at < size; at += UART_HEX_COLUMNS) {
		gsize count = MIN(size - at, UART_HEX_COLUMNS);

		g_string_append(text, prefix);
		for (gsize i = 0; i < count; i++)
			g_string_append_printf(text, "%02x ", data[at + i]);
		g_string_append_printf(text, "%*s", (int)(3 * (UART_HEX_COLUMNS - count) + 1), "");
		for (gsize i = 0; i < count; i++)
			g_string_append_c(text, g_ascii_isprint(data[at + i]) ? (char)data[at + i] : '.');
		g_string_append(text, end);
	}
}

/* TRUE: the byte is text. */
static gboolean filter(UartLog *log, guint8 byte)
{
	switch (log->state) {
	case AFTER_ESCAPE:
		log->state = byte == '['				 ? IN_SEQUENCE
			     : byte == ']' || byte == 'P' || byte == '_' ? IN_STRING
									 : IN_TEXT;
		if (byte >= ' ' && byte < '0') /* ESC ( B: another byte follows */
			log->state = AFTER_ESCAPE;
		return FALSE;
	case IN_SEQUENCE:
		if (byte >= '@' && byte <= '~') {
			log->state = IN_TEXT;
			return FALSE;
		}
		break;
	case IN_STRING:
		if (byte == '\a')
			log->state = IN_TEXT;
		break;
	default:
		break;
	}
	if (byte == 0x1b)
		log->state = AFTER_ESCAPE;
	else if (byte == '\n') /* one that is never ended does not hide what follows */
		log->state = IN_TEXT;
	else if (log->state != IN_TEXT)
		return FALSE;
	return byte == '\n' || byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static char *stamp(const UartLog *log)
{
	g_autoptr(GDateTime) now = log->stamped ? g_date_time_new_now_local() : NULL;

	return now ? g_date_time_format(now, "%Y-%m-%d %H:%M:%S.%f ") : g_strdup("");
}

static void open_writer(UartLog *log, char *take_path)
{
	static const BpWriterOptions options = { .flags = BP_FILE_APPEND | BP_FILE_NO_LINK };

	g_free(log->path);
	log->path = take_path;
	log->writers++;
	log->writer = bp_writer_open(log->uart->self, log->path, &options, on_writer, log);
}

static char *path_now(const UartLog *log)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();

	return strchr(log->pattern, '%') ? g_date_time_format(now, log->pattern) : g_strdup(log->pattern);
}

static void follow_date(UartLog *log)
{
	g_autofree char *path = strchr(log->pattern, '%') ? path_now(log) : NULL;
	BpWriter *before = log->writer;

	if (!path || strcmp(path, log->path) == 0)
		return;
	open_writer(log, g_steal_pointer(&path));
	bp_writer_close(before);
}

void uart_log_add(Uart *uart, const guint8 *data, gsize size)
{
	UartLog *log = uart->log;
	g_autoptr(GString) text = g_string_sized_new(size + 64);
	g_autofree char *time = stamp(log);

	follow_date(log);
	if (log->format == LOG_HEX)
		uart_hex(text, data, size, time, "\n");
	for (gsize i = 0; i < size && log->format != LOG_HEX; i++) {
		if (log->format == LOG_TEXT && !filter(log, data[i]))
			continue;
		if (!log->in_line)
			g_string_append(text, time);
		log->in_line = data[i] != '\n';
		g_string_append_c(text, (char)data[i]);
	}
	if (text->len)
		bp_writer_send(log->writer, text->str, text->len);
}

static void answer(UartLog *log, const GError *error)
{
	BpCall *call = g_steal_pointer(&log->call);

	if (call)
		bp_call_done(call, error ? g_error_copy(error) : NULL);
	else if (error && error->code != BP_CLOSED)
		bp_channel_printf(log->uart->events, "The log %s has ended: %s", log->path, error->message);
}

static void on_closed(UartLog *log, BpWriter *writer, const GError *error)
{
	log->writers--;
	if (writer == log->writer) {
		if (log->uart->log == log)
			log->uart->log = NULL;
		log->writer = NULL;
		answer(log, error);
	}
	if (log->writers)
		return;
	g_free(log->pattern);
	g_free(log->path);
	g_free(log);
}

static void on_writer(BpPlugin *self, BpWriter *writer, BpWriterEvent event, const GError *error, gpointer data)
{
	UartLog *log = data;
	Uart *uart = log->uart;

	if (event == BP_WRITER_CLOSED) {
		on_closed(log, writer, error);
	} else if (event == BP_WRITER_OPENED && log->beginning) {
		log->beginning = FALSE;
		uart_log_stop(uart);
		uart->log = log;
		answer(log, NULL);
	} else if (event == BP_WRITER_STALLED) {
		bp_channel_printf(uart->events, "The log %s waits: %s; data is lost when too much waits", log->path,
				  error->message);
	} else if (event == BP_WRITER_RESUMED) {
		bp_channel_printf(uart->events, "The log %s goes on; %" G_GUINT64_FORMAT " pieces are lost", log->path,
				  bp_writer_stats(writer).lost);
	}
}

void uart_log_stop(Uart *uart)
{
	UartLog *log = g_steal_pointer(&uart->log);

	if (log)
		bp_writer_close(log->writer);
}

static UartLog *log_new(Uart *uart, const char *pattern, LogFormat format, gboolean stamped, BpCall *call)
{
	UartLog *log = g_new0(UartLog, 1);

	log->uart = uart;
	log->call = call;
	log->pattern = g_strdup(pattern);
	log->format = format;
	log->stamped = stamped;
	log->beginning = TRUE;
	open_writer(log, path_now(log));
	return log;
}

char *uart_log_toggle(Uart *uart)
{
	g_autofree char *name = g_strdelimit(g_strdup(bp_plugin_name(uart->self)), "/%", '-');
	g_autofree char *pattern = g_strdup_printf("%s/uart-%s-%%Y-%%m-%%d.log", bp_kernel_state_folder(), name);
	char *text;

	if (!uart->log)
		return g_strdup_printf("logged to %s", log_new(uart, pattern, LOG_TEXT, TRUE, NULL)->path);
	text = g_strdup_printf("no longer logged to %s", uart->log->path);
	uart_log_stop(uart);
	return text;
}

const char *uart_log_file(const Uart *uart)
{
	return uart->log->path;
}

gboolean uart_run_log(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	const char *file = bp_call_string(call, "file"), *format = bp_call_string(call, "format");

	if (!uart)
		return FALSE;
	if (!file && !uart->log) {
		bp_call_print(call, "Nothing is logged.");
		return TRUE;
	}
	bp_call_hold(call, NULL, NULL);
	if (file) {
		log_new(uart, file,
			strcmp(format, "hex") == 0   ? LOG_HEX
			: strcmp(format, "raw") == 0 ? LOG_RAW
						     : LOG_TEXT,
			bp_call_bool(call, "time"), call);
	} else {
		uart->log->call = call;
		uart_log_stop(uart);
	}
	return TRUE;
}
