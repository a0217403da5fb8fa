# SPDX-License-Identifier: MIT
# A unit test is one line below: tests/test-NAME is made of tests/test-NAME.c.

UNIT_TESTS = \
	tests/test-abi \
	tests/test-address \
	tests/test-backoff \
	tests/test-bridge \
	tests/test-bus \
	tests/test-bus-threads \
	tests/test-closing \
	tests/test-commands \
	tests/test-config \
	tests/test-config-reload \
	tests/test-connect \
	tests/test-console \
	tests/test-context \
	tests/test-datagram \
	tests/test-discovery \
	tests/test-editor \
	tests/test-endpoint \
	tests/test-ends \
	tests/test-file \
	tests/test-framing \
	tests/test-history \
	tests/test-http \
	tests/test-http-answers \
	tests/test-http-codec \
	tests/test-io \
	tests/test-json \
	tests/test-json-line \
	tests/test-leaks \
	tests/test-lines \
	tests/test-links \
	tests/test-loop \
	tests/test-mesh-command \
	tests/test-mesh-message \
	tests/test-mesh-node \
	tests/test-nats \
	tests/test-param \
	tests/test-parse \
	tests/test-peer-handshake \
	tests/test-plugin \
	tests/test-rfc2217 \
	tests/test-scope \
	tests/test-registry \
	tests/test-script \
	tests/test-server \
	tests/test-session \
	tests/test-settings \
	tests/test-state \
	tests/test-store \
	tests/test-store-disk \
	tests/test-telnet-codec \
	tests/test-threads \
	tests/test-tls \
	tests/test-turns \
	tests/test-unload \
	tests/test-web-op \
	tests/test-websocket
check_PROGRAMS += $(UNIT_TESTS)

# What may race runs under ThreadSanitizer too.
THREAD_TESTS = \
	tests/test-bus \
	tests/test-bus-threads \
	tests/test-file \
	tests/test-loop \
	tests/test-scope \
	tests/test-store \
	tests/test-threads \
	tests/test-turns

# A codec of a plugin is compiled into its test.
tests_test_nats_SOURCES = tests/test-nats.c plugins/nats/nats-codec.c plugins/nats/nats-codec.h
tests_test_bridge_SOURCES = tests/test-bridge.c plugins/lib/bridge/names.c plugins/lib/bridge/subject.c
tests_test_parse_SOURCES = tests/test-parse.c plugins/commands/usage.c plugins/commands/usage.h
tests_test_rfc2217_SOURCES = tests/test-rfc2217.c plugins/uart/rfc2217.c plugins/uart/rfc2217.h
tests_test_framing_SOURCES = tests/test-framing.c $(FRAMING_SOURCES)
tests_test_mesh_command_SOURCES = tests/test-mesh-command.c $(MESH_CODEC)
tests_test_mesh_message_SOURCES = tests/test-mesh-message.c $(MESH_CODEC)
tests_test_mesh_node_SOURCES = tests/test-mesh-node.c $(MESH_CODEC)
tests_test_web_op_SOURCES = tests/test-web-op.c plugins/web/web-op.c

tests_test_discovery_SOURCES = tests/test-discovery.c plugins/peer/discovery-codec.c plugins/peer/python-json.c
tests_test_endpoint_SOURCES = tests/test-endpoint.c plugins/peer/endpoint-media.c plugins/peer/python-json.c
tests_test_json_line_SOURCES = tests/test-json-line.c plugins/peer/json-line.c plugins/peer/peer-frame.c \
	plugins/peer/python-json.c plugins/peer/python-parse.c
tests_test_peer_handshake_SOURCES = tests/test-peer-handshake.c plugins/peer/peer-handshake.c plugins/peer/python-json.c

check_LIBRARIES += tests/libsuite.a
tests_libsuite_a_SOURCES = \
	tests/config-plugin.h \
	tests/certificates.h \
	tests/client.h \
	tests/marked.h \
	tests/peers.h \
	tests/state.h \
	tests/stores.h \
	tests/suite.c \
	tests/suite.h \
	tests/terminal.h \
	tests/visitors.h \
	tests/waits.h \
	tests/webs.h

# The objects of libbackplane and of the libraries with every name visible, so that tests reach the inside. The sonames are the
# same, so plugins that a test loads meet these and no second ones.
VISIBLE_LDFLAGS = -shared $(WHOLE) -Wl,-z,nodelete -Wl,--version-script=$(srcdir)/tests/visible.map
EXTRA_DIST += tests/visible.map
TEST_LIBS = tests/libsuite.a tests/fuzz/libdriver.a tests/libbackplane-config.so.0 tests/libbackplane-file.so.0 \
	tests/libbackplane-http.so.0 tests/libbackplane-process.so.0 tests/libbackplane-session.so.0 \
	tests/libbackplane-net.so.0 tests/libbackplane-json.so.0 tests/libbackplane-store.so.0 tests/libbackplane.so.0 -lcunit $(GLIB_LIBS) $(JSON_LIBS)
check_PROGRAMS += tests/libbackplane.so.0 tests/libbackplane-config.so.0 tests/libbackplane-file.so.0 tests/libbackplane-http.so.0 \
	tests/libbackplane-json.so.0 tests/libbackplane-net.so.0 tests/libbackplane-process.so.0 tests/libbackplane-session.so.0 \
	tests/libbackplane-store.so.0
tests_libbackplane_so_0_SOURCES = tests/visible.c
tests_libbackplane_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane.so.0
tests_libbackplane_so_0_LDADD = $(libbackplane_so_0_OBJECTS) $(GLIB_LIBS)
tests_libbackplane_config_so_0_SOURCES = tests/visible.c
tests_libbackplane_config_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-config.so.0
tests_libbackplane_config_so_0_LDADD = $(libbackplane_config_so_0_OBJECTS) tests/libbackplane-net.so.0 tests/libbackplane.so.0 $(GLIB_LIBS) $(YAML_LIBS)
tests_libbackplane_file_so_0_SOURCES = tests/visible.c
tests_libbackplane_file_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-file.so.0
tests_libbackplane_file_so_0_LDADD = $(libbackplane_file_so_0_OBJECTS) tests/libbackplane.so.0 $(GLIB_LIBS)
tests_libbackplane_http_so_0_SOURCES = tests/visible.c
tests_libbackplane_http_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-http.so.0
tests_libbackplane_http_so_0_LDADD = $(libbackplane_http_so_0_OBJECTS) tests/libbackplane-net.so.0 tests/libbackplane-json.so.0 tests/libbackplane.so.0 $(GLIB_LIBS) $(WEBSOCKET_LIBS) $(JSON_LIBS)
tests_libbackplane_json_so_0_SOURCES = tests/visible.c
tests_libbackplane_json_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-json.so.0
tests_libbackplane_json_so_0_LDADD = $(libbackplane_json_so_0_OBJECTS) tests/libbackplane.so.0 $(GLIB_LIBS) $(JSON_LIBS)
tests_libbackplane_net_so_0_SOURCES = tests/visible.c
tests_libbackplane_net_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-net.so.0
tests_libbackplane_net_so_0_LDADD = $(libbackplane_net_so_0_OBJECTS) tests/libbackplane.so.0 $(GLIB_LIBS) $(TLS_LIBS)
tests_libbackplane_process_so_0_SOURCES = tests/visible.c
tests_libbackplane_process_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-process.so.0
tests_libbackplane_process_so_0_LDADD = $(libbackplane_process_so_0_OBJECTS) tests/libbackplane-net.so.0 tests/libbackplane.so.0 $(GLIB_LIBS)
tests_libbackplane_session_so_0_SOURCES = tests/visible.c
tests_libbackplane_session_so_0_LDFLAGS = $(VISIBLE_LDFLAGS) -Wl,-soname,libbackplane-session.so.0
tests_libbackplane_session_so_0_LDADD = $(libbackplane_session_so_0_OBJECTS) tests/libbackplane-net.so.0 tests/libbackplane.so.0 $(GLIB_LIBS) $(TELNET_LIBS)
tests_libbackplane_store_so_0_SOURCES = tests/visible.c
tests_libbackplane_store_so_0_LDFLAGS = -shared $(WHOLE) -Wl,-z,nodelete -Wl,-soname,libbackplane-store.so.0
tests_libbackplane_store_so_0_LDADD = $(libbackplane_store_so_0_OBJECTS) tests/libbackplane.so.0 $(GLIB_LIBS) $(SQLITE_LIBS)
tests_test_scope_CPPFLAGS = $(AM_CPPFLAGS) $(GIO_CFLAGS)
tests_test_scope_LDADD = $(TEST_LIBS) $(GIO_LIBS)
tests_test_store_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_test_store_LDADD = $(TEST_LIBS) $(SQLITE_LIBS)
tests_test_store_disk_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_test_store_disk_LDADD = $(TEST_LIBS) $(SQLITE_LIBS)
tests_test_tls_LDADD = $(TEST_LIBS) $(TLS_LIBS)
if TSAN
tests_libbackplane_so_0_SOURCES += tests/tsan.c
endif

# Plugins to be loaded by tests, most of which misbehave on purpose: tests/plugins/NAME.so is made of tests/plugins/NAME.c.
TEST_PLUGINS = \
	tests/plugins/asks-password.so \
	tests/plugins/bad-abi.so \
	tests/plugins/bad-name.so \
	tests/plugins/clock-shim.so \
	tests/plugins/closes-descriptors.so \
	tests/plugins/does-not-return.so \
	tests/plugins/fails-load.so \
	tests/plugins/hostile.so \
	tests/plugins/jobs.so \
	tests/plugins/leaves-call.so \
	tests/plugins/leaves-handlers.so \
	tests/plugins/leaves-source.so \
	tests/plugins/leaves-thread.so \
	tests/plugins/leaves-type.so \
	tests/plugins/loops.so \
	tests/plugins/needs-nothing-there.so \
	tests/plugins/needs-source.so \
	tests/plugins/needs-too.so \
	tests/plugins/never-answers.so \
	tests/plugins/no-memfd-shim.so \
	tests/plugins/no-symbol.so \
	tests/plugins/peer-shim.so \
	tests/plugins/prints-much.so \
	tests/plugins/raw-echo.so \
	tests/plugins/self-unload.so \
	tests/plugins/serial-shim.so \
	tests/plugins/slow-shim.so \
	tests/plugins/takes-signals.so \
	tests/plugins/uses-type.so
EXTRA_DIST += $(TEST_PLUGINS:.so=.c)
CLEANFILES += $(TEST_PLUGINS)
GIO_PLUGINS = tests/plugins/leaves-call.so tests/plugins/leaves-type.so tests/plugins/uses-type.so
$(GIO_PLUGINS): PLUGIN_CPPFLAGS += $(GIO_CFLAGS)
$(GIO_PLUGINS): GLIB_LIBS += $(GIO_LIBS)
tests/plugins/%.so: tests/plugins/%.c tests/libbackplane.so.0 $(pkginclude_HEADERS)
	$(AM_V_CCLD)$(MKDIR_P) tests/plugins && $(CC) $(PLUGIN_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) \
		$(PLUGIN_LDFLAGS) $(LDFLAGS) -o $@ $< tests/libbackplane.so.0 $(GLIB_LIBS) $(JSON_LIBS)

EXTRA_DIST += tests/abi tests/busy tests/fresh tests/import tests/lint tests/lua tests/waiters.py tests/run tests/scenario tests/web/.npmrc tests/web/mock.mjs tests/web/package-lock.json tests/web/package.json tests/web/page.mjs tests/web/ws.mjs

# The scenarios that the real program passes under AddressSanitizer at every check; ONLY='*' runs them all.
SCENARIOS = endpoint leftovers lifetimes monitor one-turn reloads tcp telnet uart-server unloads web web-content web-openapi web-ws

# `make check` runs everything there is, check-units the programs that need no installed clients, check-scenarios
# SCENARIOS and a minute of chaos, check-threads what may race; ONLY='bus telnet*' chooses by name. The programs alone are made by check-build.
RUN = BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' LABEL='$(LABEL)' ONLY='$(ONLY)' TALLY='$(TALLY)' $(srcdir)/tests/run
if DEVELOPER
LABEL = asan
endif
if TSAN
LABEL = tsan
endif

check-local: $(TEST_PLUGINS)
	@$(RUN) $(srcdir)/tests/lint $(UNIT_TESTS) $(FUZZ_TESTS) scenarios $(abs_top_srcdir)/tests/web/page.mjs
check-units: check-build
	@$(RUN) $(UNIT_TESTS) $(FUZZ_TESTS)
check-scenarios: check-build
	@SEED=1 SECONDS=60 $(RUN) $(if $(ONLY),scenarios,$(SCENARIOS:%=$(abs_top_srcdir)/tests/scenario/%.py)) \
		$(abs_top_srcdir)/tests/chaos/chaos.py
check-threads: check-threads-build
	@$(RUN) $(THREAD_TESTS)
# Beside two busy loops, TIMES times: what is not for a slow machine fails. ONLY='peer* tcp' chooses here too.
check-busy: check-build
	@$(subst tests/run,tests/busy $(or $(TIMES),20),$(RUN)) $(UNIT_TESTS) scenarios
check-build: all-local $(bin_PROGRAMS) $(check_PROGRAMS) $(plugins_PROGRAMS) $(TEST_PLUGINS)
check-threads-build: $(THREAD_TESTS)
.PHONY: check-busy check-units check-scenarios check-threads check-build check-threads-build
