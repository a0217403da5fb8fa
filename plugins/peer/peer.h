/* SPDX-License-Identifier: MIT */
/* peer.h - what the files about links between hosts share. */
#pragma once
#include "endpoint.h"
#include "peer-frame.h"
#include "peer-handshake.h"

#define PEER_MOST_FRAME (16 * 1024 * 1024)
#define PEER_MOST_CROSSINGS 8

typedef struct PeerLink PeerLink;
typedef struct PeerTarget PeerTarget;
typedef struct PeerSession PeerSession;

typedef struct {
	char *host, *glob; /* the other host's name or id */
} PeerImport;

struct PeerNet {
	EndpointServer *server;
	BpInstance *self;
	const char *secret, *tls_name; /* tls_name NULL: plain links */
	gint64 heartbeat;
	gsize backlog, resume; /* bytes */
	BpChannel *recv, *send, *events;
	GQueue targets;	      /* PeerTarget */
	GQueue links;	      /* PeerLink */
	GHashTable *sessions; /* id -> PeerSession */
	GPtrArray *exports;   /* globs */
	GPtrArray *imports;   /* PeerImport */
	GHashTable *imported; /* names of channels that are another host's */
	GHashTable *foreign;  /* origin GRefString, by pointer -> PeerForeign */
	GHashTable *seen;     /* host and number -> PeerForeign */
	GQueue recent;	      /* PeerForeign, oldest first */
	guint64 tag, made;    /* this host in ChannelFrame.host, and its last number */
	BpMessage *last;      /* the message that has it */
	BpTimer *timer;
	guint64 in, out, drops, refused;
};

/* A host to connect to, with reconnects. */
struct PeerTarget {
	PeerNet *net;
	char *host, *id; /* id NULL: not known yet */
	guint port;
	BpAddress address;
	gboolean fixed, resolving; /* fixed: asked for by a person */
	PeerLink *link;
	BpScope *scope; /* owns `again`, and the question for its address */
	BpBackoff *again;
	guint failures;
	char *why; /* the last failure */
};

typedef enum { LINK_CONNECTING, LINK_SHAKING, LINK_UP, LINK_ORIGINAL } PeerLinkState;

struct PeerLink {
	PeerNet *net;
	GList place;
	PeerTarget *target; /* NULL: they came to us */
	BpStream *stream;
	JsonLine input;
	Handshake *handshake;
	PeerLinkState state;
	char *id, *name;  /* name: what we call it, in channels too */
	gboolean renamed; /* its own name was taken by another host */
	char *origin;	  /* GRefString of the name */
	gint64 begun, heard, said;
	PeerSession *session;
	gboolean ending;
	GQueue waiting;	     /* char *: lines for an original, which takes one at a time */
	gboolean asked;	     /* an original owes an answer */
	gboolean introduced; /* an original has answered who it is */
	guint64 in, out, drops;
};

/* --- peer-net.c --- */

PeerNet *peer_net_new(EndpointServer *server, GError **error);
void peer_net_free(PeerNet *net);
/* Whether the hosts of `connect` are there, as the state of the instance. */
void peer_net_look(PeerNet *net);
void peer_net_describe(PeerNet *net, GString *text);
json_t *peer_net_names(PeerNet *net); /* [{"id","name"}] */
json_t *peer_net_list(PeerNet *net);
/* The link to a host by its name or id; NULL. */
PeerLink *peer_net_find(PeerNet *net, const char *who);
/* {"event": ..., ...} on NAME/events. */
void peer_net_event(PeerNet *net, const char *event, const PeerLink *link, const char *text);
gboolean peer_net_connect(PeerNet *net, const char *address, GError **error);
/* What an original sent after its handshake, and that handshake: `*name` and `*id` if it is accepted. */
void peer_net_said(PeerNet *net, char *origin, const char *text, gsize size);
json_t *peer_net_greet(PeerNet *net, const json_t *message, char **name, char **id);
/* A JSON text for one peer, by its name or id, or (NULL) for all; returns how many take it. An original that only connected to this
 * host gets it over its own connection. */
guint peer_net_send(PeerNet *net, const char *who, const char *text, gsize size);
/* The first open one, or NULL with a sentence. */
PeerNet *peer_net_default(const char *instance, GError **error);
void peer_target_free(PeerTarget *target);
/* Its link was closed or could not be made. */
void peer_target_failed(PeerTarget *target, const char *why, gboolean quiet);

/* --- peer-link.c --- */

/* Takes the input. */
void peer_link_accept(PeerNet *net, BpStream *stream, JsonLine take_input, const json_t *offer);
PeerLink *peer_link_connect(PeerTarget *target);
/* Ends it: a word to the other side, then closed. */
void peer_link_end(PeerLink *link, const char *why);
void peer_link_free(PeerLink *link);
/* Whether less waits than link_backlog. */
gboolean peer_link_has_room(const PeerLink *link);
void peer_link_send(PeerLink *link, BpMessage *frame);
void peer_link_control(PeerLink *link, json_t *take_message);
/* A line for an original. */
gboolean peer_link_say(PeerLink *link, const char *text, gsize size);
void peer_link_tick(PeerLink *link);
gboolean peer_link_is_up(const PeerLink *link);

/* --- peer-name.c --- */

/* Another host that is connected under that name; NULL. */
PeerLink *peer_link_named_alike(const PeerLink *link, const char *name);
/* Sets `name`, `renamed` and `origin`. */
void peer_link_name(PeerLink *link);

/* --- peer-channels.c --- */

void peer_channels_up(PeerLink *link);
void peer_channels_down(PeerLink *link);
void peer_channels_control(PeerLink *link, const json_t *message);
void peer_channels_said(PeerLink *link, FrameKind kind, const ChannelFrame *said);
/* A FRAME_MESSAGE for that host. FALSE: it is dropped, and counted. */
gboolean peer_channels_send(PeerLink *link, const char *text, gsize size);
/* A number of the other host: acknowledged (FRAME_ACK), or of a heartbeat. */
void peer_channels_number(PeerLink *link, FrameKind kind, guint64 number);
/* FALSE: a FRAME_MESSAGE with that number was received before. */
gboolean peer_channels_take(PeerLink *link, guint64 number);
/* All of a batch was received. */
void peer_channels_batch(PeerLink *link);
/* What is exported on this link: the last number in *sequence. FALSE: nothing. */
gboolean peer_channels_level(const PeerLink *link, guint64 *sequence);
void peer_channels_tick(PeerNet *net);
gboolean peer_channels_export(PeerNet *net, const char *glob, gboolean remove, GError **error);
gboolean peer_channels_import(PeerNet *net, const char *host, const char *glob, gboolean remove, GError **error);
void peer_channels_free(PeerNet *net);
void peer_channels_json(const PeerSession *session, json_t *object);

json_t *peer_resource_list(void);
