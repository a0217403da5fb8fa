# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/rest.so
plugins_rest_so_SOURCES = \
	plugins/rest/resource-channel.c \
	plugins/rest/resource-host.c \
	plugins/rest/resource-module.c \
	plugins/rest/resource-session.c \
	plugins/rest/resources.h \
	plugins/rest/rest.c
plugins_rest_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_rest_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_rest_so_LDADD = libbackplane-net.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/rest/README.md
