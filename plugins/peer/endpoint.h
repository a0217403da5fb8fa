/* SPDX-License-Identifier: MIT */
/* endpoint.h - what the files about endpoint servers share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/endpoint.h>
#include <backplane/json.h>
#include "endpoint-media.h"
#include "json-line.h"

extern const BpParam endpoint_server_params[];
extern const BpParam peer_params[];

typedef struct PeerNet PeerNet;
typedef struct EndpointConnection EndpointConnection;
typedef struct EndpointRequest EndpointRequest;

/* EndpointServer and Peer, memory of the instance */
typedef struct {
	BpInstance *self;
	BpServer *server;
	char *id, *name;
	const char *project, *hash;
	const char *const *protocols;
	gint64 started;
	gint64 timeout; /* of endpoints that answer later */
	guint max_clients;
	guint clients;	    /* connections, links to peers not counted */
	GQueue connections; /* EndpointConnection */
	guint pending;	    /* requests that wait for an answer */
	guint64 requests, errors, refused, timeouts, next_reply;
	gboolean enable_discovery;
	PeerNet *net; /* NULL: no peers */
} EndpointServer;

/* --- endpoint-server.c --- */

gboolean endpoint_server_open(BpInstance *self, GError **error);
void endpoint_server_close(BpInstance *self);
void endpoint_server_describe(BpInstance *self, GString *text);
/* Of an instance of either module, or NULL. */
EndpointServer *endpoint_server_of(BpInstance *instance);
/* All open ones; free the array. */
GPtrArray *endpoint_server_list(void);

struct EndpointConnection {
	EndpointServer *server;
	BpStream *stream;
	JsonLine input;
	GQueue requests; /* EndpointRequest, oldest first: answers keep this order */
	EndpointMedia media;
	char *id;
	GList place;		/* in server->connections */
	char *peer, *peer_id;	/* of an original that shook hands, else NULL; `peer`, its name, is a GRefString */
	gboolean working, full; /* full: its reader is slow */
	gboolean fresh;		/* nothing but empty lines in what was received last */
};

struct EndpointRequest {
	EndpointConnection *connection;
	GList place;
	gboolean marked;   /* made by python_json_parse: the answer is written by python_json_unmark */
	json_t *id;	   /* echoed, or NULL */
	BpMessage *answer; /* NULL: not yet */
	BpChannel *reply;  /* of a channel endpoint */
	BpWatch *watch;
	BpTimer *timer;
	struct EndpointRun *run; /* of a command endpoint */
};

/* Takes the reply and ends the request: it is sent when those before it are. */
void endpoint_answer(EndpointRequest *request, json_t *take_reply);

/* --- endpoint-dispatch.c --- */

/* The reply, a new reference; NULL: it comes later, by endpoint_answer. More lines are taken from the input of the connection if the
 * line only begins a JSON text. */
json_t *endpoint_dispatch(EndpointRequest *request, char *line, gsize size);
json_t *endpoint_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
json_t *endpoint_success(json_t *take_data);
/* Appends "timestamp". */
json_t *endpoint_stamp(json_t *take_reply);
gboolean endpoint_name_ok(const char *name);

/* --- endpoint-call.c: endpoints by name --- */

/* FALSE: there is none. Else `*reply` is the answer or NULL, when it comes later. `by_protocol`: errors are worded so. */
gboolean endpoint_call(EndpointRequest *request, const char *name, const json_t *message, gboolean by_protocol,
		       json_t **reply);
/* The call is no longer wanted. */
void endpoint_call_cancel(EndpointRequest *request);
/* Names, sorted; free with g_strfreev. */
char **endpoint_names(const EndpointServer *server);
/* `json`: the output of the command is JSON, and becomes the data of the answer. */
gboolean endpoint_command_add(BpPlugin *self, const char *name, const char *command, gboolean json, BpRole role,
			      GError **error);
gboolean endpoint_command_remove(BpPlugin *self, const char *name, GError **error);
/* NULL: it is no command's. */
const char *endpoint_command_of(const char *name);
void endpoint_commands_unload(void);

/* --- endpoint-client.c: requests over one connection --- */

typedef struct {
	const char *host; /* borrowed while opening */
	guint port;
	gint64 timeout, reconnect_delay; /* of a request, and of connecting; first pause */
	guint attempts;			 /* most reconnects in a row; 0: none */
	const char *tls_name;		 /* as of bp_stream_connect */
} EndpointClientOptions;

typedef struct EndpointClient EndpointClient;
/* What it has come to; `pause` until the next try, -1: there is none. */
typedef void (*EndpointClientState)(EndpointClient *client, BpState state, const char *sentence, gint64 pause,
				    gpointer data);
/* Exactly once; `reply` is borrowed and NULL with an error. */
typedef void (*EndpointClientDone)(const json_t *reply, const GError *error, gpointer data);

EndpointClient *endpoint_client_new(BpPlugin *self, const EndpointClientOptions *options, EndpointClientState state,
				    gpointer data);
/* Pending requests end with BP_CANCELLED. */
void endpoint_client_free(EndpointClient *client);
void endpoint_client_request(EndpointClient *client, json_t *take_message, EndpointClientDone done, gpointer data);
const char *endpoint_client_state(const EndpointClient *client);
typedef struct {
	guint64 requests, answers, failures, timeouts, late, reconnects; /* failures: timeouts and all others */
} EndpointClientCounts;
EndpointClientCounts endpoint_client_counts(const EndpointClient *client);

/* --- endpoint-client-module.c --- */

typedef struct {
	BpInstance *self;
	EndpointClient *client;
	BpChannel *recv, *send, *events;
} EndpointClientModule;

extern const BpParam endpoint_client_params[];
gboolean endpoint_client_open(BpInstance *self, GError **error);
void endpoint_client_close(BpInstance *self);
void endpoint_client_describe(BpInstance *self, GString *text);
extern const BpParam endpoint_call_params[];
gboolean endpoint_run_call(BpPlugin *self, BpCall *call, GError **error);
/* "HOST:PORT", IPv6 in brackets. */
gboolean endpoint_part_address(const char *text, char **host, guint *port, GError **error);

/* --- discovery.c --- */

/* Announces a server, until it closes. */
void discovery_add_server(EndpointServer *server);
void discovery_remove_server(EndpointServer *server);
void discovery_load(BpPlugin *self);
void discovery_unload(void);

typedef enum { NODE_SUSPECT, NODE_UP, NODE_DOWN } DiscoveryState;
typedef struct {
	const char *id, *name, *project, *hash;
	BpAddress address; /* of its server */
	DiscoveryState state;
} DiscoveryFound;
/* Called for each known node, and for each one that appears. */
typedef void (*DiscoveryFunc)(const DiscoveryFound *found, gpointer data);
void discovery_each(DiscoveryFunc func);
/* One listener of all nodes that come up: peers. */
extern DiscoveryFunc discovery_found;
json_t *discovery_json(void);
/* A command looks at the whole network, also while all servers are on loopback. */
void discovery_browse(gboolean begin);
EndpointServer *discovery_server(const char *id);	    /* of ours that are announced; NULL */
const GQueue *discovery_servers(void);			    /* EndpointServer */
gboolean discovery_is_public(const EndpointServer *server); /* not on loopback alone */
/* Whether it can be reached through `own`, an address of an interface, or of loopback. */
struct in_addr;
gboolean discovery_is_in_scope(const EndpointServer *server, const struct in_addr *own, gboolean loopback);
/* FALSE: that address has had its connections in this window; else one is counted. */
gboolean discovery_may_probe(const BpAddress *address, gint64 now);
void discovery_scope_unload(void);
/* Sends a query, which all nodes answer. */
void discovery_ask(void);
typedef struct {
	guint64 heard, bad, browsers, refused, sent; /* datagrams */
} DiscoveryCounts;
DiscoveryCounts discovery_counts(void);
