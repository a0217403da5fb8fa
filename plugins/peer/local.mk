# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/peer.so
plugins_peer_so_SOURCES = \
	plugins/peer/discovery-codec.c \
	plugins/peer/discovery-codec.h \
	plugins/peer/discovery-commands.c \
	plugins/peer/discovery-scope.c \
	plugins/peer/discovery.c \
	plugins/peer/endpoint-call.c \
	plugins/peer/endpoint-client-module.c \
	plugins/peer/endpoint-client.c \
	plugins/peer/endpoint-commands.c \
	plugins/peer/endpoint-dispatch.c \
	plugins/peer/endpoint-media.c \
	plugins/peer/endpoint-media.h \
	plugins/peer/endpoint-server.c \
	plugins/peer/endpoint.h \
	plugins/peer/json-line.c \
	plugins/peer/json-line.h \
	plugins/peer/mdns.c \
	plugins/peer/mdns.h \
	plugins/peer/peer-channels.c \
	plugins/peer/peer-commands.c \
	plugins/peer/peer-delivery.c \
	plugins/peer/peer-export.c \
	plugins/peer/peer-frame.c \
	plugins/peer/peer-frame.h \
	plugins/peer/peer-handshake.c \
	plugins/peer/peer-handshake.h \
	plugins/peer/peer-import.c \
	plugins/peer/peer-link.c \
	plugins/peer/peer-name.c \
	plugins/peer/peer-net.c \
	plugins/peer/peer-resource.c \
	plugins/peer/peer-resource.h \
	plugins/peer/peer-session.h \
	plugins/peer/peer-table.h \
	plugins/peer/peer.c \
	plugins/peer/peer.h \
	plugins/peer/python-json.c \
	plugins/peer/python-json.h \
	plugins/peer/python-parse.c
plugins_peer_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS) $(GIO_CFLAGS)
plugins_peer_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_peer_so_LDADD = libbackplane-bridge.so.0 libbackplane-net.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS) $(GIO_LIBS)
nodist_plugins_peer_so_SOURCES = plugins/peer/peers-script.c
EXTRA_DIST += plugins/peer/README.md plugins/peer/peers.js
CLEANFILES += plugins/peer/peers-script.c
