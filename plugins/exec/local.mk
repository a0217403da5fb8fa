# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/exec.so
plugins_exec_so_SOURCES = plugins/exec/exec.c
plugins_exec_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_exec_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_exec_so_LDADD = libbackplane-process.so.0 libbackplane-net.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/exec/README.md
