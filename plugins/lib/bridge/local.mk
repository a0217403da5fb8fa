# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-bridge.so.0
libbackplane_bridge_so_0_SOURCES = plugins/lib/bridge/names.c
libbackplane_bridge_so_0_CPPFLAGS = $(LIB_CPPFLAGS)
libbackplane_bridge_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-bridge.so.0
libbackplane_bridge_so_0_LDADD = $(PLUGIN_LIBS)
EXTRA_libbackplane_bridge_so_0_DEPENDENCIES = kernel/libbackplane.map
