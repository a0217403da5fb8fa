# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-json.so.0
libbackplane_json_so_0_SOURCES = \
	plugins/lib/json/json.c \
	plugins/lib/json/number.c \
	plugins/lib/json/resource.c
libbackplane_json_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(JSON_CFLAGS)
libbackplane_json_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-json.so.0
libbackplane_json_so_0_LDADD = $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_libbackplane_json_so_0_DEPENDENCIES = kernel/libbackplane.map
