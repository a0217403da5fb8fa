/* SPDX-License-Identifier: MIT */
/* nats-connection.h - one connection to a server of NATS, or to one of a cluster, that is made again when it is lost. */
#pragma once
#include <backplane/net.h>
#include "nats-codec.h"

typedef struct NatsConnection NatsConnection;

typedef struct {
	const char *const *servers; /* HOST[:PORT] */
	const char *name;	    /* of this client, for the server's lists */
	const char *user, *password, *token;
	gboolean tls;
	BpTlsClient files;	     /* its name NULL: that of the server */
	gboolean any_name;	     /* any certificate is taken */
	gint64 keepalive;	     /* microseconds; a server that does not answer for twice as long is given up */
	gint64 pause_min, pause_max; /* between rounds through the servers */
	gsize backlog;		     /* bytes that may wait for a slow server */
	gsize message_limit;
} NatsOptions;

typedef struct {
	/* The server has taken the client: subscriptions are to be made now. */
	void (*subscribe)(gpointer user);
	/* It has them. */
	void (*connected)(gpointer user);
	/* A connection has ended, or all servers have been tried. `fatal`: a user must act. */
	void (*closed)(gboolean fatal, const char *why, gpointer user);
	void (*message)(const NatsOperation *operation, gpointer user);
	/* An error of the server after which the connection stays. */
	void (*refused)(const char *why, gpointer user);
	void (*drained)(gpointer user);
} NatsEvents;

/* All of `options` is copied. NULL with an error: an invalid server, a file that cannot be used. */
NatsConnection *nats_connection_new(BpInstance *self, const NatsOptions *options, const NatsEvents *events,
				    gpointer user, GError **error);
/* In the close function of the instance. What was sent before still goes. NULL is allowed. */
void nats_connection_free(NatsConnection *connection);

gboolean nats_connection_is_up(const NatsConnection *connection);
/* "192.0.2.7:4222", of the server that is used or tried; else the first server. */
const char *nats_connection_address(const NatsConnection *connection);
/* "2.9.10" and the name of the server; "" before it is known. */
const char *nats_connection_version(const NatsConnection *connection);
gboolean nats_connection_has_jetstream(const NatsConnection *connection);
guint nats_connection_servers(const NatsConnection *connection);
guint64 nats_connection_reconnects(const NatsConnection *connection);
/* Whether less than half of the backlog waits. FALSE: `drained` will be called. */
gboolean nats_connection_has_room(NatsConnection *connection);
/* `headers`: name, value, ..., NULL. BP_FULL: not sent. BP_GONE: no connection, or larger than the server allows; `error` says which. */
BpSent nats_connection_publish(NatsConnection *connection, const char *subject, const char *reply,
			       const char *const *headers, BpMessage *message, GError **error);
/* For this connection alone; the number that its messages have. `queue` may be NULL. */
guint64 nats_connection_subscribe(NatsConnection *connection, const char *subject, const char *queue);
void nats_connection_unsubscribe(NatsConnection *connection, guint64 sid);
