# SPDX-License-Identifier: MIT
# Not installed: the build loads it to write the manual pages.
noinst_PROGRAMS += data/manual.so
data_manual_so_SOURCES = \
	plugins/manual/manual.c \
	plugins/manual/roff.c \
	plugins/manual/roff.h
data_manual_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
data_manual_so_LDFLAGS = $(PLUGIN_LDFLAGS)
data_manual_so_LDADD = $(PLUGIN_LIBS)
