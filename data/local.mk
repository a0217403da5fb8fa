# SPDX-License-Identifier: MIT
# What is installed beside the program: pkg-config file, man page, systemd unit, the sample plugin as documentation.

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = backplane.pc

dist_man1_MANS = data/backplane.1

systemdunitdir = $(systemdsystemunitdir)
systemdunit_DATA = data/backplane.service
data/backplane.service: data/backplane.service.in
	$(AM_V_GEN)$(MKDIR_P) data && sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/data/backplane.service.in >$@
CLEANFILES += data/backplane.service
EXTRA_DIST += data/backplane.service.in

sampleplugindir = $(docdir)/sample-plugin
dist_sampleplugin_DATA = data/sample-plugin/hello.c data/sample-plugin/Makefile data/sample-plugin/README.md

# A configuration that somebody has changed is neither overwritten nor removed.
conffolder = $(DESTDIR)$(sysconfdir)/backplane
EXTRA_DIST += data/backplane.yaml
install-data-local:
	$(MKDIR_P) "$(conffolder)"
	test -e "$(conffolder)/backplane.yaml" || \
		$(INSTALL_DATA) $(srcdir)/data/backplane.yaml "$(conffolder)/backplane.yaml"
uninstall-local:
	! cmp -s $(srcdir)/data/backplane.yaml "$(conffolder)/backplane.yaml" || rm -f "$(conffolder)/backplane.yaml"
