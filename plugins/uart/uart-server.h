/* SPDX-License-Identifier: MIT */
/* uart-server.h - what the files of module UARTServer share: its connections. */
#pragma once
#include "rfc2217.h"
#include "uart.h"

struct UartConnection {
	UartConnection *prev, *next;
	UartServer *server;
	BpStream *stream;
	Rfc2217 *codec; /* NULL: bytes */
	char *who;	/* "lab/3" */
	guint8 modem_mask, line_mask;
	gboolean told;	 /* it was notified that it may not write */
	gboolean absent; /* it was notified that the device is absent */
	gboolean suspended, throttled;
	gboolean breaking;   /* it has begun a break, and not ended it */
	gboolean changed;    /* it has changed settings of the UART */
	gboolean ended;	     /* it sends nothing any more, but still receives */
	gint64 last_out;     /* monotonic, of the last output to it */
	BpTimer *end_timer;  /* while `ended` */
	BpTimer *idle_timer; /* with idle_counts=both */
	GByteArray *held;    /* data held back while the client is suspended */
	guint64 unheld;	     /* bytes since, which were too many */
};

#define UART_HELD_LIMIT (64 * 1024)

static inline Uart *uart_server_uart(const UartServer *server)
{
	return uart_find(server->uart_name, NULL);
}

/* --- uart-server.c --- */
/* A line of text, to a client without RFC 2217: a program that uses RFC 2217 would take it for data of the device. */
void uart_connection_notify(UartConnection *connection, const char *text);

/* --- uart-clients.c --- */
/* The value of a parameter, with its escapes as bytes; empty if it was not given. */
GByteArray *uart_server_string(const UartServer *server, const char *parameter);
/* To the device. */
void uart_server_send_string(UartServer *server, const char *parameter);
/* Closes the oldest clients until there are no more than most_clients. */
void uart_server_kick(UartServer *server, const UartConnection *newcomer);

/* The event `end` of its stream. */
void uart_connection_end(BpPlugin *self, BpStream *stream, gpointer user);
/* idle_counts=both: closes it when nothing was sent or received for idle_timeout; looks in `rest`. */
void uart_connection_watch_idle(UartConnection *connection, gint64 rest);

/* --- uart-pressure.c --- */
void uart_servers_each(Uart *uart, void (*func)(UartServer *server));

/* --- uart-modem.c --- */
/* Lines (UART_CTS, ...) that are on; 0: there is no port. */
guint uart_server_modem(const UartServer *server);
/* Notifies clients of modem lines and of line errors that are new. */
void uart_server_notify(UartServer *server);
/* Polls the port while a client wants to know, and only then. */
void uart_server_poll(UartServer *server);
