/* SPDX-License-Identifier: MIT */
/* gensio.h - the addresses of gensio, as ser2net 4 writes them: what accepts, and what is connected to it. */
#pragma once
#include "import.h"

typedef struct {
	const char *kind;	  /* tcp, udp, unix; another word: what it is called there */
	char *host, *port, *path; /* host NULL: every address */
	gboolean telnet, rfc2217, tls, client_auth;
	char *key, *cert, *ca;
} Accepter;

/* Values of options that are not given: `class` is the name of a gensio. May return NULL. */
typedef const char *(*GensioDefault)(const char *class, const char *name, gpointer data);

typedef struct {
	const char *kind; /* serialdev, tcp; another word: what it is called there */
	char *device, *host, *port, *program, *rs485, *dtr, *rts;
	Line line;
	GPtrArray *notes;
} Connector;

/* Parts at commas and blanks, but not inside parentheses and quotes. */
GPtrArray *gensio_split(const char *text);
/* NULL, or what is wrong (yours). */
char *gensio_accepter(const char *text, Accepter *accepter);
char *gensio_connector(const char *text, GensioDefault fallback, gpointer data, Connector *connector);
/* The parameters of a server, from what accepts. */
void gensio_serve(Import *import, Item *server, const Accepter *accepter, gboolean is_limited);
