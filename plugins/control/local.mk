# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/control.so
plugins_control_so_SOURCES = \
	plugins/control/control.c \
	plugins/control/place.c \
	plugins/control/place.h
plugins_control_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_control_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_control_so_LDADD = libbackplane-net.so.0 libbackplane-session.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/control/README.md
