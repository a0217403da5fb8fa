/* SPDX-License-Identifier: MIT */
/* udp.h - what the files of this plugin share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/net.h>

extern const BpParam udp_server_params[];
extern const BpParam udp_socket_params[];
extern const BpCommand udp_commands[];

/* --- udp-port.c: what a server and a socket have in common --- */

typedef struct UdpPeer UdpPeer;
typedef struct {
	BpInstance *self;
	BpDatagram *sockets[2]; /* one, or one for each IP version */
	guint count;
	guint number; /* the port bound */
	gboolean quiet;
	BpChannel *events, *recv, *send, *data;
	GHashTable *peers;     /* by address */
	UdpPeer *first, *last; /* longest silent first */
	guint most_peers;
	gint64 peer_timeout;  /* 0: never */
	BpTimer *silence;     /* until the first of them has been silent for so long */
	BpAddress latest;     /* the sender of the last datagram; size 0: none yet */
	guint64 released;     /* peers whose channel was given up for another one's */
	guint64 nowhere;      /* messages that had no destination */
	guint64 refused;      /* by a full queue */
	BpNetworks *networks; /* NULL: all may come */
	guint64 denied;	      /* datagrams from others */
	guint64 told_lost, told_refused;
	BpTimer *timer;		  /* until losses may be reported again */
	gboolean faulty, one_way; /* one_way: all goes to one destination, whose absence is a failure */
	gint64 tried;		  /* since it is faulty, without another error */
} UdpPort;

typedef struct {
	guint64 in, out, bytes_in, bytes_out, drops, lost, errors; /* lost: by the system, before we saw them */
	guint peers;
	guint64 released;
} UdpCounts;

/* Binds one socket per address, with the same port number. Uses only `self`, which owns the sockets. */
gboolean udp_port_bind(UdpPort *port, BpInstance *self, GArray *addresses, gboolean shared, GError **error);
/* Channels and the watch for NAME/HOST:PORT/send; `on_send` is for NAME/send. */
void udp_port_start(UdpPort *port, const char *events_name, const char *data_name, BpWatchFunc on_send, gpointer data);
gboolean udp_port_has(const UdpPort *port, int family);
/* The state of the instance: it is bound, and nothing is known against it. */
void udp_port_works(UdpPort *port);
void udp_port_fails(UdpPort *port, const char *why);
void udp_port_send(UdpPort *port, BpMessage *message, const BpAddress *to);
gboolean udp_port_group(UdpPort *port, const char *group, const char *interface, gboolean join, GError **error);
UdpCounts udp_port_counts(const UdpPort *port);
char *udp_port_addresses(const UdpPort *port);
void udp_port_describe(const UdpPort *port, GString *text);
/* The port of an instance of either module, or NULL. */
UdpPort *udp_port_of(BpInstance *instance);

/* --- udp-text.c --- */

/* "HOST:PORT", IPv6 in brackets; `bare`: without, as in names of channels. */
gboolean udp_part_address(const char *text, gboolean bare, char **host, guint *port, GError **error);
/* The address to send to: IPv4 goes first, since that is what servers bind when nothing is said. NULL if `may`
 * allows none. */
const BpAddress *udp_choose_address(GArray *addresses, gboolean may_v4, gboolean may_v6);

/* --- the modules; memory of the instance begins with the port --- */

typedef struct {
	UdpPort port;
} UdpServer;

gboolean udp_server_open(BpInstance *self, GError **error);
void udp_server_close(BpInstance *self);
void udp_describe(BpInstance *self, GString *text);

typedef struct {
	UdpPort port;
	char *host; /* of the default destination; NULL: there is none */
	guint host_port;
	BpAddress to;	/* size 0: not known yet */
	gint64 asked;	/* when its name was looked up */
	GQueue waiting; /* messages, until the name is known */
} UdpSocket;

gboolean udp_socket_open(BpInstance *self, GError **error);
void udp_socket_close(BpInstance *self);

/* --- udp-send.c --- */

extern const BpParam udp_send_params[];
gboolean udp_run_send(BpPlugin *self, BpCall *call, GError **error);
