# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/host/config-apply.c \
	kernel/host/config-check.c \
	kernel/host/config-diff.c \
	kernel/host/config-load.c \
	kernel/host/config-parse.c \
	kernel/host/config-reload.c \
	kernel/host/config-tree.h \
	kernel/host/config.c \
	kernel/host/config.h \
	kernel/host/context.c \
	kernel/host/json.c \
	kernel/host/log.c \
	kernel/host/log.h \
	kernel/host/module.c \
	kernel/host/module.h \
	kernel/host/nearest.c \
	kernel/host/notify.c \
	kernel/host/notify.h \
	kernel/host/param.c \
	kernel/host/param.h \
	kernel/host/plugin.c \
	kernel/host/plugin.h \
	kernel/host/registry.c \
	kernel/host/registry.h \
	kernel/host/resource.c \
	kernel/host/settings-codec.c \
	kernel/host/settings.c \
	kernel/host/settings.h \
	kernel/host/unload.c \
	kernel/host/values.c
