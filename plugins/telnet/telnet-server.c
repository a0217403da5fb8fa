/* SPDX-License-Identifier: MIT */
/* telnet-server.c - module TelnetServer: listening, and what concerns all sessions of a server. */
#include <backplane/kernel.h>
#include <string.h>
#include "telnet.h"

static void on_send_all(BpPlugin *self, BpMessage *message, gpointer data)
{
	TelnetServer *server = data;

	for (TelnetConnection *at = server->first; at; at = at->next)
		telnet_connection_show(at, message);
}

static void on_accept(BpServer *bp_server, BpStream *stream, gpointer user)
{
	telnet_connection_new(user, stream);
}

static const BpServerEvents server_events = { .accept = on_accept, .refusal = bp_server_refusal_line };

gboolean telnet_server_open(BpInstance *self, GError **error)
{
	TelnetServer *server = bp_instance_data(self);
	BpChannelOptions log = { .log = TRUE };
	char name[32];

	server->self = self;
	server->handler = bp_instance_string(self, "handler");
	server->prompt = bp_instance_bool(self, "prompt");
	if (!bp_handler_find(server->handler)) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_FOUND, "there is no handler %s: load the plugin that has it",
			    server->handler);
		return FALSE;
	}
	server->server = bp_server_open(self, "server-tcp-%u", &server_events, server, error);
	if (!server->server)
		return FALSE;
	g_snprintf(name, sizeof(name), "data-tcp-%u", bp_server_port(server->server));
	server->data = bp_channel(self, name);
	bp_channel_set_options(server->data, &log);
	server->recv = bp_instance_channel(self, "recv");
	server->send = bp_instance_channel(self, "send");
	bp_channel_watch(self, server->send, on_send_all, server, NULL);
	/* Whoever is at a console sees who comes and goes. */
	if (!bp_instance_bool(self, "quiet") && !strcmp(server->handler, "console"))
		return !!bp_channel_link(self, bp_server_events(server->server), bp_channel(self, "console"), error);
	return TRUE;
}

void telnet_server_close(BpInstance *self)
{
	TelnetServer *server = bp_instance_data(self);
	const char *why = bp_kernel_is_quitting() ? "" : bp_instance_close_reason(self);
	g_autofree char *text = g_strdup_printf("Server is shutting down%s%s. Goodbye!", *why ? ": " : "", why);

	while (server->first)
		telnet_connection_close(server->first, text);
}

void telnet_server_describe(BpInstance *self, GString *text)
{
	TelnetServer *server = bp_instance_data(self);
	BpServerStats stats = bp_server_stats(server->server);

	g_string_append_printf(text, "listening on %s, handler %s\n", bp_server_addresses(server->server), server->handler);
	g_string_append_printf(text, "%u connections, %" G_GUINT64_FORMAT " so far, %" G_GUINT64_FORMAT " refused; %"
			       G_GUINT64_FORMAT " bytes in, %" G_GUINT64_FORMAT " bytes out\n",
			       stats.connections, stats.accepted, stats.refused, stats.bytes_in, stats.bytes_out);
}
