/* SPDX-License-Identifier: MIT */
/* tcp.h - what the files of this plugin share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/sessions.h>

extern const BpParam tcp_server_params[];
extern const BpParam tcp_client_params[];
extern const BpCommand tcp_commands[];

/* TCPServer, memory of the instance */
typedef struct TcpConnection TcpConnection;
typedef struct {
	BpInstance *self;
	BpServer *server;
	BpChannel *recv, *send, *data;
	TcpConnection *first, *last;
	BpServeStreams *sessions; /* with a handler; NULL: bytes on channels */
} TcpServer;

gboolean tcp_server_open(BpInstance *self, GError **error);
void tcp_server_close(BpInstance *self);
void tcp_server_describe(BpInstance *self, GString *text);

/* TCPClient */
typedef enum { TCP_WAITING, TCP_RESOLVING, TCP_CONNECTING, TCP_CONNECTED, TCP_ENDED } TcpState;
typedef struct {
	BpInstance *self;
	BpChannel *recv, *send, *events;
	char *origin; /* GRefString */
	char *target; /* "box:4001", for people */
	const char *host;
	guint port;
	TcpState state;
	GArray *addresses; /* of BpAddress, still to be tried in this round */
	guint next;	   /* of them */
	BpStream *stream;
	BpBackoff *again;
	gboolean told;			    /* the warning that sent messages are lost was given, once per outage */
	guint64 lost;			    /* messages sent while not connected */
	guint64 bytes_in, bytes_out, drops; /* of earlier connections */
} TcpClient;

gboolean tcp_client_open(BpInstance *self, GError **error);
void tcp_client_close(BpInstance *self);
void tcp_client_describe(BpInstance *self, GString *text);
const char *tcp_client_state(const TcpClient *client);
/* With those of the connection there is. */
void tcp_client_counts(const TcpClient *client, guint64 *in, guint64 *out, guint64 *drops);
