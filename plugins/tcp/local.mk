# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/tcp.so
plugins_tcp_so_SOURCES = \
	plugins/tcp/tcp-client.c \
	plugins/tcp/tcp-commands.c \
	plugins/tcp/tcp-server.c \
	plugins/tcp/tcp.c \
	plugins/tcp/tcp.h
plugins_tcp_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_tcp_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_tcp_so_LDADD = libbackplane-net.so.0 libbackplane-session.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/tcp/README.md
