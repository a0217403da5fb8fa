# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/lua.so
plugins_lua_so_SOURCES = \
	plugins/lua/lua-callback.c \
	plugins/lua/lua-commands.c \
	plugins/lua/lua-eval.c \
	plugins/lua/lua-guard.c \
	plugins/lua/lua-limit.c \
	plugins/lua/lua-main.h \
	plugins/lua/lua-pattern.c \
	plugins/lua/lua-run.c \
	plugins/lua/lua-sandbox.c \
	plugins/lua/lua-script.c \
	plugins/lua/lua-task.c \
	plugins/lua/lua-timer.c \
	plugins/lua/lua.c \
	plugins/lua/lua.h
plugins_lua_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(LUA_CFLAGS)
plugins_lua_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_lua_so_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS) $(LUA_LIBS)
EXTRA_DIST += plugins/lua/README.md
