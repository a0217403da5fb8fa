# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/commands.so
COMMAND_TABLES = \
	plugins/commands/alias.c \
	plugins/commands/channel.c \
	plugins/commands/commands.h \
	plugins/commands/context.c \
	plugins/commands/help.c \
	plugins/commands/leave.c \
	plugins/commands/module.c \
	plugins/commands/plugin.c \
	plugins/commands/script.c \
	plugins/commands/session.c \
	plugins/commands/status.c \
	plugins/commands/table.c \
	plugins/commands/usage.c \
	plugins/commands/usage.h
plugins_commands_so_SOURCES = plugins/commands/commands.c $(COMMAND_TABLES)
plugins_commands_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_commands_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_commands_so_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/commands/README.md
