/* SPDX-License-Identifier: MIT */
/* console.c - the console on stdin and stdout.
 *
 * A terminal is opened anew by its name, so that non-blocking mode does not reach the shell that shares it.
 */
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/net.h>
#include <backplane/sessions.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <fcntl.h>

static const char manual[] =
	"Module Terminal is the console on the program's own terminal: history, Tab, colours. Where the input is a\n"
	"pipe or a file, its lines are run as they come, and the end of it ends the program; who reads what they print\n"
	"decides how fast: commands pause while stdout takes no more.\n"
	"\n"
	"  echo status | backplane\n";

static BpInstance *terminal; /* there is one stdin, so one instance at most */
static BpSession *session;
static BpStream *stream; /* of a terminal */
static guint64 lost;	 /* pieces of output of the terminal whose loss was reported */
static BpFd *source;	 /* of a pipe */
static struct termios before;
static gboolean is_raw;

static void end_program(void)
{
	session = NULL;
	bp_kernel_quit(0);
}

/* --- a terminal --- */

static void restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	is_raw = FALSE;
	bp_log_set_terminal(FALSE);
}

static void make_raw(void)
{
	struct termios raw;

	tcgetattr(STDIN_FILENO, &before);
	raw = before;
	raw.c_iflag &= (tcflag_t) ~(IXON | ICRNL | INLCR | IGNCR | ISTRIP | BRKINT);
	raw.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG | IEXTEN);
	raw.c_oflag |= OPOST | ONLCR;
	raw.c_cc[VQUIT] = raw.c_cc[VSUSP] =
		_POSIX_VDISABLE; /* Ctrl-C alone becomes a signal when the loop does not turn */
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	is_raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	bp_log_set_terminal(TRUE);
}

static void resized(void)
{
	struct winsize size;

	if (session && !ioctl(STDIN_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		bp_session_set_size(session, size.ws_col, size.ws_row);
}

static void on_data(BpPlugin *self, BpStream *from, const guint8 *data, gsize size, gpointer user)
{
	if (session)
		bp_session_receive(session, data, size);
}

static void on_closed(BpPlugin *self, BpStream *from, const GError *why, gpointer user)
{
	stream = NULL;
	if (session)
		bp_session_end(session, BP_END_PEER, NULL);
	if (!bp_kernel_is_quitting())
		bp_kernel_quit(0);
}

/* What was lost is reported when the terminal takes output again. */
static void on_drained(BpPlugin *self, BpStream *from, gpointer user)
{
	guint64 drops = bp_stream_stats(from).drops;

	if (session && drops > lost) {
		g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT
							" pieces of output were lost: the terminal does not keep up.",
							drops - lost);

		lost = drops;
		bp_session_notify(session, text);
	}
	if (session)
		bp_session_set_writable(session, TRUE);
}

static void terminal_send(BpPlugin *self, BpSession *from, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	if (stream && bp_stream_write(stream, data, size) != BP_SENT)
		bp_session_set_writable(from, FALSE);
}

static void terminal_end(BpPlugin *self, BpSession *from, BpEnd why, gpointer link)
{
	if (from == session) /* else the module closes */
		end_program();
}

static gboolean open_terminal(GError **error)
{
	static const BpSessionLink link = {
		.size = sizeof(link), .name = "terminal", .send = terminal_send, .end = terminal_end, .own = TRUE
	};
	static const BpStreamEvents events = {
		.size = sizeof(events), .data = on_data, .closed = on_closed, .drained = on_drained
	};
	BpSessionOptions options = { .handler = bp_handler_find("console"),
				     .link = &link,
				     .peer = "terminal",
				     .role = BP_ADMIN,
				     .input = &bp_session_input,
				     .terminal = TRUE,
				     .type = g_getenv("TERM") };
	struct winsize size;
	int fd = open(ttyname(STDIN_FILENO) ? ttyname(STDIN_FILENO) : "/dev/tty",
		      O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		g_set_error(error, BP_IO_ERROR, BP_FAILED, "the terminal cannot be opened: %s", g_strerror(errno));
		return FALSE;
	}
	make_raw();
	stream = bp_stream_open_fd(terminal, fd, &events, NULL);
	lost = 0;
	/* More than the terminal can show costs its oldest lines, never the program. */
	bp_stream_set_backlog(stream, 0, BP_BACKLOG_DROP_OLDEST);
	if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &size)) {
		options.columns = size.ws_col;
		options.rows = size.ws_row;
	}
	session = bp_session_open(terminal, &options, error);
	return !!session;
}

/* --- a batch --- */

static void batch_send(BpPlugin *self, BpSession *from, gconstpointer data, gsize size, gboolean text, gpointer link)
{
	if (bp_stdout_write(data, size) != BP_SENT)
		bp_session_set_writable(from, FALSE);
}

static void batch_end(BpPlugin *self, BpSession *from, BpEnd why, gpointer link)
{
	if (from != session)
		return; /* the module closes */
	session = NULL;
	if (!bp_kernel_is_quitting())
		bp_kernel_quit(bp_session_failed(from) ? 1 : 0);
}

static gboolean wanted = TRUE; /* more of stdin */

/* FALSE: that was the end, or no more is wanted. */
static gboolean take(const char *bytes, gssize size)
{
	if (size > 0)
		return bp_session_receive(session, bytes, (gsize)size);
	bp_session_receive_end(session);
	return FALSE;
}

static void on_pipe(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	char buffer[16384];
	gssize size = session ? read(STDIN_FILENO, buffer, sizeof(buffer)) : 0;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if ((!session || !take(buffer, size)) && source) {
		bp_fd_remove(source);
		source = NULL;
	}
}

/* A file is always readable, so epoll does not take it, and its disk may be slow: a job reads it. */
static struct {
	char bytes[16384];
	gssize size;
	gboolean reading;
} piece;

static void read_work(BpJob *job, gpointer data)
{
	do
		piece.size = read(STDIN_FILENO, piece.bytes, sizeof(piece.bytes));
	while (piece.size < 0 && errno == EINTR);
}

static void read_file(void);

static void on_read(BpPlugin *self, gboolean cancelled, gpointer data)
{
	piece.reading = FALSE;
	if (session && !cancelled && take(piece.bytes, piece.size))
		read_file();
}

static void read_file(void)
{
	if (session && wanted && !piece.reading)
		piece.reading = bp_job_add(terminal, "read stdin", read_work, on_read, NULL, NULL) != NULL;
}

static void batch_input(BpPlugin *self, BpSession *from, gboolean on, gpointer link)
{
	wanted = on;
	if (source)
		bp_fd_set_events(source, on ? BP_IN : 0);
	else
		read_file();
}

static gboolean open_batch(GError **error)
{
	static const BpSessionLink link = { .size = sizeof(link),
					    .name = "batch",
					    .send = batch_send,
					    .end = batch_end,
					    .input = batch_input,
					    .own = TRUE };
	BpSessionOptions options = { .handler = bp_handler_find("console"),
				     .link = &link,
				     .input = &bp_session_input,
				     .peer = "batch",
				     .role = BP_ADMIN,
				     .quiet = TRUE };

	session = bp_session_open(terminal, &options, error);
	if (!session)
		return FALSE;
	source = bp_fd_add(terminal, STDIN_FILENO, BP_IN, on_pipe, NULL, NULL);
	if (!source)
		read_file();
	return TRUE;
}

/* --- the module --- */

static void on_signal(BpPlugin *self, BpMessage *message, gpointer data)
{
	if (!strcmp(bp_message_data(message), "SIGWINCH"))
		resized();
	else if (!strcmp(bp_message_data(message), "STDOUT") && session)
		bp_session_set_writable(session, TRUE);
}

static gboolean open_module(BpInstance *self, GError **error)
{
	if (terminal) {
		g_set_error(error, BP_HOST_ERROR, BP_BUSY, "%s has stdin and stdout already", bp_plugin_name(terminal));
		return FALSE;
	}
	terminal = self;
	bp_channel_watch(self, bp_channel(self, BP_SIGNALS), on_signal, NULL, NULL);
	if (isatty(STDIN_FILENO) ? open_terminal(error) : open_batch(error)) {
		bp_instance_set_state(self, BP_STATE_OK, "reads %s",
				      isatty(STDIN_FILENO) ? "the terminal" : "standard input");
		return TRUE;
	}
	restore();
	terminal = NULL;
	return FALSE;
}

/* It leaves the terminal; the program goes on without one. */
static void close_module(BpInstance *self)
{
	BpSession *last = g_steal_pointer(&session);

	if (last)
		bp_session_end(last, BP_END_SHUTDOWN, NULL);
	/* A prompt that stands there is taken away, so that the shell's stands alone. */
	if (stream)
		bp_stream_write(stream, "\r\033[K", 4);
	restore();
	if (stream)
		bp_stream_set_user(stream, NULL, NULL);
	stream = NULL;
	source = NULL;
	terminal = NULL;
}

static const BpModule modules[] = {
	{ "Terminal", .help = "the console on stdin and stdout", .open = open_module, .close = close_module },
	{ NULL },
};

BP_PLUGIN(.name = "console", .version = "1.0", .summary = "The console on the terminal that the program was started on",
	  .manual = manual, .modules = modules);
