/* SPDX-License-Identifier: MIT */
/* needs-source.c - has no use without leaves-source, nor without needs-too, which has none without this one. */
#include <backplane/backplane.h>

BP_PLUGIN(.name = "needs-source", .version = "1.0", .needs = "leaves-source  needs-too");
