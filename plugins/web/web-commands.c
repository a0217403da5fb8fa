/* SPDX-License-Identifier: MIT */
/* web-commands.c - webserver: opens module WebServer as web-server, and closes it. */
#include "web.h"

#define INSTANCE "web-server"

static guint instance_port(BpInstance *instance)
{
	WebServer *server = bp_instance_data(instance);

	return bp_server_port(bp_http_listener(server->http));
}

static gboolean stop(BpCall *call, BpInstance *instance, GError **error)
{
	if (!instance) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "No web server is running: `webserver -p PORT` starts one");
		return FALSE;
	}
	bp_call_printf(call, "Web server on port %u closed.", instance_port(instance));
	bp_instance_close(instance, NULL);
	return TRUE;
}

static gboolean run_webserver(BpPlugin *self, BpCall *call, GError **error)
{
	BpInstance *instance = bp_instance_find(INSTANCE);
	g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, bp_call_int(call, "port"));
	const char *bind = bp_call_string(call, "bind");
	g_autoptr(BpValues) values = NULL;

	if (bp_call_bool(call, "quit"))
		return stop(call, instance, error);
	if (instance) {
		g_set_error(error, BP_HOST_ERROR, BP_EXISTS, "Web server already running.");
		return FALSE;
	}
	values = bp_values_new(web_params);
	if (!bp_values_set(values, "port", port, error) || (bind && !bp_values_set(values, "bind", bind, error)) ||
	    (bp_call_bool(call, "insecure") && !bp_values_set(values, "insecure", "yes", error)) ||
	    (bp_call_bool(call, "silent") && !bp_values_set(values, "quiet", "true", error)))
		return FALSE;
	instance = bp_module_open("WebServer", INSTANCE, "/", g_steal_pointer(&values), error);
	if (!instance)
		return FALSE;
	bp_call_printf(call, "%s web server on port: %u", bp_kernel_version(), instance_port(instance));
	return TRUE;
}

static const BpParam params[] = {
	{ "port", 'p', BP_INT, .fallback = "2080", .setting = "default_webserver_port", .min = 0, .max = 65535,
	  .help = "port to listen on." },
	{ "bind", 'b', BP_STRING, .help = "address to listen on; loopback if left out" },
	{ "insecure", .type = BP_BOOL, .help = "listen beyond this machine without login" },
	{ "silent", 's', BP_BOOL, .help = "do not watch server channels" },
	{ "quit", 'q', BP_BOOL, .help = "shutdown current webserver" },
	{ NULL },
};

const BpCommand web_commands[] = {
	{ "webserver", .example = "webserver -p 2080", .params = params, .run = run_webserver, .role = BP_ADMIN,
	  .group = "server", .help = "starts a web server for browsers and programs" },
	{ NULL },
};
