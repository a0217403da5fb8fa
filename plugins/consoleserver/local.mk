# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/consoleserver.so
plugins_consoleserver_so_SOURCES = plugins/consoleserver/consoleserver.c
plugins_consoleserver_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_consoleserver_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_consoleserver_so_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/consoleserver/README.md
