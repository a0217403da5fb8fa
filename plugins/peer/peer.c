/* SPDX-License-Identifier: MIT */
/* peer.c - JSON endpoints, and hosts that find each other and share channels. The manual is below, as `plugin info` shows it. */
#include "peer.h"
#include "peer-resource.h"
#include "peer-table.h"

static const char manual[] =
	"Module EndpointServer answers JSON, a line each: {\"request\": \"ping\"} (status, info, echo, peer_list),\n"
	"{\"endpoint\": NAME, ...}, and media. Endpoints come from plugins, from `endpoint add NAME -- COMMAND`, and from\n"
	"whoever watches SERVER/endpoint/NAME: each request is said there, the first answer to it is given. An `id`\n"
	"comes back in the answer; answers keep the order of the requests. Media are said on SERVER/media/TYPE.\n"
	"\n"
	"Module EndpointClient asks: requests on NAME/send, answers on NAME/recv. `call` asks once.\n"
	"\n"
	"Module Peer is an EndpointServer with peers: hosts of the same project_id, hash and secret connect to each\n"
	"other, found by broadcast (UDP 8889 and 8890) or named by `connect`. NAME/events tells who is up, what\n"
	"was missed; NAME/recv is what peers say, NAME/send goes to all of them. `peer export GLOB` here and\n"
	"`peer import HOST GLOB` there bring channels over: HOST/uart0/recv there is uart0/recv here, and what is sent\n"
	"on HOST/uart0/send there is said on uart0/send here. Channel discovery tells what is found and lost.\n"
	"\n"
	"  module open Peer peer bind=* insecure=yes project_id=lab secret=...\n"
	"  peer export uart0/*\n"
	"  peer import laser uart0/*\n"
	"  channel watch laser/uart0/recv\n"
	"  call --request localhost:8888 status\n";

/* By which hosts of the originals' last version know each other. */
#define ORIGINAL_HASH "1608ea132b3bebbb"

#define SERVER_ROWS \
	{ "port", \
	  'p', \
	  BP_INT, \
	  .fallback = "8888", \
	  .min = 0, \
	  .max = 65535, \
	  .help = "port to listen on; 0 takes a free one" }, \
		{ "server_name", .type = BP_STRING, \
		  .help = "name for people and in channels of other hosts; the host's if left out" }, \
		{ "server_id", .type = BP_STRING, \
		  .help = "identity; one that is made once and kept in the settings if left out" }, \
		{ "max_clients", .type = BP_INT, .fallback = "10", \
		  .min = 1,	 .max = 100000,	 .help = "most clients at a time, peers not counted" }, \
		{ "max_message", .type = BP_BYTES,  .fallback = "8M", \
		  .min = 1024,	 .max = 1073741824, .help = "longest line" }, \
		{ "endpoint_timeout", .type = BP_DURATION, .fallback = "4s", \
		  .min = 0.01,	      .max = 3600,	   .help = "for endpoints that answer later; clients wait 5 s" }, \
		{ "protocols", .type = BP_STRING, .many = 1, .help = "protocols to be told; DEFAULT if left out" }, \
		{ "project_id", .type = BP_STRING, .fallback = "default", .help = "hosts of one project are peers" }, \
	{ \
		"hash", .type = BP_STRING, .fallback = ORIGINAL_HASH, \
			.help = "version of the project; peers have the same" \
	}

#define PEER_ROWS \
	{ "secret", .type = BP_STRING, .secret = 1, \
	  .help = "what all hosts of the project know; originals know none" }, \
		{ "connect", .type = BP_STRING, .many = 1, .help = "HOST:PORT of a host to connect to" }, \
		{ "export", .type = BP_STRING, .many = 1, \
		  .help = "glob of channels that peers may watch and send on" }, \
		{ "import", .type = BP_STRING, .many = 1, .help = "HOST/GLOB of channels of a peer" }, \
		{ "heartbeat", .type = BP_DURATION, .fallback = "5s", \
		  .min = 0.05, .max = 3600,	    .help = "a peer silent for three is gone" }, \
		{ "link_backlog", .type = BP_BYTES,  .fallback = "16M", \
		  .min = 65536,	  .max = 1073741824, .help = "most that may wait for a peer; more is dropped" }, \
		{ "resume_buffer", .type = BP_BYTES,  .fallback = "1M", \
		  .min = 0,	   .max = 1073741824, .help = "kept for a peer that is cut off for a while" }, \
		{ "connect_tls", .type = BP_BOOL, .fallback = "no", .help = "encrypt connections to peers" }, \
	{ \
		"connect_tls_name", .type = BP_STRING, .fallback = "*", \
				    .help = "name in their certificates; * takes any" \
	}

const BpParam endpoint_server_params[] = {
	SERVER_ROWS,
	{ "enable_discovery", .type = BP_BOOL, .fallback = "no", .alias = "broadcast_enabled",
	  .help = "announce it on the network, find others" },
	{ "enable_peer", .type = BP_BOOL, .fallback = "no", .help = "connect to hosts of the same project" },
	PEER_ROWS,
	{ .include = bp_server_params },
	{ NULL },
};

const BpParam peer_params[] = {
	SERVER_ROWS,
	{ "enable_discovery", .type = BP_BOOL, .fallback = "yes", .alias = "broadcast_enabled",
	  .help = "announce it on the network, find others" },
	{ "enable_peer", .type = BP_BOOL, .fallback = "yes", .help = "connect to hosts of the same project" },
	PEER_ROWS,
	{ .include = bp_server_params },
	{ NULL },
};

static const BpModule modules[] = {
	{ "EndpointServer", .help = "answers requests in JSON, a line each", .params = endpoint_server_params,
	  .size = sizeof(EndpointServer), .open = endpoint_server_open, .close = endpoint_server_close,
	  .describe = endpoint_server_describe },
	{ "EndpointClient", .help = "asks an endpoint server, again when it is cut", .params = endpoint_client_params,
	  .size = sizeof(EndpointClientModule), .open = endpoint_client_open, .close = endpoint_client_close,
	  .describe = endpoint_client_describe },
	{ "Peer", .help = "an endpoint server whose host shares channels with others", .params = peer_params,
	  .size = sizeof(EndpointServer), .open = endpoint_server_open, .close = endpoint_server_close,
	  .describe = endpoint_server_describe },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "call", .params = endpoint_call_params, .run = endpoint_run_call, .role = BP_OPERATOR, .group = "endpoint",
	  .help = "calls an endpoint of a server and shows its answer",
	  .manual =
		  "  call localhost:8888 sum [1,2]\n  call --request localhost:8888 ping\n  call box:8888 slow {} --async\n" },
	{ "endpoint add", .params = endpoint_add_params, .run = endpoint_run_add, .role = BP_ADMIN,
	  .help = "an endpoint that runs a command and answers with its output",
	  .manual =
		  "  endpoint add uptime -- status\n  endpoint add say -- channel send lab/send $data\n"
		  "  endpoint add --json ask -- call box:8888 sum $data.list\n\n"
		  "The answer is {\"ok\": true, \"output\": [lines]}, or with --json what the command prints. $data is the data\n"
		  "of the request and $data.KEY a member of it, each as one quoted word. It runs with the role of who added it.\n" },
	{ "endpoint list", .run = endpoint_run_list, .role = BP_OBSERVER, .help = "the endpoints there are" },
	{ "endpoint remove", .params = endpoint_remove_params, .run = endpoint_run_remove, .role = BP_ADMIN,
	  .help = "takes away an endpoint of a command" },
	{ "discover", .params = discovery_discover_params, .run = discovery_run_discover, .role = BP_OBSERVER,
	  .group = "peer", .help = "shows the servers on the network as they are found; announces nothing" },
	{ "discovery list", .run = discovery_run_list, .role = BP_OBSERVER, .group = "peer",
	  .help = "the servers found so far" },
	{ "peer list", .params = peer_instance_params, .run = peer_run_list, .role = BP_OBSERVER,
	  .help = "the hosts that are connected or waited for" },
	{ "peer info", .params = peer_instance_params, .run = peer_run_info, .role = BP_OBSERVER,
	  .help = "who this host is, and what it exports and imports" },
	{ "peer send", .params = peer_send_params, .run = peer_run_send, .role = BP_OPERATOR,
	  .help = "a JSON message for one peer" },
	{ "peer broadcast", .params = peer_broadcast_params, .run = peer_run_broadcast, .role = BP_OPERATOR,
	  .help = "a JSON message for every peer" },
	{ "peer connect", .params = peer_connect_params, .run = peer_run_connect, .role = BP_OPERATOR,
	  .help = "connects to a host, again when it is cut" },
	{ "peer export", .params = peer_export_params, .run = peer_run_export, .role = BP_ADMIN,
	  .help = "lets other hosts watch channels and send on them" },
	{ "peer import", .params = peer_import_params, .run = peer_run_import, .role = BP_OPERATOR,
	  .help = "brings channels of another host here as HOST/NAME" },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	discovery_load(self);
	return peer_resources_add(self, error);
}

static void unload(BpPlugin *self)
{
	discovery_unload();
	endpoint_commands_unload();
}

BP_PLUGIN(.name = "peer", .version = "1.0", .summary = "JSON endpoints, and hosts that share channels",
	  .manual = manual, .commands = commands, .modules = modules, .load = load, .unload = unload);
