# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-http.so.0
libbackplane_http_so_0_SOURCES = \
	plugins/lib/http/http-answer.c \
	plugins/lib/http/http-chunks.c \
	plugins/lib/http/http-codec.c \
	plugins/lib/http/http-codec.h \
	plugins/lib/http/http-connection.c \
	plugins/lib/http/http-content.c \
	plugins/lib/http/http-guard.c \
	plugins/lib/http/http-pieces.c \
	plugins/lib/http/http-proxy.c \
	plugins/lib/http/http-request.c \
	plugins/lib/http/http-route.c \
	plugins/lib/http/http-server.c \
	plugins/lib/http/http-server.h \
	plugins/lib/http/http-text.c \
	plugins/lib/http/websocket-codec.c \
	plugins/lib/http/websocket-codec.h \
	plugins/lib/http/websocket-deflate.c \
	plugins/lib/http/websocket-handshake.c \
	plugins/lib/http/websocket-handshake.h \
	plugins/lib/http/websocket-server.c \
	plugins/lib/http/websocket-utf8.c \
	plugins/lib/http/websocket.c \
	plugins/lib/http/websocket.h
libbackplane_http_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(WEBSOCKET_CFLAGS) $(JSON_CFLAGS)
libbackplane_http_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-http.so.0
libbackplane_http_so_0_LDADD = libbackplane-net.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(WEBSOCKET_LIBS) $(JSON_LIBS)
EXTRA_libbackplane_http_so_0_DEPENDENCIES = kernel/libbackplane.map
