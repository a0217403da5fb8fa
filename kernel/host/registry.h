/* SPDX-License-Identifier: MIT */
/* registry.h - what the host itself asks of the registry. */
#pragma once
#include <backplane/registry.h>
#include "bus/owner.h"

void registry_stop(void);
