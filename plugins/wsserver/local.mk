# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/wsserver.so
plugins_wsserver_so_SOURCES = \
	plugins/wsserver/ws-client.c \
	plugins/wsserver/ws-monitor.c \
	plugins/wsserver/ws-server.c \
	plugins/wsserver/ws-telnet.c \
	plugins/wsserver/wsserver.c \
	plugins/wsserver/wsserver.h
plugins_wsserver_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_wsserver_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_wsserver_so_LDADD = libbackplane-http.so.0 libbackplane-session.so.0 libbackplane-net.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/wsserver/README.md
