/* SPDX-License-Identifier: MIT */
/* resources.h - the kernel's own resources, independent of the protocol. */
#pragma once
#include <backplane/resource.h>
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/net.h>

extern const BpResource host_resource, servers_resource, contexts_resource, settings_resource, channels_resource,
	modules_resource, instances_resource, plugins_resource, sessions_resource, commands_resource, problems_resource;

/* The glob `query` (may be NULL) takes the id. */
gboolean resource_matches(const char *query, const char *id);
