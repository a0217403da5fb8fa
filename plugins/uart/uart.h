/* SPDX-License-Identifier: MIT */
/* uart.h - what the files of this plugin share.
 *
 * uart-line.c, uart-tty.c: a tty, its settings and modem lines; uart-remote.c: a port of another host; uart-lock.c: its lock file; uart-port.c: module UART, which opens it again
 * and again; uart-queue.c: what waits to be sent; uart-writer.c: who may write; uart-hotplug.c: devices that are plugged in;
 * uart-exec.c: a program on it; uart-list.c: which there are; uart-record.c, uart-replay.c, uart-log.c: recordings and logs; uart-term.c: a terminal on it;
 * uart-server.c: UARTServer, with rfc2217.c, uart-control.c, uart-modem.c, uart-clients.c and uart-pressure.c.
 */
#pragma once
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/metric.h>
#include <backplane/net.h>
#include <backplane/resource.h>
#include "framing.h"

struct sp_port;
typedef struct UartRemote UartRemote;
typedef struct Uart Uart;

/* --- uart-line.c, uart-tty.c: no kernel --- */
typedef enum { UART_PARITY_NONE, UART_PARITY_ODD, UART_PARITY_EVEN, UART_PARITY_MARK, UART_PARITY_SPACE } UartParity;
typedef enum {
	UART_FLOW_NONE,
	UART_FLOW_RTS_CTS,
	UART_FLOW_XON_XOFF,
	UART_FLOW_DTR_DSR,
	UART_FLOW_XON_IN,
	UART_FLOW_XON_OUT
} UartFlow;
typedef enum { UART_KEEP, UART_ON, UART_OFF } UartSwitch;
typedef enum { UART_RS485_OFF, UART_RS485_HIGH, UART_RS485_LOW } UartRs485;
enum { UART_CTS = 1, UART_DSR = 2, UART_RI = 4, UART_DCD = 8, UART_DTR = 16, UART_RTS = 32 }; /* modem lines */

typedef struct {
	guint baud, bits, stop; /* stop: 1 or 2, which is 1.5 with 5 bits */
	UartParity parity;
	UartFlow flow;
	UartSwitch dtr, rts;
	UartRs485 rs485; /* RTS while sending */
	gboolean exclusive;
	gboolean hangup, low_latency; /* DTR falls at close; the driver does not collect bytes */
	const char *lock_dir;	      /* borrowed: auto, none, or a folder */
} UartSettings;

typedef struct {
	int fd;
	struct sp_port *port; /* NULL: libserialport refuses it, so termios does */
	gboolean exclusive;   /* we have set TIOCEXCL */
	char *lock_file;      /* UUCP's, that we have created; may be NULL */
	guint rate;	      /* that the driver has chosen: it may have none of those asked for */
	UartRemote *remote;   /* the port of another host, or NULL: then `fd` is a socket to what speaks with it */
} UartLine;

/* `later`: it is not there now, so that trying again makes sense. */
gboolean uart_line_open(UartLine *line, const char *path, const UartSettings *settings, gboolean *later,
			GError **error);
/* With `sending` or unsent output in the driver, a job of `plugin` closes it when that has gone out, or after 2 s; what is left
 * then is thrown away. Without `plugin` it is thrown away at once. */
void uart_line_close(UartLine *line, BpPlugin *plugin, gboolean sending);
gboolean uart_line_apply(UartLine *line, const UartSettings *settings, GError **error);
/* FALSE: the device has no such thing. */
gboolean uart_line_switch(UartLine *line, guint lines, gboolean on);
gboolean uart_line_break(UartLine *line, gboolean on);
gboolean uart_line_modem(const UartLine *line, guint *lines);
void uart_line_purge(UartLine *line, gboolean in, gboolean out);

/* --- uart-remote.c: a port that another host serves, "rfc2217://HOST:PORT" or "tcp://HOST:PORT" (bytes alone) --- */
gboolean uart_remote_is(const char *port);
/* FALSE without an error: it is being connected; uart_try_now is called when that is done, uart_wait_again when it has failed. */
gboolean uart_remote_open(Uart *uart, gboolean *later, GError **error);
void uart_remote_close(UartRemote *remote);
/* What the other host's driver is asked for; its answers are taken later. FALSE: it cannot be told (tcp://). */
gboolean uart_remote_apply(UartRemote *remote, const UartSettings *settings);
gboolean uart_remote_switch(UartRemote *remote, guint lines, gboolean on);
gboolean uart_remote_break(UartRemote *remote, gboolean on);
gboolean uart_remote_modem(const UartRemote *remote, guint *lines);
void uart_remote_purge(UartRemote *remote, gboolean in, gboolean out);

/* --- uart-lock.c --- */
/* FALSE: another program has the lock file of the device. */
gboolean uart_lock_check(const char *device, const char *folder, GError **error);
/* The same, and creates it. `lock_file`: to be released; it is not written if there can be none. */
gboolean uart_lock_take(const char *device, const char *folder, char **lock_file, GError **error);
void uart_lock_release(char *take_lock_file);

gboolean uart_tty_apply(int fd, const UartSettings *settings, GError **error);
/* Whether DTR falls when the last descriptor is closed; whether each byte is delivered at once. Drivers may have neither. */
void uart_tty_tune(int fd, const UartSettings *settings);
gboolean uart_tty_rs485(int fd, UartRs485 mode, GError **error);
/* What the driver has counted, in the order of the bits of NOTIFY-LINESTATE. FALSE: it does not count. */
enum { UART_OVERRUN = 2, UART_PARITY_ERROR = 4, UART_FRAMING_ERROR = 8, UART_BREAK_SEEN = 16 };
typedef struct {
	guint counts[4];
} UartErrors;
gboolean uart_tty_errors(int fd, UartErrors *errors);
/* The baud rate it has; 0: it does not tell. */
guint uart_tty_rate(int fd);
/* The rate that it runs at instead of the one asked for, if that makes a difference; else 0. */
guint uart_line_other_rate(const UartLine *line, const UartSettings *settings);

/* --- module UART --- */
typedef struct UartRecord UartRecord;
typedef struct UartLog UartLog;
struct Uart {
	BpInstance *self;
	const char *path;
	char *origin; /* GRefString: the path */
	BpChannel *recv, *send, *raw_recv, *raw_send, *events;
	UartSettings settings, configured; /* as they are; as it was opened with */
	guint found_lines;		   /* modem lines, before a client has set one */
	const char *framing_name;
	const BpFraming *framing;
	BpFramingOptions framing_options;
	BpDecoder *decoder;
	gboolean advised;   /* its advice was logged */
	BpTimer *gap_timer; /* while a pause is waited for */
	gint64 gap;

	UartLine line;
	UartRemote *connecting; /* not yet in `line` */
	BpStream *stream;	/* NULL: waiting */
	BpBackoff *again;
	char *told; /* why it could not be opened, reported once */

	GQueue queue; /* BpMessage, encoded: whole frames */
	gsize queued;
	GQueue given;	 /* BpMessage, in the stream: which of them were written is asked when it ends */
	guint64 written; /* of the stream, before the first of `given` */
	gsize backlog;
	gsize cut; /* bytes of the first message that were sent: with delays it is sent in pieces */
	gint64 char_delay, line_delay;
	gboolean drop_oldest, wait;
	gint64 wait_time;	/* on_unplug=wait: how long */
	BpTimer *wait_timer;	/* while the device is absent and messages wait for it */
	gboolean wait_over;	/* it was absent for longer */
	guint64 drops_reported; /* `lost`, as it was reported last */
	gsize window_bytes, in_window;
	gint64 window_time, window_end, quiet_until;
	BpTimer *pace;
	gboolean full;	    /* the stream has enough for now */
	gboolean exempt;    /* the data being sent is from a paused connection and is not blocked */
	gboolean throttled; /* connections are paused until the queue has room */
	gboolean paused;    /* the device is not read, as a client is slow */
	gboolean breaking;  /* set by RFC 2217 until reset; ends with the port and with the client that began it */

	guint8 *replay; /* a ring of the last bytes that came */
	gsize replay_size, replay_used, replay_at;
	gboolean grabbed; /* the writer has asked to be the only one */
	char *writer;	  /* the only permitted writer: "telnet-lab/3", "session/5"; NULL: the first one that writes */
	BpTimer *break_timer;
	UartRecord *record;
	UartLog *log;
	guint64 bytes_in, bytes_out, lost, refused, reopened;
	BpMetric *lost_metric;
};

extern const BpParam uart_params[];
extern const BpParam uart_server_params[];
extern const BpCommand uart_commands[];

gboolean uart_open(BpInstance *self, GError **error);
void uart_close(BpInstance *self);
void uart_describe(BpInstance *self, GString *text);
/* NULL with a sentence. */
Uart *uart_find(const char *name, GError **error);
/* Something may have been plugged in: tries at once. */
void uart_try_now(Uart *uart);
/* It could not be opened: reported once for each reason; it is tried again after a pause. `later`: without the user's help. */
void uart_wait_again(Uart *uart, gboolean later, const char *why);
const char *uart_state(const Uart *uart);
/* Appends the state of the modem lines. */
void uart_lines_text(guint lines, GString *text);
char *uart_settings_text(const UartSettings *settings);
/* Takes the settings if the line does; they are kept for the next opening. */
gboolean uart_set(Uart *uart, const UartSettings *settings, GError **error);
/* Those that it was opened with, and the modem lines that a client found. */
void uart_restore(Uart *uart);
/* Before a client sets DTR or RTS: keeps what uart_restore sets again. */
void uart_keep_lines(Uart *uart);
gboolean uart_settings_equal(const UartSettings *a, const UartSettings *b);
/* They can be had together. */
gboolean uart_settings_fit(const UartSettings *settings, GError **error);
gboolean uart_settings_of(const BpValues *values, UartSettings *settings, GError **error);
#define UART_BREAK (250 * G_TIME_SPAN_MILLISECOND)
void uart_break(Uart *uart, gint64 time);
/* Until told otherwise. */
void uart_break_hold(Uart *uart, gboolean on);
/* As if it had come on the line. */
void uart_receive(Uart *uart, const guint8 *data, gsize size);
/* The last bytes that came, oldest first. Yours. */
GByteArray *uart_replay(const Uart *uart);

/* --- uart-queue.c --- */
/* Sends encoded data. FALSE: it was dropped, counted and reported. */
gboolean uart_queue_add(Uart *uart, BpMessage *message);
/* FALSE: the device is absent, and messages for it are dropped. */
gboolean uart_queue_is_taking(const Uart *uart);
/* on_unplug=wait: the device was absent for wait_time. Drops the queue. */
void uart_queue_give_up(Uart *uart);
/* Gives to the stream what it and the pacing take. */
void uart_queue_pump(Uart *uart);
/* The stream has ended: unwritten data is queued again, or dropped (on_unplug), counted and reported. */
void uart_queue_take_back(Uart *uart, guint64 written);
void uart_queue_clear(Uart *uart);

/* --- uart-writer.c --- */
/* TRUE: `who` may write, and is the writer now if nobody was. */
gboolean uart_may_write(Uart *uart, const char *who);
void uart_grab(Uart *uart, const char *who);
void uart_release(Uart *uart, const char *who); /* NULL: any writer */

/* --- uart-hotplug.c --- */
void uart_hotplug_start(BpPlugin *plugin);
void uart_hotplug_stop(void);

/* --- uart-record.c, uart-replay.c --- */
#define UART_RECORD_PIECE (32 * 1024) /* bytes of a line at most */
void uart_record_stop(Uart *uart);
void uart_record_add(Uart *uart, char direction, gconstpointer data, gsize size);
const char *uart_record_file(const Uart *uart);
extern const BpParam uart_record_params[], uart_replay_params[];
gboolean uart_run_record(BpPlugin *self, BpCall *call, GError **error);
gboolean uart_run_replay(BpPlugin *self, BpCall *call, GError **error);

/* --- uart-log.c --- */
#define UART_HEX_COLUMNS 16
/* Appends lines of digits, with the printable characters behind them. */
void uart_hex(GString *text, const guint8 *data, gsize size, const char *prefix, const char *end);
void uart_log_add(Uart *uart, const guint8 *data, gsize size);
void uart_log_stop(Uart *uart);
/* Ends the log, or begins one in the state folder, with times, a file a day. What it did, yours. */
char *uart_log_toggle(Uart *uart);
const char *uart_log_file(const Uart *uart);
extern const BpParam uart_log_params[];
gboolean uart_run_log(BpPlugin *self, BpCall *call, GError **error);

/* --- uart-term.c --- */
/* Shows the text on the terminals of this UART: it was unplugged, it is open again. */
void uart_terms_note(Uart *uart, const char *text);
extern const BpParam uart_term_params[];
gboolean uart_run_term(BpPlugin *self, BpCall *call, GError **error);

/* --- uart-exec.c --- */
/* The queue has room again, or the device was unplugged: then the programs on it are stopped. */
void uart_programs_resume(Uart *uart, gboolean is_gone);
extern const BpParam uart_exec_params[];
gboolean uart_run_exec(BpPlugin *self, BpCall *call, GError **error);

/* --- uart-list.c --- */
/* VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL, in hexadecimal digits as `uart list` shows them, instead of a path. */
gboolean uart_list_is_usb(const char *name);
/* Both are one device, by its path or its USB ids. */
gboolean uart_list_is_same(const char *a, const char *b);

/* --- uart-ports.c --- */
extern const BpResource uart_ports_resource;
/* The path of that device, if it is plugged in; else NULL. */
char *uart_list_find(const char *name);
gboolean uart_run_list(BpPlugin *self, BpCall *call, GError **error);

/* --- uart-server.c --- */
typedef struct UartConnection UartConnection;
typedef struct {
	BpInstance *self;
	BpServer *server;
	const char *uart_name;
	gboolean rfc2217, one_writer, show_replay, pause_always, pause_never, notices, restore;
	guint most_clients;	/* with kick_old; else the server counts */
	gint64 half_close;	/* how long a client that has ended its input still receives */
	gint64 idle_timeout;	/* with idle_counts=both; else the server counts */
	BpChannel *recv, *send; /* raw, of the UART; they may be there before it is */
	UartConnection *first;
	BpTimer *modem_timer; /* while a client wants to know of modem lines */
	guint modem;	      /* as reported last */
	UartErrors errors;    /* as reported last, if */
	gboolean has_errors;
} UartServer;
#define UART_SERVER_SIZE sizeof(UartServer)
/* The port is there, or is there no longer: its modem lines are others. */
void uart_servers_look(Uart *uart);
/* The queue has room again, or there is none any more: reads from the paused clients. */
void uart_servers_resume(Uart *uart);
/* The device was unplugged: closes the connections whose clients have sent data that was not read yet, since it is not for the
 * device that is plugged in next. */
void uart_servers_cut(Uart *uart);
/* Reads from the device or not, as its clients receive. */
void uart_servers_pace(Uart *uart);
/* The connection that `who` ("lab/3") names is there. */
gboolean uart_server_has(const char *who);
gboolean uart_server_open(BpInstance *self, GError **error);
void uart_server_close(BpInstance *self);
void uart_server_describe(BpInstance *self, GString *text);
