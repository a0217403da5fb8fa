# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-process.so.0
libbackplane_process_so_0_SOURCES = plugins/lib/process/child.c
libbackplane_process_so_0_CPPFLAGS = $(LIB_CPPFLAGS)
libbackplane_process_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-process.so.0
libbackplane_process_so_0_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS)
EXTRA_libbackplane_process_so_0_DEPENDENCIES = kernel/libbackplane.map
