/* SPDX-License-Identifier: MIT */
/* fuzz-rfc2217-server.c - clients of UARTServer, and a device on a pseudo-terminal that says something, stops reading, is
 * unplugged and comes again.
 *
 * Server 0 speaks RFC 2217 and has one writer, server 1 passes bytes, server 2 speaks RFC 2217, has many writers and shows
 * what was said before.
 *
 *	v0 TEXT		the device says it
 *	i0		it reads all that was sent to it
 *	o0 3f		its modem lines are so (bits of TIOCMGET, in hexadecimal)
 *	y0		it is unplugged
 *	q0		it is there again
 *	l0		the UART is closed; it is open again with the next such line, or script
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include "script.h"

extern const BpPluginInfo bp_plugin_info;
extern const guint fuzz_most;
const guint fuzz_most = 80;

static char *path;
static int device = -1;
static int modem_lines;

/* A pseudo-terminal has no modem lines: these are its. It stands for the system's in everything that is linked here. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	switch (request) {
	case TIOCMGET:
		*(int *)argument = modem_lines;
		return 0;
	case TIOCMBIS:
		modem_lines |= *(int *)argument;
		return 0;
	case TIOCMBIC:
		modem_lines &= ~*(int *)argument;
		return 0;
	default:
		return (int)syscall(SYS_ioctl, fd, request, argument);
	}
}

static void unplug(void)
{
	if (device >= 0)
		close(device);
	device = -1;
	unlink(path);
}

static void plug(void)
{
	char name[64];

	unplug();
	device = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	g_assert(device >= 0 && grantpt(device) == 0 && unlockpt(device) == 0 &&
		 ptsname_r(device, name, sizeof(name)) == 0);
	g_assert(symlink(name, path) == 0);
}

static void device_reads(void)
{
	guint8 bytes[4096];

	while (device >= 0 && read(device, bytes, sizeof(bytes)) > 0)
		;
}

static void open_uart(void)
{
	static const char *const pairs[] = { "framing=lines",	 "on_unplug=wait", "exclusive=no", "backlog_limit=8K",
					     "reopen_min=100ms", "reopen_max=1s",  "replay=1K",	   NULL };
	g_autofree char *port = g_strconcat("port=", path, NULL);
	const char *const where[] = { port, NULL };
	g_autoptr(GError) error = NULL;
	BpValues *values;

	if (bp_instance_find("line"))
		return;
	values = bp_values_new(bp_module_find("UART")->params);
	if (!bp_values_set_pairs(values, pairs, &error) || !bp_values_set_pairs(values, where, &error) ||
	    !bp_module_open("UART", "line", "/", values, &error))
		g_error("%s", error->message);
}

static void toggle_uart(void)
{
	BpInstance *uart = bp_instance_find("line");

	if (uart)
		bp_instance_close(uart, NULL);
	else
		open_uart();
}

static gboolean act(char letter, guint client, const guint8 *text, gsize size)
{
	g_autofree char *digits = g_strndup((const char *)text, size);

	switch (letter) {
	case 'v':
		if (device >= 0 && write(device, text, size) < 0)
			g_assert(errno == EAGAIN || errno == EIO);
		return TRUE;
	case 'i':
		device_reads();
		return TRUE;
	case 'o':
		modem_lines = (int)strtoul(digits, NULL, 16);
		return TRUE;
	case 'y':
		unplug();
		return TRUE;
	case 'q':
		plug();
		return TRUE;
	case 'l':
		toggle_uart();
		return TRUE;
	default:
		return FALSE;
	}
}

/* What waits for the line goes out, for else a client whose bytes they are stays. */
static void finish(void)
{
	if (device < 0)
		plug();
	open_uart();
	for (guint i = 0; i < 50; i++) {
		script_wait(100);
		device_reads();
	}
}

static const ScriptTarget target = { .act = act, .finish = finish };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const one[] = { "port=0", "uart=line", "backlog_limit=16K", NULL };
	static const char *const raw[] = { "port=0", "uart=line", "mode=raw", "idle_timeout=3s", NULL };
	static const char *const many[] = { "port=0",	       "uart=line",	    "writers=many",
					    "show_replay=yes", "max_connections=2", NULL };

	script_start(&bp_plugin_info, &target);
	path = g_build_filename(script_folder(), "tty", NULL);
	plug();
	open_uart();
	script_serve("UARTServer", "one", one);
	script_serve("UARTServer", "raw", raw);
	script_serve("UARTServer", "many", many);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (device < 0)
		plug();
	open_uart();
	modem_lines = 0;
	script_run(data, size);
	return 0;
}
