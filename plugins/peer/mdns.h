/* SPDX-License-Identifier: MIT */
/* mdns.h - what discovery asks of multicast DNS; all of it does nothing where no avahi runs. */
#pragma once
#include "discovery-codec.h"
#include "endpoint.h"

void mdns_start(BpPlugin *self);
void mdns_stop(void);
void mdns_add_server(EndpointServer *server);
void mdns_remove_server(EndpointServer *server);

/* --- discovery.c, for what came by mDNS --- */
void discovery_heard(DiscoveryNode *said, const BpAddress *from);
void discovery_gone(const char *id);
