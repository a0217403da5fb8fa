/* SPDX-License-Identifier: MIT */
/* needs-too.c - needs what needs it, and itself. */
#include <backplane/backplane.h>

BP_PLUGIN(.name = "needs-too", .version = "1.0", .needs = "needs-source needs-too");
