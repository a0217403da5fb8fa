# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/config.so
plugins_config_so_SOURCES = \
	plugins/config/config-plugin.h \
	plugins/config/config.c \
	plugins/config/settings.c
plugins_config_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_config_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_config_so_LDADD = libbackplane-config.so.0 libbackplane-net.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/config/README.md
