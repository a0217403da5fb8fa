/* SPDX-License-Identifier: MIT */
/* framing.h - where messages begin and end on a line of bytes.
 *
 * A framing is a constant table, registered as "framing/NAME" (registry.h); plugin `uart` has raw, lines, slip, cobs,
 * mesh and gap, and whoever registers another one can name it in `framing:` of a UART. Pure: no kernel, any thread.
 *
 *	const BpFraming *slip = bp_registry_find("framing/slip");
 *	BpDecoder *decoder = slip->decoder_new(&(BpFramingOptions){ .limit = 4096 }, on_frame, user);
 *	slip->feed(decoder, bytes, size);
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

#define BP_FRAME_LIMIT 65536 /* when none is given */

/* Each framing takes of these what concerns it; zeroed means the usual. */
typedef struct {
	gsize limit;	      /* bytes of a frame's contents; longer ones are dropped. 0: BP_FRAME_LIMIT */
	const char *line_end; /* lines: "\n" if NULL; at most 8 bytes. Kept by reference. */
	guint8 escape_xor;    /* mesh: 0 is 0xFA */
	gsize reserved[4];    /* 0 */
} BpFramingOptions;

typedef struct {
	guint64 frames;	 /* whole ones, given out */
	guint64 bytes;	 /* of their contents */
	guint64 dropped; /* bytes that belong to no whole frame: noise, and what broken frames had */
	guint64 broken;	 /* frames with an escape or a code that cannot be */
	guint64 cut;	 /* frames in which another began, or which a pause ended */
	guint64 too_long;
	guint64 foreign; /* of the broken: such as senders make whose options are others */
} BpFramingCounts;

/* A frame's contents, valid during the call, in which everything is allowed but to feed or free the decoder. */
typedef void (*BpFrameFunc)(const guint8 *data, gsize size, gpointer user);

/* What each decoder begins with. */
typedef struct {
	BpFramingCounts counts;
	BpFrameFunc emit;
	gpointer user;
	gpointer reserved[4];
	const char *advice; /* a constant: what the counts say of our options; NULL while they say nothing */
} BpDecoder;

typedef struct {
	gsize size;	  /* sizeof(BpFraming), so that it can grow */
	const char *name; /* "slip" */
	const char *help;
	gboolean timed; /* a pause on the line ends a frame: tell by `pause` */
	BpDecoder *(*decoder_new)(const BpFramingOptions *options, BpFrameFunc emit, gpointer user);
	/* Bytes that came, in parts of any size. */
	void (*feed)(BpDecoder *decoder, const guint8 *data, gsize size);
	/* The line has been silent; NULL where that means nothing. */
	void (*pause)(BpDecoder *decoder);
	/* What a frame has so far is forgotten: the line was cut. */
	void (*reset)(BpDecoder *decoder);
	void (*free)(BpDecoder *decoder);
	/* Adds the frame of `data` to `wire`. */
	void (*encode)(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire);
} BpFraming;

G_END_DECLS
