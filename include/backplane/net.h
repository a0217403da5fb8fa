/* SPDX-License-Identifier: MIT */
/* net.h - the library net: addresses, streams, servers, datagrams, bytes and lines. Link with backplane-net. */
#pragma once
#include <backplane/access.h>
#include <backplane/address.h>
#include <backplane/backoff.h>
#include <backplane/bytes.h>
#include <backplane/networks.h>
#include <backplane/datagram.h>
#include <backplane/listener.h>
#include <backplane/server.h>
#include <backplane/stream.h>
