# SPDX-License-Identifier: MIT
plugins_PROGRAMS += plugins/board.so
plugins_board_so_SOURCES = \
	plugins/board/board-chart.c \
	plugins/board/board-page.c \
	plugins/board/board-series.c \
	plugins/board/board.c \
	plugins/board/board.h
plugins_board_so_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JSON_CFLAGS)
plugins_board_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_board_so_LDADD = libbackplane-json.so.0 libbackplane-store.so.0 $(PLUGIN_LIBS) $(JSON_LIBS)
EXTRA_DIST += plugins/board/README.md
