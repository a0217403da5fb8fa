/* SPDX-License-Identifier: MIT */
/* udp-send.c - command udp send: sends one datagram from a socket of its own and prints the replies for a while.
 *
 * Socket, timer and name resolution are owned by the call, and so end with it.
 */
#include <netinet/in.h>
#include <string.h>
#include "udp.h"

#define ANSWER_LIMIT 1000

typedef struct {
	BpCall *call;
	BpDatagram *datagram;
	char *target;
	guint8 *bytes;
	gsize size;
	gint64 wait;
	guint answers;
} UdpRequest;

static void request_end(UdpRequest *request, GError *take_error)
{
	bp_call_done(request->call, take_error);
	g_free(request->target);
	g_free(request->bytes);
	g_free(request);
}

/* --- answers --- */

static void on_answer(BpPlugin *self, BpDatagram *datagram, const guint8 *data, gsize size, const BpAddress *from,
		      gpointer user)
{
	UdpRequest *request = user;
	g_autofree char *who = bp_address_format(from);
	g_autofree char *text = NULL;

	if (!request->wait)
		return;
	if (g_utf8_validate((const char *)data, (gssize)size, NULL) && !memchr(data, '\0', size))
		text = g_strchomp(g_strndup((const char *)data, size));
	else
		text = bp_bytes_text(data, size);
	bp_call_printf(request->call, "%s: %s", who, text);
	if (++request->answers == ANSWER_LIMIT)
		request_end(request,
			    g_error_new(BP_IO_ERROR, BP_LIMIT, "%u answers came; more are not shown", ANSWER_LIMIT));
}

static void on_error(BpPlugin *self, BpDatagram *datagram, const GError *error, gpointer user)
{
	request_end(user, g_error_copy(error));
}

static const BpDatagramEvents datagram_events = { .size = sizeof(datagram_events),
						  .data = on_answer,
						  .error = on_error };

static void on_timeout(BpPlugin *self, gpointer data)
{
	UdpRequest *request = data;
	GError *error = NULL;

	if (!request->answers)
		error = g_error_new(BP_IO_ERROR, BP_TIMEOUT, "No answer from %s within %g s.", request->target,
				    (double)request->wait / G_USEC_PER_SEC);
	request_end(request, error);
}

/* --- sending --- */

/* After the flush of this turn, which has reported errors. */
static void on_flushed(BpPlugin *self, gpointer data)
{
	UdpRequest *request = data;

	if (!bp_datagram_stats(request->datagram).sent) {
		request_end(request,
			    g_error_new(BP_IO_ERROR, BP_BUSY, "the datagram to %s was not sent: the network is busy",
					request->target));
	} else if (request->wait) {
		bp_timer_add(bp_call_scope(request->call), NULL, MAX(request->wait, 1000), 1, on_timeout, request,
			     NULL);
	} else {
		bp_call_printf(request->call, "%zu bytes sent to %s.", request->size, request->target);
		request_end(request, NULL);
	}
}

static void send_to(UdpRequest *request, const BpAddress *to)
{
	GError *error = NULL;
	BpAddress any;

	bp_address_parse(&any, to->storage.ss_family == AF_INET ? "0.0.0.0" : "::", 0, NULL);
	request->datagram = bp_datagram_open(bp_call_scope(request->call), &any, FALSE, &datagram_events, request,
					     &error);
	if (!request->datagram) {
		request_end(request, error);
		return;
	}
	if (to->storage.ss_family == AF_INET)
		bp_datagram_set_broadcast(request->datagram, TRUE, NULL);
	if (bp_datagram_send(request->datagram, request->bytes, request->size, to) != BP_SENT) {
		request_end(request, g_error_new(BP_IO_ERROR, BP_LIMIT, "%zu bytes are more than a datagram can have",
						 request->size));
		return;
	}
	bp_defer(bp_call_scope(request->call), on_flushed, request, NULL);
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	UdpRequest *request = data;
	const BpAddress *to = udp_choose_address(addresses, TRUE, TRUE);

	if (to)
		send_to(request, to);
	else
		request_end(request,
			    error ? g_error_copy(error)
				  : g_error_new(BP_IO_ERROR, BP_NOT_FOUND, "%s has no IP address", request->target));
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	request_end(data, NULL);
}

/* --- the command --- */

const BpParam udp_send_params[] = {
	{ "address", .kind = BP_ARGUMENT, .required = 1, .help = "HOST:PORT; an IPv6 address in brackets" },
	{ "text", .kind = BP_ARGUMENT, .many = 1, .help = "what to send, as it stands; an empty datagram if left out" },
	{ "hex", 'x', BP_BOOL, .help = "the text is bytes in hex: ff 0a 31" },
	{ "wait", 'w', BP_DURATION, .min = 0, .max = 3600, .help = "show the answers that come within so long" },
	{ NULL },
};

gboolean udp_run_send(BpPlugin *self, BpCall *call, GError **error)
{
	const char *target = bp_call_string(call, "address");
	g_autofree char *text = g_strjoinv(" ", (char **)bp_call_list(call, "text"));
	g_autofree char *host = NULL;
	gsize size = strlen(text);
	guint port;
	UdpRequest *request;

	if (!udp_part_address(target, FALSE, &host, &port, error))
		return FALSE;
	if (bp_call_bool(call, "hex")) {
		guint8 *bytes = bp_bytes_from_hex(text, &size, error);

		if (!bytes)
			return FALSE;
		g_free(text);
		text = (char *)bytes;
	}
	request = g_new0(UdpRequest, 1);
	request->call = call;
	request->target = g_strdup(target);
	request->bytes = (guint8 *)g_steal_pointer(&text);
	request->size = size;
	request->wait = bp_call_duration(call, "wait");
	bp_call_hold(call, on_cancel, request);
	bp_address_resolve(bp_call_scope(request->call), host, port, on_resolved, request);
	return TRUE;
}
