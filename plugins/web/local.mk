# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/web.so
plugins_web_so_SOURCES = \
	plugins/web/web-access.c \
	plugins/web/web-api.c \
	plugins/web/web-assets.c \
	plugins/web/web-channels.c \
	plugins/web/web-command.c \
	plugins/web/web-commands.c \
	plugins/web/web-events.c \
	plugins/web/web-history.c \
	plugins/web/web-metrics.c \
	plugins/web/web-op.c \
	plugins/web/web-op.h \
	plugins/web/web-openapi.c \
	plugins/web/web-page.c \
	plugins/web/web-server.c \
	plugins/web/web-terminal.c \
	plugins/web/web-watch.c \
	plugins/web/web-ws.c \
	plugins/web/web-ws.h \
	plugins/web/web.c \
	plugins/web/web.h
nodist_plugins_web_so_SOURCES = plugins/web/web-resource.c
plugins_web_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS) $(GIO_CFLAGS)
plugins_web_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_web_so_LDADD = libbackplane-http.so.0 libbackplane-net.so.0 libbackplane-session.so.0 libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS) $(GIO_LIBS)
EXTRA_DIST += plugins/web/README.md data/web data/guide/devices.png data/guide/home-phone.png $(GUIDE)

# The guide is installed, and part of the page.
GUIDE = data/guide/first-hour.md data/guide/how-it-works.md data/guide/plugins.md data/guide/protocols.md data/guide/recipes.md
guidedir = $(docdir)/guide
dist_guide_DATA = $(GUIDE)

# The page is part of the plugin.
plugins/web/web-resource.c: plugins/web/web.gresource.xml
	$(AM_V_GEN)glib-compile-resources --generate-source --internal --manual-register --c-name web --sourcedir=$(srcdir)/data/web --target=$@ $<
# With the terminal of npm, if `npm ci --prefix data/web/npm` has fetched it; without it terminals are lines of text.
WEB_NPM = npm/node_modules/@xterm
plugins/web/web.gresource.xml: $(srcdir)/data/web/web.gresource.xml $(wildcard $(srcdir)/data/guide/*.md $(srcdir)/data/web/* $(srcdir)/data/web/$(WEB_NPM)/*/lib/*.mjs)
	$(AM_V_GEN)$(MKDIR_P) plugins/web && { sed '/<\/gresource>/,$$d' $<; \
		test ! -f $(srcdir)/data/web/$(WEB_NPM)/addon-fit/lib/addon-fit.mjs || { \
			echo '<file alias="xterm.js">$(WEB_NPM)/xterm/lib/xterm.mjs</file>'; \
			echo '<file alias="xterm.css">$(WEB_NPM)/xterm/css/xterm.css</file>'; \
			echo '<file alias="xterm-fit.js">$(WEB_NPM)/addon-fit/lib/addon-fit.mjs</file>'; }; \
		echo '</gresource></gresources>'; } >$@-new && mv $@-new $@
CLEANFILES += plugins/web/web-resource.c plugins/web/web.gresource.xml
