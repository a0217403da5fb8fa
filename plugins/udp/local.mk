# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/udp.so
plugins_udp_so_SOURCES = \
	plugins/udp/udp-commands.c \
	plugins/udp/udp-port.c \
	plugins/udp/udp-send.c \
	plugins/udp/udp-server.c \
	plugins/udp/udp-socket.c \
	plugins/udp/udp-text.c \
	plugins/udp/udp.c \
	plugins/udp/udp.h
plugins_udp_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_udp_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_udp_so_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/udp/README.md
