# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-net.so.0
libbackplane_net_so_0_SOURCES = \
	plugins/lib/net/accept.c \
	plugins/lib/net/access.c \
	plugins/lib/net/address.c \
	plugins/lib/net/backoff.c \
	plugins/lib/net/bytes.c \
	plugins/lib/net/connect.c \
	plugins/lib/net/datagram.c \
	plugins/lib/net/datagram.h \
	plugins/lib/net/give-back.c \
	plugins/lib/net/holder.c \
	plugins/lib/net/limits.c \
	plugins/lib/net/lines.c \
	plugins/lib/net/listen.c \
	plugins/lib/net/listen.h \
	plugins/lib/net/listener.c \
	plugins/lib/net/multicast.c \
	plugins/lib/net/networks.c \
	plugins/lib/net/orphan.c \
	plugins/lib/net/queue.c \
	plugins/lib/net/resolve.c \
	plugins/lib/net/server.c \
	plugins/lib/net/server.h \
	plugins/lib/net/stream.c \
	plugins/lib/net/stream.h \
	plugins/lib/net/tls-context.c \
	plugins/lib/net/tls-self.c \
	plugins/lib/net/tls-tickets.c \
	plugins/lib/net/tls.c \
	plugins/lib/net/tls.h
libbackplane_net_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(TLS_CFLAGS)
libbackplane_net_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-net.so.0
libbackplane_net_so_0_LDADD = $(PLUGIN_LIBS) $(TLS_LIBS)
EXTRA_libbackplane_net_so_0_DEPENDENCIES = kernel/libbackplane.map
