# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/host/context.c \
	kernel/host/leftover.c \
	kernel/host/log.c \
	kernel/host/log.h \
	kernel/host/metric.c \
	kernel/host/module.c \
	kernel/host/module.h \
	kernel/host/nearest.c \
	kernel/host/notify.c \
	kernel/host/notify.h \
	kernel/host/output.c \
	kernel/host/param.c \
	kernel/host/param.h \
	kernel/host/plugin-image.c \
	kernel/host/plugin.c \
	kernel/host/plugin.h \
	kernel/host/registry.c \
	kernel/host/settings-codec.c \
	kernel/host/settings.c \
	kernel/host/settings.h \
	kernel/host/state.c \
	kernel/host/unload.c \
	kernel/host/values.c
