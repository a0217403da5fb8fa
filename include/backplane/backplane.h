/* SPDX-License-Identifier: MIT */
/* backplane.h - the kernel's part of what a plugin author needs. Each library has a header of its own: net.h, sessions.h, http.h,
 * json.h, config.h; kernel.h is for programs that carry a kernel, host.h and owner.h for what shows or extends the host.
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
