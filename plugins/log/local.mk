# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/log.so
plugins_log_so_SOURCES = \
	plugins/log/log.c \
	plugins/log/log.h \
	plugins/log/record.c
plugins_log_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_log_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_log_so_LDADD = libbackplane-file.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/log/README.md
