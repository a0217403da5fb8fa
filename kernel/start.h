/* SPDX-License-Identifier: MIT */
/* start.h - what main.c asks of the kernel beside kernel.h. */
#pragma once
#include <backplane/kernel.h>

/* The program begins anew, with the same arguments, when the loop has ended. */
gboolean kernel_wants_restart(void);
