# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/io/accept.c \
	kernel/io/address.c \
	kernel/io/connect.c \
	kernel/io/datagram.c \
	kernel/io/datagram.h \
	kernel/io/holder.c \
	kernel/io/limits.c \
	kernel/io/listen.c \
	kernel/io/listen.h \
	kernel/io/multicast.c \
	kernel/io/orphan.c \
	kernel/io/queue.c \
	kernel/io/resolve.c \
	kernel/io/server.c \
	kernel/io/server.h \
	kernel/io/stream.c \
	kernel/io/stream.h \
	kernel/io/tls-context.c \
	kernel/io/tls.c \
	kernel/io/tls.h
