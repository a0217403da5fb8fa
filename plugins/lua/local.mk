# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/lua.so
plugins_lua_so_SOURCES = \
	plugins/lua/lua-ask.c \
	plugins/lua/lua-call.c \
	plugins/lua/lua-call.h \
	plugins/lua/lua-callback.c \
	plugins/lua/lua-channel.c \
	plugins/lua/lua-command.c \
	plugins/lua/lua-commands.c \
	plugins/lua/lua-console.c \
	plugins/lua/lua-eval.c \
	plugins/lua/lua-event.c \
	plugins/lua/lua-event.h \
	plugins/lua/lua-guard.c \
	plugins/lua/lua-http.c \
	plugins/lua/lua-http.h \
	plugins/lua/lua-json.c \
	plugins/lua/lua-limit.c \
	plugins/lua/lua-listen.c \
	plugins/lua/lua-listener.c \
	plugins/lua/lua-main.h \
	plugins/lua/lua-message.c \
	plugins/lua/lua-mqtt.c \
	plugins/lua/lua-pattern.c \
	plugins/lua/lua-pattern.h \
	plugins/lua/lua-prelude.c \
	plugins/lua/lua-py.c \
	plugins/lua/lua-reload.c \
	plugins/lua/lua-reply.c \
	plugins/lua/lua-resolve.c \
	plugins/lua/lua-resource.c \
	plugins/lua/lua-run.c \
	plugins/lua/lua-sandbox.c \
	plugins/lua/lua-script.c \
	plugins/lua/lua-session.c \
	plugins/lua/lua-string.c \
	plugins/lua/lua-task.c \
	plugins/lua/lua-tcp.c \
	plugins/lua/lua-timer.c \
	plugins/lua/lua-udp.c \
	plugins/lua/lua-web.c \
	plugins/lua/lua-websocket.c \
	plugins/lua/lua.c \
	plugins/lua/lua.h
nodist_plugins_lua_so_SOURCES = plugins/lua/bus-lua.c plugins/lua/http-lua.c plugins/lua/lazy-lua.c plugins/lua/mqtt-lua.c plugins/lua/net-lua.c plugins/lua/quickapp-lua.c plugins/lua/scripts-script.c plugins/lua/sync-lua.c plugins/lua/websocket-lua.c
plugins_lua_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(LUA_CFLAGS) $(JSON_CFLAGS) $(SOUP_CFLAGS)
plugins_lua_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_lua_so_LDADD = libbackplane-http.so.0 libbackplane-json.so.0 libbackplane-mqtt.so.0 libbackplane-net.so.0 $(PLUGIN_LIBS) $(LUA_LIBS) $(JSON_LIBS) $(SOUP_LIBS)
EXTRA_DIST += plugins/lua/README.md plugins/lua/bus.lua plugins/lua/http.lua plugins/lua/lazy.lua plugins/lua/mqtt.lua plugins/lua/net.lua plugins/lua/quickapp.lua plugins/lua/scripts.js plugins/lua/sync.lua plugins/lua/websocket.lua
CLEANFILES += plugins/lua/bus-lua.c plugins/lua/http-lua.c plugins/lua/lazy-lua.c plugins/lua/mqtt-lua.c plugins/lua/net-lua.c plugins/lua/quickapp-lua.c plugins/lua/scripts-script.c plugins/lua/sync-lua.c plugins/lua/websocket-lua.c

# A part that is written in Lua, as an array: plugins/lua/bus.lua becomes lua_bus_text and its size.
plugins/lua/%-lua.c: plugins/lua/%.lua plugins/lua/local.mk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { echo '#include <glib.h>'; \
		echo 'extern const char lua_$(*F)_text[]; extern const gsize lua_$(*F)_size;'; \
		echo 'const char lua_$(*F)_text[] = {'; \
		od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g'; \
		echo '0 };'; echo 'const gsize lua_$(*F)_size = sizeof(lua_$(*F)_text) - 1;'; } >$@-new && mv $@-new $@
