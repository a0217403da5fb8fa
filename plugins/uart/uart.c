/* SPDX-License-Identifier: MIT */
/* uart.c - serial ports on channels, and served to the network. */
#include <string.h>
#include "framing.h"
#include "uart.h"

static const char manual[] =
	"Module UART opens `port` and keeps it open: a device that is unplugged is reported and opened again when it is\n"
	"back; what is sent meanwhile fails, or waits (on_unplug, wait_time). What is received is sent on NAME/recv, cut\n"
	"into messages by `framing`; a message on NAME/send is sent to the device as one frame. NAME/raw/recv and\n"
	"NAME/raw/send have the same bytes without framing. uart-NAME has its events. Framings are raw, lines, slip, cobs,\n"
	"mesh, gap, and those that other plugins have registered.\n"
	"\n"
	"Module UARTServer serves a UART on a TCP port: to RFC 2217 clients, which set its line too until they leave, or\n"
	"as bytes. Any number may read; with writers=one the first client that writes is the writer until it leaves or\n"
	"another takes over (uart grab). A client that sends faster than the line is paused. A client that receives more\n"
	"slowly pauses the device (pause_device). server-tcp-PORT has its events.\n"
	"\n"
	"  uart list\n"
	"  uart open /dev/ttyUSB0 root framing=mesh window_bytes=1000 window_time=1s\n"
	"  channel watch root/recv\n"
	"  uart open rfc2217://box:4001 far baud=9600\n"
	"  uart exec root sx /tmp/firmware.bin\n"
	"  uart term root\n"
	"  module open UARTServer lab uart=root port=4001 mode=rfc2217\n";

const BpParam uart_params[] = {
	{ "port", .required = 1, .names = BP_A_FILE,
	  .help = "/dev/ttyUSB0, /dev/serial/by-id/..., VENDOR:PRODUCT:SERIAL, rfc2217://HOST:PORT, tcp://HOST:PORT" },
	{ "baud", 'b', BP_INT, .fallback = "115200", .min = 50, .max = 20000000,
	  .help = "bits a second; odd rates too" },
	{ "bits", .type = BP_INT, .fallback = "8", .min = 5, .max = 8, .help = "data bits" },
	{ "parity", .type = BP_CHOICE, .choices = "none|odd|even|mark|space", .fallback = "none",
	  .help = "parity bit" },
	{ "stop", .type = BP_INT, .fallback = "1", .min = 1, .max = 2, .help = "stop bits" },
	{ "flow", .type = BP_CHOICE, .choices = "none|rtscts|xonxoff|dtrdsr", .fallback = "none",
	  .help = "flow control" },
	{ "dtr", .type = BP_CHOICE, .choices = "keep|on|off", .fallback = "keep", .help = "DTR when it is opened" },
	{ "rts", .type = BP_CHOICE, .choices = "keep|on|off", .fallback = "keep", .help = "RTS when it is opened" },
	{ "rs485", .type = BP_CHOICE, .choices = "off|high|low", .fallback = "off",
	  .help = "RS-485: the level of RTS while sending" },
	{ "exclusive", .type = BP_BOOL, .fallback = "yes", .help = "no other program may have it open" },
	{ "lock_dir", .fallback = "auto",
	  .help = "exclusive: folder of UUCP lock files; auto: /var/lock, not for pseudo-terminals; none" },
	{ "hangup", .type = BP_BOOL, .fallback = "yes",
	  .help = "DTR falls when it is closed; no: the device is not reset" },
	{ "low_latency", .type = BP_BOOL, .fallback = "no", .help = "the driver delivers each byte at once" },
	{ "framing", 'f', .fallback = "raw",
	  .help = "where messages begin and end: raw, lines, slip, cobs, mesh, gap, ..." },
	{ "frame_limit", .type = BP_BYTES, .fallback = "64K", .min = 1, .max = 16777216,
	  .help = "a longer frame is dropped" },
	{ "line_end", .type = BP_CHOICE, .choices = "lf|crlf|cr", .fallback = "lf",
	  .help = "framing lines: what ends one" },
	{ "escape_xor", .type = BP_INT, .fallback = "0xfa", .min = 1, .max = 255,
	  .help = "framing mesh: what escaped bytes are XORed with" },
	{ "gap", .type = BP_DURATION, .fallback = "0", .max = 60,
	  .help = "framing gap: pause that ends a frame; 0 is 3.5 characters" },
	{ "on_unplug", .type = BP_CHOICE, .choices = "wait|fail", .fallback = "fail",
	  .help = "what is sent while it is not there, or was not taken before, waits or is dropped" },
	{ "wait_time", .type = BP_DURATION, .fallback = "60s", .min = 0.01, .max = 86400,
	  .help = "on_unplug=wait: after this time without the device what waits is dropped" },
	{ "reopen_min", .type = BP_DURATION, .fallback = "250ms", .min = 0.01, .max = 3600,
	  .help = "first pause before it is tried again; doubled each time" },
	{ "reopen_max", .type = BP_DURATION, .fallback = "5s", .min = 0.01, .max = 3600,
	  .help = "longest pause before it is tried again" },
	{ "backlog_limit", .type = BP_BYTES, .fallback = "1M", .min = 1, .max = 1073741824,
	  .help = "bytes that may wait to be sent" },
	{ "backlog_policy", .type = BP_CHOICE, .choices = "drop-oldest|refuse", .fallback = "drop-oldest",
	  .help = "over that, lose the oldest messages or the new one" },
	{ "window_bytes", .type = BP_BYTES, .fallback = "0", .max = 1073741824,
	  .help = "most bytes sent within window_time, in whole messages; 0 is as fast as it goes" },
	{ "window_time", .type = BP_DURATION, .fallback = "1s", .min = 0.001, .max = 3600, .help = "see window_bytes" },
	{ "char_delay", .type = BP_DURATION, .fallback = "0", .max = 10, .help = "pause after each byte that is sent" },
	{ "line_delay", .type = BP_DURATION, .fallback = "0", .max = 60, .help = "pause after each line that is sent" },
	{ "replay", .type = BP_BYTES, .fallback = "16K", .max = 16777216,
	  .help = "bytes kept for those who come later" },
	{ NULL },
};

const BpParam uart_server_params[] = {
	{ "uart", .required = 1, .names = BP_AN_INSTANCE, .help = "UART to serve" },
	{ "mode", .type = BP_CHOICE, .choices = "rfc2217|raw", .fallback = "rfc2217",
	  .help = "with the line's settings, or bytes alone" },
	{ "port", 'p', BP_INT, .fallback = "4001", .min = 0, .max = 65535,
	  .help = "port to listen on; 0 takes a free one" },
	{ "writers", .type = BP_CHOICE, .choices = "one|many", .fallback = "one",
	  .help = "how many may write at a time" },
	{ "restore", .type = BP_BOOL, .fallback = "yes",
	  .help = "when a client leaves, the settings that it has changed are as before" },
	{ "notices", .type = BP_BOOL, .fallback = "yes",
	  .help = "tell a client without RFC 2217, in a line of text, that what it sends is dropped" },
	{ "half_close", .type = BP_DURATION, .fallback = "1s", .max = 3600,
	  .help = "a client that has ended its input gets output until there was none for so long; 0 closes at once" },
	{ "kick_old", .type = BP_BOOL, .fallback = "no",
	  .help = "over max_connections, close the oldest client instead of refusing the new one" },
	{ "banner", .help = "text for a new client, with \\r, \\n, \\t, \\e, \\\\ and \\xHH" },
	{ "open_string", .help = "bytes for the device when the first client comes" },
	{ "close_string", .help = "bytes for the device when the last client has left" },
	{ "idle_counts", .type = BP_CHOICE, .choices = "in|both", .fallback = "in",
	  .help = "idle_timeout counts from the last input of the client, or from the last data in either direction" },
	{ "show_replay", .type = BP_CHOICE, .choices = "auto|yes|no", .fallback = "auto",
	  .help = "send the replay buffer to a new client; auto: not with mode=raw" },
	{ "pause_device", .type = BP_CHOICE, .choices = "auto|always|no", .fallback = "auto",
	  .help = "do not read from the device while a client is slow; auto: with flow control and one client" },
	{ .include = bp_server_params },
	{ NULL },
};

/* --- settings as parameters and as text --- */

static guint place_of(const char *word, const char *const *words)
{
	guint place = 0;

	while (words[place] && strcmp(words[place], word) != 0)
		place++;
	return place;
}

gboolean uart_settings_equal(const UartSettings *a, const UartSettings *b)
{
	return a->baud == b->baud && a->bits == b->bits && a->stop == b->stop && a->parity == b->parity &&
	       a->flow == b->flow && a->dtr == b->dtr && a->rts == b->rts && a->rs485 == b->rs485;
}

gboolean uart_settings_fit(const UartSettings *settings, GError **error)
{
	if (settings->rs485 == UART_RS485_OFF || settings->flow != UART_FLOW_RTS_CTS)
		return TRUE;
	g_set_error(error, BP_HOST_ERROR, BP_INVALID, "rs485 and flow=rtscts both want RTS: choose one");
	return FALSE;
}

gboolean uart_settings_of(const BpValues *values, UartSettings *settings, GError **error)
{
	static const char *const parities[] = { "none", "odd", "even", "mark", "space", NULL };
	static const char *const flows[] = { "none", "rtscts", "xonxoff", "dtrdsr", NULL };
	static const char *const switches[] = { "keep", "on", "off", NULL };
	static const char *const rs485[] = { "off", "high", "low", NULL };
	const UartSettings read = {
		.baud = (guint)bp_values_int(values, "baud"),
		.bits = (guint)bp_values_int(values, "bits"),
		.stop = (guint)bp_values_int(values, "stop"),
		.parity = place_of(bp_values_string(values, "parity"), parities),
		.flow = place_of(bp_values_string(values, "flow"), flows),
		.dtr = place_of(bp_values_string(values, "dtr"), switches),
		.rts = place_of(bp_values_string(values, "rts"), switches),
		.rs485 = place_of(bp_values_string(values, "rs485"), rs485),
		.exclusive = bp_values_bool(values, "exclusive"),
		.hangup = bp_values_bool(values, "hangup"),
		.low_latency = bp_values_bool(values, "low_latency"),
		.lock_dir = bp_values_string(values, "lock_dir"),
	};
	if (!uart_settings_fit(&read, error))
		return FALSE;
	*settings = read;
	return TRUE;
}

char *uart_settings_text(const UartSettings *settings)
{
	static const char *const flows[] = { "", " rtscts", " xonxoff", " dtrdsr", " xonxoff-in", " xonxoff-out" };

	return g_strdup_printf("%u %u%c%u%s%s", settings->baud, settings->bits, "NOEMS"[settings->parity],
			       settings -> stop, flows[settings->flow],
			       settings -> rs485 == UART_RS485_OFF ? "" : " rs485");
}

/* --- the plugin --- */

static const BpModule modules[] = {
	{ "UART", .help = "a serial port on channels, opened again when it was unplugged", .params = uart_params,
	  .size = sizeof(Uart), .open = uart_open, .close = uart_close, .describe = uart_describe },
	{ "UARTServer", .help = "serves a UART on a TCP port, RFC 2217 or bytes", .params = uart_server_params,
	  .size = UART_SERVER_SIZE, .open = uart_server_open, .close = uart_server_close,
	  .describe = uart_server_describe },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpFraming *const framings[] = { &framing_cobs, &framing_gap, &framing_lines,
						     &framing_mesh, &framing_raw, &framing_slip };

	for (guint i = 0; i < G_N_ELEMENTS(framings); i++) {
		g_autofree char *path = g_strconcat("framing/", framings[i]->name, NULL);

		if (!bp_registry_add(self, path, framings[i], error))
			return FALSE;
	}
	uart_hotplug_start(self);
	return bp_registry_add(self, "resource/ports", &uart_ports_resource, error);
}

static void unload(BpPlugin *self)
{
	uart_hotplug_stop();
}

BP_PLUGIN(.name = "uart", .version = "1.0", .summary = "Serial ports on channels and on the network", .manual = manual,
	  .commands = uart_commands, .modules = modules, .load = load, .unload = unload);
