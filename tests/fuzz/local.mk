# SPDX-License-Identifier: MIT
# A fuzz target is one line below: tests/fuzz/fuzz-NAME is made of tests/fuzz/fuzz-NAME.c, its seeds are in
# tests/fuzz/seeds/NAME. As a test it is driven by tests/fuzz/driver.c; `make fuzz TARGET=NAME SECONDS=60` lets
# libFuzzer (clang) look for new input. FUZZ_SEED=N FUZZ_RUNS=N tests/fuzz/fuzz-NAME is the same without it.

FUZZ_TESTS = \
	tests/fuzz/fuzz-config \
	tests/fuzz/fuzz-editor \
	tests/fuzz/fuzz-endpoint-server \
	tests/fuzz/fuzz-framing \
	tests/fuzz/fuzz-http \
	tests/fuzz/fuzz-http-server \
	tests/fuzz/fuzz-mesh \
	tests/fuzz/fuzz-nats \
	tests/fuzz/fuzz-parse \
	tests/fuzz/fuzz-peer \
	tests/fuzz/fuzz-peer-server \
	tests/fuzz/fuzz-rfc2217 \
	tests/fuzz/fuzz-rfc2217-server \
	tests/fuzz/fuzz-settings \
	tests/fuzz/fuzz-telnet \
	tests/fuzz/fuzz-telnet-server \
	tests/fuzz/fuzz-web-op \
	tests/fuzz/fuzz-websocket \
	tests/fuzz/fuzz-websocket-server
check_PROGRAMS += $(FUZZ_TESTS)

tests_fuzz_fuzz_web_op_SOURCES = tests/fuzz/fuzz-web-op.c plugins/web/web-op.c
tests_fuzz_fuzz_rfc2217_SOURCES = tests/fuzz/fuzz-rfc2217.c plugins/uart/rfc2217.c plugins/uart/rfc2217.h
tests_fuzz_fuzz_framing_SOURCES = tests/fuzz/fuzz-framing.c $(FRAMING_SOURCES)
tests_fuzz_fuzz_mesh_SOURCES = tests/fuzz/fuzz-mesh.c $(MESH_CODEC)

tests_fuzz_fuzz_nats_SOURCES = tests/fuzz/fuzz-nats.c plugins/nats/nats-codec.c plugins/nats/nats-codec.h

tests_fuzz_fuzz_peer_SOURCES = tests/fuzz/fuzz-peer.c plugins/peer/discovery-codec.c plugins/peer/endpoint-media.c \
	plugins/peer/json-line.c plugins/peer/peer-frame.c plugins/peer/peer-handshake.c plugins/peer/python-json.c

# Whole connections: with the plugin that serves them linked in.
SCRIPT_SOURCES = tests/fuzz/commands.c tests/fuzz/handlers.h tests/fuzz/script.c tests/fuzz/script.h \
	$(COMMAND_TABLES)
tests_fuzz_fuzz_http_server_SOURCES = tests/fuzz/fuzz-http-server.c $(SCRIPT_SOURCES) $(plugins_web_so_SOURCES)
nodist_tests_fuzz_fuzz_http_server_SOURCES = $(nodist_plugins_web_so_SOURCES)
tests_fuzz_fuzz_http_server_LDADD = $(TEST_LIBS) $(GIO_LIBS)
tests_fuzz_fuzz_websocket_server_SOURCES = tests/fuzz/fuzz-websocket-server.c $(SCRIPT_SOURCES) $(plugins_wsserver_so_SOURCES)
tests_fuzz_fuzz_rfc2217_server_SOURCES = tests/fuzz/fuzz-rfc2217-server.c $(SCRIPT_SOURCES) $(plugins_uart_so_SOURCES)
tests_fuzz_fuzz_rfc2217_server_CPPFLAGS = $(AM_CPPFLAGS) $(UART_CFLAGS)
tests_fuzz_fuzz_rfc2217_server_LDADD = $(TEST_LIBS) $(UART_LIBS)
tests_fuzz_fuzz_endpoint_server_SOURCES = tests/fuzz/fuzz-endpoint-server.c $(SCRIPT_SOURCES) $(plugins_peer_so_SOURCES)
nodist_tests_fuzz_fuzz_endpoint_server_SOURCES = $(nodist_plugins_peer_so_SOURCES)
tests_fuzz_fuzz_endpoint_server_LDADD = $(libbackplane_bridge_so_0_OBJECTS) $(TEST_LIBS) $(GIO_LIBS)
tests_fuzz_fuzz_peer_server_SOURCES = tests/fuzz/fuzz-peer-server.c $(SCRIPT_SOURCES) $(plugins_peer_so_SOURCES)
nodist_tests_fuzz_fuzz_peer_server_SOURCES = $(nodist_plugins_peer_so_SOURCES)
tests_fuzz_fuzz_peer_server_LDADD = $(libbackplane_bridge_so_0_OBJECTS) $(TEST_LIBS) $(GIO_LIBS)
tests_fuzz_fuzz_telnet_server_SOURCES = tests/fuzz/fuzz-telnet-server.c $(SCRIPT_SOURCES) $(plugins_telnet_so_SOURCES)

check_LIBRARIES += tests/fuzz/libdriver.a
tests_fuzz_libdriver_a_SOURCES = tests/fuzz/driver.c
EXTRA_DIST += tests/fuzz/seeds

SECONDS = 60
fuzz:
	@test -n "$(TARGET)" || { echo "make fuzz TARGET=NAME [SECONDS=60]: which one? $(FUZZ_TESTS)" >&2; exit 2; }
	@mkdir -p tests/fuzz/corpus/$(TARGET)
	cd $(srcdir) && clang -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu11 $(DEFS) -Iinclude -Ikernel -Iplugins/lib -I$(abs_builddir) \
		$(GLIB_CFLAGS) $(JSON_CFLAGS) $(UART_CFLAGS) -DPLUGINDIR=\"$(pluginsdir)\" -DSYSCONFDIR=\"$(sysconfdir)\" \
		$(filter %.c,$(or $(tests_fuzz_fuzz_$(subst -,_,$(TARGET))_SOURCES),tests/fuzz/fuzz-$(TARGET).c)) \
		$(addprefix $(abs_builddir)/,$(nodist_tests_fuzz_fuzz_$(subst -,_,$(TARGET))_SOURCES)) \
		$(filter %.c,$(foreach library,$(execlib_PROGRAMS),$($(subst -,_,$(subst .,_,$(library)))_SOURCES))) \
		-o $(abs_builddir)/tests/fuzz/fuzz-$(TARGET)-libfuzzer \
		$(GLIB_LIBS) $(GIO_LIBS) $(JSON_LIBS) $(TLS_LIBS) $(WEBSOCKET_LIBS) $(YAML_LIBS) $(TELNET_LIBS) $(UART_LIBS) $(LIBS)
	tests/fuzz/fuzz-$(TARGET)-libfuzzer -max_total_time=$(SECONDS) -timeout=5 -artifact_prefix=$(abs_builddir)/tests/fuzz/ \
		$(abs_builddir)/tests/fuzz/corpus/$(TARGET) $(abs_srcdir)/tests/fuzz/seeds/$(TARGET)
.PHONY: fuzz
clean-local:
	rm -f tests/fuzz/*-libfuzzer tests/fuzz/*.crash tests/fuzz/crash-* tests/fuzz/leak-* tests/fuzz/timeout-*
distclean-local:
	rm -rf tests/fuzz/corpus
