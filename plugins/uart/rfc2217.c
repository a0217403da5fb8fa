/* SPDX-License-Identifier: MIT */
/* rfc2217.c - see rfc2217.h. Every byte is one step of a small machine; a subnegotiation over SUB_LIMIT is ignored. */
#include "rfc2217.h"
#include <string.h>

#define SUB_LIMIT 128
#define SERVER_TO_CLIENT 100

enum { SE = 240, BRK = 243, SB = 250, WILL = 251, WONT = 252, DO = 253, DONT = 254, IAC = 255 };
enum { BINARY = 0, ECHO_OPTION = 1, SGA = 3, COM_PORT = 44 };
typedef enum { IN_DATA, AFTER_IAC, AFTER_WILL, AFTER_WONT, AFTER_DO, AFTER_DONT, IN_SUB, IAC_IN_SUB } ParserState;
enum { OFF, ASKED, ON };

struct Rfc2217 {
	const Rfc2217Callbacks *callbacks;
	gpointer user;
	char *signature;
	guint8 state;
	gboolean after_cr, agreed;
	guint8 ours[COM_PORT + 1], theirs[COM_PORT + 1]; /* OFF, ASKED, ON */
	guint8 sub[SUB_LIMIT];
	gsize sub_size; /* over SUB_LIMIT: too long */
};

Rfc2217 *rfc2217_new(const Rfc2217Callbacks *callbacks, const char *signature, gpointer user)
{
	Rfc2217 *codec = g_new0(Rfc2217, 1);

	codec->callbacks = callbacks;
	codec->user = user;
	codec->signature = g_strdup(signature);
	return codec;
}

void rfc2217_free(Rfc2217 *codec)
{
	g_free(codec->signature);
	g_free(codec);
}

static void say(Rfc2217 *codec, guint8 verb, guint8 option)
{
	codec->callbacks->send((const guint8[]){ IAC, verb, option }, 3, codec->user);
}

void rfc2217_offer(Rfc2217 *codec)
{
	static const guint8 server[] = { SGA, ECHO_OPTION, BINARY }, client[] = { SGA, BINARY, COM_PORT };
	const guint8 *ours = codec->callbacks->answer ? client : server, *theirs = client;
	guint count = codec->callbacks->answer ? 2 : 3; /* a client asks for no COM-PORT of the server's own */

	for (guint i = 0; i < G_N_ELEMENTS(server); i++) {
		codec->ours[ours[i]] = ASKED;
		say(codec, WILL, ours[i]);
	}
	for (guint i = 0; i < count; i++) {
		codec->theirs[theirs[i]] = ASKED;
		say(codec, DO, theirs[i]);
	}
}

gboolean rfc2217_is_agreed(const Rfc2217 *codec)
{
	return codec->agreed;
}

/* --- options --- */

static void agree(Rfc2217 *codec)
{
	if (codec->agreed)
		return;
	codec->agreed = TRUE;
	codec->callbacks->agreed(codec->user);
}

/* They want us to (DO), or not to (DONT). */
static void take_do(Rfc2217 *codec, guint8 option, gboolean on)
{
	gboolean known = option == BINARY || option == SGA || option == COM_PORT ||
			 (option == ECHO_OPTION && !codec->callbacks->answer);
	guint8 before;

	if (!known) {
		if (on)
			say(codec, WONT, option);
		return;
	}
	before = codec->ours[option];
	codec->ours[option] = on ? ON : OFF;
	if (on ? before == OFF : before == ON)
		say(codec, on ? WILL : WONT, option);
	if (on && option == COM_PORT)
		agree(codec);
}

static void take_will(Rfc2217 *codec, guint8 option, gboolean on)
{
	gboolean known = option == BINARY || option == SGA || option == COM_PORT ||
			 (option == ECHO_OPTION && codec->callbacks->answer);
	guint8 before;

	if (!known) {
		if (on)
			say(codec, DONT, option);
		return;
	}
	before = codec->theirs[option];
	codec->theirs[option] = on ? ON : OFF;
	if (on ? before == OFF : before == ON)
		say(codec, on ? DO : DONT, option);
	if (on && option == COM_PORT)
		agree(codec);
}

/* --- commands --- */

static void put(guint8 *answer, gsize *size, guint8 byte)
{
	answer[(*size)++] = byte;
	if (byte == IAC)
		answer[(*size)++] = IAC;
}

static void send_sub(Rfc2217 *codec, guint8 command, const guint8 *value, gsize value_size)
{
	guint8 answer[2 * SUB_LIMIT + 8] = { IAC, SB, COM_PORT, command };
	gsize size = 4;

	g_assert(value_size <= SUB_LIMIT);
	for (gsize i = 0; i < value_size; i++)
		put(answer, &size, value[i]);
	answer[size++] = IAC;
	answer[size++] = SE;
	codec->callbacks->send(answer, size, codec->user);
}

static void answer_sub(Rfc2217 *codec, guint8 command, const guint8 *value, gsize value_size)
{
	send_sub(codec, command + SERVER_TO_CLIENT, value, value_size);
}

static guint32 number_of(const guint8 *value)
{
	return (guint32)value[0] << 24 | (guint32)value[1] << 16 | (guint32)value[2] << 8 | value[3];
}

static void send_number(Rfc2217 *codec, guint8 command, guint32 number)
{
	send_sub(codec, command,
		 (const guint8[]){ (guint8)(number >> 24), (guint8)(number >> 16), (guint8)(number >> 8),
				   (guint8)number },
		 4);
}

gboolean rfc2217_ask(Rfc2217 *codec, guint8 command, guint32 value)
{
	if (!codec->agreed)
		return FALSE;
	if (command == RFC2217_BAUD)
		send_number(codec, command, value);
	else
		send_sub(codec, command, (const guint8[]){ (guint8)value }, 1);
	return TRUE;
}

/* Of the server: its commands have the client's numbers and a hundred. */
static void take_answer(Rfc2217 *codec, guint8 command, const guint8 *value, gsize size)
{
	gboolean wide = command == RFC2217_BAUD;

	if (command >= RFC2217_BAUD && command <= RFC2217_PURGE && size >= (wide ? 4 : 1))
		codec->callbacks->answer(command, wide ? number_of(value) : value[0], codec->user);
}

static void take_signature(Rfc2217 *codec, gsize size)
{
	if (!size)
		answer_sub(codec, RFC2217_SIGNATURE, (const guint8 *)codec->signature,
			   MIN(strlen(codec->signature), SUB_LIMIT));
}

static void take_sub(Rfc2217 *codec)
{
	const guint8 *value = codec->sub + 2;
	gsize size = codec->sub_size - 2;
	guint8 command;
	guint32 number;

	if (codec->sub_size < 2 || codec->sub_size > SUB_LIMIT || codec->sub[0] != COM_PORT)
		return;
	agree(codec); /* some do not ask first */
	command = codec->sub[1];
	if (codec->callbacks->answer) {
		take_answer(codec, (guint8)(command - SERVER_TO_CLIENT), value, size);
	} else if (command == RFC2217_SIGNATURE) {
		take_signature(codec, size);
	} else if (command == RFC2217_BAUD && size >= 4) {
		number = codec->callbacks->command(command, number_of(value), codec->user);
		send_number(codec, command + SERVER_TO_CLIENT, number);
	} else if (command == RFC2217_SUSPEND || command == RFC2217_RESUME) {
		codec->callbacks->command(command, 0, codec->user);
	} else if (command <= RFC2217_PURGE && command != RFC2217_BAUD && size >= 1) {
		number = codec->callbacks->command(command, value[0], codec->user);
		answer_sub(codec, command, (const guint8[]){ (guint8)number }, 1);
	}
}

void rfc2217_notify(Rfc2217 *codec, guint8 command, guint8 value)
{
	if (codec->agreed)
		answer_sub(codec, command, &value, 1);
}

/* --- what comes in --- */

/* Data up to the next IAC. CR NUL is CR, unless they send binary. */
static gsize take_data(Rfc2217 *codec, const guint8 *data, gsize size)
{
	const guint8 *iac = memchr(data, IAC, size);
	gsize run = iac ? (gsize)(iac - data) : size, used = run;

	if (iac) {
		codec->state = AFTER_IAC;
		used++;
	}
	if (codec->theirs[BINARY] == ON) {
		codec->after_cr = FALSE;
		if (run)
			codec->callbacks->data(data, run, codec->user);
		return used;
	}
	while (run) {
		const guint8 *cr;
		gsize part;

		if (codec->after_cr && *data == 0) {
			data++;
			run--;
		}
		codec->after_cr = FALSE;
		if (!run)
			break;
		cr = memchr(data, '\r', run);
		part = cr ? (gsize)(cr - data) + 1 : run;
		codec->after_cr = cr != NULL;
		codec->callbacks->data(data, part, codec->user);
		data += part;
		run -= part;
	}
	return used;
}

static void take_command(Rfc2217 *codec, guint8 byte)
{
	codec->state = IN_DATA;
	switch (byte) {
	case IAC:
		codec->after_cr = FALSE;
		codec->callbacks->data(&byte, 1, codec->user);
		break;
	case SB:
		codec->state = IN_SUB;
		codec->sub_size = 0;
		break;
	case WILL:
	case WONT:
	case DO:
	case DONT:
		codec->state = (guint8)(AFTER_WILL + byte - WILL);
		break;
	case BRK:
		if (codec->callbacks->brk)
			codec->callbacks->brk(codec->user);
		break;
	default: /* NOP, GA, AYT, ...: a serial line has no use for them */
		break;
	}
}

static void step(Rfc2217 *codec, guint8 byte)
{
	ParserState state = codec->state;

	switch (state) {
	case AFTER_IAC:
		take_command(codec, byte);
		return;
	case IN_SUB:
		if (byte == IAC)
			codec->state = IAC_IN_SUB;
		else if (codec->sub_size++ < SUB_LIMIT)
			codec->sub[codec->sub_size - 1] = byte;
		return;
	case IAC_IN_SUB:
		codec->state = byte == IAC ? IN_SUB : IN_DATA;
		if (byte == IAC && codec->sub_size++ < SUB_LIMIT)
			codec->sub[codec->sub_size - 1] = byte;
		else if (byte == SE)
			take_sub(codec);
		else if (byte != IAC)
			take_command(codec, byte); /* the end was forgotten */
		return;
	default:
		codec->state = IN_DATA;
		if (state == AFTER_DO || state == AFTER_DONT)
			take_do(codec, byte, state == AFTER_DO);
		else
			take_will(codec, byte, state == AFTER_WILL);
	}
}

void rfc2217_receive(Rfc2217 *codec, const guint8 *data, gsize size)
{
	while (size) {
		gsize used = 1;

		if (codec->state == IN_DATA)
			used = take_data(codec, data, size);
		else
			step(codec, *data);
		data += used;
		size -= used;
	}
}

/* --- what goes out --- */

void rfc2217_send(Rfc2217 *codec, const guint8 *data, gsize size)
{
	gboolean binary = codec->ours[BINARY] == ON;

	while (size) {
		gsize run = 0;

		while (run < size && data[run] != IAC && (binary || data[run] != '\r'))
			run++;
		run += run < size;
		codec->callbacks->send(data, run, codec->user);
		if (data[run - 1] == IAC)
			codec->callbacks->send((const guint8[]){ IAC }, 1, codec->user);
		else if (!binary && data[run - 1] == '\r' && (run == size || data[run] != '\n'))
			codec->callbacks->send((const guint8[]){ 0 }, 1, codec->user);
		data += run;
		size -= run;
	}
}
