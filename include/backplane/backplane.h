/* SPDX-License-Identifier: MIT */
/* backplane.h - the kernel's interface for plugin authors. Each library has a header of its own: net.h, sessions.h, http.h, json.h,
 * config.h, file.h with writer.h, process.h, store.h. kernel.h is for programs that embed a kernel; host.h, input.h and owner.h are for
 * libraries and for plugins that show or control the host.
 */
#pragma once
#include <backplane/types.h>
#include <backplane/message.h>
#include <backplane/channel.h>
#include <backplane/loop.h>
#include <backplane/file.h>
#include <backplane/param.h>
#include <backplane/context.h>
#include <backplane/registry.h>
#include <backplane/plugin.h>
#include <backplane/scope.h>
#include <backplane/module.h>
#include <backplane/metric.h>
#include <backplane/command.h>
#include <backplane/handler.h>
#include <backplane/session.h>
#include <backplane/text.h>
#include <backplane/framing.h>
