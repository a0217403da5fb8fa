/* SPDX-License-Identifier: MIT */
/* uart-control.c - commands of RFC 2217: their numbers to settings and back. */
#include "uart-control.h"
#include "rfc2217.h"

enum {
	FLOW_ASK,
	FLOW_NONE,
	FLOW_XON_XOFF,
	FLOW_RTS_CTS,
	BREAK_ASK,
	BREAK_ON,
	BREAK_OFF,
	DTR_ASK,
	DTR_ON,
	DTR_OFF,
	RTS_ASK,
	RTS_ON,
	RTS_OFF,
	IN_FLOW_ASK,
	IN_FLOW_NONE,
	IN_FLOW_XON_XOFF,
	IN_FLOW_RTS_CTS,
	FLOW_DCD,
	IN_FLOW_DTR,
	FLOW_DSR
};
enum { STOP_ONE_AND_HALF = 3 };

/* What it is then: the new settings if the line took them. */
static void change(Uart *uart, const UartSettings *settings, gboolean allowed)
{
	g_autoptr(GError) error = NULL;

	if (allowed && !uart_set(uart, settings, &error))
		bp_channel_printf(uart->events, "%s stays as it is, a client asked for something else: %s", uart->path,
				  error->message);
}

static guint32 flow_value(const Uart *uart, gboolean in)
{
	switch (uart->settings.flow) {
	case UART_FLOW_XON_XOFF:
		return in ? IN_FLOW_XON_XOFF : FLOW_XON_XOFF;
	case UART_FLOW_XON_IN:
		return in ? IN_FLOW_XON_XOFF : FLOW_NONE;
	case UART_FLOW_XON_OUT:
		return in ? IN_FLOW_NONE : FLOW_XON_XOFF;
	case UART_FLOW_RTS_CTS:
		return in ? IN_FLOW_RTS_CTS : FLOW_RTS_CTS;
	case UART_FLOW_DTR_DSR:
		return in ? IN_FLOW_DTR : FLOW_DSR;
	default:
		return in ? IN_FLOW_NONE : FLOW_NONE;
	}
}

static void switch_line(Uart *uart, guint line, gboolean on, gboolean allowed)
{
	if (!allowed)
		return;
	uart_keep_lines(uart);
	*(line == UART_DTR ? &uart->settings.dtr : &uart->settings.rts) = on ? UART_ON : UART_OFF;
	if (uart->line.fd >= 0)
		uart_line_switch(&uart->line, line, on);
}

static void set_flow(Uart *uart, UartFlow flow, gboolean allowed)
{
	UartSettings settings = uart->settings;

	if (settings.flow == flow)
		return;
	settings.flow = flow;
	change(uart, &settings, allowed);
}

/* XON and XOFF have directions of their own; RTS and CTS go together, and are answered with what stays. */
static guint32 set_flow_in(Uart *uart, guint32 value, gboolean allowed)
{
	UartFlow flow = uart->settings.flow;
	gboolean out = flow == UART_FLOW_XON_XOFF || flow == UART_FLOW_XON_OUT;

	if (flow != UART_FLOW_RTS_CTS && flow != UART_FLOW_DTR_DSR && value == IN_FLOW_XON_XOFF)
		set_flow(uart, out ? UART_FLOW_XON_XOFF : UART_FLOW_XON_IN, allowed);
	else if (flow != UART_FLOW_RTS_CTS && flow != UART_FLOW_DTR_DSR && value == IN_FLOW_NONE)
		set_flow(uart, out ? UART_FLOW_XON_OUT : UART_FLOW_NONE, allowed);
	return flow_value(uart, TRUE);
}

static guint32 control(Uart *uart, guint32 value, gboolean allowed)
{
	switch (value) {
	case FLOW_ASK:
	case IN_FLOW_ASK:
		return flow_value(uart, value == IN_FLOW_ASK);
	case FLOW_NONE:
	case FLOW_XON_XOFF:
	case FLOW_RTS_CTS:
		set_flow(uart,
			 value == FLOW_NONE	  ? UART_FLOW_NONE
			 : value == FLOW_XON_XOFF ? UART_FLOW_XON_XOFF
						  : UART_FLOW_RTS_CTS,
			 allowed);
		return flow_value(uart, FALSE);
	case BREAK_ASK:
		return uart->breaking ? BREAK_ON : BREAK_OFF;
	case BREAK_ON:
	case BREAK_OFF:
		if (allowed)
			uart_break_hold(uart, value == BREAK_ON);
		return allowed ? value : uart->breaking ? BREAK_ON : BREAK_OFF;
	case DTR_ASK:
		return uart->settings.dtr == UART_OFF ? DTR_OFF : DTR_ON;
	case DTR_ON:
	case DTR_OFF:
		switch_line(uart, UART_DTR, value == DTR_ON, allowed);
		return uart->settings.dtr == UART_OFF ? DTR_OFF : DTR_ON;
	case RTS_ASK:
		return uart->settings.rts == UART_OFF ? RTS_OFF : RTS_ON;
	case RTS_ON:
	case RTS_OFF:
		switch_line(uart, UART_RTS, value == RTS_ON, allowed);
		return uart->settings.rts == UART_OFF ? RTS_OFF : RTS_ON;
	case IN_FLOW_NONE:
	case IN_FLOW_XON_XOFF:
	case IN_FLOW_RTS_CTS:
	case IN_FLOW_DTR:
		return set_flow_in(uart, value, allowed);
	case FLOW_DCD:
	case FLOW_DSR:
		return flow_value(uart, FALSE);
	default:
		break;
	}
	return value;
}

/* Two stop bits are one and a half with five data bits, in every UART since the 8250. */
static guint32 stop_value(const UartSettings *settings, guint32 asked)
{
	return settings->stop == 2 && settings->bits == 5 && asked != 2 ? STOP_ONE_AND_HALF : settings->stop;
}

static guint32 set_number(Uart *uart, guint8 command, guint32 value, gboolean allowed)
{
	UartSettings settings = uart->settings;
	guint rate;

	if (command == RFC2217_BAUD && value >= 50 && value <= 20000000)
		settings.baud = value;
	else if (command == RFC2217_BITS && value >= 5 && value <= 8)
		settings.bits = value;
	else if (command == RFC2217_PARITY && value >= 1 && value <= 5)
		settings.parity = (UartParity)(value - 1);
	else if (command == RFC2217_STOP && value >= 1 && value <= 2)
		settings.stop = value;
	else if (command == RFC2217_STOP && value == STOP_ONE_AND_HALF && settings.bits == 5)
		settings.stop = 2;
	if (settings.baud != uart->settings.baud || settings.bits != uart->settings.bits ||
	    settings.parity != uart->settings.parity || settings.stop != uart->settings.stop)
		change(uart, &settings, allowed);
	rate = uart->line.fd >= 0 ? uart_line_other_rate(&uart->line, &uart->settings) : 0;
	return command == RFC2217_BAUD	   ? (rate ? rate : uart->settings.baud)
	       : command == RFC2217_BITS   ? uart->settings.bits
	       : command == RFC2217_PARITY ? (guint32)uart->settings.parity + 1
					   : stop_value(&uart->settings, value);
}

guint32 uart_control(Uart *uart, guint8 command, guint32 value, gboolean allowed)
{
	switch (command) {
	case RFC2217_BAUD:
	case RFC2217_BITS:
	case RFC2217_PARITY:
	case RFC2217_STOP:
		return set_number(uart, command, value, allowed);
	case RFC2217_CONTROL:
		return control(uart, value, allowed);
	case RFC2217_PURGE:
		if (allowed) {
			uart_line_purge(&uart->line, value & 1, value & 2);
			if (value & 2)
				uart_queue_clear(uart);
			uart_queue_pump(uart);
		}
		return value;
	default:
		return value;
	}
}
