# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/leftovers.so
plugins_leftovers_so_SOURCES = \
	plugins/leftovers/damage.c \
	plugins/leftovers/glib.c \
	plugins/leftovers/leftovers.c \
	plugins/leftovers/leftovers.h \
	plugins/leftovers/mapping.c \
	plugins/leftovers/memory.c \
	plugins/leftovers/threads.c
plugins_leftovers_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(GIO_CFLAGS)
plugins_leftovers_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_leftovers_so_LDADD = $(PLUGIN_LIBS)
EXTRA_DIST += plugins/leftovers/README.md
