# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-file.so.0
libbackplane_file_so_0_SOURCES = plugins/lib/file/writer.c
libbackplane_file_so_0_CPPFLAGS = $(LIB_CPPFLAGS)
libbackplane_file_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-file.so.0
libbackplane_file_so_0_LDADD = $(PLUGIN_LIBS)
EXTRA_libbackplane_file_so_0_DEPENDENCIES = kernel/libbackplane.map
