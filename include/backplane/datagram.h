/* SPDX-License-Identifier: MIT */
/* datagram.h - UDP sockets: whole datagrams, many per system call (recvmmsg, sendmmsg).
 *
 * Datagrams of 0 bytes to 64 KiB. bp_datagram_send queues; the queue is flushed once per turn. It is bounded: when it is full, new
 * datagrams are dropped and counted.
 */
#pragma once
#include <backplane/address.h>

G_BEGIN_DECLS

typedef struct {
	gsize size; /* sizeof(BpDatagramEvents), so that it can grow */
	void (*data)(BpPlugin *self, BpDatagram *datagram, const guint8 *data, gsize size, const BpAddress *from,
		     gpointer user);
	void (*error)(BpPlugin *self, BpDatagram *datagram, const GError *error,
		      gpointer user); /* reported, the socket stays open; may be NULL */
} BpDatagramEvents;

/* Bound to `address` (port 0: any). `shared`: SO_REUSEADDR, for broadcast and multicast listeners. */
BP_API BpDatagram *bp_datagram_open(BpPlugin *self, const BpAddress *address, gboolean shared,
				    const BpDatagramEvents *events, gpointer user, GError **error);
BP_API void bp_datagram_close(BpDatagram *datagram);
/* Queues. BP_FULL: dropped and counted, since the queue is full until the next turn, or the datagram is too large. */
BP_API BpSent bp_datagram_send(BpDatagram *datagram, gconstpointer data, gsize size, const BpAddress *to);
BP_API const BpAddress *bp_datagram_local(const BpDatagram *datagram);
BP_API gboolean bp_datagram_set_broadcast(BpDatagram *datagram, gboolean on, GError **error);
/* `interface` is a name ("eth0") or NULL for the system's choice. */
BP_API gboolean bp_datagram_join(BpDatagram *datagram, const BpAddress *group, const char *interface, GError **error);
BP_API gboolean bp_datagram_leave(BpDatagram *datagram, const BpAddress *group, const char *interface, GError **error);
BP_API gboolean bp_datagram_set_multicast(BpDatagram *datagram, guint ttl, gboolean loop, const char *interface,
					  GError **error);
typedef struct {
	guint64 received, sent, bytes_in, bytes_out, drops, errors, kernel_drops; /* kernel_drops: SO_RXQ_OVFL */
} BpDatagramStats;
BP_API void bp_datagram_stats_sized(const BpDatagram *datagram, BpDatagramStats *result, gsize size);
static inline BpDatagramStats bp_datagram_stats(const BpDatagram *datagram)
{
	BpDatagramStats result;

	bp_datagram_stats_sized(datagram, &result, sizeof(result));
	return result;
}

G_END_DECLS
