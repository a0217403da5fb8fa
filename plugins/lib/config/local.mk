# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-config.so.0
libbackplane_config_so_0_SOURCES = \
	plugins/lib/config/config-apply.c \
	plugins/lib/config/config-check.c \
	plugins/lib/config/config-diff.c \
	plugins/lib/config/config-load.c \
	plugins/lib/config/config-parse.c \
	plugins/lib/config/config-reload.c \
	plugins/lib/config/config-tree.h \
	plugins/lib/config/config.c
libbackplane_config_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(YAML_CFLAGS)
libbackplane_config_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-config.so.0
libbackplane_config_so_0_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS) $(YAML_LIBS)
EXTRA_libbackplane_config_so_0_DEPENDENCIES = kernel/libbackplane.map
