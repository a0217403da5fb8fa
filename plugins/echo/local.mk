# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/echo.so
plugins_echo_so_SOURCES = plugins/echo/echo.c
plugins_echo_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_echo_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_echo_so_LDADD = $(PLUGIN_LIBS)
EXTRA_DIST += plugins/echo/README.md
