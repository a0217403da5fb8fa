# SPDX-License-Identifier: MIT
# libbackplane.so.0 and the program. Each room adds its sources in its own local.mk.

execlib_PROGRAMS += libbackplane.so.0
libbackplane_so_0_SOURCES = \
	kernel/program.c \
	kernel/start.c \
	kernel/start.h
libbackplane_so_0_CPPFLAGS = -I$(top_builddir) -I$(top_srcdir)/include -I$(top_srcdir)/kernel $(GLIB_CFLAGS) -DPLUGINDIR=\"$(pluginsdir)\" -DTOOLDIR=\"$(toolsdir)\" -DSYSCONFDIR=\"$(sysconfdir)\" -DSYSCONFDIR=\"$(sysconfdir)\"
# What is exported is decided at the link: bp_* and nothing else. tests/lint compares it with the headers.
libbackplane_so_0_LDFLAGS = -shared $(WHOLE) -Wl,-soname,libbackplane.so.0 -Wl,-Bsymbolic-functions \
	-Wl,--version-script=$(srcdir)/kernel/libbackplane.map
libbackplane_so_0_LDADD = $(GLIB_LIBS)
EXTRA_libbackplane_so_0_DEPENDENCIES = kernel/libbackplane.map
EXTRA_DIST += kernel/libbackplane.map plugins/program/README.md

bin_PROGRAMS += backplane
# Both ends of the control socket stand together: the client is a part of the program, the server is a plugin.
backplane_SOURCES = plugins/program/main.c plugins/control/client.c plugins/control/place.c plugins/control/place.h \
	plugins/program/claim.c plugins/program/crash.c plugins/program/program.h plugins/program/tool.c
backplane_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DPLUGINDIR=\"$(pluginsdir)\" -DTOOLDIR=\"$(toolsdir)\" -DSYSCONFDIR=\"$(sysconfdir)\"
backplane_LDFLAGS = $(PROGRAM_LDFLAGS)
backplane_LDADD = libbackplane.so.0 $(GLIB_LIBS)
