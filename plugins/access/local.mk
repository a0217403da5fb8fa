# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/access.so
plugins_access_so_SOURCES = \
	plugins/access/access-audit.c \
	plugins/access/access-commands.c \
	plugins/access/access-file.c \
	plugins/access/access-login.c \
	plugins/access/access-users.c \
	plugins/access/access-verify.c \
	plugins/access/access.c \
	plugins/access/access.h
plugins_access_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(CRYPT_CFLAGS) $(JSON_CFLAGS)
plugins_access_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_access_so_LDADD = libbackplane-file.so.0 libbackplane-json.so.0 libbackplane-net.so.0 $(PLUGIN_LIBS) $(CRYPT_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/access/README.md
