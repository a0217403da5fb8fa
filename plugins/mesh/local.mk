# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/mesh.so
MESH_CODEC = \
	plugins/mesh/mesh-command.c \
	plugins/mesh/mesh-command.h \
	plugins/mesh/mesh-message.c \
	plugins/mesh/mesh-message.h \
	plugins/mesh/mesh-node.c \
	plugins/mesh/mesh-node.h \
	plugins/mesh/mesh-types.c \
	plugins/mesh/mesh-types.h
plugins_mesh_so_SOURCES = $(MESH_CODEC) \
	plugins/mesh/mesh-commands.c \
	plugins/mesh/mesh-gateway.c \
	plugins/mesh/mesh-gateway.h \
	plugins/mesh/mesh-history.c \
	plugins/mesh/mesh-history.h \
	plugins/mesh/mesh-intake.c \
	plugins/mesh/mesh-json.c \
	plugins/mesh/mesh-requests.c \
	plugins/mesh/mesh-resource.c \
	plugins/mesh/mesh-root.c \
	plugins/mesh/mesh-shutdown.c \
	plugins/mesh/mesh-socket.c \
	plugins/mesh/mesh-table.c \
	plugins/mesh/mesh-websocket.c \
	plugins/mesh/mesh.c
nodist_plugins_mesh_so_SOURCES = plugins/mesh/nodes-script.c
plugins_mesh_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_mesh_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_mesh_so_LDADD = libbackplane-http.so.0 libbackplane-net.so.0 libbackplane-json.so.0 libbackplane-store.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/mesh/README.md plugins/mesh/nodes.js

CLEANFILES += plugins/mesh/nodes-script.c
