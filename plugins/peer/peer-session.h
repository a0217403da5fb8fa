/* SPDX-License-Identifier: MIT */
/* peer-session.h - what the files about channels across hosts share: a session with one other host, which outlives its
 * links.
 */
#pragma once
#include "peer.h"

#define PEER_MOST_GLOBS 64
#define PEER_MOST_CHANNELS 4096 /* of one host */
#define PEER_MOST_REPLIES 256

typedef struct {
	PeerSession *session;
	char *glob;
	BpWatch *watch;
} PeerSubscription;

typedef struct {
	PeerSession *session;
	char *theirs, *full;
	BpChannel *channel;
	BpWatch *watch;
	gboolean is_reply; /* not announced: a way to answer */
} PeerImported;

typedef struct {
	PeerSession *session;
	char *origin;  /* GRefString */
	guint channel; /* its number */
	guint8 crossings;
} PeerForeign;

struct PeerSession {
	PeerNet *net;
	char *id, *name;
	PeerLink *link; /* NULL: cut */
	gboolean live;	/* subscribed: messages are forwarded */
	gint64 cut;
	/* ours for them */
	GPtrArray *subscriptions;
	guint64 epoch, sequence; /* of the last message */
	GQueue ring;		 /* BpMessage: the last ones, the newest has `sequence` */
	gsize ring_bytes;
	GHashTable *verdicts; /* channel number -> PeerSubscription that serves it, or NULL */
	GHashTable *told;     /* names that were announced to the peer */
	GHashTable *replies;  /* names on which they may answer */
	GQueue reply_order;
	guint64 out, drops;
	/* theirs for us */
	guint64 their_epoch, have;
	GHashTable *channels; /* their name -> PeerImported */
	GQueue answer_order;  /* of PeerImported that are ways to answer */
	GHashTable *origins;  /* text -> PeerForeign */
	guint64 in, missed;
	gboolean told_lost; /* once an outage */
};

/* --- peer-export.c: ours for them --- */

void peer_subscription_free(gpointer data);
gboolean peer_is_exported(PeerNet *net, const char *name);
/* Fills in all but channel, sequence and reply. FALSE: the message came from that host, or has crossed too many hosts. */
gboolean peer_describe(PeerSession *session, const BpChannel *channel, const BpMessage *message, ChannelFrame *said);
void peer_announce(PeerSession *session, json_t *add);
void peer_forget_verdicts(PeerNet *net);
void peer_on_subscribe(PeerSession *session, const json_t *message);

/* --- peer-import.c: theirs for us --- */

void peer_imported_free(gpointer data);
void peer_foreign_free(gpointer data);
gboolean peer_is_wanted(PeerSession *session, const char *name);
void peer_subscribe(PeerSession *session);
void peer_read_names(PeerSession *session, const json_t *list, gboolean gone);
void peer_on_subscribed(PeerSession *session, const json_t *message);
