/* SPDX-License-Identifier: MIT */
/* uart-line.c - a tty: opening, settings, modem lines, break.
 *
 * libserialport knows real serial ports; what it refuses (it looks in sysfs and needs TIOCMGET, so ptys) is opened as it
 * is and set by termios2. A link such as /dev/serial/by-id/... is followed first, as libserialport does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "uart.h"

#define DRAIN_TIME (2 * G_USEC_PER_SEC)
#define DRAIN_STEP (10 * G_TIME_SPAN_MILLISECOND)

/* --- closing --- */

/* A descriptor whose last bytes are still on their way. */
typedef struct {
	int fd;
	dev_t device;
	gint kept; /* atomic: the device is open again, so its output is not ours to throw away */
} DrainingPort;

static GMutex closer_lock;
static GList *closers; /* under the lock */

static dev_t device_of(int fd)
{
	struct stat info;

	return fstat(fd, &info) == 0 ? info.st_rdev : 0;
}

static gboolean has_unsent(int fd)
{
	int waiting = 0;

	return ioctl(fd, TIOCOUTQ, &waiting) == 0 && waiting > 0;
}

/* TRUE once. */
static gboolean end_closer(DrainingPort *closer)
{
	gboolean ours;

	g_mutex_lock(&closer_lock);
	ours = g_list_find(closers, closer) != NULL;
	closers = g_list_remove(closers, closer);
	if (ours && !closer->kept)
		tcflush(closer->fd, TCOFLUSH);
	g_mutex_unlock(&closer_lock);
	return ours;
}

/* The last close of a tty waits until its driver has sent all: half a minute, if the other side does not let it. */
static void close_work(BpJob *job, gpointer data)
{
	DrainingPort *closer = data;
	gint64 until = g_get_monotonic_time() + DRAIN_TIME;

	while (!bp_job_cancelled(job) && !g_atomic_int_get(&closer->kept) && g_get_monotonic_time() < until &&
	       has_unsent(closer->fd))
		g_usleep(DRAIN_STEP);
	if (end_closer(closer))
		close(closer->fd);
}

/* The job may have been cancelled before it began. */
static void closer_free(gpointer data)
{
	DrainingPort *closer = data;

	if (end_closer(closer))
		close(closer->fd);
	g_free(closer);
}

static void close_later(BpPlugin *plugin, int take_fd)
{
	DrainingPort *closer = g_new0(DrainingPort, 1);

	closer->fd = take_fd;
	closer->device = device_of(take_fd);
	g_mutex_lock(&closer_lock);
	closers = g_list_prepend(closers, closer);
	g_mutex_unlock(&closer_lock);
	bp_job_add(plugin, "close tty", close_work, NULL, closer, closer_free);
}

static void keep_output_of(int fd)
{
	dev_t device = device_of(fd);

	g_mutex_lock(&closer_lock);
	for (GList *at = closers; at; at = at->next)
		if (((DrainingPort *)at->data)->device == device)
			g_atomic_int_set(&((DrainingPort *)at->data)->kept, TRUE);
	g_mutex_unlock(&closer_lock);
}

/* --- opening --- */

static void set_errno_error(GError **error, const char *path, int number)
{
	BpErrorCode code = number == EACCES || number == EPERM			     ? BP_NOT_PERMITTED
			   : number == EBUSY					     ? BP_BUSY
			   : number == ENOENT || number == ENODEV || number == ENXIO ? BP_NOT_FOUND
										     : BP_FAILED;
	const char *hint = number == EACCES  ? "; its group (dialout, usually) may open it"
			   : number == EBUSY ? "; another program has it"
					     : "";

	g_set_error(error, BP_IO_ERROR, code, "%s: %s%s", path, g_strerror(number), hint);
}

/* A path that libserialport opens has a descriptor of the library too, by which it changes settings: opening does so already. */
static void open_by_library(UartLine *line, const char *path)
{
	if (sp_get_port_by_name(path, &line->port) != SP_OK)
		return;
	if (sp_open(line->port, SP_MODE_READ_WRITE) != SP_OK)
		g_clear_pointer(&line->port, sp_free_port);
}

static gboolean lock(UartLine *line, const char *path, GError **error)
{
	if (flock(line->fd, LOCK_EX | LOCK_NB) == 0)
		return TRUE;
	set_errno_error(error, path, EBUSY);
	return FALSE;
}

/* Once as a file, which tells why it cannot be opened; libserialport has one reason for everything. */
static gboolean open_file(UartLine *line, const char *path, gboolean *later, GError **error)
{
	int number;

	line->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	number = errno;
	if (line->fd < 0) {
		*later = number == ENOENT || number == ENODEV || number == ENXIO || number == EIO;
		set_errno_error(error, path, number);
		return FALSE;
	}
	if (!isatty(line->fd)) {
		*later = errno == EIO;
		g_set_error(error, BP_IO_ERROR, BP_INVALID, "%s: not a serial port", path);
		return FALSE;
	}
	return TRUE;
}

gboolean uart_line_open(UartLine *line, const char *path, const UartSettings *settings, gboolean *later, GError **error)
{
	g_autofree char *real = NULL, *found = uart_list_find(path);

	*later = FALSE;
	*line = (UartLine){ .fd = -1 };
	if (uart_list_is_usb(path) && !found) {
		*later = TRUE;
		g_set_error(error, BP_IO_ERROR, BP_NOT_FOUND, "%s: no such USB device is plugged in", path);
		return FALSE;
	}
	path = found ? found : path;
	real = realpath(path, NULL);
	if (settings->exclusive && !uart_lock_check(path, settings->lock_dir, error))
		return FALSE;
	if (!open_file(line, path, later, error))
		goto fail;
	/* Nothing is changed before: the port may be that of another program. */
	if (settings->exclusive &&
	    (!lock(line, path, error) || !uart_lock_take(path, settings->lock_dir, &line->lock_file, error)))
		goto fail;
	keep_output_of(line->fd);
	open_by_library(line, real ? real : path);
	line->exclusive = settings->exclusive && ioctl(line->fd, TIOCEXCL) == 0;
	if (uart_line_apply(line, settings, error)) {
		tcflush(line->fd, TCIFLUSH); /* what came while nobody listened */
		return TRUE;
	}
	g_prefix_error(error, "%s: ", path);
fail:
	uart_line_close(line, NULL, FALSE);
	return FALSE;
}

/* TIOCEXCL belongs to the tty, not to the descriptor: the tty of a pty lives on, and would refuse everybody but root. */
void uart_line_close(UartLine *line, BpPlugin *plugin, gboolean sending)
{
	int fd = line->fd;

	if (line->remote)
		uart_remote_close(g_steal_pointer(&line->remote));
	if (line->exclusive)
		ioctl(fd, TIOCNXCL);
	line->exclusive = FALSE;
	if (line->port) {
		sp_close(line->port);
		g_clear_pointer(&line->port, sp_free_port);
	}
	line->fd = -1;
	uart_lock_release(g_steal_pointer(&line->lock_file));
	if (fd < 0)
		return;
	/* The port can be opened again while its last bytes are sent. */
	flock(fd, LOCK_UN);
	if (plugin && (sending || has_unsent(fd))) {
		close_later(plugin, fd);
		return;
	}
	if (has_unsent(fd))
		tcflush(fd, TCOFLUSH);
	close(fd);
}

/* --- settings --- */

static gboolean apply_by_library(UartLine *line, const UartSettings *settings)
{
	static const enum sp_parity parities[] = { SP_PARITY_NONE, SP_PARITY_ODD, SP_PARITY_EVEN, SP_PARITY_MARK,
						   SP_PARITY_SPACE };
	static const enum sp_flowcontrol flows[] = { SP_FLOWCONTROL_NONE,    SP_FLOWCONTROL_RTSCTS,
						     SP_FLOWCONTROL_XONXOFF, SP_FLOWCONTROL_DTRDSR,
						     SP_FLOWCONTROL_NONE,    SP_FLOWCONTROL_NONE };
	struct sp_port_config *config;
	gboolean good;

	if (sp_new_config(&config) != SP_OK)
		return FALSE;
	good = sp_get_config(line->port, config) == SP_OK &&
	       sp_set_config_baudrate(config, (int)settings->baud) == SP_OK &&
	       sp_set_config_bits(config, (int)settings->bits) == SP_OK &&
	       sp_set_config_parity(config, parities[settings->parity]) == SP_OK &&
	       sp_set_config_stopbits(config, (int)settings->stop) == SP_OK &&
	       sp_set_config_flowcontrol(config, flows[settings->flow]) == SP_OK;
	if (settings->flow == UART_FLOW_XON_IN || settings->flow == UART_FLOW_XON_OUT)
		good = good &&
		       sp_set_config_xon_xoff(config, settings->flow == UART_FLOW_XON_IN ? SP_XONXOFF_IN
											 : SP_XONXOFF_OUT) == SP_OK;
	good = good && sp_set_config(line->port, config) == SP_OK;
	sp_free_config(config);
	return good;
}

gboolean uart_line_apply(UartLine *line, const UartSettings *settings, GError **error)
{
	if (line->remote)
		return uart_remote_apply(line->remote, settings) ||
		       bp_fail(error, BP_FAILED, "the other host has the settings of this port: it takes bytes alone");
	if (!(line->port && apply_by_library(line, settings)) && !uart_tty_apply(line->fd, settings, error))
		return FALSE;
	if (!uart_tty_rs485(line->fd, settings->rs485, error))
		return FALSE;
	uart_tty_tune(line->fd, settings);
	line->rate = uart_tty_rate(line->fd);
	/* A pty has no modem lines; a request for them is not an error. */
	if (settings->dtr != UART_KEEP)
		uart_line_switch(line, UART_DTR, settings->dtr == UART_ON);
	if (settings->rts != UART_KEEP && settings->flow != UART_FLOW_RTS_CTS)
		uart_line_switch(line, UART_RTS, settings->rts == UART_ON);
	return TRUE;
}

guint uart_line_other_rate(const UartLine *line, const UartSettings *settings)
{
	guint off = line->rate > settings->baud ? line->rate - settings->baud : settings->baud - line->rate;

	/* Divisors are never exact; two in a hundred is what the other side's sampling can stand. */
	return line->rate && off > settings->baud / 50 ? line->rate : 0;
}

gboolean uart_line_switch(UartLine *line, guint lines, gboolean on)
{
	int bits = (lines & UART_DTR ? TIOCM_DTR : 0) | (lines & UART_RTS ? TIOCM_RTS : 0);

	if (line->remote)
		return uart_remote_switch(line->remote, lines, on);
	return ioctl(line->fd, on ? TIOCMBIS : TIOCMBIC, &bits) == 0;
}

gboolean uart_line_break(UartLine *line, gboolean on)
{
	if (line->remote)
		return uart_remote_break(line->remote, on);
	return ioctl(line->fd, on ? TIOCSBRK : TIOCCBRK) == 0;
}

gboolean uart_line_modem(const UartLine *line, guint *lines)
{
	static const struct {
		int bit;
		guint line;
	} names[] = { { TIOCM_CTS, UART_CTS }, { TIOCM_DSR, UART_DSR }, { TIOCM_RI, UART_RI },
		      { TIOCM_CD, UART_DCD },  { TIOCM_DTR, UART_DTR }, { TIOCM_RTS, UART_RTS } };
	guint on = 0;
	int bits = 0;

	if (line->remote)
		return uart_remote_modem(line->remote, lines);
	if (line->fd < 0 || ioctl(line->fd, TIOCMGET, &bits) < 0)
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		on |= bits & names[i].bit ? names[i].line : 0;
	*lines = on;
	return TRUE;
}

void uart_line_purge(UartLine *line, gboolean in, gboolean out)
{
	if (line->remote)
		uart_remote_purge(line->remote, in, out);
	else if (line->fd >= 0 && (in || out))
		tcflush(line->fd, in && out ? TCIOFLUSH : in ? TCIFLUSH : TCOFLUSH);
}
