# SPDX-License-Identifier: MIT
execlib_PROGRAMS += libbackplane-mqtt.so.0
libbackplane_mqtt_so_0_SOURCES = plugins/lib/mqtt/mqtt.c plugins/lib/mqtt/mqtt-client.h \
	plugins/lib/mqtt/mqtt-connect.c plugins/lib/mqtt/mqtt-send.c plugins/lib/mqtt/mqtt-tls.c
libbackplane_mqtt_so_0_CPPFLAGS = $(LIB_CPPFLAGS) $(MQTT_CFLAGS) $(TLS_CFLAGS)
libbackplane_mqtt_so_0_LDFLAGS = $(LIB_LDFLAGS) -Wl,-soname,libbackplane-mqtt.so.0
libbackplane_mqtt_so_0_LDADD = libbackplane-net.so.0 $(PLUGIN_LIBS) $(MQTT_LIBS) $(TLS_LIBS)
EXTRA_libbackplane_mqtt_so_0_DEPENDENCIES = kernel/libbackplane.map
