# SPDX-License-Identifier: MIT
FRAMING_SOURCES = \
	plugins/uart/framing-cobs.c \
	plugins/uart/framing-mesh.c \
	plugins/uart/framing-plain.c \
	plugins/uart/framing-slip.c \
	plugins/uart/framing.c \
	plugins/uart/framing.h

plugins_PROGRAMS += plugins/uart.so
plugins_uart_so_SOURCES = $(FRAMING_SOURCES) \
	plugins/uart/rfc2217.c \
	plugins/uart/rfc2217.h \
	plugins/uart/uart-clients.c \
	plugins/uart/uart-commands.c \
	plugins/uart/uart-control.c \
	plugins/uart/uart-control.h \
	plugins/uart/uart-exec.c \
	plugins/uart/uart-hotplug.c \
	plugins/uart/uart-line.c \
	plugins/uart/uart-list.c \
	plugins/uart/uart-lock.c \
	plugins/uart/uart-log.c \
	plugins/uart/uart-modem.c \
	plugins/uart/uart-port.c \
	plugins/uart/uart-ports.c \
	plugins/uart/uart-pressure.c \
	plugins/uart/uart-queue.c \
	plugins/uart/uart-record.c \
	plugins/uart/uart-remote.c \
	plugins/uart/uart-replay.c \
	plugins/uart/uart-server.c \
	plugins/uart/uart-server.h \
	plugins/uart/uart-term.c \
	plugins/uart/uart-tty.c \
	plugins/uart/uart-writer.c \
	plugins/uart/uart.c \
	plugins/uart/uart.h
plugins_uart_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS) $(UART_CFLAGS)
plugins_uart_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_uart_so_LDADD = libbackplane-file.so.0 libbackplane-net.so.0 libbackplane-process.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS) $(UART_LIBS)
EXTRA_DIST += plugins/uart/README.md

EXTRA_PROGRAMS += tests/bench/uart-framing
tests_bench_uart_framing_SOURCES = tests/bench/uart-framing.c $(FRAMING_SOURCES)
tests_bench_uart_framing_LDADD = $(GLIB_LIBS)
