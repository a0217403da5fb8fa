/* SPDX-License-Identifier: MIT */
/* consoleserver.c - the console over telnet, by one command. */
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/kernel.h>

#define INSTANCE "console-server"

static const char manual[] =
	"`consoleserver` opens module TelnetServer as the instance console-server, with the console as its\n"
	"handler, on the port of the setting default_telnet_port; `consoleserver -q` closes it. Each client has\n"
	"a session of its own. Unless -s, it sees what is said on channel console too.\n"
	"\n"
	"  consoleserver -p 2323\n"
	"  telnet localhost 2323\n"
	"  echo help | nc -N localhost 2323\n";

static guint instance_port(BpInstance *instance)
{
	g_autoptr(GPtrArray) servers = bp_server_list();

	for (guint i = 0; i < servers->len; i++)
		if (bp_server_instance(servers->pdata[i]) == instance)
			return bp_server_port(servers->pdata[i]);
	return 0;
}

static gboolean stop(BpCall *call, BpInstance *instance, GError **error)
{
	if (!instance) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "No console server is running: `consoleserver -p PORT` starts one");
		return FALSE;
	}
	bp_call_printf(call, "Console server on port %u closed.", instance_port(instance));
	bp_instance_close(instance, NULL);
	return TRUE;
}

static BpValues *server_values(BpCall *call, const BpModule *module, GError **error)
{
	g_autoptr(BpValues) values = bp_values_new(module->params);
	g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, bp_call_int(call, "port"));
	const char *bind = bp_call_string(call, "bind");

	if (!bp_values_set(values, "port", port, error) || !bp_values_set(values, "handler", "console", error) ||
	    (bind && !bp_values_set(values, "bind", bind, error)) ||
	    (bp_call_bool(call, "insecure") && !bp_values_set(values, "insecure", "yes", error)) ||
	    (bp_call_bool(call, "silent") && !bp_values_set(values, "quiet", "true", error)) ||
	    (bp_call_bool(call, "suppress") && !bp_values_set(values, "prompt", "false", error)))
		return NULL;
	return g_steal_pointer(&values);
}

static gboolean run_consoleserver(BpPlugin *self, BpCall *call, GError **error)
{
	const BpModule *module = bp_module_find("TelnetServer");
	BpInstance *instance = bp_instance_find(INSTANCE);
	BpValues *values;

	if (bp_call_bool(call, "quit"))
		return stop(call, instance, error);
	if (instance) {
		g_set_error(error, BP_HOST_ERROR, BP_EXISTS,
			    "Console server already running. It listens on port %u; consoleserver -q closes it.",
			    instance_port(instance));
		return FALSE;
	}
	if (!module) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND,
			    "there is no module TelnetServer: load the plugin telnet first");
		return FALSE;
	}
	values = server_values(call, module, error);
	if (!values)
		return FALSE;
	instance = bp_module_open("TelnetServer", INSTANCE, "/", values, error);
	if (!instance)
		return FALSE;
	bp_call_printf(call, "%s console server on port: %u", bp_kernel_version(), instance_port(instance));
	return TRUE;
}

static const BpParam params[] = {
	{ "port", 'p', BP_INT, .fallback = "23", .setting = "default_telnet_port", .min = 0, .max = 65535,
	  .help = "port to listen on." },
	{ "bind", 'b', BP_STRING, .help = "address to listen on; loopback if left out" },
	{ "insecure", .type = BP_BOOL, .help = "listen beyond this machine without login" },
	{ "silent", 's', BP_BOOL, .help = "do not watch server channels" },
	{ "suppress", 'u', BP_BOOL, .help = "suppress input prompt '>>'" },
	{ "quit", 'q', BP_BOOL, .help = "shutdown current consoleserver" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "consoleserver", .example = "consoleserver -p 2323", .params = params, .run = run_consoleserver,
	  .role = BP_ADMIN, .group = "server", .help = "starts a console server for telnet and nc", .manual = manual },
	{ NULL },
};

static const BpParam settings[] = {
	{ "default_telnet_port", .type = BP_INT, .fallback = "23", .min = 0, .max = 65535,
	  .help = "port of `consoleserver` when none is named" },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	bp_setting_declare(self, bp_context("/"), settings);
	return TRUE;
}

BP_PLUGIN(.name = "consoleserver", .version = "1.0", .summary = "The console over telnet", .manual = manual,
	  .commands = commands, .load = load);
