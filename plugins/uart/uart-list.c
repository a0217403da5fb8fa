/* SPDX-License-Identifier: MIT */
/* uart-list.c - uart list: the ports that libserialport finds, and the open ones. */
#include <libserialport.h>
#include <stdlib.h>
#include <string.h>
#include "uart.h"

gboolean uart_list_is_same(const char *a, const char *b)
{
	g_autofree char *found = uart_list_find(b);
	g_autofree char *real_a = realpath(a, NULL), *real_b = realpath(found ? found : b, NULL);

	return strcmp(a, b) == 0 || (real_a && real_b && strcmp(real_a, real_b) == 0);
}

/* The UARTs that have this path. */
static char *users_of(const char *path)
{
	g_autoptr(GPtrArray) list = bp_instance_list("UART");
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++)
		if (uart_list_is_same(path, ((Uart *)bp_instance_data(list->pdata[i]))->path))
			g_string_append_printf(names, "%s%s (%s)", names->len ? ", " : "",
					       bp_plugin_name(list->pdata[i]),
					       uart_state(bp_instance_data(list->pdata[i])));
	return g_string_free(names, FALSE);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void list_port(BpTable *table, const struct sp_port *port)
{
	const char *path = sp_get_port_name(port);
	g_autofree char *users = users_of(path);
	char ids[16] = "";
	int vendor, product;

	if (sp_get_port_usb_vid_pid(port, &vendor, &product) == SP_OK)
		g_snprintf(ids, sizeof(ids), "%04x:%04x", (guint)vendor & 0xffff, (guint)product & 0xffff);
	bp_table_row(table, "%s\t%s\t%s\t%s\t%s", path, or_empty(sp_get_port_description(port)), ids,
		     or_empty(sp_get_port_usb_serial(port)), users);
}

static gboolean is_among(struct sp_port **ports, const char *path)
{
	for (guint i = 0; ports && ports[i]; i++)
		if (uart_list_is_same(sp_get_port_name(ports[i]), path))
			return TRUE;
	return FALSE;
}

gboolean uart_list_is_usb(const char *name)
{
	return strspn(name, "0123456789abcdefABCDEF") == 4 && name[4] == ':' &&
	       strspn(name + 5, "0123456789abcdefABCDEF") == 4 && (name[9] == ':' || !name[9]);
}

char *uart_list_find(const char *name)
{
	struct sp_port **ports = NULL;
	char *path = NULL;

	if (!uart_list_is_usb(name) || sp_list_ports(&ports) != SP_OK)
		return NULL;
	for (guint i = 0; ports[i] && !path; i++) {
		const char *serial = sp_get_port_usb_serial(ports[i]);
		int vendor, product;

		if (sp_get_port_usb_vid_pid(ports[i], &vendor, &product) == SP_OK &&
		    (guint64)vendor == g_ascii_strtoull(name, NULL, 16) &&
		    (guint64)product == g_ascii_strtoull(name + 5, NULL, 16) &&
		    (!name[9] || g_strcmp0(serial, name + 10) == 0))
			path = g_strdup(sp_get_port_name(ports[i]));
	}
	sp_free_port_list(ports);
	return path;
}

gboolean uart_run_list(BpPlugin *self, BpCall *call, GError **error)
{
	BpTable *table = bp_table_new("Port", "Description", "USB", "Serial number", "Used by", NULL);
	g_autoptr(GPtrArray) list = bp_instance_list("UART");
	struct sp_port **ports = NULL;

	if (sp_list_ports(&ports) != SP_OK)
		ports = NULL;
	for (guint i = 0; ports && ports[i]; i++)
		list_port(table, ports[i]);
	for (guint i = 0; i < list->len; i++) {
		Uart *uart = bp_instance_data(list->pdata[i]);

		if (!is_among(ports, uart->path))
			bp_table_row(table, "%s\t\t\t\t%s (%s)", uart->path, bp_plugin_name(uart->self),
				     uart_state(uart));
	}
	if (ports)
		sp_free_port_list(ports);
	if (!bp_table_rows(table))
		bp_call_print(call, "No serial port is there.");
	bp_call_table(call, table);
	return TRUE;
}
