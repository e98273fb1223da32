// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Snapshot: everything that evaluation consumes
 *
 * `klpctl capture` writes one, `klpctl evaluate` replays it: a bug report is a fixture.
 */

#include "core/catalogue.h"
#include "core/node.h"

struct snapshot {
	struct arena *arena; /* owns everything below */
	int64_t captured;
	struct node node;
	struct catalogue catalogue;
	struct findings findings; /* what probing and reading met */
};

struct snapshot *snapshot_new(void);
void snapshot_free(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot *, snapshot_free);
