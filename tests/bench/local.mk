# SPDX-License-Identifier: MIT
# `make bench` builds the benches; tests/bench/run NAME runs one. They are measured with the real libbackplane.

BENCHES = \
	tests/bench/bare-echo \
	tests/bench/bench \
	tests/bench/load
EXTRA_PROGRAMS += $(BENCHES)
BENCH_LDFLAGS = -Wl,-rpath,$(abs_top_builddir)
BENCH_LIBS = $(GLIB_LIBS) $(JSON_LIBS) $(TLS_LIBS) $(WEBSOCKET_LIBS)
EXTRA_DIST += tests/bench/README.md tests/bench/run

tests_bench_bare_echo_SOURCES = tests/bench/bare-echo.c
tests_bench_bare_echo_LDADD = $(BENCH_LIBS) -lutil

tests_bench_bench_SOURCES = \
	tests/bench/bench-bus.c \
	tests/bench/bench-echo.c \
	tests/bench/bench-fanout.c \
	tests/bench/bench-mesh.c \
	tests/bench/bench-peer.c \
	tests/bench/bench-start.c \
	tests/bench/bench-store.c \
	tests/bench/bench-uart.c \
	tests/bench/bench-web.c \
	tests/bench/bench.c \
	tests/bench/bench.h \
	tests/bench/measure.c \
	tests/bench/process.c \
	tests/bench/side.c
tests_bench_bench_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_bench_bench_LDFLAGS = $(BENCH_LDFLAGS)
tests_bench_bench_LDADD = libbackplane-store.so.0 libbackplane.so.0 $(BENCH_LIBS) $(SQLITE_LIBS) -lutil

tests_bench_load_SOURCES = \
	tests/bench/load-fanout.c \
	tests/bench/load-once.c \
	tests/bench/load.c \
	tests/bench/load.h
tests_bench_load_LDADD = $(BENCH_LIBS)

# One side of bench ws, which is left out where libwebsockets is missing.
EXTRA_DIST += tests/bench/bare-lws.c
CLEANFILES += tests/bench/bare-lws
tests/bench/bare-lws: tests/bench/bare-lws.c
	$(AM_V_CCLD)$(MKDIR_P) tests/bench && $(CC) $(AM_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		`pkg-config --cflags --libs libwebsockets`

# The handlers of some benches.
EXTRA_DIST += tests/bench/bench-raw.c
CLEANFILES += tests/bench/bench-raw.so
tests/bench/bench-raw.so: tests/bench/bench-raw.c libbackplane.so.0 $(pkginclude_HEADERS)
	$(AM_V_CCLD)$(MKDIR_P) tests/bench && $(CC) $(PLUGIN_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) \
		$(PLUGIN_LDFLAGS) $(LDFLAGS) -o $@ $< $(PLUGIN_LIBS)

bench: all $(BENCHES) $(shell pkg-config --exists libwebsockets && echo tests/bench/bare-lws) tests/bench/bench-raw.so tests/bench/uart-framing
.PHONY: bench
