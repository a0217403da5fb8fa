/* SPDX-License-Identifier: MIT */
/* framing.h - how messages are delimited in a stream of bytes.
 *
 * A framing is a constant table, registered as "framing/NAME" (registry.h); plugin `uart` has raw, lines, slip, cobs,
 * mesh and gap; a plugin may register more, which `framing:` of a UART then accepts. A framing uses no kernel; any thread.
 *
 *	const BpFraming *slip = bp_registry_find("framing/slip");
 *	BpDecoder *decoder = slip->decoder_new(&(BpFramingOptions){ .limit = 4096 }, on_frame, user);
 *	slip->feed(decoder, bytes, size);
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

#define BP_FRAME_LIMIT 65536 /* when none is given */

/* Each framing reads the options that concern it; zero selects the default. */
typedef struct {
	gsize limit;	      /* bytes of a frame's contents; longer ones are dropped. 0: BP_FRAME_LIMIT */
	const char *line_end; /* lines: "\n" if NULL; at most 8 bytes. Kept by reference. */
	guint8 escape_xor;    /* mesh: 0 is 0xFA */
	gsize reserved[4];    /* 0 */
} BpFramingOptions;

typedef struct {
	guint64 frames;	 /* complete frames, delivered */
	guint64 bytes;	 /* of their contents */
	guint64 dropped; /* bytes outside of complete frames: noise and the bytes of broken frames */
	guint64 broken;	 /* frames with an invalid escape or code */
	guint64 cut;	 /* frames cut short by the start of another frame or by a pause */
	guint64 too_long;
	guint64 foreign; /* broken frames that look like those of a sender with other options */
} BpFramingCounts;

/* The contents of a frame, valid during the call. The callback must not feed or free the decoder. */
typedef void (*BpFrameFunc)(const guint8 *data, gsize size, gpointer user);

/* The first member of each decoder. */
typedef struct {
	BpFramingCounts counts;
	BpFrameFunc emit;
	gpointer user;
	gpointer reserved[4];
	const char *advice; /* static text: which option is probably wrong, judged by the counts; NULL: none */
} BpDecoder;

typedef struct {
	gsize size;	  /* sizeof(BpFraming), so that it can grow */
	const char *name; /* "slip" */
	const char *help;
	gboolean timed; /* a pause on the line ends a frame: the caller reports pauses with `pause` */
	BpDecoder *(*decoder_new)(const BpFramingOptions *options, BpFrameFunc emit, gpointer user);
	/* Received bytes, in pieces of any size. */
	void (*feed)(BpDecoder *decoder, const guint8 *data, gsize size);
	/* The line was silent; NULL if the framing ignores pauses. */
	void (*pause)(BpDecoder *decoder);
	/* Drops an unfinished frame: the line was closed. */
	void (*reset)(BpDecoder *decoder);
	void (*free)(BpDecoder *decoder);
	/* Adds the frame of `data` to `wire`. */
	void (*encode)(const BpFramingOptions *options, const guint8 *data, gsize size, GByteArray *wire);
} BpFraming;

G_END_DECLS
