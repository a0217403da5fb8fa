/* SPDX-License-Identifier: MIT */
/* mesh-gateway.h - what the files of module MeshGateway share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/framing.h>
#include <backplane/http.h>
#include <backplane/json.h>
#include "mesh-command.h"
#include "mesh-history.h"
#include "mesh-message.h"
#include "mesh-node.h"
#include "mesh-types.h"

typedef struct MeshPeer MeshPeer;
typedef struct MeshPages MeshPages;

typedef enum { RELAY_NONE, RELAY_KNOWN, RELAY_ALL } MeshRelay;

/* What may change while it runs. */
typedef struct {
	MeshOpcodes opcodes;
	MeshRelay relay;
	gboolean need_listener, push_data, ask_on_reset, ask_at_open;
	gint64 gap, known_gap, handshake_timeout, push_spacing, error_wait;
	gint64 idle_after, disconnect_after, poll;
	gint64 window;
	gsize window_bytes, request_limit, reply_limit;
	guint push_queue, queue;
} MeshSettings;

typedef struct {
	guint64 frames, bytes, malformed, texts, pushed, undefined; /* from the root */
	guint64 sent, sent_bytes, refused;			    /* to the root */
	guint64 requests, failures, listeners, push_drops;	    /* of clients */
} MeshCounts;

typedef struct {
	BpInstance *self;
	MeshSettings set;
	MeshTypes types;
	MeshNodes nodes;
	MeshCounts counts;
	/* the root */
	BpChannel *root_recv, *root_send, *root_events;
	const BpFraming *framing; /* NULL: the channels carry whole bodies */
	char *framing_path;
	BpFramingOptions framing_options;
	BpDecoder *decoder;
	char *advice;			   /* what is probably wrong with escape_xor; NULL: nothing */
	guint64 mark_frames, mark_foreign; /* counts of the decoder some frames ago */
	GQueue waiting;			   /* GBytes for the root */
	GArray *window;			   /* what was sent in it */
	BpTimer *pace;
	gboolean line;	     /* as reported last */
	gboolean unplugged;  /* reported by the UART */
	BpTimer *list_timer; /* a list of the root ends */
	BpTimer *second, *poll;
	/* clients */
	BpServer *server;
	MeshPeer *first, *last;
	guint listeners;
	GQueue unanswered; /* MeshPeer that wait for an error text */
	/* what others see */
	BpChannel *recv, *send, *log, *changes;
	MeshHistory *history;
	BpTimer *refresh; /* until changes are reported */
	MeshPages *pages; /* NULL: none */
	BpInstance *pages_instance, *shutdown_instance;
} MeshGateway;

extern const BpParam mesh_gateway_params[], mesh_pages_params[], mesh_shutdown_params[];
extern const BpCommand mesh_commands[];

/* --- mesh-gateway.c --- */
gboolean mesh_gateway_open(BpInstance *self, GError **error);
void mesh_gateway_close(BpInstance *self);
gboolean mesh_gateway_update(BpInstance *self, const BpValues *before, GError **error);
void mesh_gateway_describe(BpInstance *self, GString *text);
/* The gateway named so; NULL name: the only one there is. */
MeshGateway *mesh_gateway_find(const char *name, GError **error);
/* A line on NAME/log and the pages. */
void mesh_gateway_log(MeshGateway *gateway, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Its state, and that of the modules that follow it, is looked at again. */
void mesh_gateway_look(MeshGateway *gateway);
/* Schedules a report to pages and resources. */
void mesh_gateway_touch(MeshGateway *gateway);

/* --- mesh-root.c: frames to and from the root --- */
gboolean mesh_root_open(MeshGateway *gateway, GError **error);
void mesh_root_close(MeshGateway *gateway);
gboolean mesh_root_is_up(const MeshGateway *gateway);
/* Queues; FALSE: *why is a constant for the answer. */
gboolean mesh_root_send(MeshGateway *gateway, gconstpointer data, gsize size, const char **why);
/* Reports a change of the line to the log, the pages and the state. */
void mesh_root_check_line(MeshGateway *gateway);

/* Asks the root for its nodes, if the line is up and ask_at_open is set. */
void mesh_root_ask_at_open(MeshGateway *gateway);

/* --- mesh-table.c: the nodes that were known when the gateway closed --- */
void mesh_table_read(MeshGateway *gateway);
void mesh_table_save(const MeshGateway *gateway);

/* --- mesh-intake.c --- */
void mesh_intake(MeshGateway *gateway, const guint8 *body, gsize size);
void mesh_intake_end_list(MeshGateway *gateway);

/* --- mesh-requests.c --- */
/* Appends the reply. `wait`: TRUE if it is S, and one may wait for the root to object; *target is the node then. */
void mesh_request_run(MeshGateway *gateway, const guint8 *data, gsize size, GByteArray *reply, gboolean *wait,
		      guint16 *target);

/* --- mesh-socket.c --- */
gboolean mesh_socket_open(MeshGateway *gateway, GError **error);
void mesh_socket_close(MeshGateway *gateway);
void mesh_socket_push(MeshGateway *gateway, BpMessage *message);
/* The root reports that a message did not arrive. */
void mesh_socket_fail(MeshGateway *gateway, guint16 target, const guint8 *text, gsize size);

/* --- mesh-json.c: both vocabularies of the pages, and the resources. Yours. --- */
json_t *mesh_json_node(const MeshGateway *gateway, const MeshNode *node);
char *mesh_json_state(const MeshGateway *gateway);
char *mesh_json_status(const MeshGateway *gateway);
char *mesh_json_connection(const MeshGateway *gateway);
char *mesh_json_log(const char *text);
char *mesh_json_robots(json_t *robots);

/* --- mesh-websocket.c --- */
struct MeshPages {
	BpInstance *self;
	MeshGateway *gateway; /* NULL: not open now */
	BpHttpServer *http;
	GPtrArray *all; /* pages */
	guint64 missed; /* messages that pages did not get because they were behind */
};
gboolean mesh_pages_open(BpInstance *self, GError **error);
void mesh_pages_close(BpInstance *self);
void mesh_pages_describe(BpInstance *self, GString *text);
void mesh_pages_adopt(MeshGateway *gateway);
void mesh_pages_forget(MeshGateway *gateway);
void mesh_pages_state(MeshPages *pages);
void mesh_pages_connection(MeshPages *pages);
/* A message with a type. */
void mesh_pages_text(MeshPages *pages, const char *json);

/* --- mesh-shutdown.c --- */
typedef struct {
	BpInstance *self;
	BpHttpServer *http;
} MeshShutdown;
/* The gateway of that name has opened, or closes. */
void mesh_shutdown_look(const char *name, gboolean there);
gboolean mesh_shutdown_open(BpInstance *self, GError **error);
void mesh_shutdown_close(BpInstance *self);

/* --- mesh-resource.c --- */
gboolean mesh_resource_load(BpPlugin *self, GError **error);
json_t *mesh_resource_netinfo(const MeshGateway *gateway);
