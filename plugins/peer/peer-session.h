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

/* A message that another host has sent: known by its origin, a text that only this message has. */
typedef struct {
	PeerSession *session;
	char *origin;  /* GRefString */
	guint channel; /* its number */
	guint8 crossings;
	guint64 host, number; /* as in ChannelFrame; first: the key in net->seen */
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
	guint64 counted; /* up to that number they are in `out` or `drops` */
	/* messages that must arrive */
	guint64 sent, before; /* the last number; the last one of earlier links */
	GQueue unacked;	      /* BpMessage, the newest has the number `sent` */
	gsize unacked_bytes;
	gboolean open;		/* both sides know what was received; before that, messages only wait in `unacked` */
	guint64 stream, got;	/* of the other host: its epoch, and the last number that was received */
	gboolean owes;		/* an acknowledgement */
	guint64 in, out, drops; /* of all links of the session */
	/* theirs for us */
	guint64 their_epoch, have;
	GHashTable *channels; /* their name -> PeerImported */
	GQueue answer_order;  /* of PeerImported that are ways to answer */
	gboolean level;	      /* subscribed on this link: a number in a heartbeat counts */
	guint64 missed;
	gboolean told_lost; /* once an outage */
};

/* --- peer-export.c: ours for them --- */

void peer_subscription_free(gpointer data);
gboolean peer_is_exported(PeerNet *net, const char *name);
typedef enum { PEER_DESCRIBED, PEER_OF_THAT_HOST, PEER_NOT_SENDABLE } PeerDescribe;
/* Fills in all but channel, sequence and reply. PEER_NOT_SENDABLE: it is too long, or has crossed too many hosts. */
PeerDescribe peer_describe(PeerSession *session, const BpChannel *channel, const BpMessage *message,
			   ChannelFrame *said);
void peer_count_drops(PeerSession *session, guint64 count);
void peer_announce(PeerSession *session, json_t *add);
void peer_forget_verdicts(PeerNet *net);
void peer_on_subscribe(PeerSession *session, const json_t *message);

/* --- peer-import.c: theirs for us --- */

void peer_imported_free(gpointer data);
/* The messages of a session, or (NULL) of all. */
void peer_foreign_forget(PeerNet *net, const PeerSession *session);
gboolean peer_is_wanted(PeerSession *session, const char *name);
void peer_subscribe(PeerSession *session);
void peer_read_names(PeerSession *session, const json_t *list, gboolean gone);
void peer_on_subscribed(PeerSession *session, const json_t *message);
/* The last number that the other host has sent by now. */
void peer_on_level(PeerSession *session, guint64 sequence);

/* --- peer-delivery.c: messages that must arrive --- */

void peer_delivery_up(PeerSession *session);
/* What the other host has received of them. */
void peer_delivery_open(PeerSession *session, const json_t *message);
void peer_delivery_acked(PeerSession *session, guint64 number);
gboolean peer_delivery_is_possible(const PeerSession *session);
/* The frame has the number session->sent + 1. FALSE: not sent, and counted as dropped. */
gboolean peer_delivery_send(PeerSession *session, BpMessage *frame);
/* One was received. FALSE: it was received before. */
gboolean peer_delivery_take(PeerSession *session, guint64 number);
/* After each batch. */
void peer_delivery_acknowledge(PeerSession *session);
/* The session ends: what was not acknowledged is counted and reported. */
void peer_delivery_clear(PeerSession *session);
