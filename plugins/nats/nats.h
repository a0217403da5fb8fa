/* SPDX-License-Identifier: MIT */
/* nats.h - what the files of this plugin share. Everything is on the main loop.
 *
 * nats.c: module NatsBridge; nats-connection.c: a connection to one of several servers; nats-codec.c: the protocol; nats-jetstream.c: what is
 * kept until a stream has it; nats-streams.c: streams that are made, and read; nats-commands.c: the commands. Rules, queue and counters are the library bridge.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/bridge.h>
#include <backplane/host.h>
#include "nats-connection.h"

typedef struct NatsConsumer NatsConsumer;

typedef struct {
	BpInstance *self;
	BpBridge *bridge;
	NatsConnection *connection;
	GHashTable *subscriptions; /* number -> Subscription */
	GHashTable *watched;	   /* filter -> number: of nats watch */

	/* --- nats-jetstream.c --- */
	char *inbox; /* "_INBOX.x", whose parts below are the numbers of what was published */
	guint last_id, in_flight, most_in_flight;
	guint64 acknowledged; /* numbers of acknowledgements at the last look */
	BpTimer *timer;	      /* nothing is acknowledged, or it is tried again */
	gboolean pausing;     /* the stream does not take anything at present */

	/* --- nats-streams.c --- */
	GPtrArray *streams, *consumers; /* NatsStream, NatsConsumer */
	char *stream_trouble;		/* what was reported last */
	guint last_inbox;
} NatsBridge;

extern const BpParam nats_params[];
extern const BpCommand nats_commands[];
void nats_describe(BpInstance *self, GString *text);
/* Publishes with the hosts it has passed; `reply` may be NULL. */
BpSent nats_publish(NatsBridge *bridge, const BpBridgeItem *item, const char *reply, GError **error);

void nats_subscribe_consumer(NatsBridge *bridge, const char *inbox, NatsConsumer *consumer);

/* --- nats-jetstream.c --- */
void nats_jetstream_open(NatsBridge *bridge);
void nats_jetstream_close(NatsBridge *bridge);
/* The connection is there, or has gone. */
void nats_jetstream_up(NatsBridge *bridge);
void nats_jetstream_down(NatsBridge *bridge);
gboolean nats_jetstream_has_room(const NatsBridge *bridge);
BpSent nats_jetstream_publish(NatsBridge *bridge, const BpBridgeItem *item, guint *id, GError **error);
/* FALSE: it is no answer to what was published. */
gboolean nats_jetstream_take(NatsBridge *bridge, const NatsOperation *operation);

/* --- nats-streams.c --- */
void nats_streams_new(NatsBridge *bridge);
/* "1h" in microseconds; -1: it is no duration. */
gint64 nats_streams_duration(const char *text);
/* Of the rules of the bridge. */
gboolean nats_streams_open(NatsBridge *bridge, GError **error);
void nats_streams_free(NatsBridge *bridge);
/* The connection may subscribe; it is complete. */
void nats_streams_subscribe(NatsBridge *bridge);
void nats_streams_up(NatsBridge *bridge);
/* FALSE: it is no answer to a question; `token` is the last part of its subject. */
gboolean nats_streams_take(NatsBridge *bridge, const char *token, const NatsOperation *operation);
void nats_streams_message(NatsBridge *bridge, NatsConsumer *consumer, const NatsOperation *message);
