# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/bus/channel.c \
	kernel/bus/channel.h \
	kernel/bus/fail.c \
	kernel/bus/frame.c \
	kernel/bus/frame.h \
	kernel/bus/glob.c \
	kernel/bus/hold.c \
	kernel/bus/link.c \
	kernel/bus/message.c \
	kernel/bus/message.h \
	kernel/bus/owner.c \
	kernel/bus/owner.h \
	kernel/bus/port.h \
	kernel/bus/scope.c \
	kernel/bus/watch.c \
	kernel/bus/watch.h
