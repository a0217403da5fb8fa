/* SPDX-License-Identifier: MIT */
/* bad-name.c - a name that is none. */
#include <backplane/backplane.h>

BP_PLUGIN(.name = "Bad Name", .version = "1.0");
