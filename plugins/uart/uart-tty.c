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

gboolean uart_tty_apply(int fd, const UartSettings *settings, GError **error)
{
	struct termios2 tty;

	if (ioctl(fd, TCGETS2, &tty) < 0)
		return fail("its settings cannot be read", error);
	tty.c_iflag &= (unsigned)~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF | IXANY | INPCK);
	tty.c_oflag &= (unsigned)~OPOST;
	tty.c_lflag &= (unsigned)~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	tty.c_cflag &= (unsigned)~(CSIZE | PARENB | PARODD | CMSPAR | CSTOPB | CRTSCTS | CBAUD | (CBAUD << IBSHIFT));
	tty.c_cflag |= CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT) | size_flag(settings->bits) | parity_flags(settings->parity);
	if (settings->stop == 2)
		tty.c_cflag |= CSTOPB;
	if (settings->flow == UART_FLOW_RTS_CTS)
		tty.c_cflag |= CRTSCTS;
	if (settings->flow == UART_FLOW_XON_XOFF)
		tty.c_iflag |= IXON | IXOFF;
	tty.c_ispeed = tty.c_ospeed = settings->baud;
	tty.c_cc[VMIN] = 1;
	tty.c_cc[VTIME] = 0;
	if (ioctl(fd, TCSETS2, &tty) < 0)
		return fail("it does not take these settings", error);
	return TRUE;
}

gboolean uart_tty_rs485(int fd, UartRs485 mode, GError **error)
{
	struct serial_rs485 rs485 = { .flags = SER_RS485_ENABLED };

	if (mode == UART_RS485_OFF)
		return TRUE;
	rs485.flags |= mode == UART_RS485_HIGH ? SER_RS485_RTS_ON_SEND : SER_RS485_RTS_AFTER_SEND;
	if (ioctl(fd, TIOCSRS485, &rs485) < 0)
		return fail("its driver has no RS-485", error);
	return TRUE;
}
