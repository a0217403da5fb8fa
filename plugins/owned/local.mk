# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/owned.so
plugins_owned_so_SOURCES = plugins/owned/owned.c
plugins_owned_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_owned_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_owned_so_LDADD = $(PLUGIN_LIBS)
EXTRA_DIST += plugins/owned/README.md
