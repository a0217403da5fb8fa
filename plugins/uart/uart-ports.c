/* SPDX-License-Identifier: MIT */
/* uart-ports.c - resource ports: the serial ports that are there, who has each, and what prevents opening it. */
#include <errno.h>
#include <libserialport.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "uart.h"

static json_t *text_or_null(const char *text)
{
	return text && *text ? bp_json_string(text, -1) : json_null();
}

static json_t *users_json(const char *path)
{
	g_autoptr(GPtrArray) list = bp_instance_list("UART");
	json_t *names = json_array();

	for (guint i = 0; i < list->len; i++)
		if (uart_list_is_same(path, ((Uart *)bp_instance_data(list->pdata[i]))->path))
			json_array_append_new(names, json_string(bp_plugin_name(list->pdata[i])));
	return names;
}

/* A sentence that says how to mend it, or NULL. Yours. (Names of users and groups may be on a server: the shell looks them up.) */
static char *problem_of(const char *path)
{
	struct stat seen;

	if (access(path, R_OK | W_OK) == 0)
		return NULL;
	if (errno != EACCES || stat(path, &seen) < 0)
		return g_strdup_printf("%s: %s", path, g_strerror(errno));
	if (seen.st_gid && (seen.st_mode & 0060) == 0060)
		return g_strdup_printf(
			"This host may not open %s, only a group of users may. Run `sudo usermod -aG $(stat -c %%G %s) $USER`, "
			"then log in again, or restart the service.",
			path, path);
	return g_strdup_printf(
		"This host may not open %s, only its owner may. A udev rule with GROUP=\"dialout\" and MODE=\"0660\" "
		"gives it to the group dialout.",
		path);
}

/* Another program with a lock file. */
static json_t *holder_json(const char *path)
{
	g_autoptr(GError) error = NULL;

	return uart_lock_check(path, "auto", &error) ? json_null() : bp_json_string(error->message, -1);
}

static json_t *port_json(const char *path, const struct sp_port *port)
{
	g_autofree char *problem = problem_of(path);
	char ids[16] = "";
	int vendor, product;

	if (port && sp_get_port_usb_vid_pid(port, &vendor, &product) == SP_OK)
		g_snprintf(ids, sizeof(ids), "%04x:%04x", (guint)vendor & 0xffff, (guint)product & 0xffff);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", bp_json_string(path, -1), "description",
			 text_or_null(port ? sp_get_port_description(port) : NULL), "usb", text_or_null(ids), "serial",
			 text_or_null(port ? sp_get_port_usb_serial(port) : NULL), "used_by", users_json(path),
			 "holder", holder_json(path), "problem", text_or_null(problem));
}

static json_t *list(BpPlugin *self, const char *query, GError **error)
{
	struct sp_port **ports = NULL;
	json_t *rows = json_array();

	if (sp_list_ports(&ports) != SP_OK)
		return rows;
	for (guint i = 0; ports[i]; i++)
		if (!query || !*query || g_pattern_match_simple(query, sp_get_port_name(ports[i])))
			json_array_append_new(rows, port_json(sp_get_port_name(ports[i]), ports[i]));
	sp_free_port_list(ports);
	return rows;
}

const BpResource uart_ports_resource = {
	.size = sizeof(uart_ports_resource),
	.name = "ports",
	.help = "serial ports of this machine, who uses them, and what prevents opening them",
	.members =
		"id:string description:string? usb:string? serial:string? used_by:array holder:string? problem:string?",
	.list = list,
};
