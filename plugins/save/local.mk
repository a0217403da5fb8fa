# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/save.so
plugins_save_so_SOURCES = plugins/save/save.c
plugins_save_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_save_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_save_so_LDADD = libbackplane-file.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/save/README.md
