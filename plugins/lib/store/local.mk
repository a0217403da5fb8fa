# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-store.so.0
libbackplane_store_so_0_SOURCES = \
	plugins/lib/store/store-file.c \
	plugins/lib/store/store-file.h \
	plugins/lib/store/store-keys.c \
	plugins/lib/store/store-query.c \
	plugins/lib/store/store-series.c \
	plugins/lib/store/store-sql.h \
	plugins/lib/store/store-state.h \
	plugins/lib/store/store.c
libbackplane_store_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(SQLITE_CFLAGS)
libbackplane_store_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-store.so.0
libbackplane_store_so_0_LDADD = $(PLUGIN_LIBS) $(SQLITE_LIBS)
EXTRA_libbackplane_store_so_0_DEPENDENCIES = kernel/libbackplane.map
