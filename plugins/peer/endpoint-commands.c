/* SPDX-License-Identifier: MIT */
/* endpoint-commands.c - endpoint add, remove, list; call. */
#include <string.h>
#include "endpoint.h"
#include "peer-table.h"

const BpParam endpoint_add_params[] = {
	{ "json", 'j', BP_BOOL, .help = "what the command prints is JSON: the answer's data" },
	{ "name", .kind = BP_ARGUMENT, .required = 1, .help = "name of the endpoint" },
	{ "command", .kind = BP_ARGUMENT, .type = BP_REST, .required = 1,
	  .help = "-- and the command line it runs; $data is the request's data, $data.KEY a member of it" },
	{ NULL },
};

gboolean endpoint_run_add(BpPlugin *self, BpCall *call, GError **error)
{
	const char *name = bp_call_string(call, "name"), *command = bp_call_string(call, "command");

	while (*command == ' ')
		command++;
	if (g_str_has_prefix(command, "-- "))
		command += 3;
	while (*command == ' ')
		command++;
	if (!*command) {
		g_set_error(error, BP_HOST_ERROR, BP_INVALID, "no command was given: endpoint add uptime -- status");
		return FALSE;
	}
	if (!endpoint_command_add(self, name, command, bp_call_bool(call, "json"),
				  bp_session_role(bp_call_session(call)), error))
		return FALSE;
	bp_call_printf(call, "Endpoint %s runs: %s", name, command);
	return TRUE;
}

const BpParam endpoint_remove_params[] = {
	{ "name", .kind = BP_ARGUMENT, .required = 1, .help = "name of the endpoint" },
	{ NULL },
};

gboolean endpoint_run_remove(BpPlugin *self, BpCall *call, GError **error)
{
	if (!endpoint_command_remove(self, bp_call_string(call, "name"), error))
		return FALSE;
	bp_call_printf(call, "Endpoint %s is removed.", bp_call_string(call, "name"));
	return TRUE;
}

static void list_channels(BpTable *table, const EndpointServer *server)
{
	g_auto(GStrv) names = endpoint_names(server);
	g_auto(GStrv) registered = bp_registry_list("endpoint/");

	for (char **at = names; *at; at++)
		if (!g_strv_contains((const char *const *)registered, *at))
			bp_table_row(table, "%s\tchannel\t%s/endpoint/%s", *at, bp_plugin_name(server->self), *at);
}

gboolean endpoint_run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) servers = endpoint_server_list();
	g_auto(GStrv) names = bp_registry_list("endpoint/");
	BpTable *table = bp_table_new("Endpoint", "By", "What", NULL);

	for (char **at = names; *at; at++) {
		g_autofree char *path = g_strconcat("endpoint/", *at, NULL);
		const char *command = endpoint_command_of(*at);
		const BpEndpoint *endpoint = bp_registry_find(path);

		bp_table_row(table, "%s\t%s\t%s", *at, command ? "command" : "plugin",
			     command			  ? command
			     : endpoint && endpoint->help ? endpoint->help
							  : "");
	}
	for (guint i = 0; i < servers->len; i++)
		list_channels(table, servers->pdata[i]);
	bp_call_table(call, table);
	return TRUE;
}
