# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/guess.so
plugins_guess_so_SOURCES = plugins/guess/guess.c
plugins_guess_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_guess_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_guess_so_LDADD = $(PLUGIN_LIBS)
EXTRA_DIST += plugins/guess/README.md
