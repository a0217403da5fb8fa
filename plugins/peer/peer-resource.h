/* SPDX-License-Identifier: MIT */
/* peer-resource.h - what this plugin offers to programs and pages. */
#pragma once
#include <backplane/plugin.h>

gboolean peer_resources_add(BpPlugin *self, GError **error);
