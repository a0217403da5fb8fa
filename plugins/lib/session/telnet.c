/* SPDX-License-Identifier: MIT */
/* telnet.c - a thin layer on libtelnet, with its gaps closed.
 *
 * libtelnet says nothing when an option that we have offered is refused, so DONT ECHO is looked for here. It inflates
 * what follows IAC SB COMPRESS2 though nobody agreed to that, so bytes are given to it up to each command only, and
 * compression breaks the connection. A subnegotiation over its 16 KiB would be cut in two and the rest taken for
 * text; one over SUB_LIMIT breaks the connection too. (Its error codes are not initialized, so they are not used.)
 */
#include <backplane/telnet.h>
#include <libtelnet.h>
#include <stdlib.h>
#include <string.h>

#define TELNET_TELOPT_CHARSET 42
#define TELNET_EOF_COMMAND 236
#define NAME_SIZE 48 /* of what the other side names, NUL included */
#define TYPES_LIMIT 8
#define GATHER_SIZE 1024
#define SUB_LIMIT 4000

enum { CHARSET_REQUEST = 1, CHARSET_ACCEPTED = 2, CHARSET_REJECTED = 3 };

/* Where in a command the bytes stand; see step. */
typedef enum { IN_DATA, AFTER_IAC, AFTER_DONT, AFTER_OTHER } ParserState;

typedef struct {
	guint8 bytes[GATHER_SIZE];
	gsize used;
} OutputBuffer;

struct BpTelnet {
	telnet_t *telnet;
	const BpTelnetEvents *callbacks;
	gpointer user;
	OutputBuffer *gather; /* of the receive that runs */
	BpTelnetInfo info;
	char first[NAME_SIZE], last[NAME_SIZE]; /* terminal types, as they came */
	char terminal[NAME_SIZE], client[NAME_SIZE], user_name[NAME_SIZE];
	guint8 types; /* answered so far */
	guint8 state;
	gboolean in_sub; /* between IAC SB and the next command */
	gsize sub_size;	 /* bytes of it so far */
	gboolean lines;
	gboolean after_cr;
	gboolean eor;	 /* agreed */
	gboolean no_sga; /* it has asked us not to suppress GA */
	gboolean asked_charset;
	gboolean echo_told; /* libtelnet has reported this DONT ECHO */
	gboolean offered;   /* our options were */
	gboolean refused;   /* it does not let us echo */
	gboolean changed;   /* BP_TELNET_TERMINAL is pending */
	gboolean given;	    /* its lines, back to it */
	gboolean broken;
};

static const telnet_telopt_t options[] = {
	{ TELNET_TELOPT_ECHO, TELNET_WILL, TELNET_DONT },
	{ TELNET_TELOPT_SGA, TELNET_WILL, TELNET_DO },
	{ TELNET_TELOPT_TTYPE, TELNET_WONT, TELNET_DO },
	{ TELNET_TELOPT_NAWS, TELNET_WONT, TELNET_DO },
	{ TELNET_TELOPT_NEW_ENVIRON, TELNET_WONT, TELNET_DO },
	{ TELNET_TELOPT_CHARSET, TELNET_WILL, TELNET_DO },
	{ TELNET_TELOPT_BINARY, TELNET_WILL, TELNET_DO },
	{ TELNET_TELOPT_EOR, TELNET_WILL, TELNET_DO },
	{ -1, 0, 0 },
};

/* --- what was typed --- */

static gboolean has_cursor(const BpTelnet *codec)
{
	guint mtts = codec->info.mtts;

	return codec->offered && codec->info.answered && !codec->refused && strcmp(codec->terminal, "dumb") != 0 &&
	       (!mtts || mtts & (BP_TELNET_MTTS_ANSI | BP_TELNET_MTTS_VT100));
}

static void tell_terminal(BpTelnet *codec)
{
	gboolean changed = codec->changed && codec->offered;

	codec->changed = FALSE;
	if (changed)
		codec->callbacks->event(codec, BP_TELNET_TERMINAL, codec->user);
}

static void flush_data(BpTelnet *codec)
{
	OutputBuffer *gather = codec->gather;
	gsize used = gather->used;

	gather->used = 0;
	if (!used)
		return;
	tell_terminal(codec);
	codec->callbacks->data(codec, gather->bytes, used, codec->user);
}

static void add_byte(BpTelnet *codec, guint8 byte)
{
	if (codec->gather->used == GATHER_SIZE)
		flush_data(codec);
	codec->gather->bytes[codec->gather->used++] = byte;
}

static void add_text(BpTelnet *codec, const guint8 *bytes, gsize size)
{
	for (gsize i = 0; i < size; i++) {
		guint8 byte = bytes[i];
		gboolean after_cr = codec->after_cr;

		codec->after_cr = byte == '\r';
		if (codec->info.binary_in && !codec->lines)
			add_byte(codec, byte);
		else if (after_cr && (byte == '\0' || (byte == '\n' && codec->lines)))
			continue;
		else
			add_byte(codec, byte == '\r' && codec->lines ? '\n' : byte);
	}
}

static void tell(BpTelnet *codec, BpTelnetEvent event)
{
	flush_data(codec);
	codec->callbacks->event(codec, event, codec->user);
}

/* Reported after all answers that were received together: a single one does not tell yet what the client is. */
static void terminal_changed(BpTelnet *codec)
{
	flush_data(codec);
	codec->changed = TRUE;
	codec->info.cursor = has_cursor(codec);
}

static void fail(BpTelnet *codec)
{
	if (codec->broken)
		return;
	tell(codec, BP_TELNET_BROKEN);
	codec->broken = TRUE;
}

/* --- names: printable ASCII, lower case --- */

static void copy_name(char *name, const char *bytes, gsize size)
{
	gsize used = 0;

	for (gsize i = 0; i < size && used < NAME_SIZE - 1; i++)
		if (bytes[i] > 0x20 && bytes[i] < 0x7f)
			name[used++] = g_ascii_tolower(bytes[i]);
		else if (bytes[i] == ' ' && used)
			name[used++] = ' ';
	while (used && name[used - 1] == ' ')
		used--;
	name[used] = '\0';
}

/* --- TTYPE, with the MUD Terminal Type Standard: client, terminal, "MTTS 137" --- */

static void take_mtts(BpTelnet *codec, const char *digits)
{
	codec->info.mtts = (guint)MIN(g_ascii_strtoull(digits, NULL, 10), G_MAXUINT16);
	if (codec->info.mtts & BP_TELNET_MTTS_UTF8)
		codec->info.utf8 = TRUE;
	/* The first name was the client's, the second the terminal's. */
	if (codec->types >= 2)
		g_strlcpy(codec->client, codec->first, NAME_SIZE);
	if (codec->types >= 2 && *codec->last)
		g_strlcpy(codec->terminal, codec->last, NAME_SIZE);
	if (codec->info.mtts & BP_TELNET_MTTS_256_COLOURS && *codec->terminal && !strstr(codec->terminal, "color"))
		g_strlcat(codec->terminal, "-256color", NAME_SIZE);
}

static void take_type(BpTelnet *codec, const char *bytes, gsize size)
{
	char name[NAME_SIZE];

	copy_name(name, bytes, size);
	codec->info.asking = FALSE;
	if (codec->types >= TYPES_LIMIT)
		return;
	if (g_str_has_prefix(name, "mtts ")) {
		take_mtts(codec, name + strlen("mtts "));
		codec->types = TYPES_LIMIT;
		terminal_changed(codec);
		return;
	}
	if (codec->types && strcmp(name, codec->last) == 0) {
		codec->types = TYPES_LIMIT;
		return;
	}
	g_strlcpy(codec->last, name, NAME_SIZE);
	if (codec->types++ == 0) {
		g_strlcpy(codec->first, name, NAME_SIZE);
		g_strlcpy(codec->terminal, name, NAME_SIZE);
		terminal_changed(codec);
	}
	if (codec->types < TYPES_LIMIT)
		telnet_ttype_send(codec->telnet);
}

/* --- NAWS, CHARSET, NEW-ENVIRON --- */

static void take_size(BpTelnet *codec, const guint8 *bytes, gsize size)
{
	guint columns, rows;

	if (size != 4)
		return;
	columns = (guint)bytes[0] << 8 | bytes[1];
	rows = (guint)bytes[2] << 8 | bytes[3];
	codec->info.columns = columns < 10 ? 80 : columns;
	codec->info.rows = rows < 3 ? 24 : rows;
	tell(codec, BP_TELNET_RESIZED);
}

/* "[TTABLE]" and a version byte may stand first; then a separator and names parted by it. */
static gboolean offers_utf8(const char *bytes, gsize size, const char **name, gsize *name_size)
{
	gsize skip = strlen("[TTABLE]") + 1, start;
	char separator;

	if (size > skip && memcmp(bytes, "[TTABLE]", skip - 1) == 0) {
		bytes += skip;
		size -= skip;
	}
	if (size < 2)
		return FALSE;
	separator = bytes[0];
	for (gsize i = start = 1; i <= size; i++) {
		if (i < size && bytes[i] != separator)
			continue;
		if ((i - start == 5 && g_ascii_strncasecmp(bytes + start, "UTF-8", 5) == 0) ||
		    (i - start == 4 && g_ascii_strncasecmp(bytes + start, "UTF8", 4) == 0)) {
			*name = bytes + start;
			*name_size = i - start;
			return TRUE;
		}
		start = i + 1;
	}
	return FALSE;
}

static void take_charset(BpTelnet *codec, const char *bytes, gsize size)
{
	char answer[8] = { CHARSET_REJECTED };
	const char *name;
	gsize name_size = 0;

	if (size < 1)
		return;
	if (bytes[0] == CHARSET_ACCEPTED) {
		codec->asked_charset = FALSE;
		codec->info.utf8 = TRUE;
		tell(codec, BP_TELNET_CHARSET_SET);
	} else if (bytes[0] == CHARSET_REJECTED) {
		codec->asked_charset = FALSE;
	} else if (bytes[0] == CHARSET_REQUEST) {
		/* When both ask at once, the server's question is the one that counts (RFC 2066). */
		if (codec->asked_charset || !offers_utf8(bytes + 1, size - 1, &name, &name_size) ||
		    name_size > sizeof(answer) - 1) {
			telnet_subnegotiation(codec->telnet, TELNET_TELOPT_CHARSET, answer, 1);
			return;
		}
		answer[0] = CHARSET_ACCEPTED;
		memcpy(answer + 1, name, name_size);
		telnet_subnegotiation(codec->telnet, TELNET_TELOPT_CHARSET, answer, 1 + name_size);
		codec->info.utf8 = TRUE;
		tell(codec, BP_TELNET_CHARSET_SET);
	}
}

static void ask_charset(BpTelnet *codec)
{
	static const char question[] = { CHARSET_REQUEST, ';', 'U', 'T', 'F', '-', '8' };

	codec->asked_charset = TRUE;
	telnet_subnegotiation(codec->telnet, TELNET_TELOPT_CHARSET, question, sizeof(question));
}

static void ask_user(BpTelnet *codec)
{
	static const char question[] = { TELNET_ENVIRON_SEND, TELNET_ENVIRON_VAR, 'U', 'S', 'E', 'R' };

	/* telnet_begin_newenviron of libtelnet 0.21 forgets the SEND. */
	telnet_subnegotiation(codec->telnet, TELNET_TELOPT_NEW_ENVIRON, question, sizeof(question));
}

static void take_environ(BpTelnet *codec, const struct telnet_environ_t *values, gsize count)
{
	for (gsize i = 0; i < count; i++) {
		if (!values[i].var || !values[i].value || strcmp(values[i].var, "USER") != 0)
			continue;
		copy_name(codec->user_name, values[i].value, strlen(values[i].value));
		tell(codec, BP_TELNET_USER_NAMED);
		return;
	}
}

/* --- commands and options --- */

static void take_command(BpTelnet *codec, guint8 command)
{
	switch (command) {
	case TELNET_IP:
	case TELNET_BREAK:
		tell(codec, BP_TELNET_INTERRUPTED);
		break;
	case TELNET_EC:
		add_byte(codec, 0x7f);
		break;
	case TELNET_EL:
		add_byte(codec, 0x15);
		break;
	case TELNET_EOF_COMMAND:
		add_byte(codec, 0x04);
		break;
	case TELNET_AYT:
		flush_data(codec);
		bp_telnet_send(codec, "\r\n[Yes]\r\n", 9);
		break;
	default: /* NOP, DM, AO, GA, EOR, ABORT, SUSP: nothing to do */
		break;
	}
}

/* It has asked us to begin (`on`) or to stop doing something. */
static void our_option(BpTelnet *codec, guint8 option, gboolean on)
{
	switch (option) {
	case TELNET_TELOPT_ECHO:
		codec->info.echo = on;
		codec->echo_told = !on;
		codec->refused = !on;
		terminal_changed(codec);
		break;
	case TELNET_TELOPT_SGA:
		codec->info.sga = on;
		codec->no_sga = !on;
		break;
	case TELNET_TELOPT_BINARY:
		codec->info.binary_out = on;
		break;
	case TELNET_TELOPT_EOR:
		codec->eor = on;
		break;
	case TELNET_TELOPT_CHARSET:
		if (on)
			ask_charset(codec);
		break;
	default:
		break;
	}
}

static void ask_type(BpTelnet *codec, gboolean on)
{
	codec->info.asking = on;
	if (on)
		telnet_ttype_send(codec->telnet);
}

static void their_option(BpTelnet *codec, guint8 option, gboolean on)
{
	if (option == TELNET_TELOPT_BINARY)
		codec->info.binary_in = on;
	else if (option == TELNET_TELOPT_TTYPE)
		ask_type(codec, on && !codec->types);
	else if (option == TELNET_TELOPT_NEW_ENVIRON && on)
		ask_user(codec);
}

static void on_event(telnet_t *telnet, telnet_event_t *event, void *user)
{
	BpTelnet *codec = user;

	if (event->type == TELNET_EV_SEND) {
		codec->callbacks->send(codec, (const guint8 *)event->data.buffer, event->data.size, codec->user);
		return;
	}
	if (codec->broken)
		return;
	switch (event->type) {
	case TELNET_EV_DATA:
		add_text(codec, (const guint8 *)event->data.buffer, event->data.size);
		break;
	case TELNET_EV_IAC:
		take_command(codec, event->iac.cmd);
		break;
	case TELNET_EV_DO:
	case TELNET_EV_DONT:
		our_option(codec, event->neg.telopt, event->type == TELNET_EV_DO);
		break;
	case TELNET_EV_WILL:
	case TELNET_EV_WONT:
		their_option(codec, event->neg.telopt, event->type == TELNET_EV_WILL);
		break;
	case TELNET_EV_SUBNEGOTIATION:
		if (event->sub.telopt == TELNET_TELOPT_NAWS)
			take_size(codec, (const guint8 *)event->sub.buffer, event->sub.size);
		else if (event->sub.telopt == TELNET_TELOPT_CHARSET)
			take_charset(codec, event->sub.buffer, event->sub.size);
		break;
	case TELNET_EV_TTYPE:
		if (event->ttype.cmd == TELNET_TTYPE_IS)
			take_type(codec, event->ttype.name, strlen(event->ttype.name));
		break;
	case TELNET_EV_ENVIRON:
		if (event->environ.cmd != TELNET_ENVIRON_SEND)
			take_environ(codec, event->environ.values, event->environ.size);
		break;
	case TELNET_EV_COMPRESS:
	case TELNET_EV_ERROR:
		fail(codec);
		break;
	default:
		break;
	}
}

/* --- what comes in --- */

typedef enum { NOTHING, FIRST_COMMAND, COMMAND, ECHO_REFUSED, SGA_REFUSED } Sign;

static Sign step(BpTelnet *codec, guint8 byte)
{
	Sign sign = NOTHING;

	switch (codec->state) {
	case IN_DATA:
		codec->state = byte == TELNET_IAC ? AFTER_IAC : IN_DATA;
		return codec->state == AFTER_IAC && !codec->info.answered ? FIRST_COMMAND : NOTHING;
	case AFTER_IAC:
		if (byte != TELNET_IAC) {
			codec->in_sub = byte == TELNET_SB;
			codec->sub_size = 0;
		}
		codec->state = byte == TELNET_DONT			  ? AFTER_DONT
			       : byte >= TELNET_WILL && byte < TELNET_IAC ? AFTER_OTHER
									  : IN_DATA;
		return byte == TELNET_IAC ? NOTHING : COMMAND;
	case AFTER_DONT:
		sign = byte == TELNET_TELOPT_ECHO ? ECHO_REFUSED : byte == TELNET_TELOPT_SGA ? SGA_REFUSED : NOTHING;
		break;
	default:
		break;
	}
	codec->state = IN_DATA;
	return sign;
}

/* How much to give to libtelnet at once, and what is to be told then: the same wherever the bytes were cut. */
static gsize next_part(BpTelnet *codec, const guint8 *data, gsize size, Sign *sign)
{
	*sign = NOTHING;
	if (codec->state == IN_DATA && !memchr(data, TELNET_IAC, size))
		return size;
	for (gsize i = 0; i < size; i++) {
		*sign = step(codec, data[i]);
		if (*sign != NOTHING)
			return i + 1;
	}
	return size;
}

static void tell_sign(BpTelnet *codec, Sign sign)
{
	if (sign == FIRST_COMMAND) {
		codec->info.answered = TRUE;
		terminal_changed(codec);
	} else if (sign == SGA_REFUSED) {
		codec->info.sga = FALSE;
		codec->no_sga = TRUE;
	} else if (sign == ECHO_REFUSED && !codec->echo_told) {
		codec->info.echo = FALSE;
		codec->refused = TRUE;
		terminal_changed(codec);
	}
	codec->echo_told = FALSE;
}

void bp_telnet_receive(BpTelnet *codec, const guint8 *data, gsize size)
{
	OutputBuffer gather = { .used = 0 };

	g_return_if_fail(!codec->gather);
	codec->gather = &gather;
	while (size && !codec->broken) {
		Sign sign;
		gsize sub_size = codec->sub_size;
		gboolean in_sub = codec->in_sub;
		gsize part = next_part(codec, data, size, &sign);

		if (in_sub && sub_size + part > SUB_LIMIT) {
			fail(codec);
			break;
		}
		if (in_sub && sign != COMMAND)
			codec->sub_size += part;
		telnet_recv(codec->telnet, (const char *)data, part);
		if (!codec->broken && sign != NOTHING)
			tell_sign(codec, sign);
		data += part;
		size -= part;
	}
	if (!codec->broken) {
		flush_data(codec);
		tell_terminal(codec);
	}
	codec->gather = NULL;
}

/* --- what goes out --- */

void bp_telnet_offer(BpTelnet *codec)
{
	codec->offered = TRUE;
	codec->info.cursor = has_cursor(codec);
	telnet_negotiate(codec->telnet, TELNET_WILL, TELNET_TELOPT_ECHO);
	telnet_negotiate(codec->telnet, TELNET_WILL, TELNET_TELOPT_SGA);
	telnet_negotiate(codec->telnet, TELNET_DO, TELNET_TELOPT_SGA);
	telnet_negotiate(codec->telnet, TELNET_DO, TELNET_TELOPT_TTYPE);
	telnet_negotiate(codec->telnet, TELNET_DO, TELNET_TELOPT_NAWS);
	telnet_negotiate(codec->telnet, TELNET_DO, TELNET_TELOPT_NEW_ENVIRON);
	telnet_negotiate(codec->telnet, TELNET_WILL, TELNET_TELOPT_CHARSET);
}

void bp_telnet_set_lines(BpTelnet *codec, gboolean on)
{
	codec->lines = on;
}

void bp_telnet_send(BpTelnet *codec, gconstpointer data, gsize size)
{
	if (size)
		telnet_send(codec->telnet, data, size);
}

void bp_telnet_mark(BpTelnet *codec)
{
	if (codec->eor)
		telnet_iac(codec->telnet, TELNET_EOR);
	else if (codec->no_sga)
		telnet_iac(codec->telnet, TELNET_GA);
}

void bp_telnet_set_echo(BpTelnet *codec, gboolean on)
{
	telnet_negotiate(codec->telnet, on ? TELNET_WILL : TELNET_WONT, TELNET_TELOPT_ECHO);
}

void bp_telnet_give_lines(BpTelnet *codec)
{
	if (codec->given)
		return;
	codec->given = TRUE;
	telnet_negotiate(codec->telnet, TELNET_WONT, TELNET_TELOPT_ECHO);
	telnet_negotiate(codec->telnet, TELNET_WONT, TELNET_TELOPT_SGA);
}

const BpTelnetInfo *bp_telnet_info(const BpTelnet *codec)
{
	return &codec->info;
}

BpTelnet *bp_telnet_new(const BpTelnetEvents *callbacks, gpointer user)
{
	BpTelnet *codec = g_new0(BpTelnet, 1);

	codec->callbacks = callbacks;
	codec->user = user;
	codec->info.columns = 80;
	codec->info.rows = 24;
	codec->info.terminal = codec->terminal;
	codec->info.client = codec->client;
	codec->info.user = codec->user_name;
	codec->telnet = telnet_init(options, on_event, 0, codec);
	g_assert(codec->telnet); /* out of memory, as g_new would say it */
	return codec;
}

void bp_telnet_free(BpTelnet *codec)
{
	telnet_free(codec->telnet);
	g_free(codec);
}
