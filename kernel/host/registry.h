/* SPDX-License-Identifier: MIT */
/* registry.h - what the host itself asks of the registry. */
#pragma once
#include <backplane/registry.h>
#include "bus/owner.h"

/* Who registered the object at `path`; NULL if there is none. */
BpPlugin *registry_owner(const char *path);
/* Objects below `prefix`, in order of registration; free the array. */
GPtrArray *registry_objects(const char *prefix);
void registry_stop(void);
