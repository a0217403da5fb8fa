/* SPDX-License-Identifier: MIT */
/* tcp.c - TCP servers and clients whose bytes are on channels. */
#include "tcp.h"

static const char manual[] =
	"Module TCPServer listens on `port`. What any connection sends is on NAME/recv, with the peer as origin\n"
	"and NAME/ID/send as the way to answer, and on NAME/ID/recv; what is sent on NAME/send goes to all\n"
	"connections, on NAME/ID/send to one. IDs count from 1. server-tcp-PORT tells who comes and goes,\n"
	"data-tcp-PORT shows every byte (--> it came, <-- it went). With handler=NAME each connection is a session of that handler\n"
	"instead, in plain lines.\n"
	"\n"
	"Module TCPClient connects to `host` and `port`, again and again with growing pauses when it is cut:\n"
	"NAME/recv, NAME/send, and its state on client-tcp-NAME. What is sent while it is not connected is\n"
	"dropped and counted.\n"
	"\n"
	"  tcp listen 5000 lab max_connections=10\n"
	"  channel watch lab/recv\n"
	"  tcp connect plotter.local:4001 plotter\n"
	"  channel send plotter/send G28\n"
	"  tcp list\n";

const BpParam tcp_server_params[] = {
	{ "port", 'p', BP_INT, .min = 0, .max = 65535, .required = 1, .help = "port to listen on; 0 takes a free one" },
	/* bp_serve_params, but with no handler unless it is named */
	{ "handler", .alias = "handler_class", .names = BP_A_HANDLER,
	  .help = "what answers; bytes on channels if left out" },
	{ "welcome_message", .help = "first line sent to each client, with a handler" },
	{ .include = bp_auth_params },
	{ "prompt", .type = BP_BOOL, .fallback = "true", .help = "show the handler's prompt" },
	{ "quiet", .type = BP_BOOL, .fallback = "no", .help = "do not show messages of channel console" },
	{ .include = bp_server_params },
	{ NULL },
};

const BpParam tcp_client_params[] = {
	{ "host", .type = BP_STRING, .required = 1, .help = "name or address to connect to" },
	{ "port", 'p', BP_INT, .min = 1, .max = 65535, .required = 1, .help = "port to connect to" },
	{ "reconnect", .type = BP_BOOL, .fallback = "true", .help = "connect again when it is cut or fails" },
	{ "reconnect_min", .type = BP_DURATION, .fallback = "250ms", .min = 0.01, .max = 86400,
	  .help = "first pause before a new try; doubled each time" },
	{ "reconnect_max", .type = BP_DURATION, .fallback = "30s", .min = 0.01, .max = 86400,
	  .help = "longest pause before a new try" },
	{ "timeout", .type = BP_DURATION, .fallback = "5s", .min = 0.01, .max = 3600,
	  .help = "for connecting, and for agreeing on TLS" },
	{ "tls", .type = BP_BOOL, .fallback = "false", .help = "encrypt, and check the server's certificate" },
	{ "tls_name", .type = BP_STRING, .help = "name in its certificate, if not the host; * takes any certificate" },
	{ NULL },
};

static const BpModule modules[] = {
	{ "TCPServer", .help = "bytes of TCP connections on channels, or sessions of a handler",
	  .params = tcp_server_params, .size = sizeof(TcpServer), .open = tcp_server_open, .close = tcp_server_close,
	  .describe = tcp_server_describe },
	{ "TCPClient", .help = "a TCP connection on channels, made again when it is cut", .params = tcp_client_params,
	  .size = sizeof(TcpClient), .open = tcp_client_open, .close = tcp_client_close,
	  .describe = tcp_client_describe },
	{ NULL },
};

static const BpTransport transport = {
	.size = sizeof(transport),
	.name = "tcp",
	.help = "plain lines over TCP",
	.module = "TCPServer",
	.default_port = 8024,
};

static gboolean load(BpPlugin *self, GError **error)
{
	return bp_registry_add(self, "transport/tcp", &transport, error);
}

BP_PLUGIN(.name = "tcp", .version = "1.0", .summary = "TCP servers and clients on channels", .manual = manual,
	  .commands = tcp_commands, .modules = modules, .load = load);
