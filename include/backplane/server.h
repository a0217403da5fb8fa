/* SPDX-License-Identifier: MIT */
/* server.h - listening sockets, with the same parameters and the same meaning for every server.
 *
 * A module includes bp_server_params in its table and calls bp_server_open with its instance, with options of its own if it does
 * not listen as its parameters say. bp_server_open returns after binding, so success means that the server listens. The server counts and
 * limits connections, closes idle ones and reports on its event channel.
 */
#pragma once
#include <backplane/module.h>
#include <backplane/param.h>
#include <backplane/stream.h>

G_BEGIN_DECLS

/* bind (127.0.0.1), max_connections (100), idle_timeout, session_timeout, backlog_limit, backlog_policy,
 * rate_limit, max_per_address, keepalive, tls, tls_cert, tls_key, tls_client_ca, insecure. The port is the module's
 * own row, named "port", since its fallback differs. */
BP_API extern const BpParam bp_server_params[];

typedef struct {
	gsize size; /* sizeof(BpServerEvents), so that it can grow */
	/* A new connection within the limits. Set its events with bp_stream_set_user; a stream without events is closed. */
	void (*accept)(BpPlugin *self, BpServer *server, BpStream *stream, gpointer user);
	/* Returns the text (a new string) that is sent to a refused connection before it is closed; `why` is a sentence without full
	 * stop. NULL: nothing is sent. bp_server_refusal_line is for line protocols. */
	char *(*refusal)(BpPlugin *self, BpServer *server, const char *why, gpointer user);
} BpServerEvents;

/* The options of a server. bp_server_options returns those of the parameters; change what is to differ. */
typedef struct {
	const char *
		bind; /* as bp_address_bind_list takes it; borrowed, as the other strings, until bp_server_open has returned */
	guint port;					    /* 0: a free one */
	guint max_connections, max_per_address, rate_limit; /* rate_limit: connections a second; 0: no limit */
	gint64 idle_timeout, session_timeout;		    /* 0: never */
	gsize backlog_limit;				    /* 0: 1 MiB */
	BpBacklogPolicy backlog_policy;
	gboolean keepalive;
	gboolean insecure; /* may listen beyond loopback */
	gboolean tls;
	const char *tls_cert, *tls_key, *tls_client_ca;
	guint reserve; /* descriptors kept for its connections, so that they are accepted when all others are used; at most 64 */
	/* Protocol above TLS ("http/1.1"), a constant: clients that offer others only are refused. NULL: any. */
	const char *alpn;
} BpServerOptions;

/* The options according to the parameters of `self`, whose table has a row "port" and includes bp_server_params. */
BP_API void bp_server_options_sized(const BpInstance *self, BpServerOptions *result, gsize size);
static inline BpServerOptions bp_server_options(const BpInstance *self)
{
	BpServerOptions result;

	bp_server_options_sized(self, &result, sizeof(result));
	return result;
}

/* `options` NULL: bp_server_options(self). `events_name`: name of the event channel, "server-tcp-%u" with the port. NULL if it cannot bind;
 * the error names the port and the process that uses it. */
BP_API BpServer *bp_server_open_sized(BpInstance *self, const BpServerOptions *options, gsize size,
				      const char *events_name, const BpServerEvents *events, gpointer user,
				      GError **error);
static inline BpServer *bp_server_open(BpInstance *self, const BpServerOptions *options, const char *events_name,
				       const BpServerEvents *events, gpointer user, GError **error)
{
	return bp_server_open_sized(self, options, sizeof(*options), events_name, events, user, error);
}
BP_API char *bp_server_refusal_line(BpPlugin *self, BpServer *server, const char *why, gpointer user);
/* FALSE for addresses beyond loopback, unless `insecure`. bp_server_open checks it itself; for sockets that are not a BpServer. */
BP_API gboolean bp_server_may_bind(const char *bind, gboolean insecure, GError **error);
/* Stops listening; streams stay open. Also done at the end of the instance. */
BP_API void bp_server_close(BpServer *server);
BP_API guint bp_server_port(const BpServer *server);		/* the port that was bound, if 0 was given */
BP_API const char *bp_server_addresses(const BpServer *server); /* "127.0.0.1:2323, [::1]:2323" */
BP_API BpChannel *bp_server_events(const BpServer *server);
typedef struct {
	guint connections;			   /* now */
	guint64 accepted, refused, timeouts, slow; /* slow: closed, or messages dropped, since the peer did not read */
	guint64 bytes_in, bytes_out, drops;	   /* of all streams, closed ones included */
} BpServerStats;
BP_API void bp_server_stats_sized(const BpServer *server, BpServerStats *result, gsize size);
static inline BpServerStats bp_server_stats(const BpServer *server)
{
	BpServerStats result;

	bp_server_stats_sized(server, &result, sizeof(result));
	return result;
}
/* For `describe` of a module: appends addresses, handler (NULL: none) and statistics in two lines. */
BP_API void bp_server_describe(const BpServer *server, const char *handler, GString *text);
/* Its streams; free the array. */
BP_API GPtrArray *bp_server_streams(const BpServer *server);
/* The number of a stream on its server, from 1, in order of arrival. */
BP_API guint bp_stream_number(const BpStream *stream);
BP_API BpServer *bp_stream_server(const BpStream *stream);
/* Every open server, for status pages; free the array. */
BP_API GPtrArray *bp_server_list(void);
BP_API BpInstance *bp_server_instance(const BpServer *server);
/* Checks the files of `tls_cert`, `tls_key` and `tls_client_ca` for a server with TLS; "" or NULL: not given. */
BP_API gboolean bp_tls_check_files(const char *cert, const char *key, const char *client_ca, GError **error);
/* "AB:CD:...", SHA-256 of the certificate that this host has made for itself; NULL: no server uses it. Borrowed. */
BP_API const char *bp_tls_own_fingerprint(void);
/* Reads the certificates again; connections stay open. */
BP_API gboolean bp_server_reload_tls(BpServer *server, GError **error);

G_END_DECLS
