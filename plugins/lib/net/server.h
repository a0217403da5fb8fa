/* SPDX-License-Identifier: MIT */
/* server.h - a server's parts: server.c opens and closes, accept.c lets in or refuses, limits.c times out and counts.
 *
 * Each of its streams keeps a reference, so that a server closed by hand stays until its last stream has gone.
 */
#pragma once
#include <backplane/channel.h>
#include <backplane/metric.h>
#include <backplane/module.h>
#include <backplane/plugin.h>
#include "listen.h"
#include "stream.h"
#include "tls.h"

/* Seconds. Peers that are dead are found within a minute: after 15 to 30 s of silence they are asked every 3 to 5 s, and the
 * connection is closed when nothing has come for 55 s, after at least five questions. */
enum {
	KEEPALIVE_IDLE_MIN = 15,
	KEEPALIVE_IDLE_MAX = 30,
	KEEPALIVE_INTERVAL_MIN = 3,
	KEEPALIVE_INTERVAL_MAX = 5,
	KEEPALIVE_SILENCE = 55
};

typedef struct {
	BpServer *server;
	int fd;
	BpFd *source;
	BpTimer *pause; /* no descriptors left: until accepting is tried again */
} ServerSocket;

struct BpServer {
	BpOwned owned;
	gint refs;
	gboolean closed;
	BpServerEvents events;
	gpointer user;
	BpChannel *channel;
	GArray *listening;
	ServerSocket *doors; /* one for each of `listening` */
	GArray *reserve;     /* of int: descriptors that are closed when no other is left; NULL: none */
	guint port;
	char *addresses;
	gboolean shut; /* no connection can be accepted */
	BpState state; /* of the instance before that, and its reason */
	char *reason;

	BpServerOptions options; /* the strings for TLS are owned, `bind` is not there any more */
	TlsContext *tls;
	struct BpNetworks *networks; /* NULL: all may come */

	/* --- streams --- */
	BpStream *first_opened, *last_opened;
	BpStream *first_active, *last_active; /* the longest silent first */
	BpTimer *timer;
	GHashTable *by_address; /* of AddressCount */
	double tokens;		/* new connections that are free now */
	gint64 tokens_at;
	guint goodbyes;	     /* refused connections to which the reason is still being sent */
	BpMetric *lost;	     /* NULL: closed */
	BpServerStats stats; /* bytes and drops of closed streams */
};

void server_unref(BpServer *server);
/* errno why nobody can come in, as the state of the instance; 0: it works again. */
void server_set_shut(BpServer *server, int number);

/* --- accept.c --- */
void server_let_in(BpServer *server); /* begins accepting */
void server_stop_accepting(BpServer *server);
void server_fill_reserve(BpServer *server);

/* --- limits.c --- */
/* Why nobody may come in from there now, or NULL: then it is counted as in. Yours. */
char *limits_refuse(BpServer *server, const BpAddress *peer);
void limits_leave(BpServer *server, const BpAddress *peer);
void limits_start(BpServer *server);
void limits_stop(BpServer *server);
