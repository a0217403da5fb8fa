# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-bridge.so.0
libbackplane_bridge_so_0_SOURCES = \
	plugins/lib/bridge/bridge-state.h \
	plugins/lib/bridge/bridge.c \
	plugins/lib/bridge/export.c \
	plugins/lib/bridge/import.c \
	plugins/lib/bridge/names.c \
	plugins/lib/bridge/queue.c \
	plugins/lib/bridge/rule.c \
	plugins/lib/bridge/subject.c \
	plugins/lib/bridge/watch.c
libbackplane_bridge_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(JSON_CFLAGS)
libbackplane_bridge_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-bridge.so.0
libbackplane_bridge_so_0_LDADD = libbackplane-json.so.0 libbackplane-net.so.0 libbackplane-store.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_libbackplane_bridge_so_0_DEPENDENCIES = kernel/libbackplane.map
