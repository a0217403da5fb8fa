/* SPDX-License-Identifier: MIT */
/* port.h - the interface of a loop for the bus, so that the bus does not depend on the loop. */
#pragma once
#include <backplane/channel.h>

typedef struct BusPort BusPort;
typedef void (*BusRun)(gpointer a, gpointer b, guint64 c);
struct BusPort {
	gint ref;    /* atomic; branches have none: the memory of a port is used again, never freed */
	gint closed; /* atomic: no code runs on it any more, and it takes nothing */
	gboolean is_main;
	guint turn_hops;  /* hops of new messages: one more than those of the message being delivered; 0: none is */
	gint64 real_time; /* of this turn; 0: ask the clock */
	/* Any thread: queues and wakes the loop. FALSE: full or closed; the caller keeps its references. `always`: ignores the limit, for
	 * entries that must not be lost and are bounded elsewhere. */
	gboolean (*post)(BusPort *port, BusRun run, gpointer a, gpointer b, guint64 c, gboolean always);
	void (*end)(BusPort *port); /* after the last unref */
};

/* The port of the loop whose code runs on this thread, or NULL. */
extern __thread BusPort *bus_port __attribute__((tls_model("initial-exec")));
/* That of the main loop, while there is one. */
extern BusPort *bus_main;
/* Set by the host: where a warning of the bus goes. */
extern void (*bus_warning)(const char *text);

/* As bp_fail, in any domain. */
gboolean bus_fail(GError **error, GQuark domain, gint code, const char *format, ...) G_GNUC_PRINTF(4, 5);

static inline gboolean bus_on_main(void)
{
	return bus_port && bus_port->is_main;
}

static inline BusPort *bus_port_ref(BusPort *port)
{
	g_atomic_int_inc(&port->ref);
	return port;
}

static inline void bus_port_unref(BusPort *port)
{
	if (g_atomic_int_dec_and_test(&port->ref))
		port->end(port);
}
