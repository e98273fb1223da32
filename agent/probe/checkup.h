// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the checklist (core/doctor.h) asks of the machine below its root
 */

#include "core/doctor.h"
#include "core/platform.h"

/*
 * Fills in what is read from files: modules, ftrace, tracing, leftovers, timers, the SSM agent. The
 * rest of @d stays as it is. @node: as probe_node() left it; @platform may be NULL.
 */
void checkup_read(int root, const struct node *node, const struct platform *platform,
		  struct arena *arena, struct diagnosis *d);
