# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/tool.so
plugins_tool_so_SOURCES = \
	plugins/tool/doctor.c \
	plugins/tool/renew.c \
	plugins/tool/tool.c \
	plugins/tool/tool.h \
	plugins/tool/top.c \
	plugins/tool/watch.c
plugins_tool_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS) $(TLS_CFLAGS)
plugins_tool_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_tool_so_LDADD = libbackplane-json.so.0 libbackplane-net.so.0 libbackplane-session.so.0 $(PLUGIN_LIBS) $(JSON_LIBS) $(TLS_LIBS)
EXTRA_DIST += plugins/tool/README.md
