# SPDX-License-Identifier: MIT

libbackplane_so_0_SOURCES += kernel/telnet/telnet.c
