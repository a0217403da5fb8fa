/* SPDX-License-Identifier: MIT */
/* bad-abi.c - built for a Backplane that does not exist. */
#include <backplane/backplane.h>

BP_API extern const BpPluginInfo bp_plugin_info;
const BpPluginInfo bp_plugin_info = {
	.size = sizeof(BpPluginInfo), .abi = BP_ABI + 1, .name = "bad-abi", .version = "1.0"
};
