/* SPDX-License-Identifier: MIT */
/* serial-shim.c - preloaded, it makes a pty look like a USB serial port, so that libserialport takes it.
 *
 * sysfs says that each /dev/pts/N is an adapter (1a2b:3c4d, serial number 0042), and the tty has modem lines, with a plug
 * that loops RTS back to CTS and DTR to DSR and DCD. It runs at 115200 when asked for 123456, as it has not every rate.
 * Breaks and RS-485 settings, which nobody sees at the other end of a pty, are written to $SERIAL_SHIM_LOG. With
 * SERIAL_SHIM_STUCK its driver sends nothing that it has taken: closing it for the last time takes 5 s, unless its output was
 * flushed away. The file $SERIAL_SHIM_ERRORS has what its driver has counted: overruns, parity errors, framing errors, breaks.
 * The only port that libserialport lists is $SERIAL_SHIM_PORT.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <libserialport.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))
#define NODE "/sys/class/tty/pts/"
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int driven = TIOCM_DTR | TIOCM_RTS;
static struct serial_rs485 rs485;
static int flushed;

static int is_node(const char *path)
{
	return strncmp(path, NODE, strlen(NODE)) == 0;
}

SHOWN int lstat(const char *restrict path, struct stat *restrict status)
{
	if (!is_node(path))
		return REAL(lstat)(path, status);
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFLNK | 0777;
	return 0;
}

/* libserialport was built for an older glibc, in which lstat is this. */
SHOWN int __lxstat(int version, const char *path, struct stat *status);
SHOWN int __lxstat(int version, const char *path, struct stat *status)
{
	return lstat(path, status);
}

SHOWN ssize_t readlink(const char *restrict path, char *restrict target, size_t size)
{
	static const char device[] = "../../devices/pci0000:00/usb1/1-1/1-1:1.0/ttyUSB0/tty/ttyUSB0";

	if (!is_node(path))
		return REAL(readlink)(path, target, size);
	size = size < sizeof(device) - 1 ? size : sizeof(device) - 1;
	memcpy(target, device, size);
	return (ssize_t)size;
}

SHOWN FILE *fopen(const char *restrict path, const char *restrict mode)
{
	static const struct {
		const char *name, *text;
	} files[] = { { "busnum", "1\n" },
		      { "devnum", "2\n" },
		      { "idVendor", "1a2b\n" },
		      { "idProduct", "3c4d\n" },
		      { "manufacturer", "Nobody\n" },
		      { "product", "Adapter\n" },
		      { "serial", "0042\n" } };
	const char *name = strrchr(path, '/');

	for (size_t i = 0; is_node(path) && i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(name + 1, files[i].name) == 0)
			return fmemopen((void *)files[i].text, strlen(files[i].text), "r");
	return REAL(fopen)(path, mode);
}

static int note(const char *what, unsigned value)
{
	const char *path = getenv("SERIAL_SHIM_LOG");
	FILE *file = path ? REAL(fopen)(path, "a") : NULL;

	if (!file)
		return 0;
	fprintf(file, "%s %u\n", what, value);
	return fclose(file);
}

/* As the kernel has it; glibc's headers and the kernel's cannot be included together. */
struct termios2 {
	tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
	cc_t c_line, c_cc[19];
	speed_t c_ispeed, c_ospeed;
};

SHOWN enum sp_return sp_list_ports(struct sp_port ***list)
{
	const char *path = getenv("SERIAL_SHIM_PORT");
	void *library = dlopen("libserialport.so.0", RTLD_LAZY | RTLD_NOLOAD); /* that of the plugin */
	__typeof__(&sp_get_port_by_name) by_name = (__typeof__(&sp_get_port_by_name))dlsym(library,
											   "sp_get_port_by_name");
	char real[PATH_MAX];

	*list = calloc(2, sizeof(**list));
	if (path && realpath(path, real))
		by_name(real, *list);
	return SP_OK;
}

static int name_of(int fd, char *name, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = REAL(readlink)(link, name, size - 1);
	name[length > 0 ? length : 0] = 0;
	return strncmp(name, "/dev/pts/", 9) == 0;
}

static int is_stuck(int fd)
{
	char name[64];

	return getenv("SERIAL_SHIM_STUCK") && !flushed && name_of(fd, name, sizeof(name));
}

static int count_open(const char *wanted)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;
	char name[64];
	int count = 0;

	while (fds && (entry = readdir(fds)))
		count += name_of(atoi(entry->d_name), name, sizeof(name)) && strcmp(name, wanted) == 0;
	if (fds)
		closedir(fds);
	return count;
}

SHOWN int close(int fd)
{
	char name[64];

	if (is_stuck(fd) && name_of(fd, name, sizeof(name)) && count_open(name) == 1) {
		note("stuck", 1);
		sleep(5);
	}
	return REAL(close)(fd);
}

SHOWN int tcflush(int fd, int queue)
{
	if (queue != TCIFLUSH && is_stuck(fd)) {
		note("flushed", 1);
		flushed = 1;
	}
	return REAL(tcflush)(fd, queue);
}

static int get_settings(int fd, struct termios2 *tty)
{
	int result = REAL(ioctl)(fd, TCGETS2, tty);

	if (result == 0 && tty->c_ospeed == 123456)
		tty->c_ispeed = tty->c_ospeed = 115200;
	return result;
}

static int modem(unsigned long request, int *bits)
{
	if (request == TIOCMBIS)
		driven |= *bits;
	else if (request == TIOCMBIC)
		driven &= ~*bits;
	else if (request == TIOCMSET)
		driven = *bits & (TIOCM_DTR | TIOCM_RTS);
	else
		*bits = driven | (driven & TIOCM_RTS ? TIOCM_CTS : 0) | (driven & TIOCM_DTR ? TIOCM_DSR | TIOCM_CD : 0);
	return 0;
}

static int count_errors(struct serial_icounter_struct *counts)
{
	const char *path = getenv("SERIAL_SHIM_ERRORS");
	FILE *file = path ? REAL(fopen)(path, "r") : NULL;

	memset(counts, 0, sizeof(*counts));
	if (!file)
		return -1;
	if (fscanf(file, "%d %d %d %d", &counts->overrun, &counts->parity, &counts->frame, &counts->brk) != 4)
		memset(counts, 0, sizeof(*counts));
	return fclose(file);
}

SHOWN int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (request == TIOCMGET || request == TIOCMBIS || request == TIOCMBIC || request == TIOCMSET)
		return modem(request, argument);
	switch (request) {
	case TCGETS2:
		return get_settings(fd, argument);
	case TIOCOUTQ:
		*(int *)argument = is_stuck(fd) ? 100 : 0;
		return 0;
	case TIOCSBRK:
	case TIOCCBRK:
		return note("break", request == TIOCSBRK);
	case TIOCGSERIAL:
		memset(argument, 0, sizeof(struct serial_struct));
		return 0;
	case TIOCSSERIAL:
		return note("low_latency", ((struct serial_struct *)argument)->flags & ASYNC_LOW_LATENCY ? 1 : 0);
	case TIOCGICOUNT:
		return count_errors(argument);
	case TIOCGRS485:
		memcpy(argument, &rs485, sizeof(rs485));
		return 0;
	case TIOCSRS485:
		memcpy(&rs485, argument, sizeof(rs485));
		return note("rs485", rs485.flags);
	default:
		return REAL(ioctl)(fd, request, argument);
	}
}
