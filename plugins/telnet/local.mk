# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/telnet.so
plugins_telnet_so_SOURCES = plugins/telnet/telnet.c
plugins_telnet_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_telnet_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_telnet_so_LDADD = libbackplane-net.so.0 libbackplane-session.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/telnet/README.md
