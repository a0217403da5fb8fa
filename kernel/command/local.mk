# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/command/bind.c \
	kernel/command/bind.h \
	kernel/command/builtin.c \
	kernel/command/call.c \
	kernel/command/command.c \
	kernel/command/command.h \
	kernel/command/console.c \
	kernel/command/console.h \
	kernel/command/input.c \
	kernel/command/line.c \
	kernel/command/output.c \
	kernel/command/parse.c \
	kernel/command/parse.h \
	kernel/command/run.c \
	kernel/command/run.h \
	kernel/command/secret.c \
	kernel/command/session.c \
	kernel/command/session.h \
	kernel/command/table.c \
	kernel/command/text.c
