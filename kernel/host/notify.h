/* SPDX-License-Identifier: MIT */
/* notify.h - telling systemd how we are (sd_notify(3)'s protocol: one datagram to $NOTIFY_SOCKET); see bp_kernel_notify too. */
#pragma once

/* Tells the service manager's watchdog, where it asks for it (WatchdogSec=), that the main loop turns: by a timer on it,
 * twice as often as is needed. */
void notify_watchdog(void);
