/* SPDX-License-Identifier: MIT */
/* nats-commands.c - nats list, info, publish, watch. */
#include <string.h>
#include "nats.h"

static NatsBridge *find(BpCall *call, const char *parameter, GError **error)
{
	BpInstance *self = bp_bridge_find("NatsBridge", bp_call_string(call, parameter), error);

	return self ? bp_instance_data(self) : NULL;
}

/* --- list, info --- */

static gboolean run_list(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GPtrArray) list = bp_instance_list("NatsBridge");
	BpTable *table = bp_bridge_table("Server");

	for (guint i = 0; i < list->len; i++) {
		const NatsBridge *bridge = bp_instance_data(list->pdata[i]);

		bp_bridge_row(bridge->bridge, table, nats_connection_address(bridge->connection));
	}
	bp_call_table(call, table);
	if (!list->len)
		bp_call_styled(
			call, BP_DIM,
			"There is no bridge: `module open NatsBridge fleet host=localhost export=uart*` opens one.");
	return TRUE;
}

void nats_describe(BpInstance *self, GString *text)
{
	const NatsBridge *bridge = bp_instance_data(self);
	const NatsConnection *connection = bridge->connection;

	if (nats_connection_is_up(connection))
		g_string_append_printf(text, "connected to %s (%s)%s", nats_connection_address(connection),
				       nats_connection_version(connection),
				       nats_connection_has_jetstream(connection) ? ", with JetStream" : "");
	else
		g_string_append_printf(text, "not connected to %s", nats_connection_address(connection));
	g_string_append_printf(text, "; %u servers known, %" G_GUINT64_FORMAT " connections lost\n",
			       nats_connection_servers(connection), nats_connection_reconnects(connection));
	bp_bridge_describe(bridge->bridge, text);
}

static const BpParam info_params[] = {
	{ "name", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .help = "bridge; the only one if left out" },
	{ NULL },
};

static gboolean run_info(BpPlugin *self, BpCall *call, GError **error)
{
	NatsBridge *bridge = find(call, "name", error);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!bridge)
		return FALSE;
	nats_describe(bridge->self, text);
	g_string_truncate(text, text->len - 1);
	bp_call_print(call, text->str);
	return TRUE;
}

/* --- publish --- */

static const BpParam publish_params[] = {
	{ "bridge", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "bridge" },
	{ "subject", .kind = BP_ARGUMENT, .required = 1, .help = "subject" },
	{ "text", .kind = BP_ARGUMENT, .type = BP_REST, .help = "message" },
	{ NULL },
};

static gboolean run_publish(BpPlugin *self, BpCall *call, GError **error)
{
	NatsBridge *bridge = find(call, "bridge", error);
	const char *subject = bp_call_string(call, "subject"), *text = bp_call_string(call, "text");
	g_autoptr(BpMessage) message = NULL;

	if (!bridge)
		return FALSE;
	if (!bp_bridge_subject_check(subject, FALSE))
		return bp_fail(error, BP_INVALID,
			       "%s is no subject: its parts may not be empty, or * or >, or have blanks", subject);
	if (!nats_connection_is_up(bridge->connection))
		return bp_fail(error, BP_CLOSED, "there is no connection: %s",
			       bp_bridge_why(bridge->bridge) ? bp_bridge_why(bridge->bridge) : "it is being made");
	message = bp_message_new(text ? text : "", text ? strlen(text) : 0, BP_TEXT);
	bp_bridge_add(bridge->bridge, NULL, subject, message, 0, FALSE, NULL);
	return TRUE;
}

/* --- watch --- */

static const BpParam watch_params[] = {
	{ "bridge", .kind = BP_ARGUMENT, .names = BP_AN_INSTANCE, .required = 1, .help = "bridge" },
	{ "filter", .kind = BP_ARGUMENT, .fallback = ">", .help = "filter of subjects: * is a part, > the rest" },
	{ "count", 'n', BP_INT, .fallback = "0", .min = 0, .max = 1000000000,
	  .help = "so many messages; 0: until Ctrl-C" },
	{ NULL },
};

static gboolean run_watch(BpPlugin *self, BpCall *call, GError **error)
{
	NatsBridge *bridge = find(call, "bridge", error);

	return bridge &&
	       bp_bridge_watch(bridge->bridge, call, bp_call_string(call, "filter"), bp_call_int(call, "count"), error);
}

const BpCommand nats_commands[] = {
	{ "nats list", .run = run_list, .role = BP_OBSERVER, .help = "the bridges to NATS servers" },
	{ "nats info", .params = info_params, .run = run_info, .role = BP_OBSERVER,
	  .help = "a bridge: its rules, what they have passed on" },
	{ "nats publish", .params = publish_params, .run = run_publish, .role = BP_OPERATOR,
	  .help = "publishes a message" },
	{ "nats watch", .params = watch_params, .run = run_watch, .role = BP_OPERATOR,
	  .help = "shows messages of others as they come" },
	{ NULL },
};
