/* SPDX-License-Identifier: MIT */
/* uart-tty.c - settings of a tty that libserialport refuses, by termios2, which takes any baud rate; and RS-485.
 *
 * The kernel's termios and glibc's cannot be included together, so this file has the kernel's alone.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <linux/ioctl.h>
#include "uart.h"

/* <sys/ioctl.h> and <asm/ioctls.h> bring glibc's structures; these are all that is needed. */
extern int ioctl(int fd, unsigned long request, ...);
#include <asm/ioctls.h>

static gboolean fail(const char *what, GError **error)
{
	int number = errno;

	g_set_error(error, BP_IO_ERROR, BP_FAILED, "%s: %s", what, g_strerror(number));
	return FALSE;
}

static unsigned size_flag(guint bits)
{
	return bits == 5 ? CS5 : bits == 6 ? CS6 : bits == 7 ? CS7 : CS8;
}

static unsigned parity_flags(UartParity parity)
{
	switch (parity) {
	case UART_PARITY_ODD:
		return PARENB | PARODD;
	case UART_PARITY_EVEN:
		return PARENB;
	case UART_PARITY_MARK:
		return PARENB | PARODD | CMSPAR;
	case UART_PARITY_SPACE:
		return PARENB | CMSPAR;
	default:
		return 0;
	}
}

/* The usual rates have names, by which other programs know them; B0 is for those that have none. */
static unsigned named_rate(guint baud)
{
	static const struct {
		guint baud;
		unsigned flag;
	} names[] = {
		{ 50, B50 },	       { 75, B75 },	      { 110, B110 },	     { 134, B134 },
		{ 150, B150 },	       { 200, B200 },	      { 300, B300 },	     { 600, B600 },
		{ 1200, B1200 },       { 1800, B1800 },	      { 2400, B2400 },	     { 4800, B4800 },
		{ 9600, B9600 },       { 19200, B19200 },     { 38400, B38400 },     { 57600, B57600 },
		{ 115200, B115200 },   { 230400, B230400 },   { 460800, B460800 },   { 500000, B500000 },
		{ 576000, B576000 },   { 921600, B921600 },   { 1000000, B1000000 }, { 1500000, B1500000 },
		{ 2000000, B2000000 }, { 3000000, B3000000 }, { 4000000, B4000000 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (names[i].baud == baud)
			return names[i].flag;
	return B0;
}

gboolean uart_tty_apply(int fd, const UartSettings *settings, GError **error)
{
	unsigned rate = named_rate(settings->baud);
	struct termios2 tty;

	if (rate == B0)
		rate = BOTHER;

	if (settings->flow == UART_FLOW_DTR_DSR) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID,
			    "its driver has no flow control by DTR and DSR: take flow=rtscts or xonxoff");
		return FALSE;
	}
	if (ioctl(fd, TCGETS2, &tty) < 0)
		return fail("its settings cannot be read", error);
	tty.c_iflag &= (unsigned)~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF | IXANY |
				   INPCK);
	tty.c_oflag &= (unsigned)~OPOST;
	tty.c_lflag &= (unsigned)~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	tty.c_cflag &= (unsigned)~(CSIZE | PARENB | PARODD | CMSPAR | CSTOPB | CRTSCTS | CBAUD | (CBAUD << IBSHIFT));
	tty.c_cflag |= CREAD | CLOCAL | rate | (rate << IBSHIFT) | size_flag(settings->bits) |
		       parity_flags(settings->parity);
	if (settings->stop == 2)
		tty.c_cflag |= CSTOPB;
	if (settings->flow == UART_FLOW_RTS_CTS)
		tty.c_cflag |= CRTSCTS;
	if (settings->flow == UART_FLOW_XON_XOFF)
		tty.c_iflag |= IXON | IXOFF;
	if (settings->flow == UART_FLOW_XON_IN)
		tty.c_iflag |= IXOFF;
	if (settings->flow == UART_FLOW_XON_OUT)
		tty.c_iflag |= IXON;
	tty.c_ispeed = tty.c_ospeed = settings->baud;
	tty.c_cc[VMIN] = 1;
	tty.c_cc[VTIME] = 0;
	if (ioctl(fd, TCSETS2, &tty) < 0)
		return fail("it does not take these settings", error);
	return TRUE;
}

void uart_tty_tune(int fd, const UartSettings *settings)
{
	struct serial_struct driver;
	struct termios2 tty;

	if (ioctl(fd, TCGETS2, &tty) == 0 && !(tty.c_cflag & HUPCL) != !settings->hangup) {
		tty.c_cflag ^= HUPCL;
		ioctl(fd, TCSETS2, &tty);
	}
	if (settings->low_latency && ioctl(fd, TIOCGSERIAL, &driver) == 0 && !(driver.flags & ASYNC_LOW_LATENCY)) {
		driver.flags |= ASYNC_LOW_LATENCY;
		ioctl(fd, TIOCSSERIAL, &driver);
	}
}

gboolean uart_tty_errors(int fd, UartErrors *errors)
{
	struct serial_icounter_struct counts;

	if (fd < 0 || ioctl(fd, TIOCGICOUNT, &counts) < 0)
		return FALSE;
	*errors = (UartErrors){ { (guint)counts.overrun, (guint)counts.parity, (guint)counts.frame,
				  (guint)counts.brk } };
	return TRUE;
}

guint uart_tty_rate(int fd)
{
	struct termios2 tty;

	return ioctl(fd, TCGETS2, &tty) < 0 ? 0 : tty.c_ospeed;
}

gboolean uart_tty_rs485(int fd, UartRs485 mode, GError **error)
{
	struct serial_rs485 rs485 = { 0 };

	if (mode == UART_RS485_OFF) {
		/* Only if it is set: most drivers do not support it. */
		if (ioctl(fd, TIOCGRS485, &rs485) == 0 && rs485.flags & SER_RS485_ENABLED) {
			rs485.flags = 0;
			ioctl(fd, TIOCSRS485, &rs485);
		}
		return TRUE;
	}
	rs485.flags = SER_RS485_ENABLED;
	rs485.flags |= mode == UART_RS485_HIGH ? SER_RS485_RTS_ON_SEND : SER_RS485_RTS_AFTER_SEND;
	if (ioctl(fd, TIOCSRS485, &rs485) < 0)
		return fail("its driver has no RS-485", error);
	return TRUE;
}
