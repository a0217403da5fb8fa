# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-session.so.0
libbackplane_session_so_0_SOURCES = \
	plugins/lib/session/complete.c \
	plugins/lib/session/editor-draw.c \
	plugins/lib/session/editor-edit.c \
	plugins/lib/session/editor-keys.c \
	plugins/lib/session/editor-recall.c \
	plugins/lib/session/editor-state.h \
	plugins/lib/session/editor.c \
	plugins/lib/session/editor.h \
	plugins/lib/session/history.c \
	plugins/lib/session/history.h \
	plugins/lib/session/input.c \
	plugins/lib/session/serve-stream.c \
	plugins/lib/session/serve.c \
	plugins/lib/session/shared-history.c \
	plugins/lib/session/telnet.c
libbackplane_session_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(TELNET_CFLAGS)
libbackplane_session_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-session.so.0
libbackplane_session_so_0_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS) $(TELNET_LIBS)
EXTRA_libbackplane_session_so_0_DEPENDENCIES = kernel/libbackplane.map
