# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/automation.so
plugins_automation_so_SOURCES = \
	plugins/automation/automation.c \
	plugins/automation/automation.h \
	plugins/automation/batch.c \
	plugins/automation/loop.c \
	plugins/automation/timer.c
plugins_automation_so_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_automation_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_automation_so_LDADD = $(PLUGIN_LIBS) -lm
EXTRA_DIST += plugins/automation/README.md
