# SPDX-License-Identifier: MIT
# One folder, one plugin: plugins/NAME/*.c become plugins/NAME.so in the build folder. Its local.mk has six lines
#
#	plugins_PROGRAMS += plugins/NAME.so
#	plugins_NAME_so_SOURCES = plugins/NAME/NAME.c
#	plugins_NAME_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
#	plugins_NAME_so_LDFLAGS = $(PLUGIN_LDFLAGS)
#	plugins_NAME_so_LDADD = $(PLUGIN_LIBS)
#	EXTRA_DIST += plugins/NAME/README.md
#
# (in names of variables every character but letters and digits is _) and is included here, in alphabetical order.

include plugins/consoleserver/local.mk
include plugins/echo/local.mk
include plugins/guess/local.mk
include plugins/mesh/local.mk
include plugins/peer/local.mk
include plugins/tcp/local.mk
include plugins/telnet/local.mk
include plugins/uart/local.mk
include plugins/udp/local.mk
include plugins/web/local.mk
include plugins/wsserver/local.mk
