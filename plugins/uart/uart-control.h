/* SPDX-License-Identifier: MIT */
/* uart-control.h - what a command of RFC 2217 does to a UART. */
#pragma once
#include "uart.h"

/* The value to be acknowledged. Not `allowed`: nothing changes. */
guint32 uart_control(Uart *uart, guint8 command, guint32 value, gboolean allowed);
