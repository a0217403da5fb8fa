/* SPDX-License-Identifier: MIT */
/* import.h - what the readers of foreign configurations share: what they found, and what of it is written as our YAML. */
#pragma once
#include <glib.h>

/* A module of the result. */
typedef struct {
	char *name, *class;
	GPtrArray *keys;  /* "key: value", as they are written */
	GPtrArray *notes; /* comments above it */
	gboolean is_off;  /* written as a comment */
} Item;

typedef struct {
	const char *path;
	gboolean insecure; /* what listened on every address may do so here */
	GPtrArray *items, *notes, *commands, *faults;
	GHashTable *secrets; /* name of a file -> what it contains */
} Import;

/* A module under a name like `wanted`, which is made legal and unique. */
Item *import_item(Import *import, const char *wanted, const char *class);
Item *import_find(Import *import, const char *class, const char *key, const char *value);
/* The value is quoted as YAML wants it. */
void item_set(Item *item, const char *key, const char *format, ...) G_GNUC_PRINTF(3, 4);
const char *item_get(const Item *item, const char *key);
void item_note(Item *item, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A comment about the whole file; the same one is written once. */
void import_note(Import *import, const char *format, ...) G_GNUC_PRINTF(2, 3);
void import_command(Import *import, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* What makes the original refuse the file; nothing is written then. */
void import_fault(Import *import, const char *path, guint line, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* `host` NULL: every address. With `is_limited` the original let only some hosts in, so `insecure` is never written. */
void item_bind(Import *import, Item *item, const char *host, gboolean is_limited);
/* Saves what comes and goes on a port. */
void import_save(Import *import, const Item *uart, const char *direction, const char *file, const char *limit);

/* The result. */
char *import_text(const Import *import, const char *format);

/* --- a serial line --- */

typedef struct {
	guint baud, bits, stop;
	char parity; /* n o e m s */
	gboolean xonxoff, rtscts;
} Line;

#define LINE_9600 ((Line){ .baud = 9600, .bits = 8, .stop = 1, .parity = 'n' })

/* The UART of a device: a new one, or the one that is there already for it. */
Item *import_uart(Import *import, const char *name, const char *device, const Line *line);
/* "9600N81" and its beginnings. */
gboolean line_parse(Line *line, const char *text);
char *line_text(const Line *line);
gboolean is_usual_baud(guint baud);
/* FALSE: not a number in this range. */
gboolean parse_number(const char *text, guint min, guint max, guint *number);
/* Bytes as the parameters banner, open_string and close_string take them. Yours. */
char *escape_bytes(const char *bytes, gsize size);

/* --- addresses and strings of ser2net, in both of its formats --- */

typedef struct {
	const char *name, *device, *port;
	Line line;
} Ser2netNames;

/* Escapes and \N, \d and so on. `*is_dated`: date and time were left out. `is_file`: what follows the last / of names. Yours. */
char *ser2net_text(const char *text, const Ser2netNames *names, gboolean is_file, gsize *size, gboolean *is_dated);
void ser2net_trace(Import *import, const Item *uart, const char *direction, const char *file,
		   const Ser2netNames *names);
/* Sets `key` of `item` to a string of ser2net. */
void ser2net_string(Item *item, const char *key, const char *text, const Ser2netNames *names);

/* --- the readers; `text` is a copy, which they may change --- */
void import_ser2net_yaml(Import *import, char *text);
void import_ser2net_conf(Import *import, char *text);
void import_conserver(Import *import, char *text);
void import_conserver_passwd(Import *import, char *text);
void import_tio2(Import *import, char *text);
void import_tio3(Import *import, char *text);
void import_mosquitto(Import *import, char *text);
