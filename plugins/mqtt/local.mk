# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/mqtt.so
plugins_mqtt_so_SOURCES = \
	plugins/mqtt/mqtt-commands.c \
	plugins/mqtt/mqtt-import.c \
	plugins/mqtt/mqtt.c \
	plugins/mqtt/mqtt.h
plugins_mqtt_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_mqtt_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_mqtt_so_LDADD = libbackplane-bridge.so.0 libbackplane-mqtt.so.0 $(PLUGIN_LIBS)
EXTRA_DIST += plugins/mqtt/README.md
