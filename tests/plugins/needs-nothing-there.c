/* SPDX-License-Identifier: MIT */
/* needs-nothing-there.c - needs one that does not exist. */
#include <backplane/backplane.h>

BP_PLUGIN(.name = "needs-nothing-there", .version = "1.0", .needs = "no-such-plugin");
