/* SPDX-License-Identifier: MIT */
/* listener.h - sockets that listen on any loop and for any owner, without the parameters, limits and state of a server (server.h).
 *
 * For what is no module of its own: a script's servers, which live on the loop of the script.
 */
#pragma once
#include <backplane/address.h>
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpListener BpListener;
/* A connection; the descriptor is yours. The listener may be closed in it. */
typedef void (*BpListenerAccept)(BpPlugin *self, BpListener *listener, int take_fd, const BpAddress *peer,
				 gpointer user);

/* `bind` as bp_address_bind_list takes it; beyond loopback only if `insecure`. NULL if it cannot bind; the error names the port and the
 * process that uses it. While the process has no descriptors left, connections wait. */
BP_API BpListener *bp_listener_open(BpPlugin *self, const char *bind, guint port, gboolean insecure,
				    BpListenerAccept accept, gpointer user, GError **error);
/* Also done at the end of the owner. */
BP_API void bp_listener_close(BpListener *listener);
BP_API guint bp_listener_port(const BpListener *listener); /* the port that was bound, if 0 was given */

G_END_DECLS
