/* SPDX-License-Identifier: MIT */
/* mesh.c - a gateway between client programs, dashboards and a Bluetooth mesh whose root module is on a UART. */
#include "mesh-gateway.h"

static const char manual[] =
	"Module MeshGateway watches UART/recv, whose messages are whole frame bodies, and sends on UART/send; with\n"
	"recv and send given, any two channels do. Client programs connect to `port`: those that say the handshake\n"
	"get what the root says, others send one request and get one reply. NAME/recv has what clients are pushed,\n"
	"NAME/send takes requests, NAME/log tells what goes on, mesh-nodes tells when nodes have changed. Module\n"
	"MeshPages (ws_port) shows the mesh to dashboards, module MeshShutdown (shutdown_port) lets them close the\n"
	"gateway.\n"
	"\n"
	"  uart open /dev/ttyUSB0 root --framing mesh\n"
	"  mesh open lab --uart root --ws-port 7654\n"
	"  mesh nodes\n"
	"  mesh send 5 hello\n";

static const BpModule modules[] = {
	{ "MeshGateway", .help = "client programs and dashboards of a mesh whose root is on a UART",
	  .params = mesh_gateway_params, .size = sizeof(MeshGateway), .open = mesh_gateway_open,
	  .close = mesh_gateway_close, .update = mesh_gateway_update, .describe = mesh_gateway_describe },
	{ "MeshPages", .help = "dashboards of a MeshGateway on WebSocket", .params = mesh_pages_params,
	  .size = sizeof(MeshPages), .open = mesh_pages_open, .close = mesh_pages_close,
	  .describe = mesh_pages_describe },
	{ "MeshShutdown", .help = "POST /shutdown for a MeshGateway", .params = mesh_shutdown_params,
	  .size = sizeof(MeshShutdown), .open = mesh_shutdown_open, .close = mesh_shutdown_close },
	{ NULL },
};

BP_PLUGIN(.name = "mesh", .version = "1.0", .summary = "Gateway to a Bluetooth mesh", .manual = manual,
	  .commands = mesh_commands, .modules = modules, .load = mesh_resource_load);
