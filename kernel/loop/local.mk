# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/loop/fd.c \
	kernel/loop/file.c \
	kernel/loop/inbox.c \
	kernel/loop/job.c \
	kernel/loop/loop.c \
	kernel/loop/loop.h \
	kernel/loop/timer.c \
	kernel/loop/turns.c \
	kernel/loop/turns.h
