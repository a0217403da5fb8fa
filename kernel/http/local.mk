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
	kernel/http/http-text.c
