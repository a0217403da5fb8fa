/* SPDX-License-Identifier: MIT */
/* uart-record.c - uart record, uart replay: what passed on a line, with its times, in a file of text.
 *
 *	# uart recording of root, /dev/ttyUSB0, 2025-01-31T12:00:00Z
 *	0.000000 < ff00000366616b650afe
 *	1.250311 > ff4e494e464ffe
 *
 * Seconds since the beginning, which way (< from the device, > to it), the bytes. A replay plays what came from the device:
 * into a UART as if it came on its line, else on NAME/raw/recv and, by a framing, on NAME/recv, so that a recording
 * stands in for a device. It is read as it is played, so its length costs no memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "uart.h"

#define PIECE (32 * 1024) /* bytes of a line */
#define LINE_SIZE (2 * PIECE + 64)
#define LINES_A_TURN 1024

/* --- record --- */

struct UartRecord {
	FILE *file;
	char *name;
	gint64 began;
};

const BpParam uart_record_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART" },
	{ "file", .kind = BP_ARGUMENT, .names = BP_A_FILE, .help = "new file; if left out, the recording ends" },
	{ NULL },
};

gboolean uart_record_start(Uart *uart, const char *name, GError **error)
{
	g_autofree char *date = NULL;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	UartRecord *record;

	if (fd < 0) {
		int number = errno;

		g_set_error(error, BP_IO_ERROR, number == EEXIST ? BP_EXISTS : BP_FAILED, "%s: %s", name, g_strerror(number));
		return FALSE;
	}
	uart_record_stop(uart);
	record = uart->record = g_new0(UartRecord, 1);
	record->file = fdopen(fd, "w");
	setvbuf(record->file, NULL, _IOLBF, LINE_SIZE);
	record->name = g_strdup(name);
	record->began = g_get_monotonic_time();
	date = g_date_time_format_iso8601(now);
	fprintf(record->file, "# uart recording of %s, %s, %s\n", bp_plugin_name(uart->self), uart->path, date);
	return TRUE;
}

void uart_record_stop(Uart *uart)
{
	UartRecord *record = g_steal_pointer(&uart->record);

	if (!record)
		return;
	if (fclose(record->file) != 0)
		bp_channel_printf(uart->events, "The recording %s is not whole: %s", record->name, g_strerror(errno));
	g_free(record->name);
	g_free(record);
}

const char *uart_record_file(const Uart *uart)
{
	return uart->record->name;
}

void uart_record_add(Uart *uart, char direction, gconstpointer data, gsize size)
{
	static const char digits[] = "0123456789abcdef";
	gint64 time = g_get_monotonic_time() - uart->record->began;
	FILE *file = uart->record->file;
	const guint8 *bytes = data;

	while (size) {
		gsize part = MIN(size, PIECE);

		fprintf(file, "%" G_GINT64_FORMAT ".%06d %c ", time / G_USEC_PER_SEC, (int)(time % G_USEC_PER_SEC), direction);
		for (gsize i = 0; i < part; i++) {
			putc_unlocked(digits[bytes[i] >> 4], file);
			putc_unlocked(digits[bytes[i] & 15], file);
		}
		putc_unlocked('\n', file);
		bytes += part;
		size -= part;
	}
	if (!ferror(file))
		return;
	bp_channel_printf(uart->events, "The recording %s has ended: %s", uart->record->name, g_strerror(errno));
	uart_record_stop(uart);
}

gboolean uart_run_record(BpPlugin *self, BpCall *call, GError **error)
{
	Uart *uart = uart_find(bp_call_string(call, "name"), error);
	const char *file = bp_call_string(call, "file");

	if (!uart)
		return FALSE;
	if (file)
		return uart_record_start(uart, file, error);
	if (uart->record)
		bp_call_printf(call, "%s is whole.", uart_record_file(uart));
	else
		bp_call_print(call, "Nothing is recorded.");
	uart_record_stop(uart);
	return TRUE;
}

/* --- replay --- */

typedef struct {
	BpCall *call;
	FILE *file;
	char *name, *line;
	guint number;	     /* of the line */
	gint64 began, first; /* clock at the beginning; time of the first line */
	double speed;
	gboolean into_uart, started, have;
	gint64 time;	     /* of the line that is due next */
	guint8 bytes[PIECE];
	gsize size;
	guint64 played;
	BpChannel *recv, *raw;
	const BpFraming *framing;
	BpDecoder *decoder;
} Replay;

const BpParam uart_replay_params[] = {
	{ "file", .kind = BP_ARGUMENT, .names = BP_A_FILE, .required = 1, .help = "recording" },
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "UART, or the name of one to stand in for" },
	{ "speed", 's', BP_DOUBLE, .fallback = "1", .min = 0, .max = 1000000, .help = "2 is twice as fast, 0 as fast as it goes" },
	{ "framing", 'f', .fallback = "raw", .help = "where there is no such UART: cuts into messages" },
	{ NULL },
};

static void replay_end(Replay *replay, GError *take_error)
{
	BpCall *call = replay->call;

	if (!take_error)
		bp_call_printf(call, "%" G_GUINT64_FORMAT " bytes were played.", replay->played);
	if (replay->decoder)
		replay->framing->free(replay->decoder);
	fclose(replay->file);
	g_free(replay->name);
	g_free(replay->line);
	g_free(replay);
	bp_call_done(call, take_error);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	replay_end(data, NULL);
}

static int digit(char c)
{
	return g_ascii_xdigit_value(c);
}

/* SECONDS.MICROSECONDS WAY HEX; FALSE: it is not such a line. */
static gboolean parse_line(Replay *replay, gboolean *came)
{
	char *at = replay->line;
	guint64 seconds = g_ascii_strtoull(at, &at, 10), fraction = 0;
	guint places = 0;
	gsize digits;

	if (at == replay->line || seconds > G_MAXINT32)
		return FALSE;
	if (*at == '.')
		for (at++; g_ascii_isdigit(*at); at++, places++)
			fraction = places < 6 ? fraction * 10 + (guint64)(*at - '0') : fraction;
	for (; places < 6; places++)
		fraction *= 10;
	if (at[0] != ' ' || (at[1] != '<' && at[1] != '>') || at[2] != ' ')
		return FALSE;
	digits = strspn(at + 3, "0123456789abcdefABCDEF");
	if (digits % 2 || digits / 2 > PIECE || !strchr("\r\n", at[3 + digits]))
		return FALSE;
	*came = at[1] == '<';
	for (gsize i = 0; i < digits / 2; i++)
		replay->bytes[i] = (guint8)(digit(at[3 + 2 * i]) << 4 | digit(at[4 + 2 * i]));
	replay->size = digits / 2;
	replay->time = (gint64)(seconds * G_USEC_PER_SEC + fraction);
	return TRUE;
}

/* FALSE: there is none, or (with an error) it is wrong. */
static gboolean read_next(Replay *replay, GError **error)
{
	gboolean came = FALSE;

	while (!came) {
		if (!fgets(replay->line, LINE_SIZE, replay->file))
			return FALSE;
		replay->number++;
		if (*replay->line == '#' || *replay->line == '\n')
			continue;
		if (!parse_line(replay, &came)) {
			g_set_error(error, BP_HOST_ERROR, BP_INVALID, "line %u is none of a recording: write SECONDS < HEX",
				    replay->number);
			return FALSE;
		}
	}
	if (!replay->started) {
		replay->started = TRUE;
		replay->first = replay->time;
	}
	return TRUE;
}

static void on_frame(const guint8 *data, gsize size, gpointer user)
{
	bp_channel_send_bytes(((Replay *)user)->recv, data, size);
}

static gboolean play(Replay *replay, GError **error)
{
	Uart *uart = replay->into_uart ? uart_find(replay->name, error) : NULL;

	if (replay->into_uart && !uart)
		return FALSE;
	replay->played += replay->size;
	if (uart) {
		uart_receive(uart, replay->bytes, replay->size);
		return TRUE;
	}
	bp_channel_send_bytes(replay->raw, replay->bytes, replay->size);
	replay->framing->feed(replay->decoder, replay->bytes, replay->size);
	if (replay->framing->pause)
		replay->framing->pause(replay->decoder);
	return TRUE;
}

static void on_timer(BpPlugin *self, gpointer data)
{
	Replay *replay = data;
	gint64 now = g_get_monotonic_time(), pause = 1000;
	GError *error = NULL;

	for (guint i = 0; i < LINES_A_TURN; i++) {
		gint64 due;

		if (!replay->have && !read_next(replay, &error)) {
			replay_end(replay, error);
			return;
		}
		replay->have = TRUE;
		due = replay->speed > 0 ? replay->began + (gint64)((double)(replay->time - replay->first) / replay->speed) : now;
		if (due > now) {
			pause = due - now;
			break;
		}
		replay->have = FALSE;
		if (!play(replay, &error)) {
			replay_end(replay, error);
			return;
		}
	}
	bp_timer_add(bp_call_scope(replay->call), NULL, MAX(pause, 1000), 1, on_timer, replay, NULL);
}

static gboolean take_stand_in(Replay *replay, const char *framing, GError **error)
{
	g_autofree char *path = g_strconcat("framing/", framing, NULL);
	g_autofree char *recv = g_strconcat(replay->name, "/recv", NULL), *raw = g_strconcat(replay->name, "/raw/recv", NULL);

	/* Ours only: another plugin could go while this plays. */
	replay->framing = bp_registry_find(path);
	if (replay->framing != &framing_raw && replay->framing != &framing_lines && replay->framing != &framing_slip &&
	    replay->framing != &framing_cobs && replay->framing != &framing_mesh && replay->framing != &framing_gap) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no framing %s here: raw, lines, slip, cobs, mesh or gap",
			    framing);
		return FALSE;
	}
	if (!bp_channel_check_name(raw, error))
		return FALSE;
	replay->recv = bp_channel(bp_call_scope(replay->call), recv);
	replay->raw = bp_channel(bp_call_scope(replay->call), raw);
	replay->decoder = replay->framing->decoder_new(NULL, on_frame, replay);
	return TRUE;
}

gboolean uart_run_replay(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "file");
	FILE *file = fopen(name, "re");
	Replay *replay;

	if (!file) {
		g_set_error(error, BP_IO_ERROR, BP_NOT_FOUND, "%s: %s", name, g_strerror(errno));
		return FALSE;
	}
	replay = g_new0(Replay, 1);
	replay->call = call;
	replay->file = file;
	replay->name = g_strdup(bp_call_string(call, "name"));
	replay->speed = bp_call_double(call, "speed");
	replay->into_uart = uart_find(replay->name, NULL) != NULL;
	if (!replay->into_uart && !take_stand_in(replay, bp_call_string(call, "framing"), error)) {
		fclose(file);
		g_free(replay->name);
		g_free(replay);
		return FALSE;
	}
	replay->line = g_malloc(LINE_SIZE);
	replay->began = g_get_monotonic_time();
	bp_call_hold(call, on_cancel, replay);
	bp_timer_add(bp_call_scope(replay->call), NULL, 1000, 1, on_timer, replay, NULL);
	return TRUE;
}
