# SPDX-License-Identifier: MIT
# Programs in shell: `backplane new plugin`, `backplane plugin check`, and the functions that tests of plugins use.
tools_SCRIPTS = backplane-new backplane-plugin
pkgdata_DATA = plugins/kit/test.sh
EXTRA_DIST += plugins/kit/README.md plugins/kit/backplane-new.sh plugins/kit/backplane-plugin.sh plugins/kit/test.sh
CLEANFILES += backplane-new backplane-plugin
backplane-new: plugins/kit/backplane-new.sh
	$(AM_V_GEN)cp -f $< $@-new && chmod +x $@-new && mv $@-new $@
# It finds test.sh where that is installed, or in the sources.
backplane-plugin: plugins/kit/backplane-plugin.sh plugins/kit/test.sh
	$(AM_V_GEN){ sed -n '1,3p' $<; \
		echo '[ -n "$${BACKPLANE_TESTLIB:-}" ] || BACKPLANE_TESTLIB=$(pkgdatadir)/test.sh'; \
		echo '[ -f "$$BACKPLANE_TESTLIB" ] || BACKPLANE_TESTLIB=$(abs_top_srcdir)/plugins/kit/test.sh'; \
		sed '1,3d' $<; } >$@-new && chmod +x $@-new && mv $@-new $@
