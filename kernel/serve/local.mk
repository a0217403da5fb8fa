# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += \
	kernel/serve/serve-stream.c \
	kernel/serve/serve.c
