# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/http/http-answer.c \
	kernel/http/http-chunks.c \
	kernel/http/http-codec.c \
	kernel/http/http-codec.h \
	kernel/http/http-connection.c \
	kernel/http/http-content.c \
	kernel/http/http-guard.c \
	kernel/http/http-pieces.c \
	kernel/http/http-request.c \
	kernel/http/http-route.c \
	kernel/http/http-server.c \
	kernel/http/http-server.h \
	kernel/http/http-text.c \
	kernel/http/websocket-codec.c \
	kernel/http/websocket-codec.h \
	kernel/http/websocket-deflate.c \
	kernel/http/websocket-handshake.c \
	kernel/http/websocket-handshake.h \
	kernel/http/websocket-server.c \
	kernel/http/websocket-utf8.c \
	kernel/http/websocket.c \
	kernel/http/websocket.h
