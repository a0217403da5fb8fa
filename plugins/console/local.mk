# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/console.so
plugins_console_so_SOURCES = \
	plugins/console/console.c
plugins_console_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_console_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_console_so_LDADD = libbackplane-net.so.0 libbackplane-session.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/console/README.md
