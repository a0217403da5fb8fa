/* SPDX-License-Identifier: MIT */
/* listener.c - accepting for owners that are no instances. */
#define _GNU_SOURCE
#include <backplane/listener.h>
#include <errno.h>
#include <sys/socket.h>
#include <backplane/loop.h>
#include <backplane/owner.h>
#include <backplane/scope.h>
#include <backplane/server.h>
#include "listen.h"

#define MOST_A_TURN 64
#define PAUSE (200 * 1000)

struct BpListener {
	BpOwned owned;
	guint refs;	/* of calls that are under way */
	BpScope *scope; /* owns its descriptors and its timer; NULL: it is closed */
	GArray *listening;
	GPtrArray *sources; /* of BpFd: one for each of `listening` */
	BpTimer *pause;
	BpListenerAccept accept;
	gpointer user;
};

static void listener_unref(BpListener *listener)
{
	if (--listener->refs)
		return;
	listen_close(listener->listening);
	g_ptr_array_unref(listener->sources);
	g_free(listener);
}

static void set_open(BpListener *listener, gboolean on)
{
	for (guint i = 0; i < listener->sources->len; i++)
		bp_fd_set_events(listener->sources->pdata[i], on ? BP_IN : 0);
}

static void on_pause_over(BpPlugin *self, gpointer data)
{
	set_open(data, TRUE);
}

static void on_connection(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	BpListener *listener = data;

	listener->refs++;
	for (guint i = 0; i < MOST_A_TURN && listener->scope; i++) {
		BpAddress peer = { .size = sizeof(peer.storage) };
		int got = accept4(fd, (struct sockaddr *)&peer.storage, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (got >= 0) {
			listener->accept(listener->owned.owner, listener, got, &peer, listener->user);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			set_open(listener, FALSE);
			bp_timer_once(&listener->pause, listener->scope, PAUSE, on_pause_over, listener);
			break;
		} else if (errno == EAGAIN) {
			break;
		}
	}
	listener_unref(listener);
}

static void drop(BpOwned *owned)
{
	bp_listener_close(BP_OWNED_BY(owned, BpListener, owned));
}

BpListener *bp_listener_open(BpPlugin *self, const char *bind, guint port, gboolean insecure, BpListenerAccept accept,
			     gpointer user, GError **error)
{
	BpListener *listener;
	GArray *listening;

	g_return_val_if_fail(self && accept, NULL);
	if (!bp_server_may_bind(bind, insecure, error))
		return NULL;
	listening = listen_open(bind, port, error);
	if (!listening)
		return NULL;
	listener = g_new0(BpListener, 1);
	listener->refs = 1;
	listener->scope = bp_scope_open(self); /* before it: what is newer is dropped first */
	listener->listening = listening;
	listener->sources = g_ptr_array_new();
	listener->accept = accept;
	listener->user = user;
	bp_owner_link(self, &listener->owned, "listener", drop);
	for (guint i = 0; i < listening->len; i++)
		g_ptr_array_add(listener->sources,
				bp_fd_add(listener->scope, g_array_index(listening, ListenSocket, i).fd, BP_IN,
					  on_connection, listener, NULL));
	return listener;
}

void bp_listener_close(BpListener *listener)
{
	g_return_if_fail(listener);
	if (!listener->scope)
		return;
	bp_scope_close(g_steal_pointer(&listener->scope));
	bp_owner_unlink(&listener->owned);
	listener_unref(listener);
}

guint bp_listener_port(const BpListener *listener)
{
	return bp_address_port(&g_array_index(listener->listening, ListenSocket, 0).address);
}
