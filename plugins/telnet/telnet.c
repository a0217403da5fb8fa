/* SPDX-License-Identifier: MIT */
/* telnet.c - handlers over telnet: the console, or an application of a plugin. */
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/sessions.h>

static const char manual[] =
	"Module TelnetServer listens on `port`; each client is a session of `handler` (console). A client that\n"
	"speaks first in plain text (nc, a script) is served plain text. One that is silent, or speaks telnet,\n"
	"gets the negotiation: with ECHO, SGA, NAWS, TTYPE, NEW-ENVIRON, CHARSET and BINARY it has the line\n"
	"editor, its size and colours.\n"
	"\n"
	"NAME/recv carries what all sessions typed (no passwords), NAME/send is shown to all of them; one\n"
	"session is session/ID/recv and session/ID/send. server-tcp-PORT tells who comes and goes,\n"
	"data-tcp-PORT shows every byte.\n"
	"\n"
	"  module open TelnetServer front port=2323 handler=console\n"
	"  channel send front/send the laser is busy until four\n";

static const BpParam params[] = {
	{ "port", 'p', BP_INT, .min = 0, .max = 65535, .required = 1, .help = "port to listen on; 0 takes a free one" },
	{ .include = bp_serve_params },
	{ .include = bp_server_params },
	{ NULL },
};

static gboolean open_server(BpInstance *self, GError **error)
{
	BpServeStreams **server = bp_instance_data(self);

	*server = bp_serve_streams(self, TRUE, error);
	return *server != NULL;
}

static void close_server(BpInstance *self)
{
	BpServeStreams **server = bp_instance_data(self);

	bp_serve_streams_close(*server);
}

static void describe_server(BpInstance *self, GString *text)
{
	BpServeStreams **server = bp_instance_data(self);

	bp_server_describe(bp_serve_streams_server(*server), bp_instance_string(self, "handler"), text);
}

static const BpModule modules[] = {
	{ "TelnetServer", .help = "sessions of a handler over telnet", .params = params,
	  .size = sizeof(BpServeStreams *), .open = open_server, .close = close_server, .describe = describe_server },
	{ NULL },
};

static const BpTransport transport = {
	.size = sizeof(transport),
	.name = "telnet",
	.help = "telnet, or plain text for who speaks it first",
	.module = "TelnetServer",
	.default_port = 8023,
};

static gboolean load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "transport/telnet", &transport, error);
}

BP_PLUGIN(.name = "telnet", .version = "1.0", .summary = "Consoles and applications over telnet", .manual = manual,
	  .modules = modules, .load = load);
