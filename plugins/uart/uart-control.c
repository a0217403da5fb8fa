/* SPDX-License-Identifier: MIT */
/* uart-control.c - commands of RFC 2217: their numbers to settings and back. */
#include "uart-control.h"
#include "rfc2217.h"

enum { FLOW_ASK, FLOW_NONE, FLOW_XON_XOFF, FLOW_RTS_CTS, BREAK_ASK, BREAK_ON, BREAK_OFF, DTR_ASK, DTR_ON, DTR_OFF, RTS_ASK,
       RTS_ON, RTS_OFF, IN_FLOW_ASK, IN_FLOW_NONE, IN_FLOW_XON_XOFF, IN_FLOW_RTS_CTS, FLOW_DCD, IN_FLOW_DTR, FLOW_DSR };

/* What it is then: the new settings if the line took them. */
static void change(Uart *uart, const UartSettings *settings, gboolean allowed)
{
	if (allowed)
		uart_set(uart, settings, NULL);
}

static guint32 flow_value(const Uart *uart, gboolean in)
{
	switch (uart->settings.flow) {
	case UART_FLOW_XON_XOFF:
		return in ? IN_FLOW_XON_XOFF : FLOW_XON_XOFF;
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

static guint32 control(Uart *uart, guint32 value, gboolean allowed)
{
	switch (value) {
	case FLOW_ASK:
	case IN_FLOW_ASK:
		return flow_value(uart, value == IN_FLOW_ASK);
	case FLOW_NONE:
		set_flow(uart, UART_FLOW_NONE, allowed);
		break;
	case FLOW_XON_XOFF:
		set_flow(uart, UART_FLOW_XON_XOFF, allowed);
		break;
	case FLOW_RTS_CTS:
		set_flow(uart, UART_FLOW_RTS_CTS, allowed);
		break;
	case BREAK_ASK:
		return uart->breaking ? BREAK_ON : BREAK_OFF;
	case BREAK_ON:
	case BREAK_OFF:
		if (allowed && uart->line.fd >= 0)
			uart_line_break(&uart->line, value == BREAK_ON);
		if (allowed)
			uart->breaking = value == BREAK_ON;
		break;
	case DTR_ASK:
		return uart->settings.dtr == UART_OFF ? DTR_OFF : DTR_ON;
	case DTR_ON:
	case DTR_OFF:
		switch_line(uart, UART_DTR, value == DTR_ON, allowed);
		break;
	case RTS_ASK:
		return uart->settings.rts == UART_OFF ? RTS_OFF : RTS_ON;
	case RTS_ON:
	case RTS_OFF:
		switch_line(uart, UART_RTS, value == RTS_ON, allowed);
		break;
	default: /* flow of one direction, which ttys do not have */
		break;
	}
	return value;
}

static guint32 set_number(Uart *uart, guint8 command, guint32 value, gboolean allowed)
{
	UartSettings settings = uart->settings;

	if (command == RFC2217_BAUD && value >= 50 && value <= 20000000)
		settings.baud = value;
	else if (command == RFC2217_BITS && value >= 5 && value <= 8)
		settings.bits = value;
	else if (command == RFC2217_PARITY && value >= 1 && value <= 5)
		settings.parity = (UartParity)(value - 1);
	else if (command == RFC2217_STOP && value >= 1 && value <= 2)
		settings.stop = value;
	if (settings.baud != uart->settings.baud || settings.bits != uart->settings.bits ||
	    settings.parity != uart->settings.parity || settings.stop != uart->settings.stop)
		change(uart, &settings, allowed);
	return command == RFC2217_BAUD	 ? uart->settings.baud :
	       command == RFC2217_BITS	 ? uart->settings.bits :
	       command == RFC2217_PARITY ? (guint32)uart->settings.parity + 1 :
					   uart->settings.stop;
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
