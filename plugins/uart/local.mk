# SPDX-License-Identifier: MIT
FRAMING_SOURCES = \
	plugins/uart/framing-cobs.c \
	plugins/uart/framing-mesh.c \
	plugins/uart/framing-plain.c \
	plugins/uart/framing-slip.c \
	plugins/uart/framing.c \
	plugins/uart/framing.h
