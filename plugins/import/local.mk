# SPDX-License-Identifier: MIT
# A program of its own: `backplane import` runs it.
tools_PROGRAMS += backplane-import
backplane_import_SOURCES = \
	plugins/import/conserver-words.c \
	plugins/import/conserver-words.h \
	plugins/import/conserver.c \
	plugins/import/gensio.c \
	plugins/import/gensio.h \
	plugins/import/import.c \
	plugins/import/import.h \
	plugins/import/item.c \
	plugins/import/mosquitto.c \
	plugins/import/ser2net-conf.c \
	plugins/import/ser2net-yaml.c \
	plugins/import/ser2net.c \
	plugins/import/tio.c \
	plugins/import/yaml-tree.c \
	plugins/import/yaml-tree.h
backplane_import_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(YAML_CFLAGS)
backplane_import_LDFLAGS = $(PROGRAM_LDFLAGS)
backplane_import_LDADD = libbackplane.so.0 $(YAML_LIBS) $(GLIB_LIBS)
EXTRA_DIST += plugins/import/README.md
