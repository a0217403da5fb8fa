# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/wsserver.so
plugins_wsserver_so_SOURCES = \
	plugins/wsserver/ws-client.c \
	plugins/wsserver/ws-monitor.c \
	plugins/wsserver/ws-server.c \
	plugins/wsserver/ws-telnet.c \
	plugins/wsserver/wsserver.c \
	plugins/wsserver/wsserver.h
plugins_wsserver_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_wsserver_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_wsserver_so_LDADD = $(PLUGIN_LIBS)
EXTRA_DIST += plugins/wsserver/README.md
