/* SPDX-License-Identifier: MIT */
/* uart-remote.c - a serial port that another host serves: by RFC 2217, with its settings and modem lines, or as bytes.
 *
 * The UART has one end of a socket pair as its line, so that queue, pacing, replay and logs are those of every UART. The
 * pair takes the place of the driver's buffers: bytes are passed on between it and the connection, and neither side is
 * read while the other is full. A connection that is lost is an unplugged port.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "rfc2217.h"
#include "uart.h"

#define PATIENCE (5 * G_USEC_PER_SEC) /* to connect, and to agree on RFC 2217 */
#define PAIR_LIMIT (64 * 1024)

/* RFC 2217, SET-CONTROL. */
enum { BREAK_ON = 5, BREAK_OFF, DTR_ON = 8, DTR_OFF, RTS_ON = 11, RTS_OFF };
enum { CTS_BIT = 16, DSR_BIT = 32, RI_BIT = 64, DCD_BIT = 128 }; /* of NOTIFY-MODEMSTATE */

struct UartRemote {
	Uart *uart;	/* NULL: closed, what is queued is still sent */
	BpScope *scope; /* of the plugin: owns the streams, the timer and the question for the address */
	char *host;
	guint port;
	BpStream *wire, *pair; /* the connection; our end of the socket pair */
	int other;	       /* the UART's end, until it is open; then -1 */
	Rfc2217 *codec;	       /* NULL: bytes alone */
	BpTimer *timer;	       /* of the agreement; of what is sent after the end */
	gboolean ready, receiving, freed;
	guint modem;	/* as notified last */
	guint asked[5]; /* by command: the value that was asked for last and not yet answered, plus 1; or 0 */
};

gboolean uart_remote_is(const char *port)
{
	return g_str_has_prefix(port, "rfc2217://") || g_str_has_prefix(port, "tcp://");
}

/* --- the end of it --- */

static void drop(BpStream *stream, gboolean sending)
{
	if (!stream)
		return;
	bp_stream_set_user(stream, NULL, NULL);
	if (sending)
		bp_stream_close(stream);
	else
		bp_stream_abort(stream, NULL);
}

static void remote_free(UartRemote *remote)
{
	remote->freed = TRUE;
	if (remote->receiving)
		return; /* in its codec: freed behind that */
	drop(remote->wire, TRUE);
	drop(remote->pair, FALSE);
	if (remote->other >= 0)
		close(remote->other);
	if (remote->codec)
		rfc2217_free(remote->codec);
	bp_scope_close(remote->scope);
	g_free(remote->host);
	g_free(remote);
}

static void on_too_long(BpPlugin *self, gpointer data)
{
	remote_free(data);
}

/* The UART has closed its end, and what it sends first is read until then. */
void uart_remote_close(UartRemote *remote)
{
	remote->uart = NULL;
	if (!remote->wire || !remote->pair || remote->other >= 0)
		remote_free(remote);
	else
		bp_timer_once(&remote->timer, remote->scope, PATIENCE, on_too_long, remote);
}

/* While it is being connected. */
static void fail(UartRemote *remote, const char *why)
{
	Uart *uart = remote->uart;
	g_autofree char *text = g_strdup_printf("%s: %s", uart->path, why);

	uart_remote_close(g_steal_pointer(&uart->connecting));
	uart_wait_again(uart, TRUE, text);
}

/* --- between the pair and the connection --- */

static void pace(UartRemote *remote)
{
	if (remote->pair)
		bp_stream_set_reading(remote->pair, bp_stream_has_room(remote->wire));
	if (remote->pair)
		bp_stream_set_reading(remote->wire, bp_stream_has_room(remote->pair));
}

static void on_drained(BpPlugin *self, BpStream *stream, gpointer user)
{
	pace(user);
}

static void on_codec_data(const guint8 *data, gsize size, gpointer user)
{
	UartRemote *remote = user;

	if (remote->pair)
		bp_stream_write(remote->pair, data, size);
}

static void on_codec_send(const guint8 *data, gsize size, gpointer user)
{
	bp_stream_write(((UartRemote *)user)->wire, data, size);
}

static void on_pair_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	UartRemote *remote = user;

	if (remote->codec)
		rfc2217_send(remote->codec, data, size);
	else
		bp_stream_write(remote->wire, data, size);
	pace(remote);
}

static void on_pair_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	UartRemote *remote = user;

	remote->pair = NULL;
	if (!remote->uart)
		remote_free(remote);
}

static const BpStreamEvents pair_events = {
	.size = sizeof(pair_events), .data = on_pair_data, .closed = on_pair_closed, .drained = on_drained
};

/* --- RFC 2217 --- */

static gboolean ask(UartRemote *remote, guint8 command, guint32 value)
{
	if (!remote->codec || !rfc2217_ask(remote->codec, command, value))
		return FALSE;
	remote->asked[command] = value + 1;
	return TRUE;
}

gboolean uart_remote_apply(UartRemote *remote, const UartSettings *settings)
{
	static const guint8 flows[] = { 1, 3, 2, 19, 1, 2 }, in_flows[] = { 0, 0, 0, 0, 15, 14 };

	if (!remote->codec)
		return FALSE;
	ask(remote, RFC2217_BAUD, settings->baud);
	ask(remote, RFC2217_BITS, settings->bits);
	ask(remote, RFC2217_PARITY, (guint32)settings->parity + 1);
	ask(remote, RFC2217_STOP, settings->stop == 2 && settings->bits == 5 ? 3 : settings->stop);
	rfc2217_ask(remote->codec, RFC2217_CONTROL, flows[settings->flow]);
	if (in_flows[settings->flow])
		rfc2217_ask(remote->codec, RFC2217_CONTROL, in_flows[settings->flow]);
	if (settings->dtr != UART_KEEP)
		uart_remote_switch(remote, UART_DTR, settings->dtr == UART_ON);
	if (settings->rts != UART_KEEP && settings->flow != UART_FLOW_RTS_CTS)
		uart_remote_switch(remote, UART_RTS, settings->rts == UART_ON);
	return TRUE;
}

gboolean uart_remote_switch(UartRemote *remote, guint lines, gboolean on)
{
	if (!remote->codec)
		return FALSE;
	if (lines & UART_DTR)
		rfc2217_ask(remote->codec, RFC2217_CONTROL, on ? DTR_ON : DTR_OFF);
	if (lines & UART_RTS)
		rfc2217_ask(remote->codec, RFC2217_CONTROL, on ? RTS_ON : RTS_OFF);
	remote->modem = on ? remote->modem | lines : remote->modem & ~lines;
	return TRUE;
}

gboolean uart_remote_break(UartRemote *remote, gboolean on)
{
	return remote->codec && rfc2217_ask(remote->codec, RFC2217_CONTROL, on ? BREAK_ON : BREAK_OFF);
}

gboolean uart_remote_modem(const UartRemote *remote, guint *lines)
{
	if (!remote->codec)
		return FALSE;
	*lines = remote->modem;
	return TRUE;
}

void uart_remote_purge(UartRemote *remote, gboolean in, gboolean out)
{
	if (remote->codec && (in || out))
		rfc2217_ask(remote->codec, RFC2217_PURGE, (in ? 1 : 0) | (out ? 2 : 0));
}

static void take_modem(UartRemote *remote, guint32 state)
{
	guint lines = (state & CTS_BIT ? UART_CTS : 0) | (state & DSR_BIT ? UART_DSR : 0) |
		      (state & RI_BIT ? UART_RI : 0) | (state & DCD_BIT ? UART_DCD : 0);

	remote->modem = (remote->modem & (UART_DTR | UART_RTS)) | lines;
	if (remote->ready)
		uart_servers_look(remote->uart);
}

/* What the other host has refused is reported: the port runs on, with the value that stays. */
static void on_codec_answer(guint8 command, guint32 value, gpointer user)
{
	static const char *const names[] = { "", "baud", "bits", "parity", "stop" };
	UartRemote *remote = user;
	guint asked;

	if (command == RFC2217_MODEM_STATE)
		take_modem(remote, value);
	if (command >= G_N_ELEMENTS(names))
		return;
	asked = remote->asked[command];
	remote->asked[command] = 0;
	if (asked && asked - 1 != value)
		bp_channel_printf(remote->uart->events, "%s has refused %s %u: it has %u", remote->uart->path,
				  names[command], asked - 1, value);
}

/* --- connecting --- */

static void on_codec_agreed(gpointer user)
{
	rfc2217_ask(((UartRemote *)user)->codec, RFC2217_MODEM_MASK, 255);
}

static const Rfc2217Callbacks callbacks = {
	.data = on_codec_data, .send = on_codec_send, .agreed = on_codec_agreed, .answer = on_codec_answer
};

static void set_ready(UartRemote *remote)
{
	remote->ready = TRUE;
	if (remote->timer)
		bp_timer_remove(g_steal_pointer(&remote->timer));
	uart_try_now(remote->uart);
}

static void on_wire_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	UartRemote *remote = user;

	if (remote->codec) {
		remote->receiving = TRUE;
		rfc2217_receive(remote->codec, data, size);
		remote->receiving = FALSE;
	} else if (remote->pair) {
		bp_stream_write(remote->pair, data, size);
	}
	if (remote->freed) {
		remote_free(remote);
		return;
	}
	pace(remote);
	if (remote->uart && !remote->ready && rfc2217_is_agreed(remote->codec))
		set_ready(remote);
}

static void on_wire_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	UartRemote *remote = user;

	if (remote->codec)
		rfc2217_offer(remote->codec);
	else
		set_ready(remote);
}

static void on_wire_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	UartRemote *remote = user;
	const char *text = why ? why->message : "the other host has closed the connection";

	remote->wire = NULL;
	if (!remote->uart) {
		remote_free(remote);
	} else if (!remote->ready) {
		fail(remote, text);
	} else {
		bp_channel_printf(remote->uart->events, "%s: %s", remote->uart->path, text);
		if (remote->pair)
			bp_stream_close(remote->pair); /* for the UART, it is unplugged */
	}
}

static const BpStreamEvents wire_events = { .size = sizeof(wire_events),
					    .data = on_wire_data,
					    .closed = on_wire_closed,
					    .drained = on_drained,
					    .ready = on_wire_ready };

static void on_no_agreement(BpPlugin *self, gpointer data)
{
	UartRemote *remote = data;
	g_autofree char *why = g_strdup_printf("no RFC 2217 is spoken there; tcp://%s:%u takes its bytes", remote->host,
					       remote->port);

	fail(remote, why);
}

static void connect_to(UartRemote *remote, const BpAddress *address)
{
	remote->wire = bp_stream_connect(remote->scope, address, PATIENCE, NULL, &wire_events, remote);
	if (!remote->wire)
		fail(remote, "no socket could be made");
	else if (remote->codec)
		bp_timer_once(&remote->timer, remote->scope, PATIENCE, on_no_agreement, remote);
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	UartRemote *remote = data;

	if (error || !addresses->len)
		fail(remote, error ? error->message : "the name has no address");
	else
		connect_to(remote, &g_array_index(addresses, BpAddress, 0));
}

static gboolean parse(const char *text, char **host, guint *port, GError **error)
{
	g_autofree char *name = NULL, *path = NULL;
	int number = -1;

	if (!g_uri_split(text, G_URI_FLAGS_NONE, NULL, NULL, &name, &number, &path, NULL, NULL, error))
		return FALSE;
	if (!name || !*name || number <= 0 || *path)
		return bp_fail(error, BP_INVALID,
			       "%s: no address; it is written as rfc2217://HOST:PORT or tcp://HOST:PORT", text);
	*host = g_steal_pointer(&name);
	*port = (guint)number;
	return TRUE;
}

static UartRemote *begin(Uart *uart, GError **error)
{
	int ends[2];
	guint port = 0;
	char *host = NULL;
	UartRemote *remote;

	if (!parse(uart->path, &host, &port, error))
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		g_free(host);
		bp_fail(error, BP_LIMIT, "%s: too many files are open", uart->path);
		return NULL;
	}
	remote = g_new0(UartRemote, 1);
	remote->uart = uart;
	remote->host = host;
	remote->port = port;
	remote->scope = bp_scope_open(bp_plugin_of(uart->self));
	remote->other = ends[0];
	remote->pair = bp_stream_open_fd(remote->scope, ends[1], &pair_events, remote);
	bp_stream_set_backlog(remote->pair, PAIR_LIMIT, BP_BACKLOG_CLOSE);
	if (g_str_has_prefix(uart->path, "rfc2217"))
		remote->codec = rfc2217_new(&callbacks, "Backplane", remote);
	return remote;
}

gboolean uart_remote_open(Uart *uart, gboolean *later, GError **error)
{
	UartRemote *remote = uart->connecting;
	BpAddress address;

	*later = TRUE;
	if (remote && !remote->ready)
		return FALSE;
	if (remote) {
		uart->connecting = NULL;
		uart->line = (UartLine){ .fd = remote->other, .remote = remote };
		remote->other = -1;
		uart_remote_apply(remote, &uart->settings);
		return TRUE;
	}
	*later = FALSE;
	remote = uart->connecting = begin(uart, error);
	if (!remote)
		return FALSE;
	if (bp_address_parse(&address, remote->host, remote->port, NULL))
		connect_to(remote, &address);
	else
		bp_address_resolve(remote->scope, remote->host, remote->port, on_resolved, remote);
	return FALSE;
}
