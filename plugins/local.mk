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

include plugins/access/local.mk
include plugins/automation/local.mk
include plugins/board/local.mk
include plugins/commands/local.mk
include plugins/config/local.mk
include plugins/console/local.mk
include plugins/consoleserver/local.mk
include plugins/control/local.mk
include plugins/echo/local.mk
include plugins/exec/local.mk
include plugins/guess/local.mk
include plugins/import/local.mk
include plugins/kit/local.mk
include plugins/leftovers/local.mk
include plugins/log/local.mk
include plugins/lua/local.mk
include plugins/manual/local.mk
include plugins/mesh/local.mk
include plugins/mqtt/local.mk
include plugins/nats/local.mk
include plugins/owned/local.mk
include plugins/peer/local.mk
include plugins/rest/local.mk
include plugins/save/local.mk
include plugins/tcp/local.mk
include plugins/telnet/local.mk
include plugins/uart/local.mk
include plugins/tool/local.mk
include plugins/udp/local.mk
include plugins/web/local.mk
include plugins/wsserver/local.mk

# A view's script, as an array: plugins/mesh/nodes.js becomes mesh_nodes_script and its size. Made anew when this rule changes.
plugins/%-script.c: plugins/%.js plugins/local.mk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { echo '#include <glib.h>'; \
		echo 'extern const char $(subst /,_,$*)_script[]; extern const gsize $(subst /,_,$*)_script_size;'; \
		echo 'const char $(subst /,_,$*)_script[] = {'; \
		od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g'; \
		echo '0 };'; echo 'const gsize $(subst /,_,$*)_script_size = sizeof($(subst /,_,$*)_script) - 1;'; } >$@-new && mv $@-new $@
