# SPDX-License-Identifier: MIT
# What is installed beside the program: pkg-config file, man page, systemd unit, the sample plugin as documentation.

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = backplane.pc $(LIBRARY_PC)

# One for each library, from one form: NAME, what it is, what it needs.
LIBRARY_PC = backplane-bridge.pc backplane-config.pc backplane-file.pc backplane-http.pc backplane-json.pc backplane-mqtt.pc backplane-net.pc backplane-process.pc \
	backplane-session.pc backplane-store.pc
UNINSTALLED_PC = $(LIBRARY_PC:.pc=-uninstalled.pc)
PC_bridge = s|ABOUT|Backplane: bridges to other systems|; s|NEEDS|backplane-json backplane-store|
PC_config = s|ABOUT|Backplane: the configuration file|; s|NEEDS|backplane-net|
PC_file = s|ABOUT|Backplane: files that grow|; s|NEEDS||
PC_http = s|ABOUT|Backplane: HTTP and WebSocket servers|; s|NEEDS|backplane-net backplane-json|
PC_json = s|ABOUT|Backplane: JSON within limits, resources|; s|NEEDS|jansson|
PC_mqtt = s|ABOUT|Backplane: a client of MQTT brokers|; s|NEEDS|backplane-net|
PC_net = s|ABOUT|Backplane: addresses, streams, servers, datagrams|; s|NEEDS||
PC_process = s|ABOUT|Backplane: child processes|; s|NEEDS|backplane-net|
PC_session = s|ABOUT|Backplane: line editor, telnet, handlers served over streams|; s|NEEDS|backplane-net|
PC_store = s|ABOUT|Backplane: keys and series of values in a file|; s|NEEDS||
all-local: $(UNINSTALLED_PC)
$(LIBRARY_PC): backplane-%.pc: data/library.pc
	$(AM_V_GEN)sed -e 's|NAME|$*|; $(PC_$*)' $< >$@
$(UNINSTALLED_PC): backplane-%-uninstalled.pc: data/library-uninstalled.pc
	$(AM_V_GEN)sed -e 's|NAME|$*|; $(PC_$*)' $< >$@
CLEANFILES += $(LIBRARY_PC) $(UNINSTALLED_PC)

# The manual pages, from the tables of the program that has just been built: what `help` shows and what they say is the same.
EXTRA_DIST += data/man/backplane-import.1.in data/man/backplane-plugin.7.in data/man/backplane.1.in data/man/backplane.yaml.5.in
MANUAL_RUN = state=$$(mktemp -d) && trap 'rm -rf "$$state"' EXIT && env -i PATH="$$PATH" STATE_DIRECTORY="$$state" ASAN_OPTIONS=detect_leaks=0 \
	LC_ALL=C.UTF-8 LD_LIBRARY_PATH="$$PWD" ./backplane -P "$$PWD/plugins" -S "$$state/control"
data/man/made: data/manual.so backplane $(execlib_PROGRAMS) $(plugins_PROGRAMS) data/man/backplane-import.1.in data/man/backplane-plugin.7.in data/man/backplane.1.in \
		data/man/backplane.yaml.5.in data/backplane.yaml
	$(AM_V_GEN)$(MKDIR_P) data/man && rm -f data/man/*.[157] && LD_LIBRARY_PATH="$$PWD" ./backplane --help >data/man/help && \
		date=$$(date -u -d "$$(sed -n 's/^ -- .*>  //p' $(srcdir)/data/debian/changelog | head -1)" +%Y-%m-%d) && \
		$(MANUAL_RUN) -d -e "plugin load $$PWD/data/manual.so" -e "manual write data/man $(abs_srcdir) $$PWD/data/man/help $$date" \
		-e quit >data/man/log 2>&1 </dev/null && test -s data/man/backplane.1 && touch $@ || { cat data/man/log; false; }
all-local: data/man/made
CLEANFILES += data/man/made data/man/help data/man/log data/man/*.1 data/man/*.5 data/man/*.7

# Completion, with the options of --help. What follows them is asked of the running host.
EXTRA_DIST += data/completion/_backplane.in data/completion/backplane.bash.in data/completion/backplane.fish.in data/completion/options.awk
data/completion/backplane.bash data/completion/_backplane data/completion/backplane.fish: data/completion/%: data/completion/%.in data/man/made \
		data/completion/options.awk
	$(AM_V_GEN)$(MKDIR_P) data/completion && awk -f $(srcdir)/data/completion/options.awk data/man/help $< >$@-new && mv $@-new $@
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/vendor-completions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
zshcompletion_DATA = data/completion/_backplane
fishcompletion_DATA = data/completion/backplane.fish
all-local: data/completion/backplane.bash
CLEANFILES += data/completion/backplane.bash data/completion/_backplane data/completion/backplane.fish

systemdunitdir = $(systemdsystemunitdir)
systemdunit_DATA = data/backplane.service
data/backplane.service: data/backplane.service.in
	$(AM_V_GEN)$(MKDIR_P) data && sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/data/backplane.service.in >$@
CLEANFILES += data/backplane.service
EXTRA_DIST += data/backplane.service.in

sampleplugindir = $(docdir)/sample-plugin
dist_sampleplugin_DATA = data/sample-plugin/hello.c data/sample-plugin/Makefile data/sample-plugin/README.md

samplesdir = $(docdir)/samples
dist_samples_DATA = data/samples/README.md data/samples/bridge.lua data/samples/chat.c data/samples/chat.lua data/samples/gcode.c \
	data/samples/logger.lua data/samples/login.lua data/samples/sender.lua data/samples/thermo.c

# A configuration that somebody has changed is neither overwritten nor removed.
conffolder = $(DESTDIR)$(sysconfdir)/backplane
EXTRA_DIST += data/backplane.yaml

# Debian's packages, made by ./bootstrap package.
EXTRA_DIST += data/debian/backplane-doc.docs data/debian/backplane-doc.examples data/debian/backplane.install \
	data/debian/backplane.lintian-overrides data/debian/backplane.postinst data/debian/backplane.postrm data/debian/backplane.triggers \
	data/debian/changelog data/debian/control data/debian/copyright data/debian/libbackplane-dev.install \
	data/debian/libbackplane0.install data/debian/libbackplane0.symbols data/debian/rules data/debian/source/format \
	data/debian/tests/control data/debian/tests/host data/debian/tests/plugin

install-data-local: data/man/made data/completion/backplane.bash
	$(MKDIR_P) "$(DESTDIR)$(bashcompletiondir)"
	$(INSTALL_DATA) data/completion/backplane.bash "$(DESTDIR)$(bashcompletiondir)/backplane"
	for section in 1 5 7; do $(MKDIR_P) "$(DESTDIR)$(mandir)/man$$section" && \
		$(INSTALL_DATA) data/man/*.$$section "$(DESTDIR)$(mandir)/man$$section" || exit 1; done
	$(MKDIR_P) "$(conffolder)"
	test -e "$(conffolder)/backplane.yaml" || \
		$(INSTALL_DATA) $(srcdir)/data/backplane.yaml "$(conffolder)/backplane.yaml"
uninstall-local:
	rm -f "$(DESTDIR)$(bashcompletiondir)/backplane"
	rm -f "$(DESTDIR)$(mandir)"/man[157]/backplane.* "$(DESTDIR)$(mandir)"/man[17]/backplane-*
	! cmp -s $(srcdir)/data/backplane.yaml "$(conffolder)/backplane.yaml" || rm -f "$(conffolder)/backplane.yaml"
