/* SPDX-License-Identifier: MIT */
/* backplane.h - everything a plugin author needs; kernel.h is for programs that carry a kernel. */
#pragma once
#include <backplane/types.h>
#include <backplane/bytes.h>
#include <backplane/message.h>
#include <backplane/channel.h>
#include <backplane/loop.h>
#include <backplane/param.h>
#include <backplane/context.h>
#include <backplane/registry.h>
#include <backplane/plugin.h>
#include <backplane/module.h>
#include <backplane/command.h>
#include <backplane/handler.h>
#include <backplane/session.h>
#include <backplane/address.h>
#include <backplane/stream.h>
#include <backplane/server.h>
#include <backplane/datagram.h>
#include <backplane/telnet.h>
#include <backplane/serve.h>
#include <backplane/framing.h>
