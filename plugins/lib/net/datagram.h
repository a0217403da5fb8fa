/* SPDX-License-Identifier: MIT */
/* datagram.h - what multicast.c needs of a datagram socket. */
#pragma once
#include <backplane/datagram.h>

int datagram_fd(const BpDatagram *datagram); /* -1: closed */
