/* SPDX-License-Identifier: MIT */
/* uart-replay.c - uart replay: a recording is played as if it came from the device.
 *
 * Into a UART as if it came on its line, else on NAME/raw/recv and, by a framing, on NAME/recv, so that a recording
 * stands in for a device. Jobs read it as it is played, so its length costs no memory.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "uart.h"

#define LINE_SIZE (2 * UART_RECORD_PIECE + 64)
#define LINES_A_TURN 1024
#define READ_SIZE (128 * 1024)

typedef struct {
	BpCall *call; /* NULL: it has ended, and waits for its job */
	char *file, *name;
	GString *text; /* read and not yet played, from `at` on; the job's while there is one */
	gsize at;
	int fd;
	guint jobs;
	gboolean at_end, left_known;
	gint64 left;	     /* bytes of the file, as it was when it was opened */
	GError *failure;     /* of the job */
	guint number;	     /* of the line */
	gint64 began, first; /* clock at the beginning; time of the first line */
	double speed;
	gboolean into_uart, started, have;
	gint64 time; /* of the line that is due next */
	guint8 bytes[UART_RECORD_PIECE];
	gsize size;
	guint64 played;
	BpChannel *recv, *raw;
	const BpFraming *framing;
	BpDecoder *decoder;
} Replay;

const BpParam uart_replay_params[] = {
	{ "file", .kind = BP_ARGUMENT, .names = BP_A_FILE, .required = 1, .help = "recording" },
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1,
	  .help = "UART, or the name of one to stand in for" },
	{ "speed", 's', BP_DOUBLE, .fallback = "1", .min = 0, .max = 1000000,
	  .help = "2 is twice as fast, 0 as fast as it goes" },
	{ "framing", 'f', .fallback = "raw", .help = "where there is no such UART: cuts into messages" },
	{ NULL },
};

static void replay_free(Replay *replay)
{
	if (replay->decoder)
		replay->framing->free(replay->decoder);
	if (replay->fd >= 0)
		close(replay->fd);
	g_clear_error(&replay->failure);
	g_string_free(replay->text, TRUE);
	g_free(replay->file);
	g_free(replay->name);
	g_free(replay);
}

/* Timers and channels are the call's. */
static void replay_end(Replay *replay, GError *take_error)
{
	BpCall *call = g_steal_pointer(&replay->call);

	if (!take_error)
		bp_call_printf(call, "%" G_GUINT64_FORMAT " bytes were played.", replay->played);
	if (!replay->jobs)
		replay_free(replay);
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
static gboolean parse_line(Replay *replay, const char *line, gboolean *came)
{
	char *at;
	guint64 seconds = g_ascii_strtoull(line, &at, 10), fraction = 0;
	guint places = 0;
	gsize digits;

	if (at == line || seconds > G_MAXINT32)
		return FALSE;
	if (*at == '.')
		for (at++; g_ascii_isdigit(*at); at++, places++)
			fraction = places < 6 ? fraction * 10 + (guint64)(*at - '0') : fraction;
	for (; places < 6; places++)
		fraction *= 10;
	if (at[0] != ' ' || (at[1] != '<' && at[1] != '>') || at[2] != ' ')
		return FALSE;
	digits = strspn(at + 3, "0123456789abcdefABCDEF");
	if (digits % 2 || digits / 2 > UART_RECORD_PIECE || (at[3 + digits] && at[3 + digits] != '\r'))
		return FALSE;
	*came = at[1] == '<';
	for (gsize i = 0; i < digits / 2; i++)
		replay->bytes[i] = (guint8)(digit(at[3 + 2 * i]) << 4 | digit(at[4 + 2 * i]));
	replay->size = digits / 2;
	replay->time = (gint64)(seconds * G_USEC_PER_SEC + fraction);
	return TRUE;
}

/* The next line without its end; NULL: none is whole, and more of the file may be. */
static char *take_line(Replay *replay)
{
	char *line = replay->text->str + replay->at;
	gsize left = replay->text->len - replay->at;
	char *newline = memchr(line, '\n', left);

	if (!left || (!newline && !replay->at_end && left < LINE_SIZE))
		return NULL;
	if (newline)
		*newline = '\0';
	replay->at = newline ? (gsize)(newline + 1 - replay->text->str) : replay->text->len;
	return line;
}

/* FALSE: there is none, or (with an error) it is wrong. */
static gboolean read_next(Replay *replay, GError **error)
{
	gboolean came = FALSE;
	char *line;

	while (!came) {
		line = take_line(replay);
		if (!line)
			return FALSE;
		replay->number++;
		if (*line == '#' || !*line)
			continue;
		if (!parse_line(replay, line, &came)) {
			g_set_error(error, BP_HOST_ERROR, BP_INVALID,
				    "line %u is none of a recording: write SECONDS < HEX", replay->number);
			return FALSE;
		}
	}
	if (!replay->started) {
		replay->started = TRUE;
		replay->began = g_get_monotonic_time();
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

/* The end of a file that goes on. */
static void drop_cut_line(GString *text)
{
	const char *newline = g_strrstr_len(text->str, (gssize)text->len, "\n");

	g_string_truncate(text, newline ? (gsize)(newline + 1 - text->str) : 0);
}

static void read_work(BpJob *job, gpointer data)
{
	Replay *replay = data;
	gsize before = replay->text->len;
	struct stat info;
	gssize got;

	if (replay->fd < 0)
		replay->fd = bp_file_open(replay->file, BP_FILE_READ, &replay->failure);
	if (replay->fd < 0)
		return;
	/* A recording that is being written is played as it was when this began, else it could play itself for ever. */
	if (!replay->left_known)
		replay->left = fstat(replay->fd, &info) == 0 ? info.st_size : 0;
	replay->left_known = TRUE;
	g_string_set_size(replay->text, before + READ_SIZE);
	do
		got = read(replay->fd, replay->text->str + before, (gsize)MIN(replay->left, READ_SIZE));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		g_set_error(&replay->failure, BP_IO_ERROR, BP_FAILED, "%s: %s", replay->file, g_strerror(errno));
	g_string_truncate(replay->text, before + (gsize)MAX(got, 0));
	replay->left -= MAX(got, 0);
	replay->at_end = got <= 0;
	if (replay->at_end && fstat(replay->fd, &info) == 0 && info.st_size > lseek(replay->fd, 0, SEEK_CUR))
		drop_cut_line(replay->text);
}

static void on_timer(BpPlugin *self, gpointer data);

/* Not called when the call has ended: its job is forgotten with it. */
static void on_read(BpPlugin *self, gboolean cancelled, gpointer data)
{
	Replay *replay = data;

	if (replay->failure || cancelled)
		replay_end(replay, g_steal_pointer(&replay->failure));
	else
		on_timer(self, replay);
}

static void on_job_gone(gpointer data)
{
	Replay *replay = data;

	if (!--replay->jobs && !replay->call)
		replay_free(replay);
}

static void read_more(Replay *replay)
{
	g_string_erase(replay->text, 0, (gssize)replay->at);
	replay->at = 0;
	replay->jobs++;
	if (bp_job_add(bp_call_scope(replay->call), "read recording", read_work, on_read, replay, on_job_gone))
		return;
	replay_end(replay, g_error_new(BP_IO_ERROR, BP_LIMIT, "%s: too many jobs wait", replay->file));
}

static void on_timer(BpPlugin *self, gpointer data)
{
	Replay *replay = data;
	gint64 now = g_get_monotonic_time(), pause = 1000;
	GError *error = NULL;

	for (guint i = 0; i < LINES_A_TURN; i++) {
		gint64 due;

		if (!replay->have && !read_next(replay, &error)) {
			if (error || replay->at_end)
				replay_end(replay, error);
			else
				read_more(replay);
			return;
		}
		replay->have = TRUE;
		due = replay->speed > 0
			      ? replay->began + (gint64)((double)(replay->time - replay->first) / replay->speed)
			      : now;
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
	g_autofree char *recv = g_strconcat(replay->name, "/recv", NULL),
			*raw = g_strconcat(replay->name, "/raw/recv", NULL);

	/* Ours only: another plugin could go while this plays. */
	replay->framing = bp_registry_find(path);
	if (replay->framing != &framing_raw && replay->framing != &framing_lines && replay->framing != &framing_slip &&
	    replay->framing != &framing_cobs && replay->framing != &framing_mesh && replay->framing != &framing_gap) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no framing %s here: raw, lines, slip, cobs, mesh or gap", framing);
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
	Replay *replay = g_new0(Replay, 1);

	replay->call = call;
	replay->fd = -1;
	replay->file = g_strdup(bp_call_string(call, "file"));
	replay->name = g_strdup(bp_call_string(call, "name"));
	replay->text = g_string_new(NULL);
	replay->speed = bp_call_double(call, "speed");
	replay->into_uart = uart_find(replay->name, NULL) != NULL;
	if (!replay->into_uart && !take_stand_in(replay, bp_call_string(call, "framing"), error)) {
		replay_free(replay);
		return FALSE;
	}
	bp_call_hold(call, on_cancel, replay);
	read_more(replay);
	return TRUE;
}
