/* SPDX-License-Identifier: MIT */
/* uart-hotplug.c - what udev tells: a tty was plugged in, so UARTs that wait for theirs try at once.
 *
 * Where there is no udev (a container) they try on their own, with growing pauses; so this only makes it faster.
 */
#include <libudev.h>
#include <string.h>
#include "uart.h"

static struct udev *udev;
static struct udev_monitor *monitor;

static void on_udev(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	struct udev_device *device = udev_monitor_receive_device(monitor);
	const char *action = device ? udev_device_get_action(device) : NULL;
	gboolean came = action && (strcmp(action, "add") == 0 || strcmp(action, "change") == 0);

	if (device)
		udev_device_unref(device);
	if (came) {
		g_autoptr(GPtrArray) list = bp_instance_list("UART");

		for (guint i = 0; i < list->len; i++)
			uart_try_now(bp_instance_data(list->pdata[i]));
	}
}

void uart_hotplug_start(BpPlugin *plugin)
{
	udev = udev_new();
	monitor = udev ? udev_monitor_new_from_netlink(udev, "udev") : NULL;
	if (!monitor || udev_monitor_filter_add_match_subsystem_devtype(monitor, "tty", NULL) < 0 ||
	    udev_monitor_enable_receiving(monitor) < 0 ||
	    !bp_fd_add(plugin, udev_monitor_get_fd(monitor), BP_IN, on_udev, NULL, NULL))
		uart_hotplug_stop();
}

/* The kernel has taken the descriptor's watch away already, or there is none. */
void uart_hotplug_stop(void)
{
	g_clear_pointer(&monitor, udev_monitor_unref);
	g_clear_pointer(&udev, udev_unref);
}
