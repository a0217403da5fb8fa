# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/nats.so
plugins_nats_so_SOURCES = \
	plugins/nats/nats-codec.c \
	plugins/nats/nats-codec.h \
	plugins/nats/nats-commands.c \
	plugins/nats/nats-connection.c \
	plugins/nats/nats-connection.h \
	plugins/nats/nats-jetstream.c \
	plugins/nats/nats-servers.c \
	plugins/nats/nats-servers.h \
	plugins/nats/nats-streams.c \
	plugins/nats/nats.c \
	plugins/nats/nats.h
plugins_nats_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_nats_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_nats_so_LDADD = libbackplane-bridge.so.0 libbackplane-json.so.0 libbackplane-net.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/nats/README.md
