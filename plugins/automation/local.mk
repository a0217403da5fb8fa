# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/automation.so
plugins_automation_so_SOURCES = \
	plugins/automation/automation.c \
	plugins/automation/automation.h \
	plugins/automation/batch.c \
	plugins/automation/keep.c \
	plugins/automation/loop.c \
	plugins/automation/rule.c \
	plugins/automation/timer.c
plugins_automation_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_automation_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_automation_so_LDADD = libbackplane-json.so.0 $(PLUGIN_LIBS) $(JSON_LIBS) -lm
EXTRA_DIST += plugins/automation/README.md
